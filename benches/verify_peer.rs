//! What does it cost to trust a client? Beside rustls's own `WebPkiClientVerifier`, in one run.
//!
//! Both are asked through the trait that rustls asks in a handshake, `verify_client_cert`: for us that is all of
//! reading the chain, path building, the strict profile and revocation. Each group is one public key infrastructure;
//! the first line is `WebPkiClientVerifier` without a CRL, and all ratios are to that.
//!
//! "known" is a chain that [`Remembered`] has seen in an earlier handshake, "forwarded" a known one that a proxy hands on in
//! the fields of RFC 9440, all the way to the caller; `crl_100000` has an issuer that has revoked
//! so many. `cargo bench -p countersign-benches --bench verify_peer`
#![expect(
    clippy::expect_used,
    reason = "a bench that cannot be set up should stop where it stands"
)]

mod support;

use std::sync::Arc;

use countersign::forwarded::{Emit, Format, Forwarder, Hop, Hops};
use countersign::gate::{Caller, Policy};
use countersign::identity::PeerChain;
use countersign::tenant::TenantTable;
use countersign::testing::{KeyAlgorithm, NOW, Serial, TestCa, TestCrl};
use countersign::tls::HandshakeVerifier;
use countersign::trust::{
    Crls, Fingerprint, PrivateCa, PrivateCaBuilder, Remembered, Revocation, Role, VerifiedPeer, VerifyPeer,
};
use http::HeaderMap;
use rustls::RootCertStore;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::CertificateDer;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use support::{Allocations, Group, Summary};

/// Entries in the long revocation list.
const REVOKED: u64 = 100_000;

fn main() {
    let mut summary = Summary::new("verify_peer");
    let (p256, p384) = (KeyAlgorithm::EcdsaP256, KeyAlgorithm::EcdsaP384);
    let (rsa, rsa_ca) = (KeyAlgorithm::Rsa2048, KeyAlgorithm::Rsa4096);
    for (name, leaf, ca) in [("p256", p256, p256), ("p384", p384, p384), ("rsa", rsa, rsa_ca)] {
        let pki = Pki::new(leaf, ca);
        let chain = pki.with_one_intermediate();
        measure(&mut summary, &format!("{name}_int"), &chain);
        if leaf == p256 {
            measure_crls(&mut summary, &chain);
        }
        measure(
            &mut summary,
            &format!("{name}_int2"),
            &pki.with_two_intermediates(),
        );
    }
    summary.print();
}

/// Asks every verifier about one chain.
fn measure(summary: &mut Summary, name: &str, chain: &Chain) {
    let [webpki, webpki_crl] = [chain.webpki(&[]), chain.webpki(&chain.crls)];
    let [first, first_crl] = [chain.first(), chain.first_crl(&chain.crls())];
    let [known, known_crl] = [chain.known(&first), chain.known(&first_crl)];
    let ask = |verifier: &HandshakeVerifier| chain.ask(verifier);
    let forwarded = chain.forwarded(&first);
    let measured = Group::default()
        .case("webpki", || chain.ask(&*webpki))
        .case_on("first", || in_handshakes(&first), ask)
        .case_on("known", || in_handshakes(&known), ask)
        .case("forwarded", || forwarded.identify())
        .case("webpki_crl_100000", || chain.ask(&*webpki_crl))
        .case_on("first_crl_100000", || in_handshakes(&first_crl), ask)
        .case_on("known_crl_100000", || in_handshakes(&known_crl), ask)
        .run();
    measured.print(name);
    for (case, figures) in measured.iter() {
        let key = match case.split_once('_') {
            Some((contact, crl)) => format!("{contact}_{name}_{crl}"),
            None => format!("{case}_{name}"),
        };
        summary.allocations(&key, figures.allocations.count);
        if !case.starts_with("webpki") {
            summary.ratio(key, figures.ratio);
        }
    }
}

/// What the long list takes: when it is read, and when its signature has been verified.
fn measure_crls(summary: &mut Summary, chain: &Chain) {
    let read = Allocations::of(|| chain.crls());
    let verified = Allocations::of(|| {
        let crls = chain.crls();
        chain.ask(&in_handshakes(&chain.first_crl(&crls)));
        crls
    });
    for (name, allocations) in [("crl_100000_read_bytes", read), ("crl_100000_bytes", verified)] {
        println!("{name}: {:.2} MB", allocations.held as f64 / 1e6);
        summary.allocations(name, allocations.held.unsigned_abs());
    }
}

type Trust = Arc<dyn VerifyPeer>;

