//! N1 to N7: names and identities.

use countersign::gate::{Caller, Policy};
use countersign::identity::{Malformed, Name, NameKind};
use countersign::refusal::Refusal;
use countersign::tenant::{NoTenant, TenantId, TenantTable};
use countersign::testing::{KeyAlgorithm, LeafBuilder, NOW, TestCa, TestKey};
use countersign::tls::rustls::AlertDescription::{AccessDenied, BadCertificate, UnsupportedCertificate};
use countersign::trust::{ExpectedPeers, PublicCa, Untrusted};

use super::{DNS, EMAIL, URI, bare, knock, policy};
use crate::stage::*;

/// Envoy CVE-2022-21656, Node CVE-2021-44531: one type of name taken for another.
#[test]
fn n1_a_name_of_one_type_is_none_of_another() {
    let root = TestCa::new("Root");
    let door = policy(private(&[&root]));
    assert_eq!(knock(&door, &root.client(ACME).issue()), Ok("acme".to_owned()));
    for leaf in [
        // A URI where a DNS name belongs is no DNS name at all.
        bare(&root).raw_san(DNS, ACME.as_bytes()),
        bare(&root).raw_san(EMAIL, ACME.as_bytes()),
        bare(&root).common_name(ACME),
        bare(&root).organizational_unit(ACME),
        bare(&root).organization(ACME),
    ] {
        assert_eq!(knock(&door, &leaf.issue()), Err(Ok(NoTenant::NoRule.into())));
    }
    // A URI, an address or a common name is no host to be reached.
    for leaf in [
        root.server("x.example").without_san().uri(SERVER),
        root.server("x.example")
            .without_san()
            .uri("https://hooks.example.com/"),
        root.server("x.example")
            .without_san()
            .email("a@hooks.example.com"),
        root.server("x.example").without_san().common_name(SERVER),
    ] {
        assert_eq!(
            verify_server(&private(&[&root]), &leaf.issue(), SERVER),
            Err(Untrusted::WrongName { name: SERVER.into() })
        );
    }
}

/// Envoy CVE-2026-47778, HAProxy: `admin\0.evil` is admin to whoever stops at the NUL.
#[test]
fn n2_nul_in_a_uri() {
    let root = TestCa::new("Root");
    let door = policy(private(&[&root]));
    let is_malformed = |answer, kind: NameKind| matches!(answer, Err(Untrusted::Malformed(Malformed::Name { kind: found, .. })) if found == kind);
    let with = |text: &str| text.replace('_', "\0");
    for (kind, leaf) in [
        (
            NameKind::Uri,
            bare(&root).uri(&with("spiffe://acme.example/tenant/acme_.evil")),
        ),
        (NameKind::Uri, bare(&root).uri(&with("_"))),
        (
            NameKind::Uri,
            bare(&root).uri("spiffe://acme.example/tenant/acme\n"),
        ),
        (
            NameKind::Dns,
            bare(&root).dns(&with("acme.example_.evil.example")),
        ),
        (NameKind::Dns, bare(&root).dns("acme.example\r\n")),
        (
            NameKind::Email,
            bare(&root).email(&with("ops@acme.example_.evil")),
        ),
        (NameKind::Ip, bare(&root).raw_san(7, &[192, 0, 2])),
        (
            NameKind::Ip,
            bare(&root).raw_san(7, &[192, 0, 2, 1, 255, 255, 255, 0]),
        ),
        (
            NameKind::CommonName,
            bare(&root).common_name(&with("admin_.evil")),
        ),
        (NameKind::CommonName, bare(&root).common_name("admin\u{202e}live")),
        (
            NameKind::OrganizationalUnit,
            bare(&root).organizational_unit("unit\u{7f}"),
        ),
    ] {
        // Also beside a good name: the whole certificate is refused.
        for leaf in [leaf.clone(), leaf.dns("good.example")] {
            let cert = leaf.issue();
            assert!(is_malformed(verify(&private(&[&root]), &cert), kind), "{kind}");
            assert_eq!(knock(&door, &cert), Err(Err(BadCertificate)), "{kind}");
        }
    }
}

