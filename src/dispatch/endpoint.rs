use std::fmt;
use std::hash::{BuildHasher as _, Hash, Hasher, RandomState};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, LazyLock};

use http::Uri;
use rustls_pki_types::ServerName;

use super::spelling;
use crate::codes::entries;
use crate::egress::Shown;
use crate::tenant::TenantId;

/// A webhook endpoint of a tenant's: an https URL that was read strictly, and belongs to this one tenant.
///
/// What is not plain is refused rather than normalised, since two readers would normalise it differently: user names,
/// fragments, percent-encoded or international host names (write them as `xn--..`), a dot at the end, zone identifiers,
/// and IPv4 addresses in any form but four decimal numbers; backslashes, a percent sign that encodes nothing, and `..` behind
/// an empty segment (`/a//../b` is `/b` to some servers and `/a/b` to others). There is no way to deliver without TLS.
///
/// In logs (`Debug`, `Display`) stands where it leads, and neither path nor query, which are a secret to many receivers;
/// [`uri`](Self::uri) has them.
///
/// ```
/// use countersign::dispatch::{Endpoint, InvalidEndpoint};
/// use countersign::tenant::TenantId;
///
/// let acme = TenantId::parse("acme")?;
/// let endpoint = Endpoint::parse(acme.clone(), "https://Hooks.Acme.example/paid?v=2")?;
/// assert_eq!(endpoint.uri(), "https://hooks.acme.example/paid?v=2");
/// assert_eq!(endpoint.to_string(), "https://hooks.acme.example/\u{2026}");
/// assert_eq!(Endpoint::parse(acme, "https://0x7f.1/").unwrap_err(), InvalidEndpoint::Host);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint(Arc<Inner>);

#[derive(Clone, PartialEq, Eq)]
struct Inner {
    tenant: TenantId,
    uri: Uri,
    place: Place,
    name: ServerName<'static>,
    asks: Asks,
    /// Of tenant and URL. Each delivery is looked up by its endpoint several times, and hashing a URL is slow.
    hash: u64,
}

/// Keyed anew in each process, so that nobody can choose URLs that fall together.
static SPREAD: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// Whether the server must ask for our certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asks {
    Must,
    May,
}

/// The longest URL.
const MAX_URL: usize = 2048;

impl Endpoint {
    /// The port of https.
    pub const DEFAULT_PORT: u16 = 443;

    /// A URL of this tenant's.
    ///
    /// # Errors
    /// [`InvalidEndpoint`].
    pub fn parse(tenant: TenantId, url: &str) -> Result<Self, InvalidEndpoint> {
        if url.len() > MAX_URL
            || url.contains(['#', '\\'])
            || !url.bytes().all(|byte| byte.is_ascii_graphic())
        {
            return Err(InvalidEndpoint::Url);
        }
        let uri: Uri = url.parse().map_err(|_| InvalidEndpoint::Url)?;
        if uri.scheme_str() != Some("https") {
            return Err(InvalidEndpoint::NotHttps);
        }
        let authority = uri.authority().ok_or(InvalidEndpoint::Url)?.as_str();
        if authority.contains('@') {
            return Err(InvalidEndpoint::Credentials);
        }
        let (host, name) = read_host(uri.host().unwrap_or_default())?;
        let port = read_port(authority, uri.host().unwrap_or_default())?;
        let uri = canonical(&uri, &host, port)?;
        let host = host.into();
        Ok(Self(Arc::new(Inner {
            hash: SPREAD.hash_one((&tenant, &uri)),
            tenant,
            uri,
            place: Place { host, port },
            name,
            asks: Asks::Must,
        })))
    }

    /// Delivers here, too, where the server does not ask for a certificate.
    ///
    /// # Security
    /// Then only the payload's signature says who we are. For consumers who do not use mutual TLS (yet); a server that
    /// asks is shown the certificate as ever.
    #[must_use]
    pub fn allow_no_certificate_request(mut self) -> Self {
        Arc::make_mut(&mut self.0).asks = Asks::May;
        self
    }

    /// The tenant whose endpoint it is.
    pub fn tenant(&self) -> &TenantId {
        &self.0.tenant
    }

    /// The URL: host in lower case, no default port, never without a path.
    pub fn uri(&self) -> &Uri {
        &self.0.uri
    }

    /// The host: a name, an IPv4 address, or an IPv6 address without brackets.
    pub fn host(&self) -> &str {
        &self.0.place.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.0.place.port
    }

    pub(super) fn server_name(&self) -> &ServerName<'static> {
        &self.0.name
    }

    pub(super) fn must_ask(&self) -> bool {
        self.0.asks == Asks::Must
    }

    /// What connections to it are kept under.
    pub(super) fn place(&self) -> &Place {
        &self.0.place
    }
}

impl Hash for Endpoint {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0.hash);
    }
}

/// A host and a port.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Place {
    host: Arc<str>,
    port: u16,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Shown(&self.0.uri).fmt(f)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({self} of {:?})", self.0.tenant)
    }
}

fn canonical(uri: &Uri, host: &str, port: u16) -> Result<Uri, InvalidEndpoint> {
    let host = if host.contains(':') {
        format!("[{host}]")
    } else {
        host.to_owned()
    };
    let authority = match port {
        Endpoint::DEFAULT_PORT => host,
        port => format!("{host}:{port}"),
    };
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    if !path.split('%').skip(1).all(is_encoded) || !spelling::leads_to_one(uri) {
        return Err(InvalidEndpoint::Url);
    }
    // `https://host?query` has an empty path, which on the wire is `/` (RFC 9110 §4.2.3).
    let slash = if path.starts_with('/') { "" } else { "/" };
    let text = format!("https://{authority}{slash}{path}");
    text.parse().map_err(|_| InvalidEndpoint::Url)
}

