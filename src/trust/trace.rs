//! The trace of a verifier: each check and what came of it, for somebody who asks why not.
//!
//! A verifier states each check once, by [`Presented::check`]. A request pays one branch for it: the first failure is returned. Where
//! there is a trace, a failure is noted and the walk goes on, so that an explanation reads the very checks that decide. An answer
//! that was given under a trace is never evidence: `explain` throws it away, and takes the verdict from the decision itself.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustls_pki_types::UnixTime;

use super::{Evidence, Presented, Role, Untrusted};
use crate::identity::PeerChain;

/// A check that a verifier makes of a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Check {
    /// The chain could be read: one certificate after the other, the leaf by two parsers that agree.
    Read,
    /// The chain is within its limits.
    Size,
    /// A path leads from the leaf to a trusted anchor, by signatures that are right.
    Path,
    /// Every certificate on the path is valid now, and the anchor is.
    Validity,
    /// Every name is one that the authorities on the path may certify.
    NameConstraints,
    /// The path is not longer than authorities and profile allow.
    PathLength,
    /// No critical extension is unknown.
    CriticalExtensions,
    /// Every issuer on the path may issue, by its own certificate.
    Issuers,
    /// The certificate is meant for this purpose, and so are its issuers.
    Purpose,
    /// Nothing on the path is revoked, by lists that may be believed.
    Revocation,
    /// The leaf is no authority.
    LeafKind,
    /// The key usage of the leaf allows what TLS does with its key.
    KeyUsage,
    /// The leaf's key is strong, and of a kind that is supported.
    Key,
    /// The leaf keeps to the rules of RFC 5280 that path building does not look at.
    Rules,
    /// The leaf is not valid for longer than the profile allows.
    Lifetime,
    /// The leaf asserts the policies that the profile requires.
    Policies,
    /// The server's certificate is for the name that was to be reached.
    ServerName,
    /// A name of the leaf is one that is expected of this sender.
    ExpectedName,
    /// A key on the path is pinned.
    Pin,
    /// Nothing of it is on the operator's deny list.
    DenyList,
    /// It is known whose the peer is.
    Tenant,
    /// What a verifier asks that states no check.
    Other,
}

impl Check {
    /// Its name, for people to read.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Size => "size",
            Self::Path => "path",
            Self::Validity => "validity",
            Self::NameConstraints => "name constraints",
            Self::PathLength => "path length",
            Self::CriticalExtensions => "critical extensions",
            Self::Issuers => "issuers",
            Self::Purpose => "purpose",
            Self::Revocation => "revocation",
            Self::LeafKind => "leaf kind",
            Self::KeyUsage => "key usage",
            Self::Key => "key",
            Self::Rules => "rules of RFC 5280",
            Self::Lifetime => "lifetime",
            Self::Policies => "policies",
            Self::ServerName => "server name",
            Self::ExpectedName => "expected name",
            Self::Pin => "pin",
            Self::DenyList => "deny list",
            Self::Tenant => "tenant",
            Self::Other => "other",
        }
    }

    /// Which of them a reason belongs to that was given without one: by webpki, or by a verifier that states none.
    pub(crate) fn of(untrusted: &Untrusted) -> Self {
        match untrusted {
            Untrusted::Malformed(_) => Self::Read,
            Untrusted::UnknownIssuer
            | Untrusted::Signature
            | Untrusted::SignatureAlgorithm
            | Untrusted::LeafAsCa
            | Untrusted::PathBudget
            | Untrusted::Path => Self::Path,
            Untrusted::Expired { .. } | Untrusted::NotYetValid { .. } => Self::Validity,
            Untrusted::NameConstraint | Untrusted::UnsupportedNameConstraint { .. } => Self::NameConstraints,
            Untrusted::PathLength => Self::PathLength,
            Untrusted::CriticalExtension { .. } => Self::CriticalExtensions,
            Untrusted::CaAsLeaf => Self::LeafKind,
            Untrusted::ExtendedKeyUsage { .. } => Self::Purpose,
            _ => Self::Other,
        }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What webpki decides as one: where it says yes, all of these have passed.
const OF_PATH_BUILDING: [Check; 5] = [
    Check::Path,
    Check::Validity,
    Check::NameConstraints,
    Check::PathLength,
    Check::CriticalExtensions,
];

/// A check and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Note {
    pub(crate) check: Check,
    pub(crate) answer: Answer,
}

