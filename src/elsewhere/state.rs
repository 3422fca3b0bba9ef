use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use super::flight::Flight;
use super::{Keep, SourceDown};
use crate::recent::Recent;

/// So many answers may be on their way at once.
const MAX_FLIGHTS: usize = 1024;

/// What is known, what is known to be absent, and what is on its way.
pub(super) struct State<I, T> {
    pub(super) known: Recent<I, Known<T>>,
    pub(super) unknown: Recent<I, Unknown>,
    pub(super) flights: HashMap<I, Arc<Flight>>,
    /// Of the answer that was fetched last.
    pub(super) number: u64,
    /// Of the last request to the source.
    pub(super) failure: Option<SourceDown>,
}

pub(super) struct Known<T> {
    pub(super) answer: T,
    pub(super) since: Duration,
    pub(super) number: u64,
    /// It is to be asked for again, before its time.
    pub(super) doubted: bool,
    /// When the source could not tell whether it still holds.
    pub(super) failed: Option<Duration>,
}

#[derive(Clone, Copy)]
pub(super) enum Unknown {
    AbsentUntil(Duration),
    DownUntil(Duration),
}

pub(super) enum Look<T> {
    /// Until when it counts, and its number.
    Known(T, Duration, u64),
    Absent,
    Down,
    Lacking,
}

impl<I: Clone + Eq + Hash, T: Clone> State<I, T> {
    pub(super) fn look(&mut self, id: &I, now: Duration, keep: &Keep) -> Look<T> {
        if let Some(known) = self.known.get(id) {
            let age = now.saturating_sub(known.since);
            if age < keep.time_to_live && !known.doubted {
                let end = known.since.saturating_add(keep.time_to_live);
                return Look::Known(known.answer.clone(), end, known.number);
            }
            let Some(failed) = known.failed else {
                return Look::Lacking;
            };
            // While it is asked again, nobody else waits for a source that was down a moment ago.
            let paused = now.saturating_sub(failed) < keep.pause || self.flights.contains_key(id);
            let end = known
                .since
                .saturating_add(keep.time_to_live)
                .saturating_add(keep.stale);
            return match (paused, now < end) {
                (true, true) => {
                    let end = end.min(failed.saturating_add(keep.pause));
                    Look::Known(known.answer.clone(), end, known.number)
                }
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

    pub(super) fn settle(
        &mut self,
        id: &I,
        fetched: Result<Option<T>, SourceDown>,
        now: Duration,
        keep: &Keep,
    ) {
        self.failure = fetched.as_ref().err().cloned();
        match fetched {
            Ok(Some(answer)) => {
                self.unknown.remove(id);
                self.number += 1;
                let known = Known {
                    answer,
                    since: now,
                    number: self.number,
                    doubted: false,
                    failed: None,
                };
                self.known.insert(id.clone(), known);
            }
            Ok(None) => {
                self.known.remove(id);
                self.unknown
                    .insert(id.clone(), Unknown::AbsentUntil(now.saturating_add(keep.absent)));
            }
            Err(_) => match self.known.get(id) {
                Some(known) => known.failed = Some(now),
                None => self
                    .unknown
                    .insert(id.clone(), Unknown::DownUntil(now.saturating_add(keep.pause))),
            },
        }
    }
}
