//! A body that takes its time: what counts is when it is whole.

use countersign::identity::Validity;
use countersign::payload::hmac::KeySpec;
use countersign::payload::{
    Head, HmacSigner, HmacVerifier, Keyring, NotAuthentic, Outgoing, Scheme, Secret, SignPayload as _,
    VerifyPayload as _,
};
use http::{Method, Uri};

use super::{BODY, NOW, in_pieces, said, schemes, signed};
use crate::signing::{body_for, ring, secret};
use crate::vectors::{at, tenant};

/// Whenever it is there: as if all of it had come then.
#[test]
fn a_body_that_takes_its_time_gets_the_answer_of_its_end() {
    const DAY: u64 = 24 * 60 * 60;
    let (method, uri, tenant) = (Method::POST, Uri::from_static("/in?x=1"), tenant());
    let mut too_late = 0;
    for scheme in schemes() {
        let spec = KeySpec::from(&scheme);
        let signer = HmacSigner::new(scheme.clone(), ring(&spec, &[1]));
        let verifier = HmacVerifier::new(scheme.clone(), ring(&spec, &[1]));
        let body = body_for(scheme.name(), "late", NOW);
        let outgoing = Outgoing::new(&tenant, "msg-1", &body, at(NOW)).with_request(&method, &uri);
        let Ok(headers) = signer.sign_payload(&outgoing) else {
            continue;
        };
        let past = scheme.window().map_or(DAY, |window| window.past.as_secs());
        for late in [0, 1, past, past + 1, past + DAY] {
            let head = Head::new(&method, &uri, &headers, at(NOW));
            let late_head = Head::new(&method, &uri, &headers, at(NOW + late));
            let whole = said(verifier.verify_payload(&late_head.with_body(&body)));
            let Some(answer) = in_pieces(&verifier, &head, &body, &[1], NOW + late) else {
                continue;
            };
            assert_eq!(said(answer), whole, "{} {late}", scheme.name());
            too_late += usize::from(whole.is_err());
        }
    }
    assert!(too_late > 20, "most schemes sign a time: {too_late}");
}

/// A key that ends while the body arrives does not count, nor does one that begins then.
#[test]
fn a_key_counts_from_the_head_to_the_end_of_the_body() {
    let scheme = Scheme::github();
    let spec = KeySpec::from(&scheme);
    let (method, uri, headers) = (Method::POST, Uri::from_static("/"), signed(&scheme));
    let head = Head::new(&method, &uri, &headers, at(NOW));
    let (first, other) = (NOW + 5, Err(NotAuthentic::SignatureMismatch));
    let cases = [
        ("both ends", NOW, first, Ok("key-1")),
        ("ends before", NOW, first - 1, other.clone()),
        ("begins behind", NOW + 1, first, other),
    ];
    for (name, from, to, expected) in cases {
        let ring = [(2, Validity::ALWAYS), (1, Validity::new(at(from), at(to)))]
            .into_iter()
            .fold(Keyring::builder(&spec), |ring, (number, validity)| {
                let secret = Secret::new(&secret(&spec, number));
                ring.key_valid(tenant(), format!("key-{number}"), secret, validity)
            });
        let verifier = HmacVerifier::new(scheme.clone(), ring.build().expect("a ring"));
        let answer = in_pieces(&verifier, &head, BODY, &[1], first).expect("it streams");
        let matched = answer.map(|found| found.key().to_string());
        assert_eq!(matched, expected.map(str::to_owned), "{name}");
    }
}
