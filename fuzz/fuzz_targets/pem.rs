//! WHAT IS IN THE FILE? Files of certificates, lists, keys and pins, as an operator hands them over. Read whole or refused: what is taken
//! has as many sections as the file has beginnings.
#![no_main]

use std::time::Duration;

use countersign::payload::jose::PublicKey;
use countersign::pem;
use countersign::trust::{Crls, PinSet, PrivateCa};
use countersign_fuzz::bounded;
use libfuzzer_sys::fuzz_target;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls_pki_types::UnixTime;

fuzz_target!(|data: &[u8]| {
    let now = UnixTime::since_unix_epoch(Duration::from_secs(1_790_000_000));
    let read = bounded(data, || pem::certificates(data));
    if let Ok(certificates) = read {
        let others = ["PRIVATE KEY", "PARAMETERS", "REQUEST", "PUBLIC KEY"];
        if !others.iter().any(|other| contains(data, other)) {
            assert_eq!(certificates.len(), beginnings(data), "a section has vanished");
        }
    }
    if let Ok(lists) = bounded(data, || Crls::from_pem(data, now)) {
        assert!(!lists.is_empty() && lists.len() <= beginnings(data));
    }
    let algorithms = default_provider().signature_verification_algorithms.all;
    if let Ok(trust) = bounded(data, || PrivateCa::from_pem(data, algorithms, now)) {
        let anchors = trust.anchors().count();
        assert!(anchors > 0 && anchors <= beginnings(data));
    }
    let _ = bounded(data, || PublicKey::from_pem(data));
    if let Ok(text) = std::str::from_utf8(data) {
        let lines = || text.lines();
        if let Ok(pins) = bounded(data, || PinSet::parse(lines())) {
            assert!(pins.len() <= lines().count());
        }
    }
});

fn contains(data: &[u8], text: &str) -> bool {
    data.windows(text.len()).any(|part| part == text.as_bytes())
}

fn beginnings(data: &[u8]) -> usize {
    let begin = b"-----BEGIN ";
    data.windows(begin.len()).filter(|part| part == begin).count()
}
