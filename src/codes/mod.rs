//! Codes (**what is known of a reason?**): its name for metrics, whose fault it is, what the peer is told, and what to do.
//!
//! Each error that a request, a handshake or a delivery can end with has one table, which stands below it: one row for each
//! code. [`Refusal::entry`](crate::refusal::Refusal::entry) and its kin find the row. The long form of each row is
//! a section of `docs/refusals.md`.

mod seen;

use std::fmt;

pub use seen::{Few, Seen};

/// An entry of the table of codes: what is known of a reason, whatever the case.
///
/// ```
/// use countersign::codes::{Alert, Fault};
/// use countersign::trust::Untrusted;
///
/// let entry = Untrusted::UnknownIssuer.entry();
/// assert_eq!((entry.code, entry.fault), ("trust.unknown_issuer", Fault::Theirs));
/// assert_eq!((entry.status, entry.alert), (Some(403), Some(Alert::UnknownCa)));
/// assert_eq!(entry.section(), "docs/refusals.md#trustunknown_issuer");
/// assert!(entry.sender.starts_with("Send the intermediates"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// The stable name of the reason: the question that was failed, a dot, and the reason.
    pub code: &'static str,
    /// Whose fault it mostly is, seen from here.
    pub fault: Fault,
    /// The status of HTTP that it is answered with, where a request is answered.
    pub status: Option<u16>,
    /// The alert of TLS that it ends a handshake with, where it does.
    pub alert: Option<Alert>,
    /// Where the rule comes from: a section of an RFC, or a decision of ours.
    pub rule: &'static str,
    /// What whoever receives can do.
    pub receiver: &'static str,
    /// What whoever sends can do.
    pub sender: &'static str,
}

impl Entry {
    /// Where more is said of it.
    pub fn section(&self) -> String {
        format!("docs/refusals.md#{}", self.code.replace('.', ""))
    }
}

/// The party whose fault a failure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// The other side's: of the sender of a request, of the consumer of a delivery.
    Theirs,
    /// Ours: identity, keys, proxy, revocation lists.
    Ours,
    /// Nobody's in particular: between us and them.
    Network,
    /// Nobody's: our own rules forbid it.
    Policy,
}

impl Fault {
    /// A stable name, for metrics and logs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Theirs => "theirs",
            Self::Ours => "ours",
            Self::Network => "network",
            Self::Policy => "policy",
        }
    }
}

/// An alert of TLS (RFC 8446 §6.2) that ends a handshake here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Alert {
    /// Cannot be read, or breaks a rule of RFC 5280.
    BadCertificate,
    /// Not meant for this purpose, too weak, of an unsupported kind or too long-lived.
    UnsupportedCertificate,
    /// Expired, or not valid yet.
    CertificateExpired,
    /// Revoked by its authority, or named by our own deny list.
    CertificateRevoked,
    /// No trusted authority vouches for it, also by its revocation lists.
    UnknownCa,
    /// A wrong signature.
    DecryptError,
    /// Our own policy: a key that is not pinned, a name that is not expected.
    AccessDenied,
    /// There is no certificate, and one is demanded.
    CertificateRequired,
    /// No server name, or one that nothing is served under.
    UnrecognizedName,
}

impl Alert {
    /// Its name, as RFC 8446 writes it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::BadCertificate => "bad_certificate",
            Self::UnsupportedCertificate => "unsupported_certificate",
            Self::CertificateExpired => "certificate_expired",
            Self::CertificateRevoked => "certificate_revoked",
            Self::UnknownCa => "unknown_ca",
            Self::DecryptError => "decrypt_error",
            Self::AccessDenied => "access_denied",
            Self::CertificateRequired => "certificate_required",
            Self::UnrecognizedName => "unrecognized_name",
        }
    }
}

impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The table of an error: `reason => code, fault [status] [alert], rule, what the receiver does, what the sender does;`.
/// Reasons in brackets have no row of their own: what they hold has.
macro_rules! entries {
    (
        $name:ident [ $( $(#[$when:meta])* $outer:pat => $inner:expr ),* $(,)? ]
        $(
            $reason:pat => $code:literal, $fault:ident $($status:literal)? $($alert:ident)?, $rule:literal,
                $receiver:literal, $sender:literal;
        )*
    ) => {
        impl $name {
            /// A stable name of the reason, for metrics and logs.
            pub fn code(&self) -> &'static str {
                self.entry().code
            }

            /// What is known of the reason: whose fault it is, what to do, and where the rule comes from.
            pub fn entry(&self) -> &'static $crate::codes::Entry {
                match self {
                    $( $(#[$when])* $outer => $inner.entry(), )*
                    $(
                        $reason => &$crate::codes::Entry {
                            code: $code,
                            fault: $crate::codes::Fault::$fault,
                            status: $crate::codes::entries!(@maybe $($status)?),
                            alert: $crate::codes::entries!(@maybe $($crate::codes::Alert::$alert)?),
                            rule: $rule,
                            receiver: $receiver,
                            sender: $sender,
                        },
                    )*
                }
            }
        }
    };
    (@maybe) => { None };
    (@maybe $some:expr) => { Some($some) };
}

pub(crate) use entries;
