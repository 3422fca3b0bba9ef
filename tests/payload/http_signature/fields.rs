//! Fields and parts of a request as they are covered: lines, members, query parameters, the authority.

use countersign::payload::http_signature::InvalidHttpSignature as No;
use countersign::payload::http_signature::{ChooseSignature, HttpSignatureVerifier};
use countersign::payload::{NotAuthentic, VerifyPayload as _};
use http::HeaderName;

use super::{
    BODY, DIGEST, ES, NOW, Request, keys, line, not_found, params, policy, request, signature, verify,
    verify_with,
};
use crate::jose_keys::signing_key;

#[test]
fn fields() {
    let with = |input: Option<&str>, signature: Option<&str>| {
        let mut request = request(&params(""));
        for (name, value) in [("signature-input", input), ("signature", signature)] {
            match value {
                Some(value) => drop(request.headers.insert(name, value.parse().unwrap())),
                None => drop(request.headers.remove(name)),
            }
        }
        verify(&request)
    };
    let good_input = format!("s={}", params(""));
    let good = format!("s=:{}:", signature(&params("")));
    let (good_input, good) = (Some(&*good_input), Some(&*good));
    let field = |name| {
        Err(NotAuthentic::HttpSignature(No::Field {
            name: HeaderName::from_static(name),
        }))
    };
    let missing = |name| {
        Err(NotAuthentic::MissingHeader {
            name: HeaderName::from_static(name),
        })
    };
    assert_eq!(with(good_input, good), Ok(()));
    assert_eq!(with(None, good), missing("signature-input"));
    assert_eq!(with(good_input, None), missing("signature"));
    assert_eq!(with(Some(""), Some("")), not_found("keyid", &[], &["k", "h"]));
    assert_eq!(with(Some("s="), good), field("signature-input"));
    assert_eq!(with(Some("s=1"), good), field("signature-input"));
    assert_eq!(with(good_input, Some("s=\"x\"")), field("signature"));
    assert_eq!(with(good_input, Some("s=()")), field("signature"));
    assert_eq!(with(good_input, Some("s=:%%:")), field("signature"));
    assert_eq!(
        with(good_input, Some("t=:AA==:")),
        Err(NotAuthentic::HttpSignature(No::Unpaired))
    );
    assert_eq!(
        with(good_input, Some("s=::")),
        Err(NotAuthentic::HttpSignature(No::Signature))
    );
    let zeros = format!("s=:{}==:", "A".repeat(86));
    assert_eq!(
        with(good_input, Some(&zeros)),
        Err(NotAuthentic::HttpSignature(No::Signature))
    );
    let long = format!("s={}", params(&format!(r#";nonce="{}""#, "n".repeat(9000))));
    assert_eq!(with(Some(&long), good), field("signature-input"));
    let many: Vec<_> = (0..9).map(|i| format!("s{i}=()")).collect();
    assert_eq!(
        with(Some(&many.join(", ")), good),
        Err(NotAuthentic::HttpSignature(No::TooMany))
    );
}

/// RFC 9651 §4.2: lines of one field are joined, as proxies and libraries write them.
#[test]
fn a_field_on_several_lines_is_one() {
    let mut several = request(&params(""));
    several.headers.append("signature", "t=:AA==:".parse().unwrap());
    several.headers.append("signature-input", "t=()".parse().unwrap());
    assert_eq!(verify(&several), Ok(()));

    let sha_512 =
        "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:";
    let input = params("");
    let base = format!(
        "{}{}\"content-digest\": {DIGEST}, {sha_512}\n\"@signature-params\": {input}",
        line("\"@method\""),
        line("\"@target-uri\"")
    );
    let signature = signing_key(ES).sign(base.as_bytes()).unwrap();
    let signature = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, signature);
    for (second, expected) in [
        (sha_512, Ok(())),
        ("sha-512=:AA==:", Err(NotAuthentic::HttpSignature(No::Digest))),
    ] {
        let mut request = request(&input);
        request.headers.append("content-digest", second.parse().unwrap());
        request
            .headers
            .insert("signature", format!("s=:{signature}:").parse().unwrap());
        assert_eq!(verify(&request), expected, "{second}");
    }
    let half = format!("x=\"{}\"", "y".repeat(5000));
    let mut long = request(&params(""));
    long.headers.append("signature", half.parse().unwrap());
    long.headers.append("signature", half.parse().unwrap());
    assert_eq!(
        verify(&long),
        Err(NotAuthentic::HttpSignature(No::Field {
            name: HeaderName::from_static("signature")
        }))
    );
}

/// RFC 9421 §2.1.1 and §2.1.2, and what is not taken of §2.1.
#[test]
fn structured_fields_are_covered_by_their_members() {
    let absent = |name: &str| Err(NotAuthentic::HttpSignature(No::NotPresent { name: name.into() }));
    let component = Err(NotAuthentic::HttpSignature(No::Component));
    let digest = Err(NotAuthentic::HttpSignature(No::NotCovered {
        name: "content-digest".into(),
    }));
    for (components, expected) in [
        (
            r#""content-digest" "x-dict";key="a" "x-dict";key="b" "x-dict";key="c""#,
            Ok(()),
        ),
        (r#""content-digest";sf"#, Ok(())),
        (r#""content-digest" "content-digest";sf"#, Ok(())),
        (r#""content-digest" "x-dict";key="z""#, absent("x-dict")),
        (
            r#""content-digest" "content-type";key="a""#,
            absent("content-type"),
        ),
        (r#""content-digest" "x-absent";key="a""#, absent("x-absent")),
        // Nobody can tell its type.
        (r#""content-digest" "x-dict";sf"#, component.clone()),
        (r#""content-digest" "x-dict";key="a";sf"#, component.clone()),
        (r#""content-digest" "x-dict";bs"#, component.clone()),
        (r#""content-digest" "x-dict";key=1"#, component.clone()),
        (r#""content-digest" "@path";sf"#, component.clone()),
        (r#""content-digest" "@path";key="a""#, component),
        // One member is not the field.
        (r#""content-digest";key="sha-256""#, digest),
    ] {
        let input = format!(r#"("@method" "@target-uri" {components});created={NOW};keyid="k""#);
        assert_eq!(verify(&request(&input)), expected, "{components}");
    }
}

/// RFC 9421 §2.2.8.
#[test]
fn a_query_parameter_is_encoded_as_in_a_form_and_stands_once() {
    let covered = r#"("@method" "@target-uri" "content-digest" "@query-param";name="x")"#;
    let input = format!(r#"{covered};created={NOW};keyid="k""#);
    let absent = || {
        Err(NotAuthentic::HttpSignature(No::NotPresent {
            name: "@query-param x".into(),
        }))
    };
    for (query, value, expected) in [
        ("x=a*b", "a*b", Ok(())),
        ("x=%2a", "*", Ok(())),
        ("x=a~b", "a%7Eb", Ok(())),
        ("x=a~b", "a~b", Err(NotAuthentic::HttpSignature(No::Signature))),
        ("x=a+b%20c", "a%20b%20c", Ok(())),
        ("x=%c3%a7-_.", "%C3%A7-_.", Ok(())),
        ("y=1&x", "", Ok(())),
        ("x=1&x=1", "1", absent()),
        ("x=1&%78=1", "1", absent()),
        ("y=1", "", absent()),
    ] {
        let base = format!(
            "{}\"@target-uri\": https://hooks.example/acme?{query}\n{}\"@query-param\";name=\"x\": {value}\n\"@signature-params\": {input}",
            line("\"@method\""),
            line("\"content-digest\"")
        );
        let signature = signing_key(ES).sign(base.as_bytes()).unwrap();
        let signature = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, signature);
        let mut request = request(&input);
        request.uri = format!("/acme?{query}").parse().unwrap();
        request
            .headers
            .insert("signature", format!("s=:{signature}:").parse().unwrap());
        assert_eq!(verify(&request), expected, "{query} {value}");
    }
}

/// What a bot signs: the host and who it is, with a tag. Only where the policy says so, and never as bound to the request.
#[test]
fn web_bot_auth_covers_the_authority() {
    let bots = || {
        policy()
            .require_authority_only()
            .choosing(ChooseSignature::ByTag("web-bot-auth".into()))
    };
    let not_covered = |name: &str| Err(NotAuthentic::HttpSignature(No::NotCovered { name: name.into() }));
    let signed = |components: &str, body: &[u8]| {
        let mut request = request(&format!(
            r#"({components});created={NOW};keyid="k";tag="web-bot-auth""#
        ));
        request.body = body.to_vec();
        request
    };
    let bound = |request: &Request| {
        let verifier = HttpSignatureVerifier::new(bots(), keys());
        let message = request.message();
        verifier
            .verify_payload(&message)
            .map(|authentic| (authentic.bindings().request, authentic.bindings().body))
    };
    let agent = r#""@authority" "x-dict";key="a""#;
    assert_eq!(bound(&signed(agent, b"")), Ok((false, false)));
    assert_eq!(
        bound(&signed(r#""@method" "@target-uri""#, b"")),
        Ok((true, false))
    );
    assert_eq!(
        bound(&signed(r#""@authority" "content-digest""#, BODY)),
        Ok((false, true))
    );
    assert_eq!(verify(&signed(agent, b"")), not_covered("@method"));
    assert_eq!(
        verify_with(bots(), &signed(r#""@method" "@path""#, b"")),
        not_covered("@authority")
    );
    assert_eq!(
        verify_with(bots(), &signed(agent, BODY)),
        not_covered("content-digest")
    );
}

/// The types of fields that RFC 9421 and RFC 9440 have: each is written anew before it is signed.
#[test]
fn fields_of_a_known_type_are_signed_as_they_are_written_anew() {
    for (name, sent, covered) in [
        ("client-cert", ":AAAA:;a=1", Some(":AAAA:;a=1")),
        ("client-cert", ":AAAA:, :BBBB:", None),
        ("client-cert-chain", ":AAAA:,  :BBBB:", Some(":AAAA:, :BBBB:")),
        ("idempotency-key", "\"a\";  b", Some("\"a\";b")),
        ("priority", "u=1,  i", Some("u=1, i")),
    ] {
        let input =
            format!(r#"("@method" "@target-uri" "content-digest" "{name}";sf);created={NOW};keyid="k""#);
        let base = format!(
            "{}{}{}\"{name}\";sf: {}\n\"@signature-params\": {input}",
            line("\"@method\""),
            line("\"@target-uri\""),
            line("\"content-digest\""),
            covered.unwrap_or(sent),
        );
        let signature = signing_key(ES).sign(base.as_bytes()).unwrap();
        let signature = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, signature);
        let mut request = request(&input);
        let mut set = |name: &'static str, value: &str| {
            request.headers.insert(name, value.parse().unwrap());
        };
        set(name, sent);
        set("signature", &format!("s=:{signature}:"));
        assert_eq!(verify(&request).is_ok(), covered.is_some(), "{name}: {sent}");
    }
}
