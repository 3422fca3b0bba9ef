use std::collections::HashSet;
use std::sync::Arc;

use http::header::HOST;
use http::{HeaderMap, Uri};

use super::Connection;

/// Which requests must come over a connection with a client certificate. Where none is demanded, one that is shown must
/// be good all the same.
///
/// For a server that offers client authentication to all ([`ClientAuth::Offer`](crate::tls::ClientAuth::Offer)) and
/// demands it of some. By route: give each its own [`CallerLayer`](super::CallerLayer), or none. By server name: here.
/// By tenant: [`PayloadLayer::require_caller_for`](super::PayloadLayer::require_caller_for).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demand(Whose);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Whose {
    Everybodys,
    Nobodys,
    Hosts(Arc<HashSet<String>>),
}

impl Demand {
    /// Every request must.
    pub fn always() -> Self {
        Self(Whose::Everybodys)
    }

    /// No request must: handlers see for themselves whether there is a [`Caller`](crate::gate::Caller).
    pub fn never() -> Self {
        Self(Whose::Nobodys)
    }

    /// Requests to these hosts must, compared without case, port and trailing dot.
    ///
    /// What counts is the server name of the handshake *and* the host that the request asks for: one of them suffices,
    /// so that neither can be used to reach the other's routes. A request that names no host at all, or two, must too.
    pub fn for_hosts<T: AsRef<str>>(hosts: impl IntoIterator<Item = T>) -> Self {
        let hosts = hosts.into_iter().map(|host| normal(host.as_ref())).collect();
        Self(Whose::Hosts(Arc::new(hosts)))
    }

    pub(super) fn applies(&self, connection: &Connection, uri: &Uri, headers: &HeaderMap) -> bool {
        match &self.0 {
            Whose::Everybodys => true,
            Whose::Nobodys => false,
            Whose::Hosts(hosts) => {
                let listed = |host: &str| hosts.contains(&normal(host));
                connection.server_name().is_some_and(listed)
                    || uri.host().is_some_and(listed)
                    || host_field(headers).is_none_or(|host| host.is_some_and(listed))
                    || (uri.host().is_none() && !headers.contains_key(HOST))
            }
        }
    }
}

impl Default for Demand {
    fn default() -> Self {
        Self::always()
    }
}

/// The one value of the Host field, `Some(None)` where there is none, `None` where it cannot be told.
fn host_field(headers: &HeaderMap) -> Option<Option<&str>> {
    let mut values = headers.get_all(HOST).iter();
    match (values.next(), values.next()) {
        (None, _) => Some(None),
        (Some(host), None) => host.to_str().ok().map(Some),
        (Some(_), Some(_)) => None,
    }
}

/// Lower case, without port and without the dot of the root.
fn normal(host: &str) -> String {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.ends_with(':') => name,
        _ => host,
    };
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

#[cfg(test)]
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
    fn either_name_suffices() {
        let peer = ([127, 0, 0, 1], 1).into();
        let plain = Connection::new(peer, None).expect("no certificates");
        let strict = plain.clone().with_server_name("Strict.example");
        let demand = Demand::for_hosts(["strict.example"]);
        let cases = [
            ("the host field", &plain, request("/", &["strict.example"]), true),
            (
                "its case, port and dot",
                &plain,
                request("/", &["STRICT.example.:8443"]),
                true,
            ),
            (
                "the authority",
                &plain,
                request("https://strict.example/", &[]),
                true,
            ),
            (
                "the server name of the handshake",
                &strict,
                request("/", &["open.example"]),
                true,
            ),
            ("another host", &plain, request("/", &["open.example"]), false),
            (
                "a host that only contains it",
                &plain,
                request("/", &["not.strict.example"]),
                false,
            ),
            ("no host", &plain, request("/", &[]), true),
            (
                "two hosts",
                &plain,
                request("/", &["open.example", "open.example"]),
                true,
            ),
            ("a host that is no text", &plain, request("/", &["\u{e9}"]), true),
            ("an address", &plain, request("/", &["[::1]:8443"]), false),
        ];
        for (name, connection, parts, expected) in cases {
            let applies = |demand: &Demand| demand.applies(connection, &parts.uri, &parts.headers);
            assert_eq!(applies(&demand), expected, "{name}");
            assert!(applies(&Demand::always()), "{name}");
            assert!(!applies(&Demand::never()), "{name}");
        }
    }
}
