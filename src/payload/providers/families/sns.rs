use std::fmt;
use std::sync::Arc;

use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm, UnixTime};
use serde_json::{Value, json};

use super::{Certificates, plain_https};
use crate::payload::hmac::Encoding;
use crate::payload::hmac::body::parse_json;
use crate::payload::hmac::time::TimeFormat;
use crate::payload::providers::FindPublished;
use crate::payload::public_key::{Algorithms, PublicKeyAlgorithm, SignBytes, UnsupportedAlgorithm};
use crate::payload::{CannotSign, KeyId, Message, NotAuthentic, Outgoing, Recognized, Strength};
use crate::replay::Tolerance;
use crate::tenant::TenantId;

/// A verifier of messages of AWS SNS: RSA over some fields of the JSON body, signature versions 1 (SHA-1) and 2
/// (SHA-256).
///
/// The answer holds the signed fields and nothing else: whatever more the body says is anybody's, and its strength is
/// [`Strength::SignedFields`]. Anybody with an AWS account can send signed messages, so the topic is compared too.
///
/// ```
/// use countersign::payload::NoKey;
/// use countersign::payload::providers::SnsVerifier;
/// use countersign::tenant::TenantId;
///
/// let topic = "arn:aws:sns:us-east-1:123456789012:orders";
/// let fetched = |_: &str| Err(NoKey::Unavailable);
/// let verifier = |algorithms| {
///     SnsVerifier::new(TenantId::parse("acme").expect("a name"), topic, fetched, algorithms)
/// };
/// let algorithms = rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms.all;
/// assert!(verifier(algorithms).is_ok());
/// assert!(verifier(&[]).is_err(), "an algorithm that is missing is found at the start");
/// ```
#[derive(Debug, Clone)]
pub struct SnsVerifier {
    tenant: TenantId,
    topic: Arc<str>,
    certificates: Certificates,
    version_1: Option<Algorithms>,
    version_2: Option<Algorithms>,
    window: Option<Tolerance>,
    name: Arc<str>,
}

/// The signed fields of a message. `Debug` leaves out what it says, and the URL to confirm at: whoever has that can confirm.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SnsMessage {
    /// Who sent it.
    pub recognized: Recognized,
    /// `Notification`, `SubscriptionConfirmation` or `UnsubscribeConfirmation`.
    pub kind: String,
    /// The identity of the message: remember it, and refuse it the second time.
    pub message_id: String,
    /// What was published.
    pub message: String,
    /// Its subject, if it has one.
    pub subject: Option<String>,
    /// Where to confirm; only in confirmations.
    pub subscribe_url: Option<String>,
    /// When it was sent.
    pub sent_at: UnixTime,
}

impl fmt::Debug for SnsMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SnsMessage")
            .field("recognized", &self.recognized)
            .field("kind", &self.kind)
            .field("message_id", &self.message_id)
            .field("sent_at", &self.sent_at)
            .finish_non_exhaustive()
    }
}

impl SnsVerifier {
    /// Verifies what this topic, named by its ARN, sends to the tenant.
    ///
    /// # Errors
    /// [`UnsupportedAlgorithm`] where the algorithms have no RSA at all. Version 1 needs RSA with SHA-1, which no
    /// `CryptoProvider` brings; without it, messages of version 1 are refused.
    pub fn new(
        tenant: TenantId,
        topic: &str,
        certificates: impl FindPublished<CertificateDer<'static>> + 'static,
        algorithms: &[&'static dyn SignatureVerificationAlgorithm],
    ) -> Result<Self, UnsupportedAlgorithm> {
        let version_1 = Algorithms::of(PublicKeyAlgorithm::RsaSha1, algorithms).ok();
        let version_2 = match Algorithms::of(PublicKeyAlgorithm::RsaSha256, algorithms) {
            Ok(algorithms) => Some(algorithms),
            Err(unsupported) if version_1.is_none() => return Err(unsupported),
            Err(_) => None,
        };
        Ok(Self {
            tenant,
            topic: topic.into(),
            certificates: Certificates(Arc::new(certificates)),
            version_1,
            version_2,
            window: None,
            name: "aws_sns".into(),
        })
    }

    /// Refuses messages that were sent longer ago. SNS tries again for days with the same time, so there is no such
    /// limit by default.
    #[must_use]
    pub fn with_tolerance(mut self, tolerance: Tolerance) -> Self {
        self.window = Some(tolerance);
        self
    }

    /// Who sent it, and what is signed of it.
    ///
    /// # Errors
    /// [`NotAuthentic`], with the first reason found.
    pub fn recognize(&self, message: &Message<'_>) -> Result<SnsMessage, NotAuthentic> {
        let body = parse_json(message.body)?;
        let fields = Fields::read(&body)?;
        let sent_at = TimeFormat::Rfc3339
            .read(fields.timestamp)
            .ok_or(NotAuthentic::MalformedTime)?;
        if let Some(window) = self.window {
            window.check(sent_at, message.now)?;
        }
        if fields.topic != &*self.topic {
            return Err(NotAuthentic::Denied {
                reason: "the message is of another topic",
            });
        }
        let algorithms = match fields.version {
            "1" => self.version_1.as_ref(),
            "2" => self.version_2.as_ref(),
            _ => None,
        };
        let algorithms = algorithms.ok_or(NotAuthentic::Denied {
            reason: "no algorithm for this signature version",
        })?;
        let signature = Encoding::Base64
            .decode_any(fields.signature.as_bytes(), 1024)
            .ok_or(NotAuthentic::MalformedBody)?;
        let text = fields.signed_text();
        self.certificates.verify(
            fields.certificate,
            algorithms,
            message.now,
            text.as_bytes(),
            &signature,
        )?;
        Ok(self.answer(&fields, sent_at))
    }

    fn answer(&self, fields: &Fields<'_>, sent_at: UnixTime) -> SnsMessage {
        let (tenant, key) = (self.tenant.clone(), KeyId::new(fields.certificate));
        SnsMessage {
            recognized: Recognized::assertion(tenant, self.name.clone(), key, Strength::SignedFields),
            kind: fields.kind.to_owned(),
            message_id: fields.id.to_owned(),
            message: fields.message.to_owned(),
            subject: fields.subject.map(str::to_owned),
            subscribe_url: fields.confirmation.map(|(url, _)| url.to_owned()),
            sent_at,
        }
    }
}

/// For explanations.
impl SnsVerifier {
    /// Of another topic.
    pub(crate) fn of_topic(&self, topic: &str) -> Self {
        Self {
            topic: topic.into(),
            ..self.clone()
        }
    }

