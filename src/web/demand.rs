use std::sync::Arc;

use http::{HeaderMap, Uri};

use super::Connection;
use super::host::{Host, Table, host_of, pattern};
use crate::gate::Provenance;
use crate::refusal::Misdirected;

/// A demand for client certificates: which requests must come over a connection with one. Where none is demanded, one that is shown must
/// be good all the same.
///
/// For a server that offers client authentication to all ([`ClientAuth::Offer`](crate::tls::ClientAuth::Offer)) and
/// demands it of some. By route: give each its own [`CallerLayer`](super::CallerLayer), or none. By server name: here.
/// By tenant: [`PayloadLayer::require_caller_for`](super::PayloadLayer::require_caller_for).
///
/// ```
/// use countersign::web::{CertificateDemand, InvalidCertificateDemand};
///
/// let demand = CertificateDemand::for_hosts(["mtls.pay.example", "*.mtls.pay.example"])?;
/// assert_ne!(demand, CertificateDemand::always());
/// let no_hosts: [&str; 0] = [];
/// assert_eq!(CertificateDemand::for_hosts(no_hosts), Err(InvalidCertificateDemand::Empty));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateDemand {
    whose: Whose,
    proof: Proof,
}

/// What is demanded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Proof {
    Either,
    EndToEnd,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Whose {
    Everybodys,
    Nobodys,
    Hosts(Arc<Table<()>>),
}

impl CertificateDemand {
    fn of(whose: Whose) -> Self {
        let proof = Proof::Either;
        Self { whose, proof }
    }

    /// Demands mutual TLS end to end: a certificate that a proxy has [forwarded](crate::gate::Provenance) is not enough.
    /// Where nothing is demanded, it is.
    #[must_use]
    pub fn end_to_end(mut self) -> Self {
        self.proof = Proof::EndToEnd;
        self
    }

    /// Whether it demands more than a caller of whom that is known.
    pub(super) fn asks_for_more(&self, provenance: &Provenance) -> bool {
        self.proof == Proof::EndToEnd && *provenance != Provenance::Handshake
    }

    /// Demands a certificate of every request.
    pub fn always() -> Self {
        Self::of(Whose::Everybodys)
    }

    /// No request must: handlers see for themselves whether there is a [`Caller`](crate::gate::Caller).
    pub fn never() -> Self {
        Self::of(Whose::Nobodys)
    }

    /// Requests to these hosts must: names and addresses, without a port. They are compared without case, port and the
    /// dot of the root, addresses in whatever form; `*.` before a name stands for exactly one label.
    ///
    /// What counts is the server name of the handshake *and* the host that the request asks for: one of them suffices,
    /// so that neither can be used to reach the other's routes. A request that names no host at all must, too; one that
    /// names two, or one that cannot be read, is refused, with a certificate and without.
    ///
    /// # Errors
    /// [`InvalidCertificateDemand`] where a host is one that no request can be for, or where there is none.
    pub fn for_hosts<T: AsRef<str>>(
        hosts: impl IntoIterator<Item = T>,
    ) -> Result<Self, InvalidCertificateDemand> {
        let mut listed = Table::default();
        for host in hosts {
            let read = pattern(host.as_ref()).ok_or_else(|| InvalidCertificateDemand::NotAHost {
                host: host.as_ref().to_owned(),
            })?;
            listed.insert(read, ());
        }
        if listed.is_empty() {
            return Err(InvalidCertificateDemand::Empty);
        }
        Ok(Self::of(Whose::Hosts(Arc::new(listed))))
    }

    pub(super) fn applies(
        &self,
        connection: &Connection,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Result<bool, Misdirected> {
        let listed = match &self.whose {
            Whose::Everybodys => return Ok(true),
            Whose::Nobodys => return Ok(false),
            Whose::Hosts(listed) => listed,
        };
        let requested = match host_of(uri, headers) {
            Ok(host) => listed.find(&host).is_some(),
            Err(Misdirected::NoHost) => true,
            Err(other) => return Err(other),
        };
        // A server name that cannot be read might be any.
        let is_listed = |name| Host::alone(name).is_none_or(|host| listed.find(&host).is_some());
        Ok(requested || connection.server_name().is_some_and(is_listed))
    }
}

impl Default for CertificateDemand {
    fn default() -> Self {
        Self::always()
    }
}

/// A demand that no request would meet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidCertificateDemand {
    /// Nothing would be demanded of anybody.
    #[error("no host: name some, or say `CertificateDemand::never`")]
    Empty,
    /// No request can be for this.
    #[error(
        "{host:?} is no host: give a DNS name in its ASCII form, with `*.` before it for all names of one label more, \
         or an address; without a port"
    )]
    NotAHost {
        /// As it was given.
        host: String,
    },
}

