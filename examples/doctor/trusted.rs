//! Who is trusted to issue certificates: authorities and their revocation lists, from files.

use std::path::PathBuf;
use std::sync::Arc;

use countersign::tls::Tls;
use countersign::trust::{Crls, PrivateCa, Revocation, VerifyPeer, WebRoots};
use rustls::pki_types::UnixTime;

use crate::Mistake;
use crate::lines::unreadable;
use crate::peer::chain;

/// The authorities of all these files. With lists, a certificate must be on none of its authority's.
pub(crate) fn authorities(
    tls: &Tls,
    option: &str,
    files: &[PathBuf],
    lists: Option<Crls>,
    now: UnixTime,
) -> Result<PrivateCa, Mistake> {
    let mut builder = PrivateCa::builder(tls.algorithms());
    for file in files {
        chain(option, file)?;
        builder = builder.pem_file(file);
    }
    if let Some(lists) = lists {
        builder = builder.with_revocation(Revocation::required(lists));
    }
    builder
        .build(now)
        .map_err(|invalid| format!("{option}: {invalid}"))
}

/// Who may vouch for a server: the authorities of `--ca`, or else those of the web.
pub(crate) fn of_servers(
    tls: &Tls,
    files: &[PathBuf],
    now: UnixTime,
) -> Result<Arc<dyn VerifyPeer>, Mistake> {
    if files.is_empty() {
        return Ok(Arc::new(WebRoots::new(tls.algorithms())));
    }
    let built = authorities(tls, "--ca", files, None, now);
    Ok(Arc::new(built.map_err(|told| {
        format!("{told}; for a server of the public web, leave --ca out")
    })?))
}

/// The revocation lists of all these files; `None`, where there is no file.
pub(crate) fn crls(option: &str, files: &[PathBuf], now: UnixTime) -> Result<Option<Crls>, Mistake> {
    let read = |file: &PathBuf| std::fs::read(file).map_err(unreadable(option, file));
    let texts = files.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    if texts.is_empty() {
        return Ok(None);
    }
    let lists = Crls::from_files(texts.iter().map(Vec::as_slice), now);
    lists.map(Some).map_err(|invalid| format!("{option}: {invalid}"))
}
