//! The five questions, each with its refusals: what the gate lets through, and what it does not.

use crate::reasons::mismatch;
use crate::support;

use std::sync::Arc;

use countersign::gate::{self, Caller, Countersigned, Policy};
use countersign::identity::{PeerChain, SpkiHash, Validity};
use countersign::live::Live;
use countersign::payload::{Authentic, DeliveryKey, Fresh, KeyId, Message, NotAuthentic, VerifyPayload};
use countersign::refusal::Refusal;
use countersign::replay::{
    Claim, ClaimAnswer, Claimed, MemoryStore, ReplayStore, Replayed, Settlement, StoreDown, StoreFuture,
    Terms,
};
use countersign::tenant::{NoTenant, TenantTable};
use countersign::testing::{NOT_AFTER, NOT_BEFORE, NOW, TestCa, TestCert};
use countersign::trust::{Evidence, Pin, PinSet, Presented, PrivateCa, Untrusted, VerifyPeer};
use http::{HeaderMap, Method, Uri};
use rustls::pki_types::UnixTime;
use support::{Flaky, at, cut_off, now, secs, tenant};

// --- who is it, do we trust it, whose is it? ---------------------------------------------------------------------------

const TEMPLATE: &str = "spiffe://acme.example/tenant/{tenant}";
const RULE: &str = "URI spiffe://acme.example/tenant/{tenant}";

fn client(ca: &TestCa, owner: &str) -> TestCert {
    ca.client(&format!("spiffe://acme.example/tenant/{owner}"))
        .issue()
}

fn anchored(ca: &TestCa) -> PrivateCa {
    let algorithms = rustls::crypto::aws_lc_rs::default_provider()
        .signature_verification_algorithms
        .all;
    PrivateCa::from_pem(ca.pem().as_bytes(), algorithms, NOW).expect("an anchor")
}

fn tenants() -> TenantTable {
    let known = ["acme", "globex"];
    TenantTable::builder()
        .uri(TEMPLATE)
        .known(known)
        .build()
        .expect("a table")
}

fn identify(policy: &Policy, certificate: &TestCert, now: UnixTime) -> Result<Caller, Refusal> {
    let chain = PeerChain::parse(certificate.chain()).expect("a chain");
    Caller::identify(policy, chain, now)
}

#[test]
fn a_caller_is_trusted_and_known() {
    let ca = TestCa::new("Acme Root");
    let (acme, unpinned, initech) = (client(&ca, "acme"), client(&ca, "acme"), client(&ca, "initech"));
    let elsewhere = ca.client("spiffe://other.example/tenant/acme").issue();
    let stranger = client(&TestCa::new("Somebody Else"), "acme");
    let spki = |certificate: &TestCert| SpkiHash::of(&certificate.spki_der());
    let pins = PinSet::new([&acme, &initech, &elsewhere, &stranger].map(spki));
    let policy = Policy::new(anchored(&ca).and(pins), tenants());

    let after = at(NOT_AFTER.as_secs() + 1);
    let expired = Untrusted::Expired {
        not_after: NOT_AFTER,
        now: after,
    };
    let not_pinned = Untrusted::NotPinned {
        spki: spki(&unpinned),
    };
    let unknown = NoTenant::Unknown {
        rule: RULE.into(),
        name: "initech".into(),
    };
    #[rustfmt::skip]
    let cases: [(_, _, _, Result<(&str, &str), Refusal>); 8] = [
        ("good", &acme, NOW, Ok(("acme", RULE))),
        ("its first second", &acme, NOT_BEFORE, Ok(("acme", RULE))),
        ("its last second", &acme, NOT_AFTER, Ok(("acme", RULE))),
        ("the second after", &acme, after, Err(expired.into())),
        ("another authority", &stranger, NOW, Err(Untrusted::UnknownIssuer.into())),
        ("another key", &unpinned, NOW, Err(not_pinned.into())),
        ("a tenant nobody knows", &initech, NOW, Err(unknown.into())),
        ("a name no rule speaks of", &elsewhere, NOW, Err(NoTenant::NoRule.into())),
    ];
    for (name, certificate, now, expected) in cases {
        let seen = identify(&policy, certificate, now);
        let seen = seen
            .as_ref()
            .map(|caller| (caller.tenant().as_str(), caller.rule()));
        assert_eq!(seen, expected.as_ref().map(|good| *good), "{name}");
    }
    let caller = identify(&policy, &acme, NOW).expect("good");
    assert_eq!(caller.peer().leaf().spki(), spki(&acme));
    assert_eq!(caller.peer().evidence().pin, Some(Pin::leaf(spki(&acme))));
    assert!(!caller.is_over(), "what a table says has no end");
}

/// Says yes to everybody, on evidence of some other time.
#[derive(Debug)]
struct OnOldEvidence;

impl VerifyPeer for OnOldEvidence {
    fn verify_peer(&self, _: &Presented<'_>) -> Result<Evidence, Untrusted> {
        Ok(Evidence::new(Validity::new(at(10), at(20))))
    }
}

