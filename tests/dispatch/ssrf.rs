//! Nobody is sent to a neighbour: URLs, addresses, names that change their mind, and proxies.

mod proxies;

use std::net::SocketAddr;

use countersign::address::{AddressGuard, Forbidden, PrivateAddress};
use countersign::dispatch::{Dispatcher, Endpoint, Failure, Fate, Fault, InvalidEndpoint};
use countersign::egress::Egress;
use countersign::tls::ClientAuth;

use crate::receiver::Receiver;
use crate::world::*;

#[test]
fn a_url_is_plain_or_refused() {
    use InvalidEndpoint::{Credentials, Host, NotHttps, Port, Url};
    let long = format!("https://a.example/{}", "x".repeat(2048));
    let label = format!("https://{}.example/", "a".repeat(64));
    let rows: &[(&str, Result<&str, InvalidEndpoint>)] = &[
        ("https://hooks.example.com", Ok("https://hooks.example.com/")),
        ("https://hooks.example.com/", Ok("https://hooks.example.com/")),
        (
            "https://hooks.example.com/a/b?c=d&e=%2F",
            Ok("https://hooks.example.com/a/b?c=d&e=%2F"),
        ),
        (
            "https://hooks.example.com?c=d",
            Ok("https://hooks.example.com/?c=d"),
        ),
        (
            "https://HOOKS.Example.com:443/A",
            Ok("https://hooks.example.com/A"),
        ),
        ("HTTPS://hooks.example.com/", Ok("https://hooks.example.com/")),
        (
            "https://hooks.example.com:8443/",
            Ok("https://hooks.example.com:8443/"),
        ),
        (
            "https://xn--bcher-kva.example/",
            Ok("https://xn--bcher-kva.example/"),
        ),
        ("https://93.184.215.14/", Ok("https://93.184.215.14/")),
        (
            "https://[2606:4700::1111]:8443/",
            Ok("https://[2606:4700::1111]:8443/"),
        ),
        ("https://[::ffff:127.0.0.1]/", Ok("https://[::ffff:127.0.0.1]/")),
        ("https://[0:0::1]/", Ok("https://[::1]/")),
        ("https://127.0.0.1/", Ok("https://127.0.0.1/")),
        ("https://localhost/", Ok("https://localhost/")),
        // Other forms of the same address.
        ("https://0x7f.1/", Err(Host)),
        ("https://0x7f000001/", Err(Host)),
        ("https://127.1/", Err(Host)),
        ("https://127.0.1/", Err(Host)),
        ("https://2130706433/", Err(Host)),
        ("https://0177.0.0.1/", Err(Host)),
        ("https://0177.0.0.01/", Err(Host)),
        ("https://127.0.0.0x1/", Err(Host)),
        ("https://127.0.0.0X/", Err(Host)),
        ("https://1.2.3.4.5/", Err(Host)),
        ("https://256.0.0.1/", Err(Host)),
        ("https://foo.127/", Err(Host)),
        ("https://foo.0x7f/", Err(Host)),
        ("https://[fe80::1%25eth0]/", Err(Host)),
        ("https://[fe80::1%eth0]/", Err(Host)),
        ("https://[::1/", Err(Url)),
        ("https://[v1.x]/", Err(Host)),
        ("https://[127.0.0.1]/", Err(Host)),
        ("https://::1/", Err(Url)),
        // Names that readers normalise.
        ("https://127.0.0.1./", Err(Host)),
        ("https://hooks.example.com./", Err(Host)),
        ("https://localhost./", Err(Host)),
        ("https://.example.com/", Err(Host)),
        ("https://a..b/", Err(Host)),
        ("https://./", Err(Host)),
        ("https://-a.example/", Err(Host)),
        ("https://a-.example/", Err(Host)),
        ("https://a_b.example/", Err(Host)),
        ("https://*.example/", Err(Host)),
        ("https://%6c%6fcalhost/", Err(Url)),
        ("https://127%2e0.0.1/", Err(Url)),
        ("https://１２７.0.0.1/", Err(Url)),
        ("https://①②⑦.0.0.1/", Err(Url)),
        ("https://bücher.example/", Err(Url)),
        ("https://example。com/", Err(Url)),
        (&label, Err(Host)),
        // Whose host is that?
        ("https://acme@127.0.0.1/", Err(Credentials)),
        ("https://acme:secret@hooks.example.com/", Err(Credentials)),
        ("https://hooks.example.com:secret@127.0.0.1/", Err(Credentials)),
        ("https://@127.0.0.1/", Err(Credentials)),
        ("https://hooks.example.com\\@127.0.0.1/", Err(Url)),
        ("https://hooks.example.com#@127.0.0.1/", Err(Url)),
        ("https://hooks.example.com/#fragment", Err(Url)),
        ("https:\\\\127.0.0.1/", Err(Url)),
        ("https:127.0.0.1/", Err(Url)),
        ("https:/127.0.0.1/", Err(Url)),
        ("https:///127.0.0.1/", Err(Url)),
        ("//127.0.0.1/", Err(NotHttps)),
        ("127.0.0.1", Err(NotHttps)),
        ("/hooks", Err(NotHttps)),
        ("", Err(Url)),
        (" https://hooks.example.com/", Err(Url)),
        ("https://hooks.example.com/a b", Err(Url)),
        ("https://hooks.example.com/\r\nHost: x", Err(Url)),
        ("https://hooks.example.com/\0", Err(Url)),
        ("https://hooks.example.com/a\\b", Err(Url)),
        ("https://hooks.example.com/?a=\\", Err(Url)),
        ("https://hooks.example.com/%", Err(Url)),
        ("https://hooks.example.com/%4", Err(Url)),
        ("https://hooks.example.com/%zz", Err(Url)),
        ("https://hooks.example.com/a//../b", Err(Url)),
        ("https://hooks.example.com/%4\u{e9}", Err(Url)),
        ("https://hooks.example.com/?a=100%", Err(Url)),
        (
            "https://hooks.example.com/?a[]=%7b{|}",
            Ok("https://hooks.example.com/?a[]=%7b{|}"),
        ),
        ("https://hooks.example.com\t/", Err(Url)),
        // Anything else.
        ("http://hooks.example.com/", Err(NotHttps)),
        ("ftp://hooks.example.com/", Err(NotHttps)),
        ("file:///etc/passwd", Err(Url)),
        ("gopher://127.0.0.1/", Err(NotHttps)),
        ("https://hooks.example.com:/", Err(Port)),
        ("https://hooks.example.com:0/", Err(Port)),
        ("https://hooks.example.com:0443/", Err(Port)),
        ("https://hooks.example.com:65536/", Err(Port)),
        ("https://hooks.example.com:+443/", Err(Port)),
        ("https://hooks.example.com:8443:443/", Err(Url)),
        (&long, Err(Url)),
    ];
    assert!(rows.len() >= 60, "{}", rows.len());
    let read = |url: &str| Endpoint::parse(tenant("acme"), url).map(|endpoint| endpoint.uri().to_string());
    let wrong: Vec<_> = rows
        .iter()
        .filter(|(url, expected)| read(url) != expected.map(str::to_owned))
        .map(|(url, _)| (url, read(url)))
        .collect();
    assert_eq!(wrong, []);
}

