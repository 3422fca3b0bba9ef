//! Outgoing connections (**where may we connect to?**): to public addresses, and what was allowed by name; through a
//! proxy where there is one.
//!
//! Whoever lets others name a place to connect to can be sent to a neighbour (server-side request forgery). So
//! [`Egress`] resolves the name itself, asks an [`AddressGuard`] about each address, and connects to the *very address*
//! that was asked about: a name that resolves to something else a moment later changes nothing.
//!
//! One forbidden address among several refuses them all. Honest names do not lead half outside and half inside; whoever
//! skips the bad half hides from the operator that somebody tries, and lets the order of a DNS answer decide what
//! works. A name of which everything is inside, and something was allowed, leads to what was allowed.

mod connect;
mod proxy;
mod resolve;
mod service;
mod shown;
mod stream;

use std::fmt;
use std::sync::Arc;

pub use crate::address::AddressGuard;

use connect::Dial;
pub use connect::NotConnected;
#[cfg(feature = "dispatch")]
pub(crate) use connect::from_now;
pub use proxy::Proxy;
pub use resolve::{NotResolved, Resolve, Resolving, SystemResolver};
pub(crate) use shown::Shown;
pub use stream::Stream;

/// The way out: resolver, guard, and the proxy where there is one.
///
/// It is a tower service of URLs, too, so it serves as the connector of a hyper client of your own.
///
/// ```
/// use std::net::SocketAddr;
/// use std::time::Duration;
/// use countersign::address::PrivateAddress;
/// use countersign::egress::{Egress, NotConnected};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let egress = Egress::new();
/// let refused = egress.connect("127.0.0.1", 443, Duration::from_secs(1)).await;
/// let here: SocketAddr = "127.0.0.1:443".parse()?;
/// assert!(
///     matches!(
///         refused.err(),
///         Some(NotConnected::Forbidden(PrivateAddress { address, .. })) if address == here,
///     )
/// );
/// # Ok::<(), std::net::AddrParseError>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Egress {
    guard: AddressGuard,
    resolver: Arc<dyn Resolve>,
    proxy: Option<Proxy>,
    dial: Dial,
}

impl Egress {
    /// To public addresses, by the system's resolver.
    pub fn new() -> Self {
        Self {
            guard: AddressGuard::new(),
            resolver: Arc::new(SystemResolver),
            proxy: None,
            dial: connect::dial,
        }
    }

    /// Asks this guard.
    #[must_use]
    pub fn with_guard(mut self, guard: AddressGuard) -> Self {
        self.guard = guard;
        self
    }

    /// Asks this resolver for addresses.
    #[must_use]
    pub fn with_resolver(mut self, resolver: impl Resolve + 'static) -> Self {
        self.resolver = Arc::new(resolver);
        self
    }

    /// Goes through this proxy. Names are resolved and checked *here* all the same, and the proxy is given the address.
    #[must_use]
    pub fn through(mut self, proxy: Proxy) -> Self {
        self.proxy = Some(proxy);
        self
    }

    /// The guard that says which addresses may be connected to.
    pub fn guard(&self) -> &AddressGuard {
        &self.guard
    }
}

impl Default for Egress {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Egress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Egress")
            .field("guard", &self.guard)
            .field("resolver", &self.resolver)
            .field("proxy", &self.proxy)
            .finish()
    }
}
