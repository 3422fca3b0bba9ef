mod kept;

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use http::HeaderName;
use rustls_pki_types::UnixTime;

use crate::breaker::{Breaker, State, Transition, Verdict};
use crate::codes::Seen;
use crate::expiry::{Expiry, Kind, Thresholds, Urgency};
use crate::identity::{PeerChain, SpkiHash, Validity};
use crate::observe::{
    Cut, DeliveryStage, Event, HandlerOutcome, HandshakeFacts, HandshakeFailure, HandshakeKind, InForce,
    LooksLike, PeerCertificate, RefusedClient, RotationStep, TlsVersion,
};
use crate::payload::{NoKey, NotAuthentic};
use crate::refusal::{Busy, NotForwarded, Refusal};
use crate::replay::{Replayed, Settlement, StoreDown};
use crate::tenant::TenantId;
use crate::trust::Untrusted;
use kept::told;

fn at(second: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(second))
}

/// A source that is blocked, and then tried again.
fn transitions() -> [Transition<IpAddr>; 2] {
    let breaker = Breaker::new(1).trip_in_a_row(1);
    let source = IpAddr::from([192, 0, 2, 7]);
    let ask = |now| breaker.ask(&source, now).ok();
    let blocked = ask(at(0)).and_then(|permit| permit.record(Verdict::Failure, at(0)));
    let on_trial = ask(at(3600)).and_then(|permit| permit.transition().copied());
    let unchanged = Transition {
        key: source,
        from: State::Closed {
            requests: 0,
            failures: 0,
        },
        to: State::Closed {
            requests: 0,
            failures: 0,
        },
    };
    [blocked.unwrap_or(unchanged), on_trial.unwrap_or(unchanged)]
}

