//! What is published at URLs.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use countersign::address::AddressGuard;
use countersign::clock::Clock;
use countersign::egress::Egress;
use countersign::observe::InForce;
use countersign::payload::jose::Algorithm;
use countersign::reload::{Both, Fetch, FileSource, InvalidUrl, NotLoaded, Reload, Rules, UrlSource};
use countersign::testing::TestCa;
use countersign::tls::rustls::pki_types::UnixTime;
use countersign::trust::{Crls, PinSet};

use crate::mount::{Mount, Way};
use crate::world::{Log, SETTLING, rules, tls, until, until_generation};

/// What is published, and with which status.
#[derive(Clone)]
pub(crate) struct Published(Arc<Mutex<(u16, Vec<u8>)>>);

impl Published {
    pub(crate) fn set(&self, status: u16, body: impl Into<Vec<u8>>) {
        *self.0.lock().expect("no panic") = (status, body.into());
    }
}

pub(crate) async fn publish(body: impl Into<Vec<u8>>) -> (Published, SocketAddr) {
    let published = Published(Arc::new(Mutex::new((200, body.into()))));
    let answer = |State(published): State<Published>| async move {
        let (status, body) = published.0.lock().expect("no panic").clone();
        (StatusCode::from_u16(status).expect("a status"), body)
    };
    let app = Router::new()
        .route("/list", get(answer))
        .with_state(published.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, app).await });
    (published, address)
}

pub(crate) fn here() -> Egress {
    Egress::new().with_guard(AddressGuard::new().allow_network("127.0.0.0/8".parse().expect("a network")))
}

pub(crate) fn fetch(address: SocketAddr, egress: Egress) -> Fetch {
    Fetch::over_http(&format!("http://{address}/list"), egress).expect("a URL")
}

#[tokio::test]
async fn lists_are_fetched_again_before_they_are_out_of_date_and_never_go_back() {
    let ca = TestCa::new("Acme Root");
    let in_seconds =
        |seconds: u64| UnixTime::since_unix_epoch(Duration::from_secs(UnixTime::now().as_secs() + seconds));
    let list = |number| ca.crl(number).next_update(in_seconds(1000)).issue();
    let (published, address) = publish(list(7).der().to_vec()).await;
    let log = Log::default();
    let reload = Reload::new().observed_by(Arc::new(log.clone()));

    let hourly = Rules::default().looking_every(Duration::from_secs(3600));
    let source = UrlSource::crls([fetch(address, here())]);
    let lists = reload.start("lists", source, hourly).await.expect("a list");
    // Half of the time that is left, give or take a fifth, and not an hour.
    let wait = || {
        let status = lists.status();
        status
            .next_look
            .as_secs()
            .saturating_sub(status.good_at.as_secs())
    };
    until("planned", || (390..=610).contains(&wait())).await;

    for (number, body, code) in [
        (200, list(6).der().to_vec(), "reload.invalid"),
        (200, b"<html>".to_vec(), "reload.invalid"),
        (500, Vec::new(), "reload.unreadable"),
        (302, Vec::new(), "reload.unreadable"),
        (200, vec![0x30; (16 << 20) + 1], "reload.too_large"),
    ] {
        published.set(number, body);
        let told = log.lines().len();
        lists.look_now();
        until(code, || log.lines().len() > told).await;
        assert_eq!(log.of("lists").last(), Some(&format!(": {code} (last_good)")));
        assert_eq!(lists.status().generation, 1);
    }
    published.set(200, list(8).pem());
    until_generation(&lists, 2).await;
    assert!(lists.status().is_current());
}

