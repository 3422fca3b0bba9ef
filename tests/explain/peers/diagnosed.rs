//! The right diagnosis first, and a remedy that helps.

use std::time::Duration;

use countersign::explain;
use countersign::identity::{Name, PeerChain, SerialNumber};
use countersign::testing::{NOW, TestCa, TestCert, utc};
use countersign::tls::rustls;
use countersign::trust::{Check, DenyList, ExpectedPeers, PinSet, Profile, Role, SharedCa, VerifyPeer as _};
use rustls::pki_types::{CertificateDer, UnixTime};

use super::{ACME, Case, case, decided, pinned, policy, private, revoking, spki, with_profile};

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
