//! What stands in the file of `--config`. Each mistake is told with its line, its key, and what to do.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use countersign::address::Network;
use countersign::live::Live;
use countersign::observe::{Log, Observer};
use countersign::proxy_protocol::ProxyProtocol;
use countersign::reload::NotLoaded;
use countersign::replay::{MemoryStore, RedisStore, ReplayStore};
use countersign::tenant::TenantTable;
use countersign::web::{CallerLayer, CertificateDemand, Sites};

use crate::Mistake;
use crate::document::{Document, FILE_KEYS, Item, Table};
use crate::forward::Patience;
use crate::gateway::{Gateway, Integration, to_refusal};
use crate::integration::Opened;
use crate::kept::Kept;
use crate::log::later;
use crate::refused::Refused;
use crate::routes::{self, Terms};
use crate::watched::{Watch, Watched};

/// Everything that the proxy needs to know.
pub(crate) struct Plan {
    pub(crate) listen: Listen,
    pub(crate) drain: Duration,
    pub(crate) balancers: Option<ProxyProtocol>,
    pub(crate) sites: Arc<Sites>,
    pub(crate) gateway: Gateway,
    /// What it was made of.
    text: String,
    at_start: String,
    store: Arc<dyn ReplayStore>,
    kept: Vec<Arc<Kept>>,
    /// Tenants of integrations that were in force before this, and will be.
    tenants: Vec<(Arc<Kept>, TenantTable)>,
    keys: Watch,
}

impl Plan {
    pub(crate) fn is_of(&self, text: &str) -> bool {
        self.text == text
    }

    /// Watches the files that it names. What was watched for the plan before goes on.
    pub(crate) async fn watch(&self) -> Result<(), NotLoaded> {
        for kept in &self.kept {
            kept.watch.start(later()).await?;
        }
        self.keys.start(later()).await
    }

    /// Admits the tenants of this plan to the integrations that stay.
    pub(crate) fn admit(&self) {
        for (kept, tenants) in &self.tenants {
            kept.admit(tenants.clone());
        }
    }
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan")
            .field("sites", &self.sites)
            .finish_non_exhaustive()
    }
}

/// What is decided when the port is opened, and stays.
const AT_START: [&str; 3] = ["listen", "balancers", "redis"];

/// An address, which only the system can judge, and where it stands.
pub(crate) struct Listen {
    pub(crate) address: String,
    pub(crate) named: String,
}

/// What this file says. Of the plan that is in force, what stays the same is taken over.
pub(crate) fn plan(file: &Document, before: Option<&Plan>) -> Result<Plan, Mistake> {
    file.whole(FILE_KEYS, |table| whole(&table, file.text(), before))
}

fn whole(table: &Table<'_>, text: &str, before: Option<&Plan>) -> Result<Plan, Mistake> {
    let at_start = table.written(&AT_START);
    if before.is_some_and(|before| before.at_start != at_start) {
        let all = AT_START.join(", ");
        return Err(table.wrong(&format!("one of {all} has changed, which are read at the start only; restart, or put it back: nothing of this file is in force until then")));
    }
    let item = table.need("listen", "listen = \"0.0.0.0:8443\"")?;
    let listen = Listen {
        address: item.text()?.to_owned(),
        named: item.named(),
    };
    let store = match before {
        Some(before) => before.store.clone(),
        None => store(table)?,
    };
    let terms = terms(table, store.clone())?;
    let kept = before.map(|before| before.kept.clone()).unwrap_or_default();
    let AllSites { all, mut opened } = sites(table, kept)?;
    let kept = opened.iter().map(|opened| opened.kept.clone()).collect();
    let tenants = opened
        .iter_mut()
        .filter_map(|opened| Some((opened.kept.clone(), opened.tenants.take()?)));
    let tenants = tenants.collect();
    // Of its own: under the next plan, the routes of this one still ask about its sites.
    let live: Live<Sites> = Live::new(all);
    let mut watch = Vec::new();
    let integrations = opened
        .into_iter()
        .map(|opened| integration(opened, &live, &terms, &mut watch));
    let integrations = integrations.collect::<Result<Vec<_>, Mistake>>()?;
    let nowhere = callers(&live, CertificateDemand::always());
    let gateway = Gateway {
        sites: live.load(),
        integrations,
        nowhere: to_refusal(&nowhere, Refused::NoRoute),
    };
    Ok(Plan {
        listen,
        drain: seconds(table, "drain_seconds", 30)?,
        balancers: balancers(table)?,
        sites: live.load(),
        gateway,
        text: text.to_owned(),
        at_start,
        store,
        kept,
        tenants,
        keys: Watch::of(watch),
    })
}

