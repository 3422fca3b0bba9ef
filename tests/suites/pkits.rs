//! Is a path what NIST says it is? The Public Key Interoperability Test Suite, each case put to [`PrivateCa`].
//!
//! The certificates and lists are those of Debian's `python3-cryptography-vectors`, or stand in the folder that
//! `COUNTERSIGN_PKITS` names. Where they are absent the test says so, loudly; with `CI` set, that is a failure.
//!
//! NIST's certificates have no extended key usage, so the profile is loosened by that and nothing else. Each case gets
//! the certificates that may lie on its path, in no useful order, and the CRLs of those who may have issued one of them,
//! all of which are required to answer. A list that the crate will not load is left out, as an operator would have to:
//! what is refused must be so without it.
//!
//! `tests/pkits/explained.txt` lists every case on which we and NIST differ, with our exact answer and the reason, and
//! is held to the letter.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::explained::agrees;
use countersign::identity::{ChainLimits, PeerChain};
use countersign::testing::utc;
use countersign::trust::{Crls, PrivateCa, Profile, Revocation, Role, Untrusted, VerifiedPeer};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, UnixTime};
use x509_parser::prelude::{CertificateRevocationList, FromDer as _, X509Certificate};

const EXPLAINED: &str = include_str!("pkits/explained.txt");

/// Where Debian puts them.
const PACKAGED: &str = "/usr/lib/python3/dist-packages/cryptography_vectors/x509/PKITS_data";

#[test]
fn every_difference_is_explained() {
    let Some(suite) = Suite::read() else { return };
    let mut explained = explained();
    let mut problems = Vec::new();
    let mut agreed = BTreeMap::<_, usize>::new();
    let (mut all, mut differ) = (0, 0);
    for (name, leaf) in suite.leaves() {
        all += 1;
        let answer = suite.ask(leaf);
        let entry = explained.remove(name);
        if (answer == "trusted") == is_valid(name) {
            if entry.is_some() {
                problems.push(format!("{name}: explained, yet it agrees: {answer}"));
            }
            *agreed.entry(answer).or_default() += 1;
            continue;
        }
        match entry {
            Some(expected) if expected == answer => differ += 1,
            Some(expected) => {
                problems.push(format!("{name}: explained as `{expected}`, but it is `{answer}`"))
            }
            None => problems.push(format!("{name} | {answer} | unexplained")),
        }
    }
    problems.extend(explained.keys().map(|name| format!("{name}: no such case")));
    for (answer, count) in &agreed {
        println!("pkits: agree: {count:3} {answer}");
    }
    println!(
        "pkits: {all} cases, {} agree, {differ} explained, {} not",
        agreed.values().sum::<usize>(),
        problems.len()
    );
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
    assert_eq!(all, 223, "the whole suite");
}

/// What NIST says of the case under its default settings: any policy will do, and none is demanded.
fn is_valid(name: &str) -> bool {
    match NAMED_AFTER_POLICIES.iter().find(|(named, _)| *named == name) {
        Some((_, valid)) => *valid,
        None => name.starts_with("Valid"),
    }
}

/// Those whose names do not tell: sections 4.8 and 4.12.
const NAMED_AFTER_POLICIES: [(&str, bool); 20] = [
    ("AllCertificatesNoPoliciesTest2", true),
    ("AllCertificatesSamePoliciesTest10", true),
    ("AllCertificatesSamePoliciesTest13", true),
    ("AllCertificatesanyPolicyTest11", true),
    ("AnyPolicyTest14", true),
    ("CPSPointerQualifierTest20", true),
    ("DifferentPoliciesTest12", false),
    ("DifferentPoliciesTest3", true),
    ("DifferentPoliciesTest4", false),
    ("DifferentPoliciesTest5", false),
    ("DifferentPoliciesTest7", false),
    ("DifferentPoliciesTest8", false),
    ("DifferentPoliciesTest9", false),
    ("OverlappingPoliciesTest6", true),
    ("UserNoticeQualifierTest15", true),
    ("UserNoticeQualifierTest16", true),
    ("UserNoticeQualifierTest17", true),
    ("UserNoticeQualifierTest18", true),
    ("UserNoticeQualifierTest19", true),
    ("inhibitAnyPolicyTest3", true),
];

/// What stands in the folders, by the names of the files.
struct Suite {
    certificates: BTreeMap<String, CertificateDer<'static>>,
    lists: Vec<CertificateRevocationListDer<'static>>,
}

impl Suite {
    fn read() -> Option<Self> {
        let folder = std::env::var_os("COUNTERSIGN_PKITS").map_or_else(|| PACKAGED.into(), PathBuf::from);
        let certificates = match files(&folder.join("certs")) {
            Ok(files) => files,
            Err(error) => {
                let folder = folder.display();
                let skipped = format!(
                    "pkits: SKIPPED: {folder}: {error}; install python3-cryptography-vectors, or name the folder in COUNTERSIGN_PKITS"
                );
                assert!(std::env::var_os("CI").is_none(), "{skipped}");
                // Past libtest, which swallows what a test that passes prints.
                writeln!(std::io::stderr(), "{skipped}").expect("stderr");
                return None;
            }
        };
        let lists = files(&folder.join("crls")).expect("lists beside the certificates");
        Some(Self {
            certificates: certificates
                .into_iter()
                .map(|(name, der)| (name, der.into()))
                .collect(),
            lists: lists.into_values().map(Into::into).collect(),
        })
    }

