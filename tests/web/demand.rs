//! Who must come with a certificate, where it is offered to all: by tenant, by server name; and what a verifier that only
//! reports has to say.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use countersign::gate::{Caller, Policy};
use countersign::observe::{Event, Observer};
use countersign::payload::{HmacSigner, HmacVerifier, Keyring, Outgoing, Scheme, Secret, SignPayload as _};
use countersign::refusal::Refusal;
use countersign::replay::MemoryStore;
use countersign::tenant::{TenantId, TenantTable};
use countersign::testing::{NOW, TestCa, TestCert};
use countersign::trust::{PinSet, PrivateCa, ReportOnly, VerifyPeer as _};
use countersign::web::{CallerLayer, CertificateDemand, Clock, Connection, PayloadLayer};
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use tower::{Layer as _, ServiceExt as _, service_fn};

const SECRET: &str = "It's a Secret to Everybody";
const BODY: &str = r#"{"zen": "Speak like a human."}"#;

#[derive(Debug, Default)]
struct Log(Mutex<Vec<String>>);

impl Observer for Log {
    fn observe(&self, event: &Event<'_>) {
        let line = match event {
            Event::Reported {
                tenant, untrusted, ..
            } => format!("reported {tenant} {}", untrusted.code()),
            Event::Refused { refusal, .. } => format!("refused {}", refusal.code()),
            _ => return,
        };
        self.0.lock().expect("not poisoned").push(line);
    }
}

struct Stage {
    policy: Policy,
    acme: TestCert,
    log: Arc<Log>,
}

impl Stage {
    fn new() -> Self {
        let ca = TestCa::new("Root");
        let algorithms = rustls::crypto::aws_lc_rs::default_provider()
            .signature_verification_algorithms
            .all;
        let own = PrivateCa::from_pem(ca.pem().as_bytes(), algorithms, NOW).expect("an anchor");
        let table = TenantTable::builder()
            .uri("spiffe://acme.example/{tenant}")
            .known(["acme"]);
        let trust = own.and(ReportOnly::new(PinSet::default()));
        let policy = Policy::new(trust, table.build().expect("a table"));
        Self {
            policy,
            acme: ca.client("spiffe://acme.example/acme").issue(),
            log: Arc::default(),
        }
    }

    fn connection(&self, certificate: Option<&TestCert>) -> Connection {
        let chain = certificate.map(TestCert::chain);
        Connection::new(([127, 0, 0, 1], 1).into(), chain.as_deref()).expect("a chain")
    }

    /// The answer, and the code of the refusal.
    async fn deliver(
        &self,
        owner: &str,
        demand: CertificateDemand,
        connection: Connection,
        host: &str,
    ) -> (StatusCode, Option<&'static str>) {
        let tenant = |name: &str| TenantId::parse(name).expect("a tenant");
        let keys = Keyring::builder(&Scheme::github())
            .key(
                TenantId::parse(owner).expect("a tenant"),
                "1",
                Secret::new(SECRET),
            )
            .build()
            .expect("keys");
        let signer = HmacSigner::new(Scheme::github(), keys.clone());
        let sender = tenant(owner);
        let outgoing = Outgoing::new(&sender, "id", BODY.as_bytes(), NOW);
        let mut request = Request::post("/")
            .header("host", host)
            .body(Full::from(BODY))
            .expect("a request");
        request
            .headers_mut()
            .extend(signer.sign_payload(&outgoing).expect("a signature"));
        request.extensions_mut().insert(connection);

        let clock = Clock::new(|| NOW);
        let handler = service_fn(|_: Request<Full<Bytes>>| async {
            Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
        });
        let payload = PayloadLayer::new(HmacVerifier::new(Scheme::github(), keys), MemoryStore::default())
            .require_caller_for([tenant("acme")])
            .with_clock(clock.clone())
            .observed_by(self.log.clone());
        let caller = CallerLayer::new(self.policy.clone())
            .with_demand(demand)
            .with_clock(clock)
            .observed_by(self.log.clone());
        let response = caller
            .layer(payload.layer(handler))
            .oneshot(request)
            .await
            .expect("infallible");
        (
            response.status(),
            response.extensions().get::<Refusal>().map(Refusal::code),
        )
    }
}

#[tokio::test]
async fn some_must_and_others_need_not() {
    let stage = Stage::new();
    let (none, shown) = (|| stage.connection(None), || stage.connection(Some(&stage.acme)));
    let missing = (StatusCode::UNAUTHORIZED, Some("identity.no_certificate"));
    let handled = (StatusCode::OK, None);
    let unreadable = (StatusCode::BAD_REQUEST, Some("host.unreadable"));
    let strict = || CertificateDemand::for_hosts(["strict.example", "*.strict.example"]).expect("hosts");
    #[rustfmt::skip]
    let cases = [
        ("demanded of everybody", "globex", CertificateDemand::always(), none(), "open.example", missing),
        ("a tenant of whom it is not demanded", "globex", CertificateDemand::never(), none(), "open.example", handled),
        ("a tenant of whom it is", "acme", CertificateDemand::never(), none(), "open.example", missing),
        ("and who shows it", "acme", CertificateDemand::never(), shown(), "open.example", handled),
        ("a host that does not demand it", "globex", strict(), none(), "open.example", handled),
        ("a host that does", "globex", strict(), none(), "strict.example", missing),
        ("a host below a pattern", "globex", strict(), none(), "a.strict.example:8443", missing),
        ("a user before it", "globex", strict(), none(), "a@strict.example", unreadable),
        ("no port", "globex", strict(), none(), "strict.example:0x1", unreadable),
        ("two dots", "globex", strict(), none(), "strict.example..", unreadable),
        ("two hosts", "globex", strict(), none(), "open.example,strict.example", unreadable),
        ("no host that can be read, and a certificate", "acme", strict(), shown(), "a@strict.example", unreadable),
        ("its server name, another host", "globex", strict(), none().with_server_name("strict.example"), "open.example", missing),
    ];
    for (name, owner, demand, connection, host, expected) in cases {
        assert_eq!(
            stage.deliver(owner, demand, connection, host).await,
            expected,
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_verifier_that_only_reports_is_heard() {
    let stage = Stage::new();
    let answer = stage
        .deliver(
            "acme",
            CertificateDemand::always(),
            stage.connection(Some(&stage.acme)),
            "open.example",
        )
        .await;
    assert_eq!(answer, (StatusCode::OK, None));
    assert_eq!(
        *stage.log.0.lock().expect("not poisoned"),
        ["reported acme trust.not_pinned"]
    );
    let caller = stage
        .connection(Some(&stage.acme))
        .identify(&stage.policy, NOW)
        .expect("trusted");
    assert_eq!(Caller::tenant(&caller).as_str(), "acme");
}
