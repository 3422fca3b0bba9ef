//! The stage for the tests of trust: a clock that is set by hand, a server that asks a policy, clients that show what
//! they like and sign with whatever key they have, and what each side learns of it.

#![allow(dead_code, reason = "each test file needs another part of the stage")]
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "the helpers of a test fail as loudly as the test"
)]

#[path = "explained.rs"]
mod explained;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use countersign::identity::PeerChain;
use countersign::testing::{Handshake, NOW, TestCa, TestCert, TestKey, handshake};
use countersign::tls::rustls::client::ResolvesClientCert;
use countersign::tls::rustls::client::Resumption;
use countersign::tls::rustls::crypto::CryptoProvider;
use countersign::tls::rustls::pki_types::{
    CertificateDer, ServerName, SignatureVerificationAlgorithm, UnixTime,
};
use countersign::tls::rustls::sign::{CertifiedKey, SigningKey};
use countersign::tls::rustls::time_provider::TimeProvider;
use countersign::tls::rustls::version::{TLS12, TLS13};
use countersign::tls::rustls::{
    self, AlertDescription, ClientConfig, Error, ServerConfig, SignatureScheme, SupportedProtocolVersion,
};
use countersign::tls::{ClientAuth, Credentials, HandshakeVerifier, Reason, Tls};
use countersign::trust::{
    Evidence, PrivateCa, PrivateCaBuilder, Profile, Revocation, Role, Untrusted, VerifiedPeer, VerifyPeer,
};

use self::explained::agrees;

pub(crate) const SERVER: &str = "hooks.example.com";
pub(crate) const ACME: &str = "spiffe://acme.example/tenant/acme";

pub(crate) static VERSIONS: [&SupportedProtocolVersion; 2] = [&TLS13, &TLS12];

pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

pub(crate) fn algorithms() -> &'static [&'static dyn SignatureVerificationAlgorithm] {
    rustls::crypto::aws_lc_rs::default_provider()
        .signature_verification_algorithms
        .all
}

pub(crate) fn seconds(at: UnixTime, more: i64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(
        at.as_secs().checked_add_signed(more).expect("since 1970"),
    ))
}

// -- deciders ------------------------------------------------------------------------------------------------------------

/// What trusts the anchors of these, strictly.
pub(crate) fn private(anchors: &[&TestCa]) -> PrivateCa {
    builder(anchors).build(NOW).expect("good anchors")
}

pub(crate) fn builder(anchors: &[&TestCa]) -> PrivateCaBuilder {
    let mut builder = PrivateCa::builder(algorithms());
    for anchor in anchors {
        builder = builder.der(anchor.certificate().clone());
    }
    builder
}

pub(crate) fn with_profile(anchor: &TestCa, profile: Profile) -> PrivateCa {
    builder(&[anchor])
        .with_profile(profile)
        .build(NOW)
        .expect("good anchors")
}

pub(crate) fn with_revocation(anchor: &TestCa, revocation: Revocation) -> PrivateCa {
    builder(&[anchor])
        .with_revocation(revocation)
        .build(NOW)
        .expect("good anchors")
}

pub(crate) fn chain(certificates: Vec<CertificateDer<'static>>) -> PeerChain {
    PeerChain::parse(certificates).expect("a chain")
}

/// As a client presents it, at [`NOW`].
pub(crate) fn verify(trust: &dyn VerifyPeer, cert: &TestCert) -> Result<Evidence, Untrusted> {
    verify_at(trust, cert, NOW)
}

pub(crate) fn verify_at(
    trust: &dyn VerifyPeer,
    cert: &TestCert,
    now: UnixTime,
) -> Result<Evidence, Untrusted> {
    peer_at(trust, cert, now).map(|peer| peer.evidence().clone())
}

pub(crate) fn peer_at(
    trust: &dyn VerifyPeer,
    cert: &TestCert,
    now: UnixTime,
) -> Result<VerifiedPeer, Untrusted> {
    let chain = PeerChain::parse(cert.chain())?;
    let answer = VerifiedPeer::verify(trust, chain.clone(), Role::Client, now);
    agrees(trust, &chain, Role::Client, now, &answer);
    answer
}

/// As the server of that name presents it, at [`NOW`].
pub(crate) fn verify_server(
    trust: &dyn VerifyPeer,
    cert: &TestCert,
    name: &str,
) -> Result<Evidence, Untrusted> {
    let name = ServerName::try_from(name).expect("a name");
    let role = Role::Server { name: &name };
    let chain = PeerChain::parse(cert.chain())?;
    let answer = VerifiedPeer::verify(trust, chain.clone(), role, NOW);
    agrees(trust, &chain, role, NOW, &answer);
    answer.map(|peer| peer.evidence().clone())
}

