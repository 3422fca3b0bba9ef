//! PEM (RFC 7468), read whole or refused.
//!
//! A section that a reader does not see is a revoked certificate that is trusted, or an anchor that is missing. So every
//! file of anchors, chains, keys and lists is read here, and what cannot be read is named, with its line:
//!
//! * One byte order mark at the beginning, lines that end in LF, CRLF or CR, and explanatory text between sections are
//!   taken, as OpenSSL, `step` and cert-manager write them.
//! * What looks like a section and is none is refused: an indented `BEGIN`, an `END` glued to the next `BEGIN`, lost
//!   line breaks, `\n` as two characters, an unknown label.
//! * So is a section of the kind that is wanted, in a form that is not read: `TRUSTED CERTIFICATE`, `CRL`, PKCS#7, an
//!   encrypted key. Other sections may stand beside: keys and parameters beside certificates, certificates beside a key.

mod invalid;
mod label;
mod lines;
mod section;

#[cfg(test)]
mod tests;

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer};
#[cfg(feature = "tls")]
use rustls_pki_types::{PrivateKeyDer, pem::PemObject as _};

pub use invalid::InvalidPem;
use invalid::Problem;
use label::{Kind, Label};
use section::Section;

/// How a file is named in messages. A text in the place of its name is not: it may be a key.
pub(crate) fn file_name(path: &Path) -> String {
    // The longest name of a file on the systems there are.
    const LONGEST: usize = 255;
    let is_name = path.iter().all(|part| part.len() <= LONGEST);
    let path = path.display().to_string();
    if !is_name || path.contains("-----") || path.contains(char::is_control) {
        return "a text in the place of a file's name".to_owned();
    }
    path
}

/// The certificates of a PEM text, in their order; perhaps none.
///
/// Keys, parameters and requests may stand beside them. A CRL may not: it would have no effect.
///
/// # Errors
/// [`InvalidPem`].
pub fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, InvalidPem> {
    let wanted = [Kind::Certificate, Kind::Crl, Kind::Bundle];
    let taken = take(pem, &wanted, &[Label::Certificate])?;
    taken
        .into_iter()
        .map(|section| decode(section).map(Into::into))
        .collect()
}

/// The certificates of a PEM text that holds nothing else, in their order; at least one. What came over the wire has no
/// keys and no remarks beside them.
#[cfg(feature = "forwarded")]
pub(crate) fn certificates_alone(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, InvalidPem> {
    let sections = section::sections(pem)?;
    let mut inside = 0;
    for section in &sections {
        let Section { label, line, .. } = *section;
        if label != Label::Certificate || section.encrypted {
            return Err(Problem::NotTaken { label, line }.into());
        }
        inside += without_breaks(section.text);
    }
    if inside != without_breaks(pem) {
        return Err(Problem::Beside.into());
    }
    if sections.is_empty() {
        return Err(Problem::Missing {
            wanted: "\"BEGIN CERTIFICATE\"",
        }
        .into());
    }
    sections
        .into_iter()
        .map(|section| decode(section).map(Into::into))
        .collect()
}

/// How many bytes are no line breaks.
#[cfg(feature = "forwarded")]
fn without_breaks(text: &[u8]) -> usize {
    text.iter().filter(|byte| !matches!(byte, b'\n' | b'\r')).count()
}

/// The certificate revocation lists, in their order; perhaps none. A certificate beside them would have no effect, so it
/// is refused.
pub(crate) fn crls(pem: &[u8]) -> Result<Vec<CertificateRevocationListDer<'static>>, InvalidPem> {
    let wanted = [Kind::Certificate, Kind::Crl, Kind::Bundle];
    let taken = take(pem, &wanted, &[Label::Crl])?;
    taken
        .into_iter()
        .map(|section| decode(section).map(Into::into))
        .collect()
}

/// The only private key, if there is one.
#[cfg(feature = "tls")]
pub(crate) fn private_key(pem: &[u8]) -> Result<Option<PrivateKeyDer<'static>>, InvalidPem> {
    let labels = [Label::PrivateKey, Label::RsaPrivateKey, Label::EcPrivateKey];
    let taken = take(pem, &[Kind::PrivateKey, Kind::EncryptedKey], &labels)?;
    let Some(section) = only(&taken)? else {
        return Ok(None);
    };
    // Decoded by rustls-pki-types, in constant time.
    match PrivateKeyDer::from_pem_slice(section.text) {
        Ok(key) => Ok(Some(key)),
        Err(_) => Err(base64_of(section)),
    }
}

