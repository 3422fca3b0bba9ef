use rustls::{CertificateError, Error};

use crate::codes::Alert;
use crate::trust::Untrusted;

/// The rustls error whose alert says to the peer what RFC 8446 §6.2 lets it know, and no more.
///
/// rustls has no error that is an alert, so this is the one of each that becomes it.
pub(super) fn to_rustls(untrusted: &Untrusted) -> Error {
    Error::InvalidCertificate(match (untrusted, untrusted.entry().alert) {
        (Untrusted::NotYetValid { not_before, now }, _) => CertificateError::NotValidYetContext {
            time: *now,
            not_before: *not_before,
        },
        (Untrusted::Expired { not_after, now }, _) => CertificateError::ExpiredContext {
            time: *now,
            not_after: *not_after,
        },
        (_, Some(Alert::BadCertificate)) => CertificateError::BadEncoding,
        (_, Some(Alert::UnsupportedCertificate)) => CertificateError::InvalidPurpose,
        (_, Some(Alert::CertificateExpired)) => CertificateError::Expired,
        (_, Some(Alert::CertificateRevoked)) => CertificateError::Revoked,
        (_, Some(Alert::UnknownCa)) => CertificateError::UnknownIssuer,
        (_, Some(Alert::DecryptError)) => CertificateError::BadSignature,
        _ => CertificateError::ApplicationVerificationFailure,
    })
}
