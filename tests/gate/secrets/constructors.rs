//! Every constructor that is given a secret, or what somebody took for one.

use std::collections::BTreeSet;
use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use countersign::address::AddressGuard;
use countersign::dispatch::Endpoint;
use countersign::identity::{CertHash, SpkiHash};
use countersign::payload::hmac::{Key, KeySpec, Origin};
use countersign::payload::jose::{
    Algorithm, Algorithms, CacheRules, HmacSigningKey, Jwk, JwkSet, PublicKey, RemoteJwks, VerifyingKey,
};
use countersign::payload::providers::{HubSpotLegacy, TwilioVerifier};
use countersign::payload::public_key::PublicKeyScheme;
use countersign::payload::{KeyId, Keyring, Scheme, Secret};
use countersign::reload::FetchJwks;
use countersign::replay::RedisStore;
use countersign::tenant::TenantId;
use countersign::testing::{NOW, TestCert};
use countersign::tls::{Credentials, RustlsKey};
use countersign::trust::{Crls, ExpectedPeers, PinSet, PrivateCa, PublicCa};

use super::{client_config, shown};
use crate::stage::{algorithms, provider};

/// From where, and what it shows; each once.
#[derive(Default)]
pub(super) struct Errors(pub(super) BTreeSet<(String, String)>);

impl Errors {
    fn add<T, E: Error + 'static>(&mut self, from: &str, result: Result<T, E>) {
        if let Err(error) = result {
            self.0.insert((from.to_owned(), shown(&error)));
        }
    }
}

pub(super) fn of_files(errors: &mut Errors, text: &str, cert: &TestCert) {
    let (provider, bytes) = (provider(), text.as_bytes());
    let (chain, key) = (cert.chain_pem(), cert.key_pem());
    errors.add("chain", Credentials::from_pem(&provider, bytes, key.as_bytes()));
    errors.add("key", Credentials::from_pem(&provider, chain.as_bytes(), bytes));
    errors.add("both", Credentials::from_pem(&provider, bytes, bytes));
    errors.add(
        "signing key",
        RustlsKey::from_pem(&provider, Algorithm::Es256, bytes),
    );
    errors.add(
        "other type",
        RustlsKey::from_pem(&provider, Algorithm::Rs256, bytes),
    );
    errors.add("anchors", PrivateCa::from_pem(bytes, algorithms(), NOW));
    errors.add(
        "leaf",
        PrivateCa::builder(algorithms()).leaf_pem(bytes).build(NOW),
    );
    let only = ExpectedPeers::names([countersign::identity::Name::Dns("a.example".into())]);
    errors.add(
        "public anchors",
        PublicCa::builder(only, algorithms()).pem(bytes).build(NOW),
    );
    errors.add("lists", Crls::from_pem(bytes, NOW));
    errors.add("pin", SpkiHash::from_pem(bytes));
    errors.add("public key", PublicKey::from_pem(bytes));
    errors.add("public key in DER", PublicKey::from_spki_der(bytes));
}

/// A key in the place of the name of its file: what an environment variable is for was mistaken.
pub(super) fn of_file_names(errors: &mut Errors, text: &str) {
    let path = Path::new(text);
    errors.add(
        "chain's file",
        Credentials::from_pem_files(&provider(), path, path),
    );
    errors.add("anchors' file", PrivateCa::from_pem_file(path, algorithms(), NOW));
}

