//! `explain::peer` and `explain::client`: every check, the right diagnosis first, and a remedy that helps.

use std::time::Duration;

use countersign::explain::{self, CheckOutcome, Report};
use countersign::gate::{Caller, Policy};
use countersign::identity::{ChainLimits, Name, PeerChain, SerialNumber, SpkiHash};
use countersign::live::Live;
use countersign::refusal::Refusal;
use countersign::tenant::TenantTable;
use countersign::testing::{NOW, TestCa, TestCert, utc};
use countersign::tls::rustls;
use countersign::trust::{
    Check, Crls, DenyList, Evidence, ExpectedPeers, Pin, PinSet, Presented, PrivateCa, PrivateCaBuilder,
    Profile, ReportOnly, Revocation, Role, SharedCa, Untrusted, VerifyPeer,
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

// -- everything that is wrong ------------------------------------------------------------------------------------------------

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

// -- it says what a handshake says -------------------------------------------------------------------------------------------

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

// -- the right diagnosis first, and what helps -------------------------------------------------------------------------------

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

/// Mistakes of whoever had the certificate issued: the remedy is another certificate, under the same policy.
fn of_the_leaf(root: &TestCa) -> Vec<Case> {
    let leaf = || root.client(ACME);
    let plain = || policy(private(&[root]));
    let long = |letter: &str| leaf().uri(&format!("urn:{}", letter.repeat(16 * 1024)));
    let yearly = || {
        policy(with_profile(
            root,
            Profile::strict().with_max_lifetime(Duration::from_secs(86_400 * 365 * 30)),
        ))
    };
    let product = || policy(with_profile(root, Profile::strict().require_policy("1.2.3")));
    let cut = {
        let whole = leaf().issue();
        vec![CertificateDer::from(
            whole.leaf()[..whole.leaf().len() - 1].to_vec(),
        )]
    };
    let many = (0..9).map(|_| leaf().issue().leaf().clone()).collect::<Vec<_>>();
    let good = || (plain(), leaf().issue().chain());
    let bad = |cert: TestCert| (plain(), cert.chain());
    vec![
        case("expired", "trust.expired", bad(leaf().expired().issue()), good()),
        case(
            "not yet valid",
            "trust.not_yet_valid",
            bad(leaf().not_yet_valid().issue()),
            good(),
        ),
        case(
            "no purpose",
            "trust.no_extended_key_usage",
            bad(leaf().without_eku().issue()),
            good(),
        ),
        case(
            "for servers",
            "trust.extended_key_usage",
            bad(leaf().server_only().issue()),
            good(),
        ),
        case(
            "for anything",
            "trust.extended_key_usage",
            bad(leaf().any_eku().issue()),
            good(),
        ),
        case(
            "an authority",
            "trust.ca_as_leaf",
            bad(leaf().as_ca().issue()),
            good(),
        ),
        case(
            "may sign certificates",
            "trust.ca_as_leaf",
            bad(leaf().with_key_cert_sign().issue()),
            good(),
        ),
        case(
            "may sign lists",
            "trust.crl_signer_as_leaf",
            bad(leaf().with_crl_sign().issue()),
            good(),
        ),
        case(
            "key usage",
            "trust.key_usage",
            bad(leaf().without_digital_signature().issue()),
            good(),
        ),
        case(
            "a serial number of zero",
            "trust.rfc5280",
            bad(leaf().raw_serial(&[0]).issue()),
            good(),
        ),
        case(
            "critical extension",
            "identity.critical_extension",
            bad(leaf().critical_extension(&[1, 2, 3], &[5, 0]).issue()),
            good(),
        ),
        case(
            "extension twice",
            "identity.extension",
            bad(leaf()
                .extension(&[1, 2, 3], &[5, 0])
                .extension(&[1, 2, 3], &[5, 0])
                .issue()),
            good(),
        ),
        case(
            "NUL in a name",
            "identity.name",
            bad(leaf().uri("spiffe://a\0.example/b").issue()),
            good(),
        ),
        case(
            "dates the wrong way round",
            "identity.validity",
            bad(leaf().validity(utc(2027, 1, 1), utc(2026, 1, 1)).issue()),
            good(),
        ),
        case("cut off", "identity.certificate", (plain(), cut), good()),
        case("nothing", "identity.empty", (plain(), vec![]), good()),
        case(
            "a bundle",
            "identity.too_many_certificates",
            (plain(), many),
            good(),
        ),
        case(
            "a huge name",
            "identity.chain_too_large",
            bad(long("a").issue()),
            good(),
        ),
        case(
            "too long a life",
            "trust.lifetime",
            (
                yearly(),
                leaf().validity(utc(2020, 1, 1), utc(2090, 1, 1)).issue().chain(),
            ),
            (
                yearly(),
                leaf().validity(utc(2024, 1, 1), utc(2027, 1, 1)).issue().chain(),
            ),
        ),
        case(
            "without the policy",
            "trust.policy",
            (product(), leaf().issue().chain()),
            (product(), leaf().policy_oid(&[1, 2, 3]).issue().chain()),
        ),
        case(
            "another's name",
            "tenant.no_rule",
            bad(root.client("spiffe://other.example/tenant/acme").issue()),
            good(),
        ),
        case(
            "an unknown customer",
            "tenant.unknown",
            bad(root.client("spiffe://pay.example/tenant/initech").issue()),
            good(),
        ),
        case(
            "two customers",
            "tenant.ambiguous",
            bad(leaf().uri("spiffe://pay.example/tenant/acme").issue()),
            good(),
        ),
    ]
}

/// Mistakes of an authority, or about it.
fn of_the_path(root: &TestCa) -> Vec<Case> {
    let plain = || policy(private(&[root]));
    let issuing = || root.intermediate_builder("Issuing");
    let under = |issuer: TestCa| (plain(), issuer.client(ACME).issue().chain());
    let good = || under(issuing().issue());
    let alone = vec![issuing().issue().client(ACME).issue().leaf().clone()];
    let strange = TestCa::new("Somebody Else");
    let cert = strange.client(ACME).issue();
    vec![
        case(
            "the intermediate is not sent",
            "trust.unknown_issuer",
            (plain(), alone),
            good(),
        ),
        case(
            "another authority",
            "trust.unknown_issuer",
            (plain(), cert.chain()),
            (policy(private(&[root, &strange])), cert.chain()),
        ),
        case(
            "an authority that was set up anew",
            "trust.signature",
            (plain(), root.evil_twin().client(ACME).issue().chain()),
            good(),
        ),
        case(
            "issuer expired",
            "trust.expired",
            under(issuing().expired().issue()),
            good(),
        ),
        case(
            "issuer is no authority",
            "trust.leaf_as_ca",
            under(issuing().not_a_ca().issue()),
            good(),
        ),
        case(
            "issuer may not sign",
            "trust.issuer_key_usage",
            under(issuing().without_key_cert_sign().issue()),
            good(),
        ),
        case(
            "issuer for servers",
            "trust.extended_key_usage",
            under(issuing().server_only().issue()),
            good(),
        ),
        case(
            "issuer with an unknown critical extension",
            "trust.critical_extension",
            under(issuing().critical_extension(&[1, 2, 3], &[5, 0]).issue()),
            good(),
        ),
        case(
            "too deep",
            "trust.path_length",
            under(issuing().path_len(0).issue().intermediate("Deep")),
            under(issuing().path_len(1).issue().intermediate("Deep")),
        ),
        case(
            "no empty name of an authority",
            "trust.rfc5280",
            under(issuing().without_name().issue()),
            good(),
        ),
    ]
}

/// Mistakes of whoever receives: the remedy is another policy, for the same certificate.
fn of_the_receiver(root: &TestCa) -> Vec<Case> {
    let cert = root.client(ACME).issue();
    let other = root.client(ACME).issue();
    let for_servers = root.client(ACME).server_only().issue();
    let chain = || cert.chain();
    let serial = SerialNumber::from_bytes(cert.serial().as_bytes());
    let parsed = PeerChain::parse(chain()).expect("a chain");
    let denied = DenyList::new().serial(parsed.leaf().issuer(), serial);
    let list = |number: u64| root.crl(number).issue().pem();
    let foreign = TestCa::new("Somebody Else").crl(1).issue().pem();
    let revoked = root.crl(1).revoke(&cert).issue().pem();
    let expected = |uri: &str| {
        let names = ExpectedPeers::names([Name::Uri(uri.into())]);
        policy(SharedCa::new(private(&[root]), names).expect("names"))
    };
    vec![
        case(
            "a renewed key",
            "trust.not_pinned",
            (policy(private(&[root]).and(pinned(&other))), chain()),
            (
                policy(private(&[root]).and(PinSet::new([spki(&other), spki(&cert)]))),
                chain(),
            ),
        ),
        case(
            "on the deny list",
            "trust.on_deny_list",
            (policy(private(&[root]).and(denied)), chain()),
            (policy(private(&[root]).and(DenyList::new())), chain()),
        ),
        case(
            "a deny list alone",
            "trust.nothing_before",
            (policy(DenyList::new()), chain()),
            (policy(private(&[root]).and(DenyList::new())), chain()),
        ),
        case(
            "revoked",
            "trust.revoked",
            (policy(revoking(root, &[revoked])), chain()),
            (
                policy(revoking(root, &[root.crl(2).revoke(&cert).issue().pem()])),
                other.chain(),
            ),
        ),
        case(
            "lists of another authority",
            "trust.revocation_unknown",
            (policy(revoking(root, &[foreign])), chain()),
            (policy(revoking(root, &[list(1)])), chain()),
        ),
        case(
            "another name is expected",
            "trust.unexpected_name",
            (expected("spiffe://pay.example/tenant/globex"), chain()),
            (expected(ACME), chain()),
        ),
        case(
            "a sender that only has certificates for servers",
            "trust.extended_key_usage",
            (policy(private(&[root])), for_servers.chain()),
            (
                policy(with_profile(
                    root,
                    Profile::strict().allow_server_auth_as_client(),
                )),
                for_servers.chain(),
            ),
        ),
    ]
}

#[test]
fn each_mistake_is_diagnosed_first_and_its_remedy_helps() {
    let root = TestCa::new("Root");
    let cases: Vec<_> = of_the_leaf(&root)
        .into_iter()
        .chain(of_the_path(&root))
        .chain(of_the_receiver(&root))
        .collect();
    assert!(cases.len() >= 35, "{} are prepared", cases.len());
    for Case {
        name,
        code,
        wrong,
        mended,
    } in cases
    {
        let report = explain::client(&wrong.0, wrong.1.iter().cloned(), NOW);
        assert_eq!(decided(&wrong.0, &wrong.1, NOW), report.verdict, "{name}");
        let first = report
            .failures()
            .next()
            .unwrap_or_else(|| panic!("{name}: {report}"));
        let entry = first.entry().expect("what is known of it");
        assert_eq!(entry.code, code, "{name}: {report}");
        let helps = |remedy: &str| !remedy.is_empty() && !remedy.starts_with("Nothing");
        assert!(helps(entry.sender) || helps(entry.receiver), "{name}: {entry:?}");
        let text = report.to_string();
        assert!(
            text.contains(entry.sender) && text.contains(&entry.section()),
            "{name}: {text}"
        );
        let after = explain::client(&mended.0, mended.1.iter().cloned(), NOW);
        assert_eq!(after.verdict, Ok(()), "{name}, mended: {after}");
    }
}

/// What is sent behind the leaf is named where it is the reason.
#[test]
fn what_stands_behind_the_leaf_is_named() {
    let root = TestCa::new("Acme Root");
    let issuing = root.intermediate("Acme Issuing");
    let good = issuing.client(ACME).issue();
    let trust = private(&[&root]);
    let seen = |chain: Vec<CertificateDer<'static>>, now, check| {
        let report = explain::peer(&trust, chain, Role::Client, now);
        let findings = report.findings.into_iter();
        let mut of_check = findings.filter(|finding| finding.check == check);
        of_check.next().expect("a finding").seen
    };
    let mut turned = good.chain();
    turned.reverse();
    let order = seen(turned, NOW, Check::LeafKind);
    assert!(
        order.contains("; certificate 2, ") && order.ends_with(" is none: the leaf comes first"),
        "{order}"
    );
    let alone = seen(vec![issuing.certificate().clone()], NOW, Check::LeafKind);
    assert!(!alone.contains("comes first"), "{alone}");
    let right = seen(good.chain(), NOW, Check::LeafKind);
    let two = vec![good.leaf().clone(), issuing.client(ACME).issue().leaf().clone()];
    let two = seen(two, NOW, Check::LeafKind);
    assert!(!two.contains("comes first"), "{two}");
    assert!(!right.contains("comes first"), "{right}");
    let long = issuing
        .client(ACME)
        .validity(
            NOW,
            UnixTime::since_unix_epoch(Duration::from_secs(4_200_000_000)),
        )
        .issue();
    let dates = seen(long.chain(), NOW, Check::Validity);
    assert!(
        dates.contains("; behind it, \"CN=Acme Issuing\" until "),
        "{dates}"
    );
    let dates = seen(good.chain(), NOW, Check::Validity);
    assert!(!dates.contains("behind it"), "{dates}");
}
