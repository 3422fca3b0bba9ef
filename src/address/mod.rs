//! IP addresses that may be connected to: protection against SSRF. Pure: it looks at numbers, and knows no name.
//!
//! Whoever fetches from, or delivers to, a place that others name asks an [`AddressGuard`] about *the very address that
//! is connected to*, after the name was resolved: a name may resolve to something else the next time.

mod network;
mod rules;
mod special;

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
/// assert!(matches!(guard.check(metadata), Err(PrivateAddress { address, .. }) if address == metadata));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_allowed_is_one_address_and_port() {
        let local: SocketAddr = "127.0.0.1:8443".parse().unwrap();
        let guard = AddressGuard::new().allow(local);
        assert_eq!(guard.check(local), Ok(()));
        let other: SocketAddr = "127.0.0.1:8444".parse().unwrap();
        let why = Forbidden::NotPublic;
        assert_eq!(guard.check(other), Err(PrivateAddress { address: other, why }));
    }

    fn network(text: &str) -> Network {
        text.parse().unwrap()
    }

    fn at(address: &str) -> SocketAddr {
        address.parse().unwrap()
    }

    /// One's own ranges, in whatever form an address has, and whatever allows it.
    #[test]
    fn what_is_denied_is_denied_in_every_form() {
        let guard = AddressGuard::new()
            .deny_network(network("93.184.215.0/24"))
            .deny_network(network("2606:4700::/32"))
            .deny_network(network("10.7.9.0/24"))
            .allow_network(network("10.7.0.0/16"))
            .allow(at("10.7.9.1:443"))
            .with_nat64(network("2a00:64::/96"))
            .unwrap();
        let denied = Some(Forbidden::Denied);
        for (address, expected) in [
            ("93.184.215.14:443", denied),
            ("93.184.216.14:443", None),
            ("[::ffff:93.184.215.14]:443", denied),
            ("[64:ff9b::5db8:d70e]:443", denied),
            ("[2002:5db8:d70e::1]:443", denied),
            ("[2a00:64::5db8:d70e]:443", denied),
            ("[2a00:64::5db8:d80e]:443", None),
            ("[2606:4700::1111]:443", denied),
            ("[2606:4701::1111]:443", None),
            ("10.7.9.1:443", denied),
            ("10.7.8.1:443", None),
            ("10.8.0.1:443", Some(Forbidden::NotPublic)),
        ] {
            let why = guard.check(at(address)).err().map(|refused| refused.why);
            assert_eq!(why, expected, "{address}");
        }
    }

    /// RFC 6052 §2.4 has 192.0.2.33 in each; here it is 10.0.2.33, and 8.8.4.4.
    #[test]
    fn behind_a_translator_the_ipv4_address_is_judged() {
        for (prefix, private, public) in [
            ("2a00:db8::/32", "2a00:db8:a00:221::", "2a00:db8:808:404::"),
            ("2a00:db8:100::/40", "2a00:db8:10a:2:21::", "2a00:db8:108:804:4::"),
            (
                "2a00:db8:122::/48",
                "2a00:db8:122:a00:2:2100::",
                "2a00:db8:122:808:4:400::",
            ),
            (
                "2a00:db8:122:300::/56",
                "2a00:db8:122:30a:0:221::",
                "2a00:db8:122:308:8:404::",
            ),
            (
                "2a00:db8:122:344::/64",
                "2a00:db8:122:344:a:2:2100::",
                "2a00:db8:122:344:8:804:400::",
            ),
            (
                "2a00:db8:122:344::/96",
                "2a00:db8:122:344::a00:221",
                "2a00:db8:122:344::808:404",
            ),
            // The local-use prefix is nobody's, unless it is ours.
            (
                "64:ff9b:1::/48",
                "64:ff9b:1:a00:2:2100::",
                "64:ff9b:1:808:4:400::",
            ),
        ] {
            let guard = AddressGuard::new().with_nat64(network(prefix)).unwrap();
            let (private, public) = (at(&format!("[{private}]:443")), at(&format!("[{public}]:443")));
            let why = Forbidden::NotPublic;
            assert_eq!(
                guard.check(private),
                Err(PrivateAddress {
                    address: private,
                    why
                }),
                "{prefix}"
            );
            assert_eq!(guard.check(public), Ok(()), "{prefix}");
            // What leads to an address that was allowed is allowed, and the translator's own network is no way around.
            let guard = guard.allow_network(network("2a00::/16"));
            assert_eq!(
                guard.check(private),
                Err(PrivateAddress {
                    address: private,
                    why
                }),
                "{prefix}"
            );
            let guard = guard.allow_network(network("10.0.2.33"));
            assert_eq!(guard.check(private), Ok(()), "{prefix}");
        }
        for prefix in ["10.0.0.0/32", "2a00::/33", "2a00::/128", "::/0", "2a00:db8::/72"] {
            let refused = AddressGuard::new().with_nat64(network(prefix)).err();
            assert_eq!(refused, Some(InvalidNat64), "{prefix}");
        }
    }

    #[test]
    fn a_public_address_of_this_machine_is_not_connected_to() {
        let guard = AddressGuard::new().allow_network(network("127.0.0.0/8"));
        let own = Some(Forbidden::Own);
        for (address, from, expected) in [
            ("8.8.4.4:443", "8.8.4.4", own),
            ("[::ffff:8.8.4.4]:443", "8.8.4.4", own),
            ("8.8.4.4:443", "::ffff:8.8.4.4", own),
            ("[2606:4700::1111]:443", "2606:4700::1111", own),
            ("8.8.4.4:443", "8.8.8.8", None),
            ("127.0.0.1:443", "127.0.0.1", None),
        ] {
            let checked = guard.check_connected(at(address), from.parse().unwrap());
            assert_eq!(
                checked.err().map(|refused| refused.why),
                expected,
                "{address} from {from}"
            );
        }
    }

    /// A forbidden address refuses its name, unless all is inside and some of it was allowed.
    #[test]
    fn of_the_addresses_of_a_name_all_are_good_or_all_are_inside() {
        let guard = AddressGuard::new()
            .allow(at("127.0.0.1:443"))
            .allow_network(network("10.7.0.0/16"))
            .deny_network(network("10.7.9.0/24"));
        let refused = |address, why| Err((address, why));
        let (not_public, denied) = (Forbidden::NotPublic, Forbidden::Denied);
        for (name, addresses, expected) in [
            ("none", &[][..], Ok(&[][..])),
            (
                "public",
                &["8.8.8.8:443", "[2606:4700::1111]:443"],
                Ok(&["8.8.8.8:443", "[2606:4700::1111]:443"][..]),
            ),
            (
                "localhost, IPv6 first",
                &["[::1]:443", "127.0.0.1:443"],
                Ok(&["127.0.0.1:443"]),
            ),
            (
                "localhost, IPv4 first",
                &["127.0.0.1:443", "[::1]:443"],
                Ok(&["127.0.0.1:443"]),
            ),
            (
                "another port",
                &["127.0.0.1:444", "[::1]:444"],
                refused("127.0.0.1:444", not_public),
            ),
            (
                "a network, and beside it",
                &["10.8.0.1:443", "10.7.0.1:443"],
                Ok(&["10.7.0.1:443"]),
            ),
            (
                "allowed and public",
                &["10.7.0.1:443", "8.8.8.8:443"],
                Ok(&["10.7.0.1:443", "8.8.8.8:443"]),
            ),
            (
                "public and private",
                &["8.8.8.8:443", "10.8.0.1:443"],
                refused("10.8.0.1:443", not_public),
            ),
            (
                "private and public",
                &["10.8.0.1:443", "8.8.8.8:443"],
                refused("10.8.0.1:443", not_public),
            ),
            (
                "allowed, private, public",
                &["10.7.0.1:443", "[::1]:443", "8.8.8.8:443"],
                refused("[::1]:443", not_public),
            ),
            (
                "allowed and denied",
                &["10.7.0.1:443", "10.7.9.1:443"],
                refused("10.7.9.1:443", denied),
            ),
            (
                "only private",
                &["[::1]:443", "10.8.0.1:443"],
                refused("[::1]:443", not_public),
            ),
        ] {
            let checked = guard.check_all(addresses.iter().map(|address| at(address)));
            let checked = checked.map_err(|refused| (refused.address, refused.why));
            let expected = expected.map(|good: &[&str]| good.iter().map(|address| at(address)).collect());
            let expected = expected.map_err(|(address, why)| (at(address), why));
            assert_eq!(checked, expected, "{name}");
        }
    }
}
