use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{CRLDistributionPoint, DistributionPointName, GeneralName, ParsedExtension};
use x509_parser::oid_registry::{
    OID_EC_P256, OID_KEY_TYPE_EC_PUBLIC_KEY, OID_NIST_EC_P384, OID_NIST_EC_P521, OID_PKCS1_RSAENCRYPTION,
    OID_SIG_ED25519, Oid,
};
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
    /// NameConstraints is present.
    pub(crate) name_constrained: bool,
    /// The policies asserted, as dotted OIDs.
    pub(crate) policies: Vec<String>,
    /// Where its issuer publishes revocation: the URIs of all distribution points of the issuer's own.
    pub(crate) crl_points: Vec<String>,
    /// How many common names the subject has, whatever their encoding, also those that no [`Name`](super::Name) is made
    /// of: with two, nobody can say which of them the authority has checked.
    pub(crate) common_names: usize,
    /// Whether the key is of a kind and size that counts.
    pub(crate) key: KeyKind,
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
            name_constrained: false,
            policies: Vec::new(),
            crl_points: Vec::new(),
            common_names: certificate.subject().iter_common_name().count(),
            key: key_kind(certificate.public_key()),
        };
        let mut seen: Vec<&Oid<'_>> = Vec::with_capacity(12);
        for extension in certificate.iter_extensions() {
            if seen.contains(&&extension.oid) {
                return Err(Malformed::Extension);
            }
            seen.push(&extension.oid);
            facts.take(extension.parsed_extension())?;
        }
        Ok(facts)
    }

    fn take(&mut self, extension: &ParsedExtension<'_>) -> Result<(), Malformed> {
        match extension {
            ParsedExtension::ParseError { .. } => return Err(Malformed::Extension),
            ParsedExtension::BasicConstraints(constraints) => self.is_ca = constraints.ca,
            ParsedExtension::NameConstraints(_) => self.name_constrained = true,
            ParsedExtension::KeyUsage(usage) => {
                self.key_usage = Some(KeyUsage {
                    digital_signature: usage.digital_signature(),
                    key_cert_sign: usage.key_cert_sign(),
                    crl_sign: usage.crl_sign(),
                });
            }
            ParsedExtension::ExtendedKeyUsage(usage) => {
                self.extended_key_usage = Some(ExtendedKeyUsage {
                    client_auth: usage.client_auth,
                    server_auth: usage.server_auth,
                });
            }
            ParsedExtension::CertificatePolicies(policies) => {
                self.policies = policies
                    .iter()
                    .map(|policy| policy.policy_id.to_id_string())
                    .collect();
            }
            ParsedExtension::CRLDistributionPoints(points) => {
                self.crl_points = points.iter().flat_map(point_uris).collect();
            }
            _ => {}
        }
        Ok(())
    }
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