pub(super) fn of_texts(errors: &mut Errors, text: &str) {
    for name in ["acme", "2026-01", "", text] {
        let specs: [(&str, KeySpec); 5] = [
            ("text", KeySpec::from(&Scheme::github())),
            ("base64", KeySpec::from(&Scheme::standard_webhooks())),
            ("twilio", TwilioVerifier::KEYS),
            ("public key", KeySpec::from(&PublicKeyScheme::discord())),
            ("public key in PEM", KeySpec::from(&PublicKeyScheme::wise())),
        ];
        for (case, spec) in specs {
            for [tenant, id, secret] in [
                [name, "1", text],
                [name, text, "1"],
                [text, name, "1"],
                ["acme", name, text],
            ] {
                // What is no tenant's name gets no further, and its error is looked at below.
                let Ok(tenant) = TenantId::parse(tenant) else {
                    continue;
                };
                let ring = || Keyring::builder(&spec).key(tenant.clone(), id, Secret::new(secret));
                errors.add(case, ring().build());
                errors.add(
                    case,
                    ring()
                        .key(
                            TenantId::parse("acme").expect("a tenant"),
                            "1",
                            Secret::new("It's a Secret to Everybody"),
                        )
                        .key(tenant.clone(), id, Secret::new(secret))
                        .build(),
                );
                errors.add(case, ring().key(tenant.clone(), id, Secret::new(secret)).build());
            }
            errors.add(case, Key::parse(KeyId::new("1"), &spec, text));
        }
    }
    let acme = TenantId::parse("acme").expect("a tenant");
    errors.add("hubspot", HubSpotLegacy::version_1(acme, &Secret::new(text)));
    errors.add("tenant", TenantId::parse(text));
    for algorithm in [Algorithm::Hs256, Algorithm::Hs512, Algorithm::Es256] {
        errors.add(
            "hmac",
            VerifyingKey::hmac(KeyId::new("1"), algorithm, text.as_bytes()),
        );
        errors.add(
            "short",
            VerifyingKey::short_hmac(KeyId::new("1"), algorithm, text.as_bytes()),
        );
        errors.add("hmac signing", HmacSigningKey::new(algorithm, text.as_bytes()));
    }
    errors.add("spki", SpkiHash::parse(text));
    errors.add("certificate", CertHash::parse(text));
    errors.add("pins", PinSet::parse([text]));
    errors.add("variable", Secret::from_env(text));
    of_urls(errors, text);
    for url in [
        text.to_owned(),
        format!("redis://user:{text}@"),
        format!("redis://user:{text}@host:port/0"),
        format!("redis://user:{text}@127.0.0.1:99999/0"),
        format!("redis://user:{text}@127.0.0.1:6379/database"),
        format!("rediss://user:{text}@[::1/0"),
        format!("http://user:{text}@127.0.0.1/"),
        format!("redis://127.0.0.1:1/{text}"),
    ] {
        errors.add("redis", RedisStore::open(url.as_str()));
        errors.add("redis cluster", RedisStore::cluster([url.as_str()]));
    }
}

/// Where a URL is asked for: as a whole, and in each of its parts.
fn of_urls(errors: &mut Errors, text: &str) {
    let acme = || TenantId::parse("acme").expect("a tenant");
    let tls = Arc::new(client_config());
    for url in [
        text.to_owned(),
        format!("{text}://hooks.example/"),
        format!("http://hooks.example/{text}"),
        format!("https://user:{text}@hooks.example/"),
        format!("https://{text}@hooks.example/"),
        format!("https://{text}/"),
        format!("https://{text}.example/"),
        format!("https://hooks.example:{text}/"),
        format!("https://hooks.example/{text}"),
        format!("https://hooks.example/%{text}"),
        format!("https://hooks.example/?key={text}"),
        format!("https://hooks.example/?key={text}#"),
        format!("https://hooks.example/#{text}"),
        format!("https://hooks.example/?key={}", text.repeat(100)),
    ] {
        errors.add("endpoint", Endpoint::parse(acme(), &url));
        errors.add("origin", Origin::parse(&url));
        errors.add("key set", FetchJwks::new(&url, tls.clone(), AddressGuard::new()));
    }
}

/// What is told of a key set that was published, and is none.
fn of_published(errors: &mut Errors, text: &str) {
    let remote = RemoteJwks::new(CacheRules::default(), Algorithms::PUBLIC_KEY, algorithms());
    let remote = remote.expect("good rules");
    let _ = remote.poll();
    errors.add("fetched", remote.fetched(text.as_bytes()));
    let json = serde_json::json!({ "keys": [{ "kty": "oct", "k": text }] });
    errors.add("fetched", remote.fetched(json.to_string().as_bytes()));
}

pub(super) fn of_key_sets(errors: &mut Errors, text: &str) {
    of_published(errors, text);
    for json in [
        text.to_owned(),
        format!(r#"{{"kty":"oct","k":"{text}"}}"#),
        format!(r#"{{"kty":"oct","alg":"HS256","k":"{text}","k":"{text}"}}"#),
        format!(r#"{{"kty":"{text}"}}"#),
        format!(r#"{{"kty":"EC","crv":"P-256","d":"{text}","x":"{text}","y":"{text}"}}"#),
        format!(r#"{{"kty":"RSA","n":"{text}","e":"AQAB","d":"{text}","p":"{text}"}}"#),
        format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{text}","d":"{text}","alg":"{text}"}}"#),
        format!(r#"{{"kty":"oct","k":{text}}}"#),
        format!(r#"{{"kty":"oct","k":"{text}"#),
    ] {
        let set = format!(r#"{{"keys":[{json},{{"kty":"EC"}}]}}"#);
        errors.add("jwk", Jwk::parse(json.as_bytes()));
        errors.add("set", JwkSet::parse(json.as_bytes()));
        errors.add("set", JwkSet::parse(set.as_bytes()));
        errors.add("published", JwkSet::parse_published(set.as_bytes()));
        if let Ok(set) = JwkSet::parse(set.as_bytes()) {
            for (_, unusable) in set.unusable() {
                errors.0.insert(("unusable".into(), shown(unusable)));
            }
        }
    }
}
