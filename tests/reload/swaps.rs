//! A hundred swaps of each kind, in every way, while eight clients make full handshakes.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign::gate::{Caller, Policy};
use countersign::identity::{PeerChain, SpkiHash};
use countersign::live::Live;
use countersign::payload::jose::{Algorithm, JwsVerifier};
use countersign::payload::{
    HmacSigner, HmacVerifier, Keyring, Message, Outgoing, Scheme, Secret, SignPayload as _,
    VerifyPayload as _,
};
use countersign::reload::{FileSource, Files, NotLoaded, Reading, Reload, Reloading};
use countersign::tenant::TenantTable;
use countersign::testing::{TestCa, TestCert, handshake};
use countersign::tls::rustls::ClientConfig;
use countersign::tls::rustls::pki_types::UnixTime;
use countersign::tls::{ClientAuth, Credentials, Tls};
use countersign::trust::{Crls, PinSet, PrivateCa, Revocation, VerifyPeer as _};
use http::{HeaderMap, Method, Uri};

use crate::mount::{Mount, WAYS};
use crate::world::{HOST, Log, SETTLING, credentials, rules, tenant, tls, until, until_generation};

const SWAPS: u64 = 100;
const CLIENTS: usize = 8;
const ACME: &str = "spiffe://pay.example/tenant/acme";
const BODY: &[u8] = b"{}";
/// RFC 8037 Appendix A: a key, and what it has signed.
const JWK: &str =
    r#"{"kty":"OKP","crv":"Ed25519","kid":"stays","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
const JWS: &str = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";

/// One of each kind, with the files that say it.
struct Kinds {
    mounts: Vec<(&'static str, Mount)>,
    anchors: Reloading<PrivateCa>,
    lists: Reloading<PrivateCa>,
    pins: Reloading<PinSet>,
    tenants: Reloading<TenantTable>,
    keys: Reloading<Keyring>,
    jwks: Reloading<JwsVerifier>,
    own: Reloading<Credentials>,
}

const KINDS: [&str; 7] = ["anchors", "lists", "pins", "tenants", "keys", "jwks", "own"];

/// What stays, and two of each that come and go.
struct Cast {
    tls: Tls,
    ca: TestCa,
    passing: [TestCa; 2],
    servers: TestCa,
    client: TestCert,
}

impl Cast {
    fn new() -> Self {
        let ca = TestCa::new("Stays");
        Self {
            tls: tls(),
            client: ca.client(ACME).issue(),
            passing: [TestCa::new("Passing 0"), TestCa::new("Passing 1")],
            servers: TestCa::new("Servers"),
            ca,
        }
    }

    /// What stands in the files of this kind in this round.
    fn files(&self, kind: &str, round: u64) -> Vec<(&'static str, Vec<u8>)> {
        let passing = &self.passing[usize::try_from(round % 2).expect("0 or 1")];
        let text = |name, text: String| vec![(name, text.into_bytes())];
        match kind {
            "anchors" => text("ca.pem", [self.ca.pem(), passing.pem()].concat()),
            "lists" => text("ca.crl", self.ca.crl(round).issue().pem()),
            "pins" => {
                let (stays, passes) = (
                    SpkiHash::of(&self.client.spki_der()),
                    SpkiHash::of(&round.to_be_bytes()),
                );
                text("pins", format!("{passes}\n{stays}\n"))
            }
            "tenants" => text("tenants", format!("acme\nround-{round}\n")),
            "keys" => text(
                "keys",
                format!("stays secret-that-stays-0123456789\nround-{round} secret-of-round-{round:020}\n"),
            ),
            "jwks" => text(
                "jwks",
                format!(r#"{{"keys":[{JWK},{{"kty":"unknown-{round}"}}]}}"#),
            ),
            _ => {
                let own = self.servers.server(HOST).issue();
                vec![
                    ("tls.crt", own.chain_pem().into_bytes()),
                    ("tls.key", own.key_pem().into_bytes()),
                ]
            }
        }
    }

    async fn start(&self, reload: &Reload) -> Kinds {
        let mounts: Vec<_> = KINDS.iter().map(|kind| (*kind, Mount::new(kind))).collect();
        for (kind, mount) in &mounts {
            write(mount, 0, &self.files(kind, 0));
        }
        let at = |kind: &str, name: &str| {
            let (_, mount) = mounts.iter().find(|(known, _)| *known == kind).expect("a kind");
            mount.path(name)
        };
        let algorithms = self.tls.algorithms();
        let ca = self.ca.pem();
        let lists = Files::of([at("lists", "ca.crl")]).read_by(move |files: &Reading<'_, PrivateCa>| {
            let lists = Crls::from_files(files.files().map(|(_, bytes)| bytes), files.now())?;
            let ca = PrivateCa::builder(algorithms).pem(ca.as_bytes());
            Ok(ca
                .with_revocation(Revocation::required(lists))
                .build(files.now())?)
        });
        let tenants = Files::of([at("tenants", "tenants")]).read_by(|files: &Reading<'_, TenantTable>| {
            let known = whole(files.text(0)?)?.lines();
            Ok(TenantTable::builder()
                .uri("spiffe://pay.example/tenant/{tenant}")
                .known(known)
                .build()?)
        });
        let keys = Files::of([at("keys", "keys")]).read_by(|files: &Reading<'_, Keyring>| {
            let pairs = whole(files.text(0)?)?
                .lines()
                .filter_map(|line| line.split_once(' '));
            let ring = pairs.fold(Keyring::builder(&Scheme::github()), |ring, (name, secret)| {
                ring.key(tenant("acme"), name, Secret::new(secret))
            });
            Ok(ring.build()?)
        });
        let rules = rules();
        macro_rules! start {
            ($name:literal, $source:expr) => {
                reload
                    .start($name, $source.with_settling(SETTLING), rules)
                    .await
                    .expect($name)
            };
        }
        Kinds {
            anchors: start!(
                "anchors",
                FileSource::anchors(at("anchors", "ca.pem"), algorithms)
            ),
            lists: start!("lists", lists),
            pins: start!("pins", FileSource::pins(at("pins", "pins"))),
            tenants: start!("tenants", tenants),
            keys: start!("keys", keys),
            jwks: start!(
                "jwks",
                FileSource::jwks(at("jwks", "jwks"), [Algorithm::EdDsa], algorithms)
            ),
            own: start!(
                "own",
                FileSource::credentials(&self.tls, at("own", "tls.crt"), at("own", "tls.key"))
            ),
            mounts,
        }
    }
}

