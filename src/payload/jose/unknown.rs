/// What becomes of a message that was signed with a key that is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unknown {
    /// The set is asked for again. Nothing speaks against the message yet: an outage, so that its sender comes again.
    Refreshing,
    /// The set was asked for a moment ago, and the key is not in it; or nobody is asking.
    Refused,
}
