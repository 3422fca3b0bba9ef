//! What single providers do in a way of their own: the right value of each fact that was once wrong. Messages that
//! they made stand in tests/vectors/told.toml.

use std::time::Duration;

use countersign::payload::hmac::{Identity, KeyProblem, Part, PartialScheme, PartialVerifier};
use countersign::payload::providers::presets;
use countersign::payload::{
    HmacSigner, HmacVerifier, Keyring, Message, NotAuthentic, Origin, Outgoing, Scheme, Secret, SignPayload,
    VerifyPayload,
};
use countersign::replay::{Terms, Tolerance};
use countersign::tenant::TenantId;
use http::{HeaderMap, HeaderName, Method, Uri};

use crate::vectors::{at, tenant};

const NOW: u64 = 1_790_000_000;
const OLD: &str = "the old secret 0123456789";
const NEW: &str = "the new secret 9876543210";
const BODY: &[u8] = br#"{"id":"evt_1"}"#;

fn ring(scheme: &Scheme, keys: &[(&str, &str)]) -> Keyring {
    let builder = keys.iter().fold(Keyring::builder(scheme), |builder, (id, key)| {
        builder.key(TenantId::parse("acme").unwrap(), *id, Secret::new(key))
    });
    builder.build().expect("keys")
}

/// A provider that sends a second header field while a secret is changed: whoever knows either secret takes it.
#[test]
fn a_rotation_is_signed_in_two_fields() {
    let cases = [
        (Scheme::bolt(), "x-bolt-hmac-sha256", "x-bolt-hmac-sha256-pending"),
        (Scheme::primer(), "x-signature-primary", "x-signature-secondary"),
    ];
    for (scheme, first, second) in cases {
        let signer = HmacSigner::new(scheme.clone(), ring(&scheme, &[("old", OLD), ("new", NEW)]));
        let acme = tenant();
        let headers = signer
            .sign_payload(&Outgoing::new(&acme, "evt_1", BODY, at(NOW)))
            .expect("signed");
        assert!(
            headers.contains_key(first) && headers.contains_key(second),
            "{headers:?}"
        );
        for known in [("old", OLD), ("new", NEW)] {
            let verifier = HmacVerifier::new(scheme.clone(), ring(&scheme, &[known]));
            let (method, uri) = (Method::POST, Uri::from_static("/"));
            let message = Message::new(&method, &uri, &headers, BODY, at(NOW));
            assert_eq!(
                verifier
                    .verify_payload(&message)
                    .map(|proof| proof.key().to_string()),
                Ok(known.0.to_owned())
            );
        }
    }
}

#[test]
fn a_secret_is_read_as_the_provider_shows_it() {
    let hex = "2679A5D5785C9B26CF921E1754765CDDB265C9C88400786923E5343B315954FA";
    let base64 = "C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    let problem = |scheme: Scheme, key: &str| {
        Keyring::builder(&scheme)
            .key(TenantId::parse("acme").unwrap(), "1", Secret::new(key))
            .build()
            .err()
            .map(|invalid| invalid.to_string())
    };
    let short = |bytes: usize| Some(KeyProblem::TooShort { bytes }.to_string());
    let forty = "0123456789abcdefghijABCDEFGHIJ0123456789";
    let cases = [
        ("authorize_net", problem(Scheme::authorize_net(), hex), None),
        (
            "supabase, as shown",
            problem(Scheme::supabase(), &format!("v1,whsec_{base64}")),
            None,
        ),
        (
            "supabase, without the version",
            problem(Scheme::supabase(), &format!("whsec_{base64}")),
            None,
        ),
        ("supabase, bare", problem(Scheme::supabase(), base64), None),
        (
            "increase, no base64",
            problem(Scheme::increase(), "any text: of a secret!"),
            None,
        ),
        (
            "bigcommerce, the client secret",
            problem(Scheme::bigcommerce(), "a client secret, as shown"),
            None,
        ),
        (
            "lemon_squeezy, 40 characters",
            problem(Scheme::lemon_squeezy(), forty),
            None,
        ),
    ];
    for (name, found, expected) in cases {
        assert_eq!(found, expected, "{name}");
    }
    // Lemon Squeezy takes six characters, which anybody can guess: not here, and the row says so.
    let six = problem(Scheme::lemon_squeezy(), "aB3dE6");
    assert!(
        six.as_ref()
            .zip(short(6))
            .is_some_and(|(found, short)| found.contains(&short)),
        "{six:?}"
    );
    let row = presets::find("lemon_squeezy").expect("a row");
    assert!(row.handshake.contains("choose 16 or more"), "{}", row.handshake);
}

