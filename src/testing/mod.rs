//! Test certificates, revocation lists and handshakes (**how do I test this?**), made in memory.
//!
//! With certificates that are made in the test, for the test, and a handshake that needs no socket.
//!
//! * [`TestCa`] is a throw-away certification authority: a root, intermediates to any depth, cross-signed
//!   CAs.
//! * [`TestCert`] is a certificate that it issued, with chain and key, ready for rustls. [`LeafBuilder`] also
//!   writes the *evil twins*: certificates that differ from a good one in exactly one respect and must be
//!   refused for it.
//! * [`TestCrl`] is a revocation list that it signed.
//! * [`countersigned`] and its kin are proofs, to call a handler with.
//! * [`handshake`] connects a client and a server in memory, and tells what *each side* thinks of the
//!   outcome.
//!
//! No clock is read. What is issued is valid from [`NOT_BEFORE`] to [`NOT_AFTER`]; [`NOW`] is a moment
//! between; [`utc`] names any other one.
//!
//! These functions panic where a test could not go on. They are for tests: keys are not protected, serial
//! numbers can be guessed, and nothing keeps a [`TestCa`] from issuing nonsense when asked for it.
//!
//! # Examples
//!
//! A good client is let in; its expired twin is not, and learns why:
//!
//! ```
//! use std::sync::Arc;
//!
//! use countersign::testing::{TestCa, TestCert, handshake};
//! use rustls::server::WebPkiClientVerifier;
//! use rustls::{AlertDescription, ClientConfig, Error, RootCertStore, ServerConfig};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let ca = TestCa::new("Acme Root");
//! let issuing = ca.intermediate("Acme Issuing");
//! let server = issuing.server("hooks.example.com").issue();
//! let client = issuing.client("spiffe://acme.example/billing").issue();
//! let expired = issuing.client("spiffe://acme.example/billing").expired().issue();
//!
//! let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
//! let mut roots = RootCertStore::empty();
//! roots.add(ca.certificate().clone())?;
//! let roots = Arc::new(roots);
//!
//! let verifier = WebPkiClientVerifier::builder_with_provider(
//!     roots.clone(),
//!     provider.clone(),
//! ).build()?;
//! let server = Arc::new(
//!     ServerConfig::builder_with_provider(provider.clone())
//!         .with_safe_default_protocol_versions()?
//!         .with_client_cert_verifier(verifier)
//!         .with_single_cert(server.chain(), server.key())?,
//! );
//! let connect = |client: &TestCert| -> Result<_, Error> {
//!     let client = ClientConfig::builder_with_provider(provider.clone())
//!         .with_safe_default_protocol_versions()?
//!         .with_root_certificates(roots.clone())
//!         .with_client_auth_cert(client.chain(), client.key())?;
//!     Ok(handshake(server.clone(), Arc::new(client), "hooks.example.com"))
//! };
//!
//! let good = connect(&client)?;
//! assert_eq!(good.server?.peer_certificates(), Some(&client.chain()[..]));
//!
//! let refused = connect(&expired)?;
//! assert_eq!(refused.client.err(), Some(Error::AlertReceived(AlertDescription::CertificateExpired)));
//! # Ok(())
//! # }
//! ```
#![expect(
    clippy::expect_used,
    reason = "a test that cannot be set up should stop where it stands"
)]

mod ca;
mod cert;
mod crl;
mod dates;
mod der;
mod handshake;
mod issued;
mod keys;
mod leaf;
mod proofs;
mod serial;

pub use ca::{CaBuilder, TestCa};
pub use cert::TestCert;
pub use crl::{CrlBuilder, TestCrl};
pub use dates::{NOT_AFTER, NOT_BEFORE, NOW, utc};
pub use handshake::{Handshake, handshake};
pub use keys::{KeyAlgorithm, TestKey};
pub use leaf::LeafBuilder;
pub use proofs::{authentic, caller, claimed, countersigned, fresh};
pub use serial::Serial;
