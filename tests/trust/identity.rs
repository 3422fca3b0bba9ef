//! Who is it? What a leaf says, read once and by two readers, and what no leaf may say.

use crate::stage;

use std::net::IpAddr;
use std::sync::LazyLock;

use countersign::codes::Seen;
use countersign::identity::{
    CertHash, ChainLimits, InvalidName, InvalidSpiffeId, Malformed, Name, NameKind, PeerChain, SerialNumber,
    SpiffeId, SpkiHash, Validity,
};
use countersign::testing::{KeyAlgorithm, LeafBuilder, NOT_AFTER, NOT_BEFORE, NOW, TestCa, TestCert, utc};
use countersign::tls::rustls::pki_types::CertificateDer;
use proptest::prelude::*;

use stage::*;

static ROOT: LazyLock<TestCa> = LazyLock::new(|| TestCa::new("Root"));

/// A leaf without a name.
fn bare() -> LeafBuilder {
    ROOT.client("x.example").without_san()
}

fn read(leaf: LeafBuilder) -> Result<PeerChain, Malformed> {
    PeerChain::parse(leaf.issue().chain())
}

fn names(leaf: LeafBuilder) -> Result<Vec<Name>, Malformed> {
    read(leaf).map(|chain| chain.leaf().names().to_vec())
}

#[test]
fn every_name_is_read_with_its_type_and_in_order() {
    let leaf = TestCa::new("Root")
        .client("spiffe://acme.example/a")
        .dns("Acme.Example")
        .email("Ops@acme.example")
        .ip(IpAddr::from([192, 0, 2, 7]))
        .ip("2001:db8::1".parse().expect("an address"))
        .organization("Acme")
        .common_name("Bücher & Söhne")
        .organizational_unit("one")
        .organizational_unit("two");
    let expected = [
        Name::Uri("spiffe://acme.example/a".into()),
        Name::Dns("acme.example".into()),
        Name::Email("Ops@acme.example".into()),
        Name::Ip([192, 0, 2, 7].into()),
        Name::Ip("2001:db8::1".parse().expect("an address")),
        Name::CommonName("Bücher & Söhne".into()),
        Name::OrganizationalUnit("one".into()),
        Name::OrganizationalUnit("two".into()),
    ];
    assert_eq!(names(leaf), Ok(expected.to_vec()));
    // Types that carry no identity here are passed over, not misread.
    let other_name = sequence(&[tlv(6, &[0x2b, 6, 1]), tlv(0xa0, &tlv(12, b"admin"))]);
    let directory = sequence(&[rdn(&[attribute(3, 12, b"admin")])]);
    let leaf = TestCa::new("Root")
        .client("x.example")
        .raw_san(0, &other_name[2..])
        .raw_san(4, &directory)
        .raw_san(8, &[0x2a, 3]);
    assert_eq!(names(leaf), Ok(vec![Name::Dns("x.example".into())]));
}

#[test]
fn keys_numbers_and_dates_are_those_of_the_leaf() {
    let root = TestCa::new("Root");
    for algorithm in [
        KeyAlgorithm::EcdsaP256,
        KeyAlgorithm::EcdsaP384,
        KeyAlgorithm::Ed25519,
    ] {
        let cert = root
            .intermediate("Issuing")
            .client(ACME)
            .key_algorithm(algorithm)
            .serial(0x00ff_0102)
            .validity(utc(2025, 1, 1), utc(2050, 1, 1))
            .issue();
        let chain = chain(cert.chain());
        let leaf = chain.leaf();
        assert_eq!(leaf.spki(), SpkiHash::of(&cert.spki_der()));
        assert_eq!(leaf.hash(), CertHash::of(cert.leaf()));
        assert_eq!(leaf.serial(), &SerialNumber::from_bytes(&[0xff, 1, 2]));
        assert_eq!(leaf.serial().to_string(), "ff:01:02");
        assert_eq!(leaf.validity(), Validity::new(utc(2025, 1, 1), utc(2050, 1, 1)));
        assert_eq!(leaf.issuer(), sequence(&[rdn(&[attribute(3, 12, b"Issuing")])]));
        assert!(!leaf.is_ca());
        assert_eq!(leaf.der(), cert.leaf());
        assert_eq!(chain.others(), &cert.chain()[1..]);
        assert_eq!(chain.certificates().cloned().collect::<Vec<_>>(), cert.chain());
    }
    assert!(chain(root.client(ACME).as_ca().issue().chain()).leaf().is_ca());
    assert!(Validity::new(NOT_BEFORE, NOT_AFTER).contains(NOW));
}

