//! What each client prints when it receives an alert.

use super::{Client, Tls};

/// RFC 8446 §6.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Alert {
    UnsupportedCertificate,
    CertificateExpired,
    UnknownCa,
    AccessDenied,
    DecryptError,
    ProtocolVersion,
    CertificateRequired,
}

impl Alert {
    /// What the client prints when it receives it.
    pub(crate) fn in_the_words_of(self, client: Client, tls: Tls) -> &'static str {
        if (self, client, tls) == (Self::CertificateExpired, Client::Curl, Tls::V12) {
            // curl takes this alert for a judgement of its own (lib/vtls/openssl.c, `ossl_connect_step2`).
            return "SSL certificate verification failed";
        }
        let row = ALERTS.iter().find(|(alert, _)| *alert == self);
        let (_, [openssl, gnutls, java, go]) = *row.expect("a row for each alert");
        match client {
            Client::Curl | Client::OpenSsl | Client::Node | Client::Python => openssl,
            Client::GnuTls => gnutls,
            Client::Java => java,
            Client::Go => go,
        }
    }
}

/// In the words of OpenSSL, GnuTLS, Java and Go.
#[rustfmt::skip]
const ALERTS: [(Alert, [&str; 4]); 7] = [
    (Alert::UnsupportedCertificate,
        ["alert unsupported certificate", "[43]: Certificate is not supported", "alert: unsupported_certificate", "tls: unsupported certificate"]),
    (Alert::CertificateExpired,
        ["alert certificate expired", "[45]: Certificate is expired", "alert: certificate_expired", "tls: expired certificate"]),
    (Alert::UnknownCa,
        ["alert unknown ca", "[48]: CA is unknown", "alert: unknown_ca", "tls: unknown certificate authority"]),
    (Alert::AccessDenied,
        ["alert access denied", "[49]: Access was denied", "alert: access_denied", "tls: access denied"]),
    (Alert::DecryptError,
        ["alert decrypt error", "[51]: Decrypt error", "alert: decrypt_error", "tls: error decrypting message"]),
    (Alert::ProtocolVersion,
        ["alert protocol version", "[70]: Error in protocol version", "alert: protocol_version", "tls: protocol version not supported"]),
    (Alert::CertificateRequired,
        ["alert certificate required", "[116]: Certificate is required", "alert: certificate_required", "tls: certificate required"]),
];
