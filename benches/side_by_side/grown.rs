//! Cost as work grows: of one question, of building, and of holding, by how much there is of it.
//!
//! Amounts are called `KIND/SIZE/WHAT`; `benches/performance.py` makes tables and a plot of them.

use std::cell::Cell;
use std::hint::black_box;
use std::net::SocketAddr;

use countersign::gate::Policy;
use countersign::identity::PeerChain;
use countersign::payload::{
    HmacSigner, HmacVerifier, Keyring, Message, Outgoing, Scheme, Secret, SignPayload as _,
    VerifyPayload as _,
};
use countersign::tenant::{ResolveTenant as _, TenantId};
use countersign::testing::{KeyAlgorithm, NOW, TestCa};
use countersign::trust::{PinSet, PrivateCa, Role, VerifiedPeer};
use countersign::web::Connection;
use http::{HeaderMap, Method, Uri};

use crate::measure::{Allocations, Group, now};
use crate::pki::{Pki, provider, read};
use crate::replaced::{hashes, tenants};
use crate::report::Report;

pub(crate) fn run(report: &mut Report) {
    let p256 = KeyAlgorithm::EcdsaP256;
    let pki = Pki::new("", p256, p256, 0);
    for size in report.sizes(&[10, 1_000, 100_000, 1_000_000]) {
        tenants_of(report, &pki, size);
        pins_of(report, &pki, size);
    }
    for size in report.sizes(&[1, 100, 10_000]) {
        anchors_of(report, size);
    }
    for size in report.sizes(&[1, 1_000, 100_000, 1_000_000]) {
        list_of(report, &pki, size);
    }
    for size in [1, 4, 8] {
        keys_of(report, size);
    }
    for size in report.sizes(&[1, 100, 10_000]) {
        connections_of(report, &pki, size);
    }
}

fn chain(pki: &Pki) -> PeerChain {
    PeerChain::parse(pki.client(0).chain()).expect("a chain")
}

/// Builds it, and tells what that took and what it holds.
fn built<T>(report: &mut Report, name: &str, build: impl FnOnce() -> T) -> T {
    let mut kept = None;
    let began = now();
    let held = Allocations::of(|| kept = Some(build())).held;
    report.amount(
        &format!("{name}/built"),
        "ms",
        (now() - began).as_nanos() as f64 / 1e6,
    );
    report.amount(&format!("{name}/held"), "kB", held as f64 / 1e3);
    kept.expect("built")
}

fn asked<T>(report: &mut Report, name: &str, ask: impl FnMut() -> T) {
    let measured = report.group(name, Group::default().case("asked", ask));
    report.amount(&format!("{name}/asked"), "ns", measured.nanos("asked"));
}

fn tenants_of(report: &mut Report, pki: &Pki, size: usize) {
    let name = format!("tenants/{size}");
    let table = built(report, &name, || tenants(size));
    let peer = VerifiedPeer::verify(&pki.trust(None), chain(pki), Role::Client, NOW).expect("trusted");
    asked(report, &name, || table.resolve_tenant(&peer).expect("known"));
}

fn pins_of(report: &mut Report, pki: &Pki, size: usize) {
    let (name, chain) = (format!("pins/{size}"), chain(pki));
    let own = chain.leaf().spki();
    let pins = built(report, &name, || PinSet::new(hashes(size - 1).chain([own])));
    asked(report, &name, || {
        VerifiedPeer::verify(&pins, chain.clone(), Role::Client, NOW).expect("pinned")
    });
}

/// The first contact of a client of the last one.
fn anchors_of(report: &mut Report, size: usize) {
    let cas: Vec<_> = (0..size).map(|ca| TestCa::new(&format!("Root {ca}"))).collect();
    let chain = cas
        .last()
        .expect("one")
        .client("spiffe://acme.example/tenant/acme")
        .issue()
        .chain();
    let chain = PeerChain::parse(chain).expect("a chain");
    let name = format!("anchors/{size}");
    let trust = built(report, &name, || {
        let builder = PrivateCa::builder(provider().signature_verification_algorithms.all);
        let builder = cas
            .iter()
            .fold(builder, |builder, ca| builder.der(ca.certificate().clone()));
        builder.build(NOW).expect("anchors")
    });
    asked(report, &name, || {
        VerifiedPeer::verify(&trust, chain.clone(), Role::Client, NOW).expect("trusted")
    });
}

/// The first contact of a client below a list of so many.
fn list_of(report: &mut Report, pki: &Pki, size: usize) {
    let (name, chain, crls) = (format!("crl/{size}"), chain(pki), pki.crls(size));
    let trust = built(report, &name, || pki.trust(Some(&read(&crls))));
    asked(report, &name, || {
        VerifiedPeer::verify(&trust, chain.clone(), Role::Client, NOW).expect("trusted")
    });
}

/// A payload that was signed with the key that is tried last.
fn keys_of(report: &mut Report, size: usize) {
    let (scheme, tenant) = (
        Scheme::standard_webhooks(),
        TenantId::parse("acme").expect("a tenant"),
    );
    let secret = |number: usize| Secret::new(&format!("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7{number:02}"));
    let ring = |numbers: std::ops::Range<usize>| {
        let ring = Keyring::builder(&scheme);
        let ring = numbers.fold(ring, |ring, number| {
            ring.key(tenant.clone(), &*number.to_string(), secret(number))
        });
        ring.build().expect("keys")
    };
    let body = vec![b'x'; 2048];
    let signer = HmacSigner::new(scheme.clone(), ring(size - 1..size));
    let headers: HeaderMap = signer
        .sign_payload(&Outgoing::new(&tenant, "msg_1", &body, NOW))
        .expect("signed");
    let name = format!("keys/{size}");
    let keys = built(report, &name, || ring(0..size));
    let (verifier, uri) = (HmacVerifier::new(scheme.clone(), keys), Uri::from_static("/"));
    asked(report, &name, || {
        let message = Message::new(&Method::POST, &uri, &headers, &body, NOW);
        verifier.verify_payload(&message).map(drop).expect("authentic");
    });
}

/// One more request on each of so many open connections in turn.
fn connections_of(report: &mut Report, pki: &Pki, size: usize) {
    let policy = Policy::new(pki.trust(None), tenants(1));
    let (name, shown) = (format!("connections/{size}"), pki.client(0).chain());
    let open = built(report, &name, || {
        let peer = SocketAddr::from(([127, 0, 0, 1], 443));
        let connections = (0..size).map(|_| Connection::new(peer, Some(&shown)).expect("a chain"));
        let connections: Vec<_> = connections.collect();
        for connection in &connections {
            connection.identify(&policy, NOW).expect("a caller");
        }
        connections
    });
    let at = Cell::new(0);
    asked(report, &name, || {
        let connection = &open[at.replace((at.get() + 1) % open.len())];
        black_box(connection.identify(&policy, NOW)).expect("a caller")
    });
}
