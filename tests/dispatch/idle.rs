//! Which connections are kept for the next delivery, for how long, and who gives way when there is no more room.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use bytes::Bytes;
use countersign::dispatch::{Connected, Dispatcher, Fate, Limits};
use countersign::tls::ClientAuth;
use http::{HeaderValue, Response};
use http_body_util::Full;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::receiver::{Receiver, with_http2};
use crate::world::*;

const HOSTS: usize = 12;

fn host(number: usize) -> String {
    format!("h{number}.acme.example")
}

/// Serves all hosts, and counts its open connections.
struct Crowd {
    receiver: Receiver,
    open: Arc<AtomicUsize>,
}

impl Crowd {
    async fn start() -> Self {
        let server = world().servers.server(HOST);
        let server = (0..HOSTS).fold(server, |server, number| server.dns(&host(number)));
        let config = world().server_config_showing(&server.issue(), ClientAuth::Require);
        let open = Arc::new(AtomicUsize::new(0));
        let count = open.clone();
        let receiver = Receiver::tls(config, move |_, mut tls| {
            let count = count.clone();
            async move {
                count.fetch_add(1, SeqCst);
                let mut request = [0; 4096];
                // A small request comes in one piece.
                while let Ok(1..) = tls.read(&mut request).await {
                    let _ = tls.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await;
                    let _ = tls.flush().await;
                }
                count.fetch_sub(1, SeqCst);
            }
        })
        .await;
        Self { receiver, open }
    }

    fn dispatcher(&self, limits: Limits, tenants: &[&str]) -> Dispatcher {
        let dispatcher = builder(&[self.receiver.port()]).with_limits(limits).build();
        for name in tenants {
            let sender = world().sender(&world().acme, name);
            dispatcher.set_identity(tenant(name), sender).expect("TLS");
        }
        dispatcher
    }

    /// Over which connection a tenant's delivery goes to a host.
    async fn send(&self, dispatcher: &Dispatcher, owner: &str, number: usize) -> Connected {
        deliver(dispatcher, owner, &self.receiver.url(&host(number))).await
    }

