//! Pings in a body, or not, and what is answered to them.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use countersign::payload::providers::handshakes;
use countersign::payload::public_key::{PublicKeyScheme, PublicKeyVerifier};
use countersign::payload::{Keyring, Message, NotAuthentic, Scheme, Secret};
use countersign::tenant::TenantId;
use http::Method;

use super::{NOW, body, head_with};
use crate::vectors::algorithms;

fn message_with<T>(fields: &[(&'static str, &str)], body: &str, then: impl FnOnce(&Message<'_>) -> T) -> T {
    head_with(&Method::POST, "/hooks", fields, |head| {
        then(&head.with_body(body.as_bytes()))
    })
}

#[test]
fn pings_in_a_body() {
    type Ask<'a> = &'a dyn Fn(&Message<'_>) -> Option<String>;
    let woocommerce = |message: &Message<'_>| body(handshakes::woocommerce(message));
    let vtex = |message: &Message<'_>| body(handshakes::vtex_orders(message));
    let notion = |message: &Message<'_>| handshakes::notion(message).map(|(_, token)| token);
    let (form, token) = (
        &[("content-type", "application/x-www-form-urlencoded")],
        "secret_tMrlL1qK5vuQAh1b6cZGhFChZTSYJlce98V0pYn7yBl",
    );
    let asked = format!(r#"{{"verification_token":"{token}"}}"#);
    let more = asked.replace('{', r#"{"type":"page.created","#);
    // Behind the token, in whichever order an object is read.
    let behind = asked.replace('}', r#","workspace_id":"w"}"#);
    let other = asked.replace("verification", "another");
    let cases: [(&str, Ask<'_>, &[(&'static str, &str)], &str, Option<&str>); 13] = [
        ("woocommerce", &woocommerce, form, "webhook_id=7", Some("")),
        (
            "woocommerce, signed",
            &woocommerce,
            &[("x-wc-webhook-signature", "x")],
            "webhook_id=7",
            None,
        ),
        (
            "woocommerce, more",
            &woocommerce,
            form,
            "webhook_id=7&order=1",
            None,
        ),
        ("woocommerce, no number", &woocommerce, form, "webhook_id=", None),
        ("vtex", &vtex, &[], r#"{"hookConfig":"ping"}"#, Some("")),
        (
            "vtex, more",
            &vtex,
            &[],
            r#"{"hookConfig":"ping","OrderId":"1"}"#,
            None,
        ),
        ("vtex, an order", &vtex, &[], r#"{"OrderId":"1"}"#, None),
        ("notion", &notion, &[], &asked, Some(token)),
        (
            "notion, signed",
            &notion,
            &[("x-notion-signature", "sha256=00")],
            &asked,
            None,
        ),
        ("notion, more", &notion, &[], &more, None),
        ("notion, by another name", &notion, &[], &other, None),
        ("notion, more behind it", &notion, &[], &behind, None),
        (
            "notion, short",
            &notion,
            &[],
            r#"{"verification_token":"short"}"#,
            None,
        ),
    ];
    for (name, ask, fields, body, expected) in cases {
        assert_eq!(
            message_with(fields, body, |message| ask(message)).as_deref(),
            expected,
            "{name}"
        );
    }
}

#[test]
fn linkedin_signs_a_uuid_and_nothing_else() {
    let scheme = Scheme::linkedin();
    let keys = Keyring::builder(&scheme)
        .key(
            TenantId::parse("acme").unwrap(),
            "1",
            Secret::new("linkedin client secret 01"),
        )
        .build()
        .expect("keys");
    let code = "890e4665-4dfe-4ab1-b689-ed553bceeed0";
    let asked = format!("/linkedin?challengeCode={code}&applicationId=1");
    let right = format!(
        r#"{{"challengeCode":"{code}","challengeResponse":"6fdec29bbc57e9786ffa5016506713df38c1fd5c1a553dc14038794c66e016f0"}}"#
    );
    let get = Method::GET;
    let cases = [
        ("a UUID", &get, asked.as_str(), Some(right.as_str())),
        ("POST", &Method::POST, &asked, None),
        ("a message", &get, "/?challengeCode=hmacsha256%3D%7B%7D", None),
        (
            "another text",
            &get,
            "/?challengeCode=890e46654dfe4ab1b689ed553bceeed0",
            None,
        ),
    ];
    for (name, method, uri, expected) in cases {
        let answer = head_with(method, uri, &[], |head| {
            body(handshakes::linkedin(&keys, head).expect("a key"))
        });
        assert_eq!(answer.as_deref(), expected, "{name}");
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Discord with a key of this seed, and its verifier.
pub(crate) fn discord(seed: &[u8; 32]) -> (Ed25519KeyPair, PublicKeyVerifier) {
    let pair = Ed25519KeyPair::from_seed_unchecked(seed).expect("a seed");
    let scheme = PublicKeyScheme::discord();
    let keys = Keyring::builder(&scheme)
        .key(
            TenantId::parse("acme").unwrap(),
            "1",
            Secret::new(&hex(pair.public_key().as_ref())),
        )
        .build()
        .expect("keys");
    let verifier = PublicKeyVerifier::new(scheme, keys, algorithms()).expect("supported");
    (pair, verifier)
}

#[test]
fn both_pings_of_discord() {
    let (pair, verifier) = discord(&[7; 32]);
    let ask = |signed: &str, sent: &str| {
        let signature = hex(pair.sign(format!("{NOW}{signed}").as_bytes()).as_ref());
        let fields = [
            ("x-signature-ed25519", &*signature),
            ("x-signature-timestamp", "1790000000"),
        ];
        message_with(&fields, sent, |message| handshakes::discord(&verifier, message))
            .map(|reply| reply.map(|reply| (reply.status.as_u16(), reply.body)))
    };
    let interaction = r#"{"application_id":"1","id":"2","token":"t","type":1,"version":1}"#;
    let event_ping = r#"{"version":1,"application_id":"1234560123453231555","type":0}"#;
    let event = r#"{"version":1,"application_id":"1","type":1,"event":{"type":"APPLICATION_AUTHORIZED"}}"#;
    let cases = [
        (
            "an interaction's PING",
            interaction,
            interaction,
            Ok(Some((200, r#"{"type":1}"#.to_owned()))),
        ),
        (
            "an event's PING",
            event_ping,
            event_ping,
            Ok(Some((204, String::new()))),
        ),
        ("an event", event, event, Ok(None)),
        ("a command", r#"{"type":2}"#, r#"{"type":2}"#, Ok(None)),
        (
            "signed by nobody",
            event,
            event_ping,
            Err(NotAuthentic::SignatureMismatch),
        ),
    ];
    for (name, signed, sent, expected) in cases {
        assert_eq!(ask(signed, sent), expected, "{name}");
    }
}
