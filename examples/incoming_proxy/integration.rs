//! One `[[integration]]`: for which hosts it is, what it shows, and whom it lets in.

use countersign::gate::Policy;
use countersign::tenant::{Rule, TenantId, TenantTable};
use countersign::tls::{ClientAuth, Credentials, InvalidCredentials, Tls};
use countersign::trust::{Crls, PinSet, PrivateCa, Revocation, VerifyPeer as _};
use countersign::web::{self, CertificateDemand, Clock, Sites, SitesBuilder};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::Mistake;
use crate::document::{Item, Source, Table};

/// What a route may say.
pub(crate) const ROUTE_KEYS: &[&str] = &[
    "path",
    "backend",
    "mutual_tls",
    "open",
    "scheme",
    "keys",
    "replay",
    "body_bytes",
    "answer_seconds",
    "websocket",
];

/// What an integration may say of its clients.
pub(crate) const CLIENT_KEYS: &[&str] = &["ca", "crls", "pins", "tenants", "rules"];

/// An integration whose own part has been read. Its routes come afterwards.
pub(crate) struct Opened<'d> {
    pub(crate) site: Site<'d>,
    pub(crate) demand: Demand<'d>,
    pub(crate) routes: Item<'d>,
}

/// What is served under some names.
pub(crate) struct Site<'d> {
    pub(crate) web: web::Site,
    hosts: Vec<Item<'d>>,
}

/// Of which requests a certificate is demanded.
#[derive(Clone)]
pub(crate) enum Demand<'d> {
    /// There is nobody to know: the integration has no clients.
    NotAsked,
    Demanded,
    /// Let in without; what is shown must be good all the same.
    Offered,
    Of(Vec<Item<'d>>, CertificateDemand),
}

impl<'d> Opened<'d> {
    pub(crate) const KEYS: &'static [&'static str] =
        &["hosts", "cert", "key", "tls12", "mutual_tls", "clients", "route"];

    pub(crate) fn read(table: &Table<'d>) -> Result<Self, Mistake> {
        let clients = table.get("clients");
        let demand = match (table.get("mutual_tls"), &clients) {
            (None, None) => Demand::NotAsked,
            (None, Some(_)) => Demand::Demanded,
            (Some(item), Some(_)) => Demand::read(&item)?,
            (Some(item), None) => return Err(item.wrong(&NOBODY_TO_KNOW)),
        };
        let routes = table.need("route", "[[integration.route]], with path and backend")?;
        let strict = matches!(demand, Demand::Demanded) && !loosened(&routes)?;
        let web = site(
            table,
            clients.as_ref(),
            if strict {
                ClientAuth::Require
            } else {
                ClientAuth::Offer
            },
        )?;
        let hosts = table.get("hosts").map(|hosts| {
            let all = hosts.list()?;
            let none = || hosts.wrong(&"names no host; write some, or leave it out for every host that no other integration has");
            if all.is_empty() { Err(none()) } else { Ok(all) }
        });
        let hosts = hosts.transpose()?.unwrap_or_default();
        Ok(Self {
            site: Site { web, hosts },
            demand,
            routes,
        })
    }
}

pub(crate) const NOBODY_TO_KNOW: &str = "asks for certificates, and there is no [integration.clients] to judge them by; add it, or leave this out";

/// Whether a route asks for less than all others. Then the handshake cannot demand a certificate.
fn loosened(routes: &Item<'_>) -> Result<bool, Mistake> {
    let routes = routes.tables(ROUTE_KEYS)?;
    let says = |route: &Table<'_>, key| {
        route
            .get(key)
            .is_some_and(|item| item.as_text() != Some("demanded"))
    };
    Ok(routes
        .iter()
        .any(|route| says(route, "open") || says(route, "mutual_tls")))
}

