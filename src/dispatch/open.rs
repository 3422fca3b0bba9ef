use std::pin::pin;
use std::sync::Arc;

use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::connection::{Connection, Opened};
use super::tenants::Active;
use super::wire::{Counted, Watched, Wire};
use super::{Deadlines, Endpoint, Failure, Protocol, Stage};
use crate::clock::Clock;
use crate::egress::{Egress, Stream};
use crate::identity::{Limits, PeerChain};
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
        handshake.map_err(|_| Failure::TimedOut {
            stage: Stage::Handshake,
        })?
    }

    async fn secure(
        &self,
        active: &Active,
        endpoint: &Endpoint,
        io: Stream,
    ) -> Result<(Connection, Evidence), Failure> {
        let wire = Arc::new(Wire::default());
        let (config, introduction) = active.outbound.watched();
        // Before anything is verified: a change meanwhile makes the connection useless, not wrong.
        let trust = active.sender.trust().generation();
        let io = Counted::new(io, wire.clone());
        let connecting = TlsConnector::from(config).connect(endpoint.server_name().clone(), io);
        let (tls, reason) = Reason::watch_all(pin!(connecting)).await;
        let tls = tls.map_err(|error| why(&error, reason, &introduction))?;
        wire.secured();
        check_introduction(&introduction, endpoint)?;
        let evidence = self.verified(active, endpoint, &tls)?;
        let opened = Opened {
            wire: wire.clone(),
            trust,
            valid: evidence.valid,
            asked: introduction.outcome() == Introduced::Shown,
            at: now(),
        };
        let protocol = protocol(&tls);
        let connection = Connection::begin(Watched::new(tls, wire.clone()), protocol, opened).await;
        let connection = connection.map_err(|error| refused(&wire, true, &error))?;
        Ok((connection, evidence))
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
        let chain = PeerChain::parse_within(Limits::OF_THE_HANDSHAKE, certificates);
        let chain = chain.map_err(|malformed| Failure::Untrusted(malformed.into()))?;
        let role = Role::Server {
            name: endpoint.server_name(),
        };
        let peer = VerifiedPeer::verify(active.sender.trust(), chain, role, self.clock.now())?;
        Ok(peer.evidence().clone())
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
