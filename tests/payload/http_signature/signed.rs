//! The signer: what it signs is verified, and what it cannot sign is named.

use std::sync::Arc;
use std::time::Duration;

use countersign::payload::http_signature::InvalidHttpSignature as No;
use countersign::payload::http_signature::{
    ChooseSignature, HttpSignatureKeyring, HttpSignatureVerifier, HttpSigner,
};
use countersign::payload::jose::Algorithm;
use countersign::payload::{
    CannotSign, KeyId, Message, NotAuthentic, Outgoing, SignPayload as _, VerifyPayload as _,
};
use countersign::replay::Terms;
use http::{HeaderMap, HeaderName, Method, Uri};

use super::{BODY, ES, NOW, Request, acme, at, key, origin, policy};
use crate::jose_keys::signing_key;

#[test]
fn signing_and_verifying() {
    for algorithm in [
        Algorithm::Hs256,
        Algorithm::Rs256,
        Algorithm::Ps512,
        Algorithm::Es256,
        Algorithm::Es384,
        Algorithm::EdDsa,
    ] {
        let signer = HttpSigner::new(origin())
            .covering(http::header::CONTENT_TYPE)
            .with_tag("app");
        let signer = signer.with_key(acme(), KeyId::new("k"), Arc::from(signing_key(algorithm)));
        let tenant = acme();
        let mut headers = HeaderMap::new();
        headers.insert("content-type", "application/json".parse().unwrap());
        let uri = Uri::from_static("/acme?x=1");
        let outgoing = Outgoing::new(&tenant, "delivery-1", BODY, at(NOW))
            .with_request(&Method::POST, &uri)
            .with_headers(&headers);
        let added = signer.sign_payload(&outgoing).unwrap();
        headers.extend(added);
        let mut request = Request {
            method: Method::POST,
            uri,
            headers,
            body: BODY.to_vec(),
        };
        let keys = HttpSignatureKeyring::builder()
            .keys(acme(), [key("k", algorithm)])
            .build()
            .unwrap();
        let policy = policy()
            .choosing(ChooseSignature::ByTag("app".into()))
            .require_nonce();
        let verifier = HttpSignatureVerifier::new(policy, keys);
        let message = request.message();
        let authentic = verifier.verify_payload(&message).unwrap();
        let bindings = authentic.bindings();
        assert!(bindings.body && bindings.request, "{algorithm}");
        let terms = Terms::default()
            .with_window(Duration::ZERO)
            .with_lease(Duration::ZERO);
        let keep_until = authentic.claim(at(NOW), terms).keep_until;
        assert_eq!(keep_until, at(NOW + 600), "{algorithm}: twice the tolerance");
        request
            .headers
            .insert("content-type", "text/plain".parse().unwrap());
        assert_eq!(
            verifier.verify_payload(&request.message()).err(),
            Some(NotAuthentic::HttpSignature(No::Signature)),
            "{algorithm}"
        );
    }
    let signer =
        HttpSigner::new(origin()).with_key(acme(), KeyId::new("k"), Arc::from(signing_key(Algorithm::Hs512)));
    let tenant = acme();
    let outgoing = Outgoing::new(&tenant, "delivery-1", BODY, at(NOW));
    let root = Uri::from_static("/");
    let outgoing = outgoing.with_request(&Method::POST, &root);
    let refused = signer.sign_payload(&outgoing);
    assert_eq!(refused.err(), Some(CannotSign::Algorithm));
}

