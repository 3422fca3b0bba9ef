use rustls_pki_types::{CertificateDer, UnixTime};
use x509_parser::prelude::FromDer as _;
use x509_parser::x509::X509Name;

use super::{CheckOutcome, Finding, Report, sent};
use crate::codes::{Few, Seen};
use crate::date::Date;
use crate::gate::{Caller, Policy};
use crate::identity::{Certificate, Facts, KeyKind, PeerChain, Validity};
use crate::refusal::Refusal;
use crate::trust::{
    Answer, Check, Note, Presented, Role, Trace, Untrusted, VerifiedPeer, VerifyPeer, check_validity,
};

/// The reasons why a policy lets a client in that shows this chain at `now`, or why not: all checks, and whose the client is.
///
/// Whether the client holds the key of its certificate, only a handshake can tell.
///
/// ```
/// use countersign::explain::{self, CheckOutcome};
/// use countersign::gate::Policy;
/// use countersign::tenant::TenantTable;
/// # use countersign::testing::{NOW, TestCa};
/// use countersign::trust::{Check, PrivateCa};
///
/// # let algorithms = rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms.all;
/// # let ca = TestCa::new("Acme Root");
/// let trust = PrivateCa::from_pem(ca.pem().as_bytes(), algorithms, NOW)?;
/// let tenants = TenantTable::builder().uri("spiffe://pay.example/tenant/{tenant}").known(["acme"]).build()?;
/// let policy = Policy::new(trust, tenants);
///
/// let for_servers = ca.client("spiffe://pay.example/tenant/acme").server_only().expired().issue();
/// let report = explain::client(&policy, for_servers.chain(), NOW);
/// let failed: Vec<_> = report.failures().map(|finding| finding.check).collect();
/// assert_eq!(failed, [Check::Validity, Check::Purpose], "both, not only the first");
/// assert_eq!(report.verdict.map_err(|why| why.code()), Err("trust.expired"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn client<'a>(
    policy: &Policy,
    certificates: impl IntoIterator<Item = CertificateDer<'a>>,
    now: UnixTime,
) -> Report {
    let chain = match PeerChain::parse_within(policy.trust().limits(), certificates) {
        Ok(chain) => chain,
        Err(malformed) => return unread(malformed.into()),
    };
    let mut report = walk(&policy.trust(), &chain, Role::Client, now);
    report
        .findings
        .push(tenant(policy, &chain, &mut report.verdict, now));
    report
}

/// The reasons why a verifier trusts whoever shows this chain in that role at `now`, or why not: all of its checks.
///
/// ```
/// use countersign::explain;
/// # use countersign::testing::{NOW, TestCa};
/// use countersign::trust::{Check, PinSet, Role};
///
/// let shown = TestCa::new("Acme Root").client("spiffe://pay.example/tenant/acme").issue().chain();
/// let report = explain::peer(&PinSet::default(), shown, Role::Client, NOW);
/// assert_eq!(report.failures().map(|finding| finding.check).collect::<Vec<_>>(), [Check::Pin]);
/// assert!(report.to_string().contains("REFUSED as trust.not_pinned"), "{report}");
/// ```
pub fn peer<'a>(
    trust: &dyn VerifyPeer,
    certificates: impl IntoIterator<Item = CertificateDer<'a>>,
    role: Role<'_>,
    now: UnixTime,
) -> Report {
    match PeerChain::parse_within(trust.limits(), certificates) {
        Ok(chain) => walk(trust, &chain, role, now),
        Err(malformed) => unread(malformed.into()),
    }
}

fn unread(why: Untrusted) -> Report {
    let refusal = Refusal::from(why);
    let finding = Finding {
        check: Check::Read,
        outcome: CheckOutcome::Failed,
        seen: "what cannot be read".to_owned(),
        expected: expected(Check::Read),
        reason: Some(refusal.clone()),
    };
    Report::new(Err(refusal), vec![finding])
}

