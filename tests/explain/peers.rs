//! `explain::peer` and `explain::client`: every check, the right diagnosis first, and a remedy that helps.

mod diagnosed;

use std::time::Duration;

use countersign::explain::{self, CheckOutcome, Report};
use countersign::gate::{Caller, Policy};
use countersign::identity::{ChainLimits, Name, PeerChain, SpkiHash};
use countersign::live::Live;
use countersign::refusal::Refusal;
use countersign::tenant::TenantTable;
use countersign::testing::{NOW, TestCa, TestCert, utc};
use countersign::tls::rustls;
use countersign::trust::{
    Check, Crls, DenyList, Evidence, ExpectedPeers, Pin, PinSet, Presented, PrivateCa, PrivateCaBuilder,
    Profile, ReportOnly, Revocation, SharedCa, Untrusted, VerifyPeer,
};
use rustls::pki_types::{CertificateDer, UnixTime};

const ACME: &str = "spiffe://pay.example/tenant/acme";

fn builder(anchors: &[&TestCa]) -> PrivateCaBuilder {
    let algorithms = rustls::crypto::aws_lc_rs::default_provider()
        .signature_verification_algorithms
        .all;
    let pem: String = anchors.iter().map(|anchor| anchor.pem()).collect();
    PrivateCa::builder(algorithms).pem(pem.as_bytes())
}

fn private(anchors: &[&TestCa]) -> PrivateCa {
    builder(anchors).build(NOW).expect("anchors")
}

fn with_profile(root: &TestCa, profile: Profile) -> PrivateCa {
    builder(&[root])
        .with_profile(profile)
        .build(NOW)
        .expect("an anchor")
}

fn revoking(root: &TestCa, lists: &[String]) -> PrivateCa {
    let crls = Crls::from_pem(lists.concat().as_bytes(), NOW).expect("lists");
    builder(&[root])
        .with_revocation(Revocation::required(crls))
        .build(NOW)
        .expect("an anchor")
}

fn tenants() -> TenantTable {
    TenantTable::builder()
        .uri("spiffe://pay.example/tenant/{tenant}")
        .known(["acme"])
        .build()
        .expect("a table")
}

fn policy(trust: impl VerifyPeer + 'static) -> Policy {
    Policy::new(trust, tenants())
}

fn spki(cert: &TestCert) -> SpkiHash {
    SpkiHash::of(&cert.spki_der())
}

fn pinned(cert: &TestCert) -> PinSet {
    PinSet::new([spki(cert)])
}

fn failed(report: &Report) -> Vec<Check> {
    let mut checks: Vec<_> = report.failures().map(|finding| finding.check).collect();
    checks.sort();
    checks
}