#[test]
fn each_event_has_its_level_and_its_fields() {
    let acme = &tenant("acme");
    let globex = tenant("globex");
    let peer = SocketAddr::from(([192, 0, 2, 7], 4711));
    let full = io::Error::from_raw_os_error(24);
    let [blocked, on_trial] = &transitions();
    let down = StoreDown::Unavailable {
        reason: "connection reset".into(),
    };
    let refused = |refusal| (Some(peer), Some(acme), refusal);
    let mut seen = BTreeSet::new();
    let mut expect = |event: Event<'_>, line: &str| {
        seen.insert(event.name());
        assert_eq!(told(&event), line, "{event:?}");
        // The message is the event's name, so that who knows the one finds the other.
        let message = event.name().replace('_', " ");
        assert!(line.contains(&format!(" countersign {message}")), "{line}");
    };

    expect(
        Event::HandshakeStarted { peer },
        "TRACE countersign handshake started peer=192.0.2.7:4711",
    );
    expect(
        Event::HandshakeCompleted {
            peer,
            handshake: HandshakeFacts::new(HandshakeKind::Resumed, TlsVersion::Tls13),
            certificate: None,
            took: Duration::from_millis(3),
        },
        r#"DEBUG countersign handshake completed peer=192.0.2.7:4711 tls.established=true tls.protocol.name="tls" tls.protocol.version="1.3" tls.resumed=true took=3ms"#,
    );
    expect(
        Event::HandshakeFailed {
            peer,
            reason: &HandshakeFailure::NoCertificate,
            claimed: None,
            at: at(0),
        },
        r#"INFO countersign handshake failed peer=192.0.2.7:4711 tls.established=false code="identity.no_certificate" reason="no client certificate""#,
    );
    // What a stranger has chosen is quoted.
    expect(
        Event::HandshakeFailed {
            peer,
            reason: &HandshakeFailure::Tls("a\n\u{1b}[31mERROR \"b\"".into()),
            claimed: None,
            at: at(0),
        },
        r#"INFO countersign handshake failed peer=192.0.2.7:4711 tls.established=false code="handshake.tls" reason="TLS: a\n\u{1b}[31mERROR \"b\"""#,
    );
    let client = RefusedClient {
        source: IpAddr::from([192, 0, 2, 7]),
        spki: SpkiHash::of(b""),
        claims: Some(Seen::of("URI:spiffe://pay.example/a\n")),
        resembles: None,
        code: "trust.unknown_issuer",
        looks_like: LooksLike::AnotherCa,
        attempts: 10,
        since: at(0),
        last: at(9),
    };
    expect(
        Event::RefusedAgain { client: &client },
        r#"INFO countersign refused again source=192.0.2.7 attempts=10 code="trust.unknown_issuer" looks_like="another_ca" claims="URI:spiffe://pay.example/a\n" since=1970-01-01T00:00:00Z remedy="ask its owner for the certificate of this environment, with its intermediates; or load the authority""#,
    );
    let client = RefusedClient {
        resembles: Some(tenant("acme")),
        claims: None,
        looks_like: LooksLike::Expired,
        code: "trust.expired",
        ..client
    };
    expect(
        Event::RefusedAgain { client: &client },
        r#"WARN countersign refused again source=192.0.2.7 attempts=10 code="trust.expired" looks_like="expired" resembles="acme" since=1970-01-01T00:00:00Z remedy="have its owner renew it, and the process that sends load the renewed one""#,
    );
    expect(
        Event::AcceptFailed {
            at: peer,
            error: &full,
        },
        &format!(r#"ERROR countersign accept failed at=192.0.2.7:4711 reason="{full}""#),
    );
    expect(
        Event::ConnectionCut {
            peer: Some(peer),
            cut: &Cut::Resets { limit: 100 },
        },
        r#"INFO countersign connection cut peer=192.0.2.7:4711 code="connection.resets" reason="more than 100 streams were reset within a second""#,
    );
    expect(
        Event::ConnectionCut {
            peer: None,
            cut: &Cut::Idle {
                limit: Duration::from_secs(60),
            },
        },
        r#"DEBUG countersign connection cut code="connection.idle" reason="no request for 60s""#,
    );
    expect(
        Event::SourceChanged { transition: blocked },
        r#"WARN countersign source changed source=192.0.2.7 from="closed" to="open""#,
    );
    expect(
        Event::SourceChanged { transition: on_trial },
        r#"INFO countersign source changed source=192.0.2.7 from="open" to="half_open""#,
    );
    expect(
        Event::NotForwarded {
            peer: Some(peer),
            reason: &NotForwarded::UntrustedHop {
                field: HeaderName::from_static("client-cert"),
            },
        },
        r#"INFO countersign not forwarded peer=192.0.2.7:4711 code="forwarded.untrusted_hop" reason="client-cert came from nobody who may speak for others""#,
    );
    let not_wired = Refusal::NotWired {
        missing: "Caller",
        remedy: "put `CallerLayer` around this route",
    };
    let mismatch = Refusal::TenantMismatch {
        connection: acme.clone(),
        payload: globex.clone(),
    };
    let keys_down = NotAuthentic::NoKey(NoKey::Unavailable);
    for ((peer, tenant, refusal), line) in [
        (
            refused(Refusal::NoCertificate),
            r#"INFO countersign refused peer=192.0.2.7:4711 tenant="acme" code="identity.no_certificate" reason="no client certificate""#,
        ),
        (
            (None, None, Replayed::Handled.into()),
            r#"INFO countersign refused code="replay.handled" reason="this delivery was handled before""#,
        ),
        (
            refused(Refusal::TenantNotAdmitted { tenant: acme.clone() }),
            r#"WARN countersign refused peer=192.0.2.7:4711 tenant="acme" code="tenant.not_admitted" reason="the route is not for acme""#,
        ),
        (
            refused(mismatch),
            r#"WARN countersign refused peer=192.0.2.7:4711 tenant="acme" code="tenant.mismatch" reason="the connection is acme's, the payload is globex's""#,
        ),
        (
            refused(Busy::InAll { limit: 1 }.into()),
            r#"WARN countersign refused peer=192.0.2.7:4711 tenant="acme" code="server.busy" reason="as many deliveries are under way as may be: of 1 in all, those that are not kept for others""#,
        ),
        (
            refused(not_wired),
            r#"ERROR countersign refused peer=192.0.2.7:4711 tenant="acme" code="server.not_wired" reason="Caller is missing: put `CallerLayer` around this route""#,
        ),
        (
            refused(down.clone().into()),
            r#"ERROR countersign refused peer=192.0.2.7:4711 tenant="acme" code="replay.store_unavailable" reason="the replay store is unavailable: connection reset""#,
        ),
        (
            (None, None, keys_down.into()),
            r#"ERROR countersign refused code="payload.keys_unavailable" reason="the keys are not available""#,
        ),
    ] {
        let refusal = &refusal;
        expect(
            Event::Refused {
                peer,
                tenant,
                refusal,
            },
            line,
        );
    }
    expect(
        Event::Reported {
            tenant: acme,
            untrusted: &Untrusted::OnDenyList,
        },
        r#"WARN countersign reported tenant="acme" code="trust.on_deny_list" reason="denied by the operator's list""#,
    );
    expect(
        Event::Accepted {
            peer: Some(peer),
            tenant: acme,
        },
        r#"DEBUG countersign accepted peer=192.0.2.7:4711 tenant="acme""#,
    );
    expect(
        Event::SenderGone {
            peer: None,
            tenant: acme,
        },
        r#"INFO countersign sender gone tenant="acme""#,
    );
    for (outcome, line) in [
        (
            Ok(Settlement::Done),
            r#"INFO countersign unsettled tenant="acme" code="replay.settled""#,
        ),
        (
            Ok(Settlement::LeaseLost),
            r#"WARN countersign unsettled tenant="acme" code="replay.lease_lost""#,
        ),
        (
            Err(down),
            r#"ERROR countersign unsettled tenant="acme" code="replay.store_unavailable" reason="the replay store is unavailable: connection reset""#,
        ),
    ] {
        let outcome = &outcome;
        expect(
            Event::Unsettled {
                tenant: acme,
                outcome,
            },
            line,
        );
    }
    let (name, generation) = ("client authorities", 7);
    expect(
        Event::Reloaded { name, generation },
        r#"INFO countersign reloaded name="client authorities" generation=7"#,
    );
    for (in_force, told) in [(InForce::LastGood, "last_good"), (InForce::Nothing, "nothing")] {
        expect(
            Event::NotReloaded {
                name,
                code: "reload.unreadable",
                reason: "ca.pem cannot be read",
                in_force,
            },
            &format!(
                r#"ERROR countersign not reloaded name="client authorities" code="reload.unreadable" reason="ca.pem cannot be read" in_force="{told}""#
            ),
        );
    }
    let (host, id) = ("hooks.acme.example", "msg_1");
    expect(
        Event::Delivering {
            tenant: acme,
            host,
            id,
            stage: DeliveryStage::Connecting,
        },
        r#"TRACE countersign delivering tenant="acme" host="hooks.acme.example" id="msg_1" stage="connecting""#,
    );
    expect(
        Event::Delivered {
            tenant: acme,
            host,
            id,
        },
        r#"DEBUG countersign delivered tenant="acme" host="hooks.acme.example" id="msg_1""#,
    );
    for (level, fault) in [
        ("ERROR", "ours"),
        ("WARN", "theirs"),
        ("WARN", "network"),
        ("WARN", "policy"),
    ] {
        expect(
            Event::NotDelivered {
                tenant: acme,
                host,
                id,
                code: "dispatch.timed_out",
                fault,
            },
            &format!(
                r#"{level} countersign not delivered tenant="acme" host="hooks.acme.example" id="msg_1" code="dispatch.timed_out" fault="{fault}""#
            ),
        );
    }
    for (level, from, to) in [
        ("WARN", "closed", "open"),
        ("INFO", "open", "half_open"),
        ("INFO", "half_open", "closed"),
    ] {
        expect(
            Event::CircuitChanged {
                tenant: acme,
                host,
                from,
                to,
            },
            &format!(
                r#"{level} countersign circuit changed tenant="acme" host="hooks.acme.example" from="{from}" to="{to}""#
            ),
        );
    }
    rare(&mut expect);
    assert_eq!(seen, BTreeSet::from(Event::NAMES));
}

