mod invalid;
mod list;
mod scope;
mod serials;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use rustls_pki_types::{CertificateRevocationListDer, UnixTime};

use crate::expiry::{Expiries, Kind};
use crate::pem;
pub use invalid::InvalidCrls;
pub(super) use list::Crl;
pub(super) use scope::Scope;
pub use scope::{PassedOver, Unanswered};

/// Certificate revocation lists (RFC 5280 §5): the newest of each issuer and scope, whatever order they come in.
///
/// Serial numbers are indexed when a list is read, and its signature is verified once: 100,000 entries take 2 MB and do
/// not slow a handshake. Clones share the lists.
///
/// Refused when read: a list that is out of date or from the future at `now`, without a number or a date for the next
/// one, a delta or an indirect list, and one with a critical extension that is not known, of its own or of an entry. Refused when [renewed](Self::renew): a lower number than before; but one
/// that has run out since it was read may stay as it was.
///
/// ```
/// use countersign::testing::{NOW, TestCa};
/// use countersign::trust::Crls;
///
/// let ca = TestCa::new("Acme Root");
/// let lists = Crls::from_pem(ca.crl(1).issue().pem().as_bytes(), NOW)?;
/// assert_eq!(lists.len(), 1);
/// // A newer list takes the place of the older, and never the other way round.
/// let newer = lists.renew(ca.crl(2).issue().pem().as_bytes(), NOW)?;
/// assert!(newer.renew(ca.crl(1).issue().pem().as_bytes(), NOW).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
pub struct Crls {
    by_issuer: HashMap<Box<[u8]>, Vec<Arc<Crl>>>,
}

impl Crls {
    /// Reads the CRLs of a PEM text: all that are in it, or none.
    ///
    /// # Errors
    /// [`InvalidCrls`] for the first that must not be used, or where there is none.
    pub fn from_pem(pem: &[u8], now: UnixTime) -> Result<Self, InvalidCrls> {
        Self::default().read(from_pem(pem)?, now)
    }

