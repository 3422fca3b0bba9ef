//! Enrolment: nobody is admitted, and what is reported lets that client in and nobody else.

use std::sync::{Arc, Mutex};

use countersign::testing::{KeyAlgorithm, NOW, TestCa, TestCert, TestKey};
use countersign::tls::rustls::{AlertDescription, ClientConfig, ServerConfig};
use countersign::tls::{Enrolment, Tls};
use countersign::trust::{Applicant, PinSet, PrivateCa, Untrusted, VerifyPeer as _};

use crate::stage::*;

/// A server that admits nobody, and what it reports.
struct Desk {
    server: Arc<ServerConfig>,
    reported: Arc<Mutex<Vec<Applicant>>>,
}

impl Desk {
    fn open() -> Self {
        let reported = Arc::new(Mutex::new(Vec::new()));
        let reports = reported.clone();
        let enrolment = Enrolment::new(&provider(), move |applicant: &Applicant| {
            reports.lock().expect("a lock").push(applicant.clone());
        });
        let tls = Tls::new(provider()).allow_tls12();
        let mut config = tls
            .enrolment_config(&server_credentials(), enrolment)
            .expect("a configuration");
        config.time_provider = Clock::at(NOW);
        Self {
            server: Arc::new(config),
            reported,
        }
    }

    /// What the client and the operator learn; a handshake that succeeds is none of it.
    fn meet(&self, client: &Arc<ClientConfig>) -> (Option<AlertDescription>, Option<Untrusted>) {
        let outcome = meet(&self.server, client);
        assert!(outcome.handshake.server.is_err(), "nobody is admitted");
        (outcome.alert(), outcome.reason)
    }

    fn reported(&self) -> Vec<Applicant> {
        std::mem::take(&mut *self.reported.lock().expect("a lock"))
    }
}

const REFUSED: (Option<AlertDescription>, Option<Untrusted>) =
    (Some(AlertDescription::AccessDenied), Some(Untrusted::Enrolment));

/// Trust as the report has it.
fn configured(applicant: &Applicant) -> impl countersign::trust::VerifyPeer + use<> {
    let pins: PinSet = applicant.to_string().parse().expect("a file of pins");
    assert_eq!(pins.len(), 1);
    let clients = PrivateCa::builder(algorithms());
    let clients = match applicant.authority_pem() {
        Some(authority) => clients.pem(authority.as_bytes()),
        None => clients.leaf_pem(applicant.leaf_pem().as_bytes()),
    };
    clients.build(NOW).expect("anchors").and(pins)
}

#[test]
fn what_is_reported_lets_that_client_in_and_nobody_else() {
    let root = TestCa::new("Root");
    let issuing = root.intermediate("Issuing");
    let authority = |ca: &TestCa| Some(ca.pem());
    let with_root = |cert: &TestCert| [cert.chain(), vec![root.certificate().clone()]].concat();
    let (below, other) = (issuing.client(ACME).issue(), issuing.client(ACME).issue());
    let alone = root.client(ACME).issue();
    let unrelated = TestCa::new("Unrelated");
    #[rustfmt::skip]
    let cases = [
        ("an issuer is shown", &below, below.chain(), authority(&issuing)),
        ("the root as well", &below, with_root(&below), authority(&root)),
        ("one that has not issued it", &alone, [alone.chain(), vec![unrelated.certificate().clone()]].concat(), None),
        ("nothing above it", &alone, alone.chain(), None),
        ("self-signed", &TestCert::self_signed(ACME).common_name("acme").issue(), vec![], None),
    ];
    for version in VERSIONS {
        for (case, cert, chain, expected) in &cases {
            let desk = Desk::open();
            let chain = if chain.is_empty() {
                cert.chain()
            } else {
                chain.clone()
            };
            let shows = client_with(chain, cert.test_key(), version);
            assert_eq!(desk.meet(&shows), REFUSED, "{case}");
            let reported = desk.reported();
            let [applicant] = &reported[..] else {
                panic!("{case}: {reported:?}");
            };
            let authority = applicant
                .authority_pem()
                .map(|pem| countersign::pem::certificates(pem.as_bytes()));
            let expected = expected
                .as_ref()
                .map(|pem| countersign::pem::certificates(pem.as_bytes()));
            assert_eq!(authority, expected, "{case}");
            assert_eq!(applicant.refused(), None, "{case}");
            assert_eq!(applicant.names(), peer_names(cert), "{case}");

            assert_eq!(
                meet(&server(configured(applicant)), &shows).alert(),
                None,
                "{case}"
            );
            // Of the same authority, and of none.
            let another = TestCert::self_signed(ACME).issue();
            for (stranger, code) in [
                (
                    client(&other, version),
                    ["trust.not_pinned", "trust.unknown_issuer"],
                ),
                (client(&another, version), ["trust.unknown_issuer"; 2]),
            ] {
                let told = meet(&server(configured(applicant)), &stranger);
                let told = told.reason.map(|untrusted| untrusted.code());
                let is_below = applicant.authority_pem().is_some();
                assert_eq!(told, Some(code[usize::from(!is_below)]), "{case}");
            }
        }
    }
}

