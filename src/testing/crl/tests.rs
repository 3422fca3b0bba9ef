use webpki::{
    BorrowedCertRevocationList, CertRevocationList, EndEntityCert, Error, KeyUsage, RevocationOptionsBuilder,
    anchor_from_trusted_cert,
};
use x509_parser::prelude::*;

use super::*;
use crate::testing::{NOT_AFTER, NOT_BEFORE, NOW, TestCert, utc};

/// Everything checked that webpki can check of a list.
fn verify(cert: &TestCert, root: &TestCa, crls: &[TestCrl]) -> Result<(), Error> {
    let crls = crls
        .iter()
        .map(|crl| BorrowedCertRevocationList::from_der(crl.der()).map(CertRevocationList::from));
    let crls = crls.collect::<Result<Vec<_>, _>>()?;
    let crls: Vec<_> = crls.iter().collect();
    let options = RevocationOptionsBuilder::new(&crls).expect("a list");
    let options = options
        .with_expiration_policy(webpki::ExpirationPolicy::Enforce)
        .build();
    let anchors = [anchor_from_trusted_cert(root.certificate()).expect("an anchor")];
    let algorithms = rustls::crypto::aws_lc_rs::default_provider()
        .signature_verification_algorithms
        .all;
    let leaf = EndEntityCert::try_from(cert.leaf()).expect("a certificate");
    let (chain, usage) = (cert.chain(), KeyUsage::client_auth());
    leaf.verify_for_usage(algorithms, &anchors, &chain, NOW, usage, Some(options), None)
        .map(|_| ())
}

#[test]
fn what_is_revoked_is_revoked() {
    let root = TestCa::new("Root");
    let issuing = root.intermediate("Issuing");
    let cert = issuing.client("acme.example").issue();
    let renewed = issuing.client("acme.example").with_key(&cert).issue();
    let weak = root.intermediate_builder("Weak").without_crl_sign().issue();
    let of_weak = weak.client("acme.example").issue();
    let stale = Error::CrlExpired {
        time: NOW,
        next_update: utc(2021, 1, 1),
    };

    for (case, cert, crls, expected) in [
        ("nothing revoked", &cert, [root.crl(1), issuing.crl(1)], Ok(())),
        (
            "other number",
            &cert,
            [root.crl(1), issuing.crl(1).revoke(42)],
            Ok(()),
        ),
        (
            "revoked",
            &cert,
            [root.crl(1), issuing.crl(1).revoke(&cert)],
            Err(Error::CertRevoked),
        ),
        (
            "renewed",
            &renewed,
            [root.crl(1), issuing.crl(1).revoke(&cert)],
            Ok(()),
        ),
        (
            "issuer revoked",
            &cert,
            [root.crl(1).revoke(&issuing), issuing.crl(1)],
            Err(Error::CertRevoked),
        ),
        (
            "stale",
            &cert,
            [root.crl(1), issuing.crl(1).expired()],
            Err(stale),
        ),
        (
            "no cRLSign",
            &of_weak,
            [root.crl(1), weak.crl(1)],
            Err(Error::IssuerNotCrlSigner),
        ),
    ] {
        let crls = crls.map(CrlBuilder::issue);
        assert_eq!(verify(cert, &root, &crls), expected, "{case}");
    }
}

#[test]
fn a_list_of_the_twin_has_a_bad_signature() {
    let root = TestCa::new("Root");
    let cert = root.client("acme.example").issue();
    let crl = root.evil_twin().crl(1).issue();
    let expected = Error::InvalidCrlSignatureForPublicKey;
    assert_eq!(verify(&cert, &root, &[crl]), Err(expected));
}

#[test]
fn number_and_times_are_those_asked_for() {
    let ca = TestCa::new("Root");
    let (from, until) = (NOT_BEFORE.as_secs(), NOT_AFTER.as_secs());
    let july = utc(2025, 7, 1);
    for (case, crl, expected) in [
        ("default", ca.crl(7), (Some(7), from, Some(until))),
        (
            "two times",
            ca.crl(7).this_update(NOW).next_update(NOT_AFTER),
            (Some(7), NOW.as_secs(), Some(until)),
        ),
        (
            "next update",
            ca.crl(8).next_update(july),
            (Some(8), from, Some(july.as_secs())),
        ),
        ("no number", ca.crl(7).without_number(), (None, from, Some(until))),
        (
            "no next update",
            ca.crl(7).revoke(1).without_next_update(),
            (Some(7), from, None),
        ),
        (
            "neither",
            ca.crl(7).without_number().without_next_update(),
            (None, from, None),
        ),
        (
            "not yet",
            ca.crl(7).not_yet_valid(),
            (Some(7), utc(2090, 1, 1).as_secs(), Some(until)),
        ),
    ] {
        let crl = crl.issue();
        let (_, parsed) = CertificateRevocationList::from_der(crl.der()).expect("a list");
        let number = parsed
            .crl_number()
            .map(|number| number.try_into().expect("a small number"));
        let (this, next) = (parsed.last_update(), parsed.next_update());
        let seen = (
            number,
            this.timestamp() as u64,
            next.map(|next| next.timestamp() as u64),
        );
        assert_eq!(seen, expected, "{case}");
        assert_eq!(parsed.issuer().to_string(), "CN=Root", "{case}");
    }
}

#[test]
fn pem_reads_back() {
    use rustls_pki_types::pem::PemObject;
    let crl = TestCa::new("Root").crl(1).revoke(42).issue();
    let read = CertificateRevocationListDer::from_pem_slice(crl.pem().as_bytes());
    assert_eq!(read.expect("PEM"), *crl.der());
}
