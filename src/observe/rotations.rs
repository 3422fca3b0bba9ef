use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use rustls_pki_types::UnixTime;

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
/// pins.replace("sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU= label=acme".parse()?);
/// watch.tell(&told);
/// watch.tell(&told);
/// // Its successor has the same label.
/// let next = "sha256/LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ= label=acme".parse()?;
/// pins.update(|pins| Ok::<_, countersign::trust::PinProblem>(pins.stage([next])))?;
/// watch.tell(&told);
/// assert_eq!(*told.0.lock().unwrap(), ["pin acme: staged", "pin acme: staged"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Default)]
pub struct RotationWatch {
    looks: Vec<(Kind, Look)>,
    /// Nothing before the first time.
    before: Mutex<Option<Seen>>,
}

/// By look and name, each that bears it: when it was first used, if it was.
type Seen = BTreeMap<(usize, String), Vec<First>>;

type First = Option<UnixTime>;

type Look = Box<dyn Fn() -> Vec<(String, Usage)> + Send + Sync>;

impl RotationWatch {
    /// Over nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Also over these, each with its name (which is written to logs) and its uses. Of several that bear one name, as a pin
    /// and its successor do, the steps of each are told, and not which of them it was: [`Pin`](crate::trust::Pin) as text
    /// would say so, and is longer. The uses are those of
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
        let now = self.seen();
        let mut before = self.before.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(before) = before.replace(now.clone()) else {
            return;
        };
        for (place, uses) in &now {
            let before = before.get(place).map_or(&[][..], Vec::as_slice);
            self.tell_of(observer, place, steps(before, uses));
        }
        for (place, before) in before.iter().filter(|(place, _)| !now.contains_key(*place)) {
            self.tell_of(observer, place, steps(before, &[]));
        }
    }

    fn seen(&self) -> Seen {
        let mut all = Seen::new();
        for (look, (_, seen)) in self.looks.iter().enumerate() {
            for (name, usage) in seen() {
                all.entry((look, name)).or_default().push(usage.first_used);
            }
        }
        all
    }

    fn tell_of(
        &self,
        observer: &dyn Observer,
        (look, name): &(usize, String),
        steps: impl Iterator<Item = RotationStep>,
    ) {
        if let Some((kind, _)) = self.looks.get(*look) {
            let kind = *kind;
            steps.for_each(|step| observer.observe(&Event::RotationStepped { kind, name, step }));
        }
    }
}

/// The steps from those of a name to those that bear it now. Which is which is told by the time of its first use, that stays:
/// whoever is used since, where one unused is missing, is that one.
fn steps(before: &[First], now: &[First]) -> impl Iterator<Item = RotationStep> + use<> {
    let mut gone: BTreeMap<First, usize> = BTreeMap::new();
    for first in before {
        *gone.entry(*first).or_default() += 1;
    }
    let is_new = |first: &&First| match gone.get_mut(*first) {
        Some(left @ 1..) => {
            *left -= 1;
            false
        }
        _ => true,
    };
    let used_since = now.iter().filter(is_new).flatten().count();
    let first_used = used_since.min(gone.get(&None).copied().unwrap_or_default());
    let staged = now.len().saturating_sub(before.len());
    let retired = before.len().saturating_sub(now.len());
    let staged = std::iter::repeat_n(RotationStep::Staged, staged);
    staged
        .chain(std::iter::repeat_n(RotationStep::FirstUsed, first_used))
        .chain(std::iter::repeat_n(RotationStep::Retired, retired))
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn of_several_under_one_name_each_step_is_told_once() {
        use RotationStep::{FirstUsed, Retired, Staged};

        let at =
            |seconds: &u64| (*seconds > 0).then(|| UnixTime::since_unix_epoch(Duration::from_secs(*seconds)));
        // When each was first used, or nought.
        let table: [(&[u64], &[u64], &[RotationStep]); 12] = [
            (&[], &[0], &[Staged]),
            (&[], &[5, 0], &[Staged, Staged]),
            (&[5], &[5], &[]),
            (&[5], &[0, 5], &[Staged]),
            (&[5, 0], &[0, 5], &[]),
            (&[5, 0], &[5, 9], &[FirstUsed]),
            (&[0, 0, 0], &[9, 0, 9], &[FirstUsed, FirstUsed]),
            (&[5, 9], &[9], &[Retired]),
            (&[5, 0], &[5], &[Retired]),
            (&[5, 0], &[9], &[FirstUsed, Retired]),
            // Counted anew, by whoever takes no counts over.
            (&[5], &[0], &[]),
            (&[5, 0], &[], &[Retired, Retired]),
        ];
        for (before, now, expected) in table {
            let firsts = |times: &[u64]| times.iter().map(at).collect::<Vec<_>>();
            let told: Vec<_> = steps(&firsts(before), &firsts(now)).collect();
            assert_eq!(told, expected, "{before:?} and then {now:?}");
        }
    }
}
