use rustls::{CertificateError, Error};

use crate::trust::Untrusted;

/// The rustls error whose alert says to the peer what RFC 8446 §6.2 lets it know, and no more.
///
/// | alert | for |
/// |---|---|
/// | `bad_certificate` | what cannot be read, or breaks a rule of RFC 5280 |
/// | `unsupported_certificate` | what is not meant for this purpose |
/// | `certificate_expired` | what is expired, or not valid yet |
/// | `unknown_ca` | what no trusted authority vouches for |
/// | `decrypt_error` | a wrong signature |
/// | `access_denied` | what our own policy refuses: not pinned |
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
        Untrusted::UnknownIssuer
        | Untrusted::IssuerKeyUsage
        | Untrusted::LeafAsCa
        | Untrusted::PathLength
        | Untrusted::PathBudget => CertificateError::UnknownIssuer,
        Untrusted::NoExtendedKeyUsage { .. }
        | Untrusted::ExtendedKeyUsage { .. }
        | Untrusted::KeyUsage
        | Untrusted::CaAsLeaf => CertificateError::InvalidPurpose,
        Untrusted::Signature | Untrusted::SignatureAlgorithm => CertificateError::BadSignature,
        Untrusted::CriticalExtension => CertificateError::UnhandledCriticalExtension,
        Untrusted::WrongName { .. } | Untrusted::NameConstraint => CertificateError::NotValidForName,
        Untrusted::Malformed(_) | Untrusted::Path => CertificateError::BadEncoding,
        _ => CertificateError::ApplicationVerificationFailure,
    })
}
