//! Do others read X.509 as we do? x509-limbo's cases, each put to [`VerifyPeer`].
//!
//! The data stands beside the checkout (`../shared/vectors/limbo/limbo.json`), or in the folder that
//! `COUNTERSIGN_VECTORS` names. Where it is absent the test says so, loudly; with `CI` set, that is a failure.
//!
//! `tests/limbo/explained.txt` lists every case on which we and x509-limbo differ, with our exact answer and the
//! reason. The list is held to the letter: a difference that is not on it fails, and so does an entry that no longer
//! differs, or differs with another answer. To trust a peer that x509-limbo would not takes a reason that begins with
//! "pedantic:", a rule that binds those who issue certificates, or the public web, and not those who verify them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use countersign::identity::{ChainLimits, Name, NameKind, PeerChain};
use countersign::testing::utc;
use countersign::trust::{
    Crls, ExpectedPeers, InvalidCa, InvalidCrls, PrivateCa, Profile, PublicCa, Revocation, Role, Untrusted,
    VerifiedPeer, VerifyPeer, WebRoots,
};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use serde::Deserialize;

use crate::shared;

const EXPLAINED: &str = include_str!("limbo/explained.txt");

#[test]
fn every_difference_is_explained() {
    let Some(cases) = cases() else { return };
    let mut explained = explained();
    let mut problems = Vec::new();
    let mut agreed = BTreeMap::<_, usize>::new();
    let mut differ = 0;

    for case in &cases {
        let answer = ask(case, ChainLimits::default());
        let entry = explained.remove(case.id.as_str());
        if answer.is_trusted() == (case.expected_result == Expected::Success) {
            if entry.is_some() {
                problems.push(format!("{}: explained, yet it agrees: {answer}", case.id));
            }
            *agreed.entry(answer).or_default() += 1;
            continue;
        }
        match entry {
            Some(entry) if entry.answer == answer.to_string() => differ += 1,
            Some(entry) => problems.push(format!(
                "{}: explained as `{}`, but now it is `{answer}`",
                case.id, entry.answer
            )),
            None => problems.push(format!(
                "{}: unexplained: x509-limbo says {:?}, we say `{answer}`",
                case.id, case.expected_result
            )),
        }
    }
    problems.extend(
        explained
            .keys()
            .map(|id| format!("{id}: explained, but there is no such case")),
    );

    for (answer, count) in &agreed {
        println!("limbo: agree: {count:3} {answer}");
    }
    println!(
        "limbo: {} cases, {} agree, {differ} explained, {} unexplained",
        cases.len(),
        agreed.values().sum::<usize>(),
        problems.len(),
    );
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

/// A limit on size must not be the only thing that stands between a bad chain and us, or hide that we would refuse a
/// good one.
#[test]
fn what_is_refused_for_its_size_is_judged_the_same_without_limits() {
    let Some(cases) = cases() else { return };
    let unlimited = ChainLimits::default()
        .with_certificates(usize::MAX)
        .with_bytes(usize::MAX);
    let sizes = ["identity.too_many_certificates", "identity.chain_too_large"];
    let mut seen = 0;
    for case in &cases {
        if !sizes.contains(&ask(case, ChainLimits::default()).to_string().as_str()) {
            continue;
        }
        let answer = ask(case, unlimited);
        println!("limbo: without limits: {} {answer}", case.id);
        assert_eq!(
            answer.is_trusted(),
            case.expected_result == Expected::Success,
            "{}",
            case.id
        );
        seen += 1;
    }
    assert!(seen > 0, "no case is too large any more: have the limits gone?");
}

/// Chains of public sites lead to Mozilla's roots, for the name that was wanted and no other; of all the authorities
/// that the other cases make up, none does.
#[test]
fn web_roots_trust_the_public_web_and_nobody_else() {
    let Some(cases) = cases() else { return };
    let roots = WebRoots::new(
        aws_lc_rs::default_provider()
            .signature_verification_algorithms
            .all,
    );
    let ask = |case: &Case, name: &ServerName<'_>, at: UnixTime| {
        let chain = PeerChain::parse(case.chain())?;
        VerifiedPeer::verify(&roots, chain, Role::Server { name }, at).map(|_| ())
    };
    let other = ServerName::try_from("hooks.example.com").expect("a name");
    let wrong_name = Untrusted::WrongName {
        name: "hooks.example.com".to_owned(),
    };
    let (mut public, mut made_up) = (0, 0);
    for case in &cases {
        let name = case.server_name().unwrap_or_else(|| other.clone());
        if case.id == "webpki::cryptographydotio-chain" {
            assert_eq!(ask(case, &name, case.now()), Ok(()), "a public site, too");
            continue;
        }
        if !case.id.starts_with("online::") {
            assert_ne!(ask(case, &name, case.now()), Ok(()), "{}", case.id);
            made_up += 1;
            continue;
        }
        assert_eq!(ask(case, &name, case.now()), Ok(()), "{}", case.id);
        assert_eq!(
            ask(case, &other, case.now()),
            Err(wrong_name.clone()),
            "{}",
            case.id
        );
        let as_client = PeerChain::parse(case.chain()).map_err(Untrusted::from);
        let as_client = as_client
            .and_then(|chain| VerifiedPeer::verify(&roots, chain, Role::Client, case.now()))
            .map(|_| ());
        assert_eq!(as_client, Err(Untrusted::ServersOnly), "{}", case.id);
        public += 1;
    }
    println!("limbo: web roots: {public} public chains trusted, {made_up} others refused");
    assert!(public >= 10 && made_up >= 100);
}