impl Kinds {
    async fn until_all(&self, generation: u64) {
        until_generation(&self.anchors, generation).await;
        until_generation(&self.lists, generation).await;
        until_generation(&self.pins, generation).await;
        until_generation(&self.tenants, generation).await;
        until_generation(&self.keys, generation).await;
        until_generation(&self.jwks, generation).await;
        until_generation(&self.own, generation).await;
    }
}

/// A text of lines whose last one is whole.
fn whole(text: &str) -> Result<&str, NotLoaded> {
    match text.ends_with('\n') {
        true => Ok(text),
        false => Err(NotLoaded::invalid("the last line is not whole")),
    }
}

fn write(mount: &Mount, round: u64, files: &[(&str, Vec<u8>)]) {
    let way = WAYS[usize::try_from(round).expect("small") % WAYS.len()];
    let files: Vec<_> = files
        .iter()
        .map(|(name, bytes)| (*name, bytes.as_slice()))
        .collect();
    mount.write(way, &files);
}

/// What all clients use, made once: only what is live in it changes.
struct Load {
    server: Arc<countersign::tls::rustls::ServerConfig>,
    client: Arc<ClientConfig>,
    policy: Policy,
    payload: HmacVerifier,
    jwks: Live<JwsVerifier>,
    headers: HeaderMap,
    stop: AtomicBool,
    done: AtomicUsize,
    failed: Mutex<Vec<String>>,
}

impl Load {
    fn new(cast: &Cast, kinds: &Kinds) -> Self {
        let trust = kinds
            .anchors
            .live()
            .and(kinds.lists.live())
            .and(kinds.pins.live());
        let policy = Policy::new(trust, kinds.tenants.live());
        let server = cast
            .tls
            .server_config(&kinds.own.live(), policy.trust(), ClientAuth::Require);
        let servers = PrivateCa::from_pem(
            cast.servers.pem().as_bytes(),
            cast.tls.algorithms(),
            UnixTime::now(),
        );
        let client = cast
            .tls
            .client_config(&credentials(&cast.tls, &cast.client), servers.expect("an anchor"));
        let stays = Secret::new("secret-that-stays-0123456789");
        let ring = Keyring::builder(&Scheme::github())
            .key(tenant("acme"), "stays", stays)
            .build();
        let signer = HmacSigner::new(Scheme::github(), ring.expect("a ring"));
        let acme = tenant("acme");
        let outgoing = Outgoing::new(&acme, "1", BODY, UnixTime::now());
        Self {
            server: Arc::new(server.expect("a server")),
            client: Arc::new(client.expect("a client")),
            policy,
            payload: HmacVerifier::new(Scheme::github(), kinds.keys.live()),
            jwks: kinds.jwks.live(),
            headers: signer.sign_payload(&outgoing).expect("signed"),
            stop: AtomicBool::new(false),
            done: AtomicUsize::new(0),
            failed: Mutex::default(),
        }
    }

