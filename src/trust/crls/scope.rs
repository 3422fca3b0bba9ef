use x509_parser::extensions::{DistributionPointName, IssuingDistributionPoint, ParsedExtension};
use x509_parser::revocation_list::CertificateRevocationList;

use super::InvalidCrls;
use crate::identity::uris;

/// Which certificates of its issuer a list speaks about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::trust) struct Scope {
    pub(in crate::trust) leaves_only: bool,
    pub(in crate::trust) cas_only: bool,
    /// Only those that name one of these distribution points; all, where it is empty.
    pub(in crate::trust) points: Vec<String>,
}

impl Scope {
    /// All that the issuer has issued, where the list does not say.
    pub(super) fn of(
        list: &CertificateRevocationList<'_>,
        issuer: &str,
    ) -> Result<Option<Self>, InvalidCrls> {
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

impl Scope {
    /// Why a list of this scope (RFC 5280 §5.2.5) says nothing of a certificate; `None`, where it does.
    pub(in crate::trust) fn leaves_out(&self, is_ca: bool, crl_points: &[String]) -> Option<Unanswered> {
        if is_ca && self.leaves_only {
            return Some(Unanswered::LeavesOnly);
        }
        if !is_ca && self.cas_only {
            return Some(Unanswered::AuthoritiesOnly);
        }
        let named = self.points.iter().any(|point| crl_points.contains(point));
        (!self.points.is_empty() && !named).then(|| Unanswered::OtherPoint {
            points: self.points.clone(),
        })
    }
}

/// A list of a certificate's issuer that says nothing of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[error("the CRL of {issuer} {reason}")]
pub struct PassedOver {
    /// Its issuer, for people to read.
    pub issuer: String,
    /// Why it says nothing.
    pub reason: Unanswered,
}

impl PassedOver {
    /// The list of this issuer, for that reason.
    pub fn new(issuer: &str, reason: Unanswered) -> Self {
        Self {
            issuer: issuer.to_owned(),
            reason,
        }
    }
}

/// The reason why a list of a certificate's issuer says nothing of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unanswered {
    /// Its scope is end-entity certificates (onlyContainsUserCerts).
    #[error("is for end entities only")]
    LeavesOnly,
    /// Its scope is certificate authorities (onlyContainsCACerts).
    #[error("is for certificate authorities only")]
    AuthoritiesOnly,
    /// Its scope is a distribution point that the certificate does not name.
    #[error("is for the distribution point {}, which the certificate does not name", .points.join(" or "))]
    OtherPoint {
        /// The URIs of that distribution point.
        points: Vec<String>,
    },
    /// It is not signed with the key of the issuer on this path.
    #[error("is not signed with its issuer's key")]
    Signature,
}
