//! What Envoy writes, what it does not, and names that read as an element of it.

use countersign::forwarded::{InvalidXfcc, NotForwarded, UnreadableField};
use rustls::pki_types::CertificateDer;

use super::read_case;
use crate::vectors::{case, field};

#[test]
fn what_envoy_does_not_write_is_refused() {
    use InvalidXfcc::{CertNotInChain, Key, KeyTwice, NoCert, Pair, Quote, Several, TooMany};
    let real = case("envoy").fields[0].1.clone();
    let hash = &real[real.find("Hash=").expect("a hash")..][..69];
    let cert = &real[real.find("Cert=").expect("a certificate")..real.find(";Subject").expect("a subject")];
    let other = cert.replacen("MIIB", "MIIC", 1);
    let chain = |inner: &str| format!("Chain={}", inner.trim_start_matches("Cert="));
    let both = |first: &str, second: &str| format!("{first},{second}");
    let xfcc = |why: InvalidXfcc| Err(UnreadableField::Xfcc(why));
    let good = || Ok(());
    let several = || Err(UnreadableField::Several);
    #[rustfmt::skip]
    let table: Vec<(&str, String, Result<(), UnreadableField>, Result<(), UnreadableField>)> = vec![
        ("a certificate", cert.to_owned(), good(), good()),
        ("two in one Cert", format!("{}{}", cert.trim_end_matches('"'), cert.trim_start_matches("Cert=\"")), several(), several()),
        ("keys of any case", cert.replace("Cert", "cERT"), good(), good()),
        ("Cert without quotes", cert.replace('"', ""), good(), good()),
        ("nothing", String::new(), Err(UnreadableField::Empty), Err(UnreadableField::Empty)),
        ("no certificate", hash.to_owned(), xfcc(NoCert), xfcc(NoCert)),
        ("only names", "By=spiffe://a/b;URI=spiffe://c/d".to_owned(), xfcc(NoCert), xfcc(NoCert)),
        ("a hash of another", format!("Hash={};{cert}", "0".repeat(64)), Err(UnreadableField::OtherHash), Err(UnreadableField::OtherHash)),
        ("half a hash", format!("Hash={};{cert}", &hash[5..37]), Err(UnreadableField::OtherHash), Err(UnreadableField::OtherHash)),
        ("Cert twice", format!("{cert};{other}"), xfcc(KeyTwice), xfcc(KeyTwice)),
        ("Cert twice, in another case", format!("{cert};{}", other.replace("Cert", "CERT")), xfcc(KeyTwice), xfcc(KeyTwice)),
        ("a URI that has a hash in it", format!("{hash};{cert};URI=urn:a;{hash}"), xfcc(KeyTwice), xfcc(KeyTwice)),
        ("Subject twice", format!("{cert};Subject=\"\";Subject=\"\""), xfcc(KeyTwice), xfcc(KeyTwice)),
        ("Chain of another", format!("{cert};{}", chain(&other)), xfcc(CertNotInChain), xfcc(CertNotInChain)),
        ("a key that nobody knows", format!("{cert};Name=x"), xfcc(Key), xfcc(Key)),
        ("a space before a key", format!("{hash}; {cert}"), xfcc(Key), xfcc(Key)),
        ("no key", format!("=x;{cert}"), xfcc(Key), xfcc(Key)),
        ("a pair without a value", format!("{cert};By"), xfcc(Pair), xfcc(Pair)),
        ("a By with semicolons", format!("By=urn:abc:p(a;None;i001);{cert}"), xfcc(Pair), xfcc(Pair)),
        ("a semicolon at the end", format!("{cert};"), xfcc(Pair), xfcc(Pair)),
        ("a comma at the end", format!("{cert},"), xfcc(Pair), xfcc(Pair)),
        ("a comma at the beginning", format!(",{cert}"), xfcc(Pair), xfcc(Pair)),
        ("a quote that is open", cert.trim_end_matches('"').to_owned(), xfcc(Quote), xfcc(Quote)),
        ("a quote within", format!("By=a\"b;{cert}"), xfcc(Quote), xfcc(Quote)),
        ("a backslash without quotes", format!("By=a\\,b;{cert}"), xfcc(Quote), xfcc(Quote)),
        ("something behind the quote", format!("{cert}x"), xfcc(Quote), xfcc(Quote)),
        ("a quote that is escaped at the end", format!("{cert};Subject=\"\\\""), xfcc(Quote), xfcc(Quote)),
        ("a subject that looks like more", format!("{cert};Subject=\"CN=\\\";Cert=x,y\\\"\""), good(), good()),
        ("two elements", both(cert, cert), xfcc(Several), good()),
        ("two, with a space between", both(cert, &format!(" {cert}")), xfcc(Several), good()),
        ("the last without a certificate", both(cert, hash), xfcc(Several), xfcc(NoCert)),
        ("the first without one", both(hash, cert), xfcc(Several), good()),
        ("the first with garbage for one", both("Cert=x", cert), xfcc(Several), Err(garbage())),
        ("the first opens a quote", both("By=\"x", cert), xfcc(Quote), xfcc(Quote)),
        ("the first escapes the comma", format!("By=\"x\\,{cert}"), xfcc(Quote), xfcc(Quote)),
        ("the first is no pair", both("x", cert), xfcc(Pair), xfcc(Pair)),
        ("nine elements", [cert; 9].join(","), xfcc(TooMany), xfcc(TooMany)),
        ("very many pairs", format!("{}{cert}", "By=a;".repeat(256)), xfcc(TooMany), xfcc(TooMany)),
    ];
    for (name, text, only, last) in table {
        for (format, expected) in [("envoy", only), ("envoy_append_forward", last)] {
            let changed = case(format).with("x-forwarded-client-cert", |_| text.clone());
            let read = read_case(&changed).map(|read| assert!(read.is_some(), "{name}"));
            let field = field("x-forwarded-client-cert");
            let expected = expected.map_err(|problem| NotForwarded::Unreadable { field, problem });
            assert_eq!(read, expected, "{format}: {name}");
        }
    }
}

