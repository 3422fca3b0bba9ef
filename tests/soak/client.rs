//! One connection of a sender, written by hand: it must be able to do what no client does.

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::expected::Verdict;

/// How long a sender waits for an answer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(15);

/// An open connection.
pub(crate) struct Line {
    tls: TlsStream<TcpStream>,
    /// Whether the receiver has said that it takes no more requests on it.
    pub(crate) is_over: bool,
}

pub(crate) async fn tcp(port: u16) -> Result<TcpStream, Verdict> {
    let connected = timeout(PATIENCE, TcpStream::connect((Ipv4Addr::LOCALHOST, port))).await;
    let tcp = connected.map_err(|_| Verdict::Silent)?;
    let tcp = tcp.map_err(|why| seen(&why))?;
    tcp.set_nodelay(true).map_err(|why| seen(&why))?;
    Ok(tcp)
}

pub(crate) async fn tls(
    port: u16,
    config: Arc<ClientConfig>,
    name: &str,
) -> Result<TlsStream<TcpStream>, Verdict> {
    let tcp = tcp(port).await?;
    let name = ServerName::try_from(name.to_owned()).expect("a name");
    let connected = timeout(PATIENCE, TlsConnector::from(config).connect(name, tcp)).await;
    connected.map_err(|_| Verdict::Silent)?.map_err(|why| seen(&why))
}

impl Line {
    pub(crate) async fn open(port: u16, config: Arc<ClientConfig>, name: &str) -> Result<Self, Verdict> {
        let tls = tls(port, config, name).await?;
        Ok(Self { tls, is_over: false })
    }

    pub(crate) async fn ask(&mut self, request: &[u8]) -> Verdict {
        // An answer may be there that explains why nothing more is read.
        let _ = self.send(request).await;
        self.answer().await
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.tls.write_all(bytes).await?;
        self.tls.flush().await
    }

    /// A byte at a time, for as long as they are taken.
    pub(crate) async fn drip(&mut self, bytes: &[u8], pause: Duration) -> Verdict {
        for byte in bytes {
            tokio::select! {
                verdict = read(&mut self.tls) => return verdict.map_or_else(|verdict| verdict, |(verdict, _)| verdict),
                () = tokio::time::sleep(pause) => {}
            }
            if self.send(&[*byte]).await.is_err() {
                break;
            }
        }
        self.answer().await
    }

    /// Says that nothing more will come.
    pub(crate) async fn close(&mut self) -> io::Result<()> {
        self.tls.shutdown().await
    }

    /// What comes, in the time that a sender waits.
    pub(crate) async fn answer(&mut self) -> Verdict {
        match timeout(PATIENCE, read(&mut self.tls)).await {
            Err(_) => Verdict::Silent,
            Ok(Err(verdict)) => verdict,
            Ok(Ok((verdict, is_over))) => {
                self.is_over |= is_over;
                verdict
            }
        }
    }
}

/// One answer and its body, and whether it is the last.
async fn read(tls: &mut TlsStream<TcpStream>) -> Result<(Verdict, bool), Verdict> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if tls.read_buf(&mut bytes).await.map_err(|why| seen(&why))? == 0 {
            return Err(Verdict::Closed);
        }
    };
    let text = String::from_utf8_lossy(&bytes[..head]).to_ascii_lowercase();
    let field = |name: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(name))
            .map(str::trim)
    };
    let length: usize = field("content-length:").map_or(0, |length| length.parse().expect("a length"));
    while bytes.len() < head + 4 + length {
        if tls.read_buf(&mut bytes).await.map_err(|why| seen(&why))? == 0 {
            return Err(Verdict::Closed);
        }
    }
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok());
    let told = |name| field(name).unwrap_or_default();
    let verdict = Verdict::answered(status.expect("a status"), told("x-code:"), told("x-why:"));
    Ok((verdict, field("connection:") == Some("close")))
}

/// How it looks to a sender that something failed.
fn seen(why: &io::Error) -> Verdict {
    let inner = why
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match inner {
        Some(rustls::Error::AlertReceived(alert)) => Verdict::Alert(*alert),
        _ => Verdict::Closed,
    }
}

pub(crate) fn request(path: &str, host: &str, headers: &HeaderMap, body: &[u8]) -> Vec<u8> {
    let mut text = format!(
        "POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        text += &format!("{name}: {}\r\n", value.to_str().expect("ASCII"));
    }
    [text.as_bytes(), b"\r\n", body].concat()
}
