//! What strangers can make a server pay who only show certificates, and what a client that is known pays meanwhile.
//!
//! None of them has a key: rustls asks about a certificate before its peer has proved anything. "junk" is no certificate; "chain" a
//! good leaf of somebody else's authority with junk behind it; "foreign" another authority's chain, and "namesake" that of one that
//! calls itself like ours; "public" a copy of a certificate that we trust, whose owner was never here.

use std::sync::Arc;
use std::time::Duration;

use countersign::identity::PeerChain;
use countersign::testing::{KeyAlgorithm, NOW, TestCa};
use countersign::tls::HandshakeVerifier;
use countersign::trust::{Remembered, Role, VerifiedPeer, VerifyPeer as _};
use rustls::pki_types::CertificateDer;
use rustls::server::danger::ClientCertVerifier;

use crate::handshake::{Policies, Stage};
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
    flooded(report, &pki);
}

/// The handshake of a known client between strangers, beside one between clients that are as good.
fn flooded(report: &mut Report, pki: &Pki) {
    let stage = Stage::new(&TestCa::new("Hosts Root"), pki);
    let trust = Policies::new(pki, None).known();
    let (verifier, config) = (
        HandshakeVerifier::new(&provider(), Arc::clone(&trust)),
        stage.ours(trust),
    );
    let shaking = || stage.shaking(&config);
    for (name, stranger) in strangers(pki) {
        // One that was here: `shaking` has had each of its clients shake hands.
        let (known, verifier) = (stage.known_chain(), &verifier);
        let between = move |others: Chain, mut shake: Shake| {
            move || {
                for _ in 0..FLOOD {
                    ask(verifier, &others);
                }
                shake()
            }
        };
        let group = Group::default()
            .case_in_part("healthy", between(known, Box::new(shaking())))
            .case_in_part("healthy_in_a_flood", between(stranger, Box::new(shaking())));
        let name = format!("{name}_flood");
        let measured = report.group(&name, group);
        report.at_most(&name, &measured, "healthy_in_a_flood", 1.1, "healthy");
    }
}

type Shake = Box<dyn FnMut() -> Duration>;

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
