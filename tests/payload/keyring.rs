//! TenantKeys that rotate.

use std::sync::Arc;
use std::time::Duration;

use countersign::identity::Validity;
use countersign::live::Live;
use countersign::payload::hmac::{
    Key, KeyProblem, KeySpec, KeyState, KeyringBuilder, PartialScheme, PartialVerifier,
};
use countersign::payload::{
    FindKeys, HmacSigner, HmacVerifier, KeyId, Keyring, Message, NoKey, NotAuthentic, Outgoing, Scheme,
    Secret, SignPayload, TenantKeys, VerifyPayload, Wanted,
};
use countersign::tenant::TenantId;
use http::{Method, Uri};

use crate::signing::secret;
use crate::vectors::{at, tenant};

const DAY: u64 = 86_400;

fn key(builder: KeyringBuilder, number: u8, from: u64, until: u64) -> KeyringBuilder {
    let secret = secret(KeySpec::from(&Scheme::github()), number);
    builder.key_valid(
        TenantId::parse("acme").unwrap(),
        format!("key-{number}"),
        Secret::new(&secret),
        Validity::new(at(from), at(until)),
    )
}

/// What is no text cannot have been signed in another form: it is asked of each key as it is.
#[test]
fn bytes_that_are_no_text_are_asked_of_every_key() {
    let scheme = Scheme::meta();
    let ring = |numbers: &[u8]| crate::signing::ring(KeySpec::from(&scheme), numbers);
    let body = b"\xff\xfe";
    for number in [1, 2] {
        let headers = HmacSigner::new(scheme.clone(), ring(&[number]))
            .sign_payload(&Outgoing::new(&tenant(), "1", body, at(DAY)))
            .expect("signed");
        let (method, uri) = (Method::POST, Uri::from_static("/"));
        let message = Message::new(&method, &uri, &headers, body, at(DAY));
        let verified = HmacVerifier::new(scheme.clone(), ring(&[1, 2])).verify_payload(&message);
        assert_eq!(verified.map(|_| ()), Ok(()), "key {number}");
        let refused = HmacVerifier::new(scheme.clone(), ring(&[3])).verify_payload(&message);
        assert_eq!(
            refused.map(|_| ()),
            Err(NotAuthentic::SignatureMismatch),
            "key {number}"
        );
    }
}

/// Old until day 10, new from day 9, another from day 20.
fn rotating() -> Keyring {
    let builder = Keyring::builder(&Scheme::github());
    let builder = key(key(builder, 1, 0, 10 * DAY), 2, 9 * DAY, 30 * DAY);
    key(builder, 3, 20 * DAY, 40 * DAY).build().expect("keys")
}

