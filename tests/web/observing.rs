//! Observers that are slow or broken; below, a watch over everything that expires, and documents that leave nothing out.

mod documents;
mod expiring;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use countersign::gate::Policy;
use countersign::observe::{Event, Observer, Observers, Queued};
use countersign::tenant::{TenantId, TenantTable};
use countersign::testing::{NOW, TestCa};
use countersign::trust::PinSet;
use countersign::web::{CallerLayer, Connection};
use http::{Request, Response, StatusCode};
use tower::{Layer as _, ServiceExt as _, service_fn};

#[path = "../support/events.rs"]
mod events;

const PATIENCE: Duration = Duration::from_secs(60);

/// Each event as it is written for a developer.
#[derive(Debug, Clone, Default)]
struct Book(Arc<Mutex<Vec<String>>>);

impl Observer for Book {
    fn observe(&self, event: &Event<'_>) {
        self.0
            .lock()
            .expect("no panic")
            .push(format!("{} {event:?}", event.name()));
    }
}

impl Book {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().expect("no panic"))
    }
}

/// Waits at each event until it may go on.
#[derive(Debug, Clone, Default)]
struct Stuck(Arc<(Mutex<bool>, Condvar)>, Book);

impl Observer for Stuck {
    fn observe(&self, event: &Event<'_>) {
        let (open, changed) = &*self.0;
        let held = changed.wait_while(open.lock().expect("no panic"), |open| !*open);
        drop(held.expect("no panic"));
        self.1.observe(event);
    }
}

/// Panics at the first event.
#[derive(Debug, Clone, Default)]
struct Broken(Arc<AtomicUsize>);

impl Observer for Broken {
    fn observe(&self, _: &Event<'_>) {
        self.0.fetch_add(1, Ordering::SeqCst);
        panic!("a mistake of an observer's");
    }
}

// --- slow and broken ------------------------------------------------------------------------------------------------------

#[test]
fn each_event_has_a_name_of_its_own() {
    let mut seen = Vec::new();
    events::each(|event| seen.push(event.name()));
    assert_eq!(seen, Event::NAMES);
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), seen.len());
}

#[test]
fn what_is_told_later_is_what_happened() {
    let (now, later) = (Book::default(), Book::default());
    let queued = Queued::new(later.clone(), 1024).expect("a thread");
    events::each(|event| {
        now.observe(event);
        queued.observe(event);
    });
    assert!(queued.wait(PATIENCE));
    assert_eq!((later.take(), queued.lost()), (now.take(), 0));
}

#[test]
fn who_tells_a_stuck_observer_goes_on_and_what_was_lost_is_counted_and_told() {
    let stuck = Stuck::default();
    let queued = Queued::new(stuck.clone(), 4).expect("a thread");
    for _ in 0..100 {
        queued.observe(&Event::ObserverEnded);
    }
    // Four in the queue, and perhaps one that it is stuck at.
    let lost = queued.lost();
    assert!((95..=96).contains(&lost), "{lost}");
    assert!(!queued.wait(Duration::from_millis(1)), "it is stuck");
    *stuck.0.0.lock().expect("no panic") = true;
    stuck.0.1.notify_all();
    assert!(queued.wait(PATIENCE));
    let told = stuck.1.take();
    assert!(
        told.contains(&format!("events_lost EventsLost {{ count: {lost} }}")),
        "{told:?}"
    );
    assert_eq!(told.len() as u64, 100 - lost + 1);
}

#[test]
fn a_broken_observer_behind_a_queue_ends_alone() {
    let broken = Broken::default();
    let queued = Queued::new(broken.clone(), 1024).expect("a thread");
    for _ in 0..10 {
        queued.observe(&Event::ObserverEnded);
        assert!(queued.wait(PATIENCE));
    }
    assert_eq!((broken.0.load(Ordering::SeqCst), queued.lost()), (1, 9));
}

#[test]
fn of_several_observers_the_broken_one_ends_and_the_others_hear_of_it() {
    let (broken, book) = (Broken::default(), Book::default());
    let all = Observers::new().and(broken.clone()).and(book.clone());
    all.observe(&Event::EventsLost { count: 1 });
    all.observe(&Event::EventsLost { count: 2 });
    assert_eq!(broken.0.load(Ordering::SeqCst), 1);
    assert_eq!(
        book.take(),
        [
            "events_lost EventsLost { count: 1 }",
            "observer_ended ObserverEnded",
            "events_lost EventsLost { count: 2 }",
        ]
    );
    assert!(format!("{all:?}").contains("ended"));
}

/// A panic on the request path would end the request, and be the sender's outage.
#[tokio::test]
async fn a_request_is_answered_whatever_its_observer_does() {
    let broken = Broken::default();
    let client = TestCa::new("Acme Root")
        .client("spiffe://pay.example/tenant/acme")
        .issue();
    let pin = countersign::identity::SpkiHash::of(&client.spki_der());
    let tenants = TenantTable::builder().pin(TenantId::parse("acme").expect("a tenant"), pin);
    let policy = Policy::new(PinSet::new([pin]), tenants.build().expect("a table"));
    let layer = CallerLayer::new(policy).observed_by(Arc::new(broken.clone()));
    let layer = layer.with_clock(countersign::clock::Clock::new(|| NOW));
    let handler = service_fn(|_: Request<()>| async { Ok::<_, std::convert::Infallible>(Response::new(())) });
    let peer = ([192, 0, 2, 1], 4711).into();
    for (chain, status) in [
        (Some(client.chain()), StatusCode::OK),
        (None, StatusCode::UNAUTHORIZED),
    ] {
        let connection = Connection::new(peer, chain.as_deref()).expect("a chain");
        let request = Request::builder()
            .extension(connection)
            .body(())
            .expect("a request");
        let answer = layer.layer(handler).oneshot(request).await.expect("infallible");
        assert_eq!(answer.status(), status);
    }
    assert_eq!(broken.0.load(Ordering::SeqCst), 1, "it is told nothing more");
}
