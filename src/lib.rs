//! Webhooks that are signed twice: the connection by a client certificate, the payload by a webhook key.
//!
//! *To countersign is to find that both signatures name the same tenant.* A handler that takes a
//! [`Countersigned`](gate::Countersigned) is only reached by requests whose certificate is trusted and whose payload is
//! authentic, in the name of one tenant, now, and once.
//!
//! Payload only, in axum: whoever posts to `/stripe` has signed it with this secret, a moment ago, and not before.
//!
#![cfg_attr(feature = "axum", doc = "```")]
#![cfg_attr(not(feature = "axum"), doc = "```ignore")]
//! use axum::{Json, Router, routing::post};
//! use countersign::payload::{Fresh, HmacVerifier, Keyring, Scheme, Secret};
//! use countersign::{replay::MemoryStore, tenant::TenantId, web::{PayloadLayer, Signed}};
//!
//! async fn event(proof: Fresh, Signed(Json(event)): Signed<Json<serde_json::Value>>) {
//!     println!("{} at {:?}: {event}", proof.sender(), proof.signed_at());
//! }
//!
//! fn app(secret: &str) -> Result<Router, Box<dyn std::error::Error>> {
//!     let scheme = Scheme::stripe();
//!     let stripe = TenantId::parse("stripe")?;
//!     let keys = Keyring::builder(&scheme).key(stripe, "2026", Secret::new(secret)).build()?;
//!     let payload = PayloadLayer::new(HmacVerifier::new(scheme, keys), MemoryStore::default());
//!     Ok(Router::new().route("/stripe", post(event)).layer(payload))
//! }
//! # app("whsec_c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0")?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! With mutual TLS in front, from files: the certificate must be of this authority, its key pinned, and the payload signed
//! by the tenant that the certificate names.
//!
#![cfg_attr(feature = "axum", doc = "```no_run")]
#![cfg_attr(not(feature = "axum"), doc = "```ignore")]
//! use axum::{Json, Router, routing::post};
//! use countersign::gate::{Countersigned, Policy};
//! use countersign::payload::{Secret, HmacVerifier, Keyring, Scheme};
//! use countersign::tls::{ClientAuth, Credentials, Tls, rustls};
//! use countersign::web::{Acceptor, CallerLayer, PayloadLayer, Server, Signed};
//! use countersign::{replay::MemoryStore, tenant::{TenantId, TenantTable}};
//! use countersign::trust::{PinSet, PrivateCa, VerifyPeer as _};
//!
//! async fn paid(proof: Countersigned, Signed(Json(event)): Signed<Json<serde_json::Value>>) {
//!     println!("{}: {event}", proof.tenant());
//! }
//!
//! # async fn serve() -> Result<(), Box<dyn std::error::Error>> {
//! let tls = Tls::new(rustls::crypto::aws_lc_rs::default_provider().into());
//! let ca = PrivateCa::from_pem_file("ca.pem", tls.algorithms(), countersign::UnixTime::now())?;
//! let pins = PinSet::parse(std::fs::read_to_string("pins.txt")?.lines())?;
//! let table = TenantTable::builder().uri("spiffe://acme.example/tenant/{tenant}").known(["acme"]);
//! let policy = Policy::new(ca.and(pins), table.build()?);
//!
//! let scheme = Scheme::standard_webhooks();
//! let acme = TenantId::parse("acme")?;
//! let secret = Secret::from_env("ACME_SECRET")?;
//! let keys = Keyring::builder(&scheme).key(acme, "2026", secret).build()?;
//! let payload = PayloadLayer::new(HmacVerifier::new(scheme, keys), MemoryStore::default());
//!
//! let own = Credentials::from_pem_files(tls.provider(), "server.pem", "server.key")?;
//! let acceptor = Acceptor::new(tls.server_config(&own, policy.trust(), ClientAuth::Require)?);
//! let app = Router::new().route("/paid", post(paid));
//! let app = app.layer(payload).layer(CallerLayer::new(policy.clone()));
//! Server::bind("0.0.0.0:8443", acceptor).await?.with_policy(policy).serve(app).await;
//! # Ok(())
//! # }
//! ```
//!
//! # I want to ..
//!
//! | .. | go to |
//! |---|---|
//! | verify what one provider signs | [`payload::providers::presets`]: each with its source; then [`HmacVerifier`](payload::HmacVerifier) |
//! | verify a scheme of my own | [`Scheme::builder`](payload::Scheme::builder) |
//! | verify a JWS or a JWT | [`payload::jose`] |
//! | verify HTTP message signatures (RFC 9421) | [`payload::http_signature`] |
//! | demand client certificates of a private authority, with pins | [`PrivateCa`](trust::PrivateCa), [`PinSet`](trust::PinSet) |
//! | let in a sender that shows a certificate, such as PagerDuty | [`trust::KnownSender`](trust::KnownSender) |
//! | find out under which certificate a sender calls that publishes none | [`tls::Enrolment`] |
//! | say whose a certificate is | [`TenantTable`](tenant::TenantTable) |
//! | put it in front of axum, hyper or tonic | [`web::CallerLayer`], [`web::PayloadLayer`], [`web::Acceptor`] |
//! | take clients from a proxy that ends TLS in front of me | [`forwarded`], [`web::CallerLayer::behind`] |
//! | put it into a rustls configuration that I have | [`tls::HandshakeVerifier`] |
//! | replace trust, tenants or keys while they are in use | [`Live`](live::Live) |
//! | have certificates, pins, lists and keys reloaded when their files change | [`reload::Reload`] |
//! | replace an authority, a pin or a key, and lose no delivery | [rotation](docs::rotation) |
//! | refuse replays in a fleet | [`replay::RedisStore`], [`replay::PostgresStore`] |
//! | send webhooks, each under its tenant's certificate | [`dispatch::Dispatcher`] |
//! | know why something was refused | [`Refusal`](refusal::Refusal), [`Observer`](observe::Observer) |
//! | know everything that is wrong with a certificate, and what to do | [`explain::client`] |
//! | do any of it step by step | the [cookbook](docs::cookbook) |
//!
//! # The idea
//!
//! Five questions, always in this order: who is it, do we trust it, whose is it, did they say this, is it fresh? Each is
//! one module with one trait and one error, and each answer is a type that only one function makes:
//!
#![doc = include_str!("../docs/picture.inline.svg")]
//!
//! Without mutual TLS in front, a payload yields a [`Fresh`](payload::Fresh); without a signed payload, a connection
//! yields a [`Caller`](gate::Caller). Neither passes for a `Countersigned`.
//!
//! # Map
//!
//! | module | question | trait | ready-made |
//! |---|---|---|---|
//! | [`identity`] | Who is it? | | [`PeerChain`](identity::PeerChain) |
//! | [`trust`] | Do we trust it? | [`VerifyPeer`](trust::VerifyPeer) | [`PrivateCa`](trust::PrivateCa), [`PublicCa`](trust::PublicCa), [`KnownSender`](trust::KnownSender), [`PinSet`](trust::PinSet), [`DenyList`](trust::DenyList), [`ReportOnly`](trust::ReportOnly), [`WebRoots`](trust::WebRoots), [`Remembered`](trust::Remembered) |
//! | [`tenant`] | Whose is it? | [`ResolveTenant`](tenant::ResolveTenant) | [`TenantTable`](tenant::TenantTable), [`Rule`](tenant::Rule); [`TenantCache`](tenant::TenantCache) |
//! | [`payload`] | Did they say this? | [`VerifyPayload`](payload::VerifyPayload) | [`HmacVerifier`](payload::HmacVerifier), [`Keyring`](payload::Keyring), [`Scheme`](payload::Scheme) |
//! | [`replay`] | Is it fresh? | [`ReplayStore`](replay::ReplayStore) | [`MemoryStore`](replay::MemoryStore), `RedisStore`, `PostgresStore`, [`Tolerance`](replay::Tolerance) |
//! | [`gate`] | All five | | [`Policy`](gate::Policy), [`Caller`](gate::Caller), [`Countersigned`](gate::Countersigned) |
//! | [`forwarded`] | Behind a proxy? | | `Forwarder`, `Hops`, `Format` for each kind of proxy; `Emit`, the other way round |
//! | [`refusal`] | Why not? | | [`Refusal`](refusal::Refusal) |
//! | [`codes`] | | | [`Entry`](codes::Entry): whose fault a reason is, and what to do; each of them in `docs/refusals.md` |
//! | [`explain`] | Why not? | | [`client`](explain::client) and [`peer`](fn@explain::peer): each check, what was seen, what to do |
//! | [`observe`] | What happened? | [`Observer`](observe::Observer) | `Log`, `Metrics`, [`Observers`](observe::Observers), [`Queued`](observe::Queued), [`Silent`](observe::Silent); [`Watch`](observe::Watch), [`RotationWatch`](observe::RotationWatch), [`PeersSeen`](observe::PeersSeen) |
//! | [`expiry`] | Until when? | [`Expires`](expiry::Expires) | [`Expiry`](expiry::Expiry): what expires when, how urgent that is, and what to do |
//! | [`live`] | | | [`Live`](live::Live): replaces a policy while it is in use |
//! | [`usage`] | May the old one go? | | [`Usage`](usage::Usage), [`Retirement`](usage::Retirement) |
//! | [`breaker`] | Is it worth trying? | | [`Breaker`](breaker::Breaker): a circuit for each tenant's endpoint, or each source |
//! | [`pem`] | | | Certificates from PEM texts, read whole or refused |
//! | [`address`] | | | [`AddressGuard`](address::AddressGuard): which addresses may be connected to |
//! | [`elsewhere`] | Who else would know? | [`KeySource`](payload::KeySource), [`TenantSource`](tenant::TenantSource) | [`Keep`](elsewhere::Keep): for how long an answer is remembered |
//! | [`clock`] | What time is it? | | [`Clock`](clock::Clock), [`Monotonic`](clock::Monotonic) |
//! | [`proxy_protocol`] | | | [`ProxyProtocol`](proxy_protocol::ProxyProtocol): which load balancers tell where a connection comes from |
//!
//! These decide, and do nothing else: no clock is read (`now` is an argument), and only constructors whose name says so
//! read a file. Around them stand the plugs, each behind a feature: `tls` for rustls, `web` for hyper, tower and axum,
//! `dispatch` for the sender's side, `egress` for the way out, `reload` for what stands in files or at URLs and changes, `testing` for your
//! own tests.
//!
//! The [cookbook](docs::cookbook) has a recipe for each common task, beginning with a whole server;
//! [design](docs::design) says why things are as they are; the [threat model](docs::threat_model) against whom they help.
//!
//! # Features
//!
//! | feature | brings |
//! |---|---|
//! | `tls` (default) | `tls`: handshake verifiers, rustls configurations, credentials, resumption bound to the policy |
//! | `tower` | `web`: the layers that ask the questions of each request; of tokio, its timer and its tasks |
//! | `tokio` | `web`: a TLS acceptor and listener; switches `tls` on |
//! | `server` | `web`: an HTTP server on hyper, for axum, tonic and hyper services, bounded on every side; switches `tower` and `tokio` on |
//! | `proxy-protocol` | `proxy_protocol` in front of TLS, from load balancers that pass it through; switches `tokio` on |
//! | `axum` | `web`: extractors, and the listener for `axum::serve`; switches `tower` and `tokio` on |
//! | `jwt` | `payload::jose`: JSON Web Signatures, tokens and key sets |
//! | `aws-lc-rs` | `payload::jose::aws_lc_rs_algorithms`, for `jwt` and `http-signatures`: public keys are parsed once, and not for each signature |
//! | `http-signatures` | `payload::http_signature`: HTTP message signatures (RFC 9421) with digests (RFC 9530) |
//! | `forwarded` | `forwarded`: client certificates that a proxy in front hands on, and, with `tower`, the layers for them in `web` |
//! | `reload` | `reload`: what stands in files and changes, put in force while it is in use; switches `tls` on |
//! | `fetch` | `egress`, and `reload::Fetch`: what is published at URLs; with `reload`, a source of it; switches `tokio` on |
//! | `jwks-fetch` | `reload`: a task that keeps key sets fresh; switches `jwt` and `fetch` on |
//! | `redis` | `replay`: `RedisStore`, which a fleet shares, on Redis or Valkey |
//! | `postgres` | `replay`: `PostgresStore`, whose claims are committed with the handler's effect |
//! | `dispatch` | `dispatch`: the sender's side, under each tenant's own certificate; switches `tls` on |
//! | `serde` | `Deserialize` and `Serialize` for what stands in configuration files: pins, tenants, rules, origins, schemes by name |
//! | `tracing` | `observe::Log`: events as structured fields for `tracing` |
//! | `metrics` | `observe::Metrics`: counters, gauges and histograms for `metrics` |
//! | `testing` | `testing`: a throw-away certificate authority and in-memory handshakes; switches `tls` on |
//!
//! None changes what another does. None chooses a crypto provider: that is the caller's, as in rustls.
//!
// What not every choice of features has: without them, the page links to docs.rs.
#![cfg_attr(
    all(
        feature = "jwt",
        feature = "http-signatures",
        feature = "axum",
        feature = "forwarded",
        feature = "redis",
        feature = "postgres",
        feature = "dispatch",
        feature = "reload"
    ),
    doc = include_str!("../docs/links.here.md")
)]
#![cfg_attr(
    not(all(
        feature = "jwt",
        feature = "http-signatures",
        feature = "axum",
        feature = "forwarded",
        feature = "redis",
        feature = "postgres",
        feature = "dispatch",
        feature = "reload"
    )),
    doc = include_str!("../docs/links.web.md")
)]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod address;
pub mod breaker;
pub mod clock;
pub mod codes;
mod date;
#[cfg(feature = "dispatch")]
pub mod dispatch;
#[cfg(any(feature = "dispatch", feature = "fetch"))]
pub mod egress;
pub mod elsewhere;
pub mod expiry;
pub mod explain;
#[cfg(feature = "forwarded")]
pub mod forwarded;
pub mod gate;
mod generation;
pub mod identity;
pub mod live;
pub mod observe;
pub mod payload;
pub mod pem;
pub mod proxy_protocol;
mod recent;
pub mod refusal;
#[cfg(any(feature = "reload", feature = "fetch"))]
pub mod reload;
pub mod replay;
#[cfg(any(feature = "tokio", feature = "dispatch"))]
mod stream;
pub mod tenant;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(feature = "tls")]
pub mod tls;
pub mod trust;
pub mod usage;
#[cfg(any(feature = "tower", feature = "tokio"))]
pub mod web;
#[cfg(feature = "serde")]
mod written;