#[test]
fn svix_signs_under_either_name() {
    let cases = [
        ("svix", "svix-signature"),
        ("svix_white_label", "webhook-signature"),
    ];
    for (name, field) in cases {
        let row = presets::find(name).expect("a row");
        assert_eq!(row.signature(), format!("`{field}` `v1,`"), "{name}");
    }
}

/// A time that is signed and compared by nobody is said to be so, in every row.
#[test]
fn a_time_that_is_not_compared_is_said_to_be_so() {
    for preset in presets::all() {
        let presets::Make::Hmac(make) = preset.make else {
            continue;
        };
        let signs_a_time = preset.signed.contains("timestamp") && make().window().is_none();
        let said = preset.not_covered.contains("the time is signed but not compared");
        assert!(!signs_a_time || said, "{}: {}", preset.name, preset.not_covered);
    }
}

#[test]
fn hubspot_decodes_twelve_escapes_and_no_other() {
    let origin = Origin::parse("https://hooks.example.com").expect("an origin");
    let scheme = Scheme::hubspot(&origin);
    let keys = || ring(&scheme, &[("1", NEW)]);
    let (signer, verifier) = (
        HmacSigner::new(scheme.clone(), keys()),
        HmacVerifier::new(scheme.clone(), keys()),
    );
    let acme = tenant();
    let signed = |target: &str| -> HeaderMap {
        let (method, uri) = (Method::POST, target.parse::<Uri>().expect("a target"));
        let outgoing = Outgoing::new(&acme, "1", BODY, at(NOW));
        signer
            .sign_payload(&outgoing.with_request(&method, &uri))
            .expect("signed")
    };
    let plain = signed("/in?a=:/?@!$'()*,;");
    let cases = [
        ("as it was", "/in?a=:/?@!$'()*,;", Ok(())),
        ("escaped", "/in?a=%3A%2F%3F%40%21%24%27%28%29%2A%2C%3B", Ok(())),
        (
            "in lower case",
            "/in?a=%3a%2f%3f%40%21%24%27%28%29%2a%2c%3b",
            Ok(()),
        ),
        (
            "escaped twice",
            "/in?a=%253A%2F%3F%40%21%24%27%28%29%2A%2C%3B",
            Err(NotAuthentic::SignatureMismatch),
        ),
        (
            "another letter",
            "/in?%61=:/?@!$'()*,;",
            Err(NotAuthentic::SignatureMismatch),
        ),
    ];
    for (name, target, expected) in cases {
        let (method, uri) = (Method::POST, target.parse::<Uri>().expect("a target"));
        let message = Message::new(&method, &uri, &plain, BODY, at(NOW));
        assert_eq!(verifier.verify_payload(&message).map(drop), expected, "{name}");
    }
}

