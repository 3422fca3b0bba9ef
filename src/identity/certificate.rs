use std::fmt;

use rustls_pki_types::CertificateDer;
use x509_parser::asn1_rs::Tag;
use x509_parser::certificate::{X509Certificate, X509CertificateParser};
use x509_parser::extensions::{GeneralName, SubjectAlternativeName};
use x509_parser::nom::Parser as _;
use x509_parser::oid_registry::{
    OID_X509_COMMON_NAME, OID_X509_EXT_SUBJECT_ALT_NAME, OID_X509_ORGANIZATIONAL_UNIT, Oid,
};
use x509_parser::prelude::FromDer as _;

use super::facts::{Facts, whole};
use super::names::{check_text, is_wildcard};
use super::validity::from_asn1;
use super::{CertHash, InvalidName, Malformed, Name, NameKind, SpkiHash, Validity};

/// A certificate, read by two parsers that agree on it.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate {
    der: CertificateDer<'static>,
    spki: SpkiHash,
    names: Box<[Name]>,
    issuer: Box<[u8]>,
    serial: SerialNumber,
    validity: Validity,
    facts: Facts,
}

impl Certificate {
    pub(super) fn parse(der: CertificateDer<'_>) -> Result<Self, Malformed> {
        let read = read(&der)?;
        let alternative_names = alternative_names(&read)?;
        let names = names(&read, &alternative_names)?;
        agree(&read, &alternative_names, &der)?;
        let spki = SpkiHash::of(read.public_key().raw);
        let (issuer, serial) = (
            read.issuer().as_raw().into(),
            SerialNumber::from_bytes(read.raw_serial()),
        );
        let (validity, facts) = (validity(&read)?, Facts::read(&read)?);
        Ok(Self {
            spki,
            names: names.into(),
            issuer,
            serial,
            validity,
            facts,
            der: der.into_owned(),
        })
    }

    /// Its names, each with its type: subject alternative names first, in their order, then those of the subject.
    pub fn names(&self) -> &[Name] {
        &self.names
    }

    /// The hash of its public key: what a pin names.
    pub fn spki(&self) -> SpkiHash {
        self.spki
    }

    /// The hash of the whole certificate: what `x5t#S256` names (RFC 8705 §3.1). Computed at each call.
    pub fn hash(&self) -> CertHash {
        CertHash::of(&self.der)
    }

    /// `notBefore` to `notAfter`.
    pub fn validity(&self) -> Validity {
        self.validity
    }

    /// The serial number its issuer gave it.
    pub fn serial(&self) -> &SerialNumber {
        &self.serial
    }

    /// The issuer's distinguished name, DER with its outer SEQUENCE. To be compared, never to be rendered and matched.
    pub fn issuer(&self) -> &[u8] {
        &self.issuer
    }

    /// Whether it asserts to be a certificate authority.
    pub fn is_ca(&self) -> bool {
        self.facts.is_ca
    }

    /// The bytes it was read from.
    pub fn der(&self) -> &CertificateDer<'static> {
        &self.der
    }

    /// What trust is decided by.
    pub(crate) fn facts(&self) -> &Facts {
        &self.facts
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("names", &self.names)
            .field("spki", &self.spki)
            .field("serial", &self.serial)
            .field("validity", &self.validity)
            .finish_non_exhaustive()
    }
}

/// The serial number of a certificate. Unique only together with the issuer.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SerialNumber(Box<[u8]>);

impl SerialNumber {
    /// From the bytes of the INTEGER, big-endian; `0x01` and `0x00 0x01` are the same number.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        Self(
            bytes
                .get(zeros.min(bytes.len().saturating_sub(1))..)
                .unwrap_or_default()
                .into(),
        )
    }

    /// Its bytes, big-endian, without leading zeros.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for SerialNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().enumerate().try_for_each(|(position, byte)| {
            let separator = if position == 0 { "" } else { ":" };
            write!(f, "{separator}{byte:02x}")
        })
    }
}

impl fmt::Debug for SerialNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SerialNumber({self})")
    }
}

pub(super) fn read(der: &[u8]) -> Result<X509Certificate<'_>, Malformed> {
    // Extensions are read one by one, and only those that matter: most of a certificate's bytes are others.
    match X509CertificateParser::new()
        .with_deep_parse_extensions(false)
        .parse(der)
    {
        Ok(([], certificate)) => Ok(certificate),
        _ => Err(Malformed::Certificate),
    }
}

