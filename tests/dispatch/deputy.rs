//! The known attack: tenant A registers tenant B's URL and asks for a test delivery. B's receiver is this crate's own.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::routing::post;
use countersign::dispatch::{Dispatcher, Endpoint, EndpointOwners, Fate, Fault, NotClaimed};
use countersign::gate::{Countersigned, Policy};
use countersign::observe::{Event, Observer};
use countersign::payload::{HmacVerifier, Scheme};
use countersign::replay::MemoryStore;
use countersign::tenant::TenantTable;
use countersign::tls::{ClientAuth, Tls};
use countersign::web::{Acceptor, CallerLayer, Connection, Listener, PayloadLayer};

use crate::world::*;

/// Globex's receiver: it takes deliveries of Globex from the platform, and of nobody else.
struct Globex {
    address: SocketAddr,
    log: Refusals,
    handled: Arc<Mutex<Vec<String>>>,
}

#[derive(Debug, Clone, Default)]
struct Refusals(Arc<Mutex<Vec<&'static str>>>);

impl Observer for Refusals {
    fn observe(&self, event: &Event<'_>) {
        if let Event::Refused { refusal, .. } = event {
            self.0.lock().expect("no panic").push(refusal.code());
        }
    }
}

async fn globex(known: &[&str]) -> Globex {
    let world = world();
    let table = TenantTable::builder().uri("spiffe://acme.example/tenant/{tenant}");
    let table = table.known(known.iter().copied()).build().expect("a table");
    let policy = Policy::new(world.trust(&world.clients), table);
    let tls = Tls::new(Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
    let config = tls
        .server_config(
            &world.credentials(&world.server),
            policy.trust(),
            ClientAuth::Require,
        )
        .expect("a configuration");
    let listener = Listener::bind("127.0.0.1:0", Acceptor::new(config))
        .await
        .expect("a port");
    let (address, log) = (listener.local_addr(), Refusals::default());
    let handled = Arc::new(Mutex::new(Vec::<String>::new()));
    let desk = handled.clone();
    let handle = move |proof: Countersigned| {
        let desk = desk.clone();
        async move { desk.lock().expect("no panic").push(proof.tenant().to_string()) }
    };
    let scheme = Scheme::standard_webhooks();
    let payload = PayloadLayer::new(HmacVerifier::new(scheme, keys(known)), MemoryStore::default());
    let observer = Arc::new(log.clone());
    let app = Router::new()
        .route("/hooks", post(handle))
        .layer(payload.observed_by(observer.clone()))
        .layer(CallerLayer::new(policy).observed_by(observer));
    tokio::spawn(async move {
        axum::serve(listener, app.into_make_service_with_connect_info::<Connection>()).await
    });
    Globex {
        address,
        log,
        handled,
    }
}

fn platform(port: u16, owners: Option<EndpointOwners>) -> Dispatcher {
    let builder = builder(&[port]);
    let dispatcher = match owners {
        Some(owners) => builder.with_owners(owners).build(),
        None => builder.build(),
    };
    for (name, certificate) in [("acme", &world().acme), ("globex", &world().globex)] {
        let sender = world().sender(certificate, name);
        dispatcher.set_identity(tenant(name), sender).expect("TLS");
    }
    dispatcher
}

#[tokio::test]
async fn the_receiver_refuses_it() {
    // Whether Globex's receiver knows of Acme at all, or serves both: Acme's delivery is Acme's, and never Globex's.
    for (known, expected) in [
        (
            &["globex"][..],
            (
                Fate::Retry {
                    after: std::time::Duration::ZERO,
                },
                vec!["tenant.unknown"],
            ),
        ),
        (&["acme", "globex"][..], (Fate::Delivered, vec![])),
    ] {
        let receiver = globex(known).await;
        let dispatcher = platform(receiver.address.port(), None);
        let url = format!("https://hooks.globex.example:{}/hooks", receiver.address.port());
        let own = dispatcher
            .deliver(&endpoint("globex", &url), &delivery("globex", "msg_1"))
            .await;
        assert_eq!(own.fate, Fate::Delivered);
        let stolen = endpoint("acme", &url);
        let outcome = dispatcher.deliver(&stolen, &delivery("acme", "msg_2")).await;
        assert_eq!(
            (outcome.fate, receiver.log.0.lock().expect("no panic").clone()),
            expected
        );
        let handled = receiver.handled.lock().expect("no panic").clone();
        let expected = if known.len() == 1 {
            vec!["globex"]
        } else {
            vec!["globex", "acme"]
        };
        assert_eq!(handled, expected);
    }
}

#[tokio::test]
async fn the_dispatcher_refuses_it_first() {
    let receiver = globex(&["globex"]).await;
    let owners = EndpointOwners::per_url();
    let dispatcher = platform(receiver.address.port(), Some(owners.clone()));
    let url = format!("https://hooks.globex.example:{}/hooks", receiver.address.port());
    let (own, stolen) = (endpoint("globex", &url), endpoint("acme", &url));
    assert_eq!(owners.claim(&own), Ok(()));
    let taken = NotClaimed::Taken {
        owner: tenant("globex"),
    };
    assert_eq!(owners.claim(&stolen), Err(taken));
    let outcome = dispatcher.deliver(&stolen, &delivery("acme", "msg_1")).await;
    let expected = (Fate::Dead, "dispatch.not_their_endpoint", Some(Fault::Policy));
    assert_eq!((outcome.fate, outcome.code(), outcome.fault()), expected);
    assert_eq!(*receiver.log.0.lock().expect("no panic"), Vec::<&str>::new());
    let outcome = dispatcher.deliver(&own, &delivery("globex", "msg_2")).await;
    assert_eq!(outcome.fate, Fate::Delivered);
}

/// Another spelling is another key in a map, and the same receiver.
#[test]
fn a_claim_holds_whatever_the_spelling() {
    let claimed = "https://hooks.example/h/catch/1/abc?key=%2F1";
    let taken = || {
        Err(NotClaimed::Taken {
            owner: tenant("acme"),
        })
    };
    let free = || Ok(());
    #[rustfmt::skip]
    let cases = [
        // The URL, then whether it is taken by URL, by path, by host.
        ("https://hooks.example/h/catch/1/%61bc?key=%2F1", taken(), taken(), taken()),
        ("https://hooks.example/./h/catch/1/abc?key=%2f1", taken(), taken(), taken()),
        ("https://hooks.example/h/catch/2/../1/abc?key=%2F1", taken(), taken(), taken()),
        ("https://hooks.example/h/catch/2/%2e%2E/1/abc?key=%2F1", taken(), taken(), taken()),
        ("https://hooks.example//h//catch/1/abc?key=%2F1", taken(), taken(), taken()),
        ("https://hooks.example/h/catch/1/abc/?key=%2F1", taken(), taken(), taken()),
        ("https://HOOKS.example:443/h/catch/1/abc?key=%2F1", taken(), taken(), taken()),
        ("https://hooks.example/h/catch/1/abc?&key=/1&", taken(), taken(), taken()),
        ("https://hooks.example/h/catch/1/abc?k%65y=%2F%31", taken(), taken(), taken()),
        ("https://hooks.example/h/catch/1/abc?key=%2F1&x=1", free(), taken(), taken()),
        ("https://hooks.example/h/catch/1/abc", free(), taken(), taken()),
        ("https://hooks.example/h/catch/1/abc?", free(), taken(), taken()),
        ("https://hooks.example/h/catch/1%2Fabc?key=%2F1", free(), free(), taken()),
        ("https://hooks.example/h/catch/1/ABC?key=%2F1", free(), free(), taken()),
        ("https://hooks.example:8443/h/catch/1/abc?key=%2F1", free(), free(), free()),
        ("https://hooks.example.example/h/catch/1/abc?key=%2F1", free(), free(), free()),
    ];
    for (url, by_url, by_path, by_host) in cases {
        for (owners, expected) in [
            (EndpointOwners::per_url(), by_url),
            (EndpointOwners::per_path(), by_path),
            (EndpointOwners::per_host(), by_host),
        ] {
            let own = endpoint("acme", claimed);
            assert_eq!(owners.claim(&own), Ok(()));
            let other = endpoint("globex", url);
            let unclaimed = expected.clone().and(Err(NotClaimed::Unclaimed));
            assert_eq!(owners.check(&other), unclaimed, "{url}: {owners:?}");
            assert_eq!(owners.claim(&other), expected, "{url}: {owners:?}");
            assert_eq!(owners.check(&own), Ok(()), "{url}: {owners:?}");
            assert!(owners.release(&endpoint("acme", claimed)), "{url}: {owners:?}");
        }
    }
    // An empty query is none, and an address has one form.
    for (claimed, url) in [
        (
            "https://hooks.example/h/catch/1/abc",
            "https://hooks.example/h/catch/1/abc?",
        ),
        ("https://hooks.example", "https://hooks.example/?"),
        ("https://93.184.215.14/", "https://[::ffff:93.184.215.14]/"),
        ("https://93.184.215.14/", "https://[64:ff9b::5db8:d70e]/"),
        ("https://[2606:4700::1111]/", "https://[2606:4700:0:0::1111]/"),
    ] {
        let owners = EndpointOwners::per_url();
        assert_eq!(owners.claim(&endpoint("acme", claimed)), Ok(()));
        assert_eq!(owners.claim(&endpoint("globex", url)), taken(), "{url}");
    }
}

/// Whoever knows such a URL is its owner, to many receivers: it is no text for logs.
#[test]
fn what_is_shown_of_an_endpoint_is_where_it_leads() {
    let shown = |url: &str| {
        let endpoint = endpoint("acme", url);
        (endpoint.to_string(), format!("{endpoint:?}"))
    };
    for (url, expected) in [
        ("https://hooks.example", "https://hooks.example/"),
        (
            "https://hooks.example/services/T0/B0/sEcReT",
            "https://hooks.example/\u{2026}",
        ),
        (
            "https://hooks.example:8443/?token=sEcReT",
            "https://hooks.example:8443/\u{2026}",
        ),
        (
            "https://hooks.example?token=sEcReT",
            "https://hooks.example/\u{2026}",
        ),
    ] {
        let (display, debug) = shown(url);
        assert_eq!(display, expected);
        assert_eq!(debug, format!("Endpoint({expected} of {:?})", tenant("acme")));
        assert!(url == "https://hooks.example" || Endpoint::parse(tenant("acme"), &display).is_err());
    }
}
