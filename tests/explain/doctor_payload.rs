//! `doctor payload` as a process: what it reads, what it says, and what it never shows.

use std::process::Command;

use countersign::payload::Scheme;
use serde_json::{Value, json};

use crate::doctor::{Folder, cannot_look, code, doctor, json as answered};
use crate::example::example;
use crate::payloads::mail::{Mail, OTHER, SECRET, stripe_scheme};
use crate::process::run;

const BODY: &str = "{\"id\":\"evt_1\"}";
/// A minute after it was signed.
const THEN: &str = "2026-01-01T00:01:00Z";

fn value(mail: &Mail, name: &str) -> String {
    format!("{name}: {}", mail.field(name))
}

/// A delivery of Stripe's, its fields in a file.
fn stripe(secret: &str) -> String {
    value(
        &Mail::signed(&stripe_scheme(), secret, BODY.as_bytes()),
        "stripe-signature",
    )
}

#[test]
fn a_signature_is_explained_from_header_fields_and_a_body() {
    let folder = Folder::new("payload");
    let headers = folder.put(
        "headers.txt",
        &format!("{}\r\ncontent-type: application/json\r\n", stripe(SECRET)),
    );
    let (right, saved) = (
        folder.put("right.bin", BODY),
        folder.put("saved.bin", &format!("{BODY}\n")),
    );
    let key = folder.put("key.txt", &format!("{SECRET}\n"));
    let words = |body, at| {
        let words = [
            "payload",
            "--scheme",
            "stripe",
            "--headers",
            &headers,
            "--body",
            body,
        ];
        [&words[..], &["--key-file", &key, "--at", at]].concat()
    };
    let outcome = doctor(&words(&right, THEN));
    assert_eq!(code(&outcome), Some(0), "{}", outcome.text());
    assert!(outcome.stdout.starts_with("VERIFIED\n"), "{}", outcome.stdout);

    let outcome = doctor(&words(&saved, THEN));
    assert_eq!(code(&outcome), Some(1), "{}", outcome.text());
    assert!(
        outcome
            .stdout
            .contains("\nPROVEN: a line's end was added to the body"),
        "{}",
        outcome.stdout
    );
    assert!(!outcome.text().contains(&SECRET[..4]), "{}", outcome.text());

    let mut later = words(&saved, "2026-01-02T00:00:00Z");
    later.push("--json");
    let (ended, value) = answered(&later);
    assert_eq!(ended, Some(1));
    assert_eq!(value["diagnoses"][0]["mistake"], "newline_added");
    assert_eq!(
        (&value["code"], &value["verified"]),
        (&json!("replay.stale"), &json!(false))
    );
}

/// Each way in which a message may have been kept, with the key of another environment.
#[test]
fn a_message_is_read_as_it_was_kept() {
    let folder = Folder::new("kept");
    let field = stripe(OTHER);
    let (name, signature) = field.split_once(": ").expect("a field");
    let whole = folder.put(
        "whole.txt",
        &format!("POST /hooks HTTP/1.1\r\n{field}\r\n\r\n{BODY}"),
    );
    let curl = format!(
        "* Connected\n> POST /hooks HTTP/1.1\r\n> Host: a.example\r\n> {field}\r\n> \r\n< HTTP/1.1 401\r\n"
    );
    let (curl, body) = (folder.put("curl.txt", &curl), folder.put("body.bin", BODY));
    let entry = |text: &str, encoding: Value| {
        let post = json!({"mimeType": "application/json", "text": text, "encoding": encoding});
        let headers = json!([{"name": ":path", "value": "/hooks"}, {"name": name, "value": signature}]);
        let request =
            json!({"method": "POST", "url": "https://a.example/hooks", "headers": headers, "postData": post});
        json!({"startedDateTime": "2026-01-01T00:00:59.5Z", "request": request})
    };
    let har = |entries: Value| json!({"log": {"entries": entries}}).to_string();
    let one = folder.put("one.har", &har(json!([entry(BODY, Value::Null)])));
    let two = folder.put(
        "two.har",
        &har(json!([
            entry("{}", Value::Null),
            entry("eyJpZCI6ImV2dF8xIn0=", json!("base64"))
        ])),
    );
    let (key, other) = (folder.put("production", SECRET), folder.put("staging", OTHER));
    let at = ["--at", THEN];
    let cases: [Vec<&str>; 4] = [
        [&["--headers", &whole][..], &at].concat(),
        [&["--headers", &curl, "--body", &body][..], &at].concat(),
        vec!["--har", &one],
        vec!["--har", &two, "--entry", "2"],
    ];
    for case in cases {
        let words = [
            "payload",
            "--json",
            "--scheme",
            "stripe",
            "--key-file",
            &key,
            "--also-known",
            &other,
        ];
        let (ended, value) = answered(&[&words[..], &case].concat());
        assert_eq!(ended, Some(1), "{case:?}: {value:#}");
        let first = &value["diagnoses"][0];
        assert_eq!(
            (&first["mistake"], &first["certainty"]),
            (&json!("other_key"), &json!("proven")),
            "{case:?}: {value:#}"
        );
        assert_eq!(first["detail"], "key \"staging\" of sender", "{case:?}");
        assert_eq!(value["diagnoses"][1], Value::Null, "{case:?}: {value:#}");
        assert_eq!(value["code"], "payload.signature_mismatch", "{case:?}");
    }
}

