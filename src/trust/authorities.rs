use rustls_pki_types::UnixTime;

use super::anchors::{Anchors, Kind};
use super::invalid_ca::{InvalidCa, Problem};
use super::issuers::KnownIssuers;
use super::path::{Algorithms, PathRules};
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
        let Self {
            algorithms,
            sources,
            profile,
            revocation,
        } = self;
        if revocation.as_ref().is_some_and(Revocation::is_unfounded) {
            return Err(invalid_crls(Problem::NoCrl));
        }
        let anchors = Anchors::read(&sources, kind, now)?;
        if let Some(revocation) = &revocation {
            // Now rather than in somebody's handshake, for the lists of the anchors themselves.
            let verified = revocation.verify_early(anchors.authorities(), algorithms);
            verified.map_err(invalid_crls)?;
        }
        Ok(PathRules {
            anchors,
            algorithms,
            profile,
            revocation,
            issuers: KnownIssuers::default(),
        })
    }
}

fn invalid_crls(problem: Problem) -> InvalidCa {
    InvalidCa {
        source_name: "CRLs".to_owned(),
        problem,
    }
}
