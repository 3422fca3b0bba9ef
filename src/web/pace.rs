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
    pub(super) fn turn(&self, source: IpAddr, within: Duration, now: Instant) -> Option<Instant> {
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

    #[test]
    fn turns_are_apart_and_bounded_in_time_and_in_number() {
        let (second, begun) = (Duration::from_secs(1), Instant::now());
        let (pace, source) = (Pace::new(second), IpAddr::from([192, 0, 2, 1]));
        let turns: Vec<_> = (0..4).map(|_| pace.turn(source, 2 * second, begun)).collect();
        let expected = [Some(0), Some(1), Some(2), None].map(|turn| turn.map(|turn| begun + turn * second));
        assert_eq!(turns, expected);
        let other = IpAddr::from([192, 0, 2, 2]);
        assert_eq!(pace.turn(other, second, begun), Some(begun));
        let later = begun + 10 * second;
        assert_eq!(
            pace.turn(source, second, later),
            Some(later),
            "nothing is saved up"
        );

        for number in 0..100_000_u32 {
            let now = later + number * Duration::from_millis(10);
            pace.turn(IpAddr::from(number.to_be_bytes()), second, now);
        }
        let kept = pace.turns.lock().unwrap().next.capacity();
        assert!(kept < 1000, "a hundred have their turn within a second: {kept}");
    }
}
