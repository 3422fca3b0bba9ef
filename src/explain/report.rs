use std::fmt;

use crate::codes::Entry;
use crate::refusal::Refusal;
use crate::trust::Check;

/// An explanation: every check in its order, and the verdict that they come to.
///
/// `Display` is the text for an operator.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// What the decision itself ends with.
    pub verdict: Result<(), Refusal>,
    /// Each check, in the order in which they are made.
    pub findings: Vec<Finding>,
}

impl Report {
    pub(super) fn new(verdict: Result<(), Refusal>, findings: Vec<Finding>) -> Self {
        Self { verdict, findings }
    }

    /// What failed, the reason of the verdict first.
    pub fn failures(&self) -> impl Iterator<Item = &Finding> {
        let decides = |finding: &&Finding| finding.reason.as_ref() == self.verdict.as_ref().err();
        let failed = || {
            self.findings
                .iter()
                .filter(|finding| finding.outcome == CheckOutcome::Failed)
        };
        failed()
            .filter(decides)
            .chain(failed().filter(move |finding| !decides(finding)))
    }
}

/// A check, what came of it, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding<C = Check> {
    /// What was checked.
    pub check: C,
    /// What came of it.
    pub outcome: CheckOutcome,
    /// What was seen, for people to read.
    pub seen: String,
    /// What was expected.
    pub expected: &'static str,
    /// Why it failed.
    pub reason: Option<Refusal>,
}

impl<C> Finding<C> {
    /// What is known of the reason: what receiver and sender can do, and where the rule comes from.
    pub fn entry(&self) -> Option<&'static Entry> {
        self.reason.as_ref().map(Refusal::entry)
    }
}

/// The outcome of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CheckOutcome {
    /// It passed.
    Passed,
    /// It failed.
    Failed,
    /// It failed in a dry run ([`ReportOnly`](crate::trust::ReportOnly)), and counts for nothing yet.
    WouldFail,
    /// It was not made: what it rests on is not known.
    NotReached,
}

impl CheckOutcome {
    /// A stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::WouldFail => "would fail",
            Self::NotReached => "not reached",
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.verdict {
            Ok(()) => writeln!(f, "TRUSTED")?,
            Err(why) => writeln!(f, "REFUSED as {}: {why}", why.code())?,
        }
        self.findings
            .iter()
            .try_for_each(|finding| write!(f, "{finding}"))
    }
}

impl<C: fmt::Display> fmt::Display for Finding<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:>11}  {:<19}  {}",
            self.outcome.as_str(),
            self.check.to_string(),
            self.seen
        )?;
        let Some((reason, entry)) = self.reason.as_ref().zip(self.entry()) else {
            return Ok(());
        };
        let lines = [
            ("why", reason.to_string()),
            ("expected", self.expected.to_owned()),
            ("receiver", entry.receiver.to_owned()),
            ("sender", entry.sender.to_owned()),
            ("rule", format!("{}; {}", entry.rule, entry.section())),
        ];
        lines
            .iter()
            .try_for_each(|(name, text)| writeln!(f, "{:>24}: {text}", name))
    }
}
