//! What stands on the command line, and in the files that it names.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use countersign::address::AddressGuard;
use countersign::dispatch::{Dispatcher, Endpoint, Limits, TenantIdentity};
use countersign::egress::Egress;
use countersign::tenant::TenantId;
use countersign::tls::{Credentials, Tls};
use countersign::trust::PinSet;

use crate::Mistake;

/// Everything that it needs to know.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) listen: String,
    merchants: String,
    identities: String,
    ports: Vec<String>,
    networks: Vec<String>,
}

impl Options {
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, Mistake> {
        let mut options = Self {
            listen: "127.0.0.1:8080".into(),
            ..Self::default()
        };
        while let Some(option) = words.next() {
            let value = words.next();
            let value =
                value.ok_or_else(|| format!("{option} is not an option, or needs a value; see --help"))?;
            match option.as_str() {
                "--listen" => options.listen = value,
                "--merchants" => options.merchants = value,
                "--identities" => options.identities = value,
                "--port" => options.ports.push(value),
                "--allow-network" => options.networks.push(value),
                _ => return Err(format!("{option:?} is not an option; --help lists them")),
            }
        }
        for (option, value) in [
            ("--merchants FILE", &options.merchants),
            ("--identities DIR", &options.identities),
        ] {
            if value.is_empty() {
                return Err(format!(
                    "{option} is missing; --help explains it, and --demo tries it without"
                ));
            }
        }
        Ok(options)
    }
}

/// A line of the file: who, where, and the keys of its server.
struct Merchant {
    tenant: TenantId,
    origin: String,
    pins: PinSet,
}

fn read(options: &Options) -> Result<Vec<Merchant>, Mistake> {
    let path = &options.merchants;
    let text = fs::read_to_string(path)
        .map_err(|error| format!("--merchants {path}: {error}; give a file that this process may read"))?;
    let says_something = |line: &&str| !line.trim().is_empty() && !line.trim().starts_with('#');
    let merchants = text.lines().filter(says_something).map(|line| {
        merchant(line).map_err(|why| format!("--merchants {path}, {:?}: {why}", line.split(' ').next()))
    });
    merchants.collect()
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
    let pins = PinSet::parse(pins).map_err(|error| error.to_string())?;
    let origin = origin.trim_end_matches('/').to_owned();
    Endpoint::parse(tenant.clone(), &origin).map_err(|error| error.to_string())?;
    Ok(Merchant { tenant, origin, pins })
}

pub(crate) fn merchants(options: &Options) -> Result<HashMap<String, String>, Mistake> {
    let all = read(options)?.into_iter();
    Ok(all
        .map(|merchant| (merchant.tenant.to_string(), merchant.origin))
        .collect())
}

/// With an identity for each merchant. Pins alone decide whom to talk to: a name or an authority adds nothing to a key
/// that the merchant has handed over.
pub(crate) fn dispatcher(options: &Options) -> Result<Dispatcher, Mistake> {
    let mut guard = AddressGuard::new();
    for network in &options.networks {
        let parsed = network.parse();
        guard = guard.allow_network(parsed.map_err(|error| format!("--allow-network {network:?}: {error}"))?);
    }
    let mut ports = vec![Endpoint::DEFAULT_PORT];
    for port in &options.ports {
        let parsed = port.parse();
        ports.push(parsed.map_err(|_| format!("--port {port:?}: give a number from 1 to 65535"))?);
    }
    let dispatcher = Dispatcher::builder()
        .with_egress(Egress::new().with_guard(guard))
        .with_ports(ports)
        .with_limits(limits())
        .build();
    let tls = Tls::new(Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
    for merchant in read(options)? {
        let credentials = credentials(Path::new(&options.identities), &tls, &merchant.tenant)?;
        let sender = TenantIdentity::allow_unsigned(&tls, credentials, merchant.pins);
        let sender = sender.map_err(|error| error.to_string())?;
        dispatcher
            .set_identity(merchant.tenant, sender)
            .map_err(|error| error.to_string())?;
    }
    Ok(dispatcher)
}

/// Answers of an API are larger than those to a webhook.
pub(crate) fn limits() -> Limits {
    Limits::default().with_body(1024 * 1024)
}

fn credentials(directory: &Path, tls: &Tls, tenant: &TenantId) -> Result<Credentials, Mistake> {
    // The name becomes the name of a file: nothing that leads elsewhere.
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    if !tenant.as_str().bytes().all(plain) {
        return Err(format!(
            "--merchants: {tenant}: name merchants with letters, digits, - and _ only"
        ));
    }
    let file = |ending: &str| directory.join(format!("{tenant}.{ending}"));
    Credentials::from_pem_files(tls.provider(), file("pem"), file("key"))
        .map_err(|error| format!("--identities: {error}"))
}
