//! Sending webhooks (**how do we send it?**): each delivery under its tenant's own certificate, signed with its
//! tenant's keys, to a server that is trusted, and what came of it.
//!
//! * A [`TenantIdentity`] is who a tenant is: certificate and key, the trust in its consumers' servers, signers. It is replaced as
//!   a whole.
//! * An [`Endpoint`] is where a tenant wants its deliveries; it has one owner. [`EndpointOwners`] keep tenants off each other's.
//! * A [`Delivery`] is what is sent; [`Dispatcher::deliver`] is one attempt at it.
//! * An [`Outcome`] says what is to become of it ([`Fate`]), why ([`Failure`], with a stable code), and whose
//!   [`Fault`] it is. The queue is yours: [`Backlog`] is one in memory, [`Schedule`] tells any other when to try again.
//! * [`OwnClient`] lends identity and signatures to a client of yours: reqwest, hyper-util, tonic.
//!
//! ```
//! use countersign::dispatch::{Delivery, Dispatcher, Endpoint, Fate, Fault, TenantIdentity};
//! use countersign::tenant::TenantId;
//! # use countersign::payload::{Secret, HmacSigner, Keyring, Scheme};
//! # use countersign::testing::TestCa;
//! use countersign::tls::{Credentials, Tls};
//! use countersign::trust::WebRoots;
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let tls = Tls::new(rustls::crypto::aws_lc_rs::default_provider().into());
//! # let own = TestCa::new("Acme Root").client("spiffe://acme.example/tenant/acme").issue();
//! # let (chain_pem, key_pem) = (own.chain_pem(), own.key_pem());
//! # let scheme = Scheme::standard_webhooks();
//! # let keys = Keyring::builder(&scheme).key(TenantId::parse("acme")?, "2026", Secret::new("whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="));
//! # let signer = HmacSigner::new(scheme, keys.build()?);
//! let credentials = Credentials::from_pem(tls.provider(), chain_pem.as_bytes(), key_pem.as_bytes())?;
//! let acme = TenantId::parse("acme")?;
//! let dispatcher = Dispatcher::new();
//! dispatcher.set_identity(
//!     acme.clone(),
//!     TenantIdentity::new(&tls, credentials, WebRoots::new(tls.algorithms()), signer)?,
//! )?;
//!
//! // Somebody registers what is not theirs to reach.
//! let endpoint = Endpoint::parse(acme.clone(), "https://169.254.169.254/latest/meta-data")?;
//! let outcome = dispatcher.deliver(&endpoint, &Delivery::new(acme, "msg_4711", r#"{"paid":true}"#))
//!     .await;
//! assert_eq!((outcome.fate, outcome.code()), (Fate::Dead, "dispatch.private_address"));
//! assert_eq!(outcome.fault(), Some(Fault::Policy));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Security
//! **One identity, one pool, one trust for each tenant.** Connections are kept inside the tenant's sender of one generation,
//! so there is no key under which one could be found for another. Once a sender is replaced, its idle connections are
//! closed and no other request begins on one of them; those under way end. The same where a part of its trust is
//! replaced ([`Live`](crate::live::Live)). TLS sessions are never resumed. No sender, an expired certificate, no
//! signature: nothing is sent, least of all without them. A server must *ask* for the certificate, unless
//! [`allow_no_certificate_request`](Endpoint::allow_no_certificate_request) says otherwise for an endpoint.
//!
//! **The destination is signed where the scheme can.** RFC 9421 covers `@target-uri`, and tokens have an audience, so what is
//! sent to one receiver is refused by another. HMAC over the body alone (Standard Webhooks, Stripe, GitHub) does not
//! say to whom it was sent: a receiver can hand such a delivery on to another receiver that knows the same key. Give
//! each endpoint a key of its own then.
//!
//! **Nobody is sent to a neighbour.** https only, port 443 unless told otherwise, no redirects, no cookies, and only public
//! addresses: see [`Egress`](crate::egress::Egress).
//!
//! # What becomes of it
//!
//! | | fate | fault |
//! |---|---|---|
//! | 2xx | delivered | |
//! | 3xx | dead: nobody follows | theirs |
//! | 410, and 501 if asked for | gone | theirs |
//! | 408, 425, 429, 502, 503, 504 | retry, after a minute at least, or as `Retry-After` says | theirs |
//! | 495, 496, nginx's 400 about certificates | retry: our certificate is refused | ours |
//! | other statuses | retry | theirs |
//! | alert about our certificate, whenever it comes; our certificate expired; no key; no sender | retry | ours |
//! | server not trusted: wrong key, wrong name, expired, unknown authority | dead | theirs |
//! | our revocation lists out of date | retry | ours |
//! | server did not ask for our certificate | retry | theirs |
//! | no address, nobody there, connection broken | retry | network |
//! | took too long, in any stage | retry, after a minute at least | network |
//! | 2xx, and the rest of the delivery is not taken | retry | theirs |
//! | no TLS, no HTTP, interim responses without end | retry | theirs |
//! | our proxy: not there, silent, or a refusal of its own | retry | ours |
//! | our proxy about them: 502, 503, 504, or silent about them alone | retry | network |
//! | private address, other port, another tenant's endpoint, the delivery's last moment has passed | dead | policy |
//! | the circuit of the endpoint is open | retry, when it is probed | theirs |
//!
//! What is ours or policy is not charged to the endpoint's [circuit](crate::breaker).
//!
//! A request is sent twice in one attempt only where it was certainly not handled: on a connection that had been idle
//! and was given back unsent, took no byte of it, or, in HTTP/2, was refused by number (RFC 9113 §8.7).

mod attempt;
mod backlog;
mod body;
mod builder;
mod connection;
mod delivery;
mod dispatcher;
mod endpoint;
mod exchange;
mod failure;
mod identity;
mod keep_alive;
mod layer;
mod limits;
mod open;
mod outcome;
mod own_client;
mod owners;
mod pool;
mod room;
mod schedule;
mod spelling;
mod sweeper;
mod tenants;
mod turns;
mod wire;

pub use crate::breaker::Jitter;
pub use crate::codes::Fault;
pub use backlog::{Backlog, QueuedDelivery, Settled};
pub use builder::DispatcherBuilder;
pub use delivery::{Delivery, ForbiddenField};
pub use dispatcher::Dispatcher;
pub use endpoint::{Endpoint, InvalidEndpoint};
pub use failure::{Failure, Stage};
pub use identity::{InvalidIdentity, TenantIdentity};
pub use layer::{DeliveryId, NotSent, SignLayer, SignService};
pub use limits::{Deadlines, Limits};
pub use outcome::{Answer, BodyEnd, Connected, Fate, NotImplemented, Outcome, Protocol, RetryRules};
pub use own_client::OwnClient;
pub use owners::{EndpointOwners, NotClaimed};
pub use schedule::Schedule;
