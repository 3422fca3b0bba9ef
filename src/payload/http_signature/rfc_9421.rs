//! The examples of RFC 9421, Appendix B: they cover less than any policy here would take, so they are played against the
//! signature base.

use rustls_pki_types::pem::PemObject as _;

use super::base::Covered;
use super::fields::signatures;
use crate::payload::jose::{Algorithm, PublicKey, VerifyingKey};
use crate::payload::{KeyId, Origin};
use http::{HeaderMap, Method, Uri};

/// RFC 9421 B.1.2, B.1.5, B.1.4, B.1.3.
const RSA: &str = "-----BEGIN PUBLIC KEY-----\n\
    MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAr4tmm3r20Wd/PbqvP1s2\n\
    +QEtvpuRaV8Yq40gjUR8y2Rjxa6dpG2GXHbPfvMs8ct+Lh1GH45x28Rw3Ry53mm+\n\
    oAXjyQ86OnDkZ5N8lYbggD4O3w6M6pAvLkhk95AndTrifbIFPNU8PPMO7OyrFAHq\n\
    gDsznjPFmTOtCEcN2Z1FpWgchwuYLPL+Wokqltd11nqqzi+bJ9cvSKADYdUAAN5W\n\
    Utzdpiy6LbTgSxP7ociU4Tn0g5I6aDZJ7A8Lzo0KSyZYoA485mqcO0GVAdVw9lq4\n\
    aOT9v6d+nb4bnNkQVklLQ3fVAvJm+xdDOp9LCNCN48V2pnDOkFV6+U9nV5oyc6XI\n\
    2wIDAQAB\n-----END PUBLIC KEY-----\n";
const HMAC: &str = "uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==";
const ED25519: &str = "-----BEGIN PUBLIC KEY-----\n\
    MCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=\n-----END PUBLIC KEY-----\n";

const P256: &str = "-----BEGIN PUBLIC KEY-----\n\
    MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEqIVYZVLCrPZHGHjP17CTW0/+D9Lf\n\
    w0EkjqF7xB4FivAxzic30tMM4GF+hR6Dxh71Z50VGGdldkkDXZCnTNnoXQ==\n-----END PUBLIC KEY-----\n";

fn public(algorithm: Algorithm, pem: &str) -> VerifyingKey {
    let spki = rustls_pki_types::SubjectPublicKeyInfoDer::from_pem_slice(pem.as_bytes()).unwrap();
    let key = PublicKey::from_spki_der(&spki).unwrap();
    assert_eq!(PublicKey::from_pem(pem.as_bytes()), Ok(key.clone()));
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let provider = provider.signature_verification_algorithms.all;
    VerifyingKey::public(KeyId::new("test-key"), algorithm, &key, provider).unwrap()
}

fn hmac() -> VerifyingKey {
    use base64::Engine as _;
    let secret = base64::engine::general_purpose::STANDARD.decode(HMAC).unwrap();
    VerifyingKey::hmac(KeyId::new("test-shared-secret"), Algorithm::Hs256, &secret).unwrap()
}

