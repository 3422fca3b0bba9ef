//! It keeps on verifying: what is remembered, what is resumed, and what a change of policy reaches.

mod changes;
mod configured;
mod credentials;
mod remembered;
mod resumed;

use std::net::SocketAddr;

use countersign::gate::Policy;
use countersign::identity::SpkiHash;
use countersign::refusal::Refusal;
use countersign::tenant::{TenantTable, TenantTableBuilder};
use countersign::testing::{TestCa, TestCert};
use countersign::tls::rustls::pki_types::UnixTime;
use countersign::trust::VerifyPeer;
use countersign::web::Connection;

fn spki(ca: &TestCa) -> SpkiHash {
    SpkiHash::of(&ca.spki_der())
}

fn address() -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], 4711))
}

/// Whoever `trust` trusts, by its SPIFFE ID.
fn policy(trust: impl VerifyPeer + 'static) -> Policy {
    Policy::new(trust, acme_only().build().expect("a table"))
}

fn acme_only() -> TenantTableBuilder {
    TenantTable::builder()
        .uri("spiffe://acme.example/tenant/{tenant}")
        .known(["acme"])
}

fn connected(cert: &TestCert) -> Connection {
    Connection::new(address(), Some(&cert.chain())).expect("a chain")
}

fn tenant(connection: &Connection, policy: &Policy, now: UnixTime) -> Result<String, Refusal> {
    Ok(connection.identify(policy, now)?.tenant().to_string())
}

fn acme() -> Result<String, Refusal> {
    Ok("acme".to_owned())
}

fn leaf_key(cert: &TestCert) -> SpkiHash {
    SpkiHash::of(&cert.spki_der())
}
