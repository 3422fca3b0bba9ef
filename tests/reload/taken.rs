//! Whoever uses what is loaded refuses it or panics; and so do the places where changes are looked for.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use countersign::reload::{Changed, Loading, Publish, Reload, Reloading, Rules, Source};
use countersign::tls::rustls::pki_types::UnixTime;
use countersign::trust::PinSet;

use crate::scripted::{Answer, Scripted, pins};
use crate::world::{Log, rules, until, until_generation};

fn often() -> Rules {
    rules().looking_every(Duration::from_millis(20))
}

async fn start(
    source: impl Source<PinSet> + 'static,
    rules: Rules,
    publish: impl Publish<PinSet> + 'static,
) -> (Reload, Log, Reloading<PinSet>) {
    let log = Log::default();
    let reload = Reload::new().observed_by(Arc::new(log.clone()));
    let kept = reload.start_with("it", source, rules, publish).await.expect("it");
    (reload, log, kept)
}

/// Agrees to the pins 2 only once it is told to.
fn agreeing(agrees: &Arc<AtomicBool>) -> impl Publish<PinSet> + use<> {
    let agrees = Arc::clone(agrees);
    move |value: &Arc<PinSet>| match **value == pins(2) && !agrees.load(Ordering::Relaxed) {
        true => Err("not now"),
        false => Ok(()),
    }
}

async fn until_refused(log: &Log) {
    let refused = || log.of("it").iter().filter(|line| line.starts_with(':')).count();
    until("refused again and again", || refused() >= 4).await;
}

#[tokio::test]
async fn what_was_refused_is_offered_again_until_it_is_taken() {
    let agrees = Arc::default();
    let script = Scripted::new(&[Answer::Pins(1), Answer::Pins(2), Answer::Same]);
    let (_reload, log, kept) = start(script, often(), agreeing(&agrees)).await;
    until_refused(&log).await;
    assert_eq!(log.of("it")[..2], ["1", ": reload.invalid (last_good)"]);
    assert!(!kept.status().is_current());
    assert_eq!(*kept.live().load(), pins(1));
    agrees.store(true, Ordering::Relaxed);
    until_generation(&kept, 2).await;
    assert_eq!(*kept.live().load(), pins(2));
    until("well again", || kept.status().is_current()).await;
}

#[tokio::test]
async fn what_was_refused_is_offered_again_until_it_is_replaced() {
    let agrees = Arc::default();
    let script = Scripted::new(&[Answer::Pins(1), Answer::Pins(2), Answer::Same]);
    let (_reload, log, kept) = start(script.clone(), often(), agreeing(&agrees)).await;
    until_refused(&log).await;
    agrees.store(true, Ordering::Relaxed);
    script.now_says(Answer::Pins(3));
    until("replaced", || *kept.live().load() == pins(3)).await;
    script.now_says(Answer::Same);
    let asked = script.asked.load(Ordering::Relaxed);
    until("looked again", || {
        script.asked.load(Ordering::Relaxed) > asked + 3
    })
    .await;
    assert_eq!(*kept.live().load(), pins(3));
}

#[tokio::test]
async fn what_was_refused_is_offered_again_after_a_withdrawal() {
    let agrees = Arc::default();
    let script = Scripted::new(&[Answer::Pins(1), Answer::Pins(2), Answer::Same]);
    let closing = often().failing_closed_after(Duration::from_millis(300));
    let (_reload, log, kept) = start(script, closing, agreeing(&agrees)).await;
    until("refused", || log.since_too_old("it").len() > 3).await;
    assert!(kept.live().is_withdrawn());
    agrees.store(true, Ordering::Relaxed);
    until_generation(&kept, 2).await;
    assert_eq!(*kept.live().load(), pins(2));
}

#[tokio::test]
async fn whoever_uses_it_and_panics_is_asked_again() {
    let panicked = AtomicBool::new(false);
    let publish = move |value: &Arc<PinSet>| {
        let panics = **value == pins(2) && !panicked.swap(true, Ordering::Relaxed);
        assert!(!panics, "as it was told");
        Ok::<_, String>(())
    };
    let script = Scripted::new(&[Answer::Pins(1), Answer::Pins(2), Answer::Pins(3), Answer::Same]);
    let (reload, log, kept) = start(script, often(), publish).await;
    until_generation(&kept, 2).await;
    assert_eq!(log.of("it")[..3], ["1", ": reload.panicked (last_good)", "2"]);
    // Nor does its first panic reach whoever starts it.
    let panics = |_: &Arc<PinSet>| -> Result<(), String> { panic!("as it was told") };
    let script = Scripted::new(&[Answer::Pins(1)]);
    let begun = reload.start_with("other", script, often(), panics).await;
    assert_eq!(begun.map(drop).map_err(|why| why.code()), Err("reload.panicked"));
}

struct Clinging;

impl Publish<PinSet> for Clinging {
    fn publish(&self, _: &Arc<PinSet>) -> Result<(), String> {
        Ok(())
    }

    fn withdraw(&self) {
        panic!("as it was told");
    }
}

#[tokio::test]
async fn whoever_panics_when_it_is_withdrawn_does_not_keep_it_in_force() {
    let script = Scripted::new(&[Answer::Pins(1), Answer::Fails]);
    let closing = often().failing_closed_after(Duration::from_millis(200));
    let (_reload, log, kept) = start(script, closing, Clinging).await;
    until("withdrawn", || kept.live().is_withdrawn()).await;
    until("told", || {
        log.of("it").contains(&": reload.panicked (nothing)".to_owned())
    })
    .await;
    until("told why", || {
        log.of("it").contains(&": reload.too_old (nothing)".to_owned())
    })
    .await;
}

/// Panics once, each time that it is told to.
#[derive(Debug)]
struct Elsewhere {
    inner: Scripted,
    places: Arc<AtomicBool>,
    changed: Arc<AtomicBool>,
    waiting: Arc<AtomicBool>,
}

fn panic_if(told: &AtomicBool) {
    assert!(!told.swap(false, Ordering::Relaxed), "as it was told");
}

impl Source<PinSet> for Elsewhere {
    fn load(&mut self, before: Option<Arc<PinSet>>, now: UnixTime) -> Loading<'_, PinSet> {
        self.inner.load(before, now)
    }

    fn places(&self) -> Vec<PathBuf> {
        panic_if(&self.places);
        Vec::new()
    }

    fn changed(&mut self) -> Changed<'_> {
        panic_if(&self.changed);
        let waiting = Arc::clone(&self.waiting);
        Box::pin(std::future::poll_fn(move |_| {
            panic_if(&waiting);
            std::task::Poll::Pending
        }))
    }
}

#[tokio::test]
async fn where_changes_are_looked_for_a_panic_is_a_failure() {
    let inner = Scripted::new(&[Answer::Pins(1), Answer::Same]);
    let flags: [Arc<AtomicBool>; 3] = Default::default();
    let [places, changed, waiting] = flags.clone();
    let source = Elsewhere {
        inner,
        places,
        changed,
        waiting,
    };
    let (_reload, log, kept) = start(source, often(), |_: &Arc<PinSet>| Ok::<_, String>(())).await;
    for (told, flag) in flags.iter().enumerate() {
        flag.store(true, Ordering::Relaxed);
        let panics = || {
            log.of("it")
                .iter()
                .filter(|line| line.starts_with(": reload.panicked"))
                .count()
        };
        until("told", || panics() > told).await;
        until("well again", || kept.status().is_current()).await;
    }
}
