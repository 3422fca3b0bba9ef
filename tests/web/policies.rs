//! Trust goes on after the handshake: what is withdrawn is gone for connections that are open.

use countersign::identity::SpkiHash;
use countersign::testing::{NOT_BEFORE, TestCa};
use countersign::tls::ClientAuth;
use countersign::trust::PinSet;

use crate::door::{Door, Plan, TEMPLATE, keys, world};
use crate::sender::{Delivery, Sender, Version, delivery, empty, said};
use crate::support::at;

const OK: &str = r#"{"status": 200}"#;

impl Door {
    fn order(&self, id: &str) -> Delivery {
        delivery("acme", id, OK, self.hands.now())
    }
}

#[tokio::test]
async fn what_is_withdrawn_is_gone_for_open_connections() {
    /// What is changed, how, and back.
    type Change = (&'static str, fn(&Door), fn(&Door), &'static str);
    let changes: [Change; 3] = [
        (
            "the pin",
            |door| door.pins.replace(PinSet::default()),
            |door| door.pins.replace(world().pins()),
            "refused: nobody trust.not_pinned",
        ),
        (
            "the tenant",
            |door| door.tenants.replace(world().tenants(&["globex"])),
            |door| door.tenants.replace(world().tenants(&["acme", "globex"])),
            "refused: nobody tenant.unknown",
        ),
        (
            "the authority",
            |door| door.ca.replace(world().trust(&TestCa::new("The Next Root"))),
            |door| door.ca.replace(world().trust(&world().ca)),
            "refused: nobody trust.unknown_issuer",
        ),
    ];
    let good = said(200, format!("acme acme-2026 URI {TEMPLATE}"));
    for version in [Version::Http1, Version::Http2] {
        for (name, withdraw, give_back, line) in changes {
            let door = Door::open().await;
            let sender = Sender::connect(door.address, Some(&world().acme), version).await;
            let mut sender = sender.expect("a connection");
            for id in ["msg_1", "msg_2"] {
                assert_eq!(sender.send(door.order(id)).await, good, "{name}, {version:?}");
            }
            withdraw(&door);
            door.log.take();
            for id in ["msg_3", "msg_4"] {
                assert_eq!(
                    sender.send(door.order(id)).await,
                    empty(403),
                    "{name}, {version:?}"
                );
                assert_eq!(door.log.take(), [line], "{name}, {version:?}");
            }
            give_back(&door);
            assert_eq!(
                sender.send(door.order("msg_3")).await,
                good,
                "{name}, {version:?}: nothing was lost"
            );
        }
    }
}

#[tokio::test]
async fn many_requests_on_one_connection_while_the_policy_changes() {
    let door = Door::open().await;
    let sender = Sender::connect(door.address, Some(&world().acme), Version::Http2).await;
    let (mut sender, order) = (sender.expect("a connection"), door.order("msg_1").to("/who"));
    for number in 0..10_000 {
        let pinned = number % 40 < 20;
        match number % 40 {
            0 => door.pins.replace(world().pins()),
            20 => door.pins.replace(PinSet::default()),
            _ => {}
        }
        let expected = if pinned { said(200, "acme") } else { empty(403) };
        assert_eq!(sender.send(order.clone()).await, expected, "request {number}");
    }
}

#[tokio::test]
async fn a_certificate_that_expires_while_its_connection_is_open_counts_no_more() {
    for version in [Version::Http1, Version::Http2] {
        let (world, door) = (world(), Door::open().await);
        let not_after = at(door.hands.now().as_secs() + 3_600);
        let name = TEMPLATE.replace("{tenant}", "acme");
        let short = world.ca.client(&name).validity(NOT_BEFORE, not_after).issue();
        door.pins.replace(PinSet::new([SpkiHash::of(&short.spki_der())]));
        let sender = Sender::connect(door.address, Some(&short), version).await;
        let mut sender = sender.expect("a connection");
        let good = said(200, format!("acme acme-2026 URI {TEMPLATE}"));
        for (turned, expected) in [(0, &good), (3_600, &good), (1, &empty(403))] {
            door.hands.turn(turned);
            door.log.take();
            let order = door.order(&format!("msg_{turned}"));
            assert_eq!(
                sender.send(order).await,
                *expected,
                "{version:?}: {turned} seconds later"
            );
        }
        assert_eq!(door.log.take(), ["refused: nobody trust.expired"], "{version:?}");
    }
}

#[tokio::test]
async fn where_certificates_are_only_offered_each_route_demands_what_it_needs() {
    let plan = Plan {
        client_auth: ClientAuth::Offer,
        keys: keys(&["acme"]),
        ..Plan::default()
    };
    let (world, door) = (world(), Door::planned(plan).await);
    let both = said(200, format!("acme acme-2026 URI {TEMPLATE}"));
    #[rustfmt::skip]
    let cases = [
        (None, "/orders", empty(401), "refused: nobody identity.no_certificate"),
        (None, "/who", empty(401), "refused: nobody identity.no_certificate"),
        (None, "/hook", said(200, "acme acme-2026"), "accepted: acme"),
        (Some(&world.acme), "/orders", both, "accepted: acme"),
        (Some(&world.acme), "/hook", said(200, "acme acme-2026"), "accepted: acme"),
    ];
    for (number, (certificate, path, expected, line)) in cases.into_iter().enumerate() {
        let sender = Sender::connect(door.address, certificate, Version::Http1).await;
        let order = door.order(&format!("msg_{number}")).to(path);
        assert_eq!(
            sender.expect("a connection").send(order).await,
            expected,
            "{number}: {path}"
        );
        assert_eq!(door.log.take(), ["connected", line], "{number}: {path}");
    }
    let stranger = TestCa::new("Somebody Else")
        .client("spiffe://acme.example/tenant/acme")
        .issue();
    let sender = Sender::connect(door.address, Some(&stranger), Version::Http1).await;
    let sent = match sender {
        Ok(mut sender) => sender.try_send(door.order("msg_stranger").to("/hook")).await,
        Err(error) => Err(error),
    };
    door.log.wait_for("not connected: trust.unknown_issuer").await;
    assert!(
        sent.is_err(),
        "a certificate that is shown must be good: {sent:?}"
    );
}
