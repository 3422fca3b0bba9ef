use std::error::Error;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls_pki_types::UnixTime;
use sha2::{Digest as _, Sha256};

use super::files::Content;
use super::stamps::Stamp;
use super::{Files, Loaded, Loading, NotLoaded, Source};

/// How often files that change while they are read are read again.
const ATTEMPTS: usize = 20;
/// How often what is read and cannot be used is read again: whoever replaces a certificate and its key one after the other
/// is in between for a moment.
const PATIENCE: u32 = 3;

/// A source of files, and of what makes sense of them. Made by [`Files::read_by`], or for what is usual:
/// [`credentials`](Self::credentials), [`anchors`](Self::anchors), [`pins`](Self::pins), [`crls`](Self::crls).
///
/// What is written anew and says the same is not published again.
pub struct FileSource<T> {
    files: Files,
    read: Arc<Read<T>>,
    checks: Vec<Arc<Check<T>>>,
    again: Option<Arc<Again<T>>>,
    /// How the files stood when they were last found good.
    seen: Option<Vec<Stamp>>,
    /// A hash over what stood in them.
    digest: Option<[u8; 32]>,
}

pub(super) type AnyError = Box<dyn Error + Send + Sync>;
type Read<T> = dyn Fn(&Reading<'_, T>) -> Result<T, AnyError> + Send + Sync;
type Check<T> = dyn Fn(&T, UnixTime) -> Result<(), AnyError> + Send + Sync;
type Again<T> = dyn Fn(&T, UnixTime) -> Option<Duration> + Send + Sync;

/// Files that were read, for whoever makes something of them.
pub struct Reading<'a, T> {
    contents: &'a [Content],
    before: Option<&'a T>,
    now: UnixTime,
}

impl<T> Reading<'_, T> {
    /// What stands in the file of this place, from 0; nothing where there is none.
    pub fn bytes(&self, place: usize) -> &[u8] {
        self.contents.get(place).map_or(&[], |content| &content.bytes)
    }

    /// The same as text.
    ///
    /// # Errors
    /// [`NotLoaded::Invalid`] where it is not UTF-8.
    pub fn text(&self, place: usize) -> Result<&str, NotLoaded> {
        std::str::from_utf8(self.bytes(place)).map_err(|_| {
            let name = self.contents.get(place).map_or("it", |content| &content.name);
            NotLoaded::invalid(format_args!("{name} is no text in UTF-8"))
        })
    }

    /// All of them, each with its name.
    pub fn files(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let contents = self.contents.iter();
        contents.map(|content| (content.name.as_str(), content.bytes.as_slice()))
    }

    /// What is in force, or was before it was withdrawn; nothing when it is read for the first time.
    pub fn before(&self) -> Option<&T> {
        self.before
    }

    /// The present.
    pub fn now(&self) -> UnixTime {
        self.now
    }
}

impl<T> fmt::Debug for Reading<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.contents.iter().map(|content| &content.name);
        f.debug_list().entries(names).finish()
    }
}

