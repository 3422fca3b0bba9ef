use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use rustls_pki_types::UnixTime;

use super::file_source::{AnyError, in_background, not_loaded};
use super::source::any_of;
use super::{Changed, Loaded, Loading, NotLoaded, Source};

/// Two sources of which one thing is made: authorities from a file, for instance, with the revocation lists from their URL.
///
/// It is made anew when either has changed. While one of the two cannot be loaded, what it was before is taken in its place,
/// and the failure is told.
///
/// ```
/// use countersign::reload::{Both, FileSource, Files, Reload, Rules};
/// use countersign::testing::TestCa;
/// use countersign::tls::rustls;
/// use countersign::trust::{Crls, PrivateCa, Revocation};
/// # use countersign::reload::Reading;
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// # let algorithms = rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms.all;
/// # let folder = std::env::temp_dir().join(format!("countersign-both-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// # let ca = TestCa::new("Acme Root");
/// # std::fs::write(folder.join("ca.pem"), ca.pem())?;
/// # std::fs::write(folder.join("ca.crl"), ca.crl(1).issue().pem())?;
/// let lists = FileSource::crls(Files::of([folder.join("ca.crl")]));
/// let pem = Files::of([folder.join("ca.pem")]).read_by(|files: &Reading<'_, String>| Ok(files.text(0)?.to_owned()));
/// let source = Both::new(pem, lists, move |pem: &String, lists: &Crls, now| {
///     let ca = PrivateCa::builder(algorithms).pem(pem.as_bytes());
///     ca.with_revocation(Revocation::required(lists.clone())).build(now)
/// });
/// let trust = Reload::new().start("authorities of clients", source, Rules::default()).await?;
/// assert_eq!(trust.live().load().anchors().count(), 1);
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Both<A, B, T> {
    first: Box<dyn Source<A>>,
    second: Box<dyn Source<B>>,
    held: (Option<Arc<A>>, Option<Arc<B>>),
    make: Arc<Make<A, B, T>>,
    /// Whether what is held has been made something of.
    is_made: bool,
}

type Make<A, B, T> = dyn Fn(&A, &B, UnixTime) -> Result<T, AnyError> + Send + Sync;

impl<A, B, T> Both<A, B, T> {
    /// Of these two, by this function. It is told the present.
    pub fn new<E: Into<AnyError>>(
        first: impl Source<A> + 'static,
        second: impl Source<B> + 'static,
        make: impl Fn(&A, &B, UnixTime) -> Result<T, E> + Send + Sync + 'static,
    ) -> Self {
        Self {
            first: Box::new(first),
            second: Box::new(second),
            held: (None, None),
            make: Arc::new(move |first: &A, second: &B, now| make(first, second, now).map_err(Into::into)),
            is_made: false,
        }
    }
}

impl<A, B, T> Both<A, B, T>
where
    A: Send + Sync + 'static,
    B: Send + Sync + 'static,
    T: Send + Sync + 'static,
{
    async fn look(&mut self, now: UnixTime) -> Result<Loaded<T>, NotLoaded> {
        let mut looked = Loaded::unchanged();
        let first = self.first.load(self.held.0.clone(), now).await;
        let changed = take(first, &mut self.held.0, &mut looked)?;
        self.is_made &= !changed;
        let second = self.second.load(self.held.1.clone(), now).await;
        let changed = take(second, &mut self.held.1, &mut looked)?;
        self.is_made &= !changed;
        let ((Some(first), Some(second)), false) = (self.held.clone(), self.is_made) else {
            return Ok(looked);
        };
        let make = self.make.clone();
        let made = in_background(move || make(&first, &second, now).map_err(not_loaded)).await?;
        self.is_made = true;
        looked.value = Some(made);
        Ok(looked)
    }
}

/// Whether there is something new.
fn take<P, T>(
    loaded: Result<Loaded<P>, NotLoaded>,
    held: &mut Option<Arc<P>>,
    looked: &mut Loaded<T>,
) -> Result<bool, NotLoaded> {
    match loaded {
        Ok(loaded) => {
            let again = [looked.again, loaded.again].into_iter().flatten();
            looked.again = again.min();
            looked.despite = looked.despite.take().or(loaded.despite);
            let is_new = loaded.value.is_some();
            if let Some(value) = loaded.value {
                *held = Some(Arc::new(value));
            }
            Ok(is_new)
        }
        Err(failed) if held.is_none() => Err(failed),
        Err(failed) => {
            looked.despite = looked.despite.take().or(Some(failed));
            Ok(false)
        }
    }
}

impl<A, B, T> Source<T> for Both<A, B, T>
where
    A: Send + Sync + 'static,
    B: Send + Sync + 'static,
    T: Send + Sync + 'static,
{
    fn load(&mut self, _: Option<Arc<T>>, now: UnixTime) -> Loading<'_, T> {
        Box::pin(self.look(now))
    }

    fn places(&self) -> Vec<PathBuf> {
        let mut places = self.first.places();
        places.extend(self.second.places());
        places
    }

    fn changed(&mut self) -> Changed<'_> {
        Box::pin(any_of(vec![self.first.changed(), self.second.changed()]))
    }
}

impl<A, B, T> fmt::Debug for Both<A, B, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Both")
            .field(&self.first)
            .field(&self.second)
            .finish()
    }
}
