//! The providers' own libraries, from npm and PyPI, sign what we verify and verify what we sign.
//!
//! They are installed into `target/interop` when a test first needs them. Where that cannot be done the tests say so
//! and pass; under `CI` they fail.

use crate::{now, packages};

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::payload::hmac::KeySpec;
use countersign::payload::providers::TwilioVerifier;
use countersign::payload::public_key::{PublicKeyScheme, PublicKeySigner, PublicKeyVerifier};
use countersign::payload::{
    HmacSigner, HmacVerifier, Keyring, Message, Origin, Outgoing, Scheme, Secret, SignPayload, VerifyPayload,
};
use countersign::tenant::TenantId;
use countersign::testing::{KeyAlgorithm, TestKey};
use countersign::tls::RustlsKey;
use http::{HeaderMap, HeaderName, Method, Uri};
use rustls::SignatureScheme;
use rustls::pki_types::UnixTime;
use serde_json::{Value, json};

use crate::handshakes::{discord, hex};

const NPM: [&str; 8] = [
    "standardwebhooks@1.1.1",
    "svix@1.76.1",
    "stripe@19.3.1",
    "@octokit/webhooks-methods@6.0.0",
    "twilio@5.13.1",
    "@sendgrid/eventwebhook@8.0.0",
    "discord-interactions@4.4.0",
    "@slack/bolt@4.7.3",
];
const PYPI: [&str; 6] = [
    "standardwebhooks==1.1.0",
    "svix==2.9.1",
    "stripe==16.1.0",
    "slack-sdk==3.47.0",
    "twilio==9.13.0",
    "PyNaCl==1.6.2",
];

const WHSEC: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const TEXT: &str = "8f742231b10e8888abcd99yyyzzz85a5";
const BODY: &str = r#"{"id":"evt_1","text":"caf\u00e9 – naïve"}"#;
const FORM: &str = "CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234";
const URL: &str = "https://hooks.example.com/in?foo=1&bar=2";

/// A process that answers a line for a line.
struct Peer {
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Peer {
    fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process");
        let requests = child.stdin.take().expect("its input");
        let answers = BufReader::new(child.stdout.take().expect("its output"));
        Self {
            child,
            requests,
            answers,
        }
    }

