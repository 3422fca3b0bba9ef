//! The checklist of a set-up, before anybody is refused by it.

mod checks;
mod client;
mod concern;
mod tls_seen;

use rustls_pki_types::UnixTime;

use crate::expiry::{Expires, Expiries, Expiry};
use crate::gate::Policy;
use crate::payload::Keyring;
use crate::payload::hmac::KeyReport;
use crate::replay::{Terms, Tolerance};
use crate::tenant::TenantId;
use crate::trust::PinSet;

pub use concern::{Audit, Concern, Severity};
pub use tls_seen::{CertificateRequest, ClientTls, FirstLayer, RequestLayers, ResumptionSeen, ServerTls};

/// The parts of a receiver's set-up that are to be audited. What is not given is not looked at.
///
/// ```
/// use countersign::explain::{self, CertificateRequest, Setup};
/// use countersign::tls::{self, ClientAuth, Credentials, Tls};
/// # use countersign::testing::{NOW, TestCa};
/// # use countersign::tls::rustls::{crypto::aws_lc_rs::default_provider, pki_types::ServerName};
/// # use countersign::trust::PrivateCa;
///
/// # let (ca, tls) = (TestCa::new("Acme Root"), Tls::new(default_provider().into()));
/// # let trust = PrivateCa::from_pem(ca.pem().as_bytes(), tls.algorithms(), NOW)?;
/// # let server = ca.server("hooks.example").issue();
/// # let own = Credentials::new(tls.provider(), server.chain(), server.key())?;
/// let name = ServerName::try_from("hooks.example")?;
/// let config = tls.server_config(&own, trust, ClientAuth::Offer)?;
/// let setup = Setup::new().with_server(tls::try_server(&config, &name)).with_expiring(&own);
///
/// let audit = explain::audit(&setup, NOW);
/// let codes: Vec<_> = audit.concerns.iter().map(|concern| concern.code).collect();
/// assert_eq!(codes, ["audit.certificate_optional"], "{audit}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Setup<'a> {
    servers: Vec<ServerTls>,
    clients: Vec<ClientTls>,
    layers: Vec<RequestLayers>,
    policy: Option<&'a Policy>,
    expiring: Vec<&'a dyn Expires>,
    pins: Option<&'a PinSet>,
    keys: Option<&'a Keyring>,
    tenants: Option<Vec<TenantId>>,
    tolerance: Option<Tolerance>,
    terms: Option<Terms>,
    #[cfg(feature = "forwarded")]
    forwarder: Option<&'a crate::forwarded::Forwarder>,
}

impl<'a> Setup<'a> {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// TLS as `tls::try_server` has found it; of several servers, each.
    #[must_use]
    pub fn with_server(mut self, server: ServerTls) -> Self {
        self.servers.push(server);
        self
    }

    /// TLS of a client of one's own, as `tls::try_client` has found it: one that is to show a certificate.
    #[must_use]
    pub fn with_client(mut self, client: ClientTls) -> Self {
        self.clients.push(client);
        self
    }

    /// What stands in front of a handler, as `web::try_layers` has found it: for one whose caller and payload are to name one tenant.
    #[must_use]
    pub fn with_layers(mut self, layers: RequestLayers) -> Self {
        self.layers.push(layers);
        self
    }

    /// The policy of the clients, with all that expires in it.
    #[must_use]
    pub fn with_policy(mut self, policy: &'a Policy) -> Self {
        self.policy = Some(policy);
        self.with_expiring(policy)
    }

    /// What expires beside the policy: one's own certificate, the certificates of peers that were seen.
    #[must_use]
    pub fn with_expiring(mut self, holder: &'a dyn Expires) -> Self {
        self.expiring.push(holder);
        self
    }

    /// The pinned keys.
    #[must_use]
    pub fn with_pins(mut self, pins: &'a PinSet) -> Self {
        self.pins = Some(pins);
        self
    }

    /// The keys of payloads.
    #[must_use]
    pub fn with_keys(mut self, keys: &'a Keyring) -> Self {
        self.keys = Some(keys);
        self
    }

    /// The tenants that certificates may name: each should have keys, and nobody else.
    #[must_use]
    pub fn with_tenants(mut self, tenants: impl IntoIterator<Item = TenantId>) -> Self {
        self.tenants = Some(tenants.into_iter().collect());
        self
    }

    /// How old a signed time may be.
    #[must_use]
    pub fn with_tolerance(mut self, tolerance: Tolerance) -> Self {
        self.tolerance = Some(tolerance);
        self
    }

    /// How long claims are held.
    #[must_use]
    pub fn with_terms(mut self, terms: Terms) -> Self {
        self.terms = Some(terms);
        self
    }

    /// Who is believed about clients behind a proxy.
    #[cfg(feature = "forwarded")]
    #[must_use]
    pub fn with_forwarder(mut self, forwarder: &'a crate::forwarded::Forwarder) -> Self {
        self.forwarder = Some(forwarder);
        self
    }

    /// What expires, least time left first, each once: a policy and its pins may both be given.
    fn expiries(&self) -> Vec<Expiry> {
        let mut found = Expiries::default();
        for holder in &self.expiring {
            holder.expiries(&mut found);
        }
        let mut sorted = found.sorted();
        sorted.dedup();
        sorted
    }

    fn key_reports(&self, now: UnixTime) -> Vec<KeyReport> {
        let reports = self
            .keys
            .into_iter()
            .flat_map(|keys| keys.report(now, checks::SOON));
        let mut reports: Vec<_> = reports.collect();
        reports.sort_by(|one, other| {
            let order = |report: &KeyReport| (report.tenant.clone(), report.validity.not_before);
            order(one).cmp(&order(other))
        });
        reports
    }
}

/// Everything in a set-up at `now` that will refuse somebody it should let in, or the other way round.
///
/// Not seen are what stands behind the outermost layer (a wrong order answers 500 to the first signed delivery, as `server.not_wired`), the permissions of
/// files, and what a proxy in front of us does: `examples/doctor.rs` tries that from outside.
pub fn audit(setup: &Setup<'_>, now: UnixTime) -> Audit {
    let mut concerns = Vec::new();
    for server in &setup.servers {
        checks::server(server, &mut concerns);
    }
    for client in &setup.clients {
        client::client(client, &mut concerns);
    }
    for layers in &setup.layers {
        concerns.extend(client::layers(layers));
    }
    checks::expiries(&setup.expiries(), now, &mut concerns);
    if let Some(pins) = setup.pins {
        checks::pins(pins, now, &mut concerns);
    }
    let keys = setup.key_reports(now);
    checks::keys(&keys, now, &mut concerns);
    if let (Some(tenants), Some(_)) = (&setup.tenants, setup.keys) {
        checks::tenants(tenants, &keys, &mut concerns);
    }
    if let Some(tolerance) = setup.tolerance {
        checks::tolerance(tolerance, &mut concerns);
    }
    if let Some(terms) = setup.terms {
        checks::terms(terms, &mut concerns);
    }
    #[cfg(feature = "forwarded")]
    if let Some(forwarder) = setup.forwarder {
        checks::hops(forwarder.hops(), setup.policy, &mut concerns);
    }
    concerns.sort_by_key(|concern| std::cmp::Reverse(concern.severity));
    Audit { concerns }
}
