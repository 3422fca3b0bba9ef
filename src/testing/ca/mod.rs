//! Authorities that issue.

mod builder;
#[cfg(test)]
mod tests;

use rcgen::{CertificateParams, Issuer};
use rustls_pki_types::CertificateDer;

use super::keys::KeySource;
use super::{CrlBuilder, LeafBuilder, Serial, TestKey, der};

pub use builder::CaBuilder;
pub(super) use builder::sign;

/// A throw-away certification authority: a self-signed root, or an intermediate below one.
///
/// # Examples
///
/// ```
/// use countersign::testing::TestCa;
///
/// let root = TestCa::new("Acme Root");
/// let issuing = root.intermediate("Acme EU").intermediate("Acme EU Issuing");
///
/// let cert = issuing.client("spiffe://acme.example/billing").issue();
/// assert_eq!(cert.chain().len(), 3);
///
/// // Same name, other key: whoever trusts `root` must refuse this one.
/// let forged = root.evil_twin().client("spiffe://acme.example/billing").issue();
/// assert_eq!(forged.chain().len(), 1);
/// ```
#[derive(Clone, Debug)]
pub struct TestCa {
    params: CertificateParams,
    key: TestKey,
    serial: Serial,
    certificate: CertificateDer<'static>,
    chain: Vec<CertificateDer<'static>>,
}

impl TestCa {
    /// A root with that common name: P-256, self-signed, a CA in every respect.
    pub fn new(name: &str) -> Self {
        Self::builder(name).issue()
    }

    /// A root that differs from [`TestCa::new`] in what the builder is told.
    pub fn builder(name: &str) -> CaBuilder {
        CaBuilder::new(None, name)
    }

    /// A CA whose certificate this one issued.
    pub fn intermediate(&self, name: &str) -> Self {
        self.intermediate_builder(name).issue()
    }

    /// A CA whose certificate this one issued, and that differs in what the builder is told.
    pub fn intermediate_builder(&self, name: &str) -> CaBuilder {
        CaBuilder::new(Some(self.clone()), name)
    }

    /// The same CA (name, key and constraints) under a certificate that `issuer` issued.
    ///
    /// What either of the two issues is issued by both; only [`chain`](Self::chain) leads elsewhere.
    pub fn cross_signed_by(&self, issuer: &TestCa) -> Self {
        self.again(Some(issuer.clone()), KeySource::Given(self.key.clone()))
            .issue()
    }

    /// A self-signed CA with the same name and constraints, but another key: it must never be taken for this
    /// one.
    pub fn evil_twin(&self) -> Self {
        self.again(None, KeySource::Fresh(self.key.algorithm())).issue()
    }

    fn again(&self, issuer: Option<TestCa>, key: KeySource) -> CaBuilder {
        CaBuilder::of(self.params.clone(), issuer, key)
    }

    /// A client certificate for that name, to be issued once the builder was told how it differs.
    ///
    /// The name becomes one subject alternative name, of the type that its form shows: with `://` a URI, with
    /// `@` an e-mail address, an IP address if it is one, else a DNS name. The subject is empty unless given.
    pub fn client(&self, name: &str) -> LeafBuilder {
        LeafBuilder::client(Some(self.clone()), name)
    }

    /// A server certificate for that name (read as [`client`](Self::client) reads it), to be issued once the
    /// builder was told how it differs.
    pub fn server(&self, name: &str) -> LeafBuilder {
        LeafBuilder::server(Some(self.clone()), name)
    }

    /// A revocation list of this CA with that CRL number.
    pub fn crl(&self, number: u64) -> CrlBuilder {
        CrlBuilder::new(self.clone(), number)
    }

    /// This CA's own certificate: for a root, the trust anchor.
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// This CA's own certificate, in PEM.
    pub fn pem(&self) -> String {
        der::pem("CERTIFICATE", &self.certificate)
    }

    /// What goes between a leaf of this CA and the root: its own certificate first, without the root. Empty
    /// for a root.
    pub fn chain(&self) -> Vec<CertificateDer<'static>> {
        self.chain.clone()
    }

    /// Its key pair, for `with_key`.
    pub fn test_key(&self) -> &TestKey {
        &self.key
    }

    /// Its public key, as SubjectPublicKeyInfo in DER: what pins hash.
    pub fn spki_der(&self) -> Vec<u8> {
        self.key.spki_der()
    }

    /// The serial number of its own certificate.
    pub fn serial(&self) -> &Serial {
        &self.serial
    }

    /// A certificate with these fields for this key.
    pub(super) fn sign(&self, params: &CertificateParams, key: &TestKey) -> CertificateDer<'static> {
        let issuer = Issuer::from_params(&self.params, self.key.pair());
        params
            .signed_by(key.pair(), &issuer)
            .expect("a certificate")
            .into()
    }

    /// This CA's name and key, without regard to what its key may be used for.
    pub(super) fn crl_issuer(&self) -> Issuer<'_, &rcgen::KeyPair> {
        let mut params = self.params.clone();
        params.key_usages.clear();
        Issuer::new(params, self.key.pair())
    }
}
