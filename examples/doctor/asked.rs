//! What every command is asked, and how it answers: as text, or with `--json`.

use std::path::PathBuf;
use std::time::Duration;

use countersign::explain::{Finding, Report};
use countersign::web::Clock;
use rustls::pki_types::UnixTime;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::Mistake;
use crate::command_line::{Word, Words};
use crate::paint::painted;
use crate::say::say;

/// What was found.
pub(crate) struct Answer {
    /// Whether nothing is to be mended.
    pub(crate) fine: bool,
    pub(crate) text: String,
    pub(crate) value: Value,
}

/// Why there is no answer.
pub(crate) enum Stop {
    Help,
    Mistake(Mistake),
}

impl From<Mistake> for Stop {
    fn from(mistake: Mistake) -> Self {
        Self::Mistake(mistake)
    }
}

/// The rest of the command line, of which the options that every command has are read here.
pub(crate) struct Asked {
    words: Words,
    json: bool,
}

impl Asked {
    pub(crate) fn new(words: Words) -> Self {
        Self { words, json: false }
    }

    /// What the command is given: each option is told to `set`, which takes its value, and each word without one to `alone`.
    pub(crate) fn given<Given: Default>(
        &mut self,
        set: impl Fn(&mut Given, &str, &mut Self) -> Result<(), Mistake>,
        alone: impl Fn(&mut Given, String) -> Result<(), Mistake>,
    ) -> Result<Given, Stop> {
        let mut given = Given::default();
        while let Some(word) = self.word()? {
            match word {
                Word::Alone(word) => alone(&mut given, word)?,
                Word::Option(option) => set(&mut given, &option, self)?,
            }
        }
        Ok(given)
    }

    /// The next word that only the command knows.
    fn word(&mut self) -> Result<Option<Word>, Stop> {
        loop {
            match self.words.word()? {
                Some(Word::Option(name)) if name == "help" => return Err(Stop::Help),
                Some(Word::Option(name)) if name == "json" => self.json = true,
                other => return Ok(other),
            }
        }
    }

    pub(crate) fn value(&mut self) -> Result<String, Mistake> {
        self.words.value()
    }

    pub(crate) fn file(&mut self) -> Result<PathBuf, Mistake> {
        self.words.file()
    }

    pub(crate) fn time(&mut self) -> Result<UnixTime, Mistake> {
        let text = self.words.value()?;
        time_of(&text).ok_or_else(|| {
            format!("--at {text:?} is no time since 1970; write it as RFC 3339 has it: 2026-11-27T10:00:00Z")
        })
    }

    pub(crate) fn print(&self, answer: &Answer) {
        if self.json {
            say(&format!("{:#}", answer.value));
        } else {
            say(painted(&answer.text).trim_end());
        }
    }
}

/// The present, unless another time is asked about.
pub(crate) fn at(given: Option<UnixTime>) -> UnixTime {
    given.unwrap_or_else(|| Clock::default().now())
}

/// What RFC 3339 says, in whole seconds since 1970.
pub(crate) fn time_of(text: &str) -> Option<UnixTime> {
    let seconds = OffsetDateTime::parse(text, &Rfc3339).ok()?.unix_timestamp();
    let seconds = Duration::from_secs(u64::try_from(seconds).ok()?);
    Some(UnixTime::since_unix_epoch(seconds))
}

/// For commands of which every word is an option, or its value.
pub(crate) fn none_alone<Given>(_: &mut Given, word: String) -> Result<(), Mistake> {
    Err(format!("{word:?} stands by itself; --help lists the options"))
}

/// What comes of work with the network.
pub(crate) fn waited<T>(work: impl Future<Output = Result<T, Mistake>>) -> Result<T, Mistake> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("no runtime: {error}"))?;
    runtime.block_on(work)
}

impl From<Report> for Answer {
    fn from(report: Report) -> Self {
        let code = report.verdict.as_ref().err().map(|why| why.code());
        let failures: Vec<_> = report.failures().map(|finding| finding.check.name()).collect();
        let checks: Vec<_> = report.findings.iter().map(check).collect();
        Self {
            fine: report.verdict.is_ok(),
            text: report.to_string(),
            value: json!({"trusted": report.verdict.is_ok(), "code": code, "failed": failures, "checks": checks}),
        }
    }
}

pub(crate) fn check<C: std::fmt::Display>(finding: &Finding<C>) -> Value {
    let mut value = json!({
        "check": finding.check.to_string(),
        "outcome": finding.outcome.as_str(),
        "seen": finding.seen,
        "expected": finding.expected,
    });
    if let (Some(reason), Some(entry), Some(value)) =
        (&finding.reason, finding.entry(), value.as_object_mut())
    {
        let more = [
            ("code", entry.code.to_owned()),
            ("why", reason.to_string()),
            ("receiver", entry.receiver.to_owned()),
            ("sender", entry.sender.to_owned()),
            ("rule", entry.rule.to_owned()),
            ("section", entry.section()),
        ];
        value.extend(more.map(|(name, text)| (name.to_owned(), text.into())));
    }
    value
}
