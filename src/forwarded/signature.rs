use http::{HeaderMap, HeaderName, HeaderValue};

use super::{Forwarder, Hop};
use crate::gate::ForwardedBy;
use crate::payload::{Authentic, Head, NoKey, NotAuthentic, VerifyPayload};
use crate::refusal::{NotForwarded, Refusal};
use crate::tenant::TenantId;

impl Forwarder {
    /// The hop that has signed the fields of this request: nobody, where no signatures are taken, or where it bears none of
    /// the fields.
    ///
    /// That the signature covers them is not taken from anybody: the verifier is asked again about the same request with
    /// each of them changed, and must refuse it. A signature that leaves out method and target could be that of another
    /// request, so it does not count either.
    ///
    /// # Errors
    /// [`NotForwarded::HopNotAuthentic`], [`NotForwarded::NotCovered`], [`NotForwarded::RequestNotCovered`]: nobody to be
    /// trusted has signed them, so they are to be treated like those of a stranger. Not so where `HopNotAuthentic` is for want of
    /// keys ([`NoKey::Elsewhere`], [`NoKey::Unavailable`]): an outage, since it may well be the hop.
    pub fn signed_by(&self, head: &Head<'_>) -> Result<Option<Hop>, NotForwarded> {
        let Some((verifier, names)) = self.hops.signatures() else {
            return Ok(None);
        };
        let there = |field: &&HeaderName| head.headers.contains_key(*field);
        let fields: Vec<&HeaderName> = self.format.fields().filter(there).collect();
        let Some(first) = fields.first() else {
            return Ok(None);
        };
        let (head, authentic) = authentic(verifier, names, head)?;
        if !names.contains(authentic.sender()) {
            let field = (*first).clone();
            return Err(NotForwarded::UntrustedHop { field });
        }
        if !authentic.bindings().request {
            return Err(NotForwarded::RequestNotCovered);
        }
        for field in fields {
            for headers in changed(head.headers, field) {
                if passes(verifier, &head, &headers)? {
                    let field = field.clone();
                    return Err(NotForwarded::NotCovered { field });
                }
            }
        }
        // The keys were there all the while: what was refused meanwhile was refused for the change alone.
        if !passes(verifier, &head, head.headers)? {
            return Err(NotForwarded::HopNotAuthentic(NoKey::Unavailable.into()));
        }
        let by = ForwardedBy::Signature(authentic.sender().clone());
        Ok(Some(Hop::signature(by)))
    }
}

/// The signature of one of these, by its own keys, with the head that it was asked about.
fn authentic<'h>(
    verifier: &dyn VerifyPayload,
    names: &'h [TenantId],
    head: &Head<'h>,
) -> Result<(Head<'h>, Authentic<'h>), NotForwarded> {
    let mut refused = NotAuthentic::SignatureMismatch;
    for name in names {
        let head = head.from_sender(name);
        match verifier.verify_payload(&head.with_body(&[])) {
            Ok(authentic) => return Ok((head, authentic)),
            // That one's keys are not known just now says more than that another's do not match.
            Err(_) if is_outage(&refused) => {}
            Err(why) => refused = why,
        }
    }
    Err(NotForwarded::HopNotAuthentic(refused))
}

/// # Errors
/// Its keys are to be fetched, so it is not known.
fn passes(verifier: &dyn VerifyPayload, head: &Head<'_>, headers: &HeaderMap) -> Result<bool, NotForwarded> {
    let changed = Head { headers, ..*head };
    match verifier.verify_payload(&changed.with_body(&[])) {
        Err(lacking @ NotAuthentic::NoKey(NoKey::Elsewhere(_))) => {
            Err(NotForwarded::HopNotAuthentic(lacking))
        }
        answer => Ok(answer.is_ok()),
    }
}

fn is_outage(why: &NotAuthentic) -> bool {
    Refusal::from(why.clone()).is_outage()
}

/// The same fields with this one changed: another value, another beside it, none.
fn changed(headers: &HeaderMap, field: &HeaderName) -> impl Iterator<Item = HeaderMap> {
    let with = |change: fn(&mut HeaderMap, &HeaderName)| {
        let mut changed = headers.clone();
        change(&mut changed, field);
        changed
    };
    [
        with(|headers, field| {
            headers.insert(field, HeaderValue::from_static("0"));
        }),
        with(|headers, field| {
            headers.append(field, HeaderValue::from_static("0"));
        }),
        with(|headers, field| {
            headers.remove(field);
        }),
    ]
    .into_iter()
}
