//! Colour, where somebody looks at it.

use std::borrow::Cow;
use std::env;
use std::io::IsTerminal as _;

const RED: &str = "31";
const GREEN: &str = "32";
const YELLOW: &str = "33";
const GREY: &str = "90";

/// What a line begins with, and its colour.
const WORDS: [(&str, &str); 14] = [
    ("TRUSTED", GREEN),
    ("VERIFIED", GREEN),
    ("PROVEN", RED),
    ("GUESS", YELLOW),
    ("REFUSED", RED),
    ("FINE", GREEN),
    ("passed", GREEN),
    ("failed", RED),
    ("would fail", YELLOW),
    ("not reached", GREY),
    ("error", RED),
    ("warning", YELLOW),
    ("note", GREY),
    ("GOT THROUGH", RED),
];

/// With colour on a terminal, unless it is not wanted (`NO_COLOR`).
pub(crate) fn painted(text: &str) -> Cow<'_, str> {
    let unwanted = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    if unwanted || !std::io::stdout().is_terminal() {
        return text.into();
    }
    text.lines()
        .map(|line| line_painted(line) + "\n")
        .collect::<String>()
        .into()
}

fn line_painted(line: &str) -> String {
    let rest = line.trim_start();
    let (indent, _) = line.split_at(line.len() - rest.len());
    match WORDS
        .iter()
        .find_map(|(word, colour)| Some((word, colour, rest.strip_prefix(word)?)))
    {
        Some((word, colour, rest)) => format!("{indent}\u{1b}[{colour}m{word}\u{1b}[0m{rest}"),
        None => line.to_owned(),
    }
}
