use x509_parser::extensions::{
    AuthorityInfoAccess, BasicConstraints, CRLDistributionPoint, CRLDistributionPoints,
    DistributionPointName, GeneralName,
};
use x509_parser::oid_registry::Oid;
use x509_parser::prelude::FromDer as _;
use x509_parser::x509::X509Name;

use super::der::{Elements, OBJECT_IDENTIFIER, SEQUENCE};
use super::outline::{Extension, Outline, dotted, whole};
use super::{Malformed, NameKind, Validity, written_names};
use crate::codes::Seen;

/// Contents of the OBJECT IDENTIFIERs of the extensions that are read, and of the purposes that count.
mod oid {
    pub(super) const KEY_USAGE: &[u8] = &[0x55, 0x1d, 15];
    pub(super) const SUBJECT_ALT_NAME: &[u8] = super::SUBJECT_ALT_NAME;
    pub(super) const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 19];
    pub(super) const NAME_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 30];
    pub(super) const POLICY_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 36];
    pub(super) const INHIBIT_ANY_POLICY: &[u8] = &[0x55, 0x1d, 54];
    pub(super) const CRL_DISTRIBUTION_POINTS: &[u8] = &[0x55, 0x1d, 31];
    pub(super) const CERTIFICATE_POLICIES: &[u8] = &[0x55, 0x1d, 32];
    pub(super) const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 37];
    /// 1.3.6.1.5.5.7.1.1
    pub(super) const AUTHORITY_INFO_ACCESS: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 1, 1];
    /// 1.3.6.1.5.5.7.3.1
    pub(super) const SERVER_AUTH: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 1];
    /// 1.3.6.1.5.5.7.3.2
    pub(super) const CLIENT_AUTH: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 2];
}

/// 2.5.29.17
pub(super) const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 17];

/// What trust is decided by: the extensions of RFC 5280 §4.2.1, and the kind of key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Facts {
    /// BasicConstraints cA.
    pub(crate) is_ca: bool,
    /// BasicConstraints pathLenConstraint, if present: how many authorities may stand between this one and a leaf.
    pub(crate) path_len: Option<u32>,
    /// KeyUsage, if present: what the key may do.
    pub(crate) key_usage: Option<KeyUsage>,
    /// ExtendedKeyUsage, if present.
    pub(crate) extended_key_usage: Option<ExtendedKeyUsage>,
    /// NameConstraints, if present.
    pub(crate) name_constraints: Option<NameConstraints>,
    /// It demands something of the policies on the path, by policyConstraints or inhibitAnyPolicy.
    pub(crate) constrains_policies: bool,
    /// The policies asserted, as dotted OIDs.
    pub(crate) policies: Vec<String>,
    /// Where its issuer publishes revocation: the URIs of all distribution points of the issuer's own.
    pub(crate) crl_points: Vec<String>,
    /// Of what the subject has more than one, whatever the encoding, also those that no [`Name`](super::Name) is made of: nobody
    /// can say which of them the authority has checked. Organizational units apart, of which there may be many.
    repeated: Vec<NameKind>,
    /// Whether the key is of a kind and size that counts.
    pub(crate) key: KeyKind,
    /// The first critical extension that neither we nor webpki know.
    pub(crate) unknown_critical: Option<Seen>,
    /// The version of the certificate: 3, or it can say nothing of what it is for.
    pub(crate) version: u8,
    /// The subject has an e-mail address, and there are no alternative names: then constraints on mail are about it
    /// (RFC 5280 §4.2.1.10).
    pub(crate) email_in_subject: bool,
    /// The types of its names: the subject, and its alternative names.
    pub(crate) names: NameTypes,
    /// The subject has no attribute at all.
    pub(crate) subject_is_empty: bool,
    /// The serial number is positive and has at most 20 octets (RFC 5280 §4.1.2.2).
    pub(crate) serial_is_sound: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NameConstraints {
    Some(NameTypes),
    /// Neither permitted nor excluded subtrees, which RFC 5280 §4.2.1.10 forbids.
    Empty,
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

impl NameConstraints {
    /// Whether e-mail addresses are among what is constrained.
    pub(crate) fn constrain_emails(self) -> bool {
        self.constrained().contains(NameTypes::EMAIL)
    }

    /// The types of names that it is about.
    pub(crate) fn constrained(self) -> NameTypes {
        match self {
            Self::Some(types) => types,
            Self::Empty => NameTypes::default(),
        }
    }
}

/// Types of general names (RFC 5280 §4.2.1.6), as a set of their tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct NameTypes(u16);

impl NameTypes {
    pub(crate) const EMAIL: Self = Self::of(1);
    const DIRECTORY: Self = Self::of(4);
    /// What webpki compares with constraints: DNS names and addresses.
    const COMPARED: Self = Self(Self::of(2).0 | Self::of(7).0);
    const NAMES: [&str; 9] = [
        "otherName",
        "e-mail address",
        "DNS name",
        "x400Address",
        "directoryName",
        "ediPartyName",
        "URI",
        "IP address",
        "registeredID",
    ];

    const fn of(tag: u8) -> Self {
        Self(1 << (tag & 0x0f))
    }

    #[must_use]
    pub(crate) fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The first that is constrained by `constrained`, and that webpki cannot compare.
    pub(crate) fn not_compared(self, constrained: Self) -> Option<&'static str> {
        let both = self.0 & constrained.0 & !Self::COMPARED.0;
        (0..)
            .zip(Self::NAMES)
            .find(|(tag, _)| Self(both).contains(Self::of(*tag)))
            .map(|(_, name)| name)
    }

    /// Those of general names that stand one behind the other.
    fn all(mut names: Elements<'_>) -> Option<Self> {
        let mut types = Self::default();
        while !names.is_empty() {
            types = types.and(Self::of(names.next()?.tag));
        }
        Some(types)
    }
}

