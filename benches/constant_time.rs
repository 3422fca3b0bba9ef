//! The time of comparisons, and whether it tells how much of a guess was right. After dudect (Reparaz, Balasch, Verbauwhede:
//! "Dude, is my code constant time?", 2017).
//!
//! Each case verifies pairs of forgeries, one wrong in its first byte, the other in its last, in random order, and a t-test
//! says whether their times differ. Each case is measured twice: as it is, where nothing may be found, and with a comparison
//! planted beside it that leaves at the first wrong byte, which must be found: otherwise the measurement sees nothing, and says
//! nothing of us. A difference counts where four rounds of five show it with the same sign.
//!
//! A pin is told of and not judged: pins are public, and found in a sorted table, which says by its time where it looked.
//!
//! `cargo bench -p countersign-benches --bench constant_time`; it ends with an error where something is not as it should be.
//! `QUICK=1` takes few samples: enough to see that it works, and nothing is judged.
#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    reason = "a bench measures time, and one that cannot be set up should stop where it stands"
)]

use std::hash::{BuildHasher as _, RandomState};
use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use countersign::identity::{CertHash, PeerChain, SpkiHash};
use countersign::payload::jose::{Algorithm, Jwk, JwtAt, JwtKeyring, JwtRules, JwtScheme, UnboundJwts};
use countersign::payload::token::{TokenScheme, TokenVerifier};
use countersign::payload::{
    ClientCertificate, HmacVerifier, Keyring, Message, Scheme, Secret, VerifyPayload as _,
};
use countersign::tenant::TenantId;
use countersign::testing::{NOW, TestCa};
use countersign::trust::{PinSet, Role, VerifiedPeer};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use sha2::Sha256;

/// Pairs in a round.
const SAMPLES: usize = 100_000;
const ROUNDS: usize = 5;
/// A difference is seen in a round from here on: dudect calls more than 10 "probably not constant time".
const T: f64 = 10.0;
/// What is far from the middle is what the machine did meanwhile, and how much of it that was nobody knows: as dudect does, several parts are
/// looked at, and the clearest counts.
const KEPT: [f64; 3] = [0.5, 0.75, 0.95];
const SECRET: &[u8; 32] = b"thirty-two bytes, all of them //";

