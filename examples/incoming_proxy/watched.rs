//! Files that are read anew when they change, each for itself: one that is broken keeps no other back.
#![allow(
    dead_code,
    reason = "the doctor reads a configuration once, and watches nothing"
)]

use std::error::Error;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use countersign::live::Live;
use countersign::observe::Observer;
use countersign::reload::{Files, NotLoaded, Reading, Reload, Rules};
use rustls::pki_types::UnixTime;
use tokio::task::JoinSet;

/// A text that something is made of.
#[derive(Debug, Clone)]
pub(crate) enum Text {
    File(PathBuf),
    /// Of a variable of the environment, which nobody changes while the process runs.
    Given(Arc<str>),
}

impl Text {
    fn file(&self) -> Option<&PathBuf> {
        match self {
            Self::File(file) => Some(file),
            Self::Given(_) => None,
        }
    }
}

/// Texts, and what is in force of them.
pub(crate) struct Watched(Box<dyn FnOnce(Reload) -> Starting + Send>);

type Starting = Pin<Box<dyn Future<Output = Result<(), NotLoaded>> + Send>>;
type Made<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// `None`, where none of the texts is a file's. `make` is given them, what is in force, and the present.
pub(crate) fn watched<T: Send + Sync + 'static>(
    name: String,
    texts: Vec<Text>,
    live: &Live<T>,
    make: impl Fn(&[&str], &T, UnixTime) -> Made<T> + Send + Sync + 'static,
) -> Option<Watched> {
    let files: Vec<_> = texts.iter().filter_map(Text::file).cloned().collect();
    if files.is_empty() {
        return None;
    }
    let (live, in_force) = (live.clone(), live.clone());
    let source = Files::of(files).read_by(move |read: &Reading<'_, T>| {
        let mut place = 0;
        let mut texts_now = Vec::with_capacity(texts.len());
        for text in &texts {
            texts_now.push(match text {
                Text::Given(text) => text,
                Text::File(_) => {
                    place += 1;
                    read.text(place - 1)?
                }
            });
        }
        make(&texts_now, &in_force.load(), read.now())
    });
    Some(Watched(Box::new(move |reload| {
        Box::pin(async move {
            let started = reload.start_with(&name, source, Rules::default(), live);
            started.await.map(drop)
        })
    })))
}

/// Files that are watched together, for as long as this is kept.
#[derive(Default)]
pub(crate) struct Watch {
    waiting: Mutex<Vec<Watched>>,
    reload: OnceLock<Reload>,
}

impl Watch {
    pub(crate) fn of(watched: impl IntoIterator<Item = Watched>) -> Self {
        let waiting = Mutex::new(watched.into_iter().collect());
        Self {
            waiting,
            reload: OnceLock::new(),
        }
    }

    /// Begins, side by side. Once is enough: whatever runs already goes on.
    pub(crate) async fn start(&self, observer: Arc<dyn Observer>) -> Result<(), NotLoaded> {
        let waiting = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        let reload = self
            .reload
            .get_or_init(|| Reload::new().observed_by(observer))
            .clone();
        let mut starting = JoinSet::new();
        for Watched(start) in waiting {
            starting.spawn(start(reload.clone()));
        }
        while let Some(started) = starting.join_next().await {
            started.map_err(|_| NotLoaded::Panicked)??;
        }
        Ok(())
    }
}