/// What follows a percent sign (RFC 3986 §2.1).
fn is_encoded(rest: &str) -> bool {
    let mut digits = rest.bytes().take(2).filter(u8::is_ascii_hexdigit);
    digits.next().is_some() && digits.next().is_some()
}

fn read_host(host: &str) -> Result<(String, ServerName<'static>), InvalidEndpoint> {
    if let Some(inner) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        let address: Ipv6Addr = inner.parse().map_err(|_| InvalidEndpoint::Host)?;
        return Ok((address.to_string(), ServerName::from(IpAddr::V6(address))));
    }
    if let Ok(address) = host.parse::<Ipv4Addr>() {
        return Ok((address.to_string(), ServerName::from(IpAddr::V4(address))));
    }
    let host = host.to_ascii_lowercase();
    let good = host.len() <= 253 && host.split('.').all(is_label);
    // No name ends in a number, decimal or hexadecimal: whoever reads URLs as browsers do takes that for an address.
    let name = ServerName::try_from(host.clone()).map_err(|_| InvalidEndpoint::Host)?;
    if good {
        Ok((host, name))
    } else {
        Err(InvalidEndpoint::Host)
    }
}

/// Letters, digits and hyphens (RFC 1123 §2.1).
fn is_label(label: &str) -> bool {
    let inside = label
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    inside && (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
}

fn read_port(authority: &str, host: &str) -> Result<u16, InvalidEndpoint> {
    let Some(rest) = authority.strip_prefix(host).filter(|rest| !rest.is_empty()) else {
        return Ok(Endpoint::DEFAULT_PORT);
    };
    let digits = rest.strip_prefix(':').ok_or(InvalidEndpoint::Port)?;
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    match digits.parse() {
        Ok(port) if plain => Ok(port),
        _ => Err(InvalidEndpoint::Port),
    }
}

/// A URL that nothing is delivered to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidEndpoint {
    /// Not a URL with a host, too long, with a fragment, with bytes that do not belong into one, or with a path that is read in two
    /// ways.
    #[error(
        "not a URL such as https://hooks.example.com/path, of at most 2048 ASCII characters, without a fragment or a \
         backslash, with two digits after each %, and without /../ behind //"
    )]
    Url,
    /// Anybody on the way could read and change what is sent.
    #[error("deliveries go by https only")]
    NotHttps,
    /// A URL is logged; a password is not.
    #[error("the URL holds a user name or password; leave it out")]
    Credentials,
    /// A host that different readers read differently.
    #[error(
        "the host is neither a DNS name in plain ASCII, nor an IPv4 address of four decimal numbers, nor an IPv6 \
         address in brackets"
    )]
    Host,
    /// Not a port.
    #[error("the port is not a number from 1 to 65535")]
    Port,
}

entries! {
    InvalidEndpoint []
    Self::Url => "endpoint.url", Policy, "RFC 3986 §3",
        "Give a URL such as https://hooks.example.com/path.",
        "Have the tenant correct it.";
    Self::NotHttps => "endpoint.not_https", Policy, "ours: by https only",
        "Serve it by https.",
        "Have the tenant correct it.";
    Self::Credentials => "endpoint.credentials", Policy, "ours: a URL is logged, a password is not",
        "Recognise the sender by its certificate and signature.",
        "Have the tenant leave it out.";
    Self::Host => "endpoint.host", Policy, "RFC 3986 §3.2.2",
        "Give a DNS name in plain ASCII (xn-- for others).",
        "Have the tenant correct it.";
    Self::Port => "endpoint.port", Policy, "RFC 3986 §3.2.3",
        "Give the port as a number, or none for 443.",
        "Have the tenant correct it.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_has_at_most_2048_bytes() {
        let parse = |bytes: usize| {
            let url = format!("{:x<bytes$}", "https://hooks.acme.example/");
            Endpoint::parse(TenantId::parse("acme").expect("a tenant"), &url)
        };
        assert_eq!(parse(MAX_URL).map(|endpoint| endpoint.port()), Ok(443));
        assert_eq!(parse(MAX_URL + 1), Err(InvalidEndpoint::Url));
    }

    /// Tenant, URL, and whether it has the hash of the first.
    #[test]
    fn what_is_equal_has_one_hash_and_what_differs_has_another() {
        let endpoint = |tenant: &str, url: &str| {
            let tenant = TenantId::parse(tenant).expect("a tenant");
            Endpoint::parse(tenant, url).expect("an endpoint")
        };
        let first = endpoint("acme", "https://hooks.acme.example/paid");
        for (tenant, url, same) in [
            ("acme", "https://Hooks.Acme.example:443/paid", true),
            ("globex", "https://hooks.acme.example/paid", false),
            ("acme", "https://hooks.acme.example/Paid", false),
            ("acme", "https://hooks.acme.example/paid?v=2", false),
            ("acme", "https://hooks.acme.example:8443/paid", false),
        ] {
            let other = endpoint(tenant, url);
            assert_eq!(first == other, same, "{tenant} {url}");
            assert_eq!(
                SPREAD.hash_one(&first) == SPREAD.hash_one(&other),
                same,
                "{tenant} {url}"
            );
        }
        let lenient = first.clone().allow_no_certificate_request();
        assert_eq!(SPREAD.hash_one(&first), SPREAD.hash_one(&lenient));
    }
}
