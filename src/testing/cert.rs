//! Certificates as a peer presents them: with chain and key.

use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::{LeafBuilder, Serial, TestKey, der};

/// A certificate, the chain it is presented with, and its key.
///
/// Issued by [`TestCa::client`](super::TestCa::client) and [`TestCa::server`](super::TestCa::server), or by
/// nobody: [`TestCert::self_signed`].
///
/// # Examples
///
/// ```
/// use countersign::testing::TestCa;
///
/// let ca = TestCa::new("Acme Root");
/// let cert = ca.intermediate("Acme Issuing").client("acme.example").issue();
///
/// // The leaf and the intermediate; the root is what the other side has.
/// assert_eq!(cert.chain().len(), 2);
/// assert_eq!(cert.chain().first(), Some(cert.leaf()));
/// ```
#[derive(Clone, Debug)]
pub struct TestCert {
    chain: Vec<CertificateDer<'static>>,
    leaf: CertificateDer<'static>,
    key: TestKey,
    serial: Serial,
}

impl TestCert {
    /// A client certificate that no CA issued: it is signed with its own key.
    ///
    /// The name is read as [`TestCa::client`](super::TestCa::client) reads it. As an issuer cannot be
    /// nameless (RFC 5280 §4.1.2.4), the subject is `CN=self-signed` unless given.
    pub fn self_signed(name: &str) -> LeafBuilder {
        LeafBuilder::client(None, name)
    }

    pub(super) fn new(
        leaf: CertificateDer<'static>,
        above: Vec<CertificateDer<'static>>,
        key: TestKey,
        serial: Serial,
    ) -> Self {
        let chain = [vec![leaf.clone()], above].concat();
        Self {
            chain,
            leaf,
            key,
            serial,
        }
    }

    /// The same certificate, presented with these behind it instead of its own chain.
    ///
    /// To stuff the certificates of others in, to leave the intermediates out, or to put them in another
    /// order.
    pub fn with_chain(mut self, above: Vec<CertificateDer<'static>>) -> Self {
        self.chain = [vec![self.leaf.clone()], above].concat();
        self
    }

    /// What is presented: leaf first, then intermediates, without the root.
    pub fn chain(&self) -> Vec<CertificateDer<'static>> {
        self.chain.clone()
    }

    /// The certificate itself.
    pub fn leaf(&self) -> &CertificateDer<'static> {
        &self.leaf
    }

    /// Its private key, as PKCS #8.
    pub fn key(&self) -> PrivateKeyDer<'static> {
        self.key.private_key()
    }

    /// Its key pair, for `with_key`.
    pub fn test_key(&self) -> &TestKey {
        &self.key
    }

    /// [`chain`](Self::chain), in PEM.
    pub fn chain_pem(&self) -> String {
        self.chain
            .iter()
            .map(|cert| der::pem("CERTIFICATE", cert))
            .collect()
    }

    /// [`key`](Self::key), in PEM.
    pub fn key_pem(&self) -> String {
        self.key.pem()
    }

    /// Its public key, as SubjectPublicKeyInfo in DER: what pins hash.
    pub fn spki_der(&self) -> Vec<u8> {
        self.key.spki_der()
    }

    /// Its serial number.
    pub fn serial(&self) -> &Serial {
        &self.serial
    }
}

#[cfg(test)]
mod tests {
    use rustls_pki_types::pem::PemObject;
    use webpki::EndEntityCert;

    use super::super::TestCa;
    use super::*;

    #[test]
    fn chain_and_pem_agree() {
        let ca = TestCa::new("Root").intermediate("Issuing");
        let cert = ca.client("acme.example").issue();
        let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(cert.chain_pem().as_bytes()).collect();

        assert_eq!(cert.chain(), [cert.leaf().clone(), ca.certificate().clone()]);
        assert_eq!(read.expect("PEM"), cert.chain());
    }

    #[test]
    fn stuffing_replaces_all_but_the_leaf() {
        let ca = TestCa::new("Root").intermediate("Issuing");
        let stuffed = TestCert::self_signed("victim.example").issue();
        let cert = ca.client("acme.example").issue().with_chain(stuffed.chain());

        assert_eq!(cert.chain(), [cert.leaf().clone(), stuffed.leaf().clone()]);
        assert_eq!(cert.clone().with_chain(vec![]).chain(), [cert.leaf().clone()]);
    }

    #[test]
    fn spki_is_what_the_certificate_holds() {
        let cert = TestCert::self_signed("acme.example").issue();
        let parsed = EndEntityCert::try_from(cert.leaf()).expect("a certificate");
        assert_eq!(parsed.subject_public_key_info().as_ref(), cert.spki_der());
    }
}
