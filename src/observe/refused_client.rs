use std::fmt;
use std::net::IpAddr;

use rustls_pki_types::UnixTime;

use crate::codes::Seen;
use crate::date::Date;
use crate::identity::SpkiHash;
use crate::tenant::TenantId;
use crate::trust::Untrusted;

/// A client that comes again and again with a certificate that is refused.
///
/// # Security
/// For a message, and for nothing else: a certificate is refused before its key is proved, so `spki`, `claims` and
/// `resembles` may be a stranger's choice. Do not block or bill a tenant for it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RefusedClient {
    /// Where it comes from: an IPv4 address, or 64 bits of an IPv6 one.
    pub source: IpAddr,
    /// The hash of the key in its certificate.
    pub spki: SpkiHash,
    /// The first name in its certificate: the start of it, escaped.
    pub claims: Option<Seen>,
    /// The tenant that was let in under this key, or else under one of these names.
    pub resembles: Option<TenantId>,
    /// The stable code of the last refusal.
    pub code: &'static str,
    /// What that looks like.
    pub looks_like: LooksLike,
    /// Refused handshakes in a row, none of them later after another than [`RefusalWatch`](super::RefusalWatch) says.
    pub attempts: u64,
    /// When the first of them was.
    pub since: UnixTime,
    /// When the last of them was.
    pub last: UnixTime,
}

impl fmt::Display for RefusedClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} refused {} times since {}, last {}: {}",
            self.source,
            self.attempts,
            Date(self.since),
            Date(self.last),
            self.code
        )?;
        if let Some(claims) = &self.claims {
            write!(f, ", claiming {claims}")?;
        }
        if let Some(tenant) = &self.resembles {
            write!(f, " as {tenant} did")?;
        }
        write!(
            f,
            "; looks like {}: {}",
            self.looks_like.as_str(),
            self.looks_like.remedy()
        )
    }
}

/// A guess at why a client's certificate is refused again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LooksLike {
    /// It has expired, or an authority above it has.
    Expired,
    /// Key or authority were changed there, and not here: the key is not pinned, an authority of the same name has another
    /// key, or a client of that key or name was let in before, under an authority that is loaded.
    NotDistributed,
    /// It is of an authority that is not loaded, and nobody of that key or name was let in before.
    AnotherCa,
    /// Something else: the code says what.
    Other,
}

impl LooksLike {
    pub(super) fn of(untrusted: &Untrusted, is_known: bool) -> Self {
        match untrusted {
            Untrusted::Expired { .. } => Self::Expired,
            Untrusted::NotPinned { .. } | Untrusted::Signature => Self::NotDistributed,
            Untrusted::UnknownIssuer if is_known => Self::NotDistributed,
            Untrusted::UnknownIssuer => Self::AnotherCa,
            _ => Self::Other,
        }
    }

    /// A stable name, for metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::NotDistributed => "not_distributed",
            Self::AnotherCa => "another_ca",
            Self::Other => "other",
        }
    }

    /// What to do.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::Expired => "have its owner renew it, and the process that sends load the renewed one",
            Self::NotDistributed => {
                "ask its owner whether key or authority were changed; if so, pin or load the next one beside the present one"
            }
            Self::AnotherCa => {
                "ask its owner for the certificate of this environment, with its intermediates; or load the authority"
            }
            Self::Other => "look up the code",
        }
    }
}
