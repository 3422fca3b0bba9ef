//! The command lines of all examples, read alike.
#![allow(dead_code, reason = "each example uses a part of it")]

use std::ffi::OsString;
use std::path::PathBuf;

use lexopt::Arg::{Long, Short};
use lexopt::{Parser, ValueExt as _};

/// One line that says what is wrong, and what to do.
type Mistake = String;

pub(crate) struct Words(Parser);

impl Words {
    pub(crate) fn new() -> Self {
        Self(Parser::from_env())
    }

    /// Without the program's name.
    pub(crate) fn of<W: Into<OsString>>(words: impl IntoIterator<Item = W>) -> Self {
        Self(Parser::from_args(words.into_iter().map(Into::into)))
    }

    /// The next option, without its hyphens. Nothing stands by itself.
    pub(crate) fn option(&mut self) -> Result<Option<String>, Mistake> {
        match self.0.next().map_err(wrong)? {
            None => Ok(None),
            Some(Short('h')) => Ok(Some("help".to_owned())),
            Some(Long(name)) => Ok(Some(name.to_owned())),
            Some(other) => Err(wrong(other.unexpected())),
        }
    }

    pub(crate) fn value(&mut self) -> Result<String, Mistake> {
        self.0.value().and_then(|value| value.string()).map_err(wrong)
    }

    pub(crate) fn file(&mut self) -> Result<PathBuf, Mistake> {
        self.0.value().map(PathBuf::from).map_err(wrong)
    }
}

pub(crate) fn unknown(option: &str) -> Mistake {
    wrong(Long(option).unexpected())
}

/// For an option that stands at most once.
pub(crate) fn once<T>(option: &str, place: &mut Option<T>, value: T) -> Result<(), Mistake> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(format!("--{option} stands twice; give it once")),
    }
}

fn wrong(error: lexopt::Error) -> Mistake {
    format!("{error}; --help lists the options")
}
