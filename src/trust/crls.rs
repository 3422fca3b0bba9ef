use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateRevocationListDer, SubjectPublicKeyInfoDer, UnixTime};
use webpki::{BorrowedCertRevocationList, CertRevocationList, RawPublicKeyEntity};
use x509_parser::asn1_rs::{Any, FromDer as _, Tag};
use x509_parser::extensions::{DistributionPointName, IssuingDistributionPoint, ParsedExtension};
use x509_parser::revocation_list::CertificateRevocationList;

use super::path::Algorithms;
use crate::identity::{SpkiHash, Validity, from_asn1, uris};

/// How many keys that have not signed a list are remembered.
const MAX_STRANGERS: usize = 16;

/// Certificate revocation lists (RFC 5280 §5): the newest of each issuer and scope, whatever order they come in.
///
/// Serial numbers are indexed when a list is read, and its signature is verified once: 100,000 entries take 2 MB and do
/// not slow a handshake. Clones share the lists.
///
/// Refused when read: a list that is out of date or from the future at `now`, without a number or a date for the next
/// one, a delta or an indirect list. Refused when [renewed](Self::renew): a lower number than before.
#[derive(Clone, Default)]
pub struct Crls {
    by_issuer: HashMap<Box<[u8]>, Vec<Arc<Crl>>>,
}

impl Crls {
    /// Reads the CRLs of a PEM text.
    ///
    /// # Errors
    /// [`InvalidCrls`] for the first that must not be used, or where there is none.
    pub fn from_pem(pem: &[u8], now: UnixTime) -> Result<Self, InvalidCrls> {
        let lists: Result<Vec<_>, _> = CertificateRevocationListDer::pem_slice_iter(pem).collect();
        let lists = lists.map_err(|error| InvalidCrls::Pem {
            reason: error.to_string(),
        })?;
        Self::from_der(lists, now)
    }

    /// Reads CRLs in DER.
    ///
    /// # Errors
    /// As for [`from_pem`](Self::from_pem).
    pub fn from_der<'a>(
        lists: impl IntoIterator<Item = CertificateRevocationListDer<'a>>,
        now: UnixTime,
    ) -> Result<Self, InvalidCrls> {
        let mut crls = Self::default();
        for list in lists {
            crls.add(Crl::parse(&list, now)?);
        }
        if crls.is_empty() {
            Err(InvalidCrls::Empty)
        } else {
            Ok(crls)
        }
    }

    /// The same lists, renewed: every one that was there must be there again, with the same number or a higher one, and
    /// signed with the same key where its signature was verified.
    ///
    /// # Errors
    /// As for [`from_pem`](Self::from_pem); [`InvalidCrls::Rollback`] and [`InvalidCrls::Missing`].
    pub fn renew(&self, pem: &[u8], now: UnixTime) -> Result<Self, InvalidCrls> {
        let renewed = Self::from_pem(pem, now)?;
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
    fn add(&mut self, crl: Crl) {
        let crls = self.by_issuer.entry(crl.issuer.clone()).or_default();
        let place = crls.partition_point(|other| !crl.is_newer_than(other));
        crls.insert(place, Arc::new(crl));
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

    /// The newest first.
    pub(super) fn of_issuer(&self, issuer: &[u8]) -> impl Iterator<Item = &Crl> {
        self.by_issuer.get(issuer).into_iter().flatten().map(Arc::as_ref)
    }
}

impl fmt::Debug for Crls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.by_issuer.values().flatten()).finish()
    }
}

/// One list, indexed.
pub(super) struct Crl {
    /// The issuer's name, without the outer SEQUENCE.
    issuer: Box<[u8]>,
    issuer_text: String,
    /// The issuer's key, as the list names it.
    authority_key: Option<Box<[u8]>>,
    /// Big-endian, without leading zeros.
    number: Number,
    pub(super) validity: Validity,
    pub(super) scope: Option<Scope>,
    entries: usize,
    verified: OnceLock<Verified>,
    /// What is needed to verify the signature, until it was.
    unverified: Mutex<Option<Unverified>>,
}

