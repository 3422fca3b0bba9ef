//! Certificates of a stranger, and lists of an authority.

use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use countersign::identity::{CertHash, Name, NameKind, PeerChain, SpiffeId};
use countersign::testing::{LeafBuilder, NOW, TestCa};
use countersign::trust::{Applicant, Crls, PrivateCa, Role, Untrusted, VerifiedPeer};
use rustls::pki_types::{
    AlgorithmIdentifier, CertificateDer, InvalidSignature, SignatureVerificationAlgorithm,
};

use crate::{Run, grows, short_name};

/// What a chain may hold.
const MOST_BYTES: usize = 16 * 1024;

/// A leaf that is read, with so many of something in it.
fn leaf(with: impl Fn(LeafBuilder, usize) -> LeafBuilder) -> impl Fn(usize) -> Run {
    let ca = TestCa::new("Root");
    move |count| {
        let leaf = with(ca.client("spiffe://acme.example/tenant/acme"), count).issue();
        let der = leaf.leaf().clone();
        assert!(der.len() <= MOST_BYTES, "{} bytes", der.len());
        Box::new(move || {
            let chain = PeerChain::parse([CertificateDer::from(der.as_ref())]);
            assert!(chain.is_ok(), "{chain:?}");
        })
    }
}

/// A leaf that is read, with so many of what this adds once, told which it is.
fn leaf_of_many(add: impl Fn(LeafBuilder, usize) -> LeafBuilder) -> impl Fn(usize) -> Run {
    leaf(move |leaf, count| (0..count).fold(leaf, &add))
}

fn tlv(tag: u8, contents: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(contents.len())
        .expect("a short element")
        .to_be_bytes();
    let head = match contents.len() {
        0..0x80 => vec![tag, low],
        0x80..0x100 => vec![tag, 0x81, low],
        _ => vec![tag, 0x82, high, low],
    };
    [head, contents.to_vec()].concat()
}

/// A SEQUENCE of so many elements.
fn sequence(count: usize, element: impl Fn(usize) -> Vec<u8>) -> Vec<u8> {
    tlv(0x30, &(0..count).flat_map(element).collect::<Vec<u8>>())
}

fn two_bytes(number: usize) -> [u8; 2] {
    let number = u8::try_from(number / 128 % 128).expect("seven bits") | 0x80;
    [number, 1]
}

#[test]
fn names() {
    grows(
        "DNS names",
        3_000,
        leaf_of_many(|leaf, number| leaf.dns(&short_name(number))),
    );
    grows(
        "one DNS name many times",
        3_000,
        leaf_of_many(|leaf, _| leaf.dns("abc")),
    );
    grows(
        "wildcards",
        1_700,
        leaf_of_many(|leaf, number| leaf.dns(&format!("*.{}.a", short_name(number)))),
    );
    grows(
        "URIs",
        2_200,
        leaf_of_many(|leaf, number| leaf.uri(&format!("a:{}", short_name(number)))),
    );
    grows(
        "addresses",
        2_400,
        leaf_of_many(|leaf, number| leaf.ip(IpAddr::from(u32::try_from(number).unwrap().to_be_bytes()))),
    );
    grows(
        "mailboxes",
        2_000,
        leaf_of_many(|leaf, number| leaf.email(&format!("{}@a", short_name(number)))),
    );
    grows(
        "names that are none here",
        3_000,
        leaf_of_many(|leaf, _| leaf.raw_san(8, &[0x2a, 3])),
    );
    grows(
        "a long name",
        15_000,
        leaf(|leaf, count| leaf.uri(&format!("a:{}", "b".repeat(count)))),
    );
    grows(
        "common names",
        900,
        leaf_of_many(|leaf, number| leaf.common_name(&short_name(number))),
    );
    grows(
        "units",
        900,
        leaf_of_many(|leaf, number| leaf.organizational_unit(&short_name(number))),
    );
}

