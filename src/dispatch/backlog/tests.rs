use super::*;
use crate::breaker::NotNow;
use crate::dispatch::RetryRules;
use crate::tenant::TenantId;

const START: u64 = 1_000_000;

fn at(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(START + seconds))
}

fn endpoint(host: &str) -> Endpoint {
    let acme = TenantId::parse("acme").expect("a name");
    Endpoint::parse(acme, &format!("https://{host}/")).expect("a URL")
}

fn delivery(id: &str) -> Delivery {
    Delivery::new(TenantId::parse("acme").expect("a name"), id, "{}")
}

fn failed(failure: Failure, now: UnixTime) -> Outcome {
    Outcome::failed(failure, &RetryRules::default(), now)
}

fn status(status: u16, now: UnixTime) -> Outcome {
    failed(Failure::Status { status }, now)
}

fn open(until: u64, now: UnixTime) -> Outcome {
    let until = at(until);
    failed(Failure::NotNow(NotNow::Open { until }), now)
}

fn delivered() -> Outcome {
    Outcome {
        fate: Fate::Delivered,
        failure: None,
        answer: None,
    }
}

fn backlog() -> Backlog {
    Backlog::new(Schedule::new([10, 100].map(Duration::from_secs)))
}

fn ids(all: &[QueuedDelivery]) -> Vec<&str> {
    all.iter().map(|queued| queued.delivery().id()).collect()
}

/// All that is due, in its order.
fn due(backlog: &mut Backlog, now: UnixTime) -> Vec<QueuedDelivery> {
    std::iter::from_fn(|| backlog.next(now)).collect()
}

fn settle(backlog: &mut Backlog, queued: QueuedDelivery, outcome: &Outcome, now: UnixTime) -> String {
    match backlog.settle(queued, outcome, now, Jitter::NONE) {
        Settled::Delivered => "delivered".to_owned(),
        Settled::Waits { until } => format!("waits until {}", until.as_secs() - START),
        Settled::Ended(all) => format!("ended: {}", ids(&all).join(" ")),
    }
}

#[test]
fn an_endpoint_that_answers_has_all_its_deliveries_side_by_side() {
    let mut backlog = backlog();
    for id in ["a", "b", "c"] {
        backlog.push(endpoint("one.example"), delivery(id), at(0));
    }
    assert_eq!((backlog.len(), backlog.is_empty()), (3, false));
    let all = due(&mut backlog, at(0));
    assert_eq!(ids(&all), ["a", "b", "c"]);
    assert_eq!(all[0].delivery().body(), "{}");
    assert_eq!((backlog.len(), backlog.next_at()), (0, None));
    for queued in all {
        assert_eq!(settle(&mut backlog, queued, &delivered(), at(1)), "delivered");
    }
    assert!(backlog.lines.is_empty());
}

#[test]
fn a_failure_waits_by_the_schedule_until_that_is_used_up() {
    let mut backlog = backlog();
    backlog.push(endpoint("one.example"), delivery("a"), at(0));
    for (now, failures, expected) in [
        (0, 0, "waits until 10"),
        (10, 1, "waits until 110"),
        (110, 2, "ended: a"),
    ] {
        assert_eq!(backlog.next_at(), Some(at(now)));
        assert!(now == 0 || backlog.next(at(now - 1)).is_none());
        let queued = backlog.next(at(now)).expect("due");
        assert_eq!(queued.failures(), failures);
        let outcome = status(500, at(now));
        assert_eq!(settle(&mut backlog, queued, &outcome, at(now)), expected);
    }
    assert!(backlog.is_empty() && backlog.lines.is_empty());
}

#[test]
fn what_is_dead_or_gone_ends() {
    let mut backlog = backlog();
    for id in ["a", "b", "c"] {
        backlog.push(endpoint("one.example"), delivery(id), at(0));
    }
    backlog.push(endpoint("two.example"), delivery("d"), at(0));
    let dead = failed(Failure::Unclaimed, at(0));
    let gone = failed(Failure::Gone { status: 410 }, at(0));
    let queued = backlog.next(at(0)).expect("due");
    assert_eq!(settle(&mut backlog, queued, &dead, at(0)), "ended: a");
    let queued = backlog.next(at(0)).expect("due");
    assert_eq!(settle(&mut backlog, queued, &gone, at(0)), "ended: b c");
    assert_eq!(ids(&due(&mut backlog, at(0))), ["d"], "another endpoint's");
    assert!(backlog.ends.is_empty() && backlog.turns.is_empty());
}

/// While the circuit is open, nobody asks; then one at a time, until one is delivered.
#[test]
fn an_endpoint_whose_circuit_is_open_has_one_waiter() {
    let (one, mut backlog) = (endpoint("one.example"), backlog());
    for id in ["a", "b", "c"] {
        backlog.push(one.clone(), delivery(id), at(0));
    }
    backlog.push(endpoint("two.example"), delivery("d"), at(1));
    let first = backlog.next(at(0)).expect("due");
    // It has not been tried, and it stays the first.
    assert_eq!(
        settle(&mut backlog, first, &open(30, at(0)), at(0)),
        "waits until 0"
    );
    assert_eq!(ids(&due(&mut backlog, at(29))), ["d"], "another endpoint's");
    assert_eq!(backlog.next_at(), Some(at(30)));
    let mut probe = due(&mut backlog, at(30));
    assert_eq!((ids(&probe), probe[0].failures()), (vec!["a"], 0));
    // The probe fails: that counts. The next one asks, and finds that the circuit is open again.
    let probe = probe.pop().expect("one");
    assert_eq!(
        settle(&mut backlog, probe, &status(500, at(31)), at(31)),
        "waits until 41"
    );
    let mut next = due(&mut backlog, at(31));
    assert_eq!(ids(&next), ["b"]);
    let next = next.pop().expect("one");
    let _ = settle(&mut backlog, next, &open(90, at(31)), at(31));
    assert_eq!(ids(&due(&mut backlog, at(89))), [""; 0]);
    // The probe is delivered: all the others go.
    let probe = backlog.next(at(90)).expect("due");
    assert_eq!(ids(&due(&mut backlog, at(90))), [""; 0]);
    assert_eq!(settle(&mut backlog, probe, &delivered(), at(91)), "delivered");
    assert_eq!(ids(&due(&mut backlog, at(91))), ["c", "a"]);
}

