//! Every event that there is, for observers that must know what to do with each.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use countersign::UnixTime;
use countersign::breaker::{Breaker, Verdict};
use countersign::expiry::{Expiry, Kind, Thresholds, Urgency};
use countersign::identity::{PeerChain, Validity};
use countersign::observe::{
    ClaimedCertificate, Cut, DeliveryStage, Event, HandlerOutcome, HandshakeFacts, HandshakeFailure,
    HandshakeKind, InForce, Observer as _, PeerCertificate, RefusalWatch, RotationStep, Silent, TlsVersion,
};
use countersign::refusal::{NotForwarded, Refusal};
use countersign::replay::StoreDown;
use countersign::tenant::TenantId;
use countersign::testing::TestCa;
use countersign::trust::Untrusted;

fn at(second: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(second))
}

/// Made by the watch that tells of it.
fn again(peer: SocketAddr, chain: &PeerChain, tell: &mut impl FnMut(&Event<'_>)) {
    let watch = RefusalWatch::new(Silent::default()).with_threshold(1);
    watch.observe(&Event::HandshakeFailed {
        peer,
        reason: &HandshakeFailure::Untrusted(Untrusted::UnknownIssuer),
        claimed: Some(ClaimedCertificate::of(chain.leaf())),
        at: at(7),
    });
    for client in watch.list(at(7)) {
        tell(&Event::RefusedAgain { client: &client });
    }
}

/// One of each, in the order of [`Event::NAMES`].
pub(crate) fn each(mut tell: impl FnMut(&Event<'_>)) {
    let peer = SocketAddr::from(([192, 0, 2, 7], 4711));
    let tenant = &TenantId::parse("acme").expect("a tenant");
    let issued = TestCa::new("Acme Root")
        .client("spiffe://pay.example/tenant/acme")
        .issue();
    let chain = PeerChain::parse(issued.chain()).expect("a chain");
    let certificate = PeerCertificate::of(chain.leaf());
    let breaker = Breaker::new(1).trip_in_a_row(1);
    let permit = breaker.ask(&IpAddr::from([192, 0, 2, 7]), at(0)).expect("closed");
    let blocked = permit.record(Verdict::Failure, at(0)).expect("tripped");
    let not_forwarded = NotForwarded::UntrustedHop {
        field: http::HeaderName::from_static("client-cert"),
    };
    let down = Err(StoreDown::Unavailable {
        reason: "connection reset".into(),
    });
    let expiry = &Expiry::new(Kind::Pin, "2026", Validity::new(at(1), at(1000))).owned_by("acme");
    let (host, id) = ("hooks.acme.example", "msg_1");

    tell(&Event::HandshakeStarted { peer });
    tell(&Event::HandshakeCompleted {
        peer,
        handshake: HandshakeFacts::new(HandshakeKind::Full, TlsVersion::Tls13),
        certificate: Some(certificate),
        took: Duration::from_millis(3),
    });
    tell(&Event::HandshakeFailed {
        peer,
        reason: &HandshakeFailure::NoCertificate,
        claimed: Some(ClaimedCertificate::of(chain.leaf())),
        at: at(7),
    });
    again(peer, &chain, &mut tell);
    tell(&Event::AcceptFailed {
        at: peer,
        error: &io::Error::from_raw_os_error(24),
    });
    tell(&Event::ConnectionCut {
        peer: Some(peer),
        cut: &Cut::Idle {
            limit: Duration::from_secs(60),
        },
    });
    tell(&Event::SourceChanged { transition: &blocked });
    tell(&Event::NotForwarded {
        peer: Some(peer),
        reason: &not_forwarded,
    });
    tell(&Event::Identified {
        peer: Some(peer),
        tenant,
        rule: "URI spiffe://pay.example/tenant/{tenant}",
        certificate,
    });
    tell(&Event::Refused {
        peer: Some(peer),
        tenant: Some(tenant),
        refusal: &Refusal::NoCertificate,
    });
    tell(&Event::Reported {
        tenant,
        untrusted: &Untrusted::OnDenyList,
    });
    tell(&Event::Accepted {
        peer: Some(peer),
        tenant,
    });
    tell(&Event::SenderGone {
        peer: Some(peer),
        tenant,
    });
    tell(&Event::Settled {
        tenant,
        handler: HandlerOutcome::Handled,
    });
    tell(&Event::Unsettled {
        tenant,
        outcome: &down,
    });
    tell(&Event::Delivering {
        tenant,
        host,
        id,
        stage: DeliveryStage::Sending,
    });
    tell(&Event::Delivered { tenant, host, id });
    tell(&Event::NotDelivered {
        tenant,
        host,
        id,
        code: "dispatch.timed_out",
        fault: "theirs",
    });
    tell(&Event::CircuitChanged {
        tenant,
        host,
        from: "closed",
        to: "open",
    });
    tell(&Event::Reloaded {
        name: "pins",
        generation: 2,
    });
    tell(&Event::NotReloaded {
        name: "pins",
        code: "reload.invalid",
        reason: "line 3: no hash",
        in_force: InForce::LastGood,
    });
    tell(&Event::ReloadRecovered { name: "pins" });
    tell(&Event::RotationStepped {
        kind: Kind::Key,
        name: "2026",
        step: RotationStep::Staged,
    });
    tell(&Event::Expiring {
        expiry,
        urgency: Urgency::Warning,
    });
    tell(&Event::ExpiriesListed {
        expiries: std::slice::from_ref(expiry),
        thresholds: Thresholds::default(),
    });
    tell(&Event::EventsLost { count: 3 });
    tell(&Event::ObserverEnded);
}
