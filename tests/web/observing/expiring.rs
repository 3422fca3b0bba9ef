//! A watch over everything that expires, rotates or is retired.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign::UnixTime;
use countersign::expiry::{Expiries, Kind};
use countersign::gate::Policy;
use countersign::identity::{SpkiHash, Validity};
use countersign::live::Live;
use countersign::observe::{
    Event, Observer as _, Observers, PeersSeen, Queued, RotationWatch, Watch, Watching, retire,
};
use countersign::payload::{Keyring, Scheme, Secret};
use countersign::tenant::{TenantId, TenantTable};
use countersign::testing::{NOW, TestCa, TestCert};
use countersign::tls::Credentials;
use countersign::trust::{Crls, Pin, PinSet, PrivateCa, Revocation, VerifyPeer};
use countersign::usage::{NotRetired, Retirement, Usage};
use countersign::web::{CallerLayer, Connection};
use http::{Request, Response, StatusCode};
use tower::{Layer as _, ServiceExt as _, service_fn};

use super::{Book, Broken};

fn later(days: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(NOW.as_secs() + days * 86_400))
}

/// Everything that a receiver holds, as it is in force.
struct Held {
    pins: Live<PinSet>,
    watch: Watch,
    seen: Arc<PeersSeen>,
    ca: TestCa,
}

fn held() -> Held {
    let ca = TestCa::new("Acme Root");
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let algorithms = provider.signature_verification_algorithms.all;
    let lists = Crls::from_pem(ca.crl(1).issue().pem().as_bytes(), NOW).expect("a list");
    let trust = PrivateCa::builder(algorithms).pem(ca.pem().as_bytes());
    let trust = trust
        .with_revocation(Revocation::required(lists))
        .build(NOW)
        .expect("an anchor");
    let pins = Live::new(PinSet::default());
    let table = TenantTable::builder()
        .uri("spiffe://pay.example/tenant/{tenant}")
        .known(["acme"]);
    let policy = Policy::new(trust.and(pins.clone()), table.build().expect("a table"));
    let (acme, secret) = (
        TenantId::parse("acme").expect("a tenant"),
        Secret::new("a secret of the year 2026"),
    );
    let year = Validity::new(NOW, later(365));
    let keys = Keyring::builder(&Scheme::github()).key_valid(acme, "2026", secret, year);
    let own = ca.server("hooks.example").issue();
    let own = Credentials::new(&provider, own.chain(), own.key()).expect("a pair");
    let seen = Arc::new(PeersSeen::new());
    let watch = Watch::new()
        .over(policy)
        .over(keys.build().expect("keys"))
        .over(own)
        .over(seen.clone());
    Held {
        pins,
        watch,
        seen,
        ca,
    }
}

#[test]
fn everything_that_expires_is_listed_by_the_time_that_is_left() {
    let held = held();
    let kinds =
        |held: &Held| -> BTreeSet<Kind> { held.watch.list().iter().map(|expiry| expiry.kind()).collect() };
    assert_eq!(
        kinds(&held),
        BTreeSet::from([Kind::OwnCertificate, Kind::Anchor, Kind::Crl, Kind::Key])
    );

    // What is in force changes, and the list with it.
    let hash = "sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
    held.pins.replace(
        format!("{hash} until=2030-01-01T00:00:00Z label=acme")
            .parse()
            .expect("a pin"),
    );
    let chain = held.ca.client("spiffe://pay.example/tenant/acme").issue();
    let chain = countersign::identity::PeerChain::parse(chain.chain()).expect("a chain");
    let (tenant, rule) = (&TenantId::parse("acme").expect("a tenant"), "");
    let certificate = countersign::observe::PeerCertificate::of(chain.leaf());
    held.seen.observe(&Event::Identified {
        peer: None,
        tenant,
        rule,
        certificate,
    });
    assert_eq!(kinds(&held), BTreeSet::from(Kind::ALL));

    let list = held.watch.list();
    assert!(list.is_sorted_by_key(|expiry| expiry.not_after()), "{list:?}");
    let of = |kind| list.iter().find(|expiry| expiry.kind() == kind).expect("listed");
    assert_eq!(
        (of(Kind::Key).name(), of(Kind::Key).owner()),
        ("2026", Some("acme"))
    );
    assert_eq!(of(Kind::Pin).name(), "acme");
    assert_eq!(of(Kind::Anchor).name(), "CN=Acme Root");
    let peer = of(Kind::PeerCertificate);
    assert_eq!(
        (peer.name(), peer.owner()),
        ("URI:spiffe://pay.example/tenant/acme", Some("acme"))
    );

    // Retired from the live set: from the list as well.
    held.pins.replace(PinSet::default());
    assert!(held.watch.list().iter().all(|expiry| expiry.kind() != Kind::Pin));
}

