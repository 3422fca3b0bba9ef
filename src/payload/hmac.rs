use std::sync::Arc;

use super::encoding::MacBytes;
use super::engine::{MAX_SIGNATURES, Reading, Written};
use super::scheme::{BodyForm, Layout};
use super::{
    Authentic, FindKeys, Forged, Head, Key, Keys, Message, PartialScheme, Recognized, Scheme, Strength,
    VerifyBody, VerifyPayload, Wanted,
};

/// Verifies HMAC signatures by a [`Scheme`], with the keys of the sender.
///
/// Checked, in this order: every header field that the scheme needs is there once and readable; the signed time is
/// written canonically and within the tolerance; there is a well-formed signature; one of them is right under a key
/// of the sender that is valid now. MACs are compared whole and in constant time. A malformed signature beside a good
/// one is passed over. No heap allocation, unless the scheme reads the body as JSON or as a form.
#[derive(Debug, Clone)]
pub struct HmacVerifier {
    pub(super) scheme: Scheme,
    pub(super) keys: Arc<dyn FindKeys>,
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
    fn verify_payload<'m>(&self, message: &Message<'m>) -> Result<Authentic<'m>, Forged> {
        let layout = &self.scheme.layout;
        let reading = layout.read(message)?;
        let delivery = layout.delivery(&reading)?;
        let candidates = layout.candidates(&reading)?;
        let keys = self.keys.find_keys(&Wanted::of(message.sender))?;
        let key = layout.matching_key(&keys, &reading, &candidates)?;
        key.used_at(message.now);

        let id = key.id().clone();
        let authentic = Authentic::assertion(keys.into_owner(), layout.name.clone(), id, delivery);
        Ok(layout.with_time(authentic, &reading))
    }

    fn begin_payload<'m>(
        &self,
        head: &Head<'m>,
        limit: usize,
    ) -> Result<Option<Box<dyn VerifyBody<'m> + 'm>>, Forged> {
        Ok(self.begin(head, limit)?.map(|running| Box::new(running) as _))
    }
}

/// Verifies by a [`PartialScheme`]: who sent it is proved, what was sent is not.
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
    /// [`Forged`], with the first reason found.
    pub fn recognize(&self, message: &Message<'_>) -> Result<Recognized, Forged> {
        let layout = &self.scheme.layout;
        let reading = layout.read(message)?;
        let candidates = layout.candidates(&reading)?;
        let keys = self.keys.find_keys(&Wanted::of(message.sender))?;
        let key = layout.matching_key(&keys, &reading, &candidates)?;
        key.used_at(message.now);
        Ok(Recognized::assertion(
            keys.owner().clone(),
            layout.name.clone(),
            key.id().clone(),
            Strength::UnboundToken,
        ))
    }
}

/// The signatures of a message: the first that is well formed, already decoded, and how many there are in all.
#[derive(Clone, Copy)]
pub(super) struct Candidates {
    first: MacBytes,
    count: usize,
}

impl Layout {
    /// Before any MAC is computed: there is at least one well-formed signature, and not too many.
    pub(super) fn candidates(&self, reading: &Reading<'_>) -> Result<Candidates, Forged> {
        let (mut count, mut first) = (0, None);
        self.any_signature(reading, &mut |signature| {
            count += 1;
            first = first.or_else(|| self.decode(signature));
            count > MAX_SIGNATURES
        })?;
        if count > MAX_SIGNATURES {
            return Err(Forged::TooManySignatures {
                limit: MAX_SIGNATURES,
            });
        }
        let first = first.ok_or_else(|| self.malformed_signature())?;
        Ok(Candidates { first, count })
    }

    pub(super) fn matching_key<'k>(
        &self,
        keys: &'k Keys,
        reading: &Reading<'_>,
        candidates: &Candidates,
    ) -> Result<&'k Key, Forged> {
        let mut none_valid = true;
        for key in keys.valid_at(reading.message.now) {
            none_valid = false;
            if self.is_signed_under(key, reading, candidates)? {
                return Ok(key);
            }
        }
        if none_valid {
            return Err(keys.none_valid().into());
        }
        Err(Forged::SignatureMismatch)
    }

    fn is_signed_under(
        &self,
        key: &Key,
        reading: &Reading<'_>,
        candidates: &Candidates,
    ) -> Result<bool, Forged> {
        let mac = self.mac(key, reading, Written::AsSent)?;
        if self.is_among(&mac, reading, candidates)? {
            return Ok(true);
        }
        let escaped = self.body == BodyForm::RawOrEscaped && !reading.message.body.is_ascii();
        if !escaped || str::from_utf8(reading.message.body).is_err() {
            return Ok(false);
        }
        let mac = self.mac(key, reading, Written::Escaped)?;
        self.is_among(&mac, reading, candidates)
    }

    /// Whether the MAC is one of the signatures.
    pub(super) fn is_among(
        &self,
        mac: &MacBytes,
        reading: &Reading<'_>,
        candidates: &Candidates,
    ) -> Result<bool, Forged> {
        let same = |decoded: MacBytes| decoded.is_same(mac);
        if same(candidates.first) {
            return Ok(true);
        }
        if candidates.count == 1 {
            return Ok(false);
        }
        self.any_signature(reading, &mut |signature| self.decode(signature).is_some_and(same))
    }

    fn decode(&self, signature: &str) -> Option<MacBytes> {
        self.encoding.decode(signature.as_bytes(), self.digest.len())
    }

    pub(super) fn mac(&self, key: &Key, reading: &Reading<'_>, form: Written) -> Result<MacBytes, Forged> {
        let mac = key.mac(self.digest, |sink| self.feed(&self.signed, reading, form, sink))?;
        // A key of another kind is a ring that was built for another scheme: it matches nothing.
        mac.ok_or(Forged::SignatureMismatch)
    }

    pub(super) fn with_time<'m>(&self, authentic: Authentic<'m>, reading: &Reading<'_>) -> Authentic<'m> {
        match (&reading.time, self.window) {
            (Some(time), Some(window)) => {
                authentic.signed_at(time.at, window.any_fresh_until(reading.message.now))
            }
            (Some(time), None) => authentic.signed_at(time.at, None),
            (None, _) => authentic,
        }
    }
}