/// The request of B.2, signed in each way. B.2.4 signs a response, which nobody here receives.
#[test]
fn rfc_9421_appendix_b2() {
    let pss = public(Algorithm::Ps512, RSA);
    let cases = [
        (
            "b21",
            r#"();created=1618884473;keyid="test-key-rsa-pss";nonce="b3k2pp5k7z-50gnwp.yemd""#,
            "d2pmTvmbncD3xQm8E9ZV2828BjQWGgiwAaw5bAkgibUopemLJcWDy/lkbbHAve4cRAtx31Iq786U7it++wgGxbtRxf8Udx7zFZsckzXaJMkA7ChG52eSkFxykJeNqsrWH5S+oxNFlD4dzVuwe8DhTSja8xxbR/Z2cOGdCbzR72rgFWhzx2VjBqJzsPLMIQKhO4DGezXehhWwE56YCE+O6c0mKZsfxVrogUvA4HELjVKWmAvtl6UnCh8jYzuVG5WSb/QEVPnP5TmcAnLH1g+s++v6d4s8m0gCw1fV5/SITLq9mhho8K3+7EPYTU8IU1bLhdxO5Nyt8C8ssinQ98Xw9Q==",
            pss.clone(),
        ),
        (
            "b22",
            r#"("@authority" "content-digest" "@query-param";name="Pet");created=1618884473;keyid="test-key-rsa-pss";tag="header-example""#,
            "LjbtqUbfmvjj5C5kr1Ugj4PmLYvx9wVjZvD9GsTT4F7GrcQEdJzgI9qHxICagShLRiLMlAJjtq6N4CDfKtjvuJyE5qH7KT8UCMkSowOB4+ECxCmT8rtAmj/0PIXxi0A0nxKyB09RNrCQibbUjsLS/2YyFYXEu4TRJQzRw1rLEuEfY17SARYhpTlaqwZVtR8NV7+4UKkjqpcAoFqWFQh62s7Cl+H2fjBSpqfZUJcsIk4N6wiKYd4je2U/lankenQ99PZfB4jY3I5rSV2DSBVkSFsURIjYErOs0tFTQosMTAoxk//0RoKUqiYY8Bh0aaUEb0rQl3/XaVe4bXTugEjHSw==",
            pss.clone(),
        ),
        (
            "b23",
            r#"("date" "@method" "@path" "@query" "@authority" "content-type" "content-digest" "content-length");created=1618884473;keyid="test-key-rsa-pss""#,
            "bbN8oArOxYoyylQQUU6QYwrTuaxLwjAC9fbY2F6SVWvh0yBiMIRGOnMYwZ/5MR6fb0Kh1rIRASVxFkeGt683+qRpRRU5p2voTp768ZrCUb38K0fUxN0O0iC59DzYx8DFll5GmydPxSmme9v6ULbMFkl+V5B1TP/yPViV7KsLNmvKiLJH1pFkh/aYA2HXXZzNBXmIkoQoLd7YfW91kE9o/CCoC1xMy7JA1ipwvKvfrs65ldmlu9bpG6A9BmzhuzF8Eim5f8ui9eH8LZH896+QIF61ka39VBrohr9iyMUJpvRX2Zbhl5ZJzSRxpJyoEZAFL2FUo5fTIztsDZKEgM4cUA==",
            pss,
        ),
        (
            "b25",
            r#"("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret""#,
            "pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=",
            hmac(),
        ),
        (
            "b26",
            r#"("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519""#,
            "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==",
            public(Algorithm::EdDsa, ED25519),
        ),
    ];
    for (label, input, signature, key) in cases {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("date", "Tue, 20 Apr 2021 02:07:55 GMT"),
            ("content-type", "application/json"),
            ("content-length", "18"),
            (
                "content-digest",
                "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:",
            ),
        ] {
            headers.insert(name, value.parse().unwrap());
        }
        headers.insert("signature-input", format!("{label}={input}").parse().unwrap());
        headers.insert("signature", format!("{label}=:{signature}:").parse().unwrap());
        let (found, labelled) = signatures(&headers).unwrap().pop().unwrap();
        let labelled = labelled.unwrap();
        let covered = Covered {
            origin: &Origin::parse("https://example.com").unwrap(),
            method: &Method::POST,
            uri: &Uri::from_static("/foo?param=Value&Pet=dog"),
            headers: &headers,
        };
        let base = covered.base(&labelled.input).unwrap();
        assert!(base.ends_with(input), "{label}: {base}");
        assert!(
            key.matches(base.as_bytes(), &labelled.signature),
            "{label}: {base}"
        );
        assert!(
            !key.matches(base.replace("example", "exemple").as_bytes(), &labelled.signature)
                || label == "b21"
        );
        assert_eq!(found, label);
        super::digest::check(&headers, br#"{"hello": "world"}"#).unwrap();
    }
}

/// Whether the only signature of such a request is right.
fn is_right(
    key: &VerifyingKey,
    method: &Method,
    origin: &str,
    target: &'static str,
    headers: &HeaderMap,
) -> bool {
    let (_, labelled) = signatures(headers).unwrap().pop().unwrap();
    let labelled = labelled.unwrap();
    let covered = Covered {
        origin: &Origin::parse(origin).unwrap(),
        method,
        uri: &Uri::from_static(target),
        headers,
    };
    let base = covered.base(&labelled.input).unwrap();
    key.matches(base.as_bytes(), &labelled.signature)
}

fn fields(fields: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(*name, value.parse().unwrap());
    }
    headers
}

