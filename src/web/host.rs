use std::borrow::Cow;

#[cfg(feature = "tower")]
use http::{HeaderMap, Uri, header::HOST};

#[cfg(all(feature = "tower", feature = "tls"))]
use crate::refusal::Misdirected;

/// The hosts that a request names, as it names them.
#[cfg(feature = "tower")]
pub(super) struct Hosts<'r> {
    /// In its target: `:authority` under HTTP/2, an absolute target under HTTP/1.1.
    pub(super) target: Option<&'r str>,
    /// In its Host field.
    pub(super) field: Field<'r>,
}

#[cfg(feature = "tower")]
pub(super) enum Field<'r> {
    Absent,
    One(&'r str),
    /// Two fields, or one that is no text.
    Unreadable,
}

#[cfg(feature = "tower")]
impl<'r> Hosts<'r> {
    pub(super) fn of(uri: &'r Uri, headers: &'r HeaderMap) -> Self {
        Self {
            target: uri.host(),
            field: field(headers),
        }
    }

    /// The one host that the request is for, in its normal form.
    ///
    /// RFC 9112 §3.2 and RFC 9113 §8.3.1 let a server refuse where target and field differ, and nothing else is safe:
    /// one reader behind us may go by the one, the next by the other.
    #[cfg(feature = "tls")]
    pub(super) fn one(&self) -> Result<Cow<'r, str>, Misdirected> {
        match (self.target.map(normal), &self.field) {
            (None, Field::Absent) => Err(Misdirected::NoHost),
            (_, Field::Unreadable) => Err(Misdirected::TwoHosts),
            (Some(target), Field::Absent) => Ok(target),
            (None, Field::One(field)) => Ok(normal(field)),
            (Some(target), Field::One(field)) if target == normal(field) => Ok(target),
            (Some(_), Field::One(_)) => Err(Misdirected::TwoHosts),
        }
    }
}

#[cfg(feature = "tower")]
fn field(headers: &HeaderMap) -> Field<'_> {
    let mut values = headers.get_all(HOST).iter();
    match (values.next(), values.next()) {
        (None, _) => Field::Absent,
        (Some(host), None) => host.to_str().map_or(Field::Unreadable, Field::One),
        (Some(_), Some(_)) => Field::Unreadable,
    }
}

/// Lower case, without port and without the dot of the root.
pub(super) fn normal(host: &str) -> Cow<'_, str> {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.ends_with(':') => name,
        _ => host,
    };
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Cow::Owned(name.to_ascii_lowercase());
    }
    Cow::Borrowed(name)
}

#[cfg(test)]
#[cfg(all(feature = "tower", feature = "tls"))]
mod tests {
    use http::request::Parts;

    use super::*;

    fn request(uri: &str, hosts: &[&str]) -> Parts {
        let mut request = http::Request::builder().uri(uri);
        for host in hosts {
            request = request.header(HOST, *host);
        }
        request.body(()).expect("a request").into_parts().0
    }

    #[test]
    fn one_host_in_its_normal_form() {
        let twice = || Err(Misdirected::TwoHosts);
        #[rustfmt::skip]
        let cases = [
            ("the field", request("/", &["a.example"]), Ok("a.example")),
            ("its case, port and dot", request("/", &["A.Example.:8443"]), Ok("a.example")),
            ("the target", request("https://a.example/", &[]), Ok("a.example")),
            ("both", request("https://a.example/", &["a.example"]), Ok("a.example")),
            ("both, written differently", request("https://A.example:443/", &["a.example."]), Ok("a.example")),
            ("both, disagreeing", request("https://a.example/", &["b.example"]), twice()),
            ("two fields", request("/", &["a.example", "a.example"]), twice()),
            ("a field that is no text", request("/", &["\u{e9}"]), twice()),
            ("a target, and two fields", request("https://a.example/", &["a.example", "b.example"]), twice()),
            ("none", request("/", &[]), Err(Misdirected::NoHost)),
            ("an IPv4 address", request("/", &["127.0.0.1:8443"]), Ok("127.0.0.1")),
            ("an IPv6 address", request("/", &["[::1]:8443"]), Ok("[::1]")),
            ("an IPv6 address without a port", request("/", &["[::1]"]), Ok("[::1]")),
            ("a user", request("/", &["a.example@b.example"]), Ok("a.example@b.example")),
            ("two dots", request("/", &["a.example.."]), Ok("a.example.")),
        ];
        for (name, parts, expected) in cases {
            let host = Hosts::of(&parts.uri, &parts.headers).one();
            assert_eq!(host, expected.map(Cow::from), "{name}");
        }
    }
}
