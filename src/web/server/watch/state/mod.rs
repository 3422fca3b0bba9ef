//! The state of one connection, and what is to become of it: every second told, none asked for.

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::observe::Cut;
use crate::tenant::TenantId;
use crate::web::server::Bounds;
use crate::web::server::frames::{Seen, Tongue};
use crate::web::shares::{Share, Shares, UsedUp};

/// How many more frames than one the header fields of one request may take at least.
const CONTINUATIONS: usize = 5;
/// How much of them whoever needs several frames puts into each.
const FRAME: usize = 16 * 1024;
/// How long a connection that is to end, and that has no request under way, is waited for.
const PARTING: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct State {
    bounds: Bounds,
    tongue: Tongue,
    begun: Instant,
    /// Requests under way.
    under_way: usize,
    requests: u64,
    /// Since when there is none.
    quiet_since: Instant,
    /// Since when the header fields of one are arriving, and in how many frames.
    headers_since: Option<Instant>,
    continuations: usize,
    /// Since when the peer takes nothing.
    pub(super) stalled_since: Option<Instant>,
    resets: Rate,
    pings: Rate,
    /// It takes no more requests, since then.
    leaving: Option<Leaving>,
    tenant: Option<Share<TenantId>>,
    cut: Option<Cut>,
    /// Of which requests the peer has not taken a piece of the answer, and since when.
    pub(super) waiting: HashMap<u64, Instant>,
    /// How many answers are being given.
    pub(super) answering: usize,
    /// The streams of HTTP/2 whose answers were begun and not ended.
    answered: HashSet<u32>,
    /// Since when there are more of those, and none goes on: the rest waits for the peer's window.
    stuck_since: Option<Instant>,
}

#[derive(Debug, Clone)]
struct Leaving {
    since: Instant,
    /// Or as long as somebody else says: the drain.
    by_itself: bool,
    untold: Option<Cut>,
}

/// What is to be done with a connection.
#[derive(Debug)]
pub(in crate::web::server) enum Look {
    /// Look again then, or earlier.
    Again(Instant),
    /// Let it take no more requests.
    Leave(Cut),
    /// Close it. Where it was told already why, there is no reason.
    Close(Option<Cut>),
}

/// A count that begins anew each second.
#[derive(Debug)]
struct Rate {
    since: Instant,
    count: u32,
}

impl Rate {
    fn new(since: Instant) -> Self {
        Self { since, count: 0 }
    }

    /// One more, and whether that is too many.
    fn exceeds(&mut self, limit: u32, now: Instant) -> bool {
        if now.duration_since(self.since) >= Duration::from_secs(1) {
            *self = Self::new(now);
        }
        self.count = self.count.saturating_add(1);
        self.count > limit
    }
}

impl State {
    pub(super) fn new(bounds: Bounds, now: Instant) -> Self {
        let bounds = bounds.within_reach();
        Self {
            bounds,
            tongue: Tongue::Unknown(0),
            begun: now,
            under_way: 0,
            requests: 0,
            quiet_since: now,
            headers_since: None,
            continuations: 0,
            stalled_since: None,
            resets: Rate::new(now),
            pings: Rate::new(now),
            leaving: None,
            tenant: None,
            cut: None,
            waiting: HashMap::new(),
            answering: 0,
            answered: HashSet::new(),
            stuck_since: None,
        }
    }

    /// A request begins. Its number.
    pub(super) fn begin(&mut self, now: Instant) -> u64 {
        self.under_way += 1;
        self.requests = self.requests.saturating_add(1);
        if !matches!(self.tongue, Tongue::Http2 { .. }) {
            self.headers_since = None;
        }
        if self.requests >= self.bounds.requests {
            let limit = self.bounds.requests;
            self.leave(Some(Cut::Requests { limit }), now);
        }
        self.requests
    }

    /// That request is over.
    pub(super) fn end(&mut self, number: u64, answers: bool, now: Instant) {
        self.waiting.remove(&number);
        if answers {
            self.answering = self.answering.saturating_sub(1);
        }
        self.release(now);
    }

    /// Something is under way that is not a request of its own.
    pub(super) fn hold(&mut self) {
        self.under_way += 1;
    }

    pub(super) fn release(&mut self, now: Instant) {
        self.under_way = self.under_way.saturating_sub(1);
        self.quiet_since = now;
    }

    pub(super) fn read(&mut self, bytes: &[u8], now: Instant) {
        let mut tongue = std::mem::replace(&mut self.tongue, Tongue::Http1);
        let was_http2 = matches!(tongue, Tongue::Http2 { .. });
        tongue.read(bytes, |seen| self.see(seen, now));
        let is_http2 = matches!(tongue, Tongue::Http2 { .. });
        self.tongue = tongue;
        match (was_http2, is_http2) {
            (false, true) if self.continuations == 0 => self.headers_since = None,
            (false, false) if self.under_way == 0 => {
                self.headers_since.get_or_insert(now);
            }
            _ => {}
        }
    }

    pub(super) fn wrote(&mut self, bytes: &[u8], now: Instant) {
        self.stalled_since = None;
        let mut tongue = std::mem::replace(&mut self.tongue, Tongue::Http1);
        tongue.write(bytes, |seen| self.see_written(seen, now));
        self.tongue = tongue;
    }

    fn see_written(&mut self, seen: Seen, now: Instant) {
        match seen {
            Seen::Headers { stream, last: false } => drop(self.answered.insert(stream)),
            Seen::Headers { stream, last: true } | Seen::Data { stream, last: true } => {
                self.answered.remove(&stream);
                self.stuck_since = None;
            }
            Seen::Data { .. } => self.stuck_since = None,
            Seen::Reset { .. } => self.see(seen, now),
            Seen::Continuation | Seen::HeadersDone | Seen::Nothing => {}
        }
    }

