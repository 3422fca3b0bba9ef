use super::Cut;
use crate::breaker::NotNow;
use crate::identity::Malformed;
use crate::proxy_protocol::InvalidHeader;
use crate::trust::Untrusted;

/// Facts about a handshake: its kind, and the version of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct HandshakeFacts {
    /// Whether certificates were shown in it, or remembered from an earlier one.
    pub kind: HandshakeKind,
    /// The version of TLS that it ended in.
    pub version: TlsVersion,
}

impl HandshakeFacts {
    /// A handshake of this kind, in this version.
    pub fn new(kind: HandshakeKind, version: TlsVersion) -> Self {
        Self { kind, version }
    }
}

/// The kind of a handshake: full, or resumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HandshakeKind {
    /// They were, and were verified in it.
    Full,
    /// A session was resumed: the certificates are those of the handshake that began it.
    Resumed,
}

impl HandshakeKind {
    /// A stable name, for metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Resumed => "resumed",
        }
    }
}

/// A version of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum TlsVersion {
    /// TLS 1.2 (RFC 5246).
    Tls12,
    /// TLS 1.3 (RFC 8446).
    Tls13,
}

impl TlsVersion {
    /// A stable name, for metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tls12 => "1.2",
            Self::Tls13 => "1.3",
        }
    }
}

/// The reason why a handshake was not completed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HandshakeFailure {
    /// The peer's certificate was refused; the reason, not only the alert.
    #[error(transparent)]
    Untrusted(#[from] Untrusted),
    /// The peer showed no certificate, and one is required.
    #[error("no client certificate")]
    NoCertificate,
    /// The peer asked for a server name that nothing is served under here.
    #[error("nothing is served under the name {name:?}")]
    UnknownServerName {
        /// What it asked for.
        name: Box<str>,
    },
    /// The peer asked for no server name, and nothing is served without one.
    #[error("the peer asked for no server name")]
    NoServerName,
    /// Too many handshakes of the peer's source have failed: it was turned away before TLS.
    #[error("not taken from this source: {0}")]
    Blocked(NotNow),
    /// As many handshakes of the peer's source are under way as may be: it was turned away before TLS.
    #[error("{limit} handshakes of this source are under way, and no more may be")]
    ShareUsedUp {
        /// The share of one source.
        limit: usize,
    },
    /// Too many connections are open: it was turned away before TLS.
    #[error(transparent)]
    Cut(#[from] Cut),
    /// The connection does not begin as it is to: a load balancer's with a PROXY protocol header, others without. It was
    /// refused before TLS.
    #[error(transparent)]
    ProxyHeader(#[from] InvalidHeader),
    /// The peer took longer than it may, or there was no place for its handshake in that time.
    #[error("the handshake took too long")]
    TimedOut,
    /// TLS itself failed: another protocol, no version or cipher in common, a wrong signature of the handshake.
    #[error("TLS: {0}")]
    Tls(String),
    /// The connection was lost.
    #[error("the connection was lost: {0}")]
    Io(String),
}

impl HandshakeFailure {
    /// A stable name of the reason, for metrics and logs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Untrusted(untrusted) => untrusted.code(),
            Self::NoCertificate => "identity.no_certificate",
            Self::UnknownServerName { .. } => "handshake.unknown_server_name",
            Self::NoServerName => "handshake.no_server_name",
            Self::Blocked(not_now) => not_now.code(),
            Self::ShareUsedUp { .. } => "handshake.share_used_up",
            Self::Cut(cut) => cut.code(),
            Self::ProxyHeader(invalid) => invalid.code(),
            Self::TimedOut => "handshake.timed_out",
            Self::Tls(_) => "handshake.tls",
            Self::Io(_) => "handshake.io",
        }
    }
}

impl From<Malformed> for HandshakeFailure {
    fn from(malformed: Malformed) -> Self {
        Self::Untrusted(malformed.into())
    }
}
