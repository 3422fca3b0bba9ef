//! Authorities that issue to anybody: no anchors of one's own, and never without names.

use countersign::identity::Name;
use countersign::testing::{NOW, TestCa};
use countersign::tls::rustls::pki_types::{CertificateDer, TrustAnchor};
use countersign::trust::{
    Crls, ExpectedPeers, KnownSender, PinSet, PrivateCa, Profile, PublicCa, Revocation, Untrusted, WebRoots,
};

use super::{refusal, wrong_purpose};
use crate::stage::*;

/// The authority is one's own, so no name is asked for; the profile is, and it is the one that was given.
#[test]
fn adobe_sign_is_trusted_below_the_authority_that_was_given_to_it() {
    let (own, other) = (TestCa::new("Own"), TestCa::new("Other"));
    let trust = |profile: Option<Profile>| {
        let sender = KnownSender::adobe_sign();
        let pem = own.pem();
        let built = match profile {
            Some(profile) => sender.trust_within(pem.as_bytes(), profile, algorithms(), NOW),
            None => sender.trust(pem.as_bytes(), algorithms(), NOW),
        };
        built.expect("anchors")
    };
    let strict = trust(None);
    let server = own.client(ACME).server_only().issue();
    for (case, cert, expected) in [
        ("ours", own.client(ACME).issue(), Ok(())),
        (
            "of others",
            other.client(ACME).issue(),
            Err(Untrusted::UnknownIssuer),
        ),
        ("for servers", server.clone(), Err(wrong_purpose())),
    ] {
        assert_eq!(verify(&*strict, &cert).map(|_| ()), expected, "{case}");
    }
    let lenient = trust(Some(Profile::strict().allow_server_auth_as_client()));
    assert_eq!(verify(&*lenient, &server).map(|_| ()), Ok(()));
}

#[test]
fn public_authorities_are_refused_by_their_key() {
    let is_public = |refused: &str| {
        refused.ends_with(
            "is a public authority, which issues to anybody; for senders with a public certificate use PublicCa, \
             together with their exact names or keys",
        )
    };
    // What browsers ship, as it stands. Some are too old to be an anchor at all.
    let (mut public, mut otherwise) = (0, Vec::new());
    for der in webpki_root_certs::TLS_SERVER_ROOT_CERTS {
        let refused = refusal(PrivateCa::builder(algorithms()).der(der.clone()));
        if is_public(&refused) {
            public += 1;
        } else {
            otherwise.push(refused);
        }
    }
    assert!(public > 100, "{public}");
    assert_eq!(otherwise, Vec::<String>::new());

    // The key of a public root under a certificate and a name of our own: still everybody's authority.
    let ours = TestCa::new("Ours");
    let root = webpki_roots_spki();
    for crossed in [
        ours.intermediate_builder("Crossed").raw_spki(&root).issue(),
        TestCa::builder("Renamed").raw_spki(&root).issue(),
    ] {
        let refused = refusal(builder(&[&crossed]));
        assert!(is_public(&refused), "{refused}");
        let refused = refusal(builder(&[&ours, &crossed]));
        assert!(is_public(&refused), "{refused}");
    }
    // As a public authority, with names, they are what they are.
    for der in webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().take(3) {
        let pem = pem_of(der);
        let only = ExpectedPeers::names([Name::Dns("hooks.example".into())]);
        let built = PublicCa::builder(only, algorithms())
            .pem(pem.as_bytes())
            .build(NOW);
        assert_eq!(built.map(|_| ()), Ok(()));
    }
}

/// Let's Encrypt's R14 (RSA, by ISRG Root X1) and E8 (P-384, by ISRG Root X2), from letsencrypt.org/certificates.
const PUBLIC_INTERMEDIATES: [(&str, &str); 2] = [
    ("R14", include_str!("../r14.pem")),
    ("E8", include_str!("../e8.pem")),
];

