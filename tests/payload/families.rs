//! Providers with a type or a format of their own, against messages that Python and openssl have signed.

mod hubspot;
mod published_keys;

use countersign::payload::hmac::{KeySpec, PartialScheme, PartialVerifier};
use countersign::payload::{HmacVerifier, Keyring, Message, Scheme, Secret, Strength, VerifyPayload};
use countersign::tenant::TenantId;
use http::{HeaderMap, HeaderName, Method, Uri};

use crate::vectors::at;

const NOW: u64 = 1_790_000_000;

fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
    let field = |(name, value): &(&'static str, &str)| {
        (HeaderName::from_static(name), value.parse().expect("a value"))
    };
    fields.iter().map(field).collect()
}

fn verdict(
    verifier: &dyn VerifyPayload,
    uri: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<(), &'static str> {
    let (method, uri) = (Method::POST, uri.parse::<Uri>().expect("a URI"));
    let message = Message::new(&method, &uri, headers, body, at(NOW));
    verifier
        .verify_payload(&message)
        .map(|_| ())
        .map_err(|forged| forged.code())
}

fn one_key(spec: KeySpec, secret: &str) -> Keyring {
    Keyring::builder(spec)
        .key(TenantId::parse("acme").unwrap(), "1", Secret::new(secret))
        .build()
        .expect("a key")
}

#[test]
fn coinbase_signs_the_header_fields_that_it_names() {
    let scheme = Scheme::coinbase_cdp();
    let verifier = HmacVerifier::new(
        scheme.clone(),
        one_key(KeySpec::from(&scheme), "a secret of coinbase"),
    );
    let mac = "00e7290f8011cdd268eaae8078637056fa8b8ed63e89489310bc3e2c9a007721";
    let field = |names: &str| format!("t=1790000000,v0=ab,h={names},v1={mac}");
    let both = "content-type x-request-id";
    let (json, id) = (("content-type", "application/json"), ("x-request-id", "req-1"));
    let cases = [
        ("as signed", both, vec![json, id], Ok(())),
        (
            "another value",
            both,
            vec![json, ("x-request-id", "req-2")],
            Err("payload.signature_mismatch"),
        ),
        ("a field gone", both, vec![json], Err("payload.missing_header")),
        (
            "fewer names",
            "content-type",
            vec![json, id],
            Err("payload.signature_mismatch"),
        ),
        (
            "not a name",
            "content-type (",
            vec![json],
            Err("payload.malformed_signature"),
        ),
    ];
    for (name, names, mut fields, expected) in cases {
        let list = field(names);
        fields.push(("x-hook0-signature", &list));
        assert_eq!(
            verdict(&verifier, "/", &headers(&fields), b"{\"id\":\"evt_1\"}"),
            expected,
            "{name}"
        );
    }
}

#[test]
fn braintree_signs_one_field_of_a_form() {
    let scheme = Scheme::braintree();
    let verifier = HmacVerifier::new(
        scheme.clone(),
        one_key(KeySpec::from(&scheme), "private key of braintree"),
    );
    let signature = "bt_signature=public_1%7C0000000000000000000000000000000000000000%26public_2%7Cfce8d8b145dbab1a6219c81ade751ed4edf2fcaa";
    let payload = "bt_payload=PG5vdGlmaWNhdGlvbj4KPC9ub3RpZmljYXRpb24%2BCg%3D%3D%0A";
    // What the handshake signs with the same key.
    let oracle = "bt_signature=public_2%7C181ff20dfb280a9e132d9cb3bb139dd4951b8177&bt_payload=20f9f8ed05f77439fe955c977e4c8a53";
    let cases = [
        (format!("{signature}&{payload}"), Ok(())),
        (format!("{payload}&{signature}"), Ok(())),
        (
            format!("{signature}&{payload}&x=1"),
            Err("payload.malformed_body"),
        ),
        (
            format!("{signature}&{payload}&{payload}"),
            Err("payload.malformed_body"),
        ),
        (
            format!("{signature}&{payload}A"),
            Err("payload.signature_mismatch"),
        ),
        (payload.to_owned(), Err("payload.malformed_body")),
        (format!("bt_signature=&{payload}"), Err("payload.malformed_body")),
        (oracle.to_owned(), Err("payload.malformed_body")),
    ];
    for (body, expected) in cases {
        assert_eq!(
            verdict(&verifier, "/", &HeaderMap::new(), body.as_bytes()),
            expected,
            "{body}"
        );
    }
}

