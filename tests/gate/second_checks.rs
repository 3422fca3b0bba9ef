//! What a sender's certificate demands beside it, and what is made of a payload that was proved otherwise: nothing.

use countersign::gate::{self, Caller, Countersigned, Policy, RecognizedCaller};
use countersign::identity::PeerChain;
use countersign::payload::{
    Authentic, DeliveryKey, Fresh, KeyId, Message, NotAuthentic, Recognized, Strength, VerifyPayload,
};
use countersign::refusal::Refusal;
use countersign::replay::{MemoryStore, Terms};
use countersign::tenant::TenantTable;
use countersign::testing::{NOW, TestCa};
use countersign::trust::{ExpectedPeers, KnownSender, PixBank, PrivateCa, Profile, SecondCheck, VerifyPeer};

use crate::gate_and_refusals::request;
use crate::support::{now, tenant};

/// Finds everything authentic, by the rules of this scheme.
#[derive(Debug)]
struct Signed(&'static str);

impl VerifyPayload for Signed {
    fn verify_payload<'m>(&self, _: &Message<'m>) -> Result<Authentic<'m>, NotAuthentic> {
        let key = KeyId::new("2026");
        Ok(Authentic::assertion(
            tenant("acme"),
            self.0.into(),
            key,
            DeliveryKey::Id("1"),
        ))
    }
}

fn algorithms() -> &'static [&'static dyn rustls::pki_types::SignatureVerificationAlgorithm] {
    rustls::crypto::aws_lc_rs::default_provider()
        .signature_verification_algorithms
        .all
}

/// Whoever that is in this test, as a caller of acme's.
fn caller(trust: impl VerifyPeer + 'static, ca: &TestCa, name: &str) -> Caller {
    let leaf = ca.client("x.example").without_san().common_name(name).issue();
    let table = TenantTable::builder().common_name(tenant("acme"), name).build();
    let policy = Policy::new(trust, table.expect("a table"));
    let chain = PeerChain::parse(leaf.chain()).expect("a chain");
    Caller::identify(&policy, chain, NOW).expect("a caller")
}

fn known(sender: &KnownSender, name: &str) -> Caller {
    let ca = TestCa::new("Authority");
    let trust = sender.trust_other_anchors(ca.pem().as_bytes(), Profile::strict(), algorithms(), NOW);
    caller(trust.expect("anchors"), &ca, name)
}

fn own() -> Caller {
    let ca = TestCa::new("Own");
    let trust = PrivateCa::from_pem(ca.pem().as_bytes(), algorithms(), NOW);
    caller(trust.expect("an anchor"), &ca, "x.example")
}

fn fresh(scheme: &'static str) -> Fresh {
    let (request, store) = (request(), MemoryStore::default());
    let message = Message::new(&request.method, &request.uri, &request.headers, b"{}", NOW);
    let authentic = gate::verify(&Signed(scheme), message, None).expect("authentic");
    now(gate::claim(&store, authentic, Terms::default(), NOW))
        .expect("granted")
        .0
}

fn shown(scheme: &'static str, strength: Strength) -> Recognized {
    Recognized::assertion(tenant("acme"), scheme.into(), KeyId::new("2026"), strength)
}

fn pix() -> (KnownSender, &'static str) {
    let peers = ExpectedPeers::host_names(["pix.psp.example"]).expect("a name");
    (KnownSender::pix(PixBank::Efi, peers), "pix.psp.example")
}

fn refused(demanded: SecondCheck, shown: &str) -> Result<(), Refusal> {
    let shown = shown.into();
    Err(Refusal::SecondCheck { demanded, shown })
}

