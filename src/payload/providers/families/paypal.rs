use std::sync::Arc;

use http::header::InvalidHeaderValue;
use http::{HeaderMap, HeaderName};
use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm};

use super::{Certificates, plain_https};
use crate::payload::hmac::Encoding;
use crate::payload::hmac::fields::single;
use crate::payload::hmac::time::TimeFormat;
use crate::payload::providers::FindPublished;
use crate::payload::public_key::{Algorithms, PublicKeyAlgorithm, SignBytes, UnsupportedAlgorithm};
use crate::payload::{CannotSign, KeyId, Message, NotAuthentic, Outgoing, Recognized, SignPayload, Strength};
use crate::replay::Tolerance;
use crate::tenant::TenantId;

const ID: HeaderName = HeaderName::from_static("paypal-transmission-id");
const TIME: HeaderName = HeaderName::from_static("paypal-transmission-time");
const SIGNATURE: HeaderName = HeaderName::from_static("paypal-transmission-sig");
const CERTIFICATE: HeaderName = HeaderName::from_static("paypal-cert-url");
const ALGORITHM: HeaderName = HeaderName::from_static("paypal-auth-algo");
const RSA_SHA256: &str = "SHA256withRSA";

/// A verifier of PayPal's webhooks: RSA with SHA-256 over the id of the transmission, its time, the id of the webhook and
/// the CRC-32 of the body.
///
/// # Security
/// A CRC-32 is not a hash: whoever sees one delivery can write another body with the same one. So the answer is a
/// [`Recognized`] of [`Strength::Checksum`]: fetch the event from PayPal by its id before anything depends on it.
///
/// ```
/// use countersign::payload::NoKey;
/// use countersign::payload::providers::PayPalVerifier;
/// use countersign::tenant::TenantId;
///
/// let fetched = |_: &str| Err(NoKey::Unavailable);
/// let verifier = |algorithms| {
///     PayPalVerifier::new(
///         TenantId::parse("acme").expect("a name"),
///         "1JE4291016473214C",
///         fetched,
///         algorithms,
///     )
/// };
/// let algorithms = rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms.all;
/// assert!(verifier(algorithms).is_ok());
/// assert!(verifier(&[]).is_err(), "an algorithm that is missing is found at the start");
/// ```
#[derive(Debug, Clone)]
pub struct PayPalVerifier {
    tenant: TenantId,
    webhook: Arc<str>,
    certificates: Certificates,
    algorithms: Algorithms,
    window: Tolerance,
    name: Arc<str>,
}

/// An event as far as PayPal signed it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PayPalEvent {
    /// Who sent it.
    pub recognized: Recognized,
    /// The signed id of the transmission.
    pub transmission: String,
}

impl PayPalVerifier {
    /// Verifies what PayPal sends to this webhook of the tenant's: its id is part of what is signed.
    ///
    /// # Errors
    /// [`UnsupportedAlgorithm`] where the algorithms have no RSA with SHA-256.
    pub fn new(
        tenant: TenantId,
        webhook: &str,
        certificates: impl FindPublished<CertificateDer<'static>> + 'static,
        algorithms: &[&'static dyn SignatureVerificationAlgorithm],
    ) -> Result<Self, UnsupportedAlgorithm> {
        Ok(Self {
            tenant,
            webhook: webhook.into(),
            certificates: Certificates(Arc::new(certificates)),
            algorithms: Algorithms::of(PublicKeyAlgorithm::RsaSha256, algorithms)?,
            window: Tolerance::default(),
            name: "paypal".into(),
        })
    }

    /// With another tolerance for the signed time than five minutes.
    #[must_use]
    pub fn with_tolerance(mut self, tolerance: Tolerance) -> Self {
        self.window = tolerance;
        self
    }

    /// Who sent it.
    ///
    /// # Errors
    /// [`NotAuthentic`], with the first reason found.
    pub fn recognize(&self, message: &Message<'_>) -> Result<PayPalEvent, NotAuthentic> {
        let headers = message.headers;
        let (id, time, url) = (
            single(headers, &ID)?,
            single(headers, &TIME)?,
            single(headers, &CERTIFICATE)?,
        );
        if single(headers, &ALGORITHM)? != RSA_SHA256 {
            return Err(NotAuthentic::MalformedHeader { name: ALGORITHM });
        }
        if id.contains('|') {
            return Err(NotAuthentic::MalformedHeader { name: ID });
        }
        let at = TimeFormat::Rfc3339
            .read(time)
            .ok_or(NotAuthentic::MalformedTime)?;
        self.window.check(at, message.now)?;
        if !is_paypal(url) {
            return Err(NotAuthentic::MalformedHeader { name: CERTIFICATE });
        }
        let signature = Encoding::Base64.decode_any(single(headers, &SIGNATURE)?.as_bytes(), 1024);
        let signature = signature.ok_or(NotAuthentic::MalformedSignature { name: SIGNATURE })?;
        let text = signed_text(id, time, &self.webhook, message.body);
        self.certificates
            .verify(url, &self.algorithms, message.now, text.as_bytes(), &signature)?;
        let (tenant, key) = (self.tenant.clone(), KeyId::new(url));
        Ok(PayPalEvent {
            recognized: Recognized::assertion(tenant, self.name.clone(), key, Strength::Checksum),
            transmission: id.to_owned(),
        })
    }
}

/// For explanations.
impl PayPalVerifier {
    pub(crate) const FIELDS: [HeaderName; 5] = [ID, TIME, CERTIFICATE, ALGORITHM, SIGNATURE];

