use std::sync::Arc;
use std::time::Duration;

use rustls_pki_types::UnixTime;
use sha2::{Digest as _, Sha256};

use super::base::{Covered, whole_name};
use super::fields::{Labelled, Read, SignatureParameters, signatures};
use super::policy::check_request;
use super::{HttpSignaturePolicy, InvalidHttpSignature, VerifyingKeys, digest};
use crate::codes::{Few, Seen};
use crate::payload::FindKeys;
use crate::payload::jose::{Algorithm, VerifyingKey};
use crate::payload::keys::{keys_unless_refused, unless_renewed};
use crate::payload::{Authentic, Bindings, DeliveryKey, Hashed, Message, NotAuthentic, VerifyPayload};

/// A verifier of HTTP message signatures (RFC 9421), and content digests (RFC 9530) over the bytes that arrived.
///
/// Checked, in this order: the fields are there once and well-formed; exactly one signature is the one that the
/// [policy](HttpSignaturePolicy) means; it covers what it must; its time; its key and `alg`; its digest; the signature.
///
/// A delivery is told from another by `nonce`, or, without one (or an empty one), by all that is signed.
///
/// ```
/// use countersign::payload::jose::{Algorithm, VerifyingKey};
/// use countersign::payload::{NotAuthentic, KeyId, Message, Origin, VerifyPayload};
/// use countersign::payload::http_signature::{
///     HttpSignatureKeyring, HttpSignaturePolicy, HttpSignatureVerifier,
/// };
/// use countersign::tenant::TenantId;
/// use http::{HeaderMap, Method, Uri};
/// # use rustls::pki_types::UnixTime;
///
/// let key = VerifyingKey::hmac(
///     KeyId::new("k1"),
///     Algorithm::Hs256,
///     b"0123456789abcdef0123456789abcdef",
/// )?;
/// let keys = HttpSignatureKeyring::builder().keys(TenantId::parse("acme")?, [key]).build()?;
/// let policy = HttpSignaturePolicy::new(Origin::parse("https://hooks.example")?);
/// let verifier = HttpSignatureVerifier::new(policy, keys);
///
/// let (method, uri, headers) = (Method::POST, Uri::from_static("/hooks"), HeaderMap::new());
/// let unsigned = Message::new(&method, &uri, &headers, b"{}", UnixTime::now());
/// assert!(matches!(verifier.verify_payload(&unsigned), Err(NotAuthentic::MissingHeader { .. })));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct HttpSignatureVerifier {
    policy: HttpSignaturePolicy,
    keys: Arc<dyn FindKeys<Arc<[VerifyingKey]>>>,
    name: Arc<str>,
}

impl HttpSignatureVerifier {
    /// Verifies by this policy with those keys.
    pub fn new(policy: HttpSignaturePolicy, keys: impl FindKeys<Arc<[VerifyingKey]>> + 'static) -> Self {
        Self {
            policy,
            keys: Arc::new(keys),
            name: "http_signature".into(),
        }
    }
}

impl VerifyPayload for HttpSignatureVerifier {
    fn verify_payload<'m>(&self, message: &Message<'m>) -> Result<Authentic<'m>, NotAuthentic> {
        // Read before keys are asked for, which may live elsewhere.
        let found = signatures(message.headers)?;
        let keys = keys_unless_refused(&*self.keys, message.sender, || self.look_over(&found, message))?;
        // Each of these is for want of a key.
        let unknown = |why| unless_renewed(why, &*self.keys, &keys);
        let chosen = self.policy.choose(&found, &keys);
        let chosen = chosen.map_err(|why| match why {
            InvalidHttpSignature::NotFound { .. }
                if self.policy.chooses_by_key() && self.look_over(&found, message).is_ok() =>
            {
                unknown(why)
            }
            why => why.into(),
        })?;
        self.policy
            .check_covered(&chosen.input, message.uri.query(), message.body)?;
        let (created, until) = self.check_times(&chosen.parameters, message.now)?;
        // The key by its name, and the algorithm by the key: `alg` of the message chooses neither.
        let digest = check_digest(chosen, message);
        let key = key_of(&chosen.parameters, &keys).map_err(|why| match digest {
            Ok(()) => unknown(why),
            Err(_) => why.into(),
        })?;
        digest?;
        let base = self.covered(message).base(&chosen.input)?;
        if !key.matches(base.as_bytes(), &chosen.signature) {
            return Err(unknown(InvalidHttpSignature::Signature));
        }
        key.used_at(message.now);
        let (key, delivery) = (key.id().clone(), delivery(&chosen.parameters, &base));
        let authentic = Authentic::assertion(keys.into_owner(), self.name.clone(), key, delivery);
        Ok(authentic
            .signed_at(created, until)
            .bound_to(bound(chosen, message)))
    }
}

