//! Against a model that keeps every verdict, and has room for everything.

use std::collections::HashMap;

use countersign::breaker::{Breaker, NotNow, Permit, State, Verdict};
use proptest::prelude::*;

use crate::support::{at, secs};

const START: u64 = 1_000;

#[derive(Debug, Clone, Copy)]
struct Set {
    percent: u8,
    requests: u32,
    in_a_row: u32,
    window: u64,
    first: u64,
    longest: u64,
    probes: u32,
}

#[derive(Debug, Clone, Copy)]
enum Do {
    Ask(u8),
    /// One of the permits, by chance, and what is said of it.
    Record(prop::sample::Index, Verdict),
    Drop(prop::sample::Index),
    Reset(u8),
}

#[derive(Debug, Clone)]
enum Is {
    Closed(Vec<(u64, bool)>),
    Open {
        until: u64,
        times: u32,
    },
    HalfOpen {
        probing: u32,
        succeeded: u32,
        times: u32,
    },
}

#[derive(Debug, Clone)]
struct Circuit {
    is: Is,
    epoch: u32,
}

struct Model {
    set: Set,
    circuits: HashMap<u8, Circuit>,
    now: u64,
}

impl Model {
    fn circuit(&mut self, key: u8) -> &mut Circuit {
        let is = Is::Closed(Vec::new());
        self.circuits.entry(key).or_insert(Circuit { is, epoch: 0 })
    }

    fn ask(&mut self, key: u8) -> Result<u32, NotNow> {
        let (now, set) = (self.now, self.set);
        let circuit = self.circuit(key);
        if let Is::Open { until, times } = circuit.is {
            if now < until {
                return Err(NotNow::Open { until: at(until) });
            }
            circuit.is = Is::HalfOpen {
                probing: 0,
                succeeded: 0,
                times,
            };
            circuit.epoch += 1;
        }
        if let Is::HalfOpen {
            probing, succeeded, ..
        } = &mut circuit.is
        {
            if *probing + *succeeded == set.probes {
                return Err(NotNow::Probing);
            }
            *probing += 1;
        }
        Ok(circuit.epoch)
    }

    fn record(&mut self, key: u8, epoch: u32, failed: bool) {
        let (now, set) = (self.now, self.set);
        let circuit = self.circuit(key);
        if circuit.epoch != epoch {
            return;
        }
        let next = match &mut circuit.is {
            Is::Closed(verdicts) => {
                verdicts.push((now, failed));
                (failed && trips(verdicts, now, set)).then_some(Is::Open {
                    until: now + set.first,
                    times: 1,
                })
            }
            Is::HalfOpen { times, .. } if failed => {
                let longer = (0..*times).fold(set.first, |time, _| (time * 2).min(set.longest));
                Some(Is::Open {
                    until: now + longer,
                    times: *times + 1,
                })
            }
            Is::HalfOpen {
                probing, succeeded, ..
            } => {
                (*probing, *succeeded) = (*probing - 1, *succeeded + 1);
                (*succeeded == set.probes).then_some(Is::Closed(Vec::new()))
            }
            Is::Open { .. } => unreachable!("nobody holds a permit of an open circuit"),
        };
        if let Some(next) = next {
            circuit.is = next;
            circuit.epoch += 1;
        }
    }

    fn give_back(&mut self, key: u8, epoch: u32) {
        let circuit = self.circuit(key);
        if let Is::HalfOpen { probing, .. } = &mut circuit.is
            && circuit.epoch == epoch
        {
            *probing -= 1;
        }
    }

    fn reset(&mut self, key: u8) {
        let circuit = self.circuit(key);
        circuit.epoch += u32::from(!matches!(circuit.is, Is::Closed(_)));
        circuit.is = Is::Closed(Vec::new());
    }

    fn state(&mut self, key: u8) -> State {
        let (now, set) = (self.now, self.set);
        match &self.circuit(key).is {
            Is::Closed(verdicts) => {
                let (requests, failures) = counts(verdicts, now, set);
                State::Closed { requests, failures }
            }
            Is::Open { until, .. } if now < *until => State::Open { until: at(*until) },
            Is::Open { .. } => State::HalfOpen {
                probing: 0,
                succeeded: 0,
            },
            Is::HalfOpen {
                probing, succeeded, ..
            } => State::HalfOpen {
                probing: *probing,
                succeeded: *succeeded,
            },
        }
    }
}

