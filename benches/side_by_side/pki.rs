//! Authorities and clients that are judged, and who judges them beside us.

use std::collections::HashMap;
use std::sync::Arc;

use countersign::identity::Validity;
use countersign::testing::{KeyAlgorithm, NOW, Serial, TestCa, TestCert, TestCrl};
use countersign::trust::{Crls, PrivateCa, PrivateCaBuilder, Revocation, VerifyPeer};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme};
use sha2::{Digest as _, Sha256};

/// Peers that a memory holds beside the one that is asked about.
const OTHERS: u64 = 10_000;

pub(crate) type Trust = Arc<dyn VerifyPeer>;

pub(crate) fn provider() -> CryptoProvider {
    aws_lc_rs::default_provider()
}

/// A root, the authorities below it, one above the other, and what their clients' keys are.
pub(crate) struct Pki {
    pub(crate) name: &'static str,
    root: TestCa,
    /// From the root down.
    below: Vec<TestCa>,
    leaf: KeyAlgorithm,
}

impl Pki {
    /// The kinds that are measured.
    pub(crate) fn all() -> [Self; 4] {
        let (p256, p384) = (KeyAlgorithm::EcdsaP256, KeyAlgorithm::EcdsaP384);
        [
            Self::new("p256", p256, p256, 0),
            Self::new("p256_int", p256, p256, 1),
            Self::new("rsa_int", KeyAlgorithm::Rsa2048, KeyAlgorithm::Rsa4096, 1),
            Self::new("p384_int", p256, p384, 1),
        ]
    }

    pub(crate) fn new(name: &'static str, leaf: KeyAlgorithm, ca: KeyAlgorithm, below: usize) -> Self {
        Self::named("Acme Root", name, leaf, ca, below)
    }

    /// With a root of this name.
    pub(crate) fn named(
        of_root: &str,
        name: &'static str,
        leaf: KeyAlgorithm,
        ca: KeyAlgorithm,
        below: usize,
    ) -> Self {
        let root = TestCa::builder(of_root).key_algorithm(ca).issue();
        let mut all = vec![root.clone()];
        for number in 0..below {
            let above = all.last().unwrap();
            let issuing = above.intermediate_builder(&format!("Acme Issuing {number}"));
            all.push(issuing.key_algorithm(ca).issue());
        }
        Self {
            name,
            root,
            below: all.split_off(1),
            leaf,
        }
    }

    fn issuer(&self) -> &TestCa {
        self.below.last().unwrap_or(&self.root)
    }

    pub(crate) fn client(&self, tenant: usize) -> TestCert {
        let name = format!("spiffe://acme.example/tenant/t{tenant:07}");
        self.issuer().client(&name).key_algorithm(self.leaf).issue()
    }

    /// The issuer of the clients has revoked so many; the authorities above it nobody.
    pub(crate) fn crls(&self, revoked: usize) -> Vec<TestCrl> {
        let serials = (0..revoked as u128)
            .map(|serial| Serial::from(&((serial << 64) | (1 << 120) | 0x5eed).to_be_bytes()[..]));
        let long = serials.fold(self.issuer().crl(7), |crl, serial| crl.revoke(serial));
        let above = std::iter::once(&self.root).chain(&self.below);
        let above = above.take(self.below.len()).map(|ca| ca.crl(7).issue());
        std::iter::once(long.issue()).chain(above).collect()
    }

    pub(crate) fn root_pem(&self) -> String {
        self.root.pem()
    }

    pub(crate) fn webpki(&self, crls: &[TestCrl]) -> Arc<dyn ClientCertVerifier> {
        let mut roots = RootCertStore::empty();
        roots.add(self.root.certificate().clone()).expect("an anchor");
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::new(provider()))
            .with_crls(crls.iter().map(|crl| crl.der().clone()))
            .build()
            .expect("a verifier")
    }

    fn private_ca(&self) -> PrivateCaBuilder {
        let algorithms = provider().signature_verification_algorithms.all;
        PrivateCa::builder(algorithms).der(self.root.certificate().clone())
    }

    /// Ours, which remembers nobody.
    pub(crate) fn trust(&self, crls: Option<&Crls>) -> PrivateCa {
        let builder = self.private_ca();
        let builder = match crls {
            Some(crls) => builder.with_revocation(Revocation::required(crls.clone())),
            None => builder,
        };
        builder.build(NOW).expect("an anchor")
    }
}

pub(crate) fn read(crls: &[TestCrl]) -> Crls {
    Crls::from_der(crls.iter().map(|crl| crl.der().clone()), NOW).expect("CRLs")
}

/// The least that knows a chain again: its hash, one look-up among many, and its dates. Everything else a handshake asks is
/// rustls's own.
#[derive(Debug)]
pub(crate) struct LeastMemory {
    known: HashMap<[u8; 32], Validity>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl LeastMemory {
    pub(crate) fn of<'a>(chains: impl IntoIterator<Item = &'a [CertificateDer<'static>]>) -> Self {
        let others = (0..OTHERS).map(|other| Sha256::digest(other.to_be_bytes()).into());
        let chains = chains.into_iter().map(hash);
        let known = others.chain(chains).map(|hash| (hash, Validity::ALWAYS));
        Self {
            known: known.collect(),
            algorithms: provider().signature_verification_algorithms,
        }
    }
}

fn hash<'a, 'd: 'a>(chain: impl IntoIterator<Item = &'a CertificateDer<'d>>) -> [u8; 32] {
    let hashed = chain
        .into_iter()
        .fold(Sha256::new(), |hash, certificate| hash.chain_update(certificate));
    hashed.finalize().into()
}

impl ClientCertVerifier for LeastMemory {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let hash = hash(std::iter::once(end_entity).chain(intermediates));
        let known = self.known.get(&hash).is_some_and(|valid| valid.contains(now));
        assert!(known, "a chain that is not known");
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
