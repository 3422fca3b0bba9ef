use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// A text in the definition of a scheme, such as its name, a prefix or the name of a claim: fixed in the program, or read
/// from a configuration.
///
/// Made by `into()`. A fixed text is cloned without counting who holds it, since each verification does.
///
/// ```
/// use countersign::payload::SchemeText;
///
/// let fixed: SchemeText = "v1".into();
/// let read: SchemeText = String::from("v1").into();
/// assert_eq!(fixed, read);
/// assert_eq!(fixed.to_string(), "v1");
/// ```
#[derive(Clone)]
pub struct SchemeText(Kept);

#[derive(Clone)]
enum Kept {
    Fixed(&'static str),
    Given(Arc<str>),
}

impl SchemeText {
    /// A text that is fixed in the program.
    #[must_use]
    pub const fn fixed(text: &'static str) -> Self {
        Self(Kept::Fixed(text))
    }
}

impl Deref for SchemeText {
    type Target = str;

    #[inline]
    fn deref(&self) -> &str {
        match &self.0 {
            Kept::Fixed(text) => text,
            Kept::Given(text) => text,
        }
    }
}

impl AsRef<str> for SchemeText {
    fn as_ref(&self) -> &str {
        self
    }
}

impl PartialEq for SchemeText {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for SchemeText {}

impl PartialEq<str> for SchemeText {
    fn eq(&self, other: &str) -> bool {
        **self == *other
    }
}

impl From<&'static str> for SchemeText {
    fn from(text: &'static str) -> Self {
        Self::fixed(text)
    }
}

impl From<String> for SchemeText {
    fn from(text: String) -> Self {
        Arc::<str>::from(text).into()
    }
}

impl From<Arc<str>> for SchemeText {
    fn from(text: Arc<str>) -> Self {
        Self(Kept::Given(text))
    }
}

impl From<Cow<'static, str>> for SchemeText {
    fn from(text: Cow<'static, str>) -> Self {
        match text {
            Cow::Borrowed(text) => text.into(),
            Cow::Owned(text) => text.into(),
        }
    }
}

impl From<&Self> for SchemeText {
    fn from(text: &Self) -> Self {
        text.clone()
    }
}

impl fmt::Display for SchemeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

impl fmt::Debug for SchemeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}
