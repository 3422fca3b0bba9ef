//! The search for the mistake: one after the other is undone, and the verifier asked again.

use std::sync::Arc;

use rustls_pki_types::UnixTime;

use super::inquiry::{Entered, Keys, PayloadInquiry};
use super::mistake::Mistake;
use super::report::{Certainty, Diagnosis, PayloadReport};
use super::{bodies, fields, layouts, secrets, targets};
use crate::payload::{FindKeys, Message, NotAuthentic, Trial};
use crate::replay::NotFresh;

/// The most verifications of one search.
const MAX_ATTEMPTS: usize = 8192;
/// The most bytes of bodies that are verified in one search.
const MAX_BYTES: usize = 256 * 1024 * 1024;

/// What a search asks.
pub(super) enum Asked<'s> {
    Scheme {
        inquiry: &'s PayloadInquiry,
        /// The scheme without its tolerance: an old delivery can be looked into.
        trial: Trial,
        ring: Arc<dyn FindKeys>,
    },
    Verifier(&'s Verify<'s>),
    /// A provider's own, of which it is known what it signs.
    Provider {
        verify: &'s Verify<'s>,
        covers_request: bool,
        urls: &'s [http::Uri],
    },
}

/// What decides about a message.
pub(super) type Verify<'v> = dyn Fn(&Message<'_>) -> Result<(), NotAuthentic> + 'v;

pub(super) struct Search<'s, 'm> {
    asked: Asked<'s>,
    pub(super) message: Message<'m>,
    attempts: usize,
    bytes: usize,
    is_exhaustive: bool,
    found: Vec<Diagnosis>,
}

impl<'s, 'm> Search<'s, 'm> {
    pub(super) fn new(inquiry: &'s PayloadInquiry, keys: &Keys, message: &Message<'m>) -> Self {
        let trial = inquiry.trial.with(|layout| layout.window = None);
        let ring = Arc::clone(&keys.ring);
        Self::about(Asked::Scheme { inquiry, trial, ring }, message)
    }

    pub(super) fn of_verifier(verify: &'s Verify<'s>, message: &Message<'m>) -> Self {
        Self::about(Asked::Verifier(verify), message)
    }

    pub(super) fn about(asked: Asked<'s>, message: &Message<'m>) -> Self {
        Self {
            asked,
            message: *message,
            attempts: 0,
            bytes: 0,
            is_exhaustive: message.body.len() <= bodies::MAX_REWRITTEN,
            found: Vec::new(),
        }
    }

    /// Looks until a signature matches, and notes what came of it.
    pub(super) fn run(mut self, report: &mut PayloadReport) {
        if self.found.is_empty() {
            self.look();
        }
        // What explains the verdict leaves nothing to be looked for.
        report.is_exhaustive = self.is_exhaustive || !self.found.is_empty();
        report.attempts = self.attempts;
        report.diagnoses = self.found;
    }

    fn look(&mut self) {
        let _ = match &self.asked {
            Asked::Verifier(_) | Asked::Provider { .. } => self.of_body() || targets::each(self),
            Asked::Scheme { inquiry, trial, ring } => {
                let (inquiry, trial, ring) = (*inquiry, trial.clone(), Arc::clone(ring));
                self.of_time(inquiry, &ring)
                    || secrets::each(self, inquiry, &trial)
                    || self.of_body()
                    || layouts::other_schemes(self, inquiry, &trial)
                    || fields::each(self, &trial, &ring)
                    || layouts::each(self, inquiry, &trial, &ring)
                    || targets::each(self)
                    || targets::origins(self, inquiry, &trial, &ring)
                    || secrets::each_with_a_body(self, inquiry, &trial)
                    || layouts::each_with_a_body(self, &trial, &ring)
            }
        };
    }

    /// The signature is right, at another time or with a key of another time.
    fn of_time(&mut self, inquiry: &PayloadInquiry, ring: &Arc<dyn FindKeys>) -> bool {
        let message = self.message;
        let why = inquiry.trial.verify(ring, &message).err();
        let Some(NotAuthentic::NotFresh(why)) = why else {
            return false;
        };
        let Asked::Scheme { trial, .. } = &self.asked else {
            return false;
        };
        let (mistake, signed, now) = match why {
            NotFresh::Stale { signed, now } => (Mistake::Late, signed, now),
            NotFresh::FromTheFuture { signed, now } => (Mistake::ClockAhead, signed, now),
        };
        let trial = trial.clone();
        self.attempt(
            mistake,
            &format!("by {}", distance(signed, now)),
            &trial,
            ring,
            &message,
        )
    }