/// A list whose signature was verified: by whose key, and whom it names.
struct Verified {
    signer: SpkiHash,
    spki_der: SubjectPublicKeyInfoDer<'static>,
    algorithms: Algorithms,
    serials: Serials,
}

/// A list as it was read. Its entries are indexed by where they stand in it, so that it costs no more memory than its
/// own bytes and four more for each entry.
struct Unverified {
    signed: Signed,
    serials: SerialsAt,
    /// Keys that have not signed it: those of another authority, or of an older one, of the same name.
    strangers: HashSet<SpkiHash>,
}

/// A CRL number: compared by length first, since there are no leading zeros.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Number(usize, Vec<u8>);

/// Which certificates of its issuer a list speaks about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scope {
    pub(super) leaves_only: bool,
    pub(super) cas_only: bool,
    /// Only those that name one of these distribution points; all, where it is empty.
    pub(super) points: Vec<String>,
}

impl Crl {
    fn parse(der: &CertificateRevocationListDer<'_>, now: UnixTime) -> Result<Self, InvalidCrls> {
        let Ok(([], list)) = CertificateRevocationList::from_der(der) else {
            return Err(InvalidCrls::Malformed {
                reason: "not a CRL in DER".to_owned(),
            });
        };
        let issuer_text = list.issuer().to_string();
        // Asked before webpki, which does not say what is missing.
        let next_update = list.next_update().ok_or_else(|| InvalidCrls::NoNextUpdate {
            issuer: issuer_text.clone(),
        })?;
        let trusted: CertRevocationList<'_> = BorrowedCertRevocationList::from_der(der)
            .map_err(|error| InvalidCrls::Malformed {
                reason: format!("{error:?}"),
            })?
            .into();
        let issuer = trusted.issuer();
        if content(list.issuer().as_raw()) != Some(issuer) {
            return Err(InvalidCrls::Malformed {
                reason: "two parsers disagree on the issuer".to_owned(),
            });
        }
        let outside = |_| InvalidCrls::Malformed {
            reason: "its dates cannot be read".to_owned(),
        };
        let validity = Validity::new(
            from_asn1(list.last_update()).map_err(outside)?,
            from_asn1(next_update).map_err(outside)?,
        );
        if now > validity.not_after {
            return Err(InvalidCrls::Expired {
                issuer: issuer_text,
                next_update: validity.not_after,
            });
        }
        if now < validity.not_before {
            return Err(InvalidCrls::FromTheFuture {
                issuer: issuer_text,
                this_update: validity.not_before,
            });
        }
        check_extensions(&list)?;
        let unreadable = |reason: &str| InvalidCrls::Malformed {
            reason: reason.to_owned(),
        };
        let signed = Signed::split(der).ok_or_else(|| unreadable("its signature cannot be read"))?;
        let raw_serials = list.iter_revoked_certificates().map(|entry| entry.raw_serial());
        let serials = SerialsAt::find(&signed.tbs, raw_serials, der)
            .ok_or_else(|| unreadable("its entries cannot be read"))?;
        let number = number(&list).ok_or_else(|| InvalidCrls::NoNumber {
            issuer: issuer_text.clone(),
        })?;
        Ok(Self {
            issuer: issuer.into(),
            authority_key: authority_key(&list),
            number,
            validity,
            scope: scope(&list, &issuer_text)?,
            entries: serials.places.len(),
            unverified: Mutex::new(Some(Unverified {
                signed,
                serials,
                strangers: HashSet::new(),
            })),
            verified: OnceLock::new(),
            issuer_text,
        })
    }

    /// Whom it names, if it was signed with this key.
    ///
    /// Verifies once, remembers the answer, and drops the bytes that were signed. Only a key that is on a verified path
    /// is ever asked about, so strangers cannot make it work.
    pub(super) fn signed_by(
        &self,
        spki: SpkiHash,
        spki_der: &SubjectPublicKeyInfoDer<'_>,
        algorithms: Algorithms,
    ) -> Option<&Serials> {
        if self.verified.get().is_none() {
            self.verify(spki, spki_der, algorithms);
        }
        let verified = self.verified.get()?;
        (verified.signer == spki).then_some(&verified.serials)
    }

