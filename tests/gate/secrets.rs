//! No error tells a secret: every constructor that is given one is given it wrong, in every position, and no message,
//! `Debug` output or source holds any of it, in whatever encoding.

mod constructors;

use std::error::Error;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use countersign::address::AddressGuard;
use countersign::dispatch::{Backlog, Delivery, Dispatcher, Endpoint, Schedule};
use countersign::egress::{Egress, Proxy};
use countersign::payload::jose::{Algorithm, HmacSigningKey, VerifyingKey};
use countersign::payload::{HmacSigner, HmacVerifier, KeyId, Keyring, Scheme, Secret};
use countersign::reload::FetchJwks;
use countersign::tenant::TenantId;
use countersign::testing::{NOW, TestCa};
use countersign::tls::{Credentials, Tls};
use countersign::trust::PinSet;

use crate::stage::{ACME, provider};
use constructors::{Errors, of_file_names, of_files, of_key_sets, of_texts};

/// What must not be seen: any piece of it as it is, in hexadecimal, as decimal bytes or in base64.
struct Planted {
    pieces: Vec<String>,
}

impl Planted {
    const PIECE: usize = 9;

    fn new(secret: &[u8]) -> Self {
        let pieces = secret.windows(Self::PIECE).flat_map(|piece| {
            let hex: String = piece.iter().map(|byte| format!("{byte:02x}")).collect();
            let base64 = STANDARD.encode(piece);
            [
                String::from_utf8_lossy(piece).into_owned(),
                hex.to_uppercase(),
                hex,
                format!("{piece:?}").trim_matches(['[', ']']).to_owned(),
                piece.iter().map(u8::to_string).collect::<Vec<_>>().join(" "),
                // Nine bytes are twelve characters, wherever the text around them begins.
                base64.clone(),
                URL_SAFE_NO_PAD.encode(piece),
            ]
        });
        let text = |piece: &String| {
            !piece.trim().is_empty() && !piece.contains("-----") && !piece.contains('\u{fffd}')
        };
        Self {
            pieces: pieces.filter(text).collect(),
        }
    }

    fn is_told_by(&self, shown: &str) -> Option<&str> {
        self.pieces
            .iter()
            .find(|piece| shown.contains(piece.as_str()))
            .map(String::as_str)
    }
}

