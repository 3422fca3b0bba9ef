use std::fmt;

use rustls_pki_types::UnixTime;

use super::mac::{Feed, Keyed};
use super::secret::Weak;
use super::{Digest, KeyForm, Mac};
use crate::identity::Validity;
use crate::payload::hmac::PartialScheme;
use crate::payload::public_key::{PublicKeyAlgorithm, PublicKeyForm, PublicKeyScheme};
use crate::payload::token::TokenScheme;
use crate::payload::{KeyId, Scheme};
use crate::pem::InvalidPem;
use crate::usage::{Hits, Usage};

/// The kind of a scheme's keys, and the form that they are written in.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeySpec {
    /// Secrets of an HMAC.
    Secret {
        /// Its hash.
        digest: Digest,
        /// How they are written.
        form: KeyForm,
    },
    /// Public keys.
    Public {
        /// What they verify.
        algorithm: PublicKeyAlgorithm,
        /// How they are written.
        form: PublicKeyForm,
    },
}

impl KeySpec {
    pub(super) fn is_secret(&self) -> bool {
        matches!(self, Self::Secret { .. })
    }
}

impl From<&Scheme> for KeySpec {
    fn from(scheme: &Scheme) -> Self {
        Self::Secret {
            digest: scheme.layout.digest,
            form: scheme.layout.key_form.clone(),
        }
    }
}

impl From<&PartialScheme> for KeySpec {
    fn from(scheme: &PartialScheme) -> Self {
        Self::Secret {
            digest: scheme.layout.digest,
            form: scheme.layout.key_form.clone(),
        }
    }
}

impl From<&TokenScheme> for KeySpec {
    /// Only the token's MAC is kept.
    fn from(scheme: &TokenScheme) -> Self {
        Self::Secret {
            digest: Digest::Sha256,
            form: scheme.key_form(),
        }
    }
}

impl From<&PublicKeyScheme> for KeySpec {
    fn from(scheme: &PublicKeyScheme) -> Self {
        Self::Public {
            algorithm: scheme.algorithm(),
            form: scheme.key_form().clone(),
        }
    }
}

impl From<&Self> for KeySpec {
    fn from(spec: &Self) -> Self {
        spec.clone()
    }
}

/// A key with its name and the time in which it counts. Never shows its secret; wiped when dropped.
///
/// ```
/// use countersign::payload::hmac::{Digest, Key, KeyForm, KeyProblem, KeySpec};
/// use countersign::payload::KeyId;
///
/// let spec = KeySpec::Secret { digest: Digest::Sha256, form: KeyForm::Utf8 };
/// let key = Key::parse(KeyId::new("2026"), &spec, "a secret of sixteen bytes")?;
/// assert_eq!(key.id().as_str(), "2026");
/// let short = Key::parse(KeyId::new("2026"), &spec, "secret");
/// assert_eq!(short.err(), Some(KeyProblem::TooShort { bytes: 6 }));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Key {
    id: KeyId,
    validity: Validity,
    material: Material,
    weak: bool,
    hits: Hits,
}

#[derive(Clone)]
enum Material {
    Secret(Keyed),
    Public(PublicKeyAlgorithm, Box<[u8]>),
}

impl Key {
    /// The most keys that one tenant may have: each costs a pass over the body.
    pub const MAX_PER_TENANT: usize = 8;

    /// The shortest secret, in bytes. 128 bits of it, if it is random.
    pub const MIN_SECRET: usize = 16;

    /// Reads a key in the form in which the provider shows it, as a scheme says, or a [`KeySpec`].
    ///
    /// # Errors
    /// [`KeyProblem`]: empty, shorter than [`MIN_SECRET`](Self::MIN_SECRET), a placeholder, or not of that form.
    pub fn parse(id: KeyId, spec: impl Into<KeySpec>, text: &str) -> Result<Self, KeyProblem> {
        Self::parse_with(id, &spec.into(), text, Weak::Refuse)
    }

    /// Reads a key as [`parse`](Self::parse) does, but a secret may be short or look like a placeholder.
    ///
    /// # Security
    /// For the examples that providers publish, and for nothing else: anybody can guess such a secret.
    ///
    /// # Errors
    /// [`KeyProblem`]: empty, or not of that form.
    pub fn parse_allowing_weak_secret(
        id: KeyId,
        spec: impl Into<KeySpec>,
        text: &str,
    ) -> Result<Self, KeyProblem> {
        Self::parse_with(id, &spec.into(), text, Weak::Allow)
    }

    pub(super) fn parse_with(id: KeyId, spec: &KeySpec, text: &str, weak: Weak) -> Result<Self, KeyProblem> {
        let mut is_weak = false;
        let material = match spec {
            KeySpec::Secret { digest, form } => {
                is_weak = weak == Weak::Allow && form.read(text, Weak::Refuse).is_err();
                let secret = form.read(text, weak)?;
                Material::Secret(
                    Keyed::new(*digest, &secret).ok_or_else(|| KeyProblem::Form { form: form.clone() })?,
                )
            }
            KeySpec::Public { algorithm, form } => {
                Material::Public(*algorithm, form.read(*algorithm, text)?.into())
            }
        };
        Ok(Self {
            id,
            validity: Validity::ALWAYS,
            material,
            weak: is_weak,
            hits: Hits::default(),
        })
    }

