//! WHERE DOES IT COME FROM? The beginning of a load balancer's connection, received as it is asked for.
#![no_main]

use countersign::proxy_protocol::{Header, read};
use countersign_fuzz::bounded;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    // All at once: must not panic.
    let _ = bounded(data, || read(data));
    // Step by step: each step asks for something, and never for more than the longest header.
    let mut received = 0;
    while let Some(Ok(Header::Needs(missing))) = data.get(..received).map(read) {
        assert!(missing > 0 && received + missing <= countersign::proxy_protocol::MAX_LENGTH);
        received += missing;
    }
});
