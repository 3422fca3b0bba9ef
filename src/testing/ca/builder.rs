//! Certificates of authorities, with what they say, and what none should.

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, KeyUsagePurpose, NameConstraints,
};
use rustls_pki_types::{CertificateDer, UnixTime};

use super::TestCa;
use crate::testing::dates::Window;
use crate::testing::issued::issued;
use crate::testing::keys::KeySource;
use crate::testing::{KeyAlgorithm, Serial, TestKey, der};

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
    pub(super) fn new(issuer: Option<TestCa>, name: &str) -> Self {
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
        Self::of(params, issuer, KeySource::default())
    }

    pub(super) fn of(params: CertificateParams, issuer: Option<TestCa>, key: KeySource) -> Self {
        Self {
            params,
            key,
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

    /// Allows at most that many intermediates between this CA and a leaf: pathLenConstraint.
    pub fn path_len(mut self, intermediates: u8) -> Self {
        self.params.is_ca = IsCa::Ca(BasicConstraints::Constrained(intermediates));
        self
    }

    /// Leaves out its name, which RFC 5280 §4.1.2.6 forbids an authority.
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
pub(in crate::testing) fn sign(
    params: &CertificateParams,
    key: &TestKey,
    issuer: Option<&TestCa>,
) -> CertificateDer<'static> {
    match issuer {
        Some(issuer) => issuer.sign(params, key),
        None => params.self_signed(key.pair()).expect("a certificate").into(),
    }
}
