//! HTTP/2 by its frames (RFC 9113 §4), for servers that do what no library does.

use std::io;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const GOAWAY: u8 = 7;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
/// The 8th of the static table is `:status: 200`.
const STATUS_200: &[u8] = &[0x88];
/// `:status` without indexing, and three octets.
const STATUS_103: &[u8] = &[0x08, 3, b'1', b'0', b'3'];

pub(crate) struct Frames(TlsStream<TcpStream>);

impl Frames {
    /// After the client's preface, and our settings.
    pub(crate) async fn begin(mut io: TlsStream<TcpStream>) -> io::Result<Self> {
        let mut preface = [0; 24];
        io.read_exact(&mut preface).await?;
        assert_eq!(&preface, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        let mut frames = Self(io);
        frames.write(SETTINGS, 0, 0, &[]).await?;
        Ok(frames)
    }

    pub(crate) async fn write(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> io::Result<()> {
        let length = u32::try_from(payload.len()).expect("short").to_be_bytes();
        let mut frame = length[1..].to_vec();
        frame.extend([kind, flags]);
        frame.extend(stream.to_be_bytes());
        frame.extend(payload);
        self.0.write_all(&frame).await?;
        self.0.flush().await
    }

    pub(crate) async fn answer(&mut self, stream: u32) -> io::Result<()> {
        self.write(HEADERS, END_STREAM | END_HEADERS, stream, STATUS_200)
            .await
    }

    pub(crate) async fn early_hints(&mut self, stream: u32) -> io::Result<()> {
        self.write(HEADERS, END_HEADERS, stream, STATUS_103).await
    }

    /// The stream of the next request's head; everything else is passed over.
    pub(crate) async fn request(&mut self) -> io::Result<u32> {
        loop {
            let mut head = [0; 9];
            self.0.read_exact(&mut head).await?;
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let mut payload = vec![0; length as usize];
            self.0.read_exact(&mut payload).await?;
            if head[3] == HEADERS {
                return Ok(u32::from_be_bytes([head[5], head[6], head[7], head[8]]));
            }
        }
    }

    /// Until the other end has closed.
    pub(crate) async fn drain(&mut self) {
        let _ = tokio::io::copy(&mut self.0, &mut tokio::io::sink()).await;
    }
}
