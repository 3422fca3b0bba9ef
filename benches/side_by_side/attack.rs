//! What strangers can make a server pay who only show certificates, and what a client that is known pays meanwhile.
//!
//! None of them has a key: rustls asks about a certificate before its peer has proved anything. "junk" is no certificate; "chain" a
//! good leaf of somebody else's authority with junk behind it; "foreign" another authority's chain, and "namesake" that of one that
//! calls itself like ours; "public" a copy of a certificate that we trust, whose owner was never here.

use std::sync::Arc;

use countersign::identity::PeerChain;
use countersign::testing::{KeyAlgorithm, NOW, TestCa};
use countersign::tls::HandshakeVerifier;
use countersign::trust::{Remembered, Role, VerifiedPeer, VerifyPeer as _};
use rustls::pki_types::CertificateDer;
use rustls::server::danger::ClientCertVerifier;

use crate::handshake::{Policies, Stage, refuse};
use crate::measure::Group;
use crate::pki::{Pki, provider};
use crate::report::Report;

/// Attempts between two handshakes of a known client.
const FLOOD: usize = 50;

type Chain = Vec<CertificateDer<'static>>;

pub(crate) fn run(report: &mut Report) {
    let p256 = KeyAlgorithm::EcdsaP256;
    let pki = Pki::new("", p256, p256, 1);
    let (rustls, ours) = (pki.webpki(&[]), knowing(&pki, &pki.client(0).chain()));
    for (name, chain) in strangers(&pki) {
        let group = Group::default()
            .case("rustls", || ask(&*rustls, &chain))
            .case("ours", || ask(&ours, &chain));
        let measured = report.group(name, group);
        report.at_most(name, &measured, "ours", 1.0, "rustls");
    }
    let stage = Stage::new(&TestCa::new("Hosts Root"), &pki);
    refused(report, &stage, &pki);
    flooded(report, &stage, &pki);
}

/// The whole handshake of a stranger: what one attempt costs a server, until it has refused it.
fn refused(report: &mut Report, stage: &Stage, pki: &Pki) {
    let servers = [
        stage.rustls(pki.webpki(&[])),
        stage.ours(Policies::new(pki, None).known()),
    ];
    // A key of the right kind, and nobody's.
    let key = TestCa::new("Nowhere").client("spiffe://nowhere.example").issue();
    for (name, chain) in strangers(pki) {
        let client = stage.client_config(chain, &key);
        let [rustls, ours] = servers.each_ref().map(|server| || refuse(server, &client));
        let group = Group::default()
            .case_in_part("rustls", rustls)
            .case_in_part("ours", ours);
        let name = format!("{name}_handshake");
        let measured = report.group(&name, group);
        report.at_most(&name, &measured, "ours", 1.02, "rustls");
    }
}

/// The handshake of a known client between strangers: beside one between clients that are as good, and beside one between the
/// same strangers where rustls's own verifier refuses them.
fn flooded(report: &mut Report, stage: &Stage, pki: &Pki) {
    let trust = Policies::new(pki, None).known();
    let (verifier, config) = (
        HandshakeVerifier::new(&provider(), Arc::clone(&trust)),
        stage.ours(trust),
    );
    let (verifier, rustls): (&dyn ClientCertVerifier, _) = (&verifier, pki.webpki(&[]));
    for (name, stranger) in strangers(pki) {
        let between = |verifier, others: &Chain| {
            let (others, mut shake) = (others.clone(), stage.shaking(&config));
            move || {
                for _ in 0..FLOOD {
                    ask(verifier, &others);
                }
                shake()
            }
        };
        // One that was here: `shaking` has had each of its clients shake hands.
        let group = Group::default()
            .case_in_part("healthy", between(verifier, &stage.known_chain()))
            .case_in_part("healthy_in_a_flood", between(verifier, &stranger))
            .case_in_part("flood_at_rustls", between(&*rustls, &stranger));
        let name = format!("{name}_flood");
        let measured = report.group(&name, group);
        report.at_most(&name, &measured, "healthy_in_a_flood", 1.1, "healthy");
        report.at_most(&name, &measured, "healthy_in_a_flood", 1.05, "flood_at_rustls");
    }
}

fn ask(verifier: &dyn ClientCertVerifier, chain: &Chain) -> bool {
    let (leaf, others) = chain.split_first().expect("a leaf");
    verifier.verify_client_cert(leaf, others, NOW).is_ok()
}

/// Ours, by which this client has proved its key before.
fn knowing(pki: &Pki, client: &Chain) -> HandshakeVerifier {
    let trust = Remembered::new(pki.trust(None));
    let chain = PeerChain::parse(client.iter().cloned()).expect("a chain");
    let peer = VerifiedPeer::verify(&trust, chain, Role::Client, NOW).expect("trusted");
    let memory = trust.memory().expect("a memory");
    memory.keep(Role::Client, peer, NOW);
    HandshakeVerifier::new(&provider(), trust)
}

fn strangers(pki: &Pki) -> [(&'static str, Chain); 5] {
    let junk = || {
        CertificateDer::from(
            (0..700_u32)
                .map(|byte| (byte * 37 % 251) as u8)
                .collect::<Vec<_>>(),
        )
    };
    let p256 = KeyAlgorithm::EcdsaP256;
    let foreign = Pki::named("Globex Root", "", p256, p256, 1).client(1).chain();
    let namesake = Pki::new("", p256, p256, 1).client(1).chain();
    let below_nothing = TestCa::new("Nowhere")
        .client("spiffe://acme.example/tenant/t0000001")
        .issue();
    let behind = std::iter::repeat_with(junk).take(6);
    let long = std::iter::once(below_nothing.leaf().clone())
        .chain(behind)
        .collect();
    [
        ("junk", vec![junk()]),
        ("chain", long),
        ("foreign", foreign),
        ("namesake", namesake),
        ("public", pki.client(1).chain()),
    ]
}