/// A public key as PEM has it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PublicKeyPem {
    /// `PUBLIC KEY`: a SubjectPublicKeyInfo (RFC 5280 §4.1).
    Spki(Vec<u8>),
    /// `RSA PUBLIC KEY`: an RSAPublicKey (RFC 8017 A.1.1).
    Rsa(Vec<u8>),
}

/// The only public key, in either form.
pub(crate) fn public_key(pem: &[u8]) -> Result<PublicKeyPem, InvalidPem> {
    let taken = take(pem, &[Kind::PublicKey], &[Label::PublicKey, Label::RsaPublicKey])?;
    let section = only(&taken)?.ok_or(NO_PUBLIC_KEY)?;
    let der = decode(section)?;
    Ok(match section.label {
        Label::RsaPublicKey => PublicKeyPem::Rsa(der),
        _ => PublicKeyPem::Spki(der),
    })
}

const NO_PUBLIC_KEY: Problem = Problem::Missing {
    wanted: "\"BEGIN PUBLIC KEY\"",
};

/// What has a public key in it.
pub(crate) enum KeyHolder {
    Spki(Vec<u8>),
    Certificate(CertificateDer<'static>),
}

/// What `read` makes of the only public key, or, without one, of the first certificate: that of the leaf in a chain.
pub(crate) fn key_holder<T>(pem: &[u8], read: impl FnOnce(KeyHolder) -> Option<T>) -> Result<T, InvalidPem> {
    let wanted = [Kind::PublicKey, Kind::Certificate, Kind::Bundle];
    let taken = take(pem, &wanted, &[Label::PublicKey, Label::Certificate])?;
    let of = |wanted: Label| {
        taken
            .iter()
            .filter(move |section| section.label == wanted)
            .copied()
    };
    let keys: Vec<_> = of(Label::PublicKey).collect();
    let section = only(&keys)?.or_else(|| of(Label::Certificate).next());
    let section = section.ok_or(Problem::Missing {
        wanted: "\"BEGIN PUBLIC KEY\" and no \"BEGIN CERTIFICATE\"",
    })?;
    let der = decode(section)?;
    let holder = match section.label {
        Label::PublicKey => KeyHolder::Spki(der),
        _ => KeyHolder::Certificate(der.into()),
    };
    let Section { label, line, .. } = section;
    read(holder).ok_or(Problem::Content { label, line }.into())
}

/// The sections with these labels. None may be of a kind that is wanted and have another label, or have a label that is
/// not known: it could be anything.
fn take<'a>(pem: &'a [u8], wanted: &[Kind], labels: &[Label]) -> Result<Vec<Section<'a>>, InvalidPem> {
    let mut taken = Vec::new();
    for section in section::sections(pem)? {
        let Section { label, line, .. } = section;
        let kind = label.kind();
        if labels.contains(&label) && !section.encrypted {
            taken.push(section);
        } else if wanted.contains(&kind) || kind == Kind::Unknown {
            let encrypted = section.encrypted || kind == Kind::EncryptedKey;
            return Err(if encrypted {
                Problem::Encrypted { line }.into()
            } else {
                Problem::NotTaken { label, line }.into()
            });
        }
    }
    Ok(taken)
}

fn only<'a>(sections: &[Section<'a>]) -> Result<Option<Section<'a>>, InvalidPem> {
    match sections {
        [] => Ok(None),
        [section] => Ok(Some(*section)),
        [_, second, ..] => Err(Problem::Several { line: second.line }.into()),
    }
}

/// What a section that holds no secret holds: something, for there is no certificate, list or key of no bytes.
fn decode(section: Section<'_>) -> Result<Vec<u8>, InvalidPem> {
    let base64: Vec<u8> = section
        .body
        .iter()
        .copied()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    let der = STANDARD.decode(base64).map_err(|_| base64_of(section))?;
    let Section { label, line, .. } = section;
    match der.is_empty() {
        true => Err(Problem::Content { label, line }.into()),
        false => Ok(der),
    }
}

fn base64_of(section: Section<'_>) -> InvalidPem {
    let Section { label, line, .. } = section;
    Problem::Base64 { label, line }.into()
}
