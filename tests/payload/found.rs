//! Deliveries of providers that were refused once.

use std::collections::BTreeMap;

use countersign::payload::Message;
use countersign::payload::providers::handshakes;
use http::{Method, StatusCode};
use serde::Deserialize;

use crate::shared::vectors;
use crate::vectors::{Vector, at};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Found {
    preset: String,
    secret: String,
    /// None, where the scheme has no time.
    now: Option<u64>,
    method: String,
    url: String,
    headers: BTreeMap<String, String>,
    body: String,
    expected: String,
    why: String,
    made_by: String,
}

#[test]
fn the_deliveries_that_were_found_are_taken() {
    let Some(path) = vectors("found/presets.json") else {
        return;
    };
    let text = std::fs::read(path).expect("a file");
    let all: Vec<Found> = serde_json::from_slice(&text).expect("presets.json as we know it");
    assert!(all.len() >= 8, "{}", all.len());
    for found in all {
        let (expected, said) = (found.expected.clone(), format!("{}: {}", found.preset, found.why));
        let vector = vector(found);
        match &*expected {
            "accepted" => assert_eq!(vector.check(), Ok("0".into()), "{said}"),
            "answered 200, no event" => assert_eq!(answered(&vector), Some(StatusCode::OK), "{said}"),
            other => panic!("{said}: nobody knows what {other:?} is"),
        }
    }
}

fn vector(found: Found) -> Vector {
    Vector {
        name: found.preset.clone(),
        preset: found.preset,
        keys: vec![found.secret],
        now: found.now.unwrap_or(1_790_000_000),
        method: found.method,
        url: found.url,
        headers: found.headers,
        body: found.body,
        digest: None,
        encoding: None,
        expect: "ok".into(),
        source: found.made_by,
        by: None,
        note: None,
    }
}

fn answered(vector: &Vector) -> Option<StatusCode> {
    let (method, uri) = (Method::try_from(&*vector.method).expect("a method"), vector.uri());
    let headers = vector.header_map();
    let message = Message::new(&method, &uri, &headers, vector.body.as_bytes(), at(vector.now));
    assert_eq!(vector.preset, "woocommerce");
    handshakes::woocommerce(&message).map(|reply| reply.status)
}
