/// The urgency of an expiry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Urgency {
    /// Most of its lifetime is left.
    None,
    /// It is time to renew it: by default, 80 % of its lifetime are used.
    Warning,
    /// It should have been renewed: by default, 90 % are used.
    Urgent,
    /// It has expired.
    Critical,
}

impl Urgency {
    /// A stable name, for metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Warning => "warning",
            Self::Urgent => "urgent",
            Self::Critical => "critical",
        }
    }
}

/// The used parts of a lifetime, in percent, at which an expiry is told of.
///
/// ```
/// use countersign::expiry::{InvalidThresholds, Thresholds};
///
/// // For certificates that are renewed when two thirds are used.
/// let early = Thresholds::new(70, 85)?;
/// assert_eq!((early.warning(), early.urgent()), (70, 85));
/// assert!(Thresholds::new(90, 80).is_err(), "the warning comes first");
/// # Ok::<(), InvalidThresholds>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thresholds {
    warning: u8,
    urgent: u8,
}

impl Thresholds {
    /// A warning at the first, urgent at the second.
    ///
    /// # Errors
    /// [`InvalidThresholds`] unless the first is smaller, and neither is over 100.
    pub fn new(warning: u8, urgent: u8) -> Result<Self, InvalidThresholds> {
        if warning < urgent && urgent <= 100 {
            return Ok(Self { warning, urgent });
        }
        Err(InvalidThresholds)
    }

    /// The percentage of the warning.
    pub fn warning(self) -> u8 {
        self.warning
    }

    /// The percentage at which it is urgent.
    pub fn urgent(self) -> u8 {
        self.urgent
    }
}

/// 80 and 90 percent.
impl Default for Thresholds {
    fn default() -> Self {
        Self {
            warning: 80,
            urgent: 90,
        }
    }
}

/// Thresholds that are not in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[error("a warning comes before what is urgent, and both at 100 percent at the latest")]
pub struct InvalidThresholds;