/// Both parsers must see the same certificate.
fn agree(
    read: &X509Certificate<'_>,
    alternative_names: &[GeneralName<'_>],
    der: &CertificateDer<'_>,
) -> Result<(), Malformed> {
    let trusted = webpki::EndEntityCert::try_from(der).map_err(|error| unreadable(&error))?;
    let dns = alternative_names.iter().filter_map(|name| {
        if let GeneralName::DNSName(name) = name {
            Some(*name)
        } else {
            None
        }
    });
    let uri = alternative_names.iter().filter_map(|name| {
        if let GeneralName::URI(name) = name {
            Some(*name)
        } else {
            None
        }
    });
    same(
        "public key",
        trusted.subject_public_key_info().as_ref() == read.public_key().raw,
    )?;
    same("serial number", trusted.serial() == read.raw_serial())?;
    same(
        "issuer",
        Some(trusted.issuer()) == content(read.issuer().as_raw()),
    )?;
    same("URIs", trusted.valid_uri_names().eq(uri))?;
    // webpki leaves out what is no DNS name at all, so a name that only the other parser sees is a bad one.
    if dns
        .clone()
        .any(|name| !trusted.valid_dns_names().any(|known| known == name))
    {
        return Err(Malformed::Name { kind: NameKind::Dns });
    }
    same("DNS names", trusted.valid_dns_names().eq(dns))
}

fn same(field: &'static str, agreed: bool) -> Result<(), Malformed> {
    if agreed {
        Ok(())
    } else {
        Err(Malformed::ParsersDisagree { field })
    }
}

fn unreadable(error: &webpki::Error) -> Malformed {
    match error {
        webpki::Error::UnsupportedCriticalExtension => Malformed::CriticalExtension,
        webpki::Error::ExtensionValueInvalid => Malformed::Extension,
        _ => Malformed::Certificate,
    }
}

/// What is inside one DER element.
fn content(der: &[u8]) -> Option<&[u8]> {
    let (rest, element) = x509_parser::asn1_rs::Any::from_der(der).ok()?;
    rest.is_empty().then_some(element.data)
}

pub(super) fn validity(certificate: &X509Certificate<'_>) -> Result<Validity, Malformed> {
    let dates = certificate.validity();
    let validity = Validity::new(from_asn1(dates.not_before)?, from_asn1(dates.not_after)?);
    if validity.not_before > validity.not_after {
        return Err(Malformed::Validity);
    }
    Ok(validity)
}

fn alternative_names<'a>(certificate: &X509Certificate<'a>) -> Result<Vec<GeneralName<'a>>, Malformed> {
    let mut found = certificate
        .iter_extensions()
        .filter(|extension| extension.oid == OID_X509_EXT_SUBJECT_ALT_NAME);
    match (found.next(), found.next()) {
        (None, _) => Ok(Vec::new()),
        (Some(extension), None) => {
            Ok(whole(SubjectAlternativeName::from_der(extension.value))?.general_names)
        }
        (Some(_), Some(_)) => Err(Malformed::Extension),
    }
}

fn names(
    certificate: &X509Certificate<'_>,
    alternative_names: &[GeneralName<'_>],
) -> Result<Vec<Name>, Malformed> {
    let mut names = Vec::with_capacity(alternative_names.len() + 2);
    for name in alternative_names {
        names.extend(alternative_name(name)?);
    }
    names.extend(subject_names(
        certificate,
        &OID_X509_COMMON_NAME,
        NameKind::CommonName,
    )?);
    names.extend(subject_names(
        certificate,
        &OID_X509_ORGANIZATIONAL_UNIT,
        NameKind::OrganizationalUnit,
    )?);
    Ok(names)
}

/// A general name, or nothing where its type carries no identity here or where it is a wildcard.
fn alternative_name(name: &GeneralName<'_>) -> Result<Option<Name>, Malformed> {
    match name {
        GeneralName::DNSName(text) => text_name(NameKind::Dns, text.as_bytes()),
        GeneralName::URI(text) => text_name(NameKind::Uri, text.as_bytes()),
        GeneralName::RFC822Name(text) => text_name(NameKind::Email, text.as_bytes()),
        GeneralName::IPAddress(octets) => ip_name(octets).map(Some),
        GeneralName::Invalid(tag, _) => Err(Malformed::Name { kind: kind_of(*tag) }),
        _ => Ok(None),
    }
}

fn text_name(kind: NameKind, text: &[u8]) -> Result<Option<Name>, Malformed> {
    let text = check_text(kind, text).map_err(Malformed::from)?;
    if is_wildcard(text) {
        return Ok(None);
    }
    Name::parse(kind, text).map(Some).map_err(Malformed::from)
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
    certificate: &X509Certificate<'_>,
    oid: &Oid<'_>,
    kind: NameKind,
) -> Result<Vec<Name>, Malformed> {
    let mut names = Vec::new();
    for rdn in certificate.subject().iter_rdn() {
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
    Ok(names)
}

fn kind_of(tag: Tag) -> NameKind {
    match tag.0 {
        1 => NameKind::Email,
        6 => NameKind::Uri,
        7 => NameKind::Ip,
        _ => NameKind::Dns,
    }
}

impl From<InvalidName> for Malformed {
    fn from(invalid: InvalidName) -> Self {
        Self::Name { kind: invalid.kind }
    }
}