fn peer_names(cert: &TestCert) -> Vec<countersign::identity::Name> {
    chain(cert.chain()).leaf().names().to_vec()
}

#[test]
fn only_who_proves_a_key_is_reported_and_each_key_once() {
    let ca = TestCa::new("Root");
    let cert = ca.client(ACME).issue();
    for version in VERSIONS {
        let desk = Desk::open();
        let thief = client_with(cert.chain(), &TestKey::generate(KeyAlgorithm::EcdsaP256), version);
        let forged = (Some(AlertDescription::DecryptError), None);
        assert_eq!(desk.meet(&thief), forged, "a certificate without its key");
        let none = (Some(AlertDescription::CertificateRequired), None);
        assert_eq!(desk.meet(&anonymous(version)), none);
        assert_eq!(desk.reported().len(), 0);
        for _ in 0..3 {
            assert_eq!(desk.meet(&client(&cert, version)), REFUSED);
        }
        let renewed = ca
            .client("other.example")
            .with_key(cert.test_key().clone())
            .issue();
        assert_eq!(
            desk.meet(&client(&renewed, version)),
            REFUSED,
            "renewed under its key"
        );
        assert_eq!(desk.reported().len(), 1);
    }
}

/// Whoever makes keys of his own cannot fill a log with them, nor keep the others from being refused.
#[test]
fn so_many_keys_are_reported_and_no_more() {
    let (desk, ca) = (Desk::open(), TestCa::new("Root"));
    for _ in 0..Enrolment::MOST + 3 {
        let cert = ca.client(ACME).issue();
        assert_eq!(desk.meet(&client(&cert, VERSIONS[0])), REFUSED);
    }
    assert_eq!(desk.reported().len(), Enrolment::MOST);
}

/// What the profile refuses is refused whatever is configured, and is said so.
#[test]
fn what_no_configuration_lets_in_is_reported_with_the_reason() {
    let ca = TestCa::new("Root");
    let purpose = "the extended key usage does not allow clientAuth";
    for (case, cert, code, words) in [
        (
            "for servers",
            ca.client(ACME).server_only().issue(),
            "trust.extended_key_usage",
            purpose,
        ),
        (
            "expired",
            ca.client(ACME).expired().issue(),
            "trust.expired",
            "expired at ",
        ),
    ] {
        let desk = Desk::open();
        assert_eq!(desk.meet(&client(&cert, VERSIONS[0])), REFUSED, "{case}");
        let reported = desk.reported();
        let [applicant] = &reported[..] else {
            panic!("{case}: {reported:?}");
        };
        assert_eq!(applicant.refused().map(Untrusted::code), Some(code), "{case}");
        assert!(
            applicant
                .to_string()
                .contains(&format!("#   refused all the same: {words}")),
            "{applicant}"
        );
    }
}

/// All of it but the key is a stranger's text: it makes no line of its own, and draws nothing.
#[test]
fn what_a_stranger_says_of_itself_stays_in_comments() {
    let evil = "Evil\nsha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\u{1b}[2J\u{202e}";
    let ca = TestCa::new(evil).intermediate(evil);
    let cert = ca
        .client("https://x.example/'$(reboot)'")
        .common_name("B\u{fc}cher")
        .issue();
    let desk = Desk::open();
    assert_eq!(desk.meet(&client(&cert, VERSIONS[0])), REFUSED);
    let reported = desk.reported();
    let text = reported[0].to_string();
    let (pin, comments) = (text.lines().last(), text.lines().count() - 1);
    assert_eq!(pin, Some(reported[0].spki().to_string().as_str()));
    assert!(
        text.lines().take(comments).all(|line| line.starts_with("# ")),
        "{text}"
    );
    assert!(
        text.chars()
            .all(|char| char == '\n' || char == ' ' || char.is_ascii_graphic()),
        "{text}"
    );
    assert!(
        text.contains("#   name: URI:https://x.example/'$(reboot)'\n"),
        "{text}"
    );
    assert!(text.contains(r"#   name: CN=B\u{fc}cher"), "{text}");
    assert!(text.contains("#   purposes: clientAuth\n"), "{text}");
    assert!(text.contains(r"#   issuer: CN=Evil\u{a}sha256/"), "{text}");
}
