use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The turns of sources that are let in one after the other, so far apart.
#[derive(Debug)]
pub(super) struct Pace {
    apart: Duration,
    turns: Mutex<Turns>,
}

/// A time that is over says nothing, and is swept out: so there are as many as there are sources that wait, or have begun
/// just now, twice over.
#[derive(Debug, Default)]
struct Turns {
    next: HashMap<IpAddr, Instant>,
    sweep_at: usize,
}

impl Pace {
    pub(super) fn new(apart: Duration) -> Arc<Self> {
        Arc::new(Self {
            apart,
            turns: Mutex::default(),
        })
    }

    /// The next turn of this source, which is taken by that; `None` where it is not within this time.
    pub(super) fn turn(&self, source: IpAddr, within: Duration) -> Option<Instant> {
        let now = Instant::now();
        // Nothing in here can panic half-way through a change.
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        turns.sweep(now);
        let turn = turns.next.get(&source).map_or(now, |next| (*next).max(now));
        if turn.saturating_duration_since(now) > within {
            return None;
        }
        turns.next.insert(source, turn.checked_add(self.apart)?);
        Some(turn)
    }
}

impl Turns {
    fn sweep(&mut self, now: Instant) {
        if self.next.len() >= self.sweep_at {
            self.next.retain(|_, next| *next > now);
            self.sweep_at = (2 * self.next.len()).max(64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn turns_are_apart_and_bounded_in_time_and_in_number() {
        let pace = Pace::new(Duration::from_secs(1));
        let (begun, second) = (Instant::now(), Duration::from_secs(1));
        let source = IpAddr::from([192, 0, 2, 1]);
        let turns: Vec<_> = (0..4).map(|_| pace.turn(source, 2 * second)).collect();
        let expected = [0, 1, 2].map(|turn| Some(begun + turn * second));
        assert_eq!((&turns[..3], turns[3]), (&expected[..], None));
        assert_eq!(
            pace.turn(IpAddr::from([192, 0, 2, 2]), second),
            Some(begun),
            "another"
        );
        tokio::time::advance(10 * second).await;
        assert_eq!(
            pace.turn(source, second),
            Some(Instant::now()),
            "nothing is saved up"
        );

        for number in 0..100_000_u32 {
            pace.turn(IpAddr::from(number.to_be_bytes()), second);
            tokio::time::advance(Duration::from_millis(10)).await;
        }
        let kept = pace.turns.lock().unwrap().next.capacity();
        assert!(kept < 1000, "a hundred have their turn within a second: {kept}");
    }
}