    fn ask(&mut self, request: &Value) -> Value {
        writeln!(self.requests, "{request}").expect("a request");
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("an answer");
        let mut answer: Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(answer.get("error"), None, "{request}");
        answer["answer"].take()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn node() -> Option<Peer> {
    let folder = or_skip(packages::npm("providers", &NPM))?;
    // Beside `node_modules`, where `import` finds them.
    let script = folder.join("peer.mjs");
    std::fs::write(&script, include_str!("providers/peer.mjs")).expect("a script");
    Some(Peer::start(Command::new("node").arg(script)))
}

fn python() -> Option<Peer> {
    let python = or_skip(packages::pypi("providers", &PYPI))?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("payload/providers/peer.py");
    Some(Peer::start(Command::new(python).arg(script)))
}

fn or_skip<T>(installed: Result<T, String>) -> Option<T> {
    installed
        .map_err(|why| {
            assert!(std::env::var_os("CI").is_none(), "{why}");
            eprintln!("\n*** SKIPPED: {why}; nothing was compared ***\n");
        })
        .ok()
}

fn at(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

fn tenant() -> TenantId {
    TenantId::parse("acme").expect("a tenant")
}

/// Our half of one library's scheme.
struct Ours {
    verifier: Box<dyn VerifyPayload>,
    signer: Box<dyn SignPayload>,
    /// As the library takes it.
    key: String,
    body: &'static str,
}

fn hmac(scheme: &Scheme, key: &str) -> Ours {
    let keys = Keyring::builder(KeySpec::from(scheme))
        .key(TenantId::parse("acme").unwrap(), "1", Secret::new(key))
        .build()
        .expect("a key");
    Ours {
        verifier: Box::new(HmacVerifier::new(scheme.clone(), keys.clone())),
        signer: Box::new(HmacSigner::new(scheme.clone(), keys)),
        key: key.to_owned(),
        body: BODY,
    }
}

fn twilio() -> Ours {
    let keys = Keyring::builder(TwilioVerifier::KEYS)
        .key(TenantId::parse("acme").unwrap(), "1", Secret::new(TEXT))
        .build()
        .expect("a key");
    let verifier = TwilioVerifier::new(
        Origin::parse("https://hooks.example.com").expect("an origin"),
        keys,
    );
    Ours {
        verifier: Box::new(verifier.clone()),
        signer: Box::new(verifier),
        key: TEXT.to_owned(),
        body: FORM,
    }
}

fn public(scheme: &PublicKeyScheme, algorithm: KeyAlgorithm, signs: SignatureScheme) -> Ours {
    let key = TestKey::generate(algorithm);
    let spki = key.spki_der();
    let shown = match algorithm {
        KeyAlgorithm::Ed25519 => spki[spki.len() - 32..]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect(),
        _ => STANDARD.encode(&spki),
    };
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let signing = provider
        .key_provider
        .load_private_key(key.private_key())
        .expect("a key");
    let signing = Arc::new(RustlsKey::new(signing, signs).expect("of this kind"));
    let keys = Keyring::builder(scheme)
        .key(TenantId::parse("acme").unwrap(), "1", Secret::new(&shown))
        .build()
        .expect("a key");
    let all = provider.signature_verification_algorithms.all;
    Ours {
        verifier: Box::new(PublicKeyVerifier::new(scheme.clone(), keys, all).expect("supported")),
        signer: Box::new(PublicKeySigner::new(scheme.clone(), tenant(), signing)),
        key: shown,
        body: BODY,
    }
}

impl Ours {
    fn request(&self, library: &str, ask: &str, now: u64, headers: &HeaderMap, body: &str) -> Value {
        let text = |value: &http::HeaderValue| value.to_str().expect("text").to_owned();
        let headers: BTreeMap<_, _> = headers
            .iter()
            .map(|(name, value)| (name.to_string(), text(value)))
            .collect();
        let decoded = |value: &str| value.replace("%2B", "+");
        let form: BTreeMap<_, _> = body
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name, decoded(value)))
            .collect();
        json!({ "library": library, "ask": ask, "key": self.key, "id": "msg_1", "now": now, "url": URL,
                "headers": headers, "body": body, "form": form })
    }

    fn accepts(&self, headers: &HeaderMap, body: &str, now: u64) -> bool {
        let (method, uri) = (Method::POST, Uri::from_static("/in?foo=1&bar=2"));
        let message = Message::new(&method, &uri, headers, body.as_bytes(), at(now));
        self.verifier.verify_payload(&message).is_ok()
    }

    /// We sign, the library verifies; and refuses another body.
    fn they_verify(&self, peer: &mut Peer, library: &str) {
        let (method, uri) = (Method::POST, Uri::from_static("/in?foo=1&bar=2"));
        let (tenant, now) = (tenant(), now());
        let outgoing =
            Outgoing::new(&tenant, "msg_1", self.body.as_bytes(), at(now)).with_request(&method, &uri);
        let headers = self.signer.sign_payload(&outgoing).expect("signed");
        assert_eq!(
            peer.ask(&self.request(library, "verify", now, &headers, self.body)),
            true,
            "{library}"
        );
        let other = self.body.replace('1', "2");
        assert_eq!(
            peer.ask(&self.request(library, "verify", now, &headers, &other)),
            false,
            "{library}"
        );
    }

    /// The library signs, we verify; and refuse another body.
    fn we_verify(&self, peer: &mut Peer, library: &str) {
        let now = now();
        let signed = peer.ask(&self.request(library, "sign", now, &HeaderMap::new(), self.body));
        let field = |(name, value): (&String, &Value)| {
            let value = value.as_str().expect("text").parse().expect("a value");
            (HeaderName::try_from(name).expect("a name"), value)
        };
        let headers: HeaderMap = signed.as_object().expect("fields").iter().map(field).collect();
        assert!(self.accepts(&headers, self.body, now), "{library}: {headers:?}");
        assert!(
            !self.accepts(&headers, &self.body.replace('1', "2"), now),
            "{library}"
        );
        assert!(
            !self.accepts(&headers, self.body, now + 301) || !self.is_timed(library),
            "{library}"
        );
    }

    fn is_timed(&self, library: &str) -> bool {
        !["octokit", "twilio"].contains(&library)
    }

    fn both_ways(&self, peer: &mut Peer, library: &str) {
        self.they_verify(peer, library);
        self.we_verify(peer, library);
    }
}

#[test]
fn libraries_from_npm() {
    let Some(mut peer) = node() else { return };
    let peer = &mut peer;
    hmac(&Scheme::standard_webhooks(), WHSEC).both_ways(peer, "standardwebhooks");
    hmac(&Scheme::svix(), WHSEC).both_ways(peer, "svix");
    hmac(&Scheme::stripe(), WHSEC).both_ways(peer, "stripe");
    hmac(&Scheme::github(), TEXT).both_ways(peer, "octokit");
    twilio().both_ways(peer, "twilio");
    hmac(&Scheme::slack(), TEXT).they_verify(peer, "slack_bolt");
    let p256 = SignatureScheme::ECDSA_NISTP256_SHA256;
    public(&PublicKeyScheme::sendgrid(), KeyAlgorithm::EcdsaP256, p256).they_verify(peer, "sendgrid");
    public(
        &PublicKeyScheme::discord(),
        KeyAlgorithm::Ed25519,
        SignatureScheme::ED25519,
    )
    .they_verify(peer, "discord");
    println!("npm: 8 libraries, 5 of them both ways; the others only verify");
}

#[test]
fn libraries_from_pypi() {
    let Some(mut peer) = python() else { return };
    let peer = &mut peer;
    hmac(&Scheme::standard_webhooks(), WHSEC).both_ways(peer, "standardwebhooks");
    hmac(&Scheme::svix(), WHSEC).both_ways(peer, "svix");
    hmac(&Scheme::stripe(), WHSEC).both_ways(peer, "stripe");
    hmac(&Scheme::slack(), TEXT).both_ways(peer, "slack_sdk");
    twilio().both_ways(peer, "twilio");
    discord_signed_by_pynacl(peer);
    println!("PyPI: 6 libraries, 5 of them both ways; PyNaCl only signs");
}

/// The seed is the library's, the public key ours.
fn discord_signed_by_pynacl(peer: &mut Peer) {
    let mut ours = public(
        &PublicKeyScheme::discord(),
        KeyAlgorithm::Ed25519,
        SignatureScheme::ED25519,
    );
    ours.verifier = Box::new(discord(&[9; 32]).1);
    ours.key = hex(&[9; 32]);
    ours.we_verify(peer, "pynacl");
}
