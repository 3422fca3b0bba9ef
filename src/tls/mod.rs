//! rustls: the only room that names it.
//!
//! * [`HandshakeVerifier`] lets a [`VerifyPeer`](crate::trust::VerifyPeer) decide in the handshake, as a client
//!   certificate verifier or as a server certificate verifier, with the right TLS alert for each reason.
//! * [`Tls`] makes whole configurations: TLS 1.3 only unless [`allow_tls12`](Tls::allow_tls12) says otherwise,
//!   resumption and early data off. A configuration of your own works too: give it a [`HandshakeVerifier`], and call
//!   [`disable_resumption`].
//! * [`Credentials`] are one's own certificate and key, read as a pair.
//! * [`Reason`] tells the operator exactly why a handshake was refused, where the peer only gets an alert.
//!
//! # Security
//! rustls does not call the client certificate verifier again when a session is resumed, nor does it check again that
//! a certificate was mandatory: a client whose certificate was withdrawn stays for as long as its session does. So
//! resumption is off here, and whoever turns it on in a configuration of their own must verify
//! `peer_certificates()` again after each handshake, as [`Caller::identify`](crate::gate::Caller::identify) does.

mod alert;
mod config;
mod credentials;
mod reason;
#[cfg(any(feature = "jwt", feature = "http-signatures"))]
mod signing;
mod verifier;

pub use config::{InvalidTls, Tls, disable_resumption};
pub use credentials::{Credentials, InvalidCredentials};
pub use reason::{Reason, handshake_failure};
#[cfg(any(feature = "jwt", feature = "http-signatures"))]
pub use signing::{InvalidSigningKey, ProviderKey};
pub use verifier::{ClientAuth, HandshakeVerifier};
