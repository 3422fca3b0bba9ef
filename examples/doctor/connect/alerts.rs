//! Alerts, and what servers mean by them.

use super::cause::Cause;

/// What a server says of our certificate with an alert, and what is known of that. One that says less than the whole is not here.
const CERTAIN: [(&str, Cause); 7] = [
    ("unknown_ca", Cause::UnknownCa),
    ("certificate_expired", Cause::Expired),
    ("certificate_revoked", Cause::Revoked),
    ("unsupported_certificate", Cause::Purpose),
    ("access_denied", Cause::Policy),
    ("decrypt_error", Cause::Signature),
    ("certificate_required", Cause::NoCertificate),
];

/// What the alert means, by itself.
pub(crate) fn cause(alert: &str) -> Option<Cause> {
    CERTAIN
        .iter()
        .find(|(name, _)| *name == alert)
        .map(|(_, cause)| *cause)
}

/// What is known of who sends it, where that is more than its name says.
pub(crate) fn known_of(alert: &str) -> Option<&'static str> {
    Some(match alert {
        "handshake_failure" => {
            "under TLS 1.2, OpenSSL's word for a missing certificate; also: no cipher suite in common"
        }
        "bad_certificate" => {
            "OpenSSL's word for a certificate that is not valid yet, and for most of what it names no better; Go's for a missing one"
        }
        "certificate_unknown" => {
            "Java's word, and some proxies', for whatever they do not like about a certificate"
        }
        "certificate_expired" => "OpenSSL's word also for a revocation list that is out of date",
        "unknown_ca" => {
            "OpenSSL's word also for a missing intermediate or a missing revocation list; it is said of the first that is missing"
        }
        "internal_error" => "mostly a fault of the server's: its log says more",
        _ => return None,
    })
}
