//! A secret for one run.

use countersign::identity::SpkiHash;
use countersign::testing::{KeyAlgorithm, TestKey};

/// 32 bytes that nobody can guess: the hash of a private key that was just made. Every scheme takes it as it is.
pub(crate) fn secret() -> String {
    let random = TestKey::generate(KeyAlgorithm::Ed25519).pem();
    let random = SpkiHash::of(random.as_bytes()).to_string();
    random.replace("sha256/", "whsec_")
}
