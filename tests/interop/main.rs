//! Real clients against the real receiver: `examples/receiver.rs` as a process of its own, over real sockets.
//!
//! Each client is to be let in with a good certificate of every kind of key, to be refused with the right alert for
//! each kind of bad one while the operator reads the exact reason, and never to resume a session. What is not
//! installed is skipped, loudly; where the environment variable `CI` is set, that is a failure.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "tests say what they expect by failing loudly"
)]

mod balancers;
mod clients;
mod control;
#[path = "../support/cookbook.rs"]
mod cookbook;
mod doctor;
mod doctor_endpoint;
mod doctor_page;
mod endings;
mod enrolling;
#[path = "../support/example.rs"]
mod example;
mod incoming;
mod metrics;
#[path = "../support/mount.rs"]
mod mount;
#[allow(dead_code, reason = "shared with other tests, which use more of it")]
#[path = "../support/packages.rs"]
mod packages;
#[allow(dead_code, reason = "shared with other tests, which use more of it")]
#[path = "../support/port.rs"]
mod port;
#[path = "../support/process.rs"]
mod process;
mod proxies;
mod readme;
mod receiver;
mod reloading;
mod senders;
#[cfg(feature = "postgres")]
mod soak;
mod world;

use std::process::Command;

use clients::{Alert, Attempt, Client, Second, Tls};
use control::Control;
use process::{or_skip, run};
use receiver::{Receiver, binary};
use world::{Delivery, GOOD, TEMPLATE, World, argument};

// --- each client ----------------------------------------------------------------------------------------------------

#[test]
fn curl() {
    judge("curl", Client::Curl);
}

#[test]
fn openssl() {
    judge("openssl", Client::OpenSsl);
}

#[test]
fn gnutls() {
    judge("gnutls", Client::GnuTls);
}

#[test]
fn node() {
    judge("node", Client::Node);
}

#[test]
fn python() {
    judge("python", Client::Python);
}

#[test]
fn java() {
    judge("java", Client::Java);
}

#[test]
fn go() {
    judge("go", Client::Go);
}

/// Who shows it, what the client is told, and what the operator is told.
#[rustfmt::skip]
const BAD_CERTIFICATES: [(&str, Alert, &str); 7] = [
    ("other-ca", Alert::UnknownCa, "trust.unknown_issuer"),
    ("self-signed", Alert::UnknownCa, "trust.unknown_issuer"),
    ("twin-of-the-ca", Alert::DecryptError, "trust.signature"),
    ("expired", Alert::CertificateExpired, "trust.expired"),
    ("early", Alert::CertificateExpired, "trust.not_yet_valid"),
    ("server", Alert::UnsupportedCertificate, "trust.extended_key_usage"),
    ("not-pinned", Alert::AccessDenied, "trust.not_pinned"),
];

fn judge(name: &str, client: Client) {
    if or_skip(name, client.prepare()).is_none() {
        return;
    }
    let world = World::new(name);
    for (tls, options) in [(Tls::V13, &[][..]), (Tls::V12, &["--tls12"])] {
        let scene = Scene {
            client,
            world: &world,
            tls,
            receiver: Receiver::start(&world, options),
        };
        scene.every_kind_of_key_is_let_in();
        scene.bad_certificates_get_their_alert();
        scene.good_certificates_do_not_make_up_for_the_rest();
        scene.no_session_is_resumed();
        scene.receiver.assert_nothing_else();
    }
    tls12_is_refused_unless_it_is_allowed(&world, client);
}

/// One client, one version of TLS, one receiver.
struct Scene<'a> {
    client: Client,
    world: &'a World,
    tls: Tls,
    receiver: Receiver,
}