    /// At any time.
    pub(crate) fn untimed(&self) -> Self {
        Self {
            window: None,
            ..self.clone()
        }
    }

    /// The topic that a message names, its signature's version, and what is signed.
    pub(crate) fn look_into(message: &Message<'_>) -> Option<(String, String, Vec<u8>)> {
        let body = parse_json(message.body).ok()?;
        let fields = Fields::read(&body).ok()?;
        let text = fields.signed_text().into_bytes();
        Some((fields.topic.to_owned(), fields.version.to_owned(), text))
    }
}

/// A signer as AWS SNS is one, with a private key of the caller's: the sender's half of [`SnsVerifier`], for whoever tests a
/// receiver.
#[derive(Debug, Clone)]
pub struct SnsSigner {
    tenant: TenantId,
    topic: Arc<str>,
    certificate: Arc<str>,
    key: Arc<dyn SignBytes>,
}

impl SnsSigner {
    /// Signs what is published on this topic, with the RSA key of the certificate that is behind this URL: signature
    /// version 2, so by RSA with SHA-256.
    pub fn new(tenant: TenantId, topic: &str, certificate: &str, key: Arc<dyn SignBytes>) -> Self {
        Self {
            tenant,
            topic: topic.into(),
            certificate: certificate.into(),
            key,
        }
    }

    /// The body to send: a notification of the text that is given.
    ///
    /// # Errors
    /// [`CannotSign`].
    pub fn sign(&self, outgoing: &Outgoing<'_>) -> Result<Vec<u8>, CannotSign> {
        outgoing.check_sender(&self.tenant)?;
        let mut notification = json!({
            "Type": "Notification",
            "MessageId": outgoing.id,
            "TopicArn": *self.topic,
            "Message": str::from_utf8(outgoing.body).map_err(|_| CannotSign::Body)?,
            "Timestamp": TimeFormat::Rfc3339.write(outgoing.now),
            "SignatureVersion": "2",
            "SigningCertURL": *self.certificate,
            "Signature": "to be replaced",
        });
        let text = Fields::read(&notification)?.signed_text();
        let signature = Encoding::Base64.encode(&self.key.sign_bytes(text.as_bytes())?);
        if let Some(place) = notification.get_mut("Signature") {
            *place = signature.into();
        }
        serde_json::to_vec(&notification).map_err(|_| CannotSign::Body)
    }
}

/// What is read of the body.
struct Fields<'v> {
    kind: &'v str,
    id: &'v str,
    message: &'v str,
    subject: Option<&'v str>,
    topic: &'v str,
    timestamp: &'v str,
    /// `SubscribeURL` and `Token`.
    confirmation: Option<(&'v str, &'v str)>,
    version: &'v str,
    signature: &'v str,
    certificate: &'v str,
}

impl<'v> Fields<'v> {
    /// Every field but the message itself must stand on one line: otherwise the signed text, a field a line, could be
    /// cut at another place.
    fn read(body: &'v Value) -> Result<Self, NotAuthentic> {
        let text = |name: &str| body.get(name).and_then(Value::as_str);
        let line = |name: &str| {
            let value = text(name).filter(|value| !value.is_empty() && !value.contains(['\n', '\r']));
            value.ok_or(NotAuthentic::MalformedBody)
        };
        let kind = line("Type")?;
        let confirmation = match kind {
            "Notification" => None,
            "SubscriptionConfirmation" | "UnsubscribeConfirmation" => {
                Some((line("SubscribeURL")?, line("Token")?))
            }
            _ => return Err(NotAuthentic::MalformedBody),
        };
        let subject = match body.get("Subject") {
            None | Some(Value::Null) => None,
            Some(_) => Some(line("Subject")?),
        };
        let certificate = line("SigningCertURL")?;
        if !is_sns(certificate) || confirmation.is_some_and(|(url, _)| !is_sns_host(url)) {
            return Err(NotAuthentic::MalformedBody);
        }
        Ok(Self {
            kind,
            id: line("MessageId")?,
            message: text("Message").ok_or(NotAuthentic::MalformedBody)?,
            subject: subject.filter(|_| confirmation.is_none()),
            topic: line("TopicArn")?,
            timestamp: line("Timestamp")?,
            confirmation,
            version: line("SignatureVersion")?,
            signature: line("Signature")?,
            certificate,
        })
    }

