//! The verdict of an explanation is that of the verifier: over every vector of every provider, as it is and changed.

use countersign::explain::{self, Certainty, PayloadInquiry, PayloadReport};
use countersign::payload::hmac::Keyring;
use countersign::payload::providers::presets::{self, Make};
use countersign::payload::{Message, Secret};
use http::{HeaderMap, Method};
use proptest::prelude::*;

use crate::vectors::{self, Vector, at, tenant};

/// The inquiry about the scheme of a vector, where that is data.
fn inquiry(vector: &Vector) -> Option<PayloadInquiry> {
    let about = match (
        vector.scheme(),
        presets::find(&vector.preset).map(|preset| preset.make),
    ) {
        (Some(scheme), _) => PayloadInquiry::new(scheme),
        (None, Some(Make::Partial(make))) => PayloadInquiry::partial(make()),
        (None, Some(Make::Token(make))) => PayloadInquiry::token(make()),
        (None, Some(Make::PublicKey(make))) => {
            PayloadInquiry::public_key(make(), vectors::algorithms()).expect("supported")
        }
        _ => return None,
    };
    let numbered = vector.keys.iter().enumerate();
    Some(numbered.fold(about, |inquiry, (number, key)| {
        inquiry.key(tenant(), number.to_string(), Secret::new(key))
    }))
}

fn usable() -> Vec<(Vector, PayloadInquiry)> {
    let all = vectors::published().into_iter().chain(vectors::cross());
    all.filter_map(|vector| Some((vector.clone(), inquiry(&vector)?)))
        .collect()
}

fn compare(
    vector: &Vector,
    inquiry: &PayloadInquiry,
    headers: &HeaderMap,
    body: &[u8],
    now: u64,
) -> PayloadReport {
    let (method, uri) = (Method::try_from(&*vector.method).expect("a method"), vector.uri());
    let message = Message::new(&method, &uri, headers, body, at(now));
    let report = explain::payload(inquiry, &message);
    let explained = report.verdict.clone().map_err(|why| why.code());
    let decided = vector.check_as(headers, body, now).map(|_| ());
    assert_eq!(explained, decided, "{}: {report}", vector.name);
    let failed = report.findings.iter().any(|finding| finding.reason.is_some());
    assert_eq!(failed, decided.is_err(), "{}: {report}", vector.name);
    report
}

#[test]
fn every_vector_is_judged_as_its_verifier_judges_it() {
    let vectors = usable();
    assert!(vectors.len() >= 150, "{} vectors", vectors.len());
    for (vector, inquiry) in &vectors {
        compare(
            vector,
            inquiry,
            &vector.header_map(),
            vector.body.as_bytes(),
            vector.now,
        );
    }
}

/// A message that is changed so that nothing but its own mistake is wrong: it is proved, or nothing is.
#[test]
fn a_vector_with_a_newline_more_is_a_vector_with_a_newline_more() {
    let mut found = 0;
    for (vector, inquiry) in usable().iter().filter(|(vector, _)| vector.expect == "ok") {
        let body = format!("{}\n", vector.body);
        let report = compare(vector, inquiry, &vector.header_map(), body.as_bytes(), vector.now);
        if let Some(first) = report
            .diagnoses
            .iter()
            .find(|first| first.certainty == Certainty::Proven)
        {
            assert_eq!(
                first.mistake,
                explain::Mistake::NewlineAdded,
                "{}: {report}",
                vector.name
            );
            found += 1;
        }
    }
    assert!(found >= 60, "found in {found}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_change_is_judged_as_the_verifier_judges_it(
        which in any::<prop::sample::Index>(),
        place in any::<prop::sample::Index>(),
        bit in 0_u8..8,
        what in 0_u8..6,
        off in 0_u64..100_000,
    ) {
        let vectors = usable();
        let (vector, inquiry) = which.get(&vectors);
        let (mut headers, mut body, mut now) = (vector.header_map(), vector.body.clone().into_bytes(), vector.now);
        let names: Vec<_> = headers.keys().cloned().collect();
        match what {
            0 if !body.is_empty() => body[place.index(vector.body.len())] ^= 1 << bit,
            1 if !names.is_empty() => { headers.remove(place.get(&names)); }
            2 if !names.is_empty() => { headers.append(place.get(&names).clone(), "x".parse().expect("a value")); }
            3 => now = now.saturating_sub(off),
            4 => now += off,
            _ if !names.is_empty() => {
                let name = place.get(&names);
                let mut value = headers[name].as_bytes().to_vec();
                let at = usize::from(bit) % value.len().max(1);
                if let Some(byte) = value.get_mut(at) {
                    *byte = byte.wrapping_add(1).clamp(b'!', b'~');
                }
                headers.insert(name.clone(), http::HeaderValue::from_bytes(&value).expect("a value"));
            }
            _ => {}
        }
        compare(vector, inquiry, &headers, &body, now);
    }
}

/// What a ring would refuse to be built from is said, and is no key.
#[test]
fn a_key_that_no_ring_takes_is_said_to_be_none() {
    let inquiry =
        PayloadInquiry::new(countersign::payload::Scheme::github()).key(tenant(), "2026", Secret::new(" "));
    let (method, uri) = (Method::POST, http::Uri::from_static("/"));
    let mut headers = HeaderMap::new();
    headers.insert(
        "x-hub-signature-256",
        format!("sha256={}", "0".repeat(64)).parse().expect("a value"),
    );
    let report = explain::payload(&inquiry, &Message::new(&method, &uri, &headers, b"{}", at(1)));
    assert_eq!(
        report.verdict.as_ref().map_err(|why| why.code()),
        Err("payload.no_key")
    );
    assert!(
        report.to_string().contains("begins or ends with white space"),
        "{report}"
    );
    let ring =
        Keyring::builder(&countersign::payload::Scheme::github()).key(tenant(), "2026", Secret::new(" "));
    assert!(ring.build().is_err());
}
