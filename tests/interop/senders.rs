//! The examples of the sender's side, as processes: what is wrong is found at the start, and told in one line.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, process};

use countersign::testing::TestCa;

use crate::example::example;
use crate::process::{run, workshop};

const ENDPOINT: &str = "acme https://hooks.acme.example/paid\n";
const KEY: &str = "acme 2026 whsec_YWNtZS1zZWNyZXQtb2YtMzItYnl0ZXMtZm9yLXRlc3Q=\n";
const PINS: [&str; 2] = [
    "sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
    "sha256/bjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=",
];

/// A directory with everything that is needed, gone with its test.
struct Files(PathBuf);

impl Files {
    fn new(test: &str) -> Self {
        let directory = workshop().join(format!("senders-{test}-{}", process::id()));
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(&directory).expect("a directory");
        let files = Self(directory);
        let acme = TestCa::new("Acme Root")
            .client("spiffe://pay.example/tenant/acme")
            .issue();
        for (name, text) in [
            ("acme.pem", acme.chain_pem()),
            ("acme.key", acme.key_pem()),
            ("endpoints", ENDPOINT.to_owned()),
            ("keys", KEY.to_owned()),
            ("body", r#"{"paid": 42}"#.to_owned()),
        ] {
            files.write(name, &text);
        }
        files
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.0.join(name), text).expect("a file");
    }

