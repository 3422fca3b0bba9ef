//! Signatures with a private key of the provider, whose public half it publishes.

mod form;

use std::fmt;
use std::sync::Arc;

use http::HeaderMap;
use rustls_pki_types::SignatureVerificationAlgorithm;

use super::{Authentic, CannotSign, Message, NotAuthentic, NotSigned, Outgoing, SignPayload, VerifyPayload};
use crate::payload::hmac::Key;
use crate::payload::hmac::engine::{Reading, Written};
use crate::payload::hmac::scheme::{InvalidScheme, Layout, SchemeBuilder};
use crate::payload::{FindKeys, Wanted};
use crate::tenant::TenantId;

pub(in crate::payload) use form::rsa_bits;
pub use form::{PublicKeyAlgorithm, PublicKeyForm};

/// The most signatures in one message that are tried: each costs a verification under every key.
const MAX_SIGNATURES: usize = 4;

/// A public-key scheme, how a provider signs with a private key. Data only; cheap to clone.
///
/// The providers' own are constructors: [`PublicKeyScheme::discord`], [`PublicKeyScheme::telnyx`] and so on. One of
/// your own is a [`SchemeBuilder`] with a kind of key:
///
/// ```
/// use countersign::payload::hmac::{Part, SignatureAt};
/// use countersign::payload::public_key::{PublicKeyAlgorithm, PublicKeyForm, PublicKeyScheme};
/// use countersign::payload::Scheme;
/// use http::HeaderName;
///
/// let builder = Scheme::builder("acme")
///     .signature(
///         SignatureAt::Header { name: HeaderName::from_static("x-acme-signature"), prefix: "".into() }
///     )
///     .signed([Part::Body]);
/// let scheme = PublicKeyScheme::new(builder, PublicKeyAlgorithm::Ed25519, PublicKeyForm::Hex)?;
/// assert_eq!((scheme.name(), scheme.key_form()), ("acme", &PublicKeyForm::Hex));
/// # Ok::<(), countersign::payload::InvalidScheme>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKeyScheme {
    pub(super) layout: Arc<Layout>,
    algorithm: PublicKeyAlgorithm,
    key_form: PublicKeyForm,
}

impl PublicKeyScheme {
    /// What the builder says, signed with keys of this kind, which the provider shows in that form.
    ///
    /// # Errors
    /// [`InvalidScheme`]: what would verify nothing, or less than it seems to.
    pub fn new(
        builder: SchemeBuilder,
        algorithm: PublicKeyAlgorithm,
        key_form: PublicKeyForm,
    ) -> Result<Self, InvalidScheme> {
        let layout = builder.build()?.layout;
        Ok(Self {
            layout,
            algorithm,
            key_form,
        })
    }

    /// For the presets, which a test checks.
    pub(super) fn of_preset(
        builder: SchemeBuilder,
        algorithm: PublicKeyAlgorithm,
        key_form: PublicKeyForm,
    ) -> Self {
        let layout = Arc::new(builder.preset_layout());
        Self {
            layout,
            algorithm,
            key_form,
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.layout.name
    }

    /// The kind of its keys.
    pub fn algorithm(&self) -> PublicKeyAlgorithm {
        self.algorithm
    }

    /// The form in which the provider shows its keys.
    pub fn key_form(&self) -> &PublicKeyForm {
        &self.key_form
    }

    /// How far the signed time may be off, where one is signed and compared.
    pub fn window(&self) -> Option<crate::replay::Tolerance> {
        self.layout.window.filter(|_| self.layout.time.is_some())
    }

    /// With another tolerance for the signed time.
    #[must_use]
    pub fn with_tolerance(mut self, tolerance: crate::replay::Tolerance) -> Self {
        Arc::make_mut(&mut self.layout).window = Some(tolerance);
        self
    }
}

/// The caller's algorithms for one kind of key: taken from its `CryptoProvider`.
#[derive(Debug, Clone)]
pub(in crate::payload) struct Algorithms {
    kind: PublicKeyAlgorithm,
    suitable: Arc<[&'static dyn SignatureVerificationAlgorithm]>,
}

/// The caller's algorithms have none for what a scheme needs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("none of the given algorithms verifies {algorithm}: pass those of a CryptoProvider that does")]
#[non_exhaustive]
pub struct UnsupportedAlgorithm {
    /// What the scheme needs.
    pub algorithm: PublicKeyAlgorithm,
}

impl Algorithms {
    pub(in crate::payload) fn of(
        kind: PublicKeyAlgorithm,
        algorithms: &[&'static dyn SignatureVerificationAlgorithm],
    ) -> Result<Self, UnsupportedAlgorithm> {
        let suits = |algorithm: &&&'static dyn SignatureVerificationAlgorithm| {
            algorithm.public_key_alg_id() == kind.key_id()
                && algorithm.signature_alg_id() == kind.signature_id()
        };
        let suitable: Arc<[_]> = algorithms.iter().filter(suits).copied().collect();
        if suitable.is_empty() {
            return Err(UnsupportedAlgorithm { algorithm: kind });
        }
        Ok(Self { kind, suitable })
    }

