use std::fmt;

use super::checks::PayloadCheck;
use super::mistake::Mistake;
use crate::explain::Finding;
use crate::refusal::Refusal;

/// An explanation of a payload's verdict: every check in its order, the bytes that are signed, and the mistakes that were found.
///
/// `Display` is the text for an operator.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PayloadReport {
    /// What the verifier itself says.
    pub verdict: Result<(), Refusal>,
    /// Each check, in the order in which they are made.
    pub findings: Vec<Finding<PayloadCheck>>,
    /// What is signed, as far as the scheme says: its beginning with everything escaped that could hide, and its length in bytes.
    pub signed: Option<(String, usize)>,
    /// The mistakes that explain the verdict, the most certain first; those that are proven together are one explanation.
    pub diagnoses: Vec<Diagnosis>,
    /// How many verifications were made in looking for them.
    pub attempts: usize,
    /// Whether everything was tried that there is to be tried, within the bounds of work.
    pub is_exhaustive: bool,
}

/// A mistake that explains a verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Diagnosis {
    /// The mistake.
    pub mistake: Mistake,
    /// How certain it is.
    pub certainty: Certainty,
    /// What was found, for people to read.
    pub detail: String,
}

/// The certainty of a diagnosis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Certainty {
    /// The signature matches once the mistake is undone, which nobody without the key can bring about; or the secret itself was sent.
    Proven,
    /// It looks so.
    Guess,
}

impl Certainty {
    /// A stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Proven => "proven",
            Self::Guess => "guess",
        }
    }
}

impl Diagnosis {
    pub(super) fn new(mistake: Mistake, certainty: Certainty, detail: impl Into<String>) -> Self {
        Self {
            mistake,
            certainty,
            detail: detail.into(),
        }
    }
}

impl PayloadReport {
    pub(super) fn new(verdict: Result<(), Refusal>, findings: Vec<Finding<PayloadCheck>>) -> Self {
        Self {
            verdict,
            findings,
            signed: None,
            diagnoses: Vec::new(),
            attempts: 0,
            is_exhaustive: true,
        }
    }
}

impl fmt::Display for PayloadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.verdict {
            Ok(()) => writeln!(f, "VERIFIED")?,
            Err(why) => writeln!(f, "REFUSED as {}: {why}", why.code())?,
        }
        for finding in &self.findings {
            write!(f, "{finding}")?;
        }
        if let Some((start, bytes)) = &self.signed {
            writeln!(f, "signed are these {bytes} bytes: {start}")?;
        }
        for diagnosis in &self.diagnoses {
            write!(f, "{diagnosis}")?;
        }
        if self.verdict.is_err() {
            let rest = if self.is_exhaustive {
                ""
            } else {
                "; more would be too much work"
            };
            writeln!(f, "{} verifications were made to find out{rest}", self.attempts)?;
        }
        Ok(())
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entry = self.mistake.entry();
        let certainty = self.certainty.as_str().to_uppercase();
        writeln!(f, "{certainty}: {}: {}", entry.what, self.detail)?;
        let lines = [
            ("receiver", entry.receiver),
            ("sender", entry.sender),
            ("rule", entry.rule),
        ];
        lines
            .iter()
            .try_for_each(|(name, text)| writeln!(f, "{name:>24}: {text}"))
    }
}
