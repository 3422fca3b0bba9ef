//! What a claim is made of, and how long it is kept: keys, tolerances, terms.

use std::collections::HashSet;

use countersign::payload::{
    HmacSigner, HmacVerifier, Keyring, Message, NotAuthentic, Outgoing, Scheme, Secret, SignPayload as _,
    VerifyPayload as _,
};
use countersign::replay::{
    Claim, ClaimAnswer, ClaimKey, MemoryStore, NotFresh, ReplayStore as _, Settlement, Terms, Tolerance,
};
use countersign::tenant::TenantId;
use http::{HeaderMap, Method, Uri};

use crate::promise::Embedded;
use crate::support::{at, now, secs, tenant};

#[test]
fn a_tolerance_looks_back_and_ahead_by_lengths_of_their_own() {
    let mut tolerance = Tolerance::within(secs(30));
    tolerance.future = secs(5);
    const NOW: u64 = 1_000;
    let stale = |signed| NotFresh::Stale {
        signed: at(signed),
        now: at(NOW),
    };
    let ahead = |signed| NotFresh::FromTheFuture {
        signed: at(signed),
        now: at(NOW),
    };
    let cases = [
        (NOW - 31, Err(stale(NOW - 31))),
        (NOW - 30, Ok(())),
        (NOW - 6, Ok(())),
        (NOW, Ok(())),
        (NOW + 5, Ok(())),
        (NOW + 6, Err(ahead(NOW + 6))),
        (NOW + 30, Err(ahead(NOW + 30))),
    ];
    for (signed, expected) in cases {
        assert_eq!(tolerance.check(at(signed), at(NOW)), expected, "{signed}");
    }
    assert_eq!(tolerance.fresh_until(at(NOW)), at(NOW + 30));
    // What is signed five seconds ahead passes for thirty after that.
    assert_eq!(tolerance.any_fresh_until(at(NOW)), at(NOW + 35));
}

#[test]
fn how_long_a_claim_is_kept() {
    let key = ClaimKey::of(&tenant("a"), "test", []);
    let terms = |lease, window| Terms::default().with_lease(secs(lease)).with_window(secs(window));
    #[rustfmt::skip]
    let cases = [
        // now, terms, fresh until -> lease end, keep until
        ("the window", 1_000, terms(10, 100), None, 1_010, 1_100),
        ("a message that stays fresh for longer: for a lease more", 1_000, terms(10, 100), Some(1_200), 1_010, 1_210),
        ("a message that stays fresh to the end of the window", 1_000, terms(10, 100), Some(1_090), 1_010, 1_100),
        ("and a second longer", 1_000, terms(10, 100), Some(1_091), 1_010, 1_101),
        ("a message that stays fresh for less", 1_000, terms(10, 100), Some(1_050), 1_010, 1_100),
        ("a lease longer than the window", 1_000, terms(200, 100), None, 1_200, 1_200),
        ("no window and no lease", 1_000, terms(0, 0), None, 1_000, 1_000),
        ("the end of time", u64::MAX - 5, terms(10, 100), None, u64::MAX, u64::MAX),
        ("for ever", 1_000, terms(u64::MAX, u64::MAX), None, u64::MAX, u64::MAX),
        ("the default", 1_000, Terms::default(), None, 1_060, 87_400),
    ];
    for (name, time, terms, fresh_until, lease_end, keep_until) in cases {
        let claim = Claim::new(key, tenant("a"), at(time), terms, fresh_until.map(at));
        assert_eq!(
            (claim.lease_end(), claim.keep_until),
            (at(lease_end), at(keep_until)),
            "{name}"
        );
    }
}

#[test]
fn the_key_is_tenant_scheme_and_parts_each_with_its_length() {
    let of = |owner: &str, scheme: &str, parts: &[&[u8]]| {
        ClaimKey::of(&tenant(owner), scheme, parts.iter().copied())
    };
    let keys = [
        of("a", "s", &[b"id", b"1"]),
        of("b", "s", &[b"id", b"1"]),
        of("a", "t", &[b"id", b"1"]),
        of("as", "", &[b"id", b"1"]),
        of("a", "s", &[b"id1"]),
        of("a", "s", &[b"id1", b""]),
        of("a", "s", &[b"i", b"d1"]),
        of("a", "s", &[b"body", b"1"]),
        of("a", "s", &[]),
    ];
    assert_eq!(keys.iter().collect::<HashSet<_>>().len(), keys.len());
    assert_eq!(of("a", "s", &[b"id", b"1"]), keys[0]);
    // For stores of one's own: the bytes, and the same as text.
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    for key in &keys {
        assert_eq!(key.to_string(), hex(key.as_bytes()));
        assert_eq!(
            format!("{key:?}"),
            format!("ClaimKey({}..)", hex(&key.as_bytes()[..8]))
        );
    }
    assert_ne!(keys[0].as_bytes(), keys[1].as_bytes());
}

/// A retry that the sender has signed five minutes ahead, by a clock that is fast, passes for five minutes after that: no
/// window is shorter, whatever the terms say.
#[test]
fn what_was_signed_ahead_is_refused_for_as_long_as_it_passes() {
    const NOW: u64 = 1_790_000_000;
    let keyring = |scheme: &Scheme| {
        let secret = "whsec_YWNtZS1zZWNyZXQtb2YtMzItYnl0ZXMtZm9yLXRlc3Q=";
        Keyring::builder(scheme)
            .key(TenantId::parse("acme").unwrap(), "2026", Secret::new(secret))
            .build()
            .expect("a key")
    };
    let scheme = Scheme::standard_webhooks();
    let signer = HmacSigner::new(scheme.clone(), keyring(&scheme));
    let verifier = HmacVerifier::new(scheme.clone(), keyring(&scheme));
    let (owner, method, uri) = (tenant("acme"), Method::POST, Uri::from_static("/"));
    let signed_at = |time: u64| {
        let outgoing = Outgoing::new(&owner, "msg_1", b"{}", at(time));
        signer.sign_payload(&outgoing).expect("a key")
    };
    let stage = Embedded::new(MemoryStore::default());
    let store = &stage.store;
    let present = |headers: &HeaderMap, time: u64| {
        stage.has_run_for(time - NOW);
        let message = Message::new(&method, &uri, headers, b"{}", at(time));
        let authentic = verifier.verify_payload(&message)?;
        let terms = Terms::default().with_window(secs(0)).with_lease(secs(0));
        Ok::<_, NotAuthentic>(now(store.claim(&authentic.claim(at(time), terms))))
    };
    let (sent, ahead) = (signed_at(NOW), signed_at(NOW + 300));
    let Ok(Ok(ClaimAnswer::Granted(claimed))) = present(&sent, NOW) else {
        panic!("it is new");
    };
    assert_eq!(claimed.keep_until(), at(NOW + 600));
    assert_eq!(now(store.commit(&claimed)), Ok(Settlement::Done));
    assert_eq!(present(&ahead, NOW + 600), Ok(Ok(ClaimAnswer::Handled)));
    let stale = NotFresh::Stale {
        signed: at(NOW + 300),
        now: at(NOW + 601),
    };
    assert_eq!(present(&ahead, NOW + 601), Err(NotAuthentic::NotFresh(stale)));

    // And each retry that is signed anew begins that anew.
    assert_eq!(
        present(&signed_at(NOW + 900), NOW + 1_200),
        Ok(Ok(ClaimAnswer::Handled))
    );
    assert_eq!(
        present(&signed_at(NOW + 1_500), NOW + 1_800),
        Ok(Ok(ClaimAnswer::Handled))
    );
}
