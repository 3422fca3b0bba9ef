use std::fmt;
use std::ops::Range;
use std::sync::OnceLock;

use rustls_pki_types::CertificateDer;
use webpki::EndEntityCert;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;

use super::agreement::agreed;
use super::facts::Facts;
use super::outline::Outline;
use super::written_names::{alternative_names, names};
use super::{CertHash, Malformed, Name, SpkiHash, Validity};

/// A certificate, read by two parsers that agree on it.
#[derive(Clone)]
pub struct Certificate {
    der: CertificateDer<'static>,
    /// Computed when it is first asked for: not every policy has to do with keys.
    spki: OnceLock<SpkiHash>,
    read: Read,
}

/// What stands in the bytes.
#[derive(Clone)]
struct Read {
    spki: Range<usize>,
    issuer: Range<usize>,
    names: Box<[Name]>,
    serial: SerialNumber,
    validity: Validity,
    facts: Facts,
}

impl Read {
    fn of<'a>(der: &'a CertificateDer<'_>) -> Result<(Self, EndEntityCert<'a>), Malformed> {
        let outline = Outline::read(der)?;
        let alternative_names = alternative_names(&outline)?;
        let names = names(&outline.subject, &alternative_names)?;
        let end_entity = agreed(&outline, &alternative_names, der)?;
        let read = Self {
            spki: place(outline.spki, der),
            issuer: place(outline.issuer, der),
            serial: SerialNumber::from_bytes(outline.serial),
            names: names.into(),
            validity: outline.validity()?,
            facts: Facts::read(&outline)?,
        };
        Ok((read, end_entity))
    }
}

impl Certificate {
    pub(super) fn parse(der: CertificateDer<'_>) -> Result<Self, Malformed> {
        let (read, _) = Read::of(&der)?;
        Ok(Self::new(der, read))
    }

    /// [`parse`](Self::parse) of bytes that somebody else keeps, and how webpki reads them.
    #[cfg(feature = "tls")]
    pub(super) fn parse_borrowed<'a>(
        der: &'a CertificateDer<'_>,
    ) -> Result<(Self, EndEntityCert<'a>), Malformed> {
        let (read, end_entity) = Read::of(der)?;
        Ok((Self::new(der.clone(), read), end_entity))
    }

    fn new(der: CertificateDer<'_>, read: Read) -> Self {
        Self {
            der: der.into_owned(),
            spki: OnceLock::new(),
            read,
        }
    }

    /// Its names, each with its type: subject alternative names first, in their order, then those of the subject.
    ///
    /// Left out, since they can be nobody's identity, and no reason to refuse the others: wildcards; what is empty; what is
    /// not ASCII in an alternative name; what is no DNS name where one belongs (`10.0.0.1`, `my client`); names of other
    /// types (otherName, directoryName); attributes of the subject in a multi-valued RDN, in a string type whose reading is
    /// disputed, or not in UTF-8.
    pub fn names(&self) -> &[Name] {
        &self.read.names
    }

    /// The hash of its public key: what a pin names.
    pub fn spki(&self) -> SpkiHash {
        *self.spki.get_or_init(|| SpkiHash::of(self.part(&self.read.spki)))
    }

    /// The hash of the whole certificate: what `x5t#S256` names (RFC 8705 §3.1). Computed at each call.
    ///
    /// # Security
    /// To recognise a certificate by, never to refuse one: see [`CertHash`].
    pub fn hash(&self) -> CertHash {
        CertHash::of(&self.der)
    }

    /// `notBefore` to `notAfter`.
    pub fn validity(&self) -> Validity {
        self.read.validity
    }

    /// The serial number its issuer gave it.
    pub fn serial(&self) -> &SerialNumber {
        &self.read.serial
    }

    /// The issuer's distinguished name, DER with its outer SEQUENCE. To be compared, never to be rendered and matched.
    pub fn issuer(&self) -> &[u8] {
        self.part(&self.read.issuer)
    }

    /// The subject's distinguished name for people to read; of what a stranger has chosen, so it is to be cut and escaped.
    pub(crate) fn subject_text(&self) -> String {
        self.text_of(|read| read.subject().to_string())
    }

    /// The issuer's distinguished name for people to read; see there.
    pub(crate) fn issuer_text(&self) -> String {
        self.text_of(|read| read.issuer().to_string())
    }

    fn text_of(&self, name: impl FnOnce(&X509Certificate<'_>) -> String) -> String {
        let read = X509Certificate::from_der(&self.der);
        read.map_or_else(|_| "not readable".to_owned(), |(_, read)| name(&read))
    }

    /// Whether it asserts to be a certificate authority.
    pub fn is_ca(&self) -> bool {
        self.read.facts.is_ca
    }

    /// The bytes it was read from.
    pub fn der(&self) -> &CertificateDer<'static> {
        &self.der
    }

    /// What trust is decided by.
    pub(crate) fn facts(&self) -> &Facts {
        &self.read.facts
    }

    fn part(&self, at: &Range<usize>) -> &[u8] {
        self.der.get(at.clone()).unwrap_or_default()
    }
}

/// Where a part of the bytes stands in them.
fn place(part: &[u8], der: &[u8]) -> Range<usize> {
    let start = part.as_ptr().addr().saturating_sub(der.as_ptr().addr());
    start..start.saturating_add(part.len())
}

/// Everything else is read from the bytes.
impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl Eq for Certificate {}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("names", &self.names())
            .field("spki", &self.spki())
            .field("serial", self.serial())
            .field("validity", &self.validity())
            .finish_non_exhaustive()
    }
}

/// The serial number of a certificate. Unique only together with the issuer.
///
/// ```
/// use countersign::identity::SerialNumber;
///
/// assert_eq!(
///     SerialNumber::from_bytes(&[0, 0x7f]),
///     SerialNumber::from_bytes(&[0x7f]),
///     "a number, and no bytes",
/// );
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SerialNumber(Box<[u8]>);

impl SerialNumber {
    /// A serial number from the bytes of the INTEGER, big-endian; `0x01` and `0x00 0x01` are the same number.
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
