//! The command lines of all examples, read alike.
#![allow(dead_code, reason = "each example uses a part of it")]

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use lexopt::Arg::{Long, Short, Value};
use lexopt::{Parser, ValueExt as _};

/// One line that says what is wrong, and what to do.
type Mistake = String;

pub(crate) struct Words {
    parser: Parser,
    /// The last option, with its hyphens.
    last: String,
}

impl Words {
    pub(crate) fn new() -> Self {
        Self::read_by(Parser::from_env())
    }

    /// Without the program's name.
    pub(crate) fn of<W: Into<OsString>>(words: impl IntoIterator<Item = W>) -> Self {
        Self::read_by(Parser::from_args(words.into_iter().map(Into::into)))
    }

    fn read_by(parser: Parser) -> Self {
        Self {
            parser,
            last: String::new(),
        }
    }

    /// The next option, without its hyphens. Nothing stands by itself.
    pub(crate) fn option(&mut self) -> Result<Option<String>, Mistake> {
        match self.word()? {
            None => Ok(None),
            Some(Word::Option(name)) => Ok(Some(name)),
            Some(Word::Alone(word)) => Err(wrong(Value(word.into()).unexpected())),
        }
    }

    /// The next option, or word that stands by itself.
    pub(crate) fn word(&mut self) -> Result<Option<Word>, Mistake> {
        match self.parser.next().map_err(wrong)? {
            None => Ok(None),
            Some(Short('h')) => Ok(Some(Word::Option("help".to_owned()))),
            Some(Long(name)) => {
                self.last = format!("--{name}");
                Ok(Some(Word::Option(name.to_owned())))
            }
            Some(Value(word)) => word.string().map(Word::Alone).map(Some).map_err(wrong),
            Some(other) => Err(wrong(other.unexpected())),
        }
    }

    pub(crate) fn value(&mut self) -> Result<String, Mistake> {
        self.next_value()?.string().map_err(wrong)
    }

    pub(crate) fn file(&mut self) -> Result<PathBuf, Mistake> {
        self.next_value().map(PathBuf::from)
    }

    /// Not the next option: where a value was forgotten, its name would be taken for one. It is not quoted, since it may be a
    /// secret all the same.
    fn next_value(&mut self) -> Result<OsString, Mistake> {
        if let Some(value) = self.parser.optional_value() {
            return Ok(value);
        }
        let value = self.parser.value().map_err(wrong)?;
        match value.as_encoded_bytes().starts_with(b"--") {
            true => Err(format!(
                "{last} has no value, but another option behind it; give it one, as {last}=VALUE where that begins with --",
                last = self.last
            )),
            false => Ok(value),
        }
    }
}

/// A piece of a command line that begins with the name of what is to be done.
pub(crate) enum Word {
    /// Without its hyphens.
    Option(String),
    Alone(String),
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

/// What a program is asked that has a demo with files of its own.
pub(crate) enum Asked<Options> {
    Help,
    Demo,
    Work(Box<Options>),
}

impl<Options> Asked<Options> {
    /// Each option but `--help` and `--demo` is told to `set`, which takes its value.
    pub(crate) fn read<Given: Default>(
        mut words: Words,
        set: impl Fn(&mut Given, &str, &mut Words) -> Result<(), Mistake>,
        complete: impl Fn(Given) -> Result<Options, Mistake>,
    ) -> Result<Self, Mistake> {
        let mut given = Given::default();
        let (mut demo, mut others) = (false, false);
        while let Some(option) = words.option()? {
            match option.as_str() {
                "help" => return Ok(Self::Help),
                "demo" => demo = true,
                option => {
                    others = true;
                    set(&mut given, option, &mut words)?;
                }
            }
        }
        match demo {
            true if others => Err("--demo brings its own files; leave the other options out".into()),
            true => Ok(Self::Demo),
            false => complete(given).map(Box::new).map(Self::Work),
        }
    }
}

/// For an option that must be there.
pub(crate) fn needed<T>(option: &str, value: Option<T>) -> Result<T, Mistake> {
    value.ok_or_else(|| format!("{option} is missing; --help explains it, and --demo tries it without"))
}

/// How a program ends: 0 where all was as it should be, 1 where it was not, 2 where it could not start.
pub(crate) fn exit(program: &str, done: Result<bool, Mistake>) -> ExitCode {
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(mistake) => {
            eprintln!("{program}: {}", one_line(&mistake));
            ExitCode::from(2)
        }
    }
}

/// Some of it comes from certificates and files: it may not draw on the terminal or pretend to be a line of its own.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|char| if char.is_control() { ' ' } else { char })
        .collect()
}

fn wrong(error: lexopt::Error) -> Mistake {
    format!("{error}; --help lists the options")
}
