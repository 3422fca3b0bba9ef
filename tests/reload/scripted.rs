//! A source that answers as it was told.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use countersign::identity::SpkiHash;
use countersign::reload::{Loaded, Loading, NotLoaded, Source};
use countersign::tls::rustls::pki_types::UnixTime;
use countersign::trust::PinSet;
use tokio::sync::Notify;

/// What it answers, one after the other; the last one again and again.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    Pins(u8),
    /// With a part of them as it was before.
    PinsDespite(u8),
    Same,
    SameDespite,
    /// Until it is released, and is `Pins(9)` then.
    Hangs,
    Fails,
    Panics,
    PanicsLater,
}

#[derive(Debug, Clone)]
pub(crate) struct Scripted {
    answers: Arc<Mutex<Vec<Answer>>>,
    pub(crate) asked: Arc<AtomicUsize>,
    /// Lets go on what hangs.
    pub(crate) released: Arc<Notify>,
}

impl Scripted {
    pub(crate) fn new(answers: &[Answer]) -> Self {
        Self {
            answers: Arc::new(Mutex::new(answers.iter().rev().cloned().collect())),
            asked: Arc::default(),
            released: Arc::default(),
        }
    }

    pub(crate) fn now_says(&self, answer: Answer) {
        *self.answers.lock().expect("no panic") = vec![answer];
    }
}

impl Source<PinSet> for Scripted {
    fn load(&mut self, _: Option<Arc<PinSet>>, _: UnixTime) -> Loading<'_, PinSet> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let answer = {
            let mut answers = self.answers.lock().expect("no panic");
            match answers.len() {
                1 => answers[0].clone(),
                _ => answers.pop().expect("an answer"),
            }
        };
        if matches!(answer, Answer::Panics) {
            panic!("as it was told");
        }
        let released = Arc::clone(&self.released);
        Box::pin(async move {
            match answer {
                Answer::Pins(number) => Ok(Loaded::new(pins(number))),
                Answer::PinsDespite(number) => Ok(Loaded::new(pins(number)).despite(as_told())),
                Answer::Same => Ok(Loaded::unchanged()),
                Answer::SameDespite => Ok(Loaded::unchanged().despite(as_told())),
                Answer::Hangs => {
                    released.notified().await;
                    Ok(Loaded::new(pins(9)))
                }
                Answer::PanicsLater => panic!("as it was told"),
                Answer::Fails | Answer::Panics => Err(as_told()),
            }
        })
    }
}

pub(crate) fn pins(number: u8) -> PinSet {
    PinSet::new([SpkiHash::of(&[number])])
}

fn as_told() -> NotLoaded {
    NotLoaded::invalid("as it was told")
}
