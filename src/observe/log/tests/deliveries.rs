use super::tenant;
use crate::observe::{DeliveryStage, Event};

/// What comes of a delivery of ours.
pub(super) fn expect_all(expect: &mut impl FnMut(Event<'_>, &str)) {
    let acme = &tenant("acme");
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
}
