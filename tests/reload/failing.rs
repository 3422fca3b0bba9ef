//! Sources that fail, panic and hang, and what becomes of what is in force.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign::identity::{PeerChain, SpkiHash};
use countersign::observe::InForce;
use countersign::payload::{FindKeys as _, Keyring, NoKey, Scheme, Secret, Wanted};
use countersign::reload::{Publish, Reload, Rules};
use countersign::testing::TestCa;
use countersign::tls::rustls::pki_types::UnixTime;
use countersign::trust::{PinSet, Role, Untrusted, VerifiedPeer};

use crate::scripted::{Answer, Scripted};
use crate::world::{Log, rules, tenant, until, until_generation};

#[tokio::test]
async fn a_source_that_fails_or_panics_changes_nothing_and_is_asked_again() {
    use Answer::{Fails, Panics, PanicsLater, Pins};
    let log = Log::default();
    let reload = Reload::new().observed_by(Arc::new(log.clone()));
    let script = Scripted::new(&[Pins(1), Fails, Panics, PanicsLater, Pins(2), Answer::Same]);
    let rules = rules().looking_every(Duration::from_millis(30));
    let pins = reload.start("pins", script, rules).await.expect("a pin");
    until_generation(&pins, 2).await;
    assert_eq!(
        log.of("pins"),
        [
            "1",
            ": reload.invalid (last_good)",
            ": reload.panicked (last_good)",
            ": reload.panicked (last_good)",
            "2"
        ]
    );
    // Nothing is begun with what is not good.
    for (answer, code) in [
        (Fails, "reload.invalid"),
        (Panics, "reload.panicked"),
        (Answer::Same, "reload.invalid"),
    ] {
        let refused = reload.start("other", Scripted::new(&[answer]), rules).await;
        assert_eq!(refused.map(drop).map_err(|why| why.code()), Err(code));
    }
    let statuses = reload.statuses();
    assert_eq!(
        statuses.iter().map(|status| &*status.name).collect::<Vec<_>>(),
        ["pins"]
    );
}

/// Nothing has changed, so nothing is loaded; but whoever was told of the failure waits for its end.
#[tokio::test]
async fn the_end_of_a_failure_is_told_once() {
    use Answer::{Fails, Pins, Same, SameDespite};
    let log = Log::default();
    let reload = Reload::new().observed_by(Arc::new(log.clone()));
    let script = Scripted::new(&[
        Pins(1),
        Same,
        Fails,
        Fails,
        Same,
        Same,
        SameDespite,
        Same,
        Fails,
        Pins(2),
        Same,
    ]);
    let asked = script.asked.clone();
    let rules = rules().looking_every(Duration::from_millis(5));
    let _pins = reload.start("pins", script, rules).await.expect("a pin");
    until("asked", || asked.load(Ordering::Relaxed) > 12).await;
    let failed = ": reload.invalid (last_good)";
    assert_eq!(
        log.of("pins"),
        ["1", failed, failed, "recovered", failed, "recovered", failed, "2"]
    );
}

