use super::{Role, Untrusted};
use crate::identity::{Certificate, Extensions};

/// What is asked of the certificates themselves, beyond a valid path.
///
/// Strict by default: the leaf must carry the extended key usage of its role (clientAuth or serverAuth; anyEKU does
/// not count), must be allowed digital signatures where it has a key usage, and must not be able to sign
/// certificates; issuers with a key usage must be allowed to sign certificates. rustls-webpki checks none of these
/// when the extension is absent, nor key usage at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Profile {}

impl Profile {
    /// The strict profile.
    pub fn strict() -> Self {
        Self::default()
    }

    pub(super) fn check_leaf(self, leaf: &Certificate, role: Role<'_>) -> Result<(), Untrusted> {
        let extensions = leaf.extensions();
        let needed = purpose(role);
        if extensions.is_ca
            || extensions
                .key_usage
                .is_some_and(|usage| usage.key_cert_sign || usage.crl_sign)
        {
            return Err(Untrusted::CaAsLeaf);
        }
        if extensions.key_usage.is_some_and(|usage| !usage.digital_signature) {
            return Err(Untrusted::KeyUsage);
        }
        let Some(usage) = extensions.extended_key_usage else {
            return Err(Untrusted::NoExtendedKeyUsage { needed });
        };
        let allowed = match role {
            Role::Client => usage.client_auth,
            Role::Server { .. } => usage.server_auth,
        };
        if allowed {
            Ok(())
        } else {
            Err(Untrusted::ExtendedKeyUsage { needed })
        }
    }

    pub(super) fn check_issuer(self, issuer: &Extensions) -> Result<(), Untrusted> {
        if issuer.key_usage.is_some_and(|usage| !usage.key_cert_sign) {
            return Err(Untrusted::IssuerKeyUsage);
        }
        Ok(())
    }
}

pub(super) fn purpose(role: Role<'_>) -> &'static str {
    match role {
        Role::Client => "clientAuth",
        Role::Server { .. } => "serverAuth",
    }
}
