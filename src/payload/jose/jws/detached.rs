use std::sync::Arc;

use super::reading::look_over_detached;
use crate::payload::FindKeys;
use crate::payload::jose::{JwsVerifier, JwtAt};
use crate::payload::keys::{keys_unless_refused, unless_renewed};
use crate::payload::{Authentic, Bindings, DeliveryKey, Message, NotAuthentic, VerifyPayload};

/// A verifier of messages by a detached signature of their body (RFC 7515 Appendix F), encoded or not (RFC 7797). **The
/// body is bound**, since it is what is signed.
///
/// Open banking's `x-jws-signature` and Constant Contact's webhooks are of this form. Such a signature has no time: a
/// delivery is told from another by its body, for as long as the replay store remembers.
///
/// ```
/// use countersign::UnixTime;
/// use countersign::payload::jose::{Algorithm, DetachedVerifier, Jwk, JwtAt, JwtKeyring};
/// use countersign::payload::{Message, NotAuthentic, VerifyPayload as _};
/// use countersign::tenant::TenantId;
/// use http::{HeaderMap, HeaderName, Method, Uri};
///
/// let jwk = Jwk::parse(
///     br#"{"kty":"oct","alg":"HS256","k":"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"}"#
/// )?;
/// let keys = JwtKeyring::builder()
///     .keys(TenantId::parse("bank")?, jwk.verifier(Algorithm::Hs256, &[]))
///     .build()?;
/// let name = HeaderName::from_static("x-jws-signature");
/// let verifier = DetachedVerifier::new("open_banking", JwtAt::header(name.clone()), keys);
/// let (method, uri, headers) = (Method::POST, Uri::from_static("/"), HeaderMap::new());
/// let unsigned = verifier.verify_payload(
///     &Message::new(&method, &uri, &headers, b"{}", UnixTime::now())
/// );
/// assert_eq!(unsigned.err(), Some(NotAuthentic::MissingHeader { name }));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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
        let found = keys_unless_refused(&*self.keys, message.sender, || look_over_detached(token))?;
        let signed_with = found.keys().find_detached(token, message.body);
        let key = signed_with.map_err(|why| match why.is_about_the_key() {
            true => unless_renewed(why, &*self.keys, &found),
            false => why.into(),
        })?;
        key.used_at(message.now);
        let key = key.id().clone();
        let delivery = DeliveryKey::Body(message.body);
        let authentic = Authentic::assertion(found.into_owner(), self.name.clone(), key, delivery);
        Ok(authentic.bound_to(Bindings::default().with_body()))
    }
}
