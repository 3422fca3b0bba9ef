use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, header};
use rustls_pki_types::UnixTime;
use sha2::{Digest as _, Sha256};

use super::binding::check_confirmation;
use super::times::Times;
use crate::payload::hmac::body::within_limit;
use crate::payload::jose::json::{Json, Object};
use crate::payload::jose::jws::header::text;
use crate::payload::jose::{BodyHash, InvalidJwt, JwsVerifier, JwtPart, JwtRules, RequestHash};
use crate::payload::{
    Authentic, Bindings, DeliveryKey, FindKeys, Hashed, KeyId, Message, NoKey, NotAuthentic, Recognized,
    Strength, Unknown, VerifyPayload, Wanted,
};
use crate::tenant::TenantId;

/// The most values in a set of claims.
const MAX_VALUES: u32 = 1024;
/// The most values in a body that tokens are read from.
const MAX_BODY_VALUES: u32 = 64 * 1024;
/// The most tokens in a body.
const MAX_LISTED: usize = 16;

/// The place of a token in a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JwtAt {
    name: HeaderName,
    /// The authentication scheme before it (RFC 9110 §11.4), compared without case.
    scheme: Option<&'static str>,
}

impl JwtAt {
    /// `Authorization: Bearer <token>` (RFC 6750 §2.1).
    pub const fn bearer() -> Self {
        Self::authorization("Bearer")
    }

    /// `Authorization: <scheme> <token>`.
    pub const fn authorization(scheme: &'static str) -> Self {
        Self {
            name: header::AUTHORIZATION,
            scheme: Some(scheme),
        }
    }

    /// A header field that is nothing but the token.
    pub const fn header(name: HeaderName) -> Self {
        Self { name, scheme: None }
    }

    pub(in crate::payload::jose) fn find<'m>(&self, headers: &'m HeaderMap) -> Result<&'m str, NotAuthentic> {
        let name = || self.name.clone();
        let mut values = headers.get_all(&self.name).iter();
        let value = match (values.next(), values.next()) {
            (None, _) => return Err(NotAuthentic::MissingHeader { name: name() }),
            (Some(value), None) => value,
            (Some(_), Some(_)) => return Err(NotAuthentic::RepeatedHeader { name: name() }),
        };
        let malformed = || NotAuthentic::MalformedHeader { name: name() };
        let value = value.to_str().map_err(|_| malformed())?;
        let Some(scheme) = self.scheme else {
            return Ok(value);
        };
        match value.split_once(' ') {
            Some((given, token)) if given.eq_ignore_ascii_case(scheme) => Ok(token),
            _ => Err(malformed()),
        }
    }

    /// How the token is sent.
    pub(in crate::payload::jose) fn write(&self, token: &str) -> (HeaderName, String) {
        let value = match self.scheme {
            Some(scheme) => format!("{scheme} {token}"),
            None => token.to_owned(),
        };
        (self.name.clone(), value)
    }
}

/// A scheme of JSON Web Tokens that do *not* cover the body: they say who sent a request, not what.
///
/// [`UnboundJwts`] verifies by it, and what it answers with is weaker, in its type. [`bound_to_body`](Self::bound_to_body)
/// makes a [`BoundJwtScheme`] of it.
///
/// ```
/// use countersign::payload::jose::{BodyHash, HashForm, JwtAt, JwtRules, JwtScheme};
/// use http::HeaderName;
///
/// let at = JwtAt::header(HeaderName::from_static("x-acme-token"));
/// assert_eq!(at.to_string(), "x-acme-token: <token>");
/// let tokens = JwtScheme::new("acme", at, JwtRules::new("https://acme.example", "hooks"));
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

/// A scheme of JSON Web Tokens that carry the hash of the body. [`JwtVerifier`] verifies by it.
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

