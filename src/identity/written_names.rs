//! The names that are written in a certificate, with their encodings.

use x509_parser::asn1_rs::Tag;
use x509_parser::extensions::{GeneralName, SubjectAlternativeName};
use x509_parser::prelude::FromDer as _;
use x509_parser::x509::X509Name;

use super::facts::SUBJECT_ALT_NAME;
use super::outline::{Outline, whole};
use super::{InvalidName, Malformed, Name, NameKind};
use crate::codes::Seen;

pub(super) fn alternative_names<'a>(outline: &Outline<'a>) -> Result<Vec<GeneralName<'a>>, Malformed> {
    match outline.extension(SUBJECT_ALT_NAME)? {
        Some(extension) => Ok(whole(SubjectAlternativeName::from_der(extension.value))?.general_names),
        None => Ok(Vec::new()),
    }
}

/// The names of a leaf: subject alternative names in their order, then those of the subject.
pub(super) fn names(
    subject: &X509Name<'_>,
    alternative_names: &[GeneralName<'_>],
) -> Result<Vec<Name>, Malformed> {
    let mut names = Vec::with_capacity(alternative_names.len() + 2);
    for name in alternative_names {
        names.extend(alternative_name(name)?);
    }
    for kind in NameKind::OF_THE_SUBJECT {
        subject_names(&mut names, subject, kind)?;
    }
    Ok(names)
}

/// How often the subject has an attribute, whatever its encoding, also where no [`Name`] is made of it.
pub(super) fn count(subject: &X509Name<'_>, kind: NameKind) -> usize {
    subject
        .iter_attributes()
        .filter(|attribute| attribute.attr_type().as_bytes() == attribute_type(kind))
        .count()
}

/// The contents of the OBJECT IDENTIFIER of a name of the subject; of others, that of nothing.
fn attribute_type(kind: NameKind) -> &'static [u8] {
    match kind {
        NameKind::CommonName => &[0x55, 4, 3],
        NameKind::OrganizationalUnit => &[0x55, 4, 11],
        NameKind::OrganizationIdentifier => &[0x55, 4, 97],
        // 0.9.2342.19200300.100.1.1
        NameKind::UserId => &[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 1],
        NameKind::Dns | NameKind::Uri | NameKind::Email | NameKind::Ip => &[],
    }
}

/// A general name, or nothing where its type carries no identity here, or where it can be nobody's.
fn alternative_name(name: &GeneralName<'_>) -> Result<Option<Name>, Malformed> {
    match name {
        GeneralName::DNSName(text) => text_name(NameKind::Dns, text.as_bytes()),
        GeneralName::URI(text) => text_name(NameKind::Uri, text.as_bytes()),
        GeneralName::RFC822Name(text) => text_name(NameKind::Email, text.as_bytes()),
        GeneralName::IPAddress(octets) => ip_name(octets).map(Some),
        GeneralName::Invalid(tag, bytes) => unread_name(*tag, bytes),
        _ => Ok(None),
    }
}

/// One that x509-parser does not read: text that is not UTF-8, or an odd name of a type that carries no identity.
fn unread_name(tag: Tag, bytes: &[u8]) -> Result<Option<Name>, Malformed> {
    match tag.0 {
        1 => text_name(NameKind::Email, bytes),
        2 => text_name(NameKind::Dns, bytes),
        6 => text_name(NameKind::Uri, bytes),
        0 | 3..=5 | 8 => Ok(None),
        _ => Err(Malformed::Extension),
    }
}

fn text_name(kind: NameKind, text: &[u8]) -> Result<Option<Name>, Malformed> {
    Ok(Name::read(kind, text)?)
}

fn ip_name(octets: &[u8]) -> Result<Name, Malformed> {
    if let Ok(v4) = <[u8; 4]>::try_from(octets) {
        return Ok(Name::Ip(v4.into()));
    }
    let v6 = <[u8; 16]>::try_from(octets).map_err(|_| not_an_address(octets))?;
    Ok(Name::Ip(v6.into()))
}

fn not_an_address(octets: &[u8]) -> Malformed {
    Malformed::Name {
        kind: NameKind::Ip,
        seen: Seen::of(&format!("{} octets", octets.len())),
    }
}

/// The attributes of one type, each from an RDN of its own.
///
/// An attribute inside a multi-valued RDN, and one in a string type whose reading is disputed (TeletexString,
/// BMPString, UniversalString), is nobody's identity and left out.
fn subject_names(names: &mut Vec<Name>, subject: &X509Name<'_>, kind: NameKind) -> Result<(), Malformed> {
    for rdn in subject.iter_rdn() {
        let mut attributes = rdn.iter();
        let (Some(attribute), None) = (attributes.next(), attributes.next()) else {
            continue;
        };
        let value = attribute.attr_value();
        if attribute.attr_type().as_bytes() == attribute_type(kind)
            && matches!(
                value.tag(),
                Tag::Utf8String | Tag::PrintableString | Tag::Ia5String
            )
        {
            names.extend(text_name(kind, value.data)?);
        }
    }
    Ok(())
}

impl From<InvalidName> for Malformed {
    fn from(invalid: InvalidName) -> Self {
        Self::Name {
            kind: invalid.kind,
            seen: invalid.seen,
        }
    }
}
