//! Key sets that are fetched: the cache without I/O.

mod fetched;
mod published;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use countersign::clock::Monotonic;
use countersign::payload::Unknown;
use countersign::payload::jose::{
    Algorithm, Algorithms, CacheRules, InvalidCacheRules, InvalidFetch, InvalidJson, InvalidJwkSet,
    JwksCache, NextFetch, RemoteJwks,
};

use crate::jose_keys as jose;
use jose::{algorithms, jwk, jwks};

const ES: Algorithm = Algorithm::Es256;

/// What the cache counts by: not the time of day, but seconds since something.
fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn wait(seconds: u64) -> NextFetch {
    NextFetch::WaitFor(at(seconds))
}

/// A clock that stands until it is moved.
#[derive(Clone, Default)]
struct Hand(Arc<AtomicU64>);

impl Hand {
    fn set(&self, seconds: u64) {
        self.0.store(seconds, Ordering::SeqCst);
    }

    fn clock(&self) -> Monotonic {
        let hand = self.0.clone();
        Monotonic::new(move || at(hand.load(Ordering::SeqCst)))
    }
}

fn remote(hand: &Hand) -> RemoteJwks {
    let rules = CacheRules::default();
    RemoteJwks::timed_by(rules, Algorithms::PUBLIC_KEY, algorithms(), hand.clock()).unwrap()
}

