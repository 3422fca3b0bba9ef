//! The `[[integration.route]]` of an integration: path, demands, service.

use std::sync::Arc;
use std::time::Duration;

use axum::http::uri::Authority;
use countersign::live::Live;
use countersign::payload::{HmacVerifier, Keyring, Scheme};
use countersign::replay::ReplayStore;
use countersign::web::{CallerLayer, CertificateDemand, PayloadLayer, ReplayAnswer};

use crate::Mistake;
use crate::config::log;
use crate::document::{Item, Source, Table};
use crate::forward::{Backend, Patience, WebSockets};
use crate::gateway::{Route, to_service};
use crate::integration::{Demand, NOBODY_TO_KNOW, Opened, ROUTE_KEYS};
use crate::keys::keys_in;
use crate::paths::Pattern;
use crate::watched::{Watched, watched};

/// What holds on all routes, unless one says otherwise.
pub(crate) struct Terms {
    pub(crate) store: Arc<dyn ReplayStore>,
    pub(crate) body_bytes: usize,
    pub(crate) body_time: Duration,
    pub(crate) deliveries: usize,
    pub(crate) deliveries_per_tenant: usize,
    pub(crate) patience: Patience,
}

pub(crate) fn read(
    opened: &Opened<'_>,
    terms: &Terms,
    callers: &dyn Fn(CertificateDemand) -> CallerLayer,
    watch: &mut Vec<Watched>,
) -> Result<Vec<Route>, Mistake> {
    let mut routes: Vec<Route> = Vec::new();
    for table in opened.routes.tables(ROUTE_KEYS)? {
        let path = table.need("path", "path = \"/hooks\", or \"/hooks/*\" for all below it")?;
        let pattern = pattern(&path)?;
        if routes.iter().any(|route| route.path.is_like(&pattern)) {
            return Err(path.wrong(&"is there already; write each path once, whatever its case"));
        }
        let payload = payload(&table, terms, watch)?;
        let demand = demand(&table, &opened.demand, payload.is_some())?;
        let callers = callers(demand.to_certificates());
        let door = to_service(&callers, payload, path.text()?, backend(&table, terms)?);
        routes.push(Route { path: pattern, door });
    }
    Ok(routes)
}

fn pattern(path: &Item<'_>) -> Result<Pattern, Mistake> {
    let parsed = Pattern::parse(path.text()?);
    parsed.ok_or_else(|| {
        path.wrong(&"is no path that every server reads alike; write \"/a/b\", or \"/a/b/*\" for all below it, without %, //, .. or a slash at the end")
    })
}

fn demand<'d>(table: &Table<'d>, of_all: &Demand<'d>, is_signed: bool) -> Result<Demand<'d>, Mistake> {
    let open = table
        .get("open")
        .map(|item| Ok::<_, Mistake>((item.flag()?, item)))
        .transpose()?;
    let demand = match (table.get("mutual_tls"), of_all) {
        (None, of_all) => of_all.clone(),
        (Some(item), Demand::NotAsked) => return Err(item.wrong(&NOBODY_TO_KNOW)),
        (Some(item), _) => Demand::read(&item)?,
    };
    match (open, demand) {
        (Some((true, item)), _) if is_signed || table.get("mutual_tls").is_some() => {
            Err(item.wrong(&"leaves nothing to demand, and scheme or mutual_tls demands something; leave one of them out"))
        }
        (Some((true, _)), Demand::NotAsked) => Ok(Demand::NotAsked),
        (Some((true, _)), _) => Ok(Demand::Offered),
        (_, Demand::NotAsked | Demand::Offered) if !is_signed => {
            Err(table.wrong(&"demands nothing of anybody; write mutual_tls = \"demanded\", or a scheme with keys, or open = true"))
        }
        (_, demand) => Ok(demand),
    }
}

