//! What stands in files is read anew when it changes: whoever renews a certificate, adds a pin or a key, restarts nothing.

use std::sync::Arc;

use countersign::live::Live;
use countersign::payload::Keyring;
use countersign::reload::{FileSource, Files, NotLoaded, Reading, Reload, Rules};
use countersign::tenant::TenantTable;
use countersign::tls::Credentials;
use countersign::trust::{PinSet, PrivateCa};

use crate::options::Options;
use crate::{Mistake, files, keys, log, tls};

/// What the files say, as it is in force.
pub(crate) struct InForce {
    pub(crate) clients: Live<PrivateCa>,
    pub(crate) pins: Option<Live<PinSet>>,
    pub(crate) tenants: Live<TenantTable>,
    pub(crate) keys: Live<Keyring>,
    pub(crate) own: Live<Credentials>,
}

/// For as long as what it returns is kept.
pub(crate) async fn start(options: &Arc<Options>, in_force: &InForce) -> Result<Reload, Mistake> {
    let (reload, rules) = (Reload::new().observed_by(log::later()), Rules::default());
    let wrong = |failed: NotLoaded| failed.to_string();
    let tls = tls(options.tls12);

    let own = FileSource::credentials(&tls, &options.cert, &options.key);
    let own = reload.start_with("--cert and --key", own, rules, in_force.own.clone());
    own.await.map_err(wrong)?;

    let given = options.clone();
    let clients = Files::of(options.client_ca.iter().chain(&options.client_leaf));
    let clients = clients.read_by(move |read: &Reading<'_, PrivateCa>| {
        let clients = files::clients(&given, &tls, read.now())?;
        Ok(match read.before() {
            Some(before) => clients.with_history_of(before),
            None => clients,
        })
    });
    let clients = reload.start_with("--client-ca", clients, rules, in_force.clients.clone());
    clients.await.map_err(wrong)?;

    if let (Some(file), Some(pins)) = (&options.pins, &in_force.pins) {
        let pins = reload.start_with("--pins", FileSource::pins(file), rules, pins.clone());
        pins.await.map_err(wrong)?;
    }

    start_keys(&reload, rules, options, in_force)
        .await
        .map_err(wrong)?;
    Ok(reload)
}

/// Keys and tenants, which stand in one file.
async fn start_keys(
    reload: &Reload,
    rules: Rules,
    options: &Arc<Options>,
    in_force: &InForce,
) -> Result<(), NotLoaded> {
    let given = options.clone();
    let ring = Files::of([&options.keys]).read_by(move |read: &Reading<'_, Keyring>| {
        let (ring, _) = keys::keys(&given.keys, &given.scheme)?;
        Ok(match read.before() {
            Some(before) => ring.with_history_of(before),
            None => ring,
        })
    });
    let ring = reload.start_with("--keys", ring, rules, in_force.keys.clone());
    ring.await?;

    let given = options.clone();
    let tenants = Files::of([&options.keys]).read_by(move |_: &Reading<'_, TenantTable>| {
        let (_, tenants) = keys::keys(&given.keys, &given.scheme)?;
        Ok(files::tenants(&given.templates, &given.names, &tenants)?)
    });
    let tenants = reload.start_with("tenants of --keys", tenants, rules, in_force.tenants.clone());
    tenants.await.map(drop)
}
