//! Who issued it?

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, Issuer, KeyUsagePurpose, NameConstraints,
};
use rustls_pki_types::{CertificateDer, UnixTime};

use super::dates::Window;
use super::issued::issued;
use super::keys::KeySource;
use super::{CrlBuilder, KeyAlgorithm, LeafBuilder, Serial, TestKey, der};

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
        CaBuilder {
            params: self.params.clone(),
            key,
            serial: None,
            issuer,
            raw: vec![],
        }
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

/// A CA that is about to be issued: begun by [`TestCa::builder`] and [`TestCa::intermediate_builder`].
#[derive(Clone, Debug)]
#[must_use = "nothing is issued before `issue`"]
pub struct CaBuilder {
    params: CertificateParams,
    key: KeySource,
    serial: Option<Serial>,
    issuer: Option<TestCa>,
    /// Fields that are written as given, by their position.
    raw: Vec<(usize, Vec<u8>)>,
}

impl CaBuilder {
    fn new(issuer: Option<TestCa>, name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![
            KeyUsagePurpose::DigitalSignature,
            KeyUsagePurpose::KeyCertSign,
            KeyUsagePurpose::CrlSign,
        ];
        Window::DEFAULT.set(&mut params);
        Self {
            params,
            key: KeySource::default(),
            serial: None,
            issuer,
            raw: vec![],
        }
    }

    /// Permits DNS names in this domain only (RFC 5280 §4.2.1.10). Repeated: in any of these.
    pub fn permitted_dns(mut self, domain: &str) -> Self {
        self.constraints()
            .permitted_subtrees
            .push(GeneralSubtree::DnsName(domain.to_owned()));
        self
    }

    /// Excludes DNS names in this domain (RFC 5280 §4.2.1.10). Repeated: in all of these.
    pub fn excluded_dns(mut self, domain: &str) -> Self {
        self.constraints()
            .excluded_subtrees
            .push(GeneralSubtree::DnsName(domain.to_owned()));
        self
    }

    fn constraints(&mut self) -> &mut NameConstraints {
        let none = NameConstraints {
            permitted_subtrees: vec![],
            excluded_subtrees: vec![],
        };
        self.params.name_constraints.get_or_insert(none)
    }

    /// At most that many intermediates between this CA and a leaf: pathLenConstraint.
    pub fn path_len(mut self, intermediates: u8) -> Self {
        self.params.is_ca = IsCa::Ca(BasicConstraints::Constrained(intermediates));
        self
    }

    /// Has no name at all, which RFC 5280 §4.1.2.6 forbids an authority.
    pub fn without_name(mut self) -> Self {
        self.params.distinguished_name = DistinguishedName::new();
        self
    }

    /// Says `CA:FALSE`, and issues certificates all the same.
    pub fn not_a_ca(mut self) -> Self {
        self.params.is_ca = IsCa::ExplicitNoCa;
        self
    }

    /// Its key usage lacks keyCertSign, and it issues certificates all the same.
    pub fn without_key_cert_sign(self) -> Self {
        self.without(KeyUsagePurpose::KeyCertSign)
    }

    /// Its key usage lacks cRLSign, and it issues revocation lists all the same.
    pub fn without_crl_sign(self) -> Self {
        self.without(KeyUsagePurpose::CrlSign)
    }

    fn without(mut self, usage: KeyUsagePurpose) -> Self {
        self.params.key_usages.retain(|held| *held != usage);
        self
    }

    /// Restricts what it issues to servers: extended key usage serverAuth, which CAs do not have unless
    /// asked.
    pub fn server_only(mut self) -> Self {
        self.params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self
    }

    /// Adds an extension: its object identifier and its value in DER.
    pub fn extension(mut self, arcs: &[u64], value: &[u8]) -> Self {
        self.params
            .custom_extensions
            .push(CustomExtension::from_oid_content(arcs, value.to_vec()));
        self
    }

    /// Adds a critical extension: whoever does not know it must refuse the certificate (RFC 5280 §4.2).
    pub fn critical_extension(mut self, arcs: &[u64], value: &[u8]) -> Self {
        let mut extension = CustomExtension::from_oid_content(arcs, value.to_vec());
        extension.set_criticality(true);
        self.params.custom_extensions.push(extension);
        self
    }

    /// Writes this SubjectPublicKeyInfo, DER, in place of that of its key: a certificate for somebody else's key.
    pub fn raw_spki(mut self, spki: &[u8]) -> Self {
        self.raw.push((der::PUBLIC_KEY, spki.to_vec()));
        self
    }

