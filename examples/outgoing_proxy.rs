//! The outgoing mTLS proxy of a B2B platform: `cargo run --example outgoing_proxy -- --help`.
//!
//! Internal services speak plain HTTP to it, on loopback only, and name the merchant in the path. It presents that
//! merchant's client certificate, pins that merchant's server key, and delivers. No service holds a key.
//!
//! In a few seconds, on loopback: `cargo run --example outgoing_proxy -- --demo`.

#![expect(
    clippy::disallowed_methods,
    reason = "a program takes the present from the system's clock"
)]

#[path = "outgoing_proxy/demo.rs"]
mod demo;
#[path = "outgoing_proxy/files.rs"]
mod files;
#[path = "outgoing_proxy/proxy.rs"]
mod proxy;

use std::io::Write as _;
use std::process::ExitCode;

use files::Options;
use proxy::Proxy;

/// Why it does not start: one line that says what is wrong, where, and what to do.
type Mistake = String;

#[tokio::main]
async fn main() -> ExitCode {
    let words: Vec<_> = std::env::args().skip(1).collect();
    let done = match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--help" | "-h"] => {
            say(include_str!("outgoing_proxy/help.txt").trim_end());
            return ExitCode::SUCCESS;
        }
        ["--demo"] => demo::run().await,
        _ => serve(words).await.map(|()| true),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(mistake) => {
            eprintln!("outgoing_proxy: {mistake}");
            ExitCode::from(2)
        }
    }
}

async fn serve(words: Vec<String>) -> Result<(), Mistake> {
    let options = Options::parse(words.into_iter())?;
    let proxy = Proxy::new(files::dispatcher(&options)?, files::merchants(&options)?);
    let listener = proxy::listen(&options.listen).await?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    say(&format!("listening on http://{address}/MERCHANT/PATH"));
    proxy.serve(listener).await;
    Ok(())
}

/// A reader that has gone away (`| head`) is no reason to panic.
fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}