/// What came of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// What must be known for it is not.
    NotReached,
    Passed,
    /// It failed in a dry run, and counts for nothing.
    WouldFail(Untrusted),
    Failed(Untrusted),
}

/// The checks of one walk, in their order.
#[derive(Debug, Default)]
pub(crate) struct Trace(Mutex<Notes>);

#[derive(Debug, Default)]
struct Notes {
    notes: Vec<Note>,
    /// Of the path that was looked at last.
    path: Option<Vec<Note>>,
    /// What was found is made up, so that the walk can go on.
    is_path_unknown: bool,
}

impl Trace {
    fn lock(&self) -> MutexGuard<'_, Notes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn into_notes(self) -> Vec<Note> {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner).notes
    }

    /// Why the peer is refused: what a walk without a trace ends with.
    pub(crate) fn first_failure(&self) -> Option<Untrusted> {
        self.lock().notes.iter().find_map(|note| match &note.answer {
            Answer::Failed(why) => Some(why.clone()),
            _ => None,
        })
    }

    fn note(&self, check: Check, answer: Answer) {
        self.lock().notes.push(Note { check, answer });
    }

    /// A reason that ended a walk, or a part of it; it may have been noted where it was found.
    pub(crate) fn end(&self, why: &Untrusted) {
        let answer = Answer::Failed(why.clone());
        let mut notes = self.lock();
        if !notes.notes.iter().any(|note| note.answer == answer) {
            let check = Check::of(why);
            notes.notes.push(Note { check, answer });
        }
    }

    /// Whether the evidence holds now, which most verifiers have asked before.
    pub(crate) fn last(&self, valid: Result<(), Untrusted>) {
        if let Err(why) = valid {
            self.end(&why);
        }
    }

    fn passed(&self, checks: &[Check]) {
        for check in checks {
            self.note(*check, Answer::Passed);
        }
    }
}

impl<'a> Presented<'a> {
    /// States a check, and makes it: where it fails, the peer is refused for what it says.
    ///
    /// A verifier that states its checks can be explained: see [`explain`](crate::explain). Whatever is asked after it may be asked
    /// although it has failed, and must not rest on it.
    ///
    /// ```
    /// use countersign::identity::Validity;
    /// use countersign::trust::{Check, Evidence, Presented, Untrusted, VerifyPeer};
    ///
    /// /// Nobody with a name at all.
    /// #[derive(Debug)]
    /// struct Nameless;
    ///
    /// impl VerifyPeer for Nameless {
    ///     fn verify_peer(&self, peer: &Presented<'_>) -> Result<Evidence, Untrusted> {
    ///         peer.check(Check::ExpectedName, || match peer.chain.leaf().names() {
    ///             [] => Ok(()),
    ///             _ => Err(Untrusted::Denied { reason: "it has a name" }),
    ///         })?;
    ///         Ok(Evidence::new(Validity::ALWAYS))
    ///     }
    /// }
    /// # use countersign::identity::PeerChain;
    /// # use countersign::testing::{NOW, TestCa};
    /// # use countersign::trust::{Role, VerifiedPeer};
    /// let chain = PeerChain::parse(TestCa::new("Root").client("spiffe://a.example/b").issue().chain())?;
    /// let refused = VerifiedPeer::verify(&Nameless, chain, Role::Client, NOW).map(|_| ());
    /// assert_eq!(refused, Err(Untrusted::Denied { reason: "it has a name" }));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// What `ask` says.
    pub fn check(&self, check: Check, ask: impl FnOnce() -> Result<(), Untrusted>) -> Result<(), Untrusted> {
        self.ask(check, (), ask)
    }

    /// A check that finds something. Where it fails and is noted, `otherwise` stands for what it would have found.
    pub(crate) fn ask<T>(
        &self,
        check: Check,
        otherwise: T,
        ask: impl FnOnce() -> Result<T, Untrusted>,
    ) -> Result<T, Untrusted> {
        let answer = ask();
        let Some(trace) = self.trace else { return answer };
        Ok(match answer {
            Ok(found) => {
                trace.note(check, Answer::Passed);
                found
            }
            Err(why) => {
                trace.note(check, Answer::Failed(why));
                otherwise
            }
        })
    }