#[test]
fn only_the_leaf_is_read() {
    let leaf = TestCert::self_signed(ACME).issue();
    let junk = CertificateDer::from(b"junk".to_vec());
    let victim = TestCert::self_signed("spiffe://acme.example/tenant/victim").issue();
    let chain = chain(vec![leaf.leaf().clone(), junk.clone(), victim.leaf().clone()]);
    assert_eq!(chain.leaf().names()[0], Name::Uri(ACME.into()));
    assert_eq!(chain.others(), [junk.clone(), victim.leaf().clone()]);
    assert_eq!(
        PeerChain::parse([junk, leaf.leaf().clone()]),
        Err(Malformed::Certificate)
    );
}

#[test]
fn sizes_come_before_reading() {
    let junk = |bytes: usize| CertificateDer::from(vec![0x30; bytes]);
    let limits = ChainLimits::default();
    assert_eq!((limits.certificates, limits.bytes), (8, 16 * 1024));
    for (case, chain, expected) in [
        ("none", vec![], Malformed::Empty),
        (
            "nine",
            vec![junk(1); 9],
            Malformed::TooManyCertificates { limit: 8 },
        ),
        ("eight", vec![junk(1); 8], Malformed::Certificate),
        (
            "too large",
            vec![junk(16 * 1024 + 1)],
            Malformed::ChainTooLarge { limit: 16 * 1024 },
        ),
        (
            "large together",
            vec![junk(8 * 1024), junk(8 * 1024 + 1)],
            Malformed::ChainTooLarge { limit: 16 * 1024 },
        ),
        (
            "just not",
            vec![junk(8 * 1024), junk(8 * 1024)],
            Malformed::Certificate,
        ),
    ] {
        assert_eq!(PeerChain::parse(chain), Err(expected), "{case}");
    }
    let leaf = TestCert::self_signed(ACME).issue();
    let bytes = leaf.leaf().len();
    for (limits, expected) in [
        (limits.with_bytes(bytes), Ok(())),
        (
            limits.with_bytes(bytes - 1),
            Err(Malformed::ChainTooLarge { limit: bytes - 1 }),
        ),
        (limits.with_certificates(1), Ok(())),
        (
            limits.with_certificates(0),
            Err(Malformed::TooManyCertificates { limit: 0 }),
        ),
    ] {
        assert_eq!(
            PeerChain::parse_within(limits, leaf.chain()).map(|_| ()),
            expected
        );
    }
    // An endless list is not read to its end.
    let endless = std::iter::repeat_with(|| junk(1));
    assert_eq!(
        PeerChain::parse(endless),
        Err(Malformed::TooManyCertificates { limit: 8 })
    );
}

/// N2: nothing that an identity may not hold, in any place where one is read.
#[test]
fn n2_bytes_that_no_name_may_hold() {
    use NameKind::{CommonName, Dns, Email, OrganizationIdentifier, OrganizationalUnit, Uri, UserId};
    for kind in [
        Dns,
        Uri,
        Email,
        CommonName,
        OrganizationalUnit,
        UserId,
        OrganizationIdentifier,
    ] {
        let with = |text: &str| match kind {
            Dns => bare().dns(text),
            Uri => bare().uri(text),
            Email => bare().email(text),
            CommonName => bare().common_name(text),
            UserId => bare().user_id(text),
            OrganizationIdentifier => bare().organization_identifier(text),
            _ => bare().organizational_unit(text),
        };
        for code in (0..0x20).chain([
            0x7f, 0x80, 0x9f, 0x200b, 0x200f, 0x2028, 0x202e, 0x2060, 0x2069, 0xfeff,
        ]) {
            let char = char::from_u32(code).expect("a character");
            for text in [format!("a{char}b"), format!("{char}ab"), format!("ab{char}")] {
                assert_eq!(
                    names(with(&text)),
                    Err(Malformed::Name {
                        kind,
                        seen: Seen::of(&text)
                    }),
                    "{kind} {text:?}"
                );
                let parsed: Result<Name, InvalidName> = Name::parse(kind, &text);
                assert_eq!(parsed.map_err(|invalid| invalid.kind), Err(kind));
            }
        }
        let umlaut = names(with("bücher"));
        match kind {
            CommonName | OrganizationalUnit => assert_eq!(umlaut.map(|names| names.len()), Ok(1)),
            _ => assert_eq!(umlaut, Ok(vec![]), "left out"),
        }
        // A wildcard is no name, and no reason to refuse the others.
        if kind != Email {
            let text = if kind == Dns { "*.example.com" } else { "x*" };
            assert_eq!(
                names(with(text).uri("urn:x")),
                Ok(vec![Name::Uri("urn:x".into())]),
                "{kind}"
            );
        }
    }
}

