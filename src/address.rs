//! Which addresses we let ourselves be sent to. Pure: it looks at numbers, and knows no name.
//!
//! Whoever fetches from, or delivers to, a place that others name asks an [`AddressGuard`] about *the very address that
//! is connected to*, after the name was resolved: a name may resolve to something else the next time.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Lets through what is on the public internet, and what was allowed by name.
///
/// ```
/// use countersign::address::{AddressGuard, PrivateAddress};
///
/// let guard = AddressGuard::new();
/// assert_eq!(guard.check("93.184.215.14:443".parse()?), Ok(()));
/// let metadata = "169.254.169.254:80".parse()?;
/// assert!(matches!(guard.check(metadata), Err(PrivateAddress { address, .. }) if address == metadata));
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct AddressGuard {
    allowed: Vec<SocketAddr>,
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

    /// Whether to connect there.
    ///
    /// # Errors
    /// [`PrivateAddress`].
    pub fn check(&self, address: SocketAddr) -> Result<(), PrivateAddress> {
        if self.allowed.contains(&address) || is_public(address.ip()) {
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

fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

/// Not in the registry of special-purpose addresses (RFC 6890), nor multicast.
fn is_public_v4(ip: Ipv4Addr) -> bool {
    !matches!(
        ip.octets(),
        [0 | 10 | 127 | 224..=255, ..]
            | [100, 64..=127, ..]
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
        // NAT64 (RFC 6052): the IPv4 address is at the end.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => is_public_v4(embedded(high, low)),
        // 6to4 (RFC 3056): it is at the beginning.
        [0x2002, high, low, ..] => is_public_v4(embedded(high, low)),
        // Protocol assignments, among them Teredo; documentation (RFC 3849, RFC 9637).
        [0x2001, 0..=0x1ff, ..] | [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => false,
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
        ];
        let guard = AddressGuard::new();
        for (list, expected) in [(&public[..], true), (&private, false)] {
            for ip in list {
                let address = SocketAddr::new(ip.parse().unwrap(), 443);
                assert_eq!(guard.check(address).is_ok(), expected, "{ip}");
            }
        }
        let local: SocketAddr = "127.0.0.1:8443".parse().unwrap();
        let guard = guard.allow(local);
        assert_eq!(guard.check(local), Ok(()));
        let other: SocketAddr = "127.0.0.1:8444".parse().unwrap();
        assert_eq!(guard.check(other), Err(PrivateAddress { address: other }));
    }
}
