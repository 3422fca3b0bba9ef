//! Clients that come again and again with a certificate that is refused: what is told of them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::routing::get;
use countersign::gate::{Caller, Policy};
use countersign::identity::PeerChain;
use countersign::live::Live;
use countersign::observe::{
    ClaimedCertificate, Event, HandshakeFailure, LooksLike, Observer, PeerCertificate, RefusalWatch,
    RefusedClient, Silent,
};
use countersign::testing::{KeyAlgorithm, NOW, TestCa, TestCert, TestKey};
use countersign::tls::ClientAuth;
use countersign::trust::{Untrusted, VerifyPeer as _};
use countersign::web::{Acceptor, CallerLayer, Connection, Listener};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::door::{Hands, TEMPLATE, world};
use crate::sender::{Greeting, Version};

/// What is told of clients that come again.
#[derive(Debug, Clone, Default)]
struct Told(Arc<Mutex<Vec<RefusedClient>>>);

impl Observer for Told {
    fn observe(&self, event: &Event<'_>) {
        if let Event::RefusedAgain { client } = event {
            self.0.lock().expect("no panic").push((*client).clone());
        }
    }
}

impl Told {
    fn take(&self) -> Vec<RefusedClient> {
        std::mem::take(&mut self.0.lock().expect("no panic"))
    }
}

/// A receiver whose authority and pins count, with a watch over whom it refuses.
struct Receiver {
    address: SocketAddr,
    watch: RefusalWatch,
    told: Told,
    hands: Hands,
    pins: Live<countersign::trust::PinSet>,
}

impl Receiver {
    async fn open() -> Self {
        let (world, told, hands) = (world(), Told::default(), Hands::default());
        let watch = RefusalWatch::new(told.clone()).with_threshold(3);
        let observer: Arc<dyn Observer> = Arc::new(watch.clone());
        let pins = Live::new(world.pins());
        let trust = world.trust(&world.ca).and(pins.clone());
        let policy = Policy::new(trust, world.tenants(&["acme", "globex"]));
        let acceptor = Acceptor::new(world.server_config(policy.trust(), ClientAuth::Require))
            .with_clock(hands.clock())
            .observed_by(observer.clone());
        let listener = Listener::bind("127.0.0.1:0", acceptor).await.expect("a port");
        let address = listener.local_addr();
        let app = Router::new()
            .route("/", get(async |caller: Caller| caller.tenant().to_string()))
            .layer(CallerLayer::new(policy).observed_by(observer))
            .into_make_service_with_connect_info::<Connection>();
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self {
            address,
            watch,
            told,
            hands,
            pins,
        }
    }

    /// What is answered to this client, coming from that address of loopback.
    async fn ask(&self, certificate: &TestCert, from: u8) -> String {
        let from = IpAddr::V4(Ipv4Addr::new(127, 0, 0, from));
        let greeting = Greeting::new(Some(certificate), Version::Http1).from(from);
        let mut answer = String::new();
        if let Ok(mut tls) = greeting.tls(self.address).await {
            let request = b"GET / HTTP/1.1\r\nhost: hooks.acme.example\r\nconnection: close\r\n\r\n";
            let _ = tls.write_all(request).await;
            let _ = tls.read_to_string(&mut answer).await;
        }
        answer
    }

    /// What is told when this client has come so often.
    async fn after(&self, attempts: usize, certificate: &TestCert, from: u8) -> Vec<RefusedClient> {
        for _ in 0..attempts {
            assert_eq!(self.ask(certificate, from).await, "", "it is refused");
        }
        self.told.take()
    }
}

pub(crate) fn names(tenant: &str) -> String {
    TEMPLATE.replace("{tenant}", tenant)
}