    fn leaves(&self) -> impl Iterator<Item = (&str, &CertificateDer<'static>)> {
        let leaf = |(name, der)| Some((String::as_str(name).strip_suffix("EE.crt")?, der));
        self.certificates.iter().filter_map(leaf)
    }

    fn root(&self) -> &CertificateDer<'static> {
        &self.certificates["TrustAnchorRootCertificate.crt"]
    }

    /// Every certificate that may lie above the leaf, without the root.
    fn above(&self, leaf: &CertificateDer<'static>) -> Vec<&CertificateDer<'static>> {
        let (mut found, mut seen) = (Vec::new(), BTreeSet::new());
        let mut wanted = vec![issuer(leaf)];
        while let Some(name) = wanted.pop() {
            for (file, der) in &self.certificates {
                let fits = !file.ends_with("EE.crt") && der != self.root() && alike(&subject(der), &name);
                if fits && seen.insert(file) {
                    wanted.push(issuer(der));
                    found.push(der);
                }
            }
        }
        found
    }

    /// The lists of everybody who may have issued one of these.
    fn lists_of<'a>(
        &'a self,
        chain: &'a [&CertificateDer<'static>],
    ) -> impl Iterator<Item = CertificateRevocationListDer<'static>> + 'a {
        let issued = |list: &&CertificateRevocationListDer<'static>| {
            let by = list_issuer(list);
            chain
                .iter()
                .copied()
                .chain([self.root()])
                .any(|certificate| issuer(certificate) == by)
        };
        self.lists.iter().filter(issued).cloned()
    }

    fn ask(&self, leaf: &CertificateDer<'static>) -> String {
        let chain: Vec<_> = std::iter::once(leaf).chain(self.above(leaf)).collect();
        let lists: Vec<_> = self
            .lists_of(&chain)
            .filter(|list| Crls::from_der([list.clone()], now()).is_ok())
            .collect();
        let crls = Crls::from_der(lists, now()).expect("the root's list, at least");
        let profile = Profile::strict()
            .allow_missing_eku()
            .with_limits(ChainLimits::default().with_certificates(32));
        let trust = PrivateCa::builder(
            aws_lc_rs::default_provider()
                .signature_verification_algorithms
                .all,
        )
        .der(self.root().clone())
        .with_profile(profile)
        .with_revocation(Revocation::required(crls))
        .build(now())
        .expect("NIST's root");
        let chain = chain.into_iter().cloned();
        let limits = ChainLimits::default().with_certificates(32);
        let verified = PeerChain::parse_within(limits, chain)
            .map_err(Untrusted::from)
            .and_then(|chain| {
                let answer = VerifiedPeer::verify(&trust, chain.clone(), Role::Client, now());
                agrees(&trust, &chain, Role::Client, now(), &answer);
                answer
            });
        match verified {
            Ok(_) => "trusted".to_owned(),
            Err(untrusted) => untrusted.code().to_owned(),
        }
    }
}

/// The suite is valid from 2010 to 2030.
fn now() -> UnixTime {
    utc(2026, 11, 1)
}

fn files(folder: &Path) -> std::io::Result<BTreeMap<String, Vec<u8>>> {
    std::fs::read_dir(folder)?
        .map(|entry| {
            let path = entry?.path();
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .expect("a name")
                .to_owned();
            Ok((name, std::fs::read(path)?))
        })
        .collect()
}

fn certificate<'a>(der: &'a CertificateDer<'static>) -> X509Certificate<'a> {
    X509Certificate::from_der(der).expect("a certificate").1
}

fn issuer(der: &CertificateDer<'static>) -> String {
    certificate(der).issuer().to_string()
}

fn subject(der: &CertificateDer<'static>) -> String {
    certificate(der).subject().to_string()
}

fn list_issuer(der: &CertificateRevocationListDer<'static>) -> String {
    CertificateRevocationList::from_der(der)
        .expect("a list")
        .1
        .issuer()
        .to_string()
}

/// Names that RFC 5280 §7.1 takes for the same, or nearly: a candidate too many does no harm.
fn alike(one: &str, other: &str) -> bool {
    let folded = |name: &str| name.split_whitespace().collect::<String>().to_lowercase();
    folded(one) == folded(other)
}

/// The entries of the file: `case | our answer | reason`.
fn explained() -> BTreeMap<&'static str, &'static str> {
    let mut entries = BTreeMap::new();
    for line in EXPLAINED
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        let [case, answer, reason] = line.split(" | ").collect::<Vec<_>>()[..] else {
            panic!("not `case | our answer | reason`: {line}");
        };
        assert!(
            reason.len() > 20 && reason.ends_with('.'),
            "a reason is a sentence: {line}"
        );
        let trusted_by_choice = ["InvaliddeltaCRLTest4"].contains(&case);
        assert!(
            answer != "trusted" || trusted_by_choice,
            "a false accept explains nothing: {line}"
        );
        assert!(entries.insert(case, answer).is_none(), "explained twice: {case}");
    }
    entries
}
