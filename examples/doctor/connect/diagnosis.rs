//! From what was seen to why.

use countersign::trust::Check;

use super::attempt::{Attempt, Ending};
use super::cause::Cause;
use super::own::Own;
use super::{Seen, Tried, alerts};

/// How sure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Certainty {
    /// The server says so, or it was seen here.
    Certain,
    /// The server says less; this is wrong with what we showed.
    Likely,
    /// The server says less, and nothing else that can be seen from here is wrong.
    Left,
}

impl Certainty {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Certain => "certain",
            Self::Likely => "likely",
            Self::Left => "what is left",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) cause: Cause,
    pub(crate) certainty: Certainty,
    /// A remark, where a client would be served all the same.
    pub(crate) harmless: bool,
    /// Under which versions of TLS; none for all.
    pub(crate) versions: Vec<&'static str>,
    pub(crate) evidence: Vec<String>,
}

/// What was found, in the order in which a client would meet it.
pub(crate) fn of(seen: &Seen) -> Vec<Found> {
    let mut found = of_the_server(seen);
    let served = seen.tried.iter().any(|tried| !is_refused(tried.last()));
    for tried in &seen.tried {
        let Some((cause, certainty, evidence)) = of_a_version(tried, seen.own.as_ref()) else {
            continue;
        };
        match found.iter_mut().find(|known| known.cause == cause) {
            Some(known) => {
                // What one version says outright, the other means.
                known.certainty = known.certainty.min(certainty);
                known.versions.push(tried.version.name());
                let new = evidence.into_iter().filter(|text| !known.evidence.contains(text));
                let new: Vec<_> = new.collect();
                known.evidence.extend(new);
            }
            None => found.push(Found {
                cause,
                certainty,
                harmless: cause == Cause::Optional || (cause == Cause::ProtocolVersion && served),
                versions: vec![tried.version.name()],
                evidence,
            }),
        }
    }
    // A version that is not spoken matters least, where another is.
    found.sort_by_key(|found| found.harmless);
    found
}

/// What a client would see of the server before it shows anything: the name apart, since that may be ours.
fn of_the_server(seen: &Seen) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    for failure in seen.server.iter().flat_map(|report| report.failures()) {
        let cause = match failure.check {
            Check::ServerName => Cause::WrongName,
            _ => Cause::ServerUntrusted,
        };
        let why = failure
            .reason
            .as_ref()
            .map(|why| format!("{}: {why}", why.code()));
        let evidence = format!("{}; seen: {}", why.unwrap_or_default(), failure.seen);
        match found.iter_mut().find(|known| known.cause == cause) {
            Some(known) => known.evidence.push(evidence),
            None => found.push(Found {
                cause,
                certainty: Certainty::Certain,
                harmless: false,
                versions: Vec::new(),
                evidence: vec![evidence],
            }),
        }
    }
    found
}

type Why = (Cause, Certainty, Vec<String>);

fn of_a_version(tried: &Tried, own: Option<&Own>) -> Option<Why> {
    let last = tried.last();
    let said = format!("{}: {}", tried.version.name(), last.ending);
    if !is_refused(last) {
        let cause = match (&last.asking, own) {
            (None, Some(_)) => Cause::NotAsked,
            (Some(_), _) if !is_refused(&tried.without) => Cause::Optional,
            _ => return None,
        };
        return Some((cause, Certainty::Certain, vec![said]));
    }
    let (cause, certainty, more) = refused(last, own);
    let mut evidence = vec![said];
    evidence.extend(more);
    Some((cause, certainty, evidence))
}

/// Whether the server, or TLS, ends it.
fn is_refused(attempt: &Attempt) -> bool {
    match &attempt.ending {
        Ending::Answered(status, text) => *status == 400 && speaks_of_a_certificate(text),
        Ending::Spoke | Ending::Silent => false,
        Ending::Alert(_) | Ending::OtherVersion | Ending::Closed | Ending::Failed(_) => true,
    }
}

/// nginx's words, and those of whoever copies it.
const NONE_SENT: &str = "No required SSL certificate was sent";

fn speaks_of_a_certificate(text: &str) -> bool {
    text.contains(NONE_SENT) || text.contains("SSL certificate error")
}

