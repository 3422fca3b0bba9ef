//! Everything that it works with, from files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use countersign::address::AddressGuard;
use countersign::dispatch::{Delivery, Dispatcher, Endpoint, EndpointOwners, TenantIdentity};
use countersign::egress::Egress;
use countersign::identity::SpkiHash;
use countersign::payload::{CannotSign, HmacSigner, Keyring, Outgoing, Scheme, Secret, SignPayload as _};
use countersign::tenant::TenantId;
use countersign::tls::{Credentials, Tls};
use countersign::trust::{PinSet, PrivateCa, VerifyPeer, WebRoots};
use rustls::pki_types::UnixTime;

use crate::options::Options;
use crate::{Job, Mistake};

pub(crate) fn read(options: &Options) -> Result<(Dispatcher, Vec<Job>), Mistake> {
    let tls = Tls::new(Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
    let claims = EndpointOwners::per_url();
    let endpoints = endpoints(&options.endpoints, &claims)?;
    let tenants: BTreeSet<_> = endpoints
        .iter()
        .map(|endpoint| endpoint.tenant().clone())
        .collect();
    let keys = keys(&options.keys)?;
    let pins = options.pins.as_deref().map(pins).transpose()?;

    let body = fs::read(&options.body).map_err(|error| unreadable("--body", &options.body, &error))?;
    let id = options.id.clone().unwrap_or_else(a_new_id);

    let dispatcher = builder(options)?.with_claims(claims).build();
    for tenant in tenants {
        let trust = trust(options, &tls, pins.as_ref(), &tenant)?;
        let credentials = credentials(&options.identities, &tls, &tenant)?;
        let signer = HmacSigner::new(Scheme::standard_webhooks(), keys.clone());
        check_signing(
            options,
            &signer,
            &Outgoing::new(&tenant, &id, &body, UnixTime::now()),
        )?;
        let sender =
            TenantIdentity::new(&tls, credentials, trust, signer).map_err(|error| error.to_string())?;
        dispatcher
            .set_identity(tenant, sender)
            .map_err(|error| error.to_string())?;
    }
    let last = last_moment(options)?;
    let deliver = |tenant| {
        let delivery = Delivery::new(tenant, id.clone(), body.clone());
        match last {
            Some(last) => delivery.with_expiry(last),
            None => delivery,
        }
    };
    let job = |endpoint: Endpoint| Job {
        delivery: deliver(endpoint.tenant().clone()),
        endpoint,
    };
    Ok((dispatcher, endpoints.into_iter().map(job).collect()))
}

/// Found out now, and not after half of the others have been delivered.
fn check_signing(options: &Options, signer: &HmacSigner, outgoing: &Outgoing<'_>) -> Result<(), Mistake> {
    let wrong = |cannot| match cannot {
        CannotSign::NoKey(_) => format!(
            "--keys {}: no key of {} that is valid now; add a line: TENANT KEY-NAME SECRET",
            options.keys.display(),
            outgoing.tenant
        ),
        CannotSign::Id => format!("--id {:?}: {cannot}", outgoing.id),
        other => format!("--body {}: {other}", options.body.display()),
    };
    signer.sign_payload(outgoing).map(drop).map_err(wrong)
}

fn last_moment(options: &Options) -> Result<Option<UnixTime>, Mistake> {
    let Some(seconds) = &options.keep_trying else {
        return Ok(None);
    };
    let parsed = seconds.parse::<u32>();
    let seconds = parsed.map_err(|_| format!("--keep-trying {seconds:?}: give a number of seconds"))?;
    let last = UnixTime::now().as_secs() + u64::from(seconds);
    Ok(Some(UnixTime::since_unix_epoch(Duration::from_secs(last))))
}

fn builder(options: &Options) -> Result<countersign::dispatch::DispatcherBuilder, Mistake> {
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
    let egress = Egress::new().with_guard(guard);
    Ok(Dispatcher::builder().with_egress(egress).with_ports(ports))
}

/// Lines that say something: where they stand, and their words.
fn lines(option: &str, path: &Path) -> Result<Vec<(usize, Vec<String>)>, Mistake> {
    let text = fs::read_to_string(path).map_err(|error| unreadable(option, path, &error))?;
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let lines = text
        .lines()
        .enumerate()
        .map(|(above, line)| (above + 1, words(line)));
    let says_something =
        |(_, words): &(usize, Vec<String>)| words.first().is_some_and(|first| !first.starts_with('#'));
    Ok(lines.filter(says_something).collect())
}

fn endpoints(path: &Path, claims: &EndpointOwners) -> Result<Vec<Endpoint>, Mistake> {
    let read = |(line, words): (usize, Vec<String>)| {
        let wrong = |why: String| format!("--endpoints {}, line {line}: {why}", path.display());
        let [tenant, url] = words.as_slice() else {
            return Err(wrong("write it as TENANT URL".into()));
        };
        let tenant = TenantId::parse(tenant).map_err(|error| wrong(error.to_string()))?;
        let endpoint = Endpoint::parse(tenant, url).map_err(|error| wrong(error.to_string()))?;
        // Here the file is the proof of who owns what; a platform asks for a better one before it claims.
        claims
            .claim(&endpoint)
            .map_err(|error| wrong(error.to_string()))?;
        Ok(endpoint)
    };
    let mut endpoints = Vec::new();
    for (line, words) in lines("--endpoints", path)? {
        let endpoint = read((line, words))?;
        if endpoints.contains(&endpoint) {
            return Err(format!(
                "--endpoints {}, line {line}: stands there twice",
                path.display()
            ));
        }
        endpoints.push(endpoint);
    }
    if endpoints.is_empty() {
        return Err(format!(
            "--endpoints {}: holds no endpoint, so nothing would be delivered; write one a line: TENANT URL",
            path.display()
        ));
    }
    Ok(endpoints)
}

fn keys(path: &Path) -> Result<Keyring, Mistake> {
    let scheme = Scheme::standard_webhooks();
    let mut ring = Keyring::builder(&scheme);
    for (line, words) in lines("--keys", path)? {
        let [tenant, name, secret] = words.as_slice() else {
            return Err(format!(
                "--keys {}, line {line}: write it as TENANT KEY-NAME SECRET",
                path.display()
            ));
        };
        let tenant = TenantId::parse(tenant)
            .map_err(|invalid| format!("--keys {}, line {line}: {invalid}", path.display()))?;
        ring = ring.key(tenant, name.as_str(), Secret::new(secret));
    }
    ring.build()
        .map_err(|error| format!("--keys {}: {error}", path.display()))
}

fn pins(path: &Path) -> Result<BTreeMap<String, Vec<SpkiHash>>, Mistake> {
    let mut pins = BTreeMap::<_, Vec<_>>::new();
    for (line, words) in lines("--pins", path)? {
        let [tenant, pin] = words.as_slice() else {
            return Err(format!(
                "--pins {}, line {line}: write it as TENANT PIN",
                path.display()
            ));
        };
        let pin = SpkiHash::parse(pin)
            .map_err(|error| format!("--pins {}, line {line}: {error}", path.display()))?;
        pins.entry(tenant.clone()).or_default().push(pin);
    }
    Ok(pins)
}

fn trust(
    options: &Options,
    tls: &Tls,
    pins: Option<&BTreeMap<String, Vec<SpkiHash>>>,
    tenant: &TenantId,
) -> Result<Box<dyn VerifyPeer>, Mistake> {
    let authority: Box<dyn VerifyPeer> = match &options.server_ca {
        None => Box::new(WebRoots::new(tls.algorithms())),
        Some(path) => {
            let ca = PrivateCa::from_pem_file(path, tls.algorithms(), UnixTime::now());
            Box::new(ca.map_err(|error| format!("--server-ca: {error}"))?)
        }
    };
    let Some(pins) = pins else { return Ok(authority) };
    let own = pins.get(tenant.as_str()).map(Vec::as_slice).unwrap_or_default();
    if own.is_empty() {
        return Err(format!(
            "--pins: none for {tenant}; add its keys, or leave --pins out"
        ));
    }
    Ok(Box::new(authority.and(PinSet::new(own.iter().copied()))))
}

fn credentials(directory: &Path, tls: &Tls, tenant: &TenantId) -> Result<Credentials, Mistake> {
    // The name becomes the name of a file: nothing that leads elsewhere.
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    if !tenant.as_str().bytes().all(plain) {
        return Err(format!(
            "--endpoints: {tenant}: name tenants with letters, digits, - and _ only"
        ));
    }
    let file = |ending: &str| directory.join(format!("{tenant}.{ending}"));
    Credentials::from_pem_files(tls.provider(), file("pem"), file("key"))
        .map_err(|error| format!("--identities: {error}"))
}

fn unreadable(option: &str, path: &Path, error: &std::io::Error) -> Mistake {
    format!(
        "{option} {}: {error}; give a file that this process may read",
        path.display()
    )
}

fn a_new_id() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("msg_{}", since.as_millis())
}
