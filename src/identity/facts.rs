use x509_parser::asn1_rs::Any;
use x509_parser::certificate::X509Certificate;
use x509_parser::error::X509Error;
use x509_parser::extensions::{
    AuthorityInfoAccess, BasicConstraints, CRLDistributionPoint, CRLDistributionPoints,
    DistributionPointName, GeneralName, X509Extension,
};
use x509_parser::nom::Err;
use x509_parser::oid_registry::{
    OID_EC_P256, OID_KEY_TYPE_EC_PUBLIC_KEY, OID_NIST_EC_P384, OID_NIST_EC_P521, OID_PKCS1_RSAENCRYPTION,
    OID_PKIX_AUTHORITY_INFO_ACCESS, OID_SIG_ED25519, OID_X509_EXT_BASIC_CONSTRAINTS,
    OID_X509_EXT_CERTIFICATE_POLICIES, OID_X509_EXT_CRL_DISTRIBUTION_POINTS, OID_X509_EXT_EXTENDED_KEY_USAGE,
    OID_X509_EXT_KEY_USAGE, OID_X509_EXT_NAME_CONSTRAINTS, OID_X509_EXT_SUBJECT_ALT_NAME, Oid,
};
use x509_parser::prelude::FromDer as _;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

use super::certificate::{read, validity};
use super::{Malformed, Validity};

/// The shortest RSA modulus that counts, in bits (NIST SP 800-131A).
const MIN_RSA_BITS: usize = 2048;

/// What trust is decided by: the extensions of RFC 5280 §4.2.1, and the kind of key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Facts {
    /// BasicConstraints cA.
    pub(crate) is_ca: bool,
    /// KeyUsage, if present: what the key may do.
    pub(crate) key_usage: Option<KeyUsage>,
    /// ExtendedKeyUsage, if present.
    pub(crate) extended_key_usage: Option<ExtendedKeyUsage>,
    /// NameConstraints, if present.
    pub(crate) name_constraints: Option<NameConstraints>,
    /// The policies asserted, as dotted OIDs.
    pub(crate) policies: Vec<String>,
    /// Where its issuer publishes revocation: the URIs of all distribution points of the issuer's own.
    pub(crate) crl_points: Vec<String>,
    /// How many common names the subject has, whatever their encoding, also those that no [`Name`](super::Name) is made
    /// of: with two, nobody can say which of them the authority has checked.
    pub(crate) common_names: usize,
    /// Whether the key is of a kind and size that counts.
    pub(crate) key: KeyKind,
    /// A critical extension that neither we nor webpki know.
    pub(crate) unknown_critical: bool,
    /// The subject has no attribute at all.
    pub(crate) subject_is_empty: bool,
    /// The serial number is positive and has at most 20 octets (RFC 5280 §4.1.2.2).
    pub(crate) serial_is_sound: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NameConstraints {
    Some,
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
    /// Anything else.
    Weak,
}

impl Facts {
    /// What is known of one certificate in DER, whatever its place in a chain.
    pub(crate) fn of(der: &[u8]) -> Result<(Self, Validity), Malformed> {
        let certificate = read(der)?;
        Ok((Self::read(&certificate)?, validity(&certificate)?))
    }

    pub(super) fn read(certificate: &X509Certificate<'_>) -> Result<Self, Malformed> {
        let mut facts = Self {
            is_ca: false,
            key_usage: None,
            extended_key_usage: None,
            name_constraints: None,
            policies: Vec::new(),
            crl_points: Vec::new(),
            common_names: certificate.subject().iter_common_name().count(),
            key: key_kind(certificate.public_key()),
            unknown_critical: false,
            subject_is_empty: certificate.subject().iter_rdn().next().is_none(),
            serial_is_sound: is_sound_serial(certificate.raw_serial()),
        };
        let extensions = certificate.extensions();
        for (place, extension) in extensions.iter().enumerate() {
            if extensions
                .iter()
                .skip(place + 1)
                .any(|other| other.oid == extension.oid)
            {
                return Err(Malformed::Extension);
            }
            facts.take(extension)?;
        }
        Ok(facts)
    }

