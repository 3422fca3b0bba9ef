//! IS IT STILL GOOD? Revocation lists that an authority has really signed, with changes in what it has signed. Whom we let in by such a list, webpki lets
//! in by it too, and x509-parser finds no such number on it. What is explained is what is decided.
#![no_main]

use std::sync::LazyLock;

use arbitrary::{Result, Unstructured};
use countersign::explain;
use countersign::identity::PeerChain;
use countersign::testing::{NOW, TestCa, TestCert};
use countersign::trust::{Crls, PrivateCa, Revocation, Role, VerifiedPeer};
use countersign_fuzz::{algorithms, at, bytes, resigned, shortest, within};
use libfuzzer_sys::fuzz_target;
use rustls_pki_types::CertificateRevocationListDer;
use webpki::{BorrowedCertRevocationList, ExpirationPolicy, RevocationOptionsBuilder, UnknownStatusPolicy};
use x509_parser::prelude::{CertificateRevocationList, FromDer, X509Certificate};

struct World {
    ca: TestCa,
    certs: Vec<TestCert>,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let ca = TestCa::new("Acme Root");
    let serials: [&[u8]; 4] = [&[1], &[0x7f], &[1, 0, 0], &[0x66; 16]];
    let certs = serials.map(|serial| ca.client("spiffe://acme.example/a").serial(serial).issue());
    World {
        ca,
        certs: certs.into(),
    }
});

// Choices: a list, whether it is required, a certificate.
fuzz_target!(init: { LazyLock::force(&WORLD); }, |data: &[u8]| {
    // An input that ends early has chosen nothing more.
    let _ = play(&mut Unstructured::new(data));
});

fn play(choices: &mut Unstructured<'_>) -> Result<()> {
    let World { ca, certs } = &*WORLD;
    let der = list(choices)?;
    let Ok(lists) = within(der.len(), || {
        Crls::from_der([CertificateRevocationListDer::from(&der[..])], NOW)
    }) else {
        return Ok(());
    };
    let is_required = choices.arbitrary()?;
    let revocation = match is_required {
        true => Revocation::required(lists),
        false => Revocation::best_effort(lists),
    };
    let trust = PrivateCa::builder(algorithms())
        .pem(ca.pem().as_bytes())
        .with_revocation(revocation);
    let Ok(trust) = within(der.len(), || trust.build(NOW)) else {
        return Ok(());
    };
    for cert in certs {
        let chain = PeerChain::parse(cert.chain()).expect("a chain");
        let verdict = VerifiedPeer::verify(&trust, chain, Role::Client, NOW);
        let report = explain::peer(&trust, cert.chain(), Role::Client, NOW);
        let codes = (
            report.verdict.as_ref().map_err(|why| why.code()),
            verdict.as_ref().map(|_| &()).map_err(|why| why.code()),
        );
        assert_eq!(codes.0, codes.1, "{report}\n{}", shown(&der));
        if verdict.is_ok() {
            compare(&der, ca, cert, is_required);
        }
    }
    Ok(())
}

fn list(choices: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let World { ca, certs } = &*WORLD;
    let mut list = ca.crl(choices.arbitrary::<u8>()?.into());
    for _ in 0..choices.int_in_range(0..=5)? {
        list = match choices.int_in_range(0..=8)? {
            0 | 1 => list.revoke(choices.choose(certs)?),
            2 => list.revoke(bytes(choices, 20)?),
            3 => {
                let end = NOW.as_secs() + u64::from(choices.arbitrary::<u16>()?);
                list.this_update(at(NOW.as_secs() - 1)).next_update(at(end))
            }
            4 => list.extension(&oid(choices)?, bytes(choices, 64)?),
            5 => list.critical_extension(&oid(choices)?, bytes(choices, 64)?),
            6 => list.expired(),
            7 => list.not_yet_valid(),
            _ => list.without_number(),
        };
    }
    let list = list.issue().der().to_vec();
    match choices.arbitrary()? {
        true => resigned(&list, ca, choices),
        false => Ok(list),
    }
}

/// Number, key identifier, scope, delta, freshest list, names of issuers.
fn oid(choices: &mut Unstructured<'_>) -> Result<Vec<u64>> {
    Ok(vec![2, 5, 29, *choices.choose(&[20, 35, 28, 27, 46, 29, 99])?])
}

fn shown(der: &[u8]) -> String {
    der.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn compare(der: &[u8], ca: &TestCa, cert: &TestCert, is_required: bool) {
    let (_, theirs) =
        CertificateRevocationList::from_der(der).unwrap_or_else(|error| panic!("{error}\n{}", shown(der)));
    let (_, issuer) = X509Certificate::from_der(ca.certificate()).expect("a certificate");
    // In somebody else's name it says nothing of our certificates.
    let is_ours = theirs.issuer().as_raw() == issuer.subject().as_raw();
    let serial = cert.serial().as_bytes();
    let is_named = is_ours
        && theirs
            .iter_revoked_certificates()
            .any(|entry| shortest(entry.raw_serial()) == serial);
    assert!(
        !is_named,
        "{} is on the list\n{}",
        cert.serial().as_bytes().len(),
        shown(der)
    );
    let list = BorrowedCertRevocationList::from_der(der);
    // Where nothing is required, a list that is about others is passed over, and webpki need not read it.
    let list = match list {
        Ok(list) => list.into(),
        Err(error) => {
            assert!(!is_required, "{error:?}\n{}", shown(der));
            return;
        }
    };
    let (lists, anchors) = (
        [&list],
        [webpki::anchor_from_trusted_cert(ca.certificate()).expect("an anchor")],
    );
    let options = RevocationOptionsBuilder::new(&lists).expect("a list");
    let unknown = match is_required {
        true => UnknownStatusPolicy::Deny,
        false => UnknownStatusPolicy::Allow,
    };
    let options = options
        .with_status_policy(unknown)
        .with_expiration_policy(ExpirationPolicy::Enforce)
        .build();
    let end_entity = webpki::EndEntityCert::try_from(cert.leaf()).expect("a certificate");
    let usage = webpki::KeyUsage::client_auth();
    // In the very second of its next update a list still counts (RFC 5280 section 6.3.3: until "after" it); webpki ends it there.
    let is_last = theirs.next_update().map(|end| end.timestamp()) == Some(NOW.as_secs() as i64);
    let time = at(NOW.as_secs() - u64::from(is_last));
    let path = end_entity.verify_for_usage(algorithms(), &anchors, &[], time, usage, Some(options), None);
    assert!(path.is_ok(), "{:?}\n{}", path.err(), shown(der));
}
