//! The proxy on loopback, with throw-away credentials: what it lets in, and what it turns away.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::http::HeaderMap;
use countersign::clock::Clock;
use countersign::gate::Policy;
use countersign::payload::{HmacSigner, HmacVerifier, Keyring, Outgoing, Scheme, Secret, SignPayload as _};
use countersign::replay::MemoryStore;
use countersign::tenant::{TenantId, TenantTable};
use countersign::testing::{TestCa, TestCert};
use countersign::tls::{ClientAuth, Credentials, Tls};
use countersign::trust::PrivateCa;
use countersign::web::{Acceptor, CallerLayer, Connection, Listener, PayloadLayer};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;

use crate::forward::Backend;
use crate::routes;
use crate::say::say;
use crate::secret::secret;

type Failure = Box<dyn Error>;

const BODY: &str = r#"{"type":"order.paid"}"#;

/// Whether every verdict was the one that belongs there.
pub(crate) async fn run() -> Result<bool, Failure> {
    let ca = TestCa::new("Platform CA");
    let place = TcpListener::bind("127.0.0.1:0").await?;
    let behind = place.local_addr()?;
    drop(place);

    let scheme = Scheme::standard_webhooks();
    let (acme, globex): (TenantId, TenantId) = ("acme".parse()?, "globex".parse()?);
    let keys = Keyring::builder(&scheme)
        .key(acme.clone(), "2026", Secret::new(&secret()))
        .key(globex.clone(), "2026", Secret::new(&secret()))
        .build()?;
    let signer = HmacSigner::new(scheme.clone(), keys.clone());
    let payload = PayloadLayer::new(HmacVerifier::new(scheme, keys), MemoryStore::default());
    let proxy = serve(&ca, payload, Backend::new(behind.to_string().parse()?)).await?;

    let erp = ca.client("spiffe://platform.example/tenant/acme").issue();
    let foreign = ca
        .evil_twin()
        .client("spiffe://platform.example/tenant/acme")
        .issue();
    let hook = |tenant: &TenantId, id: &str| -> Result<String, Failure> {
        let now = Clock::default().now();
        let mut fields = String::new();
        for (name, value) in &signer.sign_payload(&Outgoing::new(tenant, id, BODY.as_bytes(), now))? {
            fields += &format!("{name}: {}\r\n", value.to_str()?);
        }
        Ok(fields)
    };
    let first = hook(&acme, "msg_1")?;
    let forged = "client-cert: :AAAA:\r\nx-countersign-tenant: acme\r\nx_countersign_tenant: acme\r\n\
                  connection: close, x-countersign-tenant\r\n";
    let client = Client { ca: &ca, proxy };

    let mut all = true;
    let mut judge = |what: &str, seen: String, expected: &str| {
        let right = seen == expected || (expected == "no answer" && seen.starts_with(expected));
        all &= right;
        say(&format!(
            "{} {what}: {seen}",
            if right { "ok   " } else { "WRONG" }
        ));
    };
    let (erp, nobody) = (Some(&erp), None);
    judge(
        "webhook, while the service is stopped",
        client.ask(erp, "/hooks", &first).await,
        "502 {\"code\":\"proxy.backend\"}",
    );
    let stopped = tokio::spawn(service(TcpListener::bind(behind).await?));
    judge(
        "its retry, when the service is back",
        client.ask(erp, "/hooks", &first).await,
        "200 tenant=acme delivery=yes certificate=yes",
    );
    judge(
        "the same webhook again",
        client.ask(erp, "/hooks", &first).await,
        "200 ",
    );
    judge(
        "webhook with another tenant's signature",
        client.ask(erp, "/hooks", &hook(&globex, "msg_2")?).await,
        "401 ",
    );
    judge(
        "a merchant's ERP",
        client.ask(erp, "/erp/orders", "").await,
        "200 tenant=acme delivery=no certificate=yes",
    );
    judge(
        "a foreign certificate",
        client.ask(Some(&foreign), "/erp/orders", "").await,
        "no answer",
    );
    judge(
        "a forged header, without a certificate",
        client.ask(nobody, "/erp/orders", forged).await,
        "401 ",
    );
    judge(
        "a path outside mutual TLS, with a forged header",
        client.ask(nobody, "/status", forged).await,
        "200 tenant=- delivery=no certificate=no",
    );
    judge(
        "WebSocket",
        client.ask(erp, "/erp/orders", "upgrade: websocket\r\n").await,
        "501 {\"code\":\"proxy.upgrade_refused\"}",
    );
    stopped.abort();
    Ok(all)
}

