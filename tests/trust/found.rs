//! Lists as people make files of them: none of these may let the client in whose serial number they revoke.

use countersign::identity::{PeerChain, SerialNumber};
use countersign::testing::utc;
use countersign::tls::rustls::pki_types::CertificateDer;
use countersign::tls::rustls::pki_types::pem::PemObject as _;
use countersign::trust::{Crls, PrivateCa, Revocation, Role, Untrusted, VerifiedPeer};

use crate::shared::vectors;
use crate::stage::algorithms;

/// What becomes of the client: the refusal, or why there is no configuration.
fn asked(folder: &std::path::Path) -> String {
    let now = utc(2026, 11, 27);
    let file = |name: &str| std::fs::read(folder.join(name)).expect("a file");
    let crls = match Crls::from_pem(&file("crl.pem"), now) {
        Ok(crls) => crls,
        Err(invalid) => return format!("no lists: {invalid}"),
    };
    let built = PrivateCa::builder(algorithms())
        .pem(&file("ca.pem"))
        .with_revocation(Revocation::best_effort(crls))
        .build(now);
    let trust = match built {
        Ok(trust) => trust,
        Err(invalid) => return format!("no anchors: {invalid}"),
    };
    let text = String::from_utf8(file("chain.pem")).expect("text");
    let chain = PeerChain::parse(certificates(&text)).expect("a chain");
    match VerifiedPeer::verify(&trust, chain, Role::Client, now) {
        Ok(_) => "TRUSTED".to_owned(),
        Err(untrusted) => untrusted.to_string(),
    }
}

fn certificates(text: &str) -> Vec<CertificateDer<'static>> {
    let read = CertificateDer::pem_slice_iter(text.as_bytes()).collect::<Result<_, _>>();
    read.expect("certificates")
}

#[test]
fn the_files_of_lists_that_were_found_let_nobody_in_whom_they_revoke() {
    let Some(found) = vectors("found/crl") else {
        return;
    };
    let serial = SerialNumber::from_bytes(&[77]);
    let revoked = Untrusted::Revoked { serial }.to_string();
    let mut seen = Vec::new();
    for folder in std::fs::read_dir(found).expect("a folder") {
        let folder = folder.expect("an entry").path();
        let name = folder.file_name().expect("a name").to_string_lossy().into_owned();
        seen.push((name, asked(&folder)));
    }
    seen.sort();
    let no_lists =
        |line: usize, why: &str| format!("no lists: the CRLs cannot be taken as PEM: line {line}: {why}");
    let joined = no_lists(
        7,
        "an END and the next BEGIN in one line; texts were joined, and one lacks its last line break",
    );
    let indented = no_lists(
        8,
        "a BEGIN or END is indented; put it at the beginning of its line",
    );
    let label = no_lists(
        8,
        "CRL is not read here; the label of a CRL is X509 CRL (RFC 7468 6)",
    );
    let expected = [
        ("1-clean", revoked.clone()),
        ("2-bom", revoked.clone()),
        ("3-concat-without-newline", joined.clone()),
        ("4-concat-without-newline-AB", joined),
        ("5-pasted-with-indent", indented),
        ("6-label-CRL", label),
        ("7-idp-no-dp-best", revoked),
    ];
    assert_eq!(seen, expected.map(|(name, said)| (name.to_owned(), said)));
}
