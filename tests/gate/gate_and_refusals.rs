//! The five questions, each with its refusals: what the gate lets through, and the code of everything it does not.

use crate::support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use countersign::address::AddressGuard;
use countersign::breaker::NotNow;
use countersign::dispatch::{Failure, Fault, InvalidEndpoint, Stage};
use countersign::egress::NotResolved;
use countersign::gate::{self, Caller, Countersigned, Policy};
use countersign::identity::{Malformed, NameKind, PeerChain, SerialNumber, SpkiHash, Validity};
use countersign::live::Live;
use countersign::observe::{Cut, HandshakeFailure};
use countersign::payload::http_signature::InvalidHttpSignature;
use countersign::payload::jose::{Algorithm, InvalidJson, InvalidJwt, JwtPart};
use countersign::payload::{
    Authentic, CannotSign, DeliveryKey, Fresh, KeyId, Message, NoKey, NotAuthentic, VerifyPayload,
};
use countersign::refusal::{Busy, Misdirected, NotForwarded, Refusal, UnreadableField};
use countersign::reload::NotLoaded;
use countersign::replay::{
    Claim, ClaimAnswer, Claimed, MemoryStore, NotCommitted, NotFresh, ReplayStore, Replayed, Settlement,
    StoreDown, StoreFuture, Terms,
};
use countersign::tenant::{NoTenant, TenantTable};
use countersign::testing::{NOT_AFTER, NOT_BEFORE, NOW, TestCa, TestCert};
use countersign::trust::{Evidence, Pin, PinSet, Presented, PrivateCa, SecondCheck, Untrusted, VerifyPeer};
use countersign::usage::NotRetired;
use http::{HeaderMap, HeaderName, Method, Uri};
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

pub(crate) fn mismatch() -> Refusal {
    Refusal::TenantMismatch {
        connection: tenant("acme"),
        payload: tenant("globex"),
    }
}