    /// Counts only in this time.
    #[must_use]
    pub fn valid(mut self, validity: Validity) -> Self {
        self.validity = validity;
        self
    }

    /// Its name.
    pub fn id(&self) -> &KeyId {
        &self.id
    }

    /// Whether its secret is short or looks like a placeholder, and was allowed all the same.
    pub fn is_weak(&self) -> bool {
        self.weak
    }

    /// When it counts.
    pub fn validity(&self) -> Validity {
        self.validity
    }

    /// When a signature last matched it, as far as this process knows.
    pub fn last_used(&self) -> Option<UnixTime> {
        self.usage().last_used
    }

    /// The signatures that have matched it, as far as this process knows.
    pub fn usage(&self) -> Usage {
        self.hits.usage()
    }

    /// Notes that a signature matched it.
    #[inline]
    pub(in crate::payload) fn used_at(&self, now: UnixTime) {
        self.hits.count(now);
    }

    pub(super) fn continue_from(&self, before: &Self) {
        self.hits.continue_from(&before.hits);
    }

    /// A MAC that has taken the key in and no message yet; nothing for a key of another kind.
    pub(in crate::payload) fn begin(&self, digest: Digest) -> Option<Mac> {
        match &self.material {
            Material::Secret(keyed) if keyed.digest() == digest => Some(keyed.begin()),
            _ => None,
        }
    }

    /// Shows the MAC of what is fed; nothing for a key of another kind.
    #[inline]
    pub(in crate::payload) fn mac<T, E>(
        &self,
        digest: Digest,
        fed: &impl Feed<E>,
        then: impl FnOnce(&[u8]) -> T,
    ) -> Result<Option<T>, E> {
        match &self.material {
            Material::Secret(keyed) if keyed.digest() == digest => keyed.mac(fed, then).map(Some),
            _ => Ok(None),
        }
    }

    /// A key of these very bytes, whatever their form: for trials. Nothing, where there are none.
    pub(crate) fn of_bytes(id: KeyId, digest: Digest, secret: &[u8]) -> Option<Self> {
        let keyed = Keyed::new(digest, secret).filter(|_| !secret.is_empty())?;
        Some(Self {
            id,
            validity: Validity::ALWAYS,
            material: Material::Secret(keyed),
            weak: false,
            hits: Hits::default(),
        })
    }

    /// A MAC under a secret that somebody shows.
    pub(in crate::payload) fn begin_with(secret: &[u8]) -> Option<Mac> {
        Keyed::new(Digest::Sha256, secret).map(|keyed| keyed.begin())
    }

    /// The bits of a public key of this kind; nothing for a key of another kind.
    pub(in crate::payload) fn public(&self, wanted: PublicKeyAlgorithm) -> Option<&[u8]> {
        match &self.material {
            Material::Public(algorithm, bits) if *algorithm == wanted => Some(bits),
            _ => None,
        }
    }
}

impl Clone for Key {
    fn clone(&self) -> Self {
        Self {
            id: self.id.clone(),
            validity: self.validity,
            material: self.material.clone(),
            weak: self.weak,
            hits: self.hits.clone(),
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("id", &self.id)
            .field("validity", &self.validity)
            .finish_non_exhaustive()
    }
}

/// The mistake in a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyProblem {
    /// Nothing in it: anybody could sign.
    #[error("the secret is empty; copy it again from the provider")]
    Empty,
    /// Too short to be a secret.
    #[error("the secret has {bytes} bytes; use at least {}, random", Key::MIN_SECRET)]
    TooShort {
        /// How long it is.
        bytes: usize,
    },
    /// What stands in an example or a template where the secret belongs.
    #[error("this is the placeholder, not the secret; copy the secret from the provider")]
    Placeholder,
    /// A name that looks like a secret beside a secret that does not: names are logged.
    #[error(
        "name and secret look as if they were swapped; give the tenant, the name of the key, then the secret"
    )]
    Swapped,
    /// White space at an end: copied with a line break.
    #[error("the secret begins or ends with white space; copy it without")]
    Space,
    /// Not of the form in which the provider shows its secrets.
    #[error("the secret is not {form}; copy it as the provider shows it")]
    Form {
        /// The form.
        form: KeyForm,
    },
    /// Not a public key of that kind, or not in the form in which the provider shows it.
    #[error("not a public key for {algorithm} in the form in which the provider shows it")]
    PublicKey {
        /// The kind.
        algorithm: PublicKeyAlgorithm,
    },
    /// Not PEM, or a section of it cannot be read.
    #[error("the key cannot be taken as PEM: {reason}")]
    Pem {
        /// What is wrong with it.
        reason: InvalidPem,
    },
    /// The tenant has keys from another source already.
    #[error("the tenant has keys already; give all of them at once")]
    SameTenant,
    /// Another key of the tenant has this name.
    #[error("the tenant has a key of this name already; name each key differently")]
    SameId,
    /// It never counts: its last second lies before its first.
    #[error("the key is retired before it begins; swap the two times")]
    NeverValid,
    /// More than [`Key::MAX_PER_TENANT`] keys.
    #[error(
        "a tenant may have {} keys; remove those that are retired",
        Key::MAX_PER_TENANT
    )]
    TooMany,
    /// The ring is empty.
    #[error("the ring holds no key; add one")]
    NoKeys,
}
