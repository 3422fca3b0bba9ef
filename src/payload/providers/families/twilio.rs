use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use http::{HeaderMap, HeaderName, Method};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::payload::SchemeText;
use crate::payload::hmac::body::parse_form;
use crate::payload::hmac::fields::{optional, query_value, single};
use crate::payload::hmac::keys::{Digest, KeyForm};
use crate::payload::hmac::{Encoding, Key, KeySpec};
use crate::payload::{
    Authentic, CannotSign, DeliveryKey, Hashed, Message, NoKey, NotAuthentic, Origin, Outgoing, SignPayload,
    VerifyPayload,
};
use crate::payload::{FindKeys, Wanted};

const SIGNATURE: HeaderName = HeaderName::from_static("x-twilio-signature");
const FORM: &str = "application/x-www-form-urlencoded";

/// A verifier and signer of Twilio's webhooks: HMAC-SHA1 with the account's auth token.
///
/// Signed: the URL as Twilio sees it, then the fields of the form, sorted by name, each as its name followed by its
/// value; several values of one name sorted, each once. Where the body is no form, the URL holds the body's SHA-256
/// hash as `bodySHA256`, and *the body is compared with it*. Twilio may or may not write the port of the URL: both are
/// tried, as by its own libraries.
///
/// # Security
/// Nothing separates a name from its value in what is signed, so the signature of `ab=c` is that of `a=bc`. A delivery
/// is known by all that is signed, so such a variant of a delivery that was handled is a replay. No time is signed.
///
/// ```
/// use countersign::UnixTime;
/// use countersign::payload::providers::TwilioVerifier;
/// use countersign::payload::{
///     Keyring, Message, Origin, Outgoing, Secret, SignPayload as _, VerifyPayload as _,
/// };
/// use countersign::tenant::TenantId;
/// use http::{Method, Uri};
///
/// let (acme, now) = (TenantId::parse("acme")?, UnixTime::now());
/// let keys = Keyring::builder(TwilioVerifier::KEYS)
///     .key(acme.clone(), "2026", Secret::new("0123456789abcdef0123456789abcdef"))
///     .build()?;
/// let twilio = TwilioVerifier::new(Origin::parse("https://hooks.example")?, keys);
/// let (method, uri) = (Method::POST, Uri::from_static("/sms"));
/// let headers = twilio.sign_payload(
///     &Outgoing::new(&acme, "1", b"{}", now).with_request(&method, &uri)
/// )?;
/// let refused = |uri| {
///     twilio.verify_payload(&Message::new(&method, uri, &headers, b"{}", now))
///         .err()
///         .map(|why| why.code())
/// };
/// assert_eq!(refused(&uri), None);
/// assert_eq!(
///     refused(&Uri::from_static("/voice")),
///     Some("payload.signature_mismatch"),
///     "the URL is signed",
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct TwilioVerifier {
    origin: Origin,
    keys: Arc<dyn FindKeys>,
    name: SchemeText,
}

impl TwilioVerifier {
    /// What its keys are: `Keyring::builder(TwilioVerifier::KEYS)`.
    pub const KEYS: KeySpec = KeySpec::Secret {
        digest: Digest::Sha1,
        form: KeyForm::Utf8,
    };

    /// Verifies with those keys what is sent to this origin.
    pub fn new(origin: Origin, keys: impl FindKeys + 'static) -> Self {
        Self {
            origin,
            keys: Arc::new(keys),
            name: SchemeText::fixed("twilio"),
        }
    }

    /// What follows the URL in the signed text, as names and values in their order.
    fn fields(message: &Message<'_>) -> Result<Fields, NotAuthentic> {
        if let Some(hash) = query_value(message.uri.query(), "bodySHA256")? {
            check_body_hash(message.body, hash)?;
            return Ok(Fields::new());
        }
        if message.body.is_empty() {
            return Ok(Fields::new());
        }
        // Only a form is signed with the URL. Any other body would be nobody's.
        let content_type = optional(message.headers, &http::header::CONTENT_TYPE)?.unwrap_or_default();
        let kind = content_type.split(';').next().unwrap_or_default().trim();
        if *message.method == Method::GET || !kind.eq_ignore_ascii_case(FORM) {
            return Err(NotAuthentic::Denied {
                reason: "Twilio signs bodies that are forms, or their hash in the URL",
            });
        }
        let mut fields = Fields::new();
        for (name, value) in parse_form(message.body)? {
            fields.entry(name).or_default().insert(value);
        }
        Ok(fields)
    }

