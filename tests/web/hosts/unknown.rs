//! Names that nothing is served under: none in the handshake, or one that nobody knows, or that is gone.

use countersign::live::Live;
use countersign::tls::ClientAuth;
use countersign::web::{MisdirectedAnswer, Site, Sites};

use super::{ACME, ALSO_ACME, Case, GLOBEX, OPEN, Port, ask, let_in, refused, request};
use crate::door::world;
use crate::sender::Version;

#[tokio::test]
async fn a_name_that_nothing_is_served_under_gets_no_handshake() {
    let world = world();
    let sites = world.sites().build().expect("sites");
    let port = Port::open(sites.into(), MisdirectedAnswer::MisdirectedRequest).await;
    #[rustfmt::skip]
    let cases = [
        ("unknown", Some("other.example"), "handshake.unknown_server_name"),
        ("below one that is known", Some("x.hooks.acme.example"), "handshake.unknown_server_name"),
        ("above the pattern", Some("hooks.globex.example"), "handshake.unknown_server_name"),
        ("none", None, "handshake.no_server_name"),
    ];
    for (name, greeted, code) in cases {
        let refused = port.greet(Some(&world.acme), Version::Http1, greeted).await;
        let error = refused.err().expect(name).to_string();
        assert!(error.contains("UnrecognisedName"), "{name}: {error}");
        port.log.wait_for(&format!("not connected: {code}")).await;
        assert_eq!(port.log.take().len(), 1, "{name}");
    }
}

/// Where it is asked for, the site without a name is that of all names that nobody knows, and of no other.
#[tokio::test]
async fn names_that_nobody_knows_are_served_where_that_is_asked_for() {
    let world = world();
    let (policy, server) = (world.policy(), world.ca.server(ACME).dns("other.example"));
    let server = server.dns("a.b.hooks.globex.example").issue();
    let config = world.server_config_of(&server, policy.trust(), ClientAuth::Require);
    let sites = world
        .sites()
        .without_name(Site::new(policy, config))
        .serve_unknown_names();
    let port = Port::open(
        sites.build().expect("sites").into(),
        MisdirectedAnswer::MisdirectedRequest,
    )
    .await;
    let h1 = Version::Http1;
    let other = || Err((421, true, "host.other_policy"));
    #[rustfmt::skip]
    let cases: [Case; 8] = [
        ("a name nobody has", Some("other.example"), h1, "/who", &["other.example"], Ok(let_in("acme"))),
        ("two labels for one", Some("a.b.hooks.globex.example"), h1, "/who", &["other.example"], Ok(let_in("acme"))),
        ("another of them, or none", None, h1, "/who", &["other.example"], Ok(let_in("acme"))),
        ("a site's name is none of them", Some("other.example"), h1, "/who", &[ACME], other()),
        ("nor what a pattern stands for", Some("other.example"), h1, "/who", &[GLOBEX], other()),
        ("nor is one without a policy", Some("other.example"), h1, "/who", &[OPEN], other()),
        ("and from a site none is reached", Some(ACME), h1, "/who", &["other.example"], other()),
        ("what is no name is none", Some("other.example"), h1, "/who", &["other.example.."], Err((400, false, "host.unreadable"))),
    ];
    for (name, greeted, version, target, hosts, expected) in cases {
        let sender = port.greet(Some(&world.acme), version, greeted).await;
        let told = ask(&mut sender.expect(name), request(target, hosts)).await;
        let events = port.log.take().split_off(1); // it has connected
        let (answer, lines) = match expected {
            Ok(answer) => (answer, vec![]),
            Err((status, close, code)) => (refused(status, close), vec![format!("refused: nobody {code}")]),
        };
        assert_eq!((told, events), (answer, lines), "{name}");
    }
    let nobody = port.greet(None, h1, Some("other.example")).await;
    let refused = match nobody {
        // Under TLS 1.3 the client learns it from the first answer.
        Ok(mut sender) => sender.ask(request("/who", &["other.example"])).await.err(),
        Err(refused) => Some(refused),
    };
    assert!(refused.is_some(), "an unknown name gets in for no less");
    port.log.wait_for("not connected: identity.no_certificate").await;
}

#[tokio::test]
async fn names_come_and_go_while_the_port_is_open() {
    let world = world();
    let policy = world.policy();
    let only = |name: &str| {
        let sites = Sites::builder().site(name, world.site(&policy, name)).build();
        sites.expect("sites")
    };
    let sites: Live<Sites> = only(ACME).into();
    let port = Port::open(sites.clone(), MisdirectedAnswer::MisdirectedRequest).await;
    let sender = port.greet(Some(&world.acme), Version::Http2, Some(ACME)).await;
    let mut sender = sender.expect("a connection");
    let asked = |name: &str| request(&format!("https://{name}/who"), &[]);
    assert_eq!(ask(&mut sender, asked(ACME)).await, let_in("acme"));

    sites.replace(only(ALSO_ACME));
    assert_eq!(ask(&mut sender, asked(ACME)).await, refused(421, false));
    assert_eq!(
        ask(&mut sender, asked(ALSO_ACME)).await,
        let_in("acme"),
        "the same policy"
    );
    let late = port.greet(Some(&world.acme), Version::Http2, Some(ACME)).await;
    assert!(
        late.err()
            .expect("refused")
            .to_string()
            .contains("UnrecognisedName")
    );
    let early = port
        .greet(Some(&world.acme), Version::Http2, Some(ALSO_ACME))
        .await;
    assert_eq!(
        ask(&mut early.expect("a connection"), asked(ALSO_ACME)).await,
        let_in("acme")
    );
}
