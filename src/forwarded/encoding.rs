use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::CertificateDer;

use super::{structured, xfcc};
use crate::identity::der::{Elements, SEQUENCE};
use crate::pem;
use crate::refusal::UnreadableField;

/// An encoding of certificates in a header field. Each has one reading, and none is guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CertificateEncoding {
    /// A Byte Sequence of RFC 8941: `:` and base64 of the DER and `:`, as RFC 9440 has `Client-Cert`.
    ByteSequence,
    /// A List of Byte Sequences, on one line or on several, as RFC 9440 has `Client-Cert-Chain`.
    ByteSequences,
    /// PEM of one certificate, percent-encoded (RFC 3986 §2.1) once. `+` is itself.
    PercentEncodedPem,
    /// PEM of one certificate or more, the client's first, percent-encoded as a whole.
    PercentEncodedPemChain,
    /// PEM of one certificate with spaces or tabs in the place of its line breaks.
    PemOnOneLine,
    /// Base64 of the DER.
    Base64Der,
    /// Base64 of the DER between `"` and `"`.
    QuotedBase64Der,
    /// Base64 of the DER of each, the client's first, with `,` between.
    Base64DerList,
    /// Base64 of the DER of all, one behind the other.
    ConcatenatedBase64Der,
    /// `x-forwarded-client-cert` of one element.
    Xfcc,
    /// `x-forwarded-client-cert` of which the last element counts.
    XfccAppended,
}

impl CertificateEncoding {
    /// Whether the field may stand on several lines: those of a List are one value (RFC 8941 §4.2).
    pub(super) fn may_be_repeated(self) -> bool {
        matches!(self, Self::ByteSequences)
    }

    /// The certificates, at least one.
    pub(super) fn decode(self, text: &str) -> Result<Vec<CertificateDer<'static>>, UnreadableField> {
        if text.is_empty() {
            return Err(UnreadableField::Empty);
        }
        match self {
            Self::ByteSequence => Ok(vec![structured::item(text)?]),
            Self::ByteSequences => structured::list(text),
            Self::PercentEncodedPem => only(percent_encoded_pem(text)?),
            Self::PercentEncodedPemChain => percent_encoded_pem(text),
            Self::PemOnOneLine => only(pem_on_one_line(text)?),
            Self::Base64Der => Ok(vec![base64_der(text)?]),
            Self::QuotedBase64Der => Ok(vec![base64_der(unquoted(text)?)?]),
            Self::Base64DerList => text.split(',').map(base64_der).collect(),
            Self::ConcatenatedBase64Der => one_behind_the_other(&base64(text)?),
            Self::Xfcc => xfcc::only_element(text),
            Self::XfccAppended => xfcc::last_element(text),
        }
    }
}

fn only(certificates: Vec<CertificateDer<'static>>) -> Result<Vec<CertificateDer<'static>>, UnreadableField> {
    if certificates.len() > 1 {
        return Err(UnreadableField::Several);
    }
    Ok(certificates)
}

/// Strict: canonical padding, no trailing bits, no white space.
pub(super) fn base64(text: &str) -> Result<Vec<u8>, UnreadableField> {
    STANDARD.decode(text).map_err(|_| UnreadableField::Base64)
}

fn base64_der(text: &str) -> Result<CertificateDer<'static>, UnreadableField> {
    let der = base64(text)?;
    if der.is_empty() {
        return Err(UnreadableField::Empty);
    }
    Ok(der.into())
}

fn unquoted(text: &str) -> Result<&str, UnreadableField> {
    let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    inner.ok_or(UnreadableField::NotQuoted)
}

pub(super) fn percent_encoded_pem(text: &str) -> Result<Vec<CertificateDer<'static>>, UnreadableField> {
    let decoded = percent_decoded(text)?;
    pem::certificates_alone(&decoded).map_err(UnreadableField::Pem)
}

/// Once: what was encoded twice still has a `%` in it, and is no PEM. Not as in a form: `+` is a digit of base64.
fn percent_decoded(text: &str) -> Result<Vec<u8>, UnreadableField> {
    let escapes = text.split('%').skip(1).all(|rest| {
        let digits = rest.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    });
    if !escapes {
        return Err(UnreadableField::Percent);
    }
    Ok(percent_encoding::percent_decode_str(text).collect())
}

/// Line breaks are not allowed in a field, so they have become spaces (or tabs, where a line was folded). The one space
/// within a mark has always been one.
fn pem_on_one_line(text: &str) -> Result<Vec<CertificateDer<'static>>, UnreadableField> {
    let bytes = text.as_bytes();
    let in_mark = |place: usize| {
        let (before, after) = bytes.split_at_checked(place).unwrap_or((bytes, &[]));
        let begun = before.ends_with(b"-----BEGIN") || before.ends_with(b"-----END");
        begun && after.starts_with(b" CERTIFICATE-----")
    };
    let lines = bytes.iter().enumerate().map(|(place, byte)| match byte {
        b' ' | b'\t' if !in_mark(place) => b'\n',
        other => *other,
    });
    let lines: Vec<u8> = lines.collect();
    pem::certificates_alone(&lines).map_err(UnreadableField::Pem)
}

fn one_behind_the_other(der: &[u8]) -> Result<Vec<CertificateDer<'static>>, UnreadableField> {
    let mut elements = Elements::of(der);
    let mut certificates = Vec::new();
    while !elements.is_empty() {
        let element = elements.take(SEQUENCE).ok_or(UnreadableField::Der)?;
        certificates.push(element.whole.to_vec().into());
    }
    if certificates.is_empty() {
        return Err(UnreadableField::Empty);
    }
    Ok(certificates)
}