impl Scene<'_> {
    fn every_kind_of_key_is_let_in(&self) {
        for name in GOOD {
            let id = format!("msg_{name}");
            let expected = format!("accepted tenant=acme id={id}");
            self.expect(Some(name), &Delivery::signed(&id), "HTTP/1.1 200", &expected);
        }
    }

    fn bad_certificates_get_their_alert(&self) {
        self.expect_alert(None, Alert::CertificateRequired, "identity.no_certificate");
        for (identity, alert, code) in BAD_CERTIFICATES {
            self.expect_alert(Some(identity), alert, code);
        }
    }

    fn good_certificates_do_not_make_up_for_the_rest(&self) {
        let replayed = Delivery::signed("msg_p256");
        let changed = Delivery::signed("msg_2").with_body_changed();
        let unsigned = changed.clone().without_headers();
        let signed = Delivery::signed("msg_3");
        for (identity, delivery, status, code, tenant) in [
            ("p256", &replayed, 200, "replay.handled", "acme"),
            ("p256", &changed, 401, "payload.signature_mismatch", "acme"),
            ("p256", &unsigned, 401, "payload.missing_header", "acme"),
            ("stranger", &signed, 403, "tenant.unknown", "-"),
        ] {
            let words = format!("HTTP/1.1 {status}");
            let event = format!("refused code={code} tenant={tenant}");
            self.expect(Some(identity), delivery, &words, &event);
        }
    }

    fn expect_alert(&self, identity: Option<&str>, alert: Alert, code: &str) {
        let words = alert.in_the_words_of(self.client, self.tls);
        let event = format!("handshake failed code={code}");
        let text = self.expect(identity, &Delivery::signed("msg_1"), words, &event);
        assert!(!text.contains("HTTP/1."), "{identity:?} got an answer: {text}");
    }

    /// The client's words, and the operator's line, for one request.
    fn expect(&self, identity: Option<&str>, delivery: &Delivery, words: &str, event: &str) -> String {
        let attempt = Attempt {
            port: self.receiver.port,
            tls: self.tls,
            identity,
            delivery,
        };
        let case = format!("{:?}, {:?}, {identity:?}", self.client, self.tls);
        // Who is offered HTTP/2 takes it, as curl does: the version is no part of the verdict.
        let text = self
            .client
            .send(self.world, attempt)
            .replace("HTTP/2 ", "HTTP/1.1 ");
        assert!(text.contains(words), "{case}: expected {words:?} in: {text}");
        assert_eq!(self.receiver.event(), event, "{case}");
        text
    }

    /// The client resumes where it can (the control does), and cannot with us: not a session that we gave it, nor one
    /// that it got elsewhere.
    fn no_session_is_resumed(&self) {
        let control = Control::start(self.world);
        let (theirs, ours) = (control.port, self.receiver.port);
        let resume = |ports| self.client.resume(self.world, ports, self.tls);
        let case = format!("{:?}, {:?}", self.client, self.tls);

        assert_eq!(resume((theirs, theirs)), Second::Resumed, "{case}: the control");
        // openssl writes no session into a file that could not be resumed.
        let (second, mut requests) = match self.client {
            Client::OpenSsl => (Second::NothingToOffer, 1),
            // gnutls-cli sends nothing on its first connection.
            Client::GnuTls => (Second::Full, 1),
            _ => (Second::Full, 2),
        };
        assert_eq!(resume((ours, ours)), second, "{case}");
        if self.client.offers_to_others() {
            assert_eq!(
                resume((theirs, ours)),
                Second::Full,
                "{case}: a session from elsewhere"
            );
            requests += 1;
        }
        for _ in 0..requests {
            // The certificate is good, the request was never signed: a full handshake, and no more.
            assert_eq!(
                self.receiver.event(),
                "refused code=payload.missing_header tenant=acme",
                "{case}"
            );
        }
    }
}

fn tls12_is_refused_unless_it_is_allowed(world: &World, client: Client) {
    let receiver = Receiver::start(world, &[]);
    let scene = Scene {
        client,
        world,
        tls: Tls::V12,
        receiver,
    };
    scene.expect_alert(Some("p256"), Alert::ProtocolVersion, "handshake.tls");
    scene.receiver.assert_nothing_else();
}

// --- the command line -----------------------------------------------------------------------------------------------

/// What is printed is what a newcomer runs: it must work as it stands, once.
#[test]
fn the_curl_command_that_it_prints_works() {
    if or_skip("the curl command", Client::Curl.prepare()).is_none() {
        return;
    }
    let world = World::new("printed");
    let (cert, key) = (world.path("p384.pem"), world.path("p384.key"));
    for scheme in [
        "standard_webhooks",
        "github",
        "stripe",
        "slack",
        "docusign",
        "pagerduty",
    ] {
        let options = [
            "--scheme",
            scheme,
            "--client-cert",
            argument(&cert),
            "--client-key",
            argument(&key),
        ];
        let receiver = Receiver::start(&world, &options);
        let answer = || in_a_shell(&receiver.curl);
        let first = answer();
        assert!(first.ends_with(" of acme\n200\n"), "{scheme}: {first}");
        assert!(receiver.event().starts_with("accepted tenant=acme "), "{scheme}");
        assert_eq!(answer(), "200\n", "{scheme}: the same delivery again");
        assert_eq!(
            receiver.event(),
            "refused code=replay.handled tenant=acme",
            "{scheme}"
        );
        receiver.assert_nothing_else();
    }
}

