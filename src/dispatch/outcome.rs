use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use rustls_pki_types::UnixTime;

use super::{Failure, Fault};
use crate::breaker::NotNow;
use crate::payload::CannotSign;

/// The outcome of one attempt at a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "it says whether the delivery was made, and what is to become of it: a retry that nobody plans is a loss"]
#[non_exhaustive]
pub struct Outcome {
    /// What is to become of the delivery.
    pub fate: Fate,
    /// Why it was not made; `None` where it was.
    pub failure: Option<Failure>,
    /// What the server answered, if it did.
    pub answer: Option<Answer>,
}

/// The fate of a delivery after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fate {
    /// It has arrived.
    Delivered,
    /// Try again: by the schedule, and no sooner than after this time.
    Retry {
        /// Zero where the schedule alone decides.
        after: Duration,
    },
    /// Trying again as it is will not help. Put it aside, and tell somebody.
    Dead,
    /// The consumer has taken the endpoint away: deliver nothing more there.
    Gone,
}

/// An answer of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its header fields: of at most 64 KiB in all, and over HTTP/1.1 at most 100. One with more is no answer
    /// (`dispatch.not_http`).
    pub headers: HeaderMap,
    /// The beginning of its body, at most as much as [`Limits`](super::Limits) keep.
    pub body: Bytes,
    /// Whether that is all of it.
    pub end: BodyEnd,
    /// Whether the server took all of the delivery's own body: it may answer before that.
    pub request: BodyEnd,
    /// The protocol it came by.
    pub protocol: Protocol,
    /// The connection it came on.
    pub connection: Connected,
}

/// The end of a response body: whether it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BodyEnd {
    /// It did.
    Whole,
    /// It was longer than is kept, slower than it may be, or broke off. The connection is closed.
    CutOff,
}

/// A version of HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Protocol {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2.
    Http2,
}

/// The age of a connection: made for this delivery, or kept from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Connected {
    /// It was made for this delivery.
    Fresh,
    /// It had served another of the same tenant's, to the same place, under the same identity and trust.
    Reused,
}

/// Rules for what follows a failure: retry, put aside, or give up.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetryRules {
    /// Whoever is overloaded is left alone for at least so long: after 408, 425, 429, 502, 503, 504, and what timed out.
    /// Default a minute.
    pub overload_floor: Duration,
    /// At most so long is done as `Retry-After` says. Default a day, the longest step of Standard Webhooks' schedule.
    pub longest_retry_after: Duration,
    /// Whether 501 says that the endpoint is gone, as 410 does.
    pub not_implemented: NotImplemented,
}

/// The reading of status 501.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum NotImplemented {
    /// A failure like others.
    #[default]
    Retry,
    /// The endpoint is gone: some consumers opt out so.
    Gone,
}

impl Default for RetryRules {
    fn default() -> Self {
        Self {
            overload_floor: Duration::from_secs(60),
            longest_retry_after: Duration::from_secs(86_400),
            not_implemented: NotImplemented::default(),
        }
    }
}

impl Outcome {
    /// A stable name: `delivered`, or the code of the failure.
    pub fn code(&self) -> &'static str {
        self.failure.as_ref().map_or("delivered", Failure::code)
    }

    /// Whose fault it is; `None` where it was delivered.
    pub fn fault(&self) -> Option<Fault> {
        self.failure.as_ref().map(Failure::fault)
    }

    pub(super) fn failed(failure: Failure, rules: &RetryRules, now: UnixTime) -> Self {
        Self {
            fate: fate(&failure, rules, now),
            failure: Some(failure),
            answer: None,
        }
    }

    pub(super) fn answered(answer: Answer, rules: &RetryRules, now: UnixTime) -> Self {
        let failure = judge(&answer, rules);
        let fate = match &failure {
            None => Fate::Delivered,
            Some(failure) => asked_for(fate(failure, rules, now), &answer.headers, rules, now),
        };
        Self {
            fate,
            failure,
            answer: Some(answer),
        }
    }
}

/// `delivered`, or the code and the reason, for a log: nothing of what the server answered but its status.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.failure {
            None => f.write_str(self.code()),
            Some(failure) => write!(f, "{}: {failure}", failure.code()),
        }
    }
}

