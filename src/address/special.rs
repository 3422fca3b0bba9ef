//! The registries of special-purpose addresses (RFC 6890), and what hides one address in another.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub(super) fn is_public(ip: IpAddr) -> bool {
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
    if let Some(v4) = ipv4_inside(ip.into()) {
        return is_public_v4(v4);
    }
    match ip.segments() {
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

/// The IPv4 address that this one of IPv6 leads to, wherever it is used.
pub(crate) fn ipv4_inside(ip: IpAddr) -> Option<Ipv4Addr> {
    let IpAddr::V6(v6) = ip else { return None };
    match v6.segments() {
        [0, 0, 0, 0, 0, 0xffff, ..] => v6.to_ipv4_mapped(),
        // NAT64 (RFC 6052): it is at the end. Its local-use prefix (RFC 8215) is nobody's business.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some(embedded(high, low)),
        // 6to4 (RFC 3056): it is at the beginning.
        [0x2002, high, low, ..] => Some(embedded(high, low)),
        _ => None,
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
            "2001:200::1",
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
            "2001:1ff::1",
            "2001:1ff:ffff:ffff::1",
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
            "2620:4f:8000::1",
            "100::ffff",
            "fdff:ffff::1",
            "febf::1",
            "feff::1",
            "3fff:fff:ffff::1",
            "4000::1",
            "ff05::2",
        ];
        for (list, expected) in [(&public[..], true), (&private, false)] {
            for ip in list {
                assert_eq!(is_public(ip.parse().unwrap()), expected, "{ip}");
            }
        }
        assert!(public.len() + private.len() >= 80);
    }
}
