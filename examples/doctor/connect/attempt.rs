//! One connection, in bounded time: how far it comes, and how it ends.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use countersign::codes::Seen;
use countersign::tls::{PeerAlert, Tls};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, PeerIncompatible, SupportedProtocolVersion};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::watched::{Asking, Watch};
use crate::Mistake;

/// For the connection, for the handshake, and for the answer: each.
const PATIENCE: Duration = Duration::from_secs(5);
/// Under TLS 1.3 a server judges our certificate when we believe ourselves connected. Its alert is waited for before anything
/// is sent: what is sent to somebody who has closed comes back as a reset, which can overtake the alert.
const QUIET: Duration = Duration::from_millis(700);
/// As much of an answer as is read.
const ANSWER: usize = 8 * 1024;

pub(crate) struct Target {
    /// `host:port`.
    pub(crate) address: String,
    pub(crate) name: ServerName<'static>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    V12,
    V13,
}

impl Version {
    pub(crate) const ALL: [Self; 2] = [Self::V12, Self::V13];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::V12 => "TLS 1.2",
            Self::V13 => "TLS 1.3",
        }
    }

    fn supported(self) -> &'static SupportedProtocolVersion {
        match self {
            Self::V12 => &rustls::version::TLS12,
            Self::V13 => &rustls::version::TLS13,
        }
    }
}

pub(crate) struct Attempt {
    pub(crate) asking: Option<Asking>,
    pub(crate) chain: Vec<CertificateDer<'static>>,
    /// Whether the handshake was over, as far as a client can see.
    pub(crate) shaken: bool,
    pub(crate) ending: Ending,
}

pub(crate) enum Ending {
    /// It answers in HTTP: the status, and the title or the beginning of the text.
    Answered(u16, String),
    /// It speaks, and not HTTP.
    Spoke,
    /// It says nothing within the time.
    Silent,
    Alert(PeerAlert),
    /// It speaks another version of TLS, and says so in no alert.
    OtherVersion,
    /// It ends the connection and says nothing.
    Closed,
    /// The handshake fails here.
    Failed(String),
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answered(status, text) => write!(f, "HTTP {status} {}", Seen::of(text)),
            Self::Spoke => f.write_str("speaks, but not HTTP/1.1"),
            Self::Silent => f.write_str("stays open, and says nothing"),
            Self::Alert(alert) => write!(f, "alert {alert}"),
            Self::OtherVersion => f.write_str("speaks another version of TLS"),
            Self::Closed => f.write_str("closed without an alert"),
            Self::Failed(why) => write!(f, "fails here: {why}"),
        }
    }
}

/// # Errors
/// Where nobody listens.
pub(crate) async fn attempt(
    target: &Target,
    version: Version,
    tls: &Tls,
    key: Option<Arc<CertifiedKey>>,
) -> Result<Attempt, Mistake> {
    let watch = Watch::new(tls.provider(), key);
    let mut config = ClientConfig::builder_with_provider(Arc::new(tls.provider().clone()))
        .with_protocol_versions(&[version.supported()])
        .map_err(|error| format!("{}: {error}", version.name()))?
        .dangerous()
        .with_custom_certificate_verifier(watch.clone())
        .with_client_cert_resolver(watch.clone());
    config.resumption = rustls::client::Resumption::disabled();
    let tcp = connected(&target.address).await?;
    let connector = TlsConnector::from(Arc::new(config));
    let shaken = timeout(PATIENCE, connector.connect(target.name.clone(), tcp)).await;
    let (shaken, ending) = match shaken {
        Err(_) => (
            false,
            Ending::Failed("the handshake was not over after 5 s; is it TLS at all?".into()),
        ),
        Ok(Err(error)) => (false, ended(&error)),
        Ok(Ok(stream)) => (true, conversation(stream, &target.name).await),
    };
    let watched = watch.take();
    Ok(Attempt {
        asking: watched.asking,
        chain: watched.chain,
        shaken,
        ending,
    })
}

async fn connected(address: &str) -> Result<TcpStream, Mistake> {
    let connected = timeout(PATIENCE, TcpStream::connect(address)).await;
    connected
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
        .map_err(|error| format!("{address}: {error}; check the name, the port, and that somebody listens"))
}

/// Waits for an alert, then asks for `/`, and waits for the answer.
async fn conversation(mut stream: TlsStream<TcpStream>, name: &ServerName<'_>) -> Ending {
    let mut answer = vec![0; ANSWER];
    if let Ok(read) = timeout(QUIET, stream.read(&mut answer)).await {
        return match read {
            Ok(0) => Ending::Closed,
            Ok(_) => Ending::Spoke,
            Err(error) => ended(&error),
        };
    }
    let request = format!(
        "GET / HTTP/1.1\r\nHost: {}\r\nUser-Agent: countersign-doctor\r\nConnection: close\r\n\r\n",
        name.to_str()
    );
    if let Err(error) = stream.write_all(request.as_bytes()).await {
        return ended(&error);
    }
    let mut filled = 0;
    let reading = async {
        while let Some(room) = answer.get_mut(filled..).filter(|room| !room.is_empty()) {
            match stream.read(room).await {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if filled == 0 => return Some(ended(&error)),
                Err(_) => break,
            }
        }
        None
    };
    let broken = timeout(PATIENCE, reading).await;
    match broken {
        Ok(Some(ending)) => ending,
        Ok(None) if filled == 0 => Ending::Closed,
        Err(_) if filled == 0 => Ending::Silent,
        _ => answered(answer.get(..filled).unwrap_or_default()),
    }
}

fn answered(bytes: &[u8]) -> Ending {
    let text = String::from_utf8_lossy(bytes);
    let status = text
        .strip_prefix("HTTP/1.")
        .and_then(|rest| rest.get(2..5)?.parse().ok());
    let Some(status) = status else {
        return Ending::Spoke;
    };
    let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let title = body
        .split_once("<title>")
        .and_then(|(_, rest)| rest.split_once("</title>"));
    Ending::Answered(status, title.map_or(body, |(title, _)| title).trim().to_owned())
}

fn ended(error: &io::Error) -> Ending {
    if let Some(alert) = PeerAlert::find(error) {
        return Ending::Alert(alert);
    }
    match error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>())
    {
        Some(rustls::Error::PeerIncompatible(
            PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
            | PeerIncompatible::ServerDoesNotSupportTls12Or13,
        )) => Ending::OtherVersion,
        Some(other) => Ending::Failed(other.to_string()),
        None => match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
                Ending::Closed
            }
            _ => Ending::Failed(error.to_string()),
        },
    }
}