fn judge(answer: &Answer, rules: &RetryRules) -> Option<Failure> {
    let status = answer.status;
    match status {
        200..=299 if answer.request == BodyEnd::CutOff => Some(Failure::NotTaken { status }),
        200..=299 => None,
        300..=399 => Some(Failure::Redirected { status }),
        410 => Some(Failure::Gone { status }),
        501 if rules.not_implemented == NotImplemented::Gone => Some(Failure::Gone { status }),
        495 | 496 => Some(Failure::IdentityRefusedByStatus { status }),
        400 if is_nginx_about_certificates(&answer.body) => Some(Failure::IdentityRefusedByStatus { status }),
        _ => Some(Failure::Status { status }),
    }
}

/// nginx completes the handshake whatever certificate was shown, and turns its 495 and 496 into 400 unless told
/// otherwise: only the page says what is meant.
fn is_nginx_about_certificates(body: &[u8]) -> bool {
    const PAGES: [&[u8]; 2] = [
        b"<center>The SSL certificate error</center>",
        b"<center>No required SSL certificate was sent</center>",
    ];
    PAGES
        .iter()
        .any(|page| body.windows(page.len()).any(|part| part == *page))
}

/// What is to be done about a failure, if nobody says when.
fn fate(failure: &Failure, rules: &RetryRules, now: UnixTime) -> Fate {
    let overloaded = Fate::Retry {
        after: rules.overload_floor,
    };
    let again = Fate::Retry {
        after: Duration::ZERO,
    };
    match failure {
        Failure::Gone { .. } => Fate::Gone,
        // Not to be tried blindly, nor to be got round: somebody has to look.
        Failure::Untrusted(_) if failure.fault() == Fault::Theirs => Fate::Dead,
        Failure::Redirected { .. }
        | Failure::NotTheirEndpoint { .. }
        | Failure::Unclaimed
        | Failure::Expired { .. }
        | Failure::Endpoint(_)
        | Failure::PortNotAllowed { .. }
        | Failure::PrivateAddress(_) => Fate::Dead,
        // The same delivery will never be signed; a missing key may be there tomorrow.
        Failure::CannotSign(CannotSign::NoKey(_)) => again,
        Failure::CannotSign(_) => Fate::Dead,
        Failure::Status {
            status: 408 | 425 | 429 | 502 | 503 | 504,
        }
        | Failure::TimedOut { .. } => overloaded,
        Failure::NotNow(NotNow::Open { until }) => Fate::Retry {
            after: Duration::from_secs(until.as_secs().saturating_sub(now.as_secs())),
        },
        Failure::NotNow(_) => overloaded,
        _ => again,
    }
}

/// `Retry-After` (RFC 9110 §10.2.3) makes it later, never sooner, and not for ever.
fn asked_for(fate: Fate, headers: &HeaderMap, rules: &RetryRules, now: UnixTime) -> Fate {
    match (fate, retry_after(headers, now)) {
        (Fate::Retry { after }, Some(asked)) => Fate::Retry {
            after: asked.min(rules.longest_retry_after).max(after),
        },
        (fate, _) => fate,
    }
}

/// In seconds, or as a date. A field that is there twice, or says neither, says nothing.
fn retry_after(headers: &HeaderMap, now: UnixTime) -> Option<Duration> {
    let mut values = headers.get_all(header::RETRY_AFTER).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    let text = value.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    let since_1970 = date.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(since_1970.saturating_sub(Duration::from_secs(now.as_secs())))
}

impl Answer {
    pub(super) fn new(
        status: StatusCode,
        headers: HeaderMap,
        protocol: Protocol,
        connection: Connected,
    ) -> Self {
        Self {
            status: status.as_u16(),
            headers,
            body: Bytes::new(),
            end: BodyEnd::Whole,
            request: BodyEnd::Whole,
            protocol,
            connection,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What no server has a part in.
    #[test]
    fn what_is_never_signed_is_dead_and_a_probe_under_way_is_waited_for() {
        let (rules, now) = (RetryRules::default(), UnixTime::since_unix_epoch(Duration::ZERO));
        let a_minute = Duration::from_secs(60);
        for (failure, expected) in [
            (Failure::CannotSign(CannotSign::Id), Fate::Dead),
            (Failure::NotNow(NotNow::Probing), Fate::Retry { after: a_minute }),
        ] {
            assert_eq!(Outcome::failed(failure, &rules, now).fate, expected);
        }
    }
}
