//! Hot paths to count the instructions of, under callgrind: `.ci/long` compares them with `benches/instructions.json`.
//!
//! Only code that is the same on every x86-64: no signature is verified, and SHA-256 is the one in software, since callgrind shows
//! programs no processor with instructions for it. Certificates are of Ed25519, whose sizes do not vary.

use std::hint::black_box;
use std::time::Duration;

use countersign::identity::PeerChain;
use countersign::payload::jose::{Algorithm, Jwk, JwtAt, JwtKeyring, JwtRules, JwtScheme, UnboundJwts};
use countersign::payload::{
    HmacSigner, HmacVerifier, Keyring, Message, Outgoing, Scheme, Secret, SignPayload as _,
    VerifyPayload as _,
};
use countersign::tenant::{ResolveTenant as _, TenantId, TenantTable};
use countersign::testing::{KeyAlgorithm, NOW};
use countersign::tls::HandshakeVerifier;
use countersign::trust::{Fingerprint, Remembered, Role, VerifiedPeer, VerifyPeer as _};
use http::{HeaderMap, Method, Uri};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::ClientCertVerifier as _;

use crate::jose::{jwk, mint};
use crate::pki::{Pki, provider};

/// `--count PATH CALLS`, if that is what was asked for.
pub(crate) fn run(args: &[String]) -> bool {
    let Some([path, calls]) = args
        .iter()
        .position(|arg| arg == "--count")
        .and_then(|at| args.get(at + 1..at + 3))
    else {
        return false;
    };
    let calls: usize = calls.parse().expect("a number of calls");
    let mut call = path_of(path);
    (0..calls).for_each(|_| call());
    true
}

fn path_of(path: &str) -> Box<dyn FnMut()> {
    match path {
        "chain" => chain(),
        "known" => known(),
        "tenant" => tenant(),
        "payload" => payload(),
        "jwt" => jwt(),
        other => panic!("{other} is none of chain, known, tenant, payload, jwt"),
    }
}

fn client() -> (Pki, Vec<CertificateDer<'static>>) {
    let pki = Pki::new("", KeyAlgorithm::Ed25519, KeyAlgorithm::Ed25519, 1);
    let chain = pki.client(0).chain();
    (pki, chain)
}

fn read(chain: &[CertificateDer<'static>]) -> PeerChain {
    PeerChain::parse(chain.iter().cloned()).expect("a chain")
}

fn chain() -> Box<dyn FnMut()> {
    let (_, chain) = client();
    Box::new(move || drop(black_box(read(&chain).leaf().spki())))
}

fn known() -> Box<dyn FnMut()> {
    let (pki, chain) = client();
    let trust = Remembered::new(pki.trust(None));
    let peer = VerifiedPeer::verify(&trust, read(&chain), Role::Client, NOW).expect("trusted");
    let memory = trust.memory().expect("a memory");
    memory.keep(Fingerprint::of(Role::Client, chain.iter()), peer, NOW);
    let verifier = HandshakeVerifier::new(&provider(), trust);
    Box::new(move || {
        let (leaf, others) = chain.split_first().expect("a leaf");
        verifier.verify_client_cert(leaf, others, NOW).expect("known");
    })
}

fn tenant() -> Box<dyn FnMut()> {
    let (pki, chain) = client();
    let peer = VerifiedPeer::verify(&pki.trust(None), read(&chain), Role::Client, NOW).expect("trusted");
    let table = TenantTable::builder().uri("spiffe://acme.example/tenant/{tenant}");
    let table = table.known(["t0000000"]).build().expect("a table");
    Box::new(move || drop(black_box(table.resolve_tenant(&peer).expect("known"))))
}

fn payload() -> Box<dyn FnMut()> {
    let (scheme, acme) = (
        Scheme::standard_webhooks(),
        TenantId::parse("acme").expect("a tenant"),
    );
    let secret = Secret::new("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD");
    let keys = Keyring::builder(&scheme).key(acme.clone(), "1", secret);
    let (keys, body) = (keys.build().expect("a key"), vec![b'x'; 256]);
    let signer = HmacSigner::new(scheme.clone(), keys.clone());
    let headers = signer
        .sign_payload(&Outgoing::new(&acme, "msg_1", &body, NOW))
        .expect("signed");
    let (verifier, uri) = (HmacVerifier::new(scheme, keys), Uri::from_static("/"));
    Box::new(move || {
        let message = Message::new(&Method::POST, &uri, &headers, &body, NOW);
        black_box(verifier.verify_payload(&message)).expect("authentic");
    })
}

fn jwt() -> Box<dyn FnMut()> {
    let now = NOW.as_secs();
    let claims = format!(
        r#"{{"iss":"https://issuer.example","aud":"hooks","sub":"acct_1","exp":{},"jti":"1"}}"#,
        now + 60
    );
    let token = mint(Algorithm::Hs256, r#"{"alg":"HS256","typ":"JWT"}"#, claims);
    let key = Jwk::parse(jwk(Algorithm::Hs256, "").as_bytes())
        .expect("a key")
        .verifier(Algorithm::Hs256, &[]);
    let keys = JwtKeyring::builder().keys(TenantId::parse("acme").expect("a tenant"), key);
    let rules = JwtRules::issuer("https://issuer.example").audience("hooks");
    let scheme = JwtScheme::new("counted", JwtAt::bearer(), rules);
    let verifier = UnboundJwts::new(scheme, keys.build().expect("keys"));
    let (mut headers, uri) = (HeaderMap::new(), Uri::from_static("/"));
    headers.insert(
        "authorization",
        format!("Bearer {token}").parse().expect("a value"),
    );
    let now = UnixTime::since_unix_epoch(Duration::from_secs(now));
    Box::new(move || {
        let message = Message::new(&Method::POST, &uri, &headers, b"", now);
        black_box(verifier.recognize(&message)).expect("recognized");
    })
}
