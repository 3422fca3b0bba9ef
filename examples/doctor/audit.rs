//! `doctor audit`: what in the incoming proxy's file will refuse somebody it should let in, or the other way round.

use std::path::PathBuf;

use countersign::explain::{self, Concern, Setup, Severity};
use countersign::payload::{Keyring, Scheme};
use countersign::tenant::TenantId;
use countersign::tls::{Credentials, Tls, try_server};
use countersign::trust::PinSet;
use rustls::pki_types::UnixTime;
use serde_json::json;

use crate::Mistake;
use crate::asked::{Answer, Asked, Stop, at, none_alone};
use crate::command_line::{once, unknown};
use crate::document::{Document, FILE_KEYS, Item, Table};
use crate::integration::{Demand, Opened, ROUTE_KEYS};
use crate::kept::CLIENT_KEYS;
use crate::keys::keys_in;
use crate::peer::server_name;

pub(crate) fn run(asked: &mut Asked) -> Result<Answer, Stop> {
    let given = asked.given(Given::set, none_alone)?;
    let file = given
        .config
        .ok_or_else(|| "--config FILE is missing: the file of the incoming_proxy example".to_owned())?;
    let found = Document::read(&file)?.whole(FILE_KEYS, |table| whole(&table, at(given.at)))?;
    Ok(answer(&found))
}

#[derive(Default)]
struct Given {
    config: Option<PathBuf>,
    at: Option<UnixTime>,
}

impl Given {
    fn set(&mut self, option: &str, asked: &mut Asked) -> Result<(), Mistake> {
        match option {
            "config" => once(option, &mut self.config, asked.file()?),
            "at" => once(option, &mut self.at, asked.time()?),
            _ => Err(unknown(option)),
        }
    }
}

/// A concern, and the integration that it is about.
type Found = Vec<(String, Concern)>;

fn whole(table: &Table<'_>, now: UnixTime) -> Result<Found, Mistake> {
    let mut found = Vec::new();
    for table in table
        .need("integration", "[[integration]]")?
        .tables(Opened::KEYS)?
    {
        let host = host(&table)?;
        let concerns = integration(&table, &host, now)?;
        found.extend(concerns.into_iter().map(|concern| (host.clone(), concern)));
    }
    Ok(found)
}

/// One of its names; any will do where it has none.
fn host(table: &Table<'_>) -> Result<String, Mistake> {
    let hosts = table
        .get("hosts")
        .map(|hosts| hosts.list())
        .transpose()?
        .unwrap_or_default();
    let first = hosts.first().map(|host| host.text()).transpose()?;
    Ok(first.unwrap_or("localhost").replacen("*.", "any.", 1))
}

fn integration(table: &Table<'_>, host: &str, now: UnixTime) -> Result<Vec<Concern>, Mistake> {
    let opened = Opened::read(table, &mut Vec::new())?;
    let tls = Tls::new(rustls::crypto::aws_lc_rs::default_provider().into());
    let own = own(table, &tls)?;
    let mut setup = Setup::new().with_expiring(&own);
    // Without clients, nobody is to be asked for a certificate.
    if !matches!(opened.demand, Demand::NotAsked) {
        let name = server_name("hosts", host)?;
        setup = setup.with_server(try_server(opened.site.web.config(), &name));
    }
    if let Some(policy) = opened.site.web.policy() {
        setup = setup.with_policy(policy);
    }
    let clients = clients(table)?;
    let pins = clients.as_ref().map(pins).transpose()?.flatten();
    if let Some(pins) = &pins {
        setup = setup.with_pins(pins);
    }
    let mut concerns = explain::audit(&setup, now).concerns;
    let known = clients.as_ref().map(known).transpose()?;
    for route in opened.routes.tables(ROUTE_KEYS)? {
        concerns.extend(keys(&route, known.as_deref(), now)?);
    }
    // Only where the file says so are certificates not demanded of all; and then each route demands its own.
    concerns.retain(|concern| concern.code != "audit.certificate_optional");
    Ok(concerns)
}

fn own(table: &Table<'_>, tls: &Tls) -> Result<Credentials, Mistake> {
    let cert = table.need("cert", "cert = \"FILE\"")?;
    let (chain, key) = (cert.source()?, table.need("key", "key = \"FILE\"")?.source()?);
    Credentials::from_pem(tls.provider(), chain.text().as_bytes(), key.text().as_bytes())
        .map_err(|invalid| chain.wrong(&invalid))
}

/// Who may call with a certificate; `None`, where nobody is asked for one.
fn clients<'d>(table: &Table<'d>) -> Result<Option<Table<'d>>, Mistake> {
    let clients = table.get("clients");
    clients.map(|clients| clients.table(CLIENT_KEYS)).transpose()
}

fn pins(clients: &Table<'_>) -> Result<Option<PinSet>, Mistake> {
    let Some(item) = clients.get("pins") else {
        return Ok(None);
    };
    let file = item.source()?;
    file.text()
        .parse()
        .map(Some)
        .map_err(|invalid| file.wrong(&invalid))
}

/// The tenants that certificates may name.
fn known(clients: &Table<'_>) -> Result<Vec<TenantId>, Mistake> {
    let named = clients.need("tenants", "tenants = [\"NAME\"]")?.list()?;
    let tenant = |item: &Item<'_>| TenantId::parse(item.text()?).map_err(|invalid| item.wrong(&invalid));
    named.iter().map(tenant).collect()
}

/// Of one route.
fn keys(route: &Table<'_>, known: Option<&[TenantId]>, now: UnixTime) -> Result<Vec<Concern>, Mistake> {
    let (Some(scheme), Some(keys)) = (route.get("scheme"), route.get("keys")) else {
        return Ok(Vec::new());
    };
    let scheme = Scheme::named(scheme.text()?).map_err(|invalid| scheme.wrong(&invalid))?;
    let source = keys.source()?;
    let found = keys_in(source.text(), &scheme, &|line, what| match line {
        Some(line) => source.wrong_in(line, what),
        None => source.wrong(what),
    })?;
    let Some((ring, _)): Option<(Keyring, _)> = found else {
        return Err(source.wrong(&"holds no key; add one a line: tenant key-name secret"));
    };
    let mut setup = Setup::new().with_keys(&ring);
    if let Some(known) = known {
        setup = setup.with_tenants(known.iter().cloned());
    }
    Ok(explain::audit(&setup, now).concerns)
}

fn answer(found: &Found) -> Answer {
    let lines = found
        .iter()
        .map(|(host, concern)| format!("{concern}    (integration of {host})\n"));
    let mut text: String = lines.collect();
    let fine = found
        .iter()
        .all(|(_, concern)| concern.severity == Severity::Note);
    if fine {
        text += "FINE: nothing to mend\n";
    }
    let value = |(host, concern): &(String, Concern)| {
        json!({
            "integration": host,
            "code": concern.code,
            "severity": concern.severity.as_str(),
            "evidence": concern.evidence,
            "remedy": concern.remedy,
        })
    };
    Answer {
        fine,
        text,
        value: found.iter().map(value).collect(),
    }
}
