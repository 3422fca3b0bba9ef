//! What stands on the command line, and in the files that it names.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use countersign::dispatch::{Dispatcher, Endpoint, Limits, TenantIdentity};
use countersign::identity::SpkiHash;
use countersign::observe::Log;
use countersign::tenant::TenantId;
use countersign::tls::Tls;
use countersign::trust::PinSet;

use crate::command_line::{Asked, Words, needed, once, unknown};
use crate::{Mistake, lines, sending};

/// Everything that it needs to know.
pub(crate) struct Options {
    pub(crate) listen: String,
    merchants: PathBuf,
    identities: PathBuf,
    ports: Vec<String>,
    networks: Vec<String>,
}

#[derive(Default)]
struct Given {
    listen: Option<String>,
    merchants: Option<PathBuf>,
    identities: Option<PathBuf>,
    ports: Vec<String>,
    networks: Vec<String>,
}

pub(crate) fn asked(words: Words) -> Result<Asked<Options>, Mistake> {
    Asked::read(words, Given::set, Given::complete)
}

impl Given {
    fn set(&mut self, option: &str, words: &mut Words) -> Result<(), Mistake> {
        match option {
            "listen" => once(option, &mut self.listen, words.value()?)?,
            "merchants" => once(option, &mut self.merchants, words.file()?)?,
            "identities" => once(option, &mut self.identities, words.file()?)?,
            "port" => self.ports.push(words.value()?),
            "allow-network" => self.networks.push(words.value()?),
            _ => return Err(unknown(option)),
        }
        Ok(())
    }

    fn complete(self) -> Result<Options, Mistake> {
        Ok(Options {
            listen: self.listen.unwrap_or_else(|| "127.0.0.1:8080".into()),
            merchants: needed("--merchants FILE", self.merchants)?,
            identities: needed("--identities DIR", self.identities)?,
            ports: self.ports,
            networks: self.networks,
        })
    }
}

/// A line of the file: who, where, and the keys of its server.
struct Merchant {
    tenant: TenantId,
    origin: String,
    pins: PinSet,
}

fn read(options: &Options) -> Result<Vec<Merchant>, Mistake> {
    let path = options.merchants.display();
    let text = lines::read("--merchants", &options.merchants)?;
    let mut merchants: Vec<Merchant> = Vec::new();
    for (line, text) in lines::lines(&text) {
        let wrong = lines::in_line("--merchants", &options.merchants, line);
        let merchant = merchant(text).map_err(|error| wrong(&error))?;
        // Not the one nor the other: whichever counted, the keys of the other would be lost.
        if merchants.iter().any(|other| other.tenant == merchant.tenant) {
            let name = &merchant.tenant;
            return Err(wrong(&format!(
                "{name} stands there twice; write all its keys in one line"
            )));
        }
        merchants.push(merchant);
    }
    if merchants.is_empty() {
        return Err(format!(
            "--merchants {path}: holds no merchant, so nobody could be called; write one a line: MERCHANT ORIGIN PIN .."
        ));
    }
    Ok(merchants)
}

fn merchant(line: &str) -> Result<Merchant, Mistake> {
    let words: Vec<_> = line.split_whitespace().collect();
    let [name, origin, pins @ ..] = words.as_slice() else {
        return Err("write it as MERCHANT ORIGIN PIN ..".into());
    };
    let tenant = TenantId::parse(name).map_err(|error| error.to_string())?;
    if pins.is_empty() {
        return Err("name at least one key, and better two: the one in use and the next one".into());
    }
    let pins: Result<Vec<_>, _> = pins.iter().map(|pin| SpkiHash::parse(pin)).collect();
    let pins = PinSet::new(pins.map_err(|error| error.to_string())?);
    let origin = origin.trim_end_matches('/').to_owned();
    Endpoint::parse(tenant.clone(), &origin).map_err(|error| error.to_string())?;
    Ok(Merchant { tenant, origin, pins })
}

/// With an identity for each merchant. Pins alone decide whom to talk to: a name or an authority adds nothing to a key
/// that the merchant has handed over. And the beginning of each merchant's URLs.
pub(crate) fn dispatcher(options: &Options) -> Result<(Dispatcher, HashMap<String, String>), Mistake> {
    let dispatcher = sending::dispatcher(&options.networks, &options.ports)?
        .with_limits(limits())
        .observed_by(Arc::new(Log::new()))
        .build();
    let tls = Tls::new(Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
    let mut origins = HashMap::new();
    for merchant in read(options)? {
        let credentials = sending::credentials(&options.identities, &tls, &merchant.tenant)?;
        origins.insert(merchant.tenant.to_string(), merchant.origin);
        let sender = TenantIdentity::unsigned(&tls, credentials, merchant.pins);
        let sender = sender.map_err(sending::unusable(&merchant.tenant))?;
        dispatcher
            .set_identity(merchant.tenant.clone(), sender)
            .map_err(sending::unusable(&merchant.tenant))?;
    }
    Ok((dispatcher, origins))
}

/// Answers of an API are larger than those to a webhook.
pub(crate) fn limits() -> Limits {
    Limits::default().with_body(1024 * 1024)
}
