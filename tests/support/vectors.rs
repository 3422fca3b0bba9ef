//! Vectors as files, and how to verify them: shared by the tests of the payload room.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "tests say what they expect by failing loudly"
)]
#![allow(dead_code, reason = "each test binary uses some of it")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use countersign::payload::hmac::{
    Digest, Encoding, KeySpec, Part, PartialVerifier, SignatureAt, TimeAt, TimeFormat,
};
use countersign::payload::providers::presets::Make;
use countersign::payload::providers::{AdyenVerifier, HubSpotLegacy, TwilioVerifier, presets};
use countersign::payload::public_key::PublicKeyVerifier;
use countersign::payload::token::TokenVerifier;
use countersign::payload::{
    HmacVerifier, Keyring, Message, NotAuthentic, Origin, Scheme, Secret, VerifyPayload,
};
use countersign::tenant::TenantId;
use http::{HeaderMap, HeaderName, Method, Uri};
use rustls::pki_types::{SignatureVerificationAlgorithm, UnixTime};
use serde::Deserialize;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vector {
    pub name: String,
    pub preset: String,
    pub keys: Vec<String>,
    pub now: u64,
    #[serde(default = "post")]
    pub method: String,
    #[serde(default = "root")]
    pub url: String,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    pub body: String,
    pub digest: Option<String>,
    pub encoding: Option<String>,
    pub expect: String,
    pub source: String,
    /// `provider`: made, taken or published by the provider itself.
    pub by: Option<String>,
    pub note: Option<String>,
}

fn post() -> String {
    "POST".into()
}

fn root() -> String {
    "https://example.com/".into()
}

#[derive(Deserialize)]
struct File {
    vector: Vec<Vector>,
}

/// What providers and their libraries publish.
pub fn published() -> Vec<Vector> {
    let files = [
        include_str!("../vectors/body.toml"),
        include_str!("../vectors/timed.toml"),
        include_str!("../vectors/convoy.toml"),
        include_str!("../vectors/url.toml"),
        include_str!("../vectors/public_key.toml"),
        include_str!("../vectors/special.toml"),
        include_str!("../vectors/told.toml"),
        include_str!("../vectors/libraries.toml"),
        include_str!("../vectors/samples.toml"),
    ];
    files.iter().flat_map(|text| read(text)).collect()
}

/// What Python's hmac says.
pub fn cross() -> Vec<Vector> {
    read(include_str!("../vectors/cross.toml"))
}

fn read(text: &str) -> Vec<Vector> {
    toml::from_str::<File>(text).expect("a file of vectors").vector
}

/// What a verifier says: the key that matched, or the code of the refusal.
pub type Verdict = Result<String, &'static str>;

pub type Verify = Box<dyn Fn(&Message<'_>) -> Verdict>;

pub fn algorithms() -> &'static [&'static dyn SignatureVerificationAlgorithm] {
    rustls::crypto::aws_lc_rs::default_provider()
        .signature_verification_algorithms
        .all
}

pub fn tenant() -> TenantId {
    TenantId::parse("acme").expect("a tenant")
}

pub fn at(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

pub fn ring(spec: impl Into<KeySpec>, keys: &[String]) -> Keyring {
    let builder = Keyring::builder(spec).allow_weak_secrets();
    let numbered = keys.iter().enumerate();
    let builder = numbered.fold(builder, |builder, (number, key)| {
        builder.key(
            TenantId::parse("acme").unwrap(),
            number.to_string(),
            Secret::new(key),
        )
    });
    builder.build().expect("keys")
}

pub fn plain<V: VerifyPayload + 'static>(verifier: V) -> Verify {
    Box::new(move |message| {
        let verified = verifier.verify_payload(message);
        verified
            .map(|authentic| authentic.key().to_string())
            .map_err(|forged: NotAuthentic| forged.code())
    })
}

impl Vector {
    pub fn uri(&self) -> Uri {
        self.url.parse().expect("a URL")
    }

    /// Scheme, host and port as they are written.
    pub fn origin(&self) -> Origin {
        let end = self
            .url
            .match_indices('/')
            .nth(2)
            .map_or(self.url.len(), |(position, _)| position);
        Origin::parse(&self.url[..end]).expect("an origin")
    }

