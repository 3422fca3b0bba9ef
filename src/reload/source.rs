use std::fmt;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use rustls_pki_types::UnixTime;

use crate::codes::entries;

/// A source of what is put in force: it yields a whole, checked `T`, and says when to look again.
///
/// [`Files`](super::Files) makes one of files, `UrlSource` one of URLs, [`Both`](super::Both) one of two. For one of your own, a vault for instance,
/// [`Reload`](super::Reload) does what is the same for all: it keeps what was good, tells what was not, and asks again.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
/// use countersign::UnixTime;
/// use countersign::reload::{Loaded, Loading, Reload, Rules, Source};
/// use countersign::trust::PinSet;
///
/// #[derive(Debug)]
/// struct Vault;
///
/// impl Source<PinSet> for Vault {
///     fn load(&mut self, _before: Option<Arc<PinSet>>, _now: UnixTime) -> Loading<'_, PinSet> {
///         // Here it would be asked, and what cannot be read would be an error.
///         Box::pin(async { Ok(Loaded::new(PinSet::default()).again_within(Duration::from_secs(60))) })
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let reload = Reload::new();
/// let pins = reload.start("pins of the vault", Vault, Rules::default()).await?;
/// assert!(pins.live().load().is_empty());
/// assert_eq!(pins.status().generation, 1);
/// # Ok::<(), countersign::reload::NotLoaded>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Source<T>: fmt::Debug + Send {
    /// Looks now. `before` is what is in force, or was before it was withdrawn, for what must not go back behind it; only the
    /// first look has none.
    ///
    /// # Errors
    /// [`NotLoaded`]; what is in force stays then.
    fn load(&mut self, before: Option<Arc<T>>, now: UnixTime) -> Loading<'_, T>;

    /// Where in the file system a change is a reason to look at once. Asked after each look.
    fn places(&self) -> Vec<PathBuf> {
        Vec::new()
    }

    /// Ends when something else is a reason to look at once. Dropped and asked again after each look.
    fn changed(&mut self) -> Changed<'_> {
        Box::pin(std::future::pending())
    }
}

/// A look at a source.
pub type Loading<'a, T> = Pin<Box<dyn Future<Output = Result<Loaded<T>, NotLoaded>> + Send + 'a>>;

/// The wait for a change of a source.
pub type Changed<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Until one of these has ended.
pub(super) async fn any_of(mut waits: Vec<Changed<'_>>) {
    std::future::poll_fn(move |context| {
        let ended = waits
            .iter_mut()
            .any(|wait| wait.as_mut().poll(context).is_ready());
        if ended { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

impl<T> Source<T> for Box<dyn Source<T>> {
    fn load(&mut self, before: Option<Arc<T>>, now: UnixTime) -> Loading<'_, T> {
        (**self).load(before, now)
    }

    fn places(&self) -> Vec<PathBuf> {
        (**self).places()
    }

    fn changed(&mut self) -> Changed<'_> {
        (**self).changed()
    }
}

/// The answer of a source.
///
/// ```
/// use std::time::Duration;
/// use countersign::reload::Loaded;
///
/// let loaded = Loaded::new("what is to be in force").again_within(Duration::from_secs(60));
/// assert_eq!(loaded.value(), Some(&"what is to be in force"));
/// assert_eq!(Loaded::<&str>::unchanged().value(), None);
/// ```
#[derive(Debug)]
pub struct Loaded<T> {
    pub(super) value: Option<T>,
    pub(super) again: Option<Duration>,
    pub(super) despite: Option<NotLoaded>,
}

impl<T> Loaded<T> {
    /// This is to be in force.
    pub fn new(value: T) -> Self {
        Self {
            value: Some(value),
            ..Self::unchanged()
        }
    }

    /// What was yielded last is still what stands there. It is put in force by it where it is not: because it was
    /// withdrawn, or refused by whoever is to use it.
    pub fn unchanged() -> Self {
        Self {
            value: None,
            again: None,
            despite: None,
        }
    }

    /// Look again within this time, if that is sooner than the rules say.
    #[must_use]
    pub fn again_within(mut self, time: Duration) -> Self {
        self.again = Some(self.again.map_or(time, |again| again.min(time)));
        self
    }

    /// A part of it could not be loaded, and what it was before was taken in its place. What was withdrawn stays so.
    #[must_use]
    pub fn despite(mut self, failed: NotLoaded) -> Self {
        self.despite = Some(failed);
        self
    }

    /// What is to be in force, where that has changed.
    pub fn value(&self) -> Option<&T> {
        self.value.as_ref()
    }
}

/// The reason why something was not loaded. Holds no secret.
///
/// ```
/// use countersign::reload::NotLoaded;
///
/// let broken = NotLoaded::invalid("two files are needed");
/// assert_eq!(broken.to_string(), "two files are needed");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotLoaded {
    /// It is not there, or this process may not read it; or whoever keeps it does not answer.
    #[error("{what} cannot be read: {reason}")]
    Unreadable {
        /// Which file, folder or URL.
        what: String,
        /// What the system says.
        reason: String,
    },
    /// It is larger than what is looked for can be.
    #[error(
        "{what} is larger than {limit} bytes, or holds more than {} files",
        super::MAX_FILES
    )]
    TooLarge {
        /// Which.
        what: String,
        /// The limit in force.
        limit: usize,
    },
    /// It kept changing while it was read, so it was never read whole.
    #[error("{what} kept changing while it was read")]
    Changing {
        /// Which.
        what: String,
    },
    /// It must not be used.
    #[error("{reason}")]
    Invalid {
        /// Why.
        reason: String,
    },
    /// It could not be loaded for longer than it may count without.
    #[error("it could not be loaded for {age:?}, and counts for {max_age:?} without")]
    TooOld {
        /// Since it was last loaded, or found unchanged.
        age: Duration,
        /// The limit in force.
        max_age: Duration,
    },
    /// What reads it has panicked.
    #[error("what reads it has panicked")]
    Panicked,
}

impl NotLoaded {
    /// What was loaded must not be used.
    pub fn invalid(reason: impl ToString) -> Self {
        Self::Invalid {
            reason: reason.to_string(),
        }
    }
}

entries! {
    NotLoaded []
    Self::Unreadable { .. } => "reload.unreadable", Ours, "ours: what was good stays in force",
        "Look at the path, the rights of this process and the mount; of a URL, at the server behind it.",
        "Nothing: the receiver cannot read what is its own.";
    Self::TooLarge { .. } => "reload.too_large", Ours, "ours: sizes come first",
        "Name the file that was meant; a folder may hold more than belongs to it.",
        "Publish no more than is in use.";
    Self::Changing { .. } => "reload.changing", Ours, "ours: what is put in force was read whole",
        "Write a new file and rename it over the old one.",
        "Nothing: the receiver has to write it in one step.";
    Self::Invalid { .. } => "reload.invalid", Ours, "ours: what was good stays in force",
        "Mend what the message names; the old one stays in force meanwhile.",
        "Publish what can be used.";
    Self::TooOld { .. } => "reload.too_old", Ours, "ours: what nobody has confirmed for so long does not count",
        "Look at the failures before it, which say why it could not be loaded.",
        "Have it answer.";
    Self::Panicked => "reload.panicked", Ours, "ours: what was good stays in force",
        "Look at the panic's message, and report it to whoever wrote what reads it.",
        "Nothing: the receiver's reader is at fault.";
}