fn in_a_shell(command: &str) -> String {
    let direct = [("no_proxy", "localhost"), ("NO_PROXY", "localhost")];
    run(Command::new("sh").args(["-c", command]).envs(direct)).text()
}

/// Tenants by exact name; and a certificate that two rules speak of is nobody's.
#[test]
fn tenants_are_found_by_exact_name_too() {
    if or_skip("exact names", Client::OpenSsl.prepare()).is_none() {
        return;
    }
    let world = World::new("names");
    let name = "acme=URI:spiffe://acme.example/tenant/acme";
    let elsewhere = "spiffe://other.example/tenant/{tenant}";
    for (tenants, words, event) in [
        (elsewhere, "HTTP/1.1 200", "accepted tenant=acme id=msg_1"),
        (TEMPLATE, "HTTP/1.1 403", "refused code=tenant.ambiguous tenant=-"),
    ] {
        let receiver = Receiver::start_with(&with(world.options(&["--name", name]), "--tenants", tenants));
        let scene = Scene {
            client: Client::OpenSsl,
            world: &world,
            tls: Tls::V13,
            receiver,
        };
        scene.expect(Some("p256"), &Delivery::signed("msg_1"), words, event);
        scene.receiver.assert_nothing_else();
    }
}

#[test]
fn the_demo_can_be_tried_at_once() {
    if or_skip("the demo", Client::Curl.prepare()).is_none() {
        return;
    }
    let world = World::new("demo");
    let demo = world.path("new");
    let receiver = Receiver::start_with(&["--listen", "127.0.0.1:0", "--demo", argument(&demo)]);
    let dispatcher = receiver.paragraph();
    let answer = in_a_shell(&receiver.curl);
    assert!(answer.ends_with("of acme\n200\n"), "{answer}");
    receiver.event();
    // What was built, in place of building it.
    let built = example::example("dispatcher").display().to_string();
    let dispatcher = dispatcher.replace("cargo run --quiet --example dispatcher --", &built);
    let answer = in_a_shell(&dispatcher);
    assert!(answer.ends_with("1 of 1 delivered\n"), "{dispatcher}: {answer}");
    assert!(receiver.event().starts_with("accepted tenant=acme id=msg_"));
    receiver.assert_nothing_else();
}

#[test]
fn a_demo_that_cannot_write_its_files_says_what_would_help() {
    let world = World::new("unwritten");
    for (folder, problem, remedy) in [
        (
            "",
            "File exists (os error 17)",
            "give a directory that does not exist yet",
        ),
        (
            "missing/new",
            "No such file or directory (os error 2)",
            "give a directory in one that exists",
        ),
        (
            "keys.txt/new",
            "Not a directory (os error 20)",
            "give a directory in one that this process may write",
        ),
    ] {
        let folder = world.path(folder);
        let options = ["--listen", "127.0.0.1:0", "--demo", argument(&folder)];
        let told = run(Command::new(binary()).args(options));
        let expected = format!("receiver: --demo {}: {problem}; {remedy}\n", folder.display());
        assert_eq!((told.status.code(), told.stderr), (Some(2), expected));
    }
}

/// The one to copy from: what runs a service ends it with SIGTERM, and who tries it with SIGINT.
#[test]
fn the_receiver_drains_when_it_is_asked_to_end() {
    let world = World::new("signals");
    for signal in ["-TERM", "-INT"] {
        let receiver = Receiver::start(&world, &[]);
        assert_eq!(receiver.ends_on(signal), Some(0), "{signal}");
    }
}

