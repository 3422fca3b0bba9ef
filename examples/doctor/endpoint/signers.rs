//! Whoever signs deliveries: by a provider's scheme, with a secret or a private key from a file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use countersign::payload::hmac::KeySpec;
use countersign::payload::providers::TwilioVerifier;
use countersign::payload::providers::presets::{self, Make, Preset};
use countersign::payload::public_key::{PublicKeyAlgorithm, PublicKeyScheme, PublicKeySigner};
use countersign::payload::{HmacSigner, Keyring, Origin, Outgoing, Scheme, SignPayload};
use countersign::tenant::TenantId;
use countersign::tls::RustlsKey;
use http::{HeaderMap, Method, Uri};
use rustls::SignatureScheme;
use rustls::pki_types::UnixTime;

use super::Given;
use crate::Mistake;
use crate::lines::unreadable;
use crate::payload::secret;

type Signer = Arc<dyn SignPayload>;

/// A host that nobody has (RFC 6761 §6.4).
pub(crate) const NOBODY: &str = "nobody.invalid";

pub(crate) struct Signers {
    tenant: TenantId,
    /// What signs for us.
    pub(crate) own: Signer,
    /// Another tenant's.
    pub(crate) other: Option<Signer>,
    /// As ours, for the same path at a host of nobody's, where the scheme signs the URL.
    pub(crate) elsewhere: Option<Signer>,
    /// Whether a time is signed, and should be compared.
    pub(crate) is_timed: bool,
    /// Whether only forms are signed.
    pub(crate) of_forms: bool,
    target: Uri,
}

impl Signers {
    pub(crate) fn read(given: &Given, url: &str) -> Result<Self, Mistake> {
        let name = given
            .scheme
            .as_deref()
            .ok_or("--scheme NAME is missing: a name of doctor providers")?;
        let preset = presets::find(name).ok_or_else(|| {
            format!("--scheme {name:?}: no scheme is named so; doctor providers lists them")
        })?;
        let called = given.origin.as_deref().unwrap_or(url);
        let uri: Uri = called.parse().map_err(|_| format!("{called:?} is no URL"))?;
        let origin = origin(&uri)?;
        let kind = Kind::of(preset, &origin)?;
        let tenant = TenantId::parse("ours").map_err(|invalid| invalid.to_string())?;
        let signer = |option: &str, file: &PathBuf| kind.signer(&tenant, option, file);
        let key_file = given
            .key_file
            .as_ref()
            .ok_or("--key-file FILE is missing: the secret that signs, alone in a file, or a private key")?;
        let nobody = Origin::parse(&format!("https://{NOBODY}")).map_err(|invalid| invalid.to_string())?;
        let signs_url = matches!(preset.make, Make::HmacOfUrl(_)) || matches!(kind, Kind::Twilio(_));
        let elsewhere = signs_url.then(|| Kind::of(preset, &nobody)?.signer(&tenant, "--key-file", key_file));
        let elsewhere = elsewhere.transpose()?;
        let other = given.other_key_file.as_ref();
        let target: Result<Uri, _> = url.parse();
        Ok(Self {
            own: signer("--key-file", key_file)?,
            other: other.map(|file| signer("--other-key-file", file)).transpose()?,
            elsewhere,
            is_timed: kind.is_timed(),
            of_forms: matches!(kind, Kind::Twilio(_)),
            target: target
                .ok()
                .and_then(|url| url.path_and_query()?.as_str().parse().ok())
                .unwrap_or_else(|| Uri::from_static("/")),
            tenant,
        })
    }

    /// The header fields of a delivery that was signed then, by one of them.
    pub(crate) fn signed(
        &self,
        by: &Signer,
        id: &str,
        body: &[u8],
        then: UnixTime,
    ) -> Result<HeaderMap, Mistake> {
        self.signed_to(&self.target, by, id, body, then)
    }

    /// The same, for another path than the endpoint's.
    pub(crate) fn signed_to(
        &self,
        target: &Uri,
        by: &Signer,
        id: &str,
        body: &[u8],
        then: UnixTime,
    ) -> Result<HeaderMap, Mistake> {
        let outgoing = Outgoing::new(&self.tenant, id, body, then).with_request(&Method::POST, target);
        by.sign_payload(&outgoing)
            .map_err(|error| format!("--scheme: {error}"))
    }
}

