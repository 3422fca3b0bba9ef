//! DO WE TRUST IT? A certificate revocation list in DER. What is taken, x509-parser reads too, and no entry is lost.
#![no_main]

use std::time::Duration;

use countersign::trust::Crls;
use countersign_fuzz::bounded;
use libfuzzer_sys::fuzz_target;
use rustls_pki_types::UnixTime;
use x509_parser::prelude::{CertificateRevocationList, FromDer};

fuzz_target!(|data: &[u8]| {
    let now = UnixTime::since_unix_epoch(Duration::from_secs(1_790_000_000));
    let Ok(lists) = bounded(data, || Crls::from_der([data.into()], now)) else {
        return;
    };
    let (rest, theirs) = CertificateRevocationList::from_der(data).expect("x509-parser reads it");
    assert!(rest.is_empty());
    let next = theirs.next_update().map(|at| at.timestamp());
    assert_eq!(lists.next_update().map(|at| at.as_secs() as i64), next);
    assert_eq!(lists.len(), 1);
});
