//! DID THEY SAY THIS? A token, a key and a key set as they come from outside: split at the first two NULs.
#![no_main]

use countersign::payload::jose::{Algorithms, Jwk, JwkSet};
use countersign_fuzz::bounded;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut parts = data.splitn(3, |byte| *byte == 0);
    let [key, token, payload] = [parts.next(), parts.next(), parts.next()].map(Option::unwrap_or_default);
    let token = String::from_utf8_lossy(token);
    let algorithms = Algorithms::all().allow_choice();
    let verifiers = [
        Jwk::parse(key).ok().map(|key| key.verifier(algorithms, &[])),
        JwkSet::parse(key).ok().map(|keys| keys.verifier(algorithms, &[])),
    ];
    for verifier in verifiers.into_iter().flatten() {
        let _ = bounded(data, || verifier.verify_compact(&token));
        let _ = bounded(data, || verifier.verify_detached(&token, payload));
    }
});
