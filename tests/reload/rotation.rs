//! A drill: an authority, a pin, an HMAC key and an own certificate are replaced while deliveries go on, by nothing but the
//! crate's own calls and counts.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::routing::post;
use countersign::address::AddressGuard;
use countersign::clock::Clock;
use countersign::dispatch::{Delivery, Dispatcher, Endpoint, TenantIdentity};
use countersign::egress::{Egress, Resolve, Resolving};
use countersign::gate::{Countersigned, Policy};
use countersign::identity::SpkiHash;
use countersign::live::Live;
use countersign::payload::{HmacSigner, HmacVerifier, KeyId, Keyring, Scheme, Secret};
use countersign::replay::MemoryStore;
use countersign::tenant::TenantTable;
use countersign::testing::{TestCa, TestCert};
use countersign::tls::rustls::pki_types::UnixTime;
use countersign::tls::rustls::time_provider::TimeProvider;
use countersign::tls::{ClientAuth, Credentials, Tls};
use countersign::trust::{Pin, PinSet, PrivateCa, VerifyPeer as _};
use countersign::usage::{NotRetired, Retirement, Usage};
use countersign::web::{Acceptor, CallerLayer, Connection, Listener, PayloadLayer};

use crate::world::{HOST, credentials, tenant, tls, until};

const ACME: &str = "spiffe://pay.example/tenant/acme";
const QUIET: Duration = Duration::from_secs(3600);

/// The present, which this test moves.
#[derive(Debug, Clone)]
struct Time(Arc<AtomicU64>);

impl Time {
    fn now(&self) -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_secs(self.0.load(Ordering::Relaxed)))
    }

    fn passes(&self, time: Duration) {
        self.0.fetch_add(time.as_secs(), Ordering::Relaxed);
    }

    fn clock(&self) -> Clock {
        let time = self.clone();
        Clock::new(move || time.now())
    }
}

impl TimeProvider for Time {
    fn current_time(&self) -> Option<UnixTime> {
        Some(self.now())
    }
}

#[derive(Debug)]
struct Here;

impl Resolve for Here {
    fn resolve<'a>(&'a self, _: &'a str) -> Resolving<'a> {
        Box::pin(async { Ok(vec![[127, 0, 0, 1].into()]) })
    }
}

/// What the receiver decides by.
struct Receiver {
    anchors: Live<PrivateCa>,
    pins: Live<PinSet>,
    keys: Live<Keyring>,
    own: Live<Credentials>,
    address: SocketAddr,
}

/// What the sender sends by.
struct Sender {
    dispatcher: Dispatcher,
    endpoint: Endpoint,
    keys: Live<Keyring>,
    servers: Live<PinSet>,
    server_ca: PrivateCa,
    delivered: AtomicU64,
    stop: AtomicBool,
    /// Held while one is on its way: what is signed before an hour has passed does not arrive behind it.
    underway: tokio::sync::Mutex<()>,
}

struct Drill {
    tls: Tls,
    time: Time,
    receiver: Receiver,
    sender: Arc<Sender>,
}

fn ring(id: &str, secret: &str) -> Keyring {
    let ring = Keyring::builder(&Scheme::standard_webhooks()).key(tenant("acme"), id, Secret::new(secret));
    ring.build().expect("a ring")
}

const OLD_SECRET: &str = "whsec_YWNtZS1zZWNyZXQtb2YtMzItYnl0ZXMtZm9yLXRlc3Q=";
const NEW_SECRET: &str = "whsec_Z2xvYmV4LXNlY3JldC1vZi0zMi1ieXRlcy10b28tb2s=";

fn pin(certificate: &TestCert) -> Pin {
    Pin::leaf(SpkiHash::of(&certificate.spki_der())).labelled("acme")
}

impl Drill {
    async fn new(clients: &TestCa, servers: &TestCa, client: &TestCert, server: &TestCert) -> Self {
        let time = Time(Arc::new(AtomicU64::new(UnixTime::now().as_secs())));
        let tls = tls().with_time_provider(Arc::new(time.clone()));
        let receiver = Receiver::start(&tls, &time, clients, client, server).await;
        let egress = Egress::new()
            .with_resolver(Here)
            .with_guard(AddressGuard::new().allow_network("127.0.0.0/8".parse().expect("a network")));
        let dispatcher = Dispatcher::builder()
            .with_egress(egress)
            .with_ports([receiver.address.port()])
            .with_clock(time.clock())
            .build();
        let url = format!("https://{HOST}:{}/hooks", receiver.address.port());
        let server_ca = PrivateCa::from_pem(servers.pem().as_bytes(), tls.algorithms(), time.now());
        let sender = Sender {
            dispatcher,
            endpoint: Endpoint::parse(tenant("acme"), &url).expect("an endpoint"),
            keys: Live::new(ring("old", OLD_SECRET)),
            servers: Live::new(PinSet::of([pin(server)])),
            server_ca: server_ca.expect("an anchor"),
            delivered: AtomicU64::new(0),
            stop: AtomicBool::new(false),
            underway: tokio::sync::Mutex::default(),
        };
        let drill = Self {
            tls,
            time,
            receiver,
            sender: Arc::new(sender),
        };
        drill.show(client);
        drill
    }

