//! The table of what was tried.

use serde_json::{Value, json};

use super::attacks::Expected;
use super::{Played, Verdict};
use crate::asked::Answer;

pub(crate) fn answer(played: &[Played]) -> Answer {
    let mut text = line("", "tried", "answered", "expected");
    text += &played.iter().map(row).collect::<String>();
    for one in played.iter().filter(|one| one.verdict != Verdict::Ok) {
        text += &format!("\n{}\n    {}\n", one.attack.name, means(one));
    }
    let of = |verdict| played.iter().filter(|one| one.verdict == verdict).count();
    let (through, refused) = (of(Verdict::GotThrough), of(Verdict::Refused));
    text += &match (through, refused) {
        (0, 0) => "\nFINE: nothing got through\n".to_owned(),
        (0, 1) if played.len() == 1 => String::new(),
        (_, 0) => format!("\n{through} of {} got through\n", played.len()),
        _ => format!(
            "\n{through} of {} got through, and {refused} that should be accepted got no further\n",
            played.len()
        ),
    };
    Answer {
        fine: through + refused == 0,
        text,
        value: played.iter().map(value).collect(),
    }
}

fn means(one: &Played) -> &str {
    match one.verdict {
        Verdict::Refused if one.attack.means.is_empty() => {
            "What is good is refused, so that nothing else was tried: look at scheme, key, certificate, path and body."
        }
        _ => &one.attack.means,
    }
}

fn line(verdict: &str, name: &str, answered: &str, expected: &str) -> String {
    format!("{verdict:<12} {name:<42} {answered:<30} {expected}\n")
}

fn row(one: &Played) -> String {
    let verdict = match one.verdict {
        Verdict::Ok => "passed",
        Verdict::GotThrough => "GOT THROUGH",
        Verdict::Refused => "REFUSED",
        Verdict::Look => "look",
    };
    line(verdict, one.attack.name, &one.answered, expected(one))
}

fn expected(one: &Played) -> &'static str {
    match one.attack.expected {
        Expected::Accepted => "accepted",
        Expected::Refused => "refused",
        Expected::Once => "handled once: see its log",
        Expected::Either => "as you like",
    }
}

fn value(one: &Played) -> Value {
    json!({
        "tried": one.attack.name,
        "answered": one.answered,
        "expected": expected(one),
        "verdict": match one.verdict {
            Verdict::Ok => "passed",
            Verdict::GotThrough => "got through",
            Verdict::Refused => "refused",
            Verdict::Look => "look",
        },
        "means": (one.verdict != Verdict::Ok).then(|| means(one)),
    })
}
