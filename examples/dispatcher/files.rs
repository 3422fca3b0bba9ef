//! Everything that it works with, from files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use countersign::dispatch::{Delivery, Dispatcher, Endpoint, EndpointOwners, TenantIdentity};
use countersign::identity::SpkiHash;
use countersign::payload::{CannotSign, HmacSigner, Keyring, Outgoing, Scheme, SignPayload as _};
use countersign::reload::{Both, FileSource, Files, Reading, Reload, Rules};
use countersign::tenant::TenantId;
use countersign::tls::{Credentials, Tls};
use countersign::trust::{PinSet, PrivateCa, VerifyPeer, WebRoots};
use rustls::pki_types::UnixTime;

use crate::options::Options;
use crate::{Job, Mistake, keys, lines, sending};

pub(crate) fn read(options: &Options) -> Result<(Dispatcher, Vec<Job>), Mistake> {
    let tls = tls();
    let owners = EndpointOwners::per_url();
    let endpoints = endpoints(&options.endpoints, &owners)?;
    let tenants: BTreeSet<_> = endpoints
        .iter()
        .map(|endpoint| endpoint.tenant().clone())
        .collect();
    let (keys, _) = keys::keys(&options.keys, &Scheme::standard_webhooks())?;
    let pins = options.pins.as_deref().map(pins).transpose()?;

    let body = fs::read(&options.body).map_err(lines::unreadable("--body", &options.body))?;
    let id = options.id.clone().unwrap_or_else(a_new_id);

    let dispatcher = sending::dispatcher(&options.networks, &options.ports)?
        .with_owners(owners)
        .build();
    for tenant in tenants {
        let credentials = sending::credentials(&options.identities, &tls, &tenant)?;
        let (sender, signer) = sender(options, &tls, &keys, pins.as_ref(), &tenant, credentials)?;
        check_signing(
            options,
            &signer,
            &Outgoing::new(&tenant, &id, &body, UnixTime::now()),
        )?;
        dispatcher
            .set_identity(tenant.clone(), sender)
            .map_err(sending::unusable(&tenant))?;
    }
    let last = last_moment(options)?;
    let job = |endpoint: Endpoint| job(endpoint, &id, &body, last);
    Ok((dispatcher, endpoints.into_iter().map(job).collect()))
}

/// The delivery of this body there, and not after the last moment.
fn job(endpoint: Endpoint, id: &str, body: &[u8], last: Option<UnixTime>) -> Job {
    let delivery = Delivery::new(endpoint.tenant().clone(), id.to_owned(), body.to_vec());
    let delivery = match last {
        Some(last) => delivery.with_expiry(last),
        None => delivery,
    };
    Job { delivery, endpoint }
}

