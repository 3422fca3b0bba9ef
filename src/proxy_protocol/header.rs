use std::net::{IpAddr, SocketAddr};

use ppp::{v1, v2};

use super::{BINARY, InvalidHeader, TEXT};

/// The greatest length of a header of version 2, in bytes. The addresses take 52; the rest is for what is not read.
pub const MAX_LENGTH: usize = 4096;
/// How long one of version 1 may be: as long as the longest that the specification knows.
const MAX_TEXT: usize = 107;
/// The shortest of version 1: `PROXY UNKNOWN`, with its line break.
const MIN_TEXT: usize = 15;
/// What stands before the addresses in version 2: the length is at its end.
const FIXED: usize = 16;
/// Version 2, about the balancer's own connection: to see whether we are alive.
const LOCAL: u8 = 0x20;

/// The PROXY header at the beginning of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Header {
    /// The header is not whole: at least so many bytes more belong to it.
    Needs(usize),
    /// The connection comes from there. An IPv4 address in the form of IPv6 is what it stands for.
    From(SocketAddr),
    /// The connection comes from where it seems to: the balancer made it for itself (`LOCAL`), or does not know any better
    /// (`UNKNOWN`, `UNSPEC`).
    Own,
}

/// Reads the beginning of a load balancer's connection, as far as it was received.
///
/// Whoever receives no more bytes than [`Header::Needs`] says never reads past the header, into what is TLS's.
///
/// # Errors
/// [`InvalidHeader`], as soon as it is certain. Bytes behind the header are [`Malformed`](InvalidHeader::Malformed).
pub fn read(received: &[u8]) -> Result<Header, InvalidHeader> {
    if received.starts_with(TEXT) {
        text(received)
    } else if received.starts_with(BINARY) {
        binary(received)
    } else if TEXT.starts_with(received) || BINARY.starts_with(received) {
        Ok(Header::Needs(MIN_TEXT - received.len()))
    } else {
        Err(InvalidHeader::Missing)
    }
}

fn text(received: &[u8]) -> Result<Header, InvalidHeader> {
    let end = memchr::memchr2(b'\r', b'\n', received);
    let (whole, missing) = match end.and_then(|end| received.get(end..)) {
        None => (received.len(), 2),
        Some(b"\r") => (received.len(), 1),
        Some(b"\r\n") => (received.len(), 0),
        Some(_) => return Err(InvalidHeader::Malformed),
    };
    if whole + missing > MAX_TEXT {
        return Err(InvalidHeader::TooLong { limit: MAX_TEXT });
    }
    if missing > 0 {
        return Ok(Header::Needs(missing.max(MIN_TEXT.saturating_sub(whole))));
    }
    // `u16::from_str` takes a sign, and the parser leaves the ports to it.
    if received.contains(&b'+') {
        return Err(InvalidHeader::Malformed);
    }
    let header = v1::Header::try_from(received).map_err(|_| InvalidHeader::Malformed)?;
    Ok(match header.addresses {
        v1::Addresses::Unknown => Header::Own,
        v1::Addresses::Tcp4(addresses) => from(addresses.source_address, addresses.source_port),
        v1::Addresses::Tcp6(addresses) => from(addresses.source_address, addresses.source_port),
    })
}

fn binary(received: &[u8]) -> Result<Header, InvalidHeader> {
    let Some([.., version_and_command, _, high, low]) = received.first_chunk::<FIXED>() else {
        return Ok(Header::Needs(FIXED - received.len()));
    };
    let length = FIXED + usize::from(u16::from_be_bytes([*high, *low]));
    if length > MAX_LENGTH {
        return Err(InvalidHeader::TooLong { limit: MAX_LENGTH });
    }
    match length.checked_sub(received.len()) {
        None => return Err(InvalidHeader::Malformed),
        Some(0) => {}
        Some(missing) => return Ok(Header::Needs(missing)),
    }
    // Whatever follows is to be passed over then, the family included.
    if *version_and_command == LOCAL {
        return Ok(Header::Own);
    }
    let header = v2::Header::try_from(received).map_err(|_| InvalidHeader::Malformed)?;
    let source = match (header.protocol, &header.addresses) {
        (v2::Protocol::Unspecified, v2::Addresses::Unspecified) => return Ok(Header::Own),
        (v2::Protocol::Stream, v2::Addresses::IPv4(it)) => from(it.source_address, it.source_port),
        (v2::Protocol::Stream, v2::Addresses::IPv6(it)) => from(it.source_address, it.source_port),
        (v2::Protocol::Unspecified, _) | (_, v2::Addresses::Unspecified) => {
            return Err(InvalidHeader::Malformed);
        }
        (v2::Protocol::Datagram, _) | (_, v2::Addresses::Unix(_)) => return Err(InvalidHeader::Unsupported),
    };
    // A length that is wrong would take its bytes from TLS; fields that do not fill it exactly give it away.
    if header.tlvs().any(|field| field.is_err()) {
        return Err(InvalidHeader::Malformed);
    }
    Ok(source)
}

fn from(address: impl Into<IpAddr>, port: u16) -> Header {
    Header::From(SocketAddr::new(address.into().to_canonical(), port))
}
