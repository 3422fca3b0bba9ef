//! Handshakes whose key is elsewhere: no answer before it is known.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use countersign::elsewhere::{Fetched, Keep};
use countersign::payload::hmac::KeySpec;
use countersign::payload::providers::handshakes;
use countersign::payload::providers::handshakes::Reply;
use countersign::payload::{
    FindKeys, HmacVerifier, KeyCache, KeySource, Keyring, Message, NoKey, NotAuthentic, Scheme, TenantKeys,
    Wanted,
};
use countersign::tenant::TenantId;
use http::{Method, StatusCode, Uri};

use super::{NOW, head_with, signed_by};
use crate::signing::ring;
use crate::vectors::{at, tenant};

/// A store that knows its keys so many times, and then gives this reason.
#[derive(Debug)]
struct Forgetful {
    keys: Keyring,
    times: AtomicUsize,
    then: NoKey,
}

impl FindKeys for Forgetful {
    fn find_keys(&self, wanted: &Wanted<'_>) -> Result<TenantKeys, NoKey> {
        let left = self
            .times
            .fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1));
        left.map_err(|_| self.then.clone())
            .and_then(|_| self.keys.find_keys(wanted))
    }
}

/// A source, which is not asked here.
#[derive(Debug)]
struct Nobody;

impl KeySource for Nobody {
    fn fetch_keys<'a>(&'a self, _: &'a TenantId) -> Fetched<'a, TenantKeys> {
        Box::pin(async { Ok(None) })
    }
}

/// Not known is never no: neither "no handshake" nor a 401.
#[test]
fn keys_that_are_not_known_yet_are_no_answer() {
    let acme = tenant();
    let store = |scheme: &Scheme, times, then: &NoKey| Forgetful {
        keys: ring(KeySpec::from(scheme), &[1]),
        times: AtomicUsize::new(times),
        then: then.clone(),
    };
    let cache = KeyCache::new(Nobody, Keep::default());
    let elsewhere = cache.find_keys(&Wanted::of(Some(&acme))).expect_err("not here");
    assert!(matches!(elsewhere, NoKey::Elsewhere(_)), "{elsewhere}");
    let get = Method::GET;
    for why in [NoKey::Unavailable, elsewhere] {
        let keys = store(&Scheme::x(), 0, &why);
        let asked: [Result<Option<Reply>, NotAuthentic>; 3] = [
            head_with(&get, "/?crc_token=MTYxOTg2NjQyMDAwMA-token", &[], |head| {
                handshakes::x(&keys, head)
            }),
            head_with(
                &get,
                "/?bt_challenge=20f9f8ed05f77439fe955c977e4c8a53",
                &[],
                |head| handshakes::braintree(&keys, "public", head),
            ),
            head_with(
                &get,
                "/?challengeCode=890e4665-4dfe-4ab1-b689-ed553bceeed0",
                &[],
                |head| handshakes::linkedin(&keys, head),
            ),
        ];
        assert_eq!(asked, [(); 3].map(|()| Err(NotAuthentic::NoKey(why.clone()))));
        // What is no handshake needs no key.
        let other = head_with(&get, "/", &[], |head| handshakes::x(&keys, head));
        assert_eq!(other, Ok(None));

        let (method, uri) = (Method::POST, Uri::from_static("/"));
        let headers = signed_by(
            &Scheme::xero(),
            &ring(KeySpec::from(&Scheme::xero()), &[1]),
            b"{}",
        );
        let message = Message::new(&method, &uri, &headers, b"{}", at(NOW));
        let xero = HmacVerifier::new(Scheme::xero(), store(&Scheme::xero(), 0, &why));
        assert_eq!(handshakes::xero(&xero, &message), Err(why.clone()));

        // Known for the signature, and gone for the answer.
        let event =
            br#"{"event":"endpoint.url_validation","payload":{"plainToken":"qgg8vlvZRS6UYooatFL8Aw"}}"#;
        let headers = signed_by(
            &Scheme::zoom(),
            &ring(KeySpec::from(&Scheme::zoom()), &[1]),
            event,
        );
        let message = Message::new(&method, &uri, &headers, event, at(NOW));
        let zoom = HmacVerifier::new(Scheme::zoom(), store(&Scheme::zoom(), 1, &why));
        assert_eq!(handshakes::zoom(&zoom, &message), Err(NotAuthentic::NoKey(why)));
    }
    // That there is no key is known: a 401, as for a wrong signature.
    let unknown = NoKey::Unknown { sender: acme };
    let xero = HmacVerifier::new(Scheme::xero(), store(&Scheme::xero(), 0, &unknown));
    let headers = signed_by(
        &Scheme::xero(),
        &ring(KeySpec::from(&Scheme::xero()), &[1]),
        b"{}",
    );
    let (method, uri) = (Method::POST, Uri::from_static("/"));
    let refused = handshakes::xero(&xero, &Message::new(&method, &uri, &headers, b"{}", at(NOW)));
    assert_eq!(refused.map(|reply| reply.status), Ok(StatusCode::UNAUTHORIZED));
}

/// A source that knows these.
#[derive(Debug)]
struct Ring(Keyring);

impl KeySource for Ring {
    fn fetch_keys<'a>(&'a self, tenant: &'a TenantId) -> Fetched<'a, TenantKeys> {
        Box::pin(async { Ok(self.0.find_keys(&Wanted::of(Some(tenant))).ok()) })
    }
}

/// What met an outage is answered when it comes again: whoever asked has fetched what was lacking.
#[tokio::test]
async fn what_was_lacking_is_fetched_and_the_next_attempt_is_answered() {
    let (acme, xero, x) = (tenant(), Scheme::xero(), Scheme::x());
    let cache = |scheme: &Scheme| KeyCache::new(Ring(ring(KeySpec::from(scheme), &[1])), Keep::default());

    let headers = signed_by(&xero, &ring(KeySpec::from(&xero), &[1]), b"{}");
    let verifier = HmacVerifier::new(xero.clone(), cache(&xero));
    let (method, uri) = (Method::POST, Uri::from_static("/"));
    let mut message = Message::new(&method, &uri, &headers, b"{}", at(NOW));
    message.sender = Some(&acme);
    let Err(NoKey::Elsewhere(ticket)) = handshakes::xero(&verifier, &message) else {
        panic!("it is known already");
    };
    ticket.redeem(std::future::pending()).await;
    let answer = handshakes::xero(&verifier, &message);
    assert_eq!(answer.map(|reply| reply.status), Ok(StatusCode::OK));

    let keys = cache(&x);
    let ask = || {
        head_with(
            &Method::GET,
            "/?crc_token=MTYxOTg2NjQyMDAwMA-token",
            &[],
            |head| handshakes::x(&keys, &head.from_sender(&acme)),
        )
    };
    let Err(NotAuthentic::NoKey(NoKey::Elsewhere(ticket))) = ask() else {
        panic!("it is known already");
    };
    ticket.redeem(std::future::pending()).await;
    assert!(ask().is_ok_and(|reply| reply.is_some()));
}