impl<'d> Demand<'d> {
    pub(crate) fn read(item: &Item<'d>) -> Result<Self, Mistake> {
        match item.as_text() {
            Some("demanded") => Ok(Self::Demanded),
            Some("offered") => Ok(Self::Offered),
            Some(_) => Err(item.wrong(
                &"is neither; write \"demanded\", \"offered\", or a list of the hosts that demand it",
            )),
            None => {
                let hosts = item.list()?;
                let names = hosts.iter().map(Item::text).collect::<Result<Vec<_>, _>>()?;
                if names.is_empty() {
                    return Err(item.wrong(&"names no host; write some, or \"offered\""));
                }
                let demand = CertificateDemand::for_hosts(names).map_err(|invalid| item.wrong(&invalid))?;
                Ok(Self::Of(hosts, demand))
            }
        }
    }

    pub(crate) fn to_certificates(&self) -> CertificateDemand {
        match self {
            Self::Demanded => CertificateDemand::always(),
            Self::NotAsked | Self::Offered => CertificateDemand::never(),
            Self::Of(_, demand) => demand.clone(),
        }
    }

    /// A host that is misspelt here would be one of which nothing is demanded.
    pub(crate) fn is_about(&self, site: &Site<'_>, all: &Sites) -> Result<(), Mistake> {
        let Self::Of(hosts, _) = self else {
            return Ok(());
        };
        for host in hosts {
            let name = host.text()?.replacen("*.", "any.", 1);
            let found = all.find(Some(&name));
            if found.is_none_or(|found| !std::sync::Arc::ptr_eq(found.config(), site.web.config())) {
                return Err(
                    host.wrong(&"is no host of this integration; write it as in hosts, or leave it out")
                );
            }
        }
        Ok(())
    }
}

impl Site<'_> {
    /// It has every name that no other has.
    pub(crate) fn is_for_the_rest(&self) -> bool {
        self.hosts.is_empty()
    }

    pub(crate) fn add_to(&self, mut sites: SitesBuilder) -> Result<SitesBuilder, Mistake> {
        if self.is_for_the_rest() {
            // It may ask for less than others: each route asks first whether the connection was made for its host.
            return Ok(sites
                .allow_weaker_without_name(self.web.clone())
                .serve_unknown_names());
        }
        for host in &self.hosts {
            sites = sites.site(host.text()?, self.web.clone());
            // One at a time, to tell which one it is.
            sites.clone().build().map_err(|invalid| host.wrong(&invalid))?;
        }
        Ok(sites)
    }
}

fn site(
    table: &Table<'_>,
    clients: Option<&Item<'_>>,
    client_auth: ClientAuth,
) -> Result<web::Site, Mistake> {
    let tls = Tls::new(rustls::crypto::aws_lc_rs::default_provider().into());
    let tls = match table.get("tls12").map(|item| item.flag()).transpose()? {
        Some(true) => tls.allow_tls12(),
        _ => tls,
    };
    let own = table.need("cert", "cert = \"FILE\", the chain in PEM with the leaf first")?;
    let (chain, key) = (
        own.source()?,
        table
            .need("key", "key = \"FILE\" or { env = \"NAME\" }, in PEM")?
            .source()?,
    );
    let credentials = credentials(&tls, &chain, &key)?;
    let unusable = |invalid| chain.wrong(&invalid);
    match clients {
        Some(clients) => {
            let policy = policy(clients, &tls)?;
            let config = tls.server_config(&credentials, policy.trust(), client_auth);
            Ok(web::Site::new(policy, config.map_err(unusable)?))
        }
        None => {
            credentials
                .check(Clock::default().now())
                .map_err(|invalid| chain.wrong(&invalid))?;
            let config = for_anybody(&tls, chain.text(), key.text());
            Ok(web::Site::for_anybody(
                config.map_err(|error| chain.wrong(&error))?,
            ))
        }
    }
}

