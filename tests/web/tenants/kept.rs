//! For how long an answer counts, and what takes its place.

use std::sync::Arc;

use countersign::gate::Policy;
use countersign::identity::{Name, NameKind, SpkiHash};
use countersign::live::Live;
use countersign::tenant::{ResolveTenant, TenantCache, TenantTable};
use countersign::trust::{PinSet, Remembered, ReportOnly, VerifyPeer};
use countersign::web::CallerLayer;

use super::{Mood, Route, acme, connection, good_answer, is, keep, nobody, outage};
use crate::door::world;
use crate::elsewhere::beside_each_other;
use crate::support::{secs, tenant};

const UNKNOWN: &str = "spiffe://acme.example/tenant/initech";

#[tokio::test]
async fn an_open_connection_is_asked_again_when_the_time_of_its_answer_is_over() {
    let route = Route::new(keep());
    let open = acme();
    assert_eq!((route.ask(&open).await, route.asked()), (good_answer(), 1));
    route.turn(59);
    assert_eq!((route.ask(&open).await, route.asked()), (good_answer(), 0));
    assert_eq!(
        (route.ask(&acme()).await, route.asked()),
        (good_answer(), 0),
        "another"
    );
    route.turn(1);
    assert_eq!((route.ask(&open).await, route.asked()), (good_answer(), 1));
    // Whose rule is taken away at the source is nobody, once its time is over.
    route.is(Mood::Says(Vec::new()));
    route.turn(59);
    assert_eq!(route.ask(&open).await, good_answer());
    route.turn(1);
    assert_eq!((route.ask(&open).await, route.asked()), (nobody(), 1));
}

#[tokio::test]
async fn the_operator_sees_of_how_many_identities_rules_are_kept() {
    let route = Route::new(keep());
    assert_eq!((route.tenants.len(), route.tenants.is_empty()), (0, true));
    assert_eq!(route.ask(&acme()).await, good_answer());
    assert_eq!((route.tenants.len(), route.tenants.is_empty()), (1, false));
    let globex = connection(&world().globex);
    assert_eq!(
        (route.ask(&globex).await, route.tenants.len()),
        (is(200, "globex"), 2)
    );
    // Whoever is nobody's takes none of their room.
    route.is(Mood::Says(Vec::new()));
    let initech = connection(&world().initech);
    assert_eq!((route.ask(&initech).await, route.tenants.len()), (nobody(), 2));
}

#[tokio::test]
async fn that_it_is_nobodys_counts_for_a_shorter_time() {
    let route = Route::new(keep());
    let open = acme();
    route.is(Mood::Says(Vec::new()));
    assert_eq!((route.ask(&open).await, route.asked()), (nobody(), 1));
    route.is(Mood::Good);
    route.turn(9);
    assert_eq!((route.ask(&open).await, route.asked()), (nobody(), 0));
    route.turn(1);
    assert_eq!((route.ask(&open).await, route.asked()), (good_answer(), 1));
}

/// Ways not to be believed, and what the operator reads of each.
fn not_believed() -> Vec<(Mood, &'static str)> {
    let says = |lines: &[&str]| Mood::Says(lines.iter().map(|line| (*line).to_owned()).collect());
    let acme = "URI:spiffe://acme.example/tenant/acme -> acme";
    let globex = "URI:spiffe://acme.example/tenant/acme -> globex";
    vec![
        (Mood::Down, "no route to host"),
        (Mood::Stalls, "no answer in time"),
        (
            says(&["URI:spiffe://acme.example/tenant/globex -> globex"]),
            "not about the identity",
        ),
        (
            says(&[acme, "DNS:hooks.globex.example -> globex"]),
            "not about the identity",
        ),
        (
            says(&["URI:spiffe://acme.example/tenant/{tenant}"]),
            "not about the identity",
        ),
        (says(&[acme, globex]), "cannot belong to \"globex\" too"),
    ]
}

#[tokio::test]
async fn without_the_source_it_is_an_outage_and_the_retry_is_let_in() {
    for (mood, why) in not_believed() {
        let (route, open) = (Route::new(keep()), acme());
        route.is(mood);
        assert_eq!((route.ask(&open).await, route.asked()), (outage(), 1), "{why}");
        let told = route.tenants.last_failure().expect("a reason").to_string();
        assert!(told.contains(why), "{told} for {why}");
        assert_eq!(
            (route.ask(&open).await, route.asked()),
            (outage(), 0),
            "a pause: {why}"
        );
        route.is(Mood::Good);
        route.turn(5);
        assert_eq!(
            (route.ask(&open).await, route.asked()),
            (good_answer(), 1),
            "{why}"
        );
        assert_eq!(route.tenants.last_failure(), None);
    }
}

