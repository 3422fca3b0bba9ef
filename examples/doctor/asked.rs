//! What every command is asked, and how it answers: as text, or with `--json`.

use std::path::PathBuf;

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

    /// The next word that only the command knows.
    pub(crate) fn word(&mut self) -> Result<Option<Word>, Stop> {
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
        let seconds = OffsetDateTime::parse(&text, &Rfc3339).map(OffsetDateTime::unix_timestamp);
        let seconds = seconds.ok().and_then(|seconds| u64::try_from(seconds).ok());
        let time = seconds.map(|seconds| UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds)));
        time.ok_or_else(|| {
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

/// For a word that the command does not take.
pub(crate) fn unexpected(word: &str) -> Stop {
    Stop::Mistake(format!("{word:?} stands by itself; --help lists the options"))
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

fn check(finding: &Finding) -> Value {
    let mut value = json!({
        "check": finding.check.name(),
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
