use std::sync::Arc;

use crate::payload::jose::{JwsVerifier, JwtAt};
use crate::payload::{Authentic, Bindings, DeliveryKey, Message, NotAuthentic, VerifyPayload};
use crate::payload::{FindKeys, Wanted};

/// A verifier of messages by a detached signature of their body (RFC 7515 Appendix F), encoded or not (RFC 7797). **The
/// body is bound**, since it is what is signed.
///
/// Open banking's `x-jws-signature` and Constant Contact's webhooks are of this form. Such a signature has no time: a
/// delivery is told from another by its body, for as long as the replay store remembers.
#[derive(Debug, Clone)]
pub struct DetachedVerifier {
    name: Arc<str>,
    at: JwtAt,
    keys: Arc<dyn FindKeys<JwsVerifier>>,
}

impl DetachedVerifier {
    /// Verifies signatures that stand there with those keys. For key sets without `kid` (Constant Contact's), see
    /// [`JwsVerifier::allow_trying_keys`](crate::payload::jose::JwsVerifier::allow_trying_keys).
    pub fn new(name: impl Into<Arc<str>>, at: JwtAt, keys: impl FindKeys<JwsVerifier> + 'static) -> Self {
        Self {
            name: name.into(),
            at,
            keys: Arc::new(keys),
        }
    }

    /// Constant Contact, in the header field of this name: RS256, `b64` false. **The body is bound.**
    pub fn constant_contact(name: http::HeaderName, keys: impl FindKeys<JwsVerifier> + 'static) -> Self {
        Self::new("constant_contact", JwtAt::header(name), keys)
    }
}

impl VerifyPayload for DetachedVerifier {
    fn verify_payload<'m>(&self, message: &Message<'m>) -> Result<Authentic<'m>, NotAuthentic> {
        let token = self.at.find(message.headers)?;
        let found = self.keys.find_keys(&Wanted::of(message.sender))?;
        let verified = found.keys().verify_detached(token, message.body);
        let jws =
            verified.map_err(|why| crate::payload::jose::jwt::refuse(why, &*self.keys, found.owner()))?;
        let key = jws.key().clone();
        let delivery = DeliveryKey::Body(message.body);
        let authentic = Authentic::assertion(found.into_owner(), self.name.clone(), key, delivery);
        Ok(authentic.bound_to(Bindings::default().with_body()))
    }
}