/// All that an error shows of itself.
fn shown(error: &(dyn Error + 'static)) -> String {
    let mut all = format!("{error}\n{error:?}\n{error:#?}\n");
    let mut source = error.source();
    while let Some(inner) = source {
        all += &format!("{inner}\n{inner:?}\n");
        source = inner.source();
    }
    all
}

/// How a text is spoiled on its way into a configuration.
fn spoiled(text: &str) -> Vec<String> {
    let half = text
        .char_indices()
        .nth(text.chars().count() / 2)
        .map_or(0, |(place, _)| place);
    vec![
        text.to_owned(),
        format!("{text}\n"),
        format!(" {text}"),
        text[..half].to_owned(),
        text[half..].to_owned(),
        text.replace('\n', " "),
        text.replace('\n', ""),
        text.replace('\n', r"\n"),
        text.replace('\n', "\r"),
        format!("\u{feff}\u{feff}{text}"),
        text.lines().map(|line| format!("  {line}\n")).collect(),
        format!("\"{text}\""),
        text.replace("-----END", "-----EN"),
        text.replace("-----BEGIN", "----BEGIN"),
        text.replace("PRIVATE KEY-----\n", "PRIVATE KEY-----"),
        text.replace("PRIVATE KEY", "PRIVAT KEY"),
        text.replace("BEGIN ", "BEGIN CERTIFICATE "),
        text.replace("PRIVATE KEY", "CERTIFICATE"),
        text.replace("PRIVATE KEY", "X509 CRL"),
        text.replace("PRIVATE KEY", "PUBLIC KEY"),
        text.replacen('A', "*", 3),
        text.replacen('e', "\u{e9}", 3),
        format!("{text}{text}"),
    ]
}

fn client_config() -> rustls::ClientConfig {
    let tls = Tls::new(provider());
    let cert = TestCa::new("Root").client(ACME).issue();
    let own = Credentials::new(tls.provider(), cert.chain(), cert.key()).expect("a pair");
    tls.client_config(&own, PinSet::default())
        .expect("a configuration")
}

/// Whatever has been given a secret, and was content with it.
fn values(secret: &str) -> Vec<(&'static str, String)> {
    let acme = || TenantId::parse("acme").expect("a tenant");
    let field = |text: &str| http::HeaderValue::from_str(text).expect("a value");
    let ring = || Keyring::builder(&Scheme::github()).key(acme(), "1", Secret::new(secret));
    let keys = ring().build().expect("keys");
    let url = format!("https://hooks.example/{secret}?key={secret}");
    let endpoint = Endpoint::parse(acme(), &url).expect("a URL");
    let authorized = http::header::AUTHORIZATION;
    let delivery = Delivery::new(acme(), "msg_1", format!("{{\"secret\":\"{secret}\"}}"))
        .with_header(authorized, field(&format!("Bearer {secret}")))
        .expect("not one of ours");
    let proxy = Proxy::at(([127, 0, 0, 1], 3128).into()).with_authorization(field(secret));
    let egress = Egress::new().through(proxy.clone());
    let mut backlog = Backlog::new(Schedule::standard_webhooks());
    backlog.push(endpoint.clone(), delivery.clone(), NOW);
    let queued = backlog.next(NOW).expect("due");
    let tls = Arc::new(client_config());
    let fetch = FetchJwks::new(&url, tls, AddressGuard::new()).expect("a URL");
    let hmac = HmacSigningKey::new(Algorithm::Hs256, secret.as_bytes());
    let verifying = VerifyingKey::hmac(KeyId::new("1"), Algorithm::Hs256, secret.as_bytes());
    let signer = HmacSigner::new(Scheme::github(), keys.clone());
    let verifier = HmacVerifier::new(Scheme::github(), keys.clone());
    vec![
        ("secret", format!("{:?}", Secret::new(secret))),
        ("keys being collected", format!("{:?}", ring())),
        ("keys", format!("{keys:?}")),
        ("signer", format!("{signer:?}")),
        ("verifier", format!("{verifier:?}")),
        ("signing key", format!("{:?}", hmac.expect("long enough"))),
        ("verifying key", format!("{:?}", verifying.expect("long enough"))),
        ("endpoint", format!("{endpoint:?} {endpoint}")),
        ("delivery", format!("{delivery:?}")),
        ("queued", format!("{queued:?} {backlog:?}")),
        ("proxy", format!("{proxy:?} {proxy}")),
        ("egress", format!("{egress:?}")),
        (
            "dispatcher",
            format!("{:?}", Dispatcher::builder().with_egress(egress).build()),
        ),
        ("key set", format!("{fetch:?}")),
    ]
}

#[test]
fn no_value_shows_a_secret_that_it_was_given() {
    for secret in [
        "correct-horse-battery-staple-of-32-bytes",
        "kRz3vUQeXc9YtJp0aWm2bHsNf7gLqD1o8TxE4iVyC6A",
        "44782def547aaa06c910c43932b1eb0c71fc68d9d0c057550c48ec2acf6ba056",
    ] {
        let planted = Planted::new(secret.as_bytes());
        let values = values(secret);
        let told = values
            .iter()
            .filter_map(|(name, shown)| Some((name, planted.is_told_by(shown)?)));
        assert_eq!(told.collect::<Vec<_>>(), []);
    }
}

#[test]
fn no_error_of_a_constructor_tells_a_secret() {
    let cert = TestCa::new("Root").client(ACME).issue();
    let key = cert.key_pem();
    let body: String = key.lines().filter(|line| !line.starts_with('-')).collect();
    let der = STANDARD.decode(&body).expect("base64");
    let mut told = Vec::new();
    let mut count = 0;
    let mut check = |secret: &[&[u8]], fill: &dyn Fn(&mut Errors)| {
        let planted: Vec<_> = secret.iter().map(|secret| Planted::new(secret)).collect();
        let mut errors = Errors::default();
        fill(&mut errors);
        count += errors.0.len();
        for (from, shown) in errors.0 {
            told.extend(planted.iter().filter_map(|secret| {
                let piece = secret.is_told_by(&shown)?;
                Some(format!(
                    "{from} tells {piece:?}: {}",
                    shown.lines().next().unwrap_or_default()
                ))
            }));
        }
    };
    for text in spoiled(&key) {
        check(&[body.as_bytes(), &der], &|errors| {
            of_files(errors, &text, &cert);
            of_file_names(errors, &text);
            of_texts(errors, &text);
        });
    }
    // Whatever its form: text, hexadecimal, base64, with a provider's prefix.
    for secret in [
        "correct horse battery staple",
        "kRz3vUQe+Xc9YtJp/0aWm2bHsNf7gLqD1o8TxE4iVyA=",
        "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
        "44782def547aaa06c910c43932b1eb0c71fc68d9d0c057550c48ec2acf6ba056",
        "Zo9kv0QJ7",
    ] {
        for text in spoiled(secret) {
            check(&[secret.as_bytes()], &|errors| {
                of_texts(errors, &text);
                of_key_sets(errors, &text);
                of_files(errors, &text, &cert);
            });
        }
    }
    told.sort();
    told.dedup();
    assert_eq!(told, Vec::<String>::new());
    assert!(count > 1_000, "{count} errors were looked at");
}