/// A proxy that ends TLS signs the client's certificate (RFC 9440) with the request.
#[test]
fn rfc_9421_appendix_b3() {
    let certificate = ":MIIBqDCCAU6gAwIBAgIBBzAKBggqhkjOPQQDAjA6MRswGQYDVQQKDBJMZXQncyBBdXRoZW50aWNhdGUxGzAZBgNVBAMMEkxBIEludGVybWVkaWF0ZSBDQTAeFw0yMDAxMTQyMjU1MzNaFw0yMTAxMjMyMjU1MzNaMA0xCzAJBgNVBAMMAkJDMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE8YnXXfaUgmnMtOXU/IncWalRhebrXmckC8vdgJ1p5Be5F/3YC8OthxM4+k1M6aEAEFcGzkJiNy6J84y7uzo9M6NyMHAwCQYDVR0TBAIwADAfBgNVHSMEGDAWgBRm3WjLa38lbEYCuiCPct0ZaSED2DAOBgNVHQ8BAf8EBAMCBsAwEwYDVR0lBAwwCgYIKwYBBQUHAwIwHQYDVR0RAQH/BBMwEYEPYmRjQGV4YW1wbGUuY29tMAoGCCqGSM49BAMCA0gAMEUCIBHda/r1vaL6G3VliL4/Di6YK0Q6bMjeSkC3dFCOOB8TAiEAx/kHSB4urmiZ0NX5r5XarmPk0wmuydBVoU4hBVZ1yhk=:";
    let other = certificate.replacen("MIIBqD", "MIIBqE", 1);
    let signed = |certificate| {
        fields(&[
            ("client-cert", certificate),
            (
                "signature-input",
                r#"ttrp=("@path" "@query" "@method" "@authority" "client-cert");created=1618884473;keyid="test-key-ecc-p256""#,
            ),
            (
                "signature",
                "ttrp=:xVMHVpawaAC/0SbHrKRs9i8I3eOs5RtTMGCWXm/9nvZzoHsIg6Mce9315T6xoklyy0yzhD9ah4JHRwMLOgmizw==:",
            ),
        ])
    };
    let key = public(Algorithm::Es256, P256);
    let origin = "https://service.internal.example";
    for (certificate, expected) in [(certificate, true), (&other, false)] {
        let headers = signed(certificate);
        let right = is_right(&key, &Method::POST, origin, "/foo?param=Value&Pet=dog", &headers);
        assert_eq!(right, expected, "{certificate}");
    }
}

/// What may happen to a message on its way, and what may not.
#[test]
fn rfc_9421_appendix_b4() {
    let key = public(Algorithm::EdDsa, ED25519);
    let signed = |more: &[(&'static str, &str)]| {
        let mut headers = fields(&[
            (
                "signature-input",
                r#"transform=("@method" "@path" "@authority" "accept");created=1618884473;keyid="test-key-ed25519""#,
            ),
            (
                "signature",
                "transform=:ZT1kooQsEHpZ0I1IjCqtQppOmIqlJPeo7DHR3SoMn0s5JZ1eRGS0A+vyYP9t/LXlh5QMFFQ6cpLt2m0pmj3NDA==:",
            ),
        ]);
        headers.extend(fields(more));
        headers
    };
    let (get, post) = (Method::GET, Method::POST);
    let (org, com) = ("https://example.org", "https://example.com");
    let target = "/demo?name1=Value1&Name2=value2";
    let split = [("accept", "application/json"), ("accept", "*/*")];
    let joined = [
        ("accept", "application/json, */*"),
        ("referer", "https://developer.example.org/demo"),
    ];
    let turned = [("accept", "*/*"), ("accept", "application/json")];
    let longer = "/demo?name1=Value1&Name2=value2&param=added";
    let cases: [(_, _, _, _, &[_], _); 7] = [
        ("as it was signed", &get, org, target, &split, true),
        ("a parameter and a field more", &get, org, longer, &split, true),
        ("fields joined, and another one", &get, org, target, &joined, true),
        ("another method", &post, org, target, &split, false),
        ("another host", &get, com, target, &split, false),
        ("another path", &get, org, "/demo2", &split, false),
        ("values in another order", &get, org, target, &turned, false),
    ];
    for (name, method, origin, target, more, expected) in cases {
        let right = is_right(&key, method, origin, target, &signed(more));
        assert_eq!(right, expected, "{name}");
    }
}