fn main() -> ExitCode {
    let quick = std::env::var_os("QUICK").is_some();
    let samples = if quick { 2_000 } else { SAMPLES };
    let mut right = true;
    println!("{:<34} {:>9} {:>9}  found in", "", "median t", "median ns");
    for (name, mut guess) in cases() {
        for planted in [false, true] {
            let seen = Seen::of(&mut *guess, planted, samples);
            let label = if planted {
                format!("{name} + early exit")
            } else {
                name.to_owned()
            };
            let as_it_should_be = seen.leaks() == planted || name == "pin";
            println!(
                "{label:<34} {seen}{}",
                if as_it_should_be { "" } else { "  WRONG" }
            );
            right &= as_it_should_be;
        }
    }
    if right || quick {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// In which byte of 32 a guess is wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wrong {
    First,
    Last,
}

impl Wrong {
    fn in_what(self, right: &[u8; 32], with: u8) -> [u8; 32] {
        let mut guess = *right;
        let [first, .., last] = &mut guess;
        match self {
            Self::First => *first ^= with,
            Self::Last => *last ^= with,
        }
        guess
    }
}

/// Nanoseconds for one guess of that class, the other byte being what is wrong with it. Where asked, a careless comparison is
/// made beside.
type Guess = dyn FnMut(Wrong, u8, bool) -> u64;

/// What is compared, and a guess at it.
fn cases() -> Vec<(&'static str, Box<Guess>)> {
    vec![
        (
            "MAC in hex (GitHub)",
            mac(Scheme::github(), "x-hub-signature-256", |mac| {
                format!("sha256={}", hex(mac))
            }),
        ),
        (
            "MAC in base64 (Shopify)",
            mac(Scheme::shopify(), "x-shopify-hmac-sha256", |mac| {
                STANDARD.encode(mac)
            }),
        ),
        ("token", token()),
        ("signature of HS256", signature()),
        ("x5t#S256", thumbprint()),
        ("pin", pin()),
    ]
}

/// Times what is to be timed, and a comparison that leaves at the first difference where one is planted.
fn timed(guess: [u8; 32], right: &[u8; 32], planted: bool, refused: impl FnOnce() -> bool) -> u64 {
    let began = Instant::now();
    let refused = black_box(refused());
    let careless = !planted || !early_exit(black_box(&guess), black_box(right));
    let took = began.elapsed();
    assert!(refused && careless, "a forgery was taken");
    u64::try_from(took.as_nanos()).unwrap_or(u64::MAX)
}

#[inline(never)]
fn early_exit(left: &[u8; 32], right: &[u8; 32]) -> bool {
    left.iter()
        .zip(right)
        .all(|(left, right)| black_box(left) == right)
}

fn tenant() -> TenantId {
    TenantId::parse("acme").expect("a tenant")
}

fn hmac(message: &[u8]) -> [u8; 32] {
    let mac = Hmac::<Sha256>::new_from_slice(SECRET).expect("a key");
    mac.chain_update(message).finalize().into_bytes().into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A request with that header field, and nothing in its body.
fn asked<T>(name: &HeaderName, value: &str, ask: impl FnOnce(&Message<'_>) -> T) -> T {
    let headers = HeaderMap::from_iter([(name.clone(), HeaderValue::from_str(value).expect("a value"))]);
    let (method, uri) = (Method::POST, Uri::from_static("/"));
    ask(&Message::new(&method, &uri, &headers, b"{}", NOW))
}

fn mac(scheme: Scheme, field: &'static str, write: fn(&[u8]) -> String) -> Box<Guess> {
    let secret = Secret::new(std::str::from_utf8(SECRET).expect("ASCII"));
    let keys = Keyring::builder(&scheme).key(tenant(), "1", secret);
    let verifier = HmacVerifier::new(scheme, keys.build().expect("a key"));
    let (field, right) = (HeaderName::from_static(field), hmac(b"{}"));
    asked(&field, &write(&right), |message| {
        drop(verifier.verify_payload(message).expect("authentic"));
    });
    Box::new(move |wrong, with, planted| {
        let guess = wrong.in_what(&right, with);
        asked(&field, &write(&guess), |message| {
            timed(guess, &right, planted, || {
                verifier.verify_payload(message).is_err()
            })
        })
    })
}

fn token() -> Box<Guess> {
    let field = HeaderName::from_static("x-token");
    let scheme = TokenScheme::header("bench", field.clone());
    let right: [u8; 32] = *b"0123456789abcdefABCDEFGHIJKLMNOP";
    let secret = Secret::new(std::str::from_utf8(&right).expect("ASCII"));
    let keys = Keyring::builder(&scheme).key(tenant(), "1", secret);
    let verifier = TokenVerifier::new(scheme, keys.build().expect("a key"));
    Box::new(move |wrong, with, planted| {
        // Of the lowest bits, so that it stays a character.
        let guess = wrong.in_what(&right, with % 7 + 1);
        asked(&field, std::str::from_utf8(&guess).expect("ASCII"), |message| {
            timed(guess, &right, planted, || verifier.recognize(message).is_err())
        })
    })
}

/// A verifier of tokens bound to a certificate, under the shared secret.
fn tokens() -> UnboundJwts {
    let key = format!(
        r#"{{"kty":"oct","alg":"HS256","k":"{}"}}"#,
        URL_SAFE_NO_PAD.encode(SECRET)
    );
    let algorithms = rustls::crypto::aws_lc_rs::default_provider()
        .signature_verification_algorithms
        .all;
    let key = Jwk::parse(key.as_bytes())
        .expect("a key")
        .verifier(Algorithm::Hs256, algorithms);
    let keys = JwtKeyring::builder().keys(tenant(), key).build().expect("a key");
    let rules = JwtRules::issuer("https://issuer.example").audience("https://hooks.example");
    UnboundJwts::new(
        JwtScheme::new("bench", JwtAt::bearer(), rules.require_certificate()),
        keys,
    )
}

/// What is signed of a token that is bound to that certificate.
fn signed(certificate: &[u8]) -> String {
    let claims = format!(
        r#"{{"iss":"https://issuer.example","aud":"https://hooks.example","exp":{},"cnf":{{"x5t#S256":"{}"}}}}"#,
        NOW.as_secs() + 600,
        URL_SAFE_NO_PAD.encode(certificate),
    );
    let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
    format!("{}.{}", encode(r#"{"alg":"HS256"}"#), encode(&claims))
}

fn recognized(
    verifier: &UnboundJwts,
    token: &str,
    own: CertHash,
    timed: impl FnOnce(&dyn Fn() -> bool) -> u64,
) -> u64 {
    let value = format!("Bearer {token}");
    asked(&http::header::AUTHORIZATION, &value, |message| {
        let message = message.with_certificate(ClientCertificate::of_hash(own));
        timed(&|| verifier.recognize(&message).is_err())
    })
}

fn signature() -> Box<Guess> {
    let (verifier, own) = (tokens(), [7; 32]);
    let signed = signed(&own);
    let right = hmac(signed.as_bytes());
    Box::new(move |wrong, with, planted| {
        let guess = wrong.in_what(&right, with);
        let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(guess));
        recognized(&verifier, &token, CertHash::from(own), |refused| {
            timed(guess, &right, planted, refused)
        })
    })
}

/// Well signed for another certificate than the client's.
fn thumbprint() -> Box<Guess> {
    let (verifier, right) = (tokens(), [7; 32]);
    Box::new(move |wrong, with, planted| {
        let guess = wrong.in_what(&right, with);
        let signed = signed(&guess);
        let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(hmac(signed.as_bytes())));
        recognized(&verifier, &token, CertHash::from(right), |refused| {
            timed(guess, &right, planted, refused)
        })
    })
}

/// Each guess meets one of many sets, since each has its own place in memory.
fn pin() -> Box<Guess> {
    let client = TestCa::new("Acme Root")
        .client("spiffe://acme.example/tenant/acme")
        .issue();
    let chain = PeerChain::parse(client.chain()).expect("a chain");
    let right = *SpkiHash::of(&client.spki_der()).as_bytes();
    let sets = |wrong: Wrong| -> Vec<PinSet> {
        (1..=u8::MAX)
            .map(|with| PinSet::new([SpkiHash::from(wrong.in_what(&right, with))]))
            .collect()
    };
    let (first, last) = (sets(Wrong::First), sets(Wrong::Last));
    Box::new(move |wrong, with, planted| {
        let sets = if wrong == Wrong::First { &first } else { &last };
        let set = sets.get(usize::from(with) - 1).expect("one for each");
        let chain = chain.clone();
        timed(wrong.in_what(&right, with), &right, planted, || {
            VerifiedPeer::verify(set, chain, Role::Client, NOW).is_err()
        })
    })
}

// --- is there a difference? -----------------------------------------------------------------------------------------------

/// Of each round: t, and by how many nanoseconds the classes differ.
struct Seen(Vec<(f64, f64)>);

impl Seen {
    fn of(guess: &mut Guess, planted: bool, samples: usize) -> Self {
        let mut dice = Dice::new();
        // Warm before anything counts.
        round(guess, planted, samples / 10, &mut dice);
        Self(
            (0..ROUNDS)
                .map(|_| round(guess, planted, samples, &mut dice))
                .collect(),
        )
    }

    /// In how many rounds a difference was seen, whichever sign more of them have.
    fn rounds(&self) -> usize {
        let over = |sign: f64| self.0.iter().filter(|(t, _)| sign * t > T).count();
        over(1.0).max(over(-1.0))
    }

    fn leaks(&self) -> bool {
        self.rounds() > ROUNDS - 2
    }
}

impl std::fmt::Display for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (t, by) = (
            median(self.0.iter().map(|(t, _)| *t)),
            median(self.0.iter().map(|(_, by)| *by)),
        );
        write!(f, "{t:>9.1} {by:>9.2}  {} of {ROUNDS}", self.rounds())
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// Both classes beside each other, in random order, so that whatever the machine does meanwhile it does to both: what is looked at is
/// by how much they differ in each pair.
fn round(guess: &mut Guess, planted: bool, pairs: usize, dice: &mut Dice) -> (f64, f64) {
    let mut differences: Vec<f64> = Vec::with_capacity(pairs);
    for _ in 0..pairs {
        let thrown = dice.throw();
        let with = u8::try_from((thrown >> 8) % 255).unwrap_or_default() + 1;
        let mut time = |wrong| guess(wrong, with, planted) as f64;
        let (first, last) = if thrown & 1 == 0 {
            let first = time(Wrong::First);
            (first, time(Wrong::Last))
        } else {
            let last = time(Wrong::Last);
            (time(Wrong::First), last)
        };
        differences.push(last - first);
    }
    let middle = median(differences.iter().copied());
    differences.sort_by(|one, other| (one - middle).abs().total_cmp(&(other - middle).abs()));
    let seen = KEPT.map(|kept| {
        student(
            differences
                .get(..(pairs as f64 * kept) as usize)
                .unwrap_or_default(),
        )
    });
    let clearest = seen
        .into_iter()
        .max_by(|(one, _), (other, _)| one.abs().total_cmp(&other.abs()));
    clearest.unwrap_or_default()
}

/// Student's t of these differences, and their mean.
fn student(differences: &[f64]) -> (f64, f64) {
    let count = differences.len() as f64;
    let mean = differences.iter().sum::<f64>() / count;
    let squares: f64 = differences
        .iter()
        .map(|difference| (difference - mean).powi(2))
        .sum();
    let error = (squares / (count - 1.0) / count).sqrt();
    (mean / error.max(f64::MIN_POSITIVE), mean)
}

/// Random enough to order classes, and new in each run (xorshift64*).
struct Dice(u64);

impl Dice {
    fn new() -> Self {
        Self(RandomState::new().hash_one("dice") | 1)
    }

    fn throw(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }
}
