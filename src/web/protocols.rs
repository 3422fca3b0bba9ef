/// The versions of HTTP inside TLS, offered by ALPN (RFC 7301).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Protocols {
    /// HTTP/1.1 only.
    Http1,
    /// HTTP/2 only: gRPC.
    Http2,
    /// HTTP/2 where the client can, else HTTP/1.1.
    Http2OrHttp1,
}

impl Protocols {
    pub(super) fn alpn(self) -> Vec<Vec<u8>> {
        let (h1, h2) = (b"http/1.1".to_vec(), b"h2".to_vec());
        match self {
            Self::Http1 => vec![h1],
            Self::Http2 => vec![h2],
            Self::Http2OrHttp1 => vec![h2, h1],
        }
    }
}
