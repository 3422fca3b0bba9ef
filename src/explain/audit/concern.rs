use std::fmt;

/// The concerns about a set-up, the gravest first.
///
/// `Display` is the text for an operator.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Audit {
    /// What to mend.
    pub concerns: Vec<Concern>,
}

impl Audit {
    /// Whether there is nothing to mend.
    pub fn is_clean(&self) -> bool {
        self.concerns.is_empty()
    }
}

/// A concern about a set-up: what was seen, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Concern {
    /// A stable name.
    pub code: &'static str,
    /// How grave it is.
    pub severity: Severity,
    /// What was seen, for people to read. Never a secret.
    pub evidence: String,
    /// What to do.
    pub remedy: &'static str,
}

/// The gravity of a concern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Severity {
    /// To be known: it may be meant so.
    Note,
    /// It will be an outage, or a hole, when something else changes.
    Warning,
    /// It is an outage, or a hole, now.
    Error,
}

impl Severity {
    /// A stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_clean() {
            return writeln!(f, "FINE: nothing to mend");
        }
        self.concerns
            .iter()
            .try_for_each(|concern| write!(f, "{concern}"))
    }
}

impl fmt::Display for Concern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} {}: {}", self.severity.as_str(), self.code, self.evidence)?;
        writeln!(f, "    {}", self.remedy)
    }
}
