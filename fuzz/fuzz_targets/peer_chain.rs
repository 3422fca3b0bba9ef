//! WHO IS IT? A chain of one certificate, as it comes from outside. What is taken, x509-parser reads as the same.
#![no_main]

use countersign::identity::{Certificate, Name, PeerChain, SpkiHash};
use countersign_fuzz::bounded;
use libfuzzer_sys::fuzz_target;
use x509_parser::extensions::GeneralName;
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
    assert_eq!(ours.spki(), SpkiHash::of(theirs.public_key().raw));
    assert_eq!(ours.issuer(), theirs.issuer().as_raw());
    assert_eq!(ours.serial().as_bytes(), without_zeros(theirs.raw_serial()));
    let dates = [ours.validity().not_before, ours.validity().not_after].map(|at| at.as_secs());
    let theirs_dates = [theirs.validity().not_before, theirs.validity().not_after];
    assert_eq!(dates.map(|at| at as i64), theirs_dates.map(|at| at.timestamp()));
    let their_names = names(&theirs);
    for name in ours.names() {
        if let Name::Dns(text) | Name::Uri(text) = name {
            let same = |theirs: &String| theirs.eq_ignore_ascii_case(text);
            assert!(their_names.iter().any(same), "{text} is ours alone");
        }
    }
}

fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    &number[zeros..]
}

fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let san = certificate.subject_alternative_name().ok().flatten();
    let names = san
        .map(|san| san.value.general_names.as_slice())
        .unwrap_or_default();
    let text = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) | GeneralName::URI(name) => Some((*name).to_owned()),
        _ => None,
    };
    names.iter().filter_map(text).collect()
}