#[test]
fn a_known_sender_is_countersigned_by_the_scheme_that_it_demands_alone() {
    let signature = SecondCheck::Signature;
    let (slack, pagerduty) = (KnownSender::slack(), KnownSender::pagerduty());
    let key = SecondCheck::UrlSecretOrBody("chave or endToEndId");
    let both = {
        let ca = TestCa::new("Authority");
        let trust = |sender: &KnownSender| {
            let trust = sender.trust_other_anchors(ca.pem().as_bytes(), Profile::strict(), algorithms(), NOW);
            trust.expect("anchors")
        };
        let names = KnownSender::docusign(["webhooks.pagerduty.com"]).expect("a name");
        caller(
            trust(&names).and(trust(&pagerduty)),
            &ca,
            "webhooks.pagerduty.com",
        )
    };
    #[rustfmt::skip]
    let cases: [(_, Caller, _, Result<(), Refusal>); 9] = [
        ("its own", known(&slack, "platform-tls-client.slack.com"), "slack", Ok(())),
        ("another", known(&slack, "platform-tls-client.slack.com"), "github", refused(signature("slack"), "github")),
        ("one that begins so", known(&pagerduty, "webhooks.pagerduty.com"), "pagerduty2", refused(signature("pagerduty"), "pagerduty2")),
        ("a token is demanded", known(&KnownSender::dialogflow_es(), "Google LLC"), "slack", refused(SecondCheck::IdentityToken("google_dialogflow"), "slack")),
        ("a secret or a key is demanded", known(&pix().0, pix().1), "slack", refused(key, "slack")),
        ("two are demanded, the first shown", both.clone(), "docusign", refused(signature("pagerduty"), "docusign")),
        ("two are demanded, the second shown", both, "pagerduty", refused(signature("docusign"), "pagerduty")),
        ("nothing is demanded", known(&KnownSender::my_certificate(), "x.example"), "anything", Ok(())),
        ("one's own authority", own(), "anything", Ok(())),
    ];
    for (case, caller, scheme, expected) in cases {
        let request = request();
        let message = Message::new(&request.method, &request.uri, &request.headers, b"{}", NOW);
        // Before it is claimed, and where both are bound.
        let verified = gate::verify(&Signed(scheme), message, Some(&caller)).map(|_| ());
        assert_eq!(verified, expected, "{case}");
        let bound = Countersigned::bind(caller, fresh(scheme)).map(|_| ());
        assert_eq!(bound, expected, "{case}, bound");
    }
}

#[test]
fn a_sender_that_signs_nothing_is_recognized_by_what_it_demands_alone() {
    let slack = || known(&KnownSender::slack(), "platform-tls-client.slack.com");
    let google = || known(&KnownSender::dialogflow_es(), "Google LLC");
    let worldpay = || known(&KnownSender::worldpay(), "Payment Status Event Sender");
    let genesys = || {
        let sender = KnownSender::genesys("prod.us-east-1").expect("a region");
        known(&sender, "dataactions.prod.us-east-1.mypurecloud.com")
    };
    let bank = || known(&pix().0, pix().1);
    let key = SecondCheck::UrlSecretOrBody("chave or endToEndId");
    let reference = SecondCheck::Body("transactionReference");
    let google_token = SecondCheck::IdentityToken("google_dialogflow");
    let no = |demanded| refused(demanded, "mine");
    #[rustfmt::skip]
    let cases = [
        (slack(), Strength::Token, no(SecondCheck::Signature("slack"))),
        (google(), Strength::Url, no(google_token)),
        (google(), Strength::UnboundToken, no(google_token)),
        (worldpay(), Strength::LookedUp, Ok(())),
        (worldpay(), Strength::Url, no(reference)),
        (genesys(), Strength::Url, Ok(())),
        (genesys(), Strength::Token, Ok(())),
        (genesys(), Strength::Basic, Ok(())),
        (genesys(), Strength::LookedUp, no(SecondCheck::UrlSecret)),
        (bank(), Strength::Url, Ok(())),
        (bank(), Strength::LookedUp, Ok(())),
        (bank(), Strength::UnboundToken, no(key)),
        (bank(), Strength::SignedFields, no(key)),
        (own(), Strength::Url, Ok(())),
    ];
    for (caller, strength, expected) in cases {
        let demanded = caller.peer().evidence().second_checks.clone();
        let bound = RecognizedCaller::bind(caller, shown("mine", strength));
        let tenant = bound.map(|both| {
            assert_eq!(both.recognized().strength(), strength);
            assert_eq!(both.caller().tenant(), both.tenant());
        });
        assert_eq!(tenant, expected, "{demanded:?} {strength:?}");
    }
    // Of the schemes that show a token, the one that is demanded.
    for (scheme, strength, expected) in [
        ("google_dialogflow", Strength::UnboundToken, Ok(())),
        (
            "google_pubsub",
            Strength::UnboundToken,
            refused(google_token, "google_pubsub"),
        ),
        (
            "google_dialogflow",
            Strength::Token,
            refused(google_token, "google_dialogflow"),
        ),
    ] {
        let bound = RecognizedCaller::bind(google(), shown(scheme, strength)).map(|_| ());
        assert_eq!(bound, expected, "{scheme} {strength:?}");
    }
    let other = Recognized::assertion(tenant("globex"), "mine".into(), KeyId::new("1"), Strength::Url);
    let mismatch = Refusal::TenantMismatch {
        connection: tenant("acme"),
        payload: tenant("globex"),
    };
    assert_eq!(RecognizedCaller::bind(own(), other).err(), Some(mismatch));
}