#[tokio::test]
async fn what_is_too_old_is_withdrawn_where_that_was_chosen() {
    let ca = TestCa::new("Acme Root");
    let client = ca.client("spiffe://pay.example/tenant/acme").issue();
    let chain = PeerChain::parse(client.chain()).expect("a chain");
    let log = Log::default();
    let reload = Reload::new().observed_by(Arc::new(log.clone()));
    let rules = rules().looking_every(Duration::from_millis(20));
    let script = Scripted::new(&[Answer::Pins(1), Answer::Same]);
    let closing = rules.failing_closed_after(Duration::from_millis(300));
    let closed = reload
        .start("closed", script.clone(), closing)
        .await
        .expect("a pin");
    let open = reload.start("open", Scripted::new(&[Answer::Pins(1), Answer::Fails]), rules);
    let open = open.await.expect("a pin");
    let verdict = |live: countersign::live::Live<PinSet>| {
        VerifiedPeer::verify(&live, chain.clone(), Role::Client, UnixTime::now()).err()
    };
    let not_pinned = || {
        Some(Untrusted::NotPinned {
            spki: chain.leaf().spki(),
        })
    };

    // As long as it is found unchanged, it is not old.
    let asked = script.asked.load(Ordering::Relaxed);
    until("asked often", || {
        script.asked.load(Ordering::Relaxed) > asked + 30
    })
    .await;
    assert_eq!(verdict(closed.live()), not_pinned());
    let generation = countersign::trust::VerifyPeer::generation(&closed.live());

    script.now_says(Answer::Fails);
    until("withdrawn", || closed.status().in_force == InForce::Nothing).await;
    assert_eq!(verdict(closed.live()), Some(Untrusted::Unavailable));
    assert!(countersign::trust::VerifyPeer::generation(&closed.live()) > generation);
    until("told", || {
        log.of("closed")
            .contains(&": reload.too_old (nothing)".to_owned())
    })
    .await;
    assert_eq!(verdict(open.live()), not_pinned());
    assert_eq!(open.status().in_force, InForce::LastGood);

    script.now_says(Answer::Pins(3));
    until("in force again", || closed.status().in_force == InForce::LastGood).await;
    assert_eq!(verdict(closed.live()), not_pinned());
}

struct Refusing(Arc<Mutex<Vec<&'static str>>>);

impl Publish<PinSet> for Refusing {
    fn publish(&self, value: &Arc<PinSet>) -> Result<(), String> {
        let mut said = self.0.lock().expect("no panic");
        if **value == PinSet::new([SpkiHash::of(&[2])]) {
            said.push("refused");
            return Err("not that one".to_owned());
        }
        said.push("taken");
        Ok(())
    }

    fn withdraw(&self) {
        self.0.lock().expect("no panic").push("withdrawn");
    }
}

#[tokio::test]
async fn whoever_uses_it_agrees_first() {
    use Answer::{Fails, Pins};
    let (log, said) = (Log::default(), Arc::default());
    let reload = Reload::new().observed_by(Arc::new(log.clone()));
    let script = Scripted::new(&[Pins(1), Pins(2), Pins(3), Fails]);
    let rules = rules()
        .looking_every(Duration::from_millis(10))
        .failing_closed_after(Duration::from_millis(500));
    let publish = Refusing(Arc::clone(&said));
    let pins = reload
        .start_with("pins", script, rules, publish)
        .await
        .expect("a pin");
    until("withdrawn", || pins.status().in_force == InForce::Nothing).await;
    assert_eq!(
        *said.lock().expect("no panic"),
        ["taken", "refused", "taken", "withdrawn"]
    );
    assert_eq!(log.of("pins")[..3], ["1", ": reload.invalid (last_good)", "2"]);
}

#[tokio::test]
async fn a_withdrawn_ring_is_an_outage() {
    let secret = Secret::new("a secret of sixteen bytes");
    let ring = Keyring::builder(&Scheme::github())
        .key(tenant("acme"), "2026", secret)
        .build();
    let keys = countersign::live::Live::new(ring.expect("a ring"));
    let found = || {
        keys.find_keys(&Wanted::of(None))
            .map(|keys| keys.owner().to_string())
    };
    assert_eq!(found(), Ok("acme".to_owned()));
    keys.withdraw();
    assert_eq!(found(), Err(NoKey::Unavailable));
    keys.publish(keys.load());
    assert_eq!(found(), Ok("acme".to_owned()));
}

#[tokio::test]
async fn with_the_last_handle_the_tasks_end_and_what_was_in_force_stays() {
    let script = Scripted::new(&[Answer::Pins(1), Answer::Same]);
    let asked = script.asked.clone();
    let reload = Reload::new();
    let rules = Rules::default().looking_every(Duration::from_millis(5));
    let pins = reload.start("pins", script, rules).await.expect("a pin");
    until("asked", || asked.load(Ordering::Relaxed) > 5).await;
    drop(reload);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let last = asked.load(Ordering::Relaxed);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(asked.load(Ordering::Relaxed), last);
    assert_eq!(pins.live().load().len(), 1);
}
