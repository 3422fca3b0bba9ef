//! How much memory a claim takes: alone in its process, since it looks at the process.

use std::process::Command;

use crate::support::{at, now, tenant};
use countersign::replay::{Claim, ClaimAnswer, ClaimKey, MemoryStore, ReplayStore, Terms};

/// One more than fills a hash table of half a million places, so that most of one of a million stays empty: the worst
/// case.
const CLAIMS: usize = 458_753;

const TENANTS: usize = 100_000;

/// Beside other tests, what they hold would be counted with it.
#[test]
fn claims_and_tenants_take_at_most_what_is_stated() {
    let this = std::env::current_exe().expect("this very binary");
    let alone = Command::new(this)
        .args(["memory_use::alone", "--exact", "--ignored", "--nocapture"])
        .output()
        .expect("a process of its own");
    let said = String::from_utf8_lossy(&alone.stdout);
    assert!(
        alone.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&alone.stderr)
    );
    assert!(said.contains("1 passed"), "it was not run: {said}");
}

#[test]
#[ignore = "run in a process of its own by the test above: cargo test --all-features --test replay memory_use::alone -- --exact --ignored --nocapture"]
fn alone() {
    a_claim_takes_at_most_what_is_stated();
    a_tenant_takes_at_most_what_is_stated();
}

fn a_tenant_takes_at_most_what_is_stated() {
    let before = resident();
    let store =
        MemoryStore::of_bytes(TENANTS * (MemoryStore::BYTES_PER_TENANT + MemoryStore::BYTES_PER_CLAIM));
    for number in 0..TENANTS {
        // As long as a tenant's name may be.
        let owner = tenant(&format!("{number:0128}"));
        let key = ClaimKey::of(&owner, "test", []);
        let claim = Claim::new(key, owner, at(1_000_000), Terms::default(), None);
        let granted = now(store.claim(&claim));
        assert!(
            matches!(granted, Ok(ClaimAnswer::Granted(_))),
            "{number}: {granted:?}"
        );
    }
    let each = (resident() - before) / TENANTS;
    println!("{each} bytes a tenant with one claim");
    assert!(
        each <= MemoryStore::BYTES_PER_TENANT + MemoryStore::BYTES_PER_CLAIM,
        "{each} bytes a tenant"
    );
    assert!(
        each > 128 + 32 + 24,
        "{each} bytes cannot hold a tenant: the measure is wrong"
    );
}

fn a_claim_takes_at_most_what_is_stated() {
    let owner = tenant("acme");
    let before = resident();
    let store = MemoryStore::of_claims(CLAIMS).with_share(CLAIMS);
    for number in 0..CLAIMS {
        let key = ClaimKey::of(&owner, "test", [&number.to_be_bytes()[..]]);
        let time = at(1_000_000 + number as u64 / 50);
        let claim = Claim::new(key, owner.clone(), time, Terms::default(), None);
        let Ok(ClaimAnswer::Granted(claimed)) = now(store.claim(&claim)) else {
            panic!("claim {number} is not granted");
        };
        assert!(now(store.commit(&claimed)).is_ok(), "claim {number}");
    }
    assert_eq!(store.len(), CLAIMS);
    let each = (resident() - before) / CLAIMS;
    println!("{each} bytes a claim");
    assert!(each <= MemoryStore::BYTES_PER_CLAIM, "{each} bytes a claim");
    assert!(
        each > 32 + 24,
        "{each} bytes cannot hold a claim: the measure is wrong"
    );
}

/// Bytes of memory that this process has in use.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line
        .and_then(|line| line.trim().strip_suffix(" kB"))
        .expect("VmRSS");
    kib.trim().parse::<usize>().expect("a number") * 1024
}