#[tokio::test]
async fn no_private_address_is_asked() {
    let (_published, address) = publish("").await;
    let source = UrlSource::crls([fetch(address, Egress::new())]);
    let refused = Reload::new().start("lists", source, rules()).await;
    let why = refused
        .map(|_: countersign::reload::Reloading<Crls>| ())
        .expect_err("refused");
    assert_eq!(why.code(), "reload.unreadable");
    assert!(why.to_string().contains("127.0.0.1"), "{why}");
    for (url, expected) in [
        ("https://ca.example/list", InvalidUrl::Malformed),
        ("http://user:secret@ca.example/list", InvalidUrl::Credentials),
        ("ca.example", InvalidUrl::Malformed),
    ] {
        assert_eq!(
            Fetch::over_http(url, Egress::new()).err(),
            Some(expected),
            "{url}"
        );
    }
}

#[tokio::test]
async fn one_of_two_that_is_missing_keeps_the_other_from_nothing() {
    let (mount, ca) = (Mount::new("both"), TestCa::new("Acme Root"));
    let (published, address) = publish(ca.crl(1).issue().der().to_vec()).await;
    mount.write(Way::Rename, &[("pins", pin(1).as_bytes())]);
    let pins = FileSource::pins(mount.path("pins")).with_settling(SETTLING);
    let lists = UrlSource::crls([fetch(address, here())]);
    let both = Both::new(pins, lists, |pins: &PinSet, lists: &Crls, _| {
        Ok::<_, NotLoaded>((pins.to_string(), lists.len()))
    });
    let log = Log::default();
    let reload = Reload::new().observed_by(Arc::new(log.clone()));
    let both = reload.start("both", both, rules()).await.expect("both");

    published.set(503, Vec::new());
    mount.write(Way::Rename, &[("pins", pin(2).as_bytes())]);
    until_generation(&both, 2).await;
    assert_eq!(both.live().load().0, pin(2).trim());
    until("told", || {
        log.of("both")
            .contains(&": reload.unreadable (last_good)".to_owned())
    })
    .await;
    assert!(!both.status().is_current());
    assert_eq!(both.status().in_force, InForce::LastGood);

    published.set(200, ca.crl(2).issue().der().to_vec());
    until_generation(&both, 3).await;
    until("well again", || both.status().is_current()).await;
}

fn pin(number: u8) -> String {
    format!("leaf {}\n", countersign::identity::SpkiHash::of(&[number]))
}

