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

mod apart;
mod balancers;
mod clients;
mod command_line;
mod control;
#[path = "../support/cookbook.rs"]
mod cookbook;
mod doctor;
mod doctor_endpoint;
mod doctor_page;
mod endings;
mod enrolling;
mod exact_numbers;
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
mod unread;
mod world;

use clients::{Alert, Attempt, Client, Second, Tls};
use command_line::with;
use control::Control;
use process::or_skip;
use receiver::Receiver;
use world::{Delivery, GOOD, TEMPLATE, World};

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
