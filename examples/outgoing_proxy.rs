//! The outgoing mTLS proxy of a B2B platform: `cargo run --example outgoing_proxy -- --help`.
//!
//! Internal services speak plain HTTP to it, on loopback only, and name the merchant in the path. It presents that
//! merchant's client certificate, pins that merchant's server key, and delivers. No service holds a key.
//!
//! In a few seconds, on loopback: `cargo run --example outgoing_proxy -- --demo`. It prints each request of a service and what
//! the service was answered.

#![expect(
    clippy::disallowed_methods,
    reason = "a program takes the present from the system's clock"
)]

#[path = "support/command_line.rs"]
mod command_line;
#[path = "outgoing_proxy/demo.rs"]
mod demo;
#[path = "outgoing_proxy/files.rs"]
mod files;
#[path = "support/lines.rs"]
mod lines;
#[path = "support/log.rs"]
mod log;
#[path = "outgoing_proxy/proxy.rs"]
mod proxy;
#[path = "support/say.rs"]
mod say;
#[path = "support/sending.rs"]
mod sending;

use std::process::ExitCode;

use command_line::{Asked, Words, exit};
use files::Options;
use proxy::Proxy;
use say::say;

/// Why it does not start: one line that says what is wrong, where, and what to do.
type Mistake = String;

#[tokio::main]
async fn main() -> ExitCode {
    let done = match files::asked(Words::new()) {
        Ok(Asked::Help) => {
            say(include_str!("outgoing_proxy/help.txt").trim_end());
            return ExitCode::SUCCESS;
        }
        Ok(Asked::Demo) => demo::run().await,
        Ok(Asked::Work(options)) => serve(*options).await.map(|()| true),
        Err(mistake) => Err(mistake),
    };
    exit("outgoing_proxy", done)
}

async fn serve(options: Options) -> Result<(), Mistake> {
    log::start();
    let (dispatcher, origins) = files::dispatcher(&options)?;
    let proxy = Proxy::new(dispatcher, origins);
    let listener = proxy::listen(&options.listen).await?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    say(&format!("listening on http://{address}/MERCHANT/PATH"));
    proxy.serve(listener).await;
    Ok(())
}
