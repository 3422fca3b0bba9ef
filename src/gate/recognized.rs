//! The demand of a caller's certificate for more beside it, and the proof of callers that sign nothing.

use super::{Caller, same_tenant};
use crate::payload::{Recognized, Strength};
use crate::refusal::Refusal;
use crate::tenant::TenantId;
use crate::trust::SecondCheck;

/// A caller that was recognized by what it showed as well, in the name of one tenant, and has signed nothing: weaker than
/// [`Countersigned`](super::Countersigned), which cannot be made of senders that sign nothing. Proof: only [`RecognizedCaller::bind`] makes one.
///
/// # Security
/// The connection proves who sent the message, and keeps others from changing it on the way; what was shown proves for which
/// customer. Nothing says that the message is new: handle it twice as if once.
///
/// ```
/// use countersign::gate::{Caller, Policy, RecognizedCaller};
/// use countersign::identity::PeerChain;
/// use countersign::payload::{KeyId, Recognized, Strength};
/// use countersign::refusal::Refusal;
/// use countersign::tenant::{TenantId, TenantTable};
/// # use countersign::testing::{NOW, TestCa};
/// use countersign::trust::{ExpectedPeers, KnownSender, PixBank, Profile, SecondCheck};
///
/// # let algorithms = rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms.all;
/// # let authority = TestCa::new("Bank");
/// # let (bundle, bank) = (authority.pem(), authority.client("pix.psp.example").issue());
/// let efi = TenantId::parse("efi")?;
/// let sender = KnownSender::pix(PixBank::Efi, ExpectedPeers::host_names(["pix.psp.example"])?);
/// let trust = sender.trust_other_anchors(bundle.as_bytes(), Profile::strict(), algorithms, NOW)?;
/// let policy = Policy::new(
///     trust,
///     TenantTable::builder().host_name(efi.clone(), "pix.psp.example").build()?,
/// );
/// let caller = Caller::identify(&policy, PeerChain::parse(bank.chain())?, NOW)?;
///
/// // As a `TokenVerifier` answers.
/// let shown = |strength| {
///     Recognized::assertion(efi.clone(), "pix".into(), KeyId::new("2026"), strength)
/// };
/// let both = RecognizedCaller::bind(caller.clone(), shown(Strength::Url))?;
/// assert_eq!(both.tenant(), &efi);
/// let demanded = SecondCheck::UrlSecretOrBody("chave or endToEndId");
/// let refused = RecognizedCaller::bind(caller, shown(Strength::UnboundToken)).map(|_| ());
/// assert_eq!(refused, Err(Refusal::SecondCheck { demanded, shown: "pix".into() }));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct RecognizedCaller {
    caller: Caller,
    recognized: Recognized,
}

impl RecognizedCaller {
    /// The proof that both name the same tenant, and that what was shown is what the caller's certificate demands beside it.
    ///
    /// # Errors
    /// [`Refusal::TenantMismatch`], [`Refusal::SecondCheck`].
    pub fn bind(caller: Caller, recognized: Recognized) -> Result<Self, Refusal> {
        same_tenant(caller.tenant(), recognized.sender())?;
        second_checked(
            &caller,
            Shown::Recognized(recognized.scheme(), recognized.strength()),
        )?;
        Ok(Self { caller, recognized })
    }

    /// The tenant that certificate and secret name.
    pub fn tenant(&self) -> &TenantId {
        self.caller.tenant()
    }

    /// The connection's half.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// What was shown beside it.
    pub fn recognized(&self) -> &Recognized {
        &self.recognized
    }
}

/// How a payload was proved, by the rules of which scheme.
#[derive(Clone, Copy)]
pub(super) enum Shown<'a> {
    Signed(&'a str),
    Recognized(&'a str, Strength),
}

impl Shown<'_> {
    fn scheme(&self) -> &str {
        let (Self::Signed(scheme) | Self::Recognized(scheme, _)) = self;
        scheme
    }

    fn meets(self, demanded: SecondCheck) -> bool {
        let secret = matches!(
            self,
            Self::Recognized(_, Strength::Url | Strength::Token | Strength::Basic)
        );
        let looked_up = matches!(self, Self::Recognized(_, Strength::LookedUp));
        match demanded {
            SecondCheck::Signature(name) => matches!(self, Self::Signed(scheme) if scheme == name),
            SecondCheck::IdentityToken(name) => {
                matches!(self, Self::Recognized(scheme, Strength::UnboundToken) if scheme == name)
            }
            SecondCheck::Body(_) => looked_up,
            SecondCheck::UrlSecret => secret,
            SecondCheck::UrlSecretOrBody(_) => secret || looked_up,
            SecondCheck::Nothing => true,
        }
    }
}

/// What the caller's certificate demands beside it, all of it, is what the payload was proved by.
pub(super) fn second_checked(caller: &Caller, shown: Shown<'_>) -> Result<(), Refusal> {
    let demanded = &caller.peer().evidence().second_checks;
    match demanded.iter().find(|demanded| !shown.meets(**demanded)) {
        None => Ok(()),
        Some(demanded) => Err(Refusal::SecondCheck {
            demanded: *demanded,
            shown: shown.scheme().into(),
        }),
    }
}