impl HttpSignatureVerifier {
    /// Whatever speaks, without a key, against each signature that could be the one that is meant: then none is fetched.
    fn look_over(&self, all: &[Read], message: &Message<'_>) -> Result<(), NotAuthentic> {
        let mut refused = self.policy.not_found(all, None).into();
        for (label, labelled) in all {
            match labelled {
                Ok(labelled) if self.policy.may_mean(label, labelled) => {
                    match self.look_at(labelled, message) {
                        Ok(()) => return Ok(()),
                        Err(why) => refused = why,
                    }
                }
                Ok(_) => {}
                Err(why) => refused = why.clone().into(),
            }
        }
        Err(refused)
    }

    fn look_at(&self, labelled: &Labelled, message: &Message<'_>) -> Result<(), NotAuthentic> {
        self.policy
            .check_covered(&labelled.input, message.uri.query(), message.body)?;
        self.check_times(&labelled.parameters, message.now)?;
        check_digest(labelled, message)
    }

    fn covered<'a>(&'a self, message: &Message<'a>) -> Covered<'a> {
        Covered {
            origin: &self.policy.origin,
            method: message.method,
            uri: message.uri,
            headers: message.headers,
        }
    }

    /// When it was signed, and until when any signature of this delivery passes.
    fn check_times(
        &self,
        parameters: &SignatureParameters,
        now: UnixTime,
    ) -> Result<(UnixTime, UnixTime), NotAuthentic> {
        let missing = |name| InvalidHttpSignature::MissingParameter { name };
        let created = at(parameters.created.ok_or(missing("created"))?);
        self.policy.tolerance.check(created, now)?;
        if self.policy.nonce_required && parameters.named_by().is_none() {
            return Err(missing("nonce").into());
        }
        match parameters.expires {
            Some(expires) if now.as_secs() >= expires => {
                let now = now.as_secs();
                Err(InvalidHttpSignature::Expired { expires, now }.into())
            }
            // Whatever `expires` says here, the next signature of the same delivery may say something else.
            _ => Ok((created, self.policy.tolerance.any_fresh_until(now))),
        }
    }
}

/// The key that `keyid` names, or the only one. `alg` chooses nothing: where it stands, it must be the key's.
fn key_of<'k>(
    parameters: &SignatureParameters,
    keys: &'k VerifyingKeys,
) -> Result<&'k VerifyingKey, InvalidHttpSignature> {
    let named = |key: &&VerifyingKey| match &parameters.key_id {
        Some(id) => key.id().as_str() == id,
        None => true,
    };
    let mut fitting = keys.keys().iter().filter(named);
    let key = match (fitting.next(), fitting.next()) {
        (Some(only), None) => only,
        (None, _) => {
            return Err(InvalidHttpSignature::UnknownKey {
                key_id: parameters.key_id.as_deref().map(Seen::of),
                known: Few::of(keys.keys().iter().map(|key| key.id().as_str())),
            });
        }
        (Some(_), Some(_)) => return Err(InvalidHttpSignature::AmbiguousKey),
    };
    let algorithm = key.algorithm();
    match &parameters.algorithm {
        Some(name) if Algorithm::from_http(name) != Some(algorithm) => {
            Err(InvalidHttpSignature::OtherAlgorithm { algorithm })
        }
        _ => Ok(key),
    }
}

/// A digest that is covered is compared, with or without a body.
fn check_digest(chosen: &Labelled, message: &Message<'_>) -> Result<(), NotAuthentic> {
    let covered = chosen
        .input
        .items
        .iter()
        .any(|item| whole_name(item) == Some("content-digest"));
    if covered {
        digest::check(message.headers, message.body)?;
    }
    Ok(())
}

fn delivery<'m>(parameters: &SignatureParameters, base: &str) -> DeliveryKey<'m> {
    // Two different texts, so that no nonce is another message's base.
    let digest = match parameters.named_by() {
        Some(nonce) => Sha256::digest(format!("nonce {nonce}")),
        None => Sha256::digest(format!("base {base}")),
    };
    DeliveryKey::Digest(Hashed::Token, digest.into())
}

fn bound(chosen: &Labelled, message: &Message<'_>) -> Bindings {
    let mut bindings = Bindings::default();
    if check_request(&chosen.input, message.uri.query()).is_ok() {
        bindings = bindings.with_request();
    }
    if !message.body.is_empty() {
        bindings = bindings.with_body();
    }
    bindings
}

fn at(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}
