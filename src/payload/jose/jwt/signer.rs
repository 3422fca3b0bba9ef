use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderValue};
use serde_json::{Map, Value, json};

use crate::identity::CertHash;
use crate::payload::NotSigned;
use crate::payload::jose::{BodyHash, BoundJwtScheme, JwtScheme, SigningKey};
use crate::payload::{CannotSign, KeyId, NoKey, Outgoing, SchemeText, SignPayload};
use crate::tenant::TenantId;

/// A signer of messages with a token: the other half of [`JwtVerifier`](crate::payload::jose::JwtVerifier), by the same
/// schemes.
///
/// The token says what the scheme's rules ask for: the first issuer and audience they name, `iat` and `exp`, `jti` with
/// the delivery's identity, the texts that are required, the tenant, and the hash of the body.
///
/// ```
/// use std::sync::Arc;
/// use countersign::payload::jose::{Algorithm, BoundJwtScheme, HmacSigningKey, JwtSigner};
/// use countersign::payload::{KeyId, Outgoing, SignPayload};
/// use countersign::tenant::TenantId;
/// # use std::time::Duration;
/// # use rustls::pki_types::UnixTime;
///
/// let key = HmacSigningKey::new(Algorithm::Hs256, b"0123456789abcdef0123456789abcdef")?;
/// let acme = TenantId::parse("acme")?;
/// let signer = JwtSigner::new(BoundJwtScheme::vonage()).with_key(
///     acme.clone(),
///     KeyId::new("k1"),
///     Arc::new(key),
/// );
/// let now = UnixTime::since_unix_epoch(Duration::from_secs(1_790_000_000));
/// let headers = signer.sign_payload(&Outgoing::new(&acme, "delivery-1", b"{}", now))?;
/// assert!(headers["authorization"].to_str()?.starts_with("Bearer eyJ"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct JwtSigner {
    scheme: JwtScheme,
    body: Option<BodyHash>,
    keys: HashMap<TenantId, Signing>,
    lifetime: Duration,
    certificate: Option<CertHash>,
}

#[derive(Clone)]
struct Signing {
    id: KeyId,
    key: Arc<dyn SigningKey>,
}

impl JwtSigner {
    /// Signs by this scheme, for five minutes.
    pub fn new(scheme: BoundJwtScheme) -> Self {
        Self::of(scheme.tokens, Some(scheme.body))
    }

    /// Signs by a scheme that does not cover the body.
    ///
    /// # Security
    /// Whoever sees such a token can send what they like with it, for as long as it is valid.
    pub fn unbound(scheme: JwtScheme) -> Self {
        Self::of(scheme, None)
    }

    fn of(scheme: JwtScheme, body: Option<BodyHash>) -> Self {
        Self {
            scheme,
            body,
            keys: HashMap::new(),
            lifetime: Duration::from_secs(300),
            certificate: None,
        }
    }

    /// The key of a tenant, and the `kid` that its receiver knows it by.
    #[must_use]
    pub fn with_key(mut self, tenant: TenantId, id: KeyId, key: Arc<dyn SigningKey>) -> Self {
        self.keys.insert(tenant, Signing { id, key });
        self
    }

    /// Makes tokens that are valid for so long.
    #[must_use]
    pub fn with_lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// Binds tokens to the client certificate that they will be sent under (RFC 8705 §3).
    #[must_use]
    pub fn bound_to_certificate(mut self, certificate: CertHash) -> Self {
        self.certificate = Some(certificate);
        self
    }

    /// The claim that binds the token to method and target, where the scheme has one.
    fn request_claim(&self, outgoing: &Outgoing<'_>) -> Result<Option<(&SchemeText, String)>, CannotSign> {
        let Some(request) = &self.scheme.request else {
            return Ok(None);
        };
        let (method, uri) = outgoing.needed_request()?;
        Ok(Some(request.claim(method, uri)))
    }

    fn claims(&self, outgoing: &Outgoing<'_>) -> Result<Map<String, Value>, CannotSign> {
        let visible = outgoing.id.bytes().all(|byte| byte.is_ascii_graphic());
        if !visible || outgoing.id.is_empty() || outgoing.id.len() > 256 {
            return Err(CannotSign::Id);
        }
        let now = outgoing.now.as_secs();
        let mut claims = self.scheme.rules.claims_to_send(outgoing.tenant);
        claims.insert("jti".into(), outgoing.id.into());
        claims.insert("iat".into(), now.into());
        claims.insert("exp".into(), now.saturating_add(self.lifetime.as_secs()).into());
        if let Some((name, value)) = self.body.as_ref().and_then(|body| body.claim(outgoing.body)) {
            claims.insert(name.into(), value);
        }
        if let Some(certificate) = &self.certificate {
            let thumbprint = URL_SAFE_NO_PAD.encode(certificate.as_bytes());
            claims.insert("cnf".into(), json!({ "x5t#S256": thumbprint }));
        }
        Ok(claims)
    }
}

impl SignPayload for JwtSigner {
    fn sign_payload(&self, outgoing: &Outgoing<'_>) -> Result<HeaderMap, CannotSign> {
        let signing = self.keys.get(outgoing.tenant).ok_or_else(|| NoKey::Unknown {
            sender: outgoing.tenant.clone(),
        })?;
        let mut claims = self.claims(outgoing)?;
        let request = self.request_claim(outgoing)?;
        claims.extend(request.map(|(name, hash)| (name.to_string(), hash.into())));
        let token = signing.token(self.scheme.rules.type_to_send(), Value::Object(claims))?;
        let (name, value) = self.scheme.at.write(&token);
        let mut value = HeaderValue::try_from(value).map_err(|_| CannotSign::Id)?;
        value.set_sensitive(true);
        Ok(HeaderMap::from_iter([(name, value)]))
    }
}

impl Signing {
    fn token(&self, typ: &str, claims: Value) -> Result<String, NotSigned> {
        let header = json!({
            "alg": self.key.algorithm().jose_name(),
            "kid": self.id.as_str(),
            "typ": typ,
        });
        let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let signed = format!("{header}.{claims}");
        let signature = self.key.sign(signed.as_bytes())?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

impl fmt::Debug for Signing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signing")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}
