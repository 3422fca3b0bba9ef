//! What others sign we verify, and what we sign they verify: npm `jose` and `http-message-signatures`, PyJWT and
//! joserfc. They are installed into `target/interop/jose` when first needed. What cannot be installed is skipped,
//! loudly; where the environment variable `CI` is set, that is a failure.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "tests fail loudly, and skip loudly"
)]

use crate::jose_keys as jose;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use countersign::payload::http_signature::{
    HttpSignatureKeyring, HttpSignaturePolicy, HttpSignatureVerifier, HttpSigner, InvalidHttpSignature,
};
use countersign::payload::jose::{Algorithm, Jwk, PublicKey, VerifyingKey};
use countersign::payload::{KeyId, Message, NotAuthentic, Origin, Outgoing, SignPayload, VerifyPayload};
use countersign::tenant::TenantId;
use http::{HeaderMap, HeaderName, Method, Uri};
use jose::{EVERY, SECRET, algorithms, b64, jwk, mint, pem, sign, signing_key};
use rustls::pki_types::UnixTime;
use serde_json::{Value, json};

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/interop/jose"))
}

/// Runs a command there; nothing where it is not to be had.
fn run(program: &str, arguments: &[&str]) -> Option<()> {
    std::fs::create_dir_all(folder()).unwrap();
    let status = Command::new(program)
        .args(arguments)
        .current_dir(folder())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.ok().filter(std::process::ExitStatus::success).map(drop)
}

fn npm() -> Option<()> {
    if folder().join("node_modules/http-message-signatures").exists() {
        return Some(());
    }
    run(
        "npm",
        &[
            "install",
            "--no-audit",
            "--no-fund",
            "jose@6",
            "http-message-signatures@1",
        ],
    )
}

fn pip() -> Option<()> {
    if folder().join("py/joserfc").exists() {
        return Some(());
    }
    run(
        "python3",
        &[
            "-m",
            "pip",
            "install",
            "-q",
            "--target",
            "py",
            "PyJWT",
            "cryptography",
            "joserfc",
        ],
    )
}

