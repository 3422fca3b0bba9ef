//! Our own certificate, as the server has to judge it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::explain::{self, Report};
use countersign::identity::PeerChain;
use countersign::tls::{Credentials, Tls};
use countersign::trust::{Check, PrivateCa, Role};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::sign::CertifiedKey;

use crate::Mistake;
use crate::lines::unreadable;
use crate::peer::chain;
use crate::trusted::{self, crls};

pub(crate) struct Own {
    pub(crate) key: Arc<CertifiedKey>,
    /// By the authorities that were given, or else of the certificate alone.
    pub(crate) report: Report,
    /// Whether it is also by authorities.
    pub(crate) by_authorities: bool,
    /// The issuers of all that we send, in DER.
    issuers: Vec<Vec<u8>>,
}

impl Own {
    pub(crate) fn read(
        tls: &Tls,
        cert: &PathBuf,
        key: &Path,
        (authorities, lists): (&[PathBuf], &[PathBuf]),
        now: UnixTime,
    ) -> Result<Self, Mistake> {
        let named = format!("--cert {} --key {}", cert.display(), key.display());
        let told = |error: &dyn std::fmt::Display| format!("{named}: {error}");
        Credentials::from_pem_files(tls.provider(), cert, key).map_err(|invalid| told(&invalid))?;
        let chain = chain("--cert", cert)?;
        let secret = std::fs::read(key).map_err(unreadable("--key", key))?;
        let secret = PrivateKeyDer::from_pem_slice(&secret).map_err(|_| told(&"the key cannot be read"))?;
        let trust = match authorities {
            [] if lists.is_empty() => itself(tls, &chain)?,
            [] => {
                return Err("--client-crl says who is revoked by an authority; give --client-ca too".into());
            }
            files => trusted::authorities(tls, "--client-ca", files, crls("--client-crl", lists, now)?, now)?,
        };
        let report = explain::peer(&trust, chain.iter().cloned(), Role::Client, now);
        let certified = CertifiedKey::from_der(chain.clone(), secret, tls.provider());
        Ok(Self {
            key: Arc::new(certified.map_err(|error| told(&error))?),
            report,
            by_authorities: !authorities.is_empty(),
            issuers: issuers(&chain),
        })
    }

    /// Whether one of these authorities, in DER, has issued anything that we send.
    pub(crate) fn is_of_one_of(&self, authorities: &[Vec<u8>]) -> bool {
        self.issuers.iter().any(|issuer| authorities.contains(issuer))
    }

    /// The code of what is wrong with it by this check, and what was seen.
    pub(crate) fn failed(&self, check: Check) -> Option<(&'static str, &str)> {
        let finding = self.report.failures().find(|finding| finding.check == check)?;
        Some((finding.reason.as_ref()?.code(), &finding.seen))
    }

    pub(crate) fn issuer(&self) -> Option<&Vec<u8>> {
        self.issuers.last()
    }
}

fn issuers(chain: &[CertificateDer<'static>]) -> Vec<Vec<u8>> {
    let issuer = |der: &CertificateDer<'static>| {
        let alone = PeerChain::parse([der.clone()]).ok()?;
        Some(alone.leaf().issuer().to_vec())
    };
    chain.iter().filter_map(issuer).collect()
}

/// Trusts the leaf as it is, so that what is left is what it says of itself.
fn itself(tls: &Tls, chain: &[CertificateDer<'static>]) -> Result<PrivateCa, Mistake> {
    let read = PeerChain::parse(chain.iter().cloned()).map_err(|malformed| format!("--cert: {malformed}"))?;
    let body = STANDARD.encode(read.leaf().der());
    let pem = format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n");
    let builder = PrivateCa::builder(tls.algorithms()).leaf_pem(pem.as_bytes());
    // As of a time when it is valid: whether that is now, is a check of its own.
    let built = builder.build(read.leaf().validity().not_before);
    built.map_err(|invalid| format!("--cert: {invalid}"))
}