    fn verify(&self, spki: SpkiHash, spki_der: &SubjectPublicKeyInfoDer<'_>, algorithms: Algorithms) {
        let mut slot = self.unverified.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(unverified) = slot
            .as_mut()
            .filter(|unverified| !unverified.strangers.contains(&spki))
        else {
            return;
        };
        if !unverified.signed.verify(spki_der, algorithms) {
            if unverified.strangers.len() < MAX_STRANGERS {
                unverified.strangers.insert(spki);
            }
            return;
        }
        let serials = Serials::new(unverified.serials.iter(&unverified.signed.tbs));
        let _ = self.verified.set(Verified {
            signer: spki,
            spki_der: spki_der.as_ref().to_vec().into(),
            algorithms,
            serials,
        });
        *slot = None;
    }

    /// Signed with the key that has signed `old`, where that is known: a list that was put aside by a stranger's would not
    /// be asked any more.
    fn continues(&self, old: &Self) -> bool {
        let signed = |old: &Verified| {
            self.signed_by(old.signer, &old.spki_der, old.algorithms)
                .is_some()
        };
        old.verified.get().is_none_or(signed)
    }

    /// The same issuer, key and scope: one of them replaces the other.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.issuer == other.issuer && self.authority_key == other.authority_key && self.scope == other.scope
    }

    fn is_newer_than(&self, other: &Self) -> bool {
        (&self.number, self.validity.not_before) > (&other.number, other.validity.not_before)
    }
}

impl fmt::Debug for Crl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Crl")
            .field("issuer", &self.issuer_text)
            .field("validity", &self.validity)
            .field("entries", &self.entries)
            .finish_non_exhaustive()
    }
}

/// Where the serial numbers stand in the signed bytes.
struct SerialsAt {
    places: Vec<u32>,
}

impl SerialsAt {
    /// Each serial number is a part of `der`, of which `tbs` is a part too.
    fn find<'a>(tbs: &[u8], serials: impl Iterator<Item = &'a [u8]>, der: &[u8]) -> Option<Self> {
        let tbs_at = der.windows(tbs.len()).position(|window| window == tbs)?;
        let start = der.as_ptr().addr() + tbs_at;
        let place = |serial: &[u8]| u32::try_from(serial.as_ptr().addr().checked_sub(start)?).ok();
        let mut places = serials.map(place).collect::<Option<Vec<_>>>()?;
        places.shrink_to_fit();
        // Read back before anything relies on it.
        places
            .iter()
            .all(|place| Self::at(tbs, *place).is_some())
            .then_some(Self { places })
    }

    fn iter<'a>(&'a self, tbs: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        self.places.iter().filter_map(|place| Self::at(tbs, *place))
    }

    /// The contents of the INTEGER, whose length stands in the byte before them.
    fn at(tbs: &[u8], place: u32) -> Option<&[u8]> {
        let place = usize::try_from(place).ok()?;
        let len = *tbs.get(place.checked_sub(1)?)?;
        let is_integer = tbs.get(place.checked_sub(2)?) == Some(&INTEGER);
        let short = is_integer && len < 0x80;
        short.then(|| tbs.get(place..place + usize::from(len))).flatten()
    }
}

/// The tag of an INTEGER in DER.
const INTEGER: u8 = 2;

/// The revoked serial numbers: sorted, 20 bytes each (RFC 5280 §4.1.2.2 allows no longer ones).
pub(super) struct Serials {
    sorted: Vec<[u8; 20]>,
    /// For authorities that break that rule.
    longer: HashSet<Box<[u8]>>,
}

