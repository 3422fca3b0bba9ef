use rustls::pki_types::UnixTime;

use crate::date::Date;
use crate::pem::InvalidPem;
use crate::trust::Untrusted;

/// A certificate and key that must not be used: which file, and what to do. Certificates are counted from 1, the leaf.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidCredentials {
    /// The file cannot be read.
    #[error("{file} cannot be read ({reason}); check that it exists and that this process may read it")]
    Unreadable {
        /// The file.
        file: String,
        /// What the system says.
        reason: String,
    },
    /// The file is not PEM, or a section of it cannot be read.
    #[error("{file} cannot be taken as PEM: {reason}")]
    Pem {
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: InvalidPem,
    },
    /// The file holds no certificate.
    #[error(
        "{file} holds no certificate; it must hold the chain as PEM sections \"BEGIN CERTIFICATE\", the leaf first"
    )]
    NoCertificate {
        /// The file.
        file: String,
    },
    /// The file holds no private key.
    #[error("{file} holds no private key in PEM (PKCS#8, SEC1 or PKCS#1, not encrypted)")]
    NoKey {
        /// The file.
        file: String,
    },
    /// The private key is encrypted, and nobody can be asked for a passphrase here.
    #[error(
        "the private key in {file} is encrypted; decrypt it with `openssl pkey`, and protect the file instead"
    )]
    EncryptedKey {
        /// The file.
        file: String,
    },
    /// The crypto provider cannot use the key.
    #[error(
        "the private key cannot be used ({reason}); give one of a kind that the crypto provider supports"
    )]
    Key {
        /// What rustls says.
        reason: String,
    },
    /// The key is not that of the first certificate.
    #[error(
        "the private key in {key_file} is not that of the first certificate in {chain_file}{}",
        .place.map(put_it_first).unwrap_or_else(give_its_key)
    )]
    OtherKey {
        /// Where the key is from.
        key_file: String,
        /// Where the certificates are from.
        chain_file: String,
        /// The certificate whose key it is, if that is in the chain.
        place: Option<usize>,
    },
    /// A certificate cannot be read.
    #[error("certificate {place} of the chain is not X.509 in DER; export it again from the CA")]
    Certificate {
        /// Which one.
        place: usize,
    },
    /// The issuer of a certificate is in the chain, and not behind it.
    #[error(
        "behind certificate {place} of the chain stands another than its issuer; write the leaf first, then its issuer, and so on"
    )]
    Order {
        /// Which one.
        place: usize,
    },
    /// A certificate has expired.
    #[error(
        "certificate {place} of the chain expired at {} (now {}); have it renewed, or check the clock",
        Date(*.not_after), Date(*.now)
    )]
    Expired {
        /// Which one.
        place: usize,
        /// Its last second.
        not_after: UnixTime,
        /// When it was asked.
        now: UnixTime,
    },
    /// A certificate is not valid yet.
    #[error(
        "certificate {place} of the chain is not valid before {} (now {}); check the clock",
        Date(*.not_before), Date(*.now)
    )]
    NotYetValid {
        /// Which one.
        place: usize,
        /// Its first second.
        not_before: UnixTime,
        /// When it was asked.
        now: UnixTime,
    },
    /// One's own policy would not trust them.
    #[error("the policy that peers are expected to have would refuse them: {reason}")]
    Untrusted {
        /// Why.
        reason: Untrusted,
    },
}

fn put_it_first(place: usize) -> String {
    format!(", but that of certificate {place}; write the leaf first, then its issuer, and so on")
}

fn give_its_key() -> String {
    "; give the key that its request was made with".to_owned()
}
