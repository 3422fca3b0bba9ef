//! TLS by rustls: verifiers, configurations, credentials. The only module that names rustls.
//!
//! * [`HandshakeVerifier`] lets a [`VerifyPeer`](crate::trust::VerifyPeer) decide in the handshake, as a client
//!   certificate verifier or as a server certificate verifier, with the right TLS alert for each reason.
//! * [`Tls`] makes whole configurations: TLS 1.3 only unless [`allow_tls12`](Tls::allow_tls12) says otherwise,
//!   resumption and early data off. A configuration of your own works too: give it a [`HandshakeVerifier`], and call
//!   [`disable_resumption`].
//! * [`Credentials`] are one's own certificate and key, read as a pair.
//! * [`Enrolment`] admits nobody, and reports under which certificates clients have tried.
//! * [`Reason`] tells the operator exactly why a handshake was refused, where the peer only gets an alert.
//!
//! # Security
//! rustls does not call the client certificate verifier again when a session is resumed, nor does it check again that
//! a certificate was mandatory: a client whose certificate was withdrawn stays for as long as its session does. So
//! resumption is off here. [`allow_resumption`] turns it on, bound to the policy in force; whoever turns it on otherwise
//! must verify `peer_certificates()` again after each handshake, as
//! [`Caller::identify`](crate::gate::Caller::identify) does.
//!
//! Early data (0-RTT) can be replayed by anybody, and none of these configurations accepts it.
//!
//! # FIPS
//! No cryptography of ours is involved in TLS: with a crypto provider in FIPS mode, `ServerConfig::fips()` and
//! `ClientConfig::fips()` answer as rustls defines it, which demands the extended master secret of TLS 1.2 then. Payload
//! MACs are made by RustCrypto's `hmac` and `sha2`, which are not FIPS-validated.

mod alert;
mod binding;
mod config;
mod credentials;
mod enrolment;
mod invalid_credentials;
#[cfg(feature = "dispatch")]
mod outbound;
mod own;
mod peer_alert;
mod pending;
mod reason;
mod resumption;
mod rustls_key;
mod session_value;
mod signatures;
mod tried_client;
mod tried_server;
mod verifier;

pub use binding::Binding;
pub use config::{InvalidTls, Tls};
pub use credentials::Credentials;
pub use enrolment::Enrolment;
pub use invalid_credentials::InvalidCredentials;
#[cfg(feature = "dispatch")]
pub(crate) use outbound::{Introduced, Introduction, Outbound};
pub use own::OwnCertificate;
pub use peer_alert::{Complaint, PeerAlert};
pub use reason::{Reason, handshake_failure};
pub use resumption::{
    BoundSessions, BoundTickets, allow_resumption, allow_resumption_within, disable_resumption,
};
pub use rustls_key::{InvalidSigningKey, RustlsKey, SignatureAlgorithm};
pub use tried_client::try_client;
pub use tried_server::try_server;
pub use verifier::{ClientAuth, HandshakeVerifier};

/// The rustls that this crate works with, to name the same version.
pub use rustls;
