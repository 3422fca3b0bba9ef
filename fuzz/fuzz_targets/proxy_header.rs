//! WHERE DOES IT COME FROM? The beginning of a load balancer's connection, received as it is asked for; and headers that are right until the input changes them, as another
//! reader has them.
#![no_main]

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use arbitrary::{Result, Unstructured};
use countersign::proxy_protocol::{Header, MAX_LENGTH, read};
use countersign_fuzz::{bounded, bytes};
use libfuzzer_sys::fuzz_target;

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

// Choices, and as it is.
fuzz_target!(|data: &[u8]| {
    received(data);
    // An input that ends early has chosen nothing more.
    let _ = written(&mut Unstructured::new(data));
});

fn received(data: &[u8]) {
    // All at once: must not panic.
    if let Ok(Header::From(source)) = bounded(data, || read(data)) {
        assert_eq!(Some(source), source_of(data), "{data:?}");
    }
    // Step by step: each step asks for something, and never for more than the longest header.
    let mut received = 0;
    while let Some(Ok(Header::Needs(missing))) = data.get(..received).map(read) {
        assert!(missing > 0 && received + missing <= MAX_LENGTH);
        received += missing;
    }
}

fn written(choices: &mut Unstructured<'_>) -> Result<()> {
    let (mut header, source) = match choices.arbitrary()? {
        true => text(choices)?,
        false => binary(choices)?,
    };
    assert_eq!(
        read(&header).ok(),
        Some(source.map_or(Header::Own, Header::From)),
        "{header:?}"
    );
    for end in 0..header.len() {
        assert!(
            matches!(read(&header[..end]), Ok(Header::Needs(_))),
            "{:?}",
            &header[..end]
        );
    }
    for _ in 0..choices.int_in_range(0..=3)? {
        let begin = choices.int_in_range(0..=header.len())?;
        let end = choices.int_in_range(begin..=header.len().min(begin + 8))?;
        header.splice(begin..end, bytes(choices, 8)?.iter().copied());
    }
    received(&header);
    Ok(())
}

/// Two addresses of one family, among them those of IPv4 in the form of IPv6.
fn addresses(choices: &mut Unstructured<'_>) -> Result<[SocketAddr; 2]> {
    let kind = choices.int_in_range(0..=2)?;
    let mut address = || {
        let ip: IpAddr = match kind {
            0 => choices.arbitrary::<[u8; 16]>()?.into(),
            1 => choices.arbitrary::<[u8; 4]>()?.into(),
            _ => Ipv4Addr::from(choices.arbitrary::<[u8; 4]>()?)
                .to_ipv6_mapped()
                .into(),
        };
        Ok(SocketAddr::new(ip, choices.arbitrary()?))
    };
    Ok([address()?, address()?])
}

/// Version 1, and where it says that the connection comes from.
fn text(choices: &mut Unstructured<'_>) -> Result<(Vec<u8>, Option<SocketAddr>)> {
    if choices.ratio(1, 8)? {
        return Ok((b"PROXY UNKNOWN\r\n".to_vec(), None));
    }
    let [from, to] = addresses(choices)?;
    let family = if from.is_ipv4() { "TCP4" } else { "TCP6" };
    let line = format!(
        "PROXY {family} {} {} {} {}\r\n",
        from.ip(),
        to.ip(),
        from.port(),
        to.port()
    );
    Ok((line.into_bytes(), Some(canonical(from))))
}

/// Version 2, with fields behind its addresses.
fn binary(choices: &mut Unstructured<'_>) -> Result<(Vec<u8>, Option<SocketAddr>)> {
    let mut rest = Vec::new();
    let (command, family, source) = match choices.int_in_range(0..=7)? {
        0 => (0x20, 0x00, None),
        1 => (0x21, 0x00, None),
        _ => {
            let [from, to] = addresses(choices)?;
            for address in [from, to] {
                match address.ip() {
                    IpAddr::V4(ip) => rest.extend(ip.octets()),
                    IpAddr::V6(ip) => rest.extend(ip.octets()),
                }
            }
            rest.extend([from.port().to_be_bytes(), to.port().to_be_bytes()].concat());
            let family = if from.is_ipv4() { 0x11 } else { 0x21 };
            (0x21, family, Some(canonical(from)))
        }
    };
    for _ in 0..choices.int_in_range(0..=4)? {
        let (kind, value) = (choices.arbitrary::<u8>()?, bytes(choices, 32)?);
        rest.extend([&[kind, 0, value.len() as u8], value].concat());
    }
    let length = (rest.len() as u16).to_be_bytes();
    let header = [SIGNATURE, &[command, family], &length, &rest].concat();
    Ok((header, source))
}

fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// Another reader, which takes all for right that is not about the source.
fn source_of(header: &[u8]) -> Option<SocketAddr> {
    if let Some(rest) = header.strip_prefix(SIGNATURE) {
        let (ip, port): (IpAddr, usize) = match rest.get(1)? {
            0x11 => (<[u8; 4]>::try_from(rest.get(4..8)?).ok()?.into(), 12),
            0x21 => (<[u8; 16]>::try_from(rest.get(4..20)?).ok()?.into(), 36),
            _ => return None,
        };
        let port = u16::from_be_bytes(rest.get(port..port + 2)?.try_into().ok()?);
        return Some(canonical(SocketAddr::new(ip, port)));
    }
    let line = std::str::from_utf8(header).ok()?.strip_suffix("\r\n")?;
    let words: Vec<_> = line.split(' ').collect();
    let ["PROXY", family @ ("TCP4" | "TCP6"), from, _, port, _] = words[..] else {
        return None;
    };
    let ip: IpAddr = from.parse().ok()?;
    let port = port.parse().ok()?;
    (ip.is_ipv4() == (family == "TCP4")).then_some(canonical(SocketAddr::new(ip, port)))
}
