//! Attacks that have worked on others, played for real. The names are those of the classes they belong to.
//!
//! R resumption, F configuration that fails open, N names and identities, P paths.

mod lineages;
mod names;
mod open;
mod paths;
mod resumption;
mod unproved;
mod work;

use std::net::SocketAddr;
use std::sync::Arc;

use countersign::gate::{Caller, Policy};
use countersign::identity::SpkiHash;
use countersign::refusal::Refusal;
use countersign::tenant::TenantTable;
use countersign::testing::{LeafBuilder, NOW, TestCa, TestCert};
use countersign::tls::allow_resumption;
use countersign::tls::rustls::pki_types::UnixTime;
use countersign::tls::rustls::{AlertDescription, ServerConfig, ServerConnection};
use countersign::trust::{Crls, VerifyPeer};
use countersign::web::Connection;

use crate::stage::*;

fn address() -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], 4711))
}

fn key_of(cert: &TestCert) -> SpkiHash {
    SpkiHash::of(&cert.spki_der())
}

fn acme_table() -> TenantTable {
    TenantTable::builder()
        .uri("spiffe://acme.example/tenant/{tenant}")
        .known(["acme"])
        .build()
        .expect("a table")
}

fn policy(trust: impl VerifyPeer + 'static) -> Policy {
    Policy::new(trust, acme_table())
}

fn door(policy: &Policy, clock: &Arc<Clock>) -> ServerConfig {
    server_config(policy.trust(), clock)
}

/// A door that resumes, the safe way.
fn resuming(policy: &Policy, clock: &Arc<Clock>) -> Arc<ServerConfig> {
    let mut config = door(policy, clock);
    allow_resumption(&mut config, policy);
    Arc::new(config)
}

/// Who the server takes the client for, once the handshake is done.
fn caller(server: &ServerConnection, policy: &Policy, now: UnixTime) -> Result<Caller, Refusal> {
    Connection::new(address(), server.peer_certificates())?.identify(policy, now)
}

/// What a client gets at a door: an alert, a refusal, or a tenant.
fn knock(policy: &Policy, leaf: &TestCert) -> Result<String, Result<Refusal, AlertDescription>> {
    let server = Arc::new(door(policy, &Clock::at(NOW)));
    let outcome = meet(&server, &client(leaf, VERSIONS[0]));
    match (&outcome.handshake.server, outcome.alert()) {
        (Ok(server), None) => match caller(server, policy, NOW) {
            Ok(caller) => Ok(caller.tenant().to_string()),
            Err(refusal) => Err(Ok(refusal)),
        },
        (_, Some(alert)) => Err(Err(alert)),
        (error, None) => panic!("{error:?}"),
    }
}

fn crls(lists: impl IntoIterator<Item = countersign::testing::CrlBuilder>) -> Crls {
    let lists = lists.into_iter().map(|list| list.issue().der().clone());
    Crls::from_der(lists, NOW).expect("lists")
}

const DNS: u8 = 2;

const EMAIL: u8 = 1;

const URI: u8 = 6;

fn bare(root: &TestCa) -> LeafBuilder {
    root.client("x.example").without_san()
}
