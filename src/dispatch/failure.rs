use std::net::SocketAddr;

use http::HeaderName;
use rustls_pki_types::UnixTime;

use crate::address::PrivateAddress;
use crate::breaker::NotNow;
use crate::date::Date;
use crate::egress::{NotConnected, NotResolved};
use crate::identity::Validity;
use crate::payload::CannotSign;
use crate::tenant::TenantId;
use crate::tls::{InvalidTls, PeerAlert};
use crate::trust::Untrusted;

use super::InvalidEndpoint;
use super::identity::NotSigned;

/// The reason why a delivery was not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The endpoint belongs to another tenant: a confused deputy. Nothing was sent.
    #[error("the endpoint is {owner}'s")]
    NotTheirEndpoint {
        /// Whose it is.
        owner: TenantId,
    },
    /// The target is no endpoint. Nothing was sent.
    #[error(transparent)]
    Endpoint(#[from] InvalidEndpoint),
    /// The endpoint's port is none of those that are delivered to. Nothing was sent.
    #[error("nothing is delivered to port {port}")]
    PortNotAllowed {
        /// The port.
        port: u16,
    },
    /// The endpoint is at, or leads to, an address that must not be connected to. Nothing was sent.
    #[error(transparent)]
    PrivateAddress(#[from] PrivateAddress),
    /// Nobody has claimed the endpoint, and it must be. Nothing was sent.
    #[error("nobody has claimed the endpoint")]
    Unclaimed,
    /// The delivery's last moment has passed. Nothing was sent.
    #[error("the delivery was not to be tried after {}", Date(*.at))]
    Expired {
        /// The last moment.
        at: UnixTime,
    },
    /// The endpoint has failed too often, and is left alone for a while. Nothing was sent.
    #[error(transparent)]
    NotNow(#[from] NotNow),
    /// The tenant has no identity. Nothing was sent: never without one.
    #[error("the tenant has no identity to send under")]
    NoIdentity,
    /// The identity was replaced. Nothing was sent: what was made under it is not used again.
    #[error("the tenant's identity was replaced")]
    Replaced,
    /// Our own certificate is expired, or not valid yet. Nothing was sent.
    #[error("our own certificate is not valid now")]
    OwnCertificate {
        /// When it is.
        validity: Validity,
        /// When it was to be used.
        now: UnixTime,
    },
    /// The payload was not signed. Nothing was sent.
    #[error(transparent)]
    CannotSign(#[from] CannotSign),
    /// Two signers, or a signer and the delivery itself, want to fill the same header field. Nothing was sent.
    #[error("the header field {field} would be filled twice")]
    FieldTaken {
        /// The field.
        field: HeaderName,
    },
    /// There is no TLS configuration for this tenant.
    #[error(transparent)]
    Tls(#[from] InvalidTls),
    /// The server asked for our certificate, and takes no signature that its key can make. Nothing was sent.
    #[error("the server takes no signature that our certificate's key can make")]
    IdentityUnfit,
    /// The server refused our certificate.
    #[error("the server refused our certificate: {alert}")]
    IdentityRefused {
        /// The alert that says why.
        alert: PeerAlert,
    },
    /// The HTTP server refused our certificate: nginx, and those who follow it.
    #[error("the server refused our certificate, with status {status}")]
    IdentityRefusedByStatus {
        /// The status: 495 or 496, which stand for nothing else, or 400 with nginx's own page about it.
        status: u16,
    },
    /// The server did not ask for our certificate, and must. Nothing was sent.
    #[error("the server did not ask for our certificate")]
    IdentityNotAsked,
    /// The server is not the one that is trusted. Nothing was sent.
    #[error(transparent)]
    Untrusted(#[from] Untrusted),
    /// There was no TLS with the server. Nothing was sent.
    #[error("no TLS with the server: {reason}")]
    Handshake {
        /// What rustls or the network says.
        reason: String,
    },
    /// The name has no address.
    #[error(transparent)]
    NotResolved(#[from] NotResolved),
    /// None of the addresses could be reached.
    #[error("{address} cannot be reached: {reason}")]
    Unreachable {
        /// The last one that was tried.
        address: SocketAddr,
        /// What the system says.
        reason: String,
    },
    /// Our proxy did not do its part.
    #[error("our proxy {proxy} did not connect us: {reason}")]
    Proxy {
        /// Where it is.
        proxy: String,
        /// What it answered, or what the system says.
        reason: String,
    },
    /// It took too long.
    #[error("{stage} took too long")]
    TimedOut {
        /// What did.
        stage: Stage,
    },
    /// The connection broke before there was an answer. What was sent may have been handled.
    #[error("no answer: {reason}")]
    NoAnswer {
        /// What happened.
        reason: String,
    },
    /// The server answered that it had taken the delivery before it had all of it, and did not take the rest.
    #[error("answered {status}, and did not take all of the delivery")]
    NotTaken {
        /// The status.
        status: u16,
    },
    /// What came was not HTTP, or much more of it than an answer needs.
    #[error("the answer is not HTTP: {reason}")]
    NotHttp {
        /// What is wrong with it.
        reason: String,
    },
    /// The server sent us elsewhere. Nobody follows: where to deliver is the tenant's to say, and to prove.
    #[error("redirected, with status {status}")]
    Redirected {
        /// The status.
        status: u16,
    },
    /// The endpoint is gone for good.
    #[error("the endpoint is gone, with status {status}")]
    Gone {
        /// The status.
        status: u16,
    },
    /// The server did not take it.
    #[error("answered {status}")]
    Status {
        /// The status.
        status: u16,
    },
}

/// A part of a delivery that has a time limit of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// From the name to a TCP connection.
    Connecting,
    /// The TLS handshake.
    Handshake,
    /// From the request to the head of the answer.
    Answering,
    /// All of it.
    Delivering,
}

impl std::fmt::Display for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Connecting => "connecting",
            Self::Handshake => "the handshake",
            Self::Answering => "the answer",
            Self::Delivering => "the delivery",
        })
    }
}

/// The party whose fault a failure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// The consumer's.
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

impl Failure {
    /// A stable name of the reason, for metrics and logs. A server that is not trusted has the code of
    /// [`Untrusted`], such as `trust.not_pinned`; an open circuit that of [`NotNow`].
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotTheirEndpoint { .. } => "dispatch.not_their_endpoint",
            Self::Endpoint(invalid) => invalid.code(),
            Self::PortNotAllowed { .. } => "dispatch.port_not_allowed",
            Self::PrivateAddress(_) => "dispatch.private_address",
            Self::Unclaimed => "dispatch.unclaimed",
            Self::Expired { .. } => "dispatch.expired",
            Self::NotNow(not_now) => not_now.code(),
            Self::NoIdentity => "dispatch.no_identity",
            Self::Replaced => "dispatch.replaced",
            Self::OwnCertificate { .. } => "dispatch.own_certificate",
            Self::CannotSign(_) => "dispatch.cannot_sign",
            Self::FieldTaken { .. } => "dispatch.field_taken",
            Self::Tls(_) => "dispatch.tls",
            Self::IdentityUnfit => "dispatch.identity_unfit",
            Self::IdentityRefused { .. } => "dispatch.identity_refused",
            Self::IdentityRefusedByStatus { .. } => "dispatch.identity_refused",
            Self::IdentityNotAsked => "dispatch.identity_not_asked",
            Self::Untrusted(untrusted) => untrusted.code(),
            Self::Handshake { .. } => "dispatch.handshake",
            Self::NotResolved(_) => "dispatch.not_resolved",
            Self::Unreachable { .. } => "dispatch.unreachable",
            Self::Proxy { .. } => "dispatch.proxy",
            Self::TimedOut { stage } => match stage {
                Stage::Connecting => "dispatch.connecting_timed_out",
                Stage::Handshake => "dispatch.handshake_timed_out",
                Stage::Answering => "dispatch.answer_timed_out",
                Stage::Delivering => "dispatch.timed_out",
            },
            Self::NoAnswer { .. } => "dispatch.no_answer",
            Self::NotTaken { .. } => "dispatch.not_taken",
            Self::NotHttp { .. } => "dispatch.not_http",
            Self::Redirected { .. } => "dispatch.redirected",
            Self::Gone { .. } => "dispatch.gone",
            Self::Status { .. } => "dispatch.status",
        }
    }

    /// Whose fault it is.
    pub fn fault(&self) -> Fault {
        match self {
            Self::NotTheirEndpoint { .. }
            | Self::Endpoint(_)
            | Self::Unclaimed
            | Self::Expired { .. }
            | Self::PortNotAllowed { .. }
            | Self::PrivateAddress(_) => Fault::Policy,
            Self::NoIdentity
            | Self::Replaced
            | Self::OwnCertificate { .. }
            | Self::CannotSign(_)
            | Self::FieldTaken { .. }
            | Self::Tls(_)
            | Self::IdentityUnfit
            | Self::IdentityRefused { .. }
            | Self::IdentityRefusedByStatus { .. }
            | Self::Proxy { .. } => Fault::Ours,
            Self::Untrusted(untrusted) if is_ours(untrusted) => Fault::Ours,
            Self::NotResolved(_)
            | Self::Unreachable { .. }
            | Self::TimedOut { .. }
            | Self::NoAnswer { .. } => Fault::Network,
            Self::NotNow(_)
            | Self::IdentityNotAsked
            | Self::Untrusted(_)
            | Self::Handshake { .. }
            | Self::NotTaken { .. }
            | Self::NotHttp { .. }
            | Self::Redirected { .. }
            | Self::Gone { .. }
            | Self::Status { .. } => Fault::Theirs,
        }
    }
}

