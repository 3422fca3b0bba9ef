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
