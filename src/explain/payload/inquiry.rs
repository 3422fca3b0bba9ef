use std::fmt;
use std::sync::Arc;

use http::Uri;
use rustls_pki_types::{SignatureVerificationAlgorithm, UnixTime};

use crate::identity::Validity;
use crate::payload::hmac::{Key, KeyProblem, KeySpec, Keyring, PartialScheme, Weak, looks_random};
use crate::payload::public_key::{PublicKeyScheme, UnsupportedAlgorithm};
use crate::payload::token::TokenScheme;
use crate::payload::{FindKeys, KeyId, NoKey, Scheme, Secret, TenantKeys, Trial, Wanted};
use crate::tenant::TenantId;

/// An inquiry into why a signature does not count: the scheme and the keys of the receiver, and what else the operator knows.
///
/// Secrets are taken as they were entered, since the mistake may be in them: with the white space, the quotes or the prefix that a
/// [`Keyring`] refuses.
///
/// ```
/// use countersign::explain::PayloadInquiry;
/// use countersign::payload::{Scheme, Secret};
/// use countersign::tenant::TenantId;
///
/// let acme = TenantId::parse("acme")?;
/// let inquiry = PayloadInquiry::new(Scheme::stripe())
///     .key(acme.clone(), "production", Secret::new("whsec_C2FVsBQIhrscChlQIMV"))
///     .also_known(acme, "staging", Secret::new("whsec_oD7psYSs5b9VMIQlhCcs"));
/// assert_eq!(format!("{inquiry:?}"), "PayloadInquiry { scheme: \"stripe\", keys: 1, known: 1, .. }");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct PayloadInquiry {
    pub(super) trial: Trial,
    pub(super) entered: Vec<Entered>,
    pub(super) known: Vec<Entered>,
    pub(super) urls: Vec<Uri>,
    pub(super) algorithms: &'static [&'static dyn SignatureVerificationAlgorithm],
}

/// A key as it was entered.
#[derive(Clone)]
pub(super) struct Entered {
    pub(super) tenant: TenantId,
    pub(super) id: KeyId,
    pub(super) secret: Secret,
    pub(super) validity: Validity,
    /// Which of those that were given, from 1.
    pub(super) place: usize,
}

/// What the receiver verifies with, made of what was entered.
pub(super) struct Keys {
    pub(super) ring: Arc<dyn FindKeys>,
    /// Why some of it could not be taken.
    pub(super) problems: Vec<String>,
    pub(super) usable: usize,
}

impl PayloadInquiry {
    /// About this scheme.
    pub fn new(scheme: Scheme) -> Self {
        Self::about(Trial::Hmac(scheme))
    }

    /// About a scheme that does not cover the body.
    pub fn partial(scheme: PartialScheme) -> Self {
        Self::about(Trial::Partial(scheme))
    }

    /// About a fixed secret.
    pub fn token(scheme: TokenScheme) -> Self {
        Self::about(Trial::Token(scheme))
    }

    /// About a scheme with a public key, through the caller's algorithms.
    ///
    /// # Errors
    /// [`UnsupportedAlgorithm`] where none of them is what the scheme needs.
    pub fn public_key(
        scheme: PublicKeyScheme,
        algorithms: &'static [&'static dyn SignatureVerificationAlgorithm],
    ) -> Result<Self, UnsupportedAlgorithm> {
        let mut inquiry = Self::about(Trial::public_key(scheme, algorithms)?);
        inquiry.algorithms = algorithms;
        Ok(inquiry)
    }

    fn about(trial: Trial) -> Self {
        Self {
            trial,
            entered: Vec::new(),
            known: Vec::new(),
            urls: Vec::new(),
            algorithms: &[],
        }
    }

    /// A key that the receiver verifies with, as it was entered there.
    pub fn key(self, tenant: TenantId, id: impl Into<KeyId>, secret: Secret) -> Self {
        self.key_valid(tenant, id, secret, Validity::ALWAYS)
    }

    /// The same, in force during this time.
    pub fn key_valid(
        mut self,
        tenant: TenantId,
        id: impl Into<KeyId>,
        secret: Secret,
        validity: Validity,
    ) -> Self {
        let place = self.entered.len() + 1;
        self.entered
            .push(Entered::new(tenant, id.into(), secret, place).valid(validity));
        self
    }

    /// Another key that the operator knows, and the receiver does not verify with: of another environment, of the last rotation, of
    /// another tenant.
    pub fn also_known(mut self, tenant: TenantId, id: impl Into<KeyId>, secret: Secret) -> Self {
        let place = self.entered.len() + self.known.len() + 1;
        self.known.push(Entered::new(tenant, id.into(), secret, place));
        self
    }

    /// Algorithms through which schemes with public keys are tried as well, where none is asked about.
    pub fn through(mut self, algorithms: &'static [&'static dyn SignatureVerificationAlgorithm]) -> Self {
        self.algorithms = algorithms;
        self
    }

    /// A URL under which the sender may know the endpoint, for schemes that sign it: as it is outside of a proxy.
    pub fn also_called(mut self, url: Uri) -> Self {
        self.urls.push(url);
        self
    }

    /// The ring that the receiver has. What cannot be taken is left out, and said.
    pub(super) fn keys(&self) -> Keys {
        self.keys_for(&self.trial)
    }

    /// The same ring for a scheme that was changed.
    pub(super) fn keys_for(&self, trial: &Trial) -> Keys {
        Keys::of(&self.entered, &trial.spec())
    }
}

