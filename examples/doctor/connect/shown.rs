//! What was seen and found, as text and for programs.

use std::fmt::Write as _;

use countersign::codes::{Few, Seen as Quoted};
use countersign::explain::Report;
use serde_json::{Value, json};
use x509_parser::prelude::FromDer as _;
use x509_parser::x509::X509Name;

use super::attempt::{Attempt, Ending};
use super::diagnosis::Found;
use super::watched::Asking;
use super::{Seen, Tried, alerts};
use crate::asked::Answer;

pub(crate) fn answer(seen: &Seen, found: &[Found]) -> Answer {
    let mut text = format!("{} as {}\n", seen.target.address, seen.target.name.to_str());
    for tried in &seen.tried {
        text += &version(tried);
    }
    if let Some(report) = &seen.server {
        text += &line("its certificate", &judged(report));
    }
    if let Some(own) = &seen.own {
        let of = own.issuer().map(|der| name(der)).unwrap_or_default();
        text += &line(
            "our certificate",
            &format!("of {}, {}", Quoted::of(&of), judged(&own.report)),
        );
    }
    for found in found {
        text += &finding(found);
    }
    let fine = found.iter().all(|found| found.harmless);
    if fine {
        text += "\nFINE: a client is served\n";
    }
    Answer {
        fine,
        text,
        value: json!({
            "address": seen.target.address,
            "name": seen.target.name.to_str(),
            "tried": seen.tried.iter().map(tried).collect::<Vec<_>>(),
            "server": seen.server.as_ref().map(judged),
            "own": seen.own.as_ref().map(|own| judged(&own.report)),
            "findings": found.iter().map(value).collect::<Vec<_>>(),
        }),
    }
}

fn line(name: &str, text: &str) -> String {
    format!("  {name:<16} {text}\n")
}

fn version(tried: &Tried) -> String {
    let mut text = format!("{}\n", tried.version.name());
    text += &line("asks for", &asks(tried.last()));
    text += &line("without one", &ending(&tried.without));
    if let Some(with) = &tried.with {
        text += &line("with ours", &ending(with));
    }
    text
}

fn asks(attempt: &Attempt) -> String {
    match &attempt.asking {
        Some(asking) if asking.authorities.is_empty() => "a certificate, of whatever authority".into(),
        Some(asking) => format!("a certificate of {}", authorities(asking)),
        None if attempt.chain.is_empty() => "nothing: it did not come to that".into(),
        None => "no certificate".into(),
    }
}

fn authorities(asking: &Asking) -> Few {
    let names: Vec<_> = asking.authorities.iter().map(|der| name(der)).collect();
    Few::of(names.iter().map(String::as_str))
}

fn name(der: &[u8]) -> String {
    X509Name::from_der(der).map_or_else(|_| "?".into(), |(_, name)| name.to_string())
}

fn ending(attempt: &Attempt) -> String {
    let when = if attempt.shaken { "" } else { ", in the handshake" };
    let known = match &attempt.ending {
        Ending::Alert(alert) => alerts::known_of(alert.name()),
        _ => None,
    };
    let known = known.map(|known| format!(" ({known})")).unwrap_or_default();
    format!("{}{when}{known}", attempt.ending)
}

fn judged(report: &Report) -> String {
    match &report.verdict {
        Ok(()) => "in order".into(),
        Err(why) => format!("{}: {why}", why.code()),
    }
}

fn severity(found: &Found) -> &'static str {
    if found.harmless { "note" } else { "error" }
}

fn finding(found: &Found) -> String {
    let mut text = format!(
        "\n{}: {} ({}",
        severity(found),
        found.cause.what(),
        found.certainty.as_str()
    );
    if !found.versions.is_empty() {
        let _ = write!(text, "; {}", found.versions.join(", "));
    }
    let _ = writeln!(text, ")");
    text += &line("code", found.cause.code());
    for evidence in &found.evidence {
        text += &line("seen", evidence);
    }
    text + &line("do", found.cause.remedy())
}

fn tried(tried: &Tried) -> Value {
    let asking = tried.last().asking.as_ref();
    json!({
        "version": tried.version.name(),
        "asks": asking.is_some(),
        "authorities": asking.map(|asking| asking.authorities.iter().map(|der| name(der)).collect::<Vec<_>>()),
        "without": tried.without.ending.to_string(),
        "with": tried.with.as_ref().map(|with| with.ending.to_string()),
    })
}

fn value(found: &Found) -> Value {
    json!({
        "code": found.cause.code(),
        "severity": severity(found),
        "certainty": found.certainty.as_str(),
        "versions": found.versions,
        "what": found.cause.what(),
        "evidence": found.evidence,
        "remedy": found.cause.remedy(),
    })
}
