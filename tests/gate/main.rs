//! **All five questions**, and the ways round them that have worked on others.

#[path = "../support/stage.rs"]
mod stage;
#[path = "../support/time_and_tenants.rs"]
mod support;

mod bypass;
mod gate_and_refusals;
mod lost;
mod secrets;
mod streamed;
