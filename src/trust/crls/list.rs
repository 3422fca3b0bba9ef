use std::collections::HashSet;
use std::fmt;
use std::sync::{Mutex, OnceLock, PoisonError};

use rustls_pki_types::{CertificateRevocationListDer, SubjectPublicKeyInfoDer, UnixTime};
use webpki::{BorrowedCertRevocationList, CertRevocationList};
use x509_parser::asn1_rs::FromDer as _;
use x509_parser::extensions::ParsedExtension;
use x509_parser::revocation_list::CertificateRevocationList;

use super::serials::{Serials, SerialsAt, stripped};
use super::{InvalidCrls, PassedOver, Scope, Unanswered};
use crate::codes::Seen;
use crate::identity::der::{Elements, SEQUENCE};
use crate::identity::{SpkiHash, Validity, from_asn1};
use crate::trust::algorithms::Algorithms;
use crate::trust::signed::Signed;

/// How many keys that have not signed a list are remembered.
const MAX_STRANGERS: usize = 16;

/// One list, indexed.
pub(in crate::trust) struct Crl {
    /// The issuer's name, without the outer SEQUENCE.
    pub(super) issuer: Box<[u8]>,
    pub(super) issuer_text: String,
    /// The issuer's key, as the list names it.
    authority_key: Option<Box<[u8]>>,
    /// Big-endian, without leading zeros.
    pub(super) number: Number,
    pub(in crate::trust) validity: Validity,
    pub(in crate::trust) scope: Option<Scope>,
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

impl Unverified {
    fn new(signed: Signed, serials: SerialsAt) -> Self {
        Self {
            signed,
            serials,
            strangers: HashSet::new(),
        }
    }
}

/// A CRL number: compared by length first, since there are no leading zeros.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Number(usize, Vec<u8>);

impl Crl {
    pub(super) fn parse(der: &CertificateRevocationListDer<'_>, now: UnixTime) -> Result<Self, InvalidCrls> {
        // Nothing may follow it: what is behind the signature is signed by nobody.
        let Ok(([], list)) = CertificateRevocationList::from_der(der) else {
            return Err(InvalidCrls::Malformed {
                issuer: None,
                reason: "not a CRL in DER".to_owned(),
            });
        };
        let issuer_text = list.issuer().to_string();
        // Asked before webpki, which does not say what is missing.
        let next_update = list.next_update().ok_or_else(|| InvalidCrls::NoNextUpdate {
            issuer: issuer_text.clone(),
        })?;
        let unreadable = |reason: &str| InvalidCrls::Malformed {
            issuer: Some(issuer_text.clone()),
            reason: reason.to_owned(),
        };
        let trusted =
            BorrowedCertRevocationList::from_der(der).map_err(|error| unreadable(&why_not(&error, &list)))?;
        check_entries(&list, &trusted).map_err(|reason| unreadable(&reason))?;
        let trusted = CertRevocationList::from(trusted);
        let issuer = trusted.issuer();
        let read = Elements::inside(SEQUENCE, list.issuer().as_raw());
        if read.map(Elements::bytes) != Some(issuer) {
            return Err(unreadable("two parsers disagree on the issuer"));
        }
        let outside = |_| unreadable("its dates cannot be read");
        let validity = Validity::new(
            from_asn1(list.last_update()).map_err(outside)?,
            from_asn1(next_update).map_err(outside)?,
        );
        check_in_force(validity, &issuer_text, now)?;
        check_extensions(&list).map_err(|reason| unreadable(&reason))?;
        let signed = Signed::split(der.as_ref()).ok_or_else(|| unreadable("its signature cannot be read"))?;
        let raw_serials = list.iter_revoked_certificates().map(|entry| entry.raw_serial());
        let serials = SerialsAt::find(signed.message(), raw_serials, der)
            .ok_or_else(|| unreadable("its entries cannot be read"))?;
        let number = number(&list).ok_or_else(|| InvalidCrls::NoNumber {
            issuer: issuer_text.clone(),
        })?;
        Ok(Self {
            issuer: issuer.into(),
            authority_key: authority_key(&list),
            number,
            validity,
            scope: Scope::of(&list, &issuer_text)?,
            entries: serials.len(),
            unverified: Mutex::new(Some(Unverified::new(signed, serials))),
            verified: OnceLock::new(),
            issuer_text,
        })
    }

    /// Names another key than this list as its issuer's: that of another authority, or of an older one, of the same name.
    pub(in crate::trust) fn names_another_key_than(&self, other: &Self) -> bool {
        let keys = self.authority_key.as_ref().zip(other.authority_key.as_ref());
        keys.is_some_and(|(own, other)| own != other)
    }

    /// Whom it names, if it was signed with this key.
    ///
    /// Verifies once, remembers the answer, and drops the bytes that were signed. Only a key that is on a verified path
    /// is ever asked about, so strangers cannot make it work.
    pub(in crate::trust) fn signed_by(
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
            // A few are remembered, so that one hash of the list is not repeated for each handshake.
            if unverified.strangers.len() < MAX_STRANGERS {
                unverified.strangers.insert(spki);
            }
            return;
        }
        let serials = Serials::new(unverified.serials.iter(unverified.signed.message()));
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
    pub(super) fn continues(&self, old: &Self) -> bool {
        let signed = |old: &Verified| {
            self.signed_by(old.signer, &old.spki_der, old.algorithms)
                .is_some()
        };
        old.verified.get().is_none_or(signed)
    }