    fn of_body(&mut self) -> bool {
        let message = self.message;
        bodies::each(message.body, &mut |mistake, detail, body| {
            self.ask(mistake, detail, &Message { body, ..message })
        })
    }

    /// Whether the message that was asked about is signed so, when it is changed to this.
    pub(super) fn ask(&mut self, mistake: Mistake, detail: &str, message: &Message<'_>) -> bool {
        match &self.asked {
            Asked::Scheme { trial, ring, .. } => {
                let (trial, ring) = (trial.clone(), Arc::clone(ring));
                self.attempt(mistake, detail, &trial, &ring, message)
            }
            Asked::Verifier(verify) | Asked::Provider { verify, .. } => {
                let verify = *verify;
                self.decides(verify, &[(mistake, detail)], message)
            }
        }
    }

    /// Whether it is signed so, as this decides.
    pub(super) fn decides(
        &mut self,
        verify: &Verify<'_>,
        mistakes: &[(Mistake, &str)],
        message: &Message<'_>,
    ) -> bool {
        self.is_within_bounds(message) && verify(message).is_ok() && self.prove(mistakes)
    }

    /// Whether it is signed so by this scheme under one of these keys.
    pub(super) fn attempt(
        &mut self,
        mistake: Mistake,
        detail: &str,
        trial: &Trial,
        keys: &Arc<dyn FindKeys>,
        message: &Message<'_>,
    ) -> bool {
        self.verifies(trial, keys, message) && self.prove(&[(mistake, detail)])
    }

    /// As [`attempt`](Self::attempt), without saying what it proves.
    pub(super) fn verifies(
        &mut self,
        trial: &Trial,
        keys: &Arc<dyn FindKeys>,
        message: &Message<'_>,
    ) -> bool {
        self.is_within_bounds(message) && trial.verify(keys, message).is_ok()
    }

    /// Keeps what was proved; says that the search is over.
    pub(super) fn prove(&mut self, mistakes: &[(Mistake, &str)]) -> bool {
        let diagnoses = mistakes
            .iter()
            .map(|(mistake, detail)| Diagnosis::new(*mistake, Certainty::Proven, *detail));
        self.found.extend(diagnoses);
        true
    }

    fn is_within_bounds(&mut self, message: &Message<'_>) -> bool {
        let bytes = self.bytes.saturating_add(message.body.len());
        if self.attempts >= MAX_ATTEMPTS || bytes > MAX_BYTES {
            self.is_exhaustive = false;
            return false;
        }
        self.attempts += 1;
        self.bytes = bytes;
        true
    }

    /// Whether method or target can make a difference.
    pub(super) fn covers_request(&self) -> bool {
        match &self.asked {
            Asked::Scheme { trial, .. } => trial.layout().is_some_and(|layout| layout.covers_request()),
            Asked::Verifier(_) => true,
            Asked::Provider { covers_request, .. } => *covers_request,
        }
    }

    /// Whether the origin of the URL is a part of the scheme.
    pub(super) fn has_origin(&self) -> bool {
        !matches!(&self.asked, Asked::Verifier(_))
    }

    /// Where the endpoint is known to be called.
    pub(super) fn urls(&self) -> Vec<http::Uri> {
        match &self.asked {
            Asked::Scheme { inquiry, .. } => inquiry.urls.clone(),
            Asked::Verifier(_) => Vec::new(),
            Asked::Provider { urls, .. } => urls.to_vec(),
        }
    }

    /// The keys that a message of this sender may be signed with.
    pub(super) fn entered<'k>(&self, inquiry: &'k PayloadInquiry) -> Vec<&'k Entered> {
        secrets::of_sender(&inquiry.entered, &self.message)
    }
}

pub(super) fn distance(one: UnixTime, other: UnixTime) -> String {
    super::walk::spelt(one.as_secs().abs_diff(other.as_secs()))
}
