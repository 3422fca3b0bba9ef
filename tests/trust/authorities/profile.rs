//! Each option of the profile changes its own twins and no other.

use std::sync::Arc;
use std::time::Duration;

use countersign::identity::{ChainLimits, Malformed};
use countersign::live::Live;
use countersign::testing::{NOW, TestCa, TestCert, utc};
use countersign::trust::{PinSet, Profile, Remembered, ReportOnly, Untrusted, VerifyPeer};

use super::{DAY, spki, wrong_purpose};
use crate::stage::*;

/// A profile, the twins that it lets in, the twins whose answer it changes.
type Option_ = (
    &'static str,
    Profile,
    &'static [&'static str],
    &'static [&'static str],
);

#[test]
fn each_option_of_the_profile_changes_its_own_twins_and_no_other() {
    let root = TestCa::new("Root");
    let acme = || root.client(ACME);
    let twins: Vec<(&str, TestCert)> = vec![
        ("good", acme().issue()),
        ("no EKU", acme().without_eku().issue()),
        ("server EKU", acme().server_only().issue()),
        ("both EKUs", acme().client_and_server().issue()),
        ("any EKU", acme().any_eku().issue()),
        ("CA", acme().as_ca().issue()),
        ("keyCertSign", acme().with_key_cert_sign().issue()),
        ("no digitalSignature", acme().without_digital_signature().issue()),
        ("weak", acme().raw_spki(&rsa_spki(1024)).issue()),
        ("expired", acme().expired().issue()),
        ("not yet", acme().not_yet_valid().issue()),
        ("evil", root.evil_twin().client(ACME).issue()),
        (
            "server issuer",
            root.intermediate_builder("S")
                .server_only()
                .issue()
                .client(ACME)
                .issue(),
        ),
        (
            "issuer without keyCertSign",
            root.intermediate_builder("K")
                .without_key_cert_sign()
                .issue()
                .client(ACME)
                .issue(),
        ),
        ("deep", root.intermediate("D").client(ACME).issue()),
        (
            "short-lived",
            acme().validity(utc(2025, 12, 31), utc(2026, 1, 2)).issue(),
        ),
        ("policy", acme().policy_oid(&[1, 3, 6, 1, 4, 1, 99999, 1]).issue()),
        (
            "other policy",
            acme().policy_oid(&[1, 3, 6, 1, 4, 1, 99999, 11]).issue(),
        ),
    ];
    let strict = with_profile(&root, Profile::strict());
    let options: [Option_; 7] = [
        (
            "missing EKU",
            Profile::strict().allow_missing_eku(),
            &["no EKU"],
            &[],
        ),
        (
            "server EKU",
            Profile::strict().allow_server_auth_as_client(),
            // As documented: a leaf without a purpose is one for servers as well.
            &["server EKU", "no EKU"],
            &[],
        ),
        (
            "lifetime",
            Profile::strict().with_max_lifetime(Duration::from_secs(2 * DAY)),
            &[],
            &["good", "both EKUs", "deep", "policy", "other policy"],
        ),
        (
            "path length",
            Profile::strict().with_max_path_length(0),
            &[],
            &["deep"],
        ),
        (
            "policy",
            Profile::strict().require_policy("1.3.6.1.4.1.99999.1"),
            &[],
            &["good", "both EKUs", "deep", "short-lived", "other policy"],
        ),
        (
            "limits",
            Profile::strict().with_limits(ChainLimits::default().with_certificates(1)),
            &[],
            &["deep"],
        ),
        ("none", Profile::strict(), &[], &[]),
    ];
    for (option, profile, let_in, kept_out) in options {
        let trust = with_profile(&root, profile);
        for (twin, cert) in &twins {
            let (before, after) = (verify(&strict, cert).is_ok(), verify(&trust, cert).is_ok());
            let expected = (before || let_in.contains(twin)) && !kept_out.contains(twin);
            assert_eq!(after, expected, "{option}: {twin}: {:?}", verify(&trust, cert));
        }
    }
}

#[test]
fn server_auth_as_client_takes_an_issuer_for_servers_and_none_for_something_else() {
    let root = TestCa::new("Root");
    let trust = with_profile(&root, Profile::strict().allow_server_auth_as_client());
    let servers = root.intermediate_builder("Servers").server_only().issue();
    assert_eq!(
        verify(&trust, &servers.client(ACME).server_only().issue()).map(|_| ()),
        Ok(())
    );
    assert_eq!(
        verify(&trust, &servers.client(ACME).any_eku().issue()),
        Err(wrong_purpose())
    );
    // Towards a server nothing is loosened.
    let answer = verify_server(&trust, &root.client(SERVER).issue(), SERVER);
    assert_eq!(answer, Err(Untrusted::ExtendedKeyUsage { needed: "serverAuth" }));
}

