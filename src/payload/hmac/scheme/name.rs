use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// The name of a scheme. That of a preset is cloned without counting who holds it: each verification does.
#[derive(Clone)]
pub(in crate::payload) enum SchemeName {
    Fixed(&'static str),
    Given(Arc<str>),
}

impl Deref for SchemeName {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Fixed(name) => name,
            Self::Given(name) => name,
        }
    }
}

impl PartialEq for SchemeName {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for SchemeName {}

impl From<Cow<'static, str>> for SchemeName {
    fn from(name: Cow<'static, str>) -> Self {
        match name {
            Cow::Borrowed(name) => Self::Fixed(name),
            Cow::Owned(name) => Self::Given(name.into()),
        }
    }
}

impl fmt::Debug for SchemeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}