fn dispatcher(egress: Egress, ports: &[u16]) -> Dispatcher {
    let dispatcher = Dispatcher::builder()
        .with_egress(egress)
        .with_ports(ports.iter().copied())
        .with_deadlines(deadlines())
        .build();
    dispatcher
        .set_identity(tenant("acme"), world().sender(&world().acme, "acme"))
        .expect("TLS");
    dispatcher
}

async fn failure(dispatcher: &Dispatcher, url: &str) -> (Fate, Option<Failure>, Option<Fault>) {
    let outcome = dispatcher
        .deliver(&endpoint("acme", url), &delivery("acme", "msg_1"))
        .await;
    let fault = outcome.fault();
    (outcome.fate, outcome.failure, fault)
}

fn forbidden(address: &str) -> (Fate, Option<Failure>, Option<Fault>) {
    let address: SocketAddr = address.parse().expect("an address");
    let refused = AddressGuard::new().check(address).expect_err("not public");
    assert_eq!(refused.address, address);
    (
        Fate::Dead,
        Some(Failure::PrivateAddress(refused)),
        Some(Fault::Policy),
    )
}

#[tokio::test]
async fn a_literal_address_is_checked() {
    let receiver = Receiver::good(world().server_config(ClientAuth::Require)).await;
    let port = receiver.port();
    let dispatcher = dispatcher(Egress::new(), &[port]);
    for (host, address) in [
        ("127.0.0.1", "127.0.0.1"),
        ("[::1]", "[::1]"),
        ("[::ffff:127.0.0.1]", "[::ffff:127.0.0.1]"),
        ("[64:ff9b::7f00:1]", "[64:ff9b::7f00:1]"),
        ("169.254.169.254", "169.254.169.254"),
        ("10.0.0.1", "10.0.0.1"),
        ("0.0.0.0", "0.0.0.0"),
        ("[fe80::1]", "[fe80::1]"),
    ] {
        let url = format!("https://{host}:{port}/");
        assert_eq!(
            failure(&dispatcher, &url).await,
            forbidden(&format!("{address}:{port}"))
        );
    }
    assert_eq!(receiver.seen().len(), 0);
}

