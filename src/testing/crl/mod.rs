//! Revocation lists of an authority.

#[cfg(test)]
mod tests;

use rcgen::{CertificateRevocationListParams, KeyIdMethod, RevokedCertParams};
use rustls_pki_types::{CertificateRevocationListDer, UnixTime};
use sha2::{Digest as _, Sha256};

use super::dates::{Window, date_time};
use super::{Serial, TestCa, der};

/// A certificate revocation list that a [`TestCa`] signed.
///
/// # Examples
///
/// ```
/// use countersign::testing::{TestCa, utc};
///
/// let ca = TestCa::new("Acme Root");
/// let lost = ca.client("acme.example").issue();
/// let crl = ca.crl(7).revoke(&lost).revoke(42).next_update(utc(2026, 2, 1)).issue();
/// assert!(crl.pem().starts_with("-----BEGIN X509 CRL-----"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestCrl(CertificateRevocationListDer<'static>);

impl TestCrl {
    /// The list, in DER.
    pub fn der(&self) -> &CertificateRevocationListDer<'static> {
        &self.0
    }

    /// The list, in PEM.
    pub fn pem(&self) -> String {
        der::pem("X509 CRL", &self.0)
    }
}

/// A revocation list that is about to be issued: begun by [`TestCa::crl`].
///
/// Left alone it revokes nothing, from [`NOT_BEFORE`](super::NOT_BEFORE) to [`NOT_AFTER`](super::NOT_AFTER).
#[derive(Clone, Debug)]
#[must_use = "nothing is issued before `issue`"]
pub struct CrlBuilder {
    issuer: TestCa,
    number: u64,
    window: Window,
    revoked: Vec<Serial>,
    left_out: Vec<LeftOut>,
    /// In DER.
    extensions: Vec<Vec<u8>>,
    /// In DER, each with the place of its entry.
    entry_extensions: Vec<(usize, Vec<u8>)>,
    key_identifier: KeyIdMethod,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LeftOut {
    Number,
    NextUpdate,
}

impl CrlBuilder {
    pub(super) fn new(issuer: TestCa, number: u64) -> Self {
        Self {
            issuer,
            number,
            window: Window::DEFAULT,
            revoked: vec![],
            left_out: vec![],
            extensions: vec![],
            entry_extensions: vec![],
            key_identifier: KeyIdMethod::Sha256,
        }
    }

    /// Revokes a certificate: a [`TestCert`](super::TestCert), an intermediate [`TestCa`], or a serial
    /// number.
    pub fn revoke(mut self, cert: impl Into<Serial>) -> Self {
        self.revoked.push(cert.into());
        self
    }

    /// When the list was issued, and its certificates revoked.
    pub fn this_update(mut self, at: UnixTime) -> Self {
        self.window.from = at;
        self
    }

    /// When the next list was promised: past that, this one is stale.
    pub fn next_update(mut self, at: UnixTime) -> Self {
        self.window.until = at;
        self
    }

    /// Issued in 2020, stale since 2021.
    pub fn expired(mut self) -> Self {
        self.window = Window::EXPIRED;
        self
    }

    /// Issued in 2090.
    pub fn not_yet_valid(mut self) -> Self {
        self.window = Window::NOT_YET;
        self
    }

    /// Leaves the CRL number out, which RFC 5280 §5.2.3 requires.
    pub fn without_number(mut self) -> Self {
        self.left_out.push(LeftOut::Number);
        self
    }

    /// Leaves nextUpdate out, which RFC 5280 §5.1.2.5 requires.
    pub fn without_next_update(mut self) -> Self {
        self.left_out.push(LeftOut::NextUpdate);
        self
    }

    /// Adds an extension: its object identifier and its value in DER.
    pub fn extension(mut self, arcs: &[u64], value: &[u8]) -> Self {
        self.extensions
            .push(der::sequence(&[der::oid(arcs), der::octet_string(value)]));
        self
    }

    /// Adds a critical extension, as issuingDistributionPoint and deltaCRLIndicator are (RFC 5280 §5.2).
    pub fn critical_extension(mut self, arcs: &[u64], value: &[u8]) -> Self {
        self.extensions.push(der::sequence(&[
            der::oid(arcs),
            der::TRUE.to_vec(),
            der::octet_string(value),
        ]));
        self
    }