#[test]
fn each_degree_of_urgency_is_told_once_and_anew_after_a_renewal() {
    let pins = Live::new(PinSet::default());
    let none = TenantTable::builder()
        .uri("spiffe://pay.example/{tenant}")
        .known(["acme"])
        .build();
    let watch = Watch::new().over(Policy::new(pins.clone(), none.expect("a table")));
    let hash = "sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
    let until = |date: &str| pins.replace(format!("{hash} until={date} label=acme").parse().expect("a pin"));
    let day = |day: u64| UnixTime::since_unix_epoch(Duration::from_secs(day * 86_400));
    let book = Book::default();
    let told = |now| {
        watch.tell(&book, now);
        let told = book.take();
        assert!(
            told.first()
                .is_some_and(|first| first.starts_with("expiries_listed")),
            "{told:?}"
        );
        let rest = told.into_iter().skip(1);
        rest.map(|line| line.rsplit_once("urgency: ").expect("an urgency").1.to_owned())
            .collect::<Vec<_>>()
    };
    // 2026-12-31 is day 20818; 90 days are taken for its lifetime.
    until("2026-12-31T00:00:00Z");
    for (now, expected) in [
        (20_799, vec![]),
        (20_800, vec!["Warning }"]),
        (20_808, vec![]),
        (20_809, vec!["Urgent }"]),
        (20_818, vec![]),
        (20_819, vec!["Critical }"]),
        (20_900, vec![]),
    ] {
        assert_eq!(told(day(now)), expected, "day {now}");
    }
    until("2027-12-31T00:00:00Z");
    assert_eq!(told(day(20_900)), Vec::<String>::new());
    until("2026-12-31T00:00:00Z");
    assert_eq!(told(day(20_900)), ["Critical }"]);
}

/// A watch over pins, each under its label.
fn by_label(pins: &Live<PinSet>) -> RotationWatch {
    let pins = pins.clone();
    RotationWatch::new().over(Kind::Pin, move || {
        let named = |(pin, usage): (Pin, Usage)| (pin.label().unwrap_or_default().to_owned(), usage);
        pins.load().usage().map(named).collect()
    })
}

#[test]
fn each_step_of_a_rotation_is_told_once() {
    let (ca, book) = (TestCa::new("Acme Root"), Book::default());
    let leaf = |name: &str| ca.client(&format!("spiffe://pay.example/{name}")).issue();
    let (old, new) = (leaf("old"), leaf("new"));
    let pin = |leaf: &countersign::testing::TestCert, label: &str| {
        Pin::leaf(countersign::identity::SpkiHash::of(&leaf.spki_der())).labelled(label)
    };
    let pins = Live::new(PinSet::of([pin(&old, "old")]));
    let watch = by_label(&pins);
    let told = || {
        watch.tell(&book);
        let name = |line: String| line.split_once(' ').map(|(_, event)| event.to_owned());
        book.take().into_iter().filter_map(name).collect::<Vec<_>>()
    };
    let step = |name: &str, step: &str| {
        vec![format!(
            "RotationStepped {{ kind: Pin, name: {name:?}, step: {step} }}"
        )]
    };
    assert_eq!(told(), Vec::<String>::new(), "what is there at first is no news");
    let staged = pins.load().stage([pin(&new, "new")]);
    pins.replace(staged);
    assert_eq!(told(), step("new", "Staged"));
    let chain = countersign::identity::PeerChain::parse(new.chain()).expect("a chain");
    let peer = countersign::trust::VerifiedPeer::verify(&pins, chain, countersign::trust::Role::Client, NOW);
    pins.confirm(&peer.expect("pinned"), NOW);
    assert_eq!(told(), step("new", "FirstUsed"));
    assert_eq!(told(), Vec::<String>::new());
    let left = PinSet::of([pin(&new, "new")]).with_history_of(&pins.load());
    pins.replace(left);
    assert_eq!(told(), step("old", "Retired"));
}