/// Reads identities, keys, pins and authorities anew when their files change, for as long as what it returns is kept: what is tried
/// again tomorrow goes out under tomorrow's certificate, signed with tomorrow's key.
pub(crate) async fn reload(
    options: &Arc<Options>,
    dispatcher: &Dispatcher,
    jobs: &[Job],
) -> Result<Reload, Mistake> {
    let (reload, tls) = (Reload::new(), tls());
    let tenants: BTreeSet<_> = jobs.iter().map(|job| job.endpoint.tenant().clone()).collect();
    let others = [
        Some(&options.keys),
        options.pins.as_ref(),
        options.server_ca.as_ref(),
    ];
    let others: Vec<_> = others.into_iter().flatten().cloned().collect();
    for tenant in tenants {
        let [cert, key] = ["pem", "key"].map(|ending| options.identities.join(format!("{tenant}.{ending}")));
        let (options, dispatcher, tls_of_sender, owner) =
            (options.clone(), dispatcher.clone(), tls.clone(), tenant.clone());
        let publish = move |own: &Arc<Credentials>| -> Result<(), Mistake> {
            let (keys, _) = keys::keys(&options.keys, &Scheme::standard_webhooks())?;
            let pins = options.pins.as_deref().map(pins).transpose()?;
            let own = Credentials::clone(own);
            let (sender, _) = sender(&options, &tls_of_sender, &keys, pins.as_ref(), &owner, own)?;
            let set = dispatcher.set_identity(owner.clone(), sender);
            set.map(drop).map_err(sending::unusable(&owner))
        };
        // What else makes a sender is read where it is published: here it is only watched.
        let others = Files::of(others.clone()).read_by(|_: &Reading<'_, ()>| Ok(()));
        let own = FileSource::credentials(&tls, cert, key);
        let source = Both::new(own, others, |own: &Credentials, (), _| {
            Ok::<_, Mistake>(own.clone())
        });
        let started = reload.start_with(tenant.as_str(), source, Rules::default(), publish);
        started.await.map_err(sending::unusable(&tenant))?;
    }
    Ok(reload)
}

fn tls() -> Tls {
    Tls::new(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
}

/// As whom this tenant's deliveries go out, and what signs them.
fn sender(
    options: &Options,
    tls: &Tls,
    keys: &Keyring,
    pins: Option<&(PathBuf, Pins)>,
    tenant: &TenantId,
    credentials: Credentials,
) -> Result<(TenantIdentity, HmacSigner), Mistake> {
    let trust = trust(options, tls, pins, tenant)?;
    let signer = HmacSigner::new(Scheme::standard_webhooks(), keys.clone());
    let sender = TenantIdentity::new(tls, credentials, trust, signer.clone());
    Ok((sender.map_err(sending::unusable(tenant))?, signer))
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

fn endpoints(path: &Path, owners: &EndpointOwners) -> Result<Vec<Endpoint>, Mistake> {
    let text = lines::read("--endpoints", path)?;
    let mut endpoints = Vec::new();
    for (line, words) in lines::lines(&text) {
        let wrong = lines::in_line("--endpoints", path, line);
        let [tenant, url] = words.split_whitespace().collect::<Vec<_>>()[..] else {
            return Err(wrong(&"write it as TENANT URL"));
        };
        let tenant = TenantId::parse(tenant).map_err(|error| wrong(&error))?;
        let endpoint = Endpoint::parse(tenant, url).map_err(|error| wrong(&error))?;
        // Here the file is the proof of who owns what; a platform asks for a better one before it claims.
        owners.claim(&endpoint).map_err(|error| wrong(&error))?;
        if endpoints.contains(&endpoint) {
            return Err(wrong(&"stands there twice"));
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

/// Of each tenant's receivers.
type Pins = BTreeMap<String, Vec<SpkiHash>>;

/// With the file that they stand in.
fn pins(path: &Path) -> Result<(PathBuf, Pins), Mistake> {
    let text = lines::read("--pins", path)?;
    let mut pins = Pins::new();
    for (line, words) in lines::lines(&text) {
        let wrong = lines::in_line("--pins", path, line);
        let [tenant, pin] = words.split_whitespace().collect::<Vec<_>>()[..] else {
            return Err(wrong(&"write it as TENANT PIN"));
        };
        let pin = SpkiHash::parse(pin).map_err(|error| wrong(&error))?;
        pins.entry(tenant.to_owned()).or_default().push(pin);
    }
    Ok((path.to_owned(), pins))
}

fn trust(
    options: &Options,
    tls: &Tls,
    pins: Option<&(PathBuf, Pins)>,
    tenant: &TenantId,
) -> Result<Box<dyn VerifyPeer>, Mistake> {
    let authority: Box<dyn VerifyPeer> = match &options.server_ca {
        None => Box::new(WebRoots::new(tls.algorithms())),
        Some(path) => {
            let ca = PrivateCa::from_pem_file(path, tls.algorithms(), UnixTime::now());
            Box::new(ca.map_err(|error| format!("--server-ca: {error}"))?)
        }
    };
    let Some((path, pins)) = pins else {
        return Ok(authority);
    };
    let own = pins.get(tenant.as_str()).map(Vec::as_slice).unwrap_or_default();
    if own.is_empty() {
        return Err(format!(
            "--pins {}: none for {tenant}; add its keys, or leave --pins out",
            path.display()
        ));
    }
    Ok(Box::new(authority.and(PinSet::new(own.iter().copied()))))
}

fn a_new_id() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("msg_{}", since.as_millis())
}
