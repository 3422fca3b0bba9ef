//! **The handshake**: configurations, credentials, alerts, resumption.

#[path = "../support/stage.rs"]
mod stage;

mod handshakes;
mod resumption;
