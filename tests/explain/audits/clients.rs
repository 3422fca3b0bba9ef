//! A client of one's own, and what stands in front of a handler.

use std::sync::Arc;

use bytes::Bytes;
use countersign::UnixTime;
use countersign::explain::{self, Audit, Setup};
use countersign::gate::Caller;
use countersign::payload::{HmacVerifier, Scheme};
use countersign::replay::MemoryStore;
use countersign::testing::{NOW, TestCa};
use countersign::tls::{self, Credentials, HandshakeVerifier, Tls, rustls};
use countersign::trust::WebRoots;
use countersign::web::{CallerLayer, PayloadLayer, try_layers};
use http::{Request, Response, Uri};
use http_body_util::Full;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, Resumption, WebPkiServerVerifier};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, DigitallySignedStruct, KeyLogFile, RootCertStore, SignatureScheme};
use tower::{Layer as _, ServiceBuilder, service_fn};

use super::{ACME, Parts, two};

/// Of a client: what is done wrong, its first concern, and the same mended by the remedy.
type OfClient = (
    &'static str,
    &'static str,
    fn(&mut ClientConfig),
    fn(&mut ClientConfig),
);

/// As `Tls::client_config` makes it.
fn client(change: fn(Tls) -> Tls) -> ClientConfig {
    let parts = Parts::good();
    let tls = change(parts.tls);
    let own = parts.root.client(ACME).issue();
    let own = Credentials::new(tls.provider(), own.chain(), own.key()).expect("a pair");
    tls.client_config(&own, parts.trust).expect("a configuration")
}

/// One that somebody wrote for rustls by hand, with this verifier.
fn by_hand(verifier: Arc<dyn ServerCertVerifier>) -> ClientConfig {
    let mut config = client(|tls| tls);
    config.dangerous().set_certificate_verifier(verifier);
    config
}

fn of_client(config: &ClientConfig) -> Audit {
    let name = ServerName::try_from("hooks.example").expect("a name");
    let seen = tls::try_client(config, &name);
    explain::audit(&Setup::new().with_client(seen), NOW)
}

#[test]
fn a_client_of_ones_own_is_audited() {
    let good = client(|tls| tls);
    assert!(of_client(&good).is_clean(), "{}", of_client(&good));
    #[rustfmt::skip]
    let rows: [OfClient; 6] = [
        ("no certificate", "audit.no_client_certificate",
            |c| c.client_auth_cert_resolver = Arc::new(Nothing), |c| c.client_auth_cert_resolver = client(|tls| tls).client_auth_cert_resolver),
        ("no name", "audit.no_server_name", |c| c.enable_sni = false, |c| c.enable_sni = true),
        ("sessions", "audit.client_resumption", |c| c.resumption = Resumption::default(), |c| c.resumption = Resumption::disabled()),
        ("early data", "audit.early_data", |c| c.enable_early_data = true, |c| c.enable_early_data = false),
        ("a key log", "audit.key_log", |c| c.key_log = Arc::new(KeyLogFile::new()), |c| c.key_log = client(|tls| tls).key_log),
        ("TLS 1.2", "audit.tls12", |c| *c = client(Tls::allow_tls12), |c| *c = client(|tls| tls)),
    ];
    for (name, code, wrong, mend) in rows {
        let mut config = client(|tls| tls);
        wrong(&mut config);
        let audit = of_client(&config);
        let codes: Vec<_> = audit.concerns.iter().map(|concern| concern.code).collect();
        assert_eq!(codes, [code], "{name}: {audit}");
        mend(&mut config);
        assert!(
            of_client(&config).is_clean(),
            "{name}, mended: {}",
            of_client(&config)
        );
    }
}

/// Shows nothing.
#[derive(Debug)]
struct Nothing;

impl ResolvesClientCert for Nothing {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        None
    }

    fn has_certs(&self) -> bool {
        false
    }
}

/// Believes every certificate; the second verifies what it has signed all the same.
#[derive(Debug)]
struct Believing {
    signatures: Option<Arc<dyn ServerCertVerifier>>,
}

