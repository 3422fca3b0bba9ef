//! From a trusted peer to its tenant by a template for URIs, beside a `HashSet` of names: a thousand that are hot, and a
//! million in random order.

use std::cell::Cell;
use std::collections::HashSet;

use countersign::identity::{Name, PeerChain, SpkiHash};
use countersign::tenant::{ResolveTenant as _, TenantTable};
use countersign::testing::{KeyAlgorithm, NOW};
use countersign::trust::{Evidence, Presented, Role, Untrusted, VerifiedPeer, VerifyPeer};
use rustls::pki_types::CertificateDer;

use crate::measure::{Allocations, Group};
use crate::pki::Pki;
use crate::report::Report;

const MANY: usize = 1_000_000;
/// Peers that are asked about: enough of them that no cache holds what they find.
const PEERS: usize = 50_000;
const BEFORE: &str = "spiffe://acme.example/tenant/";

pub(crate) fn run(report: &mut Report) {
    let p256 = KeyAlgorithm::EcdsaP256;
    let leaf = Pki::new("", p256, p256, 0).client(0).leaf().clone();
    for (name, tenants, peers) in [
        ("1000", 1_000, 1_000),
        ("1M", report.size(MANY, 10_000), report.size(PEERS, 1_000)),
    ] {
        let peers = peers_like(&leaf, tenants, peers);
        measure(report, name, tenants, &peers);
    }
}

fn named(tenant: usize) -> String {
    format!("t{tenant:07}")
}

fn measure(report: &mut Report, name: &str, tenants: usize, peers: &[VerifiedPeer]) {
    let mut kept = (None, HashSet::new());
    let build = || {
        TenantTable::builder()
            .uri(&format!("{BEFORE}{{tenant}}"))
            .known((0..tenants).map(named))
    };
    let held = Allocations::of(|| kept.0 = Some(build().build().expect("a table"))).held;
    let least = Allocations::of(|| kept.1 = (0..tenants).map(|tenant| named(tenant).into()).collect()).held;
    let (table, names): (TenantTable, HashSet<Box<str>>) = (kept.0.expect("built"), kept.1);
    report.amount(
        &format!("{name}_hash_set_each"),
        "bytes",
        least as f64 / tenants as f64,
    );
    report.below(
        &format!("{name}_bytes"),
        "bytes",
        held as f64 / tenants as f64,
        40.0,
    );
    let at = [const { Cell::new(0) }; 2];
    let next = |at: &Cell<usize>| &peers[at.replace((at.get() + 1) % peers.len())];
    let group = Group::default()
        .case("hash_set", || {
            let [Name::Uri(uri), ..] = next(&at[0]).leaf().names() else {
                panic!("a URI");
            };
            let tenant = uri.strip_prefix(BEFORE).expect("ours");
            assert!(names.contains(tenant));
        })
        .case("ours", || table.resolve_tenant(next(&at[1])).expect("known"));
    let measured = report.group(name, group);
    report.at_most(name, &measured, "ours", 1.5, "hash_set");
}

/// Trusts what it is shown: here it is about what comes after that.
#[derive(Debug)]
struct Anybody;

impl VerifyPeer for Anybody {
    fn verify_peer(&self, peer: &Presented<'_>) -> Result<Evidence, Untrusted> {
        Ok(Evidence::new(peer.chain.leaf().validity()))
    }
}

/// So many of so many tenants, in no order, by leaves that differ in their URI.
fn peers_like(leaf: &CertificateDer<'_>, tenants: usize, peers: usize) -> Vec<VerifiedPeer> {
    let sample = named(0);
    let name = leaf
        .windows(sample.len())
        .position(|part| part == sample.as_bytes())
        .expect("a URI");
    let peer = |number: usize| {
        let tenant = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) % tenants;
        let mut der = leaf.to_vec();
        der[name..name + sample.len()].copy_from_slice(named(tenant).as_bytes());
        let chain = PeerChain::parse([CertificateDer::from(der)]).expect("a chain");
        let peer = VerifiedPeer::verify(&Anybody, chain, Role::Client, NOW).expect("anybody");
        // As after a handshake in which a pin was looked up.
        let _computed: SpkiHash = peer.leaf().spki();
        peer
    };
    (0..peers).map(peer).collect()
}
