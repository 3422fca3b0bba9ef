//! A body that arrives in pieces gets the same answer as one that is there.

use countersign::payload::presets::{self, Make};
use countersign::payload::{
    Authentic, Forged, Head, HmacSigner, HmacVerifier, KeySpec, Message, Outgoing, Scheme, SignPayload,
    VerifyPayload,
};
use countersign::replay::Terms;
use http::{HeaderMap, Method, Uri};
use proptest::prelude::*;

use crate::payload_support::{at, tenant};
use crate::signing::{body_for, origin, ring};

const NOW: u64 = 1_790_000_000;

/// All that an answer says: who, which key, when, and under which name a replay is known.
fn said(answer: Result<Authentic<'_>, Forged>) -> Result<(String, countersign::replay::Claim), Forged> {
    answer.map(|authentic| {
        (
            authentic.key().to_string(),
            authentic.claim(at(NOW), Terms::default()),
        )
    })
}

fn in_pieces<'m>(
    verifier: &HmacVerifier,
    head: &Head<'m>,
    body: &[u8],
    cuts: &[usize],
) -> Option<Result<Authentic<'m>, Forged>> {
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
    Some(running.finish())
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
            let signer = HmacSigner::new(scheme.clone(), ring(spec, &[1]));
            let verifier = HmacVerifier::new(scheme.clone(), ring(spec, &keys));
            let mut body = body_for(scheme.name(), &text, NOW);
            let outgoing = Outgoing::new(&tenant, "msg-1", &body, at(NOW)).with_request(&method, &uri);
            let Ok(mut headers) = signer.sign_payload(&outgoing) else { continue };
            spoil(&mut headers, &mut body, how);
            let head = Head::new(&method, &uri, &headers, at(NOW));
            let whole = said(verifier.verify_payload(&head.with_body(&body)));
            if let Some(answer) = in_pieces(&verifier, &head, &body, &cuts) {
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
    assert_eq!(running.update(b"1"), Err(Forged::BodyTooLarge { limit: 10 }));
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
