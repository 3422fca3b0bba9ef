//! The deny list: each way to name a certificate.

use countersign::identity::SerialNumber;
use countersign::live::Live;
use countersign::testing::{NOW, TestCa};
use countersign::tls::rustls::pki_types::CertificateDer;
use countersign::trust::{DenyList, Pin, PinSet, Role, Untrusted, VerifiedPeer, VerifyPeer};

use super::{cast, key_of, leaf_of};
use crate::stage::*;

#[test]
fn each_way_to_deny_denies_alone() {
    let cast = cast();
    let leaf = chain(cast.cert.chain()).leaf().clone();
    let other = cast.issuing.client(ACME).issue();
    let other_leaf = chain(other.chain()).leaf().clone();
    let from_root = cast.root.client(ACME).serial(cast.cert.serial().clone()).issue();
    let renewed = cast.issuing.client(ACME).with_key(&cast.cert).issue();
    let deny = DenyList::new;
    let certs = [&cast.cert, &other, &from_root, &renewed];
    for (case, list, denied) in [
        ("nobody", deny(), [false; 4]),
        (
            "serial",
            deny().serial(leaf.issuer(), leaf.serial().clone()),
            [true, false, false, false],
        ),
        (
            "certificate",
            deny().certificate(&leaf),
            [true, false, false, false],
        ),
        ("key", deny().key(leaf.spki()), [true, false, false, true]),
        (
            "issuer's key",
            deny().key(key_of(&cast.issuing)),
            [true, true, false, true],
        ),
        ("anchor's key", deny().key(key_of(&cast.root)), [true; 4]),
        (
            "serial with zeros in front",
            deny().serial(
                leaf.issuer(),
                SerialNumber::from_bytes(&[&[0, 0], leaf.serial().as_bytes()].concat()),
            ),
            [true, false, false, false],
        ),
        (
            "serial of another issuer",
            deny().serial(b"other", leaf.serial().clone()),
            [false; 4],
        ),
        (
            "all at once, for another",
            deny().certificate(&other_leaf).key(other_leaf.spki()),
            [false, true, false, false],
        ),
    ] {
        let trust = private(&[&cast.root]).and(list);
        for (place, (cert, denied)) in certs.iter().zip(denied).enumerate() {
            let expected = if denied {
                Err(Untrusted::OnDenyList)
            } else {
                Ok(())
            };
            assert_eq!(verify(&trust, cert).map(|_| ()), expected, "{case}, {place}");
        }
    }
    // A stuffed certificate is nobody's issuer: to deny its key denies nothing.
    let stuffed = TestCa::new("Stuffed");
    let trust = private(&[&cast.root]).and(deny().key(key_of(&stuffed)));
    let above = [cast.issuing.chain(), vec![stuffed.certificate().clone()]].concat();
    assert_eq!(
        verify(&trust, &cast.cert.clone().with_chain(above)).map(|_| ()),
        Ok(())
    );
    // Before the authority it has seen nothing.
    let before = deny().and(private(&[&cast.root]));
    assert_eq!(verify(&before, &cast.cert), Err(Untrusted::NothingBefore));
}

#[test]
fn a_deny_list_grows_while_in_use() {
    let cast = cast();
    let denied = Live::new(DenyList::new());
    let trust = private(&[&cast.root]).and(denied.clone());
    let before = trust.generation();
    assert_eq!(verify(&trust, &cast.cert).map(|_| ()), Ok(()));
    denied.replace(DenyList::new().key(leaf_of(&cast.cert)));
    assert!(trust.generation() > before);
    assert_eq!(verify(&trust, &cast.cert), Err(Untrusted::OnDenyList));
}

/// In an ECDSA signature *s* and *n - s* are equally good, so whoever holds a certificate can give it another hash. What takes
/// trust away goes by what the authority has signed.
#[test]
fn a_certificate_with_another_hash_is_denied_all_the_same() {
    let root = TestCa::new("Root");
    let cert = root.client(ACME).issue();
    let bent = with_other_signature(cert.leaf());
    let leaf = chain(cert.chain()).leaf().clone();
    let other = chain(vec![bent.clone()]);
    assert_ne!(leaf.hash(), other.leaf().hash());
    let answer = |trust: &dyn VerifyPeer| {
        VerifiedPeer::verify(trust, chain(vec![bent.clone()]), Role::Client, NOW).map(|_| ())
    };
    assert_eq!(answer(&private(&[&root])), Ok(()), "it is as good as before");
    for (case, list) in [
        ("certificate", DenyList::new().certificate(&leaf)),
        (
            "serial",
            DenyList::new().serial(leaf.issuer(), leaf.serial().clone()),
        ),
        ("key", DenyList::new().key(leaf.spki())),
    ] {
        let answer = answer(&private(&[&root]).and(list));
        assert_eq!(answer, Err(Untrusted::OnDenyList), "{case}");
    }
    // What gives trust by the hash does not give it.
    let pinned = private(&[&root]).and(PinSet::of([Pin::certificate(leaf.hash())]));
    assert_eq!(answer(&pinned), Err(Untrusted::NotPinned { spki: leaf.spki() }));
}

/// The same certificate, with *n - s* for *s*.
fn with_other_signature(der: &CertificateDer<'_>) -> CertificateDer<'static> {
    use p256::ecdsa::Signature;
    let (_, read) = x509_parser::parse_x509_certificate(der).expect("a certificate");
    let signature = &*read.signature_value.data;
    let (r, s) = Signature::from_der(signature).expect("ECDSA").split_scalars();
    let bent = Signature::from_scalars(r.to_bytes(), (-s).to_bytes()).expect("ECDSA");
    let algorithm_at = 4 + read.tbs_certificate.as_ref().len();
    let bit_string_at = der.len() - signature.len() - 3;
    let bits = [&[0], bent.to_der().as_bytes()].concat();
    sequence(&[
        der[4..algorithm_at].to_vec(),
        der[algorithm_at..bit_string_at].to_vec(),
        tlv(3, &bits),
    ])
    .into()
}
