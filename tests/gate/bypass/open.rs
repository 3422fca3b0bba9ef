//! F: a configuration that fails open.

use std::sync::Arc;

use countersign::live::Live;
use countersign::tenant::TenantTable;
use countersign::testing::{NOW, TestCa};
use countersign::tls::rustls::AlertDescription::{CertificateRequired, CertificateRevoked, UnknownCA};
use countersign::trust::{
    Crls, DenyList, ExpectedPeers, PinSet, PrivateCa, PublicCa, ReportOnly, Revocation, Untrusted, VerifyPeer,
};

use super::{crls, door, key_of, policy};
use crate::stage::*;

/// CVE-2026-27586, CVE-2022-46153: a bad file, and everybody is let in.
#[test]
fn f1_a_bad_file_changes_nothing() {
    let directory = std::env::temp_dir().join(format!("countersign-f1-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a directory");
    let file = directory.join("ca.pem");
    let (root, stranger) = (TestCa::new("Root"), TestCa::new("Stranger"));
    let read = || PrivateCa::from_pem_file(&file, algorithms(), NOW);
    std::fs::write(&file, root.pem()).expect("written");
    let live = Live::new(read().expect("anchors"));
    let policy = policy(live.clone());
    let server = Arc::new(door(&policy, &Clock::at(NOW)));
    let generation = policy.generation();
    let whole = stranger.pem();
    let torn = &whole[..whole.len() / 2];
    let key = root.client(ACME).issue().key_pem();
    let expired = TestCa::builder("Stranger").expired().issue().pem();
    for (case, text, remedy) in [
        ("empty", "", "holds no certificate"),
        ("whitespace", "\n \n", "holds no certificate"),
        ("garbage", "garbage", "holds no certificate"),
        ("only a key", &key, "holds no certificate"),
        ("half-written", torn, "has no END; the text was cut off"),
        ("expired", &expired, "expired at"),
        ("good and expired", &format!("{whole}{expired}"), "expired at"),
    ] {
        std::fs::write(&file, text).expect("written");
        let reload = read().map(|trust| live.replace(trust));
        let refused = reload.expect_err(case).to_string();
        assert!(
            refused.contains(remedy) && refused.contains(&file.display().to_string()),
            "{case}: {refused}"
        );
        assert_eq!(policy.generation(), generation, "{case}");
        for version in VERSIONS {
            let good = root.client(ACME).issue();
            assert!(meet(&server, &client(&good, version)).is_full(), "{case}");
            let other = meet(&server, &client(&stranger.client(ACME).issue(), version));
            assert_eq!(other.alert(), Some(UnknownCA), "{case}");
            assert_eq!(
                meet(&server, &anonymous(version)).alert(),
                Some(CertificateRequired),
                "{case}"
            );
        }
    }
    std::fs::remove_file(&file).expect("removed");
    let refused = read().map(|_| ()).expect_err("no file").to_string();
    assert!(refused.contains("cannot be read"), "{refused}");
    std::fs::remove_dir_all(&directory).expect("removed");
}

/// axum-server: the reload forgets that clients were to show a certificate.
#[test]
fn f2_a_reload_never_drops_client_authentication() {
    let (one, two) = (TestCa::new("One"), TestCa::new("Two"));
    let live = Live::new(private(&[&one]));
    let server = server(live.clone());
    for round in 0..4 {
        let (now, gone) = if round % 2 == 0 {
            (&two, &one)
        } else {
            (&one, &two)
        };
        live.replace(private(&[now]));
        for version in VERSIONS {
            assert_eq!(
                meet(&server, &anonymous(version)).alert(),
                Some(CertificateRequired)
            );
            assert!(meet(&server, &client(&now.client(ACME).issue(), version)).is_full());
            let before = meet(&server, &client(&gone.client(ACME).issue(), version));
            assert_eq!(before.alert(), Some(UnknownCA));
        }
    }
}

/// rustls-webpki 0.103: the first list counts, not the newest; an empty one checks nothing; the future is fine.
#[test]
fn f3_revocation_does_not_fail_open() {
    let root = TestCa::new("Root");
    let cert = root.client(ACME).issue();
    let old = || root.crl(1);
    let new = || root.crl(2).revoke(&cert);
    for lists in [[old(), new()], [new(), old()]] {
        let trust = with_revocation(&root, Revocation::required(crls(lists)));
        for version in VERSIONS {
            assert_eq!(refused(trust.clone(), &cert, version).1, Some(CertificateRevoked));
        }
    }
    let unfounded = builder(&[&root]).with_revocation(Revocation::required(Crls::default()));
    assert!(
        unfounded
            .build(NOW)
            .expect_err("no list")
            .to_string()
            .contains("no CRL is loaded")
    );
    let read = |list: countersign::testing::CrlBuilder| {
        Crls::from_der([list.issue().der().clone()], NOW).map(|_| ())
    };
    let code = |answer: Result<(), countersign::trust::InvalidCrls>| answer.expect_err("refused").to_string();
    assert!(code(read(old().expired())).contains("was to be replaced"));
    assert!(code(read(old().not_yet_valid())).contains("in the future"));
    let back = crls([new()])
        .renew(old().issue().pem().as_bytes(), NOW)
        .map(|_| ());
    assert!(back.expect_err("older").to_string().contains("lower number"));
}

/// centraldogma #1255: what was configured is silently not there. Here it cannot be put together.
#[test]
fn f4_half_a_configuration_is_none() {
    let root = TestCa::new("Root");
    let nobody = PublicCa::builder(ExpectedPeers::names([]), algorithms()).pem(root.pem().as_bytes());
    let no_pins =
        PublicCa::builder(ExpectedPeers::pins(PinSet::default()), algorithms()).pem(root.pem().as_bytes());
    for (built, expected) in [
        (
            PrivateCa::builder(algorithms()).build(NOW).map(drop),
            "certificate authorities from nothing: holds no certificate; give the CA certificates as PEM sections \"BEGIN CERTIFICATE\"",
        ),
        (
            nobody.build(NOW).map(drop),
            "certificate authorities from public authorities: a public authority proves nothing about who it is; give exact names or pins of the senders",
        ),
        (
            no_pins.build(NOW).map(drop),
            "certificate authorities from public authorities: a public authority proves nothing about who it is; give exact names or pins of the senders",
        ),
    ] {
        assert_eq!(
            built.map_err(|invalid| invalid.to_string()),
            Err(expected.to_owned())
        );
    }
    let nobody_known = TenantTable::builder().uri("https://x/{tenant}").build();
    for (built, expected) in [
        (
            TenantTable::builder().build().map(drop),
            "tenant rule table: the table has no rule; add one, such as `uri(\"spiffe://acme.example/tenant/{tenant}\")`",
        ),
        (
            nobody_known.map(drop),
            "tenant rule table: a template needs the tenants that may appear in it: name them with `known`",
        ),
    ] {
        assert_eq!(
            built.map_err(|invalid| invalid.to_string()),
            Err(expected.to_owned())
        );
    }
    // What only takes trust away, or only reports, opens no door by itself.
    let cert = root.client(ACME).issue();
    for trust in [
        Box::new(DenyList::new()) as Box<dyn VerifyPeer>,
        Box::new(ReportOnly::new(private(&[&root]))),
        Box::new(DenyList::new().and(private(&[&root]))),
    ] {
        assert_eq!(verify(&trust, &cert), Err(Untrusted::NothingBefore));
    }
    let empty = PinSet::default();
    assert_eq!(
        verify(&empty, &cert),
        Err(Untrusted::NotPinned { spki: key_of(&cert) })
    );
}