/// What we say to a case.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Answer {
    Trusted,
    /// Refused with the code of an [`Untrusted`].
    Refused(&'static str),
    /// No policy can be made of the anchors, so nobody is ever trusted by it.
    NoPolicy(&'static str),
    /// Trusted, but not under the names that the case expects.
    OtherNames,
    /// The name to reach is none that a server can be reached under.
    NoSuchName,
}

impl Answer {
    fn is_trusted(&self) -> bool {
        *self == Self::Trusted
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Trusted => "trusted",
            Self::Refused(code) | Self::NoPolicy(code) => code,
            Self::OtherNames => "other names",
            Self::NoSuchName => "no such name",
        })
    }
}

/// Puts one case to the crate: all that knows both is from here to [`refused_crls`].
fn ask(case: &Case, limits: ChainLimits) -> Answer {
    let trust = match trust(case, limits) {
        Ok(trust) => trust,
        Err(why) => return Answer::NoPolicy(why),
    };
    let Some(name) = case.server_name() else {
        return Answer::NoSuchName;
    };
    let role = match case.validation_kind {
        Kind::Client => Role::Client,
        Kind::Server => Role::Server { name: &name },
    };

    let verified = PeerChain::parse_within(limits, case.chain())
        .map_err(Untrusted::from)
        .and_then(|chain| VerifiedPeer::verify(&trust, chain, role, case.now()));
    match verified {
        Err(untrusted) => Answer::Refused(untrusted.code()),
        Ok(peer) if case.names().all(|name| peer.leaf().names().contains(&name)) => Answer::Trusted,
        Ok(_) => Answer::OtherNames,
    }
}

/// The policy that the case describes, as strict as it comes.
///
/// Where the anchors are public ones, which cannot be private, it is the name to be reached that may be trusted.
fn trust(case: &Case, limits: ChainLimits) -> Result<Box<dyn VerifyPeer>, &'static str> {
    let algorithms = aws_lc_rs::default_provider()
        .signature_verification_algorithms
        .all;
    let anchors = case.trusted_certs.concat();
    let profile = Profile::strict().with_limits(limits);
    let profile = match case.max_chain_depth {
        Some(depth) => profile.with_max_path_length(depth),
        None => profile,
    };
    let private = PrivateCa::builder(algorithms)
        .pem(anchors.as_bytes())
        .with_profile(profile.clone());
    let private = match &*case.crls.concat() {
        "" => private,
        crls => {
            let crls =
                Crls::from_pem(crls.as_bytes(), case.now()).map_err(|invalid| refused_crls(&invalid))?;
            private.with_revocation(Revocation::required(crls))
        }
    };
    match private
        .build(case.now())
        .map_err(|invalid| refused_anchor(&invalid))
    {
        Ok(private) => Ok(Box::new(private)),
        Err("anchor: public") => {
            let public = PublicCa::builder(ExpectedPeers::names(case.dns_name()), algorithms)
                .pem(anchors.as_bytes())
                .with_profile(profile)
                .build(case.now());
            Ok(Box::new(public.map_err(|invalid| refused_anchor(&invalid))?))
        }
        Err(why) => Err(why),
    }
}

/// Why there can be no policy with such an anchor. `InvalidCa` has no code, only words.
fn refused_anchor(invalid: &InvalidCa) -> &'static str {
    let message = invalid.to_string();
    [
        ("is not a certificate authority", "anchor: not a CA"),
        ("may not sign certificates", "anchor: may not sign"),
        (" expired at ", "anchor: expired"),
        ("has a weak key", "anchor: weak key"),
        ("is a public authority", "anchor: public"),
        ("is not X.509", "anchor: malformed"),
    ]
    .into_iter()
    .find_map(|(words, code)| message.contains(words).then_some(code))
    .unwrap_or("anchor: refused")
}

