//! One request: what it takes to be let in, and what each that is not is told.

use crate::door::{Door, LIMIT, Plan, TEMPLATE, keys, world};
use crate::sender::{Pieces, Sender, Version, delivery, empty, said, send};
use crate::support::at;

const OK: &str = r#"{"status": 200}"#;

#[tokio::test]
async fn a_good_delivery_reaches_its_handler_with_every_proof() {
    let (world, door) = (world(), Door::open().await);
    let cases = [
        (Version::Http1, &world.acme, "acme"),
        (Version::Http2, &world.acme, "acme"),
        (Version::Http1, &world.globex, "globex"),
        (Version::Http2, &world.globex, "globex"),
    ];
    for (number, (version, certificate, owner)) in cases.into_iter().enumerate() {
        let sender = Sender::connect(door.address, Some(certificate), version).await;
        let order = delivery(owner, &format!("msg_{number}"), OK, door.hands.now());
        let answer = sender.expect("a connection").send(order).await;
        assert_eq!(
            answer,
            said(200, format!("{owner} {owner}-2026 URI {TEMPLATE}")),
            "{version:?}"
        );
        let told = ["connected".to_owned(), format!("accepted: {owner}")];
        assert_eq!(door.log.take(), told, "{version:?}");
        assert_eq!(door.desk.handled(), [owner], "{version:?}");
    }
}

#[tokio::test]
async fn every_refusal_is_a_status_for_the_sender_and_a_code_for_the_operator() {
    let plan = Plan {
        keys: keys(&["acme"]),
        ..Plan::default()
    };
    let (world, door) = (world(), Door::planned(plan).await);
    let now = door.hands.now();
    let good = |id| delivery("acme", id, OK, now);
    let earlier = |seconds| at(now.as_secs() - seconds);
    let mut twice = good("msg_twice");
    let signature = twice.headers["webhook-signature"].clone();
    twice.headers.append("webhook-signature", signature);
    let mut garbled = good("msg_garbled");
    garbled
        .headers
        .insert("webhook-signature", "v1,?".parse().expect("a value"));
    let changed = good("msg_changed").with_body(Pieces::whole(r#"{"status": 201}"#));
    let mut renamed = good("msg_renamed");
    renamed
        .headers
        .insert("webhook-id", "msg_other".parse().expect("a value"));
    let (acme, globex, initech) = (&world.acme, &world.globex, &world.initech);
    #[rustfmt::skip]
    let cases = [
        ("a tenant nobody knows", initech, good("msg_initech"), 403, "nobody tenant.unknown"),
        ("the confused deputy", globex, good("msg_deputy"), 401, "globex payload.no_key"),
        ("another tenant's signature", acme, delivery("globex", "msg_other", OK, now), 401, "acme payload.signature_mismatch"),
        ("another body", acme, changed, 401, "acme payload.signature_mismatch"),
        ("another id", acme, renamed, 401, "acme payload.signature_mismatch"),
        ("no signature", acme, good("msg_none").without("webhook-signature"), 401, "acme payload.missing_header"),
        ("no id", acme, good("msg_none").without("webhook-id"), 401, "acme payload.missing_header"),
        ("no time", acme, good("msg_none").without("webhook-timestamp"), 401, "acme payload.missing_header"),
        ("two signatures in two fields", acme, twice, 401, "acme payload.repeated_header"),
        ("a signature that is none", acme, garbled, 401, "acme payload.malformed_signature"),
        ("too old", acme, delivery("acme", "msg_old", OK, earlier(301)), 401, "acme replay.stale"),
        ("of the future", acme, delivery("acme", "msg_new", OK, at(now.as_secs() + 301)), 401, "acme replay.from_the_future"),
    ];
    for (name, certificate, order, status, line) in cases {
        let mut sender = Sender::of(door.address, certificate).await;
        assert_eq!(sender.send(order).await, empty(status), "{name}");
        assert_eq!(
            door.log.take(),
            ["connected".to_owned(), format!("refused: {line}")],
            "{name}"
        );
    }
    assert_eq!(door.desk.handled(), Vec::<String>::new());
    assert_eq!(door.store.len(), 0, "nothing was claimed");
}

#[tokio::test]
async fn a_body_is_taken_up_to_the_limit() {
    let door = Door::open().await;
    let body = |length: usize| format!("{OK}{}", " ".repeat(length - OK.len()));
    let (at_limit, over) = (body(LIMIT), body(LIMIT + 1));
    let good = said(200, format!("acme acme-2026 URI {TEMPLATE}"));
    let cases = [
        ("at the limit", &at_limit, Pieces::whole(&at_limit), &good),
        (
            "at the limit, chunked",
            &at_limit,
            Pieces::of_untold_length(&at_limit),
            &good,
        ),
        ("one over", &over, Pieces::whole(&over), &empty(413)),
        (
            "one over, chunked",
            &over,
            Pieces::of_untold_length(&over),
            &empty(413),
        ),
    ];
    for (number, (name, signed, body, expected)) in cases.into_iter().enumerate() {
        for version in [Version::Http1, Version::Http2] {
            let sender = Sender::connect(door.address, Some(&world().acme), version).await;
            let id = format!("msg_{number}_{version:?}");
            let order = delivery("acme", &id, signed, door.hands.now()).with_body(body.clone());
            let answer = sender.expect("a connection").send(order).await;
            assert_eq!(answer, *expected, "{name}, {version:?}");
        }
    }
}

#[tokio::test]
async fn what_was_verified_is_handed_on_byte_for_byte() {
    let door = Door::open().await;
    // JSON that any writer would write differently.
    let body = "{\"status\" :\t200 ,\r\n\"hold\":false , \"name\":\"\\u00e9\\/\"}";
    for (id, body) in [
        ("msg_whole", Pieces::whole(body)),
        ("msg_pieces", Pieces::of_untold_length(body)),
    ] {
        let order = delivery(
            "acme",
            id,
            "{\"status\" :\t200 ,\r\n\"hold\":false , \"name\":\"\\u00e9\\/\"}",
            door.hands.now(),
        );
        let answer = send(door.address, &world().acme, order.with_body(body)).await;
        assert_eq!(answer.status, 200, "{id}");
    }
}