impl ExtendedKeyUsage {
    /// What both allow; a certificate without the extension allows everything.
    pub(crate) fn common(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        let (Some(one), Some(other)) = (one, other) else {
            return one.or(other);
        };
        Some(Self {
            client_auth: one.client_auth && other.client_auth,
            server_auth: one.server_auth && other.server_auth,
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyKind {
    /// RSA of 2048 bits or more, ECDSA on P-256, P-384 or P-521, Ed25519, ML-DSA.
    Strong,
    /// RSA below that.
    Weak,
    /// Anything else, good or bad.
    Unsupported,
}

impl Facts {
    /// What is known of one certificate in DER, whatever its place in a chain.
    pub(crate) fn of(der: &[u8]) -> Result<(Self, Validity), Malformed> {
        let outline = Outline::read(der)?;
        Ok((Self::read(&outline)?, outline.validity()?))
    }

    pub(super) fn read(outline: &Outline<'_>) -> Result<Self, Malformed> {
        let mut facts = Self {
            is_ca: false,
            path_len: None,
            key_usage: None,
            extended_key_usage: None,
            name_constraints: None,
            constrains_policies: false,
            policies: Vec::new(),
            crl_points: Vec::new(),
            repeated: repeated(&outline.subject),
            key: outline.key_kind(),
            unknown_critical: None,
            version: outline.version,
            email_in_subject: outline.subject.iter_email().next().is_some()
                && !outline
                    .extensions
                    .iter()
                    .any(|extension| extension.oid == oid::SUBJECT_ALT_NAME),
            names: NameTypes::DIRECTORY,
            subject_is_empty: outline.subject.iter_rdn().next().is_none(),
            serial_is_sound: is_sound_serial(outline.serial),
        };
        if is_any_twice(&outline.extensions) {
            return Err(Malformed::Extension);
        }
        for extension in &outline.extensions {
            facts.take(extension)?;
        }
        if facts.email_in_subject {
            facts.names = facts.names.and(NameTypes::EMAIL);
        }
        Ok(facts)
    }

    /// Whether the subject has two of what must be single to say who it is.
    pub(crate) fn is_repeated(&self, kind: NameKind) -> bool {
        self.repeated.contains(&kind)
    }

    /// Reads the extensions that matter, each from its own bytes; the others are left as they are.
    fn take(&mut self, extension: &Extension<'_>) -> Result<(), Malformed> {
        let value = extension.value;
        match extension.oid {
            oid::BASIC_CONSTRAINTS => {
                let constraints = whole(BasicConstraints::from_der(value))?;
                (self.is_ca, self.path_len) = (constraints.ca, constraints.path_len_constraint);
            }
            oid::KEY_USAGE => self.key_usage = Some(key_usage(value)?),
            oid::EXTENDED_KEY_USAGE => {
                self.extended_key_usage = Some(extended_key_usage(value).ok_or(Malformed::Extension)?);
            }
            oid::NAME_CONSTRAINTS => self.name_constraints = Some(name_constraints(value)?),
            oid::CERTIFICATE_POLICIES => self.policies = policies(value).ok_or(Malformed::Extension)?,
            oid::CRL_DISTRIBUTION_POINTS => {
                let points = whole(CRLDistributionPoints::from_der(value))?;
                self.crl_points = points.iter().flat_map(point_uris).collect();
            }
            // Never followed, but a certificate whose reading is disputed is nobody's.
            oid::AUTHORITY_INFO_ACCESS => drop(whole(AuthorityInfoAccess::from_der(value))?),
            oid::SUBJECT_ALT_NAME => {
                let names = Elements::inside(SEQUENCE, value).and_then(NameTypes::all);
                self.names = self.names.and(names.ok_or(Malformed::Extension)?);
            }
            oid::POLICY_CONSTRAINTS | oid::INHIBIT_ANY_POLICY => {
                self.constrains_policies = true;
                self.note_critical(extension);
            }
            _ => self.note_critical(extension),
        }
        Ok(())
    }
}

impl Facts {
    fn note_critical(&mut self, extension: &Extension<'_>) {
        if extension.critical && self.unknown_critical.is_none() {
            self.unknown_critical = Some(dotted(extension.oid));
        }
    }
}

fn repeated(subject: &X509Name<'_>) -> Vec<NameKind> {
    let singles = [
        NameKind::CommonName,
        NameKind::UserId,
        NameKind::OrganizationIdentifier,
    ];
    singles
        .into_iter()
        .filter(|kind| written_names::count(subject, *kind) > 1)
        .collect()
}

/// Whether an extension stands twice. Sorted, since a stranger may have written two thousand of them.
fn is_any_twice(extensions: &[Extension<'_>]) -> bool {
    let mut oids: Vec<_> = extensions.iter().map(|extension| extension.oid).collect();
    oids.sort_unstable();
    oids.windows(2)
        .any(|pair| matches!(pair, [one, other] if one == other))
}

fn key_usage(value: &[u8]) -> Result<KeyUsage, Malformed> {
    let usage = whole(x509_parser::extensions::KeyUsage::from_der(value))?;
    Ok(KeyUsage {
        digital_signature: usage.digital_signature(),
        key_cert_sign: usage.key_cert_sign(),
        crl_sign: usage.crl_sign(),
    })
}

/// SEQUENCE OF OBJECT IDENTIFIER (RFC 5280 §4.2.1.12).
fn extended_key_usage(value: &[u8]) -> Option<ExtendedKeyUsage> {
    let mut usage = ExtendedKeyUsage {
        client_auth: false,
        server_auth: false,
    };
    let mut purposes = Elements::inside(SEQUENCE, value)?;
    while !purposes.is_empty() {
        let purpose = purposes.take(OBJECT_IDENTIFIER)?.contents;
        usage.client_auth |= purpose == oid::CLIENT_AUTH;
        usage.server_auth |= purpose == oid::SERVER_AUTH;
    }
    Some(usage)
}

fn name_constraints(value: &[u8]) -> Result<NameConstraints, Malformed> {
    let constraints = whole(x509_parser::extensions::NameConstraints::from_der(value))?;
    let both = [constraints.permitted_subtrees, constraints.excluded_subtrees];
    let mut names = both
        .iter()
        .flatten()
        .flatten()
        .map(|subtree| &subtree.base)
        .peekable();
    if names.peek().is_none() {
        return Ok(NameConstraints::Empty);
    }
    subtree_types(value)
        .map(NameConstraints::Some)
        .ok_or(Malformed::Extension)
}

/// SEQUENCE { [0] SEQUENCE OF SEQUENCE { base, .. }, [1] .. } (RFC 5280 §4.2.1.10).
fn subtree_types(value: &[u8]) -> Option<NameTypes> {
    let mut types = NameTypes::default();
    let mut both = Elements::inside(SEQUENCE, value)?;
    while !both.is_empty() {
        let mut subtrees = Elements::of(both.next()?.contents);
        while !subtrees.is_empty() {
            let base = Elements::of(subtrees.take(SEQUENCE)?.contents).next()?;
            types = types.and(NameTypes::of(base.tag));
        }
    }
    Some(types)
}

/// SEQUENCE OF SEQUENCE { OBJECT IDENTIFIER, .. } (RFC 5280 §4.2.1.4).
fn policies(value: &[u8]) -> Option<Vec<String>> {
    let (mut all, mut policies) = (Elements::inside(SEQUENCE, value)?, Vec::new());
    while !all.is_empty() {
        let information = all.take(SEQUENCE)?;
        let (_, policy) = Oid::from_der(information.contents).ok()?;
        policies.push(policy.to_id_string());
    }
    Some(policies)
}

/// The contents of an INTEGER: positive, and at most 20 octets (a 21st for the sign is tolerated).
fn is_sound_serial(serial: &[u8]) -> bool {
    let positive =
        serial.first().is_some_and(|first| first & 0x80 == 0) && serial.iter().any(|byte| *byte != 0);
    positive && (serial.len() <= 20 || (serial.len() == 21 && serial.first() == Some(&0)))
}

/// The URIs of a distribution point whose CRL the issuer itself signs, for all reasons.
fn point_uris(point: &CRLDistributionPoint<'_>) -> Vec<String> {
    if point.crl_issuer.is_some() || point.reasons.is_some() {
        return Vec::new();
    }
    point.distribution_point.as_ref().map(uris).unwrap_or_default()
}

pub(crate) fn uris(name: &DistributionPointName<'_>) -> Vec<String> {
    let DistributionPointName::FullName(names) = name else {
        return Vec::new();
    };
    let uri = |name: &GeneralName<'_>| match name {
        GeneralName::URI(uri) => Some((*uri).to_owned()),
        _ => None,
    };
    names.iter().filter_map(uri).collect()
}
