//! Several server names on one port, each with its policy: what a connection may ask for, and what it may not.

mod names;
mod unknown;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::routing::post;
use countersign::gate::{Caller, Policy};
use countersign::live::Live;
use countersign::refusal::Refusal;
use countersign::testing::TestCert;
use countersign::tls::ClientAuth;
use countersign::web::{
    Acceptor, CallerLayer, CertificateDemand, Connection, Listener, MisdirectedAnswer, Protocols, Site, Sites,
};
use http::{Request, Response};
use rustls::ServerConfig;
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::door::{Log, World, world};
use crate::sender::{AnyError, Greeting, Sender, Version};

const ACME: &str = "hooks.acme.example";
const ALSO_ACME: &str = "also.acme.example";
const GLOBEX: &str = "eu.hooks.globex.example";
const OPEN: &str = "open.example";

impl World {
    fn policy(&self) -> Policy {
        Policy::new(self.trust(&self.ca), self.tenants(&["acme", "globex"]))
    }

    fn site(&self, policy: &Policy, name: &str) -> Site {
        let server = self.ca.server(name).issue();
        let config = self.server_config_of(&server, policy.trust(), ClientAuth::Require);
        Site::new(policy.clone(), config)
    }

    fn open_site(&self, name: &str) -> Site {
        let server = self.ca.server(name).issue();
        let config = ServerConfig::builder_with_provider(Arc::new(self.tls.provider().clone()))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .expect("a version")
            .with_no_client_auth()
            .with_single_cert(server.chain(), server.key());
        Site::for_anybody(config.expect("a configuration"))
    }

    /// Two names of one policy, all names below one of another, one that asks for no certificate.
    fn sites(&self) -> countersign::web::SitesBuilder {
        let (acme, globex) = (self.policy(), self.policy());
        Sites::builder()
            .site(ACME, self.site(&acme, ACME))
            .site(ALSO_ACME, self.site(&acme, ALSO_ACME))
            .site("*.hooks.globex.example", self.site(&globex, GLOBEX))
            .site(OPEN, self.open_site(OPEN))
    }
}

async fn who(caller: Option<Caller>) -> String {
    caller.map_or_else(|| "nobody".to_owned(), |caller| caller.tenant().to_string())
}

/// A receiver for these sites.
struct Port {
    address: SocketAddr,
    log: Log,
}

impl Port {
    async fn open(sites: Live<Sites>, answer: MisdirectedAnswer) -> Self {
        let log = Log::default();
        let acceptor = Acceptor::by_server_name(sites.clone())
            .with_protocols(Protocols::Http2OrHttp1)
            .observed_by(Arc::new(log.clone()));
        let listener = Listener::bind("127.0.0.1:0", acceptor).await.expect("a port");
        let address = listener.local_addr();
        let layer = CallerLayer::by_host(sites)
            .with_demand(CertificateDemand::never())
            .with_misdirected_answer(answer)
            .observed_by(Arc::new(log.clone()));
        let app: Router = Router::new().route("/who", post(who)).layer(layer);
        let app = app.into_make_service_with_connect_info::<Connection>();
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { address, log }
    }

    async fn greet(
        &self,
        certificate: Option<&TestCert>,
        version: Version,
        name: Option<&str>,
    ) -> Result<Sender<Body>, AnyError> {
        let greeting = Greeting::new(certificate, version).under(name);
        Sender::greet(self.address, greeting).await
    }
}

