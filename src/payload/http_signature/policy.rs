use http::HeaderName;
use sfv::InnerList;

use super::base::whole_name;
use super::fields::{Labelled, Read};
use super::{InvalidHttpSignature, VerifyingKeys};
use crate::codes::Few;
use crate::payload::Origin;
use crate::replay::Tolerance;

/// A policy for signatures: what one must be like to count (RFC 9421 §3.2.1 leaves that to the receiver).
///
/// Always covered: `@method`; `@target-uri`, or `@authority`, `@path` and, where there is one, `@query`;
/// `content-digest` where there is a body. Always there: `created`, within five minutes of the present.
///
/// ```
/// use countersign::payload::Origin;
/// use countersign::payload::http_signature::HttpSignaturePolicy;
/// use http::header;
///
/// let policy = HttpSignaturePolicy::new(Origin::parse("https://hooks.example")?)
///     .require_field(header::CONTENT_TYPE)
///     .require_nonce();
/// assert!(format!("{policy:?}").contains("content-type"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct HttpSignaturePolicy {
    pub(super) origin: Origin,
    pub(super) tolerance: Tolerance,
    pub(super) choose: ChooseSignature,
    pub(super) nonce_required: bool,
    authority_only: bool,
    fields: Vec<HeaderName>,
}

/// The choice among several signatures. Never simply the first.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChooseSignature {
    /// The one whose `keyid` is a key of the sender. The default.
    ByKeyId,
    /// The one with this `tag` (RFC 9421 §7.2.7).
    ByTag(String),
    /// The one with this label.
    ByLabel(String),
}

impl HttpSignaturePolicy {
    /// Signatures of requests to this origin.
    pub fn new(origin: Origin) -> Self {
        Self {
            origin,
            tolerance: Tolerance::default(),
            choose: ChooseSignature::ByKeyId,
            nonce_required: false,
            authority_only: false,
            fields: Vec::new(),
        }
    }

    /// Demands that this field be covered, too.
    #[must_use]
    pub fn require_field(mut self, name: HeaderName) -> Self {
        self.fields.push(name);
        self
    }

    /// Of method and target, only `@authority` must be covered: what bots sign (web-bot-auth), who show themselves to a
    /// host and not for one request.
    ///
    /// # Security
    /// Within the tolerance such a signature passes for another method, path and query.
    /// [`Bindings::request`](crate::payload::Bindings::request) says of each message whether it covers them.
    #[must_use]
    pub fn require_authority_only(mut self) -> Self {
        self.authority_only = true;
        self
    }

    /// There must be a `nonce`, and not an empty one. Where there is one it tells a delivery from another without this rule, too.
    #[must_use]
    pub fn require_nonce(mut self) -> Self {
        self.nonce_required = true;
        self
    }

    /// How far `created` may lie from the present.
    #[must_use]
    pub fn with_tolerance(mut self, tolerance: Tolerance) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Which of several signatures is meant.
    #[must_use]
    pub fn choosing(mut self, choose: ChooseSignature) -> Self {
        self.choose = choose;
        self
    }

    /// The signature that is meant: exactly one.
    pub(super) fn choose<'r>(
        &self,
        all: &'r [Read],
        keys: &VerifyingKeys,
    ) -> Result<&'r Labelled, InvalidHttpSignature> {
        let mut broken = None;
        let mut meant = Vec::with_capacity(1);
        for (label, labelled) in all {
            match labelled {
                Ok(labelled) if self.means(label, labelled, keys) => meant.push(labelled),
                Ok(_) => {}
                Err(why) => broken = Some(why.clone()),
            }
        }
        match (meant.pop(), meant.is_empty()) {
            (Some(only), true) => Ok(only),
            (Some(_), false) => Err(InvalidHttpSignature::Ambiguous),
            (None, _) => Err(broken.unwrap_or_else(|| self.not_found(all, Some(keys)))),
        }
    }

    /// What the signatures say, and what would count; the names of keys only where they are known.
    pub(super) fn not_found(&self, all: &[Read], keys: Option<&VerifyingKeys>) -> InvalidHttpSignature {
        let readable = all
            .iter()
            .filter_map(|(label, read)| Some((label, read.as_ref().ok()?)));
        let seen = readable.filter_map(|(label, labelled)| match &self.choose {
            ChooseSignature::ByTag(_) => labelled.parameters.tag.as_deref(),
            ChooseSignature::ByLabel(_) => Some(label.as_str()),
            ChooseSignature::ByKeyId => labelled.parameters.key_id.as_deref(),
        });
        let seen = Few::of(seen);
        let known = keys.into_iter().flat_map(|keys| keys.keys().iter());
        let (by, wanted) = match &self.choose {
            ChooseSignature::ByTag(tag) => ("tag", Few::of([tag.as_str()])),
            ChooseSignature::ByLabel(label) => ("label", Few::of([label.as_str()])),
            ChooseSignature::ByKeyId => ("keyid", Few::of(known.map(|key| key.id().as_str()))),
        };
        InvalidHttpSignature::NotFound { by, seen, wanted }
    }

    /// Whether it could be the one, whatever the keys are.
    pub(super) fn may_mean(&self, label: &str, labelled: &Labelled) -> bool {
        match &self.choose {
            ChooseSignature::ByTag(tag) => labelled.parameters.tag.as_ref() == Some(tag),
            ChooseSignature::ByLabel(wanted) => label == wanted,
            ChooseSignature::ByKeyId => labelled.parameters.key_id.is_some(),
        }
    }

    fn means(&self, label: &str, labelled: &Labelled, keys: &VerifyingKeys) -> bool {
        match &self.choose {
            ChooseSignature::ByTag(tag) => labelled.parameters.tag.as_ref() == Some(tag),
            ChooseSignature::ByLabel(wanted) => label == wanted,
            ChooseSignature::ByKeyId => match &labelled.parameters.key_id {
                Some(id) => keys.keys().iter().any(|key| key.id().as_str() == id),
                None => false,
            },
        }
    }

    /// Whether a signature that was not found may be one of a key that is not known.
    pub(super) fn chooses_by_key(&self) -> bool {
        matches!(self.choose, ChooseSignature::ByKeyId)
    }

    /// Whether all is covered that must be, of a message with this query and this body.
    pub(super) fn check_covered(
        &self,
        input: &InnerList,
        query: Option<&str>,
        body: &[u8],
    ) -> Result<(), InvalidHttpSignature> {
        if self.authority_only {
            must_cover(input, "@target-uri").or_else(|_| must_cover(input, "@authority"))?;
        } else {
            check_request(input, query)?;
        }
        if !body.is_empty() {
            must_cover(input, "content-digest")?;
        }
        self.fields
            .iter()
            .try_for_each(|name| must_cover(input, name.as_str()))
    }
}

/// Whether method and target are covered whole.
pub(super) fn check_request(input: &InnerList, query: Option<&str>) -> Result<(), InvalidHttpSignature> {
    must_cover(input, "@method")?;
    if must_cover(input, "@target-uri").is_ok() {
        return Ok(());
    }
    must_cover(input, "@authority")?;
    if must_cover(input, "@request-target").is_ok() {
        return Ok(());
    }
    must_cover(input, "@path")?;
    query.map_or(Ok(()), |_| must_cover(input, "@query"))
}

fn must_cover(input: &InnerList, name: &str) -> Result<(), InvalidHttpSignature> {
    if input.items.iter().any(|item| whole_name(item) == Some(name)) {
        Ok(())
    } else {
        Err(InvalidHttpSignature::NotCovered {
            name: name.to_owned(),
        })
    }
}