    /// These will be asked, if it comes to that.
    pub(super) fn expect(&self, checks: &[Check]) {
        for check in checks {
            self.not_reached(*check);
        }
    }

    /// It was not asked, for want of what it rests on.
    pub(super) fn not_reached(&self, check: Check) {
        if let Some(trace) = self.trace {
            trace.note(check, Answer::NotReached);
        }
    }

    pub(super) fn is_traced(&self) -> bool {
        self.trace.is_some()
    }

    pub(super) fn is_path_unknown(&self) -> bool {
        self.trace.is_some_and(|trace| trace.lock().is_path_unknown)
    }

    /// What was found; under a trace, where nothing was, what is known without it, so that others can be asked.
    pub(super) fn go_on(&self, answer: Result<Evidence, Untrusted>) -> Result<Evidence, Untrusted> {
        match (self.trace, answer) {
            (Some(trace), Err(why)) => {
                trace.end(&why);
                self.expect(&OF_PATH_BUILDING);
                self.expect(&[Check::Issuers, Check::Revocation]);
                trace.lock().is_path_unknown = true;
                Ok(Evidence::new(self.chain.leaf().validity()))
            }
            (_, answer) => answer,
        }
    }

    /// Under a trace, a time at which the certificate was valid that is not valid now: what else is wrong, can be asked then.
    pub(super) fn when_valid(&self, answer: &Result<Evidence, Untrusted>) -> Option<UnixTime> {
        let (trace, Err(why)) = (self.trace?, answer) else {
            return None;
        };
        let valid = match why {
            Untrusted::Expired { not_after, .. } => *not_after,
            Untrusted::NotYetValid { not_before, .. } => *not_before,
            _ => return None,
        };
        trace.end(why);
        Some(valid)
    }

    /// Our own rules about one of several paths, of which the last counts: under a trace noted apart. The verdict is the
    /// first failure, in either case.
    pub(super) fn about_path(
        &self,
        ask: impl FnOnce(&Presented<'_>) -> Result<Evidence, Untrusted>,
    ) -> (Result<Evidence, Untrusted>, Option<Evidence>) {
        let Some(trace) = self.trace else {
            return (ask(self), None);
        };
        let apart = Trace::default();
        apart.passed(&OF_PATH_BUILDING);
        let (verdict, answer) = self.asked_apart(&apart, ask);
        trace.lock().path = Some(apart.into_notes());
        match (verdict, answer) {
            (Some(why), answer) => (Err(why), answer.ok()),
            (None, answer) => (answer, None),
        }
    }

    /// The first failure that a trace of its own has noted, and the answer.
    fn asked_apart(
        &self,
        apart: &Trace,
        ask: impl FnOnce(&Presented<'_>) -> Result<Evidence, Untrusted>,
    ) -> (Option<Untrusted>, Result<Evidence, Untrusted>) {
        let answer = ask(&Presented {
            trace: Some(apart),
            ..*self
        });
        if let Err(why) = &answer {
            apart.end(why);
        }
        (apart.first_failure(), answer)
    }

    /// The path that was looked at last is the one that counts.
    pub(super) fn adopt_path(&self) {
        if let Some(trace) = self.trace {
            let mut notes = trace.lock();
            let path = notes.path.take();
            notes.notes.extend(path.into_iter().flatten());
        }
    }

    /// A dry run: what fails in it counts for nothing.
    pub(super) fn dry_run(
        &self,
        ask: impl FnOnce(&Presented<'_>) -> Result<Evidence, Untrusted>,
    ) -> Result<Evidence, Untrusted> {
        let Some(trace) = self.trace else { return ask(self) };
        let apart = Trace::default();
        let (verdict, answer) = self.asked_apart(&apart, ask);
        let dry = apart.into_notes().into_iter().map(|note| Note {
            answer: match note.answer {
                Answer::Failed(why) => Answer::WouldFail(why),
                other => other,
            },
            ..note
        });
        trace.lock().notes.extend(dry);
        verdict.map_or(answer, Err)
    }

    /// As it is presented to a verifier that is to be explained.
    pub(crate) fn traced(chain: &'a PeerChain, role: Role<'a>, now: UnixTime, trace: &'a Trace) -> Self {
        Self {
            trace: Some(trace),
            ..Self::first(chain, role, now)
        }
    }
}
