use std::fmt;
use std::sync::Arc;

use rustls_pki_types::UnixTime;
use sha2::{Digest as _, Sha256};

use super::engine::{Reading, Written};
use super::keys::Mac;
use super::scheme::{Identity, Layout, Part, ReadBody};
use super::verifier::Candidates;
use crate::payload::hmac::Key;
use crate::payload::keys::unless_renewed;
use crate::payload::proof::begin_time_and_body;
use crate::payload::{
    Authentic, DeliveryKey, FindKeys, Hashed, Head, HmacVerifier, NotAuthentic, TenantKeys, VerifyBody,
    Wanted,
};

/// An HMAC verification whose body is still arriving: what [`HmacVerifier`] begins with.
///
/// Keeps nothing of the body, but a MAC under each key that is valid, and the hash by which a replay is known.
pub struct Running<'m> {
    layout: Arc<Layout>,
    store: Arc<dyn FindKeys>,
    keys: TenantKeys,
    reading: Reading<'m>,
    candidates: Candidates,
    /// In the order of [`TenantKeys::valid_at`].
    macs: Vec<Mac>,
    identity: Taking<'m>,
    /// Nothing: it was too large, and stays so.
    room: Option<usize>,
    limit: usize,
}

/// What the delivery will be known by.
enum Taking<'m> {
    Ready(DeliveryKey<'m>),
    Hash(Hashed, Sha256),
}

impl HmacVerifier {
    /// Begins to verify a message of which the body is still to come. Nothing, where the scheme has to read the body
    /// whole.
    ///
    /// # Errors
    /// [`NotAuthentic`] for whatever can be told from the head alone, before any of the body is taken.
    pub fn begin<'m>(&self, head: &Head<'m>, limit: usize) -> Result<Option<Running<'m>>, NotAuthentic> {
        let layout = &self.scheme.layout;
        let Some(body) = layout.streamed_body() else {
            return Ok(None);
        };
        // The body is not there, and nothing that is read here looks at it: `streamed_body` has seen to that.
        let reading = layout.read(&head.with_body(&[]))?;
        let delivery = layout.delivery(&reading);
        let mut candidates = Candidates::NONE;
        layout.find_candidates(&reading, &mut candidates)?;
        let keys = self.keys.find_keys(&Wanted::of(head.sender))?;
        let mut macs = Vec::with_capacity(Key::MAX_PER_TENANT);
        for key in keys.valid_at(head.now) {
            macs.push(key.begin(layout.digest).ok_or(NotAuthentic::SignatureMismatch)?);
        }
        if macs.is_empty() {
            return Err(unless_renewed(keys.none_valid(), &*self.keys, &keys));
        }
        let identity = layout.taking(&reading, delivery);
        let mut running = Running {
            layout: Arc::clone(layout),
            store: Arc::clone(&self.keys),
            keys,
            reading,
            candidates,
            macs,
            identity,
            room: Some(limit),
            limit,
        };
        running.feed(..body)?;
        // What follows the body is refused now, if it must be.
        layout.feed(layout.after(body), &running.reading, Written::AsSent, &mut |_| {})?;
        Ok(Some(running))
    }
}

impl Layout {
    /// Where the body stands among the signed parts, if it can be fed as it arrives.
    fn streamed_body(&self) -> Option<usize> {
        let whole = self.is_rewritten()
            || self.reading.body != ReadBody::Bytes
            || matches!(self.identity, Identity::BodyField(_));
        let body = self.signed.iter().position(|part| *part == Part::Body);
        body.filter(|_| !whole)
    }

    fn after(&self, body: usize) -> &[Part] {
        self.signed.get(body.saturating_add(1)..).unwrap_or_default()
    }

    fn taking<'m>(&self, reading: &Reading<'_>, delivery: DeliveryKey<'m>) -> Taking<'m> {
        let time = reading.time.as_ref().map_or("", |time| &time.raw);
        match self.identity {
            Identity::Header(_) => Taking::Ready(delivery),
            Identity::Body | Identity::BodyField(_) => Taking::Hash(Hashed::Body, Sha256::new()),
            Identity::TimeAndBody => Taking::Hash(Hashed::TimeAndBody, begin_time_and_body(time)),
            Identity::Signed => Taking::Hash(Hashed::Signed, Sha256::new()),
        }
    }
}

impl Running<'_> {
    /// Feeds signed parts to all that takes them.
    fn feed(
        &mut self,
        parts: impl std::slice::SliceIndex<[Part], Output = [Part]>,
    ) -> Result<(), NotAuthentic> {
        let parts = self.layout.signed.get(parts).unwrap_or_default();
        let (macs, identity) = (&mut self.macs, &mut self.identity);
        self.layout
            .feed(parts, &self.reading, Written::AsSent, &mut |piece| {
                macs.iter_mut().for_each(|mac| mac.update(piece));
                if let Taking::Hash(Hashed::Signed, hash) = identity {
                    hash.update(piece);
                }
            })
    }

    fn check_room(&self) -> Result<(), NotAuthentic> {
        let too_large = NotAuthentic::BodyTooLarge { limit: self.limit };
        self.room.map(drop).ok_or(too_large)
    }
}

impl<'m> VerifyBody<'m> for Running<'m> {
    fn update(&mut self, chunk: &[u8]) -> Result<(), NotAuthentic> {
        self.room = self.room.and_then(|room| room.checked_sub(chunk.len()));
        self.check_room()?;
        self.macs.iter_mut().for_each(|mac| mac.update(chunk));
        if let Taking::Hash(_, hash) = &mut self.identity {
            hash.update(chunk);
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>, now: UnixTime) -> Result<Authentic<'m>, NotAuthentic> {
        self.check_room()?;
        let begun = std::mem::replace(&mut self.reading.message.now, now);
        if let Some(time) = &self.reading.time {
            self.layout.check_time(time.at, now)?;
        }
        let body = self.layout.streamed_body().unwrap_or_default();
        self.feed(body.saturating_add(1)..)?;
        let Self {
            layout,
            store,
            keys,
            reading,
            candidates,
            macs,
            identity,
            ..
        } = *self;
        // One for each key that was valid, in their order: `matching` passes over the others as `begin` did.
        let mut macs = macs.into_iter();
        let matched = keys.matching(&*store, begun, |key| match macs.next() {
            Some(mac) if key.validity().contains(now) => {
                Ok(layout.is_among(mac.finish().as_slice(), &reading, &candidates))
            }
            _ => Ok(false),
        })?;
        let delivery = match identity {
            Taking::Ready(delivery) => delivery,
            Taking::Hash(what, hash) => DeliveryKey::Digest(what, hash.finalize().into()),
        };
        Ok(layout.authentic(matched, &reading, delivery))
    }
}

impl fmt::Debug for Running<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running")
            .field("scheme", &self.layout.name)
            .field("keys", &self.macs.len())
            .field("room", &self.room)
            .finish_non_exhaustive()
    }
}
