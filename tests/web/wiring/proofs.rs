//! Proofs that somebody else has put there.

use std::sync::Arc;

use bytes::Bytes;
use countersign::gate::Countersigned;
use countersign::payload::{Authentic, Fresh, NotAuthentic};
use countersign::web::{CallerLayer, CertificateDemand};
use http::Request;
use http_body_util::Full;
use rustls::pki_types::UnixTime;
use tower::{Layer, service_fn};

use super::{Found, OK, ask, caller, connection, find, on, outcome, policy, request};
use crate::door::{Hands, Log, keys, payload_layer, world};
use crate::support::{Flaky, tenant};

/// A proof as somebody who holds one of another request might slip it in.
fn fresh(owner: &str) -> Fresh {
    let key = countersign::payload::KeyId::new("stolen");
    let delivery = countersign::payload::DeliveryKey::Id("msg_other");
    let authentic = Authentic::assertion(tenant(owner), "test".into(), key, delivery);
    let claim = authentic.claim(UnixTime::now(), Default::default());
    let granted = countersign::replay::Claimed::granted(&claim, 1);
    authentic.settle(&granted).expect("its own claim")
}

fn with<P: Clone + Send + Sync + 'static>(
    proof: P,
    mut request: Request<Full<Bytes>>,
) -> Request<Full<Bytes>> {
    request.extensions_mut().insert(proof);
    request
}

#[tokio::test]
async fn a_proof_is_what_the_layer_says_whatever_stood_there_before() {
    let world = world();
    let acme = connection(Some(&world.acme));
    let (caller_of_globex, fresh_of_globex) = (caller(&world.globex), fresh("globex"));
    let both_of_globex = Countersigned::bind(caller_of_globex.clone(), fresh_of_globex.clone()).expect("one");
    let asked = || on(&acme, request("acme", "msg_1"));
    let store = || Arc::<Flaky>::default();
    let payload = || payload_layer(keys(&["acme"]), store(), &Log::default(), &Hands::default());
    let (acme_only, body) = (|| Some("acme".to_owned()), || Bytes::from(OK));
    let callers = CallerLayer::new(policy()).layer(service_fn(find));
    let both = CallerLayer::new(policy()).layer(payload().layer(service_fn(find)));
    let payloads = || payload().layer(service_fn(find));

    let found = outcome(&ask(callers.clone(), with(caller_of_globex.clone(), asked())).await);
    assert_eq!(
        found,
        Ok(Found {
            caller: acme_only(),
            body: body(),
            ..Found::default()
        }),
        "a caller"
    );
    let found = outcome(&ask(both.clone(), with(caller_of_globex, asked())).await);
    let all = Found {
        caller: acme_only(),
        fresh: acme_only(),
        both: acme_only(),
        body: body(),
    };
    assert_eq!(found, Ok(all), "a caller, before both layers");

    let open = CallerLayer::new(policy()).with_demand(CertificateDemand::never());
    let nobody = on(&connection(None), request("globex", "msg_1"));
    let planted = ask(open.layer(service_fn(find)), with(caller(&world.globex), nobody)).await;
    let found = Found {
        body: body(),
        ..Found::default()
    };
    assert_eq!(
        outcome(&planted),
        Ok(found),
        "a planted caller, and no certificate"
    );

    let signed = Found {
        fresh: acme_only(),
        body: body(),
        ..Found::default()
    };
    let found = outcome(&ask(payloads(), with(fresh_of_globex.clone(), asked())).await);
    assert_eq!(found, Ok(signed.clone()), "a payload's proof");
    let found = outcome(&ask(payloads(), with(both_of_globex.clone(), asked())).await);
    assert_eq!(found, Ok(signed), "the proof of both");
    let unsigned = with(fresh_of_globex.clone(), request("globex", "msg_1"));
    let found = outcome(&ask(payloads(), unsigned).await);
    assert_eq!(
        found,
        Err((401, NotAuthentic::SignatureMismatch.into())),
        "a payload's proof, and no signature"
    );

    for (name, request) in [
        ("a payload's proof", with(fresh_of_globex, asked())),
        ("the proof of both", with(both_of_globex, asked())),
    ] {
        let alone = ask(callers.clone(), request.clone()).await;
        for response in [alone, ask(both.clone(), request).await] {
            let found = outcome(&response).map_err(|(status, refusal)| (status, refusal.code()));
            assert_eq!(
                found,
                Err((500, "server.not_wired")),
                "{name}, before the caller's"
            );
        }
    }
}
