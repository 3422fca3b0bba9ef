//! N8, N9: what nobody has verified, and who has proved nothing.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use countersign::identity::Name;
use countersign::refusal::Refusal;
use countersign::tenant::NoTenant;
use countersign::testing::{KeyAlgorithm, LeafBuilder, NOW, TestCa, TestCert, TestKey};
use countersign::tls::rustls::AlertDescription::{DecryptError, IllegalParameter};
use countersign::tls::rustls::SignatureScheme;
use countersign::tls::rustls::server::danger::ClientCertVerifier as _;
use countersign::tls::rustls::sign::{Signer, SigningKey};
use countersign::tls::{HandshakeVerifier, rustls};
use countersign::trust::{Crls, PrivateCa, Remembered, Revocation, Role, VerifyPeer};

use super::{door, knock, policy};
use crate::stage::*;

/// CVE-2023-2422: the identity was read from a certificate that nobody had verified.
#[test]
fn n8_a_stuffed_certificate_is_nobody() {
    let root = TestCa::new("Root");
    let door = policy(private(&[&root]));
    let mine = "spiffe://acme.example/tenant/mine";
    let cert = root.client(mine).issue();
    let victims = [
        TestCert::self_signed(ACME).common_name("acme").issue(),
        root.client(ACME).issue(),
        TestCa::new("Other").client(ACME).issue(),
    ];
    let unknown = || {
        Err(Ok(Refusal::NoTenant(NoTenant::Unknown {
            rule: "URI spiffe://acme.example/tenant/{tenant}".into(),
            name: "mine".into(),
        })))
    };
    assert_eq!(knock(&door, &cert), unknown());
    for victim in &victims {
        for above in [vec![victim.leaf().clone()], vec![victim.leaf().clone(); 7]] {
            let stuffed = cert.clone().with_chain(above);
            assert_eq!(knock(&door, &stuffed), unknown());
            let peer = peer_at(&private(&[&root]), &stuffed, NOW).expect("trusted");
            assert_eq!(peer.leaf().names(), [Name::Uri(mine.into())]);
        }
    }
    // In front, it is the leaf: and then its key is asked for.
    let stolen = [victims[1].chain(), cert.chain()].concat();
    let outcome = meet(
        &Arc::new(self::door(&door, &Clock::at(NOW))),
        &client_with(stolen, cert.test_key(), VERSIONS[0]),
    );
    assert_eq!(outcome.alert(), Some(DecryptError));
}

/// CVE-2023-33201: addresses in a certificate make the verifier call there.
#[test]
fn n8_no_address_in_a_certificate_is_ever_called() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("non-blocking");
    let url = format!("http://{}/x", listener.local_addr().expect("an address"));
    let root = TestCa::new("Root");
    let issuer = [0x2b, 6, 1, 5, 5, 7, 0x30, 2];
    let ocsp = [0x2b, 6, 1, 5, 5, 7, 0x30, 1];
    let access = |method: &[u8]| sequence(&[tlv(6, method), tlv(0x86, url.as_bytes())]);
    let information = sequence(&[access(&issuer), access(&ocsp)]);
    let calling = |leaf: LeafBuilder| {
        leaf.extension(CRL_DISTRIBUTION_POINTS, &distribution_points(&[&url]))
            .extension(&[1, 3, 6, 1, 5, 5, 7, 1, 1], &information)
            .issue()
    };
    let trust = with_revocation(&root, Revocation::best_effort(Crls::default()));
    for cert in [
        calling(root.client(ACME)),
        calling(root.intermediate("Missing").client(ACME)).with_chain(vec![]),
        calling(TestCa::new("Other").client(ACME)),
    ] {
        for version in VERSIONS {
            meet(&server(trust.clone()), &client(&cert, version));
        }
    }
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(
        listener.accept().map(|_| ()).map_err(|error| error.kind()),
        Err(ErrorKind::WouldBlock)
    );
}

/// A certificate is public: who shows it has proved nothing.
#[test]
fn n9_who_has_not_proved_the_key_changes_nothing() {
    let root = TestCa::new("Root");
    let victim = root.client(ACME).issue();
    let thief = TestKey::generate(KeyAlgorithm::default());
    let ca = private(&[&root]);
    let trust: Arc<Remembered<PrivateCa>> = Arc::new(Remembered::new(ca.clone()));
    let server = server(trust.clone());
    let handshakes = || ca.usage().map(|usage| usage.handshakes.uses).sum::<u64>();
    let known = || {
        let recall = trust.memory().expect("a memory");
        recall.peer(Role::Client, victim.chain().iter(), NOW).is_some()
    };
    for version in VERSIONS {
        for _ in 0..3 {
            let stolen = meet(&server, &client_with(victim.chain(), &thief, version));
            assert_eq!(stolen.alert(), Some(DecryptError), "{:?}", version.version);
            assert_eq!(stolen.reason, None, "the certificate was good");
        }
    }
    assert_eq!((handshakes(), known()), (0, false));
    // Nor does the theft keep the victim out, or from being remembered.
    for (place, version) in VERSIONS.into_iter().enumerate() {
        assert!(meet(&server, &client(&victim, version)).is_full());
        assert_eq!((handshakes(), known()), (place as u64 + 1, true));
    }
    meet(&server, &client_with(victim.chain(), &thief, VERSIONS[0]));
    assert_eq!(handshakes(), 2);
}

