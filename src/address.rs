//! Which addresses we let ourselves be sent to. Pure: it looks at numbers, and knows no name.
//!
//! Whoever fetches from, or delivers to, a place that others name asks an [`AddressGuard`] about *the very address that
//! is connected to*, after the name was resolved: a name may resolve to something else the next time.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// Lets through what is on the public internet, and what was allowed by name.
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
        self.allowed.push(address);
        self
    }

    /// Lets every address of this network through, too, on any port. For a network of one's own; name the smallest
    /// that will do, since the metadata service of a cloud is inside many a larger one.
    #[must_use]
    pub fn allow_network(mut self, network: Network) -> Self {
        self.networks.push(network);
        self
    }

    /// Whether to connect there.
    ///
    /// # Errors
    /// [`PrivateAddress`].
    pub fn check(&self, address: SocketAddr) -> Result<(), PrivateAddress> {
        let ip = address.ip();
        let allowed = self.allowed.contains(&address)
            || self.networks.iter().any(|network| network.contains(ip))
            || is_public(ip);
        if allowed {
            Ok(())
        } else {
            Err(PrivateAddress { address })
        }
    }
}

/// An address that is not on the public internet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{address} is not a public address")]
#[non_exhaustive]
pub struct PrivateAddress {
    /// The address.
    pub address: SocketAddr,
}

/// All addresses that begin with the same bits: `10.7.0.0/16`, `fd00:7::/32`, or one by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// Whether this address is in it. An IPv4 address in the form of IPv6 (`::ffff:10.7.0.1`) is what it stands for.
    pub fn contains(&self, ip: IpAddr) -> bool {
        match (self.address, ip.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => self.agree(u32::from(own) ^ u32::from(other), 32),
            (IpAddr::V6(own), IpAddr::V6(other)) => self.agree(u128::from(own) ^ u128::from(other), 128),
            _ => false,
        }
    }

    /// No bit of the prefix differs.
    fn agree(&self, differing: impl Into<u128>, bits: u32) -> bool {
        let rest = bits.saturating_sub(u32::from(self.prefix));
        differing.into().checked_shr(rest).unwrap_or(0) == 0
    }
}

