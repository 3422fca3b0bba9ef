use std::collections::HashSet;
use std::sync::Arc;

use http::{HeaderMap, Uri};

use super::Connection;
use super::host::{Field, Hosts, normal};

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
        let hosts = hosts.into_iter().map(|host| normal(host.as_ref()).into_owned());
        Self(Whose::Hosts(Arc::new(hosts.collect())))
    }

    pub(super) fn applies(&self, connection: &Connection, uri: &Uri, headers: &HeaderMap) -> bool {
        let listed = match &self.0 {
            Whose::Everybodys => return true,
            Whose::Nobodys => return false,
            Whose::Hosts(listed) => |host: &str| listed.contains(normal(host).as_ref()),
        };
        let hosts = Hosts::of(uri, headers);
        let by_field = match hosts.field {
            Field::Absent => hosts.target.is_none(),
            Field::One(host) => listed(host),
            Field::Unreadable => true,
        };
        by_field || hosts.target.is_some_and(listed) || connection.server_name().is_some_and(listed)
    }
}

impl Default for Demand {
    fn default() -> Self {
        Self::always()
    }
}

#[cfg(test)]
mod tests {
    use http::header::HOST;
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
