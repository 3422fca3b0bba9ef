//! A sender that publishes no name: `--enrol` admits nobody, and what it prints lets that client in and nobody else.

use std::process::Command;

use crate::clients::{Alert, Attempt, Client, Tls};
use crate::process::{or_skip, run};
use crate::receiver::{Receiver, binary};
use crate::world::{Delivery, World, argument};

/// What is put into which file, and the option.
struct Lines {
    pins: String,
    /// The option that takes the file, and the file.
    clients: (String, String),
    name: String,
}

impl Lines {
    fn of(report: &[String]) -> Self {
        let mut sections = Vec::<(String, String)>::new();
        for line in report.iter().filter(|line| !line.is_empty()) {
            if line.starts_with("# into the file of ") || line.starts_with("# and as an option:") {
                let file = line.split(' ').find(|word| word.starts_with("--"));
                let file = file.unwrap_or_default().trim_end_matches([',', ':']);
                sections.push((file.to_owned(), String::new()));
            } else {
                let (_, text) = sections.last_mut().unwrap_or_else(|| panic!("{report:?}"));
                *text += &format!("{line}\n");
            }
        }
        let [(pins_file, pins), clients, (_, option)] = <[_; 3]>::try_from(sections).expect("three sections");
        assert_eq!(pins_file, "--pins");
        let name = option
            .trim_end()
            .strip_prefix("--name '")
            .and_then(|rest| rest.strip_suffix('\''));
        Self {
            pins,
            clients,
            name: name.unwrap_or_else(|| panic!("{option}")).to_owned(),
        }
    }

    /// A receiver that is configured with them, and with nothing else that says whom to admit.
    fn receiver(&self, world: &World) -> Receiver {
        let pins = world.write("enrolled-pins.txt", &self.pins);
        let clients = world.write("enrolled-clients.pem", &self.clients.1);
        let (cert, key, keys) = (
            world.path("receiver.pem"),
            world.path("receiver.key"),
            world.path("keys.txt"),
        );
        #[rustfmt::skip]
        let options = [
            "--listen", "127.0.0.1:0", "--tls12",
            "--cert", argument(&cert), "--key", argument(&key), "--keys", argument(&keys),
            "--pins", argument(&pins), &self.clients.0, argument(&clients), "--name", &self.name,
        ];
        Receiver::start_with(&options)
    }
}

fn send(world: &World, receiver: &Receiver, identity: Option<&str>, id: &str, tls: Tls) -> String {
    let attempt = Attempt {
        port: receiver.port,
        tls,
        identity,
        delivery: &Delivery::signed(id),
    };
    Client::OpenSsl.send(world, attempt)
}

#[test]
fn the_lines_that_it_prints_let_that_client_in_and_nobody_else() {
    if or_skip("enrolment", Client::OpenSsl.prepare()).is_none() {
        return;
    }
    let world = World::new("enrolling");
    let (cert, key) = (world.path("receiver.pem"), world.path("receiver.key"));
    #[rustfmt::skip]
    let options = [
        "--listen", "127.0.0.1:0", "--tls12", "--cert", argument(&cert), "--key", argument(&key), "--enrol", "acme",
    ];
    for tls in [Tls::V13, Tls::V12] {
        let enrolling = Receiver::enrol(&options);
        let refused = |identity, alert: Alert, code: &str| {
            let text = send(&world, &enrolling, identity, "msg_0", tls);
            let words = alert.in_the_words_of(Client::OpenSsl, tls);
            assert!(
                text.contains(words) && !text.contains("HTTP/1."),
                "{identity:?}: {text}"
            );
            let (report, event) = enrolling.report();
            assert_eq!(event, format!("handshake failed code={code}"), "{identity:?}");
            report
        };
        let none = refused(None, Alert::CertificateRequired, "identity.no_certificate");
        assert_eq!(none, Vec::<String>::new());
        for (identity, file) in [("p256", "--client-ca"), ("self-signed", "--client-leaf")] {
            let report = refused(Some(identity), Alert::AccessDenied, "trust.enrolment");
            let again = refused(Some(identity), Alert::AccessDenied, "trust.enrolment");
            assert_eq!(again, Vec::<String>::new(), "each key once");
            let lines = Lines::of(&report);
            assert_eq!(lines.clients.0, file, "{identity}");

            let receiver = lines.receiver(&world);
            let let_in = send(&world, &receiver, Some(identity), "msg_1", tls);
            assert!(let_in.contains("HTTP/1.1 200"), "{identity}: {let_in}");
            assert_eq!(receiver.event(), "accepted tenant=acme id=msg_1", "{identity}");
            let below = if file == "--client-ca" {
                "trust.not_pinned"
            } else {
                "trust.unknown_issuer"
            };
            for (other, code) in [
                (None, "identity.no_certificate"),
                (Some("p384"), below),
                (Some("not-pinned"), below),
                (Some("other-ca"), "trust.unknown_issuer"),
            ] {
                let text = send(&world, &receiver, other, "msg_2", tls);
                assert!(!text.contains("HTTP/1."), "{identity}, {other:?}: {text}");
                assert_eq!(
                    receiver.event(),
                    format!("handshake failed code={code}"),
                    "{identity}, {other:?}"
                );
            }
            receiver.assert_nothing_else();
        }
        enrolling.assert_nothing_else();
    }
}

/// Whatever says whom to admit has no effect there, so it is a mistake.
#[test]
fn enrolment_takes_no_option_that_says_whom_to_admit() {
    let world = World::new("enrolling-mistakes");
    for more in [
        ["--pins", "pins.txt"],
        ["--client-ca", "a.pem"],
        ["--name", "acme=DNS:a.example"],
    ] {
        let outcome = run(Command::new(binary())
            .args(["--cert", argument(&world.path("receiver.pem"))])
            .args(["--key", argument(&world.path("receiver.key"))])
            .args(["--enrol", "acme"])
            .args(more));
        let expected = "receiver: --enrol admits nobody; give it --cert and --key, and --listen or --tls12, but no other option\n";
        assert_eq!(
            (outcome.status.code(), outcome.stderr.as_str()),
            (Some(2), expected),
            "{more:?}"
        );
    }
}
