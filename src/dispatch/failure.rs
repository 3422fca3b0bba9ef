use std::net::SocketAddr;

use http::HeaderName;
use rustls_pki_types::UnixTime;

use crate::address::PrivateAddress;
use crate::breaker::NotNow;
use crate::codes::{Fault, entries};
use crate::date::Date;
use crate::egress::{NotConnected, NotResolved};
use crate::elsewhere::Ticket;
use crate::identity::Validity;
use crate::payload::{CannotSign, NoKey};
use crate::tenant::TenantId;
use crate::tls::{InvalidTls, PeerAlert};
use crate::trust::Untrusted;

use tokio::runtime::Handle;
use tokio::time::sleep;

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
    /// All of it, up to the head of the answer.
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

entries! {
    Failure [
        Self::Endpoint(inner) => inner,
        Self::NotNow(inner) => inner,
        Self::Untrusted(inner) => inner,
    ]
    Self::NotTheirEndpoint { .. } => "dispatch.not_their_endpoint", Policy, "ours: an endpoint has one owner",
        "Prove that the endpoint is yours.",
        "Have the claim given up by its owner, or deliver elsewhere.";
    Self::PortNotAllowed { .. } => "dispatch.port_not_allowed", Policy, "ours: no delivery to any port",
        "Serve it on port 443.",
        "Allow the port in the dispatcher's rules, if it is meant.";
    Self::PrivateAddress(_) => "dispatch.private_address", Policy, "ours: no private address",
        "Serve it at a public address.",
        "Allow the address in the `AddressGuard`, if it is one of yours.";
    Self::Unclaimed => "dispatch.unclaimed", Policy, "ours: an endpoint has one owner",
        "Prove that the endpoint is yours.",
        "Claim it for its tenant.";
    Self::Expired { .. } => "dispatch.expired", Policy, "ours: deliveries have a last moment",
        "Ask for what was missed.",
        "Allow more time, if late deliveries are of use.";
    Self::NoIdentity => "dispatch.no_identity", Ours, "ours: never without an identity",
        "Nothing.",
        "Load a certificate and key for the tenant.";
    Self::Replaced => "dispatch.replaced", Ours, "ours: what was made under an identity is not used under another",
        "Nothing.",
        "Nothing: the retry uses the new one.";
    Self::OwnCertificate { .. } => "dispatch.own_certificate", Ours, "RFC 5280 §6.1.3",
        "Nothing.",
        "Renew the certificate, and load it.";
    Self::CannotSign(_) => "dispatch.cannot_sign", Ours, "the scheme's documentation",
        "Nothing.",
        "Give the tenant a key, or the delivery what the scheme needs.";
    Self::FieldTaken { .. } => "dispatch.field_taken", Ours, "ours: no field is written twice",
        "Nothing.",
        "Leave the field out of the delivery.";
    Self::Tls(_) => "dispatch.tls", Ours, "ours: configurations are checked when they are made",
        "Nothing.",
        "Do what the message says.";
    Self::IdentityUnfit => "dispatch.identity_unfit", Ours, "RFC 8446 §4.3.2",
        "Allow more signature algorithms.",
        "Use a certificate with an ECDSA P-256 or RSA key.";
    Self::IdentityRefused { .. } | Self::IdentityRefusedByStatus { .. } => "dispatch.identity_refused", Ours, "RFC 8446 §6.2",
        "Trust the sender's authority, or add the pin of its key.",
        "Give the consumer your authority or pin; renew the certificate where it has expired.";
    Self::IdentityNotAsked => "dispatch.identity_not_asked", Theirs, "RFC 8446 §4.3.2",
        "Ask for client certificates: ssl_verify_client on in nginx.",
        "Allow this endpoint without, if it is meant.";
    Self::Handshake { .. } => "dispatch.handshake", Theirs, "RFC 8446 §6",
        "Offer TLS 1.3 with common ciphers; nginx before 1.23.4 has to be told: ssl_protocols TLSv1.2 TLSv1.3.",
        "At the alert protocol_version the server has no TLS 1.3: Tls::allow_tls12, if it is meant.";
    Self::NotResolved(_) => "dispatch.not_resolved", Network, "RFC 1035",
        "Enter the name in the DNS.",
        "Check the resolver; a retry may do.";
    Self::Unreachable { .. } => "dispatch.unreachable", Network, "RFC 9293",
        "Start the server, open the port.",
        "Check the way out; a retry may do.";
    Self::Proxy { .. } => "dispatch.proxy", Ours, "RFC 9110 §9.3.6",
        "Nothing.",
        "Mend the proxy, or its rules; the message has its answer.";
    Self::TimedOut { stage: Stage::Connecting } => "dispatch.connecting_timed_out", Network, "ours: each part has a time limit",
        "Open the port.",
        "A retry may do.";
    Self::TimedOut { stage: Stage::Handshake } => "dispatch.handshake_timed_out", Network, "ours: each part has a time limit",
        "Look at the server's load.",
        "A retry may do.";
    Self::TimedOut { stage: Stage::Answering } => "dispatch.answer_timed_out", Network, "ours: each part has a time limit",
        "Answer first, and work afterwards.",
        "A retry may do; allow more time, if it is meant.";
    Self::TimedOut { stage: Stage::Delivering } => "dispatch.timed_out", Network, "ours: each part has a time limit",
        "Answer shortly.",
        "A retry may do; allow more time, if it is meant.";
    Self::NoAnswer { .. } => "dispatch.no_answer", Network, "RFC 9110 §9.2.2",
        "Answer each request, also when stopping; refuse repeated ids.",
        "Nothing: the retry has the same id.";
    Self::NotTaken { .. } => "dispatch.not_taken", Theirs, "RFC 9112 §9.3",
        "Read the body before you answer 2xx.",
        "Nothing: it is tried again.";
    Self::NotHttp { .. } => "dispatch.not_http", Theirs, "RFC 9112 §2",
        "Answer with HTTP, and shortly.",
        "Check the URL.";
    Self::Redirected { .. } => "dispatch.redirected", Theirs, "RFC 9110 §15.4",
        "Answer at the URL itself.",
        "Have the tenant enter the URL that it redirects to.";
    Self::Gone { .. } => "dispatch.gone", Theirs, "RFC 9110 §15.5.11",
        "Enter a new endpoint.",
        "Take the endpoint out of service.";
    Self::Status { .. } => "dispatch.status", Theirs, "RFC 9110 §15",
        "Look into the server's log at that time.",
        "A retry may do; tell the tenant the status.";
}