    /// Issues the CA's certificate.
    pub fn issue(mut self) -> TestCa {
        let key = self.key.clone().key();
        let serial = self.serial.take().unwrap_or_else(Serial::fresh);
        self.params.serial_number = Some(serial.rcgen());
        self.params.use_authority_key_identifier_extension = self.issuer.is_some();
        let certificate = sign(&self.params, &key, self.issuer.as_ref());
        let certificate = self.edited(certificate, &key);
        let chain = self
            .issuer
            .map(|issuer| [vec![certificate.clone()], issuer.chain].concat());
        TestCa {
            params: self.params,
            key,
            serial,
            certificate,
            chain: chain.unwrap_or_default(),
        }
    }
}

issued!(CaBuilder);

impl CaBuilder {
    fn edited(&self, certificate: CertificateDer<'static>, key: &TestKey) -> CertificateDer<'static> {
        if self.raw.is_empty() {
            return certificate;
        }
        let signer = self.issuer.as_ref().map_or(key, TestCa::test_key);
        der::resigned(&certificate, signer.pair(), |fields| {
            der::replaced(fields, &self.raw)
        })
        .into()
    }
}

/// A certificate from the issuer, or else self-signed.
pub(super) fn sign(
    params: &CertificateParams,
    key: &TestKey,
    issuer: Option<&TestCa>,
) -> CertificateDer<'static> {
    match issuer {
        Some(issuer) => issuer.sign(params, key),
        None => params.self_signed(key.pair()).expect("a certificate").into(),
    }
}

#[cfg(test)]
mod tests {
    use rustls_pki_types::CertificateDer;
    use webpki::{EndEntityCert, Error, KeyUsage, anchor_from_trusted_cert};
    use x509_parser::prelude::*;

    use super::super::{NOT_AFTER, NOT_BEFORE, NOW, TestCert, utc};
    use super::*;

    fn verify(cert: &TestCert, root: &TestCa) -> Result<(), Error> {
        let chain = cert.chain();
        let (_, intermediates) = chain.split_first().expect("a leaf");
        let anchors = [anchor_from_trusted_cert(root.certificate()).expect("an anchor")];
        let algorithms = rustls::crypto::aws_lc_rs::default_provider()
            .signature_verification_algorithms
            .all;
        let leaf = EndEntityCert::try_from(cert.leaf()).expect("a certificate");
        leaf.verify_for_usage(
            algorithms,
            &anchors,
            intermediates,
            NOW,
            KeyUsage::client_auth(),
            None,
            None,
        )
        .map(|_| ())
    }

    fn parsed<'a>(der: &'a CertificateDer<'static>) -> X509Certificate<'a> {
        X509Certificate::from_der(der).expect("a certificate").1
    }

    #[test]
    fn chains_of_any_depth_lead_to_their_root() {
        let root = TestCa::new("Root");
        let mut ca = root.clone();
        for depth in 0..5 {
            let cert = ca.client("acme.example").issue();
            assert_eq!(cert.chain().len(), depth + 1);
            assert_eq!(verify(&cert, &root), Ok(()), "{depth}");
            ca = ca.intermediate(&format!("Issuing {depth}"));
        }
    }

    #[test]
    fn each_twin_is_refused_for_what_it_is() {
        let root = TestCa::new("Root");
        let constrained = TestCa::builder("Root")
            .permitted_dns("acme.example")
            .excluded_dns("eu.acme.example")
            .issue();
        let issuing = || root.intermediate_builder("Issuing");
        let expired = Error::CertExpired {
            time: NOW,
            not_after: utc(2021, 1, 1),
        };
        let early = Error::CertNotValidYet {
            time: NOW,
            not_before: utc(2090, 1, 1),
        };
        let short = root
            .intermediate_builder("Short")
            .path_len(0)
            .issue()
            .intermediate("Too deep");

        for (case, ca, anchor, expected) in [
            ("good", issuing().issue(), &root, Ok(())),
            (
                "twin of the root",
                root.evil_twin(),
                &root,
                Err(Error::InvalidSignatureForPublicKey),
            ),
            ("expired", issuing().expired().issue(), &root, Err(expired)),
            (
                "not yet valid",
                issuing().not_yet_valid().issue(),
                &root,
                Err(early),
            ),
            (
                "not a CA",
                issuing().not_a_ca().issue(),
                &root,
                Err(Error::EndEntityUsedAsCa),
            ),
            (
                "path too long",
                short,
                &root,
                Err(Error::PathLenConstraintViolated),
            ),
            (
                "in the permitted domain",
                constrained.clone(),
                &constrained,
                Ok(()),
            ),
        ] {
            assert_eq!(
                verify(&ca.client("acme.example").issue(), anchor),
                expected,
                "{case}"
            );
        }
        for (name, expected) in [
            ("eu.acme.example", Err(Error::NameConstraintViolation)),
            ("us.acme.example", Ok(())),
            ("other.example", Err(Error::NameConstraintViolation)),
        ] {
            assert_eq!(
                verify(&constrained.client(name).issue(), &constrained),
                expected,
                "{name}"
            );
        }
    }

