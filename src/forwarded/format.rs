use http::HeaderMap;
use http::HeaderName;
use rustls_pki_types::CertificateDer;

use super::CertificateEncoding;
use super::fields::{self, text};
use super::xfcc::is_hash_of;
use crate::refusal::{NotForwarded, UnreadableField};

/// A format in which proxies write the client's certificate into a request: one constructor for each kind.
///
/// Which one it is, is configured and never guessed: the name of a field says nothing about what is in it. What is not in
/// the configured form is refused, and never taken for "no certificate".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Format {
    pub(super) certificate: HeaderName,
    encoding: CertificateEncoding,
    /// What the proxy writes in the place of a certificate where there is none.
    no_certificate: Vec<Box<str>>,
    chain: Vec<(HeaderName, CertificateEncoding)>,
    statuses: Vec<Status>,
    hash: Option<HeaderName>,
    /// What other fields of this kind begin with: they say who the client is, and are removed with the rest.
    beside: Vec<Box<str>>,
    assurance: Assurance,
}

/// The proxy's own verification of a forwarded certificate, as it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Assurance {
    /// The proxy forwards only what it has verified, or says so beside it. It is verified here again all the same.
    VerifiedTwice,
    /// Nothing in the request says whether the proxy has verified it: what is verified here is all there is.
    VerifiedHere,
}

/// A format in which a certificate that the proxy has *not* verified looks like one that it has.
///
/// That does no harm where the whole chain is verified by the policy here, as it always is. It has a type of its own so
/// that nobody takes the proxy's word for something that the proxy does not say. What the proxy itself does with the
/// certificate, such as routing by it, is not covered.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "say `verified_here` to use it"]
pub struct UnverifiedFormat(Format);

impl UnverifiedFormat {
    pub(super) fn of(mut format: Format) -> Self {
        format.assurance = Assurance::VerifiedHere;
        Self(format)
    }

    /// The format, now that it is understood that only the policy here verifies.
    pub fn verified_here(self) -> Format {
        self.0
    }
}

/// A field that says what the proxy found.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Status {
    field: HeaderName,
    /// The one value that means that the certificate is verified.
    verified: Box<str>,
    /// What it says where there is no certificate; that it is absent or empty says so in any case.
    without: Vec<Box<str>>,
}

impl Format {
    /// Certificates in this field.
    pub(super) fn of(certificate: HeaderName, encoding: CertificateEncoding) -> Self {
        Self {
            certificate,
            encoding,
            no_certificate: Vec::new(),
            chain: Vec::new(),
            statuses: Vec::new(),
            hash: None,
            beside: Vec::new(),
            assurance: Assurance::VerifiedTwice,
        }
    }

    /// The proxy writes this where there is no certificate.
    pub(super) fn absent_as(mut self, value: &str) -> Self {
        self.no_certificate.push(value.into());
        self
    }

    /// The same with a field that is to have exactly this value, and has that one where there is no certificate.
    pub(super) fn status(mut self, field: HeaderName, verified: &str, without: &str) -> Self {
        self.statuses.push(Status {
            field,
            verified: verified.into(),
            without: vec![without.into()],
        });
        self
    }

    /// Where there is no certificate, the status may say this, too.
    pub(super) fn otherwise_without(mut self, value: &str) -> Self {
        if let Some(status) = self.statuses.last_mut() {
            status.without.push(value.into());
        }
        self
    }

    /// The same with the SHA-256 of the certificate beside it.
    pub(super) fn hash(mut self, field: HeaderName) -> Self {
        self.hash = Some(field);
        self
    }

    /// Removes fields that begin so as well.
    pub(super) fn beside(mut self, prefix: &str) -> Self {
        self.beside.push(prefix.into());
        self
    }

    /// The same with issuers of the certificate in this field, where the proxy can send them.
    #[must_use]
    pub fn with_chain(mut self, field: HeaderName, encoding: CertificateEncoding) -> Self {
        self.chain.push((field, encoding));
        self
    }

    /// The same with one more field that must say exactly this where there is a certificate. A field that is absent is not
    /// one that is empty.
    #[must_use]
    pub fn with_status(self, field: HeaderName, verified: &str) -> Self {
        self.status(field, verified, "")
    }

    /// Whether the proxy says that it has verified what it forwards.
    pub fn assurance(&self) -> Assurance {
        self.assurance
    }

    /// The field that the certificate stands in: what a response that depends on it varies by (RFC 9440 §2.4).
    pub fn certificate_field(&self) -> &HeaderName {
        &self.certificate
    }