    /// The same issuer, key and scope: one of them replaces the other.
    pub(in crate::trust) fn is_like(&self, other: &Self) -> bool {
        self.issuer == other.issuer && self.authority_key == other.authority_key && self.scope == other.scope
    }

    /// Says that it is the same list. Whether it is, nobody has to know where the other one is taken.
    pub(super) fn says_to_be(&self, other: &Self) -> bool {
        self.is_like(other) && self.number == other.number && self.validity == other.validity
    }

    /// For people to read. Never to be matched.
    pub(in crate::trust) fn issuer_text(&self) -> &str {
        &self.issuer_text
    }

    pub(in crate::trust) fn passed_over(&self, reason: Unanswered) -> PassedOver {
        PassedOver::new(&self.issuer_text, reason)
    }

    pub(super) fn is_newer_than(&self, other: &Self) -> bool {
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

/// What webpki says, in our words; it does not say which extension.
fn why_not(error: &webpki::Error, list: &CertificateRevocationList<'_>) -> String {
    use webpki::Error as E;
    match error {
        E::UnsupportedCriticalExtension => format!("{} is not supported", strange(list)),
        E::UnsupportedDeltaCrl => "it is a delta, of what has changed (deltaCRLIndicator, 2.5.29.27)".to_owned(),
        E::UnsupportedIndirectCrl => "it is indirect: it is about other issuers' certificates".to_owned(),
        E::UnsupportedCrlVersion => "it is of version 1".to_owned(),
        E::UnsupportedRevocationReasonsPartitioning => "it is for some reasons only".to_owned(),
        E::UnsupportedCrlIssuingDistributionPoint => {
            "its issuingDistributionPoint (2.5.29.28) does not say in full which distribution point it is for".to_owned()
        }
        E::MalformedExtensions => {
            "its issuingDistributionPoint (2.5.29.28) says what it must not, such as that it is for attribute certificates"
                .to_owned()
        }
        other => format!("{other:?}"),
    }
}

/// The first critical extension that is not known here, of the list or of an entry.
fn strange(list: &CertificateRevocationList<'_>) -> String {
    let of_entries = list
        .iter_revoked_certificates()
        .flat_map(|entry| entry.extensions());
    let known = |parsed: &ParsedExtension<'_>| {
        matches!(
            parsed,
            ParsedExtension::IssuingDistributionPoint(_)
                | ParsedExtension::ReasonCode(_)
                | ParsedExtension::InvalidityDate(_)
        )
    };
    let mut critical = list
        .extensions()
        .iter()
        .chain(of_entries)
        .filter(|extension| extension.critical);
    match critical.find(|extension| !known(extension.parsed_extension())) {
        Some(extension) => format!(
            "the critical extension {}",
            Seen::of(&extension.oid.to_id_string())
        ),
        None => "a critical extension".to_owned(),
    }
}

fn check_in_force(validity: Validity, issuer: &str, now: UnixTime) -> Result<(), InvalidCrls> {
    let issuer = || issuer.to_owned();
    if now > validity.not_after {
        return Err(InvalidCrls::Expired {
            issuer: issuer(),
            next_update: validity.not_after,
        });
    }
    if now < validity.not_before {
        return Err(InvalidCrls::FromTheFuture {
            issuer: issuer(),
            this_update: validity.not_before,
        });
    }
    Ok(())
}

/// Only the scope may be critical: whatever else is, changes the meaning in a way that is not known here.
fn check_extensions(list: &CertificateRevocationList<'_>) -> Result<(), String> {
    let scope = |parsed: &ParsedExtension<'_>| matches!(parsed, ParsedExtension::IssuingDistributionPoint(_));
    let mut critical = list.extensions().iter().filter(|extension| extension.critical);
    match critical.find(|extension| !scope(extension.parsed_extension())) {
        Some(_) => Err(format!("{} is not supported", strange(list))),
        None => Ok(()),
    }
}

/// What a critical extension of an entry says is not known here, and then the whole list must not be used (RFC 5280 §5.3);
/// nor one of whose entries two parsers make different numbers.
fn check_entries(
    list: &CertificateRevocationList<'_>,
    trusted: &BorrowedCertRevocationList<'_>,
) -> Result<(), String> {
    const DIFFER: &str = "two parsers disagree on its entries";
    let mut serials = list.iter_revoked_certificates().map(|entry| entry.raw_serial());
    for entry in trusted {
        let entry = entry.map_err(|error| format!("an entry of it: {}", why_not(&error, list)))?;
        if serials.next().map(stripped) != Some(stripped(entry.serial_number)) {
            return Err(DIFFER.to_owned());
        }
    }
    serials.next().map_or(Ok(()), |_| Err(DIFFER.to_owned()))
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