/// A verifier of messages by a JSON Web Token that carries the hash of their body.
///
/// Checked, in this order: the token is there once; its header; its key, which is one of the sender's; its signature;
/// its claims, strictly and each of its type; the certificate that it is bound to, if it is; the request; the body.
///
/// A delivery is told from another by `jti`, or, without one, by what is signed.
///
/// # Security
/// A token with `cnf` (RFC 8705) counts only on a connection with that very client certificate. One without counts on
/// any: see [`JwtRules::require_certificate`].
///
/// ```
/// use std::sync::Arc;
/// use countersign::UnixTime;
/// use countersign::payload::jose::{Algorithm, BodyHash, HashForm, HmacSigningKey, Jwk, JwtAt, JwtKeyring, JwtRules, JwtScheme, JwtSigner, JwtVerifier};
/// use countersign::payload::{KeyId, Message, Outgoing, SignPayload as _, VerifyPayload as _};
/// use countersign::tenant::TenantId;
/// use http::{Method, Uri};
///
/// let scheme = JwtScheme::new("acme", JwtAt::bearer(), JwtRules::new("https://acme.example", "hooks"))
///     .bound_to_body(BodyHash::in_claim("body", HashForm::Base64Url));
/// let (acme, now) = (TenantId::parse("acme")?, UnixTime::now());
/// let key = HmacSigningKey::new(Algorithm::Hs256, b"0123456789abcdef0123456789abcdef")?;
/// let signer = JwtSigner::new(scheme.clone()).with_key(acme.clone(), KeyId::new("k1"), Arc::new(key));
/// let headers = signer.sign_payload(&Outgoing::new(&acme, "delivery-1", b"{}", now))?;
///
/// let jwk = Jwk::parse(br#"{"kty":"oct","kid":"k1","alg":"HS256","k":"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"}"#)?;
/// let keys = JwtKeyring::builder().keys(acme, jwk.verifier(Algorithm::Hs256, &[])).build()?;
/// let (verifier, method, uri) = (JwtVerifier::new(scheme, keys), Method::POST, Uri::from_static("/"));
/// let refused = |body| verifier.verify_payload(&Message::new(&method, &uri, &headers, body, now)).err().map(|why| why.code());
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
        let authentic = Authentic::assertion(
            accepted.owner,
            tokens.name.clone(),
            accepted.key,
            accepted.delivery,
        );
        Ok(accepted.times.date(authentic.bound_to(accepted.bindings)))
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
/// let jwk = Jwk::parse(br#"{"kty":"oct","alg":"HS256","k":"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"}"#)?;
/// let keys = JwtKeyring::builder().keys(TenantId::parse("monday")?, jwk.verifier(Algorithm::Hs256, &[])).build()?;
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

    /// Whose token the message carries.
    ///
    /// # Errors
    /// [`NotAuthentic`], with the first reason found.
    pub fn recognize(&self, message: &Message<'_>) -> Result<Recognized, NotAuthentic> {
        self.recognize_token(self.scheme.at.find(message.headers)?, message)
    }

    /// Whose token this is, that the message carries in a place of its own: the `validationTokens` of Microsoft Graph.
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
    /// Whose tokens the JSON body carries in this list, which must not be empty: `validationTokens` of Microsoft Graph.
    /// All of them must pass. The body is not bound for all that.
    ///
    /// # Errors
    /// [`NotAuthentic`], with the first reason found.
    pub fn recognize_list(
        &self,
        member: &'static str,
        message: &Message<'_>,
    ) -> Result<Recognized, NotAuthentic> {
        let body = within_limit(message.body)?;
        let body = Object::parse(body, MAX_BODY_VALUES).map_err(|problem| InvalidJwt::Json {
            part: JwtPart::Payload,
            problem,
        })?;
        let wrong = InvalidJwt::MemberType { name: member };
        let tokens = match body.get(member) {
            Some(Json::Array(tokens)) if tokens.len() <= MAX_LISTED => tokens,
            Some(_) => return Err(wrong.into()),
            None => return Err(InvalidJwt::Missing { name: member }.into()),
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

/// What is known of a token once it is accepted.
struct Accepted<D> {
    owner: TenantId,
    key: KeyId,
    delivery: D,
    times: Times,
    bindings: Bindings,
}

impl JwtScheme {
    /// `name` makes what the delivery is known by of the claim `jti` and the token.
    fn accept<'m, D>(
        &self,
        token: &'m str,
        keys: &dyn FindKeys<JwsVerifier>,
        message: &Message<'m>,
        body: Option<&BodyHash>,
        name: impl FnOnce(Option<&str>, &'m str) -> D,
    ) -> Result<Accepted<D>, NotAuthentic> {
        let found = keys.find_keys(&Wanted::of(message.sender))?;
        let verified = found
            .keys()
            .verify(token, |header| self.rules.check_header(header));
        let verified = verified.map_err(|why| refuse(why, keys, found.owner()))?;
        let claims = Object::parse(&verified.payload, MAX_VALUES).map_err(|problem| InvalidJwt::Json {
            part: JwtPart::Payload,
            problem,
        })?;
        let times = self.rules.check(&claims, found.owner(), message.now.as_secs())?;
        let bindings = self.bindings(&claims, message, body)?;
        Ok(Accepted {
            delivery: name(text(&claims, "jti")?.as_deref(), token),
            key: verified.key.id().clone(),
            times,
            bindings,
            owner: found.into_owner(),
        })
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

/// A key that is not known may be known in a moment: an outage then, so that the sender comes again. So may the key of a
/// signature that does not match: a set may give the name of an old key to a new one, or no names at all.
pub(in crate::payload::jose) fn refuse(
    why: InvalidJwt,
    keys: &dyn FindKeys<JwsVerifier>,
    owner: &TenantId,
) -> NotAuthentic {
    if why.is_about_the_key() && keys.unknown_key(owner) == Unknown::Refreshing {
        return NoKey::Unavailable.into();
    }
    why.into()
}

/// `jti`, or all that is signed: never the signature, which may have several forms (ECDSA).
fn delivery<'m>(id: Option<&str>, token: &'m str) -> DeliveryKey<'m> {
    match id {
        Some(id) => DeliveryKey::Digest(Hashed::Token, Sha256::digest(id.as_bytes()).into()),
        None => DeliveryKey::Id(token.rsplit_once('.').map_or(token, |(signed, _)| signed)),
    }
}

impl Times {
    fn date(self, authentic: Authentic<'_>) -> Authentic<'_> {
        let at = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        match (self.issued, self.until) {
            (Some(issued), Some(until)) => authentic.signed_at(at(issued), at(until)),
            (None, Some(until)) => authentic.fresh_until(at(until)),
            (_, None) => authentic,
        }
    }
}

impl fmt::Display for JwtAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.scheme {
            Some(scheme) => write!(f, "{}: {scheme} <token>", self.name),
            None => write!(f, "{}: <token>", self.name),
        }
    }
}