    /// The fields that are read.
    pub fn fields(&self) -> impl Iterator<Item = &HeaderName> + Clone {
        let chain = self.chain.iter().map(|(field, _)| field);
        let statuses = self.statuses.iter().map(|status| &status.field);
        std::iter::once(&self.certificate)
            .chain(chain)
            .chain(statuses)
            .chain(&self.hash)
    }

    pub(super) fn prefixes(&self) -> impl Iterator<Item = &str> {
        self.beside.iter().map(|prefix| &**prefix)
    }

    fn may_be_repeated(&self, field: &HeaderName) -> bool {
        let mut chain = self.chain.iter();
        chain.any(|(list, encoding)| list == field && encoding.may_be_repeated())
    }

    /// The certificates of these fields, the client's first; nothing where there are none.
    pub(super) fn read(
        &self,
        headers: &HeaderMap,
        limit: usize,
    ) -> Result<Option<Vec<CertificateDer<'static>>>, NotForwarded> {
        fields::check(self.fields(), |field| self.may_be_repeated(field), headers, limit)?;
        let Some(leaf) = self.present(headers)? else {
            return self.absent(headers).map(|()| None);
        };
        self.check_verified(headers)?;
        let mut certificates = decode(&self.certificate, self.encoding, &leaf)?;
        self.check_hash(headers, &certificates)?;
        for (field, encoding) in &self.chain {
            if let Some(above) = self.above(headers, field)? {
                certificates.extend(decode(field, *encoding, &above)?);
            }
        }
        Ok(Some(certificates))
    }

    /// The field with the certificate, unless it says that there is none.
    fn present(&self, headers: &HeaderMap) -> Result<Option<String>, NotForwarded> {
        let value = text(headers, &self.certificate)?;
        Ok(value.filter(|value| !self.says_none(value)))
    }

    /// A field of issuers. A proxy that has none to send may send the field without them, or says so as it does of the
    /// certificate.
    fn above(&self, headers: &HeaderMap, field: &HeaderName) -> Result<Option<String>, NotForwarded> {
        let value = text(headers, field)?;
        Ok(value.filter(|value| !value.is_empty() && !self.says_none(value)))
    }

    fn says_none(&self, value: &str) -> bool {
        self.no_certificate.iter().any(|none| **none == *value)
    }

    /// There is no certificate: whether nothing says that there is one.
    fn absent(&self, headers: &HeaderMap) -> Result<(), NotForwarded> {
        for (field, _) in &self.chain {
            if self.above(headers, field)?.is_some() {
                let field = field.clone();
                return Err(NotForwarded::ChainAlone { field });
            }
        }
        // The first says whether there is one at all.
        let Some(first) = self.statuses.first() else {
            return Ok(());
        };
        let says = text(headers, &first.field)?.unwrap_or_default();
        if says.is_empty() || first.without.iter().any(|without| **without == *says) {
            return Ok(());
        }
        self.check_verified(headers)?;
        let field = first.field.clone();
        Err(NotForwarded::CertificateLost { field })
    }

    /// Whether each status says that the certificate is verified.
    fn check_verified(&self, headers: &HeaderMap) -> Result<(), NotForwarded> {
        for Status { field, verified, .. } in &self.statuses {
            let field = || field.clone();
            let says = text(headers, &field())?.ok_or_else(|| NotForwarded::NoStatus { field: field() })?;
            if says != **verified {
                return Err(NotForwarded::NotVerified {
                    field: field(),
                    status: says.chars().take(64).collect(),
                });
            }
        }
        Ok(())
    }

    fn check_hash(
        &self,
        headers: &HeaderMap,
        certificates: &[CertificateDer<'_>],
    ) -> Result<(), NotForwarded> {
        let Some(field) = &self.hash else {
            return Ok(());
        };
        let hash = text(headers, field)?;
        let hash = hash.ok_or_else(|| NotForwarded::NoStatus { field: field.clone() })?;
        if certificates.first().is_some_and(|leaf| is_hash_of(&hash, leaf)) {
            return Ok(());
        }
        let field = field.clone();
        Err(NotForwarded::OtherCertificate { field })
    }
}

fn decode(
    field: &HeaderName,
    encoding: CertificateEncoding,
    text: &str,
) -> Result<Vec<CertificateDer<'static>>, NotForwarded> {
    encoding
        .decode(text)
        .map_err(|problem| unreadable(field, problem))
}

pub(super) fn unreadable(field: &HeaderName, problem: UnreadableField) -> NotForwarded {
    let field = field.clone();
    NotForwarded::Unreadable { field, problem }
}
