//! HTTP/2 by hand, for what no client does.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::door::{Door, world};
use crate::sender::{Greeting, Version};

pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;
pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a frame").to_be_bytes();
    let head = [length[1], length[2], length[3], kind, flags];
    [&head[..], &stream.to_be_bytes(), payload].concat()
}

/// `POST /{path}` to the usual host, in HPACK without Huffman (RFC 7541).
pub(crate) fn request(path: &str) -> Vec<u8> {
    let authority = b"hooks.acme.example";
    let text = |text: &[u8]| {
        let length = u8::try_from(text.len()).expect("short");
        [&[length], text].concat()
    };
    [
        &[0x83, 0x87, 0x04][..],
        &text(path.as_bytes()),
        &[0x01],
        &text(authority),
    ]
    .concat()
}

/// A connection that has said that it speaks HTTP/2.
pub(crate) struct Raw(pub(crate) TlsStream<TcpStream>);

impl Raw {
    pub(crate) async fn open(door: &Door) -> Self {
        let greeting = Greeting::new(Some(&world().acme), Version::Http2).offering(&["h2"]);
        let mut raw = Self(greeting.tls(door.address).await.expect("a connection"));
        let begin = [
            &b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..],
            &frame(SETTINGS, 0, 0, &[]),
        ];
        raw.say(&begin.concat()).await.expect("taken");
        raw
    }

    pub(crate) async fn say(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.0.write_all(bytes).await?;
        self.0.flush().await
    }

    /// Reads until the server closes.
    pub(crate) async fn end(&mut self) {
        let mut sink = vec![0; 16 * 1024];
        while self.0.read(&mut sink).await.is_ok_and(|read| read > 0) {}
    }
}