fn other_check() -> Refusal {
    Refusal::SecondCheck {
        demanded: SecondCheck::Signature("slack"),
        shown: "github".into(),
    }
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

// --- the codes ---------------------------------------------------------------------------------------------------------

/// One of every refusal there is.
fn every_refusal() -> Vec<(Refusal, &'static str)> {
    let header = HeaderName::from_static("webhook-signature");
    let (spki, name) = (SpkiHash::of(b"key"), header.clone());
    let (sender, rule): (_, Arc<str>) = (tenant("acme"), "rule".into());
    let needed = "clientAuth";
    let serial = SerialNumber::from_bytes(&[7]);
    #[rustfmt::skip]
    let malformed = [
        (Malformed::Empty, "identity.empty"),
        (Malformed::TooManyCertificates { limit: 8 }, "identity.too_many_certificates"),
        (Malformed::ChainTooLarge { limit: 8 }, "identity.chain_too_large"),
        (Malformed::Certificate, "identity.certificate"),
        (Malformed::Extension, "identity.extension"),
        (Malformed::CriticalExtension, "identity.critical_extension"),
        (Malformed::Validity, "identity.validity"),
        (Malformed::Name { kind: NameKind::Dns }, "identity.name"),
        (Malformed::ParsersDisagree { field: "key" }, "identity.parsers_disagree"),
    ];
    #[rustfmt::skip]
    let untrusted = [
        (Untrusted::UnknownIssuer, "trust.unknown_issuer"),
        (Untrusted::Expired { not_after: at(1), now: at(2) }, "trust.expired"),
        (Untrusted::NotYetValid { not_before: at(2), now: at(1) }, "trust.not_yet_valid"),
        (Untrusted::NoExtendedKeyUsage { needed }, "trust.no_extended_key_usage"),
        (Untrusted::ExtendedKeyUsage { needed }, "trust.extended_key_usage"),
        (Untrusted::KeyUsage, "trust.key_usage"),
        (Untrusted::IssuerKeyUsage, "trust.issuer_key_usage"),
        (Untrusted::CaAsLeaf, "trust.ca_as_leaf"),
        (Untrusted::LeafAsCa, "trust.leaf_as_ca"),
        (Untrusted::Signature, "trust.signature"),
        (Untrusted::SignatureAlgorithm, "trust.signature_algorithm"),
        (Untrusted::NameConstraint, "trust.name_constraint"),
        (Untrusted::UnsupportedNameConstraint { kind: "URI" }, "trust.unsupported_name_constraint"),
        (Untrusted::CrlSignerAsLeaf, "trust.crl_signer_as_leaf"),
        (Untrusted::UnsupportedKey, "trust.unsupported_key"),
        (Untrusted::PathLength, "trust.path_length"),
        (Untrusted::PathBudget, "trust.path_budget"),
        (Untrusted::CriticalExtension, "trust.critical_extension"),
        (Untrusted::WrongName { name: "a.example".into() }, "trust.wrong_name"),
        (Untrusted::NotPinned { spki }, "trust.not_pinned"),
        (Untrusted::WeakKey, "trust.weak_key"),
        (Untrusted::Lifetime { lifetime: secs(2), max: secs(1) }, "trust.lifetime"),
        (Untrusted::Policy { required: "1.2.3".into() }, "trust.policy"),
        (Untrusted::Revoked { serial: serial.clone() }, "trust.revoked"),
        (Untrusted::CrlSignature { issuer: "CN=Root".into() }, "trust.crl_signature"),
        (Untrusted::RevocationUnknown { serial, passed_over: vec![] }, "trust.revocation_unknown"),
        (Untrusted::CrlExpired { next_update: NOW, now: NOW }, "trust.crl_expired"),
        (Untrusted::CrlFromTheFuture { this_update: NOW, now: NOW }, "trust.crl_from_the_future"),
        (Untrusted::CrlIssuer, "trust.crl_issuer"),
        (Untrusted::OnDenyList, "trust.on_deny_list"),
        (Untrusted::NothingBefore, "trust.nothing_before"),
        (Untrusted::Enrolment, "trust.enrolment"),
        (Untrusted::ServersOnly, "trust.servers_only"),
        (Untrusted::UnexpectedName, "trust.unexpected_name"),
        (Untrusted::Rfc5280 { rule: "a rule" }, "trust.rfc5280"),
        (Untrusted::Path, "trust.path"),
        (Untrusted::Denied { reason: "no" }, "trust.denied"),
        (Untrusted::Unavailable, "trust.unavailable"),
    ];
    #[rustfmt::skip]
    let no_tenant = [
        (NoTenant::NoRule, "tenant.no_rule"),
        (NoTenant::Unknown { rule: rule.clone(), name: "x".into() }, "tenant.unknown"),
        (NoTenant::Ambiguous { first: rule.clone(), second: rule.clone() }, "tenant.ambiguous"),
        (NoTenant::SharedAuthority { rule }, "tenant.shared_authority"),
        (NoTenant::Unavailable, "tenant.unavailable"),
        (NoTenant::Unconstrained { kind: NameKind::CommonName }, "tenant.unconstrained_name"),
    ];
    #[rustfmt::skip]
    let forged = [
        (NotAuthentic::MissingHeader { name: name.clone() }, "payload.missing_header"),
        (NotAuthentic::RepeatedHeader { name: name.clone() }, "payload.repeated_header"),
        (NotAuthentic::MalformedHeader { name: name.clone() }, "payload.malformed_header"),
        (NotAuthentic::MalformedQuery, "payload.malformed_query"),
        (NotAuthentic::MissingUrlSecret, "payload.missing_url_secret"),
        (NotAuthentic::MalformedUrlSecret, "payload.malformed_url_secret"),
        (NotAuthentic::MalformedBody, "payload.malformed_body"),
        (NotAuthentic::MalformedTime, "payload.malformed_time"),
        (NotAuthentic::MalformedSignature { name }, "payload.malformed_signature"),
        (NotAuthentic::TooManySignatures { limit: 8 }, "payload.too_many_signatures"),
        (NotFresh::Stale { signed: at(1), now: at(2) }.into(), "replay.stale"),
        (NotFresh::FromTheFuture { signed: at(2), now: at(1) }.into(), "replay.from_the_future"),
        (NoKey::Unknown { sender: sender.clone() }.into(), "payload.no_key"),
        (NoKey::NoneValid { sender: sender.clone() }.into(), "payload.no_valid_key"),
        (NoKey::SenderNeeded.into(), "payload.sender_needed"),
        (NoKey::Unavailable.into(), "payload.keys_unavailable"),
        (NotAuthentic::SignatureMismatch, "payload.signature_mismatch"),
        (NotAuthentic::OtherClaim, "payload.other_claim"),
        (NotAuthentic::Denied { reason: "no" }, "payload.denied"),
    ];
    let tokens = every_invalid_jwt().map(|(why, code)| (NotAuthentic::from(why).into(), code));
    let signatures = every_invalid_http_signature().map(|(why, code)| (NotAuthentic::from(why).into(), code));
    #[rustfmt::skip]
    let others = [
        (Refusal::NoCertificate, "identity.no_certificate"),
        (Refusal::NotWired { missing: "x", remedy: "y" }, "server.not_wired"),
        (Refusal::BodyTooLarge { limit: 8 }, "payload.body_too_large"),
        (Refusal::BodyIncomplete, "payload.body_incomplete"),
        (Refusal::BodyTooSlow { limit: secs(1) }, "payload.body_too_slow"),
        (Refusal::TenantNotAdmitted { tenant: sender.clone() }, "tenant.not_admitted"),
        (Misdirected::NoHost.into(), "host.missing"),
        (Misdirected::TwoHosts.into(), "host.ambiguous"),
        (Misdirected::Unreadable.into(), "host.unreadable"),
        (Misdirected::UnknownHost { host: "a.example".into() }.into(), "host.unknown"),
        (Misdirected::OtherPolicy.into(), "host.other_policy"),
        (mismatch(), "tenant.mismatch"),
        (other_check(), "payload.second_check"),
        (Replayed::Handled.into(), "replay.handled"),
        (Replayed::InProgress { left: secs(1) }.into(), "replay.in_progress"),
        (cut_off().into(), "replay.store_unavailable"),
        (StoreDown::Full.into(), "replay.store_full"),
        (StoreDown::ShareUsedUp { tenant: sender.clone() }.into(), "replay.share_used_up"),
        (Busy::InAll { limit: 1 }.into(), "server.busy"),
        (Busy::Tenant { tenant: sender, limit: 1 }.into(), "server.tenant_busy"),
        (Busy::Reading { limit: 1 }.into(), "server.reading_busy"),
        (Busy::Source { limit: 1 }.into(), "server.source_busy"),
    ];
    let forwarded = every_not_forwarded().map(|(why, code)| (why.into(), code));
    let malformed = malformed.map(|(refusal, code)| (refusal.into(), code));
    let untrusted = untrusted.map(|(refusal, code)| (refusal.into(), code));
    let no_tenant = no_tenant.map(|(refusal, code)| (refusal.into(), code));
    let forged = forged.map(|(refusal, code)| (refusal.into(), code));
    malformed
        .into_iter()
        .chain(untrusted)
        .chain(no_tenant)
        .chain(forged)
        .chain(forwarded)
        .chain(tokens)
        .chain(signatures)
        .chain(others)
        .collect()
}

fn every_not_forwarded() -> [(NotForwarded, &'static str); 15] {
    let field = || HeaderName::from_static("client-cert");
    let problem = UnreadableField::Base64;
    #[rustfmt::skip]
    let all = [
        (NotForwarded::UntrustedHop { field: field() }, "forwarded.untrusted_hop"),
        (NotForwarded::Repeated { field: field() }, "forwarded.repeated"),
        (NotForwarded::Alias { field: field() }, "forwarded.alias"),
        (NotForwarded::HopByHop { field: field() }, "forwarded.hop_by_hop"),
        (NotForwarded::TooLarge { limit: 8 }, "forwarded.too_large"),
        (NotForwarded::Unreadable { field: field(), problem }, "forwarded.unreadable"),
        (NotForwarded::NoStatus { field: field() }, "forwarded.no_status"),
        (NotForwarded::NotVerified { field: field(), status: "NONE".into() }, "forwarded.not_verified"),
        (NotForwarded::CertificateLost { field: field() }, "forwarded.certificate_lost"),
        (NotForwarded::ChainAlone { field: field() }, "forwarded.chain_alone"),
        (NotForwarded::OtherCertificate { field: field() }, "forwarded.other_certificate"),
        (NotForwarded::HopNotAuthentic(NotAuthentic::SignatureMismatch), "forwarded.hop_not_authentic"),
        (NotForwarded::NotCovered { field: field() }, "forwarded.not_covered"),
        (NotForwarded::RequestNotCovered, "forwarded.request_not_covered"),
        (NotForwarded::NotEndToEnd, "forwarded.not_end_to_end"),
    ];
    all
}

fn every_invalid_jwt() -> [(InvalidJwt, &'static str); 35] {
    #[rustfmt::skip]
    let all = [
        (InvalidJwt::TooLarge { limit: 8 }, "payload.token.too_large"),
        (InvalidJwt::Segments, "payload.token.segments"),
        (InvalidJwt::Base64 { part: JwtPart::Payload }, "payload.token.base64"),
        (InvalidJwt::Json { part: JwtPart::Header, problem: InvalidJson::Syntax }, "payload.token.json"),
        (InvalidJwt::MemberType { name: "exp" }, "payload.token.member_type"),
        (InvalidJwt::Missing { name: "exp" }, "payload.token.missing_member"),
        (InvalidJwt::UnknownAlgorithm, "payload.token.unknown_algorithm"),
        (InvalidJwt::AlgorithmNotAllowed { algorithm: Algorithm::Es256 }, "payload.token.algorithm_not_allowed"),
        (InvalidJwt::OtherAlgorithm { algorithm: Algorithm::Es256 }, "payload.token.other_algorithm"),
        (InvalidJwt::Critical, "payload.token.critical"),
        (InvalidJwt::UnknownCritical, "payload.token.unknown_critical"),
        (InvalidJwt::B64NotCritical, "payload.token.b64_not_critical"),
        (InvalidJwt::AttachedUnencoded, "payload.token.attached_unencoded"),
        (InvalidJwt::NotDetached, "payload.token.not_detached"),
        (InvalidJwt::UnknownKey, "payload.token.unknown_key"),
        (InvalidJwt::NoKey { algorithm: Algorithm::Es256 }, "payload.token.no_key"),
        (InvalidJwt::AmbiguousKey, "payload.token.ambiguous_key"),
        (InvalidJwt::UnusableKey, "payload.token.unusable_key"),
        (InvalidJwt::UndecidedAlgorithm, "payload.token.undecided_algorithm"),
        (InvalidJwt::Signature, "payload.token.signature"),
        (InvalidJwt::Type, "payload.token.type"),
        (InvalidJwt::Nested, "payload.token.nested"),
        (InvalidJwt::Claim { name: "exp" }, "payload.token.claim"),
        (InvalidJwt::Expired { exp: 1, now: 2 }, "payload.token.expired"),
        (InvalidJwt::NotYetValid { nbf: 2, now: 1 }, "payload.token.not_yet_valid"),
        (InvalidJwt::FromTheFuture { iat: 2, now: 1 }, "payload.token.from_the_future"),
        (InvalidJwt::TooOld { iat: 1, now: 2 }, "payload.token.too_old"),
        (InvalidJwt::LivesTooLong { limit: 1 }, "payload.token.lives_too_long"),
        (InvalidJwt::OtherTenant { name: "exp" }, "payload.token.other_tenant"),
        (InvalidJwt::OtherBody, "payload.token.other_body"),
        (InvalidJwt::OtherRequest, "payload.token.other_request"),
        (InvalidJwt::NoCertificate, "payload.token.no_certificate"),
        (InvalidJwt::OtherCertificate, "payload.token.other_certificate"),
        (InvalidJwt::NotBoundToCertificate, "payload.token.not_bound_to_certificate"),
        (InvalidJwt::UnknownConfirmation, "payload.token.unknown_confirmation"),
    ];
    all
}

fn every_invalid_http_signature() -> [(InvalidHttpSignature, &'static str); 19] {
    #[rustfmt::skip]
    let all = [
        (InvalidHttpSignature::Field { name: HeaderName::from_static("signature") }, "payload.http_signature.field"),
        (InvalidHttpSignature::TooMany, "payload.http_signature.too_many"),
        (InvalidHttpSignature::NotFound, "payload.http_signature.not_found"),
        (InvalidHttpSignature::Ambiguous, "payload.http_signature.ambiguous"),
        (InvalidHttpSignature::Unpaired, "payload.http_signature.unpaired"),
        (InvalidHttpSignature::MissingParameter { name: "created" }, "payload.http_signature.missing_parameter"),
        (InvalidHttpSignature::ParameterType { name: "created" }, "payload.http_signature.parameter_type"),
        (InvalidHttpSignature::UnknownParameter, "payload.http_signature.unknown_parameter"),
        (InvalidHttpSignature::NotCovered { name: "@method".into() }, "payload.http_signature.not_covered"),
        (InvalidHttpSignature::CoveredTwice, "payload.http_signature.covered_twice"),
        (InvalidHttpSignature::Component, "payload.http_signature.component"),
        (InvalidHttpSignature::NotPresent { name: "date".into() }, "payload.http_signature.not_present"),
        (InvalidHttpSignature::OtherAlgorithm { algorithm: Algorithm::Es256 }, "payload.http_signature.other_algorithm"),
        (InvalidHttpSignature::UnknownKey, "payload.http_signature.unknown_key"),
        (InvalidHttpSignature::AmbiguousKey, "payload.http_signature.ambiguous_key"),
        (InvalidHttpSignature::Expired { expires: 1, now: 2 }, "payload.http_signature.expired"),
        (InvalidHttpSignature::NoDigest, "payload.http_signature.no_digest"),
        (InvalidHttpSignature::Digest, "payload.http_signature.digest"),
        (InvalidHttpSignature::Signature, "payload.http_signature.signature"),
    ];
    all
}

#[rustfmt::skip]
fn every_cut() -> [(Cut, &'static str); 13] {
    let limit = std::time::Duration::from_secs(1);
    [
        (Cut::SlowHeaders { limit }, "connection.slow_headers"),
        (Cut::LargeHeaders { bytes: 1, number: 1 }, "connection.large_headers"),
        (Cut::Idle { limit }, "connection.idle"),
        (Cut::Stalled { limit }, "connection.stalled"),
        (Cut::Old { limit }, "connection.old"),
        (Cut::Requests { limit: 1 }, "connection.requests"),
        (Cut::Connections { limit: 1 }, "connection.too_many"),
        (Cut::ConnectionsOfSource { limit: 1 }, "connection.too_many_of_source"),
        (Cut::ConnectionsOfTenant { tenant: tenant("acme"), limit: 1 }, "connection.too_many_of_tenant"),
        (Cut::Resets { limit: 1 }, "connection.resets"),
        (Cut::Pings { limit: 1 }, "connection.pings"),
        (Cut::Continuations { limit: 1 }, "connection.continuations"),
        (Cut::Overdone, "connection.overdone"),
    ]
}

#[test]
fn every_limit_of_a_connection_has_its_code_and_says_whether_good_peers_meet_it() {
    const ORDINARY: [&str; 3] = ["connection.idle", "connection.old", "connection.requests"];
    for (cut, code) in every_cut() {
        assert_eq!(
            (cut.code(), cut.is_ordinary()),
            (code, ORDINARY.contains(&code)),
            "{cut:?}"
        );
        assert!(!cut.to_string().is_empty(), "{code} says why");
        assert_eq!(HandshakeFailure::from(cut).code(), code, "also before TLS");
    }
}

fn every_handshake_failure() -> [(HandshakeFailure, &'static str); 9] {
    [
        (Untrusted::UnknownIssuer.into(), "trust.unknown_issuer"),
        (HandshakeFailure::NoCertificate, "identity.no_certificate"),
        (
            HandshakeFailure::UnknownServerName {
                name: "a.example".into(),
            },
            "handshake.unknown_server_name",
        ),
        (HandshakeFailure::NoServerName, "handshake.no_server_name"),
        (HandshakeFailure::Blocked(NotNow::Probing), "breaker.probing"),
        (
            HandshakeFailure::ShareUsedUp { limit: 1 },
            "handshake.share_used_up",
        ),
        (HandshakeFailure::TimedOut, "handshake.timed_out"),
        (HandshakeFailure::Tls("alert".into()), "handshake.tls"),
        (HandshakeFailure::Io("reset".into()), "handshake.io"),
    ]
}

fn every_not_now() -> [(NotNow, &'static str); 2] {
    [
        (NotNow::Open { until: at(1) }, "breaker.open"),
        (NotNow::Probing, "breaker.probing"),
    ]
}

fn every_invalid_endpoint() -> [(InvalidEndpoint, &'static str); 5] {
    [
        (InvalidEndpoint::Url, "endpoint.url"),
        (InvalidEndpoint::NotHttps, "endpoint.not_https"),
        (InvalidEndpoint::Credentials, "endpoint.credentials"),
        (InvalidEndpoint::Host, "endpoint.host"),
        (InvalidEndpoint::Port, "endpoint.port"),
    ]
}

/// With whose fault each is.
#[rustfmt::skip]
fn every_delivery_failure() -> Vec<(Failure, &'static str, Fault)> {
    use Fault::{Network, Ours, Policy, Theirs};
    let (address, reason) = ("10.0.0.1:443".parse().expect("an address"), || "why".to_owned());
    let private = AddressGuard::new().check(address).expect_err("private");
    let timed_out = |stage| Failure::TimedOut { stage };
    vec![
        (Failure::NotTheirEndpoint { owner: tenant("acme") }, "dispatch.not_their_endpoint", Policy),
        (Failure::Unclaimed, "dispatch.unclaimed", Policy),
        (Failure::Expired { at: at(1) }, "dispatch.expired", Policy),
        (Failure::Endpoint(InvalidEndpoint::Host), "endpoint.host", Policy),
        (Failure::PortNotAllowed { port: 22 }, "dispatch.port_not_allowed", Policy),
        (Failure::PrivateAddress(private), "dispatch.private_address", Policy),
        (Failure::NotNow(NotNow::Probing), "breaker.probing", Theirs),
        (Failure::NoIdentity, "dispatch.no_identity", Ours),
        (Failure::Replaced, "dispatch.replaced", Ours),
        (Failure::OwnCertificate { validity: Validity::ALWAYS, now: at(1) }, "dispatch.own_certificate", Ours),
        (Failure::CannotSign(CannotSign::Id), "dispatch.cannot_sign", Ours),
        (Failure::FieldTaken { field: http::header::DATE }, "dispatch.field_taken", Ours),
        (Failure::Tls(countersign::tls::InvalidTls::NoTime), "dispatch.tls", Ours),
        (Failure::IdentityUnfit, "dispatch.identity_unfit", Ours),
        (Failure::IdentityRefusedByStatus { status: 496 }, "dispatch.identity_refused", Ours),
        (Failure::IdentityNotAsked, "dispatch.identity_not_asked", Theirs),
        (Failure::Untrusted(Untrusted::UnknownIssuer), "trust.unknown_issuer", Theirs),
        (Failure::Untrusted(Untrusted::CrlExpired { next_update: at(1), now: at(2) }), "trust.crl_expired", Ours),
        (Failure::Untrusted(Untrusted::NothingBefore), "trust.nothing_before", Ours),
        (Failure::Handshake { reason: reason() }, "dispatch.handshake", Theirs),
        (Failure::NotResolved(NotResolved::new("why")), "dispatch.not_resolved", Network),
        (Failure::Unreachable { address, reason: reason() }, "dispatch.unreachable", Network),
        (Failure::Proxy { proxy: reason(), reason: reason() }, "dispatch.proxy", Ours),
        (timed_out(Stage::Connecting), "dispatch.connecting_timed_out", Network),
        (timed_out(Stage::Handshake), "dispatch.handshake_timed_out", Network),
        (timed_out(Stage::Answering), "dispatch.answer_timed_out", Network),
        (timed_out(Stage::Delivering), "dispatch.timed_out", Network),
        (Failure::NoAnswer { reason: reason() }, "dispatch.no_answer", Network),
        (Failure::NotTaken { status: 200 }, "dispatch.not_taken", Theirs),
        (Failure::NotHttp { reason: reason() }, "dispatch.not_http", Theirs),
        (Failure::Redirected { status: 302 }, "dispatch.redirected", Theirs),
        (Failure::Gone { status: 410 }, "dispatch.gone", Theirs),
        (Failure::Status { status: 500 }, "dispatch.status", Theirs),
    ]
}

#[test]
fn every_failure_of_a_delivery_has_its_code_and_whose_fault_it_is() {
    for (failure, code, fault) in every_delivery_failure() {
        assert_eq!((failure.code(), failure.fault()), (code, fault), "{failure:?}");
        assert!(!failure.to_string().is_empty(), "{code} says why");
    }
    for (invalid, code) in every_invalid_endpoint() {
        assert_eq!(invalid.code(), code);
    }
}

#[test]
fn every_refusal_has_its_own_stable_code_and_says_whether_it_is_an_outage() {
    const OUTAGES: [&str; 10] = [
        "trust.unavailable",
        "tenant.unavailable",
        "payload.keys_unavailable",
        "replay.store_unavailable",
        "replay.store_full",
        "replay.share_used_up",
        "server.busy",
        "server.tenant_busy",
        "server.reading_busy",
        "server.source_busy",
    ];
    let mut seen = BTreeMap::new();
    for (refusal, code) in every_refusal() {
        assert_eq!(refusal.code(), code, "{refusal:?}");
        assert_eq!(refusal.is_outage(), OUTAGES.contains(&code), "{code}");
        assert!(!refusal.to_string().is_empty(), "{code} says why");
        let other = seen.insert(code, refusal.clone());
        assert_eq!(other, None, "{code} has one meaning, not two: {refusal:?}");
    }
    for (failure, code) in every_handshake_failure() {
        assert_eq!(failure.code(), code, "{failure:?}");
    }
    for (not_now, code) in every_not_now() {
        assert_eq!(not_now.code(), code, "{not_now:?}");
    }
    for (told, code) in every_settlement() {
        assert_eq!(told, code);
    }
}

/// What stores answer with, and the codes of it.
fn every_settlement() -> [(&'static str, &'static str); 3] {
    [
        (Settlement::Done.code(), "replay.settled"),
        (Settlement::LeaseLost.code(), "replay.lease_lost"),
        (NotCommitted::Taken.code(), "replay.taken"),
    ]
}

/// The statuses that `web` documents, each with its codes. `*` is any end of a code.
fn documented_statuses() -> Vec<(u16, String)> {
    let source = include_str!("../../src/web/mod.rs");
    let (_, table) = source.split_once("//! | status | codes |").expect("the table");
    let rows = table
        .lines()
        .skip(2)
        .map_while(|line| line.strip_prefix("//! | "));
    let cells = rows.map(|row| row.split(" | ").collect::<Vec<_>>());
    let read = |cells: Vec<&str>| {
        let status = cells[0].parse::<u16>().expect("a status");
        let codes = cells[1].split(", ").map(|code| code.trim_matches('`').to_owned());
        codes.map(|code| (status, code)).collect::<Vec<_>>()
    };
    cells.flat_map(read).collect()
}

#[test]
fn the_table_of_statuses_is_what_the_door_answers() {
    let table = documented_statuses();
    let mut used = BTreeSet::new();
    for (refusal, code) in every_refusal() {
        let fits = |pattern: &str| match pattern.strip_suffix('*') {
            Some(start) => code.starts_with(start),
            None => code == pattern,
        };
        let rows = table.iter().filter(|(_, pattern)| fits(pattern));
        let row = rows.max_by_key(|(_, pattern)| pattern.len());
        let (status, pattern) = row.expect(code);
        assert_eq!(countersign::web::status(&refusal).as_u16(), *status, "{code}");
        used.insert((*status, pattern.clone()));
    }
    assert_eq!(
        used,
        table.into_iter().collect(),
        "left: what is answered; right: what the table says"
    );
}

fn every_not_loaded() -> [(NotLoaded, &'static str); 6] {
    let what = || "ca.pem".to_owned();
    let reason = || "why".to_owned();
    let (age, max_age) = (Duration::from_secs(2), Duration::from_secs(1));
    [
        (
            NotLoaded::Unreadable {
                what: what(),
                reason: reason(),
            },
            "reload.unreadable",
        ),
        (
            NotLoaded::TooLarge {
                what: what(),
                limit: 1,
            },
            "reload.too_large",
        ),
        (NotLoaded::Changing { what: what() }, "reload.changing"),
        (NotLoaded::Invalid { reason: reason() }, "reload.invalid"),
        (NotLoaded::TooOld { age, max_age }, "reload.too_old"),
        (NotLoaded::Panicked, "reload.panicked"),
    ]
}

fn every_not_retired() -> [(NotRetired, &'static str); 4] {
    [
        (
            NotRetired::StillUsed {
                uses: 1,
                last_used: at(1),
            },
            "retire.still_used",
        ),
        (NotRetired::NoSuccessor, "retire.no_successor"),
        (NotRetired::NotWatched { since: at(1) }, "retire.not_watched"),
        (NotRetired::Unknown, "retire.unknown"),
    ]
}

#[test]
fn whatever_is_not_loaded_or_not_retired_says_why() {
    for (failed, code) in every_not_loaded() {
        assert_eq!(failed.code(), code);
        assert!(!failed.to_string().is_empty(), "{code} says why");
    }
    for (stays, code) in every_not_retired() {
        assert_eq!(stays.code(), code);
        assert!(!stays.to_string().is_empty(), "{code} says why");
    }
}

/// The enums may grow; this finds every code that the source gives out.
#[test]
fn every_code_in_the_source_is_tested() {
    let handshakes = every_handshake_failure()
        .into_iter()
        .map(|(_, code)| code.to_owned());
    let refusals = every_refusal().into_iter().map(|(_, code)| code.to_owned());
    let not_now = every_not_now().into_iter().map(|(_, code)| code.to_owned());
    let sending = every_delivery_failure()
        .into_iter()
        .map(|(_, code, _)| code.to_owned());
    let endpoints = every_invalid_endpoint()
        .into_iter()
        .map(|(_, code)| code.to_owned());
    let tested: BTreeSet<String> = refusals
        .chain(handshakes)
        .chain(not_now)
        .chain(sending)
        .chain(endpoints)
        .chain(every_settlement().map(|(_, code)| code.to_owned()))
        .chain(every_not_loaded().map(|(_, code)| code.to_owned()))
        .chain(every_not_retired().map(|(_, code)| code.to_owned()))
        .collect();
    let mut given = BTreeSet::new();
    codes_below(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../src"), &mut given);
    assert_eq!(
        given, tested,
        "left: codes in src/; right: codes in the tables of this file"
    );
}

/// What stands behind an arrow in the form of a code: `=> "question.reason"`.
fn codes_below(folder: &Path, codes: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            codes_below(&path, codes);
        } else {
            let source = std::fs::read_to_string(&path).expect("source");
            codes.extend(source.split("=> \"").skip(1).filter_map(code));
        }
    }
}

fn code(after_the_arrow: &str) -> Option<String> {
    const QUESTIONS: &[&str] = &[
        "identity",
        "trust",
        "tenant",
        "payload",
        "replay",
        "host",
        "server",
        "handshake",
        "breaker",
        "dispatch",
        "endpoint",
        "forwarded",
        "reload",
        "retire",
    ];
    let text = after_the_arrow.split('"').next()?;
    let (question, reason) = text.split_once('.')?;
    let good = !reason.is_empty()
        && reason
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_.".contains(&byte));
    (QUESTIONS.contains(&question) && good).then(|| text.to_owned())
}