    fn client(&self) {
        while !self.stop.load(Ordering::Relaxed) {
            if let Err(why) = self.once() {
                self.failed.lock().expect("no panic").push(why);
            }
            self.done.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A full handshake, and a request on it.
    fn once(&self) -> Result<(), String> {
        let shaken = handshake(self.server.clone(), self.client.clone(), HOST);
        let server = shaken.server.map_err(|why| format!("server: {why:?}"))?;
        shaken.client.map_err(|why| format!("client: {why:?}"))?;
        let chain = server.peer_certificates().ok_or("no certificate")?;
        let chain = PeerChain::parse(chain.to_vec()).map_err(|why| why.to_string())?;
        let caller = Caller::identify(&self.policy, chain, UnixTime::now()).map_err(|why| why.to_string())?;
        let (method, uri) = (Method::POST, Uri::from_static("/"));
        let mut message = Message::new(&method, &uri, &self.headers, BODY, UnixTime::now());
        message.sender = Some(caller.tenant());
        self.payload
            .verify_payload(&message)
            .map_err(|why| why.to_string())?;
        self.jwks
            .load()
            .verify_compact(JWS)
            .map_err(|why| why.to_string())?;
        Ok(())
    }
}

/// What stands for a moment where a good file belongs.
const BROKEN: [&[u8]; 4] = [
    b"",
    b"\0\xff\xfe",
    b"-----BEGIN CERTIFICATE-----\nMIIB",
    b"{\"keys\":[",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_refused_whom_the_old_or_the_new_one_lets_in() {
    let (cast, log) = (Cast::new(), Log::default());
    let reload = Reload::new().observed_by(Arc::new(log.clone()));
    let kinds = cast.start(&reload).await;
    let load = Arc::new(Load::new(&cast, &kinds));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let load = load.clone();
            std::thread::spawn(move || load.client())
        })
        .collect();

    for round in 1..=SWAPS {
        for (number, (kind, mount)) in (0..).zip(&kinds.mounts) {
            let files = cast.files(kind, round);
            if (round + number) % 10 == 0 {
                break_for_a_moment(kind, mount, &files, round, &log).await;
            }
            write(mount, round, &files);
        }
        kinds.until_all(round + 1).await;
    }
    // Once more each, after the last swap.
    let done = load.done.load(Ordering::Relaxed);
    until("a round after the last swap", || {
        load.done.load(Ordering::Relaxed) > done + 2 * CLIENTS
    })
    .await;
    load.stop.store(true, Ordering::Relaxed);
    for client in clients {
        client.join().expect("no panic");
    }

    assert_eq!(*load.failed.lock().expect("no panic"), Vec::<String>::new());
    assert!(
        load.done.load(Ordering::Relaxed) > SWAPS as usize,
        "there was load"
    );
    println!("{} handshakes", load.done.load(Ordering::Relaxed));
    let each_once: Vec<_> = (1..=SWAPS + 1).map(|generation| generation.to_string()).collect();
    for kind in KINDS {
        let (failures, told): (Vec<_>, Vec<_>) =
            log.of(kind).into_iter().partition(|line| line.starts_with(':'));
        assert_eq!(told, each_once, "{kind}");
        assert!(
            failures.len() >= 10,
            "{kind}: broken files are told: {failures:?}"
        );
        assert!(
            failures.iter().all(|line| line.ends_with("(last_good)")),
            "{kind}: {failures:?}"
        );
    }
    let pins = kinds.pins.live().load();
    let stays = SpkiHash::of(&cast.client.spki_der());
    let used = pins
        .usage()
        .find(|(pin, _)| pin.to_string().contains(&stays.to_string()));
    assert!(
        used.expect("the pin").1.uses > 0,
        "its count has outlived the swaps"
    );
}

/// The last good one stays meanwhile, which those who make handshakes see.
async fn break_for_a_moment(
    kind: &str,
    mount: &Mount,
    files: &[(&'static str, Vec<u8>)],
    round: u64,
    log: &Log,
) {
    let failures = || log.of(kind).iter().filter(|line| line.starts_with(':')).count();
    let told = failures();
    let broken = BROKEN[usize::try_from(round).expect("small") % BROKEN.len()].to_vec();
    let broken: Vec<_> = files.iter().map(|(name, _)| (*name, broken.clone())).collect();
    write(mount, round, &broken);
    let began = std::time::Instant::now();
    until(kind, || failures() > told).await;
    assert!(began.elapsed() < Duration::from_secs(60));
}
