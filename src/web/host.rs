//! The host that a request means, and the one it is of a list: one reading for `CertificateDemand`, `Sites` and
//! `CallerLayer::by_host`.

use std::borrow::Cow;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use rustls_pki_types::DnsName;

#[cfg(feature = "tower")]
use http::{HeaderMap, Uri, header::HOST};

#[cfg(feature = "tower")]
use crate::refusal::Misdirected;

/// A host in its one form, read once and never again: what was normalised twice would be somebody else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Host<'h> {
    /// A DNS name in lower case, without the dot of the root.
    Name(Cow<'h, str>),
    /// An address; one of IPv4 in the form of IPv6 is the one it stands for.
    Address(IpAddr),
}

impl<'h> Host<'h> {
    /// `uri-host [ ":" port ]` (RFC 9110 §7.2), of which names are those that DNS can have. A user, a list, a percent
    /// sign or a second dot at the end is read as one host here and as another elsewhere, so it is read as none.
    #[cfg(feature = "tower")]
    pub(super) fn read(text: &'h str) -> Option<Self> {
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (address, port) = rest.split_once(']')?;
                (Self::address(address.parse::<Ipv6Addr>().ok()?), port)
            }
            None => {
                let (host, port) = text.split_at(text.find(':').unwrap_or(text.len()));
                (Self::plain(host)?, port)
            }
        };
        is_port(port).then_some(host)
    }

    /// A host by itself, as handshakes and configurations have it: an address of IPv6 in brackets or without.
    pub(super) fn alone(text: &'h str) -> Option<Self> {
        let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
        match bare.unwrap_or(text).parse::<Ipv6Addr>() {
            Ok(address) => Some(Self::address(address)),
            Err(_) => Self::plain(text),
        }
    }

    /// An address of IPv4, or a name. No name ends in a number: whoever reads `127.1` at all takes it for an address.
    fn plain(text: &'h str) -> Option<Self> {
        if let Ok(address) = text.parse::<Ipv4Addr>() {
            return Some(Self::address(address));
        }
        DnsName::try_from(text).ok()?;
        let name = text.strip_suffix('.').unwrap_or(text);
        Some(Self::Name(
            if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
                name.to_ascii_lowercase().into()
            } else {
                name.into()
            },
        ))
    }

    fn address(address: impl Into<IpAddr>) -> Self {
        Self::Address(address.into().to_canonical())
    }

    /// As a URL has it, without a port.
    pub(super) fn into_text(self) -> Cow<'h, str> {
        match self {
            Self::Name(name) => name,
            Self::Address(IpAddr::V4(address)) => address.to_string().into(),
            Self::Address(IpAddr::V6(address)) => format!("[{address}]").into(),
        }
    }
}

/// A number that a port can have, or nothing (RFC 3986 §3.2.3).
#[cfg(feature = "tower")]
fn is_port(text: &str) -> bool {
    let Some(digits) = text.strip_prefix(':') else {
        return text.is_empty();
    };
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    plain && (digits.is_empty() || digits.parse::<u16>().is_ok())
}

/// The one host that the request is for.
///
/// It is named by the target (`:authority` under HTTP/2, an absolute target under HTTP/1.1), by the Host field, or by
/// both. RFC 9112 §3.2 and RFC 9113 §8.3.1 let a server refuse where they differ, and nothing else is safe: one reader
/// behind us may go by the one, the next by the other.
#[cfg(feature = "tower")]
pub(super) fn host_of<'r>(uri: &'r Uri, headers: &'r HeaderMap) -> Result<Host<'r>, Misdirected> {
    let read = |text| Host::read(text).ok_or(Misdirected::Unreadable);
    // Not `Uri::host`, which leaves out a user before it.
    let target = uri.authority().map(|authority| read(authority.as_str()));
    let mut fields = headers.get_all(HOST).iter();
    let field = fields.next().map(|field| match field.to_str() {
        Ok(text) => read(text),
        Err(_) => Err(Misdirected::Unreadable),
    });
    // Also where both are the same: who is behind us may take either, or join them.
    if fields.next().is_some() {
        return Err(Misdirected::TwoHosts);
    }
    match (target.transpose()?, field.transpose()?) {
        (Some(target), Some(field)) if target != field => Err(Misdirected::TwoHosts),
        (Some(host), _) | (None, Some(host)) => Ok(host),
        (None, None) => Err(Misdirected::NoHost),
    }
}

/// Hosts, and what stands under each. `*.` before a name stands for exactly one label, where no other name fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table<T>(HashMap<String, T>);

impl<T> Table<T> {
    /// Puts it under a host that [`pattern`] has read, in the place of what stood there.
    pub(super) fn insert(&mut self, pattern: Host<'static>, value: T) -> Option<T> {
        self.0.insert(pattern.into_text().into_owned(), value)
    }

    pub(super) fn find(&self, host: &Host<'_>) -> Option<&T> {
        let Host::Name(name) = host else {
            return self.0.get(&*host.clone().into_text());
        };
        self.0.get(&**name).or_else(|| {
            let (_, parent) = name.split_once('.')?;
            self.0.get(&format!("*.{parent}"))
        })
    }

    #[cfg(feature = "tower")]
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

/// A host as a configuration has it: with `*.` before it, any name of one label more. `None`, where no request can be
/// for it.
pub(super) fn pattern(written: &str) -> Option<Host<'static>> {
    let (prefix, host) = match written.strip_prefix("*.") {
        Some(parent) => ("*.", parent),
        None => ("", written),
    };
    match Host::alone(host)? {
        Host::Name(name) => Some(Host::Name(format!("{prefix}{name}").into())),
        Host::Address(address) => prefix.is_empty().then_some(Host::Address(address)),
    }
}

