//! WHO COMES BACK? TLS sessions as a store gives them back, changed or not. One is found as it was written, under the policy and for the time that it was written
//! for, or not at all.
#![no_main]

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use arbitrary::{Result, Unstructured};
use countersign::gate::Policy;
use countersign::identity::PeerChain;
use countersign::live::Live;
use countersign::tenant::TenantTable;
use countersign::testing::{NOW, TestCa};
use countersign::tls::{Binding, BoundSessions};
use countersign::trust::{PrivateCa, Role, VerifiedPeer};
use countersign_fuzz::{algorithms, at, bytes, within};
use libfuzzer_sys::fuzz_target;
use rustls::server::StoresServerSessions;
use rustls_pki_types::UnixTime;

// Choices: a session, and what becomes of it.
fuzz_target!(init: { LazyLock::force(&CHAIN); }, |data: &[u8]| {
    // An input that ends early has chosen nothing more.
    let _ = play(&mut Unstructured::new(data));
});

static CHAIN: LazyLock<(PeerChain, PrivateCa, PrivateCa)> = LazyLock::new(|| {
    let (ca, other) = (TestCa::new("Acme Root"), TestCa::new("Other Root"));
    let client = ca
        .client("spiffe://acme.example/tenant/acme")
        .validity(NOW, at(NOW.as_secs() + 500))
        .issue();
    let trust = |ca: &TestCa| PrivateCa::from_pem(ca.pem().as_bytes(), algorithms(), NOW).expect("an anchor");
    (
        PeerChain::parse(client.chain()).expect("a chain"),
        trust(&ca),
        trust(&other),
    )
});

/// A store that gives back what it was told to.
#[derive(Debug, Default)]
struct Kept(Mutex<HashMap<Vec<u8>, Vec<u8>>>);

impl StoresServerSessions for Kept {
    fn put(&self, key: Vec<u8>, value: Vec<u8>) -> bool {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(key, value);
        true
    }

    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(key)
            .cloned()
    }

    fn take(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key)
    }

    fn can_cache(&self) -> bool {
        true
    }
}

#[derive(Debug)]
struct Present(Arc<AtomicU64>);

impl rustls::time_provider::TimeProvider for Present {
    fn current_time(&self) -> Option<UnixTime> {
        Some(at(self.0.load(Ordering::Relaxed)))
    }
}

/// A session as rustls writes one: name, version, suite, secret, master secret, certificates.
fn session(chain: &PeerChain, name: &[u8], secret: &[u8]) -> Vec<u8> {
    let number = |length: usize| (length as u32).to_be_bytes()[1..].to_vec();
    let certificates: Vec<u8> = chain
        .certificates()
        .flat_map(|certificate| [number(certificate.len()), certificate.to_vec()].concat())
        .collect();
    let name = [&[1, name.len() as u8][..], name].concat();
    let fixed = [&[3, 4, 0x13, 1, secret.len() as u8][..], secret, &[0, 1]].concat();
    [name, fixed, number(certificates.len()), certificates, vec![0; 12]].concat()
}

fn play(choices: &mut Unstructured<'_>) -> Result<()> {
    let (chain, trust, other) = &*CHAIN;
    let live = Live::new(trust.clone());
    let tenants = TenantTable::builder()
        .uri("spiffe://acme.example/tenant/{tenant}")
        .known(["acme"])
        .build();
    let policy = Policy::new(live.clone(), tenants.expect("a table"));
    let present = Arc::new(AtomicU64::new(NOW.as_secs()));
    let longest = choices.int_in_range(0..=300)?;
    let binding = || {
        Binding::new(&policy)
            .with_max_lineage(Duration::from_secs(longest))
            .with_time_provider(Arc::new(Present(present.clone())))
    };
    let kept = Arc::new(Kept::default());
    let (store, stranger) = (
        BoundSessions::new(kept.clone(), binding()),
        BoundSessions::new(kept.clone(), binding()),
    );
    let trusted = policy.trust();
    let recall = trusted.memory().expect("a policy remembers");
    let peer = VerifiedPeer::verify(&*trusted, chain.clone(), Role::Client, NOW).expect("trusted");
    recall.keep(Role::Client, peer, NOW);
    let (name, secret) = (bytes(choices, 16)?, bytes(choices, 32)?);
    let written = session(chain, name, secret);
    if !store.put(b"1".to_vec(), written.clone()) {
        return Ok(());
    }
    let (mut is_changed, mut is_replaced) = (false, false);
    for _ in 0..choices.int_in_range(1..=12)? {
        match choices.int_in_range(0..=4)? {
            0 => {
                present.store(
                    NOW.as_secs()
                        .saturating_add_signed(choices.arbitrary::<i16>()?.into()),
                    Ordering::Relaxed,
                );
            }
            1 => {
                is_changed = true;
                let mut held = kept.0.lock().unwrap_or_else(PoisonError::into_inner);
                let value = held.entry(b"1".to_vec()).or_default();
                let begin = choices.int_in_range(0..=value.len())?;
                let end = choices.int_in_range(begin..=value.len().min(begin + 32))?;
                value.splice(begin..end, bytes(choices, 32)?.iter().copied());
            }
            2 => {
                is_replaced = true;
                live.replace(other.clone());
            }
            3 if !is_changed => assert_eq!(stranger.get(b"1"), None, "of another binding"),
            3 => drop(stranger.get(b"1")),
            _ => {
                let size = written.len();
                let Some(found) = within(size, || store.get(b"1")) else {
                    continue;
                };
                let now = present.load(Ordering::Relaxed);
                assert!(!is_replaced, "of a policy that is gone");
                assert!(
                    (NOW.as_secs()..=NOW.as_secs() + 500).contains(&now),
                    "of a certificate that has expired"
                );
                assert!(
                    is_changed || (found == written && now - NOW.as_secs() <= longest),
                    "at {now}"
                );
            }
        }
    }
    Ok(())
}
