use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::tls::rustls::ClientConfig;
use bytes::Bytes;
use http::{Request, Response, Uri, header};
use http_body_util::{BodyExt as _, Empty, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_rustls::{FixedServerNameResolver, HttpsConnector};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use rustls_pki_types::ServerName;

#[cfg(feature = "jwks-fetch")]
use crate::address::AddressGuard;
use crate::address::PrivateAddress;
use crate::egress::{Egress, NotConnected, Shown};

/// RFC 7517 §8.5; the directories of keys for HTTP message signatures; and what most servers say.
#[cfg(feature = "jwks-fetch")]
const ACCEPTED: &str =
    "application/jwk-set+json, application/http-message-signatures-directory+json, application/json";

/// An HTTP client that fetches what is published at one URL: no redirects, nothing from private addresses, all within a
/// time and a size.
///
/// ```
/// use countersign::egress::Egress;
/// use countersign::reload::{Fetch, InvalidUrl};
/// use countersign::tls::rustls;
///
/// let tls = rustls::ClientConfig::builder_with_provider(rustls::crypto::aws_lc_rs::default_provider().into())
///     .with_safe_default_protocol_versions()?
///     .with_root_certificates(rustls::RootCertStore::empty())
///     .with_no_client_auth();
/// let fetch = |url: &str| Fetch::new(url, tls.clone().into(), Egress::new()).map(drop);
/// assert_eq!(fetch("https://issuer.example/keys"), Ok(()));
/// assert!(matches!(fetch("http://issuer.example/keys"), Err(InvalidUrl::NotHttps)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Fetch {
    url: Uri,
    client: Way,
    timeout: Duration,
    limit: usize,
    accepted: &'static str,
}

#[derive(Clone)]
enum Way {
    Tls(Client<HttpsConnector<Egress>, Empty<Bytes>>),
    Plain(Client<Egress, Empty<Bytes>>),
}

impl Fetch {
    /// Fetches from this URL, whose server is trusted by `tls`. Within five seconds and 16 MiB.
    ///
    /// # Errors
    /// [`InvalidUrl`].
    pub fn new(url: &str, tls: Arc<ClientConfig>, egress: Egress) -> Result<Self, InvalidUrl> {
        let url = read_url(url)?;
        if url.scheme_str() != Some("https") {
            return Err(InvalidUrl::NotHttps);
        }
        let name = url.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let name = ServerName::try_from(name).map_err(|_| InvalidUrl::Malformed)?;
        let names = Arc::new(FixedServerNameResolver::new(name));
        let connector = HttpsConnector::new(egress, tls, true, names);
        Ok(Self::by(url, Way::Tls(client().build(connector))))
    }

    /// Fetches from this URL without TLS.
    ///
    /// # Security
    /// For what is signed and says how old it is, and for nothing else: certificate authorities publish their revocation
    /// lists so (RFC 5280 §8). Anybody on the way can keep a newer one from us until the old one is out of date.
    ///
    /// # Errors
    /// [`InvalidUrl`].
    pub fn over_http(url: &str, egress: Egress) -> Result<Self, InvalidUrl> {
        let url = read_url(url)?;
        if url.scheme_str() != Some("http") || url.host().is_none() {
            return Err(InvalidUrl::Malformed);
        }
        Ok(Self::by(url, Way::Plain(client().build(egress))))
    }

    fn by(url: Uri, client: Way) -> Self {
        Self {
            url,
            client,
            timeout: Duration::from_secs(5),
            limit: 16 << 20,
            accepted: "*/*",
        }
    }

    /// How long a fetch may take in all. Default five seconds.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How large an answer may be. Default 16 MiB.
    #[must_use]
    pub fn with_limit(mut self, bytes: usize) -> Self {
        self.limit = bytes;
        self
    }

    /// What is published there, as it came.
    ///
    /// # Errors
    /// [`FetchFailed`].
    pub async fn fetch(&self) -> Result<Bytes, FetchFailed> {
        match tokio::time::timeout(self.timeout, self.fetch_now()).await {
            Ok(fetched) => fetched,
            Err(_) => Err(FetchFailed::TimedOut),
        }
    }

    /// The URL, for the operator.
    #[cfg(feature = "reload")]
    pub(super) fn shown(&self) -> String {
        Shown(&self.url).to_string()
    }

    async fn fetch_now(&self) -> Result<Bytes, FetchFailed> {
        let request = Request::get(&self.url)
            .header(header::ACCEPT, self.accepted)
            .body(Empty::new())
            .map_err(|error| FetchFailed::Connection {
                reason: error.to_string(),
            })?;
        let response = match &self.client {
            Way::Tls(client) => client.request(request).await,
            Way::Plain(client) => client.request(request).await,
        };
        self.read(response.map_err(|error| unreachable(&error))?).await
    }

