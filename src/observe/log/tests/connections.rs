use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use http::HeaderName;

use super::{at, tenant};
use crate::breaker::{Breaker, State, Transition, Verdict};
use crate::codes::Seen;
use crate::identity::{PeerChain, SpkiHash};
use crate::observe::{
    Cut, Event, HandshakeFacts, HandshakeFailure, HandshakeKind, LooksLike, NamedGroup, PeerCertificate,
    RefusedClient, TlsVersion,
};
use crate::refusal::NotForwarded;

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

/// What comes of a connection, before anything is asked on it.
pub(super) fn expect_all(expect: &mut impl FnMut(Event<'_>, &str)) {
    handshakes(expect);
    refused_again(expect);
    others(expect);
}

fn handshakes(expect: &mut impl FnMut(Event<'_>, &str)) {
    let peer = SocketAddr::from(([192, 0, 2, 7], 4711));
    expect(
        Event::HandshakeStarted { peer },
        "TRACE countersign handshake started peer=192.0.2.7:4711",
    );
    expect(
        Event::HandshakeCompleted {
            peer,
            handshake: HandshakeFacts::new(HandshakeKind::Resumed, TlsVersion::Tls13)
                .with_group(NamedGroup::from_iana(0x11ec)),
            certificate: None,
            took: Duration::from_millis(3),
        },
        r#"DEBUG countersign handshake completed peer=192.0.2.7:4711 tls.established=true tls.protocol.name="tls" tls.protocol.version="1.3" tls.curve="X25519MLKEM768" tls.resumed=true took=3ms"#,
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
    let leaf = chain();
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
            peer,
            handshake: HandshakeFacts::new(HandshakeKind::Full, TlsVersion::Tls12),
            certificate: Some(certificate),
            took: Duration::from_millis(3),
        },
        &format!(
            r#"DEBUG countersign handshake completed peer=192.0.2.7:4711 tls.established=true tls.protocol.name="tls" tls.protocol.version="1.2" tls.resumed=false tls.client.hash.sha256="{hash}" tls.client.not_before="{from}" tls.client.not_after="{until}" took=3ms"#
        ),
    );
}

fn refused_again(expect: &mut impl FnMut(Event<'_>, &str)) {
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
}

fn others(expect: &mut impl FnMut(Event<'_>, &str)) {
    let peer = SocketAddr::from(([192, 0, 2, 7], 4711));
    let full = io::Error::from_raw_os_error(24);
    let [blocked, on_trial] = &transitions();
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
    let leaf = chain();
    expect(
        Event::Identified {
            peer: Some(peer),
            tenant: &tenant("acme"),
            rule: "URI spiffe://pay.example/{tenant}",
            certificate: PeerCertificate::of(leaf.leaf()),
        },
        r#"DEBUG countersign identified peer=192.0.2.7:4711 tenant="acme" rule="URI spiffe://pay.example/{tenant}""#,
    );
}

fn chain() -> PeerChain {
    let issued = crate::testing::TestCa::new("Acme Root")
        .client("spiffe://pay.example/acme")
        .issue();
    PeerChain::parse(issued.chain()).expect("a chain")
}
