//! The dispatcher while what it shows, signs with and trusts is replaced between two tries.

use std::path::PathBuf;
use std::process::Command;
use std::thread;

use countersign::identity::SpkiHash;
use countersign::testing::{TestCa, TestCert};

use super::{Files, receiver, write};
use crate::incoming::world::{BODY, Platform, SECRETS};
use crate::mount::{Mount, WAYS, Way};
use crate::process::{Outcome, run};
use crate::senders::binary;

/// A dispatcher that tries again finds the certificate that was put in the place of one that was refused, however that was done.
#[test]
fn the_dispatcher_goes_out_under_the_certificate_that_stands_there_now() {
    let platform = Platform::new("dispatcher-reloading");
    let files = Files::new(&platform);
    // The receiver knows a certificate by its key, and not yet the one that is shown first.
    let [old, new] = [(); 2].map(|()| {
        platform
            .ca()
            .client("spiffe://platform.example/tenant/acme")
            .issue()
    });
    let pin = SpkiHash::of(&new.spki_der()).to_string();
    write(&files.pins, Way::Rename, &[("pins.txt", pin)]);
    let receiver = receiver(&files);
    let tries: Vec<_> = WAYS
        .map(|way| Try::begin(&platform, receiver.port, way, &old))
        .into();
    thread::scope(|scope| {
        let ended: Vec<_> = tries
            .iter()
            .map(|attempt| (attempt.way, scope.spawn(|| attempt.run())))
            .collect();
        for _ in WAYS {
            let refused = receiver.report().1;
            assert_eq!(refused, "handshake failed code=trust.not_pinned");
        }
        tries.iter().for_each(|attempt| attempt.show(&new));
        for (way, ended) in ended {
            let outcome = ended.join().expect("no panic");
            assert_eq!(outcome.status.code(), Some(0), "{way:?}: {}", outcome.text());
            assert!(
                outcome.stdout.contains("delivered (200)"),
                "{way:?}: {}",
                outcome.text()
            );
        }
    });
}

/// Not only the certificate: what signs, and what a server must have, may be renewed between two tries as well.
#[test]
fn the_dispatcher_goes_by_the_keys_pins_and_authorities_that_stand_there_now() {
    let platform = Platform::new("dispatcher-rereading");
    let files = Files::new(&platform);
    let own = files.write(&platform, 0);
    let receiver = receiver(&files);
    let acme = platform.client("acme");
    let [signed, others] = [0, 1].map(|of| format!("acme 2026 {}\n", SECRETS[of].1));
    let pin = |spki: &[u8]| format!("acme {}\n", SpkiHash::of(spki));
    // The first try of each is refused for its signature.
    let stands = [
        ("sender-keys", others),
        ("servers.pem", platform.ca().pem()),
        ("server-pins", pin(&own.spki_der())),
    ];
    let changes = [
        ("sender-keys", signed, "delivered (200)"),
        (
            "servers.pem",
            TestCa::new("Another Root").pem(),
            "trust.unknown_issuer",
        ),
        ("server-pins", pin(&acme.spki_der()), "trust.not_pinned"),
    ];
    let tries = changes.each_ref().map(|(name, ..)| {
        let mut attempt = Try::begin(&platform, receiver.port, Way::Rename, acme);
        write(&attempt.identities, Way::Rename, &stands);
        attempt.point("--keys", "sender-keys");
        attempt.point("--server-ca", "servers.pem");
        attempt.point("--pins", "server-pins");
        attempt.set("--id", format!("msg_{}", name.replace('.', "_")));
        attempt
    });
    thread::scope(|scope| {
        let ended = tries.each_ref().map(|attempt| scope.spawn(|| attempt.run()));
        for _ in &tries {
            let refused = receiver.event();
            assert_eq!(refused, "refused code=payload.signature_mismatch tenant=acme");
        }
        for ((name, text, _), attempt) in changes.iter().zip(&tries) {
            write(&attempt.identities, Way::Rename, &[(name, text.clone())]);
        }
        for ((name, _, expected), ended) in changes.iter().zip(ended) {
            let outcome = ended.join().expect("no panic");
            assert!(outcome.stdout.contains(expected), "{name}: {}", outcome.text());
        }
    });
}

/// A dispatcher, and the folder of its identities.
struct Try {
    way: Way,
    program: PathBuf,
    identities: Mount,
    options: Vec<String>,
}

impl Try {
    fn begin(platform: &Platform, port: u16, way: Way, shown: &TestCert) -> Self {
        let file = |name: &str, text: &str| platform.write(name, text).display().to_string();
        let identities = Mount::new("identities");
        let folder = identities.path("").display().to_string();
        let endpoints = format!("acme https://localhost:{port}/hooks\n");
        let (_, secret) = SECRETS[0];
        let options = [
            ("--endpoints", file("endpoints", &endpoints)),
            ("--identities", folder),
            ("--keys", file("sender-keys", &format!("acme 2026 {secret}\n"))),
            ("--body", file("body", BODY)),
            ("--server-ca", file("servers.pem", &platform.ca().pem())),
            ("--port", port.to_string()),
            ("--allow-network", "127.0.0.0/8".to_owned()),
            ("--allow-network", "::1/128".to_owned()),
            ("--id", format!("msg_{way:?}")),
            ("--keep-trying", "60".to_owned()),
        ];
        let options = options
            .into_iter()
            .flat_map(|(option, value)| [option.to_owned(), value]);
        let attempt = Self {
            way,
            program: binary("dispatcher"),
            identities,
            options: options.collect(),
        };
        attempt.show(shown);
        attempt
    }

    fn show(&self, own: &TestCert) {
        write(
            &self.identities,
            self.way,
            &[("acme.pem", own.chain_pem()), ("acme.key", own.key_pem())],
        );
    }

    /// Has this option name a file in the folder of identities.
    fn point(&mut self, option: &str, file: &str) {
        let path = self.identities.path(file).display().to_string();
        self.set(option, path);
    }

    fn set(&mut self, option: &str, value: String) {
        match self.options.iter().position(|given| given == option) {
            Some(at) => self.options[at + 1] = value,
            None => self.options.extend([option.to_owned(), value]),
        }
    }

    fn run(&self) -> Outcome {
        run(Command::new(&self.program).args(&self.options))
    }
}