/// As `docs/rotation.md` has it: one label for a pin and its successor.
#[test]
fn each_step_of_a_rotation_under_one_name_is_told() {
    let (ca, book) = (TestCa::new("Acme Root"), Book::default());
    let (old, new) = (
        ca.client("spiffe://pay.example/acme").issue(),
        ca.client("spiffe://pay.example/acme").issue(),
    );
    let pin = |leaf: &TestCert| Pin::leaf(SpkiHash::of(&leaf.spki_der())).labelled("acme");
    let pins = Live::new(PinSet::of([pin(&old)]));
    let watch = by_label(&pins);
    let told = || {
        watch.tell(&book);
        let step = |line: String| line.strip_prefix(STEPPED).map(str::to_owned);
        book.take().into_iter().filter_map(step).collect::<Vec<_>>()
    };
    let shown = |leaf: &TestCert, now| {
        let chain = countersign::identity::PeerChain::parse(leaf.chain()).expect("a chain");
        let peer =
            countersign::trust::VerifiedPeer::verify(&pins, chain, countersign::trust::Role::Client, now);
        pins.confirm(&peer.expect("pinned"), now);
    };
    const STEPPED: &str = "rotation_stepped RotationStepped { kind: Pin, name: \"acme\", step: ";
    let none = Vec::<String>::new();
    shown(&old, NOW);
    assert_eq!(told(), none, "what is there at first is no news");
    pins.update(|pins| Ok::<_, NotRetired>(pins.stage([pin(&new)])))
        .expect("staged");
    assert_eq!(told(), ["Staged }"]);
    shown(&old, later(1));
    assert_eq!(told(), none, "the old one again");
    shown(&new, later(1));
    assert_eq!(told(), ["FirstUsed }"]);
    shown(&new, later(9));
    assert_eq!(told(), none);
    let week = Retirement::unused_for(Duration::from_secs(7 * 86_400));
    pins.update(|pins| pins.retire(&pin(&old), week, later(9)))
        .expect("retired");
    assert_eq!(told(), ["Retired }"]);
    assert_eq!(told(), none);
}

#[test]
fn a_retirement_that_is_refused_or_forced_is_told() {
    let book = Book::default();
    let pin = |key: &[u8]| Pin::leaf(countersign::identity::SpkiHash::of(key)).labelled("acme");
    let (old, next) = (pin(b"old"), pin(b"next"));
    let pins = Live::new(PinSet::of([old.clone(), next]));
    let take = |old: &Pin, terms| {
        let take = |terms| pins.update(|pins| pins.retire(old, terms, NOW));
        let outcome = retire(&book, Kind::Pin, "acme", terms, take);
        (outcome, book.take())
    };
    let told = |step: &str| {
        vec![format!(
            "rotation_stepped RotationStepped {{ kind: Pin, name: \"acme\", step: {step} }}"
        )]
    };
    let day = Retirement::unused_for(Duration::from_secs(86_400));
    let refused = (Err(NotRetired::NoSuccessor), told("RetirementRefused"));
    assert_eq!(take(&old, day), refused);
    assert_eq!(pins.load().len(), 2);
    assert_eq!(take(&pin(b"another"), day), (Err(NotRetired::Unknown), vec![]));
    assert_eq!(
        take(&old, Retirement::forced()),
        (Ok(()), told("RetirementForced"))
    );
    assert_eq!(pins.load().len(), 1);
    // What goes in peace is told by the watch alone.
    let outcome = retire(&book, Kind::Pin, "acme", day, |_| Ok(()));
    assert_eq!((outcome, book.take()), (Ok(()), vec![]));
}

