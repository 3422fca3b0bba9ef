//! WAS IT HANDLED? Claims as stores keep them. The memory store answers as a list of what was written would, whatever is claimed, committed and waited for;
//! and of what Redis may answer, a claim is granted only where it says so.
#![no_main]

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use arbitrary::{Result, Unstructured};
use countersign::clock::Monotonic;
use countersign::replay::{
    Claim, ClaimAnswer, ClaimKey, Claimed, MemoryStore, RedisStore, ReplayStore, Settlement, StoreDown, Terms,
};
use countersign::tenant::TenantId;
use countersign_fuzz::{at, bytes, within};
use libfuzzer_sys::fuzz_target;
use redis::aio::ConnectionLike;
use redis::{Cmd, ErrorKind, RedisError, RedisFuture, RedisResult, Value};

// Choices: which store, and what is done with it.
fuzz_target!(|data: &[u8]| {
    // An input that ends early has chosen nothing more.
    let _ = play(&mut Unstructured::new(data));
});

fn play(choices: &mut Unstructured<'_>) -> Result<()> {
    match choices.int_in_range(0..=2)? {
        0 | 1 => in_memory(choices),
        _ => in_redis(choices),
    }
}

/// The answer of what answers at once.
fn ready<T>(future: impl Future<Output = T>) -> T {
    match std::pin::pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => panic!("it waits"),
    }
}

fn claim(choices: &mut Unstructured<'_>, now: u64) -> Result<Claim> {
    let delivery = choices.int_in_range(0..=5u8)?;
    let tenant = TenantId::parse(["acme", "globex"][usize::from(delivery % 2)]).expect("a tenant");
    let key = ClaimKey::of(&tenant, "scheme", [&[delivery][..]]);
    let (lease, window) = (choices.int_in_range(0..=20)?, choices.int_in_range(0..=60)?);
    let terms = Terms::default()
        .with_lease(Duration::from_secs(lease))
        .with_window(Duration::from_secs(window));
    let fresh_until = match choices.arbitrary()? {
        true => Some(at(now.saturating_add_signed(choices.arbitrary::<i8>()?.into()))),
        false => None,
    };
    Ok(Claim::new(key, tenant, at(now), terms, fresh_until))
}

/// What was written about one delivery.
#[derive(Clone, Copy)]
struct Written {
    token: u64,
    is_handled: bool,
    /// The last second by the store's clock, and by that of those who claim.
    end: u64,
    passes_until: Option<u64>,
    /// Whether it had ended at some time, by both clocks.
    has_ended: bool,
}

/// What the promise of [`ReplayStore`] makes of what was written, with room for everything.
#[derive(Default)]
struct Model {
    held: HashMap<ClaimKey, Written>,
    now: u64,
    /// The time that was told last, and when.
    told: (u64, u64),
    was_set_back: bool,
}

impl Model {
    /// What was handled may be kept for longer once the clock of those who claim was set back: until then as if it had been written so.
    fn keep(&mut self, key: &ClaimKey) {
        if let Some(held) = self.held.get_mut(key).filter(|held| held.is_handled)
            && self.was_set_back
        {
            held.end = held.end.max(self.now);
        }
    }

    /// What had ended may be forgotten, and is not known again when the clock of those who claim is set back afterwards.
    fn forget(&mut self, key: &ClaimKey) {
        if self.held.get(key).is_some_and(|held| held.has_ended) {
            self.held.remove(key);
        }
    }

    /// The present, by both clocks.
    fn look(&mut self) {
        let ended: Vec<_> = self
            .held
            .keys()
            .filter(|key| self.live(key).is_none())
            .copied()
            .collect();
        for key in ended {
            self.held.entry(key).and_modify(|held| held.has_ended = true);
        }
    }

    fn live(&self, key: &ClaimKey) -> Option<Written> {
        let held = *self.held.get(key)?;
        let told = self.told.0 + (self.now - self.told.1);
        let passes = held.is_handled && held.passes_until.is_some_and(|until| until >= told);
        (held.end >= self.now || passes).then_some(held)
    }

    fn claim(&mut self, claim: &Claim) -> Option<ClaimAnswer> {
        let mut held = self.live(&claim.key)?;
        if !held.is_handled {
            let left = Duration::from_secs(held.end - self.now);
            return Some(ClaimAnswer::InProgress { left });
        }
        if let (Some(span), Some(until)) = (claim.renewal(), claim.renew_until) {
            held.end = held.end.max(self.now + span.as_secs());
            held.passes_until = held.passes_until.max(Some(until.as_secs()));
            self.held.insert(claim.key, held);
        }
        Some(ClaimAnswer::Handled)
    }