/// What is not made to be misread, and no name of its kind, is nobody's: beside a good name it does no harm.
#[test]
fn n2_a_name_that_is_none_spoils_no_other() {
    let root = TestCa::new("Root");
    let door = policy(private(&[&root]));
    let anybody = TenantTable::builder()
        .template(NameKind::Dns, "{tenant}.example")
        .template(NameKind::Email, "{tenant}")
        .template(NameKind::CommonName, "{tenant}")
        .template(NameKind::OrganizationalUnit, "{tenant}")
        .known(["acme", "10.0.0"])
        .build()
        .expect("a table");
    let anybody = Policy::new(private(&[&root]), anybody);
    for (case, leaf) in [
        ("an address as a DNS name", bare(&root).dns("10.0.0.1")),
        ("a placeholder", bare(&root).dns("{x}.example")),
        ("a hyphen at the end of a label", bare(&root).dns("acme-.example")),
        ("words", bare(&root).dns("my client")),
        ("an empty label", bare(&root).dns("acme..example")),
        ("a wildcard in the middle", bare(&root).dns("a.*.example")),
        ("no DNS name", bare(&root).raw_san(DNS, b"")),
        ("a look-alike", bare(&root).dns("\u{430}cme.example")),
        ("a mailbox in UTF-8", bare(&root).email("j\u{f6}rg@acme.example")),
        (
            "a mailbox in Latin-1",
            bare(&root).raw_san(EMAIL, b"j\xf6rg@acme.example"),
        ),
        ("no mailbox", bare(&root).raw_san(EMAIL, b"")),
        (
            "a URI in UTF-8",
            bare(&root).uri("spiffe://acme.example/tenant/acm\u{e9}"),
        ),
        (
            "a URI in no encoding",
            bare(&root).raw_san(URI, b"spiffe://acme.example/tenant/\xff"),
        ),
        ("no URI", bare(&root).raw_san(URI, b"")),
        ("a torn otherName", bare(&root).raw_san(0, &[6, 9, 1])),
        ("a torn registeredID", bare(&root).raw_san(8, &[])),
        (
            "a common name in Latin-1",
            bare(&root).raw_common_name(12, b"B\xfccher"),
        ),
        ("an empty common name", bare(&root).raw_common_name(12, b"")),
    ] {
        let alone = leaf.clone().issue();
        assert_eq!(verify(&private(&[&root]), &alone).map(|_| ()), Ok(()), "{case}");
        assert_eq!(
            knock(&anybody, &alone),
            Err(Ok(NoTenant::NoRule.into())),
            "{case}"
        );
        assert_eq!(
            knock(&door, &leaf.uri(ACME).issue()),
            Ok("acme".to_owned()),
            "{case}"
        );
    }
}

/// CVE-2021-44532, CVE-2024-47252, ingress-nginx: a name that was written into another, and read back.
#[test]
fn n3_what_is_inside_a_name_is_not_a_name() {
    let root = TestCa::new("Root");
    let tenants = TenantTable::builder()
        .common_name(TenantId::parse("admin").unwrap(), "admin")
        .name(TenantId::parse("admin").unwrap(), NameKind::Dns, "admin.example")
        .build()
        .expect("a table");
    let door = Policy::new(private(&[&root]), tenants);
    assert_eq!(
        knock(&door, &bare(&root).common_name("admin").issue()),
        Ok("admin".to_owned())
    );
    let nobody: [LeafBuilder; 8] = [
        bare(&root).organization("x,CN=admin"),
        bare(&root).organization("x/CN=admin"),
        bare(&root).organization("x\nCN=admin"),
        bare(&root).common_name("x, DNS:admin.example"),
        bare(&root).uri("http://x/,DNS:admin.example"),
        bare(&root).email("x@y.example,DNS:admin.example"),
        bare(&root).raw_common_name(30, b"\0a\0d\0m\0i\0n"),
        bare(&root).raw_subject(&sequence(&[rdn(&[
            attribute(3, 12, b"admin"),
            attribute(10, 12, b"x"),
        ])])),
    ];
    for leaf in nobody {
        assert_eq!(knock(&door, &leaf.issue()), Err(Ok(NoTenant::NoRule.into())));
    }
    for leaf in [
        bare(&root).common_name("admin").common_name("evil"),
        bare(&root).common_name("evil").common_name("admin"),
        bare(&root).common_name("admin").raw_common_name(20, b"evil"),
    ] {
        let answer = knock(&door, &leaf.issue());
        assert_eq!(
            answer,
            Err(Ok(NoTenant::Ambiguous {
                first: "CN=admin".into(),
                second: "a second common name".into()
            }
            .into()))
        );
    }
}

/// RUSTSEC-2026-0044: a common name is outside name constraints.
#[test]
fn n4_a_common_name_escapes_no_constraint() {
    let constrained = TestCa::builder("Root").permitted_dns("customer.example").issue();
    let tenants = || {
        TenantTable::builder()
            .common_name(TenantId::parse("victim").unwrap(), "evil.org")
            .build()
            .expect("a table")
    };
    let evil = constrained
        .client("x.customer.example")
        .without_san()
        .common_name("evil.org")
        .issue();
    let answer = knock(&Policy::new(private(&[&constrained]), tenants()), &evil);
    let refusal = NoTenant::Unconstrained {
        kind: NameKind::CommonName,
    };
    assert_eq!(answer, Err(Ok(refusal.into())));
    // Nor by way of a public authority's customer.
    let public = TestCa::new("Public");
    let customer = public
        .intermediate_builder("Customer")
        .permitted_dns("customer.example")
        .issue();
    let evil = customer
        .client("x.customer.example")
        .common_name("evil.org")
        .issue();
    let trust = PublicCa::builder(
        ExpectedPeers::names([Name::CommonName("evil.org".into())]),
        algorithms(),
    )
    .pem(public.pem().as_bytes())
    .build(NOW)
    .expect("a public CA");
    assert_eq!(
        knock(&Policy::new(trust, tenants()), &evil),
        Err(Err(AccessDenied))
    );
}