impl Keys {
    /// What can be taken of what was entered.
    pub(super) fn of(entered: &[Entered], spec: &KeySpec) -> Self {
        let mut ring = Ring {
            owner: entered.first().map(|entered| entered.tenant.clone()),
            keys: None,
        };
        let mut problems = Vec::new();
        for entered in entered {
            let built = Keyring::builder(spec.clone())
                .allow_weak_secrets()
                .key_valid(
                    entered.tenant.clone(),
                    entered.id.clone(),
                    entered.secret.clone(),
                    entered.validity,
                )
                .build();
            match built.and_then(|one| ring.with(&one)) {
                Ok(next) => ring = next,
                Err(why) => problems.push(format!("{}: {}", entered.label(), why.problem)),
            }
        }
        let usable = entered.len() - problems.len();
        Self {
            ring: Arc::new(ring),
            problems,
            usable,
        }
    }

    /// For people: how many there are, and why the others cannot be used.
    pub(super) fn seen(&self) -> String {
        let problems = self.problems.iter().map(|problem| format!("; {problem}"));
        format!("{} that can be used{}", self.usable, problems.collect::<String>())
    }
}

/// A ring that may be empty.
#[derive(Debug)]
struct Ring {
    owner: Option<TenantId>,
    keys: Option<Keyring>,
}

impl Ring {
    fn with(&self, one: &Keyring) -> Result<Self, crate::payload::InvalidKey> {
        let next = match &self.keys {
            Some(ring) => ring.stage(one)?,
            None => one.clone(),
        };
        Ok(Self {
            owner: self.owner.clone(),
            keys: Some(next),
        })
    }
}

impl FindKeys for Ring {
    fn find_keys(&self, wanted: &Wanted<'_>) -> Result<TenantKeys, NoKey> {
        match (&self.keys, wanted.sender.or(self.owner.as_ref())) {
            (Some(ring), _) => ring.find_keys(wanted),
            (None, Some(sender)) => Err(NoKey::Unknown {
                sender: sender.clone(),
            }),
            (None, None) => Err(NoKey::Unavailable),
        }
    }
}

/// One key, whoever is asked for.
#[derive(Debug)]
struct Sole(TenantKeys);

impl FindKeys for Sole {
    fn find_keys(&self, _wanted: &Wanted<'_>) -> Result<TenantKeys, NoKey> {
        Ok(self.0.clone())
    }
}

impl Entered {
    pub(super) fn new(tenant: TenantId, id: KeyId, secret: Secret, place: usize) -> Self {
        Self {
            tenant,
            id,
            secret,
            validity: Validity::ALWAYS,
            place,
        }
    }

    fn valid(self, validity: Validity) -> Self {
        Self { validity, ..self }
    }

    /// What is shown of it: never what may be the secret in the place of the name.
    pub(super) fn label(&self) -> String {
        match self.shown_id() {
            Some(id) => format!("key {id:?} of {}", self.tenant),
            None => format!(
                "key {} (its name is not shown, since it may be the secret)",
                self.place
            ),
        }
    }

    fn shown_id(&self) -> Option<&str> {
        const LONGEST: usize = 64;
        let id = self.id.as_str();
        let may_be_secret = looks_random(id) || id.len() > LONGEST || id == self.secret.as_str();
        (!may_be_secret).then_some(id)
    }

    /// This key alone, at any time, as the scheme reads it.
    pub(super) fn alone(&self, spec: &KeySpec) -> Result<Arc<dyn FindKeys>, KeyProblem> {
        let key = Key::parse_allowing_weak_secret(self.id.clone(), spec.clone(), self.secret.as_str())?;
        Ok(Arc::new(Sole(TenantKeys::new(self.tenant.clone(), [key]))))
    }

    /// These bytes in the place of its secret.
    pub(super) fn of_bytes(&self, spec: &KeySpec, secret: &[u8]) -> Option<Arc<dyn FindKeys>> {
        let KeySpec::Secret { digest, .. } = spec else {
            return None;
        };
        let key = Key::of_bytes(self.id.clone(), *digest, secret)?;
        Some(Arc::new(Sole(TenantKeys::new(self.tenant.clone(), [key]))))
    }

    /// Its secret's bytes, as the scheme reads them.
    pub(super) fn bytes(&self, spec: &KeySpec) -> Option<zeroize::Zeroizing<Vec<u8>>> {
        match spec {
            KeySpec::Secret { form, .. } => form.read(self.secret.as_str(), Weak::Allow).ok(),
            KeySpec::Public { .. } => None,
        }
    }

    pub(super) fn is_valid_at(&self, now: UnixTime) -> bool {
        self.validity.contains(now)
    }
}

impl fmt::Debug for PayloadInquiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PayloadInquiry")
            .field("scheme", &self.trial.name())
            .field("keys", &self.entered.len())
            .field("known", &self.known.len())
            .finish_non_exhaustive()
    }
}
