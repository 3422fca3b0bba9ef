//! What deliveries are made of: certificates, keys and a scheme, from files.

use std::path::{Path, PathBuf};
use std::time::Duration;

use countersign::payload::{HmacSigner, Keyring, Outgoing, Scheme, Secret, SignPayload as _};
use countersign::tenant::TenantId;
use countersign::tls::Tls;
use countersign::trust::{PrivateCa, VerifyPeer, WebRoots};
use countersign::web::Clock;
use rustls::ClientConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};

use super::Given;
use super::attacks::Who;
use crate::Mistake;
use crate::lines::{read, unreadable};
use crate::peer::chain;
use crate::player::{AnyError, Delivery, client};

pub(crate) struct Files {
    tls: Tls,
    trust: std::sync::Arc<dyn VerifyPeer>,
    scheme: Scheme,
    tenant: TenantId,
    own: Keyring,
    other: Option<Keyring>,
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
    pub(crate) fn read(given: &Given) -> Result<Self, Mistake> {
        let tls = Tls::new(rustls::crypto::aws_lc_rs::default_provider().into());
        let name = given
            .scheme
            .as_deref()
            .ok_or("--scheme NAME is missing: an HMAC preset of docs/presets.md")?;
        let scheme = Scheme::named(name).map_err(|unknown| format!("--scheme {name:?}: {unknown}"))?;
        let tenant = TenantId::parse("ours").map_err(|invalid| invalid.to_string())?;
        let ring = |option: &str, file: &PathBuf| ring(&scheme, &tenant, option, file);
        let key_file = given
            .key_file
            .as_ref()
            .ok_or("--key-file FILE is missing: the secret that signs, alone in a file")?;
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
        let limit = given.limit.as_deref().unwrap_or("2097152");
        Ok(Self {
            own: ring("--key-file", key_file)?,
            other: given
                .other_key_file
                .as_ref()
                .map(|file| ring("--other-key-file", file))
                .transpose()?,
            limit: limit
                .parse()
                .ok()
                .filter(|limit| *limit <= 64 << 20)
                .ok_or_else(|| format!("--limit {limit:?} is no number of bytes up to 64 MiB"))?,
            trust: trust(&tls, &given.authorities)?,
            is_https: given
                .url
                .as_deref()
                .is_some_and(|url| url.starts_with("https://")),
            tls,
            scheme,
            tenant,
            shown,
        })
    }

    pub(crate) fn is_tls(&self, url: &str) -> Result<bool, Mistake> {
        if !self.is_https && !url.starts_with("http://") {
            return Err(format!(
                "{url:?} is no URL; write https://HOST:PORT/PATH, or http://"
            ));
        }
        if !self.is_https && !self.shown.is_empty() {
            return Err("certificates are shown over https:// only; write that, or leave them out".into());
        }
        Ok(self.is_https)
    }

    pub(crate) fn has(&self, who: Who) -> bool {
        self.shown.iter().any(|(known, _)| *known == who)
    }

    pub(crate) fn has_other_key(&self) -> bool {
        self.other.is_some()
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

    /// A delivery that was signed so many seconds ago; of ours, or with the other key.
    pub(crate) fn signed(
        &self,
        by_other: bool,
        id: &str,
        body: &[u8],
        age: i64,
    ) -> Result<Delivery, Mistake> {
        let now = Clock::default().now().as_secs().saturating_add_signed(-age);
        let now = UnixTime::since_unix_epoch(Duration::from_secs(now));
        let ring = if by_other {
            self.other.as_ref().unwrap_or(&self.own)
        } else {
            &self.own
        };
        let signer = HmacSigner::new(self.scheme.clone(), ring.clone());
        let headers = signer.sign_payload(&Outgoing::new(&self.tenant, id, body, now));
        Ok(Delivery {
            headers: headers.map_err(|error| format!("--scheme: {error}"))?,
            body: body.to_vec().into(),
        })
    }
}

fn ring(scheme: &Scheme, tenant: &TenantId, option: &str, file: &Path) -> Result<Keyring, Mistake> {
    let text = read(option, file)?;
    let secret = Secret::new(text.trim());
    let ring = Keyring::builder(scheme)
        .key(tenant.clone(), "given", secret)
        .build();
    ring.map_err(|invalid| format!("{option} {}: {}", file.display(), invalid.problem))
}

fn trust(tls: &Tls, authorities: &[PathBuf]) -> Result<std::sync::Arc<dyn VerifyPeer>, Mistake> {
    if authorities.is_empty() {
        return Ok(std::sync::Arc::new(WebRoots::new(tls.algorithms())));
    }
    let mut builder = PrivateCa::builder(tls.algorithms());
    for file in authorities {
        builder = builder.pem_file(file);
    }
    let built = builder
        .build(Clock::default().now())
        .map_err(|invalid| format!("--ca: {invalid}"))?;
    Ok(std::sync::Arc::new(built))
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