    pub(super) fn verify(&self, key: &[u8], text: &[u8], signature: &[u8]) -> bool {
        self.suitable
            .iter()
            .any(|algorithm| algorithm.verify_signature(key, text, signature).is_ok())
    }
}

/// A verifier of signatures made with a private key by a [`PublicKeyScheme`], with the public keys of the sender and the
/// caller's algorithms: `provider.signature_verification_algorithms.all` of a rustls `CryptoProvider`.
///
/// Checks what [`HmacVerifier`](super::HmacVerifier) checks, in the same order.
///
/// ```
/// use countersign::payload::public_key::{PublicKeyScheme, PublicKeyVerifier};
/// use countersign::payload::{Keyring, Secret};
/// use countersign::tenant::TenantId;
///
/// let scheme = PublicKeyScheme::discord();
/// let shown = Secret::new("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
/// let keys = Keyring::builder(&scheme).key(TenantId::parse("acme")?, "2026", shown).build()?;
/// let algorithms = rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms.all;
/// assert!(PublicKeyVerifier::new(scheme.clone(), keys.clone(), algorithms).is_ok());
/// assert!(
///     PublicKeyVerifier::new(scheme, keys, &[]).is_err(),
///     "an algorithm that is missing is found at the start",
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct PublicKeyVerifier {
    scheme: PublicKeyScheme,
    keys: Arc<dyn FindKeys>,
    algorithms: Algorithms,
}

impl PublicKeyVerifier {
    /// Verifies by this scheme with those keys, through these algorithms.
    ///
    /// # Errors
    /// [`UnsupportedAlgorithm`] where none of them is what the scheme needs.
    pub fn new(
        scheme: PublicKeyScheme,
        keys: impl FindKeys + 'static,
        algorithms: &[&'static dyn SignatureVerificationAlgorithm],
    ) -> Result<Self, UnsupportedAlgorithm> {
        let algorithms = Algorithms::of(scheme.algorithm, algorithms)?;
        Ok(Self {
            scheme,
            keys: Arc::new(keys),
            algorithms,
        })
    }
}

impl VerifyPayload for PublicKeyVerifier {
    fn verify_payload<'m>(&self, message: &Message<'m>) -> Result<Authentic<'m>, NotAuthentic> {
        let layout = &self.scheme.layout;
        let reading = layout.read(message)?;
        let signatures = self.signatures(&reading)?;
        let keys = self.keys.find_keys(&Wanted::of(message.sender))?;
        let text = layout.signed_text(&reading)?;
        let matched = keys.matching(&*self.keys, message.now, |key| {
            Ok(self.is_signed_under(key, &text, &signatures))
        })?;
        Ok(layout.authentic(matched, &reading, layout.delivery(&reading)))
    }
}

impl PublicKeyVerifier {
    fn signatures(&self, reading: &Reading<'_>) -> Result<Vec<Vec<u8>>, NotAuthentic> {
        let (layout, limit) = (&self.scheme.layout, self.algorithms.kind.max_signature());
        let mut signatures = Vec::new();
        layout.any_signature(reading, &mut |text| {
            signatures.extend(layout.encoding.decode_any(text, limit));
            signatures.len() > MAX_SIGNATURES
        })?;
        match signatures.len() {
            0 => Err(layout.malformed_signature()),
            1..=MAX_SIGNATURES => Ok(signatures),
            _ => Err(NotAuthentic::TooManySignatures {
                limit: MAX_SIGNATURES,
            }),
        }
    }

