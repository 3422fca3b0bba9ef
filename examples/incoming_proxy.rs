//! The incoming mutual-TLS proxy of a B2B platform, on loopback: `cargo run --example incoming_proxy -- --demo`.
//!
//! The service behind it speaks plain HTTP and knows nothing of TLS. It sees only requests that were verified, and is
//! told whose they are.

#[path = "incoming_proxy/demo.rs"]
mod demo;
#[path = "incoming_proxy/forward.rs"]
mod forward;
#[path = "incoming_proxy/routes.rs"]
mod routes;
#[path = "support/say.rs"]
mod say;
#[path = "support/secret.rs"]
mod secret;

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    // An option that is not known is never passed over: whoever writes `--config` wants something else.
    if !std::env::args_os().skip(1).eq(["--demo"]) {
        eprintln!("incoming_proxy: give one option, --demo; there is no other yet");
        return ExitCode::from(2);
    }
    match demo::run().await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("incoming_proxy: {error}");
            ExitCode::from(2)
        }
    }
}
