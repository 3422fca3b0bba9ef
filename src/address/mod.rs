//! IP addresses that may be connected to: protection against SSRF. Pure: it looks at numbers, and knows no name.
//!
//! Whoever fetches from, or delivers to, a place that others name asks an [`AddressGuard`] about *the very address that
//! is connected to*, after the name was resolved: a name may resolve to something else the next time.

mod network;
mod rules;
mod special;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use special::is_public;

pub use network::{InvalidNetwork, Network};
pub use rules::{GuardProblem, InvalidGuard};
pub(crate) use special::ipv4_inside;

/// A filter of IP addresses against SSRF: what is on the public internet passes, and what was allowed by name.
///
/// In a configuration it is a text of [rules](#impl-FromStr-for-AddressGuard), such as `allow 10.7.0.0/16`.
///
/// ```
/// use countersign::address::{AddressGuard, PrivateAddress};
///
/// let guard = AddressGuard::new();
/// assert_eq!(guard.check("93.184.215.14:443".parse()?), Ok(()));
/// let metadata = "169.254.169.254:80".parse()?;
/// assert!(
///     matches!(guard.check(metadata), Err(PrivateAddress { address, .. }) if address == metadata)
/// );
///
/// let guard = guard.allow_network("10.7.0.0/16".parse()?);
/// assert_eq!(guard.check("10.7.1.2:443".parse()?), Ok(()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct AddressGuard {
    allowed: Vec<SocketAddr>,
    networks: Vec<Network>,
    denied: Vec<Network>,
    translators: Vec<Network>,
}

impl AddressGuard {
    /// Public addresses only.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets this address and port through, too, whatever they are. For tests, and for a sender inside one's own
    /// network.
    #[must_use]
    pub fn allow(mut self, address: SocketAddr) -> Self {
        self.allowed.push(canonical(address));
        self
    }

    /// Lets every address of this network through, too, on any port. For a network of one's own; name the smallest
    /// that will do, since the metadata service of a cloud is inside many a larger one.
    #[must_use]
    pub fn allow_network(mut self, network: Network) -> Self {
        self.networks.push(network);
        self
    }

    /// Lets no address of this network through, whatever else allows it. For one's own public addresses: what stands
    /// behind them may trust whoever comes from inside.
    #[must_use]
    pub fn deny_network(mut self, network: Network) -> Self {
        self.denied.push(network);
        self
    }

    /// Judges the addresses of this prefix by the IPv4 address that each of them leads to: it is that of a NAT64
    /// translator of one's own network or provider (RFC 6052 §2.2). `64:ff9b::/96` is known.
    ///
    /// # Errors
    /// [`InvalidNat64`] where it is no prefix that a translator can have.
    ///
    /// # Security
    /// Nothing tells such a prefix from other public addresses. Behind a translator that is not named here,
    /// `2001:db8:64::a00:1` leads to `10.0.0.1`.
    pub fn with_nat64(mut self, prefix: Network) -> Result<Self, InvalidNat64> {
        if !prefix.address.is_ipv6() || !NAT64_PREFIXES.contains(&prefix.prefix) {
            return Err(InvalidNat64);
        }
        self.translators.push(prefix);
        Ok(self)
    }

    /// Whether to connect there.
    ///
    /// # Errors
    /// [`PrivateAddress`].
    pub fn check(&self, address: SocketAddr) -> Result<(), PrivateAddress> {
        match self.judge(address) {
            Standing::Public | Standing::Allowed => Ok(()),
            Standing::Forbidden(why) => Err(PrivateAddress { address, why }),
        }
    }

