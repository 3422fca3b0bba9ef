//! WHO SHOWS A SECRET? Header fields, a target and a body as they come from outside, by every preset of a token. Whoever is recognized has shown the whole
//! secret somewhere in the message.
#![no_main]

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::payload::providers::presets::{self, Make};
use countersign::payload::token::{TokenScheme, TokenVerifier};
use countersign::payload::{Keyring, Message, Secret};
use countersign_fuzz::{NOW, acme, at, bounded, head_and_body, headers};
use http::{HeaderName, Method, Uri};
use libfuzzer_sys::fuzz_target;

const SECRET: &str = "a-secret-of-32-characters-or-more";
const USER: &str = "user:a-secret-of-32-characters-or-more";

struct Case {
    is_basic: bool,
    verifier: TokenVerifier,
}

static CASES: LazyLock<Vec<Case>> = LazyLock::new(|| {
    let field = HeaderName::from_static("x-token");
    let presets = presets::all().filter_map(|preset| match preset.make {
        Make::Token(make) => Some(make()),
        _ => None,
    });
    let presets = presets.map(|scheme| match scheme.header_field() {
        Some(_) => scheme,
        None => scheme.in_field(HeaderName::from_static("x-token")),
    });
    let own = [
        TokenScheme::header("mine", field),
        TokenScheme::basic("basic"),
        TokenScheme::url_parameter("parameter", "token"),
        TokenScheme::url_path("path", "/in/", "/box"),
    ];
    presets.chain(own).flat_map(case).collect()
});

fn case(scheme: TokenScheme) -> Option<Case> {
    let build = |secret| {
        Keyring::builder(&scheme)
            .key(acme(), "1", Secret::new(secret))
            .build()
            .ok()
    };
    let (is_basic, keys) = match build(USER) {
        Some(keys) if scheme.name().len() > 3 && build(SECRET).is_none() => (true, keys),
        _ => (false, build(SECRET)?),
    };
    Some(Case {
        is_basic,
        verifier: TokenVerifier::new(scheme, keys),
    })
}

// The first byte chooses the preset; then the target in a line, lines `name: value`, an empty line, the body.
fuzz_target!(init: { LazyLock::force(&CASES); }, |data: &[u8]| {
    let Some((choice, rest)) = data.split_first() else {
        return;
    };
    let case = &CASES[usize::from(*choice) % CASES.len()];
    let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    let (target, rest) = rest.split_at(end);
    let uri = Uri::try_from(target).unwrap_or(Uri::from_static("/in/none/box"));
    let (lines, body) = head_and_body(rest);
    let headers = headers(lines);
    let (method, now) = (Method::POST, at(NOW));
    let message = Message::new(&method, &uri, &headers, body, now);
    if bounded(data, || case.verifier.recognize(&message)).is_ok() {
        let shown = match case.is_basic {
            true => STANDARD.encode(USER),
            false => SECRET.to_owned(),
        };
        let text = format!("{uri}\n{}", String::from_utf8_lossy(rest));
        assert!(is_in(&text, shown.trim_end_matches('=')), "{text}");
    }
});

/// As it is, or written otherwise in a URL or in JSON.
fn is_in(text: &str, secret: &str) -> bool {
    text.contains(secret) || text.contains('%') || text.contains('\\')
}
