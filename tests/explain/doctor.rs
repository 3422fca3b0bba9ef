//! `examples/doctor.rs` as a process: what it prints, and how it ends.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use countersign::identity::SpkiHash;
use countersign::testing::{TestCa, TestCert};
use serde_json::Value;

use crate::example::example;
use crate::process::{Outcome, run, workshop};

const ACME: &str = "spiffe://pay.example/tenant/acme";
const RULES: [&str; 4] = [
    "--rule",
    "URI:spiffe://pay.example/tenant/{tenant}",
    "--tenants",
    "globex,acme",
];
/// `testing::NOW`, as the command line has it.
const THEN: [&str; 2] = ["--at", "2026-01-01T00:00:00Z"];

/// A folder of files, gone with its test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(test: &str) -> Self {
        let folder = workshop().join(format!("doctor-{test}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("a folder");
        Self(folder)
    }

    /// Writes a file, and names it.
    pub(crate) fn put(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        fs::write(&path, text).expect("a file");
        path.to_str().expect("UTF-8").to_owned()
    }

    fn cert(&self, name: &str, cert: &TestCert) -> String {
        self.put(name, &cert.chain_pem())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn doctor(words: &[&str]) -> Outcome {
    run(Command::new(example("doctor")).args(words))
}

pub(crate) fn code(outcome: &Outcome) -> Option<i32> {
    outcome.status.code()
}

pub(crate) fn json(words: &[&str]) -> (Option<i32>, Value) {
    let outcome = doctor(words);
    let value = serde_json::from_str(&outcome.stdout);
    (
        code(&outcome),
        value.unwrap_or_else(|error| panic!("{error}: {}", outcome.text())),
    )
}

/// That it cannot look, and says so in one line that begins so and shows none of these.
pub(crate) fn cannot_look(words: &[&str], expected: &str, secrets: &[&str]) {
    let outcome = doctor(words);
    let text = outcome.text();
    assert_eq!(code(&outcome), Some(2), "{words:?}: {text}");
    assert!(outcome.stderr.starts_with(expected), "{words:?}: {text}");
    assert_eq!(outcome.stderr.lines().count(), 1, "{words:?}: {text}");
    let leak = secrets.iter().find(|secret| text.contains(**secret));
    assert_eq!(leak, None, "{words:?}: {text}");
}

#[test]
fn a_certificate_is_explained() {
    let (folder, root) = (Folder::new("peer"), TestCa::new("Acme Root"));
    let (good, bad) = (
        root.client(ACME).issue(),
        root.client(ACME).server_only().expired().issue(),
    );
    let (ca, good_file, bad_file) = (
        folder.put("ca.pem", &root.pem()),
        folder.cert("good.pem", &good),
        folder.cert("bad.pem", &bad),
    );
    let mut words = vec!["peer", "--ca", &ca, "--cert", &good_file];
    words.extend(RULES.iter().chain(&THEN));
    let outcome = doctor(&words);
    assert_eq!(code(&outcome), Some(0), "{}", outcome.text());
    assert!(outcome.stdout.starts_with("TRUSTED\n"), "{}", outcome.stdout);
    assert!(
        outcome
            .stdout
            .contains("acme, by URI spiffe://pay.example/tenant/{tenant}")
    );

    words[4] = &bad_file;
    let outcome = doctor(&words);
    assert_eq!(code(&outcome), Some(1), "{}", outcome.text());
    assert!(
        outcome.stdout.starts_with("REFUSED as trust.expired: "),
        "{}",
        outcome.stdout
    );
    assert!(!outcome.stdout.contains('\u{1b}'), "colour, where nobody looks");
    words.push("--json");
    let (ended, value) = json(&words);
    assert_eq!(ended, Some(1));
    assert_eq!(
        (&value["trusted"], &value["code"]),
        (&Value::Bool(false), &"trust.expired".into())
    );
    assert_eq!(value["failed"], serde_json::json!(["validity", "purpose"]));
}

#[test]
fn each_option_of_peer_counts() {
    let (folder, root) = (Folder::new("options"), TestCa::new("Acme Root"));
    let (cert, server) = (root.client(ACME).issue(), root.server("hooks.example").issue());
    let ca = folder.put("ca.pem", &root.pem());
    let (cert_file, server_file) = (folder.cert("cert.pem", &cert), folder.cert("server.pem", &server));
    let revoking = folder.put("crl.pem", &root.crl(1).revoke(&cert).issue().pem());
    let pin = |cert: &TestCert| SpkiHash::of(&cert.spki_der()).to_string();
    let own = folder.put("own.txt", &pin(&cert));
    let others = folder.put("others.txt", &pin(&server));
    let elsewhere = [
        "--rule",
        "URI:spiffe://else.example/{tenant}",
        "--tenants",
        "acme",
    ];
    let cases: [(&[&str], Option<&str>); 7] = [
        (&[], None),
        (&["--crl", &revoking], Some("trust.revoked")),
        (&["--pins", &own], None),
        (&["--pins", &others], Some("trust.not_pinned")),
        (&elsewhere, Some("tenant.no_rule")),
        (
            &["--server-name", "hooks.example"],
            Some("trust.extended_key_usage"),
        ),
        (&["--at", "2019-01-01T00:00:00Z"], Some("trust.not_yet_valid")),
    ];
    for (more, expected) in cases {
        let mut words = vec!["peer", "--json", "--ca", &ca, "--cert", &cert_file];
        if !more.contains(&"--at") {
            words.extend(THEN);
        }
        words.extend(more);
        let (ended, value) = json(&words);
        assert_eq!(value["code"].as_str(), expected, "{more:?}: {value:#}");
        assert_eq!(ended, Some(i32::from(expected.is_some())), "{more:?}");
    }
    for (name, expected) in [
        ("hooks.example", None),
        ("other.example", Some("trust.wrong_name")),
    ] {
        let mut words = vec![
            "peer",
            "--json",
            "--ca",
            &ca,
            "--cert",
            &server_file,
            "--server-name",
            name,
        ];
        words.extend(THEN);
        let (_, value) = json(&words);
        assert_eq!(value["code"].as_str(), expected, "{value:#}");
    }
}

#[test]
fn a_pin_is_that_of_a_file_of_pins() {
    let (folder, root) = (Folder::new("pin"), TestCa::new("Acme Root"));
    let cert = root.client(ACME).issue();
    let file = folder.cert("cert.pem", &cert);
    let outcome = doctor(&["pin", &file]);
    let expected = format!("{}\n", SpkiHash::of(&cert.spki_der()));
    assert_eq!((code(&outcome), outcome.stdout), (Some(0), expected));
}

#[test]
fn a_provider_is_found_by_its_name_or_its_makers() {
    let outcome = doctor(&["providers", "stripe"]);
    assert_eq!(code(&outcome), Some(0), "{}", outcome.text());
    assert!(outcome.stdout.starts_with("stripe\n"), "{}", outcome.stdout);
    assert!(outcome.stdout.contains("stripe-signature"), "{}", outcome.stdout);
    let (_, one) = json(&["providers", "Box", "--json"]);
    assert_eq!(one[0]["name"], "box_com");
    let (_, all) = json(&["providers", "--json"]);
    let presets = countersign::payload::providers::presets::all().count();
    assert_eq!(all.as_array().map(Vec::len), Some(presets));
    assert_eq!(code(&doctor(&["providers", "nobody's"])), Some(2));
}

#[test]
fn what_it_cannot_look_at_is_said_in_one_line() {
    let folder = Folder::new("usage");
    let text = folder.put("text.pem", "no certificate");
    let pem = TestCa::new("Root").client(ACME).issue().key_pem();
    let key = folder.put("key.pem", &pem);
    for (words, expected) in [
        (&[][..], "doctor: say what to look at: peer, "),
        (&["heart"], "doctor: \"heart\" is nothing to look at"),
        (
            &["peer", "--heart"],
            "doctor: invalid option '--heart'; --help lists",
        ),
        (&["peer", "cert.pem"], "doctor: \"cert.pem\" stands by itself"),
        (&["peer"], "doctor: --cert FILE is missing"),
        (&["peer", "--cert", &text], "doctor: --cert "),
        (
            &["peer", "--at", "yesterday"],
            "doctor: --at \"yesterday\" is no time since 1970",
        ),
        (&["pin"], "doctor: give the file of a certificate"),
        (&["pin", &key], "doctor: pin "),
    ] {
        let secrets: Vec<_> = pem.lines().filter(|line| line.len() > 20).collect();
        cannot_look(words, expected, &secrets);
    }
    let outcome = doctor(&["peer", "--help"]);
    assert_eq!(code(&outcome), Some(0));
    assert!(outcome.stdout.starts_with("doctor - says why"));
}

/// What operators give in the place of a certificate, and what is said of it.
#[test]
fn what_stands_in_the_place_of_a_certificate_is_named() {
    let folder = Folder::new("instead");
    let root = TestCa::new("Acme Root");
    let cert = root.client(ACME).issue();
    let section = |label: &str| format!("-----BEGIN {label}-----\nMAA=\n-----END {label}-----\n");
    let base64 = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, cert.chain_pem());
    let pem = cert.key_pem();
    let secrets: Vec<_> = pem.lines().filter(|line| line.len() > 20).collect();
    let ca = folder.put("ca.pem", &root.pem());
    for (text, expected) in [
        (
            section("CERTIFICATE REQUEST"),
            "holds a request, which is not signed yet",
        ),
        (
            section("NEW CERTIFICATE REQUEST"),
            "holds a request, which is not signed yet",
        ),
        (pem.clone(), "holds a private key, and no certificate"),
        (section("PUBLIC KEY"), "holds a public key, and no certificate"),
        (base64, "is base64 of a PEM file"),
        ("\n".to_owned(), "is empty"),
        ("hello".to_owned(), "holds no certificate in PEM"),
    ] {
        let file = folder.put("given.pem", &text);
        for words in [
            &["peer", "--cert", &file, "--ca", &ca][..],
            &["peer", "--cert", &ca, "--ca", &file],
            &["pin", &file],
        ] {
            let option = if words[0] == "pin" {
                "pin"
            } else if words[2] == file {
                "--cert"
            } else {
                "--ca"
            };
            cannot_look(words, &format!("doctor: {option} {file}: {expected}"), &secrets);
        }
    }
    let words = ["peer", "--cert", &ca, "--ca", &ca, "--pins", &ca];
    cannot_look(
        &words,
        &format!("doctor: --pins {ca} holds no pins but PEM; `doctor pin FILE`"),
        &[],
    );
    let url = ["connect", "https://localhost:443/hooks"];
    cannot_look(
        &url,
        "doctor: \"https://localhost:443/hooks\" is a URL; write host:port",
        &[],
    );
}

/// The file of a proxy, and all that it names.
fn proxy(folder: &Folder, root: &TestCa, tenants: &str) -> String {
    let server = root.server("hooks.example").issue();
    folder.cert("server.pem", &server);
    folder.put("server.key", &server.key_pem());
    folder.put("ca.pem", &root.pem());
    let pins = [root.client(ACME).issue(), root.client(ACME).issue()];
    let pins = pins.map(|cert| SpkiHash::of(&cert.spki_der()).to_string());
    folder.put("pins.txt", &pins.join("\n"));
    folder.put(
        "keys.txt",
        "acme 2026 whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n",
    );
    let text = format!(
        "listen = '127.0.0.1:0'\n[[integration]]\ncert = 'server.pem'\nkey = 'server.key'\n\
         [integration.clients]\nca = 'ca.pem'\npins = 'pins.txt'\ntenants = [{tenants}]\n\
         rules = ['URI:spiffe://pay.example/tenant/{{tenant}}']\n\
         [[integration.route]]\npath = '/hooks'\nscheme = 'standard_webhooks'\nkeys = 'keys.txt'\n\
         backend = '127.0.0.1:8080'\n[[integration.route]]\npath = '/status'\nopen = true\nbackend = '127.0.0.1:8080'\n"
    );
    folder.put("proxy.toml", &text)
}

#[test]
fn a_file_of_the_proxy_is_audited() {
    let (folder, root) = (Folder::new("audit"), TestCa::new("Acme Root"));
    let file = proxy(&folder, &root, "'acme'");
    let outcome = doctor(&["audit", "--config", &file]);
    assert_eq!(
        (code(&outcome), outcome.stdout.as_str()),
        (Some(0), "FINE: nothing to mend\n"),
        "{}",
        outcome.text()
    );

    let file = proxy(&folder, &root, "'acme', 'globex'");
    folder.put(
        "pins.txt",
        &SpkiHash::of(&root.client(ACME).issue().spki_der()).to_string(),
    );
    let (ended, found) = json(&["audit", "--json", "--config", &file]);
    let codes: Vec<_> = found
        .as_array()
        .expect("findings")
        .iter()
        .map(|found| &found["code"])
        .collect();
    assert_eq!(codes, ["audit.no_pin_backup", "audit.tenant_without_key"]);
    assert_eq!(ended, Some(1));

    folder.put("keys.txt", "acme 2026 swordfish\n");
    let outcome = doctor(&["audit", "--config", &file]);
    assert_eq!(code(&outcome), Some(2), "{}", outcome.text());
    assert!(
        outcome.stderr.contains("keys.txt, line 1: ") && !outcome.stderr.contains("swordfish"),
        "{}",
        outcome.stderr
    );
}