/// A certificate for `*.example.com` is everybody's below it, so it is nobody's.
#[test]
fn n5_a_wildcard_is_no_tenant() {
    let root = TestCa::new("Root");
    let tenants = TenantTable::builder()
        .template(NameKind::Dns, "{tenant}.acme.example")
        .name(
            TenantId::parse("exact").unwrap(),
            NameKind::Dns,
            "globex.acme.example",
        )
        .known(["globex", "*"])
        .build()
        .expect("a table");
    let door = Policy::new(private(&[&root]), tenants);
    for name in ["*.acme.example", "*.example", "g*.acme.example"] {
        let answer = knock(&door, &root.client(name).issue());
        assert!(
            matches!(
                answer,
                Err(Ok(Refusal::NoTenant(NoTenant::NoRule)) | Err(BadCertificate))
            ),
            "{name}: {answer:?}"
        );
    }
}

/// spiffe-rustls, go-spiffe: identifiers that are not in the standard's form.
#[test]
fn n6_bad_spiffe_ids_are_nobody() {
    let root = TestCa::new("Root");
    let door = policy(private(&[&root]));
    let key = TestKey::generate(KeyAlgorithm::default());
    let trust = private(&[&root]);
    let bad = [
        "SPIFFE://acme.example/tenant/acme",
        "Spiffe://acme.example/tenant/acme",
        "spiffe://ACME.example/tenant/acme",
        "spiffe://acme.example:443/tenant/acme",
        "spiffe://user@acme.example/tenant/acme",
        "spiffe://acme.example/tenant/acme/",
        "spiffe://acme.example/tenant/acme?x",
        "spiffe://acme.example/tenant/acme#x",
        "spiffe://acme.example/tenant/acme;x",
        "spiffe://acme.example/tenant//acme",
        "spiffe://acme.example//tenant/acme",
        "spiffe://acme.example/./tenant/acme",
        "spiffe://acme.example/x/../tenant/acme",
        "spiffe://acme.example/tenant/../tenant/acme",
        "spiffe://acme.example/tenant/%61cme",
        "spiffe://acme.example/tenant/acme%00",
        "spiffe://acme.example/tenant\\acme",
        "spiffe://acme.example/tenant/acme x",
        "spiffe://acme.example/Tenant/acme",
        "spiffe://acme.example/tenant/acme/x",
        "spiffe://acme.example/tenant/",
        "spiffe://acme.example/tenant",
        "spiffe://acme.example/",
        "spiffe://acme.example",
        "spiffe:///tenant/acme",
        "spiffe:/acme.example/tenant/acme",
        "spiffe:acme.example/tenant/acme",
        "//acme.example/tenant/acme",
        "acme.example/tenant/acme",
        "https://acme.example/tenant/acme",
        "xspiffe://acme.example/tenant/acme",
        " spiffe://acme.example/tenant/acme",
        "spiffe://acme.example./tenant/acme",
        "spiffe://acme.example.evil/tenant/acme",
        "spiffe://evil/acme.example/tenant/acme",
        "spiffe://xacme.example/tenant/acme",
        "spiffe://[::1]/tenant/acme",
        "spiffe://*/tenant/acme",
        "spiffe://acme.example/tenant/*",
        "spiffe://acme.example/tenant/{tenant}",
        "spiffe://spiffe://acme.example/tenant/acme",
    ];
    assert!(bad.len() >= 40);
    for id in bad {
        let cert = bare(&root).with_key(&key).uri(id).issue();
        let peer = peer_at(&trust, &cert, NOW).expect(id);
        let answer =
            Caller::identify(&door, peer.chain().clone(), NOW).map(|caller| caller.tenant().to_string());
        assert_eq!(answer, Err(NoTenant::NoRule.into()), "{id:?}");
    }
    // Only a leaf that is no authority is anybody (X.509-SVID §4.1).
    for (leaf, alert) in [
        (root.client(ACME).as_ca(), UnsupportedCertificate),
        (root.client(ACME).with_key_cert_sign(), UnsupportedCertificate),
    ] {
        assert_eq!(knock(&door, &leaf.issue()), Err(Err(alert)));
    }
}

/// Linkerd: the first of several names.
#[test]
fn n7_two_tenants_are_none() {
    let root = TestCa::new("Root");
    let tenants = TenantTable::builder()
        .uri("https://acme.example/{tenant}")
        .template(NameKind::Dns, "{tenant}.acme.example")
        .known(["a", "b"])
        .build()
        .expect("a table");
    let door = Policy::new(private(&[&root]), tenants);
    let (a, b) = ("https://acme.example/a", "https://acme.example/b");
    assert_eq!(knock(&door, &root.client(a).issue()), Ok("a".to_owned()));
    for leaf in [
        root.client(a).uri(b),
        root.client(b).uri(a),
        root.client(a).uri(a),
        root.client(a).dns("a.acme.example"),
        root.client("a.acme.example").dns("b.acme.example"),
    ] {
        let answer = knock(&door, &leaf.issue());
        assert!(
            matches!(answer, Err(Ok(Refusal::NoTenant(NoTenant::Ambiguous { .. })))),
            "{answer:?}"
        );
    }
}
