//! WHO IS IT? A chain of one certificate, as it comes from outside. What is pinned and what is revoked by, x509-parser reads as the same.
#![no_main]

use countersign::identity::{Certificate, PeerChain, SpkiHash};
use countersign_fuzz::{bounded, shortest};
use libfuzzer_sys::fuzz_target;
use x509_parser::asn1_rs::Any;
use x509_parser::prelude::{FromDer, X509Certificate};

fuzz_target!(|data: &[u8]| {
    if let Ok(chain) = bounded(data, || PeerChain::parse([data.to_vec().into()])) {
        compare(chain.leaf(), data);
    }
});

fn compare(ours: &Certificate, der: &[u8]) {
    // It looks into keys, which are webpki's matter: what it does not read, nobody is trusted by without webpki.
    let Ok((rest, theirs)) = X509Certificate::from_der(der) else {
        return;
    };
    assert!(rest.is_empty(), "nothing behind it");
    assert_eq!(ours.serial().as_bytes(), shortest(theirs.raw_serial()));
    let (key, issuer) = (theirs.public_key().raw, theirs.issuer().as_raw());
    if is_whole(key) {
        assert_eq!(ours.spki(), SpkiHash::of(key));
    }
    if is_whole(issuer) {
        assert_eq!(ours.issuer(), issuer);
    }
}

/// x509-parser ends a sequence where it has read what it wants, and what it hands out is then not all of it. With us the whole counts, and
/// webpki refuses it.
fn is_whole(der: &[u8]) -> bool {
    Any::from_der(der).is_ok_and(|(rest, _)| rest.is_empty())
}