fn set(kid: &str) -> String {
    jwks(&[jwk(ES, &format!(r#","alg":"ES256","kid":"{kid}""#))])
}

fn kids(cache: &JwksCache, now: u64) -> Vec<String> {
    let keys = cache.keys(at(now)).into_iter().flat_map(|set| set.keys());
    keys.filter_map(|key| key.kid().map(str::to_owned)).collect()
}

#[test]
fn the_cache_says_when_to_fetch() {
    let mut cache = JwksCache::new(CacheRules::default()).unwrap();
    assert_eq!(cache.keys(at(1_000)).map(drop), None);
    assert_eq!(cache.poll(at(1_000)), NextFetch::Fetch);
    // Single flight, until patience has run out.
    assert_eq!(cache.poll(at(1_001)), wait(14));
    assert_eq!(cache.unknown_key(at(1_001)), Unknown::Refreshing);
    cache.fetched(set("a").as_bytes(), at(1_002)).unwrap();
    assert_eq!(kids(&cache, 1_002), ["a"]);

    // Fresh: nothing to do for ten minutes. Then stale, and still used while it is asked for again.
    assert_eq!(cache.poll(at(1_500)), wait(102));
    assert_eq!(kids(&cache, 1_602), ["a"]);
    assert_eq!(cache.poll(at(1_602)), NextFetch::Fetch);
    cache.failed();
    assert_eq!(kids(&cache, 1_603), ["a"], "the last good set stays");
    assert_eq!(
        cache.poll(at(1_603)),
        wait(29),
        "a failure is followed by the cool-down"
    );

    // An answer that is no key set, or an empty one, changes nothing.
    assert_eq!(cache.poll(at(1_632)), NextFetch::Fetch);
    let html = InvalidFetch::Set(InvalidJwkSet::Json(InvalidJson::Syntax));
    assert_eq!(cache.fetched(b"<html>", at(1_633)).err(), Some(html));
    assert_eq!(
        cache.fetched(br#"{"keys":[]}"#, at(1_633)).err(),
        Some(InvalidFetch::NoUsableKey)
    );
    let secret = jwks(&[jwk(Algorithm::Hs256, r#","kid":"s""#)]);
    assert_eq!(
        cache.fetched(secret.as_bytes(), at(1_633)).err(),
        Some(InvalidFetch::NoUsableKey)
    );
    assert_eq!(kids(&cache, 1_633), ["a"]);

    // Maximum age: no keys rather than old ones.
    assert_eq!(kids(&cache, 1_002 + 86_399), ["a"]);
    assert_eq!(kids(&cache, 1_002 + 86_400), [""; 0]);
}

#[test]
fn unknown_keys_cannot_make_us_flood() {
    let mut cache = JwksCache::new(CacheRules::default()).unwrap();
    assert_eq!(cache.poll(at(1_000)), NextFetch::Fetch);
    cache.fetched(set("a").as_bytes(), at(1_000)).unwrap();
    assert_eq!(cache.unknown_key(at(1_029)), Unknown::Refused);
    assert_eq!(cache.poll(at(1_029)), wait(571));
    assert_eq!(cache.unknown_key(at(1_030)), Unknown::Refreshing);
    assert_eq!(cache.poll(at(1_030)), NextFetch::Fetch);
    cache.fetched(set("b").as_bytes(), at(1_031)).unwrap();
    assert_eq!(kids(&cache, 1_031), ["b"]);
    // A thousand tokens with made-up names: one fetch each cool-down.
    let fetches = (1_031..2_031).filter(|now| {
        cache.unknown_key(at(*now));
        let fetch = cache.poll(at(*now)) == NextFetch::Fetch;
        if fetch {
            cache.failed();
        }
        fetch
    });
    assert_eq!(fetches.count(), 33);
}

#[test]
fn rules_that_make_no_sense() {
    let rules = CacheRules::default;
    let second = Duration::from_secs(1);
    assert_eq!(
        JwksCache::new(rules().with_max_age(second)).err(),
        Some(InvalidCacheRules::MaxAge)
    );
    assert_eq!(
        JwksCache::new(rules().with_cool_down(Duration::ZERO)).err(),
        Some(InvalidCacheRules::CoolDown)
    );
}

/// When it is asked for again after a key that is not in the set: at once, where the cool-down has passed, and again
/// after each cool-down until an answer has come.
#[test]
fn the_next_fetch_after_an_unknown_key() {
    let mut cache = JwksCache::new(CacheRules::default()).unwrap();
    assert_eq!(cache.poll(at(1_000)), NextFetch::Fetch);
    cache.fetched(set("a").as_bytes(), at(1_001)).unwrap();
    assert_eq!(cache.unknown_key(at(1_029)), Unknown::Refused);
    assert_eq!(cache.poll(at(1_029)), wait(572), "nothing has become of it");

    assert_eq!(cache.unknown_key(at(1_040)), Unknown::Refreshing);
    assert_eq!(cache.poll(at(1_040)), NextFetch::Fetch);
    cache.failed();
    // It is not known whether the key is in the set: still an outage.
    assert_eq!(cache.unknown_key(at(1_041)), Unknown::Refreshing);
    assert_eq!(cache.poll(at(1_041)), wait(29));
    assert_eq!(cache.poll(at(1_070)), NextFetch::Fetch);
    cache.fetched(set("a").as_bytes(), at(1_071)).unwrap();
    assert_eq!(cache.unknown_key(at(1_072)), Unknown::Refused);
    assert_eq!(cache.poll(at(1_072)), wait(599));
}

/// Whoever fetches may die: before it begins, in the midst of it, or without a word.
#[test]
fn a_dead_fetcher_leaves_no_unknown_key_pending_for_ever() {
    let held = |wanted: bool| {
        let mut cache = JwksCache::new(CacheRules::default()).unwrap();
        assert_eq!(cache.poll(at(1_000)), NextFetch::Fetch);
        cache.fetched(set("a").as_bytes(), at(1_000)).unwrap();
        if wanted {
            assert_eq!(cache.unknown_key(at(1_100)), Unknown::Refreshing);
            assert_eq!(cache.poll(at(1_100)), NextFetch::Fetch);
        }
        cache
    };
    let answers = |cache: &mut JwksCache, times: &[u64]| -> Vec<Unknown> {
        times.iter().map(|now| cache.unknown_key(at(*now))).collect()
    };
    use Unknown::{Refreshing, Refused};

    let mut cache = held(false);
    assert_eq!(
        answers(&mut cache, &[1_100, 1_114, 1_115, 9_999]),
        [Refreshing, Refreshing, Refused, Refused],
        "nobody asks"
    );
    let mut cache = held(true);
    assert_eq!(
        answers(&mut cache, &[1_101, 1_114, 1_115, 1_144, 1_145, 9_999]),
        [Refreshing, Refreshing, Refreshing, Refreshing, Refused, Refused],
        "nobody answers"
    );
    // Whoever comes next is told to fetch, and what is in the set counts all the while.
    assert_eq!(cache.poll(at(9_999)), NextFetch::Fetch);
    assert_eq!(cache.unknown_key(at(10_000)), Refreshing);
    assert_eq!(kids(&cache, 9_999), ["a"]);
}

fn other(more: &str) -> String {
    format!("{{{}{more}}}", jose::public("other_p256"))
}