#[tokio::test]
async fn while_the_source_is_down_old_answers_count_for_as_long_as_was_said() {
    for (mood, why) in not_believed() {
        let (route, open) = (Route::new(keep()), acme());
        assert_eq!((route.ask(&open).await, route.asked()), (good_answer(), 1));
        route.is(mood);
        route.turn(60);
        assert_eq!(
            (route.ask(&open).await, route.asked()),
            (good_answer(), 1),
            "{why}"
        );
        route.turn(4);
        assert_eq!(
            (route.ask(&open).await, route.asked()),
            (good_answer(), 0),
            "a pause: {why}"
        );
        route.turn(1);
        assert_eq!(
            (route.ask(&open).await, route.asked()),
            (good_answer(), 1),
            "over: {why}"
        );
        route.turn(594);
        assert_eq!(
            (route.ask(&open).await, route.asked()),
            (good_answer(), 1),
            "{why}"
        );
        route.turn(1);
        assert_eq!(route.ask(&open).await, outage(), "{why}");
        route.is(Mood::Good);
        route.turn(5);
        assert_eq!(route.ask(&open).await, good_answer(), "{why}");
    }
}

#[tokio::test]
async fn an_open_connection_notices_what_was_invalidated() {
    let spki = SpkiHash::of(&world().acme.spki_der());
    let name = |text| Name::parse(NameKind::Uri, text).expect("a name");
    let (route, open) = (Route::new(keep()), acme());
    type Invalidate<'a> = Box<dyn Fn(&TenantCache) + 'a>;
    let its_own: [Invalidate<'_>; 4] = [
        Box::new(|tenants| tenants.invalidate(&tenant("acme"))),
        Box::new(|tenants| tenants.invalidate_name(&name("spiffe://acme.example/tenant/acme"))),
        Box::new(|tenants| tenants.invalidate_key(spki)),
        Box::new(TenantCache::invalidate_all),
    ];
    let others: [Invalidate<'_>; 3] = [
        Box::new(|tenants| tenants.invalidate(&tenant("globex"))),
        Box::new(|tenants| tenants.invalidate_name(&name("spiffe://acme.example/tenant/globex"))),
        Box::new(|tenants| tenants.invalidate_key(SpkiHash::of(b"another"))),
    ];
    for (which, invalidate) in its_own.iter().enumerate() {
        route.is(Mood::Good);
        route.turn(11);
        assert_eq!(route.ask(&open).await, good_answer());
        route.asked();
        for (other, invalidate) in others.iter().enumerate() {
            invalidate(&route.tenants);
            assert_eq!(
                (route.ask(&open).await, route.asked()),
                (good_answer(), 0),
                "of another: {other}"
            );
        }
        route.is(Mood::Says(Vec::new()));
        invalidate(&route.tenants);
        assert_eq!((route.ask(&open).await, route.asked()), (nobody(), 1), "{which}");
        // Nor does that there was none stand in the way of a rule that was made since.
        route.is(Mood::Good);
        invalidate(&route.tenants);
        assert_eq!(
            (route.ask(&open).await, route.asked()),
            (good_answer(), 1),
            "{which}"
        );
    }
}