#[test]
fn evidence_counts_only_in_its_time() {
    let acme = client(&TestCa::new("Acme Root"), "acme");
    let policy = Policy::new(OnOldEvidence, tenants());
    let too_early = Untrusted::NotYetValid {
        not_before: at(10),
        now: at(9),
    };
    let too_late = Untrusted::Expired {
        not_after: at(20),
        now: at(21),
    };
    let cases = [
        (9, Err(too_early.into())),
        (10, Ok(())),
        (20, Ok(())),
        (21, Err(too_late.into())),
    ];
    for (now, expected) in cases {
        assert_eq!(identify(&policy, &acme, at(now)).map(drop), expected, "{now}");
    }
}

#[test]
fn a_policy_has_the_generation_of_its_last_change_anywhere() {
    let ca = TestCa::new("Acme Root");
    let (pins, table) = (Live::new(PinSet::default()), Live::new(tenants()));
    let policy = Policy::new(anchored(&ca).and(pins.clone()), table.clone());
    let mut last = policy.generation();
    let mut grown = |what: &str| {
        assert!(policy.generation() > last, "{what}");
        last = policy.generation();
        assert_eq!(policy.clone().generation(), last, "{what}: as the clone says");
    };
    pins.replace(PinSet::default());
    grown("pins");
    table.replace(tenants());
    grown("tenants");
    pins.replace(PinSet::default());
    grown("pins again");
    assert!(policy.is_same(&policy.clone()));
    assert!(!policy.is_same(&Policy::new(anchored(&ca), tenants())));
    assert_eq!(Policy::new(anchored(&ca), tenants()).generation(), 0);
}

// --- did they say this? ------------------------------------------------------------------------------------------------

/// Finds everything authentic, and always of the same sender, whoever the connection's is.
#[derive(Debug)]
struct Always {
    sender: &'static str,
    delivery: &'static str,
}

impl VerifyPayload for Always {
    fn verify_payload<'m>(&self, _: &Message<'m>) -> Result<Authentic<'m>, NotAuthentic> {
        let (sender, key) = (tenant(self.sender), KeyId::new("2026"));
        Ok(Authentic::assertion(
            sender,
            "always".into(),
            key,
            DeliveryKey::Id(self.delivery),
        ))
    }
}

/// Tells whose keys were asked for.
#[derive(Debug)]
struct Asked;

impl VerifyPayload for Asked {
    fn verify_payload<'m>(&self, message: &Message<'m>) -> Result<Authentic<'m>, NotAuthentic> {
        let reason = match message.sender.map(|sender| sender.as_str()) {
            Some("acme") => "for acme",
            Some(_) => "for another",
            None => "for nobody",
        };
        Err(NotAuthentic::Denied { reason })
    }
}

pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
}

pub(crate) fn request() -> Request {
    Request {
        method: Method::POST,
        uri: Uri::from_static("/hooks"),
        headers: HeaderMap::new(),
    }
}

fn verify<'m>(
    request: &'m Request,
    verifier: &dyn VerifyPayload,
    caller: Option<&'m Caller>,
) -> Result<Authentic<'m>, Refusal> {
    let message = Message::new(&request.method, &request.uri, &request.headers, b"{}", NOW);
    gate::verify(verifier, message, caller)
}

pub(crate) fn caller(owner: &str) -> Caller {
    let ca = TestCa::new("Acme Root");
    let policy = Policy::new(anchored(&ca), tenants());
    identify(&policy, &client(&ca, owner), NOW).expect("a caller")
}

#[test]
fn the_payload_is_the_callers() {
    let (acme, request) = (caller("acme"), request());
    let denied = |reason| Err(NotAuthentic::Denied { reason }.into());
    let says = |sender| Always {
        sender,
        delivery: "1",
    };
    let cases: [(_, &dyn VerifyPayload, _, Result<&str, Refusal>); 6] = [
        ("its own", &says("acme"), Some(&acme), Ok("acme")),
        ("another's", &says("globex"), Some(&acme), Err(mismatch())),
        ("no caller to compare with", &says("globex"), None, Ok("globex")),
        (
            "the caller's keys are asked for",
            &Asked,
            Some(&acme),
            denied("for acme"),
        ),
        ("nobody's are", &Asked, None, denied("for nobody")),
        (
            "nobody's are, in an Arc",
            &Arc::new(Asked),
            None,
            denied("for nobody"),
        ),
    ];
    for (name, verifier, caller, expected) in cases {
        let seen = verify(&request, verifier, caller);
        let seen = seen.as_ref().map(|authentic| authentic.sender().as_str());
        assert_eq!(seen, expected.as_ref().map(|good| *good), "{name}");
    }
}

// --- is it fresh? ------------------------------------------------------------------------------------------------------

fn claim(
    store: &dyn ReplayStore,
    sender: &'static str,
    delivery: &'static str,
    time: u64,
) -> Result<(Fresh, Claimed), Refusal> {
    let request = request();
    let authentic = verify(&request, &Always { sender, delivery }, None).expect("authentic");
    let terms = Terms::default().with_lease(secs(10)).with_window(secs(100));
    now(gate::claim(store, authentic, terms, at(time)))
}

