//! What the other side hears when its certificate is refused.

use std::io::{BufRead as _, BufReader};
use std::process::ChildStderr;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use countersign::dispatch::{Delivery, Endpoint};

use crate::process::or_skip;
use crate::sending::to_loopback;
use crate::server::{Kind, Version, s_server};
use crate::world::{HOST, Shows, World};

/// The numbers are those of RFC 8446 §6. The operator of the server finds them in its log, and nothing else of us.
#[test]
fn openssl_hears_by_number_why_its_certificate_is_refused() {
    if or_skip("openssl as a receiver", Kind::OpenSsl.find()).is_none() {
        return;
    }
    let world = World::new("alerts");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    for version in [Version::V13, Version::V12] {
        for (shows, host, code, alert) in [
            ("expired", HOST, "trust.expired", 45),
            ("stranger", HOST, "trust.unknown_issuer", 48),
            ("server", "hooks.initech.example", "trust.wrong_name", 42),
        ] {
            let (mut server, _said, port) = s_server(&world, version, shows, &["-verify", "3"]);
            let heard = lines(server.0.stderr.take().expect("a pipe"));
            let dispatcher = to_loopback(&[port]).build();
            let acme = world.acme.id();
            dispatcher
                .set_identity(acme.clone(), world.sender(Shows::Good))
                .expect("a sender");
            let to = Endpoint::parse(acme.clone(), &format!("https://{host}:{port}/ok")).expect("a URL");
            let delivery = Delivery::new(acme, "msg_1", "{}");
            let outcome = runtime.block_on(dispatcher.deliver(&to, &delivery));
            assert_eq!(outcome.code(), code, "TLS {}: {shows}", version.number());
            let expected = format!("SSL alert number {alert}");
            let mut all = Vec::new();
            while !all.iter().any(|line: &String| line.contains(&expected)) {
                let line = heard.recv_timeout(Duration::from_secs(20));
                let line = line.unwrap_or_else(|_| panic!("TLS {}: {expected}: {all:?}", version.number()));
                all.push(line);
            }
        }
    }
}

fn lines(pipe: ChildStderr) -> mpsc::Receiver<String> {
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            let _ = tell.send(line);
        }
    });
    told
}
