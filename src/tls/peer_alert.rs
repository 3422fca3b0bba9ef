use std::error::Error as StdError;
use std::fmt;

use rustls::{AlertDescription, Error};

/// An alert that the peer has sent (RFC 8446 §6.2): why it ended the connection.
///
/// Under TLS 1.3 a client believes itself connected before the server has judged its certificate, so what the server
/// says about it arrives with the first read, as an alert in place of an answer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PeerAlert(AlertDescription);

/// The subject of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Complaint {
    /// The certificate that we showed, or did not show, or its signature.
    Certificate,
    /// The handshake: also the certificate, with implementations that say no more, where one was asked for.
    Handshake,
    /// Something else.
    Other,
}

impl PeerAlert {
    /// The alert at the bottom of an error of rustls, tokio or hyper.
    pub fn find(error: &(dyn StdError + 'static)) -> Option<Self> {
        let mut cause = Some(error);
        while let Some(error) = cause {
            if let Some(Error::AlertReceived(alert)) = error.downcast_ref::<Error>() {
                return Some(Self(*alert));
            }
            // An `io::Error` passes over what it wraps, to the source of that.
            let wrapped = error.downcast_ref::<std::io::Error>().and_then(|io| io.get_ref());
            cause = match wrapped {
                Some(inner) => Some(inner),
                None => error.source(),
            };
        }
        None
    }

    /// What it speaks about. A server has only one certificate to judge: ours.
    pub fn complaint(&self) -> Complaint {
        use AlertDescription as A;
        match self.0 {
            A::NoCertificate
            | A::BadCertificate
            | A::UnsupportedCertificate
            | A::CertificateRevoked
            | A::CertificateExpired
            | A::CertificateUnknown
            | A::UnknownCA
            | A::AccessDenied
            | A::DecryptError
            | A::CertificateRequired => Complaint::Certificate,
            A::HandshakeFailure => Complaint::Handshake,
            _ => Complaint::Other,
        }
    }

    /// Its name, as RFC 8446 writes it.
    pub fn name(&self) -> &'static str {
        use AlertDescription as A;
        match self.0 {
            A::CloseNotify => "close_notify",
            A::UnexpectedMessage => "unexpected_message",
            A::BadRecordMac => "bad_record_mac",
            A::RecordOverflow => "record_overflow",
            A::HandshakeFailure => "handshake_failure",
            A::NoCertificate => "no_certificate",
            A::BadCertificate => "bad_certificate",
            A::UnsupportedCertificate => "unsupported_certificate",
            A::CertificateRevoked => "certificate_revoked",
            A::CertificateExpired => "certificate_expired",
            A::CertificateUnknown => "certificate_unknown",
            A::IllegalParameter => "illegal_parameter",
            A::UnknownCA => "unknown_ca",
            A::AccessDenied => "access_denied",
            A::DecodeError => "decode_error",
            A::DecryptError => "decrypt_error",
            A::ProtocolVersion => "protocol_version",
            A::InsufficientSecurity => "insufficient_security",
            A::InternalError => "internal_error",
            A::InappropriateFallback => "inappropriate_fallback",
            A::UserCanceled => "user_canceled",
            A::NoRenegotiation => "no_renegotiation",
            A::MissingExtension => "missing_extension",
            A::UnsupportedExtension => "unsupported_extension",
            A::UnrecognisedName => "unrecognized_name",
            A::UnknownPSKIdentity => "unknown_psk_identity",
            A::CertificateRequired => "certificate_required",
            A::NoApplicationProtocol => "no_application_protocol",
            _ => "unknown",
        }
    }
}

impl fmt::Display for PeerAlert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for PeerAlert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PeerAlert({self})")
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn it_is_found_below_what_wraps_it() {
        let alert = Error::AlertReceived(AlertDescription::UnknownCA);
        let found = Some(PeerAlert(AlertDescription::UnknownCA));
        assert_eq!(PeerAlert::find(&alert), found);
        let once = io::Error::new(io::ErrorKind::InvalidData, alert);
        let twice = io::Error::other(once);
        assert_eq!(PeerAlert::find(&twice), found);
        assert_eq!(PeerAlert::find(&Error::DecryptError), None);
    }
    /// By the numbers of the registry, "TLS Alerts".
    #[test]
    fn each_is_called_as_in_the_registry_and_those_about_a_certificate_are_known() {
        use Complaint::{Certificate, Handshake, Other};
        #[rustfmt::skip]
        let expected = [
            (0, "close_notify", Other), (10, "unexpected_message", Other), (20, "bad_record_mac", Other),
            (22, "record_overflow", Other), (40, "handshake_failure", Handshake), (41, "no_certificate", Certificate),
            (42, "bad_certificate", Certificate), (43, "unsupported_certificate", Certificate),
            (44, "certificate_revoked", Certificate), (45, "certificate_expired", Certificate),
            (46, "certificate_unknown", Certificate), (47, "illegal_parameter", Other), (48, "unknown_ca", Certificate),
            (49, "access_denied", Certificate), (50, "decode_error", Other), (51, "decrypt_error", Certificate),
            (70, "protocol_version", Other), (71, "insufficient_security", Other), (80, "internal_error", Other),
            (86, "inappropriate_fallback", Other), (90, "user_canceled", Other), (100, "no_renegotiation", Other),
            (109, "missing_extension", Other), (110, "unsupported_extension", Other), (112, "unrecognized_name", Other),
            (115, "unknown_psk_identity", Other), (116, "certificate_required", Certificate),
            (120, "no_application_protocol", Other), (255, "unknown", Other),
        ];
        for (number, name, complaint) in expected {
            let alert = PeerAlert(AlertDescription::from(number));
            assert_eq!((alert.name(), alert.complaint()), (name, complaint), "{number}");
            assert_eq!(alert.to_string(), name);
        }
        let shown = format!("{:?}", PeerAlert(AlertDescription::UnknownCA));
        assert_eq!(shown, "PeerAlert(unknown_ca)");
    }
    /// What the table of codes says of an alert is what rustls will send.
    #[test]
    fn the_codes_alerts_have_the_same_names() {
        use crate::codes::Alert;
        for (alert, number) in [
            (Alert::BadCertificate, 42),
            (Alert::UnsupportedCertificate, 43),
            (Alert::CertificateRevoked, 44),
            (Alert::CertificateExpired, 45),
            (Alert::UnknownCa, 48),
            (Alert::AccessDenied, 49),
            (Alert::DecryptError, 51),
            (Alert::UnrecognizedName, 112),
            (Alert::CertificateRequired, 116),
        ] {
            let heard = PeerAlert(AlertDescription::from(number));
            assert_eq!(alert.to_string(), heard.name());
        }
    }
}
