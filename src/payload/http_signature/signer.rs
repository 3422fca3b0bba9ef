use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use sfv::{BareItem, InnerList, Integer, Item, Key, Parameters, String as Text};

use super::base::{Covered, serialize_input};
use super::digest;
use super::fields::{CONTENT_DIGEST, SIGNATURE, SIGNATURE_INPUT};
use crate::payload::jose::SigningKey;
use crate::payload::{CannotSign, KeyId, NoKey, Origin, Outgoing, SignPayload};
use crate::tenant::TenantId;

/// A signer of requests by RFC 9421: method, target, content digest and the fields that are asked for; with `created`,
/// `expires`, the delivery's identity as `nonce`, `keyid` and `alg`.
///
/// ```
/// use std::sync::Arc;
/// use countersign::UnixTime;
/// use countersign::payload::http_signature::HttpSigner;
/// use countersign::payload::jose::{Algorithm, HmacSigningKey};
/// use countersign::payload::{KeyId, Origin, Outgoing, SignPayload as _};
/// use countersign::tenant::TenantId;
/// use http::{Method, Uri};
///
/// let key = HmacSigningKey::new(Algorithm::Hs256, b"0123456789abcdef0123456789abcdef")?;
/// let acme = TenantId::parse("acme")?;
/// let signer = HttpSigner::new(Origin::parse("https://hooks.example")?).with_key(
///     acme.clone(),
///     KeyId::new("k1"),
///     Arc::new(key),
/// );
/// let (method, uri) = (Method::POST, Uri::from_static("/paid"));
/// let headers = signer.sign_payload(
///     &Outgoing::new(&acme, "delivery-1", b"{}", UnixTime::now()).with_request(&method, &uri)
/// )?;
/// assert!(headers["signature-input"].to_str()?.contains(r#"keyid="k1""#));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct HttpSigner {
    origin: Option<Origin>,
    fields: Vec<HeaderName>,
    tag: Option<String>,
    lifetime: Duration,
    keys: HashMap<TenantId, Signing>,
}

#[derive(Clone)]
struct Signing {
    id: KeyId,
    key: Arc<dyn SigningKey>,
}

impl HttpSigner {
    /// Signs requests to this origin, for five minutes: that which the receiver's clients see, whatever stands in
    /// the target.
    pub fn new(origin: Origin) -> Self {
        Self::of(Some(origin))
    }

    /// Signs requests to any receiver, for five minutes. Their targets must be absolute.
    pub fn to_any_origin() -> Self {
        Self::of(None)
    }

    fn of(origin: Option<Origin>) -> Self {
        Self {
            origin,
            fields: Vec::new(),
            tag: None,
            lifetime: Duration::from_secs(300),
            keys: HashMap::new(),
        }
    }

    /// The key of a tenant, and the `keyid` that its receiver knows it by.
    #[must_use]
    pub fn with_key(mut self, tenant: TenantId, id: KeyId, key: Arc<dyn SigningKey>) -> Self {
        self.keys.insert(tenant, Signing { id, key });
        self
    }

    /// Covers this field of the message's, too: see [`Outgoing::with_headers`].
    #[must_use]
    pub fn covering(mut self, name: HeaderName) -> Self {
        if name != CONTENT_DIGEST && !self.fields.contains(&name) {
            self.fields.push(name);
        }
        self
    }

    /// Sends this `tag`.
    #[must_use]
    pub fn with_tag(mut self, tag: impl Into<String>) -> Self {
        self.tag = Some(tag.into());
        self
    }

