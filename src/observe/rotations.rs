use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use super::{Event, Observer, RotationStep};
use crate::expiry::Kind;
use crate::usage::{NotRetired, Retirement, Usage};

/// A watch over rotations: it tells when the next of something stands beside the present one, when it is used for the first
/// time, and when the old one is gone.
///
/// It looks at what is in force, and compares it with what it saw before; so it does not matter who takes a step, or by
/// which file. Let it [`tell`](Self::tell) once a minute, by
/// [`Watching`](super::Watching). What it sees the first time is no news.
///
/// ```
/// use std::sync::Mutex;
/// use countersign::expiry::Kind;
/// use countersign::live::Live;
/// use countersign::observe::{Event, Observer, RotationWatch};
/// use countersign::trust::PinSet;
///
/// #[derive(Debug, Default)]
/// struct Told(Mutex<Vec<String>>);
/// impl Observer for Told {
///     fn observe(&self, event: &Event<'_>) {
///         if let Event::RotationStepped { kind, name, step } = event {
///             self.0.lock().unwrap().push(format!("{} {name}: {}", kind.as_str(), step.as_str()));
///         }
///     }
/// }
///
/// let pins = Live::new(PinSet::default());
/// let looked_at = pins.clone();
/// let watch = RotationWatch::new().over(Kind::Pin, move || {
///     let named = |(pin, usage): (countersign::trust::Pin, _)| (pin.label().unwrap_or("unnamed").to_owned(), usage);
///     looked_at.load().usage().map(named).collect()
/// });
/// let told = Told::default();
/// watch.tell(&told);
/// pins.replace("sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU= label=acme 2027".parse()?);
/// watch.tell(&told);
/// watch.tell(&told);
/// assert_eq!(*told.0.lock().unwrap(), ["pin acme 2027: staged"]);
/// # Ok::<(), countersign::trust::InvalidPin>(())
/// ```
#[derive(Default)]
pub struct RotationWatch {
    looks: Vec<(Kind, Look)>,
    /// By look and name, whether it was used. Nothing before the first time.
    before: Mutex<Option<BTreeMap<(usize, String), Usage>>>,
}

type Look = Box<dyn Fn() -> Vec<(String, Usage)> + Send + Sync>;

impl RotationWatch {
    /// Over nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Also over these, each with its name (which is written to logs) and its uses: those of
    /// [`PinSet::usage`](crate::trust::PinSet::usage), [`PrivateCa::usage`](crate::trust::PrivateCa::usage),
    /// [`Keyring::report`](crate::payload::Keyring::report) or [`Credentials::usage`](crate::tls::Credentials::usage).
    #[must_use]
    pub fn over(
        mut self,
        kind: Kind,
        look: impl Fn() -> Vec<(String, Usage)> + Send + Sync + 'static,
    ) -> Self {
        self.looks.push((kind, Box::new(look)));
        self
    }

    /// Tells which steps were taken since it last looked.
    pub fn tell(&self, observer: &dyn Observer) {
        let now: BTreeMap<_, _> = self.seen().collect();
        let mut before = self.before.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(before) = before.replace(now.clone()) else {
            return;
        };
        for (place, usage) in &now {
            match before.get(place) {
                None => self.tell_of(observer, place, RotationStep::Staged),
                Some(before) if before.uses == 0 && usage.uses > 0 => {
                    self.tell_of(observer, place, RotationStep::FirstUsed);
                }
                Some(_) => {}
            }
        }
        for place in before.keys().filter(|place| !now.contains_key(*place)) {
            self.tell_of(observer, place, RotationStep::Retired);
        }
    }

    fn seen(&self) -> impl Iterator<Item = ((usize, String), Usage)> {
        self.looks.iter().enumerate().flat_map(|(look, (_, seen))| {
            let seen = seen().into_iter();
            seen.map(move |(name, usage)| ((look, name), usage))
        })
    }

    fn tell_of(&self, observer: &dyn Observer, (look, name): &(usize, String), step: RotationStep) {
        if let Some((kind, _)) = self.looks.get(*look) {
            let kind = *kind;
            observer.observe(&Event::RotationStepped { kind, name, step });
        }
    }
}

impl fmt::Debug for RotationWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds: Vec<_> = self.looks.iter().map(|(kind, _)| kind.as_str()).collect();
        f.debug_struct("RotationWatch")
            .field("over", &kinds)
            .finish_non_exhaustive()
    }
}

/// Takes the last step of a rotation, and tells of it where it is refused or forced.
///
/// That the old one is gone, a [`RotationWatch`] tells, as it does whoever takes it away.
///
/// ```
/// use countersign::expiry::Kind;
/// use countersign::identity::SpkiHash;
/// use countersign::live::Live;
/// use countersign::observe::{Silent, retire};
/// use countersign::testing::NOW;
/// use countersign::trust::{Pin, PinSet};
/// use countersign::usage::{NotRetired, Retirement};
///
/// let pin = |key: &[u8]| Pin::leaf(SpkiHash::of(key)).labelled("acme");
/// let (old, next) = (pin(b"the key of this year"), pin(b"the next"));
/// let pins = Live::new(PinSet::of([old.clone(), next]));
/// let day = Retirement::unused_for(std::time::Duration::from_secs(86_400));
/// let take = |terms| pins.update(|pins| pins.retire(&old, terms, NOW));
/// // Also told: `RotationStep::RetirementRefused`.
/// assert_eq!(retire(&Silent::default(), Kind::Pin, "acme", day, take), Err(NotRetired::NoSuccessor));
/// ```
///
/// # Errors
/// What `take` says.
pub fn retire<T>(
    observer: &dyn Observer,
    kind: Kind,
    name: &str,
    terms: Retirement,
    take: impl FnOnce(Retirement) -> Result<T, NotRetired>,
) -> Result<T, NotRetired> {
    let outcome = take(terms);
    let step = match &outcome {
        Ok(_) if terms.is_forced() => Some(RotationStep::RetirementForced),
        Ok(_) | Err(NotRetired::Unknown) => None,
        Err(_) => Some(RotationStep::RetirementRefused),
    };
    if let Some(step) = step {
        observer.observe(&Event::RotationStepped { kind, name, step });
    }
    outcome
}