/// What cannot be signed is named.
#[test]
fn the_signer_names_what_it_cannot_sign() {
    let tenant = acme();
    let root = Uri::from_static("/");
    let mut headers = HeaderMap::new();
    headers.insert("x-name", http::HeaderValue::from_bytes(b"caf\xe9").unwrap());
    headers.insert("content-type", "text/plain".parse().unwrap());
    let many: Vec<HeaderName> = (0..32).map(|n| format!("x-{n}").parse().unwrap()).collect();
    for name in &many {
        headers.insert(name.clone(), "1".parse().unwrap());
    }
    let outgoing = Outgoing::new(&tenant, "delivery-1", BODY, at(NOW))
        .with_request(&Method::POST, &root)
        .with_headers(&headers);
    let sign = |signer: HttpSigner, id: &str| {
        signer
            .with_key(acme(), KeyId::new(id), Arc::from(signing_key(ES)))
            .sign_payload(&outgoing)
            .map(drop)
    };
    let signer = || HttpSigner::new(origin());
    let component = |reason| Err(CannotSign::Component { reason });
    assert_eq!(
        sign(signer().covering(HeaderName::from_static("x-name")), "k"),
        component(No::NotPresent {
            name: "x-name".into()
        })
    );
    assert_eq!(
        sign(many.into_iter().fold(signer(), HttpSigner::covering), "k"),
        component(No::TooMany)
    );
    assert_eq!(
        sign(signer(), "schl\u{fc}ssel"),
        Err(CannotSign::Parameter { name: "keyid" })
    );
    assert_eq!(
        sign(signer().with_tag("t\u{e4}g"), "k"),
        Err(CannotSign::Parameter { name: "tag" })
    );
    // Named twice, covered once.
    let twice = signer()
        .covering(http::header::CONTENT_TYPE)
        .covering(http::header::CONTENT_TYPE)
        .covering(HeaderName::from_static("content-digest"));
    assert_eq!(sign(twice, "k"), Ok(()));
}

/// A sender with many receivers covers where each message goes, and tells what it lacks rather than covering less.
#[test]
fn the_destination_is_covered() {
    let (tenant, here) = (acme(), Uri::from_static("https://hooks.example/acme?x=1"));
    let (relative, elsewhere) = (
        Uri::from_static("/acme?x=1"),
        Uri::from_static("https://evil.example/acme?x=1"),
    );
    let bare = Outgoing::new(&tenant, "delivery-1", BODY, at(NOW));
    let signer = |signer: HttpSigner| {
        signer.with_key(acme(), KeyId::new("k"), Arc::from(signing_key(Algorithm::Hs256)))
    };
    let verified_at = |headers: HeaderMap| {
        let keys = HttpSignatureKeyring::builder()
            .keys(acme(), [key("k", Algorithm::Hs256)])
            .build()
            .unwrap();
        let message = Message::new(&Method::POST, &relative, &headers, BODY, at(NOW));
        HttpSignatureVerifier::new(policy(), keys)
            .verify_payload(&message)
            .map(drop)
    };
    let (any, fixed) = (
        signer(HttpSigner::to_any_origin()),
        signer(HttpSigner::new(origin())),
    );
    let covering = signer(HttpSigner::new(origin()).covering(http::header::CONTENT_TYPE));
    let needed = Err(CannotSign::FieldNeeded {
        name: http::header::CONTENT_TYPE,
    });
    let other = Err(NotAuthentic::HttpSignature(No::Signature));
    let to = |uri| bare.with_request(&Method::POST, uri);
    let cases = [
        ("absolute", &any, to(&here), Ok(Ok(()))),
        ("another receiver", &any, to(&elsewhere), Ok(other)),
        ("no origin", &any, to(&relative), Err(CannotSign::RequestNeeded)),
        ("no request", &any, bare, Err(CannotSign::RequestNeeded)),
        ("its own origin", &fixed, to(&relative), Ok(Ok(()))),
        ("the receiver's own name", &fixed, to(&elsewhere), Ok(Ok(()))),
        ("no request, fixed", &fixed, bare, Err(CannotSign::RequestNeeded)),
        ("a field that is not there", &covering, to(&relative), needed),
    ];
    for (name, signer, outgoing, expected) in cases {
        let signed = signer.sign_payload(&outgoing).map(verified_at);
        assert_eq!(signed, expected, "{name}");
    }
}