/// A name is checked by what it leads to at the moment of connecting, each time anew, and one bad address is enough.
#[tokio::test]
async fn a_name_that_changes_its_mind_gets_nothing() {
    let receiver = Receiver::good(world().server_config(ClientAuth::Require)).await;
    let port = receiver.port();
    let book = || {
        Book::default()
            .answers("turns.example", &[&["93.184.215.14"], &["127.0.0.1"]])
            .answers("mixed.example", &[&["93.184.215.14", "127.0.0.1"]])
            .answers("mixed-first.example", &[&["10.0.0.1", "93.184.215.14"]])
            .answers("inside.example", &[&["::ffff:192.168.0.1"]])
            .answers("nowhere.example", &[&[]])
    };
    let egress = Egress::new().with_resolver(book());
    let (turns, here) = ("turns.example", format!("127.0.0.1:{port}"));
    // Asked when it is registered: public.
    let asked = egress.addresses(turns, port).await.expect("a public address");
    assert_eq!(asked, [SocketAddr::from(([93, 184, 215, 14], port))]);
    // Asked when it is connected to: not any more.
    let dispatcher = dispatcher(egress, &[port]);
    let to = |host: &str| format!("https://{host}:{port}/");
    assert_eq!(failure(&dispatcher, &to(turns)).await, forbidden(&here));
    assert_eq!(failure(&dispatcher, &to("mixed.example")).await, forbidden(&here));
    let private = forbidden(&format!("10.0.0.1:{port}"));
    assert_eq!(failure(&dispatcher, &to("mixed-first.example")).await, private);
    let mapped = forbidden(&format!("[::ffff:192.168.0.1]:{port}"));
    assert_eq!(failure(&dispatcher, &to("inside.example")).await, mapped);
    let nowhere = failure(&dispatcher, &to("nowhere.example")).await;
    assert_eq!(
        nowhere.1.map(|failure| failure.code()),
        Some("dispatch.not_resolved")
    );
    assert_eq!(receiver.seen().len(), 0);
}

/// What is forbidden by our own rules says nothing about the endpoint: its circuit stays closed.
#[tokio::test]
async fn what_is_forbidden_is_not_counted_against_the_endpoint() {
    let dispatcher = dispatcher(Egress::new(), &[443]);
    for _ in 0..30 {
        let refused = failure(&dispatcher, "https://127.0.0.1/").await;
        assert_eq!(refused, forbidden("127.0.0.1:443"));
    }
}

#[tokio::test]
async fn other_ports_are_not_delivered_to() {
    let dispatcher = Dispatcher::new();
    dispatcher
        .set_identity(tenant("acme"), world().sender(&world().acme, "acme"))
        .expect("TLS");
    for port in [22, 80, 6379, 8443] {
        let refused = failure(&dispatcher, &format!("https://93.184.215.14:{port}/")).await;
        let expected = Some(Failure::PortNotAllowed { port });
        assert_eq!(refused, (Fate::Dead, expected, Some(Fault::Policy)));
    }
}