#[test]
fn help_is_help() {
    let help = run(Command::new(binary()).arg("--help"));
    assert_eq!((help.status.code(), help.stderr.as_str()), (Some(0), ""));
    assert!(
        help.stdout.starts_with("receiver - lets webhooks in"),
        "{}",
        help.stdout
    );
    for option in [
        "--listen",
        "--cert",
        "--key",
        "--client-ca",
        "--client-leaf",
        "--enrol",
        "--keys",
        "--pins",
        "--tenants",
        "--name",
        "--tls12",
        "--scheme",
        "--client-cert",
        "--client-key",
        "--demo",
        "--help",
    ] {
        assert!(
            help.stdout.contains(&format!("  {option} ")) || help.stdout.contains(&format!(", {option} ")),
            "{option}"
        );
    }
}

/// What is given, what is said to be wrong with it, and what to do.
#[rustfmt::skip]
const MISTAKES: [[&str; 4]; 32] = [
    ["--cert", "DIR/missing", "DIR/missing cannot be read", "; check that it exists"],
    ["--cert", "DIR/empty", "DIR/empty holds no certificate", "; it must hold the chain"],
    ["--cert", "DIR/broken.pem", "DIR/broken.pem cannot be taken as PEM: line 1: CERTIFICATE has no END", "export it again"],
    ["--key", "DIR/p256.key", "the private key in DIR/p256.key is not that of the first certificate in DIR/receiver.pem", "; give the key that its request was made with"],
    ["--key", "DIR/receiver.pem", "DIR/receiver.pem holds no private key", "PKCS#8"],
    ["--client-ca", "DIR/missing", "DIR/missing: cannot be read", "; check that the file exists"],
    ["--client-ca", "DIR/empty", "DIR/empty: holds no certificate", "; give the CA certificates"],
    ["--client-ca", "DIR/p256.pem", "is not a certificate authority", "; give its issuer"],
    ["--client-leaf", "DIR/missing", "DIR/missing cannot be read", "; check that it is a text file"],
    ["--client-leaf", "DIR/client-ca.pem", "CN=Acme Root is self-signed and a certificate authority", "; make it again with CA:FALSE"],
    ["--name", "acme=pin:sha256/AAAA", "acme=pin:sha256/AAAA: ", "write TENANT=KIND:NAME"],
    ["--keys", "DIR/missing", "DIR/missing cannot be read", "; check that it is a text file"],
    ["--keys", "DIR/empty", "DIR/empty holds no key", "; add one a line"],
    ["--keys", "DIR/short.txt", "DIR/short.txt, line 3: the secret has 9 bytes", "; use at least 16"],
    ["--keys", "DIR/not-base64.txt", "line 1: the secret is not whsec_<base64>", "; copy it as"],
    ["--keys", "DIR/secretless.txt", "DIR/secretless.txt, line 1: the secret is empty", "; copy it again"],
    ["--keys", "DIR/two-words.txt", "DIR/two-words.txt, line 1: not three words", "; write: tenant key-name"],
    ["--keys", "DIR/swapped.txt", "DIR/swapped.txt, line 1: the secret has 3 bytes", "; use at least 16"],
    ["--keys", "DIR/twice.txt", "DIR/twice.txt, line 2: tenant and key name stand in line 1", "; name each"],
    ["--pins", "DIR/missing", "DIR/missing cannot be read", "; check that it is a text file"],
    ["--pins", "DIR/empty", "DIR/empty holds no pin", "; add one a line"],
    ["--pins", "DIR/bad-pins.txt", "DIR/bad-pins.txt, line 2: not a SHA-256", "; write it as sha256/"],
    ["--tenants", "spiffe://acme.example/acme", "spiffe://acme.example/acme", "needs {tenant} where"],
    ["--name", "acme=DNS:hooks acme", "DNS name hooks acme", "not a DNS name that can be an identity"],
    ["--name", "acme=acme.example", "acme=acme.example: ", "write TENANT=KIND:NAME"],
    ["--name", "globex=DNS:globex.example", "the tenant globex has no key", "; add one to the file of --keys"],
    ["--scheme", "gitlab", "\"gitlab\" is not known", "; give one of standard_webhooks, github"],
    ["--listen", "127.0.0.1", "127.0.0.1: invalid socket address", "; give an address of this machine"],
    ["--client-cert", "DIR/p256.pem", "--client-cert and --client-key belong", "; give both or neither"],
    ["--demo", "DIR/new", "--demo brings its own files", "; leave --cert, --keys"],
    ["--demo", "--frob", "--demo has no value, but another option behind it", "; give it one, as --demo=VALUE where that begins with --"],
    ["--frobnicate", "1", "invalid option '--frobnicate'", "; --help lists the options"],
];