impl Serials {
    fn new<'a>(serials: impl Iterator<Item = &'a [u8]>) -> Self {
        let (mut sorted, mut longer) = (Vec::new(), HashSet::new());
        for serial in serials {
            match padded(serial) {
                Some(serial) => sorted.push(serial),
                None => {
                    longer.insert(stripped(serial).into());
                }
            }
        }
        sorted.sort_unstable();
        sorted.dedup();
        sorted.shrink_to_fit();
        Self { sorted, longer }
    }

    pub(super) fn contains(&self, serial: &[u8]) -> bool {
        match padded(serial) {
            Some(serial) => self.sorted.binary_search(&serial).is_ok(),
            None => self.longer.contains(stripped(serial)),
        }
    }
}

/// The same number always has the same bytes.
fn padded(serial: &[u8]) -> Option<[u8; 20]> {
    let serial = stripped(serial);
    let mut padded = [0; 20];
    let start = padded.len().checked_sub(serial.len())?;
    padded.get_mut(start..)?.copy_from_slice(serial);
    Some(padded)
}

fn stripped(serial: &[u8]) -> &[u8] {
    let zeros = serial.iter().take_while(|byte| **byte == 0).count();
    serial.get(zeros..).unwrap_or_default()
}

/// The three parts of a signed CRL (RFC 5280 §5.1).
struct Signed {
    tbs: Box<[u8]>,
    /// Contents of the AlgorithmIdentifier.
    algorithm: Box<[u8]>,
    signature: Box<[u8]>,
}

impl Signed {
    fn split(der: &[u8]) -> Option<Self> {
        let (_, list) = Any::from_der(der).ok()?;
        let (rest, tbs) = Any::from_der(list.data).ok()?;
        let tbs_len = list.data.len() - rest.len();
        let (rest, algorithm) = Any::from_der(rest).ok()?;
        let ([], signature) = Any::from_der(rest).ok()? else {
            return None;
        };
        let (0, signature_bytes) = signature
            .data
            .split_first()
            .map(|(unused, bytes)| (*unused, bytes))?
        else {
            return None;
        };
        let well_formed = tbs.tag() == Tag::Sequence && signature.tag() == Tag::BitString;
        well_formed.then(|| Self {
            tbs: list.data.get(..tbs_len).unwrap_or_default().into(),
            algorithm: algorithm.data.into(),
            signature: signature_bytes.into(),
        })
    }

    fn verify(&self, spki_der: &SubjectPublicKeyInfoDer<'_>, algorithms: Algorithms) -> bool {
        let Ok(key) = RawPublicKeyEntity::try_from(spki_der) else {
            return false;
        };
        algorithms
            .iter()
            .filter(|algorithm| algorithm.signature_alg_id().as_ref() == &*self.algorithm)
            .any(|algorithm| {
                key.verify_signature(*algorithm, &self.tbs, &self.signature)
                    .is_ok()
            })
    }
}

/// What is inside one DER element.
fn content(der: &[u8]) -> Option<&[u8]> {
    let (rest, element) = Any::from_der(der).ok()?;
    rest.is_empty().then_some(element.data)
}

/// Only the scope may be critical: whatever else is, changes the meaning in a way that is not known here.
fn check_extensions(list: &CertificateRevocationList<'_>) -> Result<(), InvalidCrls> {
    let scope = |parsed: &ParsedExtension<'_>| matches!(parsed, ParsedExtension::IssuingDistributionPoint(_));
    let strange = list
        .extensions()
        .iter()
        .any(|extension| extension.critical && !scope(extension.parsed_extension()));
    if strange {
        return Err(InvalidCrls::Malformed {
            reason: "a critical extension is not supported".to_owned(),
        });
    }
    Ok(())
}

fn number(list: &CertificateRevocationList<'_>) -> Option<Number> {
    let bytes = list.crl_number()?.to_bytes_be();
    let bytes = stripped(&bytes).to_vec();
    Some(Number(bytes.len(), bytes))
}

fn authority_key(list: &CertificateRevocationList<'_>) -> Option<Box<[u8]>> {
    list.extensions()
        .iter()
        .find_map(|extension| match extension.parsed_extension() {
            ParsedExtension::AuthorityKeyIdentifier(identifier) => {
                identifier.key_identifier.as_ref().map(|id| id.0.into())
            }
            _ => None,
        })
}

