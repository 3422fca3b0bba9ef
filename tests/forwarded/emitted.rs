//! What a proxy of this crate writes, its reader reads.

use countersign::forwarded::{Emit, Format, Forwarder, Hop, Hops, TooLarge, UnverifiedFormat};
use countersign::gate::Caller;
use countersign::identity::PeerChain;
use countersign::testing::NOW;
use http::{HeaderMap, HeaderValue};

use crate::vectors::field;
use crate::world::World;

#[test]
fn what_is_written_is_read() {
    let world = World::new();
    let issuing = world.clients.intermediate("Clients Issuing");
    let deep = issuing.client("spiffe://acme.example/tenant/acme").issue();
    let xfcc = || UnverifiedFormat::envoy().verified_here();
    for certificate in [&world.acme, &deep] {
        let chain = certificate.chain();
        let leaf = vec![certificate.leaf().clone()];
        let parsed = PeerChain::parse(chain.clone()).expect("a chain");
        let caller = Caller::identify(&world.policy(), parsed, NOW).expect("a caller");
        let cases = [
            (Emit::rfc_9440(), Format::rfc_9440(), leaf),
            (Emit::rfc_9440_with_chain(), Format::rfc_9440(), chain.clone()),
            (Emit::xfcc(), xfcc(), chain.clone()),
        ];
        for (emit, format, expected) in cases {
            let mut headers = HeaderMap::new();
            headers.append("client-cert", HeaderValue::from_static("x"));
            headers.append("client_cert-chain", HeaderValue::from_static("x"));
            headers.append("x.forwarded_client-cert", HeaderValue::from_static("x"));
            for field in emit.fields() {
                headers.append(field, HeaderValue::from_static("x"));
            }
            emit.set(&caller, &mut headers).expect("small enough");
            emit.set(&caller, &mut headers).expect("small enough");
            let forwarder = Forwarder::new(Hops::nobody().with_unix_socket(), format).expect("fields");
            let read = forwarder.present(Some(&Hop::unix_socket()), &headers);
            let read = read.map(|read| read.map(|read| read.certificates().to_vec()));
            assert_eq!(read, Ok(Some(expected)), "{emit:?}");
            emit.strip(&mut headers);
            assert!(!forwarder.is_there(&headers), "{emit:?}");
            let tight = emit.with_limit(10).set(&caller, &mut headers);
            let field = forwarder.format().certificate_field().clone();
            assert_eq!(tight, Err(TooLarge { field, limit: 10 }));
            assert!(!forwarder.is_there(&headers), "nothing of it is left");
        }
    }
    assert_eq!(
        Emit::xfcc().fields().collect::<Vec<_>>(),
        [field("x-forwarded-client-cert")]
    );
}
