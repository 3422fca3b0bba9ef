use std::time::Duration;

use serde_json::{Map, Value};

use super::times::TimeRules;
use crate::payload::SchemeText;
use crate::tenant::TenantId;

/// Rules on the claims of a token (RFC 7519 §4.1, RFC 8725 §3.8 to §3.11).
///
/// Issuer and audience are asked for by construction, `exp` by default. Every claim of RFC 7519 is of its type or the
/// token is refused, asked for or not. The clock may be off by 60 seconds.
///
/// ```
/// use countersign::UnixTime;
/// use countersign::payload::jose::{
///     Algorithm, Jwk, JwtAt, JwtKeyring, JwtRules, JwtScheme, UnboundJwts,
/// };
/// use countersign::payload::Message;
/// use countersign::tenant::TenantId;
/// # use http::{HeaderMap, Method, Uri};
///
/// let rules = JwtRules::issuer("https://issuer.example").audience("https://hooks.example/acme");
/// let rules = rules.require_text("event", "paid");
/// # let jwk = Jwk::parse(br#"{"kty":"oct","alg":"HS256","k":"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"}"#)?;
/// # let keys = JwtKeyring::builder().keys(TenantId::parse("acme")?, jwk.verifier(Algorithm::Hs256, &[])).build()?;
/// # let (method, uri, headers) = (Method::POST, Uri::from_static("/"), HeaderMap::new());
/// let recognizer = UnboundJwts::new(JwtScheme::new("acme", JwtAt::bearer(), rules), keys);
/// // A token without a signature ("alg":"none") never reaches them.
/// let forged = "eyJhbGciOiJub25lIn0.e30.";
/// let refused = recognizer.recognize_token(
///     forged,
///     &Message::new(&method, &uri, &headers, b"", UnixTime::now()),
/// );
/// assert_eq!(refused.err().map(|why| why.code()), Some("payload.token.unknown_algorithm"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct JwtRules {
    pub(super) issuers: Accepted,
    pub(super) audiences: Accepted,
    pub(super) types: Vec<SchemeText>,
    pub(super) type_required: bool,
    pub(super) id_required: bool,
    pub(super) times: TimeRules,
    pub(in crate::payload::jose) certificate_required: bool,
    pub(super) texts: Vec<(SchemeText, String)>,
    pub(super) flags: Vec<SchemeText>,
    pub(super) tenant_in: Vec<(SchemeText, String)>,
    pub(super) tenant_claim: TenantClaim,
}

/// The issuer of [`JwtRules`] whose audience is still to be named: a step of its own, so that the two cannot change places.
#[derive(Debug, Clone)]
#[must_use = "rules name an audience, too"]
pub struct JwtIssuer(Accepted);

impl JwtIssuer {
    /// Tokens for this audience, compared byte for byte.
    pub fn audience(self, audience: impl Into<String>) -> JwtRules {
        JwtRules::accepting(self.0, Accepted::one(audience))
    }
}

/// What a claim `tenant` means that no rule asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TenantClaim {
    TheTenant,
    Anything,
}

/// The values that a claim may have.
#[derive(Debug, Clone)]
pub(super) enum Accepted {
    Any,
    OneOf(Vec<String>),
}

impl Accepted {
    pub(super) fn one(value: impl Into<String>) -> Self {
        Self::OneOf(vec![value.into()])
    }

    pub(super) fn contains(&self, value: &str) -> bool {
        match self {
            Self::Any => true,
            Self::OneOf(values) => values.iter().any(|accepted| accepted == value),
        }
    }

    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        let texts: &[String] = match self {
            Self::Any => &[],
            Self::OneOf(values) => values,
        };
        texts.iter().map(String::as_str)
    }
}

impl JwtRules {
    /// Tokens of this issuer, compared byte for byte, for the audience that is named next.
    pub fn issuer(issuer: impl Into<String>) -> JwtIssuer {
        JwtIssuer(Accepted::one(issuer))
    }

    pub(super) fn accepting(issuers: Accepted, audiences: Accepted) -> Self {
        Self {
            issuers,
            audiences,
            types: vec!["JWT".into()],
            type_required: false,
            id_required: false,
            times: TimeRules::default(),
            certificate_required: false,
            texts: Vec::new(),
            flags: Vec::new(),
            tenant_in: Vec::new(),
            tenant_claim: TenantClaim::TheTenant,
        }
    }

    /// Accepts this issuer, too.
    #[must_use]
    pub fn or_issuer(mut self, issuer: impl Into<String>) -> Self {
        if let Accepted::OneOf(issuers) = &mut self.issuers {
            issuers.push(issuer.into());
        }
        self
    }

    /// Accepts this audience, too.
    #[must_use]
    pub fn or_audience(mut self, audience: impl Into<String>) -> Self {
        if let Accepted::OneOf(audiences) = &mut self.audiences {
            audiences.push(audience.into());
        }
        self
    }