/// What does not come of a connection or a delivery.
fn rare(expect: &mut impl FnMut(Event<'_>, &str)) {
    let (peer, acme) = (Some(SocketAddr::from(([192, 0, 2, 7], 4711))), &tenant("acme"));
    let leaf = chain();
    expect(
        Event::Identified {
            peer,
            tenant: acme,
            rule: "URI spiffe://pay.example/{tenant}",
            certificate: PeerCertificate::of(leaf.leaf()),
        },
        r#"DEBUG countersign identified peer=192.0.2.7:4711 tenant="acme" rule="URI spiffe://pay.example/{tenant}""#,
    );
    let certificate = PeerCertificate::of(leaf.leaf());
    let hash: String = certificate
        .hash()
        .as_bytes()
        .iter()
        .map(|byte| format!("{byte:02X}"))
        .collect();
    let (from, until) = (certificate.not_before(), certificate.not_after());
    expect(
        Event::HandshakeCompleted {
            peer: SocketAddr::from(([192, 0, 2, 7], 4711)),
            handshake: HandshakeFacts::new(HandshakeKind::Full, TlsVersion::Tls12),
            certificate: Some(certificate),
            took: Duration::from_millis(3),
        },
        &format!(
            r#"DEBUG countersign handshake completed peer=192.0.2.7:4711 tls.established=true tls.protocol.name="tls" tls.protocol.version="1.2" tls.resumed=false tls.client.hash.sha256="{hash}" tls.client.not_before="{from}" tls.client.not_after="{until}" took=3ms"#
        ),
    );
    expect(
        Event::Settled {
            tenant: acme,
            handler: HandlerOutcome::NotHandled,
        },
        r#"DEBUG countersign settled tenant="acme" handler="not_handled""#,
    );
    for (level, step) in [
        ("INFO", RotationStep::Staged),
        ("INFO", RotationStep::FirstUsed),
        ("INFO", RotationStep::Retired),
        ("WARN", RotationStep::RetirementRefused),
        ("WARN", RotationStep::RetirementForced),
    ] {
        let line = format!(
            r#"{level} countersign rotation stepped kind="key" name="2026" step="{}""#,
            step.as_str()
        );
        let (kind, name) = (Kind::Key, "2026");
        expect(Event::RotationStepped { kind, name, step }, &line);
    }
    let expiry = &Expiry::new(Kind::Crl, "CN=Acme Root", Validity::new(at(0), at(1000)));
    for (level, urgency) in [
        ("WARN", Urgency::Warning),
        ("ERROR", Urgency::Urgent),
        ("ERROR", Urgency::Critical),
    ] {
        let line = format!(
            r#"{level} countersign expiring kind="crl" name="CN=Acme Root" urgency="{}" not_after=1970-01-01T00:16:40Z remedy="{}""#,
            urgency.as_str(),
            Kind::Crl.remedy()
        );
        expect(Event::Expiring { expiry, urgency }, &line);
    }
    expect(
        Event::ExpiriesListed {
            expiries: std::slice::from_ref(expiry),
            thresholds: Thresholds::default(),
        },
        "TRACE countersign expiries listed count=1",
    );
    expect(
        Event::EventsLost { count: 3 },
        "WARN countersign events lost count=3",
    );
    expect(Event::ObserverEnded, "ERROR countersign observer ended");
}

fn chain() -> PeerChain {
    let issued = crate::testing::TestCa::new("Acme Root")
        .client("spiffe://pay.example/acme")
        .issue();
    PeerChain::parse(issued.chain()).expect("a chain")
}

fn tenant(name: &str) -> TenantId {
    TenantId::parse(name).expect("a good name")
}