/// The `http` that this crate works with, to name the same version.
pub use http;
pub use rustls_pki_types::UnixTime;

/// Documents beside the reference.
pub mod docs {
    // Of two definitions of a link the first counts: here a page is a module, where its own definition names a file.
    #[doc = include_str!("../docs/links.pages.md")]
    #[doc = include_str!("../docs/design.md")]
    pub mod design {}

    #[doc = include_str!("../docs/threat-model.md")]
    pub mod threat_model {}

    #[doc = include_str!("../docs/links.pages.md")]
    #[doc = include_str!("../docs/doctor.md")]
    pub mod doctor {}

    #[doc = include_str!("../docs/issuers.md")]
    pub mod issuers {}

    // Tested beside the cookbook.
    #[cfg_attr(not(doctest), doc = include_str!("../docs/moving-over.md"))]
    #[cfg_attr(doctest, doc = "See `docs/moving-over.md`.")]
    pub mod moving_over {}

    // Tested beside the cookbook.
    #[cfg_attr(not(doctest), doc = include_str!("../docs/observing.md"))]
    #[cfg_attr(doctest, doc = "See `docs/observing.md`.")]
    pub mod observing {}

    #[allow(rustdoc::bare_urls, reason = "URLs of examples, which lead nowhere")]
    #[doc = include_str!("../docs/refusals.md")]
    pub mod refusals {}

    // Tested beside the cookbook.
    #[cfg_attr(not(doctest), doc = include_str!("../docs/rotation.md"))]
    #[cfg_attr(doctest, doc = "See `docs/rotation.md`.")]
    pub mod rotation {}

    // Tested in the package of tests, which has the other servers that some recipes are about.
    #[cfg_attr(not(doctest), doc = include_str!("../docs/links.pages.md"))]
    #[cfg_attr(not(doctest), doc = include_str!("../docs/cookbook.md"))]
    #[cfg_attr(doctest, doc = "See `docs/cookbook.md`.")]
    pub mod cookbook {}
}

/// So that the server in the README compiles.
#[cfg(all(doctest, feature = "axum"))]
#[doc = include_str!("../README.md")]
mod readme {}