    fn is_signed_under(&self, key: &Key, text: &[u8], signatures: &[Vec<u8>]) -> bool {
        let bits = key.public(self.algorithms.kind).unwrap_or_default();
        signatures
            .iter()
            .any(|signature| self.algorithms.verify(bits, text, signature))
    }
}

impl Layout {
    /// All that is signed, in one piece: signatures of this kind cannot be fed.
    fn signed_text(&self, reading: &Reading<'_>) -> Result<Vec<u8>, NotAuthentic> {
        let mut text = Vec::with_capacity(reading.message.body.len().saturating_add(256));
        self.feed(&self.signed, reading, Written::AsSent, &mut |piece| {
            text.extend_from_slice(piece)
        })?;
        Ok(text)
    }
}

/// A private key of the caller: no key of this kind is held here. With feature `tls`, `tls::RustlsKey` is one over a
/// rustls `SigningKey`.
///
/// It is told nothing of the algorithm, which the scheme or the provider has chosen. A key that a message may name the
/// algorithm of is a `jose::SigningKey`.
pub trait SignBytes: fmt::Debug + Send + Sync {
    /// The signature over this text, in the algorithm's own form: DER for ECDSA.
    ///
    /// # Errors
    /// [`NotSigned`].
    fn sign_bytes(&self, text: &[u8]) -> Result<Vec<u8>, NotSigned>;
}

/// A signer by a [`PublicKeyScheme`] with private keys of the caller's: the sender's half of [`PublicKeyVerifier`].
///
/// ```
/// use std::sync::Arc;
/// use countersign::UnixTime;
/// use countersign::payload::public_key::{PublicKeyScheme, PublicKeySigner};
/// use countersign::payload::{Outgoing, SignPayload as _};
/// use countersign::tenant::TenantId;
/// use countersign::testing::{KeyAlgorithm, TestKey};
/// use countersign::tls::{RustlsKey, rustls};
///
/// let (acme, pair) = (TenantId::parse("acme")?, TestKey::generate(KeyAlgorithm::Ed25519));
/// let provider = rustls::crypto::aws_lc_rs::default_provider();
/// let key = RustlsKey::from_pem(&provider, rustls::SignatureScheme::ED25519, pair.pem().as_bytes())?;
/// let signer = PublicKeySigner::new(PublicKeyScheme::discord(), acme.clone(), Arc::new(key));
/// let headers = signer.sign_payload(&Outgoing::new(&acme, "delivery-1", b"{}", UnixTime::now()))?;
/// assert_eq!(headers["x-signature-ed25519"].len(), 128);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct PublicKeySigner {
    scheme: PublicKeyScheme,
    tenant: TenantId,
    keys: Vec<Arc<dyn SignBytes>>,
}

impl PublicKeySigner {
    /// Signs for this tenant by that scheme, with this key.
    pub fn new(scheme: PublicKeyScheme, tenant: TenantId, key: Arc<dyn SignBytes>) -> Self {
        Self {
            scheme,
            tenant,
            keys: vec![key],
        }
    }

    /// Signs with this newer key, too, while receivers change over. Where the scheme carries one signature, the newest signs.
    #[must_use]
    pub fn with_newer_key(mut self, key: Arc<dyn SignBytes>) -> Self {
        self.keys.push(key);
        self
    }
}

impl SignPayload for PublicKeySigner {
    fn sign_payload(&self, outgoing: &Outgoing<'_>) -> Result<HeaderMap, CannotSign> {
        outgoing.check_sender(&self.tenant)?;
        let layout = &self.scheme.layout;
        let draft = layout.draft(outgoing)?;
        let text = draft.with_reading(layout, outgoing, |reading| Ok(layout.signed_text(reading)?))?;
        let sign = |key: &Arc<dyn SignBytes>| Ok(layout.encoding.encode(&key.sign_bytes(&text)?));
        let signatures = self
            .keys
            .iter()
            .map(sign)
            .collect::<Result<Vec<_>, CannotSign>>()?;
        Ok(draft.with_signatures(layout, &signatures))
    }
}