#[cfg(test)]
mod tests {
    use super::super::host::tests::request;
    use super::*;

    fn connection() -> Connection {
        Connection::new(([127, 0, 0, 1], 1).into(), None).expect("no certificates")
    }

    #[test]
    fn either_name_suffices() {
        let plain = connection();
        let strict = plain.clone().with_server_name("Strict.example");
        let below = plain.clone().with_server_name("a.mtls.example");
        let unreadable = plain.clone().with_server_name("a b");
        let demand = CertificateDemand::for_hosts([
            "strict.example",
            "*.MTLS.example.",
            "::1",
            "[2606:4700::1111]",
            "192.0.2.1",
        ]);
        let demand = demand.expect("hosts");
        let (twice, no_host) = (Err(Misdirected::TwoHosts), Err(Misdirected::Unreadable));
        #[rustfmt::skip]
        let cases = [
            ("the host field", &plain, request("/", &["strict.example"]), Ok(true)),
            ("its case, port and dot", &plain, request("/", &["STRICT.example.:8443"]), Ok(true)),
            ("the authority", &plain, request("https://strict.example/", &[]), Ok(true)),
            ("the server name of the handshake", &strict, request("/", &["open.example"]), Ok(true)),
            ("a server name below a pattern", &below, request("/", &["open.example"]), Ok(true)),
            ("a server name that is none", &unreadable, request("/", &["open.example"]), Ok(true)),
            ("another host", &plain, request("/", &["open.example"]), Ok(false)),
            ("a host that only contains it", &plain, request("/", &["not.strict.example"]), Ok(false)),
            ("a pattern", &plain, request("/", &["a.mtls.example:8443"]), Ok(true)),
            ("two labels for one", &plain, request("/", &["a.b.mtls.example"]), Ok(false)),
            ("the name above the pattern", &plain, request("/", &["mtls.example"]), Ok(false)),
            ("no host", &plain, request("/", &[]), Ok(true)),
            ("an address that is listed bare", &plain, request("/", &["[::1]:8443"]), Ok(true)),
            ("written at length", &plain, request("/", &["[0:0:0::1]"]), Ok(true)),
            ("one that is listed in brackets", &plain, request("/", &["[2606:4700:0::1111]:1"]), Ok(true)),
            ("IPv4 in the form of IPv6", &plain, request("/", &["[::ffff:192.0.2.1]"]), Ok(true)),
            ("another address", &plain, request("/", &["[::2]:8443"]), Ok(false)),
            ("two hosts", &plain, request("/", &["open.example", "open.example"]), twice.clone()),
            ("target and field that differ", &plain, request("https://open.example/", &["other.example"]), twice),
            ("a host that is no text", &plain, request("/", &["\u{e9}"]), no_host.clone()),
            ("a user", &plain, request("/", &["a@strict.example"]), no_host.clone()),
            ("a user in the target", &plain, request("https://a@strict.example/", &[]), no_host.clone()),
            ("no port", &plain, request("/", &["strict.example:0x1"]), no_host.clone()),
            ("two dots", &plain, request("/", &["strict.example.."]), no_host.clone()),
            ("a list", &plain, request("/", &["open.example, strict.example"]), no_host.clone()),
            ("nothing", &plain, request("/", &[""]), no_host),
        ];
        for (name, connection, parts, expected) in cases {
            let applies = |demand: &CertificateDemand| demand.applies(connection, &parts.uri, &parts.headers);
            assert_eq!(applies(&demand), expected, "{name}");
            assert_eq!(applies(&CertificateDemand::always()), Ok(true), "{name}");
            assert_eq!(applies(&CertificateDemand::never()), Ok(false), "{name}");
        }
    }

    #[test]
    fn a_demand_that_no_request_would_meet_is_not_built() {
        assert_eq!(
            CertificateDemand::for_hosts([""; 0]),
            Err(InvalidCertificateDemand::Empty)
        );
        for host in [
            "",
            ".",
            "*",
            "*.",
            "*.*.example",
            "a.*.example",
            "*.192.0.2.1",
            "*.::1",
            "a.example:8443",
            "[::1]:8443",
            "a.example..",
            "a@a.example",
            "https://a.example",
            "a.example/",
            "a.example, b.example",
            "127.1",
            "b\u{fc}cher.example",
        ] {
            let built = CertificateDemand::for_hosts(["good.example", host]);
            let host = host.to_owned();
            assert_eq!(built, Err(InvalidCertificateDemand::NotAHost { host }));
        }
    }
}
