use std::fmt;

use http::HeaderName;

use super::hidden::Hidden;
use super::inquiry::{Keys, PayloadInquiry};
use crate::explain::{CheckOutcome, Finding};
use crate::payload::hmac::{Part, TimeAt};
use crate::payload::{Message, NotAuthentic, Trial};
use crate::replay::NotFresh;

/// A check of a payload's signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum PayloadCheck {
    /// The header fields that the scheme needs are there, once, and can be read.
    Fields,
    /// The body can be read, where the scheme has to read it.
    Body,
    /// The signed time is written as the scheme writes it.
    Time,
    /// The signed time is near enough to the present.
    Freshness,
    /// There is a signature of the scheme's form.
    Signature,
    /// The signature's algorithm is one that is allowed.
    Algorithm,
    /// There is a key to verify it with.
    Keys,
    /// The signature covers what it must.
    Coverage,
    /// The digest that is signed is that of the body, or of the request.
    Digest,
    /// The claims of a token say what they must.
    Claims,
    /// A token is bound to the certificate of the connection.
    Certificate,
    /// The signature is right under a key of the sender.
    Match,
    /// What a verifier asks that is none of these.
    Other,
}

impl PayloadCheck {
    /// Its name, for people to read.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Fields => "header fields",
            Self::Body => "body",
            Self::Time => "signed time",
            Self::Freshness => "freshness",
            Self::Signature => "signature's form",
            Self::Algorithm => "algorithm",
            Self::Keys => "keys",
            Self::Coverage => "coverage",
            Self::Digest => "digest",
            Self::Claims => "claims",
            Self::Certificate => "certificate",
            Self::Match => "signature",
            Self::Other => "other",
        }
    }

    fn expected(self) -> &'static str {
        match self {
            Self::Fields => "each field that the scheme needs once, in visible ASCII",
            Self::Body => "JSON or a form without repeated names, where the scheme reads it",
            Self::Time => "the time in the scheme's format: canonical digits, or RFC 3339",
            Self::Freshness => "a signed time within the tolerance of now",
            Self::Signature => "a signature of the scheme's length, prefix and encoding",
            Self::Algorithm => "an algorithm that is allowed here, and is the key's",
            Self::Keys => "a key of this sender that is valid now",
            Self::Coverage => "every component that the receiver demands, each once",
            Self::Digest => "the digest of the bytes that arrived",
            Self::Claims => "the claims that the receiver demands",
            Self::Certificate => "the certificate of this connection in the token",
            Self::Match => "a signature over these bytes under one of these keys",
            Self::Other => "what the verifier asks",
        }
    }

    /// Which of them a reason belongs to.
    pub(super) fn of(why: &NotAuthentic, trial: Option<&Trial>) -> Self {
        match why {
            NotAuthentic::MissingHeader { name }
            | NotAuthentic::RepeatedHeader { name }
            | NotAuthentic::MalformedHeader { name } => of_field(name, trial),
            NotAuthentic::MalformedQuery | NotAuthentic::MissingUrlSecret => Self::Fields,
            NotAuthentic::MalformedUrlSecret => Self::Fields,
            NotAuthentic::MalformedBody | NotAuthentic::BodyTooLarge { .. } => Self::Body,
            NotAuthentic::MalformedTime => Self::Time,
            NotAuthentic::NotFresh(_) => Self::Freshness,
            NotAuthentic::MalformedSignature { .. } | NotAuthentic::TooManySignatures { .. } => {
                Self::Signature
            }
            NotAuthentic::NoKey(_) => Self::Keys,
            NotAuthentic::SignatureMismatch => Self::Match,
            #[cfg(feature = "jwt")]
            NotAuthentic::Jwt(why) => of_token(why),
            #[cfg(feature = "http-signatures")]
            NotAuthentic::HttpSignature(why) => of_http_signature(why),
            NotAuthentic::OtherClaim | NotAuthentic::Denied { .. } => Self::Other,
        }
    }
}

impl fmt::Display for PayloadCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

fn of_field(name: &HeaderName, trial: Option<&Trial>) -> PayloadCheck {
    let layout = trial.and_then(Trial::layout);
    let is_time =
        layout.is_some_and(|layout| matches!(&layout.time, Some((TimeAt::Header(at), _)) if at == name));
    let is_signature = trial.and_then(Trial::field) == Some(name);
    match (is_time, is_signature) {
        (true, _) => PayloadCheck::Time,
        (_, true) => PayloadCheck::Signature,
        _ => PayloadCheck::Fields,
    }
}

