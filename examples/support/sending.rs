//! What options of the sender's side say: where to it delivers, and as whom.

use std::fmt::Display;
use std::num::NonZero;
use std::path::Path;

use countersign::address::AddressGuard;
use countersign::dispatch::{Dispatcher, DispatcherBuilder, Endpoint};
use countersign::egress::Egress;
use countersign::tenant::TenantId;
use countersign::tls::{Credentials, Tls};

/// To these networks of `--allow-network` and these ports of `--port`, besides the public ones and 443.
pub(crate) fn dispatcher(networks: &[String], ports: &[String]) -> Result<DispatcherBuilder, String> {
    let mut guard = AddressGuard::new();
    for network in networks {
        let parsed = network.parse();
        guard = guard.allow_network(parsed.map_err(|error| format!("--allow-network {network:?}: {error}"))?);
    }
    let mut all = vec![Endpoint::DEFAULT_PORT];
    for port in ports {
        let parsed = port.parse::<NonZero<u16>>();
        let parsed = parsed.map_err(|_| format!("--port {port:?}: give a number from 1 to 65535"))?;
        all.push(parsed.get());
    }
    let egress = Egress::new().with_guard(guard);
    Ok(Dispatcher::builder().with_egress(egress).with_ports(all))
}

/// A tenant's, from TENANT.pem and TENANT.key in the directory of `--identities`.
pub(crate) fn credentials(directory: &Path, tls: &Tls, tenant: &TenantId) -> Result<Credentials, String> {
    // The name becomes the name of a file: nothing that leads elsewhere.
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    if !tenant.as_str().bytes().all(plain) {
        return Err(format!(
            "--identities: no file is named after {tenant}; use letters, digits, - and _ only"
        ));
    }
    let [cert, key] = ["pem", "key"].map(|ending| directory.join(format!("{tenant}.{ending}")));
    let (shown_cert, shown_key) = (cert.display(), key.display());
    let whose = format!("{tenant} from {shown_cert} and {shown_key}");
    Credentials::from_pem_files(tls.provider(), &cert, &key).map_err(unusable(&whose))
}

pub(crate) fn unusable<E: Display>(whose: &impl Display) -> impl Fn(E) -> String {
    move |error| format!("--identities, for {whose}: {error}")
}
