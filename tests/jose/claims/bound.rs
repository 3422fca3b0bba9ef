//! What a token is bound to: body, request, certificate, tenant.

use std::sync::Arc;

use countersign::identity::CertHash;
use countersign::payload::hmac::KeyProblem;
use countersign::payload::jose::{
    Algorithm, BodyHash, HashForm, HmacSigningKey, InvalidJwt as No, Jwk, JwtAt, JwtKeyring, JwtScheme,
    JwtSigner, JwtVerifier,
};
use countersign::payload::{
    Authentic, ClientCertificate, KeyId, Message, NoKey, NotAuthentic, Outgoing, SignPayload, VerifyPayload,
};
use countersign::replay::Terms;
use http::Method;
use rustls::pki_types::UnixTime;
use sha2::{Digest as _, Sha256};

use super::{BODY, HS, NOW, Request, at, claims, hex, keyring, rules, scheme, tenant, token};
use crate::jose_keys as jose;
use crate::jose_keys::{SECRET, b64, jwk, mint, sign, signing_key};

#[test]
fn a_token_proves_this_body_and_no_other() {
    for (form, hash) in [
        (HashForm::Hex, hex(&Sha256::digest(BODY))),
        (HashForm::Hex, hex(&Sha256::digest(BODY)).to_uppercase()),
        (HashForm::Base64Url, b64(Sha256::digest(BODY))),
        (
            HashForm::Base64,
            base64::Engine::encode(&base64::engine::general_purpose::STANDARD, Sha256::digest(BODY)),
        ),
    ] {
        let tokens = JwtScheme::new("test", JwtAt::bearer(), rules());
        let verifier = JwtVerifier::new(tokens.bound_to_body(BodyHash::in_claim("hash", form)), keyring());
        let request = Request::bearing(&token(&claims(&format!(r#","hash":"{hash}""#))));
        let authentic = verifier.verify_payload(&request.message(BODY)).unwrap();
        assert!(authentic.bindings().body, "{form:?}");
        for other in [&b""[..], b"{}", br#"{"event":"paid"} "#, br#"{"event": "paid"}"#] {
            assert_eq!(
                verifier.verify_payload(&request.message(other)).err(),
                Some(NotAuthentic::Jwt(No::OtherBody)),
                "{form:?}"
            );
        }
    }
}

/// RFC 8705 §3: `x5t#S256`, with the value of its Appendix A.
#[test]
fn a_bound_token_counts_only_under_its_certificate() {
    let thumbprint = "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0";
    let hash: [u8; 32] = jose::unb64(thumbprint).try_into().unwrap();
    let (own, other) = (CertHash::from(hash), CertHash::of(b"another"));
    let bound = claims(&format!(r#","cnf":{{"x5t#S256":"{thumbprint}"}}"#));
    let cnf = |value: &str| claims(&format!(r#","cnf":{value}"#));
    let non_canonical = format!(r#"{{"x5t#S256":"{}1"}}"#, &thumbprint[..42]);
    let must = || rules().require_certificate();
    let of_type = Err(No::MemberType { name: "cnf".into() });
    let cases = [
        (
            "bound, right certificate",
            rules(),
            bound.clone(),
            Some(own),
            Ok(Some(own)),
        ),
        (
            "bound, no certificate",
            rules(),
            bound.clone(),
            None,
            Err(No::NoCertificate),
        ),
        (
            "bound, other certificate",
            rules(),
            bound,
            Some(other),
            Err(No::OtherCertificate),
        ),
        ("not bound", rules(), claims(""), Some(own), Ok(None)),
        (
            "not bound, but must",
            must(),
            claims(""),
            Some(own),
            Err(No::NotBoundToCertificate),
        ),
        (
            "bound to a key",
            rules(),
            cnf(r#"{"jkt":"x"}"#),
            Some(own),
            Err(No::UnknownConfirmation),
        ),
        (
            "bound twice",
            rules(),
            cnf(&format!(r#"{{"x5t#S256":"{thumbprint}","jkt":"x"}}"#)),
            Some(own),
            Err(No::UnknownConfirmation),
        ),
        (
            "empty",
            rules(),
            cnf("{}"),
            Some(own),
            Err(No::UnknownConfirmation),
        ),
        ("text", rules(), cnf(r#""x""#), Some(own), of_type.clone()),
        ("null", rules(), cnf("null"), Some(own), of_type.clone()),
        (
            "number",
            rules(),
            cnf(r#"{"x5t#S256":1}"#),
            Some(own),
            Err(No::UnknownConfirmation),
        ),
        (
            "short",
            rules(),
            cnf(r#"{"x5t#S256":"AA"}"#),
            Some(own),
            of_type.clone(),
        ),
        (
            "padded",
            rules(),
            cnf(&format!(r#"{{"x5t#S256":"{thumbprint}="}}"#)),
            Some(own),
            of_type.clone(),
        ),
        ("spare bits", rules(), cnf(&non_canonical), Some(own), of_type),
    ];
    for (name, rules, claims, certificate, expected) in cases {
        let request = Request::bearing(&token(&claims));
        let mut message = request.message(BODY);
        if let Some(hash) = certificate {
            message = message.with_certificate(ClientCertificate::of_hash(hash));
        }
        let verifier = JwtVerifier::new(scheme(rules), keyring());
        let answer = verifier
            .verify_payload(&message)
            .map(|authentic| authentic.bindings().certificate);
        assert_eq!(answer, expected.map_err(NotAuthentic::Jwt), "{name}");
    }
}

#[test]
fn a_ring_without_keys_or_with_a_tenant_twice_is_not_built() {
    let key = || Jwk::parse(jwk(HS, "").as_bytes()).unwrap().verifier(HS, &[]);
    let once = || JwtKeyring::builder().keys(tenant("acme"), key());
    let invalid = |place, problem| Err((place, problem));
    for (case, builder, expected) in [
        ("one", once(), Ok(1)),
        ("two", once().keys(tenant("globex"), key()), Ok(2)),
        ("none", JwtKeyring::builder(), invalid(None, KeyProblem::NoKeys)),
        (
            "twice",
            once().keys(tenant("acme"), key()),
            invalid(Some(2), KeyProblem::SameTenant),
        ),
    ] {
        let built = builder.build().map(|ring| ring.tenants());
        assert_eq!(
            built.map_err(|invalid| (invalid.place, invalid.problem)),
            expected,
            "{case}"
        );
    }
}

#[test]
fn a_tenant_has_its_own_keys() {
    let key = |algorithm| {
        Jwk::parse(jwk(algorithm, "").as_bytes())
            .unwrap()
            .verifier(algorithm, jose::algorithms())
    };
    let keys = JwtKeyring::builder()
        .keys(tenant("acme"), key(HS))
        .keys(tenant("globex"), key(Algorithm::Es256));
    let keys = keys.build().unwrap();
    let verifier = JwtVerifier::new(scheme(rules()), keys);
    let acme = Request::bearing(&token(&claims("")));
    let globex = Request::bearing(&mint(Algorithm::Es256, r#"{"alg":"ES256"}"#, claims("")));
    let (a, g, nobody) = (tenant("acme"), tenant("globex"), tenant("initech"));
    let as_sender = |request: &Request, sender| {
        verifier
            .verify_payload(&request.message(BODY).from_sender(sender))
            .map(|proof| proof.sender().clone())
    };
    assert_eq!(as_sender(&acme, &a), Ok(a.clone()));
    assert_eq!(as_sender(&globex, &g), Ok(g.clone()));
    assert_eq!(
        as_sender(&acme, &g),
        Err(NotAuthentic::Jwt(No::AlgorithmNotAllowed { algorithm: HS }))
    );
    assert_eq!(
        as_sender(&globex, &a),
        Err(NotAuthentic::Jwt(No::AlgorithmNotAllowed {
            algorithm: Algorithm::Es256
        }))
    );
    assert_eq!(
        as_sender(&acme, &nobody),
        Err(NotAuthentic::NoKey(NoKey::Unknown {
            sender: nobody.clone()
        }))
    );
    assert_eq!(
        verifier.verify_payload(&acme.message(BODY)).err(),
        Some(NotAuthentic::NoKey(NoKey::SenderNeeded))
    );
}

/// A delivery is `jti`, or what is signed; never the signature, which ECDSA lets anybody rewrite.
#[test]
fn a_rewritten_signature_is_the_same_delivery() {
    let key = Jwk::parse(jwk(Algorithm::Es256, "").as_bytes()).unwrap();
    let keys = JwtKeyring::builder()
        .keys(tenant("acme"), key.verifier(Algorithm::Es256, jose::algorithms()))
        .build()
        .unwrap();
    let verifier = JwtVerifier::new(scheme(rules()), keys);
    let claim = |token: &str| {
        let request = Request::bearing(token);
        let authentic: Authentic<'_> = verifier.verify_payload(&request.message(BODY)).unwrap();
        authentic.claim(at(NOW), Default::default()).key
    };
    let header = b64(r#"{"alg":"ES256"}"#);
    let mint = |claims: &str| sign(&*signing_key(Algorithm::Es256), &header, &b64(claims));
    let (first, second) = (mint(&claims("")), mint(&claims("")));
    assert_ne!(first, second, "ECDSA signs with a nonce");
    assert_eq!(claim(&first), claim(&second));
    assert_ne!(claim(&first), claim(&mint(&claims(r#","x":1"#))));
    let with_id = |id: &str, more: &str| claim(&mint(&claims(&format!(r#","jti":"{id}"{more}"#))));
    assert_eq!(with_id("a", ""), with_id("a", r#","x":1"#));
    assert_ne!(with_id("a", ""), with_id("b", ""));
}

/// Through the gate: the connection's own certificate is what `cnf` is compared with, and the proof remembers it.
#[tokio::test]
async fn the_gate_records_what_was_bound() {
    use countersign::gate::{self, Caller, Countersigned, Policy};
    use countersign::identity::PeerChain;
    use countersign::refusal::Refusal;
    use countersign::replay::MemoryStore;
    use countersign::tenant::TenantTable;
    use countersign::testing::TestCa;
    use countersign::trust::PrivateCa;

    #[expect(clippy::disallowed_methods, reason = "the test certificates are of this day")]
    let now = UnixTime::now();
    let ca = TestCa::new("Root");
    let trust = PrivateCa::from_pem(ca.pem().as_bytes(), jose::algorithms(), now).unwrap();
    let tenants = TenantTable::builder()
        .known(["acme"])
        .uri("spiffe://example/tenant/{tenant}");
    let policy = Policy::new(trust, tenants.build().unwrap());
    let caller = |leaf: Vec<_>| Caller::identify(&policy, PeerChain::parse(leaf).unwrap(), now).unwrap();
    let leaf = ca.client("spiffe://example/tenant/acme").issue();
    let other = ca.client("spiffe://example/tenant/acme").issue();
    let own = CertHash::of(leaf.leaf());

    let scheme = scheme(rules().require_certificate());
    let key = Arc::new(HmacSigningKey::new(HS, SECRET).unwrap());
    let acme = tenant("acme");
    let signer = JwtSigner::new(scheme.clone())
        .with_key(acme.clone(), KeyId::new("k"), key)
        .bound_to_certificate(own);
    let outgoing = Outgoing::new(&acme, "delivery-1", BODY, now);
    let mut request = Request::with(signer.sign_payload(&outgoing).unwrap());
    request.method = Method::POST;
    let message = Message::new(&request.method, &request.uri, &request.headers, BODY, now);
    let verifier = JwtVerifier::new(scheme, keyring());

    let stranger = caller(other.chain());
    let refused = gate::verify(&verifier, message, Some(&stranger)).err();
    assert_eq!(
        refused,
        Some(Refusal::NotAuthentic(NotAuthentic::Jwt(No::OtherCertificate)))
    );
    let refused = gate::verify(&verifier, message, None).err();
    assert_eq!(
        refused,
        Some(Refusal::NotAuthentic(NotAuthentic::Jwt(No::NoCertificate)))
    );

    let caller = caller(leaf.chain());
    let authentic = gate::verify(&verifier, message, Some(&caller)).unwrap();
    let store = MemoryStore::default();
    let (fresh, _) = gate::claim(&store, authentic, Terms::default(), now)
        .await
        .unwrap();
    let bindings = Countersigned::bind(caller, fresh).unwrap().bindings();
    assert_eq!((bindings.body, bindings.certificate), (true, Some(own)));
}
