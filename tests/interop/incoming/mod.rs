//! `examples/incoming_proxy.rs` as a process: in front of services in other languages, called by clients in others.

mod forwarding;
mod mistakes;
mod paths;
mod reloading;
mod services;
mod sites;
pub(crate) mod world;