    /// Reads the CRLs of several files or answers, each in PEM, or one in DER. Each must hold one: what is empty, or a page
    /// that was answered in its place, is not made up for by another.
    ///
    /// # Errors
    /// As for [`from_pem`](Self::from_pem); [`InvalidCrls::EmptyFile`].
    pub fn from_files<'a>(
        files: impl IntoIterator<Item = &'a [u8]>,
        now: UnixTime,
    ) -> Result<Self, InvalidCrls> {
        Self::default().read(from_files(files)?, now)
    }

    /// What is kept in files or at URLs, for the first time or [renewed](Self::renew).
    #[cfg(feature = "reload")]
    pub(crate) fn kept_in<'a>(
        files: impl IntoIterator<Item = &'a [u8]>,
        before: Option<&Self>,
        now: UnixTime,
    ) -> Result<Self, InvalidCrls> {
        let lists = from_files(files)?;
        match before {
            Some(before) => before.renewed_by(before.read(lists, now)?),
            None => Self::from_der(lists, now),
        }
    }

    /// Reads CRLs in DER.
    ///
    /// # Errors
    /// As for [`from_pem`](Self::from_pem).
    pub fn from_der<'a>(
        lists: impl IntoIterator<Item = CertificateRevocationListDer<'a>>,
        now: UnixTime,
    ) -> Result<Self, InvalidCrls> {
        Self::default().read(lists, now)
    }

    /// These lists, where those of `self` are in use.
    fn read<'a>(
        &self,
        lists: impl IntoIterator<Item = CertificateRevocationListDer<'a>>,
        now: UnixTime,
    ) -> Result<Self, InvalidCrls> {
        let mut crls = Self::default();
        for list in lists {
            crls.add(self.read_one(&list, now)?);
        }
        if crls.is_empty() {
            Err(InvalidCrls::Empty)
        } else {
            Ok(crls)
        }
    }

    /// One that is out of date, and in use already, stays as it is: it refuses its own peers, and keeps no other authority's
    /// from being renewed.
    fn read_one(
        &self,
        list: &CertificateRevocationListDer<'_>,
        now: UnixTime,
    ) -> Result<Arc<Crl>, InvalidCrls> {
        let (issuer, next_update) = match Crl::parse(list, now) {
            Err(InvalidCrls::Expired { issuer, next_update }) => (issuer, next_update),
            read => return read.map(Arc::new),
        };
        let overdue = Crl::parse(list, next_update)?;
        let mut in_use = self.by_issuer.get(&overdue.issuer).into_iter().flatten();
        let same = in_use.find(|crl| overdue.says_to_be(crl)).map(Arc::clone);
        same.ok_or(InvalidCrls::Expired { issuer, next_update })
    }

    /// The same lists, renewed: every one that was there must be there again, with the same number or a higher one, and
    /// signed with the same key where its signature was verified. One that is out of date may stay as it was.
    ///
    /// # Errors
    /// As for [`from_pem`](Self::from_pem); [`InvalidCrls::Rollback`] and [`InvalidCrls::Missing`].
    pub fn renew(&self, pem: &[u8], now: UnixTime) -> Result<Self, InvalidCrls> {
        self.renewed_by(self.read(from_pem(pem)?, now)?)
    }

    /// As [`renew`](Self::renew), with lists that were read already.
    ///
    /// # Errors
    /// [`InvalidCrls::Rollback`], [`InvalidCrls::Missing`] and [`InvalidCrls::Stranger`].
    pub fn renewed_by(&self, renewed: Self) -> Result<Self, InvalidCrls> {
        for old in self.by_issuer.values().flatten() {
            let new = renewed.like(old).ok_or_else(|| InvalidCrls::Missing {
                issuer: old.issuer_text.clone(),
            })?;
            if new.number < old.number {
                return Err(InvalidCrls::Rollback {
                    issuer: old.issuer_text.clone(),
                });
            }
            if !new.continues(old) {
                return Err(InvalidCrls::Stranger {
                    issuer: old.issuer_text.clone(),
                });
            }
        }
        Ok(renewed)
    }

    /// How many lists there are, older ones of the same issuer and scope left out.
    pub fn len(&self) -> usize {
        self.newest().count()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.by_issuer.is_empty()
    }

    /// When the first of them is out of date.
    pub fn next_update(&self) -> Option<UnixTime> {
        self.newest().map(|crl| crl.validity.not_after).min()
    }

    /// The newest first. Older ones stay: nobody knows yet who has signed the newer one, and what a stranger has signed
    /// must not put the authority's own list aside.
    fn add(&mut self, crl: Arc<Crl>) {
        let crls = self.by_issuer.entry(crl.issuer.clone()).or_default();
        let place = crls.partition_point(|other| !crl.is_newer_than(other));
        crls.insert(place, crl);
    }

    fn newest(&self) -> impl Iterator<Item = &Arc<Crl>> {
        self.by_issuer.values().flat_map(|crls| {
            let is_newest =
                |place: usize, crl: &Crl| !crls.iter().take(place).any(|newer| newer.is_like(crl));
            let with_place = crls.iter().enumerate();
            with_place
                .filter(move |(place, crl)| is_newest(*place, crl))
                .map(|(_, crl)| crl)
        })
    }

    fn like(&self, crl: &Crl) -> Option<&Arc<Crl>> {
        self.by_issuer
            .get(&crl.issuer)?
            .iter()
            .find(|other| other.is_like(crl))
    }

    /// The newest of each issuer and scope, until its next update.
    pub(super) fn expiries(&self, found: &mut Expiries) {
        for lists in self.by_issuer.values() {
            for (place, list) in lists.iter().enumerate() {
                if !lists.iter().take(place).any(|newer| newer.is_like(list)) {
                    found.add(Kind::Crl, list.issuer_text(), list.validity);
                }
            }
        }
    }

    /// The newest first.
    pub(super) fn of_issuer(&self, issuer: &[u8]) -> impl Iterator<Item = &Crl> {
        self.by_issuer.get(issuer).into_iter().flatten().map(Arc::as_ref)
    }
}

fn from_pem(pem: &[u8]) -> Result<Vec<CertificateRevocationListDer<'static>>, InvalidCrls> {
    pem::crls(pem).map_err(|reason| InvalidCrls::Pem { reason })
}

fn from_files<'a>(
    files: impl IntoIterator<Item = &'a [u8]>,
) -> Result<Vec<CertificateRevocationListDer<'static>>, InvalidCrls> {
    let files: Vec<_> = files.into_iter().collect();
    let of = files.len();
    let mut lists = Vec::new();
    for (number, file) in (1..).zip(files) {
        let read = lists_of(file)?;
        if read.is_empty() && of > 1 {
            return Err(InvalidCrls::EmptyFile { number, of });
        }
        lists.extend(read);
    }
    Ok(lists)
}

fn lists_of(file: &[u8]) -> Result<Vec<CertificateRevocationListDer<'static>>, InvalidCrls> {
    match file.first() {
        // What begins with a SEQUENCE is no text.
        Some(0x30) => Ok(vec![CertificateRevocationListDer::from(file.to_vec())]),
        _ => from_pem(file),
    }
}

impl fmt::Debug for Crls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.by_issuer.values().flatten()).finish()
    }
}
