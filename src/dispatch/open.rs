use std::pin::pin;
use std::sync::Arc;

use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::connection::{Connection, Opened};
use super::tenants::Active;
use super::wire::{BABBLE, Counted, Watched, Wire};
use super::{Deadlines, Endpoint, Failure, Protocol, Stage};
use crate::clock::Clock;
use crate::egress::{Egress, Stream};
use crate::identity::{ChainLimits, PeerChain};
use crate::stream::{ReadWrite, linger};
use crate::tls::{Complaint, Introduced, Introduction, PeerAlert, Reason};
use crate::trust::{Evidence, Role, VerifiedPeer};

/// What is needed to open connections.
pub(super) struct Opener<'a> {
    pub(super) egress: &'a Egress,
    pub(super) deadlines: &'a Deadlines,
    pub(super) clock: &'a Clock,
}

impl Opener<'_> {
    /// A connection to this endpoint on which our certificate was asked for and shown, and whose server is trusted.
    pub(super) async fn open(
        &self,
        active: &Active,
        endpoint: &Endpoint,
    ) -> Result<(Connection, Evidence), Failure> {
        let within = self.deadlines.connecting;
        let io = self
            .egress
            .connect(endpoint.host(), endpoint.port(), within)
            .await?;
        let handshake = timeout(self.deadlines.handshake, self.secure(active, endpoint, io)).await;
        match handshake {
            Ok(Ok(opened)) => Ok(opened),
            Ok(Err(refused)) => Err(refused.leave().await),
            Err(_) => Err(Failure::TimedOut {
                stage: Stage::Handshake,
            }),
        }
    }

    async fn secure(
        &self,
        active: &Active,
        endpoint: &Endpoint,
        io: Stream,
    ) -> Result<(Connection, Evidence), Refused> {
        let wire = Arc::new(Wire::default());
        let (config, introduction) = active.outbound.watched();
        // Before anything is verified: a change meanwhile makes the connection useless, not wrong.
        let trust = active.sender.trust().generation();
        let io = Counted::new(io, wire.clone());
        let connecting = TlsConnector::from(config).connect(endpoint.server_name().clone(), io);
        let (tls, reason) = Reason::watch_all(pin!(connecting.into_fallible())).await;
        let tls = tls.map_err(|(error, io)| Refused {
            failure: why(&error, reason, &introduction),
            left: Some(Box::new(io)),
        })?;
        wire.secured();
        let judged = self.judge(active, endpoint, &introduction, &tls);
        let protocol = protocol(&tls);
        let io = Watched::new(tls, wire.clone());
        let evidence = match judged {
            Ok(evidence) => evidence,
            Err(failure) => {
                return Err(Refused {
                    failure,
                    left: Some(Box::new(io)),
                });
            }
        };
        let opened = Opened {
            wire: wire.clone(),
            trust,
            valid: evidence.valid.intersect(evidence.settled),
            asked: introduction.outcome() == Introduced::Shown,
            at: now(),
        };
        let connection = Connection::begin(io, protocol, opened).await;
        let connection = connection.map_err(|error| Refused {
            failure: refused(&wire, true, &error),
            left: None,
        })?;
        Ok((connection, evidence))
    }

    fn judge(
        &self,
        active: &Active,
        endpoint: &Endpoint,
        introduction: &Introduction,
        tls: &TlsStream<Counted>,
    ) -> Result<Evidence, Failure> {
        check_introduction(introduction, endpoint)?;
        self.verified(active, endpoint, tls)
    }

    /// rustls has let the verifier decide, and keeps only yes or no: the evidence is asked for once more, which the
    /// sender's memory answers.
    fn verified(
        &self,
        active: &Active,
        endpoint: &Endpoint,
        tls: &TlsStream<Counted>,
    ) -> Result<Evidence, Failure> {
        let certificates = tls.get_ref().1.peer_certificates().unwrap_or_default();
        let certificates = certificates.iter().cloned();
        let chain = PeerChain::parse_within(ChainLimits::OF_THE_HANDSHAKE, certificates);
        let chain = chain.map_err(|malformed| Failure::Untrusted(malformed.into()))?;
        let role = Role::Server {
            name: endpoint.server_name(),
        };
        let peer = VerifiedPeer::verify(active.sender.trust(), chain, role, self.clock.now())?;
        Ok(peer.evidence().clone())
    }
}

/// Why a server gets nothing, and what is left of the connection: it has an alert to read, or `close_notify`.
struct Refused {
    failure: Failure,
    left: Option<Box<dyn ReadWrite>>,
}

impl Refused {
    async fn leave(self) -> Failure {
        if let Some(io) = self.left {
            linger(io).await;
        }
        self.failure
    }
}

fn protocol(tls: &TlsStream<Counted>) -> Protocol {
    match tls.get_ref().1.alpn_protocol() {
        Some(b"h2") => Protocol::Http2,
        _ => Protocol::Http1,
    }
}

fn check_introduction(introduction: &Introduction, endpoint: &Endpoint) -> Result<(), Failure> {
    match introduction.outcome() {
        Introduced::Shown => Ok(()),
        Introduced::Unfit => Err(Failure::IdentityUnfit),
        Introduced::NotAsked if endpoint.must_ask() => Err(Failure::IdentityNotAsked),
        Introduced::NotAsked => Ok(()),
    }
}

/// Why a handshake has failed: what we found, or what the peer says, or what the network does.
fn why(error: &std::io::Error, reason: Reason, introduction: &Introduction) -> Failure {
    if let Some(untrusted) = reason.into_untrusted() {
        return Failure::Untrusted(untrusted);
    }
    let asked = introduction.outcome() != Introduced::NotAsked;
    match PeerAlert::find(error) {
        Some(alert) => complaint(alert, asked),
        None => Failure::Handshake {
            reason: error.to_string(),
        },
    }
}

/// What an alert means. `handshake_failure` is about our certificate where one was asked for: TLS 1.2 has no other
/// word for one that is missing, and some servers have no other word at all.
fn complaint(alert: PeerAlert, asked: bool) -> Failure {
    match alert.complaint() {
        Complaint::Certificate => Failure::IdentityRefused { alert },
        Complaint::Handshake if asked => Failure::IdentityRefused { alert },
        _ => Failure::Handshake {
            reason: format!("the server sent the alert {alert}"),
        },
    }
}

/// Why there was no answer on a connection whose handshake seemed done.
pub(super) fn refused(wire: &Wire, asked: bool, error: &hyper::Error) -> Failure {
    if let Some(alert) = wire.alert() {
        return complaint(alert, asked);
    }
    if wire.babbles() {
        return Failure::NotHttp {
            reason: BABBLE.to_owned(),
        };
    }
    let reason = innermost(error);
    if error.is_parse() {
        Failure::NotHttp { reason }
    } else {
        Failure::NoAnswer { reason }
    }
}

fn innermost(error: &hyper::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

pub(super) fn now() -> Instant {
    Instant::now()
}