/// Three were under way when the circuit opened. What they find does not open the line.
#[test]
fn what_was_under_way_changes_nothing_for_a_closed_line() {
    let mut backlog = backlog();
    for id in ["a", "b", "c", "d"] {
        backlog.push(endpoint("one.example"), delivery(id), at(0));
    }
    let mut out: Vec<_> = (0..3).filter_map(|_| backlog.next(at(0))).collect();
    let (c, b, a) = (out.pop(), out.pop(), out.pop());
    let _ = settle(&mut backlog, a.expect("a"), &open(30, at(0)), at(0));
    let _ = settle(&mut backlog, b.expect("b"), &delivered(), at(1));
    let _ = settle(&mut backlog, c.expect("c"), &status(500, at(2)), at(2));
    assert_eq!(ids(&due(&mut backlog, at(29))), [""; 0]);
    assert_eq!(ids(&due(&mut backlog, at(30))), ["a"]);
}

#[test]
fn a_delivery_has_a_last_moment() {
    let (one, mut backlog) = (endpoint("one.example"), backlog());
    backlog.push(one.clone(), delivery("a").with_expiry(at(50)), at(0));
    backlog.push(one.clone(), delivery("b"), at(0));
    let queued = backlog.next(at(0)).expect("due");
    let _ = settle(&mut backlog, queued, &open(600, at(0)), at(0));
    // It comes out in spite of the closed line, and neither leads it nor opens it.
    assert_eq!(backlog.next_at(), Some(at(51)));
    assert_eq!(ids(&due(&mut backlog, at(50))), [""; 0]);
    let mut expired = due(&mut backlog, at(51));
    assert_eq!(ids(&expired), ["a"]);
    let outcome = failed(Failure::Expired { at: at(50) }, at(51));
    let expired = expired.pop().expect("one");
    assert_eq!(settle(&mut backlog, expired, &outcome, at(51)), "ended: a");
    assert_eq!(backlog.next_at(), Some(at(600)));
    // Without one of its own: the schedule, with the latest jitter, and an hour.
    let last = 132 + 3600;
    let queued = backlog.next(at(600)).expect("due");
    assert_eq!(queued.delivery().expires(), Some(at(last)));
    let _ = settle(&mut backlog, queued, &open(9_999, at(600)), at(600));
    assert_eq!(backlog.next_at(), Some(at(last + 1)));
}

/// By the dispatcher's clock it has not expired.
#[test]
fn what_has_expired_is_not_put_back() {
    let mut backlog = backlog();
    backlog.push(endpoint("one.example"), delivery("a").with_expiry(at(50)), at(0));
    let queued = backlog.next(at(50)).expect("due");
    let waits = settle(&mut backlog, queued, &open(90, at(50)), at(50));
    assert_eq!(waits, "waits until 0", "its last second is its own");
    for outcome in [open(90, at(51)), status(500, at(51))] {
        let mut backlog = self::backlog();
        backlog.push(endpoint("one.example"), delivery("a").with_expiry(at(50)), at(0));
        let queued = backlog.next(at(51)).expect("expired");
        assert_eq!(settle(&mut backlog, queued, &outcome, at(51)), "ended: a");
    }
}

#[test]
fn what_would_be_tried_after_its_last_moment_ends_at_once() {
    for (last, expected) in [(10, "waits until 10"), (9, "ended: a")] {
        let mut backlog = backlog();
        backlog.push(
            endpoint("one.example"),
            delivery("a").with_expiry(at(last)),
            at(0),
        );
        let queued = backlog.next(at(0)).expect("due");
        let outcome = status(500, at(0));
        assert_eq!(settle(&mut backlog, queued, &outcome, at(0)), expected);
    }
}

/// Whoever took it has panicked: its line does not wait for ever.
#[test]
fn a_line_goes_on_without_a_probe_that_was_lost() {
    let (one, mut backlog) = (endpoint("one.example"), backlog());
    backlog.push(one.clone(), delivery("a"), at(0));
    backlog.push(one, delivery("b"), at(0));
    let queued = backlog.next(at(0)).expect("due");
    let _ = settle(&mut backlog, queued, &open(30, at(0)), at(0));
    drop(backlog.next(at(30)));
    assert_eq!(backlog.next_at(), Some(at(30 + LOST_AFTER)));
    assert_eq!(ids(&due(&mut backlog, at(30 + LOST_AFTER))), ["b"]);
}

#[test]
fn an_endpoint_that_is_taken_away_leaves_nothing_behind() {
    let (one, mut backlog) = (endpoint("one.example"), backlog());
    for id in ["a", "b", "c"] {
        backlog.push(one.clone(), delivery(id), at(0));
    }
    let out = backlog.next(at(0)).expect("due");
    assert_eq!(ids(&backlog.remove(&one)), ["b", "c"]);
    assert_eq!(ids(&backlog.remove(&one)), [""; 0]);
    assert_eq!((backlog.len(), backlog.next_at()), (0, None));
    assert_eq!(settle(&mut backlog, out, &delivered(), at(1)), "delivered");
    assert!(backlog.lines.is_empty() && backlog.ends.is_empty() && backlog.turns.is_empty());
}
