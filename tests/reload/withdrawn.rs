//! What was withdrawn as too old, and how it comes back.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use countersign::observe::InForce;
use countersign::reload::{Both, FileSource, Files, NotLoaded, Reload, Reloading, Rules, Source, UrlSource};
use countersign::testing::TestCa;
use countersign::trust::{Crls, PinSet};

use crate::mount::{Mount, Way};
use crate::scripted::{Answer, Scripted, pins};
use crate::urls::{fetch, here, publish};
use crate::world::{Log, SETTLING, rules, until, until_generation};

fn closing() -> Rules {
    let rules = rules().looking_every(Duration::from_millis(50));
    rules.failing_closed_after(Duration::from_millis(500))
}

async fn start<T: Send + Sync + 'static>(source: impl Source<T> + 'static) -> (Reload, Log, Reloading<T>) {
    let log = Log::default();
    let reload = Reload::new().observed_by(Arc::new(log.clone()));
    let kept = reload.start("it", source, closing()).await.expect("it");
    (reload, log, kept)
}

/// An older list, which the authority has signed and which still counts by its date, does not come in force by way of a
/// withdrawal.
async fn lists_do_not_go_back(log: &Log, lists: &Reloading<Crls>, set: impl Fn(Option<u64>)) {
    set(None);
    until("withdrawn", || lists.status().in_force == InForce::Nothing).await;
    let generation = lists.status().generation;
    set(Some(5));
    let refused = ": reload.invalid (nothing)".to_owned();
    until("an older list is refused", || {
        lists.status().generation > generation || log.of("it").contains(&refused)
    })
    .await;
    assert_eq!(lists.status().generation, generation);
    assert_eq!(lists.status().in_force, InForce::Nothing);
    // The one that was in force is found as it was.
    set(Some(6));
    until("in force again", || lists.status().in_force == InForce::LastGood).await;
    assert!(!lists.live().is_withdrawn());
    assert!(lists.status().generation > generation);
}

#[tokio::test]
async fn lists_at_a_url_do_not_go_back_once_they_were_withdrawn() {
    let ca = TestCa::new("Acme Root");
    let list = |number| ca.crl(number).issue().der().to_vec();
    let (published, address) = publish(list(6)).await;
    let (_reload, log, lists) = start(UrlSource::crls([fetch(address, here())])).await;
    lists_do_not_go_back(&log, &lists, |number| match number {
        Some(number) => published.set(200, list(number)),
        None => published.set(500, ""),
    })
    .await;
}

#[tokio::test]
async fn lists_of_files_do_not_go_back_once_they_were_withdrawn() {
    let (mount, ca) = (Mount::new("withdrawn"), TestCa::new("Acme Root"));
    let write = |text: &str| mount.write(Way::Rename, &[("ca.crl", text.as_bytes())]);
    write(&ca.crl(6).issue().pem());
    let source = FileSource::crls(Files::of([mount.path("ca.crl")])).with_settling(SETTLING);
    let (_reload, log, lists) = start(source).await;
    lists_do_not_go_back(&log, &lists, |number| {
        write(&number.map_or("no list".to_owned(), |number| ca.crl(number).issue().pem()));
    })
    .await;
}

async fn stays_withdrawn(log: &Log, is_withdrawn: impl Fn() -> bool) {
    until("withdrawn, and asked again", || {
        log.since_too_old("it").len() >= 5
    })
    .await;
    let told = log.since_too_old("it");
    assert!(told.iter().all(|line| line.ends_with(" (nothing)")), "{told:?}");
    assert!(is_withdrawn());
}

/// One of two URLs is down: what was withdrawn for that does not come back while it is.
#[tokio::test]
async fn lists_stay_withdrawn_while_one_of_them_is_missing() {
    let authorities = ["Acme Root", "Globex Root"].map(TestCa::new);
    let list = |place: usize, number| authorities[place].crl(number).issue().der().to_vec();
    let (down, renewed) = (publish(list(0, 1)).await, publish(list(1, 1)).await);
    let source = UrlSource::crls([fetch(down.1, here()), fetch(renewed.1, here())]);
    let (_reload, log, lists) = start(source).await;
    down.0.set(500, "");
    stays_withdrawn(&log, || lists.live().is_withdrawn()).await;
    down.0.set(200, list(0, 1));
    until("in force again", || lists.status().in_force == InForce::LastGood).await;
}

#[tokio::test]
async fn one_thing_of_two_stays_withdrawn_while_one_of_them_is_missing() {
    let second = Scripted::new(&[Answer::Pins(1), Answer::Fails]);
    let first = Scripted::new(&[Answer::Pins(1), Answer::Same]);
    let both = Both::new(first, second.clone(), |one: &PinSet, other: &PinSet, _| {
        Ok::<_, NotLoaded>(one.len() + other.len())
    });
    let (_reload, log, both) = start(both).await;
    stays_withdrawn(&log, || both.live().is_withdrawn()).await;
    second.now_says(Answer::Same);
    until("in force again", || both.status().in_force == InForce::LastGood).await;
}

/// What came meanwhile, with a part of it missing, is what is put in force once nothing is.
#[tokio::test]
async fn what_came_while_a_part_was_missing_is_not_lost() {
    let script = Scripted::new(&[Answer::Pins(1), Answer::SameDespite]);
    let (_reload, log, kept) = start(script.clone()).await;
    until("withdrawn", || kept.status().in_force == InForce::Nothing).await;
    script.now_says(Answer::PinsDespite(2));
    let asked = script.asked.load(Ordering::Relaxed);
    until("yielded", || script.asked.load(Ordering::Relaxed) > asked + 1).await;
    stays_withdrawn(&log, || kept.live().is_withdrawn()).await;
    script.now_says(Answer::Same);
    until_generation(&kept, 2).await;
    assert_eq!(*kept.live().load(), pins(2));
}

#[tokio::test]
async fn what_is_too_old_is_withdrawn_while_a_look_hangs() {
    let script = Scripted::new(&[Answer::Pins(1), Answer::Hangs]);
    let (_reload, log, kept) = start(script.clone()).await;
    until("withdrawn", || kept.status().in_force == InForce::Nothing).await;
    assert!(kept.live().is_withdrawn() && !kept.status().is_current());
    until("told", || log.lines().len() == 2).await;
    assert_eq!(log.of("it"), ["1", ": reload.too_old (nothing)"]);
    // The same look goes on: what it brings counts.
    assert_eq!(script.asked.load(Ordering::Relaxed), 2);
    script.now_says(Answer::Same);
    script.released.notify_one();
    until_generation(&kept, 2).await;
    assert_eq!(*kept.live().load(), pins(9));
    until("well again", || kept.status().is_current()).await;
}

/// Whoever looks seldom looks in time: a look that takes its time withdraws nothing.
#[tokio::test]
async fn what_is_looked_at_seldom_is_looked_at_before_it_is_too_old() {
    let script = Scripted::new(&[Answer::Pins(1), Answer::Same]);
    let reload = Reload::new();
    let day = Duration::from_secs(86_400);
    let rules = Rules::default().looking_every(day).failing_closed_after(day);
    let kept = reload.start("it", script, rules).await.expect("it");
    let status = kept.status();
    let wait = status.next_look.as_secs() - status.good_at.as_secs();
    assert!(wait <= 86_400 * 4 / 5, "{wait}");
}