    /// Of another webhook.
    pub(crate) fn of_webhook(&self, webhook: &str) -> Self {
        Self {
            webhook: webhook.into(),
            ..self.clone()
        }
    }

    /// At any time.
    pub(crate) fn untimed(&self) -> Self {
        self.clone()
            .with_tolerance(Tolerance::within(std::time::Duration::MAX))
    }

    pub(crate) fn signed(&self, message: &Message<'_>) -> Option<Vec<u8>> {
        let field = |name| single(message.headers, name).ok();
        Some(signed_text(field(&ID)?, field(&TIME)?, &self.webhook, message.body).into_bytes())
    }
}

/// A signer as PayPal is one, with a private key of the caller's: the sender's half of [`PayPalVerifier`], for whoever tests a
/// receiver.
#[derive(Debug, Clone)]
pub struct PayPalSigner {
    tenant: TenantId,
    webhook: Arc<str>,
    certificate: Arc<str>,
    key: Arc<dyn SignBytes>,
}

impl PayPalSigner {
    /// Signs for this webhook of the tenant's, with the RSA key of the certificate that is behind this URL.
    pub fn new(tenant: TenantId, webhook: &str, certificate: &str, key: Arc<dyn SignBytes>) -> Self {
        Self {
            tenant,
            webhook: webhook.into(),
            certificate: certificate.into(),
            key,
        }
    }
}

impl SignPayload for PayPalSigner {
    fn sign_payload(&self, outgoing: &Outgoing<'_>) -> Result<HeaderMap, CannotSign> {
        outgoing.check_sender(&self.tenant)?;
        let visible = !outgoing.id.is_empty() && outgoing.id.bytes().all(|byte| byte.is_ascii_graphic());
        if !visible || outgoing.id.contains('|') {
            return Err(CannotSign::Id);
        }
        if !is_paypal(&self.certificate) {
            return Err(CannotSign::Key {
                reason: "the URL of its certificate is none of PayPal's",
            });
        }
        let time = TimeFormat::Rfc3339.write(outgoing.now);
        let text = signed_text(outgoing.id, &time, &self.webhook, outgoing.body);
        let signature = self.key.sign_bytes(text.as_bytes())?;
        let fields = [
            (ID, outgoing.id),
            (TIME, &time),
            (CERTIFICATE, &self.certificate),
            (ALGORITHM, RSA_SHA256),
            (SIGNATURE, &Encoding::Base64.encode(&signature)),
        ];
        let field = |(name, value): (HeaderName, &str)| Ok((name, value.try_into()?));
        let headers: Result<HeaderMap, InvalidHeaderValue> = fields.into_iter().map(field).collect();
        headers.map_err(|_| CannotSign::Id)
    }
}

/// Id and time of the transmission, id of the webhook, and a checksum of the body.
fn signed_text(id: &str, time: &str, webhook: &str, body: &[u8]) -> String {
    format!("{id}|{time}|{webhook}|{}", crc32(body))
}

fn is_paypal(url: &str) -> bool {
    let hosts = [
        "api.paypal.com",
        "api.sandbox.paypal.com",
        "api-m.paypal.com",
        "api-m.sandbox.paypal.com",
    ];
    plain_https(url)
        .is_some_and(|(host, path)| hosts.contains(&host) && path.starts_with("/v1/notifications/certs/"))
}

/// CRC-32 (ISO-HDLC). A checksum, no hash: it protects nothing.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            crc >> 1 ^ (0xedb8_8320 * (crc & 1))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_value_of_crc_32() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn certificates_come_from_paypal_only() {
        let cases = [
            (
                "https://api.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-1d93a270",
                true,
            ),
            (
                "https://api.sandbox.paypal.com/v1/notifications/certs/CERT-1",
                true,
            ),
            ("http://api.paypal.com/v1/notifications/certs/CERT-1", false),
            (
                "https://api.paypal.com.evil.com/v1/notifications/certs/CERT-1",
                false,
            ),
            (
                "https://evil.com/api.paypal.com/v1/notifications/certs/CERT-1",
                false,
            ),
            (
                "https://api.paypal.com@evil.com/v1/notifications/certs/CERT-1",
                false,
            ),
            ("https://api.paypal.com:8443/v1/notifications/certs/CERT-1", false),
            (
                "https://api.paypal.com/v1/notifications/certs/../../../redirect",
                false,
            ),
            ("https://api.paypal.com/v1/notifications/certs/CERT-1?x=1", false),
            ("https://api.paypal.com/", false),
        ];
        for (url, expected) in cases {
            assert_eq!(is_paypal(url), expected, "{url}");
        }
    }
}
