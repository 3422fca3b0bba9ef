//! Real proxies that end TLS in front of a receiver, as the cookbook configures them. Whom they let in, and whom not, is to
//! be the same as with mutual TLS end to end; also where the proxy verifies nothing, and whatever a client sends.

mod kind;
mod receiver;

use kind::Kind;
use receiver::{Hooks, Receiver};

use crate::process::or_skip;

#[test]
fn nginx() {
    judged(Kind::Nginx);
}

#[test]
fn haproxy() {
    judged(Kind::Haproxy);
}

#[test]
fn apache() {
    judged(Kind::Apache);
}

#[test]
fn envoy() {
    judged(Kind::Envoy);
}

#[test]
fn envoy_that_appends() {
    judged(Kind::EnvoyAppending);
}

#[test]
fn traefik() {
    judged(Kind::Traefik);
}

#[test]
fn caddy() {
    judged(Kind::Caddy);
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It reaches the handler, in the name of this tenant.
    In(&'static str),
    /// The receiver refuses it.
    Refused(&'static str),
    /// It does not reach the receiver.
    Kept,
}
use Verdict::{In, Kept, Refused};

#[rustfmt::skip]
const END_TO_END: [(Option<&str>, Verdict); 5] = [
    (Some("acme"), In("acme")),
    (Some("below"), In("acme")),
    (None, Refused("identity.no_certificate")),
    (Some("expired"), Refused("trust.expired")),
    (Some("foreign"), Refused("trust.unknown_issuer")),
];

fn judged(kind: Kind) {
    let program = or_skip(&format!("{kind:?} as a proxy"), kind.find());
    let Some(program) = program else { return };
    let world = Hooks::new(&format!("proxies-{kind:?}"));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (direct, behind) = runtime.block_on(async {
        let direct = Receiver::start(&world, None).await;
        (direct, Receiver::start(&world, Some(kind.format())).await)
    });
    for (identity, expected) in END_TO_END {
        let verdict = direct.ask(direct.address.port(), identity, &[]);
        assert_eq!(verdict, expected, "end to end: {identity:?}");
    }

    let config = kind.config();
    let proxy = kind.start(&program, &world, &config, &behind);
    for (identity, end_to_end) in END_TO_END {
        let verdict = behind.ask(proxy.port, identity, &[]);
        let expected = match end_to_end {
            // The proxy turns away whom we would.
            Refused(_) => Kept,
            let_in => kind.hands_on(identity, let_in),
        };
        assert_eq!(verdict, expected, "{kind:?}: {identity:?}");
    }
    for (what, fields, expected) in kind.forgeries(&world) {
        let verdict = behind.ask(proxy.port, Some("acme"), &fields);
        assert_eq!(verdict, expected, "{kind:?}: {what}");
    }
    // Past the proxy, as somebody else.
    let verdict = behind.ask(behind.address.port(), Some("acme"), &[kind.forged(&world)]);
    assert_eq!(verdict, Refused("trust.unknown_issuer"), "{kind:?}");
    drop(proxy);

    let proxy = kind.start(&program, &world, &kind.without_verification(&config), &behind);
    for (identity, end_to_end) in END_TO_END {
        let verdict = behind.ask(proxy.port, identity, &[]);
        let expected = kind.without_verifying(identity, end_to_end);
        assert_eq!(verdict, expected, "{kind:?}, not verifying: {identity:?}");
    }
    for (what, fields, expected) in kind.forgeries(&world) {
        let verdict = behind.ask(proxy.port, None, &fields);
        let expected = match expected {
            In(_) | Refused("forwarded.certificate_lost") => Refused("identity.no_certificate"),
            refused => refused,
        };
        assert_eq!(verdict, expected, "{kind:?}: nobody, and {what}");
    }
    drop(proxy);

    if let Some((mistaken, expected)) = kind.mistaken(&config) {
        let proxy = kind.start(&program, &world, &mistaken, &behind);
        let verdict = behind.ask(proxy.port, Some("acme"), &[kind.forged(&world)]);
        assert_eq!(verdict, expected, "{kind:?}: {mistaken}");
    }
}