    fn see(&mut self, seen: Seen, now: Instant) {
        let bounds = self.bounds;
        match seen {
            Seen::Headers { .. } => (self.headers_since, self.continuations) = (Some(now), 1),
            Seen::HeadersDone => (self.headers_since, self.continuations) = (None, 0),
            Seen::Continuation => {
                self.continuations += 1;
                let limit = CONTINUATIONS.max(bounds.header_bytes / FRAME * 2);
                if self.continuations > 1 + limit {
                    self.cut(Cut::Continuations { limit });
                }
            }
            Seen::Reset { stream, well } => {
                self.answered.remove(&stream);
                if !well && self.resets.exceeds(bounds.resets, now) {
                    let limit = bounds.resets;
                    self.cut(Cut::Resets { limit });
                }
            }
            Seen::Nothing if self.pings.exceeds(bounds.pings, now) => {
                let limit = bounds.pings;
                self.cut(Cut::Pings { limit });
            }
            Seen::Data { .. } | Seen::Nothing => {}
        }
    }

    /// The first reason counts.
    fn cut(&mut self, cut: Cut) {
        self.cut.get_or_insert(cut);
    }

    pub(super) fn leave(&mut self, why: Option<Cut>, now: Instant) {
        self.leaving.get_or_insert(Leaving {
            since: now,
            by_itself: why.is_some(),
            untold: why,
        });
    }

    /// Why it ended, where nobody was told yet.
    pub(super) fn untold(&mut self) -> Option<Cut> {
        let leaving = self.leaving.as_mut().and_then(|leaving| leaving.untold.take());
        self.cut.take().or(leaving)
    }

    pub(super) fn is_leaving(&self) -> bool {
        self.leaving.is_some()
    }

    pub(super) fn count(&mut self, tenant: &TenantId, tenants: &Arc<Shares<TenantId>>) -> Result<(), Cut> {
        if self.tenant.is_some() {
            return Ok(());
        }
        let share = tenants.take(tenant.clone());
        let share = share.map_err(|used_up| {
            let (UsedUp::All { limit } | UsedUp::Own { limit }) = used_up;
            let tenant = tenant.clone();
            Cut::ConnectionsOfTenant { tenant, limit }
        });
        self.tenant = Some(share?);
        Ok(())
    }

    pub(super) fn look(&mut self, now: Instant) -> Look {
        if self.answered.len() <= self.answering {
            self.stuck_since = None;
        } else {
            self.stuck_since.get_or_insert(now);
        }
        if let Some(cut) = self.overstepped(now) {
            return Look::Close(Some(cut));
        }
        if self.leaving.is_none()
            && let Some(cut) = self.outlived(now)
        {
            self.leave(Some(cut), now);
        }
        let Some(leaving) = &mut self.leaving else {
            return Look::Again(self.next(now));
        };
        if let Some(cut) = leaving.untold.take() {
            return Look::Leave(cut);
        }
        if self.parted(now) {
            return Look::Close(None);
        }
        Look::Again(self.next(now))
    }

    /// What no good peer does.
    fn overstepped(&mut self, now: Instant) -> Option<Cut> {
        let Bounds {
            header_timeout,
            stall,
            ..
        } = self.bounds;
        let over = |since: Option<Instant>, limit| since.is_some_and(|since| now >= since + limit);
        if let Some(cut) = self.cut.take() {
            return Some(cut);
        }
        if over(self.headers_since, header_timeout) {
            let limit = header_timeout;
            return Some(Cut::SlowHeaders { limit });
        }
        over(self.stalls_since(), stall).then_some(Cut::Stalled { limit: stall })
    }

    fn stalls_since(&self) -> Option<Instant> {
        let waiting = self.waiting.values().copied();
        waiting.chain(self.stalled_since).chain(self.stuck_since).min()
    }

    /// What comes to every connection.
    fn outlived(&self, now: Instant) -> Option<Cut> {
        let Bounds { idle, lifetime, .. } = self.bounds;
        if self.is_quiet() && now >= self.quiet_since + idle {
            return Some(Cut::Idle { limit: idle });
        }
        (now >= self.begun + lifetime).then_some(Cut::Old { limit: lifetime })
    }

    fn is_quiet(&self) -> bool {
        self.under_way == 0 && self.headers_since.is_none()
    }

    /// Whether it has been waited for long enough.
    fn parted(&self, now: Instant) -> bool {
        let Some(leaving) = &self.leaving else {
            return false;
        };
        let quiet = self.is_quiet() && now >= leaving.since.max(self.quiet_since) + PARTING;
        quiet || (leaving.by_itself && now >= leaving.since + self.bounds.grace)
    }

    /// When there is something to see. Requests end without anybody looking: the least time after which that can matter.
    fn next(&self, now: Instant) -> Instant {
        let Bounds {
            header_timeout,
            stall,
            idle,
            lifetime,
            grace,
            ..
        } = self.bounds;
        let quiet_since = if self.is_quiet() { self.quiet_since } else { now };
        let patience = match &self.leaving {
            Some(leaving) => leaving.since.max(quiet_since) + PARTING,
            None => quiet_since + idle,
        };
        let end = match &self.leaving {
            Some(leaving) if leaving.by_itself => leaving.since + grace,
            Some(_) => patience,
            None => self.begun + lifetime,
        };
        let others = [
            self.headers_since.map(|since| since + header_timeout),
            self.stalls_since().map(|since| since + stall),
            Some(end),
        ];
        others.into_iter().flatten().fold(patience, Instant::min)
    }
}
