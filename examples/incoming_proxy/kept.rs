//! What is made of an integration's files: its site, and whom it lets in. Each file is watched.
#![allow(
    dead_code,
    reason = "the doctor reads a configuration once, and watches nothing"
)]

use std::sync::{Arc, Mutex, PoisonError};

use countersign::gate::Policy;
use countersign::live::Live;
use countersign::tenant::{Rule, TenantId, TenantTable};
use countersign::tls::{ClientAuth, Credentials, InvalidCredentials, Tls};
use countersign::trust::{Crls, InvalidCa, InvalidPin, PinSet, PrivateCa, Revocation, VerifyPeer as _};
use countersign::web::{self, Clock};
use rustls::pki_types::UnixTime;

use crate::Mistake;
use crate::document::{Item, Source, Table};
use crate::watched::{Watch, Watched, watched};

/// What an integration may say of its clients.
pub(crate) const CLIENT_KEYS: &[&str] = &["ca", "crls", "pins", "tenants", "rules"];

/// What of an integration stays when the configuration is read anew, and with it whatever connections are open.
pub(crate) struct Kept {
    /// What the configuration said of it.
    written: String,
    pub(crate) web: web::Site,
    tenants: Option<Live<TenantTable>>,
    pub(crate) watch: Watch,
}

impl Kept {
    pub(crate) fn admit(&self, tenants: TenantTable) {
        if let Some(live) = &self.tenants {
            live.replace(tenants);
        }
    }
}

/// With the tenants that are to be admitted, where it was there before.
pub(crate) fn kept(
    table: &Table<'_>,
    clients: Option<&Item<'_>>,
    client_auth: ClientAuth,
    before: &mut Vec<Arc<Kept>>,
) -> Result<(Arc<Kept>, Option<TenantTable>), Mistake> {
    let clients = clients.map(|clients| clients.table(CLIENT_KEYS)).transpose()?;
    let of_clients = clients
        .as_ref()
        .map(|clients| clients.written(&["ca", "crls", "pins"]));
    let own = table.written(&["cert", "key", "tls12"]);
    let written = format!("{client_auth:?} {own}{of_clients:?}");
    match before.iter().position(|kept| kept.written == written) {
        Some(place) => {
            let tenants = clients.as_ref().map(tenants).transpose()?;
            Ok((before.swap_remove(place), tenants))
        }
        None => {
            let made = Making::new(table)?.site(table, clients.as_ref(), client_auth)?;
            Ok((Arc::new(Kept { written, ..made }), None))
        }
    }
}

/// A site while it is made, with what is to be watched of it.
struct Making {
    tls: Tls,
    watch: Vec<Watched>,
}

impl Making {
    fn new(table: &Table<'_>) -> Result<Self, Mistake> {
        let tls = Tls::new(rustls::crypto::aws_lc_rs::default_provider().into());
        let tls = match table.get("tls12").map(|item| item.flag()).transpose()? {
            Some(true) => tls.allow_tls12(),
            _ => tls,
        };
        let watch = Vec::new();
        Ok(Self { tls, watch })
    }

    fn site(
        mut self,
        table: &Table<'_>,
        clients: Option<&Table<'_>>,
        client_auth: ClientAuth,
    ) -> Result<Kept, Mistake> {
        let own = table.need("cert", "cert = \"FILE\", the chain in PEM with the leaf first")?;
        let (chain, key) = (
            own.source()?,
            table
                .need("key", "key = \"FILE\" or { env = \"NAME\" }, in PEM")?
                .source()?,
        );
        let own = self.own(&chain, &key)?;
        let unusable = |invalid| chain.wrong(&invalid);
        let Some(clients) = clients else {
            let config = self.tls.server_config_for_anybody(&own).map_err(unusable)?;
            return Ok(self.kept(web::Site::for_anybody(config), None));
        };
        let (policy, tenants) = self.policy(clients)?;
        let config = self.tls.server_config(&own, policy.trust(), client_auth);
        let web = web::Site::new(policy, config.map_err(unusable)?);
        Ok(self.kept(web, Some(tenants)))
    }

    fn kept(self, web: web::Site, tenants: Option<Live<TenantTable>>) -> Kept {
        Kept {
            written: String::new(),
            web,
            tenants,
            watch: Watch::of(self.watch),
        }
    }

