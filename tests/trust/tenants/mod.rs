//! Whose is it? Exactly one rule, exactly one name, or nobody.

mod common_names;
mod names;
mod rules;
mod tables;

use countersign::identity::SpkiHash;
use countersign::tenant::{NoTenant, ResolveTenant, TenantId, TenantTable, TenantTableBuilder};
use countersign::testing::{LeafBuilder, NOW, TestCa};
use countersign::trust::VerifiedPeer;

use crate::stage::*;

fn table() -> TenantTableBuilder {
    TenantTable::builder()
}

fn built(builder: TenantTableBuilder) -> TenantTable {
    builder.build().expect("a table")
}

/// Verified below its root, with whatever names it carries.
fn peer(root: &TestCa, leaf: LeafBuilder) -> VerifiedPeer {
    peer_at(&private(&[root]), &leaf.issue(), NOW).expect("trusted")
}

fn ask(table: &dyn ResolveTenant, root: &TestCa, leaf: LeafBuilder) -> Result<(String, String), NoTenant> {
    let resolved = table.resolve_tenant(&peer(root, leaf))?;
    Ok((resolved.tenant.to_string(), resolved.rule.to_string()))
}

fn is(tenant: &str, rule: &str) -> Result<(String, String), NoTenant> {
    Ok((tenant.to_owned(), rule.to_owned()))
}

fn unknown(rule: &str, name: &str) -> Result<(String, String), NoTenant> {
    Err(NoTenant::Unknown {
        rule: rule.into(),
        name: name.to_owned(),
    })
}

fn ambiguous(first: &str, second: &str) -> Result<(String, String), NoTenant> {
    Err(NoTenant::Ambiguous {
        first: first.into(),
        second: second.into(),
    })
}

fn id(name: &str) -> TenantId {
    TenantId::parse(name).expect("a tenant's name")
}

const NOBODY: Result<(String, String), NoTenant> = Err(NoTenant::NoRule);

fn spki(ca: &TestCa) -> SpkiHash {
    SpkiHash::of(&ca.spki_der())
}
