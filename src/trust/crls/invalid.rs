use rustls_pki_types::UnixTime;

use crate::date::Date;
use crate::pem::InvalidPem;

/// Revocation lists that must not be used: which, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidCrls {
    /// No list at all.
    #[error("no CRL is there; give them as PEM sections \"BEGIN X509 CRL\"")]
    Empty,
    /// No list in one of several files or answers: whom its authority has revoked would be let in.
    #[error("file {number} of {of} holds no CRL; give it as PEM sections \"BEGIN X509 CRL\", or one in DER")]
    EmptyFile {
        /// Which, from 1.
        number: usize,
        /// Of so many.
        of: usize,
    },
    /// Not PEM, or a section of it cannot be read.
    #[error("the CRLs cannot be taken as PEM: {reason}")]
    Pem {
        /// What is wrong with it.
        reason: InvalidPem,
    },
    /// Not a CRL that can be used.
    #[error(
        "{} cannot be used: {reason}; have the CA issue a complete version 2 CRL of its own",
        .issuer.as_ref().map_or_else(|| "a CRL".to_owned(), |issuer| format!("the CRL of {issuer}"))
    )]
    Malformed {
        /// Its issuer, where that could be read.
        issuer: Option<String>,
        /// What is wrong with it.
        reason: String,
    },
    /// For a distribution point that no URI names, part of the reasons, other issuers, or attribute certificates.
    #[error(
        "the CRL of {issuer} is for a distribution point without a URI, indirect, or for some reasons only; have the CA \
         issue a complete one"
    )]
    Scope {
        /// Its issuer.
        issuer: String,
    },
    /// Out of date.
    #[error("the CRL of {issuer} was to be replaced at {}; fetch the current one", Date(*.next_update))]
    Expired {
        /// Its issuer.
        issuer: String,
        /// Its nextUpdate.
        next_update: UnixTime,
    },
    /// Not valid yet.
    #[error("the CRL of {issuer} is dated {}, in the future; check the clocks", Date(*.this_update))]
    FromTheFuture {
        /// Its issuer.
        issuer: String,
        /// Its thisUpdate.
        this_update: UnixTime,
    },
    /// No CRL number, so that nobody could tell an older one (RFC 5280 §5.2.3).
    #[error("the CRL of {issuer} has no number; have the CA issue one that has (RFC 5280 5.2.3)")]
    NoNumber {
        /// Its issuer.
        issuer: String,
    },
    /// No date of the next one, so that nobody could tell when it is out of date (RFC 5280 §5.1.2.5).
    #[error(
        "the CRL of {issuer} does not say when the next one comes; have the CA issue one that does (RFC 5280 5.1.2.5)"
    )]
    NoNextUpdate {
        /// Its issuer.
        issuer: String,
    },
    /// Renewed with an older list: somebody may be hiding a revocation.
    #[error("the CRL of {issuer} has a lower number than the one in use; fetch the current one")]
    Rollback {
        /// Its issuer.
        issuer: String,
    },
    /// Renewed with a list that the authority has not signed.
    #[error(
        "the CRL of {issuer} is not signed with the key that signed the one in use; fetch it from the CA itself"
    )]
    Stranger {
        /// Its issuer.
        issuer: String,
    },
    /// Renewed without a list that was there.
    #[error("the CRL of {issuer} is missing; give all of them together")]
    Missing {
        /// Its issuer.
        issuer: String,
    },
}