    /// The sender shows this certificate from now on.
    fn show(&self, certificate: &TestCert) {
        let Sender {
            dispatcher,
            keys,
            servers,
            server_ca,
            ..
        } = &*self.sender;
        let signer = HmacSigner::new(Scheme::standard_webhooks(), keys.clone());
        let trust = server_ca.clone().and(servers.clone());
        let own = credentials(&self.tls, certificate);
        let identity = TenantIdentity::new(&self.tls, own, trust, signer).expect("an identity");
        dispatcher
            .set_identity(tenant("acme"), identity)
            .expect("a configuration");
    }

    /// On a connection of its own: the sender keeps none that was made under another identity, and here under none.
    async fn deliveries(&self, more: u64) {
        let before = self.sender.delivered.load(Ordering::Relaxed);
        until("deliveries go on", || {
            self.sender.delivered.load(Ordering::Relaxed) >= before + more
        })
        .await;
    }

    /// So long that nobody has used the old one within the terms.
    async fn passes(&self) {
        let _underway = self.sender.underway.lock().await;
        self.time.passes(QUIET + Duration::from_secs(2));
    }

    fn terms(&self) -> (Retirement, UnixTime) {
        (Retirement::unused_for(QUIET), self.time.now())
    }
}

impl Receiver {
    async fn start(tls: &Tls, time: &Time, clients: &TestCa, client: &TestCert, server: &TestCert) -> Self {
        let anchors = PrivateCa::from_pem(clients.pem().as_bytes(), tls.algorithms(), time.now());
        let anchors = Live::new(anchors.expect("an anchor"));
        let pins = Live::new(PinSet::of([pin(client)]));
        let keys = Live::new(ring("old", OLD_SECRET));
        let own = Live::new(credentials(tls, server));
        let table = TenantTable::builder()
            .uri("spiffe://pay.example/tenant/{tenant}")
            .known(["acme"])
            .build();
        let policy = Policy::new(anchors.clone().and(pins.clone()), table.expect("a table"));
        let config = tls
            .server_config(&own, policy.trust(), ClientAuth::Require)
            .expect("a server");
        let verifier = HmacVerifier::new(Scheme::standard_webhooks(), keys.clone());
        let app = Router::new()
            .route(
                "/hooks",
                post(|proof: Countersigned| async move { proof.tenant().to_string() }),
            )
            .layer(PayloadLayer::new(verifier, MemoryStore::default()).with_clock(time.clock()))
            .layer(CallerLayer::new(policy).with_clock(time.clock()));
        let listener = Listener::bind("127.0.0.1:0", Acceptor::new(config))
            .await
            .expect("a port");
        let address = listener.local_addr();
        let app = app.into_make_service_with_connect_info::<Connection>();
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self {
            anchors,
            pins,
            keys,
            own,
            address,
        }
    }
}