fn walk(trust: &dyn VerifyPeer, chain: &PeerChain, role: Role<'_>, now: UnixTime) -> Report {
    let trace = Trace::default();
    // Under a trace an answer is no evidence: only the notes count.
    match trust.verify_peer(&Presented::traced(chain, role, now, &trace)) {
        Ok(evidence) => trace.last(check_validity(evidence.valid, now)),
        Err(why) => trace.end(&why),
    }
    // The notes come to the same, unless a verifier of somebody's own tries one after the other: then it decides, not they.
    let decided = VerifiedPeer::verify(trust, chain.clone(), role, now).map(|_| ());
    if let Err(why) = &decided {
        trace.end(why);
    }
    let read = Note {
        check: Check::Read,
        answer: Answer::Passed,
    };
    let notes = merged(std::iter::once(read).chain(trace.into_notes()));
    let findings = notes
        .into_iter()
        .map(|note| finding(note, chain, role, &decided))
        .collect();
    Report::new(decided.map_err(Refusal::from), findings)
}

/// Each check once, where it was made first; what failed in any of its places has failed.
fn merged(notes: impl Iterator<Item = Note>) -> Vec<Note> {
    let mut merged: Vec<Note> = Vec::new();
    for note in notes {
        match merged.iter_mut().find(|known| known.check == note.check) {
            Some(known) if weight(&known.answer) < weight(&note.answer) => known.answer = note.answer,
            Some(_) => {}
            None => merged.push(note),
        }
    }
    merged
}

fn weight(answer: &Answer) -> u8 {
    match answer {
        Answer::NotReached => 0,
        Answer::Passed => 1,
        Answer::WouldFail(_) => 2,
        Answer::Failed(_) => 3,
    }
}

fn finding(note: Note, chain: &PeerChain, role: Role<'_>, decided: &Result<(), Untrusted>) -> Finding {
    let (outcome, reason) = match note.answer {
        Answer::NotReached => (CheckOutcome::NotReached, None),
        Answer::Passed => (CheckOutcome::Passed, None),
        Answer::Failed(why) if decided.is_err() => (CheckOutcome::Failed, Some(why.into())),
        Answer::WouldFail(why) | Answer::Failed(why) => (CheckOutcome::WouldFail, Some(why.into())),
    };
    Finding {
        check: note.check,
        outcome,
        seen: seen(note.check, chain, role),
        expected: expected(note.check),
        reason,
    }
}

/// Whose it is, by the very question that a request is asked. It decides only where the peer is trusted.
fn tenant(policy: &Policy, chain: &PeerChain, verdict: &mut Result<(), Refusal>, now: UnixTime) -> Finding {
    let mut finding = Finding {
        check: Check::Tenant,
        outcome: CheckOutcome::NotReached,
        seen: seen(Check::Tenant, chain, Role::Client),
        expected: expected(Check::Tenant),
        reason: None,
    };
    if verdict.is_err() {
        return finding;
    }
    match Caller::identify(policy, chain.clone(), now) {
        Ok(caller) => {
            finding.outcome = CheckOutcome::Passed;
            finding.seen = format!("{}, by {}", caller.tenant(), caller.rule());
        }
        Err(why) => {
            finding.outcome = CheckOutcome::Failed;
            finding.reason = Some(why.clone());
            *verdict = Err(why);
        }
    }
    finding
}

fn expected(check: Check) -> &'static str {
    match check {
        Check::Read => "X.509 certificates of version 3 in DER, the leaf first",
        Check::Size => "a chain within the profile's limits",
        Check::Path => "a path of right signatures to an anchor that is loaded here",
        Check::Validity => {
            "now between notBefore and notAfter, for each certificate on the path and the anchor"
        }
        Check::NameConstraints => "names that every authority on the path may certify",
        Check::PathLength => "no more intermediates than authorities and profile allow",
        Check::CriticalExtensions => "no critical extension that is not known here",
        Check::Issuers => {
            "issuers with basicConstraints CA:TRUE and keyUsage keyCertSign, where they have one"
        }
        Check::Purpose => {
            "extendedKeyUsage clientAuth for a client, serverAuth for a server; in issuers too, where they have one"
        }
        Check::Revocation => {
            "a current list of each authority on the path, that names none of the certificates"
        }
        Check::LeafKind => "basicConstraints CA:FALSE or none, no keyCertSign, no cRLSign",
        Check::KeyUsage => "keyUsage digitalSignature, or no keyUsage",
        Check::Key => "RSA of 2048 bits or more, ECDSA on P-256, P-384 or P-521, Ed25519 or ML-DSA",
        Check::Rules => "what RFC 5280 asks of an end entity's certificate",
        Check::Lifetime => "a lifetime within the profile's",
        Check::Policies => "each policy that the profile requires",
        Check::ServerName => "the name that was to be reached among the alternative names",
        Check::ExpectedName => "a name that is expected of this sender",
        Check::Pin => "a key on the path that is pinned here, and whose pin is in force",
        Check::DenyList => "nothing of it on the deny list",
        Check::Tenant => "exactly one rule of the table that names a known tenant",
        Check::Other => "what the verifier asks",
    }
}