/// What rustls asks. Without the signature of a handshake it keeps every peer waiting for one, so it must not grow old.
fn in_handshakes(trust: &Trust) -> HandshakeVerifier {
    HandshakeVerifier::new(&provider(), Arc::clone(trust))
}

/// A root and two authorities below it, one above the other.
struct Pki {
    root: TestCa,
    issuing: TestCa,
    sub: TestCa,
    leaf: KeyAlgorithm,
}

impl Pki {
    fn new(leaf: KeyAlgorithm, ca: KeyAlgorithm) -> Self {
        let root = TestCa::builder("Acme Root").key_algorithm(ca).issue();
        let issuing = root
            .intermediate_builder("Acme Issuing")
            .key_algorithm(ca)
            .issue();
        let sub = issuing
            .intermediate_builder("Acme Clients")
            .key_algorithm(ca)
            .issue();
        Self {
            root,
            issuing,
            sub,
            leaf,
        }
    }

    fn with_one_intermediate(&self) -> Chain {
        self.chain(&self.issuing, &[&self.root])
    }

    fn with_two_intermediates(&self) -> Chain {
        self.chain(&self.sub, &[&self.issuing, &self.root])
    }

    /// The issuer has revoked very many; the authorities above it nobody.
    fn chain(&self, issuer: &TestCa, above: &[&TestCa]) -> Chain {
        let revoked = (0..REVOKED).map(|serial| {
            let serial = (u128::from(serial) << 64) | 1 << 120 | 0x5eed;
            Serial::from(&serial.to_be_bytes()[..])
        });
        let long = revoked
            .fold(issuer.crl(7), |crl, serial| crl.revoke(serial))
            .issue();
        let leaf = issuer
            .client("spiffe://acme.example/tenant/acme")
            .key_algorithm(self.leaf);
        Chain {
            root: self.root.clone(),
            presented: leaf.issue().chain(),
            crls: std::iter::once(long)
                .chain(above.iter().map(|ca| ca.crl(7).issue()))
                .collect(),
        }
    }
}

/// A client's chain, and what is needed to judge it.
struct Chain {
    root: TestCa,
    /// The leaf first.
    presented: Vec<CertificateDer<'static>>,
    /// Of every authority on the path.
    crls: Vec<TestCrl>,
}

impl Chain {
    fn webpki(&self, crls: &[TestCrl]) -> Arc<dyn ClientCertVerifier> {
        let mut roots = RootCertStore::empty();
        roots.add(self.root.certificate().clone()).expect("an anchor");
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::new(provider()))
            .with_crls(crls.iter().map(|crl| crl.der().clone()))
            .build()
            .expect("a verifier")
    }

    /// Trust that has never seen this chain, whatever it has seen.
    fn first(&self) -> Trust {
        Arc::new(self.private_ca().build(NOW).expect("an anchor"))
    }

    fn first_crl(&self, crls: &Crls) -> Trust {
        let revocation = Revocation::required(crls.clone());
        Arc::new(
            self.private_ca()
                .with_revocation(revocation)
                .build(NOW)
                .expect("an anchor"),
        )
    }

    fn private_ca(&self) -> PrivateCaBuilder {
        let algorithms = provider().signature_verification_algorithms.all;
        PrivateCa::builder(algorithms).der(self.root.certificate().clone())
    }

    fn crls(&self) -> Crls {
        Crls::from_der(self.crls.iter().map(|crl| crl.der().clone()), NOW).expect("CRLs")
    }

    /// Trust that remembers this chain from an earlier handshake.
    fn known(&self, trust: &Trust) -> Trust {
        let trust = Remembered::new(Arc::clone(trust));
        let chain = PeerChain::parse(self.presented.iter().cloned()).expect("a chain");
        let peer = VerifiedPeer::verify(&trust, chain, Role::Client, NOW).expect("trusted");
        let memory = trust.memory().expect("a memory");
        memory.keep(Fingerprint::of(Role::Client, self.presented.iter()), peer, NOW);
        Arc::new(trust)
    }

    /// A request of a client that was here before, over a proxy.
    fn forwarded(&self, trust: &Trust) -> Request {
        let table = TenantTable::builder()
            .uri("spiffe://acme.example/tenant/{tenant}")
            .known(["acme"]);
        let policy = Policy::new(Arc::clone(trust), table.build().expect("a table"));
        let chain = PeerChain::parse(self.presented.iter().cloned()).expect("a chain");
        let caller = Caller::identify(&policy, chain, NOW).expect("a caller");
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

fn provider() -> CryptoProvider {
    aws_lc_rs::default_provider()
}
