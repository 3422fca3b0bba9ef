use std::collections::HashMap;
use std::fmt;
use std::future::poll_fn;
use std::hash::Hash;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use super::ticket::{Done, Errand};
use super::{Fetched, Keep, SourceDown, Ticket};
use crate::clock::Monotonic;
use crate::recent::Recent;

/// So many answers may be on their way at once.
const MAX_FLIGHTS: usize = 1024;

/// Whoever knows. What is asked is more than what an answer is kept under: a certificate, and its hash.
pub(crate) trait Fetch<Q, T>: fmt::Debug + Send + Sync {
    fn fetch<'a>(&'a self, question: &'a Q) -> Fetched<'a, T>;
}

/// What is known of an answer just now.
#[derive(Debug)]
pub(crate) enum Found<T> {
    Known(T),
    /// There is none.
    Absent,
    /// It is to be asked for.
    Lacking(Ticket),
    /// Nobody can tell.
    Down,
}

/// Answers of a source, each under an id. Clones share them.
pub(crate) struct Kept<I, Q, T>(Arc<Shared<I, Q, T>>);

struct Shared<I, Q, T> {
    source: Box<dyn Fetch<Q, T>>,
    keep: Keep,
    clock: Monotonic,
    state: Mutex<State<I, T>>,
}

struct State<I, T> {
    known: Recent<I, Known<T>>,
    unknown: Recent<I, Unknown>,
    flights: HashMap<I, Arc<Flight>>,
}

struct Known<T> {
    answer: T,
    since: Duration,
    /// When the source could not tell whether it still holds.
    failed: Option<Duration>,
}

#[derive(Clone, Copy)]
enum Unknown {
    AbsentUntil(Duration),
    DownUntil(Duration),
}

/// One request to the source, by whoever leads it, and those who wait for it.
#[derive(Default)]
struct Flight(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    over: bool,
    next: u64,
    wakers: HashMap<u64, Waker>,
}

impl<I, Q, T> Clone for Kept<I, Q, T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<I, Q, T> fmt::Debug for Kept<I, Q, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept")
            .field("source", &self.0.source)
            .field("keep", &self.0.keep)
            .finish_non_exhaustive()
    }
}

impl<I, Q, T> Kept<I, Q, T>
where
    I: Clone + Eq + Hash + Send + Sync + 'static,
    Q: Clone + Send + Sync + 'static,
    T: Clone + Send + Sync + 'static,
{
    pub(crate) fn new(source: impl Fetch<Q, T> + 'static, keep: Keep, clock: Monotonic) -> Self {
        let state = State {
            known: Recent::new(keep.answers),
            unknown: Recent::new(keep.absences),
            flights: HashMap::new(),
        };
        Self(Arc::new(Shared {
            source: Box::new(source),
            keep,
            clock,
            state: Mutex::new(state),
        }))
    }

    /// The answer under this id, or a ticket with which it can be had.
    pub(crate) fn find(&self, id: &I, question: &Q) -> Found<T> {
        match self.0.lock().look(id, self.0.clock.elapsed(), &self.0.keep) {
            Look::Known(answer) => Found::Known(answer),
            Look::Absent => Found::Absent,
            Look::Down => Found::Down,
            Look::Lacking => Found::Lacking(Ticket::new(Asking {
                kept: self.clone(),
                id: id.clone(),
                question: question.clone(),
            })),
        }
    }

    /// Has it asked for again, unless it was just now.
    pub(crate) fn doubt(&self, id: &I) -> bool {
        let (now, keep) = (self.0.clock.elapsed(), &self.0.keep);
        let mut state = self.0.lock();
        let Some(known) = state.known.get(id) else {
            return false;
        };
        let doubted = known.failed.is_none() && now.saturating_sub(known.since) >= keep.pause;
        if doubted {
            known.since = now.saturating_sub(keep.time_to_live);
        }
        doubted
    }

    pub(crate) fn invalidate(&self, id: &I) {
        let mut state = self.0.lock();
        state.known.remove(id);
        state.unknown.remove(id);
        // What is on its way was perhaps read before the change.
        let flight = state.flights.remove(id);
        drop(state);
        flight.iter().for_each(|flight| flight.end());
    }

    pub(crate) fn invalidate_all(&self) {
        let mut state = self.0.lock();
        state.known.clear();
        state.unknown.clear();
        let flights = std::mem::take(&mut state.flights);
        drop(state);
        flights.values().for_each(|flight| flight.end());
    }

    pub(crate) fn len(&self) -> usize {
        self.0.lock().known.len()
    }
}

impl<I, Q, T> Shared<I, Q, T> {
    /// Nothing in here can panic half-way through a change, so a poisoned lock guards a sound state.
    fn lock(&self) -> MutexGuard<'_, State<I, T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Look<T> {
    Known(T),
    Absent,
    Down,
    Lacking,
}

impl<I: Clone + Eq + Hash, T: Clone> State<I, T> {
    fn look(&mut self, id: &I, now: Duration, keep: &Keep) -> Look<T> {
        if let Some(known) = self.known.get(id) {
            let age = now.saturating_sub(known.since);
            if age < keep.time_to_live {
                return Look::Known(known.answer.clone());
            }
            let Some(failed) = known.failed else {
                return Look::Lacking;
            };
            // While it is asked again, nobody else waits for a source that was down a moment ago.
            let paused = now.saturating_sub(failed) < keep.pause || self.flights.contains_key(id);
            return match (paused, age < keep.time_to_live + keep.stale) {
                (true, true) => Look::Known(known.answer.clone()),
                (true, false) => Look::Down,
                (false, _) => Look::Lacking,
            };
        }
        match self.unknown.get(id) {
            Some(Unknown::AbsentUntil(until)) if now < *until => Look::Absent,
            Some(Unknown::DownUntil(until)) if now < *until => Look::Down,
            _ if self.flights.len() >= MAX_FLIGHTS && !self.flights.contains_key(id) => Look::Down,
            _ => Look::Lacking,
        }
    }