fn payload(
    table: &Table<'_>,
    terms: &Terms,
    watch: &mut Vec<Watched>,
) -> Result<Option<PayloadLayer>, Mistake> {
    let Some(item) = table.get("scheme") else {
        let only = ["keys", "replay", "body_bytes"];
        return match only.into_iter().find_map(|key| table.get(key)) {
            None => Ok(None),
            Some(item) => Err(item.wrong(
                &"counts only where payloads are signed; write scheme = \"NAME\" too, or leave this out",
            )),
        };
    };
    let scheme = scheme(&item)?;
    let keys = table
        .need(
            "keys",
            "keys = \"FILE\" or { env = \"NAME\" }, a key a line: tenant key-name secret",
        )?
        .source()?;
    let ring = Live::new(ring(&keys, &scheme)?);
    watch.extend(watched_keys(&keys, &scheme, &ring));
    let bytes = table
        .get("body_bytes")
        .map(|item| item.number(1..=1 << 30))
        .transpose()?;
    let bytes = bytes
        .and_then(|bytes| usize::try_from(bytes).ok())
        .unwrap_or(terms.body_bytes);
    let payload = PayloadLayer::new(HmacVerifier::new(scheme, ring), terms.store.clone())
        .with_limit(bytes)
        .with_body_timeout(terms.body_time)
        .with_max_deliveries(terms.deliveries, terms.deliveries_per_tenant)
        .with_replay_answer(replay(table)?)
        .observed_by(log());
    Ok(Some(payload))
}

fn ring(keys: &Source<'_>, scheme: &Scheme) -> Result<Keyring, Mistake> {
    let found = keys_in(keys.text(), scheme, &|line, what| match line {
        Some(line) => keys.wrong_in(line, what),
        None => keys.wrong(what),
    })?;
    let ring = found.map(|(ring, _)| ring);
    ring.ok_or_else(|| keys.wrong(&NO_KEY))
}

const NO_KEY: &str = "holds no key; add one a line: tenant key-name secret";

fn watched_keys(keys: &Source<'_>, scheme: &Scheme, ring: &Live<Keyring>) -> Option<Watched> {
    let (name, scheme) = (keys.named(), scheme.clone());
    watched(name.clone(), vec![keys.from()], ring, move |texts, before, _| {
        let found = keys_in(&texts.concat(), &scheme, &|line, what| match line {
            Some(line) => format!("{name}, line {line}: {what}"),
            None => format!("{name}: {what}"),
        })?;
        let (ring, _) = found.ok_or_else(|| format!("{name}: {NO_KEY}"))?;
        Ok(ring.with_history_of(before))
    })
}

fn scheme(item: &Item<'_>) -> Result<Scheme, Mistake> {
    Scheme::named(item.text()?).map_err(|unknown| match unknown.instead {
        Some(_) => item.wrong(&"is not verified by one HMAC, and so not here; write the name of an HMAC preset of docs/presets.md"),
        None => item.wrong(&format!("{unknown}; write the name of an HMAC preset of docs/presets.md")),
    })
}

fn replay(table: &Table<'_>) -> Result<ReplayAnswer, Mistake> {
    let Some(item) = table.get("replay") else {
        return Ok(ReplayAnswer::Acknowledge);
    };
    match item.text()? {
        "acknowledge" => Ok(ReplayAnswer::Acknowledge),
        "conflict" => Ok(ReplayAnswer::Conflict),
        "forbid" => Ok(ReplayAnswer::Forbid),
        _ => Err(item.wrong(
            &"is no answer to a replay; write \"acknowledge\" (200), \"conflict\" (409) or \"forbid\" (403)",
        )),
    }
}

fn backend(table: &Table<'_>, terms: &Terms) -> Result<Backend, Mistake> {
    let item = table.need(
        "backend",
        "backend = \"127.0.0.1:8080\", where the service listens for plain HTTP",
    )?;
    let authority = item.text()?.parse::<Authority>().ok();
    let plain =
        authority.filter(|authority| authority.port_u16().is_some() && !authority.as_str().contains('@'));
    let authority = plain.ok_or_else(|| {
        item.wrong(&"is no host and port; write \"127.0.0.1:8080\", without http:// and without a path")
    })?;
    let mut patience = terms.patience;
    if let Some(item) = table.get("answer_seconds") {
        patience.answer = Duration::from_secs(item.number(1..=24 * 60 * 60)?);
    }
    Ok(Backend::new(authority, patience, websockets(table)?))
}

fn websockets(table: &Table<'_>) -> Result<WebSockets, Mistake> {
    let Some(item) = table.get("websocket") else {
        return Ok(WebSockets::Refuse);
    };
    match item.text()? {
        "refuse" => Ok(WebSockets::Refuse),
        "pass" if table.get("scheme").is_none() => Ok(WebSockets::Pass),
        "pass" => Err(item.wrong(&"has no payload that a scheme could sign; leave scheme or this out")),
        _ => Err(item.wrong(&"is neither; write \"refuse\" or \"pass\"")),
    }
}
