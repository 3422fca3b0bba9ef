//! Fields that should hold certificates, from a hop that is trusted and hands on whatever it is given.

use countersign::forwarded::{CertificateEncoding, Format, Forwarder, Hop, Hops, UnverifiedFormat};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::grows;

const LIMIT: usize = 64 * 1024;

fn field() -> HeaderName {
    HeaderName::from_static("x-client-cert")
}

fn read(format: Format, text: &str) -> impl Fn() + use<> {
    let forwarder = Forwarder::new(Hops::nobody().with_unix_socket(), format).expect("fields");
    let mut headers = HeaderMap::new();
    let name = forwarder.format().certificate_field().clone();
    headers.insert(name, HeaderValue::from_str(text).expect("a value"));
    move || assert!(forwarder.present(Some(&Hop::unix_socket()), &headers).is_err())
}

/// What servers read of a head: so many fields, each of which has to be told from ours.
#[test]
fn heads_with_many_fields() {
    const FIELDS: usize = 10_000;
    let forwarder = Forwarder::new(
        Hops::nobody().with_unix_socket(),
        UnverifiedFormat::envoy().verified_here(),
    );
    let forwarder = forwarder.expect("fields");
    let certificate = forwarder.format().certificate_field().clone();
    let other = |number: usize| {
        let name = format!("x-forwarded-client-cer{number}");
        HeaderName::try_from(name).expect("a name")
    };
    #[rustfmt::skip]
    let table: Vec<(&str, Box<dyn Fn(usize) -> (HeaderName, &'static str)>)> = vec![
        ("that are nearly ours", Box::new(move |number| (other(number), "By=a"))),
        ("of ours", Box::new(move |_| (certificate.clone(), "By=a"))),
        ("that name ours hop by hop", Box::new(|_| (http::header::CONNECTION, "x-forwarded-client-cer,a"))),
    ];
    for (name, field) in table {
        grows(&format!("a head of fields {name}"), FIELDS, |count| {
            let headers: HeaderMap = (0..count)
                .map(|number| {
                    let (name, value) = field(number);
                    (name, HeaderValue::from_static(value))
                })
                .collect();
            let forwarder = forwarder.clone();
            Box::new(move || {
                let trusted = forwarder.present(Some(&Hop::unix_socket()), &headers);
                assert!(trusted.map(|found| found.is_none()).unwrap_or(true));
                let _ = forwarder.present(None, &headers);
                // Of one name that stands there many times, `http` looks at all when one is taken away, in builds such as
                // this one, with its own assertions on.
                if !forwarder.is_there(&headers) {
                    let mut kept = headers.clone();
                    forwarder.strip(&mut kept);
                    assert!(!forwarder.is_there(&kept));
                }
            })
        });
    }
}

#[test]
fn forwarded_certificates() {
    let plain = |encoding| UnverifiedFormat::custom(field(), encoding).verified_here();
    let begin = "-----BEGIN CERTIFICATE----- ";
    #[rustfmt::skip]
    let table: Vec<(&str, Format, &str)> = vec![
        ("marks that begin", plain(CertificateEncoding::PemOnOneLine), begin),
        ("marks that begin and end", plain(CertificateEncoding::PemOnOneLine), "-----BEGIN CERTIFICATE----- -----END CERTIFICATE----- "),
        ("half a mark", plain(CertificateEncoding::PemOnOneLine), "-----BEGIN "),
        ("hyphens", plain(CertificateEncoding::PemOnOneLine), "-"),
        ("spaces and tabs", plain(CertificateEncoding::PemOnOneLine), " \t"),
        ("escapes", plain(CertificateEncoding::PercentEncodedPemChain), "%2D"),
        ("escaped lines", plain(CertificateEncoding::PercentEncodedPemChain), "%0A"),
        ("percent signs", plain(CertificateEncoding::PercentEncodedPem), "%"),
        ("escaped marks", plain(CertificateEncoding::PercentEncodedPemChain), "-----BEGIN%20CERTIFICATE-----%0A-----END%20CERTIFICATE-----%0A"),
        ("commas", plain(CertificateEncoding::Base64DerList), ","),
        ("one after the other", plain(CertificateEncoding::Base64DerList), "AAAA,"),
        ("quotes", plain(CertificateEncoding::QuotedBase64Der), "\""),
        ("DER of nothing", plain(CertificateEncoding::ConcatenatedBase64Der), "MAAwADAA"),
        ("sequences", Format::rfc_9440(), ":AAAA:,"),
        ("colons", Format::rfc_9440(), ":"),
        ("pairs", UnverifiedFormat::envoy().verified_here(), "By=a;"),
        ("elements", UnverifiedFormat::envoy_append_forward().verified_here(), "By=a,"),
        ("quotes in pairs", UnverifiedFormat::envoy().verified_here(), "By=\"a\";"),
        ("backslashes", UnverifiedFormat::envoy().verified_here(), "By=\"\\"),
        ("equals signs", UnverifiedFormat::envoy().verified_here(), "="),
    ];
    for (name, format, part) in table {
        grows(&format!("a certificate of {name}"), LIMIT, |bytes| {
            // Whatever comes of it, the end is none of it.
            let text = format!("{}!", part.repeat((bytes - 1) / part.len()));
            Box::new(read(format.clone(), &text))
        });
    }
}
