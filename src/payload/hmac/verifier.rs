use std::sync::Arc;

use super::encoding::MacBytes;
use super::engine::{Reading, Written};
use super::keys::{Feed, Matched};
use super::scheme::{BodyForm, Layout};
use super::signatures::MAX_SIGNATURES;
use super::{Key, PartialScheme};
use crate::payload::{
    Authentic, DeliveryKey, FindKeys, Head, Message, NotAuthentic, Recognized, Scheme, Strength, VerifyBody,
    VerifyPayload, Wanted,
};

/// A verifier of HMAC signatures by a [`Scheme`], with the keys of the sender.
///
/// Checked, in this order: every header field that the scheme needs is there once and readable; the signed time is
/// written canonically and within the tolerance; there is a well-formed signature; one of them is right under a key
/// of the sender that is valid now. MACs are compared whole and in constant time. A malformed signature beside a good
/// one is passed over. No heap allocation, unless the scheme reads the body as JSON or as a form.
///
/// ```
/// use countersign::UnixTime;
/// use countersign::payload::{
///     HmacVerifier, Keyring, Message, NotAuthentic, Scheme, Secret, VerifyPayload as _,
/// };
/// use countersign::tenant::TenantId;
/// use http::{HeaderMap, Method, Uri};
///
/// let scheme = Scheme::github();
/// let secret = Secret::new("It's a Secret to Everybody");
/// let keys = Keyring::builder(&scheme).key(TenantId::parse("acme")?, "2026", secret).build()?;
/// let verifier = HmacVerifier::new(scheme, keys);
/// let (method, uri, mut headers) = (Method::POST, Uri::from_static("/"), HeaderMap::new());
/// let signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
/// headers.insert("x-hub-signature-256", signature.parse()?);
/// let verify = |body| {
///     verifier.verify_payload(&Message::new(&method, &uri, &headers, body, UnixTime::now()))
///         .map(|proof| proof.sender().to_string())
/// };
/// assert_eq!(verify(b"Hello, World!"), Ok("acme".to_owned()));
/// assert_eq!(verify(b"Hello, World?"), Err(NotAuthentic::SignatureMismatch));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct HmacVerifier {
    pub(in crate::payload) scheme: Scheme,
    pub(in crate::payload) keys: Arc<dyn FindKeys>,
}

impl HmacVerifier {
    /// Verifies by this scheme with those keys.
    pub fn new(scheme: Scheme, keys: impl FindKeys + 'static) -> Self {
        Self {
            scheme,
            keys: Arc::new(keys),
        }
    }

    /// The scheme it verifies by.
    pub fn scheme(&self) -> &Scheme {
        &self.scheme
    }
}

impl VerifyPayload for HmacVerifier {
    fn verify_payload<'m>(&self, message: &Message<'m>) -> Result<Authentic<'m>, NotAuthentic> {
        let layout = &self.scheme.layout;
        let (reading, matched) = layout.find_signer(&*self.keys, message)?;
        Ok(layout.authentic(matched, &reading, layout.delivery(&reading)))
    }

    fn begin_payload<'m>(
        &self,
        head: &Head<'m>,
        limit: usize,
    ) -> Result<Option<Box<dyn VerifyBody<'m> + 'm>>, NotAuthentic> {
        Ok(self.begin(head, limit)?.map(|running| Box::new(running) as _))
    }
}

/// A verifier by a [`PartialScheme`]: who sent it is proved, what was sent is not.
///
/// ```
/// use countersign::UnixTime;
/// use countersign::payload::hmac::{PartialScheme, PartialVerifier};
/// use countersign::payload::{HmacSigner, Keyring, Message, Outgoing, Secret, SignPayload as _};
/// use countersign::tenant::TenantId;
/// use http::{Method, Uri};
///
/// let (scheme, acme) = (PartialScheme::mercado_pago(), TenantId::parse("acme")?);
/// let keys = Keyring::builder(&scheme)
///     .key(acme.clone(), "2026", Secret::new("a secret of sixteen bytes"))
///     .build()?;
/// let (method, uri, now) = (Method::POST, Uri::from_static("/?data.id=1"), UnixTime::now());
/// let outgoing = Outgoing::new(&acme, "1", b"{}", now).with_request(&method, &uri);
/// let headers = HmacSigner::partial(scheme.clone(), keys.clone()).sign_payload(&outgoing)?;
/// let verifier = PartialVerifier::new(scheme, keys);
/// let recognized = verifier.recognize(&Message::new(&method, &uri, &headers, b"another body", now))?;
/// assert_eq!(recognized.sender().as_str(), "acme", "whoever wrote the body");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct PartialVerifier {
    scheme: PartialScheme,
    keys: Arc<dyn FindKeys>,
}

impl PartialVerifier {
    /// Verifies by this scheme with those keys.
    pub fn new(scheme: PartialScheme, keys: impl FindKeys + 'static) -> Self {
        Self {
            scheme,
            keys: Arc::new(keys),
        }
    }

    /// Who sent it.
    ///
    /// # Errors
    /// [`NotAuthentic`], with the first reason found.
    pub fn recognize(&self, message: &Message<'_>) -> Result<Recognized, NotAuthentic> {
        let layout = &self.scheme.layout;
        let (_, matched) = layout.find_signer(&*self.keys, message)?;
        Ok(Recognized::assertion_of(
            &matched,
            layout.name.clone(),
            Strength::UnboundToken,
        ))
    }
}