    async fn read(&self, response: Response<Incoming>) -> Result<Bytes, FetchFailed> {
        let status = response.status();
        if status != http::StatusCode::OK {
            return Err(FetchFailed::Status {
                status: status.as_u16(),
            });
        }
        let limit = self.limit;
        match Limited::new(response.into_body(), limit).collect().await {
            Ok(collected) => Ok(collected.to_bytes()),
            Err(error) if error.is::<LengthLimitError>() => Err(FetchFailed::TooLarge { limit }),
            Err(error) => Err(FetchFailed::Connection {
                reason: error.to_string(),
            }),
        }
    }
}

/// No connection is kept: the next fetch is minutes away, and asks for the address anew.
fn client() -> hyper_util::client::legacy::Builder {
    let mut client = Client::builder(TokioExecutor::new());
    client.pool_max_idle_per_host(0);
    client
}

fn read_url(url: &str) -> Result<Uri, InvalidUrl> {
    let url: Uri = url.parse().map_err(|_| InvalidUrl::Malformed)?;
    match url.authority() {
        // `host` would leave it out, and it would be logged with the URL.
        Some(authority) if authority.as_str().contains('@') => Err(InvalidUrl::Credentials),
        _ => Ok(url),
    }
}

/// An HTTPS client that fetches a key set: https only, no redirects, nothing from private addresses, all within five
/// seconds and 256 KiB.
///
/// ```
/// use countersign::address::AddressGuard;
/// use countersign::reload::{FetchJwks, InvalidUrl};
/// use countersign::tls::rustls;
///
/// let tls = rustls::ClientConfig::builder_with_provider(
///     rustls::crypto::aws_lc_rs::default_provider().into()
/// )
///     .with_safe_default_protocol_versions()?
///     .with_root_certificates(rustls::RootCertStore::empty())
///     .with_no_client_auth();
/// let fetch = |url: &str| FetchJwks::new(url, tls.clone().into(), AddressGuard::new()).map(drop);
/// assert_eq!(fetch("https://issuer.example/keys"), Ok(()));
/// assert!(matches!(fetch("http://issuer.example/keys"), Err(InvalidUrl::NotHttps)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[cfg(feature = "jwks-fetch")]
#[derive(Clone)]
pub struct FetchJwks(Fetch);

#[cfg(feature = "jwks-fetch")]
impl FetchJwks {
    /// Fetches from this URL, whose server is trusted by `tls`.
    ///
    /// # Errors
    /// [`InvalidUrl`].
    pub fn new(url: &str, tls: Arc<ClientConfig>, guard: AddressGuard) -> Result<Self, InvalidUrl> {
        let fetch = Fetch::new(url, tls, Egress::new().with_guard(guard))?;
        Ok(Self(Fetch {
            accepted: ACCEPTED,
            ..fetch.with_limit(crate::payload::jose::MAX_JWK_SET)
        }))
    }

    /// How long a fetch may take in all. Default five seconds.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self(self.0.with_timeout(timeout))
    }

    /// The key set, as it came.
    ///
    /// # Errors
    /// [`FetchFailed`].
    pub async fn fetch(&self) -> Result<Bytes, FetchFailed> {
        self.0.fetch().await
    }
}

#[cfg(feature = "jwks-fetch")]
impl fmt::Debug for FetchJwks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.show("FetchJwks", f)
    }
}

/// The reason at the bottom: what the guard said, if it said it.
fn unreachable(error: &(dyn Error + 'static)) -> FetchFailed {
    let mut cause = Some(error);
    let mut reason = error.to_string();
    while let Some(error) = cause {
        reason = error.to_string();
        let wrapped = error
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref)
            .and_then(|inner| inner.downcast_ref::<NotConnected>());
        if let Some(NotConnected::Forbidden(private)) = wrapped {
            return FetchFailed::PrivateAddress(private.clone());
        }
        cause = error.source();
    }
    FetchFailed::Connection { reason }
}

impl Fetch {
    fn show(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(name)
            .field("url", &format_args!("{}", Shown(&self.url)))
            .field("timeout", &self.timeout)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Fetch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.show("Fetch", f)
    }
}

/// A URL that nothing is fetched from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidUrl {
    /// Not a URL with a host.
    #[error("not a URL; write it as https://issuer.example/jwks.json")]
    Malformed,
    /// Anybody on the way could put keys of their own into it.
    #[error("a key set is fetched by https only")]
    NotHttps,
    /// A URL is logged; a password is not.
    #[error("the URL holds a user name or password; leave it out")]
    Credentials,
}

/// The reason why what is published did not arrive.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FetchFailed {
    /// The name led to an address that is not public.
    #[error(transparent)]
    PrivateAddress(PrivateAddress),
    /// No connection, no trusted server, or it broke off.
    #[error("the connection failed: {reason}")]
    Connection {
        /// What the system or rustls says.
        reason: String,
    },
    /// It took too long.
    #[error("timed out")]
    TimedOut,
    /// Anything but 200. Redirects are not followed.
    #[error("the server answered {status}")]
    Status {
        /// The status.
        status: u16,
    },
    /// More than may be.
    #[error("the answer is larger than {limit} bytes")]
    TooLarge {
        /// The limit in force.
        limit: usize,
    },
}