/// Every mistake is one line that names option, file and remedy, and never what stands in a file of secrets.
#[test]
fn mistakes_are_told_in_one_line() {
    let world = World::new("mistakes");
    for (file, text) in [
        ("empty", ""),
        ("broken.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n"),
        (
            "short.txt",
            "# tenant key-name secret\n\nacme 2026 whsec_c3dvcmRmaXNo\n",
        ),
        ("not-base64.txt", "acme 2026 swordfish\n"),
        ("secretless.txt", "acme 2026 whsec_\n"),
        ("two-words.txt", "acme swordfish\n"),
        ("swapped.txt", "whsec_c3dvcmRmaXNo acme 2026\n"),
        (
            "twice.txt",
            "acme 2026 whsec_YWNtZS1zZWNyZXQtb2YtMzItYnl0ZXM=\nacme 2026 swordfish\n",
        ),
        ("bad-pins.txt", "# the pin of acme\nsha256/AAAA\n"),
    ] {
        world.write(file, text);
    }
    for [option, value, problem, remedy] in MISTAKES {
        let told = told(&world, option, value);
        let line = told.strip_suffix('\n').unwrap_or_default();
        assert!(
            line.starts_with("receiver: ") && !line.contains('\n'),
            "{option} {value}: {told}"
        );
        for part in [option, problem, remedy] {
            assert!(
                line.contains(part),
                "{option} {value}: expected {part:?} in: {told}"
            );
        }
        for secret in ["swordfish", "c3dvcmRmaXNo", "YWNtZS1z"] {
            assert!(!told.contains(secret), "{option} {value}: {told}");
        }
    }
}

/// Where the port is taken, no folder is left behind that the next attempt would refuse to write again.
#[test]
fn a_demo_on_an_occupied_port_writes_nothing() {
    let world = World::new("occupied");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let folder = world.path("demo");
    let outcome = run(Command::new(binary()).args(["--demo", argument(&folder), "--listen", &address]));
    let told = format!("receiver: --listen {address}: ");
    assert_eq!(outcome.status.code(), Some(2), "{}", outcome.stderr);
    assert!(outcome.stderr.starts_with(&told), "{}", outcome.stderr);
    assert!(!folder.exists(), "{}", folder.display());
}

/// A sample that the receiver would refuse is no sample: whoever runs it should know now, and why.
#[test]
fn a_sample_that_would_be_refused_is_a_mistake() {
    let world = World::new("sample");
    for (client, code) in [
        ("expired", "trust.expired"),
        ("stranger", "tenant.unknown"),
        ("not-pinned", "trust.not_pinned"),
    ] {
        let file = |kind: &str| argument(&world.path(&format!("{client}.{kind}"))).to_owned();
        let (cert, key) = (file("pem"), file("key"));
        let outcome =
            run(Command::new(binary()).args(world.options(&["--client-cert", &cert, "--client-key", &key])));
        let expected = format!("receiver: --client-cert: {cert} would be refused ({code}: ");
        assert_eq!(
            (outcome.status.code(), outcome.stdout.as_str()),
            (Some(2), ""),
            "{client}"
        );
        assert!(
            outcome.stderr.starts_with(&expected),
            "{client}: {}",
            outcome.stderr
        );
    }
}

/// What the receiver says where this option is given as well, or otherwise than it was. `DIR` is the world's
/// directory, in both directions.
fn told(world: &World, option: &str, value: &str) -> String {
    let directory = argument(&world.path("")).trim_end_matches('/').to_owned();
    let value = value.replace("DIR", &directory);
    let options = with(world.options(&[]), option, &value);
    let outcome = run(Command::new(binary()).args(options));
    assert_eq!(
        (outcome.status.code(), outcome.stdout.as_str()),
        (Some(2), ""),
        "{option}: {}",
        outcome.stderr
    );
    outcome.stderr.replace(&directory, "DIR")
}

fn with(mut options: Vec<String>, option: &str, value: &str) -> Vec<String> {
    match options
        .iter()
        .position(|given| given == option)
        .and_then(|place| options.get_mut(place + 1))
    {
        Some(given) => value.clone_into(given),
        None => options.extend([option.to_owned(), value.to_owned()]),
    }
    options
}