impl<T> FileSource<T> {
    pub(super) fn new(
        files: Files,
        read: impl Fn(&Reading<'_, T>) -> Result<T, AnyError> + Send + Sync + 'static,
    ) -> Self {
        Self {
            files,
            read: Arc::new(read),
            checks: Vec::new(),
            again: None,
            seen: None,
            digest: None,
        }
    }

    /// Publishes only what this agrees to, too: whether peers will trust one's own certificate, for instance
    /// ([`Credentials::check_trusted`](crate::tls::Credentials::check_trusted)).
    #[must_use]
    pub fn checked_by<E: Into<AnyError>>(
        mut self,
        check: impl Fn(&T, UnixTime) -> Result<(), E> + Send + Sync + 'static,
    ) -> Self {
        let check = move |value: &T, now| check(value, now).map_err(Into::into);
        self.checks.push(Arc::new(check));
        self
    }

    /// Reads what has not changed for so long: [`Files::with_settling`].
    #[must_use]
    pub fn with_settling(mut self, time: Duration) -> Self {
        self.files = self.files.with_settling(time);
        self
    }

    pub(super) fn looking_again(
        mut self,
        again: impl Fn(&T, UnixTime) -> Option<Duration> + Send + Sync + 'static,
    ) -> Self {
        self.again = Some(Arc::new(again));
        self
    }
}

impl<T: Send + Sync + 'static> FileSource<T> {
    async fn look(&mut self, before: Option<Arc<T>>, now: UnixTime) -> Result<Loaded<T>, NotLoaded> {
        let files = self.files.clone();
        let stamps = in_background(move || files.stamps()).await?;
        let in_force = before.is_some();
        if in_force && self.seen.as_ref() == Some(&stamps) {
            return Ok(self.looked(before.as_deref(), now));
        }
        self.seen = None;
        let mut pause = self.files.settling();
        for attempt in 1.. {
            let (stamps, contents) = self.settled(pause).await?;
            let digest = digest(&contents);
            if in_force && self.digest == Some(digest) {
                self.seen = Some(stamps);
                return Ok(self.looked(before.as_deref(), now));
            }
            match self.make(contents, before.clone(), now).await {
                Ok(value) => {
                    (self.seen, self.digest) = (Some(stamps), Some(digest));
                    let again = self.again(Some(&value), now);
                    return Ok(Loaded::new(value).again_within(again));
                }
                Err(failed) if attempt >= PATIENCE => return Err(failed),
                Err(_) => pause = pause.saturating_mul(2),
            }
        }
        Ok(Loaded::unchanged())
    }

    fn looked(&self, before: Option<&T>, now: UnixTime) -> Loaded<T> {
        Loaded::unchanged().again_within(self.again(before, now))
    }

    fn again(&self, value: Option<&T>, now: UnixTime) -> Duration {
        let again = self.again.as_ref().zip(value);
        again
            .and_then(|(again, value)| again(value, now))
            .unwrap_or(Duration::MAX)
    }

    /// As they stand once they have not changed for so long.
    async fn settled(&self, pause: Duration) -> Result<(Vec<Stamp>, Vec<Content>), NotLoaded> {
        for _ in 0..ATTEMPTS {
            let files = self.files.clone();
            let stamps = in_background(move || files.stamps()).await?;
            tokio::time::sleep(pause).await;
            let files = self.files.clone();
            let found = in_background(move || Ok((files.read(&stamps)?, stamps))).await?;
            if let (Some(contents), stamps) = found {
                return Ok((stamps, contents));
            }
        }
        Err(NotLoaded::Changing {
            what: self.files.to_string(),
        })
    }

    async fn make(
        &self,
        contents: Vec<Content>,
        before: Option<Arc<T>>,
        now: UnixTime,
    ) -> Result<T, NotLoaded> {
        let (read, checks) = (self.read.clone(), self.checks.clone());
        in_background(move || {
            let reading = Reading {
                contents: &contents,
                before: before.as_deref(),
                now,
            };
            let value = read(&reading).map_err(not_loaded)?;
            for check in checks {
                check(&value, now).map_err(not_loaded)?;
            }
            Ok(value)
        })
        .await
    }
}

/// Reading a file waits for a disk or for a network, and a large list takes its time to be read.
pub(super) async fn in_background<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, NotLoaded> + Send + 'static,
) -> Result<T, NotLoaded> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(_) => Err(NotLoaded::Panicked),
    }
}

pub(super) fn not_loaded(error: AnyError) -> NotLoaded {
    match error.downcast::<NotLoaded>() {
        Ok(own) => *own,
        Err(error) => NotLoaded::invalid(error),
    }
}

fn digest(contents: &[Content]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for content in contents {
        for part in [content.name.as_bytes(), &content.bytes] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
    }
    hash.finalize().into()
}

impl<T: Send + Sync + 'static> Source<T> for FileSource<T> {
    fn load(&mut self, before: Option<Arc<T>>, now: UnixTime) -> Loading<'_, T> {
        Box::pin(self.look(before, now))
    }

    fn places(&self) -> Vec<PathBuf> {
        self.files.places()
    }
}

impl<T> fmt::Debug for FileSource<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileSource")
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}