/// The secret comes from a file or from the environment, and the URL from what was kept.
#[test]
fn the_target_that_was_kept_is_the_one_that_is_signed() {
    let folder = Folder::new("target");
    let origin = countersign::payload::Origin::parse("https://hooks.example").expect("an origin");
    let mail = Mail::signed_to(&Scheme::square(&origin), SECRET, BODY.as_bytes(), "/api/in?a=1");
    let field = value(&mail, "x-square-hmacsha256-signature");
    let whole = folder.put(
        "whole.txt",
        &format!("POST /api/in?a=1 HTTP/1.1\n{field}\n\n{BODY}"),
    );
    let (name, signature) = field.split_once(": ").expect("a field");
    let request = json!({
        "method": "POST",
        "url": "https://hooks.example/api/in?a=1",
        "headers": [{"name": name, "value": signature}],
        "postData": {"text": BODY},
    });
    let har = json!({"log": {"entries": [{"request": request}]}}).to_string();
    let har = folder.put("one.har", &har);
    let scheme = [
        "payload",
        "--scheme",
        "square",
        "--origin",
        "https://hooks.example",
    ];
    for kept in [["--headers", &whole], ["--har", &har]] {
        let mut command = Command::new(example("doctor"));
        command.args(scheme).args(kept).args(["--key-env", "HOOK_SECRET"]);
        let outcome = run(command.env("HOOK_SECRET", SECRET));
        assert!(
            outcome.stdout.starts_with("VERIFIED\n"),
            "{kept:?}: {}",
            outcome.text()
        );
    }
}

#[test]
fn a_scheme_that_signs_the_url_asks_for_its_origin() {
    let folder = Folder::new("origin");
    let outside = countersign::payload::Origin::parse("https://hooks.example").expect("an origin");
    let mail = Mail::signed_to(&Scheme::square(&outside), SECRET, BODY.as_bytes(), "/api/in");
    let field = value(&mail, "x-square-hmacsha256-signature");
    let whole = folder.put("whole.txt", &format!("POST /in HTTP/1.1\n{field}\n\n{BODY}"));
    let key = folder.put("key", SECRET);
    let words = [
        "payload",
        "--scheme",
        "square",
        "--headers",
        &whole,
        "--key-file",
        &key,
    ];
    cannot_look(&words, "doctor: --origin URL is missing", &[&SECRET[..4]]);
    let more = [
        "--origin",
        "http://10.0.0.7",
        "--also-called",
        "https://hooks.example/api/in",
        "--json",
    ];
    let (_, value) = answered(&[&words[..], &more].concat());
    assert_eq!(value["diagnoses"][0]["mistake"], "target", "{value:#}");
    assert_eq!(
        value["diagnoses"][0]["detail"],
        "https://hooks.example/api/in is signed"
    );
}

#[test]
fn what_is_missing_or_unreadable_is_said_in_one_line() {
    let folder = Folder::new("payload-usage");
    let (key, bad) = (
        folder.put("key", SECRET),
        folder.put("bad.txt", "a: b\nno field\n"),
    );
    let (empty, har) = (folder.put("empty.txt", ""), folder.put("a.har", "{}"));
    let start = ["payload", "--scheme", "stripe", "--key-file", &key];
    let cases: [(Vec<&str>, &str); 8] = [
        (vec!["payload"], "doctor: --scheme NAME is missing"),
        (
            vec!["payload", "--scheme", "strip"],
            "doctor: --scheme \"strip\": no scheme is named so",
        ),
        (start.to_vec(), "doctor: --headers FILE is missing"),
        ([&start[..], &["--headers", &bad]].concat(), "doctor: --headers "),
        ([&start[..], &["--har", &har]].concat(), "doctor: --har "),
        (
            vec!["payload", "--scheme", "stripe", "--headers", &empty],
            "doctor: --key-file FILE is missing",
        ),
        (
            vec![
                "payload",
                "--scheme",
                "paypal",
                "--headers",
                &empty,
                "--key-file",
                &key,
            ],
            "doctor: --webhook ID is missing",
        ),
        (
            vec![
                "payload",
                "--scheme",
                "aws_sns",
                "--body",
                &empty,
                "--topic",
                "a",
                "--key-file",
                &key,
            ],
            "doctor: --key-file ",
        ),
    ];
    for (words, expected) in cases {
        cannot_look(&words, expected, &[&SECRET[..4]]);
    }
}
