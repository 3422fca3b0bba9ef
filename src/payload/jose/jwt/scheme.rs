use std::sync::Arc;

use super::binding::check_confirmation;
use super::times::Times;
use crate::payload::jose::json::Object;
use crate::payload::jose::jws::header::text;
use crate::payload::jose::jws::{PayloadRoom, look_over};
use crate::payload::jose::{BodyHash, InvalidJwt, JwsVerifier, JwtAt, JwtPart, JwtRules, RequestHash};
use crate::payload::keys::{keys_unless_refused, unless_renewed};
use crate::payload::{Bindings, FindKeys, KeyId, Message, NotAuthentic};
use crate::tenant::TenantId;

/// The most values in a set of claims.
const MAX_VALUES: u32 = 1024;

/// A scheme of JSON Web Tokens that do *not* cover the body: they say who sent a request, not what.
///
/// [`UnboundJwts`](super::UnboundJwts) verifies by it, and what it answers with is weaker, in its type. [`bound_to_body`](Self::bound_to_body)
/// makes a [`BoundJwtScheme`] of it.
///
/// ```
/// use countersign::payload::jose::{BodyHash, HashForm, JwtAt, JwtRules, JwtScheme};
/// use http::HeaderName;
///
/// let at = JwtAt::header(HeaderName::from_static("x-acme-token"));
/// assert_eq!(at.to_string(), "x-acme-token: <token>");
/// let tokens = JwtScheme::new("acme", at, JwtRules::issuer("https://acme.example").audience("hooks"));
/// // Only a scheme whose tokens say the body's hash is one for a `JwtVerifier`.
/// let bound = tokens.bound_to_body(BodyHash::in_claim("body_sha256", HashForm::Base64Url));
/// # drop(bound);
/// ```
#[derive(Debug, Clone)]
pub struct JwtScheme {
    pub(in crate::payload::jose) name: Arc<str>,
    pub(in crate::payload::jose) at: JwtAt,
    pub(in crate::payload::jose) rules: JwtRules,
    pub(in crate::payload::jose) request: Option<RequestHash>,
}

/// A scheme of JSON Web Tokens that carry the hash of the body. [`JwtVerifier`](super::JwtVerifier) verifies by it.
#[derive(Debug, Clone)]
pub struct BoundJwtScheme {
    pub(in crate::payload::jose) tokens: JwtScheme,
    pub(in crate::payload::jose) body: BodyHash,
}

impl JwtScheme {
    /// Tokens that stand there and follow these rules. The name parts what was accepted by one scheme from what was
    /// accepted by another.
    pub fn new(name: impl Into<Arc<str>>, at: JwtAt, rules: JwtRules) -> Self {
        Self {
            name: name.into(),
            at,
            rules,
            request: None,
        }
    }

    /// The token must carry the hash of the request without its body.
    #[must_use]
    pub fn bound_to_request(mut self, hash: RequestHash) -> Self {
        self.request = Some(hash);
        self
    }

    /// The token must carry the hash of the body.
    #[must_use]
    pub fn bound_to_body(self, body: BodyHash) -> BoundJwtScheme {
        BoundJwtScheme { tokens: self, body }
    }

    /// The same under other rules: to demand more of a preset, or less.
    #[must_use]
    pub fn with_rules(mut self, change: impl FnOnce(JwtRules) -> JwtRules) -> Self {
        self.rules = change(self.rules);
        self
    }
}

impl BoundJwtScheme {
    /// The token must carry the hash of the request without its body, too.
    #[must_use]
    pub fn bound_to_request(mut self, hash: RequestHash) -> Self {
        self.tokens = self.tokens.bound_to_request(hash);
        self
    }

    /// The same under other rules: to demand more of a preset, or less.
    #[must_use]
    pub fn with_rules(mut self, change: impl FnOnce(JwtRules) -> JwtRules) -> Self {
        self.tokens = self.tokens.with_rules(change);
        self
    }
}

/// What is known of a token once it is accepted.
pub(super) struct Accepted<D> {
    pub(super) owner: TenantId,
    pub(super) key: KeyId,
    pub(super) delivery: D,
    pub(super) times: Times,
    pub(super) bindings: Bindings,
}

impl JwtScheme {
    /// `name` makes what the delivery is known by of the claim `jti` and the token.
    pub(super) fn accept<'m, D>(
        &self,
        token: &'m str,
        keys: &dyn FindKeys<JwsVerifier>,
        message: &Message<'m>,
        body: Option<&BodyHash>,
        name: impl FnOnce(Option<&str>, &'m str) -> D,
    ) -> Result<Accepted<D>, NotAuthentic> {
        let found = keys_unless_refused(keys, message.sender, || {
            self.look_over(token, message.sender, message, body)
        })?;
        let verified = found
            .keys()
            .verify(token, |header| self.rules.check_header(header));
        let verified = verified.map_err(|why| {
            let sender = Some(found.owner());
            if why.is_about_the_key() && self.look_over(token, sender, message, body).is_ok() {
                return unless_renewed(why, keys, &found);
            }
            why.into()
        })?;
        let mut room = PayloadRoom::EMPTY;
        let claims = claims(verified.payload(&mut room)?)?;
        let times = self.rules.check(&claims, found.owner(), message.now.as_secs())?;
        let bindings = self.bindings(&claims, message, body)?;
        verified.key.used_at(message.now);
        Ok(Accepted {
            delivery: name(text(&claims, "jti")?.as_deref(), token),
            key: verified.key.id().clone(),
            times,
            bindings,
            owner: found.into_owner(),
        })
    }

    /// Whatever speaks against the token without a key: then none is fetched for it.
    fn look_over(
        &self,
        token: &str,
        sender: Option<&TenantId>,
        message: &Message<'_>,
        body: Option<&BodyHash>,
    ) -> Result<(), InvalidJwt> {
        let payload = look_over(token, |header| self.rules.check_header(header))?;
        let claims = claims(&payload)?;
        if let Some(sender) = sender {
            self.rules.check(&claims, sender, message.now.as_secs())?;
        }
        self.bindings(&claims, message, body).map(|_| ())
    }

    fn bindings(
        &self,
        claims: &Object<'_>,
        message: &Message<'_>,
        body: Option<&BodyHash>,
    ) -> Result<Bindings, InvalidJwt> {
        let mut bindings = Bindings {
            certificate: check_confirmation(claims, message.certificate)?,
            ..Bindings::default()
        };
        if bindings.certificate.is_none() && self.rules.certificate_required {
            return Err(InvalidJwt::NotBoundToCertificate);
        }
        if let Some(request) = &self.request {
            request.check(claims, message.method, message.uri)?;
            bindings.request = true;
        }
        if let Some(body) = body {
            body.check(claims, message.body)?;
            bindings.body = true;
        }
        Ok(bindings)
    }
}

fn claims(payload: &[u8]) -> Result<Object<'_>, InvalidJwt> {
    Object::parse(payload, MAX_VALUES).map_err(|problem| InvalidJwt::Json {
        part: JwtPart::Payload,
        problem,
    })
}
