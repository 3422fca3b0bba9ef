use x509_parser::asn1_rs::Tag;
use x509_parser::extensions::{GeneralName, SubjectAlternativeName};
use x509_parser::oid_registry::{OID_X509_COMMON_NAME, OID_X509_ORGANIZATIONAL_UNIT, Oid};
use x509_parser::prelude::FromDer as _;
use x509_parser::x509::X509Name;

use super::facts::SUBJECT_ALT_NAME;
use super::outline::{Outline, whole};
use super::{InvalidName, Malformed, Name, NameKind};

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
    subject_names(&mut names, subject, &OID_X509_COMMON_NAME, NameKind::CommonName)?;
    subject_names(
        &mut names,
        subject,
        &OID_X509_ORGANIZATIONAL_UNIT,
        NameKind::OrganizationalUnit,
    )?;
    Ok(names)
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
    let v6 = <[u8; 16]>::try_from(octets).map_err(|_| Malformed::Name { kind: NameKind::Ip })?;
    Ok(Name::Ip(v6.into()))
}

/// The attributes of one type, each from an RDN of its own.
///
/// An attribute inside a multi-valued RDN, and one in a string type whose reading is disputed (TeletexString,
/// BMPString, UniversalString), is nobody's identity and left out.
fn subject_names(
    names: &mut Vec<Name>,
    subject: &X509Name<'_>,
    oid: &Oid<'_>,
    kind: NameKind,
) -> Result<(), Malformed> {
    for rdn in subject.iter_rdn() {
        let mut attributes = rdn.iter();
        let (Some(attribute), None) = (attributes.next(), attributes.next()) else {
            continue;
        };
        let value = attribute.attr_value();
        if attribute.attr_type() == oid
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
        Self::Name { kind: invalid.kind }
    }
}