// -- handshakes ----------------------------------------------------------------------------------------------------------

/// Stands still until it is set.
#[derive(Debug)]
pub(crate) struct Clock(AtomicU64);

impl Clock {
    pub(crate) fn at(now: UnixTime) -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(now.as_secs())))
    }

    pub(crate) fn set(&self, now: UnixTime) {
        self.0.store(now.as_secs(), Ordering::SeqCst);
    }

    pub(crate) fn now(&self) -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_secs(self.0.load(Ordering::SeqCst)))
    }
}

impl TimeProvider for Clock {
    fn current_time(&self) -> Option<UnixTime> {
        Some(self.now())
    }
}

static SERVER_CA: LazyLock<TestCa> = LazyLock::new(|| TestCa::new("Server Root"));
static SERVER_CERT: LazyLock<TestCert> = LazyLock::new(|| SERVER_CA.server(SERVER).issue());

pub(crate) fn server_credentials() -> Credentials {
    let cert = &*SERVER_CERT;
    Credentials::new(&provider(), cert.chain(), cert.key()).expect("a pair")
}

/// As [`Tls`] makes it, for both versions.
pub(crate) fn server_config(trust: impl VerifyPeer + 'static, clock: &Arc<Clock>) -> ServerConfig {
    let mut config = Tls::new(provider())
        .allow_tls12()
        .server_config(&server_credentials(), trust, ClientAuth::Require)
        .expect("a configuration");
    config.time_provider = clock.clone();
    config
}

pub(crate) fn server(trust: impl VerifyPeer + 'static) -> Arc<ServerConfig> {
    Arc::new(server_config(trust, &Clock::at(NOW)))
}

/// Shows these certificates, signs with that key, whether they belong together or not.
#[derive(Debug)]
struct Shows(Arc<CertifiedKey>);

impl ResolvesClientCert for Shows {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

fn client_builder(
    version: &'static SupportedProtocolVersion,
) -> rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert> {
    // The server's certificate is not what is tried here.
    let trust = HandshakeVerifier::new(&provider(), private(&[&SERVER_CA]));
    ClientConfig::builder_with_details(provider(), Clock::at(NOW))
        .with_protocol_versions(&[version])
        .expect("a version")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(trust))
}

/// Shows its certificate and has its key. Resumes where the server lets it.
pub(crate) fn client(cert: &TestCert, version: &'static SupportedProtocolVersion) -> Arc<ClientConfig> {
    client_with(cert.chain(), cert.test_key(), version)
}

/// Shows these certificates and has that key.
pub(crate) fn client_with(
    chain: Vec<CertificateDer<'static>>,
    key: &TestKey,
    version: &'static SupportedProtocolVersion,
) -> Arc<ClientConfig> {
    let key = provider()
        .key_provider
        .load_private_key(key.private_key())
        .expect("a key");
    client_signing(chain, key, version)
}

/// Shows these certificates and signs as this key does.
pub(crate) fn client_signing(
    chain: Vec<CertificateDer<'static>>,
    key: Arc<dyn SigningKey>,
    version: &'static SupportedProtocolVersion,
) -> Arc<ClientConfig> {
    let shows = Shows(Arc::new(CertifiedKey::new(chain, key)));
    Arc::new(client_builder(version).with_client_cert_resolver(Arc::new(shows)))
}

/// Shows nothing.
pub(crate) fn anonymous(version: &'static SupportedProtocolVersion) -> Arc<ClientConfig> {
    Arc::new(client_builder(version).with_no_client_auth())
}

pub(crate) fn without_resumption(client: &ClientConfig) -> Arc<ClientConfig> {
    let mut client = client.clone();
    client.resumption = Resumption::disabled();
    Arc::new(client)
}

/// What each side learns.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) handshake: Handshake,
    /// What the operator learns.
    pub(crate) reason: Option<Untrusted>,
}