fn scope(list: &CertificateRevocationList<'_>, issuer: &str) -> Result<Option<Scope>, InvalidCrls> {
    let found = list
        .extensions()
        .iter()
        .find_map(|extension| match extension.parsed_extension() {
            ParsedExtension::IssuingDistributionPoint(point) => Some(point),
            _ => None,
        });
    let Some(point) = found else { return Ok(None) };
    match supported(point) {
        Some(scope) => Ok(Some(scope)),
        None => Err(InvalidCrls::Scope {
            issuer: issuer.to_owned(),
        }),
    }
}

fn supported(point: &IssuingDistributionPoint<'_>) -> Option<Scope> {
    let unsupported =
        point.indirect_crl || point.only_some_reasons.is_some() || point.only_contains_attribute_certs;
    let points = match &point.distribution_point {
        None => Vec::new(),
        Some(name @ DistributionPointName::FullName(_)) => {
            Some(uris(name)).filter(|uris| !uris.is_empty())?
        }
        Some(DistributionPointName::NameRelativeToCRLIssuer(_)) => return None,
    };
    let scope = Scope {
        leaves_only: point.only_contains_user_certs,
        cas_only: point.only_contains_ca_certs,
        points,
    };
    (!unsupported).then_some(scope)
}

/// Revocation lists that must not be used: which, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidCrls {
    /// No list at all.
    #[error("no CRL is there; give them as PEM sections \"BEGIN X509 CRL\"")]
    Empty,
    /// Not PEM.
    #[error("not well-formed PEM ({reason}); export the CRL again as PEM")]
    Pem {
        /// What is wrong with it.
        reason: String,
    },
    /// Not a CRL that can be used.
    #[error("a CRL cannot be used: {reason}; have the CA issue a complete version 2 CRL of its own")]
    Malformed {
        /// What is wrong with it.
        reason: String,
    },
    /// For part of the reasons, of other issuers, or of attribute certificates.
    #[error("the CRL of {issuer} is indirect, or for some reasons only; have the CA issue a complete one")]
    Scope {
        /// Its issuer.
        issuer: String,
    },
    /// Out of date.
    #[error("the CRL of {issuer} was to be replaced at {} (seconds since 1970); fetch the current one", .next_update.as_secs())]
    Expired {
        /// Its issuer.
        issuer: String,
        /// Its nextUpdate.
        next_update: UnixTime,
    },
    /// Not valid yet.
    #[error("the CRL of {issuer} is dated {} (seconds since 1970), in the future; check the clocks", .this_update.as_secs())]
    FromTheFuture {
        /// Its issuer.
        issuer: String,
        /// Its thisUpdate.
        this_update: UnixTime,
    },
    /// No CRL number, so that nobody could tell an older one (RFC 5280 §5.2.3).
    #[error("the CRL of {issuer} has no number; have the CA issue one that has (RFC 5280 5.2.3)")]
    NoNumber {
        /// Its issuer.
        issuer: String,
    },
    /// No date of the next one, so that nobody could tell when it is out of date (RFC 5280 §5.1.2.5).
    #[error(
        "the CRL of {issuer} does not say when the next one comes; have the CA issue one that does (RFC 5280 5.1.2.5)"
    )]
    NoNextUpdate {
        /// Its issuer.
        issuer: String,
    },
    /// Renewed with an older list: somebody may be hiding a revocation.
    #[error("the CRL of {issuer} has a lower number than the one in use; fetch the current one")]
    Rollback {
        /// Its issuer.
        issuer: String,
    },
    /// Renewed with a list that the authority has not signed.
    #[error(
        "the CRL of {issuer} is not signed with the key that signed the one in use; fetch it from the CA itself"
    )]
    Stranger {
        /// Its issuer.
        issuer: String,
    },
    /// Renewed without a list that was there.
    #[error("the CRL of {issuer} is missing; give all of them together")]
    Missing {
        /// Its issuer.
        issuer: String,
    },
}