    fn granted(&mut self, claim: &Claim, token: u64) {
        let end = self.now + claim.lease.as_secs();
        let written = Written {
            token,
            is_handled: false,
            end,
            passes_until: None,
            has_ended: false,
        };
        self.held.insert(claim.key, written);
    }

    fn commit(&mut self, claimed: &Claimed) -> Settlement {
        let held = self.live(&claimed.key());
        let (end, until) = (
            self.now + claimed.window().as_secs(),
            claimed.renew_until().map(|until| until.as_secs()),
        );
        let written = Written {
            token: claimed.token(),
            is_handled: true,
            end: held.map_or(end, |held| held.end.max(end)),
            passes_until: held.map_or(until, |held| held.passes_until.max(until)),
            has_ended: false,
        };
        self.held.insert(claimed.key(), written);
        match held {
            Some(held) if held.token != claimed.token() => Settlement::LeaseLost,
            _ => Settlement::Done,
        }
    }

    fn release(&mut self, claimed: &Claimed) -> Settlement {
        match self.live(&claimed.key()) {
            Some(held) if !held.is_handled && held.token == claimed.token() => {
                self.held.remove(&claimed.key());
                Settlement::Done
            }
            _ => Settlement::LeaseLost,
        }
    }
}

fn in_memory(choices: &mut Unstructured<'_>) -> Result<()> {
    let seconds = Arc::new(AtomicU64::new(0));
    let clock = {
        let seconds = seconds.clone();
        Monotonic::new(move || Duration::from_secs(seconds.load(Ordering::Relaxed)))
    };
    // Of two tenants with three deliveries each, none is refused for want of room; in the small one, some are.
    let is_small = choices.ratio(1, 4)?;
    let store = MemoryStore::of_claims(if is_small { 3 } else { 64 }).with_clock(clock);
    let (mut model, mut granted, mut now) = (Model::default(), Vec::<Claimed>::new(), 1_000_000_u64);
    for _ in 0..choices.int_in_range(1..=40)? {
        match choices.int_in_range(0..=5)? {
            0 | 1 => {
                let claim = claim(choices, now)?;
                let answer = ready(store.claim(&claim));
                model.told = (claim.now.as_secs(), model.now);
                model.look();
                match answer {
                    Ok(ClaimAnswer::Handled) => model.keep(&claim.key),
                    Ok(ClaimAnswer::Granted(_)) | Err(_) => model.forget(&claim.key),
                    _ => {}
                }
                match (answer, model.claim(&claim)) {
                    (Ok(ClaimAnswer::Granted(grant)), None) => {
                        assert!(
                            granted.iter().all(|other| other.token() != grant.token()),
                            "a token twice"
                        );
                        model.granted(&claim, grant.token());
                        granted.push(grant);
                    }
                    (Err(StoreDown::Full | StoreDown::ShareUsedUp { .. }), None) if is_small => {}
                    (answer, expected) => assert_eq!(answer.ok(), expected, "of {claim:?}"),
                }
            }
            2 if !granted.is_empty() => {
                let claimed = choices.choose(&granted)?;
                let settled = ready(store.commit(claimed));
                model.look();
                match settled {
                    Ok(Settlement::LeaseLost) => model.keep(&claimed.key()),
                    _ => model.forget(&claimed.key()),
                }
                match settled {
                    Err(StoreDown::Full | StoreDown::ShareUsedUp { .. })
                        if is_small && model.live(&claimed.key()).is_none() => {}
                    settled => assert_eq!(settled, Ok(model.commit(claimed)), "{claimed:?}"),
                }
            }
            3 if !granted.is_empty() => {
                let claimed = choices.choose(&granted)?;
                assert_eq!(
                    ready(store.release(claimed)),
                    Ok(model.release(claimed)),
                    "{claimed:?}"
                );
            }
            4 => {
                let passed = u64::from(choices.arbitrary::<u8>()? % 64);
                model.now += passed;
                now += passed;
                seconds.store(model.now, Ordering::Relaxed);
                model.look();
            }
            // The clock of those who claim is set.
            _ => {
                let by: i8 = choices.arbitrary()?;
                model.was_set_back |= by < 0;
                now = now.saturating_add_signed(by.into());
            }
        }
    }
    Ok(())
}

/// A server that answers what it is told to, and then with nothing.
#[derive(Clone)]
struct Fake(Arc<Mutex<VecDeque<RedisResult<Value>>>>);