impl Outcome {
    /// What the client learns: nothing, where it was let in.
    pub(crate) fn alert(&self) -> Option<AlertDescription> {
        match &self.handshake.client {
            Ok(_) => None,
            Err(Error::AlertReceived(alert)) => Some(*alert),
            Err(other) => panic!(
                "no alert but {other:?}; the server says {:?}",
                self.handshake.server
            ),
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.handshake.server.is_ok() && self.handshake.client.is_ok() && !self.handshake.resumed()
    }
}

pub(crate) fn meet(server: &Arc<ServerConfig>, client: &Arc<ClientConfig>) -> Outcome {
    let (handshake, reason) = Reason::watch(|| handshake(server.clone(), client.clone(), SERVER));
    Outcome {
        handshake,
        reason: reason.into_untrusted(),
    }
}

/// Why the server refuses this client, and what the client is told.
pub(crate) fn refused(
    trust: impl VerifyPeer + 'static,
    cert: &TestCert,
    version: &'static SupportedProtocolVersion,
) -> (Option<Untrusted>, Option<AlertDescription>) {
    let outcome = meet(&server(trust), &client(cert, version));
    (outcome.reason.clone(), outcome.alert())
}

// -- DER by hand ---------------------------------------------------------------------------------------------------------

/// Tag, length, contents.
pub(crate) fn tlv(tag: u8, contents: &[u8]) -> Vec<u8> {
    let length = contents.len();
    let header = match length {
        0..0x80 => vec![tag, length as u8],
        0x80..0x100 => vec![tag, 0x81, length as u8],
        _ => vec![tag, 0x82, (length >> 8) as u8, length as u8],
    };
    [header, contents.to_vec()].concat()
}

pub(crate) fn sequence(values: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x30, &values.concat())
}

/// `2.5.4.x` with a string of that tag.
pub(crate) fn attribute(x: u8, tag: u8, text: &[u8]) -> Vec<u8> {
    sequence(&[vec![0x06, 0x03, 0x55, 0x04, x], tlv(tag, text)])
}

/// A relative distinguished name of these attributes.
pub(crate) fn rdn(attributes: &[Vec<u8>]) -> Vec<u8> {
    let mut attributes = attributes.to_vec();
    attributes.sort();
    tlv(0x31, &attributes.concat())
}

/// cRLDistributionPoints of a certificate: one distribution point for each URI.
pub(crate) fn distribution_points(uris: &[&str]) -> Vec<u8> {
    let points: Vec<_> = uris.iter().map(|uri| sequence(&[full_name(&[uri])])).collect();
    sequence(&points)
}

/// `distributionPoint [0] { fullName [0] { URI.. } }`
pub(crate) fn full_name(uris: &[&str]) -> Vec<u8> {
    let names: Vec<_> = uris.iter().map(|uri| tlv(0x86, uri.as_bytes())).collect();
    tlv(0xa0, &tlv(0xa0, &names.concat()))
}

pub(crate) const CRL_DISTRIBUTION_POINTS: &[u64] = &[2, 5, 29, 31];
pub(crate) const ISSUING_DISTRIBUTION_POINT: &[u64] = &[2, 5, 29, 28];
pub(crate) const DELTA_CRL_INDICATOR: &[u64] = &[2, 5, 29, 27];
pub(crate) const NAME_CONSTRAINTS: &[u64] = &[2, 5, 29, 30];

/// A SubjectPublicKeyInfo of an RSA key of that many bits, which nobody holds.
pub(crate) fn rsa_spki(bits: usize) -> Vec<u8> {
    let modulus = [&[0, 0x80][..], &vec![0x11; bits / 8 - 1]].concat();
    let key = sequence(&[tlv(0x02, &modulus), tlv(0x02, &[1, 0, 1])]);
    let algorithm = sequence(&[
        tlv(0x06, &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01]),
        tlv(0x05, &[]),
    ]);
    sequence(&[algorithm, tlv(0x03, &[&[0][..], &key].concat())])
}

/// A SubjectPublicKeyInfo on secp256k1, which nobody holds.
pub(crate) fn unusual_curve_spki() -> Vec<u8> {
    let algorithm = sequence(&[
        tlv(0x06, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01]),
        tlv(0x06, &[0x2b, 0x81, 0x04, 0x00, 0x0a]),
    ]);
    sequence(&[algorithm, tlv(0x03, &[&[0, 4][..], &[0x22; 64]].concat())])
}

/// A SubjectPublicKeyInfo of an algorithm without parameters.
pub(crate) fn spki_of(algorithm: &[u8], key: &[u8]) -> Vec<u8> {
    let bits = [&[0], key].concat();
    sequence(&[sequence(&[tlv(0x06, algorithm)]), tlv(0x03, &bits)])
}

/// That of the key of `ca`, on P-256, with its point compressed: the same key under another name.
pub(crate) fn compressed_spki(ca: &TestCa) -> Vec<u8> {
    let whole = ca.spki_der();
    let (head, point) = whole.split_at(whole.len() - 65);
    let sign = 2 + (point.last().expect("a point") & 1);
    let bits = [&[0, sign], point.get(1..33).expect("a point")].concat();
    let algorithm = head.get(2..head.len() - 3).expect("an algorithm");
    sequence(&[algorithm.to_vec(), tlv(0x03, &bits)])
}
