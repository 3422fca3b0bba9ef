use rustls::{CertificateError, Error};

use crate::identity::Malformed;
use crate::trust::Untrusted;

/// The rustls error whose alert says to the peer what RFC 8446 §6.2 lets it know, and no more.
///
/// | alert | for |
/// |---|---|
/// | `bad_certificate` | what cannot be read, or breaks a rule of RFC 5280 |
/// | `unsupported_certificate` | what is not meant for this purpose, too weak, of an unsupported kind or too long-lived |
/// | `certificate_expired` | what is expired, or not valid yet |
/// | `certificate_revoked` | what its authority has revoked, or our own deny list names |
/// | `unknown_ca` | what no trusted authority vouches for, also by its revocation lists |
/// | `decrypt_error` | a wrong signature |
/// | `access_denied` | what our own policy refuses: a key that is not pinned, a name that is not expected |
pub(super) fn to_rustls(untrusted: &Untrusted) -> Error {
    Error::InvalidCertificate(match untrusted {
        Untrusted::Expired { not_after, now } => CertificateError::ExpiredContext {
            time: *now,
            not_after: *not_after,
        },
        Untrusted::NotYetValid { not_before, now } => CertificateError::NotValidYetContext {
            time: *now,
            not_before: *not_before,
        },
        Untrusted::Revoked { .. } | Untrusted::OnDenyList => CertificateError::Revoked,
        Untrusted::RevocationUnknown { .. } => CertificateError::UnknownRevocationStatus,
        Untrusted::CrlExpired { next_update, now } => CertificateError::ExpiredRevocationListContext {
            time: *now,
            next_update: *next_update,
        },
        Untrusted::CrlFromTheFuture { .. } | Untrusted::CrlIssuer | Untrusted::CrlSignature { .. } => {
            CertificateError::UnknownRevocationStatus
        }
        Untrusted::UnknownIssuer
        | Untrusted::IssuerKeyUsage
        | Untrusted::LeafAsCa
        | Untrusted::PathLength
        | Untrusted::PathBudget => CertificateError::UnknownIssuer,
        Untrusted::NoExtendedKeyUsage { .. }
        | Untrusted::ExtendedKeyUsage { .. }
        | Untrusted::KeyUsage
        | Untrusted::CaAsLeaf
        | Untrusted::CrlSignerAsLeaf
        | Untrusted::WeakKey
        | Untrusted::UnsupportedKey
        | Untrusted::Lifetime { .. }
        | Untrusted::Policy { .. } => CertificateError::InvalidPurpose,
        Untrusted::Signature | Untrusted::SignatureAlgorithm => CertificateError::BadSignature,
        Untrusted::CriticalExtension | Untrusted::Malformed(Malformed::CriticalExtension) => {
            CertificateError::UnhandledCriticalExtension
        }
        Untrusted::WrongName { .. }
        | Untrusted::NameConstraint
        | Untrusted::UnsupportedNameConstraint { .. } => CertificateError::NotValidForName,
        Untrusted::Malformed(_) | Untrusted::Rfc5280 { .. } | Untrusted::Path => {
            CertificateError::BadEncoding
        }
        _ => CertificateError::ApplicationVerificationFailure,
    })
}
