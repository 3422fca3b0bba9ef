//! What tests that deliver have in common: tenants with an authority of their own, and a way to loopback.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use countersign::address::AddressGuard;
use countersign::clock::Clock;
use countersign::dispatch::{Dispatcher, DispatcherBuilder, TenantIdentity};
use countersign::egress::{Egress, Resolve, Resolving};
use countersign::payload::{HmacSigner, Keyring, Scheme, Secret};
use countersign::tenant::TenantId;
use countersign::testing::{TestCa, TestCert};
use countersign::tls::{Credentials, Tls};
use countersign::trust::PrivateCa;
use rustls::crypto::CryptoProvider;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConfig};

pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

pub(crate) fn tls() -> Tls {
    Tls::new(provider())
}

pub(crate) fn loopback(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// A dispatcher that may go to these ports of this machine, whatever the host is called.
pub(crate) fn to_loopback(ports: &[u16]) -> DispatcherBuilder {
    let guard = ports
        .iter()
        .fold(AddressGuard::new(), |guard, port| guard.allow(loopback(*port)));
    let egress = Egress::new().with_guard(guard).with_resolver(Loopback);
    Dispatcher::builder()
        .with_egress(egress)
        .with_ports(ports.iter().copied())
}

#[derive(Debug)]
struct Loopback;

impl Resolve for Loopback {
    fn resolve<'a>(&'a self, _: &'a str) -> Resolving<'a> {
        Box::pin(async { Ok(vec![IpAddr::V4(Ipv4Addr::LOCALHOST)]) })
    }
}

/// A tenant: who issues its certificates, and what it signs with.
pub(crate) struct Tenant {
    pub(crate) name: String,
    pub(crate) ca: TestCa,
    /// In Standard Webhooks' form.
    pub(crate) secret: String,
}

impl Tenant {
    pub(crate) fn new(name: &str) -> Self {
        use base64::Engine as _;
        let secret = format!("{name:_<32}, and nobody else's");
        let secret = base64::engine::general_purpose::STANDARD.encode(secret);
        Self {
            name: name.to_owned(),
            ca: TestCa::new(&format!("Clients of {name}")),
            secret: format!("whsec_{secret}"),
        }
    }

    pub(crate) fn id(&self) -> TenantId {
        TenantId::parse(&self.name).expect("a tenant's name")
    }

    /// A certificate of its own authority's.
    pub(crate) fn certificate(&self) -> TestCert {
        self.ca
            .client(&format!("spiffe://sender.example/tenant/{}", self.name))
            .issue()
    }

    pub(crate) fn signer(&self) -> HmacSigner {
        let scheme = Scheme::standard_webhooks();
        let keys = Keyring::builder(&scheme).key(
            TenantId::parse(&self.name).expect("a name"),
            "1",
            Secret::new(&self.secret),
        );
        HmacSigner::new(scheme, keys.build().expect("a key"))
    }

    /// Shows this certificate, and talks to servers of these authorities.
    pub(crate) fn sender(&self, certificate: &TestCert, servers: &[&TestCa]) -> TenantIdentity {
        self.sender_by(&tls(), certificate, servers)
    }

    pub(crate) fn sender_by(&self, tls: &Tls, certificate: &TestCert, servers: &[&TestCa]) -> TenantIdentity {
        let trust = servers.iter().map(|ca| ca.pem()).collect::<String>();
        let trust = PrivateCa::from_pem(trust.as_bytes(), tls.algorithms(), Clock::default().now());
        let credentials = Credentials::new(tls.provider(), certificate.chain(), certificate.key());
        let credentials = credentials.expect("a pair");
        TenantIdentity::new(tls, credentials, trust.expect("anchors"), self.signer()).expect("a sender")
    }
}

/// A server that knows nothing of this crate: rustls, with webpki's own verifier of client certificates.
pub(crate) fn server_config(server: &TestCert, lets_in: &[&TestCa]) -> ServerConfig {
    server_config_by(server, client_verifier(lets_in))
}

pub(crate) fn client_verifier(lets_in: &[&TestCa]) -> Arc<dyn ClientCertVerifier> {
    let mut roots = RootCertStore::empty();
    for ca in lets_in {
        roots.add(ca.certificate().clone()).expect("an anchor");
    }
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider());
    verifier.build().expect("a verifier")
}

pub(crate) fn server_config_by(server: &TestCert, verifier: Arc<dyn ClientCertVerifier>) -> ServerConfig {
    ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_client_cert_verifier(verifier)
        .with_single_cert(server.chain(), server.key())
        .expect("a pair")
}
