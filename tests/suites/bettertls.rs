//! Netflix's BetterTLS: name constraints and the building of paths, for servers; rustls's own verifier is asked beside ours.
//!
//! Its certificates are made anew for each export, so that none are here: `BETTERTLS` names what its `export-tests` has
//! written. Without it the test says so, loudly.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::identity::PeerChain;
use countersign::trust::{PrivateCa, Profile, Role, VerifiedPeer};
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Export {
    trust_root: String,
    suites: BTreeMap<String, Suite>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Suite {
    test_cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Case {
    id: u32,
    certificates: Vec<String>,
    hostname: String,
    expected: String,
    failure_is_warning: bool,
}

fn der(text: &str) -> CertificateDer<'static> {
    STANDARD.decode(text).expect("base64").into()
}

/// How the answers of one verifier compare with what is expected.
#[derive(Debug, Default)]
struct Score {
    agree: usize,
    /// Accepted what is to be rejected, and only advised against.
    accepted: usize,
    advised_against: usize,
    /// Rejected what is to be accepted.
    rejected: BTreeMap<String, usize>,
    first_accepted: Vec<u32>,
}

impl Score {
    fn enter(&mut self, case: &Case, answer: Result<(), String>) {
        match (case.expected.as_str(), answer) {
            ("ACCEPT", Err(code)) => *self.rejected.entry(code).or_default() += 1,
            ("REJECT", Ok(())) if case.failure_is_warning => self.advised_against += 1,
            ("REJECT", Ok(())) => {
                self.accepted += 1;
                if self.first_accepted.len() < 5 {
                    self.first_accepted.push(case.id);
                }
            }
            _ => self.agree += 1,
        }
    }
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the certificates of an export are of its day"
)]
fn nothing_is_accepted_that_bettertls_rejects() {
    let Some(file) = std::env::var_os("BETTERTLS") else {
        let told = writeln!(
            std::io::stderr(),
            "bettertls: SKIPPED: BETTERTLS names no export of its tests"
        );
        return told.expect("stderr");
    };
    let export: Export = serde_json::from_slice(&std::fs::read(file).expect("a file")).expect("an export");
    let (now, root) = (UnixTime::now(), der(&export.trust_root));
    let provider = Arc::new(aws_lc_rs::default_provider());
    let ours = PrivateCa::builder(provider.signature_verification_algorithms.all)
        .der(root.clone())
        .with_profile(Profile::strict())
        .build(now)
        .expect("an anchor");
    let mut roots = RootCertStore::empty();
    roots.add(root).expect("an anchor");
    let theirs = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build();
    let theirs = theirs.expect("a verifier");

    for (name, suite) in &export.suites {
        let (mut our_score, mut their_score) = (Score::default(), Score::default());
        for case in &suite.test_cases {
            let chain: Vec<_> = case.certificates.iter().map(|text| der(text)).collect();
            let server = ServerName::try_from(case.hostname.as_str()).expect("a name");
            let answer = PeerChain::parse(chain.clone())
                .map_err(Into::into)
                .and_then(|chain| VerifiedPeer::verify(&ours, chain, Role::Server { name: &server }, now));
            our_score.enter(case, answer.map(drop).map_err(|why| why.code().to_owned()));
            let answer = theirs.verify_server_cert(&chain[0], &chain[1..], &server, &[], now);
            their_score.enter(
                case,
                answer
                    .map(drop)
                    .map_err(|why| format!("{why:?}").chars().take(60).collect()),
            );
        }
        println!("bettertls: {name}: {} cases", suite.test_cases.len());
        println!("bettertls: {name}: ours: {our_score:?}");
        println!("bettertls: {name}: rustls: {their_score:?}");
        assert_eq!(our_score.accepted, 0, "{name}");
    }
}
