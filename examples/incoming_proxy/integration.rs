//! One `[[integration]]`: for which hosts it is, what it shows, and whom it lets in.

use std::sync::Arc;

use countersign::tenant::TenantTable;
use countersign::tls::ClientAuth;
use countersign::web::{self, CertificateDemand, Sites, SitesBuilder};

use crate::Mistake;
use crate::document::{Item, Table};
use crate::kept::{Kept, kept};

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

/// An integration whose own part has been read. Its routes come afterwards.
pub(crate) struct Opened<'d> {
    pub(crate) site: Site<'d>,
    pub(crate) demand: Demand<'d>,
    pub(crate) routes: Item<'d>,
    pub(crate) kept: Arc<Kept>,
    /// To be admitted, where it was in force before.
    pub(crate) tenants: Option<TenantTable>,
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

    /// One of `before`, where the configuration says the same of it as then: it is taken from there.
    pub(crate) fn read(table: &Table<'d>, before: &mut Vec<Arc<Kept>>) -> Result<Self, Mistake> {
        let clients = table.get("clients");
        let demand = match (table.get("mutual_tls"), &clients) {
            (None, None) => Demand::NotAsked,
            (None, Some(_)) => Demand::Demanded,
            (Some(item), Some(_)) => Demand::read(&item)?,
            (Some(item), None) => return Err(item.wrong(&NOBODY_TO_KNOW)),
        };
        let routes = table.need("route", "[[integration.route]], with path and backend")?;
        let strict = matches!(demand, Demand::Demanded) && !loosened(&routes)?;
        let client_auth = match strict {
            true => ClientAuth::Require,
            false => ClientAuth::Offer,
        };
        let (kept, tenants) = kept(table, clients.as_ref(), client_auth, before)?;
        let hosts = table.get("hosts").map(|hosts| {
            let all = hosts.list()?;
            let none = || hosts.wrong(&"names no host; write some, or leave it out for every host that no other integration has");
            if all.is_empty() { Err(none()) } else { Ok(all) }
        });
        let hosts = hosts.transpose()?.unwrap_or_default();
        let web = kept.web.clone();
        Ok(Self {
            site: Site { web, hosts },
            demand,
            routes,
            kept,
            tenants,
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
