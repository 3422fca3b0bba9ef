//! The code of everything that is not let through, and whose fault it is.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use countersign::observe::HandshakeFailure;

use crate::reasons::{
    every_cut, every_delivery_failure, every_handshake_failure, every_invalid_endpoint, every_invalid_header,
    every_not_loaded, every_not_now, every_not_retired, every_refusal, every_settlement,
};

#[test]
fn every_limit_of_a_connection_has_its_code_and_says_whether_good_peers_meet_it() {
    const ORDINARY: [&str; 3] = ["connection.idle", "connection.old", "connection.requests"];
    for (cut, code) in every_cut() {
        assert_eq!(
            (cut.code(), cut.is_ordinary()),
            (code, ORDINARY.contains(&code)),
            "{cut:?}"
        );
        assert!(!cut.to_string().is_empty(), "{code} says why");
        assert_eq!(HandshakeFailure::from(cut).code(), code, "also before TLS");
    }
}

#[test]
fn every_failure_of_a_delivery_has_its_code_and_whose_fault_it_is() {
    for (failure, code, fault) in every_delivery_failure() {
        assert_eq!((failure.code(), failure.fault()), (code, fault), "{failure:?}");
        assert!(!failure.to_string().is_empty(), "{code} says why");
    }
    for (invalid, code) in every_invalid_endpoint() {
        assert_eq!(invalid.code(), code);
    }
}

#[test]
fn every_refusal_has_its_own_stable_code_and_says_whether_it_is_an_outage() {
    const OUTAGES: [&str; 10] = [
        "trust.unavailable",
        "tenant.unavailable",
        "payload.keys_unavailable",
        "replay.store_unavailable",
        "replay.store_full",
        "replay.share_used_up",
        "server.busy",
        "server.tenant_busy",
        "server.reading_busy",
        "server.source_busy",
    ];
    let mut seen = BTreeMap::new();
    for (refusal, code) in every_refusal() {
        assert_eq!(refusal.code(), code, "{refusal:?}");
        assert_eq!(refusal.is_outage(), OUTAGES.contains(&code), "{code}");
        assert!(!refusal.to_string().is_empty(), "{code} says why");
        let other = seen.insert(code, refusal.clone());
        assert_eq!(other, None, "{code} has one meaning, not two: {refusal:?}");
    }
    for (failure, code) in every_handshake_failure() {
        assert_eq!(failure.code(), code, "{failure:?}");
    }
    for (not_now, code) in every_not_now() {
        assert_eq!(not_now.code(), code, "{not_now:?}");
    }
    for (invalid, code) in every_invalid_header() {
        assert_eq!(invalid.code(), code, "{invalid:?}");
    }
    for (told, code) in every_settlement() {
        assert_eq!(told, code);
    }
}

/// The statuses that `web` documents, each with its codes. `*` is any end of a code.
fn documented_statuses() -> Vec<(u16, String)> {
    let source = include_str!("../../src/web/mod.rs");
    let (_, table) = source.split_once("//! | status | codes |").expect("the table");
    let rows = table
        .lines()
        .skip(2)
        .map_while(|line| line.strip_prefix("//! | "));
    let cells = rows.map(|row| row.split(" | ").collect::<Vec<_>>());
    let read = |cells: Vec<&str>| {
        let status = cells[0].parse::<u16>().expect("a status");
        let codes = cells[1].split(", ").map(|code| code.trim_matches('`').to_owned());
        codes.map(|code| (status, code)).collect::<Vec<_>>()
    };
    cells.flat_map(read).collect()
}

#[test]
fn the_table_of_statuses_is_what_the_door_answers() {
    let table = documented_statuses();
    let mut used = BTreeSet::new();
    for (refusal, code) in every_refusal() {
        let fits = |pattern: &str| match pattern.strip_suffix('*') {
            Some(start) => code.starts_with(start),
            None => code == pattern,
        };
        let rows = table.iter().filter(|(_, pattern)| fits(pattern));
        let row = rows.max_by_key(|(_, pattern)| pattern.len());
        let (status, pattern) = row.expect(code);
        assert_eq!(countersign::web::status(&refusal).as_u16(), *status, "{code}");
        used.insert((*status, pattern.clone()));
    }
    assert_eq!(
        used,
        table.into_iter().collect(),
        "left: what is answered; right: what the table says"
    );
}

#[test]
fn whatever_is_not_loaded_or_not_retired_says_why() {
    for (failed, code) in every_not_loaded() {
        assert_eq!(failed.code(), code);
        assert!(!failed.to_string().is_empty(), "{code} says why");
    }
    for (stays, code) in every_not_retired() {
        assert_eq!(stays.code(), code);
        assert!(!stays.to_string().is_empty(), "{code} says why");
    }
}

/// The enums may grow; this finds every code that the source gives out.
#[test]
fn every_code_in_the_source_is_tested() {
    let handshakes = every_handshake_failure()
        .into_iter()
        .map(|(_, code)| code.to_owned());
    let refusals = every_refusal().into_iter().map(|(_, code)| code.to_owned());
    let not_now = every_not_now().into_iter().map(|(_, code)| code.to_owned());
    let sending = every_delivery_failure()
        .into_iter()
        .map(|(_, code, _)| code.to_owned());
    let endpoints = every_invalid_endpoint()
        .into_iter()
        .map(|(_, code)| code.to_owned());
    let tested: BTreeSet<String> = refusals
        .chain(handshakes)
        .chain(not_now)
        .chain(sending)
        .chain(endpoints)
        .chain(every_invalid_header().map(|(_, code)| code.to_owned()))
        .chain(every_settlement().map(|(_, code)| code.to_owned()))
        .chain(every_not_loaded().map(|(_, code)| code.to_owned()))
        .chain(every_not_retired().map(|(_, code)| code.to_owned()))
        .collect();
    let mut given = BTreeSet::new();
    codes_below(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../src"), &mut given);
    assert_eq!(
        given, tested,
        "left: codes in src/; right: codes in the tables of this file"
    );
}

/// What stands behind an arrow in the form of a code: `=> "question.reason"`.
fn codes_below(folder: &Path, codes: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            codes_below(&path, codes);
        } else {
            let source = std::fs::read_to_string(&path).expect("source");
            codes.extend(source.split("=> \"").skip(1).filter_map(code));
        }
    }
}

fn code(after_the_arrow: &str) -> Option<String> {
    const QUESTIONS: &[&str] = &[
        "identity",
        "trust",
        "tenant",
        "payload",
        "replay",
        "host",
        "server",
        "handshake",
        "breaker",
        "dispatch",
        "endpoint",
        "forwarded",
        "proxy_header",
        "reload",
        "retire",
    ];
    let text = after_the_arrow.split('"').next()?;
    let (question, reason) = text.split_once('.')?;
    let good = !reason.is_empty()
        && reason
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_.".contains(&byte));
    (QUESTIONS.contains(&question) && good).then(|| text.to_owned())
}
