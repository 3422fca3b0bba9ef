//! The checks of one message, each by what the verifier's own steps say of it.

use http::HeaderName;

use super::checks::PayloadCheck;
use super::hidden::Hidden;
use super::inquiry::{Keys, PayloadInquiry};
use crate::explain::{CheckOutcome, Finding};
use crate::payload::hmac::{Part, TimeAt};
use crate::payload::{Message, NotAuthentic, Trial, Wanted};
use crate::replay::NotFresh;

/// Every check of a scheme, each by what the verifier's own steps say of it.
pub(super) fn walk(
    inquiry: &PayloadInquiry,
    keys: &Keys,
    message: &Message<'_>,
    decided: &Result<(), NotAuthentic>,
    hidden: &Hidden,
) -> Vec<Finding<PayloadCheck>> {
    let trial = &inquiry.trial;
    let untimed = trial.with(|layout| layout.window = None);
    let mut reasons: Vec<NotAuthentic> = decided.clone().err().into_iter().collect();
    let sender = Wanted::of(message.sender);
    reasons.extend(untimed.verify(&keys.ring, message).err());
    reasons.extend(untimed.unreadable(message));
    reasons.extend(trial.unreadable(message));
    reasons.extend(keys.ring.find_keys(&sender).err().map(NotAuthentic::from));
    let reason_of = |check: PayloadCheck| {
        let mut reasons = reasons.iter();
        reasons
            .find(|why| PayloadCheck::of(why, Some(trial)) == check)
            .cloned()
    };
    let mut findings = Vec::new();
    for check in checks(trial) {
        let reason = reason_of(check);
        let outcome = match &reason {
            Some(_) => CheckOutcome::Failed,
            None if is_reached(check, &findings) => CheckOutcome::Passed,
            None => CheckOutcome::NotReached,
        };
        findings.push(Finding {
            check,
            outcome,
            seen: seen(check, trial, keys, message, reason.as_ref(), hidden),
            expected: check.expected(),
            reason: reason.map(Into::into),
        });
    }
    findings
}

/// The checks that a scheme has, in their order.
fn checks(trial: &Trial) -> Vec<PayloadCheck> {
    let timed = trial.layout().is_some_and(|layout| layout.time.is_some());
    let compared = trial.layout().is_some_and(|layout| layout.window.is_some());
    let all = [
        (PayloadCheck::Fields, true),
        (PayloadCheck::Body, true),
        (PayloadCheck::Time, timed),
        (PayloadCheck::Freshness, timed && compared),
        (PayloadCheck::Signature, true),
        (PayloadCheck::Keys, true),
        (PayloadCheck::Match, true),
    ];
    all.into_iter()
        .filter(|(_, has)| *has)
        .map(|(check, _)| check)
        .collect()
}

/// Whether what a check rests on is known. Freshness says nothing of what comes after it.
fn is_reached(check: PayloadCheck, before: &[Finding<PayloadCheck>]) -> bool {
    let is_open = |finding: &Finding<PayloadCheck>| {
        finding.outcome != CheckOutcome::Passed && finding.check != PayloadCheck::Freshness
    };
    check == PayloadCheck::Keys || !before.iter().any(is_open)
}

fn seen(
    check: PayloadCheck,
    trial: &Trial,
    keys: &Keys,
    message: &Message<'_>,
    reason: Option<&NotAuthentic>,
    hidden: &Hidden,
) -> String {
    match check {
        PayloadCheck::Fields => fields(trial, message),
        PayloadCheck::Body => format!("{} bytes", message.body.len()),
        PayloadCheck::Time => time(trial, message, hidden),
        PayloadCheck::Freshness => freshness(reason),
        PayloadCheck::Signature => signature(trial, message, hidden),
        PayloadCheck::Keys => keys.seen(),
        _ => match trial.signed(message, 0) {
            Some((_, total)) => format!("{total} signed bytes"),
            None => "what is signed cannot be put together".to_owned(),
        },
    }
}

/// How often each field that the scheme needs is there.
fn fields(trial: &Trial, message: &Message<'_>) -> String {
    counted(&needed(trial), message)
}

/// How often each of these fields is there.
pub(super) fn counted(names: &[HeaderName], message: &Message<'_>) -> String {
    if names.is_empty() {
        return "none is needed".to_owned();
    }
    let count = |name: &HeaderName| match message.headers.get_all(name).iter().count() {
        0 => format!("{name} is absent"),
        1 => format!("{name} once"),
        more => format!("{name} {more} times"),
    };
    names.iter().map(count).collect::<Vec<_>>().join(", ")
}

