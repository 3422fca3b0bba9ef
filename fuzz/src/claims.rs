use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign::payload::http_signature::{
    HttpSignatureKeyring, HttpSignaturePolicy, HttpSignatureVerifier, HttpSigner,
};
use countersign::payload::jose::{
    Algorithm, BoundJwtScheme, DetachedVerifier, JwsVerifier, JwtKeyring, JwtScheme, JwtSigner, JwtVerifier,
    SigningKey, UnboundJwts, VerifyingKey,
};
use countersign::payload::{KeyId, Origin, SignPayload as _};
use countersign::tenant::TenantId;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::keys::jose_key;
use crate::sender::{Sender, Verifies, acme};

const ORIGIN: &str = "https://hooks.example.com";
const GUID: &str = "11111111-2222-3333-4444-555555555555";

fn tenant(name: &str) -> TenantId {
    TenantId::parse(name).expect("a tenant")
}

fn jwt_keys(owner: &str, key: VerifyingKey) -> JwtKeyring {
    let keys = JwtKeyring::builder().keys(tenant(owner), JwsVerifier::of_key(key));
    keys.build().expect("a ring")
}

/// Every preset of tokens, those that leave the body out among them, and detached signatures.
pub fn tokens() -> Vec<Sender> {
    use Algorithm::{Es256, Hs256, Hs512, Rs256};
    let bound = |name, scheme, algorithm| bound(name, scheme, algorithm);
    vec![
        bound("plaid", BoundJwtScheme::plaid(), Es256),
        bound("netlify", BoundJwtScheme::netlify(), Hs256),
        bound("vonage", BoundJwtScheme::vonage(), Hs256),
        bound("messagebird", BoundJwtScheme::messagebird(ORIGIN), Hs256),
        bound("fusionauth", BoundJwtScheme::fusionauth(), Algorithm::EdDsa),
        bound("swt", BoundJwtScheme::swt("issuer"), Hs512),
        unbound(
            "google_pubsub",
            JwtScheme::google_pubsub("hooks", "pubsub@example.com"),
            Rs256,
        ),
        unbound("microsoft_graph", JwtScheme::microsoft_graph(GUID, GUID), Rs256),
        unbound(
            "atlassian_connect",
            JwtScheme::atlassian_connect("client", ""),
            Hs256,
        ),
        unbound("monday", JwtScheme::monday("https://hooks.example.com/in"), Hs256),
        detached(Rs256),
        detached(Algorithm::Ps256),
    ]
}

fn bound(name: &'static str, scheme: BoundJwtScheme, algorithm: Algorithm) -> Sender {
    let ((signing, own), (_, other)) = (jose_key(algorithm, "k"), jose_key(algorithm, "other"));
    let verifies =
        |owner, key| Verifies::Wholly(Arc::new(JwtVerifier::new(scheme.clone(), jwt_keys(owner, key))));
    let signer = JwtSigner::new(scheme.clone()).with_key(acme(), KeyId::new("k"), signing);
    Sender {
        name,
        signs: Box::new(move |outgoing| Ok((signer.sign_payload(outgoing)?, outgoing.body.to_vec()))),
        verifies: verifies("acme", own),
        others: verifies("globex", other),
    }
}

fn unbound(name: &'static str, scheme: JwtScheme, algorithm: Algorithm) -> Sender {
    let ((signing, own), (_, other)) = (jose_key(algorithm, "k"), jose_key(algorithm, "other"));
    let verifies = |owner, key| {
        let verifier = UnboundJwts::new(scheme.clone(), jwt_keys(owner, key));
        Verifies::Partly(Box::new(move |message| verifier.recognize(message).map(drop)))
    };
    let signer = JwtSigner::unbound(scheme.clone()).with_key(acme(), KeyId::new("k"), signing);
    Sender {
        name,
        signs: Box::new(move |outgoing| Ok((signer.sign_payload(outgoing)?, outgoing.body.to_vec()))),
        verifies: verifies("acme", own),
        others: verifies("globex", other),
    }
}

const DETACHED: HeaderName = HeaderName::from_static("x-signature");

fn detached(algorithm: Algorithm) -> Sender {
    let ((signing, own), (_, other)) = (jose_key(algorithm, "k"), jose_key(algorithm, "other"));
    let verifies = |owner, key| {
        let keys = jwt_keys(owner, key);
        Verifies::Wholly(Arc::new(DetachedVerifier::constant_contact(DETACHED, keys)))
    };
    Sender {
        name: "detached",
        signs: Box::new(move |outgoing| Ok((detach(&*signing, outgoing.body), outgoing.body.to_vec()))),
        verifies: verifies("acme", own),
        others: verifies("globex", other),
    }
}

/// RFC 7797 §4: the payload as it is, and not in the token.
fn detach(key: &dyn SigningKey, body: &[u8]) -> HeaderMap {
    let alg = key.algorithm().jose_name();
    let header = format!(r#"{{"alg":"{alg}","kid":"k","b64":false,"crit":["b64"]}}"#);
    let header = URL_SAFE_NO_PAD.encode(header);
    let signed = [header.as_bytes(), b".", body].concat();
    let signature = URL_SAFE_NO_PAD.encode(key.sign(&signed).expect("signed"));
    let token = HeaderValue::try_from(format!("{header}..{signature}")).expect("a value");
    HeaderMap::from_iter([(DETACHED, token)])
}

/// HTTP message signatures (RFC 9421), by every algorithm that has a name there.
pub fn http_signatures() -> Vec<Sender> {
    use Algorithm::{EdDsa, Es256, Es384, Hs256, Ps512, Rs256};
    [EdDsa, Es256, Es384, Hs256, Ps512, Rs256].map(of_http).into()
}

fn of_http(algorithm: Algorithm) -> Sender {
    let ((signing, own), (_, other)) = (jose_key(algorithm, "k"), jose_key(algorithm, "other"));
    let origin = || Origin::parse(ORIGIN).expect("an origin");
    let verifies = |owner, key| {
        let keys = HttpSignatureKeyring::builder().keys(tenant(owner), [key]);
        let policy = HttpSignaturePolicy::new(origin()).require_nonce();
        Verifies::Wholly(Arc::new(HttpSignatureVerifier::new(
            policy,
            keys.build().expect("a ring"),
        )))
    };
    let signer = HttpSigner::new(origin()).with_key(acme(), KeyId::new("k"), signing);
    Sender {
        name: "http_signature",
        signs: Box::new(move |outgoing| Ok((signer.sign_payload(outgoing)?, outgoing.body.to_vec()))),
        verifies: verifies("acme", own),
        others: verifies("globex", other),
    }
}
