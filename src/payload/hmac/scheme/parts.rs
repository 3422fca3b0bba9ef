use std::sync::Arc;

use http::HeaderName;

use crate::payload::SchemeText;

/// The place of the signature.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignatureAt {
    /// A header field of its own, after a fixed prefix: `sha256=<signature>`.
    Header {
        /// The field.
        name: HeaderName,
        /// What stands before the signature; may be empty.
        prefix: SchemeText,
    },
    /// A list of `key=value`; every value of this key is a signature: `t=1,v1=<a>,v1=<b>`.
    List {
        /// The field.
        name: HeaderName,
        /// The key of the signatures.
        key: SchemeText,
        /// The characters that separate entries, any of them: `","`, `";"`, or `", "` for groups apart by a space.
        separators: SchemeText,
    },
    /// A list of `tag,signature`, separated by spaces; every one with this tag counts: `v1,<a> v1,<b>`.
    Tagged {
        /// The field.
        name: HeaderName,
        /// The tag of the signatures.
        tag: SchemeText,
    },
    /// A list separated by commas, the time first, then signatures: `1700000000,<a>,<b>`.
    Positional {
        /// The field.
        name: HeaderName,
    },
    /// A list of signatures separated by commas: `<a>,<b>`.
    Bare {
        /// The field.
        name: HeaderName,
    },
    /// Header fields numbered from 1: `x-docusign-signature-1`, `-2` and so on, without a gap.
    Numbered {
        /// The fields, in their order.
        names: Arc<[HeaderName]>,
    },
    /// Header fields of which at least one must be there: a primary and a secondary signature.
    AnyOf {
        /// The fields.
        names: Arc<[HeaderName]>,
    },
    /// A field of the JSON body, by its path: `signature.signature`.
    Json(SchemeText),
    /// A field of the form in the body, which holds `public|signature` pairs separated by `&`.
    FormPairs(SchemeText),
}

impl SignatureAt {
    /// The header field to name when there is no signature.
    pub(crate) fn header(&self) -> Option<&HeaderName> {
        match self {
            Self::Header { name, .. }
            | Self::List { name, .. }
            | Self::Tagged { name, .. }
            | Self::Positional { name }
            | Self::Bare { name } => Some(name),
            Self::Numbered { names } | Self::AnyOf { names } => names.first(),
            Self::Json(_) | Self::FormPairs(_) => None,
        }
    }

    /// What the scheme itself writes into the field's value.
    pub(super) fn written(&self) -> [&str; 2] {
        match self {
            Self::Header { prefix: text, .. } | Self::Tagged { tag: text, .. } => [text, ""],
            Self::List { key, separators, .. } => [key, separators],
            _ => ["", ""],
        }
    }
}

/// The place of the signed time.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TimeAt {
    /// A header field of its own.
    Header(HeaderName),
    /// The value of this key in the list that holds the signatures.
    ListKey(SchemeText),
    /// The first entry of a positional list.
    First,
    /// A field of the JSON body, by its path.
    Json(SchemeText),
}

/// A piece of what is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Part {
    /// Fixed text.
    Literal(SchemeText),
    /// The time, byte for byte as it was sent.
    Time,
    /// The value of a header field.
    Header(HeaderName),
    /// The body: byte for byte as it was sent, or in the form that [`BodyForm`] names.
    Body,
    /// The request's method.
    Method,
    /// The whole URL as the provider sees it: the [`Origin`](super::Origin) of the scheme, path and query.
    Url,
    /// The same, with the escapes of these characters decoded and all other escapes as they were sent.
    UrlDecoded {
        /// The characters, all of them ASCII.
        escapes: SchemeText,
    },
    /// The value of this key in the list that holds the signatures.
    ListKey(SchemeText),
    /// The values of the header fields that a key of the list names, apart by spaces, joined with full stops.
    HeadersNamedBy(SchemeText),
    /// A field of the form in the body, decoded.
    Form(SchemeText),
    /// All fields of the form in the body, decoded, sorted by name, each as its name followed by its value.
    SortedForm,
    /// A field of the JSON body, by its path; nothing where it is absent.
    Json(SchemeText),
    /// A parameter of the query, as it was sent or in lower case, between two texts; all three left out where it is
    /// absent.
    OptionalQuery {
        /// The parameter.
        name: SchemeText,
        /// What comes before.
        before: SchemeText,
        /// What comes after.
        after: SchemeText,
    },
    /// A header field between two texts; all three left out where it is absent.
    OptionalHeader {
        /// The field.
        name: HeaderName,
        /// What comes before.
        before: SchemeText,
        /// What comes after.
        after: SchemeText,
    },
}

/// The form in which the body is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BodyForm {
    /// As it was sent.
    Raw,
    /// As it was sent, or with every character beyond ASCII as `\uXXXX` in lower-case hexadecimal: providers that
    /// sign the text before their own transport changes it.
    RawOrEscaped,
}

/// The identity of a delivery within a scheme. Always something that is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Identity {
    /// All that is signed. Right for every scheme; a second attempt at a delivery that signs another time counts as
    /// another delivery.
    Signed,
    /// A header field that is signed and stays the same for every attempt at one delivery.
    Header(HeaderName),
    /// The body: for providers whose every event has an identity of its own in it.
    Body,
    /// The signed time together with the body.
    TimeAndBody,
    /// A text or number in the signed JSON body, by its path: `id`, `event.id`. Where it is absent, the body.
    BodyField(SchemeText),
}
