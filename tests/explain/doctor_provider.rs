//! `doctor payload` for providers whose scheme is a type of its own: what it is given, and what it finds.

use std::sync::Arc;

use countersign::payload::providers::{EbaySigner, HubSpotLegacy, PayPalSigner, SnsSigner, TwilioVerifier};
use countersign::payload::{Keyring, Outgoing, Secret};
use countersign::testing::NOW;

use crate::doctor::{Folder, code, doctor, json};
use crate::ebay_key::EbayKey;
use crate::payloads::mail::{Mail, SECRET, acme, secret};
use crate::payloads::providers::{
    ADYEN, BODY, CERTIFICATE, PAYPAL, SNS, TOPIC, WEBHOOK, batch, origin, rsa_key, signed,
};

const OUTSIDE: &str = "https://hooks.example";

/// A message, what the doctor is told, what makes it wrong, and the mistake that is found then.
struct Played {
    scheme: &'static str,
    mail: Mail,
    key: String,
    right: Vec<&'static str>,
    wrong: Vec<&'static str>,
    mistake: &'static str,
}

fn played() -> Vec<Played> {
    let hubspot = HubSpotLegacy::version_2(acme(), &Secret::new(SECRET), &origin(OUTSIDE)).expect("a secret");
    let keys = Keyring::builder(TwilioVerifier::KEYS).key(acme(), "2026", secret(SECRET));
    let twilio = TwilioVerifier::new(origin(OUTSIDE), keys.build().expect("a key"));
    let tenant = acme();
    let sns = SnsSigner::new(acme(), TOPIC, SNS, rsa_key()).sign(&Outgoing::new(&tenant, "1", b"hello", NOW));
    let case = |scheme, mail, key: &str, right, wrong, mistake| Played {
        scheme,
        mail,
        key: key.to_owned(),
        right,
        wrong,
        mistake,
    };
    let certificate = CERTIFICATE.chain_pem();
    vec![
        case(
            "hubspot_legacy",
            signed(&hubspot, BODY),
            SECRET,
            vec!["--origin", OUTSIDE],
            vec!["--origin", "http://hooks.example"],
            "url_scheme",
        ),
        case(
            "twilio",
            signed(&twilio, b"Body=hello"),
            SECRET,
            vec!["--origin", OUTSIDE],
            vec![
                "--origin",
                "http://10.0.0.7",
                "--also-called",
                "https://hooks.example/hooks",
            ],
            "target",
        ),
        case(
            "paypal",
            signed(&PayPalSigner::new(acme(), WEBHOOK, PAYPAL, rsa_key()), BODY),
            &certificate,
            vec!["--webhook", WEBHOOK],
            vec!["--webhook", "8PT597110X687430LKGECATA", "--webhook", WEBHOOK],
            "other_webhook",
        ),
        case(
            "aws_sns",
            Mail::unsigned(&sns.expect("signed")),
            &certificate,
            vec!["--topic", TOPIC],
            vec!["--topic", "arn:aws:sns:us-east-1:123456789012:other"],
            "other_topic",
        ),
        case(
            "ebay",
            signed(&EbaySigner::new(acme(), "key-1", Arc::new(EbayKey::new(7))), BODY),
            &EbayKey::new(7).shown(),
            vec![],
            vec!["--body", "changed.json"],
            "json_white_space",
        ),
        case(
            "adyen",
            Mail::unsigned(batch(ADYEN).to_string().as_bytes()),
            ADYEN,
            vec![],
            vec!["--key-file", "spaced.txt"],
            "secret_space",
        ),
    ]
}

#[test]
fn each_is_looked_into_as_it_was_kept() {
    let folder = Folder::new("providers");
    let spaced = folder.put("spaced.txt", &format!("{ADYEN} \n"));
    let changed = folder.put("changed.json", "{\"id\": \"WH-1\", \"amount\": 10}");
    for one in played() {
        let scheme = one.scheme;
        let (body, key) = (
            folder.put("body.json", one.mail.body()),
            folder.put("key.txt", &one.key),
        );
        let headers = folder.put(
            "headers.txt",
            &format!("POST /hooks HTTP/1.1\n{}", one.mail.lines()),
        );
        let given = |more: &[&'static str]| {
            let real = |word: &&'static str| match *word {
                "spaced.txt" => spaced.clone(),
                "changed.json" => changed.clone(),
                word => word.to_owned(),
            };
            let more: Vec<String> = more.iter().map(real).collect();
            let mut words = vec!["payload", "--scheme", scheme, "--at", "2026-01-01T00:00:00Z"];
            // Where all is in the body, nothing else is needed.
            if !one.mail.lines().is_empty() {
                words.extend(["--headers", &headers]);
            }
            let has = |option: &str| more.iter().any(|word| word == option);
            if !has("--body") {
                words.extend(["--body", &body]);
            }
            if !has("--key-file") {
                words.extend(["--key-file", &key]);
            }
            let words = words.into_iter().map(str::to_owned);
            words.chain(more.clone()).collect::<Vec<_>>()
        };
        let words = given(&one.right);
        let outcome = doctor(&words.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(code(&outcome), Some(0), "{scheme}: {}", outcome.text());
        assert!(
            outcome.stdout.starts_with("VERIFIED\n"),
            "{scheme}: {}",
            outcome.stdout
        );
        let words = given(&one.wrong);
        let words: Vec<_> = words.iter().map(String::as_str).chain(["--json"]).collect();
        let (ended, value) = json(&words);
        assert_eq!(ended, Some(1), "{scheme}: {value:#}");
        let found = (
            &value["diagnoses"][0]["mistake"],
            &value["diagnoses"][0]["certainty"],
        );
        assert_eq!(
            found,
            (&one.mistake.into(), &"proven".into()),
            "{scheme}: {value:#}"
        );
        assert!(
            value["signed"]["bytes"].as_u64() > Some(10),
            "{scheme}: {value:#}"
        );
    }
}
