//! What a request comes to, and what it may come to.

use std::fmt;
use std::time::Duration;

use rustls::AlertDescription;

use crate::server::STORE;

/// What a client saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The status, and the code beside it: `handled`, or that of the refusal.
    Answer(u16, String),
    /// That a store is not available, and why.
    Outage(String),
    /// The handshake was refused.
    Alert(AlertDescription),
    /// The connection was closed without an answer.
    Closed,
    /// Nothing came in the time that a client waits.
    Silent,
}

impl Verdict {
    /// What an answer's status, code and reason say.
    pub(crate) fn answered(status: u16, code: &str, why: &str) -> Self {
        let answer = Self::Answer(status, code.to_owned());
        match STORE_DOWN.is(&answer) {
            true => Self::Outage(why.to_owned()),
            false => answer,
        }
    }

    /// Whether a store that is there has not answered within the time that it is given: as a machine with more to do than it
    /// can makes any store. It is right to say so then, and cannot be known beforehand.
    pub(crate) fn is_late(&self, took: Duration) -> bool {
        matches!(self, Self::Outage(why) if why.contains("no answer within") && took >= STORE)
    }
}

/// What one may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected {
    Answer(u16, &'static str),
    Alert(AlertDescription),
    Closed,
    Silent,
}

pub(crate) const HANDLED: Expected = Expected::Answer(200, "handled");
pub(crate) const REPLAYED: Expected = Expected::Answer(409, "replay.handled");
pub(crate) const IN_PROGRESS: Expected = Expected::Answer(503, "replay.in_progress");
pub(crate) const STORE_DOWN: Expected = Expected::Answer(503, "replay.store_unavailable");
pub(crate) const STALE: Expected = Expected::Answer(401, "replay.stale");
pub(crate) const FROM_THE_FUTURE: Expected = Expected::Answer(401, "replay.from_the_future");
pub(crate) const MISMATCH: Expected = Expected::Answer(401, "payload.signature_mismatch");

impl Expected {
    fn is(self, verdict: &Verdict) -> bool {
        match (self, verdict) {
            (Self::Answer(status, code), Verdict::Answer(seen, said)) => status == *seen && code == said,
            (expected, Verdict::Outage(_)) => expected == STORE_DOWN,
            (Self::Alert(alert), Verdict::Alert(seen)) => alert == *seen,
            (Self::Closed, Verdict::Closed) | (Self::Silent, Verdict::Silent) => true,
            _ => false,
        }
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answer(status, code) => write!(f, "{status} {code}"),
            Self::Alert(alert) => write!(f, "alert {alert:?}"),
            Self::Closed => f.write_str("closed"),
            Self::Silent => f.write_str("silence"),
        }
    }
}

/// All that one request may come to: nearly always one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AnyOf(Vec<Expected>);

impl AnyOf {
    pub(crate) fn or(mut self, other: impl Into<Self>) -> Self {
        self.0.extend(other.into().0);
        self
    }

    pub(crate) fn allows(&self, verdict: &Verdict) -> bool {
        self.0.iter().any(|expected| expected.is(verdict))
    }
}

impl From<Expected> for AnyOf {
    fn from(expected: Expected) -> Self {
        Self(vec![expected])
    }
}

impl fmt::Display for AnyOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&shown.join(", or "))
    }
}
