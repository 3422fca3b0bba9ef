use std::time::Duration;

use super::{Role, Untrusted};
use crate::identity::{
    Certificate, ChainLimits, ExtendedKeyUsage, Facts, KeyKind, NameConstraints, PeerChain,
};

/// A certificate profile: what is asked of certificates beyond a valid path.
///
/// Strict by default: sizes within [`ChainLimits`]; the leaf carries the extended key usage of its role (clientAuth or
/// serverAuth; anyExtendedKeyUsage does not count), may make digital signatures where it has a key usage, and cannot
/// sign certificates or CRLs; issuers with a key usage may sign certificates; no key on the path is weak (RSA below 2048
/// bits) or of a kind that is not supported (all but RSA, ECDSA on P-256, P-384 and P-521, Ed25519 and ML-DSA).
/// rustls-webpki asks none of this.
///
/// `with_` and `require_` tighten; `allow_` loosens.
///
/// ```
/// use std::time::Duration;
/// use countersign::identity::PeerChain;
/// use countersign::testing::{NOW, TestCa};
/// use countersign::trust::{PrivateCa, Profile, Role, VerifiedPeer};
///
/// # let algorithms = rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms.all;
/// # let ca = TestCa::new("Acme Root");
/// let profile = Profile::strict().with_max_lifetime(Duration::from_secs(3600));
/// let trust = PrivateCa::builder(algorithms)
///     .pem(ca.pem().as_bytes())
///     .with_profile(profile)
///     .build(NOW)?;
/// let chain = PeerChain::parse(ca.client("spiffe://acme.example/tenant/acme").issue().chain())?;
/// let refused = VerifiedPeer::verify(&trust, chain, Role::Client, NOW).err();
/// assert_eq!(
///     refused.map(|why| why.code()),
///     Some("trust.lifetime"),
///     "it lives for longer than an hour",
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Profile {
    limits: ChainLimits,
    missing_eku: MissingEku,
    max_lifetime: Option<Duration>,
    max_path_length: Option<usize>,
    policies: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum MissingEku {
    #[default]
    Refuse,
    Allow,
    AllowServerAuth,
}

impl Profile {
    /// The strict profile.
    pub fn strict() -> Self {
        Self::default()
    }

    /// Takes at most so many certificates and bytes, before any signature is checked, in a handshake before anything is read.
    /// Whoever reads a chain without a handshake gives them to [`PeerChain::parse_within`].
    #[must_use]
    pub fn with_limits(mut self, limits: ChainLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Refuses leaves that are valid for longer than this, from notBefore to notAfter: short-lived certificates need
    /// no revocation.
    #[must_use]
    pub fn with_max_lifetime(mut self, lifetime: Duration) -> Self {
        self.max_lifetime = Some(lifetime);
        self
    }

    /// Refuses paths with more than this many intermediate certificates between leaf and anchor. With more than six a path
    /// is refused whatever stands here: path building follows no longer ones.
    #[must_use]
    pub fn with_max_path_length(mut self, intermediates: usize) -> Self {
        self.max_path_length = Some(intermediates);
        self
    }

    /// Demands that the leaf asserts this certificate policy (RFC 5280 §4.2.1.4), as a dotted OID. Policies are not
    /// processed along the path: give the OID only to authorities that assert it rightly.
    #[must_use]
    pub fn require_policy(mut self, oid: &str) -> Self {
        self.policies.push(oid.to_owned());
        self
    }

    /// Lets leaves in that have no extended key usage at all.
    ///
    /// # Security
    /// Without one a certificate is good for *every* purpose, code signing and servers included: whatever the authority
    /// issues for any of them can call you. For authorities that issue client certificates only.
    #[must_use]
    pub fn allow_missing_eku(mut self) -> Self {
        self.missing_eku = MissingEku::Allow;
        self
    }

    /// Lets a leaf that is meant for servers only act as a client, and one without an extended key usage.
    ///
    /// Public certificate authorities stop issuing clientAuth (Chrome's root policy ends it on 2027-03-15, DigiCert on
    /// 2027-03-01), so a sender that keeps a public certificate will come with serverAuth only.
    ///
    /// # Security
    /// Then *any* holder of a server certificate of the authority passes the authority's half of the check. Only
    /// together with exact names or, better, pins.
    #[must_use]
    pub fn allow_server_auth_as_client(mut self) -> Self {
        self.missing_eku = MissingEku::AllowServerAuth;
        self
    }

    pub(super) fn limits(&self) -> ChainLimits {
        self.limits
    }

    /// Sizes, before anything costly.
    pub(super) fn check_size(&self, chain: &PeerChain) -> Result<(), Untrusted> {
        Ok(self.limits.check(chain.certificates())?)
    }

    pub(super) fn check_leaf(&self, leaf: &Certificate, role: Role<'_>) -> Result<(), Untrusted> {
        let facts = leaf.facts();
        // Either of the two makes it an authority to some reader.
        if facts.is_ca || facts.key_usage.is_some_and(|usage| usage.key_cert_sign) {
            return Err(Untrusted::CaAsLeaf);
        }
        if facts.key_usage.is_some_and(|usage| usage.crl_sign) {
            return Err(Untrusted::CrlSignerAsLeaf);
        }
        if facts.key_usage.is_some_and(|usage| !usage.digital_signature) {
            return Err(Untrusted::KeyUsage);
        }
        check_key(facts)?;
        check_rules(facts)?;
        if facts.name_constraints.is_some() {
            return Err(Untrusted::Rfc5280 {
                rule: "name constraints in a leaf (section 4.2.1.10)",
            });
        }
        self.check_purpose(facts, role)?;
        self.check_lifetime(leaf)?;
        match self
            .policies
            .iter()
            .find(|policy| !facts.policies.contains(policy))
        {
            Some(policy) => Err(Untrusted::Policy {
                required: policy.clone(),
            }),
            None => Ok(()),
        }
    }

    /// What an issuer on the path must be. Its extended key usage, if it has one, limits what it may issue, as every
    /// implementation has it, although RFC 5280 does not say so; `purposes` are those that it and all below it have in
    /// common.
    pub(super) fn check_issuer(
        &self,
        issuer: &Facts,
        purposes: Option<ExtendedKeyUsage>,
        role: Role<'_>,
    ) -> Result<(), Untrusted> {
        check_signer(issuer)?;
        check_rules(issuer)?;
        self.check_issuer_purpose(purposes, role)
    }

    /// The same of an anchor, of which everything else was asked when it was read.
    pub(super) fn check_issuer_purpose(
        &self,
        purposes: Option<ExtendedKeyUsage>,
        role: Role<'_>,
    ) -> Result<(), Untrusted> {
        match purposes {
            Some(usage) if !self.allows(usage, role) => Err(Untrusted::ExtendedKeyUsage {
                needed: purpose(role),
            }),
            _ => Ok(()),
        }
    }

    fn check_purpose(&self, leaf: &Facts, role: Role<'_>) -> Result<(), Untrusted> {
        let needed = purpose(role);
        match leaf.extended_key_usage {
            None if self.missing_eku == MissingEku::Refuse => Err(Untrusted::NoExtendedKeyUsage { needed }),
            Some(usage) if !self.allows(usage, role) => Err(Untrusted::ExtendedKeyUsage { needed }),
            _ => Ok(()),
        }
    }

    fn allows(&self, usage: ExtendedKeyUsage, role: Role<'_>) -> bool {
        let server_auth_will_do = self.missing_eku == MissingEku::AllowServerAuth;
        match role {
            Role::Client => usage.client_auth || (usage.server_auth && server_auth_will_do),
            Role::Server { .. } => usage.server_auth,
        }
    }

    fn check_lifetime(&self, leaf: &Certificate) -> Result<(), Untrusted> {
        let lifetime = leaf.validity().lifetime();
        match self.max_lifetime {
            Some(max) if lifetime > max => Err(Untrusted::Lifetime { lifetime, max }),
            _ => Ok(()),
        }
    }

    pub(super) fn check_path_length(&self, intermediates: usize) -> Result<(), Untrusted> {
        match self.max_path_length {
            Some(max) if intermediates > max => Err(Untrusted::PathLength),
            _ => Ok(()),
        }
    }
}

/// What every issuer must be, anchors included.
pub(super) fn check_signer(issuer: &Facts) -> Result<(), Untrusted> {
    if issuer.key_usage.is_some_and(|usage| !usage.key_cert_sign) {
        return Err(Untrusted::IssuerKeyUsage);
    }
    if issuer.subject_is_empty {
        return Err(Untrusted::Rfc5280 {
            rule: "an authority without a name (section 4.1.2.6)",
        });
    }
    if issuer.name_constraints == Some(NameConstraints::Empty) {
        return Err(Untrusted::Rfc5280 {
            rule: "name constraints that are empty (section 4.2.1.10)",
        });
    }
    check_key(issuer)
}

/// What webpki does not look at. Anchors are spared it: they are trusted by decision, and old ones have the number zero.
fn check_rules(facts: &Facts) -> Result<(), Untrusted> {
    if !facts.serial_is_sound {
        return Err(Untrusted::Rfc5280 {
            rule: "a serial number that is not positive or longer than 20 octets (section 4.1.2.2)",
        });
    }
    // What is demanded of policies is not processed, so it must not be passed over; webpki refuses it where it is
    // critical, as it has to be.
    if facts.constrains_policies {
        return Err(Untrusted::Rfc5280 {
            rule: "constraints on policies that are not critical (sections 4.2.1.11 and 4.2.1.14)",
        });
    }
    Ok(())
}

fn check_key(facts: &Facts) -> Result<(), Untrusted> {
    match facts.key {
        KeyKind::Strong => Ok(()),
        KeyKind::Weak => Err(Untrusted::WeakKey),
        KeyKind::Unsupported => Err(Untrusted::UnsupportedKey),
    }
}

fn purpose(role: Role<'_>) -> &'static str {
    match role {
        Role::Client => "clientAuth",
        Role::Server { .. } => "serverAuth",
    }
}