#[test]
fn intermediates_of_public_authorities_are_refused_too() {
    for (name, pem) in PUBLIC_INTERMEDIATES {
        let refused = PrivateCa::from_pem(pem.as_bytes(), algorithms(), NOW).map(|_| ());
        assert_eq!(
            refused.map_err(|error| error.to_string()),
            Err(format!(
                "certificate authorities from the PEM text given: C=US, O=Let's Encrypt, CN={name} was issued by a public \
                 authority, so whom it issues to is not for you to say; for senders with a public certificate use PublicCa, \
                 together with their exact names or keys"
            ))
        );
        let named = PublicCa::builder(
            ExpectedPeers::names([Name::Dns("x.example".into())]),
            algorithms(),
        );
        assert_eq!(named.pem(pem.as_bytes()).build(NOW).map(|_| ()), Ok(()), "{name}");
    }
}

/// Of the first public root, DER.
fn webpki_roots_spki() -> Vec<u8> {
    let der = &webpki_root_certs::TLS_SERVER_ROOT_CERTS[0];
    let anchor: TrustAnchor<'_> = webpki::anchor_from_trusted_cert(der).expect("an anchor");
    tlv(0x30, &anchor.subject_public_key_info)
}

fn pem_of(der: &CertificateDer<'_>) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
}

#[test]
fn a_public_authority_needs_names_or_pins() {
    let root = TestCa::new("Public Root");
    let expected = "certificate authorities from public authorities: a public authority proves nothing about who it \
                    is; give exact names or pins of the senders";
    for nobody in [ExpectedPeers::names([]), ExpectedPeers::pins(PinSet::default())] {
        let built = PublicCa::builder(nobody, algorithms())
            .pem(root.pem().as_bytes())
            .build(NOW);
        assert_eq!(
            built.map(|_| ()).map_err(|error| error.to_string()),
            Err(expected.to_owned())
        );
    }
}

#[test]
fn a_public_authoritys_names_match_exactly_and_by_type() {
    let root = TestCa::new("Public Root");
    let trust = |only| {
        PublicCa::builder(only, algorithms())
            .pem(root.pem().as_bytes())
            .build(NOW)
            .expect("a public CA")
    };
    let dns = trust(ExpectedPeers::names([Name::Dns("hooks.sender.example".into())]));
    let no = Err(Untrusted::UnexpectedName);
    for (case, cert, expected) in [
        ("exact", root.client("hooks.sender.example"), Ok(())),
        ("upper case", root.client("Hooks.Sender.Example"), Ok(())),
        (
            "one of two",
            root.client("a.example").dns("hooks.sender.example"),
            Ok(()),
        ),
        ("below", root.client("a.hooks.sender.example"), no.clone()),
        ("above", root.client("sender.example"), no.clone()),
        ("wildcard", root.client("*.sender.example"), no.clone()),
        (
            "common name",
            root.client("other.example").common_name("hooks.sender.example"),
            no.clone(),
        ),
        ("mail", root.client("a@hooks.sender.example"), no.clone()),
        ("URI", root.client("https://hooks.sender.example"), no.clone()),
    ] {
        assert_eq!(verify(&dns, &cert.issue()).map(|_| ()), expected, "{case}");
    }

    let common = trust(ExpectedPeers::names([Name::CommonName("webhooks".into())]));
    let bare = || root.client("x.example").without_san();
    for (case, cert, expected) in [
        ("one", bare().common_name("webhooks"), Ok(())),
        (
            "two",
            bare().common_name("webhooks").common_name("other"),
            no.clone(),
        ),
        (
            "two, the other way",
            bare().common_name("other").common_name("webhooks"),
            no.clone(),
        ),
        (
            "the second in a string of disputed reading",
            bare()
                .common_name("webhooks")
                .raw_common_name(30, b"\0o\0t\0h\0e\0r"),
            no.clone(),
        ),
        (
            "the second beside an organization",
            bare().raw_subject(&sequence(&[
                rdn(&[attribute(3, 12, b"webhooks")]),
                rdn(&[attribute(3, 12, b"other"), attribute(10, 12, b"Evil")]),
            ])),
            no.clone(),
        ),
        ("DNS", root.client("webhooks"), no.clone()),
        (
            "organizational unit",
            bare().organizational_unit("webhooks"),
            no.clone(),
        ),
    ] {
        assert_eq!(verify(&common, &cert.issue()).map(|_| ()), expected, "{case}");
    }
    // Below an issuer that constrains names a common name proves nothing: it escapes the constraint.
    let customer = root
        .intermediate_builder("Customer")
        .permitted_dns("customer.example")
        .issue();
    let escaped = customer
        .client("x.customer.example")
        .common_name("webhooks")
        .issue();
    assert_eq!(verify(&common, &escaped).map(|_| ()), no);
    let bare = customer
        .client("x.customer.example")
        .without_san()
        .common_name("webhooks")
        .issue();
    assert_eq!(verify(&common, &bare).map(|_| ()), no);
    // Nor does an organizational unit.
    let unit = trust(ExpectedPeers::names([Name::OrganizationalUnit(
        "webhooks".into(),
    )]));
    let of_unit = |ca: &TestCa| {
        let leaf = ca
            .client("x.customer.example")
            .organizational_unit("webhooks")
            .issue();
        verify(&unit, &leaf).map(|_| ())
    };
    assert_eq!(of_unit(&root), Ok(()));
    assert_eq!(of_unit(&customer), no);
    assert_eq!(of_unit(&customer.intermediate("Below")), no);
    let inside = trust(ExpectedPeers::names([Name::Dns("x.customer.example".into())]));
    assert_eq!(verify(&inside, &escaped).map(|_| ()), Ok(()));
}