/// Verdicts of the steps that lie within the window.
fn counts(verdicts: &[(u64, bool)], now: u64, set: Set) -> (u32, u32) {
    let step = set.window.div_ceil(8);
    let number = |time: u64| (time - START) / step;
    let within = |(time, _): &&(u64, bool)| number(now) - number(*time) < set.window.div_ceil(step);
    let failed: Vec<bool> = verdicts
        .iter()
        .filter(within)
        .map(|(_, failed)| *failed)
        .collect();
    (
        failed.len() as u32,
        failed.iter().filter(|failed| **failed).count() as u32,
    )
}

fn trips(verdicts: &[(u64, bool)], now: u64, set: Set) -> bool {
    let (requests, failures) = counts(verdicts, now, set);
    let in_a_row = verdicts.iter().rev().take_while(|(_, failed)| *failed).count() as u32;
    (requests >= set.requests && f64::from(failures) >= f64::from(requests) * f64::from(set.percent) / 100.0)
        || (set.in_a_row > 0 && in_a_row >= set.in_a_row)
}

fn sets() -> impl Strategy<Value = Set> {
    (1..=101u8, 1..8u32, 0..5u32, 1..30u64, 1..20u64, 1..5u64, 1..4u32).prop_map(
        |(percent, requests, in_a_row, window, first, longer, probes)| Set {
            percent,
            requests,
            in_a_row,
            window,
            first,
            longest: first * longer,
            probes,
        },
    )
}

fn steps() -> impl Strategy<Value = Vec<(i64, Do)>> {
    let verdict = prop_oneof![
        2 => Just(Verdict::Success),
        4 => Just(Verdict::Failure),
        1 => Just(Verdict::NotCounted),
    ];
    let what = prop_oneof![
        8 => (0..2u8).prop_map(Do::Ask),
        8 => (any::<prop::sample::Index>(), verdict).prop_map(|(permit, verdict)| Do::Record(permit, verdict)),
        1 => any::<prop::sample::Index>().prop_map(Do::Drop),
        1 => (0..2u8).prop_map(Do::Reset),
    ];
    // Some are late, by less than a clock that was set back.
    let passed = prop_oneof![6 => Just(0), 3 => 1..4i64, 1 => 4..40i64, 1 => -9..0i64];
    prop::collection::vec((passed, what), 1..120)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_does_what_the_model_does(set in sets(), steps in steps()) {
        let breaker = Breaker::new(10)
            .trip_at_rate(set.percent, set.requests)
            .trip_in_a_row(set.in_a_row)
            .with_window(secs(set.window))
            .with_open_time(secs(set.first), secs(set.longest))
            .with_probes(set.probes);
        let mut model = Model { set, circuits: HashMap::new(), now: START };
        // Both know the same time, whatever the step does with it.
        let tell = |time| drop(breaker.ask(&9, at(time)));
        tell(START);
        let mut permits: Vec<(Permit<u8>, u8, u32)> = Vec::new();
        for (passed, step) in steps {
            let told = model.now.saturating_add_signed(passed);
            model.now = model.now.max(told);
            tell(told);
            match step {
                Do::Ask(key) => {
                    let (ours, theirs) = (breaker.ask(&key, at(told)), model.ask(key));
                    prop_assert_eq!(ours.as_ref().map(drop), theirs.as_ref().map(drop));
                    permits.extend(ours.ok().zip(theirs.ok()).map(|(permit, epoch)| (permit, key, epoch)));
                }
                Do::Record(_, _) | Do::Drop(_) if permits.is_empty() => {}
                Do::Record(which, verdict) => {
                    let (permit, key, epoch) = permits.swap_remove(which.index(permits.len()));
                    let before = model.state(key).name();
                    let change = permit.record(verdict, at(told));
                    match verdict {
                        Verdict::Success => model.record(key, epoch, false),
                        Verdict::Failure => model.record(key, epoch, true),
                        _ => model.give_back(key, epoch),
                    }
                    let after = model.state(key).name();
                    let expected = (before != after).then_some((before, after));
                    prop_assert_eq!(change.map(|change| (change.from.name(), change.to.name())), expected);
                }
                Do::Drop(which) => {
                    let (permit, key, epoch) = permits.swap_remove(which.index(permits.len()));
                    drop(permit);
                    model.give_back(key, epoch);
                }
                Do::Reset(key) => {
                    breaker.reset(&key, at(told));
                    model.reset(key);
                }
            }
            for key in [0, 1] {
                prop_assert_eq!(breaker.state(&key, at(told)), model.state(key), "{:?}", key);
            }
        }
    }
}
