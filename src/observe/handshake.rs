use super::{Cut, NamedGroup};
use crate::breaker::NotNow;
use crate::codes::entries;
use crate::identity::Malformed;
use crate::proxy_protocol::InvalidHeader;
use crate::refusal::Refusal;
use crate::trust::Untrusted;

/// Facts about a handshake: its kind, the version of TLS, and the group of its key exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct HandshakeFacts {
    /// Whether certificates were shown in it, or remembered from an earlier one.
    pub kind: HandshakeKind,
    /// The version of TLS that it ended in.
    pub version: TlsVersion,
    /// The group of its key exchange; nothing where there was none (a session of TLS 1.2 that was resumed), and where nobody
    /// has told.
    pub group: Option<NamedGroup>,
}

impl HandshakeFacts {
    /// A handshake of this kind, in this version.
    pub fn new(kind: HandshakeKind, version: TlsVersion) -> Self {
        Self {
            kind,
            version,
            group: None,
        }
    }

    /// The same handshake, with a key exchange in this group.
    #[must_use]
    pub fn with_group(mut self, group: NamedGroup) -> Self {
        self.group = Some(group);
        self
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

entries! {
    HandshakeFailure [
        Self::Untrusted(inner) => inner,
        Self::NoCertificate => Refusal::NoCertificate,
        Self::Blocked(inner) => inner,
        Self::ProxyHeader(inner) => inner,
        Self::Cut(inner) => inner,
    ]
    Self::UnknownServerName { .. } => "handshake.unknown_server_name", Theirs UnrecognizedName, "RFC 6066 §3",
        "Add a `Site` for the name, if it is yours.",
        "Use the host name that the receiver gave.";
    Self::NoServerName => "handshake.no_server_name", Theirs UnrecognizedName, "RFC 6066 §3",
        "Say what is served without a name: `without_name`.",
        "Connect by name, and send it as the server name.";
    Self::ShareUsedUp { .. } => "handshake.share_used_up", Theirs, "ours: silence is bounded by a share",
        "Raise the share, where many senders share one address.",
        "Reuse connections, and close those that are not used.";
    Self::TimedOut => "handshake.timed_out", Network, "ours: handshakes have a time limit",
        "Look at the load; raise the number of handshakes at once, or the time.",
        "Look at the network between: path MTU, proxies.";
    Self::Tls(_) => "handshake.tls", Theirs, "RFC 8446 §6",
        "Nothing, unless the versions were limited: then allow TLS 1.2.",
        "Use https, TLS 1.2 or 1.3, and the key that belongs to the certificate.";
    Self::Io(_) => "handshake.io", Network, "RFC 8446 §6.1",
        "Check that the server's own chain is whole: clients that do not trust it may leave without an alert.",
        "Look at the sender's log: it ended the connection.";
}

impl From<Malformed> for HandshakeFailure {
    fn from(malformed: Malformed) -> Self {
        Self::Untrusted(malformed.into())
    }
}