impl Sender {
    /// One delivery after the other, each of them taken.
    async fn send(&self) -> Vec<String> {
        let mut failed = Vec::new();
        for number in 0.. {
            if self.stop.load(Ordering::Relaxed) {
                break;
            }
            let delivery = Delivery::new(tenant("acme"), format!("msg_{number}"), r#"{"paid": 42}"#);
            let _underway = self.underway.lock().await;
            let outcome = self.dispatcher.deliver(&self.endpoint, &delivery).await;
            match outcome.failure {
                None => drop(self.delivered.fetch_add(1, Ordering::Relaxed)),
                Some(failure) => failed.push(format!("{number}: {failure}")),
            }
        }
        failed
    }
}

fn uses_of(pins: &PinSet, wanted: &Pin) -> Usage {
    let found = pins.usage().find(|(pin, _)| pin == wanted);
    found.expect("the pin").1
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_that_proves_who_it_is_is_replaced_and_no_delivery_fails() {
    let (old_ca, new_ca, servers) = (TestCa::new("Old"), TestCa::new("New"), TestCa::new("Servers"));
    let client = old_ca.client(ACME).issue();
    let server = servers.server(HOST).issue();
    let drill = Drill::new(&old_ca, &servers, &client, &server).await;
    let sender = drill.sender.clone();
    let sending = tokio::spawn(async move { sender.send().await });
    drill.deliveries(3).await;

    let client = an_authority(&drill, &new_ca, &old_ca, &client).await;
    let client = a_pin(&drill, &new_ca, &client).await;
    a_key(&drill, &client).await;
    an_own_certificate(&drill, &servers, &client, &server).await;

    drill.sender.stop.store(true, Ordering::Relaxed);
    assert_eq!(sending.await.expect("no panic"), Vec::<String>::new());
}

/// The key stays: only who vouches for it changes.
async fn an_authority(drill: &Drill, new: &TestCa, old: &TestCa, client: &TestCert) -> TestCert {
    let anchors = &drill.receiver.anchors;
    let next = PrivateCa::from_pem(new.pem().as_bytes(), drill.tls.algorithms(), drill.time.now())
        .expect("an anchor");
    anchors
        .update(|now| Ok::<_, NotRetired>(now.stage(&next)))
        .expect("staged");
    let old = SpkiHash::of(&old.spki_der());
    let retire = || {
        let (terms, now) = drill.terms();
        anchors.update(|anchors| anchors.retire(old, terms, now))
    };
    assert!(matches!(retire(), Err(NotRetired::StillUsed { .. })));

    let renewed = new.client(ACME).with_key(client).issue();
    drill.show(&renewed);
    drill.deliveries(3).await;
    // Somebody may come with the old one yet.
    assert!(matches!(retire(), Err(NotRetired::StillUsed { .. })));
    drill.passes().await;
    drill.show(&renewed);
    drill.deliveries(3).await;
    assert_eq!(retire(), Ok(()));
    assert_eq!(retire(), Err(NotRetired::Unknown));
    drill.show(&renewed);
    drill.deliveries(3).await;
    assert_eq!(anchors.load().usage().count(), 1);
    renewed
}

async fn a_pin(drill: &Drill, ca: &TestCa, client: &TestCert) -> TestCert {
    let pins = &drill.receiver.pins;
    let renewed = ca.client(ACME).issue();
    let (old, new) = (pin(client), pin(&renewed));
    let retire = || {
        let (terms, now) = drill.terms();
        pins.update(|pins| pins.retire(&old, terms, now))
    };
    pins.update(|pins| Ok::<_, NotRetired>(pins.stage([new.clone()])))
        .expect("staged");
    drill.passes().await;
    // Nobody has used the old one for long. But nobody has used the new one either.
    assert_eq!(retire(), Err(NotRetired::NoSuccessor));

    drill.show(&renewed);
    drill.deliveries(3).await;
    drill.passes().await;
    assert!(uses_of(&pins.load(), &new).uses > 0);
    assert_eq!(retire(), Ok(()));
    drill.show(&renewed);
    drill.deliveries(3).await;
    assert_eq!(pins.load().len(), 1);
    renewed
}

async fn a_key(drill: &Drill, client: &TestCert) {
    let (keys, old) = (&drill.receiver.keys, KeyId::new("old"));
    let acme = tenant("acme");
    let next = ring("new", NEW_SECRET);
    keys.update(|keys| keys.stage(&next)).expect("staged");
    let retire = || {
        let (terms, now) = drill.terms();
        keys.update(|keys| keys.retire(&acme, &old, terms, now))
    };
    drill.deliveries(3).await;
    assert!(matches!(retire(), Err(NotRetired::StillUsed { .. })));

    drill.sender.keys.replace(next.clone());
    drill.deliveries(3).await;
    drill.passes().await;
    drill.deliveries(3).await;
    assert_eq!(retire(), Ok(()));
    drill.show(client);
    drill.deliveries(3).await;
    let left: Vec<_> = keys
        .load()
        .report(drill.time.now(), QUIET)
        .map(|key| key.key)
        .collect();
    assert_eq!(left, [KeyId::new("new")]);
}

/// Of the receiver: it is the sender who pins it, so the sender stages and retires, and the receiver changes in between.
async fn an_own_certificate(drill: &Drill, servers: &TestCa, client: &TestCert, server: &TestCert) {
    let (own, pins) = (&drill.receiver.own, &drill.sender.servers);
    let renewed = servers.server(HOST).issue();
    let (old, new) = (own.load(), credentials(&drill.tls, &renewed));
    pins.update(|pins| Ok::<_, NotRetired>(pins.stage([pin(&renewed)])))
        .expect("staged");
    drill.deliveries(3).await;
    assert_eq!(new.usage(), Usage::default());

    own.replace(new.clone());
    drill.show(client);
    drill.deliveries(3).await;
    assert!(new.usage().uses > 0);
    drill.passes().await;
    drill.show(client);
    drill.deliveries(3).await;
    let (terms, now) = drill.terms();
    assert_eq!(
        terms.check(old.usage(), [new.usage()], now),
        Ok(()),
        "its file may go"
    );
    let retire = || pins.update(|pins| pins.retire(&pin(server), terms, now));
    assert_eq!(retire(), Ok(()));
    drill.show(client);
    drill.deliveries(3).await;
    assert_eq!(pins.load().len(), 1);
}
