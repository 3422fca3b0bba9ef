use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// The name of a tenant: 1 to 128 printable ASCII characters, without a space at either end.
///
/// Compared byte for byte. Cheap to clone.
///
/// ```
/// use countersign::tenant::TenantId;
///
/// assert_eq!(TenantId::parse("acme")?.as_str(), "acme");
/// assert!(TenantId::parse(" acme").is_err(), "a space at either end is a mistake");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct TenantId {
    /// Its name, and, where it is one of many that are known, those of its neighbours.
    names: Arc<str>,
    start: u16,
    len: u8,
}

impl TenantId {
    /// The longest name, in bytes.
    pub const MAX_LEN: usize = 128;

    /// Reads a name.
    ///
    /// # Errors
    /// [`InvalidTenantId`] for anything that is not 1 to 128 printable ASCII characters without a space at either end.
    pub fn parse(text: &str) -> Result<Self, InvalidTenantId> {
        let len = check(text)?;
        let (names, start) = (text.into(), 0);
        Ok(Self { names, start, len })
    }

    /// One of several that stand in one text.
    pub(super) fn within(names: &Arc<str>, start: u16, len: u8) -> Self {
        let names = Arc::clone(names);
        Self { names, start, len }
    }

    /// The name.
    #[inline]
    pub fn as_str(&self) -> &str {
        part(&self.names, self.start, self.len)
    }
}

/// The length of a text that is a tenant's name.
pub(super) fn check(text: &str) -> Result<u8, InvalidTenantId> {
    let printable = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    let good = printable && !text.is_empty() && text.len() <= TenantId::MAX_LEN && text.trim() == text;
    good.then(|| u8::try_from(text.len()).ok())
        .flatten()
        .ok_or(InvalidTenantId)
}

#[inline]
pub(super) fn part(names: &str, start: u16, len: u8) -> &str {
    let start = usize::from(start);
    names.get(start..start + usize::from(len)).unwrap_or_default()
}

impl PartialEq for TenantId {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for TenantId {}

/// As its text has it, which [`Borrow`] demands.
impl Hash for TenantId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl PartialOrd for TenantId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for TenantId {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl Borrow<str> for TenantId {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl std::str::FromStr for TenantId {
    type Err = InvalidTenantId;

    fn from_str(text: &str) -> Result<Self, InvalidTenantId> {
        Self::parse(text)
    }
}

impl From<TenantId> for String {
    fn from(tenant: TenantId) -> Self {
        tenant.as_str().to_owned()
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TenantId({:?})", self.as_str())
    }
}

/// Text that cannot name a tenant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a tenant's name is 1 to 128 printable ASCII characters without a space at either end")]
#[non_exhaustive]
pub struct InvalidTenantId;