    /// Those of the addresses of one name that may be connected to.
    ///
    /// One forbidden address refuses the name, with one exception: where none is public, some were allowed and others
    /// simply were not, those that were allowed are left. `localhost` leads to `::1`, too, when `127.0.0.1` was allowed.
    /// That gives nothing away, since whoever chose the answer could have left out the others himself.
    ///
    /// # Errors
    /// [`PrivateAddress`].
    pub fn check_all(
        &self,
        addresses: impl IntoIterator<Item = SocketAddr>,
    ) -> Result<Vec<SocketAddr>, PrivateAddress> {
        let judged = addresses
            .into_iter()
            .map(|address| (address, self.judge(address)));
        let judged: Vec<_> = judged.collect();
        let any = |standing| judged.iter().any(|(_, other)| *other == standing);
        let inside = any(Standing::Allowed) && !any(Standing::Public);
        let mut good = Vec::with_capacity(judged.len());
        for (address, standing) in judged {
            match standing {
                Standing::Public | Standing::Allowed => good.push(address),
                Standing::Forbidden(Forbidden::NotPublic) if inside => {}
                Standing::Forbidden(why) => return Err(PrivateAddress { address, why }),
            }
        }
        Ok(good)
    }

    /// Whether to stay connected there from this address of ours. The system chooses the same address for both ends
    /// where they are on one machine: then a public address is our own, and what listens there may be meant for nobody
    /// outside.
    ///
    /// # Errors
    /// [`PrivateAddress`], unless the address was allowed.
    pub fn check_connected(&self, address: SocketAddr, from: IpAddr) -> Result<(), PrivateAddress> {
        let own = address.ip().to_canonical() == from.to_canonical();
        if own && self.judge(address) != Standing::Allowed {
            let why = Forbidden::Own;
            return Err(PrivateAddress { address, why });
        }
        Ok(())
    }

    fn judge(&self, address: SocketAddr) -> Standing {
        let (written, led) = (address.ip(), self.translated(address.ip()));
        let denied = |ip| self.denied.iter().any(|network| network.contains(ip));
        if denied(written) || denied(led) || ipv4_inside(written).is_some_and(|ip| denied(ip.into())) {
            return Standing::Forbidden(Forbidden::Denied);
        }
        let allowed = self.allowed.contains(&SocketAddr::new(led, address.port()))
            || self.allowed.contains(&address)
            || self.networks.iter().any(|network| network.contains(led));
        if allowed {
            Standing::Allowed
        } else if is_public(led) {
            Standing::Public
        } else {
            Standing::Forbidden(Forbidden::NotPublic)
        }
    }

    /// Where packets to it go.
    fn translated(&self, ip: IpAddr) -> IpAddr {
        let IpAddr::V6(v6) = ip.to_canonical() else {
            return ip.to_canonical();
        };
        let translator = self.translators.iter().find(|prefix| prefix.contains(ip));
        translator.map_or(ip, |prefix| translated_by(prefix.prefix, v6).into())
    }
}

fn canonical(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        IpAddr::V4(v4) => SocketAddr::new(v4.into(), address.port()),
        IpAddr::V6(_) => address,
    }
}

/// The lengths of a translator's prefix.
const NAT64_PREFIXES: [u8; 6] = [32, 40, 48, 56, 64, 96];

/// The IPv4 address that follows a prefix of this length, around the octet that is kept empty (RFC 6052 §2.2).
fn translated_by(prefix: u8, ip: Ipv6Addr) -> Ipv4Addr {
    let octets = ip.octets().into_iter().enumerate();
    let after = octets
        .skip(usize::from(prefix / 8))
        .filter(|(place, _)| *place != 8);
    Ipv4Addr::from(
        after
            .take(4)
            .fold(0, |number: u32, (_, octet)| number << 8 | u32::from(octet)),
    )
}

/// What is to be said of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Public,
    Allowed,
    Forbidden(Forbidden),
}

/// An address that is not to be connected to: one that is not on the public internet, mostly.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{address} {why}")]
#[non_exhaustive]
pub struct PrivateAddress {
    /// The address.
    pub address: SocketAddr,
    /// Why not.
    pub why: Forbidden,
}

/// The reason why an address is not to be connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Forbidden {
    /// It is not on the public internet, and nobody has allowed it.
    #[error("is not a public address")]
    NotPublic,
    /// [`AddressGuard::deny_network`] says so.
    #[error("is denied")]
    Denied,
    /// It is this machine's own.
    #[error("is an address of this machine")]
    Own,
}

/// A network that is no NAT64 prefix.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a NAT64 prefix is a network of IPv6 with 32, 40, 48, 56, 64 or 96 bits (RFC 6052 §2.2)")]
#[non_exhaustive]
pub struct InvalidNat64;
