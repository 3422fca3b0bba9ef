use std::net::SocketAddr;

use super::tenant;
use crate::observe::{Event, HandlerOutcome};
use crate::payload::{NoKey, NotAuthentic};
use crate::refusal::{Busy, Refusal};
use crate::replay::{Replayed, Settlement, StoreDown};
use crate::trust::Untrusted;

/// What comes of a request.
pub(super) fn expect_all(expect: &mut impl FnMut(Event<'_>, &str)) {
    refusals(expect);
    settlements(expect);
    let acme = &tenant("acme");
    let peer = SocketAddr::from(([192, 0, 2, 7], 4711));
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
}

fn refusals(expect: &mut impl FnMut(Event<'_>, &str)) {
    let (acme, globex) = (&tenant("acme"), tenant("globex"));
    let peer = SocketAddr::from(([192, 0, 2, 7], 4711));
    let refused = |refusal| (Some(peer), Some(acme), refusal);
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
            refused(down().into()),
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
}

fn settlements(expect: &mut impl FnMut(Event<'_>, &str)) {
    let acme = &tenant("acme");
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
            Err(down()),
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
    expect(
        Event::Settled {
            tenant: acme,
            handler: HandlerOutcome::NotHandled,
        },
        r#"DEBUG countersign settled tenant="acme" handler="not_handled""#,
    );
}

fn down() -> StoreDown {
    StoreDown::Unavailable {
        reason: "connection reset".into(),
    }
}
