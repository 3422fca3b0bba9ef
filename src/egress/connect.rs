use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
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
        // Only after all were checked: one forbidden address refuses the name, wherever it stands in the answer.
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
                let dialled = (self.dial)(address).await;
                let (tcp, from) = dialled.map_err(|error| NotConnected::Unreachable {
                    address,
                    reason: error.to_string(),
                })?;
                self.guard.check_connected(address, from)?;
                Ok(Stream::direct(tcp))
            }
        }
    }
}

/// How a connection is made, and from which address of ours it is. A plug: no test can count on a machine with a public
/// address.
pub(super) type Dial = fn(SocketAddr) -> Dialing;
pub(super) type Dialing = Pin<Box<dyn Future<Output = io::Result<(TcpStream, IpAddr)>> + Send>>;

pub(super) fn dial(address: SocketAddr) -> Dialing {
    Box::pin(async move {
        let tcp = direct(address).await?;
        let from = tcp.local_addr()?.ip();
        Ok((tcp, from))
    })
}

pub(super) async fn direct(address: SocketAddr) -> io::Result<TcpStream> {
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

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;
    use crate::address::{AddressGuard, Forbidden};
    use crate::egress::{Resolve, Resolving};

    /// A machine that has 8.8.4.4 itself, and from which 1.1.1.1 can be reached, and nothing else.
    fn dial(address: SocketAddr) -> Dialing {
        Box::pin(async move {
            let from = match address.ip().to_canonical().to_string().as_str() {
                "8.8.4.4" => address.ip(),
                "1.1.1.1" => [192, 168, 0, 2].into(),
                _ => return Err(io::ErrorKind::ConnectionRefused.into()),
            };
            let here = TcpListener::bind("127.0.0.1:0").await?;
            Ok((TcpStream::connect(here.local_addr()?).await?, from))
        })
    }

    #[derive(Debug)]
    struct Answer(Vec<IpAddr>);

    impl Resolve for Answer {
        fn resolve<'a>(&'a self, _: &'a str) -> Resolving<'a> {
            Box::pin(async move { Ok(self.0.clone()) })
        }
    }

    #[tokio::test]
    async fn an_address_that_turns_out_to_be_our_own_refuses_the_name() {
        let own = |address: &str| {
            Err(NotConnected::Forbidden(PrivateAddress {
                address: SocketAddr::new(address.parse().unwrap(), 443),
                why: Forbidden::Own,
            }))
        };
        let unreachable = |address: &str| {
            Err(NotConnected::Unreachable {
                address: SocketAddr::new(address.parse().unwrap(), 443),
                reason: io::Error::from(io::ErrorKind::ConnectionRefused).to_string(),
            })
        };
        let allowing = AddressGuard::new().allow("8.8.4.4:443".parse().unwrap());
        let plain = AddressGuard::new();
        for (name, guard, answer, expected) in [
            ("another's", &plain, &["1.1.1.1"][..], Ok(())),
            ("its own", &plain, &["8.8.4.4"], own("8.8.4.4")),
            (
                "its own, as IPv6",
                &plain,
                &["::ffff:8.8.4.4"],
                own("::ffff:8.8.4.4"),
            ),
            ("its own, allowed", &allowing, &["8.8.4.4"], Ok(())),
            ("nobody, another's", &plain, &["8.8.8.8", "1.1.1.1"], Ok(())),
            (
                "its own, another's",
                &plain,
                &["8.8.4.4", "1.1.1.1"],
                own("8.8.4.4"),
            ),
            (
                "nobody, its own, another's",
                &plain,
                &["8.8.8.8", "8.8.4.4", "1.1.1.1"],
                own("8.8.4.4"),
            ),
            ("its own, nobody", &plain, &["8.8.4.4", "8.8.8.8"], own("8.8.4.4")),
            ("nobody", &plain, &["8.8.8.8"], unreachable("8.8.8.8")),
        ] {
            let egress = Egress {
                dial,
                ..Egress::new().with_guard(guard.clone())
            };
            let addresses = answer.iter().map(|address| address.parse().unwrap());
            let egress = egress.with_resolver(Answer(addresses.collect()));
            let connected = egress.connect("hooks.example", 443, Duration::from_secs(5)).await;
            assert_eq!(connected.map(drop), expected, "{name}");
        }
    }
}