    async fn comes_to_have_open(&self, expected: usize) {
        for _ in 0..200 {
            if self.open.load(SeqCst) == expected {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(self.open.load(SeqCst), expected);
    }
}

async fn deliver(dispatcher: &Dispatcher, owner: &str, url: &str) -> Connected {
    let outcome = dispatcher
        .deliver(&endpoint(owner, url), &delivery(owner, "msg_1"))
        .await;
    assert_eq!(outcome.fate, Fate::Delivered, "{outcome:?}");
    outcome.answer.expect("an answer").connection
}

#[tokio::test]
async fn a_tenant_with_many_hosts_leaves_room_for_the_others() {
    let crowd = Crowd::start().await;
    let limits = Limits::default().with_idle_in_all(8).with_idle_per_tenant(100);
    let dispatcher = crowd.dispatcher(limits, &["acme", "globex", "initech"]);
    for number in 0..10 {
        assert_eq!(crowd.send(&dispatcher, "acme", number).await, Connected::Fresh);
    }
    crowd.comes_to_have_open(8).await;
    for latecomer in ["globex", "initech"] {
        assert_eq!(crowd.send(&dispatcher, latecomer, 0).await, Connected::Fresh);
        assert_eq!(
            crowd.send(&dispatcher, latecomer, 0).await,
            Connected::Reused,
            "{latecomer}"
        );
    }
    crowd.comes_to_have_open(8).await;
    // Acme has given up what was idle for longest.
    assert_eq!(crowd.send(&dispatcher, "acme", 9).await, Connected::Reused);
    assert_eq!(crowd.send(&dispatcher, "acme", 4).await, Connected::Reused);
    assert_eq!(crowd.send(&dispatcher, "acme", 3).await, Connected::Fresh);
}

/// As many tenants as places, with one connection each: whoever comes next keeps his, and who was idle for longest goes.
#[tokio::test]
async fn a_newcomer_keeps_a_connection_where_all_have_one() {
    let crowd = Crowd::start().await;
    let names: Vec<_> = (0..5).map(|number| format!("tenant-{number}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let dispatcher = crowd.dispatcher(Limits::default().with_idle_in_all(4), &names);
    for name in &names[..4] {
        assert_eq!(crowd.send(&dispatcher, name, 0).await, Connected::Fresh);
    }
    assert_eq!(crowd.send(&dispatcher, names[0], 0).await, Connected::Reused);
    for expected in [Connected::Fresh, Connected::Reused] {
        assert_eq!(crowd.send(&dispatcher, names[4], 0).await, expected);
    }
    assert_eq!(crowd.send(&dispatcher, names[0], 0).await, Connected::Reused);
    assert_eq!(crowd.send(&dispatcher, names[1], 0).await, Connected::Fresh);
    crowd.comes_to_have_open(4).await;
}

#[tokio::test]
async fn a_tenant_keeps_its_share_and_the_newest() {
    let crowd = Crowd::start().await;
    let dispatcher = crowd.dispatcher(Limits::default().with_idle_per_tenant(3), &["acme", "globex"]);
    for number in 0..6 {
        assert_eq!(crowd.send(&dispatcher, "acme", number).await, Connected::Fresh);
    }
    crowd.comes_to_have_open(3).await;
    for (number, expected) in [
        (5, Connected::Reused),
        (4, Connected::Reused),
        (3, Connected::Reused),
        (2, Connected::Fresh),
    ] {
        assert_eq!(
            crowd.send(&dispatcher, "acme", number).await,
            expected,
            "{number}"
        );
    }
    // Each has a share of its own.
    assert_eq!(crowd.send(&dispatcher, "globex", 0).await, Connected::Fresh);
    crowd.comes_to_have_open(4).await;
}

#[tokio::test]
async fn no_more_are_idle_than_in_all() {
    let crowd = Crowd::start().await;
    for (limit, expected) in [(4, 4), (1, 1), (0, 0)] {
        let dispatcher = crowd.dispatcher(
            Limits::default().with_idle_in_all(limit),
            &["acme", "globex", "initech"],
        );
        for number in 0..3 {
            for name in ["acme", "globex", "initech"] {
                assert_eq!(crowd.send(&dispatcher, name, number).await, Connected::Fresh);
            }
        }
        crowd.comes_to_have_open(expected).await;
        drop(dispatcher);
        crowd.comes_to_have_open(0).await;
    }
}

#[tokio::test]
async fn a_connection_is_used_until_it_is_too_old() {
    for http2 in [false, true] {
        let config = world().server_config(ClientAuth::Require);
        let config = if http2 { with_http2(config) } else { config };
        let receiver = Receiver::good(config).await;
        let old = Duration::from_millis(600);
        let limits = Limits::default().with_connection_age(old);
        let dispatcher = builder(&[receiver.port()]).with_limits(limits).build();
        dispatcher
            .set_identity(tenant("acme"), world().sender(&world().acme, "acme"))
            .expect("TLS");
        let url = receiver.url(HOST);
        assert_eq!(deliver(&dispatcher, "acme", &url).await, Connected::Fresh);
        assert_eq!(deliver(&dispatcher, "acme", &url).await, Connected::Reused);
        tokio::time::sleep(old / 2).await;
        // Its age counts, however lately it was used.
        let _ = deliver(&dispatcher, "acme", &url).await;
        tokio::time::sleep(old / 2).await;
        assert_eq!(
            deliver(&dispatcher, "acme", &url).await,
            Connected::Fresh,
            "{http2}"
        );
    }
}

/// Only HTTP/1.1 knows the field.
#[tokio::test]
async fn a_connection_is_not_used_beyond_what_the_server_announces() {
    const SOON: Duration = Duration::from_millis(1100);
    for (announced, pause, expected) in [
        ("timeout=2", Duration::ZERO, Connected::Reused),
        ("timeout=2", SOON, Connected::Fresh),
        ("timeout=60, max=100", SOON, Connected::Reused),
        ("timeout=1", Duration::ZERO, Connected::Fresh),
        ("timeout=60, max=0", Duration::ZERO, Connected::Fresh),
        ("timeout=soon", Duration::ZERO, Connected::Fresh),
    ] {
        let receiver = Receiver::http(world().server_config(ClientAuth::Require), move |_| async move {
            let mut response = Response::new(Full::<Bytes>::default());
            let value = HeaderValue::from_static(announced);
            response.headers_mut().insert("keep-alive", value);
            response
        })
        .await;
        let dispatcher = builder(&[receiver.port()]).build();
        dispatcher
            .set_identity(tenant("acme"), world().sender(&world().acme, "acme"))
            .expect("TLS");
        let url = receiver.url(HOST);
        assert_eq!(deliver(&dispatcher, "acme", &url).await, Connected::Fresh);
        tokio::time::sleep(pause).await;
        assert_eq!(
            deliver(&dispatcher, "acme", &url).await,
            expected,
            "{announced}, {pause:?}"
        );
    }
}

/// What a server may say before one answer is not what it may say in all answers on a connection.
#[tokio::test]
async fn answers_on_one_connection_may_be_long_together() {
    const LONG: usize = 15 << 10;
    let config = || world().server_config(ClientAuth::Require);
    for config in [config(), with_http2(config())] {
        let long = |_| async { Response::new(Full::from(vec![b'x'; LONG])) };
        let receiver = Receiver::http(config, long).await;
        let dispatcher = builder(&[receiver.port()]).build();
        let sender = world().sender(&world().acme, "acme");
        dispatcher.set_identity(tenant("acme"), sender).expect("TLS");
        for number in 0..40 {
            let connection = deliver(&dispatcher, "acme", &receiver.url(HOST)).await;
            assert_eq!(connection == Connected::Fresh, number == 0, "{number}");
        }
    }
}
