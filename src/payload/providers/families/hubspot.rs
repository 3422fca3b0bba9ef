use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::payload::hmac::fields::single;
use crate::payload::hmac::keys::{KeyForm, Weak};
use crate::payload::hmac::{Encoding, KeyProblem};
use crate::payload::{
    CannotSign, KeyId, Message, NotAuthentic, Origin, Outgoing, Recognized, Secret, SignPayload, Strength,
};
use crate::tenant::TenantId;

const SIGNATURE: HeaderName = HeaderName::from_static("x-hubspot-signature");
const VERSION: HeaderName = HeaderName::from_static("x-hubspot-signature-version");

/// HubSpot's signatures of versions 1 and 2: a plain SHA-256 hash over the secret and the message, in that order.
///
/// # Security
/// Whoever sees one message can make a longer one that has a right hash (length extension). So the answer is a
/// [`Recognized`]. Have HubSpot send version 3 and use [`Scheme::hubspot`](crate::payload::Scheme::hubspot).
///
/// ```
/// use countersign::payload::{Secret, hmac::KeyProblem};
/// use countersign::payload::providers::HubSpotLegacy;
/// use countersign::tenant::TenantId;
///
/// let acme = TenantId::parse("acme")?;
/// assert!(HubSpotLegacy::version_1(acme.clone(), &Secret::new("a client secret of HubSpot's")).is_ok());
/// assert_eq!(HubSpotLegacy::version_1(acme, &Secret::new("")).err(), Some(KeyProblem::Empty));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct HubSpotLegacy {
    tenant: TenantId,
    secret: Arc<Zeroizing<Vec<u8>>>,
    origin: Option<Origin>,
    scheme: Arc<str>,
}

impl HubSpotLegacy {
    /// HubSpot's version 1: signs secret and body.
    ///
    /// # Errors
    /// [`KeyProblem`]: an empty, short or placeholder secret.
    pub fn version_1(tenant: TenantId, secret: &Secret) -> Result<Self, KeyProblem> {
        Ok(Self {
            tenant,
            secret: Arc::new(KeyForm::Utf8.read(secret.as_str(), Weak::Refuse)?),
            origin: None,
            scheme: "hubspot_legacy".into(),
        })
    }

    /// HubSpot's version 2: signs secret, method, URL and body.
    ///
    /// # Errors
    /// [`KeyProblem`]: an empty, short or placeholder secret.
    pub fn version_2(tenant: TenantId, secret: &Secret, origin: &Origin) -> Result<Self, KeyProblem> {
        let mut version_1 = Self::version_1(tenant, secret)?;
        version_1.origin = Some(origin.clone());
        Ok(version_1)
    }

    /// Who sent it.
    ///
    /// # Errors
    /// [`NotAuthentic`], with the first reason found.
    pub fn recognize(&self, message: &Message<'_>) -> Result<Recognized, NotAuthentic> {
        let version = message
            .headers
            .get(&VERSION)
            .map(|_| single(message.headers, &VERSION))
            .transpose()?;
        if version.is_some_and(|version| version != self.version()) {
            return Err(NotAuthentic::MalformedHeader { name: VERSION });
        }
        let signature = single(message.headers, &SIGNATURE)?;
        let decoded = Encoding::Hex.decode(signature.as_bytes(), 32);
        let decoded = decoded.ok_or(NotAuthentic::MalformedSignature { name: SIGNATURE })?;
        if !bool::from(decoded.as_slice().ct_eq(&self.hash(message))) {
            return Err(NotAuthentic::SignatureMismatch);
        }
        let key = KeyId::new("secret");
        Ok(Recognized::assertion(
            self.tenant.clone(),
            self.scheme.clone(),
            key,
            Strength::ExtendableHash,
        ))
    }

    fn version(&self) -> &'static str {
        if self.origin.is_some() { "v2" } else { "v1" }
    }

    fn hash(&self, message: &Message<'_>) -> [u8; 32] {
        let mut hash = Sha256::new_with_prefix(&**self.secret);
        if let Some(origin) = &self.origin {
            hash.update(message.method.as_str());
            hash.update(origin.as_str());
            hash.update(message.uri.path_and_query().map_or("/", |path| path.as_str()));
        }
        hash.update(message.body);
        hash.finalize().into()
    }
}

/// For explanations.
impl HubSpotLegacy {
    pub(crate) const FIELD: HeaderName = SIGNATURE;

    /// Of these very bytes, whatever a secret must be.
    pub(crate) fn of_bytes(tenant: TenantId, secret: Zeroizing<Vec<u8>>, origin: Option<&Origin>) -> Self {
        Self {
            tenant,
            secret: Arc::new(secret),
            origin: origin.cloned(),
            scheme: "hubspot_legacy".into(),
        }
    }

    /// What is hashed behind the secret.
    pub(crate) fn behind_the_secret(origin: Option<&Origin>, message: &Message<'_>) -> Vec<u8> {
        let path = message.uri.path_and_query().map_or("/", |path| path.as_str());
        let of_request = |origin: &Origin| format!("{}{}{path}", message.method, origin.as_str());
        let mut text = origin.map(of_request).unwrap_or_default().into_bytes();
        text.extend(message.body);
        text
    }
}

impl SignPayload for HubSpotLegacy {
    /// For whoever tests a receiver: a sender of today signs by version 3.
    fn sign_payload(&self, outgoing: &Outgoing<'_>) -> Result<HeaderMap, CannotSign> {
        outgoing.check_sender(&self.tenant)?;
        let root = Uri::from_static("/");
        let (method, uri) = match outgoing.request {
            None if self.origin.is_some() => return Err(CannotSign::RequestNeeded),
            request => request.unwrap_or((&Method::POST, &root)),
        };
        let mut headers = HeaderMap::new();
        let message = Message::new(method, uri, &headers, outgoing.body, outgoing.now);
        let signature = Encoding::Hex.encode(&self.hash(&message));
        headers.insert(SIGNATURE, signature.try_into().map_err(|_| CannotSign::Body)?);
        headers.insert(VERSION, HeaderValue::from_static(self.version()));
        Ok(headers)
    }
}

impl std::fmt::Debug for HubSpotLegacy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HubSpotLegacy")
            .field("tenant", &self.tenant)
            .finish_non_exhaustive()
    }
}
