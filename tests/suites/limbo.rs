//! Do others read X.509 as we do? x509-limbo's cases, each put to [`VerifyPeer`].
//!
//! The data stands beside the checkout (`../shared/vectors/limbo/limbo.json`), or in the folder that
//! `COUNTERSIGN_VECTORS` names. Where it is absent the test says so, loudly; with `CI` set, that is a failure.
//!
//! `tests/limbo/explained.txt` lists every case on which we and x509-limbo differ, with our exact answer and the
//! reason. The list is held to the letter: a difference that is not on it fails, and so does an entry that no longer
//! differs, or differs with another answer. To trust a peer that x509-limbo would not takes a reason that begins with
//! "pedantic:", a rule that binds those who issue certificates, or the public web, and not those who verify them.

mod cases;

use std::collections::BTreeMap;
use std::fmt;

use cases::{Case, Expected, Kind, cases, explained};
use countersign::identity::{ChainLimits, PeerChain};
use countersign::trust::{
    Crls, ExpectedPeers, InvalidCa, InvalidCrls, PrivateCa, Profile, PublicCa, Revocation, Role, Untrusted,
    VerifiedPeer, VerifyPeer, WebRoots,
};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{ServerName, UnixTime};

use crate::explained::agrees;

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
        let answer = VerifiedPeer::verify(&roots, chain.clone(), Role::Server { name }, at).map(|_| ());
        agrees(&roots, &chain, Role::Server { name }, at, &answer);
        answer
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
        .and_then(|chain| {
            let answer = VerifiedPeer::verify(&trust, chain.clone(), role, case.now());
            agrees(&trust, &chain, role, case.now(), &answer);
            answer
        });
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
