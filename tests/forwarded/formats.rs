//! Every format: what it reads, and what it refuses.

mod built;
mod envoy;

use std::collections::BTreeSet;

use countersign::forwarded::{CertificateEncoding, Forwarder, Hop, Hops, NotForwarded, UnreadableField};
use http::{HeaderMap, HeaderValue};
use rustls::pki_types::CertificateDer;

use crate::vectors::{Case, FORMATS, case, cases, certificate, field, format};

/// Why a field is not read.
enum Why {
    Is(UnreadableField),
    Pem(&'static str),
}

type Read = Result<Option<Vec<CertificateDer<'static>>>, NotForwarded>;

fn forwarder(name: &str) -> Forwarder {
    Forwarder::new(Hops::nobody().with_unix_socket(), format(name)).expect(name)
}

fn read(name: &str, headers: &HeaderMap) -> Read {
    let forwarded = forwarder(name).present(Some(&Hop::unix_socket()), headers)?;
    Ok(forwarded.map(|forwarded| forwarded.certificates().to_vec()))
}

fn read_case(case: &Case) -> Read {
    read(&case.format, &case.headers())
}

fn unreadable(name: &str, problem: UnreadableField) -> Read {
    let field = field(name);
    Err(NotForwarded::Unreadable { field, problem })
}

#[test]
fn each_vector_is_read() {
    let mut seen = BTreeSet::new();
    for case in cases() {
        let Case { format, name, .. } = &case;
        assert_eq!(read_case(&case), Ok(Some(case.expected())), "{format}: {name}");
        seen.insert(format.clone());
    }
    let all = FORMATS.iter().map(|format| (*format).to_owned());
    assert_eq!(seen, all.collect(), "each format has a vector");
}

#[test]
fn no_field_is_no_certificate() {
    for name in FORMATS {
        assert_eq!(read(name, &HeaderMap::new()), Ok(None), "{name}");
    }
}

/// Each field that a format reads: twice, under another spelling, named by `Connection`, too large, not ASCII.
#[test]
fn what_a_trusted_hop_never_sends_is_refused_in_each_format() {
    for name in FORMATS {
        let (case, forwarder) = (case(name), forwarder(name));
        let hop = Hop::unix_socket();
        let refused = |headers: &HeaderMap| forwarder.present(Some(&hop), headers).map(drop);
        for field in forwarder.format().fields() {
            let headers = case.headers();
            let Some(value) = headers.get(field).cloned() else {
                continue;
            };
            let with = |change: &dyn Fn(&mut HeaderMap)| {
                let mut headers = headers.clone();
                change(&mut headers);
                headers
            };
            if !field.as_str().ends_with("-chain") || *name == "haproxy" {
                let twice = with(&|headers| {
                    headers.append(field, value.clone());
                });
                let field = field.clone();
                assert_eq!(refused(&twice), Err(NotForwarded::Repeated { field }), "{name}");
            }
            for other in ["_", "."] {
                let alias = crate::vectors::field(&field.as_str().replacen('-', other, 1));
                let beside = with(&|headers| drop(headers.insert(&alias, value.clone())));
                let alias = NotForwarded::Alias { field: alias };
                assert_eq!(refused(&beside), Err(alias), "{name}: {field}");
            }
            for options in ["{}", "close, {}", "keep-alive,{} , x"] {
                let option = options.replace("{}", &field.as_str().to_uppercase().replace('-', "_"));
                let option = HeaderValue::from_str(&option).expect("options");
                let named = with(&|headers| {
                    headers.append("connection", option.clone());
                });
                let field = field.clone();
                assert_eq!(refused(&named), Err(NotForwarded::HopByHop { field }), "{name}");
            }
            let not_ascii = with(&|headers| {
                headers.insert(field, HeaderValue::from_bytes(b"\xc3\xa9").expect("a value"));
            });
            let unreadable = NotForwarded::Unreadable {
                field: field.clone(),
                problem: UnreadableField::NotAscii,
            };
            assert_eq!(refused(&not_ascii), Err(unreadable), "{name}: {field}");
            let large = with(&|headers| {
                let value = "a".repeat(64 * 1024 + 1);
                headers.insert(field, HeaderValue::from_str(&value).expect("a value"));
            });
            let too_large = NotForwarded::TooLarge { limit: 64 * 1024 };
            assert_eq!(refused(&large), Err(too_large), "{name}: {field}");
        }
    }
}

#[test]
fn a_limit_of_ones_own() {
    let (case, hop) = (case("nginx"), Hop::unix_socket());
    let size: usize = case.fields.iter().map(|(_, value)| value.len()).sum();
    let limited = |limit| {
        let forwarded = forwarder("nginx")
            .with_limit(limit)
            .present(Some(&hop), &case.headers());
        forwarded.map(|forwarded| forwarded.is_some())
    };
    assert_eq!(limited(size), Ok(true));
    assert_eq!(limited(size - 1), Err(NotForwarded::TooLarge { limit: size - 1 }));
}

/// A format of which the fields hold another's form: never no certificate, and never a certificate.
#[test]
fn a_wrong_format_is_refused() {
    let value = |case: &Case, place: usize| case.fields[place].1.clone();
    let forms = [
        value(&case("rfc_9440"), 0),
        value(&case("envoy"), 0),
        value(&case("nginx"), 0),
        value(&case("haproxy"), 0),
        value(&case("openshift"), 1),
        value(&case("apache"), 0),
        value(&case("traefik"), 0),
        value(&case("aws_alb_passthrough"), 0),
    ];
    // One is read by several: ALB escapes a part of what nginx does, one DER is a list of one.
    let also = |name: &str, form: usize| match name {
        "rfc_9440" | "google_cloud" | "cloudflare" | "cloudflare_client_cert" => form == 0,
        "envoy" | "envoy_append_forward" | "azure_container_apps" => form == 1,
        "nginx" | "ingress_nginx" | "aws_alb_verify" | "cloudfront" | "azure_application_gateway" => {
            form == 2
        }
        "haproxy" | "caddy" | "azure_app_service" | "cloudflare_access" | "custom" => form == 3,
        "openshift" => form == 4,
        "apache" | "ngrok" => form == 5,
        "traefik" => form == 3 || form == 6,
        "aws_alb_passthrough" => form == 2 || form == 7,
        other => panic!("{other}"),
    };
    for name in FORMATS {
        let certificate = format(name).certificate_field().clone();
        for (form, value) in forms.iter().enumerate() {
            let read = read_case(&case(name).with(certificate.as_str(), |_| value.clone()));
            match read {
                Ok(Some(_)) => assert!(also(name, form), "{name} reads form {form}"),
                Err(NotForwarded::Unreadable { field, .. }) => {
                    assert!(!also(name, form), "{name} does not read form {form}");
                    assert_eq!(field, certificate, "{name}, {form}");
                }
                other => panic!("{name}, {form}: {other:?}"),
            }
        }
    }
}

#[test]
fn a_certificate_that_is_not_written_as_it_must_be() {
    use UnreadableField::{Base64, Empty, NotCanonical, NotQuoted, NotStructured, Percent, Several};
    let nginx = |change: &dyn Fn(&str) -> String| case("nginx").with("x-client-cert", change);
    let apache = |change: &dyn Fn(&str) -> String| case("apache").with("x-client-cert", change);
    let haproxy = |change: &dyn Fn(&str) -> String| case("haproxy").with("x-client-cert", change);
    let rfc = |change: &dyn Fn(&str) -> String| case("rfc_9440").with("client-cert", change);
    let chain = |change: &dyn Fn(&str) -> String| case("rfc_9440").with("client-cert-chain", change);
    let openshift = |change: &dyn Fn(&str) -> String| case("openshift").with("x-ssl-client-der", change);
    let traefik =
        |change: &dyn Fn(&str) -> String| case("traefik").with("x-forwarded-tls-client-cert", change);
    let cut = |value: &str, by: usize| value[..value.len() - by].to_owned();
    #[rustfmt::skip]
    let table: Vec<(&str, Case, &str, Why)> = vec![
        ("no colons", rfc(&|value| value.trim_matches(':').to_owned()), "client-cert", Why::Is(NotStructured)),
        ("a colon too few", rfc(&|value| cut(value, 1)), "client-cert", Why::Is(NotStructured)),
        ("a space within", rfc(&|value| value.replacen("II", "I I", 1)), "client-cert", Why::Is(NotStructured)),
        ("a line break as an escape", rfc(&|value| value.replacen("II", "I%0AI", 1)), "client-cert", Why::Is(NotStructured)),
        ("something behind it", rfc(&|value| format!("{value} x")), "client-cert", Why::Is(NotStructured)),
        ("a parameter", rfc(&|value| format!("{value};a=1")), "client-cert", Why::Is(NotStructured)),
        ("two in one", rfc(&|value| format!("{value}, {value}")), "client-cert", Why::Is(NotStructured)),
        ("a string", rfc(&|_| "\"abc\"".to_owned()), "client-cert", Why::Is(NotStructured)),
        ("without its padding", rfc(&|value| value.replace('=', "")), "client-cert", Why::Is(NotCanonical)),
        ("stray bits", rfc(&|value| value.replace("yhk=:", "yhl=:")), "client-cert", Why::Is(NotCanonical)),
        ("white space around it", rfc(&|value| format!(" {value}")), "client-cert", Why::Is(NotCanonical)),
        ("an empty sequence", rfc(&|_| "::".to_owned()), "client-cert", Why::Is(Empty)),
        ("an empty field", rfc(&|_| String::new()), "client-cert", Why::Is(Empty)),
        ("a chain that is one base64", chain(&|value| value.replace(":, :", "")), "client-cert-chain", Why::Is(NotStructured)),
        ("an inner list", chain(&|value| format!("({value})")), "client-cert-chain", Why::Is(NotStructured)),
        ("a comma at the end", chain(&|value| format!("{value},")), "client-cert-chain", Why::Is(NotStructured)),
        ("stray bits in a chain", chain(&|value| value.replace("GMg==:", "GMh==:")), "client-cert-chain", Why::Is(NotCanonical)),
        ("encoded twice", nginx(&|value| value.replace('%', "%25")), "x-client-cert", Why::Pem("line 1: the line breaks are lost; put BEGIN and END on lines of their own")),
        ("half an escape", nginx(&|value| format!("{value}%0")), "x-client-cert", Why::Is(Percent)),
        ("no escape", nginx(&|value| value.replacen("%20", "%2x", 1)), "x-client-cert", Why::Is(Percent)),
        ("a plus for a space, as in a form", nginx(&|value| value.replace("%20", "+")), "x-client-cert", Why::Pem("line 1: not quite a BEGIN or END; write it alone on its line, with five hyphens at each end")),
        ("a plus as a space", nginx(&|value| value.replacen("%2B", "%20", 1)), "x-client-cert", Why::Pem("line 1: CERTIFICATE does not hold well-formed base64; export it again")),
        ("two certificates", nginx(&|value| format!("{value}{value}")), "x-client-cert", Why::Is(Several)),
        ("something behind it", nginx(&|value| format!("{value}x")), "x-client-cert", Why::Pem("something stands beside the certificates; send nothing else")),
        ("something before it", nginx(&|value| format!("x%0A{value}")), "x-client-cert", Why::Pem("something stands beside the certificates; send nothing else")),
        ("a space behind it", nginx(&|value| format!("{value}%20%0A")), "x-client-cert", Why::Pem("something stands beside the certificates; send nothing else")),
        ("a byte order mark", nginx(&|value| format!("%EF%BB%BF{value}")), "x-client-cert", Why::Pem("something stands beside the certificates; send nothing else")),
        ("another label", nginx(&|value| value.replace("CERTIFICATE", "PUBLIC%20KEY")), "x-client-cert", Why::Pem("line 1: PUBLIC KEY is not read here; keep it in a file of its own")),
        ("a trusted certificate", nginx(&|value| value.replace("CERTIFICATE", "TRUSTED%20CERTIFICATE")), "x-client-cert", Why::Pem("line 1: TRUSTED CERTIFICATE is not read here; write it as CERTIFICATE with `openssl x509`")),
        ("cut off", nginx(&|value| cut(value, 40)), "x-client-cert", Why::Pem("line 1: CERTIFICATE has no END; the text was cut off, export it again")),
        ("base64 cut off", nginx(&|value| value.replace("k%3D%0A-----END", "%0A-----END")), "x-client-cert", Why::Pem("line 1: CERTIFICATE does not hold well-formed base64; export it again")),
        ("a header of RFC 1421", nginx(&|value| value.replacen("%0AMII", "%0AProc-Type:%204%2CENCRYPTED%0AMII", 1)), "x-client-cert", Why::Pem("line 1: CERTIFICATE is not read here; keep it in a file of its own")),
        ("a space in the mark as a tab", apache(&|value| value.replacen("BEGIN C", "BEGIN\tC", 1)), "x-client-cert", Why::Pem("line 1: the line breaks are lost; put BEGIN and END on lines of their own")),
        ("two certificates on a line", apache(&|value| format!("{value} {value}")), "x-client-cert", Why::Is(Several)),
        ("glued together", apache(&|value| format!("{}{value}", value.trim_end())), "x-client-cert", Why::Pem("line 11: an END and the next BEGIN in one line; texts were joined, and one lacks its last line break")),
        ("something behind the last mark", apache(&|value| format!("{value} x")), "x-client-cert", Why::Pem("something stands beside the certificates; send nothing else")),
        ("breaks as backslash and n", apache(&|value| value.trim_end().replace(' ', "\\n").replace("BEGIN\\n", "BEGIN ").replace("END\\n", "END ")), "x-client-cert", Why::Pem("line 1: the lines are joined by `\\n`, a backslash and a letter; put line breaks in their place")),
        ("a space within", haproxy(&|value| value.replacen("II", "I I", 1)), "x-client-cert", Why::Is(Base64)),
        ("a space behind it", haproxy(&|value| format!("{value} ")), "x-client-cert", Why::Is(Base64)),
        ("the alphabet of URLs", haproxy(&|value| value.replace('/', "_")), "x-client-cert", Why::Is(Base64)),
        ("without its padding", haproxy(&|value| value.trim_end_matches('=').to_owned()), "x-client-cert", Why::Is(Base64)),
        ("stray bits", haproxy(&|value| value.replace("yhk=", "yhl=")), "x-client-cert", Why::Is(Base64)),
        ("cut off", haproxy(&|value| cut(value, 3)), "x-client-cert", Why::Is(Base64)),
        ("a bare minus, as logs have", haproxy(&|_| "-".to_owned()), "x-client-cert", Why::Is(Base64)),
        ("in quotes", haproxy(&|value| format!("\"{value}\"")), "x-client-cert", Why::Is(Base64)),
        ("two with a comma", haproxy(&|value| format!("{value},{value}")), "x-client-cert", Why::Is(Base64)),
        ("issuers that are not DER", case("haproxy").with("x-client-chain", |_| "AAAA".into()), "x-client-chain", Why::Is(UnreadableField::Der)),
        ("issuers that are cut off", case("haproxy").with("x-client-chain", |value| value[..400].into()), "x-client-chain", Why::Is(UnreadableField::Der)),
        ("issuers with something behind them", case("haproxy").with("x-client-chain", |_| "MAAA".into()), "x-client-chain", Why::Is(UnreadableField::Der)),
        ("a quote too few", openshift(&|value| value.trim_end_matches('"').to_owned()), "x-ssl-client-der", Why::Is(NotQuoted)),
        ("no quotes", openshift(&|value| value.trim_matches('"').to_owned()), "x-ssl-client-der", Why::Is(NotQuoted)),
        ("one quote", openshift(&|_| "\"".to_owned()), "x-ssl-client-der", Why::Is(NotQuoted)),
        ("quotes in quotes", openshift(&|value| format!("\"{value}\"")), "x-ssl-client-der", Why::Is(Base64)),
        ("a certificate of no bytes", case("ingress_nginx").with("ssl-client-cert", |_| "-----BEGIN%20CERTIFICATE-----%0A-----END%20CERTIFICATE-----%0A".into()), "ssl-client-cert", Why::Pem("line 1: what CERTIFICATE holds cannot be read; export it again")),
        ("a comma at the end", traefik(&|value| format!("{value},")), "x-forwarded-tls-client-cert", Why::Is(Empty)),
        ("a space behind the comma", traefik(&|value| value.replace(',', ", ")), "x-forwarded-tls-client-cert", Why::Is(Base64)),
        ("percent-encoded, as before 2.9.2", traefik(&|value| value.replace('/', "%2F")), "x-forwarded-tls-client-cert", Why::Is(Base64)),
        ("an empty field", case("azure_app_service").with("x-arr-clientcert", |_| String::new()), "x-arr-clientcert", Why::Is(Empty)),
        ("an empty field", case("aws_alb_verify").with("x-amzn-mtls-clientcert-leaf", |_| String::new()), "x-amzn-mtls-clientcert-leaf", Why::Is(Empty)),
        ("the whole chain for the leaf", case("aws_alb_verify").with("x-amzn-mtls-clientcert-leaf", |value| format!("{value}{value}")), "x-amzn-mtls-clientcert-leaf", Why::Is(Several)),
    ];
    for (name, case, field, problem) in table {
        let says = match problem {
            Why::Is(problem) => {
                assert_eq!(
                    read_case(&case),
                    unreadable(field, problem),
                    "{}: {name}",
                    case.format
                );
                continue;
            }
            // Its reasons are made by the reader of PEM alone.
            Why::Pem(says) => format!("{field} cannot be read: it is not PEM of certificates: {says}"),
        };
        let refused = read_case(&case).map_err(|refused| (refused.code(), refused.to_string()));
        assert_eq!(
            refused,
            Err(("forwarded.unreadable", says)),
            "{}: {name}",
            case.format
        );
    }
}

/// What says whether the proxy has verified the certificate, and whether there is one.
#[test]
fn a_status_counts_only_if_it_means_verified() {
    let no_status = |field_name: &str| {
        let field = field(field_name);
        Err(NotForwarded::NoStatus { field })
    };
    let not_verified = |field_name: &str, status: &str| {
        let (field, status) = (field(field_name), status.into());
        Err(NotForwarded::NotVerified { field, status })
    };
    let lost = |field_name: &str| {
        let field = field(field_name);
        Err(NotForwarded::CertificateLost { field })
    };
    let (cert, verify) = ("x-client-cert", "x-client-verify");
    let says = |format: &str, verify: &str, value: &str| case(format).with(verify, |_| value.to_owned());
    let bare = |format: &str, cert: &str, value: &str| case(format).with(cert, |_| value.to_owned());
    let (present, verified) = ("x-client-cert-present", "x-client-cert-chain-verified");
    let google = || bare("google_cloud", "x-client-cert-leaf", "").without("x-client-cert-chain");
    let long = format!("FAILED:{}", "x".repeat(100));
    #[rustfmt::skip]
    let table: Vec<(&str, Case, Read)> = vec![
        ("nginx: FAILED", says("nginx", verify, "FAILED:certificate has expired"), not_verified(verify, "FAILED:certificate has expired")),
        ("nginx: FAILED, at length", says("nginx", verify, &long), not_verified(verify, &long[..64])),
        ("nginx: NONE beside a certificate", says("nginx", verify, "NONE"), not_verified(verify, "NONE")),
        ("nginx: another case", says("nginx", verify, "success"), not_verified(verify, "success")),
        ("nginx: only its beginning", says("nginx", verify, "SUCCESS:"), not_verified(verify, "SUCCESS:")),
        ("nginx: empty", says("nginx", verify, ""), not_verified(verify, "")),
        ("nginx: no status", case("nginx").without(verify), no_status(verify)),
        ("nginx: no certificate", says("nginx", verify, "NONE").without(cert), Ok(None)),
        ("nginx: an empty certificate", says("nginx", verify, "NONE").with(cert, |_| String::new()), Ok(None)),
        ("nginx: no certificate, and SUCCESS", case("nginx").without(cert), lost(verify)),
        ("nginx: no certificate, and FAILED", says("nginx", verify, "FAILED:x").without(cert), not_verified(verify, "FAILED:x")),
        ("nginx: only the status's absence", case("nginx").without(verify).without(cert), Ok(None)),
        ("ingress-nginx: FAILED", says("ingress_nginx", "ssl-client-verify", "FAILED:x"), not_verified("ssl-client-verify", "FAILED:x")),
        ("HAProxy: 0 without a certificate", case("haproxy").without(cert).without("x-client-chain"), Ok(None)),
        ("HAProxy: 0 and an empty certificate", bare("haproxy", cert, "").with("x-client-chain", |_| String::new()), Ok(None)),
        ("HAProxy: 0 and only issuers", case("haproxy").without(cert), Err(NotForwarded::ChainAlone { field: field("x-client-chain") })),
        ("HAProxy: an error", says("haproxy", verify, "10"), not_verified(verify, "10")),
        ("HAProxy: 00", says("haproxy", verify, "00"), not_verified(verify, "00")),
        ("HAProxy: an error without a certificate", says("haproxy", verify, "10").without(cert).without("x-client-chain"), not_verified(verify, "10")),
        ("HAProxy: no status", case("haproxy").without(verify), no_status(verify)),
        ("OpenShift: no certificate", bare("openshift", "x-ssl-client-der", "\"\""), Ok(None)),
        ("OpenShift: an error", says("openshift", "x-ssl-client-verify", "18"), not_verified("x-ssl-client-verify", "18")),
        ("Apache: GENEROUS", says("apache", verify, "GENEROUS"), not_verified(verify, "GENEROUS")),
        ("Apache: no certificate", says("apache", verify, "NONE").with(cert, |_| "(null)".into()), Ok(None)),
        ("Apache: no TLS", says("apache", verify, "(null)").with(cert, |_| "(null)".into()), Ok(None)),
        ("Apache: a certificate, and no status", says("apache", verify, "(null)"), not_verified(verify, "(null)")),
        ("Apache: no certificate, and SUCCESS", bare("apache", cert, "(null)"), lost(verify)),
        ("Application Gateway: NONE beside a certificate", says("azure_application_gateway", verify, "NONE"), not_verified(verify, "NONE")),
        ("CloudFront: no certificate", says("cloudfront", "cloudfront-viewer-cert-present", "0").without("cloudfront-viewer-cert-pem"), Ok(None)),
        ("CloudFront: 0 beside a certificate", says("cloudfront", "cloudfront-viewer-cert-present", "0"), not_verified("cloudfront-viewer-cert-present", "0")),
        ("CloudFront: 1 without a certificate", case("cloudfront").without("cloudfront-viewer-cert-pem"), lost("cloudfront-viewer-cert-present")),
        ("Google: no certificate", google().with(present, |_| "false".into()).with(verified, |_| "false".into()), Ok(None)),
        ("Google: one that is too large", google(), lost(present)),
        ("Google: one that is invalid", google().with(verified, |_| "false".into()), not_verified(verified, "false")),
        ("Google: not verified", says("google_cloud", verified, "false"), not_verified(verified, "false")),
        ("Google: nothing about its verification", case("google_cloud").without(verified), no_status(verified)),
        ("Google: only issuers", bare("google_cloud", "x-client-cert-leaf", ""), Err(NotForwarded::ChainAlone { field: field("x-client-cert-chain") })),
        ("Cloudflare: filled though it failed", says("cloudflare", "cf-cert-verified", "false"), not_verified("cf-cert-verified", "false")),
        ("Cloudflare: revoked", says("cloudflare", "cf-cert-revoked", "true"), not_verified("cf-cert-revoked", "true")),
        ("Cloudflare: nothing about revocation", case("cloudflare").without("cf-cert-revoked"), no_status("cf-cert-revoked")),
        ("Cloudflare: none presented", bare("cloudflare", "client-cert", "").without("client-cert-chain").with("cf-cert-presented", |_| "false".into()).with("cf-cert-verified", |_| "false".into()), Ok(None)),
        ("Cloudflare: one that is too large", bare("cloudflare", "client-cert", "").without("client-cert-chain"), lost("cf-cert-presented")),
        ("Cloudflare Access: another hash", says("cloudflare_access", "cf-client-cert-sha256", &"0".repeat(64)), Err(NotForwarded::OtherCertificate { field: field("cf-client-cert-sha256") })),
        ("Cloudflare Access: no hash", case("cloudflare_access").without("cf-client-cert-sha256"), no_status("cf-client-cert-sha256")),
        ("Caddy: no certificate is the empty text", bare("caddy", cert, ""), Ok(None)),
        ("Traefik: blanked", bare("traefik", "x-forwarded-tls-client-cert", ""), Ok(None)),
        ("ngrok: no certificate", bare("ngrok", cert, ""), Ok(None)),
        ("RFC 9440: only issuers", case("rfc_9440").without("client-cert"), Err(NotForwarded::ChainAlone { field: field("client-cert-chain") })),
        ("RFC 9440: an empty chain is none", bare("rfc_9440", "client-cert-chain", ""), Ok(Some(vec![certificate("leaf")]))),
        ("custom: another status", says("custom", verify, "ok"), not_verified(verify, "ok")),
        ("custom: no certificate, and the status", case("custom").without(cert), lost(verify)),
        ("custom: neither", case("custom").without(cert).without(verify), Ok(None)),
        ("custom: an empty certificate", bare("custom", cert, ""), unreadable(cert, UnreadableField::Empty)),
    ];
    for (name, case, expected) in table {
        assert_eq!(read_case(&case), expected, "{name}");
    }
}

/// A client whose authority lets it choose a URI with a comma in it can have Envoy write an element in its name.
/// As it says it of the certificate.
#[test]
fn a_proxy_that_has_no_issuers_to_send_may_say_so() {
    let chain = field("x-client-chain");
    let format = format("apache").with_chain(chain.clone(), CertificateEncoding::PemOnOneLine);
    let forwarder = Forwarder::new(Hops::nobody().with_unix_socket(), format).expect("a format");
    let leaf = certificate("leaf");
    let alone = Err(NotForwarded::ChainAlone { field: chain.clone() });
    let none = |case: Case| {
        case.with("x-client-cert", |_| "(null)".into())
            .with("x-client-verify", |_| "NONE".into())
    };
    let table: Vec<(&str, Case, Read)> = vec![
        ("", case("apache"), Ok(Some(vec![leaf.clone()]))),
        ("(null)", case("apache"), Ok(Some(vec![leaf]))),
        ("", none(case("apache")), Ok(None)),
        ("(null)", none(case("apache")), Ok(None)),
        ("null", none(case("apache")), alone),
    ];
    for (value, case, expected) in table {
        let mut headers = case.headers();
        headers.insert(&chain, HeaderValue::from_static(value));
        let read = forwarder.present(Some(&Hop::unix_socket()), &headers);
        let read = read.map(|read| read.map(|read| read.certificates().to_vec()));
        assert_eq!(read, expected, "{value:?}");
    }
}
