//! Everybody who takes part: a client, a proxy, and an authority for each.

use std::sync::Arc;

use countersign::gate::{Caller, Policy};
use countersign::identity::PeerChain;
use countersign::tenant::{TenantId, TenantTable};
use countersign::testing::{NOW, TestCa, TestCert};
use countersign::tls::{ClientAuth, Credentials, Tls};
use countersign::trust::PrivateCa;

pub(crate) struct World {
    pub(crate) tls: Tls,
    pub(crate) clients: TestCa,
    pub(crate) proxies: TestCa,
    pub(crate) acme: TestCert,
    pub(crate) edge: TestCert,
    /// A proxy of ours that may not speak for others.
    pub(crate) logger: TestCert,
}

impl World {
    pub(crate) fn new() -> Self {
        let (clients, proxies) = (TestCa::new("Clients Root"), TestCa::new("Proxies Root"));
        Self {
            tls: Tls::new(Arc::new(rustls::crypto::aws_lc_rs::default_provider())),
            acme: clients.client("spiffe://acme.example/tenant/acme").issue(),
            edge: proxies.client("spiffe://proxies.example/edge").issue(),
            logger: proxies.client("spiffe://proxies.example/logger").issue(),
            clients,
            proxies,
        }
    }

    /// Whom the clients' authority has issued to.
    pub(crate) fn policy(&self) -> Policy {
        self.policy_of(&self.clients, "spiffe://acme.example/tenant/{tenant}", &["acme"])
    }

    /// Whom the proxies' authority has issued to.
    pub(crate) fn hops_policy(&self) -> Policy {
        self.policy_of(
            &self.proxies,
            "spiffe://proxies.example/{tenant}",
            &["edge", "logger"],
        )
    }

    /// A handshake's, which no test here drives.
    pub(crate) fn server_config(&self) -> Arc<rustls::ServerConfig> {
        let server = self.proxies.server("a.example").issue();
        let own = Credentials::new(self.tls.provider(), server.chain(), server.key()).expect("a pair");
        let config = self
            .tls
            .server_config(&own, self.hops_policy().trust(), ClientAuth::Offer);
        config.expect("a configuration").into()
    }

    pub(crate) fn policy_of(&self, ca: &TestCa, template: &str, known: &[&str]) -> Policy {
        let trust = PrivateCa::from_pem(ca.pem().as_bytes(), self.tls.algorithms(), NOW).expect("an anchor");
        let table = TenantTable::builder().uri(template).known(known.iter().copied());
        Policy::new(trust, table.build().expect("a table"))
    }
}

pub(crate) fn caller(policy: &Policy, certificate: &TestCert) -> Caller {
    let chain = PeerChain::parse(certificate.chain()).expect("a chain");
    Caller::identify(policy, chain, NOW).expect("a caller")
}

pub(crate) fn name(name: &str) -> TenantId {
    TenantId::parse(name).expect("a name")
}