#[test]
fn a_lifetime_is_allowed_to_the_second() {
    let root = TestCa::new("Root");
    let trust = |seconds| {
        with_profile(
            &root,
            Profile::strict().with_max_lifetime(Duration::from_secs(seconds)),
        )
    };
    let cert = root
        .client(ACME)
        .validity(utc(2026, 1, 1), utc(2026, 1, 2))
        .issue();
    assert_eq!(verify(&trust(DAY), &cert).map(|_| ()), Ok(()));
    assert_eq!(
        verify(&trust(DAY - 1), &cert),
        Err(Untrusted::Lifetime {
            lifetime: Duration::from_secs(DAY),
            max: Duration::from_secs(DAY - 1)
        })
    );
}

/// RFC 5280 §4.2.1.10 gives constraints on names to authorities only, and those of no name at all to nobody: what such a
/// certificate means, readers do not agree on.
#[test]
fn constraints_on_names_stand_in_no_leaf_and_are_never_empty() {
    let root = TestCa::new("Root");
    let trust = with_profile(&root, Profile::strict());
    let broken = |rule| Err(Untrusted::Rfc5280 { rule });
    let permitted = sequence(&[tlv(0xa0, &sequence(&[tlv(0x82, b"acme.example")]))]);
    let (in_a_leaf, empty) = (
        "name constraints in a leaf (section 4.2.1.10)",
        "name constraints that are empty (section 4.2.1.10)",
    );
    for (case, constraints) in [("some", permitted), ("none", sequence(&[]))] {
        let leaf = || root.client(ACME);
        for leaf in [
            leaf().critical_extension(NAME_CONSTRAINTS, &constraints),
            leaf().extension(NAME_CONSTRAINTS, &constraints),
        ] {
            let answer = verify(&trust, &leaf.issue()).map(drop);
            assert_eq!(answer, broken(in_a_leaf), "{case}");
        }
    }
    let issuer = root.intermediate_builder("EU");
    let issuer = issuer
        .critical_extension(NAME_CONSTRAINTS, &sequence(&[]))
        .issue();
    let answer = verify(&trust, &issuer.client(ACME).issue()).map(drop);
    assert_eq!(answer, broken(empty));
    let anchor = TestCa::builder("Root").critical_extension(NAME_CONSTRAINTS, &sequence(&[]));
    let built = builder(&[&anchor.issue()]).build(NOW).map(drop);
    let built = built.map_err(|invalid| invalid.to_string()).expect_err("empty");
    assert!(built.contains(empty), "{built}");
}

/// Wider and narrower limits count in the handshake too, through whatever the authority is wrapped in.
#[test]
fn limits_of_a_profile_count_in_the_handshake() {
    let root = TestCa::new("Root");
    let wide = ChainLimits::default().with_certificates(12).with_bytes(40_000);
    let trust = || with_profile(&root, Profile::strict().with_limits(wide));
    let pins = || PinSet::new([spki(&root.spki_der())]);
    let wrapped: Vec<(&str, Arc<dyn VerifyPeer>)> = vec![
        ("alone", Arc::new(trust())),
        ("first", Arc::new(trust().and(pins()))),
        ("second", Arc::new(pins().and(trust()))),
        ("live", Arc::new(Live::new(trust()))),
        ("remembered", Arc::new(Remembered::new(trust()))),
        ("boxed", Arc::new(Box::new(trust()))),
        ("reported", Arc::new(trust().and(ReportOnly::new(trust())))),
    ];
    let junk = |count| vec![root.evil_twin().certificate().clone(); count];
    let cert = root.client(ACME).with_key(&root).issue();
    let too_many = |limit| Some(Untrusted::Malformed(Malformed::TooManyCertificates { limit }));
    let too_large = |limit| Some(Untrusted::Malformed(Malformed::ChainTooLarge { limit }));
    let bulky = |bytes: usize| {
        let leaf = root.client(ACME).with_key(&root);
        leaf.extension(&[1, 2, 3], &vec![0; bytes]).issue()
    };
    for version in VERSIONS {
        for (case, trust) in &wrapped {
            assert_eq!(trust.limits(), wide, "{case}");
            for (size, cert, expected) in [
                ("twelve", cert.clone().with_chain(junk(11)), None),
                ("thirteen", cert.clone().with_chain(junk(12)), too_many(12)),
                ("large", bulky(38_000), None),
                ("too large", bulky(40_000), too_large(40_000)),
            ] {
                let (reason, _) = refused(trust.clone(), &cert, version);
                assert_eq!(reason, expected, "{case}, {size}");
            }
        }
        let strict = cert.clone().with_chain(junk(8));
        assert_eq!(refused(private(&[&root]), &strict, version).0, too_many(8));
    }
}
