//! Was it taken back? CRLs that must not be used are refused when they are read, and those in use are asked the right
//! question.

mod asked;
mod large;
mod read;
mod renewed;
mod scopes;

use countersign::identity::SerialNumber;
use countersign::testing::{CrlBuilder, NOW, Serial, TestCa, TestCert, TestCrl};
use countersign::trust::{
    Crls, InvalidCrls, PassedOver, PrivateCa, Revocation, Unanswered, Untrusted, VerifyPeer,
};

use crate::stage::*;

fn crls(lists: impl IntoIterator<Item = CrlBuilder>) -> Crls {
    read(lists.into_iter().map(CrlBuilder::issue)).expect("good lists")
}

fn read(lists: impl IntoIterator<Item = TestCrl>) -> Result<Crls, InvalidCrls> {
    let lists: Vec<_> = lists.into_iter().collect();
    Crls::from_der(lists.iter().map(|list| list.der().clone()), NOW)
}

fn pem(lists: impl IntoIterator<Item = CrlBuilder>) -> String {
    lists.into_iter().map(|list| list.issue().pem()).collect()
}

fn required(anchor: &TestCa, crls: Crls) -> PrivateCa {
    with_revocation(anchor, Revocation::required(crls))
}

fn best_effort(anchor: &TestCa, crls: Crls) -> PrivateCa {
    with_revocation(anchor, Revocation::best_effort(crls))
}

fn serial_of(serial: &Serial) -> SerialNumber {
    SerialNumber::from_bytes(serial.as_bytes())
}

fn revoked(serial: impl Into<Serial>) -> Untrusted {
    Untrusted::Revoked {
        serial: serial_of(&serial.into()),
    }
}

fn unknown(serial: impl Into<Serial>) -> Untrusted {
    Untrusted::RevocationUnknown {
        serial: serial_of(&serial.into()),
        passed_over: vec![],
    }
}

/// No list speaks about it, and those of its issuer do not for these reasons.
fn unanswered(
    serial: impl Into<Serial>,
    issuer: &str,
    reasons: impl IntoIterator<Item = Unanswered>,
) -> Untrusted {
    Untrusted::RevocationUnknown {
        serial: serial_of(&serial.into()),
        passed_over: reasons
            .into_iter()
            .map(|reason| PassedOver::new(issuer, reason))
            .collect(),
    }
}

fn built(anchors: &[&TestCa], revocation: Revocation) -> Result<(), String> {
    let built = builder(anchors).with_revocation(revocation).build(NOW);
    built.map(|_| ()).map_err(|error| error.to_string())
}

fn signed_by_nobody(issuer: &str) -> Result<(), String> {
    Err(format!(
        "certificate authorities from CRLs: no CRL of {issuer} is signed with the key of the anchor of that name, so nobody \
         would be refused by it; fetch it from the CA itself, or give the anchor whose it is"
    ))
}

fn asked(trust: &dyn VerifyPeer, cert: &TestCert) -> Result<(), Untrusted> {
    verify(trust, cert).map(|_| ())
}

fn issuer() -> String {
    "CN=Root".to_owned()
}

/// IssuingDistributionPoint: these context tags with their contents, and a distribution point in front.
fn scope_of(flags: &[(u8, &[u8])], uris: Option<&[&str]>) -> Vec<u8> {
    let point = uris.map(full_name).into_iter();
    let flags = flags.iter().map(|(tag, contents)| tlv(0x80 | tag, contents));
    sequence(&point.chain(flags).collect::<Vec<_>>())
}

const LEAVES_ONLY: (u8, &[u8]) = (1, &[0xff]);

const CAS_ONLY: (u8, &[u8]) = (2, &[0xff]);