impl ConnectionLike for Fake {
    fn req_packed_command<'a>(&'a mut self, _: &'a Cmd) -> RedisFuture<'a, Value> {
        let next = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        Box::pin(async { next.unwrap_or(Ok(Value::Nil)) })
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        _: &'a redis::Pipeline,
        _: usize,
        _: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        unreachable!("one at a time")
    }

    fn get_db(&self) -> i64 {
        0
    }
}

fn value(choices: &mut Unstructured<'_>, depth: u8) -> Result<Value> {
    const WORDS: &[&[u8]] = &[
        b"granted",
        b"handled",
        b"leased",
        b"done",
        b"lost",
        b"GRANTED",
        b"granted ",
        b"",
    ];
    Ok(match choices.int_in_range(0..=9)? {
        0..=3 if depth > 0 => {
            let count = choices.int_in_range(0..=3)?;
            Value::Array(
                (0..count)
                    .map(|_| value(choices, depth - 1))
                    .collect::<Result<_>>()?,
            )
        }
        4 | 5 => Value::BulkString(choices.choose(WORDS)?.to_vec()),
        6 => Value::Int(choices.arbitrary()?),
        7 => Value::SimpleString("granted".to_owned()),
        8 => Value::BulkString(bytes(choices, 16)?.to_vec()),
        _ => Value::Nil,
    })
}

fn reply(choices: &mut Unstructured<'_>) -> Result<RedisResult<Value>> {
    let error = |kind, what| Ok(Err(RedisError::from((kind, what))));
    match choices.int_in_range(0..=7)? {
        0 => error(ErrorKind::Io, "broken"),
        1 => error(ErrorKind::Server(redis::ServerErrorKind::NoScript), "no script"),
        2 => error(ErrorKind::Server(redis::ServerErrorKind::ReadOnly), "a replica"),
        3 => Ok(Err(
            std::io::Error::from(std::io::ErrorKind::ConnectionReset).into()
        )),
        _ => Ok(Ok(value(choices, 2)?)),
    }
}

/// What the words of a script's answer are, and the number behind them.
fn words(value: &Value) -> Option<(&[u8], Option<i64>)> {
    let Value::Array(parts) = value else { return None };
    let Some(Value::BulkString(word)) = parts.first() else {
        return None;
    };
    let number = parts.get(1).and_then(|part| match part {
        Value::Int(number) => Some(*number),
        _ => None,
    });
    Some((word, number))
}

fn in_redis(choices: &mut Unstructured<'_>) -> Result<()> {
    let count = choices.int_in_range(0..=4)?;
    let replies: Vec<_> = (0..count).map(|_| reply(choices)).collect::<Result<_>>()?;
    let queue = Fake(Arc::new(Mutex::new(replies.iter().cloned().collect())));
    let store = RedisStore::over(queue)
        .with_timeout(Duration::from_secs(60))
        .with_patience(Duration::ZERO);
    let claim = claim(choices, 1_000_000)?;
    let claimed = Claimed::granted(&claim, choices.arbitrary()?);
    let which = choices.int_in_range(0..=2)?;
    let said = |wanted: &[u8]| {
        replies
            .iter()
            .flatten()
            .filter_map(words)
            .any(|(word, _)| word == wanted)
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    within(0, || {
        runtime.expect("a runtime").block_on(async {
            match which {
                0 => match store.claim(&claim).await {
                    Ok(ClaimAnswer::Granted(granted)) => {
                        assert!(said(b"granted"), "{replies:?}");
                        assert_eq!((granted.key(), granted.window()), (claim.key, claim.window()));
                    }
                    Ok(ClaimAnswer::Handled) => assert!(said(b"handled"), "{replies:?}"),
                    Ok(ClaimAnswer::InProgress { left }) => {
                        let leases = replies.iter().flatten().filter_map(words);
                        let most = leases
                            .filter(|(word, _)| *word == b"leased")
                            .filter_map(|(_, left)| left)
                            .max();
                        assert!(
                            most.is_some_and(|most| left.as_millis() <= most.unsigned_abs().into()),
                            "{replies:?}"
                        );
                    }
                    answer => assert!(answer.is_err(), "{answer:?}"),
                },
                which => {
                    let settled = match which {
                        1 => store.commit(&claimed).await,
                        _ => store.release(&claimed).await,
                    };
                    match settled {
                        Ok(Settlement::Done) => assert!(said(b"done"), "{replies:?}"),
                        Ok(_) => assert!(said(b"lost"), "{replies:?}"),
                        Err(_) => {}
                    }
                }
            }
        });
    });
    Ok(())
}
