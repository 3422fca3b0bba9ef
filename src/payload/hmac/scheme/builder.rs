use std::sync::Arc;

use http::{HeaderName, HeaderValue};

use super::{
    BodyForm, Encoding, Identity, Layout, Origin, Part, PartialScheme, Prepared, ReadBody, Scheme,
    SignatureAt, TimeAt, TimeFormat,
};
use crate::payload::SchemeText;
use crate::payload::hmac::keys::{Digest, KeyForm};
use crate::replay::Tolerance;

/// A builder of a [`Scheme`]. Mistakes are reported by [`build`](Self::build).
#[derive(Debug, Clone)]
#[must_use]
pub struct SchemeBuilder {
    signature: Option<SignatureAt>,
    layout: Layout,
}

impl SchemeBuilder {
    pub(super) fn new(name: SchemeText) -> Self {
        let layout = Layout {
            name,
            // Never used: `build` wants a real one.
            signature: SignatureAt::AnyOf { names: Arc::new([]) },
            time: None,
            signed: Arc::new([]),
            encoding: Encoding::Hex,
            digest: Digest::Sha256,
            key_form: KeyForm::Utf8,
            identity: Identity::Signed,
            body: BodyForm::Raw,
            required: Arc::new([]),
            origin: None,
            window: Some(Tolerance::default()),
            reading: Prepared::default(),
        };
        Self {
            signature: None,
            layout,
        }
    }

    /// Where the signature sits.
    pub fn signature(mut self, at: SignatureAt) -> Self {
        self.signature = Some(at);
        self
    }

    /// Where the signed time sits and how it is written.
    pub fn time(mut self, at: TimeAt, format: TimeFormat) -> Self {
        self.layout.time = Some((at, format));
        self
    }

    /// How far the signed time may be off. Default: five minutes in both directions.
    pub fn with_tolerance(mut self, tolerance: Tolerance) -> Self {
        self.layout.window = Some(tolerance);
        self
    }

    /// The signed time is not compared with the present: for providers that send a delivery again, much later, with
    /// its first time.
    ///
    /// # Security
    /// An old message passes for ever, until a replay store knows it.
    pub fn allow_any_age(mut self) -> Self {
        self.layout.window = None;
        self
    }

    /// What is signed, in its order.
    pub fn signed(mut self, parts: impl IntoIterator<Item = Part>) -> Self {
        self.layout.signed = parts.into_iter().collect();
        self
    }

    /// In which form the body is signed. Default: as it was sent.
    pub fn body(mut self, form: BodyForm) -> Self {
        self.layout.body = form;
        self
    }

    /// How the signature is written.
    pub fn encoding(mut self, encoding: Encoding) -> Self {
        self.layout.encoding = encoding;
        self
    }

    /// The hash below the HMAC.
    pub fn digest(mut self, digest: Digest) -> Self {
        self.layout.digest = digest;
        self
    }

    /// The form of the secrets.
    pub fn key_form(mut self, form: KeyForm) -> Self {
        self.layout.key_form = form;
        self
    }

    /// What tells one delivery from another.
    pub fn identity(mut self, identity: Identity) -> Self {
        self.layout.identity = identity;
        self
    }

    /// A header field that must have exactly this value: the version or the algorithm of the signature.
    pub fn require(mut self, name: HeaderName, value: impl Into<SchemeText>) -> Self {
        let required = self.layout.required.iter().cloned().chain([(name, value.into())]);
        self.layout.required = required.collect();
        self
    }

    /// What stands before the path in the URL that the provider sees; for [`Part::Url`].
    pub fn origin(mut self, origin: &Origin) -> Self {
        self.layout.origin = Some(origin.clone());
        self
    }

    /// The scheme.
    ///
    /// # Errors
    /// [`InvalidScheme`]: what would verify nothing, or less than it seems to.
    pub fn build(self) -> Result<Scheme, InvalidScheme> {
        let layout = self.layout()?;
        if !layout.covers_body() {
            return Err(InvalidScheme::BodyNotSigned);
        }
        Ok(Scheme {
            layout: Arc::new(layout),
        })
    }

    /// The scheme, although it does not cover the body.
    ///
    /// # Errors
    /// [`InvalidScheme`]: what would verify nothing.
    pub fn build_partial(self) -> Result<PartialScheme, InvalidScheme> {
        let layout = self.layout()?;
        Ok(PartialScheme {
            layout: Arc::new(layout),
        })
    }

    /// Without the checks: for the presets, which a test checks.
    pub(in crate::payload) fn into_unchecked_layout(mut self) -> Layout {
        if let Some(signature) = self.signature {
            self.layout.signature = signature;
        }
        self.layout.prepared()
    }

    fn layout(mut self) -> Result<Layout, InvalidScheme> {
        self.layout.signature = self.signature.ok_or(InvalidScheme::NoSignature)?;
        let layout = self.layout.prepared();
        layout.check()?;
        Ok(layout)
    }
}

impl Layout {
    pub(in crate::payload) fn check(&self) -> Result<(), InvalidScheme> {
        let signs = |part: &Part| self.signed.contains(part);
        let no_names = matches!(&self.signature,
            SignatureAt::Numbered { names } | SignatureAt::AnyOf { names } if names.is_empty());
        if no_names {
            return Err(InvalidScheme::NoSignature);
        }
        if self.signed.iter().all(|part| matches!(part, Part::Literal(_))) {
            return Err(InvalidScheme::NothingSigned);
        }
        // A time inside the body is signed with it.
        let in_body = matches!(self.time, Some((TimeAt::Json(_), _))) && signs(&Part::Body);
        if self.time.is_some() != signs(&Part::Time) && !in_body {
            return Err(InvalidScheme::Time);
        }
        if self.covers_url() && self.origin.is_none() {
            return Err(InvalidScheme::OriginNeeded);
        }
        self.check_places()?;
        self.check_identity()
    }