    fn mac(key: &Key, url: &str, fields: &Fields) -> Option<[u8; 20]> {
        let mut mac = key.begin(Digest::Sha1)?;
        mac.update(url.as_bytes());
        each_piece(fields, |piece| mac.update(piece));
        mac.finish().as_slice().try_into().ok()
    }

    fn urls(&self, message: &Message<'_>) -> [String; 2] {
        let path = message.uri.path_and_query().map_or("/", |path| path.as_str());
        self.origin.port_variants().map(|origin| origin + path)
    }
}

/// For explanations.
impl TwilioVerifier {
    pub(crate) const FIELD: HeaderName = SIGNATURE;

    /// What is signed, with the port of the URL as it is configured.
    pub(crate) fn signed_text(origin: &Origin, message: &Message<'_>) -> Option<Vec<u8>> {
        let path = message.uri.path_and_query().map_or("/", |path| path.as_str());
        let mut text = format!("{}{path}", origin.as_str()).into_bytes();
        each_piece(&Self::fields(message).ok()?, |piece| text.extend(piece));
        Some(text)
    }
}

type Fields = BTreeMap<Vec<u8>, BTreeSet<Vec<u8>>>;

fn each_piece(fields: &Fields, mut take: impl FnMut(&[u8])) {
    for (name, values) in fields {
        for value in values {
            take(name);
            take(value);
        }
    }
}

fn check_body_hash(body: &[u8], hash: &str) -> Result<(), NotAuthentic> {
    let hash = Encoding::Hex
        .decode(hash.as_bytes(), 32)
        .ok_or(NotAuthentic::MalformedQuery)?;
    let same = hash.as_slice().ct_eq(&Sha256::digest(body));
    bool::from(same)
        .then_some(())
        .ok_or(NotAuthentic::SignatureMismatch)
}

impl VerifyPayload for TwilioVerifier {
    fn verify_payload<'m>(&self, message: &Message<'m>) -> Result<Authentic<'m>, NotAuthentic> {
        let signature = single(message.headers, &SIGNATURE)?;
        let signature = Encoding::Base64.decode(signature.as_bytes(), 20);
        let signature = signature.ok_or(NotAuthentic::MalformedSignature { name: SIGNATURE })?;
        let fields = Self::fields(message)?;
        let keys = self.keys.find_keys(&Wanted::of(message.sender))?;
        let urls = self.urls(message);
        let is_signed_under = |key: &Key| {
            let same = |mac: [u8; 20]| bool::from(mac.as_slice().ct_eq(signature.as_slice()));
            Ok(urls
                .iter()
                .any(|url| Self::mac(key, url, &fields).is_some_and(same)))
        };
        let matched = keys.matching(&*self.keys, message.now, is_signed_under)?;
        let mut hash = Sha256::new_with_prefix(urls.first().map(String::as_bytes).unwrap_or_default());
        each_piece(&fields, |piece| hash.update(piece));
        let delivery = DeliveryKey::Digest(Hashed::Signed, hash.finalize().into());
        Ok(Authentic::assertion_of(matched, &self.name, delivery, None, None))
    }
}

impl SignPayload for TwilioVerifier {
    /// A body that is no form is signed by its hash: the target must hold it as `bodySHA256`.
    fn sign_payload(&self, outgoing: &Outgoing<'_>) -> Result<HeaderMap, CannotSign> {
        let (method, uri) = outgoing.needed_request()?;
        let keys = self.keys.find_keys(&Wanted::of(Some(outgoing.tenant)))?;
        let mut headers = HeaderMap::new();
        let hashed = query_value(uri.query(), "bodySHA256")?.is_some();
        let content_type = if hashed { "application/json" } else { FORM };
        headers.insert(
            http::header::CONTENT_TYPE,
            http::HeaderValue::from_static(content_type),
        );
        let message = Message::new(method, uri, &headers, outgoing.body, outgoing.now);
        let fields = Self::fields(&message)?;
        let url = format!(
            "{}{}",
            self.origin.as_str(),
            uri.path_and_query().map_or("/", |path| path.as_str())
        );
        let key = keys
            .valid_at(outgoing.now)
            .next_back()
            .ok_or_else(|| -> NoKey { keys.none_valid() })?;
        let mac = Self::mac(key, &url, &fields).ok_or(CannotSign::Key {
            reason: "a key of another scheme",
        })?;
        let value = Encoding::Base64
            .encode(&mac)
            .try_into()
            .map_err(|_| CannotSign::Body)?;
        headers.insert(SIGNATURE, value);
        Ok(headers)
    }
}