impl FromStr for Network {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Self, InvalidNetwork> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| InvalidNetwork)?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            Some(prefix) => prefix.parse().map_err(|_| InvalidNetwork)?,
            None => bits,
        };
        let network = Self { address, prefix };
        // `10.7.1.2/16` says two things, and nobody knows which of them was meant.
        let host_bits = match address {
            IpAddr::V4(address) => u128::from(u32::from(address)),
            IpAddr::V6(address) => u128::from(address),
        };
        let beyond = host_bits
            .checked_shl(128 - u32::from(bits - prefix.min(bits)))
            .unwrap_or(0);
        if prefix > bits || beyond != 0 {
            Err(InvalidNetwork)
        } else {
            Ok(network)
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

/// Text that names no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a network; write it as 10.7.0.0/16 or fd00:7::/32, with no bit set beyond the prefix")]
#[non_exhaustive]
pub struct InvalidNetwork;

fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

/// Not in the registry of special-purpose addresses (RFC 6890), nor multicast, nor a cloud's own.
fn is_public_v4(ip: Ipv4Addr) -> bool {
    !matches!(
        ip.octets(),
        [0 | 10 | 127 | 224..=255, ..]
            | [100, 64..=127, ..]
            // Azure's host, seen from inside: metadata among them.
            | [168, 63, 129, 16]
            | [169, 254, ..]
            | [172, 16..=31, ..]
            | [192, 168, ..]
            | [192, 0, 0 | 2, _]
            | [192, 31, 196, _]
            | [192, 52, 193, _]
            | [192, 88, 99, _]
            | [192, 175, 48, _]
            | [198, 18..=19, ..]
            | [198, 51, 100, _]
            | [203, 0, 113, _]
    )
}

/// Global unicast (2000::/3), without what is special in it, and without what hides an IPv4 address.
fn is_public_v6(ip: Ipv6Addr) -> bool {
    if let Some(v4) = ip.to_ipv4_mapped() {
        return is_public_v4(v4);
    }
    match ip.segments() {
        // NAT64 (RFC 6052): the IPv4 address is at the end. Its local-use prefix (RFC 8215) is nobody's business.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => is_public_v4(embedded(high, low)),
        // 6to4 (RFC 3056): it is at the beginning.
        [0x2002, high, low, ..] => is_public_v4(embedded(high, low)),
        // Protocol assignments, among them Teredo, ORCHID and benchmarking; documentation (RFC 3849, RFC 9637); AS112.
        [0x2001, 0..=0x1ff, ..]
        | [0x2001, 0xdb8, ..]
        | [0x3fff, 0..=0xfff, ..]
        | [0x2620, 0x4f, 0x8000, ..] => false,
        // ISATAP (RFC 5214): an interface inside somebody's IPv4 network.
        [_, _, _, _, 0 | 0x200, 0x5efe, ..] => false,
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

fn embedded(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(high) << 16 | u32::from(low))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_public() {
        let public = [
            "93.184.215.14",
            "8.8.8.8",
            "100.128.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "198.20.0.1",
            "2606:4700::1111",
            "2001:200::1",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
            "2002:808:808::1",
        ];
        let private = [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.168.0.1",
            "192.88.99.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "2002:a00:1::",
            "3fff::1",
            "fc00::1",
            "fd00::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "5f00::1",
            // Metadata services.
            "168.63.129.16",
            "100.100.100.200",
            "192.0.0.192",
            "fd00:ec2::254",
            "fd20:ce::254",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "2002:a9fe:a9fe::1",
            // The edges of each block.
            "0.255.255.255",
            "10.255.255.255",
            "100.127.255.255",
            "169.254.0.0",
            "192.0.0.255",
            "192.168.255.255",
            "198.19.255.255",
            "198.51.100.255",
            "203.0.113.255",
            "239.255.255.255",
            // IPv4 in IPv6, in all its forms: compatible, translated, local NAT64, Teredo, ISATAP.
            "::127.0.0.1",
            "::ffff:0:127.0.0.1",
            "64:ff9b:1:ffff:ffff:ffff:7f00:1",
            "2001:0:4136:e378:8000:63bf:80ff:fffe",
            "2001:470:1::200:5efe:10.0.0.1",
            "2001:470:1::5efe:10.0.0.1",
            // ORCHID, ORCHIDv2, benchmarking, AS112, discard, unique and site local.
            "2001:10::1",
            "2001:20::1",
            "2001:2::1",
            // The last of the protocol assignments (2001::/23).
            "2001:1ff::1",
            "2001:1ff:ffff::1",
            "2620:4f:8000::1",
            "100::ffff",
            "fdff:ffff::1",
            "febf::1",
            "feff::1",
            "3fff:fff:ffff::1",
            "4000::1",
            "ff05::2",
        ];
        let guard = AddressGuard::new();
        for (list, expected) in [(&public[..], true), (&private, false)] {
            for ip in list {
                let address = SocketAddr::new(ip.parse().unwrap(), 443);
                assert_eq!(guard.check(address).is_ok(), expected, "{ip}");
            }
        }
        assert!(public.len() + private.len() >= 80);
        let local: SocketAddr = "127.0.0.1:8443".parse().unwrap();
        let guard = guard.allow(local);
        assert_eq!(guard.check(local), Ok(()));
        let other: SocketAddr = "127.0.0.1:8444".parse().unwrap();
        assert_eq!(guard.check(other), Err(PrivateAddress { address: other }));
    }

    #[test]
    fn a_network_is_its_prefix() {
        let inside = |network: &str, ip: &str| {
            let network: Network = network.parse().unwrap();
            network.contains(ip.parse().unwrap())
        };
        for (network, ip, expected) in [
            ("10.7.0.0/16", "10.7.255.255", true),
            ("10.7.0.0/16", "10.8.0.0", false),
            ("10.7.0.0/16", "::ffff:10.7.0.1", true),
            ("10.7.0.0/16", "fd00::1", false),
            ("10.7.0.1", "10.7.0.1", true),
            ("10.7.0.1", "10.7.0.0", false),
            ("0.0.0.0/0", "255.255.255.255", true),
            ("0.0.0.0/0", "::1", false),
            ("fd00:7::/32", "fd00:7:ffff::1", true),
            ("fd00:7::/32", "fd00:8::1", false),
            ("::/0", "ffff::", true),
            ("::1", "::1", true),
            ("::1", "::2", false),
        ] {
            assert_eq!(inside(network, ip), expected, "{ip} in {network}");
        }
        for text in [
            "",
            "10.7.0.0/",
            "10.7.0.0/33",
            "10.7.0.1/16",
            "10.7/16",
            "::/129",
            "::1/64",
            "10.7.0.0/-1",
            "10.7.0.0/16/8",
        ] {
            assert_eq!(text.parse::<Network>(), Err(InvalidNetwork), "{text}");
        }
    }
}
