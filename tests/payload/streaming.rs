//! A body that arrives in pieces gets the same answer as one that is there.

mod late;

use std::time::Duration;

use countersign::identity::Validity;
use countersign::payload::hmac::{Identity, KeySpec, Part, SignatureAt};
use countersign::payload::providers::presets;
use countersign::payload::providers::presets::Make;
use countersign::payload::{
    Authentic, Head, HmacSigner, HmacVerifier, Keyring, Message, NoKey, NotAuthentic, Outgoing, Scheme,
    Secret, SignPayload, VerifyPayload,
};
use countersign::replay::Terms;
use countersign::tenant::TenantId;
use http::{HeaderMap, HeaderName, Method, Uri};
use proptest::prelude::*;

use crate::signing::{body_for, origin, ring, secret};
use crate::vectors::{at, tenant};

const NOW: u64 = 1_790_000_000;

/// All that an answer says: who, which key, when, and under which name a replay is known.
fn said(
    answer: Result<Authentic<'_>, NotAuthentic>,
) -> Result<(String, countersign::replay::Claim), NotAuthentic> {
    answer.map(|authentic| {
        (
            authentic.key().to_string(),
            authentic.claim(at(NOW), Terms::default().with_window(Duration::ZERO)),
        )
    })
}

fn in_pieces<'m>(
    verifier: &HmacVerifier,
    head: &Head<'m>,
    body: &[u8],
    cuts: &[usize],
    whole_at: u64,
) -> Option<Result<Authentic<'m>, NotAuthentic>> {
    let mut running = match verifier.begin_payload(head, 1 << 20) {
        Ok(running) => running?,
        Err(forged) => return Some(Err(forged)),
    };
    let mut rest = body;
    for cut in cuts {
        let (piece, after) = rest.split_at((*cut).min(rest.len()));
        running.update(piece).expect("below the limit");
        rest = after;
    }
    running.update(rest).expect("below the limit");
    Some(running.finish(at(whole_at)))
}

fn schemes() -> impl Iterator<Item = Scheme> {
    presets::all().filter_map(|preset| match preset.make {
        Make::Hmac(make) => Some(make()),
        Make::HmacOfUrl(make) => Some(make(&origin())),
        _ => None,
    })
}

