//! Every preset against what its provider publishes, and against an implementation that is not ours.

use crate::vectors as payload_support;

use std::collections::BTreeSet;

use countersign::payload::providers::presets;
use countersign::payload::providers::presets::PresetSource;
use http::HeaderMap;
use payload_support::{Vector, cross, published};

/// Rows of the catalogue whose vectors name another thing.
fn preset_of(vector: &Vector) -> &str {
    match &*vector.preset {
        "hubspot_v1" | "hubspot_v2" => "hubspot_legacy",
        other => other,
    }
}

#[test]
fn published_vectors() {
    for vector in published() {
        let verdict = vector.check();
        match &*vector.expect {
            "ok" => assert_eq!(verdict, Ok("0".into()), "{}", vector.name),
            code => assert_eq!(verdict, Err(code), "{}", vector.name),
        }
    }
}

#[test]
fn the_hmac_of_python_agrees() {
    for vector in cross() {
        assert_eq!(vector.check(), Ok("0".into()), "{}", vector.name);
    }
}

/// What must be refused, made of each message that is accepted.
#[test]
fn evil_twins() {
    for vector in published()
        .into_iter()
        .chain(cross())
        .filter(|vector| vector.expect == "ok")
    {
        another_key(&vector);
        another_body(&vector);
        no_headers(&vector);
        repeated_headers(&vector);
        another_time(&vector);
    }
}

fn another_key(vector: &Vector) {
    let mut twin = vector.clone();
    for key in &mut twin.keys {
        // Stays of its form: hexadecimal, base64 and text alike. Public keys break instead, which is another test.
        let position = key
            .find(|letter: char| letter.is_ascii_alphanumeric() && letter != '_')
            .unwrap_or(0);
        let position = key.find("whsec_").map_or(position, |prefix| prefix + 6);
        let other = if key[position..].starts_with('7') {
            "4"
        } else {
            "7"
        };
        key.replace_range(position..=position, other);
    }
    if presets::find(&vector.preset).is_some_and(|preset| matches!(preset.make, presets::Make::PublicKey(_)))
    {
        return;
    }
    assert_eq!(
        twin.check(),
        Err("payload.signature_mismatch"),
        "{} under another key",
        vector.name
    );
}

fn another_body(vector: &Vector) {
    let mut body = vector.body.clone().into_bytes();
    body.push(b' ');
    let verdict = vector.check_as(&vector.header_map(), &body, vector.now);
    // Adyen's items are signed, not the white space behind the batch, and of Mercado Pago the query: their strength
    // says so.
    if ["adyen", "mercado_pago"].contains(&&*vector.preset) {
        assert_eq!(verdict, Ok("0".into()));
    } else {
        assert_eq!(
            verdict,
            Err("payload.signature_mismatch"),
            "{} with another body",
            vector.name
        );
    }
}

fn no_headers(vector: &Vector) {
    let verdict = vector.check_as(&HeaderMap::new(), vector.body.as_bytes(), vector.now);
    match &*vector.preset {
        "adyen" | "braintree" => assert_eq!(verdict, Ok("0".into())),
        _ => assert_eq!(
            verdict,
            Err("payload.missing_header"),
            "{} without header fields",
            vector.name
        ),
    }
}

fn repeated_headers(vector: &Vector) {
    for name in vector.headers.keys().filter(|name| *name != "content-type") {
        let mut headers = vector.header_map();
        let value = headers[name].clone();
        headers.append(http::HeaderName::try_from(name).expect("a name"), value);
        let verdict = vector.check_as(&headers, vector.body.as_bytes(), vector.now);
        let of_hubspot = &**name == "x-hubspot-request-timestamp" && vector.preset != "hubspot";
        // Names the algorithm: the scheme says it already.
        let unread = of_hubspot || &**name == "x-sinch-webhook-signature-algorithm";
        if !unread {
            assert_eq!(
                verdict,
                Err("payload.repeated_header"),
                "{} with {name} twice",
                vector.name
            );
        }
    }
}