/// The signatures of a message: the first that is well formed, already decoded, and how many there are in all.
#[derive(Clone, Copy)]
pub(in crate::payload) struct Candidates {
    first: MacBytes,
    count: usize,
}

struct SignedParts<'r, 'm> {
    layout: &'r Layout,
    reading: &'r Reading<'m>,
    form: Written,
}

impl Feed<NotAuthentic> for SignedParts<'_, '_> {
    #[inline]
    fn feed(&self, sink: &mut impl FnMut(&[u8])) -> Result<(), NotAuthentic> {
        self.layout
            .feed(&self.layout.signed, self.reading, self.form, sink)
    }
}

impl Candidates {
    pub(in crate::payload) const NONE: Self = Self {
        first: MacBytes::EMPTY,
        count: 0,
    };
}

impl Layout {
    /// The key under which the message is signed, and what had to be read to find it.
    #[inline]
    fn find_signer<'m>(
        &self,
        keys: &dyn FindKeys,
        message: &Message<'m>,
    ) -> Result<(Reading<'m>, Matched), NotAuthentic> {
        let reading = self.read(message)?;
        let mut candidates = Candidates::NONE;
        self.find_candidates(&reading, &mut candidates)?;
        let found = keys.find_keys(&Wanted::of(message.sender))?;
        let is_signed_under = |key: &Key| self.is_signed_under(key, &reading, &candidates);
        let matched = found.matching(keys, message.now, is_signed_under)?;
        Ok((reading, matched))
    }

    /// Before any MAC is computed: there is at least one well-formed signature, and not too many. They are filled in
    /// where they stand: moving them takes longer than reading them.
    #[inline]
    pub(in crate::payload) fn find_candidates(
        &self,
        reading: &Reading<'_>,
        found: &mut Candidates,
    ) -> Result<(), NotAuthentic> {
        let mut well_formed = false;
        let Candidates { first, count } = found;
        self.any_signature(reading, &mut |signature| {
            *count += 1;
            well_formed = well_formed || self.decode(signature, first);
            *count > MAX_SIGNATURES
        })?;
        if *count > MAX_SIGNATURES {
            return Err(NotAuthentic::TooManySignatures {
                limit: MAX_SIGNATURES,
            });
        }
        well_formed
            .then_some(())
            .ok_or_else(|| self.malformed_signature())
    }

    #[inline]
    fn is_signed_under(
        &self,
        key: &Key,
        reading: &Reading<'_>,
        candidates: &Candidates,
    ) -> Result<bool, NotAuthentic> {
        if self.is_among_written(Written::AsSent, key, reading, candidates)? {
            return Ok(true);
        }
        if !self.may_be_rewritten(reading) {
            return Ok(false);
        }
        self.is_among_written(Written::Rewritten, key, reading, candidates)
    }

    /// Whether another form of what was sent differs from it.
    fn may_be_rewritten(&self, reading: &Reading<'_>) -> bool {
        let body = reading.message.body;
        match self.body {
            BodyForm::Raw => self.is_rewritten(),
            BodyForm::RawOrEscaped => !body.is_ascii() && str::from_utf8(body).is_ok(),
        }
    }

    #[inline]
    fn is_among_written(
        &self,
        form: Written,
        key: &Key,
        reading: &Reading<'_>,
        candidates: &Candidates,
    ) -> Result<bool, NotAuthentic> {
        self.mac(key, reading, form, |mac| self.is_among(mac, reading, candidates))
    }

    /// Whether the MAC is one of the signatures.
    #[inline]
    pub(in crate::payload) fn is_among(
        &self,
        mac: &[u8],
        reading: &Reading<'_>,
        candidates: &Candidates,
    ) -> bool {
        candidates.first.is_same(mac) || (candidates.count > 1 && self.is_another(mac, reading))
    }

    fn is_another(&self, mac: &[u8], reading: &Reading<'_>) -> bool {
        let mut decoded = MacBytes::EMPTY;
        let same = &mut |signature: &[u8]| self.decode(signature, &mut decoded) && decoded.is_same(mac);
        // They were read when they were counted, so they can be read again.
        self.any_signature(reading, same).unwrap_or(false)
    }

    #[inline]
    fn decode(&self, signature: &[u8], decoded: &mut MacBytes) -> bool {
        self.encoding.decode_into(signature, self.digest.len(), decoded)
    }

    /// Shows the MAC of what is signed.
    #[inline]
    pub(in crate::payload) fn mac<T>(
        &self,
        key: &Key,
        reading: &Reading<'_>,
        form: Written,
        then: impl FnOnce(&[u8]) -> T,
    ) -> Result<T, NotAuthentic> {
        let parts = SignedParts {
            layout: self,
            reading,
            form,
        };
        // A key of another kind is a ring that was built for another scheme: it matches nothing.
        match key.mac(self.digest, &parts, then)? {
            Some(shown) => Ok(shown),
            None => Err(NotAuthentic::SignatureMismatch),
        }
    }

    /// The proof that this key signed what was read.
    #[inline]
    pub(in crate::payload) fn authentic<'m>(
        &self,
        matched: Matched,
        reading: &Reading<'_>,
        delivery: DeliveryKey<'m>,
    ) -> Authentic<'m> {
        let signed_at = reading.time.as_ref().map(|time| time.at);
        let window = signed_at.and(self.window);
        let fresh_until = window.map(|window| window.any_fresh_until(reading.message.now));
        Authentic::assertion_of(matched, &self.name, delivery, signed_at, fresh_until)
    }
}