/// Told of the file that it is about.
fn credentials(tls: &Tls, chain: &Source<'_>, key: &Source<'_>) -> Result<Credentials, Mistake> {
    let read = |key: &Source<'_>| {
        Credentials::from_pem(tls.provider(), chain.text().as_bytes(), key.text().as_bytes())
    };
    read(key).map_err(|invalid| match invalid {
        InvalidCredentials::NoKey { .. }
        | InvalidCredentials::EncryptedKey { .. }
        | InvalidCredentials::Key { .. }
        | InvalidCredentials::OtherKey { .. } => key.wrong(&invalid),
        InvalidCredentials::Pem { .. } if !matches!(read(chain), Err(InvalidCredentials::Pem { .. })) => {
            key.wrong(&invalid)
        }
        _ => chain.wrong(&invalid),
    })
}

/// Asks for no certificate.
fn for_anybody(tls: &Tls, chain: &str, key: &str) -> Result<ServerConfig, Box<dyn std::error::Error>> {
    let chain = CertificateDer::pem_slice_iter(chain.as_bytes()).collect::<Result<_, _>>()?;
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes())?;
    let config = ServerConfig::builder_with_provider(tls.provider().clone().into())
        .with_safe_default_protocol_versions()?;
    Ok(config.with_no_client_auth().with_single_cert(chain, key)?)
}

fn policy(clients: &Item<'_>, tls: &Tls) -> Result<Policy, Mistake> {
    let clients = clients.table(CLIENT_KEYS)?;
    let trust = authorities(&clients, tls)?;
    let tenants = tenants(&clients)?;
    let Some(item) = clients.get("pins") else {
        return Ok(Policy::new(trust, tenants));
    };
    let file = item.source()?;
    let pins: PinSet = file.text().parse().map_err(|invalid| file.wrong(&invalid))?;
    if pins.is_empty() {
        return Err(file.wrong(&"holds no pin, so nobody could call; add one a line, or leave pins out"));
    }
    Ok(Policy::new(trust.and(pins), tenants))
}

fn authorities(clients: &Table<'_>, tls: &Tls) -> Result<PrivateCa, Mistake> {
    let now = Clock::default().now();
    let ca = clients
        .need(
            "ca",
            "ca = \"FILE\", the authorities that issue to clients, in PEM",
        )?
        .source()?;
    let mut authorities = PrivateCa::builder(tls.algorithms()).pem(ca.text().as_bytes());
    if let Some(item) = clients.get("crls") {
        let file = item.source()?;
        let crls = Crls::from_pem(file.text().as_bytes(), now).map_err(|invalid| file.wrong(&invalid))?;
        authorities = authorities.with_revocation(Revocation::required(crls));
    }
    authorities.build(now).map_err(|invalid| ca.wrong(&invalid))
}

fn tenants(clients: &Table<'_>) -> Result<TenantTable, Mistake> {
    let known = clients.need("tenants", "tenants = [\"NAME\"], those who may call")?;
    let mut all = Vec::new();
    for item in known.list()? {
        let tenant = TenantId::parse(item.text()?);
        all.push(tenant.map_err(|invalid| item.wrong(&invalid))?);
    }
    if all.is_empty() {
        return Err(known.wrong(&"names nobody, so nobody could call; write the tenants' names"));
    }
    let example = "\"URI:spiffe://pay.example/tenant/{tenant}\": what in a certificate says whose it is";
    let rules = clients.need("rules", &format!("rules = [..], each such as {example}"))?;
    let mut table = TenantTable::builder().known(all.iter().map(TenantId::as_str));
    for item in rules.list()? {
        let rule: Rule = item.text()?.parse().map_err(|invalid| item.wrong(&invalid))?;
        table = table.rule(rule);
    }
    if rules.list()?.is_empty() {
        return Err(rules.wrong(&format!(
            "holds no rule, so nobody could call; write one, such as {example}"
        )));
    }
    table.build().map_err(|invalid| rules.wrong(&invalid))
}
