//! One handshake of a server: by which configuration, and what came of it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio_rustls::server::{StartHandshake, TlsStream};
use tokio_rustls::{Accept, LazyConfigAcceptor};

use super::{Connection, Protocols, Sites};
use crate::breaker::Verdict;
use crate::gate::Policy;
use crate::identity::{Certificate, Malformed};
use crate::live::Live;
use crate::observe::{HandshakeFacts, HandshakeFailure, HandshakeKind, NamedGroup, TlsVersion};
use crate::proxy_protocol::{InvalidHeader, begins};
use crate::stream::{Around, passes_on};
use crate::tls::rustls::server::Acceptor as Hello;
use crate::tls::rustls::{
    Error as TlsError, HandshakeKind as Kind, ProtocolVersion, ServerConfig, ServerConnection,
};
use crate::tls::{Reason, handshake_failure};

/// A fatal `unrecognized_name` (RFC 6066 §3), as it goes out before anything is encrypted (RFC 8446 §5.1, §6).
const UNRECOGNIZED_NAME: [u8; 7] = [21, 3, 3, 0, 2, 2, 112];

/// By which configuration handshakes are made.
#[derive(Debug, Clone)]
pub(super) enum Names {
    /// By this one, whatever name is asked for.
    Any(Arc<ServerConfig>),
    /// By that of the name.
    Sites(Live<Sites>),
}

/// A handshake that was completed.
pub(super) struct Done<I> {
    pub(super) stream: TlsStream<I>,
    pub(super) connection: Connection,
    pub(super) handshake: HandshakeFacts,
}

/// One that was not, and what is left of the connection.
pub(super) struct Failed<I> {
    pub(super) reason: HandshakeFailure,
    /// What it says of the peer's source.
    pub(super) verdict: Verdict,
    /// The certificate that was refused, if one was.
    pub(super) claimed: Option<Box<Certificate>>,
    pub(super) io: Option<I>,
}

impl<I> Failed<I> {
    pub(super) fn gone(reason: HandshakeFailure, verdict: Verdict) -> Self {
        Self {
            reason,
            verdict,
            claimed: None,
            io: None,
        }
    }
}

impl Names {
    pub(super) async fn handshake<I>(
        &self,
        io: I,
        peer: SocketAddr,
        protocols: (Option<Protocols>, Option<Protocols>),
        heard: &AtomicBool,
    ) -> Result<Done<I>, Failed<I>>
    where
        I: AsyncRead + AsyncWrite + Unpin,
    {
        let start = greet(Heard::new(io, heard)).await?;
        let name = start.client_hello().server_name().map(Box::<str>::from);
        let (config, ground) = match self.find(name.as_deref()) {
            Ok(found) => found,
            Err(reason) => return Err(unrecognized(start, reason).await),
        };
        let stream = complete(start.into_stream(adjusted(config, protocols)), heard).await?;
        let tls = stream.get_ref().1;
        let handshake = facts(tls);
        let connection = Connection::new(peer, tls.peer_certificates());
        let unreadable = |malformed: Malformed| Failed::gone(malformed.into(), Verdict::Failure);
        let mut connection = connection
            .map_err(unreadable)?
            .with_handshake(handshake)
            .with_cipher(cipher(tls));
        if let Some(name) = name {
            connection = connection.with_server_name(&name);
        }
        if let Some(policy) = ground {
            connection = connection.under(policy);
        }
        Ok(Done {
            stream,
            connection,
            handshake,
        })
    }

    /// The configuration, and the policy where it is known which that is.
    fn find(
        &self,
        name: Option<&str>,
    ) -> Result<(Arc<ServerConfig>, Option<Option<Policy>>), HandshakeFailure> {
        let sites = match self {
            Self::Any(config) => return Ok((config.clone(), None)),
            Self::Sites(sites) => sites.load(),
        };
        match (sites.find(name), name) {
            (Some(site), _) => Ok((site.config().clone(), Some(site.policy().cloned()))),
            (None, Some(name)) => Err(HandshakeFailure::UnknownServerName { name: name.into() }),
            (None, None) => Err(HandshakeFailure::NoServerName),
        }
    }
}

/// Without early data, which anybody can replay, and with these protocols: those that were chosen, or else, where it names
/// none itself, those by default.
fn adjusted(
    mut config: Arc<ServerConfig>,
    (chosen, by_default): (Option<Protocols>, Option<Protocols>),
) -> Arc<ServerConfig> {
    let by_default = by_default.filter(|_| config.alpn_protocols.is_empty());
    let protocols = chosen.or(by_default);
    if config.max_early_data_size != 0 {
        Arc::make_mut(&mut config).max_early_data_size = 0;
    }
    if let Some(protocols) = protocols.map(Protocols::alpn)
        && protocols != config.alpn_protocols
    {
        Arc::make_mut(&mut config).alpn_protocols = protocols;
    }
    config
}