#[tokio::test]
async fn a_client_that_comes_again_is_told_of_by_what_it_looks_like() {
    let (world, receiver) = (world(), Receiver::open().await);
    let (other, namesake) = (TestCa::new("Other Root"), TestCa::new("Acme Root"));
    let (acme, stranger) = (names("acme"), names("stranger"));
    let (ca, known) = (&world.ca, Some("acme"));
    #[rustfmt::skip]
    let cases = [
        (ca.client(&acme).expired().issue(), "trust.expired", LooksLike::Expired, known),
        (ca.client(&acme).issue(), "trust.not_pinned", LooksLike::NotDistributed, known),
        (namesake.client(&acme).issue(), "trust.signature", LooksLike::NotDistributed, known),
        (other.client(&acme).issue(), "trust.unknown_issuer", LooksLike::NotDistributed, known),
        (other.client(&stranger).issue(), "trust.unknown_issuer", LooksLike::AnotherCa, None),
        (ca.server("hooks.acme.example").issue(), "trust.extended_key_usage", LooksLike::Other, None),
    ];
    let answer = receiver.ask(&world.acme, 1).await;
    assert!(answer.ends_with("acme"), "it was let in before: {answer}");
    for (from, (certificate, code, looks_like, resembles)) in (2_u8..).zip(&cases) {
        assert_eq!(
            receiver.after(2, certificate, from).await,
            [],
            "{code}: too few to say"
        );
        let [client] = &receiver.after(1, certificate, from).await[..] else {
            panic!("{code}: told once");
        };
        assert_eq!(
            (client.code, client.looks_like, client.attempts),
            (*code, *looks_like, 3)
        );
        let resembled = client
            .resembles
            .as_ref()
            .map(countersign::tenant::TenantId::as_str);
        assert_eq!(resembled, *resembles, "{code}");
        assert_eq!(client.source, IpAddr::V4(Ipv4Addr::new(127, 0, 0, from)));
        assert_eq!(
            receiver.after(2, certificate, from).await,
            [],
            "{code}: told already"
        );
    }
    assert_eq!(receiver.watch.list(receiver.hands.now()).len(), cases.len());
}

#[tokio::test]
async fn who_goes_on_is_told_of_again_and_who_is_let_in_is_listed_no_more() {
    let (world, receiver) = (world(), Receiver::open().await);
    let key = TestKey::generate(KeyAlgorithm::EcdsaP256);
    let client = world.ca.client(&names("acme"));
    let expired = client.clone().with_key(key.clone()).expired().issue();
    assert_eq!(receiver.after(3, &expired, 1).await.len(), 1);
    receiver.hands.turn(600);
    assert_eq!(
        receiver.after(1, &expired, 1).await,
        [],
        "ten minutes are not over"
    );
    receiver.hands.turn(1);
    let [told] = &receiver.after(1, &expired, 1).await[..] else {
        panic!("told again");
    };
    assert_eq!(
        (told.attempts, told.last.as_secs() - told.since.as_secs()),
        (5, 601)
    );
    let line = told.to_string();
    let expected = "127.0.0.1 refused 5 times since ";
    assert!(line.starts_with(expected), "{line}");
    assert!(
        line.ends_with(
            "; looks like expired: have its owner renew it, and the process that sends load the renewed one"
        ),
        "{line}"
    );
    // Quiet for longer: what comes then is another row.
    receiver.hands.turn(601);
    assert_eq!(receiver.watch.list(receiver.hands.now()), [], "it is quiet");
    assert_eq!(receiver.after(2, &expired, 1).await, []);
    assert_eq!(receiver.after(1, &expired, 1).await.len(), 1);

    // Renewed under the same key, which is pinned now.
    let renewed = client.with_key(key).issue();
    let pin = countersign::identity::SpkiHash::of(&renewed.spki_der());
    receiver.pins.replace(countersign::trust::PinSet::new([pin]));
    assert!(receiver.ask(&renewed, 1).await.ends_with("acme"));
    assert_eq!(receiver.watch.list(receiver.hands.now()), [], "mended");
}

/// Names that two tenants share are nobody's.
#[test]
fn a_name_of_two_tenants_resembles_neither() {
    let watch = RefusalWatch::new(Silent::default()).with_threshold(1);
    let ca = TestCa::new("Acme Root");
    let chain = |name: &str| PeerChain::parse(ca.client(name).issue().chain()).expect("a chain");
    for tenant in ["acme", "globex", "acme"] {
        let_in(&watch, tenant, &chain("spiffe://pay.example/shared"));
    }
    refuse(
        &watch,
        [192, 0, 2, 1].into(),
        &chain("spiffe://pay.example/shared"),
    );
    let list = watch.list(NOW);
    assert_eq!(
        (list[0].resembles.clone(), list[0].looks_like),
        (None, LooksLike::NotDistributed)
    );
}

