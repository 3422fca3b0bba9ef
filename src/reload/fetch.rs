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

use crate::address::{AddressGuard, PrivateAddress};
use crate::egress::{Egress, NotConnected, Shown};

/// RFC 7517 §8.5; the directories of keys for HTTP message signatures; and what most servers say.
const ACCEPTED: &str =
    "application/jwk-set+json, application/http-message-signatures-directory+json, application/json";

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
#[derive(Clone)]
pub struct FetchJwks {
    url: Uri,
    client: Client<HttpsConnector<Egress>, Empty<Bytes>>,
    timeout: Duration,
    limit: usize,
}

impl FetchJwks {
    /// Fetches from this URL, whose server is trusted by `tls`.
    ///
    /// # Errors
    /// [`InvalidUrl`].
    pub fn new(url: &str, tls: Arc<ClientConfig>, guard: AddressGuard) -> Result<Self, InvalidUrl> {
        let url: Uri = url.parse().map_err(|_| InvalidUrl::Malformed)?;
        if url.scheme_str() != Some("https") {
            return Err(InvalidUrl::NotHttps);
        }
        let authority = url.authority().ok_or(InvalidUrl::Malformed)?;
        // `host` would leave it out, and it would be logged with the URL.
        if authority.as_str().contains('@') {
            return Err(InvalidUrl::Credentials);
        }
        let name = authority.host().trim_matches(['[', ']']).to_owned();
        let name = ServerName::try_from(name).map_err(|_| InvalidUrl::Malformed)?;
        let names = Arc::new(FixedServerNameResolver::new(name));
        let connector = HttpsConnector::new(Egress::new().with_guard(guard), tls, true, names);
        // No connection is kept: the next fetch is minutes away, and asks for the address anew.
        let client = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(0)
            .build(connector);
        Ok(Self {
            url,
            client,
            timeout: Duration::from_secs(5),
            limit: crate::payload::jose::MAX_JWK_SET,
        })
    }

    /// How long a fetch may take in all. Default five seconds.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The key set, as it came.
    ///
    /// # Errors
    /// [`FetchFailed`].
    pub async fn fetch(&self) -> Result<Bytes, FetchFailed> {
        match tokio::time::timeout(self.timeout, self.fetch_now()).await {
            Ok(fetched) => fetched,
            Err(_) => Err(FetchFailed::TimedOut),
        }
    }

    async fn fetch_now(&self) -> Result<Bytes, FetchFailed> {
        let request = Request::get(&self.url)
            .header(header::ACCEPT, ACCEPTED)
            .body(Empty::new())
            .map_err(|error| FetchFailed::Connection {
                reason: error.to_string(),
            })?;
        let response = self
            .client
            .request(request)
            .await
            .map_err(|error| unreachable(&error))?;
        self.read(response).await
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

impl fmt::Debug for FetchJwks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FetchJwks")
            .field("url", &format_args!("{}", Shown(&self.url)))
            .field("timeout", &self.timeout)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

/// A URL that no key set is fetched from.
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

/// The reason why a key set did not arrive.
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
    /// More than any key set.
    #[error("the answer is larger than {limit} bytes")]
    TooLarge {
        /// The limit in force.
        limit: usize,
    },
}