#[test]
fn extensions() {
    const ARCS: u64 = 1 << 14;
    grows(
        "extensions",
        900,
        leaf_of_many(|leaf, number| leaf.extension(&[1, 3, ARCS + number as u64], &[])),
    );
    grows(
        "policies",
        2_500,
        leaf(|leaf, count| {
            leaf.extension(
                &[2, 5, 29, 32],
                &sequence(count, |_| tlv(0x30, &tlv(6, &[0x2a, 3]))),
            )
        }),
    );
    grows(
        "one long policy",
        15_000,
        leaf(|leaf, count| {
            let oid = [vec![0x2a], vec![0xff; count], vec![1]].concat();
            leaf.extension(&[2, 5, 29, 32], &sequence(1, |_| tlv(0x30, &tlv(6, &oid))))
        }),
    );
    grows(
        "one policy of many parts",
        15_000,
        leaf(|leaf, count| {
            leaf.extension(
                &[2, 5, 29, 32],
                &sequence(1, |_| tlv(0x30, &tlv(6, &vec![0x2a; count]))),
            )
        }),
    );
    grows(
        "purposes",
        3_500,
        leaf(|leaf, count| {
            leaf.without_eku()
                .extension(&[2, 5, 29, 37], &sequence(count, |_| tlv(6, &[0x2a, 3])))
        }),
    );
    grows(
        "distribution points",
        1_300,
        leaf(|leaf, count| {
            let point = |_| tlv(0x30, &tlv(0xa0, &tlv(0xa0, &tlv(0x86, b"h:"))));
            leaf.extension(&[2, 5, 29, 31], &sequence(count, point))
        }),
    );
    grows(
        "constraints",
        2_000,
        leaf(|leaf, count| {
            let names: Vec<u8> = (0..count)
                .flat_map(|number| {
                    tlv(
                        0x30,
                        &tlv(0x82, &two_bytes(number).map(|byte| byte & 0x7f | 0x40)),
                    )
                })
                .collect();
            leaf.extension(&[2, 5, 29, 30], &tlv(0x30, &tlv(0xa0, &names)))
        }),
    );
}

#[test]
fn texts() {
    grows("a SPIFFE ID", 2_000, |count| {
        let id = format!("spiffe://td/{}b", "a/".repeat(count / 2));
        Box::new(move || assert!(SpiffeId::parse(&id).is_ok()))
    });
    grows("a URI as a name", 1 << 20, |count| {
        let uri = format!("a:{}", "b".repeat(count));
        Box::new(move || assert!(Name::parse(NameKind::Uri, &uri).is_ok()))
    });
    grows("a hash", 1 << 20, |count| {
        let text = format!("sha256/{}", "A".repeat(count));
        Box::new(move || assert!(CertHash::parse(&text).is_err()))
    });
}

/// Who has proved to hold some key is reported, names and all.
#[test]
fn reports_of_an_applicant() {
    let ca = TestCa::new("Root");
    grows("an applicant of names", 3_000, |count| {
        let leaf = ca.client("spiffe://acme.example/tenant/acme");
        let leaf = (0..count).fold(leaf, |leaf, number| leaf.dns(&short_name(number)));
        let chain = PeerChain::parse(leaf.issue().chain()).expect("a chain");
        Box::new(move || {
            let applicant = Applicant::of(chain.clone(), crate::messages::algorithms(), NOW);
            assert!(applicant.to_string().lines().count() > count);
        })
    });
}

#[test]
fn lists_of_an_authority() {
    let ca = TestCa::new("Root");
    grows("entries of a list", 4_000, |count| {
        let list = (0..count as u64).fold(ca.crl(1), |list, number| list.revoke(number + 1));
        let der = list.issue().der().clone();
        Box::new(move || assert_eq!(Crls::from_der([der.clone()], NOW).map(|crls| crls.len()), Ok(1)))
    });
}

/// Whatever stands in the chain: the path builder has a hundred signatures to check, and no more.
#[test]
fn a_chain_that_leads_nowhere_in_every_order() {
    static CHECKED: AtomicUsize = AtomicUsize::new(0);

    #[derive(Debug)]
    struct Counted(&'static dyn SignatureVerificationAlgorithm);

    impl SignatureVerificationAlgorithm for Counted {
        fn verify_signature(
            &self,
            key: &[u8],
            message: &[u8],
            signature: &[u8],
        ) -> Result<(), InvalidSignature> {
            CHECKED.fetch_add(1, SeqCst);
            self.0.verify_signature(key, message, signature)
        }

        fn public_key_alg_id(&self) -> AlgorithmIdentifier {
            self.0.public_key_alg_id()
        }

        fn signature_alg_id(&self) -> AlgorithmIdentifier {
            self.0.signature_alg_id()
        }
    }

    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let all = provider.signature_verification_algorithms.all.iter();
    let counted = all
        .map(|algorithm| &*Box::leak(Box::new(Counted(*algorithm))) as &dyn SignatureVerificationAlgorithm);
    let algorithms: &'static [_] = Box::leak(counted.collect::<Vec<_>>().into());
    // All of one name, so each may have issued each.
    let trust = PrivateCa::from_pem(TestCa::new("Root").pem().as_bytes(), algorithms, NOW).expect("a root");
    let leaf = TestCa::new("Root")
        .client("spiffe://acme.example/tenant/acme")
        .issue();
    let others = (0..7).map(|_| TestCa::new("Root").certificate().clone());
    let chain = PeerChain::parse([leaf.leaf().clone()].into_iter().chain(others)).expect("a chain");
    CHECKED.store(0, SeqCst);
    let refused = VerifiedPeer::verify(&trust, chain, Role::Client, NOW).err();
    let checked = CHECKED.load(SeqCst);
    println!("{checked} signatures, {refused:?}");
    assert!((1..=101).contains(&checked), "{checked} signatures");
    assert!(matches!(refused, Some(Untrusted::PathBudget)), "{refused:?}");
}
