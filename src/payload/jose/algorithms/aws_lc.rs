use std::ptr;
use std::sync::LazyLock;

use aws_lc_rs::signature::{self as aws, ParsedPublicKey, VerificationAlgorithm};
use rustls_pki_types::{AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm};
use webpki::aws_lc_rs as theirs;

use super::ProviderAlgorithms;

/// The signature algorithms of aws-lc-rs, under which a public key is parsed once, when a verifier is made. By those of
/// rustls's `aws_lc_rs` provider it is parsed for each signature, since rustls hands keys on in bytes; of RSA, that takes a
/// tenth of the time and more.
///
/// What is verified, and what is demanded of keys, is the same. They are what tokens and HTTP message signatures need, not all that
/// certificates do: for those, the provider's own.
///
/// ```
/// use countersign::payload::jose::{Algorithm, Jwk, aws_lc_rs_algorithms};
///
/// let key = br#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
/// let jws = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
/// let verifier = Jwk::parse(key)?.verifier(Algorithm::EdDsa, aws_lc_rs_algorithms());
/// assert_eq!(verifier.verify_compact(jws)?.payload(), b"Example of Ed25519 signing");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn aws_lc_rs_algorithms() -> ProviderAlgorithms {
    static ALL: LazyLock<Vec<&dyn SignatureVerificationAlgorithm>> =
        LazyLock::new(|| ROWS.iter().map(|row| row as _).collect());
    &ALL
}

/// The key, parsed, where it is verified by one of these: known by its address, so that it is none of another's under the same name.
pub(super) fn parsed(
    bits: &[u8],
    with: &'static dyn SignatureVerificationAlgorithm,
) -> Option<ParsedPublicKey> {
    let row = ROWS.iter().find(|row| ptr::addr_eq(*row, with))?;
    ParsedPublicKey::new(row.asked, bits).ok()
}

/// An algorithm of webpki, and what it asks.
#[derive(Debug)]
struct Row {
    theirs: &'static dyn SignatureVerificationAlgorithm,
    asked: &'static dyn VerificationAlgorithm,
}

const fn row(
    theirs: &'static dyn SignatureVerificationAlgorithm,
    asked: &'static dyn VerificationAlgorithm,
) -> Row {
    Row { theirs, asked }
}

#[rustfmt::skip]
static ROWS: [Row; 10] = [
    row(theirs::RSA_PKCS1_2048_8192_SHA256, &aws::RSA_PKCS1_2048_8192_SHA256),
    row(theirs::RSA_PKCS1_2048_8192_SHA384, &aws::RSA_PKCS1_2048_8192_SHA384),
    row(theirs::RSA_PKCS1_2048_8192_SHA512, &aws::RSA_PKCS1_2048_8192_SHA512),
    row(theirs::RSA_PSS_2048_8192_SHA256_LEGACY_KEY, &aws::RSA_PSS_2048_8192_SHA256),
    row(theirs::RSA_PSS_2048_8192_SHA384_LEGACY_KEY, &aws::RSA_PSS_2048_8192_SHA384),
    row(theirs::RSA_PSS_2048_8192_SHA512_LEGACY_KEY, &aws::RSA_PSS_2048_8192_SHA512),
    row(theirs::ECDSA_P256_SHA256, &aws::ECDSA_P256_SHA256_ASN1),
    row(theirs::ECDSA_P384_SHA384, &aws::ECDSA_P384_SHA384_ASN1),
    row(theirs::ECDSA_P521_SHA512, &aws::ECDSA_P521_SHA512_ASN1),
    row(theirs::ED25519, &aws::ED25519),
];

impl SignatureVerificationAlgorithm for Row {
    fn verify_signature(&self, key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        self.theirs.verify_signature(key, message, signature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.theirs.public_key_alg_id()
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.theirs.signature_alg_id()
    }

    fn fips(&self) -> bool {
        self.theirs.fips()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::jose::{Algorithms, PublicKey};

    /// Whoever asks them for something else than tokens gets webpki's answer.
    #[test]
    fn each_refuses_what_webpki_refuses() {
        for row in &ROWS {
            assert!(row.verify_signature(&[], b"", &[]).is_err(), "{row:?}");
            assert_eq!(row.fips(), row.theirs.fips(), "{row:?}");
        }
    }

    #[test]
    fn each_public_key_algorithm_has_its_keys_parsed_and_another_provider_s_has_not() {
        let keys = ["rsa", "p256", "p384", "p521", "ed25519"].map(|file| {
            let path = format!("tests/support/jose/{file}.pub.pem");
            PublicKey::from_pem(&std::fs::read(path).unwrap()).unwrap()
        });
        let others = rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms;
        for algorithm in Algorithms::PUBLIC_KEY.iter() {
            let key = keys.iter().find(|key| key.fits(algorithm)).unwrap();
            let parsed_with = |algorithms| {
                let with = algorithm.provided_by(algorithms).unwrap();
                parsed(key.bits(), with).is_some()
            };
            assert!(parsed_with(aws_lc_rs_algorithms()), "{algorithm}");
            assert!(!parsed_with(others.all), "{algorithm}");
        }
    }
}
