//! The choice of the key that a token may be signed with.

use std::sync::Arc;

use super::header::Header;
use crate::codes::{Few, Seen};
use crate::payload::KeyId;
use crate::payload::jose::{Algorithm, Algorithms, InvalidJwk, InvalidJwt, VerifyingKey};

/// The most keys that one token is tried with.
const MAX_TRIALS: usize = 8;

/// How a key is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::payload::jose) enum Choice {
    /// The caller has chosen the keys: each is tried that is for the algorithm.
    Chosen,
    /// `kid`, or, where one of the two has none, what is left by the algorithm. Exactly one.
    ByName,
    /// The same, but where several are left, each is tried.
    TryEach,
}

pub(in crate::payload::jose) struct Keys {
    pub(super) listed: Algorithms,
    pub(super) candidates: Vec<Candidate>,
    /// What is not used, and why.
    pub(super) unusable: Vec<(usize, InvalidJwk)>,
}

/// A key of the set, whether or not it can be used.
#[derive(Clone)]
pub(in crate::payload::jose) struct Candidate {
    pub(in crate::payload::jose) kid: Option<Arc<str>>,
    /// Where it stands in its set.
    pub(in crate::payload::jose) place: usize,
    pub(in crate::payload::jose) use_as: UseAs,
}

#[derive(Clone)]
pub(in crate::payload::jose) enum UseAs {
    /// One for each algorithm that it may verify; mostly one.
    Verifying(Vec<VerifyingKey>),
    /// Nobody has decided which of these algorithms it is for.
    Undecided(Algorithms),
    /// For algorithms that are not listed.
    NotListed,
    /// Not understood, for something else, or weak.
    Nothing(InvalidJwk),
}

/// The keys to try: one, or, where trying is allowed, a few.
pub(super) type Tried<'k> = [Option<&'k VerifyingKey>; MAX_TRIALS];

impl Keys {
    pub(in crate::payload::jose) fn new(listed: Algorithms, mut candidates: Vec<Candidate>) -> Self {
        let reason = |key: &Candidate| Some((key.place, key.use_as.reason()?));
        let unusable = candidates.iter().filter_map(reason).collect();
        // A key for encryption may share the name of one for signatures. Nothing else may.
        candidates.retain(|key| !matches!(key.use_as, UseAs::Nothing(InvalidJwk::OtherUse)));
        Self {
            listed,
            candidates,
            unusable,
        }
    }

    /// The same without those of this name.
    pub(super) fn without(&self, id: &KeyId) -> Self {
        let others = |key: &&Candidate| key.verifying().iter().all(|key| key.id() != id);
        Self {
            listed: self.listed,
            candidates: self.candidates.iter().filter(others).cloned().collect(),
            unusable: self.unusable.clone(),
        }
    }

