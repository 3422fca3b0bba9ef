//! The cases of `limbo.json`, and the list of those on which we differ.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use countersign::identity::{Name, NameKind};
use countersign::testing::utc;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use serde::Deserialize;

use crate::shared;

const EXPLAINED: &str = include_str!("explained.txt");

#[derive(Deserialize)]
struct Limbo {
    testcases: Vec<Case>,
}

#[derive(Deserialize)]
pub(super) struct Case {
    pub(super) id: String,
    pub(super) validation_kind: Kind,
    pub(super) trusted_certs: Vec<String>,
    untrusted_intermediates: Vec<String>,
    peer_certificate: String,
    validation_time: Option<String>,
    pub(super) expected_result: Expected,
    expected_peer_name: Option<PeerName>,
    expected_peer_names: Vec<PeerName>,
    /// What the case asks of the leaf; the roles ask for it of their own accord.
    extended_key_usage: Vec<String>,
    pub(super) crls: Vec<String>,
    pub(super) max_chain_depth: Option<usize>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Kind {
    Client,
    Server,
}

#[derive(Debug, Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Expected {
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
    pub(super) fn chain(&self) -> impl Iterator<Item = CertificateDer<'static>> {
        std::iter::once(&self.peer_certificate)
            .chain(&self.untrusted_intermediates)
            .map(|pem| CertificateDer::from_pem_slice(pem.as_bytes()).expect("PEM"))
    }

    /// A case without a time means the present: a fixed one, so that no answer changes with the calendar.
    pub(super) fn now(&self) -> UnixTime {
        match &self.validation_time {
            Some(time) => seconds(time),
            None => utc(2026, 11, 1),
        }
    }

    /// The name the server is to be reached under. One that has no name at all is asked for under one that it cannot
    /// have: there is no role of a server without a name.
    pub(super) fn server_name(&self) -> Option<ServerName<'static>> {
        let name = self
            .expected_peer_name
            .as_ref()
            .map_or("nobody.invalid", |name| &name.value);
        ServerName::try_from(name.to_owned()).ok()
    }

    /// The same, as the leaf may carry it.
    pub(super) fn dns_name(&self) -> Option<Name> {
        let name = self
            .expected_peer_name
            .as_ref()
            .filter(|name| name.kind == "DNS")?;
        Name::parse(NameKind::Dns, &name.value).ok()
    }

    /// The names that the leaf must prove.
    pub(super) fn names(&self) -> impl Iterator<Item = Name> {
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
pub(super) fn cases() -> Option<Vec<Case>> {
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

pub(super) struct Explained {
    pub(super) answer: &'static str,
}

/// The entries of the file: `id | our answer | reason`.
pub(super) fn explained() -> BTreeMap<&'static str, Explained> {
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
