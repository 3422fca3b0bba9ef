use rustls_pki_types::UnixTime;

use super::algorithms::Algorithms;
use super::anchors::{Anchors, Kind};
use super::invalid_ca::{InvalidCa, Problem};
use super::issuers::KnownIssuers;
use super::path::PathRules;
use super::source::Source;
use super::{Profile, Revocation};

/// What a [`PrivateCa`](super::PrivateCa) and a [`PublicCa`](super::PublicCa) are both made of: anchors, and what is asked
/// of the paths that end in them.
#[derive(Debug, Clone)]
pub(super) struct Authorities {
    pub(super) algorithms: Algorithms,
    pub(super) sources: Vec<Source>,
    pub(super) profile: Profile,
    pub(super) revocation: Option<Revocation>,
}

impl Authorities {
    pub(super) fn new(algorithms: Algorithms) -> Self {
        Self {
            algorithms,
            sources: Vec::new(),
            profile: Profile::strict(),
            revocation: None,
        }
    }

    pub(super) fn rules(self, kind: Kind, now: UnixTime) -> Result<PathRules, InvalidCa> {
        let anchors = Anchors::read(&self.sources, kind, now)?;
        self.check_revocation(&anchors)?;
        Ok(self.rules_for(anchors))
    }

    /// Now rather than in somebody's handshake, for the lists of the anchors themselves.
    pub(super) fn check_revocation(&self, anchors: &Anchors) -> Result<(), InvalidCa> {
        let Some(revocation) = &self.revocation else {
            return Ok(());
        };
        if revocation.is_unfounded() {
            return Err(invalid_crls(Problem::NoCrl));
        }
        let verified = revocation.verify_early(anchors.authorities(), self.algorithms);
        verified.map_err(invalid_crls)
    }

    pub(super) fn rules_for(self, anchors: Anchors) -> PathRules {
        PathRules {
            anchors,
            algorithms: self.algorithms,
            profile: self.profile,
            revocation: self.revocation,
            issuers: KnownIssuers::default(),
        }
    }
}

/// What a builder with `authorities` is told of them.
macro_rules! takes_authorities {
    ($builder:ty) => {
        impl $builder {
            /// Anchors from a PEM text: roots, or intermediates, above which nothing is looked at then.
            #[must_use]
            pub fn pem(mut self, pem: &[u8]) -> Self {
                self.authorities
                    .sources
                    .push($crate::trust::source::Source::Pem(pem.to_vec()));
                self
            }

            /// Anchors from a PEM file.
            #[must_use]
            pub fn pem_file(mut self, path: impl AsRef<std::path::Path>) -> Self {
                self.authorities
                    .sources
                    .push($crate::trust::source::Source::file(path));
                self
            }

            /// Asks this of the certificates.
            #[must_use]
            pub fn with_profile(mut self, profile: $crate::trust::Profile) -> Self {
                self.authorities.profile = profile;
                self
            }

            /// Checks revocation.
            #[must_use]
            pub fn with_revocation(mut self, revocation: $crate::trust::Revocation) -> Self {
                self.authorities.revocation = Some(revocation);
                self
            }
        }
    };
}
pub(super) use takes_authorities;

fn invalid_crls(problem: Problem) -> InvalidCa {
    InvalidCa {
        source_name: "CRLs".to_owned(),
        problem,
    }
}