    /// What an example says before it ends, in one line, having done nothing.
    fn told(&self, name: &str, options: &[&str]) -> String {
        let directory = self.0.to_str().expect("a plain path");
        let options = options.iter().map(|option| option.replace("DIR", directory));
        let outcome = run(Command::new(binary(name)).args(options));
        assert_eq!(
            (outcome.status.code(), outcome.stdout.as_str()),
            (Some(2), ""),
            "{}",
            outcome.stderr
        );
        let line = outcome.stderr.strip_suffix('\n').expect("a line");
        assert!(!line.contains('\n'), "{line}");
        line.replace(directory, "DIR")
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// One at a time, so that none is built twice at once.
pub(crate) fn binary(name: &str) -> PathBuf {
    static BUILDING: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _one = BUILDING.lock();
    example(name)
}

const OPTIONS: [&str; 8] = [
    "--endpoints",
    "DIR/endpoints",
    "--identities",
    "DIR",
    "--keys",
    "DIR/keys",
    "--body",
    "DIR/body",
];
const PROXY_OPTIONS: [&str; 4] = ["--merchants", "DIR/merchants", "--identities", "DIR"];

/// With whose they are, and both files.
#[test]
fn credentials_that_do_not_fit_are_told_with_tenant_and_files() {
    let files = Files::new("credentials");
    let other = TestCa::new("Other Root")
        .client("spiffe://pay.example/tenant/acme")
        .issue();
    for (tenant, key, expected) in [
        (
            "acme",
            other.key_pem(),
            "--identities, for acme from DIR/acme.pem and DIR/acme.key: the private key in DIR/acme.key is not that of the first certificate in DIR/acme.pem; give the key that its request was made with",
        ),
        (
            "globex",
            String::new(),
            "--identities, for globex from DIR/globex.pem and DIR/globex.key: DIR/globex.pem cannot be read (No such file or directory (os error 2)); check that it exists and that this process may read it",
        ),
        (
            "a.b",
            String::new(),
            "--identities: no file is named after a.b; use letters, digits, - and _ only",
        ),
    ] {
        files.write(&format!("{tenant}.key"), &key);
        files.write("endpoints", &format!("{tenant} https://hooks.example/\n"));
        files.write(
            "merchants",
            &format!("{tenant} https://api.example {}\n", PINS[0]),
        );
        for (example, options) in [("dispatcher", &OPTIONS[..]), ("outgoing_proxy", &PROXY_OPTIONS)] {
            let told = files.told(example, options);
            assert_eq!(told, format!("{example}: {expected}"));
        }
    }
}

#[test]
fn the_dispatcher_finds_at_the_start_what_is_wrong() {
    let files = Files::new("dispatcher");
    // A file in place of the good one, further options, and what is said.
    #[rustfmt::skip]
    let cases: &[(&str, &str, &[&str], &str)] = &[
        ("endpoints", "", &[], "--endpoints DIR/endpoints: holds no endpoint, so nothing would be delivered; write one a line: TENANT URL"),
        ("endpoints", "# none yet\n\n", &[], "--endpoints DIR/endpoints: holds no endpoint, so nothing would be delivered; write one a line: TENANT URL"),
        ("endpoints", "acme https://a.example/\nacme https://A.example\n", &[], "--endpoints DIR/endpoints, line 2: stands there twice"),
        ("keys", "globex 2026 whsec_YWNtZS1zZWNyZXQtb2YtMzItYnl0ZXMtZm9yLXRlc3Q=\n", &[], "--keys DIR/keys: no key of acme that is valid now; add a line: TENANT KEY-NAME SECRET"),
        ("keys", "", &[], "--keys DIR/keys holds no key; add one a line: tenant key-name secret"),
        ("keys", "acme 2026\n", &[], "--keys DIR/keys, line 1: not three words; write: tenant key-name secret"),
        ("keys", "acme one swordfish\n", &[], "--keys DIR/keys, line 1: the secret is not whsec_<base64>; copy it as the provider shows it"),
        ("keys", KEY, &["--pins", "DIR/missing"], "--pins DIR/missing cannot be read (No such file or directory (os error 2)); check that it is a text file and that this process may read it"),
        ("pins", &format!("globex {}\n", PINS[0]), &["--pins", "DIR/pins"], "--pins DIR/pins: none for acme; add its keys, or leave --pins out"),
        ("pins", "# a pin\nacme sha256/AAAA\n", &["--pins", "DIR/pins"], "--pins DIR/pins, line 2: not a SHA-256 digest but 11 other characters; write it as sha256/<44 characters of base64> or as 64 hexadecimal digits"),
        ("keys", KEY, &["--port", "0"], "--port \"0\": give a number from 1 to 65535"),
        ("keys", KEY, &["--allow-network", "10.0.0.0/33"], "--allow-network \"10.0.0.0/33\": not a network; write it as 10.7.0.0/16 or fd00:7::/32, with no bit set beyond the prefix, and IPv4 never as ::ffff:10.7.0.0/112"),
        ("keys", KEY, &["--id", "a.b"], "--id \"a.b\": the delivery's identity cannot be signed: 1 to 256 visible ASCII characters, none of them a separator of the scheme"),
        ("keys", KEY, &["--id", ""], "--id \"\": the delivery's identity cannot be signed: 1 to 256 visible ASCII characters, none of them a separator of the scheme"),
        ("keys", KEY, &["--keep-trying", "soon"], "--keep-trying \"soon\": give a number of seconds"),
        ("keys", KEY, &["--id", "1", "--id", "2"], "--id stands twice; give it once"),
        ("keys", KEY, &["--id"], "missing argument for option '--id'; --help lists the options"),
        ("keys", KEY, &["--demo"], "--demo brings its own files; leave the other options out"),
        ("keys", KEY, &["--frobnicate"], "invalid option '--frobnicate'; --help lists the options"),
        ("keys", KEY, &["acme"], "unexpected argument \"acme\"; --help lists the options"),
    ];
    for (file, text, more, expected) in cases {
        files.write("endpoints", ENDPOINT);
        files.write("keys", KEY);
        files.write(file, text);
        let told = files.told("dispatcher", &[&OPTIONS[..], more].concat());
        assert_eq!(told, format!("dispatcher: {expected}"), "{text:?} {more:?}");
    }
}

#[test]
fn the_outgoing_proxy_finds_at_the_start_what_is_wrong() {
    let files = Files::new("proxy");
    let [now, next] = PINS;
    let (one, other) = (
        format!("acme https://api.acme.example {now}\n"),
        format!("acme https://api.acme.example {next}\n"),
    );
    let empty = "--merchants DIR/merchants: holds no merchant, so nobody could be called; write one a line: MERCHANT ORIGIN PIN ..";
    #[rustfmt::skip]
    let cases: &[(&str, &[&str], &str)] = &[
        ("", &[], empty),
        ("# none yet\n", &[], empty),
        (&format!("{one}\n# the next key\n{other}"), &[], "--merchants DIR/merchants, line 4: acme stands there twice; write all its keys in one line"),
        (&format!("{one}globex"), &[], "--merchants DIR/merchants, line 2: write it as MERCHANT ORIGIN PIN .."),
        (&one, &["--listen", "127.0.0.1:0", "--listen", "127.0.0.1:0"], "--listen stands twice; give it once"),
        (&one, &["--listen"], "missing argument for option '--listen'; --help lists the options"),
        (&one, &["--demo"], "--demo brings its own files; leave the other options out"),
        (&one, &["--frobnicate"], "invalid option '--frobnicate'; --help lists the options"),
    ];
    for (text, more, expected) in cases {
        files.write("merchants", text);
        let told = files.told("outgoing_proxy", &[&PROXY_OPTIONS[..], more].concat());
        assert_eq!(told, format!("outgoing_proxy: {expected}"), "{text:?} {more:?}");
    }
}

/// All of them answer alike.
#[test]
fn every_example_knows_help_and_refuses_what_it_does_not_know() {
    for name in ["quickstart", "receiver", "dispatcher", "outgoing_proxy", "fleet"] {
        let binary = binary(name);
        let said = |option: &str| {
            let outcome = run(Command::new(Path::new(&binary)).arg(option));
            (outcome.status.code(), outcome.stdout, outcome.stderr)
        };
        for help in ["--help", "-h"] {
            let (code, stdout, stderr) = said(help);
            assert_eq!((code, stderr.as_str()), (Some(0), ""), "{name} {help}");
            assert!(stdout.starts_with(&format!("{name} - ")), "{name}: {stdout}");
        }
        let refused = format!("{name}: invalid option '--frobnicate'; --help lists the options\n");
        assert_eq!(said("--frobnicate"), (Some(2), String::new(), refused));
    }
}