#[cfg(feature = "jwt")]
fn of_token(why: &crate::payload::jose::InvalidJwt) -> PayloadCheck {
    use crate::payload::jose::InvalidJwt as Why;
    match why {
        Why::TooLarge { .. } | Why::Segments | Why::Base64 { .. } | Why::Json { .. } => {
            PayloadCheck::Signature
        }
        Why::Critical | Why::UnknownCritical | Why::B64NotCritical => PayloadCheck::Signature,
        Why::AttachedUnencoded | Why::NotDetached | Why::Nested => PayloadCheck::Signature,
        Why::UnknownAlgorithm | Why::AlgorithmNotAllowed { .. } | Why::OtherAlgorithm { .. } => {
            PayloadCheck::Algorithm
        }
        Why::UnknownKey { .. } | Why::NoKey { .. } | Why::AmbiguousKey => PayloadCheck::Keys,
        Why::UnusableKey | Why::UndecidedAlgorithm => PayloadCheck::Keys,
        Why::Signature => PayloadCheck::Match,
        Why::MemberType { .. } | Why::Missing { .. } | Why::Type | Why::Claim { .. } => PayloadCheck::Claims,
        Why::OtherTenant { .. } | Why::LivesTooLong { .. } => PayloadCheck::Claims,
        Why::Expired { .. } | Why::NotYetValid { .. } => PayloadCheck::Freshness,
        Why::FromTheFuture { .. } | Why::TooOld { .. } => PayloadCheck::Freshness,
        Why::OtherBody | Why::OtherRequest => PayloadCheck::Digest,
        Why::NoCertificate | Why::OtherCertificate => PayloadCheck::Certificate,
        Why::NotBoundToCertificate | Why::UnknownConfirmation => PayloadCheck::Certificate,
    }
}

#[cfg(feature = "http-signatures")]
fn of_http_signature(why: &crate::payload::http_signature::InvalidHttpSignature) -> PayloadCheck {
    use crate::payload::http_signature::InvalidHttpSignature as Why;
    match why {
        Why::Field { .. } | Why::TooMany | Why::NotFound | Why::Ambiguous => PayloadCheck::Signature,
        Why::Unpaired | Why::ParameterType { .. } | Why::UnknownParameter => PayloadCheck::Signature,
        Why::MissingParameter { .. } | Why::NotCovered { .. } | Why::CoveredTwice => PayloadCheck::Coverage,
        Why::Component | Why::NotPresent { .. } => PayloadCheck::Coverage,
        Why::OtherAlgorithm { .. } => PayloadCheck::Algorithm,
        Why::UnknownKey { .. } | Why::AmbiguousKey => PayloadCheck::Keys,
        Why::Expired { .. } => PayloadCheck::Freshness,
        Why::NoDigest | Why::Digest => PayloadCheck::Digest,
        Why::Signature => PayloadCheck::Match,
    }
}

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
    let sender = crate::payload::Wanted::of(message.sender);
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
    let is_open = |finding: &&Finding<PayloadCheck>| {
        finding.outcome != CheckOutcome::Passed && finding.check != PayloadCheck::Freshness
    };
    check == PayloadCheck::Keys || before.iter().find(is_open).is_none()
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
        PayloadCheck::Keys => {
            let problems = keys.problems.iter().map(|problem| format!("; {problem}"));
            format!("{} that can be used{}", keys.usable, problems.collect::<String>())
        }
        _ => match trial.signed(message, 0) {
            Some((_, total)) => format!("{total} signed bytes"),
            None => "what is signed cannot be put together".to_owned(),
        },
    }
}

/// How often each field that the scheme needs is there.
fn fields(trial: &Trial, message: &Message<'_>) -> String {
    let names = needed(trial);
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
pub(super) fn of_verdict(
    decided: &Result<(), NotAuthentic>,
    message: &Message<'_>,
) -> Vec<Finding<PayloadCheck>> {
    let why = decided.as_ref().err();
    let check = why.map_or(PayloadCheck::Match, |why| PayloadCheck::of(why, None));
    let outcome = match why {
        Some(_) => CheckOutcome::Failed,
        None => CheckOutcome::Passed,
    };
    vec![Finding {
        check,
        outcome,
        seen: why
            .and_then(off_by)
            .unwrap_or_else(|| format!("a body of {} bytes", message.body.len())),
        expected: check.expected(),
        reason: why.cloned().map(Into::into),
    }]
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