    fn signed_text(&self) -> String {
        let (url, token) = self.confirmation.unzip();
        let fields = [
            ("Message", Some(self.message)),
            ("MessageId", Some(self.id)),
            ("Subject", self.subject),
            ("SubscribeURL", url),
            ("Timestamp", Some(self.timestamp)),
            ("Token", token),
            ("TopicArn", Some(self.topic)),
            ("Type", Some(self.kind)),
        ];
        let line = |(name, value): (&str, Option<&str>)| value.map(|value| format!("{name}\n{value}\n"));
        fields.into_iter().filter_map(line).collect()
    }
}

/// Where the partitions of AWS have their services, behind the region: aws-sdk-java-v2, `SnsHostProvider`.
const PARTITIONS: [&str; 7] = [
    ".amazonaws.com",
    ".amazonaws.com.cn",
    ".amazonaws.eu",
    ".c2s.ic.gov",
    ".cloud.adc-e.uk",
    ".csp.hci.ic.gov",
    ".sc2s.sgov.gov",
];

/// `sns`, a region and a partition, over HTTPS, and a file that ends in `.pem`.
fn is_sns(url: &str) -> bool {
    plain_https(url).is_some_and(|(host, path)| is_host(host) && path.ends_with(".pem"))
}

/// The same host; confirmations carry a query.
fn is_sns_host(url: &str) -> bool {
    let without_query = url.split('?').next().unwrap_or_default();
    plain_https(without_query).is_some_and(|(host, _)| is_host(host))
}

fn is_host(host: &str) -> bool {
    let Some(place) = host.strip_prefix("sns.") else {
        return false;
    };
    let mut regions = PARTITIONS.iter().filter_map(|domain| place.strip_suffix(domain));
    regions.any(is_region)
}

/// `us-east-1`: words of letters, and a number. `s3-us-west-2` is none: `sns` would be the name of anybody's bucket there.
fn is_region(name: &str) -> bool {
    let Some((words, number)) = name.rsplit_once('-') else {
        return false;
    };
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    is_number && words.contains('-') && words.split('-').all(is_word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_come_from_sns_only() {
        let cases = [
            (
                "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-f3ecfb7224c7233fe7bb5f59f96de52f.pem",
                true,
            ),
            ("https://sns.cn-north-1.amazonaws.com.cn/a.pem", true),
            ("https://sns.eusc-de-east-1.amazonaws.eu/a.pem", true),
            ("https://sns.us-iso-east-1.c2s.ic.gov/a.pem", true),
            ("https://sns.us-isob-east-1.sc2s.sgov.gov/a.pem", true),
            ("https://sns.us-isof-south-1.csp.hci.ic.gov/a.pem", true),
            ("https://sns.eu-isoe-west-1.cloud.adc-e.uk/a.pem", true),
            ("https://sns.eusc-de-east-1.amazonaws.eu.cn/a.pem", false),
            ("https://sns.a.ic.gov/a.pem", false),
            ("https://sns.evilamazonaws.eu/a.pem", false),
            ("https://sns.us-gov-west-1.amazonaws.com/a.pem", true),
            // A bucket that is called `sns`.
            ("https://sns.s3-us-west-2.amazonaws.com/a.pem", false),
            ("https://sns.s3-accelerate.amazonaws.com/a.pem", false),
            ("https://sns.us-east-.amazonaws.com/a.pem", false),
            ("https://sns.us--1.amazonaws.com/a.pem", false),
            ("https://sns.us-east-1.amazonaws.com.evil.com/x.pem", false),
            ("https://sns.us-east-1.amazonaws.com@evil.com/x.pem", false),
            ("https://evil.com/sns.us-east-1.amazonaws.com/x.pem", false),
            ("http://sns.us-east-1.amazonaws.com/x.pem", false),
            ("https://sns.us-east-1.amazonaws.com:444/x.pem", false),
            ("https://sns.us-east-1.amazonaws.com/x.txt", false),
            ("https://sns.us-east-1.amazonaws.com/x?.pem", false),
            ("https://sns.us-east-1.amazonaws.com/x#.pem", false),
            ("https://sns.a.b.amazonaws.com/x.pem", false),
            ("https://sns..amazonaws.com/x.pem", false),
            ("https://xsns.us-east-1.amazonaws.com/x.pem", false),
            ("", false),
        ];
        for (url, expected) in cases {
            assert_eq!(is_sns(url), expected, "{url}");
        }
    }
}