/// What the certificates say, as far as the check is about it.
fn seen(check: Check, chain: &PeerChain, role: Role<'_>) -> String {
    let leaf = chain.leaf();
    let facts = leaf.facts();
    match check {
        Check::Read => format!("{} certificates", chain.others().len() + 1),
        Check::Size => size(chain),
        Check::Path | Check::Issuers | Check::PathLength | Check::CriticalExtensions => issued(chain),
        Check::Validity => with(dates(leaf.validity()), sent::ends_before(chain)),
        Check::Lifetime => format!("{} days", leaf.validity().lifetime().as_secs() / 86_400),
        Check::Purpose => match facts.extended_key_usage {
            None => "no extendedKeyUsage".to_owned(),
            Some(usage) => flags(
                "extendedKeyUsage",
                [
                    ("clientAuth", usage.client_auth),
                    ("serverAuth", usage.server_auth),
                ],
            ),
        },
        Check::LeafKind => with(usage(facts), sent::is_behind(chain)),
        Check::KeyUsage => usage(facts),
        Check::Key => match facts.key {
            KeyKind::Strong => "strong".to_owned(),
            KeyKind::Weak => "RSA below 2048 bits".to_owned(),
            KeyKind::Unsupported => "of another kind".to_owned(),
        },
        Check::Policies => Few::of(facts.policies.iter().map(String::as_str)).to_string(),
        Check::Pin => leaf.spki().to_string(),
        Check::Revocation | Check::DenyList | Check::Rules => {
            format!("serial number {} of {}", leaf.serial(), issuer(leaf))
        }
        Check::ServerName => match role {
            Role::Server { name } => format!("{}; wanted {}", names(leaf), Seen::of(&name.to_str())),
            Role::Client => names(leaf),
        },
        Check::NameConstraints | Check::ExpectedName | Check::Tenant | Check::Other => names(leaf),
    }
}

fn with(seen: String, more: Option<String>) -> String {
    match more {
        Some(more) => format!("{seen}; {more}"),
        None => seen,
    }
}

/// What a certificate may be used for.
fn usage(facts: &Facts) -> String {
    let of_ca = facts.is_ca;
    match facts.key_usage {
        None => format!("CA:{of_ca}, no keyUsage"),
        Some(usage) => flags(
            &format!("CA:{of_ca}, keyUsage"),
            [
                ("digitalSignature", usage.digital_signature),
                ("keyCertSign", usage.key_cert_sign),
                ("cRLSign", usage.crl_sign),
            ],
        ),
    }
}

fn size(chain: &PeerChain) -> String {
    let bytes: usize = chain.certificates().map(|certificate| certificate.len()).sum();
    format!("{} certificates, {bytes} bytes", chain.others().len() + 1)
}

fn issued(chain: &PeerChain) -> String {
    let more = chain.others().len();
    format!("issued by {}; {more} more sent with it", issuer(chain.leaf()))
}

fn dates(valid: Validity) -> String {
    format!(
        "the leaf from {} to {}",
        Date(valid.not_before),
        Date(valid.not_after)
    )
}

fn names(leaf: &Certificate) -> String {
    let names: Vec<_> = leaf.names().iter().map(ToString::to_string).collect();
    Few::of(names.iter().map(String::as_str)).to_string()
}

fn flags<const N: usize>(what: &str, flags: [(&str, bool); N]) -> String {
    let set = flags.iter().filter(|(_, set)| *set).map(|(name, _)| *name);
    format!("{what} {}", set.collect::<Vec<_>>().join(" "))
}

/// For people to read; never matched.
fn issuer(leaf: &Certificate) -> Seen {
    match X509Name::from_der(leaf.issuer()) {
        Ok((_, name)) => Seen::of(&name.to_string()),
        Err(_) => Seen::of("?"),
    }
}