    fn origin(&self, uri: &Uri) -> Result<Cow<'_, Origin>, CannotSign> {
        if let Some(origin) = &self.origin {
            return Ok(Cow::Borrowed(origin));
        }
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(CannotSign::RequestNeeded);
        };
        let origin = Origin::parse(&format!("{scheme}://{authority}"));
        origin.map(Cow::Owned).map_err(|_| CannotSign::RequestNeeded)
    }

    /// The fields that are covered: the message's own, and what is added to them.
    fn covered_fields(&self, outgoing: &Outgoing<'_>, added: &HeaderMap) -> Result<HeaderMap, CannotSign> {
        let mut covered = added.clone();
        for name in self.fields.iter().filter(|name| !added.contains_key(*name)) {
            let values = outgoing.headers.map(|headers| headers.get_all(name));
            for value in values.into_iter().flatten() {
                covered.append(name, value.clone());
            }
            if !covered.contains_key(name) {
                return Err(CannotSign::FieldNeeded { name: name.clone() });
            }
        }
        Ok(covered)
    }

    fn input(&self, signing: &Signing, outgoing: &Outgoing<'_>) -> Result<InnerList, CannotSign> {
        let fixed = ["@method", "@target-uri", "content-digest"].into_iter();
        let names = fixed.chain(self.fields.iter().map(HeaderName::as_str));
        let items = names.map(|name| Ok(Item::new(text(name)?)));
        let created = outgoing.now.as_secs();
        let algorithm = signing.key.algorithm().http_name().ok_or(CannotSign::Algorithm)?;
        let parameters = [
            ("created", integer(created)?),
            (
                "expires",
                integer(created.saturating_add(self.lifetime.as_secs()))?,
            ),
            ("nonce", text(outgoing.id)?),
            ("keyid", parameter("keyid", signing.id.as_str())?),
            ("alg", text(algorithm)?),
        ];
        let mut params = Parameters::new();
        for (name, parameter) in parameters {
            params.insert(key(name)?, parameter);
        }
        if let Some(tag) = &self.tag {
            params.insert(key("tag")?, parameter("tag", tag)?);
        }
        Ok(InnerList::with_params(
            items.collect::<Result<_, CannotSign>>()?,
            params,
        ))
    }
}

impl SignPayload for HttpSigner {
    /// `Content-Digest`, `Signature-Input` and `Signature`.
    fn sign_payload(&self, outgoing: &Outgoing<'_>) -> Result<HeaderMap, CannotSign> {
        let (method, uri) = outgoing.needed_request()?;
        let signing = self.keys.get(outgoing.tenant).ok_or_else(|| NoKey::Unknown {
            sender: outgoing.tenant.clone(),
        })?;
        let mut added = HeaderMap::with_capacity(3);
        added.insert(CONTENT_DIGEST, value(digest::of(outgoing.body))?);
        let headers = self.covered_fields(outgoing, &added)?;
        let input = self.input(signing, outgoing)?;
        let covered = Covered {
            origin: &*self.origin(uri)?,
            method,
            uri,
            headers: &headers,
        };
        let base = covered
            .base(&input)
            .map_err(|reason| CannotSign::Component { reason })?;
        let signature = STANDARD.encode(signing.key.sign(base.as_bytes())?);
        added.insert(
            SIGNATURE_INPUT,
            value(format!("sig={}", serialize_input(&input)))?,
        );
        added.insert(SIGNATURE, value(format!("sig=:{signature}:"))?);
        Ok(added)
    }
}

fn key(name: &str) -> Result<Key, CannotSign> {
    Key::try_from(name.to_owned()).map_err(|_| CannotSign::Id)
}

fn text(text: &str) -> Result<BareItem, CannotSign> {
    let text = Text::from_string(text.to_owned()).map_err(|_| CannotSign::Id)?;
    Ok(BareItem::String(text))
}

fn parameter(name: &'static str, value: &str) -> Result<BareItem, CannotSign> {
    text(value).map_err(|_| CannotSign::Parameter { name })
}

fn integer(number: u64) -> Result<BareItem, CannotSign> {
    let number = Integer::try_from(number).map_err(|_| CannotSign::Id)?;
    Ok(BareItem::Integer(number))
}

fn value(text: String) -> Result<HeaderValue, CannotSign> {
    HeaderValue::try_from(text).map_err(|_| CannotSign::Id)
}

impl fmt::Debug for Signing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signing")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}