    /// Takes tokens whoever is named as their issuer, or nobody. For providers that name none.
    ///
    /// # Security
    /// Then only the key tells one issuer from another.
    #[must_use]
    pub fn allow_any_issuer(mut self) -> Self {
        self.issuers = Accepted::Any;
        self
    }

    /// Takes tokens for whomever they are meant, or nobody. For providers that name none.
    ///
    /// # Security
    /// Then a token that was sent to somebody else passes here, if its key counts here, too.
    #[must_use]
    pub fn allow_any_audience(mut self) -> Self {
        self.audiences = Accepted::Any;
        self
    }

    /// Takes tokens without `exp`. Give a [maximum age](Self::with_max_age) or
    /// [lifetime](Self::with_max_lifetime) then.
    #[must_use]
    pub fn allow_no_expiry(mut self) -> Self {
        self.times.expiry_required = false;
        self
    }

    /// `iat` must be there, and no longer ago than that.
    #[must_use]
    pub fn with_max_age(mut self, age: Duration) -> Self {
        self.times.max_age = Some(age.as_secs());
        self
    }

    /// `iat` must be there, and `exp` no further from it than that: without this rule (or a [maximum age](Self::with_max_age)) the sender says for
    /// how long its deliveries take room in the replay store, be it a hundred years. A token that may do
    /// [without `exp`](Self::allow_no_expiry) counts for so long after `iat`.
    #[must_use]
    pub fn with_max_lifetime(mut self, lifetime: Duration) -> Self {
        self.times.max_lifetime = Some(lifetime.as_secs());
        self
    }

    /// How far the clocks may differ. Default 60 seconds.
    #[must_use]
    pub fn with_leeway(mut self, leeway: Duration) -> Self {
        self.times.leeway = leeway.as_secs();
        self
    }

    /// `typ` must be there and one of these, whatever their case, with or without `application/` before them. Without
    /// this rule it may be absent, or `JWT`. Tells tokens of one kind from those of another (RFC 8725 §3.11).
    #[must_use]
    pub fn with_types<T: Into<SchemeText>>(mut self, types: impl IntoIterator<Item = T>) -> Self {
        self.types = types.into_iter().map(Into::into).collect();
        self.type_required = true;
        self
    }

    /// `jti` must be there, and not empty.
    #[must_use]
    pub fn require_id(mut self) -> Self {
        self.id_required = true;
        self
    }

    /// This claim must be there and this text.
    #[must_use]
    pub fn require_text(mut self, claim: impl Into<SchemeText>, text: impl Into<String>) -> Self {
        self.texts.push((claim.into(), text.into()));
        self
    }

    /// This claim must be there and `true`.
    #[must_use]
    pub fn require_true(mut self, claim: impl Into<SchemeText>) -> Self {
        self.flags.push(claim.into());
        self
    }

    /// The token must be bound to the client certificate of its connection (RFC 8705 §3). One that says that it is
    /// bound is compared without this rule, too.
    #[must_use]
    pub fn require_certificate(mut self) -> Self {
        self.certificate_required = true;
        self
    }

    /// This claim must be there and name the tenant whose key signed the token: `{tenant}` stands for its name, as in
    /// `https://{tenant}.example`. A claim `tenant` is compared without this rule, too.
    #[must_use]
    pub fn with_tenant_in(mut self, claim: impl Into<SchemeText>, template: impl Into<String>) -> Self {
        self.tenant_in.push((claim.into(), template.into()));
        self
    }

    /// Leaves a claim `tenant` alone, whatever it says, for issuers that mean something else by it: a region, a product.
    /// What [`with_tenant_in`](Self::with_tenant_in) asks for is compared all the same.
    ///
    /// # Security
    /// Then only the key tells whose token it is. Where tenants share a key set, say with `with_tenant_in` which claim
    /// tells them apart.
    #[must_use]
    pub fn allow_any_tenant_claim(mut self) -> Self {
        self.tenant_claim = TenantClaim::Anything;
        self
    }

    /// What a sender puts into a token so that it passes: all but times and bindings.
    pub(in crate::payload::jose) fn claims_to_send(&self, tenant: &TenantId) -> Map<String, Value> {
        let mut claims = Map::new();
        for (name, accepted) in [("iss", &self.issuers), ("aud", &self.audiences)] {
            if let Accepted::OneOf(values) = accepted {
                claims.extend(
                    values
                        .first()
                        .map(|value| (name.to_owned(), value.as_str().into())),
                );
            }
        }
        let texts = self
            .texts
            .iter()
            .map(|(name, text)| (name.to_string(), text.as_str().into()));
        claims.extend(texts);
        claims.extend(self.flags.iter().map(|name| (name.to_string(), true.into())));
        let tenants = self.tenant_in.iter().map(|(name, template)| {
            (
                name.to_string(),
                template.replacen("{tenant}", tenant.as_str(), 1).into(),
            )
        });
        claims.extend(tenants);
        claims
    }

    pub(in crate::payload::jose) fn type_to_send(&self) -> &str {
        self.types.first().map_or("JWT", |of_type| of_type)
    }
}