fn let_in(watch: &RefusalWatch, tenant: &str, chain: &PeerChain) {
    watch.observe(&Event::Identified {
        peer: None,
        tenant: &tenant.parse().expect("a tenant"),
        rule: "",
        certificate: PeerCertificate::of(chain.leaf()),
    });
}

fn refuse(watch: &RefusalWatch, from: IpAddr, chain: &PeerChain) {
    watch.observe(&Event::HandshakeFailed {
        peer: (from, 4711).into(),
        reason: &HandshakeFailure::Untrusted(Untrusted::UnknownIssuer),
        claimed: Some(ClaimedCertificate::of(chain.leaf())),
        at: NOW,
    });
}

#[test]
fn a_hundred_thousand_sources_and_their_keys_are_bounded() {
    let watch = RefusalWatch::new(Silent::default())
        .with_capacity(1000)
        .with_threshold(1);
    let ca = TestCa::new("Other Root");
    let chain = || PeerChain::parse(ca.client("spiffe://pay.example/a").issue().chain()).expect("a chain");
    let chains: Vec<_> = (0..20).map(|_| chain()).collect();
    let listed = || watch.list(NOW).len();
    for number in 0..100_000_u32 {
        refuse(&watch, Ipv4Addr::from(number).into(), &chains[0]);
    }
    assert!((500..=1000).contains(&listed()), "{}", listed());
    let same_network = |host: u16| IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, host]);
    for (host, chain) in (0..).zip(&chains) {
        refuse(&watch, same_network(host), chain);
    }
    let of_network = |client: &RefusedClient| client.source == same_network(0);
    let of_host = watch.list(NOW).into_iter().filter(of_network).count();
    assert_eq!(of_host, 8, "one host, whatever its keys and addresses");
}

/// Under a key or a name of its own each, so that neither is remembered for longer than there is room.
#[test]
fn who_was_let_in_longest_ago_is_forgotten() {
    let ca = TestCa::new("Acme Root");
    let chain = |name: &str| PeerChain::parse(ca.client(name).issue().chain()).expect("a chain");
    let name = |number: u8| format!("spiffe://pay.example/{number}");
    let chains: Vec<_> = (0..3).map(|number| chain(&name(number))).collect();
    let looks_like = |refused: &PeerChain| {
        // Room for one in each half.
        let watch = RefusalWatch::new(Silent::default())
            .with_capacity(2)
            .with_threshold(1);
        for chain in &chains {
            let_in(&watch, "acme", chain);
        }
        refuse(&watch, [192, 0, 2, 1].into(), refused);
        watch.list(NOW)[0].looks_like
    };
    for (number, expected) in [(0, LooksLike::AnotherCa), (2, LooksLike::NotDistributed)] {
        assert_eq!(looks_like(&chains[usize::from(number)]), expected, "key and name");
        assert_eq!(looks_like(&chain(&name(number))), expected, "the name alone");
    }
}

#[test]
fn a_key_says_more_than_a_name() {
    let watch = RefusalWatch::new(Silent::default()).with_threshold(1);
    let (ca, key) = (
        TestCa::new("Acme Root"),
        TestKey::generate(KeyAlgorithm::EcdsaP256),
    );
    let client = |tenant: &str| ca.client(&names(tenant));
    let chain = |issued: &TestCert| PeerChain::parse(issued.chain()).expect("a chain");
    let_in(
        &watch,
        "acme",
        &chain(&client("acme").with_key(key.clone()).issue()),
    );
    let_in(&watch, "globex", &chain(&client("globex").issue()));
    let claimed = chain(&client("globex").with_key(key).issue());
    refuse(&watch, [192, 0, 2, 1].into(), &claimed);
    let resembled = watch.list(NOW)[0].resembles.clone();
    assert_eq!(resembled, Some("acme".parse().expect("a tenant")));
}