    /// Reads the extensions that matter, each from its own bytes; the others are left as they are.
    fn take(&mut self, extension: &X509Extension<'_>) -> Result<(), Malformed> {
        let (oid, value) = (&extension.oid, extension.value);
        if *oid == OID_X509_EXT_BASIC_CONSTRAINTS {
            self.is_ca = whole(BasicConstraints::from_der(value))?.ca;
        } else if *oid == OID_X509_EXT_KEY_USAGE {
            self.key_usage = Some(key_usage(&whole(x509_parser::extensions::KeyUsage::from_der(
                value,
            ))?));
        } else if *oid == OID_X509_EXT_EXTENDED_KEY_USAGE {
            let usage = whole(x509_parser::extensions::ExtendedKeyUsage::from_der(value))?;
            let (client_auth, server_auth) = (usage.client_auth, usage.server_auth);
            self.extended_key_usage = Some(ExtendedKeyUsage {
                client_auth,
                server_auth,
            });
        } else if *oid == OID_X509_EXT_NAME_CONSTRAINTS {
            self.name_constraints = Some(name_constraints(value)?);
        } else if *oid == OID_X509_EXT_CERTIFICATE_POLICIES {
            self.policies = policies(value).ok_or(Malformed::Extension)?;
        } else if *oid == OID_X509_EXT_CRL_DISTRIBUTION_POINTS {
            let points = whole(CRLDistributionPoints::from_der(value))?;
            self.crl_points = points.iter().flat_map(point_uris).collect();
        } else if *oid == OID_PKIX_AUTHORITY_INFO_ACCESS {
            // Never followed, but a certificate whose reading is disputed is nobody's.
            whole(AuthorityInfoAccess::from_der(value))?;
        } else if *oid != OID_X509_EXT_SUBJECT_ALT_NAME {
            self.unknown_critical |= extension.critical;
        }
        Ok(())
    }
}

/// What a parser made of an extension, if it took all of it.
pub(super) fn whole<T>(parsed: Result<(&[u8], T), Err<X509Error>>) -> Result<T, Malformed> {
    match parsed {
        Ok(([], value)) => Ok(value),
        _ => Err(Malformed::Extension),
    }
}

fn key_usage(usage: &x509_parser::extensions::KeyUsage) -> KeyUsage {
    KeyUsage {
        digital_signature: usage.digital_signature(),
        key_cert_sign: usage.key_cert_sign(),
        crl_sign: usage.crl_sign(),
    }
}

fn name_constraints(value: &[u8]) -> Result<NameConstraints, Malformed> {
    let constraints = whole(x509_parser::extensions::NameConstraints::from_der(value))?;
    let none = |subtrees: Option<Vec<_>>| subtrees.is_none_or(|subtrees| subtrees.is_empty());
    let empty = none(constraints.permitted_subtrees) && none(constraints.excluded_subtrees);
    Ok(if empty {
        NameConstraints::Empty
    } else {
        NameConstraints::Some
    })
}

/// SEQUENCE OF SEQUENCE { OBJECT IDENTIFIER, .. } (RFC 5280 §4.2.1.4).
fn policies(value: &[u8]) -> Option<Vec<String>> {
    let ([], list) = Any::from_der(value).ok()? else {
        return None;
    };
    let (mut rest, mut policies) = (list.data, Vec::new());
    while !rest.is_empty() {
        let (after, information) = Any::from_der(rest).ok()?;
        let (_, policy) = Oid::from_der(information.data).ok()?;
        policies.push(policy.to_id_string());
        rest = after;
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

fn key_kind(spki: &SubjectPublicKeyInfo<'_>) -> KeyKind {
    let algorithm = &spki.algorithm.algorithm;
    let strong = if *algorithm == OID_PKCS1_RSAENCRYPTION {
        matches!(spki.parsed(), Ok(PublicKey::RSA(key)) if key.key_size() >= MIN_RSA_BITS)
    } else if *algorithm == OID_KEY_TYPE_EC_PUBLIC_KEY {
        let curve = spki
            .algorithm
            .parameters
            .as_ref()
            .and_then(|parameters| parameters.as_oid().ok());
        curve.is_some_and(|curve| [OID_EC_P256, OID_NIST_EC_P384, OID_NIST_EC_P521].contains(&curve))
    } else {
        *algorithm == OID_SIG_ED25519 || ML_DSA.contains(&algorithm.as_bytes())
    };
    if strong { KeyKind::Strong } else { KeyKind::Weak }
}

/// id-ml-dsa-44, -65 and -87 (2.16.840.1.101.3.4.3.17 to 19), as the contents of an OBJECT IDENTIFIER.
const ML_DSA: [&[u8]; 3] = [
    &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x11],
    &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x12],
    &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x13],
];
