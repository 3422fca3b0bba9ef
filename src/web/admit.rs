//! The admission of a delivery: the last two questions, and what becomes of it.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{Extensions, HeaderMap, HeaderValue, Response, StatusCode};
use http_body::Body;
use rustls_pki_types::UnixTime;

use super::OnDisconnect;
use super::body::{BodyBounds, BoxError};
use super::deliveries::{Deliveries, Place};
use super::fetching::fetching;
use super::finish::{Begun, Work};
use super::outside::Outside;
use super::passed::{Passed, peer};
use super::refuse::{refuse, refuse_with};
use crate::gate::{self, Caller, Countersigned};
use crate::observe::{Event, HandlerOutcome};
use crate::payload::{Authentic, Fresh, Head, VerifyPayload};
use crate::refusal::Refusal;
use crate::replay::{Claimed, ReplayStore, Replayed, Settlement, Terms};
use crate::tenant::TenantId;

/// How the last two questions are asked of a request, and what becomes of its delivery.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    pub(super) verifier: Arc<dyn VerifyPayload>,
    pub(super) store: Arc<dyn ReplayStore>,
    pub(super) bounds: BodyBounds,
    pub(super) deliveries: Deliveries,
    pub(super) certified: Arc<HashSet<TenantId>>,
    pub(super) terms: Terms,
    pub(super) replayed: StatusCode,
    pub(super) on_disconnect: OnDisconnect,
    pub(super) outside: Outside,
}

/// A delivery that was let in.
#[derive(Debug)]
pub(super) struct Admitted {
    pub(super) body: Bytes,
    pub(super) claimed: Claimed,
    /// Held until the delivery is settled: by the future that does the work, whoever waits for it or no longer does.
    pub(super) place: Place,
}

const GRPC_STATUS: &str = "grpc-status";

/// gRPC answers 200 to whatever it answers, and says in a field of its own what that means.
pub(super) fn handled<R, E>(response: &Result<Response<R>, E>) -> HandlerOutcome {
    let Ok(response) = response else {
        return HandlerOutcome::NotHandled;
    };
    let good = response.status().is_success() || response.status().is_redirection();
    let grpc = response.headers().get(GRPC_STATUS);
    if good && grpc.is_none_or(|status| status == "0") {
        return HandlerOutcome::Handled;
    }
    HandlerOutcome::NotHandled
}

fn is_grpc(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    kind.is_some_and(|kind| kind.starts_with(b"application/grpc"))
}

/// To a gRPC client, 200 alone is no answer: this one is, and has no message either.
fn say_already_exists(headers: &mut HeaderMap) {
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert(GRPC_STATUS, HeaderValue::from_static("6"));
}

impl Rules {
    /// The last two questions, and the proofs into the extensions. `begun` is set when the delivery may be claimed.
    pub(super) async fn admit<B>(
        self: &Arc<Self>,
        parts: &mut Parts,
        body: B,
        begun: &Begun,
    ) -> Result<Admitted, Refusal>
    where
        B: Body<Data = Bytes> + Send,
        B::Error: Into<BoxError>,
    {
        // A proof is what *this* layer says, whatever stood there before.
        parts.extensions.remove::<Fresh>();
        parts.extensions.remove::<Countersigned>();
        let caller = parts.extensions.get::<Caller>().cloned();
        let (arrived, peer) = (self.outside.clock.now(), peer(&parts.extensions));
        // Nothing is read before there is a place for it.
        let place = self.deliveries.begin(caller.as_ref().map(Caller::tenant), peer)?;
        let head = Head::new(&parts.method, &parts.uri, &parts.headers, arrived);
        let mut whole = Bytes::new();
        let (authentic, now) = self.verify(head, body, &mut whole, caller.as_ref()).await?;
        let place = self.deliveries.proved(place, authentic.sender())?;
        let _ = begun.set(Work {
            observer: self.outside.observer.clone(),
            on_disconnect: self.on_disconnect,
            peer,
            tenant: authentic.sender().clone(),
        });
        let claim = gate::claim(&self.store, authentic, self.terms, now).await;
        let (fresh, claimed) = claim?;
        self.vouch(&mut parts.extensions, caller, fresh, whole.clone())?;
        Ok(Admitted {
            body: whole,
            claimed,
            place,
        })
    }

