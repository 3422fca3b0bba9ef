use std::sync::Arc;
use std::time::Duration;

use rustls_pki_types::UnixTime;
use sha2::{Digest as _, Sha256};

use super::times::Times;
use crate::payload::hmac::body::within_limit;
use crate::payload::jose::json::{Json, Object};
use crate::payload::jose::{BoundJwtScheme, InvalidJwt, JwsVerifier, JwtPart, JwtScheme};
use crate::payload::{
    Authentic, DeliveryKey, FindKeys, Hashed, Message, NotAuthentic, Recognized, SchemeText, Strength,
    VerifyPayload,
};

/// The most values in a body that tokens are read from.
const MAX_BODY_VALUES: u32 = 64 * 1024;
/// The most tokens in a body.
const MAX_LISTED: usize = 16;

/// A verifier of messages by a JSON Web Token that carries the hash of their body.
///
/// Checked, in this order: the token is there once; its header; its key, which is one of the sender's; its signature;
/// its claims, strictly and each of its type; the certificate that it is bound to, if it is; the request; the body.
///
/// A delivery is told from another by `jti`, or, without one (or an empty one), by what is signed. Under a `jti` it is remembered for as long as a token that is
/// issued by now may pass: by [`with_max_lifetime`](super::JwtRules::with_max_lifetime) or [`with_max_age`](super::JwtRules::with_max_age), or else by the
/// lifetime of this one.
///
/// # Security
/// A token with `cnf` (RFC 8705) counts only on a connection with that very client certificate. One without counts on
/// any: see [`JwtRules::require_certificate`](crate::payload::jose::JwtRules::require_certificate).
///
/// ```
/// use std::sync::Arc;
/// use countersign::UnixTime;
/// use countersign::payload::jose::{
///     Algorithm, BodyHash, HashForm, HmacSigningKey, Jwk, JwtAt, JwtKeyring, JwtRules, JwtScheme,
///     JwtSigner, JwtVerifier,
/// };
/// use countersign::payload::{KeyId, Message, Outgoing, SignPayload as _, VerifyPayload as _};
/// use countersign::tenant::TenantId;
/// use http::{Method, Uri};
///
/// let scheme = JwtScheme::new(
///     "acme",
///     JwtAt::bearer(),
///     JwtRules::issuer("https://acme.example").audience("hooks"),
/// )
///     .bound_to_body(BodyHash::in_claim("body", HashForm::Base64Url));
/// let (acme, now) = (TenantId::parse("acme")?, UnixTime::now());
/// let key = HmacSigningKey::new(Algorithm::Hs256, b"0123456789abcdef0123456789abcdef")?;
/// let signer = JwtSigner::new(scheme.clone()).with_key(acme.clone(), KeyId::new("k1"), Arc::new(key));
/// let headers = signer.sign_payload(&Outgoing::new(&acme, "delivery-1", b"{}", now))?;
///
/// let jwk = Jwk::parse(
///     br#"{"kty":"oct","kid":"k1","alg":"HS256","k":"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"}"#
/// )?;
/// let keys = JwtKeyring::builder().keys(acme, jwk.verifier(Algorithm::Hs256, &[])).build()?;
/// let (verifier, method, uri) = (JwtVerifier::new(scheme, keys), Method::POST, Uri::from_static("/"));
/// let refused = |body| {
///     verifier.verify_payload(&Message::new(&method, &uri, &headers, body, now))
///         .err()
///         .map(|why| why.code())
/// };
/// assert_eq!(refused(b"{}"), None);
/// assert_eq!(refused(b"[]"), Some("payload.token.other_body"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct JwtVerifier {
    scheme: BoundJwtScheme,
    keys: Arc<dyn FindKeys<JwsVerifier>>,
}

impl JwtVerifier {
    /// Verifies by this scheme with those keys.
    pub fn new(scheme: BoundJwtScheme, keys: impl FindKeys<JwsVerifier> + 'static) -> Self {
        Self {
            scheme,
            keys: Arc::new(keys),
        }
    }
}

impl VerifyPayload for JwtVerifier {
    fn verify_payload<'m>(&self, message: &Message<'m>) -> Result<Authentic<'m>, NotAuthentic> {
        let tokens = &self.scheme.tokens;
        let token = tokens.at.find(message.headers)?;
        let body = Some(&self.scheme.body);
        let accepted = tokens.accept(token, &*self.keys, message, body, delivery)?;
        let until = accepted.times.of_delivery(&accepted.delivery);
        let authentic = Authentic::assertion(
            accepted.owner,
            tokens.name.clone(),
            accepted.key,
            accepted.delivery,
        );
        let authentic = authentic.bound_to(accepted.bindings);
        Ok(accepted.times.date(authentic, until))
    }
}