/// What the reader of PEM says of no PEM at all.
fn garbage() -> UnreadableField {
    let nginx = case("nginx").with("x-client-cert", |_| "x".into());
    match read_case(&nginx) {
        Err(NotForwarded::Unreadable { problem, .. }) => problem,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_name_that_reads_as_an_element_is_refused() {
    let ca = countersign::testing::TestCa::new("Acme Root");
    let (good, victim) = (
        ca.client("spiffe://acme.example/a"),
        ca.client("spiffe://acme.example/b"),
    );
    let (good, victim) = (good.issue(), victim.issue());
    let evil = ca.client("spiffe://acme.example/a,By=x;Cert=y").issue();
    let element = |certificate: &countersign::testing::TestCert| {
        let pem = countersign_pem(certificate.leaf());
        format!("Cert=\"{pem}\";URI=x")
    };
    let read = |elements: &[&countersign::testing::TestCert]| {
        let text: Vec<_> = elements.iter().map(|certificate| element(certificate)).collect();
        let changed = case("envoy_append_forward").with("x-forwarded-client-cert", |_| text.join(","));
        let read = read_case(&changed);
        read.map(|read| read.map(|certificates| certificates[0].clone()))
    };
    let name = UnreadableField::Xfcc(InvalidXfcc::Name);
    let field = field("x-forwarded-client-cert");
    let refused = Err(NotForwarded::Unreadable { field, problem: name });
    assert_eq!(read(&[&good, &victim]), Ok(Some(victim.leaf().clone())));
    assert_eq!(read(&[&evil, &victim]), refused);
    assert_eq!(read(&[&good, &evil, &victim]), refused);
    assert_eq!(read(&[&evil]), refused);
}

fn countersign_pem(der: &CertificateDer<'_>) -> String {
    use base64::Engine as _;
    let base64 = base64::engine::general_purpose::STANDARD.encode(der);
    let pem = format!("-----BEGIN CERTIFICATE-----\n{base64}\n-----END CERTIFICATE-----\n");
    let escapes = [
        ('\n', "%0A"),
        (' ', "%20"),
        ('+', "%2B"),
        ('/', "%2F"),
        ('=', "%3D"),
    ];
    escapes
        .iter()
        .fold(pem, |pem, (character, escape)| pem.replace(*character, escape))
}