fn another_time(vector: &Vector) {
    let Some(window) = vector.scheme().and_then(|scheme| scheme.window()) else {
        return;
    };
    let (headers, body) = (vector.header_map(), vector.body.as_bytes());
    let cases = [
        (vector.now + window.past.as_secs() + 1, Err("replay.stale")),
        (
            vector.now - window.future.as_secs() - 1,
            Err("replay.from_the_future"),
        ),
        (u64::MAX, Err("replay.stale")),
        (0, Err("replay.from_the_future")),
    ];
    for (now, expected) in cases {
        assert_eq!(
            vector.check_as(&headers, body, now),
            expected,
            "{} at {now}",
            vector.name
        );
    }
}

#[test]
fn how_many_there_are() {
    let all: Vec<_> = presets::all().collect();
    let own = all
        .iter()
        .filter(|preset| matches!(preset.source, PresetSource::Own(_)));
    let (total, own) = (all.len(), own.count());
    let declared: BTreeSet<_> = all
        .iter()
        .filter(|preset| preset.vector.is_some())
        .map(|preset| preset.name)
        .collect();
    println!(
        "presets: {total}, confirmed by the provider's own: {own}, third-party sources only: {}, with a vector of the \
         provider's own code: {}",
        total - own,
        declared.len()
    );
    let published = published();
    let of_provider = published
        .iter()
        .filter(|vector| vector.by.as_deref() == Some("provider"));
    let found: BTreeSet<_> = of_provider.map(preset_of).chain(OWN_ELSEWHERE).collect();
    assert_eq!(
        declared, found,
        "what the rows say, and what stands in tests/vectors"
    );
}

#[test]
fn every_preset_is_judged() {
    let names: BTreeSet<_> = presets::all().map(|preset| preset.name).collect();
    let (published, cross) = (published(), cross());
    let vectors = published.iter().chain(&cross).map(preset_of);
    let elsewhere = ELSEWHERE.iter().map(|(name, _)| *name);
    let tokens = names.iter().copied().filter(|name| is_token(name));
    let judged: BTreeSet<_> = vectors.chain(elsewhere).chain(tokens).collect();
    assert_eq!(
        names.symmetric_difference(&judged).collect::<Vec<_>>(),
        Vec::<&&str>::new(),
        "nobody judges these"
    );
}

/// Of these a message of the provider's own stands in another test.
const OWN_ELSEWHERE: [&str; 3] = ["aws_sns", "ebay", "paypal"];

/// Judged by another test: the preset and the file.
const ELSEWHERE: &[(&str, &str)] = &[
    (
        "aws_sns",
        "payload/families/published_keys.rs: signed by openssl, and taken by AWS's own validator (vectors/libraries.mjs)",
    ),
    (
        "ebay",
        "payload/families/published_keys.rs: eBay's own sample, and signed with p256",
    ),
    (
        "paypal",
        "payload/published.rs: a delivery of PayPal's; payload/families/published_keys.rs: signed by openssl",
    ),
    ("telnyx", "payload/public_key.rs: signed with aws-lc-rs"),
    ("braintree", "payload/families.rs: signed by Python's hmac"),
    ("mailgun", "payload/families.rs: signed by Python's hmac"),
    ("mercado_pago", "payload/families.rs: signed by Python's hmac"),
];

/// There is nothing to cross-check where nothing is signed: a fixed secret is shown. See payload/tokens.rs.
fn is_token(name: &str) -> bool {
    presets::find(name).is_some_and(|preset| matches!(preset.make, presets::Make::Token(_)))
}

/// Not a test: writes docs/presets.md anew.
#[test]
#[ignore = "writes docs/presets.md anew: cargo test --all-features --test payload -- --ignored write_the_table"]
fn write_the_table() {
    std::fs::write(
        concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/presets.md"),
        presets::table(),
    )
    .expect("docs/presets.md");
}
