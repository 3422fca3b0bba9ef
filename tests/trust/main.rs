//! **Who is it, do we trust it, whose is it?** Certificates, chains, lists, pins, tenants.

#[path = "../support/stage.rs"]
mod stage;

mod authorities;
mod identity;
mod pins;
mod revocation;
mod rfc5280;
mod tenants;
