//! What deliveries are made of: certificates, keys and a scheme, from files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use countersign::tls::Tls;
use countersign::trust::VerifyPeer;
use rustls::ClientConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::Given;
use super::attacks::Who;
use super::signers::Signers;
use crate::Mistake;
use crate::asked::at;
use crate::lines::unreadable;
use crate::peer::chain;
use crate::player::{AnyError, client};
use crate::trusted::of_servers;

pub(crate) struct Files {
    tls: Tls,
    trust: Arc<dyn VerifyPeer>,
    pub(crate) signers: Signers,
    /// What is sent, where it is not a body of the doctor's own.
    pub(crate) body: Option<Vec<u8>>,
    shown: Vec<(Who, Pem)>,
    is_https: bool,
    pub(crate) limit: usize,
}

/// A chain and its key, to be copied for each connection.
struct Pem {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Files {
    pub(crate) fn read(given: &Given, url: &str, is_https: bool) -> Result<Self, Mistake> {
        let tls = Tls::new(rustls::crypto::aws_lc_rs::default_provider().into());
        let shown = shown(given)?;
        if !is_https && !shown.is_empty() {
            return Err("certificates are shown over https:// only; write that, or leave them out".into());
        }
        let body = given.body.as_ref();
        let read = |file: &PathBuf| std::fs::read(file).map_err(unreadable("--body", file));
        let limit = given.limit.as_deref().unwrap_or("2097152");
        Ok(Self {
            signers: Signers::read(given, url)?,
            body: body.map(read).transpose()?,
            limit: limit
                .parse()
                .ok()
                .filter(|limit| *limit <= 64 << 20)
                .ok_or_else(|| format!("--limit {limit:?} is no number of bytes up to 64 MiB"))?,
            trust: of_servers(&tls, &given.authorities, at(None))?,
            is_https,
            tls,
            shown,
        })
    }

    pub(crate) fn has(&self, who: Who) -> bool {
        self.shown.iter().any(|(known, _)| *known == who)
    }

    /// The certificate that we show, for those who forge it.
    pub(crate) fn certificate(&self) -> Option<&CertificateDer<'static>> {
        let (_, pem) = self.shown.iter().find(|(who, _)| *who == Who::Ours)?;
        pem.chain.first()
    }

    /// `None`, where nothing is encrypted.
    pub(crate) fn client(&self, who: Who) -> Result<Option<ClientConfig>, AnyError> {
        if !self.is_https {
            return Ok(None);
        }
        let pem = self.shown.iter().find(|(known, _)| *known == who);
        let pair = pem.map(|(_, pem)| (pem.chain.clone(), pem.key.clone_key()));
        client(&self.tls, self.trust.clone(), pair).map(Some)
    }
}

/// Each certificate that was given, with its key.
fn shown(given: &Given) -> Result<Vec<(Who, Pem)>, Mistake> {
    let pairs = [
        (Who::Ours, "--cert", &given.cert, &given.key),
        (Who::Other, "--other-cert", &given.other_cert, &given.other_key),
        (
            Who::Expired,
            "--expired-cert",
            &given.expired_cert,
            &given.expired_key,
        ),
    ];
    let mut shown = Vec::new();
    for (who, option, cert, key) in pairs {
        match (cert, key) {
            (Some(cert), Some(key)) => shown.push((who, Pem::read(option, cert, key)?)),
            (None, None) => {}
            _ => {
                return Err(format!(
                    "{option} and its key belong together; give both or neither"
                ));
            }
        }
    }
    Ok(shown)
}

impl Pem {
    fn read(option: &str, cert: &PathBuf, key: &Path) -> Result<Self, Mistake> {
        let secret = std::fs::read(key).map_err(unreadable(option, key))?;
        let wrong = |_| {
            format!(
                "{option}: {} holds no private key in PEM that can be read",
                key.display()
            )
        };
        Ok(Self {
            chain: chain(option, cert)?,
            key: PrivateKeyDer::from_pem_slice(&secret).map_err(wrong)?,
        })
    }
}
