//! Hot paths to count the instructions of, under callgrind: `counted PATH CALLS`. `.ci/instructions.py` compares them with
//! `benches/instructions.json`.
//!
//! Only code that is the same on every x86-64: no signature is verified, and SHA-256 is the one in software, since callgrind shows
//! programs no processor with instructions for it. Certificates are of Ed25519, whose sizes do not vary.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    missing_docs,
    reason = "what cannot be set up should stop where it stands"
)]

use std::hint::black_box;
use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign::gate::Policy;
use countersign::identity::PeerChain;
use countersign::payload::jose::{Algorithm, Jwk, JwtAt, JwtKeyring, JwtRules, JwtScheme, UnboundJwts};
use countersign::payload::{
    HmacSigner, HmacVerifier, Keyring, Message, Outgoing, Scheme, Secret, SignPayload as _,
    VerifyPayload as _,
};
use countersign::tenant::{ResolveTenant as _, TenantId, TenantTable};
use countersign::testing::{KeyAlgorithm, NOW, TestCa, TestCert};
use countersign::tls::HandshakeVerifier;
use countersign::trust::{PrivateCa, Remembered, Role, VerifiedPeer, VerifyPeer as _};
use countersign::web::Connection;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, Method, Uri};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::danger::ClientCertVerifier as _;
use sha2::Sha256;

fn main() {
    let mut args = std::env::args().skip(1);
    let (path, calls) = (args.next(), args.next());
    let mut call = path_of(&path.expect("a path"));
    let calls: usize = calls
        .and_then(|calls| calls.parse().ok())
        .expect("a number of calls");
    collected(&mut *call, calls);
}

/// What callgrind counts: all that is done in here, and nothing before it.
#[inline(never)]
fn collected(call: &mut dyn FnMut(), calls: usize) {
    for _ in 0..calls {
        call();
    }
}

fn path_of(path: &str) -> Box<dyn FnMut()> {
    match path {
        "chain" => chain(),
        "known" => known(),
        "again" => again(),
        "tenant" => tenant(),
        "payload" => payload(),
        "jwt" => jwt(),
        other => panic!("{other} is none of chain, known, again, tenant, payload, jwt"),
    }
}

fn provider() -> CryptoProvider {
    aws_lc_rs::default_provider()
}

fn trusted() -> (PrivateCa, TestCert) {
    let ca = TestCa::builder("Acme Root")
        .key_algorithm(KeyAlgorithm::Ed25519)
        .issue();
    let client = ca
        .client("spiffe://acme.example/tenant/acme")
        .key_algorithm(KeyAlgorithm::Ed25519);
    let algorithms = provider().signature_verification_algorithms.all;
    let trust = PrivateCa::from_pem(ca.pem().as_bytes(), algorithms, NOW).expect("an anchor");
    (trust, client.issue())
}

fn read(client: &TestCert) -> PeerChain {
    PeerChain::parse(client.chain()).expect("a chain")
}

fn table() -> TenantTable {
    let table = TenantTable::builder().uri("spiffe://acme.example/tenant/{tenant}");
    table.known(["acme"]).build().expect("a table")
}

fn acme() -> TenantId {
    TenantId::parse("acme").expect("a tenant")
}

/// The leaf, read.
fn chain() -> Box<dyn FnMut()> {
    let (_, client) = trusted();
    let chain = client.chain();
    Box::new(move || {
        let read = PeerChain::parse(chain.iter().cloned()).expect("a chain");
        black_box(read.leaf().spki());
    })
}

/// The certificate of a known client, in its handshake.
fn known() -> Box<dyn FnMut()> {
    let (trust, client) = trusted();
    let (chain, trust) = (client.chain(), Remembered::new(trust));
    let peer = VerifiedPeer::verify(&trust, read(&client), Role::Client, NOW).expect("trusted");
    let memory = trust.memory().expect("a memory");
    memory.keep(Role::Client, peer, NOW);
    let verifier = HandshakeVerifier::new(&provider(), trust);
    Box::new(move || {
        let (leaf, others) = chain.split_first().expect("a leaf");
        verifier.verify_client_cert(leaf, others, NOW).expect("known");
    })
}

/// One more request on an open connection.
fn again() -> Box<dyn FnMut()> {
    let (trust, client) = trusted();
    let policy = Policy::new(trust, table());
    let peer = SocketAddr::from(([127, 0, 0, 1], 443));
    let connection = Connection::new(peer, Some(&client.chain())).expect("a chain");
    Box::new(move || drop(black_box(connection.identify(&policy, NOW).expect("a caller"))))
}

/// A tenant by a template.
fn tenant() -> Box<dyn FnMut()> {
    let (trust, client) = trusted();
    let peer = VerifiedPeer::verify(&trust, read(&client), Role::Client, NOW).expect("trusted");
    let table = table();
    Box::new(move || drop(black_box(table.resolve_tenant(&peer).expect("known"))))
}

/// Standard Webhooks, with a body of 256 bytes.
fn payload() -> Box<dyn FnMut()> {
    let scheme = Scheme::standard_webhooks();
    let secret = Secret::new("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD");
    let keys = Keyring::builder(&scheme).key(acme(), "1", secret);
    let (keys, body) = (keys.build().expect("a key"), vec![b'x'; 256]);
    let signer = HmacSigner::new(scheme.clone(), keys.clone());
    let headers = signer
        .sign_payload(&Outgoing::new(&acme(), "msg_1", &body, NOW))
        .expect("signed");
    let (verifier, uri) = (HmacVerifier::new(scheme, keys), Uri::from_static("/"));
    Box::new(move || {
        let message = Message::new(&Method::POST, &uri, &headers, &body, NOW);
        black_box(verifier.verify_payload(&message)).expect("authentic");
    })
}

/// A token, HS256.
fn jwt() -> Box<dyn FnMut()> {
    let secret = [7; 32];
    let key = format!(r#"{{"kty":"oct","k":"{}"}}"#, URL_SAFE_NO_PAD.encode(secret));
    let key = Jwk::parse(key.as_bytes())
        .expect("a key")
        .verifier(Algorithm::Hs256, &[]);
    let keys = JwtKeyring::builder().keys(acme(), key).build().expect("keys");
    let rules = JwtRules::issuer("https://issuer.example").audience("hooks");
    let scheme = JwtScheme::new("counted", JwtAt::bearer(), rules);
    let verifier = UnboundJwts::new(scheme, keys);
    let (mut headers, uri) = (HeaderMap::new(), Uri::from_static("/"));
    let bearer = format!("Bearer {}", token(&secret));
    headers.insert("authorization", bearer.parse().expect("a value"));
    Box::new(move || {
        let message = Message::new(&Method::POST, &uri, &headers, b"", NOW);
        black_box(verifier.recognize(&message)).expect("recognized");
    })
}

fn token(secret: &[u8]) -> String {
    let claims = format!(
        r#"{{"iss":"https://issuer.example","aud":"hooks","sub":"acct_1","exp":{},"jti":"1"}}"#,
        NOW.as_secs() + 60
    );
    let parts = [r#"{"alg":"HS256","typ":"JWT"}"#, &claims].map(|part| URL_SAFE_NO_PAD.encode(part));
    let signed = parts.join(".");
    let mac = Hmac::<Sha256>::new_from_slice(secret)
        .expect("a key")
        .chain_update(&signed);
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}
