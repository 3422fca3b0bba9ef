//! Presets, both ways, and what is weaker than they are.

use std::sync::Arc;

use countersign::payload::jose::{
    BoundJwtScheme, DetachedVerifier, HmacSigningKey, InvalidJwt as No, Jwk, JwtScheme, JwtSigner,
    JwtVerifier, UnboundJwts,
};
use countersign::payload::{
    CannotSign, KeyId, NoKey, NotAuthentic, Outgoing, Recognized, SignPayload, Strength, VerifyPayload,
};
use countersign::tenant::TenantId;
use http::{HeaderMap, HeaderName, Method, Uri};
use sha2::{Digest as _, Sha256};

use super::{BODY, HS, NOW, Request, at, claim, hex, keyring, tenant, token, which};
use crate::jose_keys::{SECRET, b64, jwk, sign, signing_key};

/// For this audience, and of this account, which Google has verified.
fn an_identity_token_of_google(tokens: JwtScheme, name: &str) {
    let verifier = UnboundJwts::new(tokens, keyring());
    let claims = format!(
        r#"{{"iss":"https://accounts.google.com","aud":"https://hooks.example/acme","exp":{},"iat":{NOW},"email":"push@project.example","email_verified":true}}"#,
        NOW + 3600
    );
    let request = Request::bearing(&token(&claims));
    let recognized: Recognized = verifier.recognize(&request.message(b"anything at all")).unwrap();
    assert_eq!(
        (recognized.scheme(), recognized.strength()),
        (name, Strength::UnboundToken)
    );
    for (sent, instead, wrong) in [
        ("true", "false", "email_verified"),
        ("push@project.example", "other@project.example", "email"),
        (
            "https://hooks.example/acme",
            "https://hooks.example/globex",
            "aud",
        ),
        ("https://accounts.google.com", "https://accounts.example", "iss"),
    ] {
        let request = Request::bearing(&token(&claims.replace(sent, instead)));
        let refused = verifier.recognize(&request.message(b"")).err().map(which);
        assert_eq!(refused, Some(NotAuthentic::Jwt(claim(wrong))), "{name}");
    }
}