#[test]
fn mercado_pago_signs_the_id_as_sent_or_in_lower_case() {
    let scheme = PartialScheme::mercado_pago();
    let keys = Keyring::builder(&scheme)
        .key(TenantId::parse("acme").unwrap(), "1", Secret::new(NEW))
        .build()
        .expect("keys");
    let verifier = PartialVerifier::new(scheme, keys);
    let mac = |id: &str| {
        use hmac::{Hmac, KeyInit as _, Mac as _};
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(NEW.as_bytes()).expect("a key");
        mac.update(format!("id:{id};request-id:r-1;ts:1790000000;").as_bytes());
        mac.finalize()
            .into_bytes()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    let cases = [
        ("as sent", "ORD01", "ORD01", Ok(())),
        ("in lower case", "ORD01", "ord01", Ok(())),
        (
            "in upper case",
            "ord01",
            "ORD01",
            Err(NotAuthentic::SignatureMismatch),
        ),
        ("another", "ORD01", "ORD02", Err(NotAuthentic::SignatureMismatch)),
    ];
    for (name, sent, signed, expected) in cases {
        let uri: Uri = format!("/?data.id={sent}&type=order").parse().expect("a target");
        let fields = [
            ("x-request-id", "r-1".to_owned()),
            ("x-signature", format!("ts=1790000000,v1={}", mac(signed))),
        ];
        let field = |(name, value): (&'static str, String)| {
            (HeaderName::from_static(name), value.parse().expect("a value"))
        };
        let headers: HeaderMap = fields.into_iter().map(field).collect();
        let method = Method::POST;
        let message = Message::new(&method, &uri, &headers, BODY, at(NOW));
        assert_eq!(verifier.recognize(&message).map(drop), expected, "{name}");
    }
}

/// Mailgun's time is what stands between a token and its reuse for ever.
#[test]
fn a_partial_scheme_takes_another_tolerance() {
    let strict = || PartialScheme::mailgun().with_tolerance(Tolerance::within(Duration::from_secs(10)));
    let asked = |scheme: PartialScheme, age: u64| {
        let keys = Keyring::builder(&scheme).key(TenantId::parse("acme").unwrap(), "1", Secret::new(NEW));
        let verifier = PartialVerifier::new(scheme, keys.build().expect("keys"));
        let (time, mac) = (NOW - age, "0".repeat(64));
        let body = format!(
            r#"{{"signature":{{"timestamp":"{time}","token":"b2f1c8e3a94d5b6071f2","signature":"{mac}"}}}}"#
        );
        let (method, uri, headers) = (Method::POST, Uri::from_static("/"), HeaderMap::new());
        let message = Message::new(&method, &uri, &headers, body.as_bytes(), at(NOW));
        verifier
            .recognize(&message)
            .map(drop)
            .map_err(|forged| forged.code())
    };
    let (in_time, stale) = (Err("payload.signature_mismatch"), Err("replay.stale"));
    assert_eq!(asked(PartialScheme::mailgun(), 300), in_time);
    assert_eq!(asked(PartialScheme::mailgun(), 301), stale);
    assert_eq!(asked(strict(), 10), in_time);
    assert_eq!(asked(strict(), 11), stale);
}

/// Stripe signs another time with each attempt, and the event's own name stands in the body.
#[test]
fn a_scheme_may_be_told_what_tells_its_deliveries_apart() {
    let by_event = Scheme::stripe()
        .identified_by(Identity::BodyField("id".into()))
        .expect("signed");
    let claim = |scheme: &Scheme, time, body: &[u8]| {
        let keys = ring(scheme, &[("1", NEW)]);
        let signer = HmacSigner::new(scheme.clone(), keys.clone());
        let headers = signer
            .sign_payload(&Outgoing::new(&tenant(), "1", body, at(time)))
            .expect("signed");
        let (method, uri) = (Method::POST, Uri::from_static("/"));
        let message = Message::new(&method, &uri, &headers, body, at(NOW));
        let authentic = HmacVerifier::new(scheme.clone(), keys)
            .verify_payload(&message)
            .expect("good")
            .claim(at(NOW), Terms::default());
        authentic.key
    };
    let first = claim(&by_event, NOW, BODY);
    let more = br#"{"attempt":2,"id":"evt_1"}"#;
    assert_eq!(first, claim(&by_event, NOW - 9, more));
    assert_ne!(first, claim(&by_event, NOW, br#"{"id":"evt_2"}"#));
    assert_ne!(
        claim(&Scheme::stripe(), NOW, BODY),
        claim(&Scheme::stripe(), NOW, more)
    );
    // A field that nobody signs tells nothing apart.
    let unsigned = Identity::Header(HeaderName::from_static("x-event-id"));
    assert!(Scheme::stripe().identified_by(unsigned).is_err());
    assert!(by_event.signed().contains(&Part::Body));
    assert!(
        !PartialScheme::mailgun().signed().contains(&Part::Body),
        "so it is partial"
    );
}