/// A recognizer of senders by a token that does not cover the body.
///
/// Not a [`VerifyPayload`]: whoever holds such a token can send with it whatever they like, for as long as it is
/// valid. So the answer is a [`Recognized`] of [`Strength::UnboundToken`], and there is no way from there to
/// [`Countersigned`](crate::gate::Countersigned).
///
/// ```
/// use countersign::UnixTime;
/// use countersign::payload::jose::{Algorithm, Jwk, JwtKeyring, JwtScheme, UnboundJwts};
/// use countersign::payload::{Message, NotAuthentic};
/// use countersign::tenant::TenantId;
/// use http::{HeaderMap, Method, Uri, header::AUTHORIZATION};
///
/// let jwk = Jwk::parse(
///     br#"{"kty":"oct","alg":"HS256","k":"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"}"#
/// )?;
/// let keys = JwtKeyring::builder()
///     .keys(TenantId::parse("monday")?, jwk.verifier(Algorithm::Hs256, &[]))
///     .build()?;
/// let recognizer = UnboundJwts::new(JwtScheme::monday("https://hooks.example/monday"), keys);
/// let (method, uri, headers) = (Method::POST, Uri::from_static("/monday"), HeaderMap::new());
/// let bare = recognizer.recognize(&Message::new(&method, &uri, &headers, b"{}", UnixTime::now()));
/// assert_eq!(bare.err(), Some(NotAuthentic::MissingHeader { name: AUTHORIZATION }));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct UnboundJwts {
    scheme: JwtScheme,
    keys: Arc<dyn FindKeys<JwsVerifier>>,
}

impl UnboundJwts {
    /// Verifies by this scheme with those keys.
    pub fn new(scheme: JwtScheme, keys: impl FindKeys<JwsVerifier> + 'static) -> Self {
        Self {
            scheme,
            keys: Arc::new(keys),
        }
    }

    /// The sender whose token the message carries.
    ///
    /// # Errors
    /// [`NotAuthentic`], with the first reason found.
    pub fn recognize(&self, message: &Message<'_>) -> Result<Recognized, NotAuthentic> {
        self.recognize_token(self.scheme.at.find(message.headers)?, message)
    }

    /// The sender whose token this is, which the message carries in a place of its own: the `validationTokens` of Microsoft Graph.
    ///
    /// # Errors
    /// [`NotAuthentic`], with the first reason found.
    pub fn recognize_token(&self, token: &str, message: &Message<'_>) -> Result<Recognized, NotAuthentic> {
        let accepted = self.scheme.accept(token, &*self.keys, message, None, |_, _| ())?;
        let name = self.scheme.name.clone();
        Ok(Recognized::assertion(
            accepted.owner,
            name,
            accepted.key,
            Strength::UnboundToken,
        ))
    }
}

impl UnboundJwts {
    /// The sender whose tokens the JSON body carries in this list, which must not be empty: `validationTokens` of Microsoft Graph.
    /// All of them must pass. The body is not bound for all that.
    ///
    /// # Errors
    /// [`NotAuthentic`], with the first reason found.
    pub fn recognize_list(
        &self,
        member: impl Into<SchemeText>,
        message: &Message<'_>,
    ) -> Result<Recognized, NotAuthentic> {
        let member = member.into();
        let body = within_limit(message.body)?;
        let body = Object::parse(body, MAX_BODY_VALUES).map_err(|problem| InvalidJwt::Json {
            part: JwtPart::Payload,
            problem,
        })?;
        let wrong = InvalidJwt::of_another_type(&member);
        let tokens = match body.get(&member) {
            Some(Json::Array(tokens)) if tokens.len() <= MAX_LISTED => tokens,
            Some(_) => return Err(wrong.into()),
            None => return Err(InvalidJwt::missing(member).into()),
        };
        let mut recognized = Err(wrong.clone().into());
        for token in tokens {
            let Json::Text(token) = token else {
                return Err(wrong.into());
            };
            recognized = Ok(self.recognize_token(token, message)?);
        }
        recognized
    }
}

/// `jti`, or all that is signed: never the signature, which may have several forms (ECDSA).
fn delivery<'m>(id: Option<&str>, token: &'m str) -> DeliveryKey<'m> {
    match id.filter(|id| !id.is_empty()) {
        Some(id) => DeliveryKey::Digest(Hashed::Token, Sha256::digest(id.as_bytes()).into()),
        None => DeliveryKey::Id(token.rsplit_once('.').map_or(token, |(signed, _)| signed)),
    }
}

impl Times {
    /// Until when a message of this delivery may pass: another token may bear the same `jti`, and none what this one has signed.
    fn of_delivery(&self, delivery: &DeliveryKey<'_>) -> Option<u64> {
        match delivery {
            DeliveryKey::Id(_) => self.until,
            _ => self.any_until,
        }
    }

    fn date(self, authentic: Authentic<'_>, until: Option<u64>) -> Authentic<'_> {
        let at = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        match (self.issued, until) {
            (Some(issued), Some(until)) => authentic.signed_at(at(issued), at(until)),
            (None, Some(until)) => authentic.fresh_until(at(until)),
            (_, None) => authentic,
        }
    }
}
