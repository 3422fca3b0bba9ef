//! Webhooks that are signed twice: the connection by a client certificate, the payload by a webhook key.
//!
//! *To countersign is to find that both signatures name the same tenant.* A handler that takes a
//! [`Countersigned`](gate::Countersigned) is only reached by requests whose certificate is trusted and whose payload is
//! authentic, in the name of one tenant, now, and once.
//!
//! Five questions, always in this order. Each is one module with one trait and one error, and each answer is a type that
//! only one function makes:
//!
//! ```text
//! who is it? -> do we trust it? -> whose is it? -> did they say this? -> is it fresh?
//! identity      trust              tenant          payload               replay
//!
//! PeerChain --verify--> VerifiedPeer --resolve--> Caller -----------\
//! (claims)              (trusted)                 (+ tenant)         >--bind--> Countersigned
//! Message  --verify--> Authentic ---------claim--> Fresh ------------/
//! (bytes)              (signed)                    (once)
//! ```
//!
//! Without mutual TLS in front, a payload yields a [`Fresh`](payload::Fresh); without a signed payload, a connection
//! yields a [`Caller`](gate::Caller). Neither passes for a `Countersigned`.
//!
//! # Map
//!
//! | module | question | trait | ready-made |
//! |---|---|---|---|
//! | [`identity`] | Who is it? | | [`PeerChain`](identity::PeerChain) |
//! | [`trust`] | Do we trust it? | [`VerifyPeer`](trust::VerifyPeer) | [`PrivateCa`](trust::PrivateCa), [`PublicCa`](trust::PublicCa), [`Sender`](trust::Sender), [`PinSet`](trust::PinSet), [`DenyList`](trust::DenyList), [`ReportOnly`](trust::ReportOnly), [`WebRoots`](trust::WebRoots), [`Remembered`](trust::Remembered) |
//! | [`tenant`] | Whose is it? | [`ResolveTenant`](tenant::ResolveTenant) | [`TenantTable`](tenant::TenantTable), [`Rule`](tenant::Rule) |
//! | [`payload`] | Did they say this? | [`VerifyPayload`](payload::VerifyPayload) | [`HmacVerifier`](payload::HmacVerifier), [`Keyring`](payload::Keyring), [`Scheme`](payload::Scheme) |
//! | [`replay`] | Is it fresh? | [`ReplayStore`](replay::ReplayStore) | [`MemoryStore`](replay::MemoryStore), `RedisStore`, [`Tolerance`](replay::Tolerance) |
//! | [`gate`] | All five | | [`Policy`](gate::Policy), [`Caller`](gate::Caller), [`Countersigned`](gate::Countersigned) |
//! | [`refusal`] | Why not? | | [`Refusal`](refusal::Refusal) |
//! | [`observe`] | What happened? | [`Observer`](observe::Observer) | [`Silent`](observe::Silent) |
//! | [`live`] | | | [`Live`](live::Live): replaces a policy while it is in use |
//! | [`breaker`] | Is it worth trying? | | [`Breaker`](breaker::Breaker): a circuit for each tenant's endpoint, or each source |
//! | [`address`] | | | [`AddressGuard`](address::AddressGuard): which addresses may be connected to |
//!
//! These decide, and do nothing else: no clock is read (`now` is an argument), and only constructors whose name says so
//! read a file. Around them stand the plugs, each behind a feature: `tls` for rustls, `web` for hyper, tower and axum,
//! `dispatch` for the sender's side, `egress` for the way out, `reload` for key sets that live at a URL, `testing` for your
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
//! | `axum` | `web`: extractors, and the listener for `axum::serve`; switches `tower` and `tokio` on |
//! | `jwt` | `payload`: JSON Web Signatures, tokens and key sets |
//! | `http-signatures` | `payload`: HTTP message signatures (RFC 9421) with digests (RFC 9530) |
//! | `jwks-fetch` | `reload`: a task that keeps key sets fresh; switches `jwt` and `tokio` on |
//! | `redis` | `replay`: `RedisStore`, which a fleet shares, on Redis or Valkey |
//! | `dispatch` | `dispatch`: the sender's side, under each tenant's own certificate; switches `tls` on |
//! | `testing` | `testing`: a throw-away certificate authority and in-memory handshakes; switches `tls` on |
//!
//! None changes what another does. None chooses a crypto provider: that is the caller's, as in rustls.

pub mod address;
pub mod breaker;
pub mod clock;
#[cfg(feature = "dispatch")]
pub mod dispatch;
#[cfg(any(feature = "dispatch", feature = "jwks-fetch"))]
pub mod egress;
pub mod gate;
pub mod identity;
pub mod live;
pub mod observe;
pub mod payload;
pub mod refusal;
#[cfg(feature = "jwks-fetch")]
pub mod reload;
pub mod replay;
pub mod tenant;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(feature = "tls")]
pub mod tls;
pub mod trust;
#[cfg(any(feature = "tower", feature = "tokio"))]
pub mod web;

/// What there is to read beside the reference.
pub mod docs {
    #[doc = include_str!("../docs/design.md")]
    pub mod design {}

    #[doc = include_str!("../docs/threat-model.md")]
    pub mod threat_model {}

    // Its recipes need these features to be tested, and none to be read.
    #[cfg_attr(
        any(not(doctest), all(feature = "axum", feature = "dispatch", feature = "testing")),
        doc = include_str!("../docs/cookbook.md")
    )]
    #[cfg_attr(
        not(any(
            not(doctest),
            all(feature = "axum", feature = "dispatch", feature = "testing")
        )),
        doc = "See `docs/cookbook.md`."
    )]
    pub mod cookbook {}
}

/// So that the server in the README compiles.
#[cfg(all(doctest, feature = "axum"))]
#[doc = include_str!("../README.md")]
mod readme {}