fn request(target: &str, hosts: &[&str]) -> Request<Body> {
    let mut request = Request::post(target);
    for host in hosts {
        request = request.header("host", *host);
    }
    request.body(Body::empty()).expect("a request")
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Told {
    status: u16,
    said: String,
    close: bool,
}

async fn ask(sender: &mut Sender<Body>, request: Request<Body>) -> Told {
    let answer = sender.ask(request).await.expect("an answer");
    let close = answer
        .headers
        .get("connection")
        .is_some_and(|value| value == "close");
    Told {
        status: answer.status,
        said: answer.body,
        close,
    }
}

fn let_in(said: &str) -> Told {
    Told {
        status: 200,
        said: said.to_owned(),
        close: false,
    }
}

fn refused(status: u16, close: bool) -> Told {
    Told {
        status,
        said: String::new(),
        close,
    }
}

/// The name in the handshake, and what is asked for; the refusal's status, whether the connection is closed, and the code.
type Case = (
    &'static str,
    Option<&'static str>,
    Version,
    &'static str,
    &'static [&'static str],
    Result<Told, (u16, bool, &'static str)>,
);

#[tokio::test]
async fn what_counts_is_the_policy_of_the_handshake_not_the_name() {
    let world = world();
    let sites = world.sites().without_name(world.site(&world.policy(), ACME));
    let port = Port::open(
        sites.build().expect("sites").into(),
        MisdirectedAnswer::MisdirectedRequest,
    )
    .await;
    let (h1, h2) = (Version::Http1, Version::Http2);
    let good = || Ok(let_in("acme"));
    let other = |close| Err((421, close, "host.other_policy"));
    let unknown = || Err((421, false, "host.unknown"));
    let ambiguous = || Err((400, false, "host.ambiguous"));
    let unreadable = || Err((400, false, "host.unreadable"));
    #[rustfmt::skip]
    let cases: [Case; 47] = [
        ("its own name", Some(ACME), h1, "/who", &[ACME], good()),
        ("its own name", Some(ACME), h2, "https://hooks.acme.example/who", &[], good()),
        ("upper case", Some(ACME), h1, "/who", &["HOOKS.Acme.Example"], good()),
        ("upper case", Some(ACME), h2, "https://HOOKS.acme.example/who", &[], good()),
        ("upper case in the handshake", Some("Hooks.ACME.example"), h1, "/who", &[ACME], good()),
        ("a trailing dot", Some(ACME), h1, "/who", &["hooks.acme.example."], good()),
        ("a trailing dot", Some(ACME), h2, "https://hooks.acme.example./who", &[], good()),
        ("a port", Some(ACME), h1, "/who", &["hooks.acme.example:8443"], good()),
        ("a port", Some(ACME), h2, "https://hooks.acme.example:8443/who", &[], good()),
        ("another name of the policy: coalescing", Some(ACME), h2, "https://also.acme.example/who", &[], good()),
        ("another name of the policy", Some(ACME), h1, "/who", &[ALSO_ACME], good()),
        ("another policy: coalescing", Some(ACME), h2, "https://eu.hooks.globex.example/who", &[], other(false)),
        ("another policy", Some(ACME), h1, "/who", &[GLOBEX], other(true)),
        ("another policy, upper case", Some(ACME), h1, "/who", &["EU.HOOKS.GLOBEX.EXAMPLE"], other(true)),
        ("another policy, a dot and a port", Some(ACME), h1, "/who", &["eu.hooks.globex.example.:443"], other(true)),
        ("a policy, from no policy", Some(OPEN), h1, "/who", &[ACME], other(true)),
        ("a policy, from no policy", Some(OPEN), h2, "https://hooks.acme.example/who", &[], other(false)),
        ("no policy, from a policy", Some(ACME), h1, "/who", &[OPEN], other(true)),
        ("no policy", Some(OPEN), h1, "/who", &[OPEN], Ok(let_in("nobody"))),
        ("a name by pattern", Some(GLOBEX), h1, "/who", &[GLOBEX], good()),
        ("another name of the pattern", Some(GLOBEX), h1, "/who", &["us.hooks.globex.example"], good()),
        ("two labels for one", Some(GLOBEX), h1, "/who", &["a.b.hooks.globex.example"], unknown()),
        ("the pattern itself", Some(GLOBEX), h1, "/who", &["*.hooks.globex.example"], unreadable()),
        ("a name nobody has", Some(ACME), h1, "/who", &["other.example"], unknown()),
        ("a name nobody has", Some(ACME), h2, "https://other.example/who", &[], unknown()),
        ("a name with another before it", Some(ACME), h1, "/who", &["open.example@hooks.acme.example"], unreadable()),
        ("a name with another before it", Some(ACME), h2, "https://open.example@hooks.acme.example/who", &[], unreadable()),
        ("a name with another before it", Some(ACME), h1, "https://open.example@hooks.acme.example/who", &[ACME], unreadable()),
        ("no authority", Some(ACME), h2, "/who", &[ACME], good()),
        ("no authority, a name with another before it", Some(ACME), h2, "/who", &["a@hooks.acme.example"], unreadable()),
        ("two dots", Some(ACME), h1, "/who", &["hooks.acme.example.."], unreadable()),
        ("two dots", Some(ACME), h2, "https://hooks.acme.example../who", &[], unreadable()),
        ("two names in one field", Some(ACME), h1, "/who", &["hooks.acme.example, open.example"], unreadable()),
        ("no port", Some(ACME), h1, "/who", &["hooks.acme.example:0x1"], unreadable()),
        ("no port", Some(ACME), h2, "https://hooks.acme.example:65536/who", &[], unreadable()),
        ("an empty field", Some(ACME), h1, "/who", &[""], unreadable()),
        ("a percent sign", Some(ACME), h1, "/who", &["hooks%2eacme.example"], unreadable()),
        ("no name in the handshake", None, h1, "/who", &[ACME], other(true)),
        ("no name in the handshake", None, h2, "https://hooks.acme.example/who", &[], other(false)),
        ("no name, and an address", None, h1, "/who", &["127.0.0.1:8443"], good()),
        ("no name, and an address", None, h1, "/who", &["[::1]:8443"], good()),
        ("a name, and an address", Some(ACME), h1, "/who", &["127.0.0.1"], other(true)),
        ("target and field agree", Some(ACME), h1, "https://hooks.acme.example/who", &["Hooks.acme.example:443"], good()),
        ("they do not", Some(ACME), h1, "https://hooks.acme.example/who", &[GLOBEX], ambiguous()),
        ("they do not", Some(ACME), h2, "https://hooks.acme.example/who", &["also.acme.example"], ambiguous()),
        ("two fields", Some(ACME), h1, "/who", &[ACME, ACME], ambiguous()),
        ("no host at all", Some(ACME), h1, "/who", &[], Err((400, false, "host.missing"))),
    ];
    for (name, greeted, version, target, hosts, expected) in cases {
        let sender = port.greet(Some(&world.acme), version, greeted).await;
        let mut sender = sender.expect(name);
        let told = ask(&mut sender, request(target, hosts)).await;
        let events = port.log.take().split_off(1); // it has connected
        match expected {
            Ok(expected) => assert_eq!((told, events), (expected, vec![]), "{name}: {hosts:?}"),
            Err((status, close, code)) => {
                let line = format!("refused: nobody {code}");
                assert_eq!(
                    (told, events),
                    (refused(status, close), vec![line]),
                    "{name}: {hosts:?}"
                );
            }
        }
    }
}

#[tokio::test]
async fn each_request_of_a_connection_is_asked_for_its_host() {
    let world = world();
    let sites = world.sites().build().expect("sites");
    let port = Port::open(sites.into(), MisdirectedAnswer::Forbid).await;
    let sender = port.greet(Some(&world.acme), Version::Http2, Some(ACME)).await;
    let mut sender = sender.expect("a connection");
    let asked = |name: &str| request(&format!("https://{name}/who"), &[]);
    for _ in 0..3 {
        assert_eq!(ask(&mut sender, asked(ACME)).await, let_in("acme"));
        assert_eq!(ask(&mut sender, asked(ALSO_ACME)).await, let_in("acme"));
        let forbidden = refused(403, false);
        assert_eq!(ask(&mut sender, asked(GLOBEX)).await, forbidden, "by choice");
        assert_eq!(ask(&mut sender, asked("other.example")).await, forbidden);
    }
    let sender = port.greet(Some(&world.acme), Version::Http1, Some(ACME)).await;
    let mut sender = sender.expect("a connection");
    for _ in 0..2 {
        let kept = ask(&mut sender, request("/who", &[ACME])).await;
        assert_eq!(kept, let_in("acme"), "kept alive");
    }
    let forbidden = ask(&mut sender, request("/who", &[GLOBEX])).await;
    assert_eq!(forbidden, refused(403, true), "and closed");
    assert!(
        sender.ask(request("/who", &[ACME])).await.is_err(),
        "it was closed"
    );
}

/// A connection of one's own says nothing of the policy that its handshake ran under, until it is told.
#[tokio::test]
async fn without_the_policy_of_the_handshake_no_host_is_served() {
    let world = world();
    let sites = world.sites().build().expect("sites");
    let policy = |name| sites.find(Some(name)).expect("a site").policy().cloned();
    let layer = CallerLayer::by_host(sites.clone()).with_demand(CertificateDemand::never());
    type Under = Option<Option<Policy>>;
    #[rustfmt::skip]
    let cases: [(_, Under, _, _); 6] = [
        ("nobody has said", None, ACME, (500, Some("server.not_wired"))),
        ("nobody has said", None, OPEN, (500, Some("server.not_wired"))),
        ("that of the host", Some(policy(ACME)), ACME, (200, None)),
        ("that of another", Some(policy(GLOBEX)), ACME, (421, Some("host.other_policy"))),
        ("no policy", Some(None), ACME, (421, Some("host.other_policy"))),
        ("no policy, and none is asked for", Some(None), OPEN, (200, None)),
    ];
    for (name, under, host, expected) in cases {
        let chain = world.acme.chain();
        let connection = Connection::new(([127, 0, 0, 1], 1).into(), Some(&chain)).expect("a chain");
        let connection = match under {
            Some(policy) => connection.under(policy),
            None => connection,
        };
        let handler =
            service_fn(|_: Request<Body>| async { Ok::<_, Infallible>(Response::new(Body::empty())) });
        let asked = connection
            .layer(layer.layer(handler))
            .oneshot(request("/who", &[host]));
        let response = asked.await.expect("infallible");
        let refusal = response.extensions().get::<Refusal>().map(Refusal::code);
        assert_eq!((response.status().as_u16(), refusal), expected, "{name}: {host}");
    }
}
