//! Many lists, many entries, and how often one is verified.

use std::sync::atomic::{AtomicUsize, Ordering};

use countersign::identity::PeerChain;
use countersign::testing::{NOW, Serial, TestCa};
use countersign::tls::rustls::pki_types::{
    AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm,
};
use countersign::trust::{PrivateCa, Revocation, Role, Untrusted, VerifiedPeer};

use super::{asked, crls, read, required, revoked, scope_of};
use crate::stage::*;

#[test]
fn a_refusal_names_four_lists_and_counts_the_others() {
    let root = TestCa::new("Root");
    let cert = root.client(ACME).serial(77).issue();
    let scoped = |shard: &u64| {
        let uri = format!("http://crl.example/{shard}");
        root.crl(*shard)
            .critical_extension(ISSUING_DISTRIBUTION_POINT, &scope_of(&[], Some(&[&uri])))
    };
    let about = |shard: u64| {
        format!(
            "the CRL of CN=Root is for the distribution point http://crl.example/{shard}, which the certificate does not name"
        )
    };
    let head = "no CRL speaks about the certificate with serial number 4d";
    for (shards, expected) in [
        (vec![1], format!("{head}; {}", about(1))),
        (
            vec![6, 5, 4, 3, 2, 1],
            format!(
                "{head}; {}; {}; {}; {}; and 2 more",
                about(6),
                about(5),
                about(4),
                about(3)
            ),
        ),
    ] {
        let trust = required(&root, crls(shards.iter().map(scoped)));
        assert_eq!(
            asked(&trust, &cert).map_err(|error| error.to_string()),
            Err(expected)
        );
    }
}

#[test]
fn serial_numbers_of_every_length_are_found() {
    let root = TestCa::new("Root");
    let mut twenty = [0x55; 20];
    twenty[0] = 0x7f;
    let mut high = [0xaa; 20];
    high[0] = 0x80;
    let serials: Vec<Serial> = vec![
        Serial::from(1),
        Serial::from(0x80),
        Serial::from(0xff),
        Serial::from(0x0100),
        Serial::from(u64::MAX),
        Serial::from(&twenty[..]),
        // Twenty octets and one for the sign.
        Serial::from(&high[..]),
    ];
    for serial in &serials {
        let cert = root.client(ACME).serial(serial.clone()).issue();
        let others = serials.iter().filter(|other| *other != serial);
        let clean = others.fold(root.crl(1), |list, other| list.revoke(other.clone()));
        assert_eq!(
            asked(&required(&root, crls([clean.clone()])), &cert),
            Ok(()),
            "{serial:?}"
        );
        let listed = clean.revoke(serial.clone());
        assert_eq!(
            asked(&required(&root, crls([listed])), &cert),
            Err(revoked(serial.clone())),
            "{serial:?}"
        );
    }
    // Written with a zero in front, it is the same number.
    let padded = root.client(ACME).raw_serial(&[0x00, 0x2a]).issue();
    let answer = asked(&required(&root, crls([root.crl(1).revoke(42)])), &padded);
    assert!(
        matches!(answer, Err(Untrusted::Malformed(_))) || answer == Err(revoked(42)),
        "{answer:?}"
    );
    // Longer than the standard allows: refused, list or no list.
    let rule = "a serial number that is not positive or longer than 20 octets (section 4.1.2.2)";
    let unsound = || Err(Untrusted::Rfc5280 { rule });
    for (case, contents, expected) in [
        ("twenty octets", &[0x7f; 20][..], Ok(())),
        (
            "twenty and one for the sign",
            &[&[0], &[0x80; 20][..]].concat(),
            Ok(()),
        ),
        ("twenty-one octets", &[0x7f; 21], unsound()),
        ("twenty-one, hardly", &[&[1], &[0; 20][..]].concat(), unsound()),
        (
            "twenty-one and one for the sign",
            &[&[0], &[0x80; 21][..]].concat(),
            unsound(),
        ),
        ("negative", &[0x80; 3], unsound()),
        ("zero", &[0], unsound()),
    ] {
        let cert = root.client(ACME).raw_serial(contents).issue();
        assert_eq!(asked(&private(&[&root]), &cert), expected, "{case}");
    }
    // A list that names such a number is read, and does no harm.
    let long = root.crl(1).revoke(&[0x7f; 21][..]);
    assert_eq!(
        asked(&required(&root, crls([long])), &root.client(ACME).issue()),
        Ok(())
    );
}