/// The header fields that a scheme reads.
pub(super) fn needed(trial: &Trial) -> Vec<HeaderName> {
    let mut names: Vec<HeaderName> = trial.field().into_iter().cloned().collect();
    if let Some(layout) = trial.layout() {
        if let Some((TimeAt::Header(name), _)) = &layout.time {
            names.push(name.clone());
        }
        names.extend(layout.required_names());
        names.extend(layout.signed.iter().filter_map(|part| match part {
            Part::Header(name) => Some(name.clone()),
            _ => None,
        }));
    }
    let mut once = Vec::new();
    names.retain(|name| {
        !once.contains(name) && {
            once.push(name.clone());
            true
        }
    });
    names
}

fn time(trial: &Trial, message: &Message<'_>, hidden: &Hidden) -> String {
    match trial.layout().and_then(|layout| layout.time.as_ref()) {
        Some((TimeAt::Header(name), _)) => value(name, message, hidden),
        Some((TimeAt::Json(path), _)) => format!("in the body, at {path}"),
        _ => trial
            .field()
            .map_or_else(String::new, |name| value(name, message, hidden)),
    }
}

/// What stands in the field of the signature; never of a fixed secret, which it is.
fn signature(trial: &Trial, message: &Message<'_>, hidden: &Hidden) -> String {
    match (trial, trial.field()) {
        (Trial::Token(_), _) => "the secret is not shown".to_owned(),
        (_, Some(name)) => value(name, message, hidden),
        (_, None) => "in the body".to_owned(),
    }
}

fn value(name: &HeaderName, message: &Message<'_>, hidden: &Hidden) -> String {
    match message.headers.get(name) {
        Some(value) => format!("{name}: {}", hidden.seen(value.as_bytes())),
        None => format!("no {name}"),
    }
}

fn freshness(reason: Option<&NotAuthentic>) -> String {
    match reason {
        Some(NotAuthentic::NotFresh(NotFresh::Stale { signed, now })) => {
            format!(
                "signed {} before now",
                spelt(now.as_secs().saturating_sub(signed.as_secs()))
            )
        }
        Some(NotAuthentic::NotFresh(NotFresh::FromTheFuture { signed, now })) => {
            format!(
                "signed {} after now",
                spelt(signed.as_secs().saturating_sub(now.as_secs()))
            )
        }
        _ => "within the tolerance".to_owned(),
    }
}

/// A number of seconds as people read it: its two largest units.
pub(super) fn spelt(seconds: u64) -> String {
    let units = [
        (seconds / 86_400, "d"),
        (seconds / 3600 % 24, "h"),
        (seconds / 60 % 60, "min"),
        (seconds % 60, "s"),
    ];
    let shown: Vec<_> = units
        .iter()
        .skip_while(|(number, _)| *number == 0)
        .take(2)
        .map(|(number, unit)| format!("{number} {unit}"))
        .collect();
    if shown.is_empty() {
        "0 s".to_owned()
    } else {
        shown.join(" ")
    }
}

/// What the answer of a verifier says, of which nothing else can be seen.
pub(super) fn of_verdict(decided: &Result<(), NotAuthentic>, message: &Message<'_>) -> Finding<PayloadCheck> {
    let why = decided.as_ref().err();
    let check = why.map_or(PayloadCheck::Match, |why| PayloadCheck::of(why, None));
    let outcome = match why {
        Some(_) => CheckOutcome::Failed,
        None => CheckOutcome::Passed,
    };
    Finding {
        check,
        outcome,
        seen: why
            .and_then(off_by)
            .unwrap_or_else(|| format!("a body of {} bytes", message.body.len())),
        expected: check.expected(),
        reason: why.cloned().map(Into::into),
    }
}

/// By how much the time is off, where that is why.
fn off_by(why: &NotAuthentic) -> Option<String> {
    if matches!(why, NotAuthentic::NotFresh(_)) {
        return Some(freshness(Some(why)));
    }
    let (seconds, what) = of_time(why)?;
    Some(format!("{what} {}", spelt(seconds)))
}

fn of_time(why: &NotAuthentic) -> Option<(u64, &'static str)> {
    match why {
        #[cfg(feature = "jwt")]
        NotAuthentic::Jwt(why) => of_token_time(why),
        #[cfg(feature = "http-signatures")]
        NotAuthentic::HttpSignature(crate::payload::http_signature::InvalidHttpSignature::Expired {
            expires,
            now,
        }) => Some((now.saturating_sub(*expires), "expired, before now by")),
        _ => None,
    }
}

#[cfg(feature = "jwt")]
fn of_token_time(why: &crate::payload::jose::InvalidJwt) -> Option<(u64, &'static str)> {
    use crate::payload::jose::InvalidJwt as Why;
    Some(match why {
        Why::Expired { exp, now } => (now.saturating_sub(*exp), "expired, before now by"),
        Why::NotYetValid { nbf, now } => (nbf.saturating_sub(*now), "nbf lies ahead by"),
        Why::FromTheFuture { iat, now } => (iat.saturating_sub(*now), "iat lies ahead by"),
        Why::TooOld { iat, now } => (now.saturating_sub(*iat), "issued, before now by"),
        _ => return None,
    })
}
