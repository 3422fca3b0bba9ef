//! WHAT IS PUBLISHED THERE? Key sets and revocation lists as servers send them, over a connection of this machine: whole, cut off, too long, in every framing,
//! changed on the way. What is taken is all of what was sent, with status 200, and within the limit; where the next answer is none, the one before stays.
#![no_main]

use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use arbitrary::{Result, Unstructured};
use countersign::address::AddressGuard;
use countersign::egress::Egress;
use countersign::reload::{Fetch, FetchFailed, Source as _, UrlSource};
use countersign::testing::{NOW, TestCa};
use countersign::trust::Crls;
use countersign_fuzz::{HttpAnswer, Loopback, bytes, within};
use libfuzzer_sys::fuzz_target;

/// How much is taken.
const LIMIT: usize = 4096;

struct World {
    server: Mutex<Loopback>,
    fetch: Fetch,
    /// Revocation lists of one authority, each newer than the one before.
    lists: Vec<Vec<u8>>,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let server = Loopback::plain();
    let guard = AddressGuard::new().allow(server.address());
    let egress = Egress::new().with_guard(guard);
    let fetch = Fetch::over_http(&format!("http://{}/published", server.address()), egress);
    let ca = TestCa::new("Acme Root");
    World {
        server: Mutex::new(server),
        fetch: fetch
            .expect("a URL")
            .with_limit(LIMIT)
            .with_timeout(Duration::from_secs(60)),
        lists: (1..=3)
            .map(|number| ca.crl(number).issue().der().to_vec())
            .collect(),
    }
});

// Choices: one answer that is taken as it is, or several answers of revocation lists.
fuzz_target!(init: { LazyLock::force(&WORLD); }, |data: &[u8]| {
    // An input that ends early has chosen nothing more.
    let _ = play(&mut Unstructured::new(data));
});

fn play(choices: &mut Unstructured<'_>) -> Result<()> {
    match choices.arbitrary()? {
        true => once(choices),
        false => renewed(choices),
    }
}

fn once(choices: &mut Unstructured<'_>) -> Result<()> {
    let around = choices.choose(&[0, 1, 16, LIMIT - 1, LIMIT, LIMIT + 1, 3 * LIMIT])?;
    let mut body = bytes(choices, 255)?.to_vec();
    body.resize(*around, b'x');
    let fields = *choices.choose(&[
        &b""[..],
        b"content-type: application/json\r\n",
        b"content-encoding: gzip\r\n",
        b"location: /\r\n",
    ])?;
    let answer = HttpAnswer::choose(fields, body, choices)?;
    let world = &*WORLD;
    let server = world
        .server
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let (fetched, requests) = within(answer.bytes.len(), || {
        server.answering(&answer.bytes, world.fetch.fetch())
    });
    assert_eq!(requests, 1, "{fetched:?} {answer:?}");
    match &fetched {
        Ok(taken) => assert!(taken.len() <= LIMIT, "{answer:?}"),
        Err(failed) => assert_ne!(failed, &FetchFailed::TimedOut, "{answer:?}"),
    }
    if answer.is_changed || answer.status < 200 {
        return Ok(());
    }
    match (answer.status, &answer.whole) {
        (200, Some(whole)) if whole.len() <= LIMIT => {
            assert_eq!(fetched.ok().as_deref(), Some(&whole[..]), "{answer:?}")
        }
        (200, Some(_)) => assert_eq!(fetched, Err(FetchFailed::TooLarge { limit: LIMIT }), "{answer:?}"),
        // Of two lengths that differ, and of chunks without an end: nothing.
        (_, None) => assert!(fetched.is_err(), "{answer:?}"),
        (status, Some(_)) => assert_eq!(fetched, Err(FetchFailed::Status { status }), "{answer:?}"),
    }
    Ok(())
}

/// Of each list that is in force, the number was not lower before, and what cannot be read changes nothing.
fn renewed(choices: &mut Unstructured<'_>) -> Result<()> {
    let world = &*WORLD;
    let mut source = UrlSource::crls([world.fetch.clone()]);
    let mut before: Option<Arc<Crls>> = None;
    let mut number = 0;
    for _ in 0..choices.int_in_range(1..=3)? {
        let place = choices.choose_index(world.lists.len())?;
        let answer = HttpAnswer::choose(b"", world.lists[place].clone(), choices)?;
        let server = world
            .server
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let (loaded, _) = within(answer.bytes.len(), || {
            server.answering(&answer.bytes, source.load(before.clone(), NOW))
        });
        let is_sent = answer.status == 200 && answer.whole.as_ref() == Some(&answer.body);
        let Ok(loaded) = loaded else {
            assert!(answer.is_changed || !is_sent || place < number, "{answer:?}");
            continue;
        };
        if answer.is_changed {
            return Ok(());
        }
        let Some(lists) = loaded.value().cloned() else {
            continue;
        };
        assert!(is_sent, "{answer:?}");
        assert!(place >= number, "an older list takes the place of a newer one");
        number = place;
        before = Some(Arc::new(lists));
    }
    Ok(())
}
