//! What stands in the files. Every mistake names the option, the file, and what to do about it.

use std::fmt::Display;
use std::path::Path;

use countersign::identity::{NameKind, SpkiHash};
use countersign::tenant::{TenantId, TenantTable};
use countersign::tls::{Credentials, Tls};
use countersign::trust::{PinSet, PrivateCa};
use rustls::pki_types::UnixTime;

use crate::Mistake;
use crate::lines::read;
use crate::options::Options;

/// What the library says is wrong, with the option that it is about.
pub(crate) fn in_option<E: Display>(option: &str) -> impl Fn(E) -> Mistake {
    move |error| format!("{option}: {error}")
}

/// Whose certificates count: those of these authorities, and these leaves.
pub(crate) fn clients(options: &Options, tls: &Tls, now: UnixTime) -> Result<PrivateCa, Mistake> {
    let mut clients = PrivateCa::builder(tls.algorithms());
    if let Some(file) = &options.client_ca {
        clients = clients.pem_file(file);
    }
    if let Some(file) = &options.client_leaf {
        clients = clients.leaf_pem(read("--client-leaf", file)?.as_bytes());
    }
    let option = match (&options.client_ca, &options.client_leaf) {
        (Some(_), None) => "--client-ca",
        (None, _) => "--client-leaf",
        (Some(_), Some(_)) => "--client-ca or --client-leaf",
    };
    clients.build(now).map_err(in_option(option))
}

pub(crate) fn credentials(cert: &Path, key: &Path, tls: &Tls) -> Result<Credentials, Mistake> {
    let named = format!("--cert {} --key {}", cert.display(), key.display());
    Credentials::from_pem_files(tls.provider(), cert, key).map_err(in_option(&named))
}

/// One pin a line.
pub(crate) fn pins(file: &Path) -> Result<PinSet, Mistake> {
    let text = read("--pins", file)?;
    let pins: PinSet = text
        .parse()
        .map_err(|invalid| format!("--pins {}, {invalid}", file.display()))?;
    if pins.is_empty() {
        return Err(format!(
            "--pins {} holds no pin, so nobody could call; add one a line",
            file.display()
        ));
    }
    Ok(pins)
}

/// Rules for the tenants that have keys.
pub(crate) fn tenants(
    templates: &[String],
    names: &[String],
    known: &[TenantId],
) -> Result<TenantTable, Mistake> {
    let mut table = TenantTable::builder();
    for template in templates {
        table = table.uri(template);
    }
    for rule in names {
        let (tenant, shown) = exact_name(rule)?;
        let Some(tenant) = known.iter().find(|known| known.as_str() == tenant) else {
            return Err(format!(
                "--name {rule}: the tenant {tenant} has no key; add one to the file of --keys"
            ));
        };
        table = match shown {
            Shown::Name(kind, name) => table.name(tenant.clone(), kind, name),
            Shown::Pin(spki) => table.pin(tenant.clone(), spki),
        };
    }
    table
        .known(known.iter().map(TenantId::as_str))
        .build()
        .map_err(in_option("--tenants or --name"))
}

/// What a client shows that is one tenant's.
enum Shown<'a> {
    Name(NameKind, &'a str),
    Pin(SpkiHash),
}

/// `TENANT=KIND:NAME`.
fn exact_name(rule: &str) -> Result<(&str, Shown<'_>), Mistake> {
    let parsed = rule.split_once('=').and_then(|(tenant, name)| {
        let (kind, name) = name.split_once(':')?;
        let kind = match kind {
            "URI" => NameKind::Uri,
            "DNS" => NameKind::Dns,
            "email" => NameKind::Email,
            "IP" => NameKind::Ip,
            "CN" => NameKind::CommonName,
            "OU" => NameKind::OrganizationalUnit,
            "UID" => NameKind::UserId,
            "organizationIdentifier" => NameKind::OrganizationIdentifier,
            "pin" => return Some((tenant, Shown::Pin(SpkiHash::parse(name).ok()?))),
            _ => return None,
        };
        Some((tenant, Shown::Name(kind, name)))
    });
    parsed.ok_or_else(|| {
        format!("--name {rule}: write TENANT=KIND:NAME, where KIND is one of URI, DNS, email, IP, CN, OU, UID, organizationIdentifier, or pin with a key's hash")
    })
}