#[test]
fn an_extension_twice_or_torn_is_refused() {
    let twice = bare()
        .uri(ACME)
        .extension(&[2, 5, 29, 17], &sequence(&[tlv(0x86, b"urn:other")]));
    assert!(matches!(
        names(twice),
        Err(Malformed::Extension | Malformed::Certificate)
    ));
    let own_twice = bare()
        .extension(&[1, 2, 3], &[5, 0])
        .extension(&[1, 2, 3], &[5, 0]);
    assert_eq!(names(own_twice), Err(Malformed::Extension));
    for (case, value) in [
        ("empty", vec![]),
        ("no sequence", vec![0x86, 1, b'a']),
        ("cut", vec![0x30, 5, 0x86, 9, b'a', b'b', b'c']),
        (
            "more behind it",
            [sequence(&[tlv(0x86, b"urn:x")]), vec![5, 0]].concat(),
        ),
    ] {
        let torn = bare().extension(&[2, 5, 29, 17], &value);
        assert!(
            matches!(
                names(torn),
                Err(Malformed::Extension | Malformed::Certificate | Malformed::Name { .. })
            ),
            "{case}"
        );
    }
    assert_eq!(
        names(bare().critical_extension(&[1, 2, 3], &[5, 0])),
        Err(Malformed::CriticalExtension {
            oid: Seen::of("1.2.3")
        })
    );
    let dates = bare().validity(utc(2026, 1, 2), utc(2026, 1, 1));
    let ends = names(dates).map_err(|malformed| malformed.to_string());
    let expected = "the validity of the certificate cannot be used: it ends before it begins \
         (\"notBefore Jan  2 00:00:00 2026, notAfter Jan  1 00:00:00 2026\")";
    assert_eq!(ends, Err(expected.to_owned()));
}

#[test]
fn every_code_has_its_own_name() {
    let all = [
        Malformed::Empty,
        Malformed::TooManyCertificates { limit: 1 },
        Malformed::ChainTooLarge { limit: 1 },
        Malformed::Certificate,
        Malformed::Extension,
        Malformed::Version { version: 1 },
        Malformed::CriticalExtension {
            oid: Seen::of("1.2.3"),
        },
        Malformed::Validity {
            problem: "a date before 1970",
            seen: Seen::of("1969"),
        },
        Malformed::Name {
            kind: NameKind::Uri,
            seen: Seen::of("a"),
        },
        Malformed::ParsersDisagree { field: "issuer" },
    ];
    let mut codes: Vec<_> = all.iter().map(Malformed::code).collect();
    assert!(codes.iter().all(|code| code.starts_with("identity.")));
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), all.len());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is read as a SPIFFE ID is in the standard's own form, to the letter.
    #[test]
    fn a_spiffe_id_is_its_own_text(text in "(spiffe|SPIFFE|http)://[a-zA-Z0-9._:@%-]{0,6}(/[a-zA-Z0-9._~%?#-]{0,4}){0,4}") {
        let parsed: Result<SpiffeId, InvalidSpiffeId> = SpiffeId::parse(&text);
        if let Ok(id) = parsed {
            prop_assert_eq!(id.to_string(), text.clone());
            prop_assert_eq!(format!("spiffe://{}{}", id.trust_domain(), id.path()), text.clone());
            let segments = id.path().split('/').skip(1);
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
            for segment in segments {
                prop_assert!(!segment.is_empty() && segment != "." && segment != "..");
                prop_assert!(segment.bytes().all(plain));
            }
            prop_assert!(id.trust_domain().bytes().all(|byte| plain(byte) && !byte.is_ascii_uppercase()));
        }
    }

    /// What a certificate carries comes back as it was written, or is left out, or the certificate is refused.
    #[test]
    fn a_uri_comes_back_as_it_was_written(text in "\\PC{1,24}") {
        match names(bare().uri(&text)) {
            Ok(found) if text.contains('*') || !text.is_ascii() => prop_assert_eq!(found, vec![]),
            Ok(found) => prop_assert_eq!(found, vec![Name::Uri(text.as_str().into())]),
            Err(malformed) => prop_assert_eq!(malformed, Malformed::Name { kind: NameKind::Uri, seen: Seen::of(&text) }),
        }
    }

    #[test]
    fn no_bytes_panic_the_reader(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        prop_assert_eq!(PeerChain::parse([CertificateDer::from(bytes)]).err(), Some(Malformed::Certificate));
    }

    #[test]
    fn serial_numbers_are_numbers(zeros in 0_usize..4, bytes in proptest::collection::vec(any::<u8>(), 1..24)) {
        let padded = [vec![0; zeros], bytes.clone()].concat();
        prop_assert_eq!(SerialNumber::from_bytes(&padded), SerialNumber::from_bytes(&bytes));
    }
}