fn recognized(
    scheme: PartialScheme,
    secret: &str,
    uri: &str,
    fields: &[(&'static str, &str)],
    body: &str,
) -> Result<Strength, &'static str> {
    let keys = one_key(KeySpec::from(&scheme), secret);
    let verifier = PartialVerifier::new(scheme, keys);
    let (method, uri, headers) = (Method::POST, uri.parse::<Uri>().expect("a URI"), headers(fields));
    let message = Message::new(&method, &uri, &headers, body.as_bytes(), at(NOW));
    verifier
        .recognize(&message)
        .map(|recognized| recognized.strength())
        .map_err(|forged| forged.code())
}

#[test]
fn mailgun_signs_a_token_in_the_body() {
    let signature = r#""signature":{"timestamp":"1790000000","token":"b2f1c8e3a94d5b6071f2","signature":"53fa27a5997207f3715827aa72ed49a3f02c4dc1dc3fd85bad79194221a4d17d"}"#;
    let cases = [
        (
            format!(r#"{{{signature},"event-data":{{"event":"opened"}}}}"#),
            Ok(Strength::UnboundToken),
        ),
        (
            format!(r#"{{{signature},"event-data":{{"event":"anything"}}}}"#),
            Ok(Strength::UnboundToken),
        ),
        (
            format!(r#"{{{}}}"#, signature.replace("b2f1", "b2f2")),
            Err("payload.signature_mismatch"),
        ),
        (
            format!(r#"{{{}}}"#, signature.replace("1790000000", "1789999999")),
            Err("payload.signature_mismatch"),
        ),
        (
            format!(r#"{{{}}}"#, signature.replace("1790000000", "1789999699")),
            Err("replay.stale"),
        ),
        (
            format!(r#"{{{signature},{signature}}}"#),
            Err("payload.malformed_body"),
        ),
        ("{}".into(), Err("payload.malformed_time")),
    ];
    for (body, expected) in cases {
        assert_eq!(
            recognized(
                PartialScheme::mailgun(),
                "a signing key of mailgun",
                "/",
                &[],
                &body
            ),
            expected,
            "{body}"
        );
    }
}

#[test]
fn mercado_pago_signs_the_query() {
    let (full, short) = (
        "ts=1790000000,v1=3eb9675851b1b7cc0b66aca18f3bc792fcc0b4dbb08ec6ae3d45e6879f553262",
        "ts=1790000000,v1=b95ac536b016798e3cab70b38709d98955be166882fbf3fad5e36b43271ffd1a",
    );
    let id = ("x-request-id", "req-1");
    let cases = [
        ("/?data.id=ABC123", full, vec![id], Ok(Strength::UnboundToken)),
        (
            "/?data.id=abc123&type=payment",
            full,
            vec![id],
            Ok(Strength::UnboundToken),
        ),
        ("/", short, vec![id], Ok(Strength::UnboundToken)),
        (
            "/?data.id=abc124",
            full,
            vec![id],
            Err("payload.signature_mismatch"),
        ),
        ("/", full, vec![id], Err("payload.signature_mismatch")),
        (
            "/?data.id=abc123",
            full,
            vec![],
            Err("payload.signature_mismatch"),
        ),
        (
            "/?data.id=abc123&data.id=abc123",
            full,
            vec![id],
            Err("payload.malformed_query"),
        ),
        (
            "/?data.id=abc123&data%2Eid=666",
            full,
            vec![id],
            Err("payload.malformed_query"),
        ),
        ("/?data%2eid=666", short, vec![id], Err("payload.malformed_query")),
        ("/?data.id", short, vec![id], Err("payload.malformed_query")),
        (
            "/?data.id=%61bc123",
            full,
            vec![id],
            Err("payload.malformed_query"),
        ),
    ];
    for (uri, signature, mut fields, expected) in cases {
        fields.push(("x-signature", signature));
        let answer = recognized(
            PartialScheme::mercado_pago(),
            "a secret of mercado pago",
            uri,
            &fields,
            "{}",
        );
        assert_eq!(answer, expected, "{uri}");
    }
}
