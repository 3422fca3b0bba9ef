//! One spelling of each endpoint, so that two are compared.

use std::net::IpAddr;

use http::Uri;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};

use super::Endpoint;
use crate::address::ipv4_inside;

/// Whatever is not unreserved (RFC 3986 §2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The host and port, whatever the spelling: an address of IPv4 that is written as one of IPv6 is the same place.
pub(super) fn place(endpoint: &Endpoint) -> String {
    let (host, port) = (endpoint.host(), endpoint.port());
    let address = host.parse::<IpAddr>().ok();
    match address.and_then(ipv4_inside) {
        Some(address) => format!("{address}:{port}"),
        None => format!("{host}:{port}"),
    }
}

/// The path in one spelling (RFC 3986 §6.2.2): each octet encoded, if it is not unreserved, and no dot segments; nor
/// empty segments, which servers leave out, so that no slash is the last.
///
/// An octet that is encoded is never taken for a delimiter: `/a%2Fb` is not `/a/b`.
pub(super) fn path(uri: &Uri) -> String {
    let mut kept = Vec::new();
    for segment in uri.path().split('/').map(spelled) {
        match segment.as_str() {
            "" | "." => {}
            ".." => {
                kept.pop();
            }
            _ => kept.push(segment),
        }
    }
    format!("/{}", kept.join("/"))
}

/// Whether its dot segments lead to one path, with empty segments and without them: who leaves those out first reads `/a//../b` as
/// `/b`, and who does not (RFC 3986 §5.2.4), as `/a/b`.
pub(super) fn leads_to_one(uri: &Uri) -> bool {
    let mut above = Vec::new();
    for segment in uri.path().split('/').skip(1).map(spelled) {
        match segment.as_str() {
            "." => {}
            ".." if above.pop() == Some(Segment::Empty) => return false,
            ".." => {}
            "" => above.push(Segment::Empty),
            _ => above.push(Segment::Named),
        }
    }
    true
}

#[derive(PartialEq)]
enum Segment {
    Empty,
    Named,
}

/// The query in one spelling, as a form is written: nothing, where it is empty.
pub(super) fn query(uri: &Uri) -> String {
    let pieces = uri.query().unwrap_or_default().split('&');
    let pieces = pieces.filter(|piece| !piece.is_empty()).map(|piece| {
        let piece = piece.replace('+', "%20");
        let (name, value) = piece.split_once('=').unwrap_or((&piece, ""));
        format!("{}={}", spelled(name), spelled(value))
    });
    pieces.collect::<Vec<_>>().join("&")
}

fn spelled(text: &str) -> String {
    let octets: Vec<u8> = percent_decode_str(text).collect();
    percent_encode(&octets, RESERVED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(rest: &str) -> Endpoint {
        let tenant = crate::tenant::TenantId::parse("acme").expect("a tenant");
        Endpoint::parse(tenant, &format!("https://{rest}")).expect(rest)
    }

    #[test]
    fn one_path_has_one_spelling() {
        #[rustfmt::skip]
        let cases = [
            ("a.example", "/"),
            ("a.example/", "/"),
            ("a.example//", "/"),
            ("a.example/h/catch/1/abc", "/h/catch/1/abc"),
            ("a.example/h/catch/1/%61bc", "/h/catch/1/abc"),
            ("a.example/h/catch/./1/abc", "/h/catch/1/abc"),
            ("a.example/h/catch/2/../1/abc", "/h/catch/1/abc"),
            ("a.example/h/catch/2/%2e%2E/1/abc", "/h/catch/1/abc"),
            ("a.example/../../h/catch/1/abc", "/h/catch/1/abc"),
            ("a.example//h/catch//1/abc", "/h/catch/1/abc"),
            ("a.example/h/catch/1/abc/", "/h/catch/1/abc"),
            ("a.example/h/catch/1/abc/.", "/h/catch/1/abc"),
            ("a.example/h/catch/1/abc/x/..", "/h/catch/1/abc"),
            ("a.example/h/catch/1/abc?", "/h/catch/1/abc"),
            ("a.example/h/catch/1/ABC", "/h/catch/1/ABC"),
            ("a.example/%7Eme", "/~me"),
            ("a.example/a!b@c:d", "/a%21b%40c%3Ad"),
            ("a.example/a%21b%40c%3ad", "/a%21b%40c%3Ad"),
            ("a.example/a%2fb", "/a%2Fb"),
            ("a.example/a%252fb", "/a%252fb"),
            ("a.example/a%3Fb", "/a%3Fb"),
            ("a.example/...", "/..."),
            ("a.example/%c3%BC", "/%C3%BC"),
        ];
        for (url, expected) in cases {
            assert_eq!(path(endpoint(url).uri()), expected, "{url}");
        }
    }

    /// Two readers would not agree on where it leads.
    #[test]
    fn dot_segments_behind_empty_ones_lead_nowhere() {
        let led = |path: &str| leads_to_one(&format!("https://a.example{path}").parse().expect(path));
        for path in [
            "/",
            "//",
            "/a/../b",
            "//a/..//b",
            "/../b",
            "/a/./../b",
            "/a//b",
            "/a/.../b",
        ] {
            assert!(led(path), "{path}");
        }
        for path in [
            "/a//../b",
            "/a//%2e%2E/b",
            "/a//./../b",
            "/a//b/../..",
            "//..",
            "/a/%2e//..",
        ] {
            assert!(!led(path), "{path}");
        }
    }

    #[test]
    fn one_query_has_one_spelling() {
        #[rustfmt::skip]
        let cases = [
            ("a.example/", ""),
            ("a.example/?", ""),
            ("a.example/?&", ""),
            ("a.example/?a=1&b=2", "a=1&b=2"),
            ("a.example/?a=1&&b=2&", "a=1&b=2"),
            ("a.example/?%61=%31&b=2", "a=1&b=2"),
            ("a.example/?b=2&a=1", "b=2&a=1"),
            ("a.example/?a", "a="),
            ("a.example/?a=b=c", "a=b%3Dc"),
            ("a.example/?a=b%3dc", "a=b%3Dc"),
            ("a.example/?a=b%26c", "a=b%26c"),
            ("a.example/?a=b+c", "a=b%20c"),
            ("a.example/?a=b%20c", "a=b%20c"),
            ("a.example/?a=b%2Bc", "a=b%2Bc"),
            ("a.example/?u=https://b.example/?x", "u=https%3A%2F%2Fb.example%2F%3Fx"),
        ];
        for (url, expected) in cases {
            assert_eq!(query(endpoint(url).uri()), expected, "{url}");
        }
    }

    #[test]
    fn one_place_has_one_spelling() {
        for (url, expected) in [
            ("A.example", "a.example:443"),
            ("a.example:443/x", "a.example:443"),
            ("a.example:8443", "a.example:8443"),
            ("93.184.215.14", "93.184.215.14:443"),
            ("[::ffff:93.184.215.14]", "93.184.215.14:443"),
            ("[64:ff9b::5db8:d70e]", "93.184.215.14:443"),
            ("[2606:4700:0::1111]", "2606:4700::1111:443"),
        ] {
            assert_eq!(place(&endpoint(url)), expected, "{url}");
        }
    }
}