#[cfg(test)]
#[cfg(feature = "tower")]
pub(super) mod tests {
    use http::request::Parts;

    use super::*;

    pub(in crate::web) fn request(uri: &str, hosts: &[&str]) -> Parts {
        let mut request = http::Request::builder().uri(uri);
        for host in hosts {
            request = request.header(HOST, *host);
        }
        request.body(()).expect("a request").into_parts().0
    }

    #[test]
    fn a_host_and_a_port_and_nothing_else() {
        let long = format!("{}.example", ["a".repeat(63).as_str(); 4].join("."));
        #[rustfmt::skip]
        let cases = [
            ("a name", "a.example", Some("a.example")),
            ("one label", "localhost:8080", Some("localhost")),
            ("an underscore, as containers have", "my_service:8080", Some("my_service")),
            ("case, dot, port", "A.Example.:8443", Some("a.example")),
            ("an empty port (RFC 3986 §3.2.3)", "a.example:", Some("a.example")),
            ("zeros before a port", "a.example:0443", Some("a.example")),
            ("an international name", "xn--bcher-kva.example", Some("xn--bcher-kva.example")),
            ("an address", "127.0.0.1:8443", Some("127.0.0.1")),
            ("an address of IPv6", "[::1]:8443", Some("[::1]")),
            ("without a port", "[::1]", Some("[::1]")),
            ("written at length", "[0:0::0:1]", Some("[::1]")),
            ("IPv4 in the form of IPv6", "[::ffff:127.0.0.1]", Some("127.0.0.1")),
            ("nothing", "", None),
            ("only a port", ":443", None),
            ("only a dot", ".", None),
            ("two dots", "a.example..", None),
            ("an empty label", "a..example", None),
            ("a dot before", ".a.example", None),
            ("a user", "a@a.example", None),
            ("a user and a password", "a:b@a.example", None),
            ("an empty user", "@a.example", None),
            ("two hosts", "a.example,b.example", None),
            ("two hosts and a space", "a.example, b.example", None),
            ("a space", "a.example ", None),
            ("a tab", "a.example\t", None),
            ("a port in hexadecimal", "a.example:0x1", None),
            ("a signed port", "a.example:+443", None),
            ("no such port", "a.example:65536", None),
            ("two ports", "a.example:443:443", None),
            ("a path", "a.example/", None),
            ("a path after the port", "a.example:443/", None),
            ("a query", "a.example?", None),
            ("a fragment", "a.example#", None),
            ("a backslash", "a.example\\", None),
            ("percent", "a%2eexample", None),
            ("a pattern", "*.example", None),
            ("a hyphen at the end", "a-.example", None),
            ("not ASCII", "b\u{fc}cher.example", None),
            ("an ideographic full stop", "a\u{3002}example", None),
            ("too long", &long, None),
            ("a short address", "127.1", None),
            ("a hexadecimal address", "0x7f.0.0.1", None),
            ("a hexadecimal end", "a.0x7f", None),
            ("an octal address", "0177.0.0.1", None),
            ("one number", "2130706433", None),
            ("an address with a dot", "127.0.0.1.", None),
            ("IPv6 without brackets", "::1", None),
            ("IPv4 in brackets", "[127.0.0.1]", None),
            ("a zone", "[fe80::1%25eth0]", None),
            ("a version to come", "[v1.x]", None),
            ("a bracket too few", "[::1", None),
            ("something behind the bracket", "[::1]a", None),
            ("a dot behind the bracket", "[::1].", None),
        ];
        for (name, text, expected) in cases {
            let read = Host::read(text).map(Host::into_text);
            assert_eq!(read, expected.map(Cow::from), "{name}: {text:?}");
        }
    }

    #[test]
    fn one_host_in_its_normal_form() {
        let (twice, unreadable) = (|| Err(Misdirected::TwoHosts), || Err(Misdirected::Unreadable));
        #[rustfmt::skip]
        let cases = [
            ("the field", request("/", &["a.example"]), Ok("a.example")),
            ("its case, port and dot", request("/", &["A.Example.:8443"]), Ok("a.example")),
            ("the target", request("https://a.example/", &[]), Ok("a.example")),
            ("both", request("https://a.example/", &["a.example"]), Ok("a.example")),
            ("both, written differently", request("https://A.example:443/", &["a.example."]), Ok("a.example")),
            ("both, one address", request("https://127.0.0.1/", &["[::ffff:127.0.0.1]"]), Ok("127.0.0.1")),
            ("both, disagreeing", request("https://a.example/", &["b.example"]), twice()),
            ("two fields", request("/", &["a.example", "a.example"]), twice()),
            ("a field that is no text", request("/", &["\u{e9}"]), unreadable()),
            ("a target, and two fields", request("https://a.example/", &["a.example", "b.example"]), twice()),
            ("none", request("/", &[]), Err(Misdirected::NoHost)),
            ("an empty field", request("/", &[""]), unreadable()),
            ("an empty field beside a target", request("https://a.example/", &[""]), unreadable()),
            ("a user in the field", request("/", &["a.example@b.example"]), unreadable()),
            ("a user in the target", request("https://b.example@a.example/", &[]), unreadable()),
            ("a user in the target, and a field", request("https://b.example@a.example/", &["a.example"]), unreadable()),
            ("two dots in the field", request("/", &["a.example.."]), unreadable()),
            ("two dots in the target", request("https://a.example../", &[]), unreadable()),
            ("no port in the target", request("https://a.example:0x1/", &[]), unreadable()),
        ];
        for (name, parts, expected) in cases {
            let host = host_of(&parts.uri, &parts.headers).map(Host::into_text);
            assert_eq!(host, expected.map(Cow::from), "{name}");
        }
    }
}
