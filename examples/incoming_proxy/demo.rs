//! The proxy on loopback, on throw-away files: what it lets in, and what it turns away.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::http::HeaderMap;
use countersign::clock::Clock;
use countersign::payload::{HmacSigner, Keyring, Outgoing, Scheme, Secret, SignPayload as _};
use countersign::tenant::TenantId;
use countersign::testing::{TestCa, TestCert};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;

use crate::operator::Operator;
use crate::say::say;
use crate::secret::secret;
use crate::throw_away::Files;
use crate::{Mistake, log};

type Failure = Box<dyn Error>;

const BODY: &str = r#"{"type":"order.paid"}"#;

/// Whether every verdict was the one that belongs there.
pub(crate) async fn run() -> Result<bool, Mistake> {
    World::new()
        .await
        .map_err(|error| format!("--demo: {error}"))?
        .play()
        .await
        .map_err(|error| format!("--demo: {error}"))
}

struct World {
    ca: TestCa,
    acme: TestCert,
    foreign: TestCert,
    signer: HmacSigner,
    proxy: SocketAddr,
    /// Where the service listens, when it does.
    service: SocketAddr,
    operator: Operator,
}

impl World {
    async fn new() -> Result<Self, Failure> {
        let ca = TestCa::new("Platform CA");
        let client = |ca: &TestCa, tenant: &str| {
            ca.client(&format!("spiffe://platform.example/tenant/{tenant}"))
                .issue()
        };
        let [acme, globex] = ["acme", "globex"].map(|tenant| client(&ca, tenant));
        let foreign = client(&ca.evil_twin(), "acme");
        let secrets = [("acme", secret()), ("globex", secret())];

        let service = TcpListener::bind("127.0.0.1:0").await?.local_addr()?;
        let files = Files::new()?;
        files.put("platform-ca.pem", &ca.pem())?;
        files.pair("server", &ca.server("localhost").issue())?;
        files.pins("pins.txt", &[&acme, &globex])?;
        files.keys("keys.txt", &secrets)?;
        let text = include_str!("proxy.toml").replace("127.0.0.1:8080", &service.to_string());
        let file = files.put("proxy.toml", &text.replace("127.0.0.1:8443", "127.0.0.1:0"))?;

        let operator = Operator::default();
        log::start_to(operator.writer());
        let started = crate::start(&file).await?;
        let proxy = started.address;
        tokio::spawn(started.serve());
        Ok(Self {
            signer: signer(&secrets)?,
            ca,
            acme,
            foreign,
            proxy,
            service,
            operator,
        })
    }

    async fn play(&self) -> Result<bool, Failure> {
        let first = self.hook("acme", "msg_1")?;
        let (theirs, again) = (self.hook("globex", "msg_2")?, self.hook("acme", "msg_3")?);
        let stopped = (
            "a webhook, while the service is stopped",
            ACME,
            HOOKS,
            &*first,
            "502",
            "proxy.backend",
        );
        let mut all = self.judge(stopped).await;
        let service = tokio::spawn(serve(TcpListener::bind(self.service).await?));
        #[rustfmt::skip]
        let cases: [Case<'_>; 15] = [
            ("its retry, when the service is back", ACME, HOOKS, &first, BOTH, "-"),
            ("the same webhook again", ACME, HOOKS, &first, "200", "replay.handled"),
            ("a webhook with another tenant's signature", ACME, HOOKS, &theirs, "401", "payload.signature_mismatch"),
            ("a webhook without a certificate", NOBODY, HOOKS, &again, "401", NO_CERTIFICATE),
            ("a merchant's ERP", ACME, ERP, "", CERTIFICATE, "-"),
            ("the same, naming another tenant itself", ACME, ERP, "x-countersign-tenant: globex\r\n", CERTIFICATE, "-"),
            ("a foreign certificate", FOREIGN, ERP, "", "no answer", "trust.signature"),
            ("nobody, forging Client-Cert", NOBODY, ERP, "client-cert: :AAAA:\r\n", "401", NO_CERTIFICATE),
            ("nobody, forging it twice", NOBODY, ERP, "client-cert: :AAAA:\r\nclient-cert: :AAAA:\r\n", "401", NO_CERTIFICATE),
            ("nobody, forging client_cert", NOBODY, ERP, "client_cert: :AAAA:\r\n", "401", NO_CERTIFICATE),
            ("nobody, forging X-Forwarded-Client-Cert", NOBODY, ERP, "x-forwarded-client-cert: Hash=00\r\n", "401", NO_CERTIFICATE),
            ("a merchant, on a way around the signature", ACME, "/erp/../hooks", "", "400", "proxy.path_unclear"),
            ("a path outside mutual TLS", NOBODY, "/status", "", OPEN, "-"),
            ("the same, with all that is forged", NOBODY, "/status", FORGED, OPEN, "-"),
            ("a WebSocket, where none is passed on", ACME, ERP, "upgrade: websocket\r\n", "501", "proxy.upgrade_refused"),
        ];
        for case in cases {
            all &= self.judge(case).await;
        }
        service.abort();
        Ok(all)
    }

