//! A verification that begins before the body is there, by verifiers of one's own: it is told what the connection has
//! proved, and does not have the last word on whose the message is.

use countersign::gate;
use countersign::identity::CertHash;
use countersign::payload::{
    Authentic, DeliveryKey, Head, KeyId, Message, NotAuthentic, VerifyBody, VerifyPayload,
};
use countersign::refusal::Refusal;
use countersign::tenant::TenantId;
use countersign::testing::NOW;
use rustls::pki_types::UnixTime;

use crate::gate_and_refusals::{caller, request};
use crate::reasons::mismatch;
use crate::support::tenant;

/// Answers for one tenant, whoever the connection's is, and tells what it was given.
#[derive(Debug)]
struct AnswersFor(&'static str);

#[derive(Debug)]
struct Begun {
    answers_for: TenantId,
    given: String,
}

impl VerifyPayload for AnswersFor {
    fn verify_payload<'m>(&self, _: &Message<'m>) -> Result<Authentic<'m>, NotAuthentic> {
        let reason = "the body is to be streamed";
        Err(NotAuthentic::Denied { reason })
    }

    fn begin_payload<'m>(
        &self,
        head: &Head<'m>,
        limit: usize,
    ) -> Result<Option<Box<dyn VerifyBody<'m> + 'm>>, NotAuthentic> {
        let certificate = head.certificate.map(|certificate| certificate.hash());
        Ok(Some(Box::new(Begun {
            answers_for: tenant(self.0),
            given: given(head.sender.map(TenantId::as_str), certificate, limit),
        })))
    }
}

fn given(sender: Option<&str>, certificate: Option<CertHash>, limit: usize) -> String {
    format!("{sender:?} {certificate:?} {limit}")
}

impl<'m> VerifyBody<'m> for Begun {
    fn update(&mut self, _: &[u8]) -> Result<(), NotAuthentic> {
        Ok(())
    }

    fn finish(self: Box<Self>, _: UnixTime) -> Result<Authentic<'m>, NotAuthentic> {
        let (scheme, key) = ("own".into(), KeyId::new(self.given));
        Ok(Authentic::assertion(
            self.answers_for,
            scheme,
            key,
            DeliveryKey::Id("1"),
        ))
    }
}

#[test]
fn a_streamed_payload_is_the_callers_and_its_verifier_knows_the_certificate() {
    let (acme, request) = (caller("acme"), request());
    let leaf = CertHash::of(acme.peer().leaf().der());
    let with_caller = given(Some("acme"), Some(leaf), 10);
    let cases: [(_, _, _, Result<(&str, &str), Refusal>); 4] = [
        ("its own", "acme", Some(&acme), Ok(("acme", &with_caller))),
        ("another's", "globex", Some(&acme), Err(mismatch())),
        (
            "nobody to compare with",
            "globex",
            None,
            Ok(("globex", &given(None, None, 10))),
        ),
        (
            "nobody to compare with",
            "acme",
            None,
            Ok(("acme", &given(None, None, 10))),
        ),
    ];
    for (name, answers_for, caller, expected) in cases {
        let verifier = AnswersFor(answers_for);
        let head = Head::new(&request.method, &request.uri, &request.headers, NOW);
        let begun = gate::begin(&verifier, head, caller, 10).expect("nothing against the head");
        let finished = begun.expect("it streams").finish(NOW);
        let found = finished
            .as_ref()
            .map(|authentic| (authentic.sender().as_str(), authentic.key().as_str()));
        assert_eq!(found, expected.as_ref().map(|expected| *expected), "{name}");
    }
}