    pub(super) fn find(&self, header: &Header<'_>, choice: Choice) -> Result<Tried<'_>, InvalidJwt> {
        let algorithm = header.algorithm;
        if let Some(key) = self.only(header, choice) {
            let mut tried = Tried::default();
            tried[0] = Some(key);
            return Ok(tried);
        }
        let named = choice != Choice::Chosen && self.knows(header.kid.as_deref());
        let unborne = choice != Choice::Chosen && !named && header.kid.is_some();
        let eligible = self.candidates.iter().filter(move |key| match &header.kid {
            _ if choice == Choice::Chosen => true,
            Some(kid) if named => key.kid.as_deref() == Some(kid),
            // A token that names a key is not for one that is named otherwise.
            kid => kid.is_none() || key.kid.is_none(),
        });
        // RFC 7517 §4.5: keys for different algorithms may share a name, as alternatives.
        let mut possible = eligible.clone().filter(|key| !key.is_for_others_than(algorithm));
        if named && choice == Choice::ByName && possible.clone().nth(1).is_some() {
            return Err(InvalidJwt::AmbiguousKey);
        }
        let mut fitting = eligible
            .clone()
            .filter_map(|key| key.for_algorithm(algorithm).ok());
        let mut tried = Tried::default();
        for (place, key) in tried.iter_mut().zip(&mut fitting) {
            *place = Some(key);
        }
        match (tried.iter().flatten().count(), fitting.next()) {
            (0, _) if named || choice == Choice::Chosen => {
                // Whichever it is says why not.
                let key = possible.next().or(eligible.clone().next());
                Err(key.map_or_else(|| self.unknown(header), |key| key.why_not(algorithm)))
            }
            (0, _) => Err(self.nothing_fits(header)),
            (1, None) => Ok(tried),
            // A name that no key bears is no reason to try those without one.
            (_, None) if choice != Choice::ByName && !unborne => Ok(tried),
            _ => Err(InvalidJwt::AmbiguousKey),
        }
    }

    /// The key of a set of one, if it fits: as what follows would find it.
    fn only(&self, header: &Header<'_>, choice: Choice) -> Option<&VerifyingKey> {
        let [key] = &*self.candidates else { return None };
        let named_otherwise =
            header.kid.is_some() && key.kid.is_some() && key.kid.as_deref() != header.kid.as_deref();
        if named_otherwise && choice != Choice::Chosen {
            return None;
        }
        key.for_algorithm(header.algorithm).ok()
    }

    fn knows(&self, kid: Option<&str>) -> bool {
        kid.is_some() && self.candidates.iter().any(|key| key.kid.as_deref() == kid)
    }

    fn unknown(&self, header: &Header<'_>) -> InvalidJwt {
        InvalidJwt::UnknownKey {
            kid: header.kid.as_deref().map(Seen::of),
            known: Few::of(self.candidates.iter().filter_map(|key| key.kid.as_deref())),
        }
    }

    fn nothing_fits(&self, header: &Header<'_>) -> InvalidJwt {
        let undecided =
            |key: &Candidate| matches!(key.use_as, UseAs::Undecided(of) if of.contains(header.algorithm));
        match &header.kid {
            Some(_) => self.unknown(header),
            None if self.candidates.iter().any(undecided) => InvalidJwt::UndecidedAlgorithm,
            None => InvalidJwt::NoKey {
                algorithm: header.algorithm,
            },
        }
    }
}

impl Candidate {
    /// A key of the caller's, whatever tokens call it.
    pub(super) fn chosen(key: VerifyingKey) -> Self {
        Self {
            kid: None,
            place: 0,
            use_as: UseAs::Verifying(vec![key]),
        }
    }

    pub(super) fn verifying(&self) -> &[VerifyingKey] {
        match &self.use_as {
            UseAs::Verifying(keys) => keys,
            UseAs::Undecided(_) | UseAs::NotListed | UseAs::Nothing(_) => &[],
        }
    }

    /// Whether it is known what it is for, and that it is not for this one.
    fn is_for_others_than(&self, algorithm: Algorithm) -> bool {
        match &self.use_as {
            UseAs::Nothing(_) => false,
            UseAs::NotListed => true,
            UseAs::Undecided(of) => !of.contains(algorithm),
            UseAs::Verifying(keys) => keys.iter().all(|key| key.algorithm() != algorithm),
        }
    }

    fn for_algorithm(&self, algorithm: Algorithm) -> Result<&VerifyingKey, InvalidJwt> {
        match &self.use_as {
            UseAs::Nothing(_) | UseAs::NotListed => Err(InvalidJwt::UnusableKey),
            UseAs::Undecided(of) if of.contains(algorithm) => Err(InvalidJwt::UndecidedAlgorithm),
            UseAs::Undecided(_) => Err(InvalidJwt::OtherAlgorithm { algorithm }),
            UseAs::Verifying(keys) => keys
                .iter()
                .find(|key| key.algorithm() == algorithm)
                .ok_or(InvalidJwt::OtherAlgorithm { algorithm }),
        }
    }

    fn why_not(&self, algorithm: Algorithm) -> InvalidJwt {
        self.for_algorithm(algorithm)
            .err()
            .unwrap_or(InvalidJwt::NoKey { algorithm })
    }
}

impl UseAs {
    /// Why it verifies nothing.
    fn reason(&self) -> Option<InvalidJwk> {
        match self {
            Self::Verifying(_) => None,
            Self::Undecided(_) => Some(InvalidJwk::Undecided),
            Self::NotListed => Some(InvalidJwk::NotListed),
            Self::Nothing(why) => Some(why.clone()),
        }
    }
}
