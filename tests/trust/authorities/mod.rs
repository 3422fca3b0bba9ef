//! Do we trust it? Authorities, what is below them, and what differs from a good one in one thing.

mod anchors;
mod constrained;
mod counts;
mod handshakes;
mod paths;
mod profile;
mod public;
mod twins;

use std::sync::Arc;

use countersign::identity::{SerialNumber, SpkiHash};
use countersign::testing::{NOW, TestCert, TestKey, utc};
use countersign::tls::rustls::AlertDescription;
use countersign::tls::rustls::pki_types::CertificateDer;
use countersign::trust::{Evidence, Presented, PrivateCa, Untrusted, VerifyPeer};

use crate::stage::*;

const DAY: u64 = 24 * 60 * 60;

fn spki(der: &[u8]) -> SpkiHash {
    SpkiHash::of(der)
}

fn serial(cert: &TestCert) -> SerialNumber {
    SerialNumber::from_bytes(cert.serial().as_bytes())
}

struct Twin {
    name: &'static str,
    trust: Arc<dyn VerifyPeer>,
    chain: Vec<CertificateDer<'static>>,
    key: TestKey,
    reason: Untrusted,
    alert: AlertDescription,
}

fn twin(
    name: &'static str,
    trust: impl VerifyPeer + 'static,
    cert: &TestCert,
    reason: Untrusted,
    alert: AlertDescription,
) -> Twin {
    Twin {
        name,
        trust: Arc::new(trust),
        chain: cert.chain(),
        key: cert.test_key().clone(),
        reason,
        alert,
    }
}

/// Says no in its own words.
#[derive(Debug)]
struct Never;

impl VerifyPeer for Never {
    fn verify_peer(&self, _: &Presented<'_>) -> Result<Evidence, Untrusted> {
        Err(Untrusted::Denied {
            reason: "out of principle",
        })
    }
}

fn past() -> Untrusted {
    Untrusted::Expired {
        not_after: utc(2021, 1, 1),
        now: NOW,
    }
}

fn early() -> Untrusted {
    Untrusted::NotYetValid {
        not_before: utc(2090, 1, 1),
        now: NOW,
    }
}

fn wrong_purpose() -> Untrusted {
    Untrusted::ExtendedKeyUsage { needed: "clientAuth" }
}

fn refusal(builder: countersign::trust::PrivateCaBuilder) -> String {
    match builder.build(NOW) {
        Ok(trust) => panic!("built: {trust:?}"),
        Err(invalid) => invalid.to_string(),
    }
}

fn pem_refusal(pem: &str) -> String {
    refusal(PrivateCa::builder(algorithms()).pem(pem.as_bytes()))
}

const TEXT: &str = "certificate authorities from the PEM text given: ";
