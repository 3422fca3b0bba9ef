use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use super::{Egress, NotResolved, Proxy, Stream};
use crate::address::PrivateAddress;

/// How many addresses of a name are tried.
const ATTEMPTS: usize = 8;

impl Egress {
    /// Connects to a host, which is a name or an address, within this time. The addresses of a name are tried in
    /// order, each for its share of the time that is left.
    ///
    /// # Errors
    /// [`NotConnected`].
    pub async fn connect(&self, host: &str, port: u16, within: Duration) -> Result<Stream, NotConnected> {
        let deadline = from_now(within);
        let resolved = timeout_at(deadline, self.addresses(host, port)).await;
        let addresses = resolved.map_err(|_| NotConnected::TimedOut)??;
        let mut failed = NotConnected::NotResolved(NotResolved::new("it has no address"));
        let mut left = addresses.len();
        for address in addresses {
            let share = deadline.saturating_duration_since(from_now(Duration::ZERO)) / count(left);
            let before = self.proxy.as_ref().map(Proxy::answers);
            match timeout_at(from_now(share), self.connect_to(address)).await {
                Ok(Ok(stream)) => return Ok(stream),
                // One forbidden address refuses the name.
                Ok(Err(forbidden @ NotConnected::Forbidden(_))) => return Err(forbidden),
                Ok(Err(error)) => failed = error,
                Err(_) => failed = self.silence(before),
            }
            left -= 1;
        }
        Err(failed)
    }

    /// The addresses of this host that the guard lets through ([`AddressGuard::check_all`]), at most eight.
    ///
    /// # Errors
    /// [`NotConnected::Forbidden`] where it refuses the host for one of them; [`NotConnected::NotResolved`].
    ///
    /// [`AddressGuard::check_all`]: crate::address::AddressGuard::check_all
    pub async fn addresses(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, NotConnected> {
        let found = match literal(host) {
            Some(address) => vec![address],
            None => self.resolver.resolve(host).await?,
        };
        let found = found.into_iter().map(|ip| SocketAddr::new(ip, port));
        let mut checked = self.guard.check_all(found)?;
        checked.truncate(ATTEMPTS);
        Ok(checked)
    }

    /// Whose silence it was. A proxy waits for whoever does not answer it; that it has answered others meanwhile tells
    /// this from a proxy that is dead.
    fn silence(&self, before: Option<u64>) -> NotConnected {
        match &self.proxy {
            Some(proxy) if before == Some(proxy.answers()) => {
                NotConnected::by_proxy(proxy, "it did not answer in time")
            }
            _ => NotConnected::TimedOut,
        }
    }

    /// The address was checked, and is used as it is.
    async fn connect_to(&self, address: SocketAddr) -> Result<Stream, NotConnected> {
        match &self.proxy {
            Some(proxy) => Ok(Stream::tunnel(proxy.connect(address).await?)),
            None => {
                let unreachable = |error: std::io::Error| NotConnected::Unreachable {
                    address,
                    reason: error.to_string(),
                };
                let tcp = direct(address).await.map_err(unreachable)?;
                let from = tcp.local_addr().map_err(unreachable)?.ip();
                self.guard.check_connected(address, from)?;
                Ok(Stream::direct(tcp))
            }
        }
    }
}

pub(super) async fn direct(address: SocketAddr) -> std::io::Result<TcpStream> {
    let tcp = TcpStream::connect(address).await?;
    // A request leaves in several small writes; none of them is to wait for the peer's delayed acknowledgement.
    tcp.set_nodelay(true)?;
    Ok(tcp)
}

/// An address as a URL writes it: IPv6 in brackets or bare.
fn literal(host: &str) -> Option<IpAddr> {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    bare.unwrap_or(host).parse().ok()
}

fn count(left: usize) -> u32 {
    u32::try_from(left).unwrap_or(u32::MAX).max(1)
}

/// Then; what is beyond the reach of clocks is in thirty years.
pub(crate) fn from_now(within: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(86_400 * 365 * 30);
    let now = Instant::now();
    now.checked_add(within).unwrap_or_else(|| now + FAR)
}

/// The reason why there is no connection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotConnected {
    /// The host is, or leads to, an address that must not be connected to.
    #[error(transparent)]
    Forbidden(#[from] PrivateAddress),
    /// The name has no address.
    #[error(transparent)]
    NotResolved(#[from] NotResolved),
    /// None of the addresses could be reached; the last one and why, which a proxy may have said.
    #[error("{address} cannot be reached: {reason}")]
    Unreachable {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        reason: String,
    },
    /// It took too long.
    #[error("connecting took too long")]
    TimedOut,
    /// The proxy, which is our own, did not do its part.
    #[error("the proxy {proxy} did not connect us: {reason}")]
    Proxy {
        /// Where it is.
        proxy: String,
        /// What it answered, or what the system says.
        reason: String,
    },
}

impl NotConnected {
    pub(super) fn by_proxy(proxy: &Proxy, reason: impl ToString) -> Self {
        Self::Proxy {
            proxy: proxy.to_string(),
            reason: reason.to_string(),
        }
    }
}
