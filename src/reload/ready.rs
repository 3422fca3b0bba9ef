//! Sources of what is usual, ready-made.

use std::path::PathBuf;
use std::time::Duration;

use rustls_pki_types::{SignatureVerificationAlgorithm, UnixTime};

use super::{FileSource, Files, NotLoaded, Reading};
#[cfg(feature = "jwt")]
use crate::payload::jose::{Algorithms, JwkSet, JwsVerifier};
use crate::tls::{Credentials, Tls};
use crate::trust::{Crls, PinSet, PrivateCa};

type ProviderAlgorithms = &'static [&'static dyn SignatureVerificationAlgorithm];

impl FileSource<Credentials> {
    /// One's own certificate chain and its key, from two PEM files that are read as a pair: both of one issue, or neither.
    /// What has expired, or is not valid yet, is not taken.
    ///
    /// Whether peers will trust it is worth asking, too: [`checked_by`](Self::checked_by).
    pub fn credentials(tls: &Tls, chain: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        let tls = tls.clone();
        let files = Files::of([chain.into(), key.into()]);
        files.read_by(move |files| {
            let mut named = files.files();
            let (chain, key) = named.next().zip(named.next()).ok_or_else(nothing)?;
            let own = Credentials::from_named_pem(tls.provider(), chain, key)?;
            own.check(files.now())?;
            Ok(own)
        })
    }
}

impl FileSource<PrivateCa> {
    /// The authorities of a PEM file, under the strict profile. What was counted of those that stay goes on.
    ///
    /// With another profile, or with revocation: [`Files::read_by`], and [`PrivateCa::with_history_of`].
    pub fn anchors(file: impl Into<PathBuf>, algorithms: ProviderAlgorithms) -> Self {
        Files::of([file.into()]).read_by(move |files| {
            let read = PrivateCa::from_pem(files.bytes(0), algorithms, files.now());
            let read = read.map_err(|invalid| in_file(files, invalid))?;
            Ok(match files.before() {
                Some(before) => read.with_history_of(before),
                None => read,
            })
        })
    }
}

impl FileSource<PinSet> {
    /// The pins of a text file, one a line ([`PinSet::parse`]); at least one. What was counted of those that stay goes on.
    pub fn pins(file: impl Into<PathBuf>) -> Self {
        Files::of([file.into()]).read_by(|files| {
            let read: Result<PinSet, _> = files.text(0)?.parse();
            let read = read.map_err(|invalid| in_file(files, invalid))?;
            if read.is_empty() {
                return Err(in_file(files, "it holds no pin, so nobody could call").into());
            }
            Ok(match files.before() {
                Some(before) => read.with_history_of(before),
                None => read,
            })
        })
    }
}

impl FileSource<Crls> {
    /// Revocation lists, in PEM or DER. None may be missing, or have a lower number, that was there before
    /// ([`Crls::renewed_by`]); one that runs out stays as it is while others are renewed. They are
    /// looked at anew well before the first is out of date.
    pub fn crls(files: Files) -> Self {
        let source = files.read_by(|files: &Reading<'_, Crls>| {
            let lists = files.files().map(|(_, bytes)| bytes);
            Ok(Crls::kept_in(lists, files.before(), files.now())?)
        });
        source.looking_again(before_next_update)
    }
}

#[cfg(feature = "jwt")]
impl FileSource<JwsVerifier> {
    /// A key set of a file (JWKS), for tokens of the allowed algorithms; at least one of its keys must be of use. What was
    /// counted of those that stay goes on.
    pub fn jwks(
        file: impl Into<PathBuf>,
        allowed: impl Into<Algorithms>,
        algorithms: ProviderAlgorithms,
    ) -> Self {
        let allowed = allowed.into();
        Files::of([file.into()]).read_by(move |files| {
            let set = JwkSet::parse(files.bytes(0)).map_err(|invalid| in_file(files, invalid))?;
            let read = set.verifier(allowed, algorithms);
            if read.is_empty() {
                return Err(in_file(files, "it holds no key that can be used").into());
            }
            Ok(match files.before() {
                Some(before) => read.with_history_of(before),
                None => read,
            })
        })
    }
}

/// Half of the time that is left until the first list is out of date, but not again and again.
pub(super) fn before_next_update(lists: &Crls, now: UnixTime) -> Option<Duration> {
    let left = lists.next_update()?.as_secs().saturating_sub(now.as_secs());
    Some(Duration::from_secs((left / 2).max(60)))
}

fn in_file<T>(files: &Reading<'_, T>, problem: impl ToString) -> NotLoaded {
    let name = files.files().next().map_or("it", |(name, _)| name);
    NotLoaded::invalid(format_args!("{name}: {}", problem.to_string()))
}

fn nothing() -> NotLoaded {
    NotLoaded::invalid("two files are needed")
}
