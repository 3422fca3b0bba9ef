//! What it is asked on its command line.

use std::str::FromStr;

use crate::command_line::{Words, once, unknown};

pub(crate) const USAGE: &str =
    "observed - what an operator sees of a receiver: metrics for Prometheus, and what to alert on.

  --port PORT         Where the metrics are served on loopback. A free port, unless it is given.
  --seconds SECONDS   Ends after that time, and judges itself by what it has counted.
  --help              This text.";

#[derive(Default)]
pub(crate) struct Given {
    pub(crate) seconds: Option<u64>,
    pub(crate) port: Option<u16>,
}

/// Nothing where help is asked for.
pub(crate) fn given(mut words: Words) -> Result<Option<Given>, String> {
    let mut given = Given::default();
    while let Some(option) = words.option()? {
        match option.as_str() {
            "help" => return Ok(None),
            "seconds" => once("seconds", &mut given.seconds, number(&option, &words.value()?)?)?,
            "port" => once("port", &mut given.port, number(&option, &words.value()?)?)?,
            other => return Err(unknown(other)),
        }
    }
    Ok(Some(given))
}

fn number<N: FromStr>(option: &str, value: &str) -> Result<N, String> {
    value
        .parse()
        .map_err(|_| format!("--{option} {value:?}: write a whole number, and none that is too large"))
}