/// The decision itself.
fn decided(policy: &Policy, chain: &[CertificateDer<'static>], now: UnixTime) -> Result<(), Refusal> {
    let chain = PeerChain::parse_within(policy.trust().limits(), chain.iter().cloned())?;
    Caller::identify(policy, chain, now).map(|_| ())
}

#[test]
fn every_check_is_made_and_not_only_the_first_that_fails() {
    let root = TestCa::new("Root");
    let leaf = || root.client(ACME);
    let other = leaf().issue();
    let weekly = || Profile::strict().with_max_lifetime(Duration::from_secs(7 * 86_400));
    let wrong = leaf()
        .expired()
        .server_only()
        .with_crl_sign()
        .without_digital_signature()
        .issue();
    let report = explain::client(
        &policy(with_profile(&root, weekly()).and(pinned(&other))),
        wrong.chain(),
        NOW,
    );
    assert_eq!(
        failed(&report),
        [
            Check::Validity,
            Check::Purpose,
            Check::LeafKind,
            Check::KeyUsage,
            Check::Lifetime,
            Check::Pin
        ],
        "{report}"
    );
    assert_eq!(report.verdict.map_err(|why| why.code()), Err("trust.expired"));

    // What is not known for want of a path is not said to be wrong.
    let issuing = root.intermediate("Issuing");
    let pins = PinSet::of([Pin::issuer(SpkiHash::of(&issuing.spki_der()))]);
    let alone = vec![issuing.client(ACME).server_only().issue().leaf().clone()];
    let report = explain::client(&policy(private(&[&root]).and(pins)), alone, NOW);
    assert_eq!(failed(&report), [Check::Path, Check::Purpose], "{report}");
    let unreached = report
        .findings
        .iter()
        .filter(|finding| finding.outcome == CheckOutcome::NotReached);
    let unreached: Vec<_> = unreached.map(|finding| finding.check).collect();
    assert!(
        unreached.contains(&Check::Pin) && unreached.contains(&Check::Revocation),
        "{report}"
    );
    assert!(unreached.contains(&Check::Tenant), "{report}");
}

#[test]
fn what_is_right_passes_and_says_whose_it_is() {
    let root = TestCa::new("Root");
    let cert = root.intermediate("Issuing").client(ACME).issue();
    let report = explain::client(&policy(private(&[&root]).and(pinned(&cert))), cert.chain(), NOW);
    assert_eq!(report.verdict, Ok(()));
    let outcome = |finding: &explain::Finding| finding.outcome;
    assert!(
        report
            .findings
            .iter()
            .map(outcome)
            .all(|outcome| outcome == CheckOutcome::Passed),
        "{report}"
    );
    let tenant = report.findings.last().expect("a finding");
    assert_eq!(tenant.check, Check::Tenant);
    assert_eq!(tenant.seen, "acme, by URI spiffe://pay.example/tenant/{tenant}");
    let text = report.to_string();
    assert!(text.starts_with("TRUSTED\n"), "{text}");
    assert!(
        text.contains("extendedKeyUsage clientAuth") && text.contains("CN=Issuing"),
        "{text}"
    );
}

#[test]
fn a_dry_run_fails_nobody() {
    let root = TestCa::new("Root");
    let (cert, other) = (root.client(ACME).issue(), root.client(ACME).issue());
    let tried = private(&[&root]).and(ReportOnly::new(pinned(&other)));
    let report = explain::client(&policy(tried), cert.chain(), NOW);
    assert_eq!(report.verdict, Ok(()));
    let pin = report
        .findings
        .iter()
        .find(|finding| finding.check == Check::Pin)
        .expect("a pin");
    assert_eq!(pin.outcome, CheckOutcome::WouldFail);
    assert_eq!(pin.entry().map(|entry| entry.code), Some("trust.not_pinned"));
}

/// One of several: what the first says does not count where the second says yes.
#[derive(Debug)]
struct Either<A, B>(A, B);

impl<A: VerifyPeer, B: VerifyPeer> VerifyPeer for Either<A, B> {
    fn verify_peer(&self, peer: &Presented<'_>) -> Result<Evidence, Untrusted> {
        self.0.verify_peer(peer).or_else(|_| self.1.verify_peer(peer))
    }
}

#[test]
fn a_verifier_of_ones_own_decides_and_not_what_it_has_noted() {
    let root = TestCa::new("Root");
    let (cert, other) = (root.client(ACME).issue(), root.client(ACME).issue());
    let report = explain::client(&policy(Either(pinned(&other), pinned(&cert))), cert.chain(), NOW);
    assert_eq!(report.verdict, Ok(()), "{report}");
    assert_eq!(report.failures().count(), 0, "{report}");
}

/// Each leaf below each issuer, to each policy, at each time: the verdict is the decision's, and the first failure its reason.
#[test]
fn verdicts_never_differ() {
    let (root, strange) = (TestCa::new("Root"), TestCa::new("Root"));
    let issuing = || root.intermediate_builder("Issuing");
    let issuers = [
        root.intermediate("Plain"),
        issuing().expired().issue(),
        issuing().not_yet_valid().issue(),
        issuing().not_a_ca().issue(),
        issuing().without_key_cert_sign().issue(),
        issuing().server_only().issue(),
        issuing().permitted_dns("other.example").issue(),
        issuing().critical_extension(&[1, 2, 3], &[5, 0]).issue(),
        issuing().path_len(0).issue().intermediate("Too deep"),
        strange.intermediate("Strange"),
    ];
    let mut certs = vec![root.client(ACME).issue(), strange.client(ACME).issue()];
    for issuer in &issuers {
        let leaf = || issuer.client(ACME);
        let beside = leaf().issue();
        certs.push(leaf().issue());
        certs.push(leaf().expired().server_only().issue());
        certs.push(leaf().not_yet_valid().without_eku().issue());
        certs.push(leaf().as_ca().without_digital_signature().issue());
        certs.push(leaf().with_crl_sign().any_eku().issue());
        certs.push(leaf().critical_extension(&[1, 2, 3], &[5, 0]).issue());
        certs.push(
            issuer
                .client("spiffe://pay.example/tenant/initech")
                .dns("a.example")
                .issue(),
        );
        certs.push(beside);
    }
    let (good, spkis) = (certs[0].clone(), certs.iter().map(spki).collect::<Vec<_>>());
    let weekly = Profile::strict()
        .with_max_lifetime(Duration::from_secs(7 * 86_400))
        .require_policy("1.2.3");
    let own = root.crl(1).revoke(&certs[0]).issue().pem();
    let expected = ExpectedPeers::names([Name::Uri(ACME.into())]);
    let policies = [
        policy(private(&[&root])),
        policy(private(&[&root, &strange]).and(PinSet::new(spkis.iter().copied().skip(1).step_by(2)))),
        policy(
            private(&[&root]).and(
                DenyList::new()
                    .key(spkis[2])
                    .key(SpkiHash::of(&issuers[0].spki_der())),
            ),
        ),
        policy(DenyList::new()),
        policy(PinSet::new(spkis.iter().copied().step_by(3)).and(private(&[&root]))),
        policy(with_profile(&root, weekly)),
        policy(Live::new(revoking(&root, &[own]))),
        policy(private(&[&root]).and(ReportOnly::new(pinned(&good)))),
        policy(SharedCa::new(private(&[&root]), expected).expect("names")),
        policy(with_profile(
            &root,
            Profile::strict().with_limits(ChainLimits::default().with_certificates(1)),
        )),
    ];
    let mut seen = std::collections::BTreeSet::new();
    for (place, cert) in certs.iter().enumerate() {
        for (number, policy) in policies.iter().enumerate() {
            for now in [NOW, utc(2019, 1, 1), utc(2100, 1, 1)] {
                let decision = decided(policy, &cert.chain(), now);
                let report = explain::client(policy, cert.chain(), now);
                let case = format!("certificate {place}, policy {number}, at {now:?}: {report}");
                assert_eq!(report.verdict, decision, "{case}");
                let first = report
                    .failures()
                    .next()
                    .and_then(|finding| finding.reason.clone());
                assert_eq!(first, decision.clone().err(), "{case}");
                let mut checks: Vec<_> = report.findings.iter().map(|finding| finding.check).collect();
                checks.sort();
                checks.dedup();
                assert_eq!(checks.len(), report.findings.len(), "each once: {case}");
                seen.insert(decision.map_or_else(|why| why.code(), |()| "trusted"));
            }
        }
    }
    assert!(seen.len() > 20 && seen.contains("trusted"), "{seen:?}");
}

/// What is wrong, by its code; and the same after the remedy.
struct Case {
    name: &'static str,
    code: &'static str,
    wrong: (Policy, Vec<CertificateDer<'static>>),
    mended: (Policy, Vec<CertificateDer<'static>>),
}

fn case(
    name: &'static str,
    code: &'static str,
    wrong: (Policy, Vec<CertificateDer<'static>>),
    mended: (Policy, Vec<CertificateDer<'static>>),
) -> Case {
    Case {
        name,
        code,
        wrong,
        mended,
    }
}
