//! PROXY protocol, versions 1 and 2: a load balancer that passes TLS through says where a connection comes from. Pure: it
//! reads bytes that others have received.
//!
//! Such a balancer opens connections of its own, so all senders would have its address. The header in front of TLS tells
//! the sender's. It is nothing but an address: of what else it may say (what the balancer has seen of TLS, names,
//! identities), nothing is read. Who is calling is proved in the handshake, behind it.
//!
//! [`Acceptor::with_proxy_protocol`](crate::web::Acceptor) reads it, from the addresses that [`ProxyProtocol`] names, and
//! from no others.

#[cfg(feature = "proxy-protocol")]
mod header;

use std::net::IpAddr;

use crate::address::Network;
use crate::codes::entries;

#[cfg(feature = "proxy-protocol")]
pub use header::{Header, MAX_LENGTH, read};

/// With what version 1 begins.
#[cfg(feature = "tokio")]
const TEXT: &[u8] = b"PROXY ";
/// With what version 2 begins. It was chosen so that it is the beginning of nothing else.
#[cfg(feature = "tokio")]
const BINARY: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// The load balancers that speak the PROXY protocol to us, by their addresses.
///
/// # Security
/// Whoever connects from one of these addresses chooses the address that he is taken for: in events, for the breaker, for
/// his share of the handshakes, and for whatever else you make of [`Connection::peer`](crate::web::Connection::peer). So name
/// the balancers one by one, or the smallest network in which nobody else is. He does not become anybody by that: a
/// certificate is proved as everywhere.
///
/// ```
/// use countersign::proxy_protocol::ProxyProtocol;
///
/// let balancers = ProxyProtocol::from_balancers(["10.0.0.0/24".parse()?]);
/// assert!(balancers.is_spoken_by("10.0.0.7".parse()?));
/// assert!(!balancers.is_spoken_by("203.0.113.9".parse()?), "its header would say what it likes");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyProtocol {
    balancers: Vec<Network>,
}

impl ProxyProtocol {
    /// Balancers with these addresses: `"10.7.0.4".parse()?` is a network of one.
    ///
    /// From them, a connection without the header is refused; from others, one with it.
    pub fn from_balancers(balancers: impl IntoIterator<Item = Network>) -> Self {
        let balancers = balancers.into_iter().collect();
        Self { balancers }
    }

    /// Whether connections from this address begin with a header.
    pub fn is_spoken_by(&self, address: IpAddr) -> bool {
        self.balancers.iter().any(|network| network.contains(address))
    }
}

/// The reason why a connection was refused for what it did or did not begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidHeader {
    /// A load balancer's connection begins with something else, such as TLS.
    #[error("no PROXY protocol header, and the peer is a load balancer that is to send one")]
    Missing,
    /// There is a header, and the peer is none of the load balancers; or it is the second one.
    #[error("a PROXY protocol header from where none is expected: the peer is not among the load balancers")]
    Unexpected,
    /// The connection ended inside of the header.
    #[error("the connection ended inside of the PROXY protocol header")]
    Truncated,
    /// It is longer than it may be.
    #[error("the PROXY protocol header is longer than {limit} bytes")]
    TooLong {
        /// How long it may be.
        limit: usize,
    },
    /// It breaks the specification.
    #[error("a malformed PROXY protocol header")]
    Malformed,
    /// It speaks of datagrams or of Unix sockets, from where no TCP connection comes.
    #[error("a PROXY protocol header that is not about a TCP connection")]
    Unsupported,
}

entries! {
    InvalidHeader []
    Self::Missing => "proxy_header.missing", Ours, "PROXY protocol §2",
        "Switch it on: send-proxy-v2 in HAProxy, proxy_protocol on in nginx's stream; or take the address off the \
         balancers.",
        "Nothing: it is between the receiver and its balancer.";
    Self::Unexpected => "proxy_header.unexpected", Theirs, "PROXY protocol §2",
        "Where it is your balancer, name its network in `ProxyProtocol::from_balancers`.",
        "Do not send the header.";
    Self::Truncated => "proxy_header.truncated", Ours, "PROXY protocol §2",
        "Have the health check send a whole header, with the command LOCAL.",
        "Nothing.";
    Self::TooLong { .. } => "proxy_header.too_long", Ours, "PROXY protocol §2.2",
        "Have the balancer leave them out: they are not read.",
        "Nothing.";
    Self::Malformed => "proxy_header.malformed", Ours, "PROXY protocol §2",
        "Correct whatever writes the header.",
        "Nothing.";
    Self::Unsupported => "proxy_header.unsupported", Ours, "PROXY protocol §2.2",
        "Have the balancer listen on TCP.",
        "Nothing.";
}

/// Whether a connection that begins so begins with a header. Five bytes are enough: TLS reads no fewer, and then knows that
/// they are not its own.
#[cfg(feature = "tokio")]
pub(crate) fn begins(first: [u8; 5]) -> bool {
    TEXT.starts_with(&first) || BINARY.starts_with(&first)
}