/// Authorities of one's own beside those of the web: for servers, by their name, and never for clients.
/// What would refuse every server, or nobody, is found when it is built.
#[test]
fn web_roots_that_check_revocation_want_a_list_that_counts() {
    let (own, other) = (TestCa::new("Own Root"), TestCa::new("Own Root"));
    let crl = |crl: countersign::testing::CrlBuilder| {
        Crls::from_der([crl.issue().der().clone()], NOW).expect("a CRL")
    };
    let built = |revocation| {
        let builder = WebRoots::builder(algorithms()).own_pem(own.pem().as_bytes());
        let built = builder.with_revocation(revocation).build(NOW);
        built.map_err(|invalid| invalid.to_string())
    };
    let refused = built(Revocation::required(Crls::default())).map(|_| ());
    let expected = "certificate authorities from CRLs: revocation is required and no CRL is loaded; give the CRLs of every authority on the path";
    assert_eq!(refused, Err(expected.to_owned()));
    let foreign = built(Revocation::required(crl(other.crl(1)))).expect_err("another's list");
    assert!(
        foreign.contains("no CRL of CN=Own Root is signed with the key"),
        "{foreign}"
    );
    let revoked = own.server("hooks.example").issue();
    let roots = built(Revocation::required(crl(own.crl(1).revoke(&revoked)))).expect("good anchors");
    let answer = verify_server(&roots, &revoked, "hooks.example").map(|_| ());
    assert!(matches!(answer, Err(Untrusted::Revoked { .. })), "{answer:?}");
}

#[test]
fn web_roots_with_authorities_of_ones_own() {
    let (own, other) = (TestCa::new("Company Root"), TestCa::new("Another Root"));
    let roots = WebRoots::builder(algorithms())
        .own_pem(own.pem().as_bytes())
        .build(NOW)
        .expect("good anchors");
    let (good, strange) = (own.server(SERVER).issue(), other.server(SERVER).issue());
    let wrong_name = Untrusted::WrongName {
        name: "hooks.globex.example".to_owned(),
    };
    assert_eq!(verify_server(&roots, &good, SERVER).map(|_| ()), Ok(()));
    assert_eq!(
        verify_server(&roots, &good, "hooks.globex.example"),
        Err(wrong_name)
    );
    assert_eq!(
        verify_server(&roots, &strange, SERVER),
        Err(Untrusted::UnknownIssuer)
    );
    assert_eq!(
        verify(&roots, &own.client(ACME).issue()),
        Err(Untrusted::ServersOnly)
    );
    assert_eq!(
        verify_server(&WebRoots::new(algorithms()), &good, SERVER),
        Err(Untrusted::UnknownIssuer)
    );
}
