//! What follows from a scheme, found out once.

use super::{Layout, Part, SignatureAt, TimeAt};
use crate::payload::SchemeText;

/// What follows from a layout, found out once and not for each message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::payload) struct Prepared {
    pub(in crate::payload) body: ReadBody,
    /// What sets signed parts apart: each text once, and single bytes, which most of them are, by themselves.
    bytes: Vec<u8>,
    texts: Vec<SchemeText>,
}

/// How the body has to be read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::payload) enum ReadBody {
    /// Not at all: it is bytes.
    #[default]
    Bytes,
    Json,
    Form,
}

impl Layout {
    /// The same, ready to be used.
    pub(in crate::payload) fn prepared(mut self) -> Self {
        let mut prepared = Prepared {
            body: self.read_body(),
            ..Prepared::default()
        };
        for part in &*self.signed {
            if let Part::Literal(text) = part {
                prepared.add_separator(text);
            }
        }
        self.reading = prepared;
        self
    }

    fn read_body(&self) -> ReadBody {
        let json = |part: &Part| matches!(part, Part::Json(_));
        let form = |part: &Part| matches!(part, Part::Form(_) | Part::SortedForm);
        let signs = |of: fn(&Part) -> bool| self.signed.iter().any(of);
        match (&self.signature, &self.time) {
            (SignatureAt::Json(_), _) | (_, Some((TimeAt::Json(_), _))) => ReadBody::Json,
            _ if signs(json) => ReadBody::Json,
            (SignatureAt::FormPairs(_), _) => ReadBody::Form,
            _ if signs(form) => ReadBody::Form,
            _ => ReadBody::Bytes,
        }
    }
}

impl Prepared {
    fn add_separator(&mut self, text: &SchemeText) {
        match text.as_bytes() {
            [] => {}
            [byte] if !self.bytes.contains(byte) => self.bytes.push(*byte),
            [_, _, ..] if !self.texts.contains(text) => self.texts.push(text.clone()),
            _ => {}
        }
    }

    /// Whether the value holds what sets parts apart.
    #[inline]
    pub(in crate::payload) fn separates(&self, value: &str) -> bool {
        let holds = |byte: &u8| memchr::memchr(*byte, value.as_bytes()).is_some();
        self.bytes.iter().any(holds) || self.texts.iter().any(|text| value.contains(&**text))
    }
}