/// One message, right or spoiled in one of several ways.
fn spoil(headers: &mut HeaderMap, body: &mut Vec<u8>, how: u8) {
    let names: Vec<_> = headers.keys().cloned().collect();
    match how {
        0 => {}
        1 => body.push(b'x'),
        2 => {
            headers.remove(&names[0]);
        }
        3 => {
            let value = headers[&names[0]].clone();
            headers.append(names[0].clone(), value);
        }
        4 => {
            headers.insert(names[0].clone(), "x".parse().expect("a value"));
        }
        _ => {
            headers.insert(
                names[names.len() - 1].clone(),
                "v1=00,v1,00,t=1".parse().expect("a value"),
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn every_split_gives_the_same_answer(
        text in "\\PC{0,200}",
        cuts in prop::collection::vec(0_usize..90, 0..6),
        how in 0_u8..6,
        keys in prop::sample::select(vec![vec![1_u8], vec![2, 1], vec![2], vec![2, 3, 1]]),
    ) {
        let (method, uri) = (Method::POST, Uri::from_static("/in?x=1"));
        let tenant = tenant();
        for scheme in schemes() {
            let spec = KeySpec::from(&scheme);
            let signer = HmacSigner::new(scheme.clone(), ring(&spec, &[1]));
            let verifier = HmacVerifier::new(scheme.clone(), ring(&spec, &keys));
            let mut body = body_for(scheme.name(), &text, NOW);
            let outgoing = Outgoing::new(&tenant, "msg-1", &body, at(NOW)).with_request(&method, &uri);
            let Ok(mut headers) = signer.sign_payload(&outgoing) else { continue };
            spoil(&mut headers, &mut body, how);
            let head = Head::new(&method, &uri, &headers, at(NOW));
            let whole = said(verifier.verify_payload(&head.with_body(&body)));
            if let Some(answer) = in_pieces(&verifier, &head, &body, &cuts, NOW) {
                prop_assert_eq!(said(answer), whole, "{} {}", scheme.name(), how);
            }
        }
    }
}

/// Only what has to be read whole waits for the whole.
#[test]
fn nearly_all_schemes_stream() {
    let (method, uri) = (Method::POST, Uri::from_static("/"));
    let mut whole = Vec::new();
    for scheme in schemes() {
        let verifier = HmacVerifier::new(scheme.clone(), ring(KeySpec::from(&scheme), &[1]));
        let headers = HeaderMap::new();
        let begun = verifier.begin_payload(&Head::new(&method, &uri, &headers, at(NOW)), 10);
        if matches!(begun, Ok(None)) {
            whole.push(scheme.name().to_owned());
        }
    }
    whole.sort();
    assert_eq!(whole, ["box_com", "braintree", "linear", "mandrill", "meta"]);
}

#[test]
fn the_limit_is_kept_while_the_body_arrives() {
    let scheme = Scheme::github();
    let (method, uri) = (Method::POST, Uri::from_static("/"));
    let verifier = HmacVerifier::new(scheme.clone(), ring(KeySpec::from(&scheme), &[1]));
    let mut headers = HeaderMap::new();
    headers.insert(
        "x-hub-signature-256",
        format!("sha256={}", "0".repeat(64)).parse().expect("a value"),
    );
    let head = Head::new(&method, &uri, &headers, at(NOW));
    let mut running = verifier
        .begin_payload(&head, 10)
        .expect("a head")
        .expect("it streams");
    assert_eq!(running.update(b"12345"), Ok(()));
    assert_eq!(running.update(b"12345"), Ok(()));
    assert_eq!(running.update(b""), Ok(()));
    let too_large = NotAuthentic::BodyTooLarge { limit: 10 };
    assert_eq!(running.update(b"1"), Err(too_large.clone()));
    assert_eq!(running.update(b""), Err(too_large.clone()), "it stays so");
    assert_eq!(running.finish(at(NOW)).map(drop), Err(too_large));
}

/// What the head alone tells is told before a byte of the body is taken.
#[test]
fn a_bad_head_is_refused_before_the_body() {
    let scheme = Scheme::slack();
    let (method, uri) = (Method::POST, Uri::from_static("/"));
    let verifier = HmacVerifier::new(scheme.clone(), ring(KeySpec::from(&scheme), &[1]));
    let mut headers = HeaderMap::new();
    headers.insert("x-slack-request-timestamp", "1".parse().expect("a value"));
    let head = Head::new(&method, &uri, &headers, at(NOW));
    let begun = verifier
        .begin_payload(&head, 10)
        .err()
        .map(|forged| forged.code());
    assert_eq!(begun, Some("replay.stale"));
    let message: Message<'_> = head.with_body(b"");
    assert_eq!(
        verifier
            .verify_payload(&message)
            .err()
            .map(|forged| forged.code()),
        begun
    );
}

/// Headers that key 1 has signed for [`BODY`].
fn signed(scheme: &Scheme) -> HeaderMap {
    let signer = HmacSigner::new(scheme.clone(), ring(KeySpec::from(scheme), &[1]));
    signer
        .sign_payload(&Outgoing::new(&tenant(), "msg-1", BODY, at(NOW)))
        .expect("signed")
}

const BODY: &[u8] = b"{}";

/// A key that does not count now stands before and behind the one that does.
#[test]
fn keys_that_do_not_count_now_are_passed_over() {
    let scheme = Scheme::github();
    let spec = KeySpec::from(&scheme);
    let (method, uri, headers) = (Method::POST, Uri::from_static("/"), signed(&scheme));
    let head = Head::new(&method, &uri, &headers, at(NOW));
    let always = Validity::ALWAYS;
    let over = Validity::new(at(0), at(NOW - 1));
    let ahead = Validity::new(at(NOW + 1), at(NOW + 9));
    let first_second = Validity::new(at(NOW), at(NOW + 9));
    let none_valid = || Err(NoKey::NoneValid { sender: tenant() }.into());
    let cases = [
        (
            "before and behind",
            [(2, over), (1, always), (3, ahead)],
            Ok("key-1"),
        ),
        (
            "its first second",
            [(2, ahead), (3, over), (1, first_second)],
            Ok("key-1"),
        ),
        (
            "over",
            [(1, over), (2, always), (3, always)],
            Err(NotAuthentic::SignatureMismatch),
        ),
        (
            "ahead",
            [(2, always), (3, always), (1, ahead)],
            Err(NotAuthentic::SignatureMismatch),
        ),
        ("none", [(1, over), (2, over), (3, ahead)], none_valid()),
    ];
    for (name, keys, expected) in cases {
        let builder = keys
            .iter()
            .fold(Keyring::builder(&spec), |builder, (number, validity)| {
                builder.key_valid(
                    TenantId::parse("acme").unwrap(),
                    format!("key-{number}"),
                    Secret::new(&secret(&spec, *number)),
                    *validity,
                )
            });
        let verifier = HmacVerifier::new(scheme.clone(), builder.build().expect("a ring"));
        let matched =
            |answer: Result<Authentic<'_>, NotAuthentic>| answer.map(|found| found.key().to_string());
        let expected = expected.map(str::to_owned);
        assert_eq!(
            matched(verifier.verify_payload(&head.with_body(BODY))),
            expected,
            "{name}"
        );
        let streamed = in_pieces(&verifier, &head, BODY, &[1], NOW).expect("it streams");
        assert_eq!(matched(streamed), expected, "{name}, in pieces");
    }
}

/// Where no key counts, none of the body is taken.
#[test]
fn no_valid_key_is_told_before_the_body() {
    let scheme = Scheme::github();
    let spec = KeySpec::from(&scheme);
    let over = Validity::new(at(0), at(NOW - 1));
    let keys = Keyring::builder(&spec)
        .key_valid(
            TenantId::parse("acme").unwrap(),
            "1",
            Secret::new(&secret(&spec, 1)),
            over,
        )
        .build();
    let verifier = HmacVerifier::new(scheme.clone(), keys.expect("a ring"));
    let (method, uri, headers) = (Method::POST, Uri::from_static("/"), signed(&scheme));
    let begun = verifier.begin(&Head::new(&method, &uri, &headers, at(NOW)), 10);
    assert_eq!(begun.err(), Some(NoKey::NoneValid { sender: tenant() }.into()));
}

/// What the connection has proved decides whose keys count, in pieces as at once.
#[test]
fn only_the_keys_of_the_proved_sender_count() {
    let scheme = Scheme::github();
    let spec = KeySpec::from(&scheme);
    let (method, uri, headers) = (Method::POST, Uri::from_static("/"), signed(&scheme));
    let two = Keyring::builder(&spec)
        .key(
            TenantId::parse("acme").unwrap(),
            "1",
            Secret::new(&secret(&spec, 1)),
        )
        .key(
            TenantId::parse("other").unwrap(),
            "1",
            Secret::new(&secret(&spec, 2)),
        )
        .build()
        .expect("a ring");
    let named = |name: &str| TenantId::parse(name).expect("a tenant");
    let (acme, other, nobody) = (named("acme"), named("other"), named("nobody"));
    let unknown = || {
        Err(NotAuthentic::NoKey(NoKey::Unknown {
            sender: named("nobody"),
        }))
    };
    let cases = [
        (&two, Some(&acme), Ok(named("acme"))),
        (&two, Some(&other), Err(NotAuthentic::SignatureMismatch)),
        (&two, Some(&nobody), unknown()),
        (&two, None, Err(NoKey::SenderNeeded.into())),
        (&ring(&spec, &[1]), Some(&nobody), unknown()),
        (&ring(&spec, &[1]), None, Ok(named("acme"))),
    ];
    for (keys, sender, expected) in cases {
        let verifier = HmacVerifier::new(scheme.clone(), keys.clone());
        let mut head = Head::new(&method, &uri, &headers, at(NOW));
        head.sender = sender;
        let whose = |answer: Result<Authentic<'_>, NotAuthentic>| answer.map(|found| found.sender().clone());
        assert_eq!(
            whose(verifier.verify_payload(&head.with_body(BODY))),
            expected,
            "{sender:?}"
        );
        let streamed = in_pieces(&verifier, &head, BODY, &[1], NOW).expect("it streams");
        assert_eq!(whose(streamed), expected, "{sender:?}, in pieces");
    }
}

/// A header field that is signed behind the body is asked for before it.
#[test]
fn what_is_signed_behind_the_body_is_asked_for_before_it() {
    let behind = HeaderName::from_static("x-behind");
    let scheme = Scheme::builder("acme")
        .signature(SignatureAt::Header {
            name: HeaderName::from_static("x-signature"),
            prefix: "".into(),
        })
        .signed([
            Part::Body,
            Part::Literal(".".into()),
            Part::Header(behind.clone()),
        ])
        .identity(Identity::Signed)
        .build()
        .expect("a scheme");
    let verifier = HmacVerifier::new(scheme.clone(), ring(KeySpec::from(&scheme), &[1]));
    let (method, uri) = (Method::POST, Uri::from_static("/"));
    let mut headers = HeaderMap::new();
    headers.insert("x-signature", "0".repeat(64).parse().expect("a value"));
    let begun = verifier.begin(&Head::new(&method, &uri, &headers, at(NOW)), 10);
    assert_eq!(begun.err(), Some(NotAuthentic::MissingHeader { name: behind }));
}