    pub fn header_map(&self) -> HeaderMap {
        let pair = |(name, value): (&String, &String)| {
            (
                HeaderName::try_from(name).expect("a name"),
                value.parse().expect("a value"),
            )
        };
        self.headers.iter().map(pair).collect()
    }

    pub fn check(&self) -> Verdict {
        self.check_as(&self.header_map(), self.body.as_bytes(), self.now)
    }

    pub fn check_as(&self, headers: &HeaderMap, body: &[u8], now: u64) -> Verdict {
        let (method, uri) = (Method::try_from(&*self.method).expect("a method"), self.uri());
        let message = Message::new(&method, &uri, headers, body, at(now));
        self.verifier()(&message)
    }

    /// As the vector says, with what the convoy vectors choose.
    pub fn scheme(&self) -> Option<Scheme> {
        let preset = presets::find(&self.preset)?;
        let chosen = self.digest.is_some() || self.encoding.is_some();
        match preset.make {
            Make::Hmac(_) if chosen => Some(self.convoy()),
            Make::Hmac(make) => Some(make()),
            Make::HmacOfUrl(make) => Some(make(&self.origin())),
            _ => None,
        }
    }

    fn convoy(&self) -> Scheme {
        let name = HeaderName::from_static("x-convoy-signature");
        let builder = if self.preset == "convoy" {
            let at = SignatureAt::Header {
                name,
                prefix: "".into(),
            };
            Scheme::builder("convoy").signature(at).signed([Part::Body])
        } else {
            let at = SignatureAt::List {
                name,
                key: "v1".into(),
                separators: ",".into(),
            };
            Scheme::builder("convoy_advanced")
                .signature(at)
                .time(TimeAt::ListKey("t".into()), TimeFormat::Seconds)
                .signed([Part::Time, Part::Literal(",".into()), Part::Body])
        };
        let base64 = self.encoding.as_deref() == Some("base64");
        let sha512 = self.digest.as_deref() == Some("sha512");
        builder
            .encoding(if base64 { Encoding::Base64 } else { Encoding::Hex })
            .digest(if sha512 { Digest::Sha512 } else { Digest::Sha256 })
            .build()
            .expect("a scheme")
    }

    pub fn verifier(&self) -> Verify {
        if let Some(scheme) = self.scheme() {
            let keys = ring(&scheme, &self.keys);
            return plain(HmacVerifier::new(scheme, keys));
        }
        let make = presets::find(&self.preset).map(|preset| preset.make);
        match (make, &*self.preset) {
            (Some(Make::PublicKey(make)), _) => {
                let (scheme, keys) = (make(), ring(&make(), &self.keys));
                plain(PublicKeyVerifier::new(scheme, keys, algorithms()).expect("supported"))
            }
            (Some(Make::Partial(make)), _) => {
                let verifier = PartialVerifier::new(make(), ring(&make(), &self.keys));
                Box::new(move |message| recognized(verifier.recognize(message)))
            }
            (Some(Make::Token(make)), _) => {
                let verifier = TokenVerifier::new(make(), ring(&make(), &self.keys));
                Box::new(move |message| recognized(verifier.recognize(message)))
            }
            (_, "twilio") => plain(TwilioVerifier::new(
                self.origin(),
                ring(TwilioVerifier::KEYS, &self.keys),
            )),
            (_, "adyen") => {
                let verifier = AdyenVerifier::new(ring(AdyenVerifier::KEYS, &self.keys));
                Box::new(move |message| recognized(verifier.recognize(message).map(|batch| batch.recognized)))
            }
            (_, "hubspot_v1" | "hubspot_v2") => {
                let verifier = match &*self.preset {
                    "hubspot_v1" => HubSpotLegacy::version_1(tenant(), &Secret::new(&self.keys[0])),
                    _ => HubSpotLegacy::version_2(tenant(), &Secret::new(&self.keys[0]), &self.origin()),
                };
                let verifier = Arc::new(verifier.expect("a secret"));
                Box::new(move |message| recognized(verifier.recognize(message)).map(|_| "0".into()))
            }
            (_, other) => panic!("{}: no verifier for {other}", self.name),
        }
    }
}

fn recognized(answer: Result<countersign::payload::Recognized, NotAuthentic>) -> Verdict {
    answer
        .map(|recognized| recognized.key().to_string())
        .map_err(|forged| forged.code())
}