fn refused(attempt: &Attempt, own: Option<&Own>) -> Why {
    if let Some(why) = before_any_certificate(attempt) {
        return why;
    }
    let Some(asking) = &attempt.asking else {
        return (
            Cause::Unclear,
            Certainty::Left,
            vec!["it asked for no certificate before".into()],
        );
    };
    let said = match &attempt.ending {
        Ending::Alert(alert) => alerts::cause(alert.name()),
        Ending::Answered(_, text) if text.contains(NONE_SENT) => Some(Cause::NoCertificate),
        _ => None,
    };
    let Some(own) = own else {
        return (
            Cause::NoCertificate,
            certainty(said),
            vec!["it asks for a certificate, and none was shown".into()],
        );
    };
    if !asking.can_sign {
        let why = "it takes no signature algorithm that our key has, so ours was not shown";
        return (Cause::CannotSign, Certainty::Certain, vec![why.into()]);
    }
    let suspicion = suspicion(own, &asking.authorities);
    match said {
        // What we know of ours may say more.
        Some(cause) => {
            let same = suspicion.filter(|(suspected, _)| *suspected == cause);
            (
                cause,
                Certainty::Certain,
                same.into_iter().map(|(_, evidence)| evidence).collect(),
            )
        }
        None => match suspicion {
            Some((cause, evidence)) => (cause, Certainty::Likely, vec![evidence]),
            None => left(own, &asking.authorities),
        },
    }
}

fn certainty(said: Option<Cause>) -> Certainty {
    match said {
        Some(Cause::NoCertificate) => Certainty::Certain,
        _ => Certainty::Likely,
    }
}

fn before_any_certificate(attempt: &Attempt) -> Option<Why> {
    let other_version = || (Cause::ProtocolVersion, Certainty::Certain, Vec::new());
    let alert = match &attempt.ending {
        Ending::OtherVersion => return Some(other_version()),
        Ending::Failed(_) => return Some((Cause::Unclear, Certainty::Certain, Vec::new())),
        Ending::Alert(alert) => alert.name(),
        _ => return None,
    };
    match alert {
        "protocol_version" => Some(other_version()),
        "unrecognized_name" => Some((Cause::WrongName, Certainty::Certain, Vec::new())),
        "handshake_failure" | "insufficient_security" if attempt.chain.is_empty() => {
            Some((Cause::NothingInCommon, Certainty::Likely, Vec::new()))
        }
        _ => None,
    }
}

/// What is wrong with what we show, as far as it can be seen from here, the commonest first.
fn suspicion(own: &Own, authorities: &[Vec<u8>]) -> Option<(Cause, String)> {
    let told = |(code, seen): (&str, &str)| format!("our certificate is {code}: {seen}");
    let failed = |&(check, cause): &(Check, Cause)| Some((cause, told(own.failed(check)?)));
    let known = [
        (Check::Validity, Cause::Expired),
        (Check::Purpose, Cause::Purpose),
        (Check::Revocation, Cause::Revoked),
        (Check::Path, Cause::UnknownCa),
    ]
    .iter()
    .find_map(failed);
    let unnamed = || {
        let stranger = !authorities.is_empty() && !own.is_of_one_of(authorities);
        let why = "it names the authorities that it takes, and none of them has issued ours";
        stranger.then(|| (Cause::UnknownCa, why.to_owned()))
    };
    let other = || {
        let finding = own.report.failures().next()?;
        Some((
            Cause::Unfit,
            told((finding.reason.as_ref()?.code(), &finding.seen)),
        ))
    };
    known.or_else(unnamed).or_else(other)
}

/// The server does not say, and nothing is wrong with ours that can be seen from here.
fn left(own: &Own, authorities: &[Vec<u8>]) -> Why {
    let (cause, evidence) = match (own.by_authorities, authorities.is_empty()) {
        (true, _) => (
            Cause::Revoked,
            "ours is valid now, for clients, and of the authority of --client-ca",
        ),
        (false, false) => (
            Cause::Revoked,
            "ours is valid now, for clients, and of an authority that the server names (by its name: --client-ca would say whether by its key)",
        ),
        (false, true) => (
            Cause::Unclear,
            "ours is valid now and for clients; the server names no authorities: --client-ca would say whether ours is of the right one",
        ),
    };
    (cause, Certainty::Left, vec![evidence.into()])
}