#[test]
fn a_delivery_is_fresh_once() {
    let store = Flaky::default();
    let (fresh, claimed) = claim(&store, "acme", "1", 1_000).expect("granted");
    assert_eq!(
        (fresh.sender(), fresh.claim_key()),
        (&tenant("acme"), claimed.key())
    );
    assert_eq!(
        (fresh.key().as_str(), fresh.scheme(), fresh.signed_at()),
        ("2026", "always", None)
    );

    let in_progress = Replayed::InProgress { left: secs(4) };
    assert_eq!(claim(&store, "acme", "1", 1_006).err(), Some(in_progress.into()));
    assert_eq!(claim(&store, "globex", "1", 1_006).err(), None);
    assert_eq!(now(store.commit(&claimed)), Ok(Settlement::Done));
    // Its window has begun with the commit.
    assert_eq!(
        claim(&store, "acme", "1", 1_106).err(),
        Some(Replayed::Handled.into())
    );
    assert_eq!(claim(&store, "acme", "1", 1_107).err(), None);
}

#[test]
fn what_does_not_match_its_caller_is_never_claimed() {
    let (acme, request, store) = (caller("acme"), request(), MemoryStore::default());
    let globex = Always {
        sender: "globex",
        delivery: "1",
    };
    assert_eq!(verify(&request, &globex, Some(&acme)).err(), Some(mismatch()));
    assert!(store.is_empty());
    assert_eq!(claim(&store, "globex", "1", 1_000).err(), None);
}

#[test]
fn a_store_that_fails_loses_nothing() {
    let store = Flaky::default();
    store.set_up(false);
    assert_eq!(claim(&store, "acme", "1", 1_000).err(), Some(cut_off().into()));
    store.set_up(true);
    let (_, claimed) = claim(&store, "acme", "1", 1_001).expect("the retry is let through");
    store.set_up(false);
    assert_eq!(now(store.release(&claimed)), Err(cut_off()));
    store.set_up(true);
    // The release was lost with the connection; the lease runs out by itself.
    let in_progress = Replayed::InProgress { left: secs(0) };
    assert_eq!(claim(&store, "acme", "1", 1_011).err(), Some(in_progress.into()));
    assert_eq!(claim(&store, "acme", "1", 1_012).err(), None);
}

#[test]
fn a_full_store_is_an_outage() {
    let full = claim(&MemoryStore::of_claims(0), "acme", "1", 1_000).err();
    assert_eq!(full, Some(StoreDown::Full.into()));
    assert_eq!(full.map(|refusal| refusal.is_outage()), Some(true));
}

/// Grants everybody the claim of the same delivery.
#[derive(Debug)]
struct Confused(Claim);

impl ReplayStore for Confused {
    fn claim<'a>(&'a self, _: &'a Claim) -> StoreFuture<'a, ClaimAnswer> {
        Box::pin(async { Ok(ClaimAnswer::Granted(Claimed::granted(&self.0, 1))) })
    }

    fn commit<'a>(&'a self, _: &'a Claimed) -> StoreFuture<'a, Settlement> {
        Box::pin(async { Ok(Settlement::Done) })
    }

    fn release<'a>(&'a self, _: &'a Claimed) -> StoreFuture<'a, Settlement> {
        Box::pin(async { Ok(Settlement::Done) })
    }
}

#[test]
fn the_claim_of_another_delivery_proves_nothing() {
    let request = request();
    let authentic =
        |sender, delivery| verify(&request, &Always { sender, delivery }, None).expect("authentic");
    let granted = |sender, delivery| {
        Claimed::granted(&authentic(sender, delivery).claim(at(1_000), Terms::default()), 1)
    };
    let cases = [
        ("its own", granted("acme", "1"), Ok(tenant("acme"))),
        (
            "another delivery's",
            granted("acme", "2"),
            Err(NotAuthentic::OtherClaim),
        ),
        (
            "another tenant's",
            granted("globex", "1"),
            Err(NotAuthentic::OtherClaim),
        ),
    ];
    for (name, claimed, expected) in cases {
        let seen = authentic("acme", "1").settle(&claimed);
        assert_eq!(seen.map(|fresh| fresh.sender().clone()), expected, "{name}");
    }
    // A store that does so is broken, and nothing speaks against the message.
    let store = Confused(authentic("acme", "2").claim(at(1_000), Terms::default()));
    let reason = "it granted the claim of another delivery".to_owned();
    let broken = StoreDown::Unavailable { reason };
    assert_eq!(claim(&store, "acme", "1", 1_000).err(), Some(broken.into()));
}

#[test]
fn both_signatures_name_one_tenant() {
    let store = MemoryStore::default();
    let fresh = |sender| claim(&store, sender, "1", 1_000).expect("granted").0;
    let (own, others) = (fresh("acme"), fresh("globex"));
    let both = Countersigned::bind(caller("acme"), own.clone()).expect("one tenant");
    assert_eq!((both.tenant(), both.payload()), (&tenant("acme"), &own));
    assert_eq!(both.caller().rule(), RULE);
    assert_eq!(
        Countersigned::bind(caller("acme"), others).err(),
        Some(mismatch())
    );
}
