//! What tells one delivery from another, and until when: nothing but what the signature covers.

use std::time::Duration;

use countersign::payload::hmac::{
    BodyForm, Identity, KeySpec, Part, SchemeBuilder, SignatureAt, TimeAt, TimeFormat,
};
use countersign::payload::{
    HmacSigner, HmacVerifier, Keyring, Message, NotAuthentic, Outgoing, Scheme, SignPayload, VerifyPayload,
};
use countersign::replay::{Claim, ClaimKey, Claimed, Terms};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use rustls::pki_types::UnixTime;

use crate::signing::ring;
use crate::vectors::{at, tenant};

const NOW: u64 = 1_790_000_000;

fn header(name: &'static str) -> HeaderName {
    HeaderName::from_static(name)
}

fn sign(scheme: &Scheme, id: &str, body: &[u8], time: u64) -> HeaderMap {
    let signer = HmacSigner::new(scheme.clone(), ring(KeySpec::from(scheme), &[1]));
    signer
        .sign_payload(&Outgoing::new(&tenant(), id, body, at(time)))
        .expect("signed")
}

/// The claim on a message, and the time that it is said to be signed at.
fn verified(
    scheme: &Scheme,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<(Claim, Option<UnixTime>), NotAuthentic> {
    let (method, uri) = (Method::POST, Uri::from_static("/"));
    let verifier = HmacVerifier::new(scheme.clone(), ring(KeySpec::from(scheme), &[1]));
    let message = Message::new(&method, &uri, headers, body, at(NOW));
    let authentic = verifier.verify_payload(&message)?;
    let claim = authentic.claim(at(NOW), Terms::default().with_window(Duration::ZERO));
    let fresh = authentic.settle(&Claimed::granted(&claim, 1))?;
    Ok((claim, fresh.signed_at()))
}

fn claim_key(scheme: &Scheme, id: &str, body: &[u8], time: u64) -> Result<ClaimKey, NotAuthentic> {
    verified(scheme, &sign(scheme, id, body, time), body).map(|(claim, _)| claim.key)
}

fn in_a_header(name: &'static str, identity: Identity) -> SchemeBuilder {
    let signature = SignatureAt::Header {
        name: header("x-signature"),
        prefix: "".into(),
    };
    Scheme::builder(name).signature(signature).identity(identity)
}

fn own(name: &'static str, identity: Identity) -> Scheme {
    let builder = in_a_header(name, identity.clone());
    let builder = match identity {
        Identity::TimeAndBody => timed(builder),
        _ => builder.signed([Part::Body]),
    };
    builder.build().expect("a scheme")
}

fn timed(builder: SchemeBuilder) -> SchemeBuilder {
    let builder = builder.time(TimeAt::Header(header("x-time")), TimeFormat::Seconds);
    builder
        .allow_any_age()
        .signed([Part::Time, Part::Literal(".".into()), Part::Body])
}

/// A delivery is kept for as long as any message of it that is signed by now would pass, and the lease besides.
#[test]
fn a_signed_time_is_handed_on() {
    let scheme = Scheme::stripe();
    let (claim, signed_at) =
        verified(&scheme, &sign(&scheme, "1", b"{}", NOW - 100), b"{}").expect("verified");
    let until = at(NOW + 300 + 300 + 60);
    assert_eq!(signed_at, Some(at(NOW - 100)));
    assert_eq!((claim.keep_until, claim.renew_until), (until, Some(until)));

    let scheme = Scheme::github();
    let (claim, signed_at) = verified(&scheme, &sign(&scheme, "1", b"{}", NOW), b"{}").expect("verified");
    assert_eq!(signed_at, None);
    assert_eq!((claim.keep_until, claim.renew_until), (at(NOW + 60), None));
}

#[test]
fn one_delivery_is_told_from_another() {
    let (stripe, github, standard) = (Scheme::stripe(), Scheme::github(), Scheme::standard_webhooks());
    let (mine, others) = (own("mine", Identity::Body), own("others", Identity::Body));
    let (timed, field) = (
        own("timed", Identity::TimeAndBody),
        own("field", Identity::BodyField("id".into())),
    );
    type Sent<'s> = (&'s Scheme, &'s str, &'s [u8], u64);
    let cases: [(&str, Sent<'_>, Sent<'_>, bool); 13] = [
        (
            "signed id",
            (&standard, "1", b"{}", NOW),
            (&standard, "2", b"{}", NOW),
            false,
        ),
        (
            "a retry with its id",
            (&standard, "1", b"{}", NOW),
            (&standard, "1", b"[]", NOW - 9),
            true,
        ),
        (
            "id that is not signed",
            (&github, "1", b"{}", NOW),
            (&github, "2", b"{}", NOW),
            true,
        ),
        (
            "body",
            (&github, "1", b"{}", NOW),
            (&github, "1", b"[]", NOW),
            false,
        ),
        (
            "time that is part of it",
            (&timed, "1", b"{}", NOW),
            (&timed, "1", b"{}", NOW - 1),
            false,
        ),
        (
            "a retry that is signed anew",
            (&stripe, "1", b"{}", NOW),
            (&stripe, "2", b"{}", NOW - 1),
            true,
        ),
        (
            "body beside a time",
            (&stripe, "1", b"{}", NOW),
            (&stripe, "1", b"[]", NOW),
            false,
        ),
        (
            "scheme",
            (&mine, "1", b"{}", NOW),
            (&others, "1", b"{}", NOW),
            false,
        ),
        (
            "digits of the time in the body",
            (&timed, "1", b"0{}", NOW / 10),
            (&timed, "1", b"{}", NOW),
            false,
        ),
        (
            "field of the body",
            (&field, "1", br#"{"id":"a","n":1}"#, NOW),
            (&field, "1", br#"{"n":2,"id":"a"}"#, NOW),
            true,
        ),
        (
            "other field of the body",
            (&field, "1", br#"{"id":"a"}"#, NOW),
            (&field, "1", br#"{"id":"b"}"#, NOW),
            false,
        ),
        (
            "field that reads like a body",
            (&field, "1", br#"{"x":1}"#, NOW),
            (&field, "1", br#"{"id":"{\"x\":1}"}"#, NOW),
            false,
        ),
        (
            "fraction, which readers write in more than one form",
            (&field, "1", br#"{"id":1.5}"#, NOW),
            (&field, "1", br#"{"id":1.50}"#, NOW),
            false,
        ),
    ];
    for (name, (scheme, id, body, time), (other, other_id, other_body, other_time), same) in cases {
        let one = claim_key(scheme, id, body, time).expect("verified");
        let another = claim_key(other, other_id, other_body, other_time).expect("verified");
        assert_eq!(one == another, same, "{name}");
    }
}

/// A signature over the escaped form of a body counts for the schemes that sign so, and for no other.
#[test]
fn escaped_bodies_are_for_those_who_sign_them() {
    let (escaped, plain) = (br#"{"a":"\u00e4"}"#, r#"{"a":"ä"}"#.as_bytes());
    for (scheme, expected) in [
        (Scheme::meta(), Ok(())),
        (Scheme::github(), Err(NotAuthentic::SignatureMismatch)),
        (own("mine", Identity::Body), Err(NotAuthentic::SignatureMismatch)),
    ] {
        let headers = sign(&scheme, "1", escaped, NOW);
        let name = scheme.name();
        assert_eq!(verified(&scheme, &headers, plain).map(|_| ()), expected, "{name}");
        assert_eq!(verified(&scheme, &headers, escaped).map(|_| ()), Ok(()), "{name}");
    }
}

/// In a list of groups the time stands in each of them, and is the same in all.
#[test]
fn groups_agree_on_the_time() {
    let signature = header("x-signature");
    let scheme = Scheme::builder("groups")
        .signature(SignatureAt::List {
            name: signature.clone(),
            key: "v1".into(),
            separators: ", ".into(),
        })
        .time(TimeAt::ListKey("t".into()), TimeFormat::Seconds)
        .signed([Part::Time, Part::Literal(".".into()), Part::Body])
        .identity(Identity::TimeAndBody)
        .build()
        .expect("a scheme");
    let headers = sign(&scheme, "1", b"{}", NOW);
    let good = headers["x-signature"].to_str().expect("text").to_owned();
    let refused = Err(NotAuthentic::MalformedHeader { name: signature });
    for (list, expected) in [
        (good.clone(), Ok(())),
        (format!("t={NOW},v1=00 {good}"), Ok(())),
        (format!("{good} t={NOW},v1=00"), Ok(())),
        (format!("t={},v1=00 {good}", NOW - 1), refused.clone()),
        (format!("{good} t={},v1=00", NOW - 1), refused),
    ] {
        let mut headers = headers.clone();
        headers.insert("x-signature", HeaderValue::from_str(&list).expect("a value"));
        assert_eq!(verified(&scheme, &headers, b"{}").map(|_| ()), expected, "{list}");
    }
}

/// The same signed bytes, cut at another place, are the same delivery; and so are two spellings of one body.
#[test]
fn the_same_signature_is_the_same_delivery() {
    let claim = |scheme: &Scheme, keys: &Keyring, headers: &HeaderMap, body: &[u8]| {
        let (method, uri) = (Method::POST, Uri::from_static("/"));
        let verifier = HmacVerifier::new(scheme.clone(), keys.clone());
        let message = Message::new(&method, &uri, headers, body, at(NOW));
        let authentic = verifier
            .verify_payload(&message)
            .map_err(|forged: NotAuthentic| forged.code())?;
        Ok::<_, &'static str>(authentic.claim(at(NOW), Terms::default()).key)
    };
    // Klaviyo: `{body}{time}` without anything between them.
    let klaviyo = Scheme::klaviyo();
    let keys = ring(KeySpec::from(&klaviyo), &[1]);
    let signer = HmacSigner::new(klaviyo.clone(), keys.clone());
    let headers = signer
        .sign_payload(&Outgoing::new(&tenant(), "1790000000", b"[1]", at(NOW)))
        .expect("signed");
    let mut cut = headers.clone();
    cut.insert("klaviyo-timestamp", HeaderValue::from_static("790000000"));
    let (first, second) = (
        claim(&klaviyo, &keys, &headers, b"[1]"),
        claim(&klaviyo, &keys, &cut, b"[1]1"),
    );
    assert_eq!(first.as_ref().err(), None);
    assert_eq!(first, second);
    // Meta: the body as it is, or with every character beyond ASCII escaped.
    let meta = Scheme::meta();
    let keys = ring(KeySpec::from(&meta), &[1]);
    let signer = HmacSigner::new(meta.clone(), keys.clone());
    let escaped = b"{\"a\":\"\\u00e4\\ud83d\\ude00\"}";
    let headers = signer
        .sign_payload(&Outgoing::new(&tenant(), "1", escaped, at(NOW)))
        .expect("signed");
    let (first, second) = (
        claim(&meta, &keys, &headers, escaped),
        claim(&meta, &keys, &headers, "{\"a\":\"ä😀\"}".as_bytes()),
    );
    assert_eq!(first.as_ref().err(), None);
    assert_eq!(first, second);
    let [one, other] = [br#"{"a":"\u00e4"}"#, br#"{"a":"\u00e5"}"#];
    let [one, other] = [one, other].map(|body| claim_key(&meta, "1", body, NOW).expect("good"));
    assert_ne!(one, other, "another body is another delivery");
    // The same beside a signed time.
    let both = timed(in_a_header("escaped, beside a time", Identity::TimeAndBody));
    let both = both.body(BodyForm::RawOrEscaped).build().expect("a scheme");
    let headers = sign(&both, "1", escaped, NOW);
    let keys = ring(KeySpec::from(&both), &[1]);
    let [first, second] =
        [&escaped[..], "{\"a\":\"ä😀\"}".as_bytes()].map(|body| claim(&both, &keys, &headers, body));
    assert_eq!(first.as_ref().err(), None);
    assert_eq!(first, second);
    let changed = br#"{"a":"\u00e5"}"#;
    let other = claim(&both, &keys, &sign(&both, "1", changed, NOW), changed);
    let later = claim(&both, &keys, &sign(&both, "1", escaped, NOW + 1), escaped);
    assert_eq!((other.as_ref().err(), later.as_ref().err()), (None, None));
    assert!(
        first != other && first != later && other != later,
        "three deliveries"
    );
    // A scheme that cannot be cut in two ways refuses an identity that holds its separator.
    let standard = Scheme::standard_webhooks();
    let mut headers = sign(&standard, "msg-1", b"{}", NOW);
    let cut = HeaderValue::from_static("msg-1.1790000000");
    headers.insert("webhook-id", cut);
    let name = header("webhook-id");
    assert_eq!(
        verified(&standard, &headers, b"{}").err(),
        Some(NotAuthentic::MalformedHeader { name })
    );
}

/// What is joined by a separator and may hold it could be cut elsewhere: only where all that is signed is the delivery does
/// that make no other one.
#[test]
fn a_field_that_holds_its_separator_is_refused() {
    let scheme = |first, identity| {
        let point = || Part::Literal(".".into());
        timed(in_a_header("cut", identity))
            .signed([first, point(), Part::Time, point(), Part::Body])
            .build()
            .expect("a scheme")
    };
    for (value, cut) in [("a", false), ("a.b", true)] {
        let signer = scheme(Part::Literal(value.into()), Identity::TimeAndBody);
        let mut headers = sign(&signer, "1", b"{}", NOW);
        headers.insert("x-event", HeaderValue::from_static(value));
        for (identity, refused) in [(Identity::TimeAndBody, cut), (Identity::Signed, false)] {
            let name = header("x-event");
            let scheme = scheme(Part::Header(name.clone()), identity.clone());
            let expected = match refused {
                true => Err(NotAuthentic::MalformedHeader { name }),
                false => Ok(()),
            };
            let answer = verified(&scheme, &headers, b"{}").map(drop);
            assert_eq!(answer, expected, "{value}, {identity:?}");
        }
    }
}

/// The identity is one field, and another that is signed is another.
#[test]
fn a_field_beside_the_identity_is_signed_as_it_is() {
    let scheme = |second| {
        let point = || Part::Literal(".".into());
        let id = header("x-id");
        timed(in_a_header("two fields", Identity::Header(id.clone())))
            .signed([
                Part::Header(id),
                point(),
                second,
                point(),
                Part::Time,
                point(),
                Part::Body,
            ])
            .build()
            .expect("a scheme")
    };
    let mut headers = sign(&scheme(Part::Literal("paid".into())), "msg-1", b"{}", NOW);
    for (value, expected) in [("paid", Ok(())), ("msg-1", Err(NotAuthentic::SignatureMismatch))] {
        headers.insert("x-event", HeaderValue::from_static(value));
        let scheme = scheme(Part::Header(header("x-event")));
        assert_eq!(verified(&scheme, &headers, b"{}").map(drop), expected, "{value}");
    }
}
