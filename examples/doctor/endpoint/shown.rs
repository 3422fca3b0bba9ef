//! The table of what was tried.

use serde_json::{Value, json};

use super::attacks::Expected;
use super::{Played, Verdict};
use crate::asked::Answer;

pub(crate) fn answer(played: &[Played]) -> Answer {
    let mut text = line("", "tried", "answered", "expected");
    text += &played.iter().map(row).collect::<String>();
    let bad: Vec<_> = played.iter().filter(|one| is_bad(one)).collect();
    for one in &bad {
        text += &format!("\n{}\n    {}\n", one.attack.name, means(one));
    }
    text += &match bad.as_slice() {
        [] => "\nFINE: nothing got through\n".to_owned(),
        [only] if only.verdict == Verdict::Refused => String::new(),
        bad => format!("\n{} of {} got through\n", bad.len(), played.len()),
    };
    Answer {
        fine: bad.is_empty(),
        text,
        value: played.iter().map(value).collect(),
    }
}

fn is_bad(one: &Played) -> bool {
    matches!(one.verdict, Verdict::GotThrough | Verdict::Refused)
}

fn means(one: &Played) -> &'static str {
    match one.verdict {
        Verdict::Refused => {
            "What is good is refused, so that nothing else was tried: look at scheme, key, certificate and path."
        }
        _ => one.attack.means,
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
    match (one.attack.expected, one.attack.host) {
        (Expected::Accepted, _) => "accepted",
        (Expected::Refused, _) => "refused",
        (Expected::NotTwice, None) => "handled once: see its log",
        (Expected::NotTwice, Some(_)) => "as you like",
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
        "means": is_bad(one).then(|| means(one)),
    })
}