/// Why there can be no policy with such a CRL.
fn refused_crls(invalid: &InvalidCrls) -> &'static str {
    match invalid {
        InvalidCrls::NoNumber { .. } => "crl: no number",
        InvalidCrls::Malformed { .. } => "crl: malformed",
        _ => "crl: refused",
    }
}

#[derive(Deserialize)]
struct Limbo {
    testcases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    id: String,
    validation_kind: Kind,
    trusted_certs: Vec<String>,
    untrusted_intermediates: Vec<String>,
    peer_certificate: String,
    validation_time: Option<String>,
    expected_result: Expected,
    expected_peer_name: Option<PeerName>,
    expected_peer_names: Vec<PeerName>,
    /// What the case asks of the leaf; the roles ask for it of their own accord.
    extended_key_usage: Vec<String>,
    crls: Vec<String>,
    max_chain_depth: Option<usize>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "UPPERCASE")]
enum Kind {
    Client,
    Server,
}

#[derive(Debug, Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "UPPERCASE")]
enum Expected {
    Success,
    Failure,
}

#[derive(Deserialize)]
struct PeerName {
    kind: String,
    value: String,
}

impl Case {
    /// The leaf, then the others.
    fn chain(&self) -> impl Iterator<Item = CertificateDer<'static>> {
        std::iter::once(&self.peer_certificate)
            .chain(&self.untrusted_intermediates)
            .map(|pem| CertificateDer::from_pem_slice(pem.as_bytes()).expect("PEM"))
    }

    /// A case without a time means the present: a fixed one, so that no answer changes with the calendar.
    fn now(&self) -> UnixTime {
        match &self.validation_time {
            Some(time) => seconds(time),
            None => utc(2026, 11, 1),
        }
    }

    /// The name the server is to be reached under. One that has no name at all is asked for under one that it cannot
    /// have: there is no role of a server without a name.
    fn server_name(&self) -> Option<ServerName<'static>> {
        let name = self
            .expected_peer_name
            .as_ref()
            .map_or("nobody.invalid", |name| &name.value);
        ServerName::try_from(name.to_owned()).ok()
    }

    /// The same, as the leaf may carry it.
    fn dns_name(&self) -> Option<Name> {
        let name = self
            .expected_peer_name
            .as_ref()
            .filter(|name| name.kind == "DNS")?;
        Name::parse(NameKind::Dns, &name.value).ok()
    }

    /// The names that the leaf must prove.
    fn names(&self) -> impl Iterator<Item = Name> {
        self.expected_peer_names.iter().map(|name| {
            assert_eq!(name.kind, "RFC822", "{}", self.id);
            Name::Email(name.value.as_str().into())
        })
    }
}

/// `2024-03-01T00:00:00.999+00:00` as whole seconds, which are all that rustls knows.
fn seconds(time: &str) -> UnixTime {
    assert!(time.ends_with("+00:00"), "{time}");
    let part = |from: usize, until: usize| time[from..until].parse::<u64>().expect("digits");
    let day = utc(part(0, 4) as i32, part(5, 7) as u8, part(8, 10) as u8);
    let of_day = part(11, 13) * 3600 + part(14, 16) * 60 + part(17, 19);
    UnixTime::since_unix_epoch(Duration::from_secs(day.as_secs() + of_day))
}

/// All cases, or nothing where the data is absent and may be.
fn cases() -> Option<Vec<Case>> {
    let json = std::fs::read(shared::vectors("limbo/limbo.json")?).expect("a file");
    let limbo: Limbo = serde_json::from_slice(&json).expect("limbo.json as we know it");
    let ids: BTreeSet<_> = limbo.testcases.iter().map(|case| &case.id).collect();
    assert_eq!(ids.len(), limbo.testcases.len(), "ids are unique");
    for case in &limbo.testcases {
        let role = match case.validation_kind {
            Kind::Client => "clientAuth",
            Kind::Server => "serverAuth",
        };
        assert!(
            case.extended_key_usage.iter().all(|usage| usage == role),
            "{}",
            case.id
        );
    }
    Some(limbo.testcases)
}

struct Explained {
    answer: &'static str,
}

/// The entries of the file: `id | our answer | reason`.
fn explained() -> BTreeMap<&'static str, Explained> {
    let mut entries = BTreeMap::new();
    for line in EXPLAINED
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        let [id, answer, reason] = line.split(" | ").collect::<Vec<_>>()[..] else {
            panic!("not `id | our answer | reason`: {line}");
        };
        assert!(
            reason.len() > 20 && reason.ends_with('.'),
            "a reason is a sentence: {line}"
        );
        assert!(
            answer != "trusted" || reason.starts_with("pedantic: "),
            "trusted against x509-limbo, and not for pedantry: {line}"
        );
        assert!(
            entries.insert(id, Explained { answer }).is_none(),
            "explained twice: {id}"
        );
    }
    entries
}
