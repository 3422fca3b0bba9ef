//! `doctor providers`: how a provider signs, and where that is known from.

use countersign::payload::providers::presets::{self, Make, Preset, PresetSource};
use serde_json::{Value, json};

use crate::asked::{Answer, Asked, Stop};
use crate::command_line::unknown;

pub(crate) fn run(asked: &mut Asked) -> Result<Answer, Stop> {
    let alone = |wanted: &mut Option<String>, name| match wanted.replace(name) {
        None => Ok(()),
        Some(_) => Err("NAME stands twice; give one, or none".to_owned()),
    };
    match asked.given(|_, option, _| Err(unknown(option)), alone)? {
        None => Ok(all()),
        Some(name) => named(&name).map_err(Stop::Mistake),
    }
}

fn all() -> Answer {
    let mut rows: Vec<_> = presets::all().collect();
    rows.sort_by_key(|preset| preset.name);
    let line = |preset: &&Preset| format!("{:<26} {:<32} {}\n", preset.name, preset.provider, proves(preset));
    Answer {
        fine: true,
        text: rows.iter().map(line).collect(),
        value: rows.iter().map(|preset| value(preset)).collect(),
    }
}

fn named(name: &str) -> Result<Answer, String> {
    let lower = name.to_lowercase();
    let is_meant = |preset: &&Preset| preset.name == lower || preset.provider.to_lowercase().contains(&lower);
    let found: Vec<_> = match presets::find(&lower) {
        Some(preset) => vec![preset],
        None => presets::all().filter(is_meant).collect(),
    };
    if found.is_empty() {
        return Err(format!(
            "no provider is called {name:?}; without a name, all are listed"
        ));
    }
    Ok(Answer {
        fine: true,
        text: found
            .iter()
            .map(|preset| text(preset))
            .collect::<Vec<_>>()
            .join("\n"),
        value: found.iter().map(|preset| value(preset)).collect(),
    })
}

fn text(preset: &Preset) -> String {
    let lines = [
        ("provider", preset.provider.to_owned()),
        ("kind", proves(preset).to_owned()),
        ("signature in", preset.signature()),
        ("signed", preset.signed.to_owned()),
        ("not covered", preset.not_covered.to_owned()),
        ("asks of an endpoint", or_nothing(preset.handshake)),
        ("source", source(preset)),
        ("own vector", or_nothing(preset.vector.unwrap_or_default())),
    ];
    let lines = lines.iter().map(|(name, text)| format!("{name:>19}  {text}\n"));
    format!("{}\n{}", preset.name, lines.collect::<String>())
}

fn value(preset: &Preset) -> Value {
    json!({
        "name": preset.name,
        "provider": preset.provider,
        "kind": proves(preset),
        "signature": preset.signature(),
        "signed": preset.signed,
        "not_covered": preset.not_covered,
        "handshake": preset.handshake,
        "source": preset.source.place(),
        "own_source": matches!(preset.source, PresetSource::Own(_)),
        "vector": preset.vector,
    })
}

fn proves(preset: &Preset) -> &'static str {
    match preset.make {
        Make::Hmac(_) => "HMAC over the body",
        Make::HmacOfUrl(_) => "HMAC over body and URL",
        Make::Partial(_) => "HMAC over a part, not the body",
        Make::PublicKey(_) => "signature with a private key",
        Make::Token(_) => "a fixed secret, nothing is signed",
        Make::Type { name, .. } => name,
        _ => "another",
    }
}

fn source(preset: &Preset) -> String {
    match preset.source {
        PresetSource::Own(place) => format!("the provider's own: {place}"),
        other => format!("third parties only: {}", other.place()),
    }
}

fn or_nothing(text: &str) -> String {
    if text.is_empty() {
        "nothing".to_owned()
    } else {
        text.to_owned()
    }
}