/// Flooded with copies of certificates, the verifier keeps a bounded number of open questions.
#[test]
fn n9_a_flood_of_stolen_certificates_is_bounded() {
    let root = TestCa::new("Root");
    let key = TestKey::generate(KeyAlgorithm::Ed25519);
    let copies: Vec<_> = (0..64)
        .map(|_| root.client(ACME).with_key(&key).issue())
        .collect();
    let ca = private(&[&root]);
    let verifier = HandshakeVerifier::new(&provider(), Remembered::new(ca.clone()));
    let flood = |count: usize| {
        for copy in copies.iter().cycle().take(count) {
            let verified = verifier.verify_client_cert(copy.leaf(), &[], NOW);
            assert_eq!(verified.map(|_| ()), Ok(()));
        }
    };
    flood(1_100);
    let more = allocation_counter::measure(|| flood(2_000));
    assert!(more.bytes_current < 64 * 1024, "{} bytes", more.bytes_current);
    assert_eq!(ca.usage().map(|usage| usage.handshakes.uses).sum::<u64>(), 0);
}

/// Signs in one scheme and says that it was another, whatever the server has offered.
#[derive(Debug)]
struct Claims {
    key: Arc<dyn SigningKey>,
    signs: SignatureScheme,
    says: SignatureScheme,
}

impl SigningKey for Claims {
    fn choose_scheme(&self, _: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        let signer = self.key.choose_scheme(&[self.signs])?;
        let says = self.says;
        Some(Box::new(Claim { signer, says }))
    }

    fn algorithm(&self) -> rustls::SignatureAlgorithm {
        self.key.algorithm()
    }
}

#[derive(Debug)]
struct Claim {
    signer: Box<dyn Signer>,
    says: SignatureScheme,
}

impl Signer for Claim {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rustls::Error> {
        self.signer.sign(message)
    }

    fn scheme(&self) -> SignatureScheme {
        self.says
    }
}

/// RFC 8446 §4.4.3: the proof of the key is in a scheme that was offered and fits the key; PKCS #1 is none in TLS 1.3.
#[test]
fn n9_a_proof_in_another_scheme_is_none() {
    use SignatureScheme as S;
    let root = TestCa::new("Root");
    let p256 = root.client(ACME).issue();
    let rsa = root.client(ACME).key_algorithm(KeyAlgorithm::Rsa2048).issue();
    let (ecdsa, pss, pkcs1) = (S::ECDSA_NISTP256_SHA256, S::RSA_PSS_SHA256, S::RSA_PKCS1_SHA256);
    for (case, cert, signs, says, expected) in [
        ("as it is", &p256, ecdsa, ecdsa, [None, None]),
        ("as it is, RSA", &rsa, pss, pss, [None, None]),
        ("PKCS #1", &rsa, pkcs1, pkcs1, [Some(IllegalParameter), None]),
        ("PSS for PKCS #1", &rsa, pkcs1, pss, [Some(DecryptError); 2]),
        (
            "another curve",
            &p256,
            ecdsa,
            S::ECDSA_NISTP384_SHA384,
            [Some(DecryptError); 2],
        ),
        ("another kind of key", &p256, ecdsa, pss, [Some(DecryptError); 2]),
        ("Ed25519", &p256, ecdsa, S::ED25519, [Some(DecryptError); 2]),
        (
            "SHA-1",
            &p256,
            ecdsa,
            S::ECDSA_SHA1_Legacy,
            [Some(IllegalParameter); 2],
        ),
        (
            "unknown",
            &p256,
            ecdsa,
            S::Unknown(0xfe00),
            [Some(IllegalParameter); 2],
        ),
    ] {
        let loaded = provider().key_provider.load_private_key(cert.key());
        let key = Arc::new(Claims {
            key: loaded.expect("a key"),
            signs,
            says,
        });
        for (version, expected) in VERSIONS.into_iter().zip(expected) {
            let client = client_signing(cert.chain(), key.clone(), version);
            let outcome = meet(&server(private(&[&root])), &client);
            assert_eq!(outcome.alert(), expected, "{case}, {:?}", version.version);
            assert_eq!(outcome.handshake.server.is_ok(), expected.is_none(), "{case}");
        }
    }
}
