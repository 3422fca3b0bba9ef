//! Looking up a pin, beside a `HashSet` of the same hashes: few, and a million in random order.

use std::cell::Cell;
use std::collections::HashSet;
use std::fmt;
use std::ops::Range;
use std::sync::Mutex;

use countersign::identity::{PeerChain, SpkiHash};
use countersign::testing::{KeyAlgorithm, NOW};
use countersign::trust::{Evidence, PinSet, Presented, Role, Untrusted, VerifiedPeer, VerifyPeer};
use rustls::pki_types::CertificateDer;

use crate::measure::{Allocations, Group};
use crate::pki::Pki;
use crate::report::Report;

const MANY: usize = 1_000_000;
/// Peers that are asked about: enough of them that no cache holds what they find.
const PEERS: usize = 50_000;

pub(crate) fn run(report: &mut Report) {
    let p256 = KeyAlgorithm::EcdsaP256;
    let leaf = Pki::new("", p256, p256, 0).client(0).leaf().clone();
    for (name, pins, peers) in [
        ("10", 10, 10),
        ("1M", report.size(MANY, 10_000), report.size(PEERS, 1_000)),
    ] {
        let (peers, strangers) = (peers_like(&leaf, 0..peers), peers_like(&leaf, peers..peers * 2));
        let pinned = peers.iter().map(|peer| peer.leaf().spki());
        let others = (peers.len()..pins).map(|other| SpkiHash::of(&other.to_be_bytes()));
        measure(
            report,
            name,
            &pinned.chain(others).collect::<Vec<_>>(),
            &peers,
            &strangers,
        );
    }
}

fn measure(report: &mut Report, name: &str, pins: &[SpkiHash], peers: &[PeerChain], strangers: &[PeerChain]) {
    let mut sets = (PinSet::default(), HashSet::new());
    let held = Allocations::of(|| sets.0 = PinSet::new(pins.iter().copied())).held;
    let least = Allocations::of(|| sets.1 = HashSet::<SpkiHash>::from_iter(pins.iter().copied())).held;
    let (set, hashes) = (&sets.0, &sets.1);
    report.amount(
        &format!("{name}_ours_each"),
        "bytes",
        held as f64 / pins.len() as f64,
    );
    report.amount(
        &format!("{name}_hash_set_each"),
        "bytes",
        least as f64 / pins.len() as f64,
    );
    if pins.len() >= 10_000 {
        report.below(
            &format!("{name}_bytes"),
            "bytes",
            held as f64 / pins.len() as f64,
            48.0,
        );
    }
    presenting(&peers[0], &mut |presented| {
        let ask = |peers: &[PeerChain], at: &Cell<usize>| {
            let mut presented = *presented;
            presented.chain = &peers[at.replace((at.get() + 1) % peers.len())];
            set.verify_peer(&presented).is_ok()
        };
        let find = |peers: &[PeerChain], at: &Cell<usize>| {
            hashes.contains(&peers[at.replace((at.get() + 1) % peers.len())].leaf().spki())
        };
        let at = [const { Cell::new(0) }; 4];
        let group = Group::default()
            .case("hash_set", || assert!(find(peers, &at[0])))
            .case("ours", || assert!(ask(peers, &at[1])))
            .case("hash_set_miss", || assert!(!find(strangers, &at[2])))
            .case("ours_miss", || assert!(!ask(strangers, &at[3])));
        let measured = report.group(name, group);
        report.at_most(name, &measured, "ours", 1.2, "hash_set");
        report.at_most(
            &format!("{name}_miss"),
            &measured,
            "ours_miss",
            1.2,
            "hash_set_miss",
        );
    });
}

/// Chains that differ in the bytes of their keys, and so in everything that is looked up. Their signatures are wrong, which
/// nobody asks here.
fn peers_like(leaf: &CertificateDer<'_>, numbers: Range<usize>) -> Vec<PeerChain> {
    let chain = PeerChain::parse([leaf.clone()]).expect("a chain");
    let spki = chain.leaf().spki();
    let key = (0..leaf.len())
        .find_map(|at| {
            // SEC 1: a point that is written out.
            (leaf.get(at..at + 4)? == [0x03, 0x42, 0x00, 0x04]).then_some(at + 4)
        })
        .expect("a point");
    let parse = |number: usize| {
        let mut der = leaf.to_vec();
        der[key..key + 8].copy_from_slice(&(number as u64).to_be_bytes());
        let chain = PeerChain::parse([CertificateDer::from(der)]).expect("a chain");
        assert_ne!(chain.leaf().spki(), spki);
        chain
    };
    // Neighbours in memory are not asked about one after the other.
    let (mut order, peers): (Vec<_>, _) = (numbers.clone().collect(), numbers.len());
    order.sort_by_key(|number| number.wrapping_mul(0x9e37_79b9_7f4a_7c15) % peers);
    order.into_iter().map(parse).collect()
}

/// Runs something on what a verifier is shown, which only verifiers see.
fn presenting(chain: &PeerChain, with: &mut (dyn FnMut(&Presented<'_>) + Send)) {
    let shown = Shown(Mutex::new(with));
    let refused = VerifiedPeer::verify(&shown, chain.clone(), Role::Client, NOW);
    assert_eq!(refused.err(), Some(Untrusted::NothingBefore));
}

struct Shown<'w>(Mutex<&'w mut (dyn FnMut(&Presented<'_>) + Send)>);

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shown")
    }
}

impl VerifyPeer for Shown<'_> {
    fn verify_peer(&self, presented: &Presented<'_>) -> Result<Evidence, Untrusted> {
        let mut with = self.0.lock().expect("asked once");
        (*with)(presented);
        Err(Untrusted::NothingBefore)
    }
}