/// Nought says that it never does, which a `Live` around it believes.
#[test]
fn whatever_may_change_says_so_from_the_start() {
    let tenants = Route::new(keep()).tenants;
    let table = || {
        TenantTable::builder()
            .uri("spiffe://acme.example/{tenant}")
            .known(["acme"])
    };
    let table = || table().build().expect("a table");
    let mapped: [(&str, Arc<dyn ResolveTenant>); 5] = [
        ("TenantCache", Arc::new(tenants.clone())),
        ("a clone of it", Arc::new(tenants.clone().clone())),
        ("Live<TenantCache>", Arc::new(Live::new(tenants.clone()))),
        ("Live<TenantTable>", Arc::new(Live::new(table()))),
        ("Arc<TenantCache>", Arc::new(Arc::new(tenants))),
    ];
    let pins = || Live::new(PinSet::default());
    let before = || PinSet::default();
    let trusting: [(&str, Arc<dyn VerifyPeer>); 7] = [
        ("Live", Arc::new(pins())),
        ("first of two", Arc::new(pins().and(before()))),
        ("second of two", Arc::new(before().and(pins()))),
        ("ReportOnly", Arc::new(ReportOnly::new(pins()))),
        ("Remembered", Arc::new(Remembered::new(pins()))),
        ("Box", Arc::new(Box::new(pins()))),
        ("Live<Live>", Arc::new(Live::new(pins()))),
    ];
    for (which, mapping) in mapped {
        assert_ne!(mapping.generation(), 0, "{which}");
    }
    for (which, trust) in trusting {
        assert_ne!(trust.generation(), 0, "{which}");
    }
    let never: [&dyn VerifyPeer; 2] = [&before(), &Remembered::new(before())];
    assert_eq!(never.map(VerifyPeer::generation), [0, 0]);
    assert_eq!(table().generation(), 0);
}

/// A `Live` asks no more who has said that he never changes.
#[tokio::test]
async fn an_open_connection_notices_what_was_invalidated_inside_a_live() {
    for asked_before in [false, true] {
        let (mut route, open) = (Route::new(keep()), acme());
        if asked_before {
            route.tenants.invalidate_all();
        }
        let live = Live::new(route.tenants.clone());
        route.layer = CallerLayer::new(Policy::new(world().trust(&world().ca), live));
        assert_eq!((route.ask(&open).await, route.asked()), (good_answer(), 1));
        assert_eq!((route.ask(&open).await, route.asked()), (good_answer(), 0));
        route.is(Mood::Says(Vec::new()));
        route.tenants.invalidate(&tenant("acme"));
        assert_eq!(
            (route.ask(&open).await, route.asked()),
            (nobody(), 1),
            "{asked_before}"
        );
    }
}

#[tokio::test]
async fn what_was_read_before_it_was_invalidated_counts_for_nothing() {
    let route = Route::new(keep().with_patience(secs(20)));
    route.is(Mood::Held);
    let on_its_way = async {
        while route.asked() == 0 {
            tokio::task::yield_now().await;
        }
        route.is(Mood::Says(Vec::new()));
        route.tenants.invalidate(&tenant("acme"));
        route.directory.go.add_permits(1);
    };
    let open = acme();
    let (answer, ()) = tokio::join!(route.ask(&open), on_its_way);
    assert_eq!(answer, nobody());
}

#[tokio::test]
async fn ten_thousand_first_requests_are_one_question() {
    let route = Route::trusting(world().pins(), keep().with_patience(secs(60)));
    route.is(Mood::Held);
    let open = acme();
    let waiting = (0..10_000).map(|_| Box::pin(route.ask(&open))).collect();
    let let_go = async {
        while route.directory.asked.lock().expect("not poisoned").is_empty() {
            tokio::task::yield_now().await;
        }
        route.directory.go.add_permits(1);
    };
    let all = async { tokio::join!(beside_each_other(waiting), let_go).0 };
    let answers = tokio::time::timeout(secs(60), all).await.expect("in time");
    assert_eq!(answers, vec![good_answer(); 10_000]);
    assert_eq!(route.asked(), 1);
}

#[tokio::test]
async fn a_flood_of_unknown_identities_pushes_nobody_out_and_takes_no_more_than_its_room() {
    let route = Route::trusting(world().trust(&world().ca), keep().with_room(4, 4));
    let open = acme();
    assert_eq!(route.ask(&open).await, good_answer());
    for number in 0..20 {
        let unknown = world().ca.client(&format!("{UNKNOWN}{number}")).issue();
        assert_eq!(route.ask(&connection(&unknown)).await, nobody(), "{number}");
        assert_eq!(route.tenants.len(), 1, "{number}");
    }
    route.asked();
    assert_eq!((route.ask(&acme()).await, route.asked()), (good_answer(), 0));
    // Nor do those that are known take more.
    for number in 0..20 {
        let name = format!("spiffe://acme.example/many/{number}");
        route.is(Mood::Says(vec![format!("URI:{name} -> acme")]));
        let known = world().ca.client(&name).issue();
        assert_eq!(route.ask(&connection(&known)).await, good_answer(), "{number}");
        assert!(route.tenants.len() <= 4, "{}", route.tenants.len());
    }
}