/// Waits until that is so.
fn soon(is_so: impl Fn() -> bool) {
    for _ in 0..6_000 {
        if is_so() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("it never came");
}

#[test]
fn what_is_watched_is_looked_at_again_and_again_until_it_is_dropped() {
    let (broken, looks) = (Broken::default(), Arc::new(AtomicUsize::new(0)));
    let (counted, times) = (looks.clone(), Arc::new(Mutex::new(Vec::new())));
    let (seen, millisecond) = (times.clone(), Duration::from_millis(1));
    let clock = countersign::clock::Clock::new(|| NOW);
    let watching = Watching::start(
        Arc::new(broken.clone()),
        clock,
        millisecond,
        move |observer, now| {
            seen.lock().expect("no panic").push(now);
            // The observer panics at the first, and this look at the second.
            observer.observe(&Event::ObserverEnded);
            assert!(
                counted.fetch_add(1, Ordering::SeqCst) != 1,
                "a mistake of a look's"
            );
        },
    );
    let watching = watching.expect("a thread");
    soon(|| looks.load(Ordering::SeqCst) > 5);
    drop(watching);
    // What it held goes with its thread.
    soon(|| Arc::strong_count(&looks) == 1);
    assert_eq!(broken.0.load(Ordering::SeqCst), 1, "it is told nothing more");
    assert!(times.lock().expect("no panic").iter().all(|now| *now == NOW));

    // Dropped, it waits for nothing.
    let (held, hour) = (Arc::new(()), Duration::from_secs(3600));
    let watched = held.clone();
    let clock = countersign::clock::Clock::new(|| NOW);
    let watching = Watching::start(Arc::new(Book::default()), clock, hour, move |_, _| {
        drop(watched.clone())
    });
    drop(watching.expect("a thread"));
    soon(|| Arc::strong_count(&held) == 1);
}

/// The tenant is refused when the first certificate on its path ends, whichever that is. The anchor's end is our own.
#[tokio::test]
async fn a_peer_is_told_of_before_its_path_ends() {
    let root = TestCa::new("Acme Root");
    let leaf = later(300);
    let first = root
        .intermediate_builder("First")
        .validity(NOW, later(20))
        .issue();
    let second = first
        .intermediate_builder("Second")
        .validity(NOW, later(10))
        .issue();
    for (issuer, expected) in [(&root, leaf), (&first, later(20)), (&second, later(10))] {
        let client = issuer
            .client("spiffe://pay.example/tenant/acme")
            .validity(NOW, leaf);
        let seen = Arc::new(PeersSeen::new());
        let queued = Queued::new(seen.clone(), 16).expect("a thread");
        let direct = Arc::new(PeersSeen::new());
        let algorithms = rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms;
        let trust = PrivateCa::from_pem(root.pem().as_bytes(), algorithms.all, NOW).expect("an anchor");
        let tenants = TenantTable::builder().uri("spiffe://pay.example/tenant/{tenant}");
        let policy = Policy::new(trust, tenants.known(["acme"]).build().expect("a table"));
        let all = Arc::new(Observers::new().and(direct.clone()).and(queued));
        let layer = CallerLayer::new(policy).observed_by(all.clone());
        let layer = layer.with_clock(countersign::clock::Clock::new(|| NOW));
        let connection = Connection::new(([192, 0, 2, 1], 4711).into(), Some(&client.issue().chain()));
        let request = Request::builder().extension(connection.expect("a chain"));
        let handler = service_fn(|_: Request<()>| async { Ok::<_, Infallible>(Response::new(())) });
        let request = request.body(()).expect("a request");
        let Ok(answer) = layer.layer(handler).oneshot(request).await;
        assert_eq!(answer.status(), StatusCode::OK);
        let ends = |seen: &PeersSeen| -> Vec<_> {
            let listed = Expiries::of(seen).sorted();
            listed.iter().map(|expiry| expiry.not_after()).collect()
        };
        assert_eq!(ends(&direct), [expected]);
        soon(|| ends(&seen) == [expected]);
    }
}

#[test]
fn a_list_is_of_what_is_held_and_nothing_else() {
    assert!(Expiries::of(&PeersSeen::new()).sorted().is_empty());
    assert!(Watch::new().list().is_empty());
}
