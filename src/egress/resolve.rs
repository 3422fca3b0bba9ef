use std::fmt;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

/// A DNS resolver. What it finds is checked afterwards, so it may be as gullible as DNS is.
pub trait Resolve: fmt::Debug + Send + Sync {
    /// The addresses of this host, in the order in which they are to be tried.
    fn resolve<'a>(&'a self, host: &'a str) -> Resolving<'a>;
}

/// A name on its way to its addresses.
pub type Resolving<'a> = Pin<Box<dyn Future<Output = Result<Vec<IpAddr>, NotResolved>> + Send + 'a>>;

impl<R: Resolve + ?Sized> Resolve for Arc<R> {
    fn resolve<'a>(&'a self, host: &'a str) -> Resolving<'a> {
        (**self).resolve(host)
    }
}

/// The system's resolver: `getaddrinfo`, on tokio's threads for what blocks.
///
/// # Security
/// A call that has run out of time still holds its thread until the system gives up, and tokio has 512 of them for the
/// whole process. Who lets strangers name hosts, and so choose name servers that never answer, brings a resolver that does
/// not block.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve<'a>(&'a self, host: &'a str) -> Resolving<'a> {
        Box::pin(async move {
            let found = tokio::net::lookup_host((host, 0)).await;
            let found = found.map_err(|error| NotResolved::new(error.to_string()))?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// A name whose addresses were not found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[error("the name was not resolved: {reason}")]
pub struct NotResolved {
    /// What the resolver says.
    pub reason: String,
}

impl NotResolved {
    /// A failure for this reason.
    pub fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
        }
    }
}