impl ServerCertVerifier for Believing {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        match &self.signatures {
            Some(verifier) => verifier.verify_tls12_signature(message, cert, signed),
            None => Ok(HandshakeSignatureValid::assertion()),
        }
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        match &self.signatures {
            Some(verifier) => verifier.verify_tls13_signature(message, cert, signed),
            None => Ok(HandshakeSignatureValid::assertion()),
        }
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let provider = default_provider();
        provider.signature_verification_algorithms.supported_schemes()
    }
}

/// rustls's own verifier of servers.
fn webpki_servers(roots: RootCertStore) -> Arc<dyn ServerCertVerifier> {
    let builder = WebPkiServerVerifier::builder_with_provider(roots.into(), Arc::new(default_provider()));
    builder.build().expect("a verifier")
}

#[test]
fn whom_a_client_believes_is_tried_out() {
    let root = TestCa::new("Acme Root");
    let mut private = RootCertStore::empty();
    private.add(root.certificate().clone()).expect("a root");
    let private = webpki_servers(private);
    let mut web = RootCertStore::empty();
    web.add_parsable_certificates(webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().cloned());
    let ours = WebRoots::new(Tls::new(Arc::new(default_provider())).algorithms());
    let ours = HandshakeVerifier::new(&Arc::new(default_provider()), ours);
    let signatures = Some(private.clone());
    let not_verified: &[&str] = &["audit.server_not_verified"];
    let cases: [(&str, Arc<dyn ServerCertVerifier>, &[&str]); 5] = [
        ("a private authority", private, &[]),
        (
            "rustls's, of the web",
            webpki_servers(web),
            &["audit.public_servers"],
        ),
        ("ours, of the web", Arc::new(ours), &["audit.public_servers"]),
        (
            "everybody",
            Arc::new(Believing { signatures: None }),
            not_verified,
        ),
        (
            "everybody who signs",
            Arc::new(Believing { signatures }),
            not_verified,
        ),
    ];
    for (name, verifier, expected) in cases {
        let audit = of_client(&by_hand(verifier));
        let codes: Vec<_> = audit.concerns.iter().map(|concern| concern.code).collect();
        assert_eq!(codes, expected, "{name}: {audit}");
    }
}

/// What stands in front of a handler, each way to put it together.
#[test]
fn the_outermost_layer_is_tried_out() {
    let parts = Parts::good();
    let caller = CallerLayer::new(parts.policy.clone());
    let verifier = || HmacVerifier::new(Scheme::standard_webhooks(), two());
    let payload = PayloadLayer::new(verifier(), MemoryStore::default());
    let handler = || {
        service_fn(|_: Request<Full<Bytes>>| async {
            Ok::<_, std::convert::Infallible>(Response::new(Full::<Bytes>::default()))
        })
    };
    let demanding = || axum::Router::new().route("/hooks", axum::routing::post(|_: Caller| async {}));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let target = || Uri::from_static("/hooks?a=1");
    let codes = runtime.expect("a runtime").block_on(async {
        let both = ServiceBuilder::new()
            .layer(caller.clone())
            .layer(payload.clone())
            .service(handler());
        [
            try_layers::<_, Full<Bytes>, _>(both, target())
                .await
                .expect("an answer"),
            try_layers::<_, Full<Bytes>, _>(caller.layer(handler()), target())
                .await
                .expect("an answer"),
            try_layers::<_, Full<Bytes>, _>(payload.layer(handler()), target())
                .await
                .expect("an answer"),
            try_layers::<_, axum::body::Body, _>(demanding(), target())
                .await
                .expect("an answer"),
            try_layers::<_, Full<Bytes>, _>(handler(), target())
                .await
                .expect("an answer"),
        ]
    });
    let found = codes.map(|seen| {
        let audit = explain::audit(&Setup::new().with_layers(seen), NOW);
        audit
            .concerns
            .first()
            .map(|concern| format!("{} {}", concern.code, concern.evidence))
    });
    let expected = [
        None,
        None,
        Some(
            "audit.no_caller_layer \"/hooks\" asks for a signature, and not who is connected: nothing there is countersigned",
        ),
        Some("audit.no_layer \"/hooks\" answers nobody: Caller is missing"),
        Some("audit.no_layer \"/hooks\" answers a request that has neither certificate nor signature"),
    ];
    assert_eq!(found, expected.map(|text| text.map(str::to_owned)));
}
