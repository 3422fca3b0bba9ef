use std::sync::Arc;
use std::time::Duration;

use countersign::payload::hmac::{KeySpec, PartialVerifier};
use countersign::payload::providers::presets::{self, Make};
use countersign::payload::public_key::{PublicKeySigner, PublicKeyVerifier};
use countersign::payload::{
    CannotSign, HmacSigner, HmacVerifier, Keyring, Message, NotAuthentic, Origin, Outgoing, Scheme, Secret,
    SignPayload as _, VerifyPayload,
};
use countersign::tenant::TenantId;
use http::{HeaderMap, Method, Uri};
use rustls_pki_types::UnixTime;

use crate::keys::{algorithms, pair, ring};
use crate::tamper::{NOW, Sent};

type Signs = Box<dyn Fn(&Outgoing<'_>) -> Result<(HeaderMap, Vec<u8>), CannotSign> + Send + Sync>;
type Recognizes = Box<dyn Fn(&Message<'_>) -> Result<(), NotAuthentic> + Send + Sync>;

/// What verifies a message.
pub enum Verifies {
    /// It proves the whole message.
    Wholly(Arc<dyn VerifyPayload>),
    /// It proves some of it, or nothing but a secret.
    Partly(Recognizes),
}

/// One scheme, and both ends of it.
pub struct Sender {
    pub name: &'static str,
    pub signs: Signs,
    pub verifies: Verifies,
    /// The same with the keys of another tenant.
    pub others: Verifies,
}

impl Verifies {
    /// Whether the message counts.
    ///
    /// # Errors
    /// The reason why not.
    pub fn verdict(&self, message: &Message<'_>) -> Result<(), NotAuthentic> {
        match self {
            Self::Wholly(verifier) => verifier.verify_payload(message).map(drop),
            Self::Partly(recognizes) => recognizes(message),
        }
    }
}

impl Sender {
    /// The message that it sends with this text in it; `None` where it does not sign such a one.
    pub fn send(&self, text: &[u8]) -> Option<Sent> {
        let (acme, method, uri) = (acme(), Method::POST, Uri::from_static("/in/box?data.id=ABC123"));
        let body = body_for(self.name, text);
        let outgoing = Outgoing::new(&acme, "msg-1", &body, at(NOW)).with_request(&method, &uri);
        let (headers, body) = (self.signs)(&outgoing).ok()?;
        let now = NOW;
        Some(Sent {
            method,
            uri,
            headers,
            body,
            now,
        })
    }
}

impl Sent {
    /// As the verifiers see it.
    pub fn message(&self) -> Message<'_> {
        Message::new(&self.method, &self.uri, &self.headers, &self.body, at(self.now))
    }
}

/// So many seconds after 1970.
pub fn at(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

/// Whose messages they are.
///
/// # Panics
/// Never.
pub fn acme() -> TenantId {
    TenantId::parse("acme").expect("a tenant")
}

/// Where they are sent to.
///
/// # Panics
/// Never.
pub fn origin() -> Origin {
    Origin::parse("https://hooks.example.com").expect("an origin")
}

/// A body of the kind that the preset takes, with the text in it.
fn body_for(preset: &str, text: &[u8]) -> Vec<u8> {
    let shown = String::from_utf8_lossy(text);
    match preset {
        "linear" => serde_json::json!({ "webhookTimestamp": NOW * 1000, "text": shown }).to_string(),
        "mailgun" => serde_json::json!({ "text": shown }).to_string(),
        "mandrill" | "twilio" => format!("a={}&Body=2", text.len()),
        "adyen" => {
            let item = serde_json::json!({ "merchantReference": shown, "success": "true" });
            serde_json::json!({ "notificationItems": [{ "NotificationRequestItem": item }] }).to_string()
        }
        _ => return text.to_vec(),
    }
    .into_bytes()
}

/// Every preset that is an HMAC over the whole body, or over some of the message.
pub fn hmac() -> impl Iterator<Item = Sender> {
    presets::all().filter_map(|preset| {
        let scheme = match preset.make {
            Make::Hmac(make) => make(),
            Make::HmacOfUrl(make) => make(&origin()),
            Make::Partial(make) => {
                let verifies = |tenant, number| {
                    let verifier = PartialVerifier::new(make(), ring(&make(), tenant, number));
                    Verifies::Partly(Box::new(move |message| verifier.recognize(message).map(drop)))
                };
                let signer = HmacSigner::partial(make(), ring(&make(), "acme", 1));
                return Some(Sender {
                    name: preset.name,
                    signs: Box::new(move |outgoing| signer.sign_with_body(outgoing)),
                    verifies: verifies("acme", 1),
                    others: verifies("globex", 2),
                });
            }
            _ => return None,
        };
        Some(of_scheme(preset.name, &scheme))
    })
}

fn of_scheme(name: &'static str, scheme: &Scheme) -> Sender {
    let verifies = |tenant, number| {
        let ring = ring(KeySpec::from(scheme), tenant, number);
        Verifies::Wholly(Arc::new(HmacVerifier::new(scheme.clone(), ring)))
    };
    let signer = HmacSigner::new(scheme.clone(), ring(KeySpec::from(scheme), "acme", 1));
    Sender {
        name,
        signs: Box::new(move |outgoing| signer.sign_with_body(outgoing)),
        verifies: verifies("acme", 1),
        others: verifies("globex", 2),
    }
}

/// Every scheme that signs with a private key.
///
/// # Panics
/// Never.
pub fn public_keys() -> impl Iterator<Item = Sender> {
    presets::all().filter_map(|preset| {
        let Make::PublicKey(make) = preset.make else {
            return None;
        };
        let ((private, shown), (_, other)) = (pair(&make(), true), pair(&make(), false));
        let verifies = |tenant: &str, shown: &str| {
            let keys = Keyring::builder(&make()).key(
                TenantId::parse(tenant).expect("a tenant"),
                "1",
                Secret::new(shown),
            );
            let verifier = PublicKeyVerifier::new(make(), keys.build().expect("a key"), algorithms());
            Verifies::Wholly(Arc::new(verifier.expect("provided")))
        };
        let signer = PublicKeySigner::new(make(), acme(), private);
        Some(Sender {
            name: preset.name,
            signs: Box::new(move |outgoing| Ok((signer.sign_payload(outgoing)?, outgoing.body.to_vec()))),
            verifies: verifies("acme", &shown),
            others: verifies("globex", &other),
        })
    })
}
