//! What the senders do, and what they are told.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Instant;

use axum::http::StatusCode;

use crate::sender::{Sender, Told};
use crate::{DELIVERIES, PATIENCE, PAUSE, SENDERS};

#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) attempts: usize,
    /// 503.
    pub(super) later: usize,
    /// No answer.
    pub(super) cut_off: usize,
    /// 500.
    pub(super) failed: usize,
    /// 403: it was handled before.
    pub(super) refused: usize,
    /// 200 on what had been answered with 200 before.
    pub(super) handled_again: usize,
    pub(super) given_up: usize,
    /// What its sender knows to be handled.
    pub(super) answered: HashSet<String>,
}

impl Tally {
    pub(super) fn add(&mut self, other: &Self) {
        self.attempts += other.attempts;
        self.later += other.later;
        self.cut_off += other.cut_off;
        self.failed += other.failed;
        self.refused += other.refused;
        self.handled_again += other.handled_again;
        self.given_up += other.given_up;
        self.answered.extend(other.answered.iter().cloned());
    }

    /// Counts it; tells whether the sender may stop.
    fn count(&mut self, delivery: &str, told: Told) -> bool {
        self.attempts += 1;
        match told {
            Told::Status(StatusCode::OK) => {
                self.handled_again += usize::from(!self.answered.insert(delivery.to_owned()));
                return true;
            }
            Told::Status(StatusCode::FORBIDDEN) => {
                self.refused += 1;
                return true;
            }
            Told::Status(StatusCode::SERVICE_UNAVAILABLE) => self.later += 1,
            Told::Status(StatusCode::INTERNAL_SERVER_ERROR) => self.failed += 1,
            Told::Nothing => self.cut_off += 1,
            Told::Status(other) => panic!("{other}"),
        }
        false
    }
}

/// Each delivery of one sender once more.
pub(super) async fn replay_all(mut sender: Sender, name: String) -> Tally {
    let mut tally = Tally::default();
    for number in 0..DELIVERIES / SENDERS {
        let delivery = format!("{name}_{number}");
        let told = sender.send(number % 2, &delivery, None).await;
        tally.count(&delivery, told);
    }
    tally
}

/// All deliveries of one sender, one after the other.
pub(super) async fn deliver(
    mut sender: Sender,
    name: String,
    done: Arc<AtomicUsize>,
) -> (Sender, String, Tally) {
    let mut tally = Tally::default();
    for number in 0..DELIVERIES / SENDERS {
        let delivery = format!("{name}_{number}");
        if !tally.deliver(&mut sender, &delivery, number).await {
            tally.given_up += 1;
        }
        done.fetch_add(1, SeqCst);
        if number % 5 == 4 {
            let told = sender.send(number % 2, &delivery, None).await;
            tally.count(&delivery, told);
        }
    }
    (sender, name, tally)
}

impl Tally {
    async fn deliver(&mut self, sender: &mut Sender, delivery: &str, number: usize) -> bool {
        let began = Instant::now();
        let mut attempt = number;
        if number % 5 == 2 {
            let told = sender.send_to_all(delivery).await;
            let stop: Vec<_> = told.into_iter().map(|told| self.count(delivery, told)).collect();
            if stop.contains(&true) {
                return true;
            }
        }
        while began.elapsed() < PATIENCE {
            let fail = (attempt == number && number % 10 == 3).then_some("yes");
            let told = sender.send(attempt % 2, delivery, fail).await;
            if self.count(delivery, told) {
                return true;
            }
            attempt += 1;
            tokio::time::sleep(PAUSE).await;
        }
        false
    }
}