    /// Adds a critical extension to the entry of whom was [revoked](Self::revoke) last (RFC 5280 §5.3).
    ///
    /// # Panics
    ///
    /// If nobody was.
    pub fn critical_entry_extension(mut self, arcs: &[u64], value: &[u8]) -> Self {
        let place = self.revoked.len().checked_sub(1).expect("an entry");
        let extension = [der::oid(arcs), der::TRUE.to_vec(), der::octet_string(value)];
        self.entry_extensions.push((place, der::sequence(&extension)));
        self
    }

    /// Names the key of `other` as its issuer's (authorityKeyIdentifier), whoever signs it.
    pub fn claiming_key_of(mut self, other: &TestCa) -> Self {
        // As rcgen derives it: RFC 7093, method 1.
        let digest = Sha256::digest(other.spki_der());
        self.key_identifier = KeyIdMethod::PreSpecified(digest.iter().copied().take(20).collect());
        self
    }

    /// Issues the list, also where the CA's key usage has no cRLSign.
    ///
    /// # Panics
    ///
    /// If the next update is not after this one.
    pub fn issue(self) -> TestCrl {
        let crl = self
            .params()
            .signed_by(&self.issuer.crl_issuer())
            .expect("a revocation list");
        let crl = der::resigned(crl.der(), self.issuer.test_key().pair(), |fields| {
            self.edit(fields)
        });
        TestCrl(crl.into())
    }

    fn params(&self) -> CertificateRevocationListParams {
        CertificateRevocationListParams {
            this_update: date_time(self.window.from),
            next_update: date_time(self.window.until),
            crl_number: self.number.into(),
            issuing_distribution_point: None,
            revoked_certs: self
                .revoked
                .iter()
                .map(|serial| self.revocation(serial))
                .collect(),
            key_identifier_method: self.key_identifier.clone(),
        }
    }

    fn revocation(&self, serial: &Serial) -> RevokedCertParams {
        RevokedCertParams {
            serial_number: serial.rcgen(),
            revocation_time: date_time(self.window.from),
            reason_code: None,
            invalidity_date: None,
        }
    }

    /// RFC 5280 §5.1: version, algorithm, issuer, thisUpdate, nextUpdate, revokedCertificates, extensions.
    fn edit(&self, fields: &mut Vec<Vec<u8>>) {
        if let [.., entries, _] = fields.as_mut_slice() {
            for (place, extension) in &self.entry_extensions {
                *entries = with_in_entry(entries, *place, extension);
            }
        }
        if self.left_out.contains(&LeftOut::Number) {
            let extensions = fields.pop().expect("extensions");
            fields.push(without_number(&extensions));
        }
        if !self.extensions.is_empty() {
            let extensions = fields.pop().expect("extensions");
            fields.push(with(&extensions, &self.extensions));
        }
        if self.left_out.contains(&LeftOut::NextUpdate) {
            fields.remove(4);
        }
    }
}

/// The same entries, one of them with this extension, and without those it had.
fn with_in_entry(entries: &[u8], place: usize, extension: &[u8]) -> Vec<u8> {
    let mut entries = der::children(entries);
    let entry = entries.get_mut(place).expect("an entry");
    let mut fields = der::children(entry);
    fields.truncate(2);
    fields.push(der::sequence(&[extension.to_vec()]));
    *entry = der::sequence(&fields);
    der::sequence(&entries)
}

/// The same `[0] EXPLICIT SEQUENCE OF Extension`, without that of the CRL number.
fn without_number(extensions: &[u8]) -> Vec<u8> {
    let number = der::oid(&[2, 5, 29, 20]);
    let mut held: Vec<_> = der::children(extensions)
        .iter()
        .flat_map(|sequence| der::children(sequence))
        .collect();
    held.retain(|extension| der::children(extension).first() != Some(&number));
    der::tlv(0xa0, &der::sequence(&held))
}

/// The same `[0] EXPLICIT SEQUENCE OF Extension`, with these behind it.
fn with(extensions: &[u8], more: &[Vec<u8>]) -> Vec<u8> {
    let held = der::children(extensions)
        .into_iter()
        .flat_map(|sequence| der::children(&sequence));
    let all: Vec<_> = held.chain(more.iter().cloned()).collect();
    der::tlv(0xa0, &der::sequence(&all))
}
