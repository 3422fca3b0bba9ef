//! Formats as they are configured: whose verification it is, what is not built, what is removed.

use countersign::forwarded::{
    Assurance, CertificateEncoding, Format, Forwarder, Hops, InvalidForwarder, UnverifiedFormat,
};
use http::{HeaderMap, HeaderValue};

use super::forwarder;
use crate::vectors::{FORMATS, field, format};

/// Formats that do not say whether the proxy has verified the certificate have a type of their own, and say so.
#[test]
fn a_format_says_whose_verification_it_is() {
    let unverified = [
        "envoy",
        "envoy_append_forward",
        "traefik",
        "caddy",
        "aws_alb_passthrough",
        "cloudfront",
        "azure_app_service",
        "azure_container_apps",
        "cloudflare_access",
        "cloudflare_client_cert",
        "ngrok",
    ];
    for name in FORMATS {
        let expected = match unverified.contains(name) {
            true => Assurance::VerifiedHere,
            false => Assurance::VerifiedTwice,
        };
        assert_eq!(format(name).assurance(), expected, "{name}");
    }
}

#[test]
fn what_no_request_could_be_read_by_is_not_built() {
    let twice = |name| Err(InvalidForwarder::Twice { field: field(name) });
    let reserved = |name| Err(InvalidForwarder::Reserved { field: field(name) });
    let nginx = |certificate, verify| Format::nginx(field(certificate), field(verify));
    let caddy = |certificate| UnverifiedFormat::caddy(field(certificate)).verified_here();
    #[rustfmt::skip]
    let table = [
        ("one field for two things", nginx("x-cert", "x-cert"), twice("x-cert")),
        ("two that pass for one", nginx("x-cert", "x_cert"), twice("x-cert")),
        ("a chain in the certificate's field", caddy("x-cert").with_chain(field("x.cert"), CertificateEncoding::Base64DerList), twice("x-cert")),
        ("the host", caddy("host"), reserved("host")),
        ("a password", nginx("x-cert", "authorization"), reserved("authorization")),
        ("good", nginx("x-cert", "x-verify"), Ok(())),
        ("underscores alone, as Apache's variables have", nginx("ssl_client_cert", "ssl_client_verify"), Ok(())),
    ];
    for (name, format, expected) in table {
        let built = Forwarder::new(Hops::nobody(), format).map(drop);
        assert_eq!(built, expected, "{name}");
    }
}

/// Every field that says who the client is goes, in each spelling, and nothing else does.
#[test]
fn what_is_removed() {
    #[rustfmt::skip]
    let table: &[(&str, &[&str])] = &[
        ("rfc_9440", &["client-cert", "client_cert", "client-cert-chain", "client_cert.chain"]),
        ("envoy", &["x-forwarded-client-cert", "x_forwarded_client_cert"]),
        ("ingress_nginx", &["ssl-client-cert", "ssl-client-verify", "ssl-client-subject-dn", "ssl_client_issuer_dn"]),
        ("openshift", &["x-ssl-client-der", "x-ssl-client-cn", "x_ssl_client_dn", "x-ssl-issuer", "x-ssl-client-sha1"]),
        ("traefik", &["x-forwarded-tls-client-cert", "x-forwarded-tls-client-cert-info", "x_forwarded_tls_client_cert_info"]),
        ("aws_alb_verify", &["x-amzn-mtls-clientcert", "x-amzn-mtls-clientcert-leaf", "x-amzn-mtls-clientcert-subject"]),
        ("aws_alb_passthrough", &["x-amzn-mtls-clientcert", "x-amzn-mtls-clientcert-leaf"]),
        ("google_cloud", &["x-client-cert-leaf", "x-client-cert-spiffe-id", "x-client-cert-error"]),
        ("cloudflare", &["client-cert", "cf-cert-verified", "cf-cert-subject-dn"]),
        ("cloudfront", &["cloudfront-viewer-cert-pem", "cloudfront-viewer-cert-subject"]),
    ];
    for (name, fields) in table {
        let forwarder = forwarder(name);
        let mut headers = HeaderMap::new();
        for other in [
            "host",
            "x-request-id",
            "client-certificate",
            "x-client",
            "signature",
        ] {
            headers.insert(other, HeaderValue::from_static("kept"));
        }
        let kept = headers.clone();
        for removed in *fields {
            headers.append(field(removed), HeaderValue::from_static("a"));
            headers.append(field(removed), HeaderValue::from_static("b"));
        }
        assert!(forwarder.is_there(&headers), "{name}");
        let mut named = headers.clone();
        let options = format!("close,{} ,,  keep-alive", fields.join(", "));
        named.append("connection", options.parse().expect("a value"));
        forwarder.strip(&mut headers);
        assert_eq!(headers, kept, "{name}");
        forwarder.strip(&mut named);
        headers.insert("connection", HeaderValue::from_static("close, keep-alive"));
        assert_eq!(
            named, headers,
            "{name}: no next hop drops what is written in their place"
        );
        named.insert("connection", fields.join(",").parse().expect("a value"));
        forwarder.strip(&mut named);
        headers.remove("connection");
        assert_eq!(named, headers, "{name}: nothing else");
        assert!(!forwarder.is_there(&headers), "{name}");
    }
}