    fn own(&mut self, chain: &Source<'_>, key: &Source<'_>) -> Result<Live<Credentials>, Mistake> {
        let live = Live::new(credentials(&self.tls, chain, key)?);
        let (tls, texts) = (self.tls.clone(), vec![chain.from(), key.from()]);
        let name = format!("{}, {}", chain.named(), key.named());
        self.watch
            .extend(watched(name, texts, &live, move |texts, _, now| {
                let [chain, key] =
                    [0, 1].map(|place| texts.get(place).copied().unwrap_or_default().as_bytes());
                let own = Credentials::from_pem(tls.provider(), chain, key)?;
                own.check(now)?;
                Ok(own)
            }));
        Ok(live)
    }

    fn policy(&mut self, clients: &Table<'_>) -> Result<(Policy, Live<TenantTable>), Mistake> {
        let trust = self.authorities(clients)?;
        let tenants = Live::new(tenants(clients)?);
        let policy = match self.pins(clients)? {
            None => Policy::new(trust, tenants.clone()),
            Some(pins) => Policy::new(trust.and(pins), tenants.clone()),
        };
        Ok((policy, tenants))
    }

    fn authorities(&mut self, clients: &Table<'_>) -> Result<Live<PrivateCa>, Mistake> {
        let (now, algorithms) = (Clock::default().now(), self.tls.algorithms());
        let ca = clients
            .need(
                "ca",
                "ca = \"FILE\", the authorities that issue to clients, in PEM",
            )?
            .source()?;
        let lists = clients.get("crls").map(|item| item.source()).transpose()?;
        let read = |file: &Source<'_>| {
            Crls::from_pem(file.text().as_bytes(), now).map_err(|invalid| file.wrong(&invalid))
        };
        let crls = lists.as_ref().map(read).transpose()?;
        let made = authorities(algorithms, ca.text(), crls.as_ref(), now);
        let live = Live::new(made.map_err(|invalid| ca.wrong(&invalid))?);

        let names: Vec<_> = [Some(&ca), lists.as_ref()].into_iter().flatten().collect();
        let texts = names.iter().map(|file| file.from()).collect();
        let name = names
            .iter()
            .map(|file| file.named())
            .collect::<Vec<_>>()
            .join(", ");
        let last = Mutex::new(crls);
        self.watch.extend(watched(
            name,
            texts,
            &live,
            move |texts, before: &PrivateCa, now| {
                let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
                let text = |place: usize| texts.get(place).copied().unwrap_or_default();
                // No list may be missing, or older: whoever keeps the new one from us would bring a revoked client back.
                let crls = match &*last {
                    Some(last) => Some(last.renew(text(1).as_bytes(), now)?),
                    None => None,
                };
                let made = authorities(algorithms, text(0), crls.as_ref(), now)?;
                *last = crls;
                Ok(made.with_history_of(before))
            },
        ));
        Ok(live)
    }

    fn pins(&mut self, clients: &Table<'_>) -> Result<Option<Live<PinSet>>, Mistake> {
        let Some(item) = clients.get("pins") else {
            return Ok(None);
        };
        let file = item.source()?;
        let live = Live::new(pins(file.text()).map_err(|invalid| file.wrong(&invalid))?);
        let found = watched(
            file.named(),
            vec![file.from()],
            &live,
            |texts, before: &PinSet, _| Ok(pins(&texts.concat())?.with_history_of(before)),
        );
        self.watch.extend(found);
        Ok(Some(live))
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

fn pins(text: &str) -> Result<PinSet, Mistake> {
    let pins: PinSet = text.parse().map_err(|invalid: InvalidPin| invalid.to_string())?;
    if pins.is_empty() {
        return Err("holds no pin, so nobody could call; add one a line, or leave pins out".to_owned());
    }
    Ok(pins)
}

type Algorithms = &'static [&'static dyn rustls::pki_types::SignatureVerificationAlgorithm];

fn authorities(
    algorithms: Algorithms,
    pem: &str,
    crls: Option<&Crls>,
    now: UnixTime,
) -> Result<PrivateCa, InvalidCa> {
    let authorities = PrivateCa::builder(algorithms).pem(pem.as_bytes());
    let authorities = match crls {
        Some(crls) => authorities.with_revocation(Revocation::required(crls.clone())),
        None => authorities,
    };
    authorities.build(now)
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
