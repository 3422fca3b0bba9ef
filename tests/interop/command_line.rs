//! The command line of the receiver: what it prints works, and what it cannot do it says.

use std::process::Command;

use crate::clients::Client;
use crate::example;
use crate::process::{or_skip, run};
use crate::receiver::{Receiver, binary};
use crate::world::{World, argument};

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

pub(crate) fn in_a_shell(command: &str) -> String {
    let direct = [("no_proxy", "localhost"), ("NO_PROXY", "localhost")];
    run(Command::new("sh").args(["-c", command]).envs(direct)).text()
}

#[test]
fn the_demo_can_be_tried_at_once() {
    if or_skip("the demo", Client::Curl.prepare()).is_none() {
        return;
    }
    let world = World::new("demo");
    let demo = world.path("new");
    let receiver = Receiver::demo(&demo);
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

pub(crate) fn with(mut options: Vec<String>, option: &str, value: &str) -> Vec<String> {
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
