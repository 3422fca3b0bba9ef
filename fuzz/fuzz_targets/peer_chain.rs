//! WHO IS IT? A chain of one certificate, as it comes from outside.
#![no_main]

use countersign::identity::PeerChain;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = PeerChain::parse([data.to_vec().into()]);
});
