//! The cost of trusting a client: `verify_client_cert` alone, beside rustls's own `WebPkiClientVerifier` and the least
//! memory.
//!
//! All are asked through the trait that rustls asks in a handshake: for us that is all of reading the chain, path building,
//! the strict profile and revocation. "known" is a chain that [`Remembered`] has seen in an earlier handshake, "forwarded" a
//! known one that a proxy hands on in the fields of RFC 9440, all the way to the caller; `crl` has an issuer that has
//! revoked 100,000.

use std::sync::Arc;

use countersign::forwarded::{Emit, Format, Forwarder, Hop, Hops};
use countersign::gate::{Caller, Policy};
use countersign::identity::PeerChain;
use countersign::tenant::TenantTable;
use countersign::testing::{KeyAlgorithm, NOW};
use countersign::tls::HandshakeVerifier;
use countersign::trust::{Remembered, Role, VerifiedPeer, VerifyPeer as _};
use http::HeaderMap;
use rustls::pki_types::CertificateDer;
use rustls::server::danger::ClientCertVerifier;

use crate::measure::{Allocations, Group};
use crate::pki::{LeastMemory, Pki, Trust, provider, read};
use crate::report::Report;

/// Entries in the long revocation list.
const REVOKED: usize = 100_000;

pub(crate) fn run(report: &mut Report) {
    let p256 = KeyAlgorithm::EcdsaP256;
    let two = Pki::new("p256_int2", p256, p256, 2);
    for pki in Pki::all().into_iter().chain([two]) {
        let chain = Chain::of(&pki);
        measure(report, &pki, &chain);
        if ["p256_int", "rsa_int"].contains(&pki.name) {
            measure_crls(report, &pki, &chain);
        }
    }
}

fn measure(report: &mut Report, pki: &Pki, chain: &Chain) {
    let webpki = pki.webpki(&[]);
    let first: Trust = Arc::new(pki.trust(None));
    let (known, forwarded) = (chain.known(&first), chain.forwarded(&first));
    let least = LeastMemory::of([&*chain.presented]);
    let ask = |verifier: &HandshakeVerifier| chain.ask(verifier);
    let group = Group::default()
        .case("rustls", || chain.ask(&*webpki))
        .case_on("first", || in_handshakes(&first), ask)
        .case("least_memory", || chain.ask(&least))
        .case_on("known", || in_handshakes(&known), ask)
        .case("forwarded", || forwarded.identify());
    let measured = report.group(pki.name, group);
    report.at_most(pki.name, &measured, "first", 1.03, "rustls");
    report.at_most(pki.name, &measured, "known", 1.10, "least_memory");
}

/// The same below a long list, and what the list takes: when it is read, and when its signature has been verified.
fn measure_crls(report: &mut Report, pki: &Pki, chain: &Chain) {
    let revoked = report.size(REVOKED, 1_000);
    let crls = pki.crls(revoked);
    let webpki = [pki.webpki(&[]), pki.webpki(&crls)];
    let read_list = Allocations::of(|| read(&crls));
    let verified = Allocations::of(|| {
        let crls = read(&crls);
        chain.ask(&in_handshakes(&(Arc::new(pki.trust(Some(&crls))) as Trust)));
        crls
    });
    let first: Trust = Arc::new(pki.trust(Some(&read(&crls))));
    let known = chain.known(&first);
    let ask = |verifier: &HandshakeVerifier| chain.ask(verifier);
    let group = Group::default()
        .case("rustls", || chain.ask(&*webpki[0]))
        .case("rustls_crl", || chain.ask(&*webpki[1]))
        .case_on("first_crl", || in_handshakes(&first), ask)
        .case_on("known_crl", || in_handshakes(&known), ask);
    let name = format!("{}_crl", pki.name);
    let measured = report.group(&name, group);
    report.at_most(&name, &measured, "first_crl", 1.03, "rustls");
    for (stage, allocations) in [("read", read_list), ("verified", verified)] {
        report.amount(&format!("{name}_{stage}"), "MB", allocations.held as f64 / 1e6);
    }
}

/// What rustls asks. Without the signature of a handshake it keeps every peer waiting for one, so it must not grow old.
fn in_handshakes(trust: &Trust) -> HandshakeVerifier {
    HandshakeVerifier::new(&provider(), Arc::clone(trust))
}

/// A client's chain, the leaf first.
struct Chain {
    presented: Vec<CertificateDer<'static>>,
}

impl Chain {
    fn of(pki: &Pki) -> Self {
        let presented = pki.client(0).chain();
        Self { presented }
    }

    fn read(&self) -> PeerChain {
        PeerChain::parse(self.presented.iter().cloned()).expect("a chain")
    }

    /// Trust that remembers this chain from an earlier handshake.
    fn known(&self, trust: &Trust) -> Trust {
        let trust = Remembered::new(Arc::clone(trust));
        let peer = VerifiedPeer::verify(&trust, self.read(), Role::Client, NOW).expect("trusted");
        let memory = trust.memory().expect("a memory");
        memory.keep(Role::Client, peer, NOW);
        Arc::new(trust)
    }

    /// A request of a client that was here before, over a proxy.
    fn forwarded(&self, trust: &Trust) -> Request {
        let table = TenantTable::builder()
            .uri("spiffe://acme.example/tenant/{tenant}")
            .known(["t0000000"]);
        let policy = Policy::new(Arc::clone(trust), table.build().expect("a table"));
        let caller = Caller::identify(&policy, self.read(), NOW).expect("a caller");
        let mut headers = HeaderMap::new();
        let written = Emit::rfc_9440_with_chain().set(&caller, &mut headers);
        written.expect("not too large");
        let hops = Hops::nobody().with_unix_socket();
        let request = Request {
            forwarder: Forwarder::new(hops, Format::rfc_9440()).expect("fields"),
            policy,
            headers,
        };
        request.identify();
        request
    }

    fn ask(&self, verifier: &dyn ClientCertVerifier) {
        let (leaf, others) = self.presented.split_first().expect("a leaf");
        verifier.verify_client_cert(leaf, others, NOW).expect("trusted");
    }
}

struct Request {
    forwarder: Forwarder,
    policy: Policy,
    headers: HeaderMap,
}

impl Request {
    fn identify(&self) {
        let forwarded = self.forwarder.present(Some(&Hop::unix_socket()), &self.headers);
        let forwarded = forwarded.expect("readable").expect("a certificate");
        forwarded.identify(&self.policy, NOW).expect("a caller");
    }
}