    /// Puts the proofs where handlers find them.
    fn vouch(
        &self,
        extensions: &mut Extensions,
        caller: Option<Caller>,
        fresh: Fresh,
        whole: Bytes,
    ) -> Result<(), Refusal> {
        let observer = self.outside.observer.clone();
        let passed = Passed::payload_layer(observer, extensions.get(), whole);
        if let Some(caller) = caller {
            let both = Countersigned::bind(caller, fresh.clone())?;
            extensions.insert(both);
        }
        // Told last: nobody reads "accepted" of what the binding refuses.
        self.outside.observer.observe(&Event::Accepted {
            peer: peer(extensions),
            tenant: fresh.sender(),
        });
        extensions.insert(fresh);
        extensions.insert(passed);
        Ok(())
    }

    /// Did they say this, and when was that judged? `whole` is where the body is put.
    ///
    /// Judged when all of it is there, and not by the time of the head alone: what was fresh then may be forgotten by the
    /// store now, and would be handled again.
    async fn verify<'m, B>(
        &self,
        head: Head<'m>,
        body: B,
        whole: &'m mut Bytes,
        caller: Option<&'m Caller>,
    ) -> Result<(Authentic<'m>, UnixTime), Refusal>
    where
        B: Body<Data = Bytes> + Send,
        B::Error: Into<BoxError>,
    {
        // Verified while it arrives, where the scheme allows it: a head that is wrong costs no body.
        let begin = || gate::begin(&self.verifier, head, caller, self.bounds.bytes);
        let mut begun = fetching(begin).await?;
        let see = |piece: &[u8]| {
            if let Some(begun) = &mut begun {
                // The same limit stands before it.
                let _ = begun.update(piece);
            }
        };
        *whole = self.bounds.read(body, see).await?;
        let whole: &'m Bytes = whole;
        let verify = || {
            let now = self.outside.clock.now();
            let authentic = match begun.take() {
                Some(begun) => begun.finish(now),
                None => gate::verify(&self.verifier, Head { now, ..head }.with_body(whole), caller),
            };
            Ok((authentic?, now))
        };
        let (authentic, now) = fetching(verify).await?;
        // Asked after the signature: who has not proved to be that tenant is not told what it would have to show.
        if caller.is_none() && self.certified.contains(authentic.sender()) {
            return Err(Refusal::NoCertificate);
        }
        Ok((authentic, now))
    }

    pub(super) fn turn_away<R: Default>(&self, parts: &Parts, refusal: Refusal) -> Response<R> {
        self.outside.observer.observe(&Event::Refused {
            peer: peer(&parts.extensions),
            tenant: parts.extensions.get().map(Caller::tenant),
            refusal: &refusal,
        });
        if refusal != Refusal::Replayed(Replayed::Handled) {
            return refuse(refusal, parts.version);
        }
        let mut answer = refuse_with(self.replayed, refusal, parts.version);
        if self.replayed == StatusCode::OK && is_grpc(&parts.headers) {
            say_already_exists(answer.headers_mut());
        }
        answer
    }

    /// The response stands, whatever the store says: the delivery *was* handled, or was not.
    pub(super) async fn settle(&self, claimed: &Claimed, handler: HandlerOutcome) {
        let settled = match handler {
            HandlerOutcome::Handled => self.store.commit(claimed).await,
            HandlerOutcome::NotHandled => self.store.release(claimed).await,
        };
        let (tenant, outcome) = (claimed.tenant(), &settled);
        self.outside.observer.observe(&match settled {
            Ok(Settlement::Done) => Event::Settled { tenant, handler },
            _ => Event::Unsettled { tenant, outcome },
        });
    }
}