/// A scheme that can be played: what it proves is the whole delivery.
enum Kind {
    Hmac(Scheme),
    PublicKey(PublicKeyScheme),
    Twilio(Origin),
}

impl Kind {
    fn of(preset: &Preset, origin: &Origin) -> Result<Self, Mistake> {
        let why = match preset.make {
            Make::Hmac(make) => return Ok(Self::Hmac(make())),
            Make::HmacOfUrl(make) => return Ok(Self::Hmac(make(origin))),
            Make::PublicKey(make) => return Ok(Self::PublicKey(make())),
            Make::Type { .. } if preset.name == "twilio" => return Ok(Self::Twilio(origin.clone())),
            Make::Partial(_) => "it does not sign the body, so that another would rightly be let in",
            Make::Token(_) => "it is a fixed secret: whoever has seen one delivery can send any other",
            _ if preset.strength().is_some() => "what it signs is not the whole body",
            _ => "the endpoint fetches the provider's key, and would take none of ours",
        };
        Err(format!(
            "--scheme {}: {why}; there is nothing to play",
            preset.name
        ))
    }

    fn is_timed(&self) -> bool {
        match self {
            Self::Hmac(scheme) => scheme.window().is_some(),
            Self::PublicKey(scheme) => scheme.window().is_some(),
            Self::Twilio(_) => false,
        }
    }

    fn signer(&self, tenant: &TenantId, option: &str, file: &Path) -> Result<Signer, Mistake> {
        match self {
            Self::Hmac(scheme) => {
                let ring = ring(scheme.into(), tenant, option, file)?;
                Ok(Arc::new(HmacSigner::new(scheme.clone(), ring)))
            }
            Self::Twilio(origin) => {
                let ring = ring(TwilioVerifier::KEYS, tenant, option, file)?;
                Ok(Arc::new(TwilioVerifier::new(origin.clone(), ring)))
            }
            Self::PublicKey(scheme) => {
                let key = private_key(scheme, option, file)?;
                let signer = PublicKeySigner::new(scheme.clone(), tenant.clone(), Arc::new(key));
                Ok(Arc::new(signer))
            }
        }
    }
}

fn ring(spec: KeySpec, tenant: &TenantId, option: &str, file: &Path) -> Result<Keyring, Mistake> {
    let ring = Keyring::builder(spec)
        .key(tenant.clone(), "given", secret(option, file)?)
        .build();
    ring.map_err(|invalid| format!("{option} {}: {}", file.display(), invalid.problem))
}

/// The provider's part, which the endpoint knows the public half of.
fn private_key(
    scheme: &PublicKeyScheme,
    option: &str,
    file: &Path,
) -> Result<RustlsKey<SignatureScheme>, Mistake> {
    let by = match scheme.algorithm() {
        PublicKeyAlgorithm::Ed25519 => SignatureScheme::ED25519,
        PublicKeyAlgorithm::EcdsaP256Sha256 => SignatureScheme::ECDSA_NISTP256_SHA256,
        PublicKeyAlgorithm::RsaSha256 => SignatureScheme::RSA_PKCS1_SHA256,
        other => {
            return Err(format!(
                "--scheme {}: nothing here signs by {other}",
                scheme.name()
            ));
        }
    };
    let pem = std::fs::read(file).map_err(unreadable(option, file))?;
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    RustlsKey::from_pem(&provider, by, &pem).map_err(|invalid| {
        format!(
            "{option} {}: {invalid}; {} needs the private key in PEM, for {}",
            file.display(),
            scheme.name(),
            scheme.algorithm()
        )
    })
}

/// Scheme, host and port of a URL, as the sender calls it.
fn origin(url: &Uri) -> Result<Origin, Mistake> {
    let authority = url.authority().map(ToString::to_string).unwrap_or_default();
    let text = format!("{}://{authority}", url.scheme_str().unwrap_or("https"));
    Origin::parse(&text).map_err(|invalid| format!("{text}: {invalid}"))
}