fn integration(
    opened: Opened<'_>,
    sites: &Live<Sites>,
    terms: &Terms,
    watch: &mut Vec<Watched>,
) -> Result<Integration, Mistake> {
    let demand = opened.demand.to_certificates();
    let callers_of = |demand| callers(sites, demand);
    let elsewhere = [Refused::NoRoute, Refused::PathUnclear];
    Ok(Integration {
        routes: routes::read(&opened, terms, &callers_of, watch)?,
        elsewhere: elsewhere.map(|refused| to_refusal(&callers_of(demand.clone()), refused)),
        site: opened.site.web,
    })
}

fn callers(sites: &Live<Sites>, demand: CertificateDemand) -> CallerLayer {
    CallerLayer::by_host(sites.clone())
        .with_demand(demand)
        .observed_by(log())
}

pub(crate) fn log() -> Arc<dyn Observer> {
    Arc::new(Log::new())
}

/// All integrations, before anything is on their routes.
struct AllSites<'d> {
    all: Sites,
    opened: Vec<Opened<'d>>,
}

fn sites<'d>(table: &Table<'d>, mut kept: Vec<Arc<Kept>>) -> Result<AllSites<'d>, Mistake> {
    let all = table.need(
        "integration",
        "[[integration]], with cert, key, [integration.clients] and [[integration.route]]",
    )?;
    let mut builder = Sites::builder();
    let mut opened: Vec<Opened<'d>> = Vec::new();
    for table in all.tables(Opened::KEYS)? {
        let one = Opened::read(&table, &mut kept)?;
        if one.site.is_for_the_rest() && opened.iter().any(|other| other.site.is_for_the_rest()) {
            return Err(table.wrong(
                &"has no hosts, and another has none either; write hosts = [\"NAME\"] in one of the two",
            ));
        }
        builder = one.site.add_to(builder)?;
        opened.push(one);
    }
    let all = builder.build().map_err(|invalid| all.wrong(&invalid))?;
    opened
        .iter()
        .try_for_each(|one| one.demand.is_about(&one.site, &all))?;
    Ok(AllSites { all, opened })
}

fn terms(table: &Table<'_>, store: Arc<dyn ReplayStore>) -> Result<Terms, Mistake> {
    let known = [
        "body_bytes",
        "body_seconds",
        "deliveries",
        "deliveries_per_tenant",
        "connect_seconds",
        "answer_seconds",
        "silence_seconds",
        "websocket_seconds",
    ];
    let limits = table
        .get("limits")
        .map(|limits| limits.table(&known))
        .transpose()?;
    let limit =
        |key: &str, otherwise: u64, most: u64| match limits.as_ref().and_then(|limits| limits.get(key)) {
            Some(item) => item.number(1..=most),
            None => Ok(otherwise),
        };
    let time = |key: &str, otherwise| limit(key, otherwise, DAY).map(Duration::from_secs);
    let count = |key: &str, otherwise, most| {
        limit(key, otherwise, most).map(|count| usize::try_from(count).unwrap_or(usize::MAX))
    };
    Ok(Terms {
        store,
        body_bytes: count("body_bytes", 1 << 20, 1 << 30)?,
        body_time: time("body_seconds", 30)?,
        deliveries: count("deliveries", 512, 1 << 20)?,
        deliveries_per_tenant: count("deliveries_per_tenant", 128, 1 << 20)?,
        patience: Patience {
            connect: time("connect_seconds", 5)?,
            answer: time("answer_seconds", 30)?,
            silence: time("silence_seconds", 60)?,
            websocket: time("websocket_seconds", 3600)?,
        },
    })
}

const DAY: u64 = 24 * 60 * 60;

fn seconds(table: &Table<'_>, key: &str, otherwise: u64) -> Result<Duration, Mistake> {
    let given = table.get(key).map(|item| item.number(1..=DAY)).transpose()?;
    Ok(Duration::from_secs(given.unwrap_or(otherwise)))
}

/// One for all routes, so that what was handled on one is a replay on the others.
fn store(table: &Table<'_>) -> Result<Arc<dyn ReplayStore>, Mistake> {
    let Some(redis) = table.get("redis") else {
        return Ok(Arc::new(MemoryStore::default()));
    };
    let url = redis.source()?;
    let opened = RedisStore::open(url.text().trim());
    Ok(Arc::new(opened.map_err(|invalid| url.wrong(&invalid))?))
}

fn balancers(table: &Table<'_>) -> Result<Option<ProxyProtocol>, Mistake> {
    let Some(item) = table.get("balancers") else {
        return Ok(None);
    };
    let network = |item: Item<'_>| {
        let network = item.text()?.parse::<Network>();
        network.map_err(|invalid| item.wrong(&invalid))
    };
    let all = item
        .list()?
        .into_iter()
        .map(network)
        .collect::<Result<Vec<_>, _>>()?;
    if all.is_empty() {
        return Err(item.wrong(&"names nobody; write the addresses of the load balancers, or leave it out"));
    }
    Ok(Some(ProxyProtocol::from_balancers(all)))
}