    fn settle(&mut self, id: &I, fetched: Result<Option<T>, SourceDown>, now: Duration, keep: &Keep) {
        match fetched {
            Ok(Some(answer)) => {
                self.unknown.remove(id);
                let known = Known {
                    answer,
                    since: now,
                    failed: None,
                };
                self.known.insert(id.clone(), known);
            }
            Ok(None) => {
                self.known.remove(id);
                self.unknown
                    .insert(id.clone(), Unknown::AbsentUntil(now + keep.absent));
            }
            Err(_) => match self.known.get(id) {
                Some(known) => known.failed = Some(now),
                None => self
                    .unknown
                    .insert(id.clone(), Unknown::DownUntil(now + keep.pause)),
            },
        }
    }
}

/// What a ticket stands for.
struct Asking<I, Q, T> {
    kept: Kept<I, Q, T>,
    id: I,
    question: Q,
}

enum Joined<'a, I: Clone + Eq + Hash, Q, T: Clone> {
    Settled,
    Leads(Lead<'a, I, Q, T>),
    Follows(Arc<Flight>),
}

impl<I, Q, T> Errand for Asking<I, Q, T>
where
    I: Clone + Eq + Hash + Send + Sync + 'static,
    Q: Clone + Send + Sync + 'static,
    T: Clone + Send + Sync + 'static,
{
    fn patience(&self) -> Duration {
        self.kept.0.keep.patience
    }

    fn run<'a>(&'a self, mut patience: Done<'a>) -> Done<'a> {
        Box::pin(async move {
            loop {
                match self.join() {
                    Joined::Settled => return,
                    Joined::Leads(lead) => {
                        let fetched = self.kept.0.source.fetch(&self.question);
                        let fetched = before(&mut patience, fetched).await;
                        lead.settle(fetched.unwrap_or_else(|| Err(SourceDown::new("no answer in time"))));
                        return;
                    }
                    Joined::Follows(flight) => {
                        if before(&mut patience, flight.over()).await.is_none() {
                            return;
                        }
                    }
                }
            }
        })
    }
}

impl<I: Clone + Eq + Hash, Q, T: Clone> Asking<I, Q, T> {
    fn join(&self) -> Joined<'_, I, Q, T> {
        let shared = &self.kept.0;
        let mut state = shared.lock();
        if let Some(flight) = state.flights.get(&self.id) {
            return Joined::Follows(flight.clone());
        }
        let look = state.look(&self.id, shared.clock.elapsed(), &shared.keep);
        if !matches!(look, Look::Lacking) {
            return Joined::Settled;
        }
        let flight = Arc::<Flight>::default();
        state.flights.insert(self.id.clone(), flight.clone());
        Joined::Leads(Lead { asking: self, flight })
    }
}

/// Whoever asks the source. Dropped before there is an answer, it leaves that to the next.
struct Lead<'a, I: Clone + Eq + Hash, Q, T: Clone> {
    asking: &'a Asking<I, Q, T>,
    flight: Arc<Flight>,
}

impl<I: Clone + Eq + Hash, Q, T: Clone> Lead<'_, I, Q, T> {
    fn settle(self, fetched: Result<Option<T>, SourceDown>) {
        let (id, shared) = (&self.asking.id, &self.asking.kept.0);
        let mut state = shared.lock();
        // An answer from before it was invalidated is none.
        if self.is_current(&state) {
            state.settle(id, fetched, shared.clock.elapsed(), &shared.keep);
        }
    }

    fn is_current(&self, state: &State<I, T>) -> bool {
        let current = state.flights.get(&self.asking.id);
        current.is_some_and(|current| Arc::ptr_eq(current, &self.flight))
    }
}

impl<I: Clone + Eq + Hash, Q, T: Clone> Drop for Lead<'_, I, Q, T> {
    fn drop(&mut self) {
        let mut state = self.asking.kept.0.lock();
        if self.is_current(&state) {
            state.flights.remove(&self.asking.id);
        }
        drop(state);
        self.flight.end();
    }
}

impl Flight {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self) {
        let mut waiting = self.lock();
        waiting.over = true;
        let wakers = std::mem::take(&mut waiting.wakers);
        drop(waiting);
        wakers.into_values().for_each(Waker::wake);
    }

    fn number(&self) -> u64 {
        let mut waiting = self.lock();
        waiting.next += 1;
        waiting.next
    }

    async fn over(&self) {
        let number = self.number();
        let follower = Follower { flight: self, number };
        poll_fn(|cx| {
            let mut waiting = follower.flight.lock();
            if waiting.over {
                return Poll::Ready(());
            }
            waiting.wakers.insert(follower.number, cx.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

struct Follower<'a> {
    flight: &'a Flight,
    number: u64,
}

impl Drop for Follower<'_> {
    fn drop(&mut self) {
        self.flight.lock().wakers.remove(&self.number);
    }
}

/// What comes of the work, unless the patience ends first.
async fn before<T>(patience: &mut Done<'_>, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    poll_fn(|cx| match work.as_mut().poll(cx) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending => patience.as_mut().poll(cx).map(|()| None),
    })
    .await
}
