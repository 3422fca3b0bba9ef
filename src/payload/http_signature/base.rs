//! The signature base (RFC 9421 §2.5): one line a component, made of what arrived.

use std::collections::HashSet;

use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, Method, Uri};
use sfv::{BareItem, InnerList, Item, ListSerializer};

use super::InvalidHttpSignature;
use crate::payload::Origin;
use crate::payload::percent::{decode, encode, parameters};

/// The most components that one signature may cover.
const MAX_COMPONENTS: usize = 32;

/// What a signature may cover of a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Covered<'a> {
    pub(super) origin: &'a Origin,
    pub(super) method: &'a Method,
    pub(super) uri: &'a Uri,
    pub(super) headers: &'a HeaderMap,
}

impl Covered<'_> {
    /// The signature base: the covered components in their order, and the parameters last.
    pub(super) fn base(&self, input: &InnerList) -> Result<String, InvalidHttpSignature> {
        if input.items.len() > MAX_COMPONENTS {
            return Err(InvalidHttpSignature::TooMany);
        }
        let mut base = String::with_capacity(512);
        let mut seen = HashSet::with_capacity(input.items.len());
        for item in &input.items {
            let identifier = serialize_item(item);
            let value = self.value(item)?;
            base.push_str(&format!("{identifier}: {value}\n"));
            if !seen.insert(identifier) {
                return Err(InvalidHttpSignature::CoveredTwice);
            }
        }
        base.push_str("\"@signature-params\": ");
        base.push_str(&serialize_input(input));
        Ok(base)
    }

    fn value(&self, item: &Item) -> Result<String, InvalidHttpSignature> {
        let BareItem::String(name) = &item.bare_item else {
            return Err(InvalidHttpSignature::Component);
        };
        if name.as_str() == "@query-param" {
            return self.query_parameter(item);
        }
        // `sf`, `key`, `bs`, `req` and `tr` say how to read a field: one reading is enough here.
        if !item.params.is_empty() {
            return Err(InvalidHttpSignature::Component);
        }
        match name.as_str() {
            "@method" => Ok(self.method.as_str().to_owned()),
            "@target-uri" => Ok(format!(
                "{}://{}{}",
                self.origin.scheme(),
                self.origin.authority(),
                self.target()
            )),
            "@authority" => Ok(self.origin.authority()),
            "@scheme" => Ok(self.origin.scheme().to_owned()),
            "@request-target" => Ok(self.target().to_owned()),
            "@path" => Ok(self.uri.path().to_owned()),
            "@query" => Ok(format!("?{}", self.uri.query().unwrap_or_default())),
            field => self.field(field),
        }
    }

    fn target(&self) -> &str {
        self.uri.path_and_query().map_or("/", PathAndQuery::as_str)
    }

    /// RFC 9421 §2.1: the values in their order, without white space around each, joined by a comma.
    fn field(&self, name: &str) -> Result<String, InvalidHttpSignature> {
        let absent = || InvalidHttpSignature::NotPresent {
            name: name.to_owned(),
        };
        // Lower case only (§2.1), and nothing that begins with `@` is left.
        let header =
            HeaderName::from_lowercase(name.as_bytes()).map_err(|_| InvalidHttpSignature::Component)?;
        let values = self
            .headers
            .get_all(&header)
            .iter()
            .map(|value| value.to_str().map(str::trim));
        let values = values.collect::<Result<Vec<_>, _>>().map_err(|_| absent())?;
        if values.is_empty() {
            Err(absent())
        } else {
            Ok(values.join(", "))
        }
    }

    /// RFC 9421 §2.2.8: one parameter of the query, which must stand there once.
    fn query_parameter(&self, item: &Item) -> Result<String, InvalidHttpSignature> {
        let mut given = item.params.iter();
        let (Some((key, BareItem::String(name))), None) = (given.next(), given.next()) else {
            return Err(InvalidHttpSignature::Component);
        };
        if key.as_str() != "name" {
            return Err(InvalidHttpSignature::Component);
        }
        let wanted = decode(name.as_str());
        let mut values = parameters(self.uri.query()).filter(|(name, _)| decode(name) == wanted);
        match (values.next(), values.next()) {
            (Some((_, value)), None) => Ok(encode(&decode(value))),
            _ => Err(InvalidHttpSignature::NotPresent {
                name: format!("@query-param {}", name.as_str()),
            }),
        }
    }
}

/// The name of a component, where it has no parameters.
pub(super) fn plain_name(item: &Item) -> Option<&str> {
    match &item.bare_item {
        BareItem::String(name) if item.params.is_empty() => Some(name.as_str()),
        _ => None,
    }
}

fn serialize_item(item: &Item) -> String {
    sfv::ItemSerializer::new()
        .bare_item(&item.bare_item)
        .parameters(&item.params)
        .finish()
}

pub(super) fn serialize_input(input: &InnerList) -> String {
    let mut list = ListSerializer::new();
    let mut inner = list.inner_list();
    inner.items(&input.items);
    let _ = inner.finish().parameters(&input.params);
    list.finish().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use rustls_pki_types::pem::PemObject as _;

    use super::super::fields::signatures;
    use super::*;
    use crate::payload::{Algorithm, KeyId, PublicKey, VerifyingKey};

    /// RFC 9421 B.1.2, B.1.5, B.1.4.
    const RSA: &str = "-----BEGIN PUBLIC KEY-----\n\
        MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAr4tmm3r20Wd/PbqvP1s2\n\
        +QEtvpuRaV8Yq40gjUR8y2Rjxa6dpG2GXHbPfvMs8ct+Lh1GH45x28Rw3Ry53mm+\n\
        oAXjyQ86OnDkZ5N8lYbggD4O3w6M6pAvLkhk95AndTrifbIFPNU8PPMO7OyrFAHq\n\
        gDsznjPFmTOtCEcN2Z1FpWgchwuYLPL+Wokqltd11nqqzi+bJ9cvSKADYdUAAN5W\n\
        Utzdpiy6LbTgSxP7ociU4Tn0g5I6aDZJ7A8Lzo0KSyZYoA485mqcO0GVAdVw9lq4\n\
        aOT9v6d+nb4bnNkQVklLQ3fVAvJm+xdDOp9LCNCN48V2pnDOkFV6+U9nV5oyc6XI\n\
        2wIDAQAB\n-----END PUBLIC KEY-----\n";
    const HMAC: &str =
        "uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==";
    const ED25519: &str = "-----BEGIN PUBLIC KEY-----\n\
        MCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=\n-----END PUBLIC KEY-----\n";

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
            super::super::digest::check(&headers, br#"{"hello": "world"}"#).unwrap();
        }
    }
}