    /// Whether the client saw that, and the operator read that code.
    async fn judge(&self, (what, who, path, fields, expected, code): Case<'_>) -> bool {
        let seen = self.ask(who, path, fields).await;
        let seen = seen.unwrap_or_else(|error| format!("no answer ({error})"));
        let read = self.operator.read(code).await;
        let right =
            read == code && (seen == expected || (expected == "no answer" && seen.starts_with(expected)));
        let verdict = if right { "ok" } else { "WRONG" };
        say(&format!("{verdict:6}{what:41}  {seen:46}  {read}"));
        right
    }

    /// The fields of a webhook, signed now.
    fn hook(&self, tenant: &str, id: &str) -> Result<String, Failure> {
        let (tenant, now) = (TenantId::parse(tenant)?, Clock::default().now());
        let signed = self
            .signer
            .sign_payload(&Outgoing::new(&tenant, id, BODY.as_bytes(), now))?;
        let mut fields = String::new();
        for (name, value) in &signed {
            fields += &format!("{name}: {}\r\n", value.to_str()?);
        }
        Ok(fields)
    }

    async fn ask(&self, who: Who, path: &str, fields: &str) -> Result<String, Failure> {
        let tcp = TcpStream::connect(self.proxy).await?;
        let connector = TlsConnector::from(Arc::new(self.client(who)?));
        let mut io = connector.connect(ServerName::try_from("localhost")?, tcp).await?;
        let (method, connection) = match fields.starts_with("upgrade") {
            true => ("GET", "upgrade, close"),
            false => ("POST", "close"),
        };
        let length = BODY.len();
        let text = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: {connection}\r\ncontent-length: {length}\r\n{fields}\r\n{BODY}"
        );
        io.write_all(text.as_bytes()).await?;
        let mut answer = String::new();
        io.read_to_string(&mut answer).await?;
        let (head, body) = answer.split_once("\r\n\r\n").ok_or("no head")?;
        let status = head.get(9..12).ok_or("no status")?;
        Ok(format!("{status} {body}").trim_end().to_owned())
    }

    fn client(&self, who: Who) -> Result<ClientConfig, Failure> {
        let mut roots = RootCertStore::empty();
        roots.add(self.ca.certificate().clone())?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots);
        let shown = match who {
            Who::Nobody => return Ok(config.with_no_client_auth()),
            Who::Acme => &self.acme,
            Who::Foreign => &self.foreign,
        };
        Ok(config.with_client_auth_cert(shown.chain(), shown.key())?)
    }
}

/// Who asks.
#[derive(Clone, Copy)]
enum Who {
    Acme,
    Foreign,
    Nobody,
}
const ACME: Who = Who::Acme;
const FOREIGN: Who = Who::Foreign;
const NOBODY: Who = Who::Nobody;

/// What it is, who asks, for which path, with which fields; what is to come back, and which code the operator is to read.
type Case<'a> = (&'a str, Who, &'a str, &'a str, &'a str, &'a str);

const HOOKS: &str = "/hooks";
const ERP: &str = "/erp/orders";
const NO_CERTIFICATE: &str = "identity.no_certificate";
const BOTH: &str = "200 tenant=acme delivery=yes certificate=yes";
const CERTIFICATE: &str = "200 tenant=acme delivery=no certificate=yes";
const OPEN: &str = "200 tenant=- delivery=no certificate=no";
const FORGED: &str = "client-cert: :AAAA:\r\nclient_cert: :AAAA:\r\nx-forwarded-client-cert: Hash=00\r\n\
                      x-countersign-tenant: acme\r\nx_countersign_tenant: acme\r\nconnection: x-countersign-tenant, host\r\n";

fn signer(secrets: &[(&str, String)]) -> Result<HmacSigner, Failure> {
    let scheme = Scheme::standard_webhooks();
    let mut keys = Keyring::builder(&scheme);
    for (tenant, secret) in secrets {
        keys = keys.key(tenant.parse()?, "2026", Secret::new(secret));
    }
    let keys = keys.build()?;
    Ok(HmacSigner::new(scheme, keys))
}

/// A service that knows nothing of TLS, and says what it was told.
async fn serve(tcp: TcpListener) -> Result<(), std::io::Error> {
    let told = |headers: HeaderMap| async move {
        let has = |name: &str| {
            let mut names = headers.keys().map(|other| other.as_str().replace('_', "-"));
            if names.any(|other| other == name) {
                "yes"
            } else {
                "no"
            }
        };
        let tenant = headers
            .get("x-countersign-tenant")
            .or(headers.get("x_countersign_tenant"));
        let tenant = tenant.and_then(|tenant| tenant.to_str().ok()).unwrap_or("-");
        let (delivery, certificate) = (has("x-countersign-delivery"), has("client-cert"));
        format!("tenant={tenant} delivery={delivery} certificate={certificate}")
    };
    axum::serve(tcp, Router::new().fallback(told)).await
}
