//! What deliveries are made of: certificates, keys and a scheme, from files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use countersign::payload::{HmacSigner, Keyring, Outgoing, Scheme, SignPayload as _};
use countersign::tenant::TenantId;
use countersign::tls::Tls;
use countersign::trust::VerifyPeer;
use rustls::ClientConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};

use super::Given;
use super::attacks::Who;
use crate::Mistake;
use crate::asked::at;
use crate::lines::unreadable;
use crate::payload::secret;
use crate::peer::chain;
use crate::player::{AnyError, Delivery, client};
use crate::trusted::of_servers;

pub(crate) struct Files {
    tls: Tls,
    trust: Arc<dyn VerifyPeer>,
    scheme: Scheme,
    tenant: TenantId,
    /// What signs for us.
    pub(crate) own: Keyring,
    /// Another tenant's.
    pub(crate) other: Option<Keyring>,
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
    pub(crate) fn read(given: &Given, is_https: bool) -> Result<Self, Mistake> {
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
        if !is_https && !shown.is_empty() {
            return Err("certificates are shown over https:// only; write that, or leave them out".into());
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
            trust: of_servers(&tls, &given.authorities, at(None))?,
            is_https,
            tls,
            scheme,
            tenant,
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

    /// A delivery that was signed then, by one of the keys.
    pub(crate) fn signed(
        &self,
        by: &Keyring,
        id: &str,
        body: &[u8],
        then: UnixTime,
    ) -> Result<Delivery, Mistake> {
        let signer = HmacSigner::new(self.scheme.clone(), by.clone());
        let headers = signer.sign_payload(&Outgoing::new(&self.tenant, id, body, then));
        Ok(Delivery {
            headers: headers.map_err(|error| format!("--scheme: {error}"))?,
            body: body.to_vec().into(),
        })
    }
}

fn ring(scheme: &Scheme, tenant: &TenantId, option: &str, file: &Path) -> Result<Keyring, Mistake> {
    let ring = Keyring::builder(scheme)
        .key(tenant.clone(), "given", secret(option, file)?)
        .build();
    ring.map_err(|invalid| format!("{option} {}: {}", file.display(), invalid.problem))
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