    /// Time and list keys are looked for where the signature's field has them.
    fn check_places(&self) -> Result<(), InvalidScheme> {
        let time_key = match &self.time {
            Some((TimeAt::ListKey(key), _)) => &**key,
            _ => "",
        };
        let [first, second] = self.signature.written();
        if [first, second, time_key]
            .map(HeaderValue::from_str)
            .iter()
            .any(Result::is_err)
        {
            return Err(InvalidScheme::NotInHeader);
        }
        let in_list = |part: &Part| matches!(part, Part::ListKey(_) | Part::HeadersNamedBy(_));
        let time_in_list = matches!(self.time, Some((TimeAt::ListKey(_), _)));
        let is_list = matches!(self.signature, SignatureAt::List { .. });
        if (time_in_list || self.signed.iter().any(in_list)) && !is_list {
            return Err(InvalidScheme::NoList);
        }
        let positional = matches!(self.signature, SignatureAt::Positional { .. });
        if positional != matches!(self.time, Some((TimeAt::First, _))) {
            return Err(InvalidScheme::NoList);
        }
        let body_parts = self.signed.iter().filter(|part| **part == Part::Body).count();
        let forms = self
            .signed
            .iter()
            .any(|part| matches!(part, Part::Form(_) | Part::SortedForm));
        let json = self.reading.body == ReadBody::Json;
        if body_parts > 1 || (forms && json) || (self.body != BodyForm::Raw && body_parts == 0) {
            return Err(InvalidScheme::Body);
        }
        Ok(())
    }

    fn check_identity(&self) -> Result<(), InvalidScheme> {
        let signs = |part: &Part| self.signed.contains(part);
        let signed = match &self.identity {
            Identity::Signed => return Ok(()),
            Identity::Header(name) => signs(&Part::Header(name.clone())),
            Identity::Body | Identity::BodyField(_) => signs(&Part::Body),
            Identity::TimeAndBody => self.time.is_some() && signs(&Part::Body),
        };
        if !signed {
            return Err(InvalidScheme::IdentityNotSigned);
        }
        if !self.cuts_one_way() {
            return Err(InvalidScheme::Ambiguous);
        }
        Ok(())
    }

    /// The whole body is signed: as it is, or as every field of its form. A form with one signed field is refused when
    /// it holds any other beside the signature.
    pub(in crate::payload) fn covers_body(&self) -> bool {
        let one_field = matches!(self.signature, SignatureAt::FormPairs(_));
        self.signed.iter().any(|part| match part {
            Part::Body | Part::SortedForm => true,
            Part::Form(_) => one_field,
            _ => false,
        })
    }

    /// Whether the signed text can be cut into its parts in one way only: up to the body from the left, and from the
    /// right, each part is set off from the next by a text that cannot stand in it. Otherwise the same signed bytes
    /// could be sent again under another identity.
    fn cuts_one_way(&self) -> bool {
        let Some(body) = self.signed.iter().position(|part| *part == Part::Body) else {
            return false;
        };
        let (before, after) = self.signed.split_at(body);
        let before = before.iter().zip(before.iter().skip(1).chain([&Part::Body]));
        let after = after.iter().skip(1).zip(after.iter());
        before
            .chain(after)
            .all(|(part, next)| self.is_set_off(part, next))
    }

    fn is_set_off(&self, part: &Part, next: &Part) -> bool {
        match part {
            Part::Literal(_) => true,
            // Its own grammar says where it begins and ends.
            Part::Time if matches!(self.time, Some((_, TimeFormat::Rfc3339))) => true,
            Part::Time => {
                matches!(next, Part::Literal(text) if text.bytes().all(|byte| !byte.is_ascii_digit()) && !text.is_empty())
            }
            // `Layout::is_plain` refuses values that hold any of the literals.
            Part::Header(_) => matches!(next, Part::Literal(text) if !text.is_empty()),
            _ => false,
        }
    }
}

/// A scheme that would verify nothing, or less than it seems to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidScheme {
    /// It does not say where the signature sits.
    #[error("say where the signature sits: `signature`")]
    NoSignature,
    /// Nothing of the message is signed.
    #[error("say what is signed: `signed`")]
    NothingSigned,
    /// The body is not among the signed parts.
    #[error(
        "the body is not signed, so anybody could change it: add `Part::Body` to `signed`, or `build_partial`"
    )]
    BodyNotSigned,
    /// The body is signed twice, or read as form and JSON at once.
    #[error("the body is signed once, and is raw, a form or JSON, not two of them")]
    Body,
    /// A time that is not signed, or a signed time that is nowhere.
    #[error("`time` and `Part::Time` belong together: a time that is not signed proves nothing")]
    Time,
    /// The time or a part is in a list, and the signature is in none.
    #[error(
        "`TimeAt::ListKey` needs `SignatureAt::List`, `TimeAt::First` and `SignatureAt::Positional` each other"
    )]
    NoList,
    /// A prefix, a tag, a key or a separator that no header field can hold: no message could ever have it.
    #[error(
        "a prefix, tag, key or separator holds what no header field does: a line's end, or another control character"
    )]
    NotInHeader,
    /// The URL is signed, and nothing says how the provider sees it.
    #[error("the URL is signed: say what stands before the path with `origin`")]
    OriginNeeded,
    /// The identity is not among the signed parts.
    #[error("what tells deliveries apart must be signed, or a replay could change it: add it to `signed`")]
    IdentityNotSigned,
    /// The signed text can be cut into parts in more than one way.
    #[error("the same signed bytes could come again under another identity: use `Identity::Signed`")]
    Ambiguous,
}