    #[test]
    fn an_intermediate_for_servers_issues_no_clients() {
        let root = TestCa::new("Root");
        let servers = root.intermediate_builder("Servers").server_only().issue();
        let refused = verify(&servers.client("acme.example").issue(), &root);
        assert!(
            matches!(refused, Err(Error::RequiredEkuNotFoundContext(_))),
            "{refused:?}"
        );
    }

    #[test]
    fn the_twin_has_the_name_but_not_the_key() {
        let ca = TestCa::builder("Root")
            .key_algorithm(KeyAlgorithm::Ed25519)
            .issue();
        let twin = ca.evil_twin();
        assert_eq!(
            parsed(twin.certificate()).subject(),
            parsed(ca.certificate()).subject()
        );
        assert_eq!(twin.test_key().algorithm(), KeyAlgorithm::Ed25519);
        assert_ne!(twin.spki_der(), ca.spki_der());
    }

    #[test]
    fn a_cross_signed_ca_is_trusted_by_way_of_both_roots() {
        let (ours, theirs) = (TestCa::new("Ours"), TestCa::new("Theirs"));
        let cross = ours.cross_signed_by(&theirs);
        assert_eq!(cross.spki_der(), ours.spki_der());

        let cert = cross.client("acme.example").issue();
        assert_eq!(verify(&cert, &ours), Ok(()));
        assert_eq!(verify(&cert, &theirs), Ok(()));
        assert_eq!(
            verify(&ours.client("acme.example").issue(), &theirs),
            Err(Error::UnknownIssuer)
        );
    }

    #[test]
    fn a_root_says_what_a_root_should() {
        let ca = TestCa::new("Root");
        let cert = parsed(ca.certificate());
        let constraints = cert
            .basic_constraints()
            .expect("well-formed")
            .expect("present")
            .value;
        let usage = cert.key_usage().expect("well-formed").expect("present").value;

        assert_eq!(cert.subject().to_string(), "CN=Root");
        assert_eq!(cert.subject(), cert.issuer());
        assert_eq!((constraints.ca, constraints.path_len_constraint), (true, None));
        assert!(usage.key_cert_sign() && usage.crl_sign());
        assert_eq!(
            cert.validity().not_before.timestamp() as u64,
            NOT_BEFORE.as_secs()
        );
        assert_eq!(cert.validity().not_after.timestamp() as u64, NOT_AFTER.as_secs());
        assert_eq!(ca.chain(), []);
    }

    #[test]
    fn key_usages_are_left_out_one_by_one() {
        for (ca, expected) in [
            (TestCa::builder("Root").issue(), (true, true)),
            (
                TestCa::builder("Root").without_key_cert_sign().issue(),
                (false, true),
            ),
            (TestCa::builder("Root").without_crl_sign().issue(), (true, false)),
            (
                TestCa::builder("Root")
                    .without_crl_sign()
                    .without_key_cert_sign()
                    .issue(),
                (false, false),
            ),
        ] {
            let cert = parsed(ca.certificate());
            let usage = cert.key_usage().expect("well-formed").expect("present").value;
            assert_eq!((usage.key_cert_sign(), usage.crl_sign()), expected);
        }
    }

    #[test]
    fn each_algorithm_signs() {
        for algorithm in [
            KeyAlgorithm::EcdsaP256,
            KeyAlgorithm::EcdsaP384,
            KeyAlgorithm::EcdsaP521,
            KeyAlgorithm::Ed25519,
            KeyAlgorithm::Rsa2048,
        ] {
            let root = TestCa::builder("Root").key_algorithm(algorithm).issue();
            assert_eq!(
                verify(&root.client("acme.example").issue(), &root),
                Ok(()),
                "{algorithm:?}"
            );
        }
    }
}
