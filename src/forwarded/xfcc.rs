//! `x-forwarded-client-cert`, as Envoy writes it.
//!
//! Only `Cert` and `Chain` are believed: Envoy writes URI and DNS names of the client's certificate, and its own, without
//! escaping them.

use rustls_pki_types::CertificateDer;
use sha2::{Digest as _, Sha256};

use super::encoding::percent_encoded_pem;
use crate::identity::{Name, PeerChain};
use crate::refusal::{InvalidXfcc, UnreadableField};

/// Proxies that have appended, and pairs in all that they have written: more than a mesh has, and a bound for whoever
/// sends the field himself.
const MAX_ELEMENTS: usize = 8;
const MAX_PAIRS: usize = 256;

type Chain = Vec<CertificateDer<'static>>;

/// The certificates of the only element.
pub(super) fn only_element(text: &str) -> Result<Chain, UnreadableField> {
    match elements(text)?.as_slice() {
        [element] => element.certificates(),
        _ => Err(InvalidXfcc::Several.into()),
    }
}

/// The certificates of the last element: the one that the proxy next to us has appended. What stands before it may have
/// come from the client, and is read all the same, so that nothing in it can pass for the end of it.
pub(super) fn last_element(text: &str) -> Result<Chain, UnreadableField> {
    let mut last = Err(InvalidXfcc::NoCert.into());
    for element in elements(text)? {
        last = element.certificates();
        match &last {
            // A name with a comma in it may have made two elements of the one that was written last.
            Ok(certificates) => check_names(certificates)?,
            Err(UnreadableField::Xfcc(InvalidXfcc::NoCert)) => {}
            Err(_) => return last,
        }
    }
    last
}

/// What one proxy has written.
#[derive(Debug, Default)]
struct Element {
    hash: Option<String>,
    cert: Option<String>,
    chain: Option<String>,
    subject: Option<String>,
}

impl Element {
    fn put(&mut self, key: &str, value: String) -> Result<(), InvalidXfcc> {
        // Those may stand there again and again, and say nothing that the certificate does not.
        if ["by", "uri", "dns"]
            .iter()
            .any(|name| key.eq_ignore_ascii_case(name))
        {
            return Ok(());
        }
        let once = [
            ("hash", &mut self.hash),
            ("cert", &mut self.cert),
            ("chain", &mut self.chain),
            ("subject", &mut self.subject),
        ];
        let place = once.into_iter().find(|(name, _)| key.eq_ignore_ascii_case(name));
        let (_, place) = place.ok_or(InvalidXfcc::Key)?;
        if place.replace(value).is_some() {
            return Err(InvalidXfcc::KeyTwice);
        }
        Ok(())
    }

    fn certificates(&self) -> Result<Chain, UnreadableField> {
        let cert = self.cert.as_deref().map(percent_encoded_pem).transpose()?;
        let chain = self.chain.as_deref().map(percent_encoded_pem).transpose()?;
        let certificates = match (cert, chain) {
            (None, None) => return Err(InvalidXfcc::NoCert.into()),
            (Some(cert), _) if cert.len() > 1 => return Err(UnreadableField::Several),
            (Some(cert), Some(chain)) if cert.first() != chain.first() => {
                return Err(InvalidXfcc::CertNotInChain.into());
            }
            (_, Some(chain)) => chain,
            (Some(cert), None) => cert,
        };
        match (&self.hash, certificates.first()) {
            (Some(hash), Some(leaf)) if !is_hash_of(hash, leaf) => Err(UnreadableField::OtherHash),
            _ => Ok(certificates),
        }
    }
}

/// SHA-256 in hexadecimal, of either case.
pub(super) fn is_hash_of(hash: &str, leaf: &CertificateDer<'_>) -> bool {
    let own: String = Sha256::digest(leaf)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    hash.eq_ignore_ascii_case(&own)
}

fn check_names(certificates: &[CertificateDer<'static>]) -> Result<(), UnreadableField> {
    let Some(leaf) = certificates.first() else {
        return Ok(());
    };
    // One that cannot be read is refused where it is the client's; where it is not, it has named nobody.
    let Ok(chain) = PeerChain::parse([leaf.clone()]) else {
        return Err(InvalidXfcc::Name.into());
    };
    let reads_as_more = |name: &Name| match name {
        Name::Uri(text) | Name::Dns(text) => text.contains([',', ';', '"']),
        _ => false,
    };
    if chain.leaf().names().iter().any(reads_as_more) {
        return Err(InvalidXfcc::Name.into());
    }
    Ok(())
}

/// Every element, in its order.
fn elements(text: &str) -> Result<Vec<Element>, InvalidXfcc> {
    let mut elements = vec![Element::default()];
    let mut rest = text;
    for _ in 0..MAX_PAIRS {
        let (key, after) = key(rest)?;
        let (value, after) = value(after)?;
        let element = elements.last_mut().ok_or(InvalidXfcc::Pair)?;
        element.put(key, value)?;
        rest = match after.split_at_checked(1) {
            None => return Ok(elements),
            Some((";", after)) => after,
            Some((_, after)) => {
                if elements.len() == MAX_ELEMENTS {
                    return Err(InvalidXfcc::TooMany);
                }
                elements.push(Element::default());
                // Lines that were joined have a space behind the comma (RFC 9110 §5.3).
                after.trim_start_matches(' ')
            }
        };
    }
    Err(InvalidXfcc::TooMany)
}

/// A key, and what follows its `=`.
fn key(text: &str) -> Result<(&str, &str), InvalidXfcc> {
    let (key, after) = text.split_once('=').ok_or(InvalidXfcc::Pair)?;
    if key.contains([',', ';', '"']) {
        return Err(InvalidXfcc::Pair);
    }
    Ok((key, after))
}

/// A value, and what follows it: nothing, or a separator first.
fn value(text: &str) -> Result<(String, &str), InvalidXfcc> {
    let (value, after) = match text.strip_prefix('"') {
        Some(quoted) => unquoted(quoted)?,
        None => {
            let (value, after) = text.split_at(text.find([',', ';']).unwrap_or(text.len()));
            if value.contains(['"', '\\']) {
                return Err(InvalidXfcc::Quote);
            }
            (value.to_owned(), after)
        }
    };
    if after.is_empty() || after.starts_with([',', ';']) {
        return Ok((value, after));
    }
    Err(InvalidXfcc::Quote)
}

/// Up to the quote that closes it; `\` takes the meaning of the character behind it away.
fn unquoted(text: &str) -> Result<(String, &str), InvalidXfcc> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((place, character)) = characters.next() {
        match character {
            '"' => return Ok((value, text.get(place + 1..).unwrap_or_default())),
            '\\' => value.push(characters.next().ok_or(InvalidXfcc::Quote)?.1),
            other => value.push(other),
        }
    }
    Err(InvalidXfcc::Quote)
}
