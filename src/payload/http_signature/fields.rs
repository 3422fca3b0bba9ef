//! `Signature-Input` and `Signature` (RFC 9421 §4), read by a library of structured fields.

use http::{HeaderMap, HeaderName, HeaderValue};
use sfv::{BareItem, Dictionary, FieldType, InnerList, ListEntry, Parameters, Parser, Version};

use super::InvalidHttpSignature;
use crate::payload::NotAuthentic;

pub(super) const SIGNATURE_INPUT: HeaderName = HeaderName::from_static("signature-input");
pub(super) const SIGNATURE: HeaderName = HeaderName::from_static("signature");
pub(super) const CONTENT_DIGEST: HeaderName = HeaderName::from_static("content-digest");

/// The longest structured field, in bytes, with all its lines.
const MAX_FIELD: usize = 8 * 1024;
/// The most signatures in one message.
const MAX_SIGNATURES: usize = 8;

/// A dictionary out of a field, which may stand on several lines.
pub(super) fn dictionary(headers: &HeaderMap, name: &HeaderName) -> Result<Dictionary, NotAuthentic> {
    if !headers.contains_key(name) {
        return Err(NotAuthentic::MissingHeader { name: name.clone() });
    }
    let read = structured(headers, name);
    Ok(read.ok_or(InvalidHttpSignature::Field { name: name.clone() })?)
}

/// A structured field: its lines are joined, in their order, before it is read (RFC 9651 §4.2).
pub(super) fn structured<T: FieldType>(headers: &HeaderMap, name: &HeaderName) -> Option<T> {
    let lines: Vec<_> = headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
    let joined = lines.join(b", ".as_slice());
    if joined.len() > MAX_FIELD {
        return None;
    }
    Parser::new(&joined).with_version(Version::Rfc8941).parse().ok()
}

/// One signature of a message.
#[derive(Debug)]
pub(super) struct Labelled {
    pub(super) input: InnerList,
    pub(super) signature: Vec<u8>,
    pub(super) parameters: SignatureParameters,
}

/// The parameters of a signature (RFC 9421 §2.3), each of its type.
#[derive(Debug, Default)]
pub(super) struct SignatureParameters {
    pub(super) created: Option<u64>,
    pub(super) expires: Option<u64>,
    pub(super) nonce: Option<String>,
    pub(super) algorithm: Option<String>,
    pub(super) key_id: Option<String>,
    pub(super) tag: Option<String>,
}

impl SignatureParameters {
    /// What tells its delivery from others: an empty nonce would be that of all.
    pub(super) fn named_by(&self) -> Option<&str> {
        self.nonce.as_deref().filter(|nonce| !nonce.is_empty())
    }
}

/// A signature with its label, or why it cannot be read.
pub(super) type Read = (String, Result<Labelled, InvalidHttpSignature>);

/// Every signature of the message. One whose parameters are malformed is passed over: it must not veto
/// a good one beside it.
pub(super) fn signatures(headers: &HeaderMap) -> Result<Vec<Read>, NotAuthentic> {
    let inputs = dictionary(headers, &SIGNATURE_INPUT)?;
    let signatures = dictionary(headers, &SIGNATURE)?;
    if inputs.len() > MAX_SIGNATURES {
        return Err(InvalidHttpSignature::TooMany.into());
    }
    let labelled = inputs.into_iter().map(|(label, input)| {
        let labelled = labelled(input, signatures.get(label.as_str()));
        (label.as_str().to_owned(), labelled)
    });
    Ok(labelled.collect())
}

fn labelled(input: ListEntry, signature: Option<&ListEntry>) -> Result<Labelled, InvalidHttpSignature> {
    let ListEntry::InnerList(input) = input else {
        return Err(InvalidHttpSignature::Field {
            name: SIGNATURE_INPUT,
        });
    };
    let signature = match signature {
        Some(ListEntry::Item(item)) => match &item.bare_item {
            BareItem::ByteSequence(bytes) => bytes.clone(),
            _ => return Err(InvalidHttpSignature::Field { name: SIGNATURE }),
        },
        Some(ListEntry::InnerList(_)) => return Err(InvalidHttpSignature::Field { name: SIGNATURE }),
        None => return Err(InvalidHttpSignature::Unpaired),
    };
    Ok(Labelled {
        parameters: SignatureParameters::read(&input.params)?,
        input,
        signature,
    })
}

impl SignatureParameters {
    fn read(given: &Parameters) -> Result<Self, InvalidHttpSignature> {
        let mut parameters = Self::default();
        for (name, value) in given {
            match name.as_str() {
                "created" => parameters.created = Some(seconds("created", value)?),
                "expires" => parameters.expires = Some(seconds("expires", value)?),
                "nonce" => parameters.nonce = Some(text("nonce", value)?),
                "alg" => parameters.algorithm = Some(text("alg", value)?),
                "keyid" => parameters.key_id = Some(text("keyid", value)?),
                "tag" => parameters.tag = Some(text("tag", value)?),
                _ => return Err(InvalidHttpSignature::UnknownParameter),
            }
        }
        Ok(parameters)
    }
}

fn seconds(name: &'static str, value: &BareItem) -> Result<u64, InvalidHttpSignature> {
    let wrong = InvalidHttpSignature::ParameterType { name };
    match value {
        BareItem::Integer(seconds) => u64::try_from(i64::from(*seconds)).map_err(|_| wrong),
        _ => Err(wrong),
    }
}

fn text(name: &'static str, value: &BareItem) -> Result<String, InvalidHttpSignature> {
    match value {
        BareItem::String(text) => Ok(text.as_str().to_owned()),
        _ => Err(InvalidHttpSignature::ParameterType { name }),
    }
}
