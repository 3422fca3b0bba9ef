use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// All addresses that begin with the same bits: `10.7.0.0/16`, `fd00:7::/32`, or one by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    pub(super) address: IpAddr,
    pub(super) prefix: u8,
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
        // An address in this form is what it stands for, so no address is ever in such a network.
        if matches!(address, IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some()) {
            return Err(InvalidNetwork);
        }
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
#[error(
    "not a network; write it as 10.7.0.0/16 or fd00:7::/32, with no bit set beyond the prefix, and IPv4 never as \
     ::ffff:10.7.0.0/112"
)]
#[non_exhaustive]
pub struct InvalidNetwork;

#[cfg(test)]
mod tests {
    use super::*;

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
            // Of IPv4, written as of IPv6: no address would ever be in it.
            "::ffff:127.0.0.0/104",
            "::ffff:0:0/96",
            "::ffff:127.0.0.1",
        ] {
            assert_eq!(text.parse::<Network>(), Err(InvalidNetwork), "{text}");
        }
    }
}