#[tokio::test]
async fn a_published_key_set_is_taken_whole_or_not_at_all() {
    let key = |kid: &str| {
        format!(
            r#"{{"kty":"OKP","crv":"Ed25519","kid":"{kid}","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}}"#
        )
    };
    let set = |keys: &[&str]| {
        let keys: Vec<_> = keys.iter().map(|kid| key(kid)).collect();
        format!(r#"{{"keys":[{}]}}"#, keys.join(","))
    };
    let (published, address) = publish(set(&["1"])).await;
    let source = UrlSource::jwks(fetch(address, here()), [Algorithm::EdDsa], tls().algorithms());
    let reload = Reload::new();
    let keys = reload.start("keys", source, rules()).await.expect("a key");
    published.set(200, r#"{"keys":[]}"#);
    keys.look_now();
    until("refused", || !keys.status().is_current()).await;
    assert_eq!(keys.live().load().usage().count(), 1);
    published.set(200, set(&["1", "2"]));
    until_generation(&keys, 2).await;
    assert_eq!(keys.live().load().usage().count(), 2);
}

/// A fleet that was started together does not ask together: neither at its intervals, nor before a list is out of date.
#[tokio::test]
async fn looks_are_spread_over_two_fifths() {
    let ca = TestCa::new("Acme Root");
    let in_a_while = UnixTime::since_unix_epoch(Duration::from_secs(UnixTime::now().as_secs() + 10_000));
    let list = ca.crl(1).next_update(in_a_while).issue();
    let (_lists, list) = publish(list.der().to_vec()).await;
    let key = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
    let (_keys, set) = publish(key).await;
    let reload = Reload::new();
    let hourly = Rules::default().looking_every(Duration::from_secs(1000));
    let daily = Rules::default().looking_every(Duration::from_secs(86_400));
    for number in 0..16 {
        let named = |kind: &str| format!("{kind} {number}");
        let lists = || UrlSource::crls([fetch(list, here())]);
        let keys = UrlSource::jwks(fetch(set, here()), [Algorithm::EdDsa], tls().algorithms());
        reload.start(&named("keys"), keys, hourly).await.expect("keys");
        reload
            .start(&named("often"), lists(), hourly)
            .await
            .expect("a list");
        reload
            .start(&named("dated"), lists(), daily)
            .await
            .expect("a list");
    }
    for (kind, time) in [("keys", 1000), ("often", 1000), ("dated", 5000)] {
        let waits = || -> Vec<u64> {
            let statuses = reload.statuses().into_iter();
            statuses
                .filter(|status| status.name.starts_with(kind))
                .map(|status| status.next_look.as_secs() - status.good_at.as_secs())
                .collect()
        };
        until("planned", || waits().iter().all(|wait| *wait > 0)).await;
        let mut waits = waits();
        waits.sort_unstable();
        waits.dedup();
        assert!(waits.len() > 8, "{kind}: {waits:?}");
        let (first, last) = (waits[0], waits[waits.len() - 1]);
        assert!(
            first >= time * 78 / 100 && last <= time * 121 / 100,
            "{kind}: {waits:?}"
        );
    }
}

/// Of two authorities, one may forget to issue its next list while the other's is renewed.
#[tokio::test]
async fn a_list_that_is_overdue_keeps_another_from_nothing() {
    let authorities = ["Acme Root", "Globex Root"].map(TestCa::new);
    let began = UnixTime::now().as_secs();
    let passed = Arc::new(AtomicU64::new(0));
    let after = |seconds: u64| UnixTime::since_unix_epoch(Duration::from_secs(began + seconds));
    let list = |place: usize, number, due| {
        let list = authorities[place].crl(number).next_update(after(due));
        list.issue().der().to_vec()
    };
    let (overdue, renewed) = (publish(list(0, 1, 1000)).await, publish(list(1, 1, 9000)).await);
    let clock = Clock::new({
        let passed = Arc::clone(&passed);
        move || UnixTime::since_unix_epoch(Duration::from_secs(began + passed.load(Ordering::Relaxed)))
    });
    let source = UrlSource::crls([fetch(overdue.1, here()), fetch(renewed.1, here())]);
    let hourly = Rules::default().looking_every(Duration::from_secs(3600));
    let reload = Reload::new().with_clock(clock);
    let lists = reload.start("lists", source, hourly).await.expect("two lists");

    passed.store(2000, Ordering::Relaxed);
    renewed.0.set(200, list(1, 2, 10_000));
    lists.look_now();
    until_generation(&lists, 2).await;
    assert_eq!(lists.live().load().next_update(), Some(after(1000)));
    assert_eq!(lists.live().load().len(), 2);
}

/// Of two authorities' URLs, one may be down while the other's list is renewed.
#[tokio::test]
async fn a_url_that_does_not_answer_keeps_another_from_nothing() {
    let authorities = ["Acme Root", "Globex Root"].map(TestCa::new);
    let list = |place: usize, number| authorities[place].crl(number).issue().der().to_vec();
    let (down, renewed) = (publish(list(0, 1)).await, publish(list(1, 1)).await);
    let log = Log::default();
    let reload = Reload::new().observed_by(Arc::new(log.clone()));
    let source = UrlSource::crls([fetch(down.1, here()), fetch(renewed.1, here())]);
    let hourly = Rules::default().looking_every(Duration::from_secs(3600));
    let lists = reload.start("lists", source, hourly).await.expect("two lists");

    down.0.set(500, "");
    renewed.0.set(200, list(1, 2));
    lists.look_now();
    until_generation(&lists, 2).await;
    assert_eq!(lists.live().load().len(), 2);
    until("told", || log.has_failed("lists")).await;
}
