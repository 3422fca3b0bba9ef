use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;

use crate::gate::{Caller, ForwardedBy, Policy, Provenance};
use crate::payload::VerifyPayload;
use crate::tenant::TenantId;

/// A hop, as it has shown itself in one request: what there is to trust it by. Whether it is trusted, say [`Hops`].
///
/// Each is made of something that somebody else has proved, or that only the server can know: there is no hop that a
/// request could claim to be.
#[derive(Debug, Clone)]
pub struct Hop(Shown);

#[derive(Debug, Clone)]
enum Shown {
    Caller(Box<Caller>),
    Signature(ForwardedBy),
    UnixSocket,
    Address(IpAddr),
}

impl Hop {
    /// The client of the mutual TLS connection that the request came over.
    pub fn caller(caller: &Caller) -> Self {
        Self(Shown::Caller(Box::new(caller.clone())))
    }

    /// Whoever has connected to our Unix socket.
    ///
    /// # Security
    /// To be made only of a request that came over a Unix socket. Who can open it is for the permissions of its file to
    /// decide.
    pub fn unix_socket() -> Self {
        Self(Shown::UnixSocket)
    }

    /// The other end of the TCP connection that the request came over, and never what a header field says of it.
    ///
    /// # Security
    /// An address proves little: see [`Hops::with_unauthenticated_addresses`].
    pub fn address(address: IpAddr) -> Self {
        Self(Shown::Address(address.to_canonical()))
    }

    pub(super) fn signature(by: ForwardedBy) -> Self {
        Self(Shown::Signature(by))
    }
}

/// The hops that may speak for others: whose header fields are believed. Nobody, unless it is said who.
///
/// Whoever may write the fields *is* whoever he writes, among all clients that the policy trusts: certificates are
/// public. So a hop is best known by its own certificate.
#[derive(Debug, Clone, Default)]
pub struct Hops {
    callers: Option<(Policy, HashSet<TenantId>)>,
    signatures: Option<Signatures>,
    unix_socket: Trusted,
    addresses: HashSet<IpAddr>,
}

/// Whose signatures count, and by what they are verified.
#[derive(Debug, Clone)]
struct Signatures {
    verifier: Arc<dyn VerifyPayload>,
    names: Arc<[TenantId]>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Trusted {
    #[default]
    No,
    Yes,
}

impl Hops {
    /// Nobody may speak for others: all such fields are removed.
    pub fn nobody() -> Self {
        Self::default()
    }

    /// Hops that show a client certificate of their own, by which this policy knows them under one of these names. The
    /// policy is the hops', not that of the clients behind them.
    ///
    /// The handshake has to run under it too: `policy.trust()` is what its verifier is made of.
    #[must_use]
    pub fn with_callers(mut self, policy: Policy, names: impl IntoIterator<Item = TenantId>) -> Self {
        self.callers = Some((policy, names.into_iter().collect()));
        self
    }

    /// Hops of these names that sign the fields, and method and target with them (RFC 9440 appendix B.3). Looked at where
    /// the connection itself proves nothing.
    ///
    /// The verifier is given the head of the request, and an empty body, since the body is still to come: the hop must not
    /// sign `content-digest`. That the fields are covered is tried out, by asking it about fields that were changed.
    #[must_use]
    pub fn with_signatures(
        mut self,
        verifier: impl VerifyPayload + 'static,
        names: impl IntoIterator<Item = TenantId>,
    ) -> Self {
        self.signatures = Some(Signatures {
            verifier: Arc::new(verifier),
            names: names.into_iter().collect(),
        });
        self
    }

    /// Whoever can open our Unix socket.
    #[must_use]
    pub fn with_unix_socket(mut self) -> Self {
        self.unix_socket = Trusted::Yes;
        self
    }

    /// Whoever connects from exactly these addresses, without any other proof.
    ///
    /// # Security
    /// The weakest proof there is. Whoever else can connect from such an address (another process or container on that
    /// host, another customer behind the same translator, whoever is given the address next) may speak for every client.
    /// On a shared network nothing keeps the fields from being changed on their way. Only for a link that nobody else is
    /// on; everywhere else have the hop show a certificate. Behind a load balancer that speaks the
    /// [PROXY protocol](crate::proxy_protocol), it is the address that the load balancer tells of.
    #[must_use]
    pub fn with_unauthenticated_addresses(mut self, addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        let addresses = addresses.into_iter().map(|address| address.to_canonical());
        self.addresses.extend(addresses);
        self
    }

    /// The policy by which hops are known that show certificates.
    pub fn policy(&self) -> Option<&Policy> {
        self.callers.as_ref().map(|(policy, _)| policy)
    }

    pub(crate) fn are_nobody(&self) -> bool {
        self.callers.is_none()
            && self.signatures.is_none()
            && self.unix_socket == Trusted::No
            && self.addresses.is_empty()
    }

    pub(crate) fn has_addresses(&self) -> bool {
        !self.addresses.is_empty()
    }

    pub(super) fn signatures(&self) -> Option<(&dyn VerifyPayload, &[TenantId])> {
        let Signatures { verifier, names } = self.signatures.as_ref()?;
        Some((&**verifier, names))
    }

    /// Under what name this hop may speak for others, if it may.
    pub fn admit(&self, hop: &Hop) -> Option<ForwardedBy> {
        match &hop.0 {
            Shown::Caller(caller) => {
                let (policy, names) = self.callers.as_ref()?;
                // Who was forwarded is a client. Who is known to another policy has its names from there.
                let is_ours = caller.is_known_to(policy) && *caller.provenance() == Provenance::Handshake;
                let named = is_ours && names.contains(caller.tenant());
                named.then(|| ForwardedBy::Certificate(caller.tenant().clone()))
            }
            Shown::Signature(by) => Some(by.clone()),
            Shown::UnixSocket => (self.unix_socket == Trusted::Yes).then_some(ForwardedBy::UnixSocket),
            Shown::Address(address) => {
                let listed = self.addresses.contains(address);
                listed.then_some(ForwardedBy::Address(*address))
            }
        }
    }
}