async fn serve(ca: &TestCa, payload: PayloadLayer, backend: Backend) -> Result<SocketAddr, Failure> {
    let tls = Tls::new(rustls::crypto::aws_lc_rs::default_provider().into());
    let trust = PrivateCa::from_pem(ca.pem().as_bytes(), tls.algorithms(), Clock::default().now())?;
    let tenants = TenantTable::builder().uri("spiffe://platform.example/tenant/{tenant}");
    let policy = Policy::new(trust, tenants.known(["acme", "globex"]).build()?);
    let server = ca.server("localhost").issue();
    let own = Credentials::new(tls.provider(), server.chain(), server.key())?;
    let acceptor = Acceptor::new(tls.server_config(&own, policy.trust(), ClientAuth::Offer)?);
    let listener = Listener::bind("127.0.0.1:0", acceptor).await?;
    let address = listener.local_addr();
    let app = routes::all(payload, CallerLayer::new(policy), backend);
    tokio::spawn(async move {
        axum::serve(listener, app.into_make_service_with_connect_info::<Connection>()).await
    });
    Ok(address)
}

/// A service that knows nothing of TLS, and says what it was told.
async fn service(tcp: TcpListener) -> Result<(), std::io::Error> {
    let told = |headers: HeaderMap| async move {
        let has = |name| if headers.contains_key(name) { "yes" } else { "no" };
        let tenant = headers
            .get("x-countersign-tenant")
            .or(headers.get("x_countersign_tenant"));
        let tenant = tenant.and_then(|tenant| tenant.to_str().ok()).unwrap_or("-");
        format!(
            "tenant={tenant} delivery={} certificate={}",
            has("x-countersign-delivery"),
            has("client-cert")
        )
    };
    axum::serve(tcp, Router::new().fallback(told)).await
}

struct Client<'a> {
    ca: &'a TestCa,
    proxy: SocketAddr,
}

impl Client<'_> {
    async fn ask(&self, certificate: Option<&TestCert>, path: &str, fields: &str) -> String {
        self.answer(certificate, path, fields)
            .await
            .unwrap_or_else(|error| format!("no answer ({error})"))
    }

    async fn answer(
        &self,
        certificate: Option<&TestCert>,
        path: &str,
        fields: &str,
    ) -> Result<String, Failure> {
        let mut roots = RootCertStore::empty();
        roots.add(self.ca.certificate().clone())?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots);
        let config = match certificate {
            Some(shown) => config.with_client_auth_cert(shown.chain(), shown.key())?,
            None => config.with_no_client_auth(),
        };
        let tcp = TcpStream::connect(self.proxy).await?;
        let mut io = TlsConnector::from(Arc::new(config))
            .connect(ServerName::try_from("localhost")?, tcp)
            .await?;
        let close = if fields.contains("connection:") {
            ""
        } else {
            "connection: close\r\n"
        };
        let length = BODY.len();
        let text = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\n{close}content-length: {length}\r\n{fields}\r\n{BODY}"
        );
        io.write_all(text.as_bytes()).await?;
        let mut answer = Vec::new();
        let read = io.read_to_end(&mut answer).await;
        // A refused upgrade closes the connection without a farewell of TLS, after a whole answer.
        read.or_else(|error| if answer.is_empty() { Err(error) } else { Ok(0) })?;
        let answer = String::from_utf8(answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").ok_or("no head")?;
        let status = head.get(9..12).ok_or("no status")?;
        Ok(format!("{status} {}", body.lines().next().unwrap_or("")))
    }
}