impl Failure {
    /// Whose fault it is.
    pub fn fault(&self) -> Fault {
        self.entry().fault
    }

    /// The ticket for the keys that were lacking: redeemed, it may be tried again. The dispatcher and
    /// [`SignLayer`](super::SignLayer) do.
    pub fn ticket(&self) -> Option<&Ticket> {
        match self {
            Self::CannotSign(CannotSign::NoKey(NoKey::Elsewhere(ticket))) => Some(ticket),
            _ => None,
        }
    }
}

/// How often keys that are lacking are fetched for one delivery.
const FETCHES: usize = 2;

/// Does it; where keys are lacking that live elsewhere, fetches them and does it again.
pub(super) async fn fetching<T>(act: impl Fn() -> Result<T, Failure>) -> Result<T, Failure> {
    for _ in 0..FETCHES {
        match act() {
            Err(failure) => fetched(failure).await?,
            done => return done,
        }
    }
    act()
}

/// Waits for the keys that are lacking. A runtime of another kind has no timer to wait with: there it stays an outage.
async fn fetched(failure: Failure) -> Result<(), Failure> {
    let ticket = failure.ticket().filter(|_| Handle::try_current().is_ok());
    let Some(ticket) = ticket else {
        return Err(failure);
    };
    ticket.redeem(sleep(ticket.patience())).await;
    Ok(())
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
