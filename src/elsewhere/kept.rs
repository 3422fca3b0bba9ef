use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::flight::{Flight, before};
use super::state::{Look, State};
use super::ticket::{Done, Errand};
use super::{Fetched, Keep, SourceDown, Term, Ticket};
use crate::clock::Monotonic;
use crate::recent::Recent;

/// So long an answer is not doubted in any case: whoever doubts each would have it asked for again for ever.
const NEW: Duration = Duration::from_secs(1);

/// Whoever knows. What is asked is more than what an answer is kept under: a certificate, and its hash.
pub(crate) trait Fetch<Q, T>: fmt::Debug + Send + Sync {
    fn fetch<'a>(&'a self, question: &'a Q) -> Fetched<'a, T>;
}

/// What is known of an answer just now.
#[derive(Debug)]
pub(crate) enum Found<T> {
    /// And for how long it counts.
    Known(T, Term),
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
            number: 0,
            failure: None,
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
            Look::Known(answer, until, number) => {
                Found::Known(answer, Term::new(self.0.clock.clone(), until, number))
            }
            Look::Absent => Found::Absent,
            Look::Down => Found::Down,
            Look::Lacking => Found::Lacking(self.ticket(id, question)),
        }
    }

    /// The answer with this number does not do: a ticket for another, unless it was asked for just now.
    pub(crate) fn doubt(&self, id: &I, question: &Q, number: u64) -> Option<Ticket> {
        let (now, pause) = (self.0.clock.elapsed(), self.0.keep.pause.max(NEW));
        let mut state = self.0.lock();
        if let Some(known) = state.known.get(id)
            && known.number == number
        {
            if known.failed.is_some() || now.saturating_sub(known.since) < pause {
                return None;
            }
            known.doubted = true;
        }
        drop(state);
        Some(self.ticket(id, question))
    }

    fn ticket(&self, id: &I, question: &Q) -> Ticket {
        Ticket::new(Asking {
            kept: self.clone(),
            id: id.clone(),
            question: question.clone(),
        })
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
        self.invalidate_where(|_, _| true, |_| true);
    }

    /// Forgets the answers of which the first says so, and, of the ids of which the second does, that there was none, and
    /// what is on its way.
    pub(crate) fn invalidate_where(&self, known: impl Fn(&I, &T) -> bool, asked: impl Fn(&I) -> bool) {
        let mut state = self.0.lock();
        state.known.retain(|id, answer| !known(id, &answer.answer));
        state.unknown.retain(|id, _| !asked(id));
        let on_their_way = state.flights.extract_if(|id, _| asked(id));
        let ended: Vec<_> = on_their_way.map(|(_, flight)| flight).collect();
        drop(state);
        ended.iter().for_each(|flight| flight.end());
    }

    /// Why the source could not tell, when it was last asked.
    pub(crate) fn last_failure(&self) -> Option<SourceDown> {
        self.0.lock().failure.clone()
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