/// What speaks against our own revocation lists, or our own policy, rather than against the server.
pub(super) fn is_ours(untrusted: &Untrusted) -> bool {
    matches!(
        untrusted,
        Untrusted::CrlExpired { .. }
            | Untrusted::CrlFromTheFuture { .. }
            | Untrusted::RevocationUnknown { .. }
            | Untrusted::CrlSignature { .. }
            | Untrusted::CrlIssuer
            | Untrusted::NothingBefore
            | Untrusted::Unavailable
    )
}

impl From<NotConnected> for Failure {
    fn from(not: NotConnected) -> Self {
        match not {
            NotConnected::Forbidden(private) => Self::PrivateAddress(private),
            NotConnected::NotResolved(not) => Self::NotResolved(not),
            NotConnected::Unreachable { address, reason } => Self::Unreachable { address, reason },
            NotConnected::TimedOut => Self::TimedOut {
                stage: Stage::Connecting,
            },
            NotConnected::Proxy { proxy, reason } => Self::Proxy { proxy, reason },
        }
    }
}

impl From<NotSigned> for Failure {
    fn from(not: NotSigned) -> Self {
        match not {
            NotSigned::Signer(cannot) => Self::CannotSign(cannot),
            NotSigned::Field(field) => Self::FieldTaken { field },
        }
    }
}