/// Notes whether the peer has said anything at all, and how it began.
struct Heard<'a, I> {
    io: I,
    heard: &'a AtomicBool,
    first: [u8; 5],
    /// How many of them there are.
    noted: usize,
}

impl<'a, I> Heard<'a, I> {
    fn new(io: I, heard: &'a AtomicBool) -> Self {
        Self {
            io,
            heard,
            first: [0; 5],
            noted: 0,
        }
    }

    fn note(&mut self, read: &[u8]) {
        let open = self.first.iter_mut().skip(self.noted);
        for (first, read) in open.zip(read) {
            *first = *read;
            self.noted += 1;
        }
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin> Around for Heard<'_, I> {
    type Inner = I;

    fn inner(&self) -> &I {
        &self.io
    }

    fn inner_mut(&mut self) -> &mut I {
        &mut self.io
    }

    fn after_read(
        &mut self,
        _: &mut Context<'_>,
        polled: Poll<io::Result<()>>,
        read: &[u8],
    ) -> Poll<io::Result<()>> {
        if !read.is_empty() {
            self.heard.store(true, Ordering::Relaxed);
            self.note(read);
        }
        polled
    }
}

passes_on!({'a, I: AsyncRead + AsyncWrite + Unpin} Heard<'a, I>);

/// What it says of a peer's source that its handshake ended so, or in time not at all.
///
/// Silence says nothing: a load balancer asks like that whether we are alive. An alert is the peer's refusal of ours: it
/// may be right, and our certificate wrong.
pub(super) fn verdict(error: Option<&io::Error>, heard: &AtomicBool) -> Verdict {
    match error.and_then(tls_error) {
        Some(TlsError::AlertReceived(_)) => Verdict::NotCounted,
        None if !heard.load(Ordering::Relaxed) => Verdict::NotCounted,
        Some(_) | None => Verdict::Failure,
    }
}

/// What the client says first.
async fn greet<I>(io: Heard<'_, I>) -> Result<StartHandshake<I>, Failed<I>>
where
    I: AsyncRead + AsyncWrite + Unpin,
{
    let heard = io.heard;
    let mut hello = LazyConfigAcceptor::new(Hello::default(), io);
    match (&mut hello).await {
        Ok(start) => Ok(StartHandshake::from_parts(start.accepted, start.io.io)),
        Err(error) => {
            let left = hello.take_io();
            let reason = match &left {
                Some(left) if begins(left.first) => InvalidHeader::Unexpected.into(),
                _ => handshake_failure(&error, Reason::default()),
            };
            Err(Failed {
                verdict: verdict(Some(&error), heard),
                reason,
                claimed: None,
                io: left.map(|heard| heard.io),
            })
        }
    }
}

async fn complete<I>(accept: Accept<I>, heard: &AtomicBool) -> Result<TlsStream<I>, Failed<I>>
where
    I: AsyncRead + AsyncWrite + Unpin,
{
    let (outcome, mut reason) = Reason::watch_all(accept.into_fallible()).await;
    outcome.map_err(|(error, io)| Failed {
        verdict: verdict(Some(&error), heard),
        claimed: reason.take_claimed(),
        reason: handshake_failure(&error, reason),
        io: Some(io),
    })
}

async fn unrecognized<I>(start: StartHandshake<I>, reason: HandshakeFailure) -> Failed<I>
where
    I: AsyncRead + AsyncWrite + Unpin,
{
    let mut io = start.io;
    let _ = io.write_all(&UNRECOGNIZED_NAME).await;
    Failed {
        reason,
        verdict: Verdict::Failure,
        claimed: None,
        io: Some(io),
    }
}

fn tls_error(error: &io::Error) -> Option<&TlsError> {
    error.get_ref()?.downcast_ref()
}

fn facts(tls: &ServerConnection) -> HandshakeFacts {
    let kind = match tls.handshake_kind() {
        Some(Kind::Resumed) => HandshakeKind::Resumed,
        _ => HandshakeKind::Full,
    };
    let version = match tls.protocol_version() {
        Some(ProtocolVersion::TLSv1_2) => TlsVersion::Tls12,
        _ => TlsVersion::Tls13,
    };
    let facts = HandshakeFacts::new(kind, version);
    match tls.negotiated_key_exchange_group() {
        Some(group) => facts.with_group(NamedGroup::from_iana(group.name().into())),
        None => facts,
    }
}

/// As IANA writes it, who has `TLS_` where rustls has `TLS13_`.
fn cipher(tls: &ServerConnection) -> Option<Box<str>> {
    let name = tls.negotiated_cipher_suite()?.suite().as_str()?;
    Some(match name.strip_prefix("TLS13_") {
        Some(rest) => format!("TLS_{rest}").into(),
        None => name.into(),
    })
}
