use std::fmt;
use std::time::Duration;

use rustls_pki_types::{CertificateDer, UnixTime};
use x509_parser::asn1_rs::Tag;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::oid_registry::{OID_X509_COMMON_NAME, OID_X509_ORGANIZATIONAL_UNIT, Oid};
use x509_parser::prelude::FromDer as _;
use x509_parser::time::ASN1Time;

use super::names::{check_text, is_wildcard};
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
    extensions: Extensions,
}

impl Certificate {
    pub(super) fn parse(der: CertificateDer<'static>) -> Result<Self, Malformed> {
        let read = read(&der)?;
        let names = names(&read)?;
        agree(&read, &der)?;
        Ok(Self {
            spki: SpkiHash::of(read.public_key().raw),
            names: names.into(),
            issuer: read.issuer().as_raw().into(),
            serial: SerialNumber(read.raw_serial().into()),
            validity: validity(&read)?,
            extensions: Extensions::read(&read)?,
            der: der.clone(),
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

    /// The bytes it was read from.
    pub fn der(&self) -> &CertificateDer<'static> {
        &self.der
    }

    pub(crate) fn extensions(&self) -> &Extensions {
        &self.extensions
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

/// The serial number of a certificate, as the bytes of its INTEGER. Unique only together with the issuer.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SerialNumber(Box<[u8]>);

impl SerialNumber {
    /// The bytes of the INTEGER, big-endian, as they stand in the certificate.
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

/// The extensions that trust is decided by (RFC 5280 §4.2.1).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Extensions {
    /// BasicConstraints cA.
    pub(crate) is_ca: bool,
    /// KeyUsage, if present: what the key may do.
    pub(crate) key_usage: Option<KeyUsage>,
    /// ExtendedKeyUsage, if present.
    pub(crate) extended_key_usage: Option<ExtendedKeyUsage>,
    /// NameConstraints is present.
    pub(crate) name_constrained: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeyUsage {
    pub(crate) digital_signature: bool,
    pub(crate) key_cert_sign: bool,
    pub(crate) crl_sign: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ExtendedKeyUsage {
    pub(crate) client_auth: bool,
    pub(crate) server_auth: bool,
}

impl Extensions {
    /// Reads what is known of one certificate in DER, whatever its place in a chain.
    pub(crate) fn of(der: &[u8]) -> Result<(Self, Validity), Malformed> {
        let certificate = read(der)?;
        Ok((Self::read(&certificate)?, validity(&certificate)?))
    }

    fn read(certificate: &X509Certificate<'_>) -> Result<Self, Malformed> {
        let mut extensions = Self::default();
        let mut seen: Vec<&Oid<'_>> = Vec::with_capacity(12);
        for extension in certificate.iter_extensions() {
            if seen.contains(&&extension.oid) {
                return Err(Malformed::Extension);
            }
            seen.push(&extension.oid);
            extensions.take(extension.parsed_extension())?;
        }
        Ok(extensions)
    }

    fn take(&mut self, extension: &ParsedExtension<'_>) -> Result<(), Malformed> {
        match extension {
            ParsedExtension::ParseError { .. } => return Err(Malformed::Extension),
            ParsedExtension::BasicConstraints(constraints) => self.is_ca = constraints.ca,
            ParsedExtension::NameConstraints(_) => self.name_constrained = true,
            ParsedExtension::KeyUsage(usage) => {
                self.key_usage = Some(KeyUsage {
                    digital_signature: usage.digital_signature(),
                    key_cert_sign: usage.key_cert_sign(),
                    crl_sign: usage.crl_sign(),
                });
            }
            ParsedExtension::ExtendedKeyUsage(usage) => {
                self.extended_key_usage = Some(ExtendedKeyUsage {
                    client_auth: usage.client_auth,
                    server_auth: usage.server_auth,
                });
            }
            _ => {}
        }
        Ok(())
    }
}

fn read(der: &[u8]) -> Result<X509Certificate<'_>, Malformed> {
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Ok(certificate),
        _ => Err(Malformed::Certificate),
    }
}

/// Both parsers must see the same certificate.
fn agree(read: &X509Certificate<'_>, der: &CertificateDer<'_>) -> Result<(), Malformed> {
    let trusted = webpki::EndEntityCert::try_from(der).map_err(|_| Malformed::Certificate)?;
    let disagree = |field| Err(Malformed::ParsersDisagree { field });
    let san = || {
        read.iter_extensions()
            .filter_map(|extension| match extension.parsed_extension() {
                ParsedExtension::SubjectAlternativeName(names) => Some(&names.general_names),
                _ => None,
            })
            .flatten()
    };
    let dns = san().filter_map(|name| {
        if let GeneralName::DNSName(name) = name {
            Some(*name)
        } else {
            None
        }
    });
    let uri = san().filter_map(|name| {
        if let GeneralName::URI(name) = name {
            Some(*name)
        } else {
            None
        }
    });

    if trusted.subject_public_key_info().as_ref() != read.public_key().raw {
        return disagree("public key");
    }
    if trusted.serial() != read.raw_serial() {
        return disagree("serial number");
    }
    if Some(trusted.issuer()) != content(read.issuer().as_raw()) {
        return disagree("issuer");
    }
    if !trusted.valid_dns_names().eq(dns) {
        return disagree("DNS names");
    }
    if !trusted.valid_uri_names().eq(uri) {
        return disagree("URIs");
    }
    Ok(())
}

/// What is inside one DER element.
fn content(der: &[u8]) -> Option<&[u8]> {
    let (rest, element) = x509_parser::asn1_rs::Any::from_der(der).ok()?;
    rest.is_empty().then_some(element.data)
}

fn validity(certificate: &X509Certificate<'_>) -> Result<Validity, Malformed> {
    let dates = certificate.validity();
    let validity = Validity::new(seconds(dates.not_before)?, seconds(dates.not_after)?);
    if validity.not_before > validity.not_after {
        return Err(Malformed::Validity);
    }
    Ok(validity)
}

fn seconds(time: ASN1Time) -> Result<UnixTime, Malformed> {
    let seconds = u64::try_from(time.timestamp()).map_err(|_| Malformed::Validity)?;
    Ok(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
}

fn names(certificate: &X509Certificate<'_>) -> Result<Vec<Name>, Malformed> {
    let mut names = Vec::new();
    for extension in certificate.iter_extensions() {
        if let ParsedExtension::SubjectAlternativeName(san) = extension.parsed_extension() {
            for name in &san.general_names {
                names.extend(alternative_name(name)?);
            }
        }
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