#[test]
fn a_hundred_thousand_entries_are_found_in_little_memory() {
    let root = TestCa::new("Root");
    let count = 100_000_u64;
    // 16 bytes, as real authorities have them.
    let serial = |n: u64| {
        let bytes = [
            (0x4000_0000_0000_0000 + n).to_be_bytes(),
            n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes(),
        ];
        Serial::from(&bytes.concat()[..])
    };
    let list = (0..count)
        .fold(root.crl(1), |list, n| list.revoke(serial(n)))
        .issue();
    let mut trust = None;
    let info = allocation_counter::measure(|| {
        let crls = read([list.clone()]).expect("a list");
        trust = Some(required(&root, crls));
    });
    let trust = trust.expect("built");
    let good = root.client(ACME).serial(serial(count)).issue();
    let later = allocation_counter::measure(|| assert_eq!(asked(&trust, &good), Ok(())));
    // What the list itself weighs was dropped, for the anchor's signature was verified at once.
    let held = info.bytes_current + later.bytes_current;
    println!("100,000 entries: {held} bytes, {} while reading", info.bytes_max);
    assert!(held <= 4_000_000, "{held}");
    for (case, n) in [("first", 0), ("middle", count / 2), ("last", count - 1)] {
        let cert = root.client(ACME).serial(serial(n)).issue();
        assert_eq!(asked(&trust, &cert), Err(revoked(serial(n))), "{case}");
    }
    // The list of an intermediate is verified when the first handshake brings it.
    let issuing = root.intermediate("Issuing");
    let list = (0..count)
        .fold(issuing.crl(1), |list, n| list.revoke(serial(n)))
        .issue();
    let mut trust = None;
    let info = allocation_counter::measure(|| {
        let crls = read([root.crl(1).issue(), list.clone()]).expect("lists");
        trust = Some(required(&root, crls));
    });
    let trust = trust.expect("built");
    assert_eq!(asked(&trust, &issuing.client(ACME).issue()), Ok(()));
    println!("not yet verified: {} bytes", info.bytes_current);
    assert!(info.bytes_current <= 4_000_000, "{}", info.bytes_current);
    assert_eq!(
        asked(&trust, &issuing.client(ACME).serial(serial(7)).issue()),
        Err(revoked(serial(7)))
    );
}

/// An algorithm that counts how often it is used.
#[derive(Debug)]
struct Counting(&'static dyn SignatureVerificationAlgorithm, &'static AtomicUsize);

impl SignatureVerificationAlgorithm for Counting {
    fn verify_signature(&self, key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.verify_signature(key, message, signature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.0.public_key_alg_id()
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.0.signature_alg_id()
    }
}

#[test]
fn a_list_is_verified_once_and_not_once_a_handshake() {
    static USES: AtomicUsize = AtomicUsize::new(0);
    let root = TestCa::new("Root");
    let issuing = root.intermediate("Issuing");
    let lists = crls([root.crl(1), issuing.crl(1)]);
    let counting = algorithms()
        .iter()
        .map(|inner| &*Box::leak(Box::new(Counting(*inner, &USES))));
    let counting: Vec<&'static dyn SignatureVerificationAlgorithm> = counting.map(|one| one as _).collect();
    let trust = PrivateCa::builder(Vec::leak(counting))
        .der(root.certificate().clone())
        .with_revocation(Revocation::required(lists))
        .build(NOW)
        .expect("an anchor");
    assert_eq!(
        USES.load(Ordering::Relaxed),
        1,
        "the anchor's list is verified when it is loaded"
    );
    let cert = issuing.client(ACME).issue();
    for (handshake, signatures) in [("first", 4), ("second", 6), ("third", 8)] {
        // Leaf and intermediate each time; the intermediate's list the first time only. Asked once, without an explanation beside it.
        let chain = PeerChain::parse(cert.chain()).expect("a chain");
        assert!(VerifiedPeer::verify(&trust, chain, Role::Client, NOW).is_ok());
        assert_eq!(USES.load(Ordering::Relaxed), signatures, "{handshake}");
    }
}