/// The answers of a peer, in the order of the tasks.
fn ask(program: &str, script: &str, library: &str, tasks: &[Value]) -> Vec<Value> {
    let script = format!("{}/support/jose/{script}", env!("CARGO_MANIFEST_DIR"));
    let mut peer = Command::new(program)
        .args([&script, folder().join(library).to_str().unwrap()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    peer.stdin
        .take()
        .unwrap()
        .write_all(Value::from(tasks).to_string().as_bytes())
        .unwrap();
    let output = peer.wait_with_output().unwrap();
    assert!(output.status.success(), "{program}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn skipped(who: &str) {
    assert!(
        std::env::var_os("CI").is_none(),
        "{who} cannot be installed, and this is CI"
    );
    eprintln!("SKIPPED: {who} cannot be installed here; interop with it was NOT tested");
}

const PAYLOAD: &str = r#"{"iss":"issuer","n":1}"#;

/// With the key to sign: a secret, or PKCS#8.
fn private(algorithm: Algorithm, op: &str) -> Value {
    let mut task = json!({ "op": op, "alg": algorithm.jose_name(), "payload": PAYLOAD });
    match algorithm.jose_name().split_at(2) {
        ("HS", _) => task["secret"] = std::str::from_utf8(SECRET).unwrap().into(),
        (kind, bits) => {
            let name = match (kind, bits) {
                ("RS" | "PS", _) => "rsa",
                ("ES", "256") => "p256",
                ("ES", "384") => "p384",
                ("ES", _) => "p521",
                _ => "ed25519",
            };
            task["pem"] = String::from_utf8(pem(name)).unwrap().into();
        }
    }
    task
}

/// With the key to verify: a secret, or a JWK.
fn public(algorithm: Algorithm, op: &str, token: &str) -> Value {
    let mut task = private(algorithm, op);
    task["token"] = token.into();
    if task.as_object_mut().unwrap().remove("pem").is_some() {
        task["jwk"] = serde_json::from_str(&jwk(algorithm, "")).unwrap();
    }
    task
}

fn both_ways(program: &str, script: &str, library: &str, prefix: &str) {
    let signed = EVERY.map(|algorithm| private(algorithm, &format!("{prefix}sign")));
    for (algorithm, answer) in EVERY.into_iter().zip(ask(program, script, library, &signed)) {
        let token = answer["ok"]
            .as_str()
            .unwrap_or_else(|| panic!("{prefix}{algorithm}: {answer}"));
        let key = Jwk::parse(jwk(algorithm, "").as_bytes()).unwrap();
        let jws = key
            .verifier(algorithm, algorithms())
            .verify_compact(token)
            .map(|jws| jws.payload().to_vec());
        assert_eq!(jws.as_deref(), Ok(PAYLOAD.as_bytes()), "{prefix}{algorithm}");
    }
    let ours = EVERY.map(|algorithm| {
        let token = mint(algorithm, &format!(r#"{{"alg":"{algorithm}"}}"#), PAYLOAD);
        public(algorithm, &format!("{prefix}verify"), &token)
    });
    for (algorithm, answer) in EVERY.into_iter().zip(ask(program, script, library, &ours)) {
        assert_eq!(answer["ok"], PAYLOAD, "{prefix}{algorithm}: {answer}");
    }
}

#[test]
fn npm_jose() {
    if npm().is_none() {
        return skipped("npm jose");
    }
    both_ways("node", "peer.mjs", "node_modules", "");
}

#[test]
fn npm_jose_detached_and_unencoded() {
    if npm().is_none() {
        return skipped("npm jose");
    }
    let es = Algorithm::Es256;
    let token = &ask(
        "node",
        "peer.mjs",
        "node_modules",
        &[private(es, "sign_detached")],
    )[0]["ok"];
    let verifier = Jwk::parse(jwk(es, "").as_bytes())
        .unwrap()
        .verifier(es, algorithms());
    assert_eq!(
        verifier
            .verify_detached(token.as_str().unwrap(), PAYLOAD.as_bytes())
            .map(drop),
        Ok(())
    );

    let header = b64(r#"{"alg":"ES256","b64":false,"crit":["b64"]}"#);
    let signature = sign(&*signing_key(es), &header, PAYLOAD)
        .rsplit('.')
        .next()
        .unwrap()
        .to_owned();
    let task = public(es, "verify_detached", &format!("{header}..{signature}"));
    assert_eq!(ask("node", "peer.mjs", "node_modules", &[task])[0]["ok"], PAYLOAD);
}

#[test]
fn pyjwt() {
    if pip().is_none() {
        return skipped("PyJWT");
    }
    both_ways("python3", "peer.py", "py", "pyjwt_");
}

#[test]
fn joserfc() {
    if pip().is_none() {
        return skipped("joserfc");
    }
    both_ways("python3", "peer.py", "py", "joserfc_");
}

const NOW: u64 = 1_790_000_000;
const TARGET: &str = "/acme?x=1";

#[test]
fn npm_http_message_signatures() {
    if npm().is_none() {
        return skipped("npm http-message-signatures");
    }
    let now = UnixTime::since_unix_epoch(Duration::from_secs(NOW));
    let digest = "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:";
    let body = br#"{"hello": "world"}"#;
    let acme = TenantId::parse("acme").unwrap();
    let origin = Origin::parse("https://hooks.example").unwrap();
    for (algorithm, name) in [
        (Algorithm::Es256, "p256"),
        (Algorithm::Es384, "p384"),
        (Algorithm::EdDsa, "ed25519"),
        (Algorithm::Ps512, "rsa"),
        (Algorithm::Rs256, "rsa"),
    ] {
        let [private, public] =
            [name.to_owned(), format!("{name}.pub")].map(|name| String::from_utf8(pem(&name)).unwrap());
        let url = format!("https://hooks.example{TARGET}");
        let request = json!({ "method": "POST", "url": url, "headers": { "content-digest": digest } });
        let task = json!({ "op": "sign_request", "alg": algorithm.http_name(), "pem": private, "now": NOW, "request": request });
        let answer = ask("node", "peer.mjs", "node_modules", &[task]).remove(0);
        let mut headers = HeaderMap::new();
        for (name, value) in answer["ok"]
            .as_object()
            .unwrap_or_else(|| panic!("{algorithm}: {answer}"))
        {
            let name: HeaderName = name.to_lowercase().parse().unwrap();
            headers.insert(name, value.as_str().unwrap().parse().unwrap());
        }
        let key = PublicKey::from_pem(public.as_bytes()).unwrap();
        let key = VerifyingKey::public(KeyId::new("k"), algorithm, &key, algorithms()).unwrap();
        let keys = HttpSignatureKeyring::builder()
            .keys(acme.clone(), [key])
            .build()
            .unwrap();
        let verifier = HttpSignatureVerifier::new(HttpSignaturePolicy::new(origin.clone()), keys);
        let (method, uri) = (Method::POST, Uri::from_static(TARGET));
        let message = Message::new(&method, &uri, &headers, body, now);
        // RFC 9421 §3.3.1 wants 64 bytes of salt; the peer names no length, and Node then takes as much as there is
        // room for. What we sign the peer takes.
        let expected = match algorithm {
            Algorithm::Ps512 => Err(NotAuthentic::HttpSignature(InvalidHttpSignature::Signature)),
            _ => Ok(()),
        };
        assert_eq!(
            verifier.verify_payload(&message).map(drop),
            expected,
            "{algorithm}: {headers:?}"
        );

        let signer = HttpSigner::new(origin.clone()).with_key(
            acme.clone(),
            KeyId::new("k"),
            Arc::from(signing_key(algorithm)),
        );
        let outgoing = Outgoing::new(&acme, "delivery-1", body, now).with_request(&method, &uri);
        let added = signer.sign_payload(&outgoing).unwrap();
        let headers: serde_json::Map<_, _> = added
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().into()))
            .collect();
        let request = json!({ "method": "POST", "url": url, "headers": headers });
        let task = json!({ "op": "verify_request", "alg": algorithm.http_name(), "public": public, "now": NOW, "request": request });
        assert_eq!(
            ask("node", "peer.mjs", "node_modules", &[task])[0]["ok"],
            true,
            "{algorithm}"
        );
    }
}
