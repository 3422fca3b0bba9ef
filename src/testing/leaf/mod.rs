//! Leaf certificates, with what they say, and what none should.

mod names;
#[cfg(test)]
mod tests;

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, ExtendedKeyUsagePurpose, IsCa,
    KeyUsagePurpose,
};
use rustls_pki_types::{CertificateDer, UnixTime};

use super::ca::sign;
use super::dates::Window;
use super::der::{self, Attribute};
use super::issued::issued;
use super::keys::KeySource;
use super::{KeyAlgorithm, Serial, TestCa, TestCert, TestKey};

/// An end-entity certificate that is about to be issued: begun by [`TestCa::client`], [`TestCa::server`] and
/// [`TestCert::self_signed`].
///
/// Left alone it is a good one: P-256, valid at [`NOW`](super::NOW), `CA:FALSE`, key usage digitalSignature,
/// and the extended key usage of its role. Each method changes one thing; those that name an offence make an
/// evil twin.
///
/// Strings are written as they are: a NUL, a wildcard or a space in a name is yours to try.
///
/// # Examples
///
/// ```
/// use countersign::testing::TestCa;
///
/// let ca = TestCa::new("Acme Root");
/// let good = ca.client("spiffe://acme.example/billing").issue();
/// let renewed = ca.client("spiffe://acme.example/billing").with_key(&good).issue();
/// assert_eq!(renewed.spki_der(), good.spki_der());
/// assert_ne!(renewed.serial(), good.serial());
///
/// let two_tenants = ca.client("a.example").dns("b.example").common_name("c").common_name("d").issue();
/// let only_a_subject = ca.client("acme.example").without_san().common_name("acme").issue();
/// # let _ = (two_tenants, only_a_subject);
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is issued before `issue`"]
pub struct LeafBuilder {
    params: CertificateParams,
    subject: Vec<Attribute>,
    alternative_names: Vec<Vec<u8>>,
    policies: Vec<Vec<u8>>,
    key: KeySource,
    serial: Option<Serial>,
    issuer: Option<TestCa>,
    /// Fields that are written as given, by their position.
    raw: Vec<(usize, Vec<u8>)>,
}

/// What it is for.
impl LeafBuilder {
    pub(super) fn client(issuer: Option<TestCa>, name: &str) -> Self {
        Self::new(issuer).client_only().named(name)
    }

    pub(super) fn server(issuer: Option<TestCa>, name: &str) -> Self {
        Self::new(issuer).server_only().named(name)
    }

    fn new(issuer: Option<TestCa>) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = issuer.is_some();
        Window::DEFAULT.set(&mut params);
        let (subject, alternative_names, policies) = (vec![], vec![], vec![]);
        Self {
            params,
            subject,
            alternative_names,
            policies,
            key: KeySource::default(),
            serial: None,
            issuer,
            raw: vec![],
        }
    }

    /// Issues the certificate.
    pub fn issue(mut self) -> TestCert {
        let key = self.key.clone().key();
        let serial = self.serial.take().unwrap_or_else(Serial::fresh);
        self.params.serial_number = Some(serial.rcgen());
        if self.issuer.is_none() && self.subject.is_empty() {
            self = self.common_name("self-signed");
        }
        self.add_alternative_names();
        self.add_policies();
        let leaf = self.signed(&key);
        let above = self.issuer.map(|issuer| issuer.chain());
        TestCert::new(leaf, above.unwrap_or_default(), key, serial)
    }

    /// Signed by rcgen with an empty subject, and then again with the real one, as rcgen has no two of a
    /// kind.
    fn signed(&self, key: &TestKey) -> CertificateDer<'static> {
        let empty = sign(&self.params, key, self.issuer.as_ref());
        let signer = self.issuer.as_ref().map_or(key, TestCa::test_key);
        let signed = der::resigned(&empty, signer.pair(), |fields| {
            // RFC 5280 §4.1
            if let [_version, _serial, _algorithm, issuer, _validity, subject, ..] = &mut fields[..] {
                *subject = der::name(&self.subject);
                if self.issuer.is_none() {
                    issuer.clone_from(subject);
                }
            }
            der::replaced(fields, &self.raw);
        });
        signed.into()
    }
}

issued!(LeafBuilder);

/// Key and number, written otherwise than anybody would.
impl LeafBuilder {
    /// Writes these contents of an INTEGER as its serial number: with leading zeros, negative, of any length.
    ///
    /// [`TestCert::serial`] does not know of it.
    pub fn raw_serial(mut self, contents: &[u8]) -> Self {
        self.raw
            .push((der::SERIAL_NUMBER, der::tlv(der::INTEGER, contents)));
        self
    }
}

/// What it may be used for.
impl LeafBuilder {
    /// Extended key usage clientAuth alone: what [`TestCa::client`] issues.
    pub fn client_only(self) -> Self {
        self.usages(&[ExtendedKeyUsagePurpose::ClientAuth])
    }

    /// Extended key usage serverAuth alone: what [`TestCa::server`] issues.
    pub fn server_only(self) -> Self {
        self.usages(&[ExtendedKeyUsagePurpose::ServerAuth])
    }

    /// Extended key usages clientAuth and serverAuth, as public CAs used to issue.
    pub fn client_and_server(self) -> Self {
        self.usages(&[
            ExtendedKeyUsagePurpose::ClientAuth,
            ExtendedKeyUsagePurpose::ServerAuth,
        ])
    }

    /// Extended key usage anyExtendedKeyUsage alone.
    pub fn any_eku(self) -> Self {
        self.usages(&[ExtendedKeyUsagePurpose::Any])
    }

    /// No extended key usage extension.
    pub fn without_eku(self) -> Self {
        self.usages(&[])
    }

    fn usages(mut self, usages: &[ExtendedKeyUsagePurpose]) -> Self {
        self.params.extended_key_usages = usages.to_vec();
        self
    }

    /// Says `CA:TRUE`.
    pub fn as_ca(mut self) -> Self {
        self.params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        self
    }

    /// Adds keyCertSign to its key usage.
    pub fn with_key_cert_sign(mut self) -> Self {
        self.params.key_usages.push(KeyUsagePurpose::KeyCertSign);
        self
    }

    /// Adds cRLSign to its key usage.
    pub fn with_crl_sign(mut self) -> Self {
        self.params.key_usages.push(KeyUsagePurpose::CrlSign);
        self
    }

    /// Its key usage has keyEncipherment in place of digitalSignature.
    pub fn without_digital_signature(mut self) -> Self {
        self.params
            .key_usages
            .retain(|held| *held != KeyUsagePurpose::DigitalSignature);
        self.params.key_usages.push(KeyUsagePurpose::KeyEncipherment);
        self
    }

    /// No key usage extension.
    pub fn without_key_usage(mut self) -> Self {
        self.params.key_usages.clear();
        self
    }
}

/// Extensions.
impl LeafBuilder {
    /// Adds a policy to its certificate policies.
    ///
    /// # Panics
    ///
    /// If there are fewer than two arcs.
    pub fn policy_oid(mut self, arcs: &[u64]) -> Self {
        self.policies.push(der::sequence(&[der::oid(arcs)]));
        self
    }

    fn add_policies(&mut self) {
        const CERTIFICATE_POLICIES: &[u64] = &[2, 5, 29, 32];
        if !self.policies.is_empty() {
            let policies = der::sequence(&self.policies);
            self.params
                .custom_extensions
                .push(CustomExtension::from_oid_content(CERTIFICATE_POLICIES, policies));
        }
    }
}