fn verify(keys: impl FindKeys + 'static, number: u8, now: u64) -> Result<String, &'static str> {
    let scheme = Scheme::github();
    let spec = KeySpec::from(&scheme);
    let signer = HmacSigner::new(scheme.clone(), crate::signing::ring(&spec, &[number]));
    let headers = signer
        .sign_payload(&Outgoing::new(&tenant(), "1", b"{}", at(now)))
        .expect("signed");
    let (method, uri) = (Method::POST, Uri::from_static("/"));
    let message = Message::new(&method, &uri, &headers, b"{}", at(now));
    let verified = HmacVerifier::new(scheme, keys)
        .verify_payload(&message)
        .map(|authentic| authentic.key().to_string());
    verified.map_err(|forged| forged.code())
}

#[test]
fn a_key_counts_in_its_time() {
    let cases = [
        ("old alone", 1, 8, Ok("key-1")),
        ("new is early", 2, 8, Err("payload.signature_mismatch")),
        ("both overlap, old", 1, 9, Ok("key-1")),
        ("both overlap, new", 2, 9, Ok("key-2")),
        ("the last second", 1, 10, Ok("key-1")),
        ("old is late", 1, 11, Err("payload.signature_mismatch")),
        ("none is left", 3, 41, Err("payload.no_valid_key")),
    ];
    for (name, number, day, expected) in cases {
        assert_eq!(
            verify(rotating(), number, day * DAY),
            expected.map(str::to_owned),
            "{name}"
        );
    }
    assert_eq!(
        verify(rotating(), 1, 10 * DAY + 1),
        Err("payload.signature_mismatch")
    );
}

#[test]
fn the_operator_sees_how_far_a_rotation_is() {
    let keys = Arc::new(rotating());
    let week = Duration::from_secs(7 * DAY);
    let states = |keys: &Keyring, day: u64| {
        let mut reports: Vec<_> = keys.report(at(day * DAY), week).collect();
        reports.sort_by(|left, right| left.key.as_str().cmp(right.key.as_str()));
        reports.into_iter().map(|report| report.state).collect::<Vec<_>>()
    };
    use KeyState::{InUse, NotYet, Retired, Retiring, RetiringButInUse, Unused};
    assert_eq!(states(&keys, 1), [Unused, NotYet, NotYet]);
    assert_eq!(verify(Arc::clone(&keys), 1, DAY), Ok("key-1".into()));
    assert_eq!(states(&keys, 1), [InUse, NotYet, NotYet]);
    assert_eq!(states(&keys, 9), [Retiring, Unused, NotYet]);
    assert_eq!(verify(Arc::clone(&keys), 1, 9 * DAY), Ok("key-1".into()));
    assert_eq!(states(&keys, 9), [RetiringButInUse, Unused, NotYet]);
    assert_eq!(verify(Arc::clone(&keys), 2, 10 * DAY), Ok("key-2".into()));
    assert_eq!(states(&keys, 11), [Retired, InUse, NotYet]);
    let next = rotating().with_history_of(&keys);
    assert_eq!(
        states(&next, 11),
        [Retired, InUse, NotYet],
        "a new ring knows what the old one knew"
    );
    let uses = |keys: &Keyring| {
        let reports = keys.report(at(11 * DAY), week);
        let mut uses: Vec<_> = reports.map(|one| (one.key.to_string(), one.usage.uses)).collect();
        uses.sort();
        uses
    };
    let counted = [("key-1", 2), ("key-2", 1), ("key-3", 0)];
    assert_eq!(
        uses(&next),
        counted.map(|(key, uses)| (key.to_owned(), uses)),
        "of each key alone"
    );
}

#[test]
fn a_ring_is_replaced_as_a_whole_while_in_use() {
    let spec = KeySpec::from(&Scheme::github());
    let live = Live::new(crate::signing::ring(&spec, &[1]));
    let verifier = HmacVerifier::new(Scheme::github(), live.clone());
    let clone = verifier.clone();
    assert_eq!(verify(live.clone(), 1, 0), Ok("key-1".into()));
    live.replace(crate::signing::ring(&spec, &[2]));
    assert_eq!(verify(live.clone(), 1, 0), Err("payload.signature_mismatch"));
    assert_eq!(verify(live, 2, 0), Ok("key-2".into()));
    drop((verifier, clone));
}

#[test]
fn mistakes_are_found_when_the_ring_is_built() {
    let builder = || Keyring::builder(&Scheme::github());
    let good = "It's a Secret to Everybody";
    let many = (0..9).fold(builder(), |builder, number| {
        builder.key(
            TenantId::parse("acme").unwrap(),
            number.to_string(),
            Secret::new(good),
        )
    });
    let backwards = Validity::new(at(2), at(1));
    let cases = [
        ("none", builder(), KeyProblem::NoKeys),
        (
            "empty",
            builder().key(TenantId::parse("acme").unwrap(), "1", Secret::new("")),
            KeyProblem::Empty,
        ),
        (
            "short",
            builder().key(TenantId::parse("acme").unwrap(), "1", Secret::new("mysecret")),
            KeyProblem::TooShort { bytes: 8 },
        ),
        (
            "placeholder",
            builder().key(
                TenantId::parse("acme").unwrap(),
                "1",
                Secret::new("your-secret-goes-here"),
            ),
            KeyProblem::Placeholder,
        ),
        (
            "line break",
            builder().key(
                TenantId::parse("acme").unwrap(),
                "1",
                Secret::new("It's a Secret to Everybody\n"),
            ),
            KeyProblem::Space,
        ),
        (
            "same name",
            builder()
                .key(TenantId::parse("acme").unwrap(), "1", Secret::new(good))
                .key(TenantId::parse("acme").unwrap(), "1", Secret::new(good)),
            KeyProblem::SameId,
        ),
        ("too many", many, KeyProblem::TooMany),
        (
            "backwards",
            builder().key_valid(
                TenantId::parse("acme").unwrap(),
                "1",
                Secret::new(good),
                backwards,
            ),
            KeyProblem::NeverValid,
        ),
    ];
    for (name, builder, expected) in cases {
        assert_eq!(
            builder.build().err().map(|invalid| invalid.problem),
            Some(expected),
            "{name}"
        );
    }
}

/// Tenant, name and secret in any order: the message holds no secret, and no ring logs one as a name.
#[test]
fn a_swapped_secret_is_neither_told_nor_a_name() {
    let secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    let long = "acme-production-2026-01";
    for (case, [tenant, id, third], expected) in [
        (
            "name and secret",
            ["acme", secret, "2026-01"],
            KeyProblem::Swapped,
        ),
        (
            "name and secret, a long name",
            ["acme", secret, long],
            KeyProblem::Swapped,
        ),
        (
            "tenant and secret",
            [secret, "2026-01", long],
            KeyProblem::Swapped,
        ),
        ("twice", ["acme", secret, secret], KeyProblem::Swapped),
    ] {
        for scheme in [Scheme::github(), Scheme::standard_webhooks()] {
            let built = Keyring::builder(&scheme)
                .key(
                    TenantId::parse("acme").unwrap(),
                    "1",
                    Secret::new(&secret.replace('C', "D")),
                )
                .key(TenantId::parse(tenant).unwrap(), id, Secret::new(third));
            let invalid = built.build().expect_err(case);
            assert_eq!((invalid.place, &invalid.problem), (Some(2), &expected), "{case}");
            for shown in [invalid.to_string(), format!("{invalid:?}")] {
                assert!(!shown.contains("C2FVsBQ"), "{case}: {shown}");
            }
        }
    }
}

/// The hot path neither scans nor copies: a hundred thousand tenants here, and a million is only more memory.
#[test]
fn many_tenants() {
    let mut builder = Keyring::builder(&Scheme::github());
    for number in 0..100_000 {
        builder = builder.key(
            TenantId::parse(&format!("tenant-{number}")).unwrap(),
            "1",
            Secret::new(&format!("a secret of tenant {number}")),
        );
    }
    let ring = builder.build().expect("keys");
    assert_eq!(ring.tenants(), 100_000);
    let tenant = TenantId::parse("tenant-99999").expect("a tenant");
    assert_eq!(
        ring.find_keys(&Wanted::of(Some(&tenant))).expect("keys").owner(),
        &tenant
    );
    assert_eq!(
        ring.find_keys(&Wanted::of(None))
            .err()
            .map(|no_key| no_key.code()),
        Some("payload.sender_needed")
    );
}

/// What a million tenants take: finding one of them, and memory for each. `cargo test --release --all-features --test
/// payload a_million_tenants -- --ignored --nocapture`
#[test]
#[ignore = "takes seconds and half a gigabyte: cargo test --release --all-features --test payload a_million_tenants -- --ignored"]
fn a_million_tenants() {
    const TENANTS: u32 = 1_000_000;
    let before = resident();
    let names = (0..TENANTS).map(|number| format!("tenant-{number:07}"));
    let builder = names.fold(Keyring::builder(&Scheme::standard_webhooks()), |builder, name| {
        builder.key(
            TenantId::parse(&name).unwrap(),
            "2026",
            Secret::new("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"),
        )
    });
    let ring = builder.build().expect("a ring");
    assert_eq!(ring.tenants(), TENANTS as usize);
    for number in [0, 1, TENANTS / 2, TENANTS - 1] {
        let tenant = TenantId::parse(&format!("tenant-{number:07}")).expect("a tenant");
        let keys = ring.find_keys(&Wanted::of(Some(&tenant))).expect("keys");
        assert_eq!((keys.owner(), keys.valid_at(at(0)).count()), (&tenant, 1));
    }
    let Some(bytes) = resident()
        .zip(before)
        .map(|(after, before)| after.saturating_sub(before))
    else {
        return;
    };
    let each = bytes / u64::from(TENANTS);
    println!("{each} bytes a tenant");
    assert!(
        each < 700,
        "{each} bytes a tenant, what the builder held and gave back among them"
    );
}

/// What this process holds of memory, where the system tells.
fn resident() -> Option<u64> {
    let pages = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = pages.split(' ').nth(1)?.parse().ok()?;
    Some(pages * 4096)
}

/// TenantKeys of a finder of one's own, which nobody has counted.
#[derive(Debug)]
struct Found(TenantKeys);

impl FindKeys for Found {
    fn find_keys(&self, _: &Wanted<'_>) -> Result<TenantKeys, NoKey> {
        Ok(self.0.clone())
    }
}

#[test]
fn no_more_keys_count_than_may() {
    let spec = KeySpec::from(&Scheme::github());
    let key = |number: u8| {
        Key::parse(KeyId::new(format!("key-{number}")), &spec, &secret(&spec, number)).expect("a key")
    };
    let found = |keys: Vec<Key>| Found(TenantKeys::new(tenant(), keys));
    let nine = || (1..=9).map(key).collect::<Vec<_>>();
    assert_eq!(verify(found(nine()), 9, 0), Ok("key-9".into()), "the newest");
    assert_eq!(verify(found(nine()), 2, 0), Ok("key-2".into()));
    assert_eq!(verify(found(nine()), 1, 0), Err("payload.signature_mismatch"));
    // One that has ended takes no place.
    let ended = |number| key(number).valid(Validity::new(at(0), at(1)));
    let history = || (1..=9).map(ended).chain([key(10)]).collect();
    assert_eq!(verify(found(history()), 10, DAY), Ok("key-10".into()));
}

/// The partial path asks for the sender's keys as the full one does.
#[test]
fn partial_schemes_heed_the_sender() {
    let scheme = PartialScheme::mercado_pago();
    let spec = KeySpec::from(&scheme);
    let signer = HmacSigner::partial(scheme.clone(), crate::signing::ring(&spec, &[1]));
    let (method, uri) = (Method::POST, Uri::from_static("/?data.id=1"));
    let (acme, other) = (tenant(), TenantId::parse("other").expect("a tenant"));
    let outgoing = Outgoing::new(&acme, "1", b"{}", at(DAY)).with_request(&method, &uri);
    let headers = signer.sign_payload(&outgoing).expect("signed");
    let verifier = PartialVerifier::new(scheme, crate::signing::ring(&spec, &[1]));
    let recognize = |sender: &TenantId| {
        let message = Message::new(&method, &uri, &headers, b"{}", at(DAY)).from_sender(sender);
        verifier
            .recognize(&message)
            .map(|recognized| recognized.sender().clone())
    };
    assert_eq!(recognize(&acme), Ok(acme.clone()));
    assert_eq!(
        recognize(&other),
        Err(NotAuthentic::NoKey(NoKey::Unknown {
            sender: other.clone()
        }))
    );
}
