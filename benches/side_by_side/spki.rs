//! From a leaf in DER to the hash of its key: what a pin names.
//!
//! The floor is a walk over tags and lengths to the key, and SHA-256 of it. "chain" is ours with everything else that
//! reading a chain finds out: names, dates, extensions, and that two parsers agree.

use std::hint::black_box;

use countersign::identity::{PeerChain, SpkiHash};
use countersign::testing::KeyAlgorithm;
use rustls::pki_types::CertificateDer;
use sha2::{Digest as _, Sha256};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::measure::Group;
use crate::pki::Pki;
use crate::report::Report;

pub(crate) fn run(report: &mut Report) {
    for (name, key) in [("p256", KeyAlgorithm::EcdsaP256), ("rsa", KeyAlgorithm::Rsa2048)] {
        let leaf = Pki::new("", key, KeyAlgorithm::EcdsaP256, 1)
            .client(0)
            .leaf()
            .clone();
        let right = SpkiHash::from(floor(&leaf));
        assert_eq!(of_certificate(&leaf), right);
        assert_eq!(chain(&leaf), right);
        assert_eq!(SpkiHash::from(x509_parser(&leaf)), right);
        let group = Group::default()
            .case("floor", || floor(black_box(&leaf)))
            .case("of_certificate", || of_certificate(black_box(&leaf)))
            .case("chain", || chain(black_box(&leaf)))
            .case("x509_parser", || x509_parser(black_box(&leaf)));
        let measured = report.group(name, group);
        let nanos = measured.nanos("of_certificate");
        report.below(&format!("{name}_of_certificate"), "ns", nanos, 300.0);
        report.at_most(name, &measured, "chain", 1.0, "x509_parser");
    }
}

fn of_certificate(leaf: &[u8]) -> SpkiHash {
    SpkiHash::of_certificate(leaf).expect("a leaf")
}

fn chain(leaf: &CertificateDer<'_>) -> SpkiHash {
    let chain = PeerChain::parse([CertificateDer::from(&**leaf)]).expect("a leaf");
    chain.leaf().spki()
}

fn x509_parser(leaf: &[u8]) -> [u8; 32] {
    let (_, leaf) = X509Certificate::from_der(leaf).expect("a leaf");
    Sha256::digest(leaf.public_key().raw).into()
}

fn floor(leaf: &[u8]) -> [u8; 32] {
    // Certificate, TBSCertificate; then version, serial number, algorithm, issuer, validity, subject.
    let mut at = inside(leaf, inside(leaf, 0));
    for _ in 0..6 {
        at = behind(leaf, at);
    }
    Sha256::digest(&leaf[at..behind(leaf, at)]).into()
}

/// Where the contents of the element begin that stands there.
fn inside(der: &[u8], at: usize) -> usize {
    match der[at + 1] {
        0x82 => at + 4,
        0x81 => at + 3,
        _ => at + 2,
    }
}

fn behind(der: &[u8], at: usize) -> usize {
    let len = match der[at + 1] {
        0x82 => usize::from(der[at + 2]) << 8 | usize::from(der[at + 3]),
        0x81 => usize::from(der[at + 2]),
        len => usize::from(len),
    };
    inside(der, at) + len
}
