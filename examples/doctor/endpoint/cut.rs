//! A delivery whose connection breaks: the sender is gone before there is an answer.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use rustls::ClientConfig;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::player::{AnyError, Delivery, Place};

/// Where it breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Where {
    InTheBody,
    BeforeTheAnswer,
}

/// What the endpoint has to find out that the sender is gone, before the retry.
const PAUSE: Duration = Duration::from_secs(1);

/// Sends so much of it, and closes the connection.
pub(crate) async fn cut(
    place: &Place,
    tls: Option<ClientConfig>,
    delivery: &Delivery,
    at: Where,
) -> Result<(), AnyError> {
    let text = text(place, delivery, at);
    let tcp = TcpStream::connect(place.address).await?;
    match tls {
        Some(config) => {
            let connector = TlsConnector::from(Arc::new(config));
            write(connector.connect(place.name.clone(), tcp).await?, &text).await?;
        }
        None => write(tcp, &text).await?,
    }
    tokio::time::sleep(PAUSE).await;
    Ok(())
}

/// The stream is dropped at the end, and with it the connection.
async fn write(mut stream: impl AsyncWrite + Unpin, text: &[u8]) -> Result<(), AnyError> {
    stream.write_all(text).await?;
    stream.flush().await?;
    // Time to be read: a connection that is closed with an answer unread may take with it what was sent.
    tokio::time::sleep(PAUSE / 4).await;
    Ok(())
}

fn text(place: &Place, delivery: &Delivery, at: Where) -> Vec<u8> {
    let (path, host, length) = (&place.path, &place.host, delivery.body.len());
    let mut text =
        format!("POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-length: {length}\r\n").into_bytes();
    if !delivery.headers.contains_key("content-type") {
        text.extend(b"content-type: application/json\r\n");
    }
    each_field(&delivery.headers, &mut text);
    text.extend(b"\r\n");
    let sent = match at {
        Where::InTheBody => length / 2,
        Where::BeforeTheAnswer => length,
    };
    text.extend(delivery.body.iter().take(sent));
    text
}

fn each_field(headers: &HeaderMap, text: &mut Vec<u8>) {
    for (name, value) in headers {
        text.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
}