#[tokio::test]
async fn addresses_are_tried_in_order() {
    let receiver = Receiver::good(world().server_config(ClientAuth::Require)).await;
    // Nothing listens at the first: the receiver is bound to 127.0.0.1 alone.
    let book = Book::default().answers(HOST, &[&["127.0.0.9", "127.0.0.1"]]);
    let dispatcher = dispatcher(
        Egress::new().with_guard(loopback()).with_resolver(book),
        &[receiver.port()],
    );
    assert_eq!(failure(&dispatcher, &receiver.url(HOST)).await.0, Fate::Delivered);
}

/// What is allowed is connected to, also where its name leads to something beside it that nobody has allowed.
#[tokio::test]
async fn a_name_that_leads_to_what_was_allowed_and_to_loopback_is_delivered_to() {
    let receiver = Receiver::good(world().server_config(ClientAuth::Require)).await;
    let port = receiver.port();
    for (name, answer, expected) in [
        ("IPv6 first", &["::1", "127.0.0.1"][..], None),
        ("IPv4 first", &["127.0.0.1", "::1"], None),
        (
            "and outside",
            &["127.0.0.1", "::1", "93.184.215.14"],
            Some(format!("[::1]:{port}")),
        ),
        (
            "only beside it",
            &["::1", "127.0.0.2"],
            Some(format!("[::1]:{port}")),
        ),
    ] {
        let guard = AddressGuard::new().allow(receiver.address);
        let egress = Egress::new().with_guard(guard);
        let egress = egress.with_resolver(Book::default().answers(HOST, &[answer]));
        let outcome = failure(&dispatcher(egress, &[port]), &receiver.url(HOST)).await;
        let expected = match expected {
            None => (Fate::Delivered, None, None),
            Some(address) => forbidden(&address),
        };
        assert_eq!(outcome, expected, "{name}");
    }
}

#[tokio::test]
async fn what_is_denied_is_not_delivered_to() {
    let receiver = Receiver::good(world().server_config(ClientAuth::Require)).await;
    let port = receiver.port();
    let guard = loopback().deny_network("127.0.0.1".parse().expect("a network"));
    let book = Book::default().answers("mapped.example", &[&["::ffff:127.0.0.1"]]);
    let dispatcher = dispatcher(
        Egress::new().with_guard(guard.clone()).with_resolver(book),
        &[port],
    );
    for (host, address) in [
        (HOST, "127.0.0.1"),
        ("127.0.0.1", "127.0.0.1"),
        ("mapped.example", "[::ffff:127.0.0.1]"),
    ] {
        let address: SocketAddr = format!("{address}:{port}").parse().expect("an address");
        let refused = guard.check(address).expect_err("denied");
        assert_eq!(refused.why, Forbidden::Denied);
        let expected = (
            Fate::Dead,
            Some(Failure::PrivateAddress(refused)),
            Some(Fault::Policy),
        );
        assert_eq!(
            failure(&dispatcher, &format!("https://{host}:{port}/")).await,
            expected
        );
    }
    assert_eq!(receiver.seen().len(), 0);
}

/// Whoever chooses the answer does not choose for how long we try.
#[tokio::test]
async fn at_most_eight_addresses_of_a_name_are_tried() {
    let receiver = Receiver::good(world().server_config(ClientAuth::Require)).await;
    let port = receiver.port();
    // Nothing listens at any but the last.
    let answer = |others: usize| -> Vec<String> {
        let others = (0..others).map(|number| format!("127.0.1.{number}"));
        others.chain(["127.0.0.1".to_owned()]).collect()
    };
    for (others, expected) in [(7, None), (8, Some("dispatch.unreachable"))] {
        let answer = answer(others);
        let answer: Vec<&str> = answer.iter().map(String::as_str).collect();
        let egress = Egress::new().with_guard(loopback());
        let egress = egress.with_resolver(Book::default().answers(HOST, &[&answer]));
        let addresses = egress.addresses(HOST, port).await.expect("allowed");
        assert_eq!(addresses.len(), 8, "{others}");
        let (_, failure, _) = failure(&dispatcher(egress, &[port]), &receiver.url(HOST)).await;
        assert_eq!(failure.map(|failure| failure.code()), expected, "{others}");
    }
}

#[test]
fn a_private_address_says_which() {
    let PrivateAddress { address, .. } = AddressGuard::new()
        .check("10.0.0.1:443".parse().expect("an address"))
        .expect_err("private");
    assert_eq!(address.to_string(), "10.0.0.1:443");
}
