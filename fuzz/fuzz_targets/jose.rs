//! DID THEY SAY THIS? A token, a key and a key set as they come from outside: split at the first two NULs. A key set as it is fetched, too: what a cache takes,
//! it hands out, and a set that is published holds no secret.
#![no_main]

use std::time::Duration;

use countersign::payload::jose::{Algorithm, Algorithms, CacheRules, Jwk, JwkSet, JwksCache};
use countersign_fuzz::{algorithms as provided, bounded};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut parts = data.splitn(3, |byte| *byte == 0);
    let [key, token, payload] = [parts.next(), parts.next(), parts.next()].map(Option::unwrap_or_default);
    let token = String::from_utf8_lossy(token);
    let algorithms = Algorithms::all().allow_choice();
    let verifiers = [
        Jwk::parse(key).ok().map(|key| key.verifier(algorithms, &[])),
        JwkSet::parse(key)
            .ok()
            .map(|keys| keys.verifier(algorithms, provided())),
        published(key).map(|keys| keys.verifier(algorithms, provided())),
    ];
    for verifier in verifiers.into_iter().flatten() {
        let _ = bounded(data, || verifier.verify_compact(&token));
        let _ = bounded(data, || verifier.verify_detached(&token, payload));
    }
});

fn published(body: &[u8]) -> Option<JwkSet> {
    use Algorithm::{Hs256, Hs384, Hs512};
    let keys = bounded(body, || JwkSet::parse_published(body)).ok();
    if let Some(keys) = &keys {
        let is_secret = |key: &Jwk| {
            key.algorithm()
                .is_some_and(|algorithm| [Hs256, Hs384, Hs512].contains(&algorithm))
        };
        assert!(!keys.keys().any(is_secret), "a secret that is published");
    }
    let mut cache = JwksCache::new(CacheRules::default()).expect("rules");
    let now = Duration::from_secs(1);
    let is_taken = bounded(body, || cache.fetched(body, now).is_ok());
    assert_eq!(cache.keys(now).is_some(), is_taken);
    assert!(
        !is_taken || keys.is_some(),
        "taken from a cache, and not by itself"
    );
    keys
}
