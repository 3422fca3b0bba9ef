//! Says why not, and what to do about it: a certificate that is refused, a server that ends the handshake, a provider's scheme.
//! `cargo run --example doctor -- --help`.

#[path = "doctor/asked.rs"]
mod asked;
#[path = "doctor/audit.rs"]
mod audit;
#[path = "support/command_line.rs"]
mod command_line;
#[path = "doctor/connect/mod.rs"]
mod connect;
#[allow(dead_code, reason = "the proxy uses more of it")]
#[path = "incoming_proxy/document.rs"]
mod document;
#[path = "doctor/endpoint/mod.rs"]
mod endpoint;
#[allow(dead_code, reason = "the proxy uses more of it")]
#[path = "incoming_proxy/integration.rs"]
mod integration;
#[path = "incoming_proxy/kept.rs"]
mod kept;
#[path = "support/keys.rs"]
mod keys;
#[path = "support/lines.rs"]
mod lines;
#[path = "doctor/paint.rs"]
mod paint;
#[path = "doctor/payload/mod.rs"]
mod payload;
#[path = "doctor/peer.rs"]
mod peer;
#[path = "doctor/pin.rs"]
mod pin;
#[path = "support/player.rs"]
mod player;
#[path = "doctor/providers.rs"]
mod providers;
#[path = "doctor/request.rs"]
mod request;
#[path = "support/say.rs"]
mod say;
#[path = "doctor/trusted.rs"]
mod trusted;
#[path = "incoming_proxy/watched.rs"]
mod watched;

use std::process::ExitCode;

use asked::{Answer, Asked, Stop};
use command_line::{Word, Words, exit, unknown};
use say::say;

/// One line that says what is wrong on the command line or in a file, and what to do.
type Mistake = String;

/// Reads the rest of the command line, and answers.
type Run = fn(&mut Asked) -> Result<Answer, Stop>;

/// What can be asked: its name, and who answers.
const COMMANDS: [(&str, Run); 7] = [
    ("peer", peer::run),
    ("payload", payload::run),
    ("connect", connect::run),
    ("endpoint", endpoint::run),
    ("audit", audit::run),
    ("pin", pin::run),
    ("providers", providers::run),
];

fn main() -> ExitCode {
    exit("doctor", run(Words::new()))
}

/// Whether nothing was found.
fn run(mut words: Words) -> Result<bool, Mistake> {
    let Some(command) = command(&mut words)? else {
        return Ok(help());
    };
    let mut asked = Asked::new(words);
    match command(&mut asked) {
        Ok(answer) => {
            asked.print(&answer);
            Ok(answer.fine)
        }
        Err(Stop::Help) => Ok(help()),
        Err(Stop::Mistake(mistake)) => Err(mistake),
    }
}

fn help() -> bool {
    say(include_str!("doctor/help.txt").trim_end());
    true
}

/// `None`, where the help is wanted.
fn command(words: &mut Words) -> Result<Option<Run>, Mistake> {
    let names = COMMANDS.map(|(name, _)| name).join(", ");
    match words.word()? {
        None => Err(format!("say what to look at: {names}; --help explains them")),
        Some(Word::Option(name)) if name == "help" => Ok(None),
        Some(Word::Option(name)) => Err(unknown(&name)),
        Some(Word::Alone(name)) => match COMMANDS.iter().find(|(known, _)| *known == name) {
            Some((_, run)) => Ok(Some(*run)),
            None => Err(format!("{name:?} is nothing to look at; give one of {names}")),
        },
    }
}