#[test]
fn an_unbound_token_is_weaker_in_its_type() {
    let (audience, account) = ("https://hooks.example/acme", "push@project.example");
    an_identity_token_of_google(JwtScheme::google_pubsub(audience, account), "google_pubsub");
    an_identity_token_of_google(
        JwtScheme::google_dialogflow(audience, account),
        "google_dialogflow",
    );
    let graph = UnboundJwts::new(JwtScheme::microsoft_graph("app", "dir"), keyring());
    let claims = format!(
        r#"{{"iss":"https://sts.windows.net/dir/","aud":"app","exp":{},"appid":"0bf30f3b-4a52-48df-9a82-234910c4a086","tid":"dir"}}"#,
        NOW + 3600
    );
    let (good, bad) = (token(&claims), token(&claims.replace("\"app\"", "\"other\"")));
    let listed = |list: &str| {
        let body = format!(r#"{{"value":[],"validationTokens":{list}}}"#);
        let request = Request::with(HeaderMap::new());
        graph
            .recognize_list("validationTokens", &request.message(body.as_bytes()))
            .map(drop)
            .map_err(which)
    };
    let wrong = Err(NotAuthentic::Jwt(No::MemberType {
        name: "validationTokens".into(),
    }));
    assert_eq!(listed(&format!(r#"["{good}","{good}"]"#)), Ok(()));
    assert_eq!(
        listed(&format!(r#"["{good}","{bad}"]"#)),
        Err(NotAuthentic::Jwt(claim("aud")))
    );
    assert_eq!(listed("[]"), wrong);
    let times = |count: usize| listed(&format!("[{}]", vec![format!("{good:?}"); count].join(",")));
    assert_eq!(times(16), Ok(()));
    assert_eq!(times(17), wrong, "each costs a verification");
    assert_eq!(listed("[1]"), wrong);
    assert_eq!(listed("null"), wrong);
}

/// MessageBird's own tests: no `payload_hash` where there is no body, and nothing but that.
fn messagebird_leaves_out_the_hash_of_no_body(acme: &TenantId, key: &Arc<HmacSigningKey>) {
    let preset = BoundJwtScheme::messagebird("https://hooks.example");
    let signer = JwtSigner::new(preset.clone()).with_key(acme.clone(), KeyId::new("k"), key.clone());
    let verifier = JwtVerifier::new(preset, keyring());
    let uri = Uri::from_static("/hooks/acme?x=1");
    let signed = |body: &'static [u8]| {
        let outgoing = Outgoing::new(acme, "delivery-1", body, at(NOW));
        Request::with(
            signer
                .sign_payload(&outgoing.with_request(&Method::POST, &uri))
                .unwrap(),
        )
    };
    let missing = Some(NotAuthentic::Jwt(No::Missing {
        name: "payload_hash".into(),
    }));
    let cases = [
        ("no body, no hash", signed(b""), &b""[..], None),
        ("a body, no hash", signed(b""), BODY, missing),
        (
            "a hash, no body",
            signed(BODY),
            b"",
            Some(NotAuthentic::Jwt(No::OtherBody)),
        ),
    ];
    for (name, request, body, expected) in cases {
        assert_eq!(
            verifier.verify_payload(&request.message(body)).err(),
            expected,
            "{name}"
        );
    }
}

#[test]
fn presets_both_ways() {
    let acme = tenant("acme");
    let key = Arc::new(HmacSigningKey::new(HS, SECRET).unwrap());
    let uri = Uri::from_static("/hooks/acme?x=1");
    for preset in [
        BoundJwtScheme::plaid(),
        BoundJwtScheme::netlify(),
        BoundJwtScheme::vonage(),
        BoundJwtScheme::messagebird("https://hooks.example"),
        BoundJwtScheme::fusionauth(),
        BoundJwtScheme::swt("issuer"),
    ] {
        let signer = JwtSigner::new(preset.clone()).with_key(acme.clone(), KeyId::new("k"), key.clone());
        let outgoing = Outgoing::new(&acme, "delivery-1", BODY, at(NOW));
        let request = Request::with(
            signer
                .sign_payload(&outgoing.with_request(&Method::POST, &uri))
                .unwrap(),
        );
        let verifier = JwtVerifier::new(preset, keyring());
        let verify = |body| verifier.verify_payload(&request.message(body));
        assert_eq!(
            verify(BODY).map(|proof| proof.sender().clone()),
            Ok(acme.clone()),
            "{verifier:?}"
        );
        assert_eq!(
            verify(b"{}").err(),
            Some(NotAuthentic::Jwt(No::OtherBody)),
            "{verifier:?}"
        );
    }

    messagebird_leaves_out_the_hash_of_no_body(&acme, &key);

    let atlassian = JwtScheme::atlassian_connect("client", "/hooks");
    let signer = JwtSigner::unbound(atlassian.clone()).with_key(acme.clone(), KeyId::new("k"), key.clone());
    let outgoing = Outgoing::new(&acme, "delivery-1", BODY, at(NOW));
    assert_eq!(
        signer.sign_payload(&outgoing).err(),
        Some(CannotSign::RequestNeeded)
    );
    let mut request = Request::with(
        signer
            .sign_payload(&outgoing.with_request(&Method::POST, &uri))
            .unwrap(),
    );
    let verifier = UnboundJwts::new(atlassian, keyring());
    assert_eq!(verifier.recognize(&request.message(BODY)).map(drop), Ok(()));
    request.uri = Uri::from_static("/hooks/acme?x=2");
    assert_eq!(
        verifier.recognize(&request.message(BODY)).err(),
        Some(NotAuthentic::Jwt(No::OtherRequest))
    );

    let monday = JwtScheme::monday("https://hooks.example");
    let signer = JwtSigner::unbound(monday.clone()).with_key(acme.clone(), KeyId::new("k"), key);
    let request = Request::with(signer.sign_payload(&outgoing).unwrap());
    assert_eq!(
        UnboundJwts::new(monday, keyring())
            .recognize(&request.message(BODY))
            .map(drop),
        Ok(())
    );
    assert_eq!(
        signer
            .sign_payload(&Outgoing::new(&tenant("globex"), "1", BODY, at(NOW)))
            .err(),
        Some(CannotSign::NoKey(NoKey::Unknown {
            sender: tenant("globex")
        }))
    );
    assert_eq!(
        signer
            .sign_payload(&Outgoing::new(&acme, "", BODY, at(NOW)))
            .err(),
        Some(CannotSign::Id)
    );
    for (len, expected) in [
        (256, None),
        (257, Some(CannotSign::Id)),
        (258, Some(CannotSign::Id)),
    ] {
        let id = "x".repeat(len);
        let signed = signer.sign_payload(&Outgoing::new(&acme, &id, BODY, at(NOW)));
        assert_eq!(signed.err(), expected, "{len}");
    }
}

#[test]
fn swt_with_another_hash_is_refused() {
    let verifier = JwtVerifier::new(BoundJwtScheme::swt("issuer"), keyring());
    let hash = hex(&Sha256::digest(BODY));
    let with = |data: &str| {
        let claims = format!(
            r#"{{"iss":"issuer","jti":"1","iat":{NOW},"exp":{},"webhook":{data}}}"#,
            NOW + 300
        );
        let request = Request::bearing(&token(&claims));
        verifier
            .verify_payload(&request.message(BODY))
            .map(drop)
            .map_err(which)
    };
    let refused = |why| Err(NotAuthentic::Jwt(why));
    assert_eq!(
        with(&format!(r#"{{"data":{{"hash":"{hash}","hashAlg":"SHA-256"}}}}"#)),
        Ok(())
    );
    assert_eq!(
        with(&format!(r#"{{"data":{{"hash":"{hash}","hashAlg":"SHA3-256"}}}}"#)),
        refused(claim("hashAlg"))
    );
    assert_eq!(
        with(&format!(r#"{{"data":{{"hash":"{hash}"}}}}"#)),
        refused(No::Missing {
            name: "hashAlg".into()
        })
    );
    assert_eq!(with("{}"), refused(No::Missing { name: "data".into() }));
    assert_eq!(
        with(r#""x""#),
        refused(No::MemberType {
            name: "webhook".into()
        })
    );
}

#[test]
fn detached_signatures_of_the_body() {
    let name = HeaderName::from_static("x-jws-signature");
    let verifier = DetachedVerifier::constant_contact(name.clone(), keyring());
    let header = b64(r#"{"alg":"HS256","b64":false,"crit":["b64"]}"#);
    let body = std::str::from_utf8(BODY).unwrap();
    let signature = sign(&*signing_key(HS), &header, body)
        .rsplit('.')
        .next()
        .unwrap()
        .to_owned();
    let mut headers = HeaderMap::new();
    headers.insert(name, format!("{header}..{signature}").parse().unwrap());
    let request = Request::with(headers);
    assert!(
        verifier
            .verify_payload(&request.message(BODY))
            .unwrap()
            .bindings()
            .body
    );
    assert_eq!(
        verifier.verify_payload(&request.message(b"{}")).err(),
        Some(NotAuthentic::Jwt(No::Signature))
    );
}

#[test]
fn nothing_secret_is_shown() {
    let key = HmacSigningKey::new(HS, SECRET).unwrap();
    let jwk = Jwk::parse(jwk(HS, "").as_bytes()).unwrap();
    let signer =
        JwtSigner::new(BoundJwtScheme::vonage()).with_key(tenant("acme"), KeyId::new("k"), Arc::new(key));
    let shown = format!("{signer:?} {jwk:?} {:?} {:?}", jwk.verifier(HS, &[]), keyring());
    assert!(
        !shown.contains("0123456789abcdef") && !shown.contains(&b64(SECRET)[..16]),
        "{shown}"
    );
}
