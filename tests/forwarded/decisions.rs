//! Who may speak for others: the table of `forwarded`, line by line, and what is behind it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::forwarded::{Format, Forwarder, Hop, Hops, NotForwarded};
use countersign::gate::{ForwardedBy, Policy, Provenance};
use countersign::identity::SpkiHash;
use countersign::payload::http_signature::{
    HttpSignatureKeyring, HttpSignaturePolicy, HttpSignatureVerifier, HttpSigner,
};
use countersign::payload::jose::{Algorithm, HmacSigningKey, VerifyingKey};
use countersign::payload::{
    Authentic, DeliveryKey, Head, KeyId, Message, NotAuthentic, Origin, Outgoing, SignPayload, VerifyPayload,
};
use countersign::refusal::Refusal;
use countersign::tenant::TenantTable;
use countersign::testing::{NOW, TestCa, TestCert};
use countersign::trust::{Pin, PinSet, Untrusted};
use countersign::usage::{NotRetired, Retirement};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use rustls::pki_types::UnixTime;

use crate::vectors::field;
use crate::world::{World, caller, name};

pub(crate) fn byte_sequence(certificate: &TestCert) -> HeaderValue {
    let text = format!(":{}:", STANDARD.encode(certificate.leaf()));
    HeaderValue::try_from(text).expect("a value")
}

pub(crate) fn with_cert(certificate: &TestCert) -> HeaderMap {
    [(field("client-cert"), byte_sequence(certificate))]
        .into_iter()
        .collect()
}

fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

#[test]
fn who_may_speak_for_others() {
    let world = World::new();
    let (policy, hops) = (world.policy(), world.hops_policy());
    let edge = Hop::caller(&caller(&hops, &world.edge));
    let logger = Hop::caller(&caller(&hops, &world.logger));
    // Known under the same name to another policy: that of the clients, in which a client may be called `edge`.
    let namesake = world.policy_of(&world.proxies, "spiffe://proxies.example/{tenant}", &["edge"]);
    let namesake = Hop::caller(&caller(&namesake, &world.edge));
    let behind_edge = Forwarder::new(Hops::nobody().with_unix_socket(), Format::rfc_9440()).expect("fields");
    let forwarded = behind_edge.present(Some(&Hop::unix_socket()), &with_cert(&world.edge));
    let forwarded = forwarded
        .expect("read")
        .expect("a certificate")
        .identify(&hops, NOW);
    let forwarded = Hop::caller(&forwarded.expect("a caller"));
    let (here, mapped) = (
        Hop::address(address("192.0.2.1")),
        Hop::address(address("::ffff:192.0.2.1")),
    );
    let (elsewhere, socket) = (Hop::address(address("192.0.2.2")), Hop::unix_socket());

    let nobody = Hops::nobody;
    let by_caller = || nobody().with_callers(hops.clone(), [name("edge")]);
    let by_address = || nobody().with_unauthenticated_addresses([address("192.0.2.1")]);
    let by_mapped = || nobody().with_unauthenticated_addresses([address("::ffff:192.0.2.1")]);
    let by_socket = || nobody().with_unix_socket();
    let certificate = Some(ForwardedBy::Certificate(name("edge")));
    let at = Some(ForwardedBy::Address(address("192.0.2.1")));
    #[rustfmt::skip]
    let table = [
        ("nobody is configured, a proxy", nobody(), &edge, None),
        ("nobody is configured, an address", nobody(), &here, None),
        ("nobody is configured, a Unix socket", nobody(), &socket, None),
        ("a proxy by its certificate", by_caller(), &edge, certificate),
        ("another of its authority", by_caller(), &logger, None),
        ("its name in another policy", by_caller(), &namesake, None),
        ("its own certificate, forwarded", by_caller(), &forwarded, None),
        ("an address, where certificates are asked for", by_caller(), &here, None),
        ("a Unix socket, where certificates are asked for", by_caller(), &socket, None),
        ("no name at all", nobody().with_callers(hops.clone(), []), &edge, None),
        ("the clients' policy for the hops'", nobody().with_callers(policy, [name("edge")]), &edge, None),
        ("an address", by_address(), &here, at.clone()),
        ("an address in the form of IPv6", by_address(), &mapped, at.clone()),
        ("listed in the form of IPv6", by_mapped(), &here, at),
        ("another address", by_address(), &elsewhere, None),
        ("a certificate, where addresses are asked for", by_address(), &edge, None),
        ("a Unix socket", by_socket(), &socket, Some(ForwardedBy::UnixSocket)),
        ("an address, where a Unix socket is asked for", by_socket(), &here, None),
    ];
    for (line, hops, hop, expected) in table {
        assert_eq!(hops.admit(hop), expected, "{line}");
        let forwarder = Forwarder::new(hops, Format::rfc_9440()).expect("fields");
        let with_field = forwarder.present(Some(hop), &with_cert(&world.acme));
        let by = with_field.map(|forwarded| forwarded.map(|forwarded| forwarded.by().clone()));
        let untrusted = |name| NotForwarded::UntrustedHop { field: field(name) };
        match &expected {
            Some(by_hop) => assert_eq!(by, Ok(Some(by_hop.clone())), "{line}"),
            None => assert_eq!(by, Err(untrusted("client-cert")), "{line}"),
        }
        let nothing = forwarder.present(Some(hop), &HeaderMap::new());
        assert_eq!(nothing, Ok(None), "{line}: no field is no identity");
        let spelled: HeaderMap = [(field("client_cert"), HeaderValue::from_static("x"))]
            .into_iter()
            .collect();
        let spelled = forwarder.present(Some(hop), &spelled).map(drop);
        match expected {
            Some(_) => assert_eq!(
                spelled,
                Err(NotForwarded::Alias {
                    field: field("client_cert")
                }),
                "{line}"
            ),
            None => assert_eq!(spelled, Err(untrusted("client_cert")), "{line}"),
        }
    }
}

/// Whatever the proxy says.
#[test]
fn the_certificate_is_verified_here() {
    let world = World::new();
    let stranger = TestCa::new("Clients Root")
        .client("spiffe://acme.example/tenant/acme")
        .issue();
    let expired = world
        .clients
        .client("spiffe://acme.example/tenant/acme")
        .expired()
        .issue();
    let server = world
        .clients
        .client("spiffe://acme.example/tenant/acme")
        .server_only()
        .issue();
    let unknown = world
        .clients
        .client("spiffe://acme.example/tenant/initech")
        .issue();
    let code = |certificate: &TestCert| {
        let forwarder =
            Forwarder::new(Hops::nobody().with_unix_socket(), Format::rfc_9440()).expect("fields");
        let forwarded = forwarder.present(Some(&Hop::unix_socket()), &with_cert(certificate));
        let forwarded = forwarded.expect("read").expect("a certificate");
        let caller = forwarded.identify(&world.policy(), NOW);
        caller
            .map(|caller| caller.provenance().clone())
            .map_err(|refused| refused.code())
    };
    let forwarded = Provenance::Forwarded(ForwardedBy::UnixSocket);
    #[rustfmt::skip]
    let table = [
        ("a good one", &world.acme, Ok(forwarded)),
        ("another authority's, of the same name", &stranger, Err("trust.signature")),
        ("an expired one", &expired, Err("trust.expired")),
        ("a server's", &server, Err("trust.extended_key_usage")),
        ("nobody's", &unknown, Err("tenant.unknown")),
        ("the proxy's own", &world.edge, Err("trust.unknown_issuer")),
    ];
    for (name, certificate, expected) in table {
        assert_eq!(code(certificate), expected, "{name}");
    }
    assert_eq!(
        caller(&world.policy(), &world.acme).provenance(),
        &Provenance::Handshake,
        "in a handshake"
    );
}

/// Remembered like a handshake's, and never longer than it holds; but no proof of a key that was shown to us.
#[test]
fn a_forwarded_chain_is_remembered() {
    use countersign::trust::Role;
    let world = World::new();
    let policy = world.policy();
    let forwarder = Forwarder::new(Hops::nobody().with_unix_socket(), Format::rfc_9440()).expect("fields");
    let forwarded = forwarder.present(Some(&Hop::unix_socket()), &with_cert(&world.acme));
    let forwarded = forwarded.expect("read").expect("a certificate");
    let recall = || policy.trust().memory().expect("a memory");
    let shown = || [world.acme.leaf()].into_iter();
    let remembered = || recall().peer(Role::Client, shown(), NOW);
    assert!(remembered().is_none(), "before");
    let first = forwarded.identify(&policy, NOW).expect("a caller");
    let known = remembered().expect("remembered");
    assert_eq!(known.chain(), first.peer().chain());
    let proved = recall().proved(Role::Client, shown(), NOW);
    assert_eq!(proved, None, "to a hop is not to us");
    let second = forwarded.identify(&policy, NOW).expect("a caller");
    assert!(
        std::ptr::eq(first.peer().leaf(), second.peer().leaf()),
        "the same proof, not another one"
    );
    let later = countersign::testing::NOT_AFTER.as_secs() + 1;
    let later = rustls::pki_types::UnixTime::since_unix_epoch(std::time::Duration::from_secs(later));
    let refused = forwarded.identify(&policy, later).expect_err("expired");
    assert!(
        matches!(refused, Refusal::Untrusted(Untrusted::Expired { .. })),
        "{refused:?}"
    );
}

/// Counted for as long as he comes, as he would be at his handshakes: what he uses is not retired under him.
#[test]
fn a_forwarded_client_is_counted_as_long_as_he_comes() {
    let world = World::new();
    let next = world.clients.client("spiffe://acme.example/tenant/acme").issue();
    let pin = |own: &TestCert| Pin::leaf(SpkiHash::of(&own.spki_der())).labelled("acme");
    let pins = PinSet::of([pin(&world.acme), pin(&next)]);
    let tenants = TenantTable::builder().uri("spiffe://acme.example/tenant/{tenant}");
    let tenants = tenants.known(["acme"]).build().expect("a table");
    let policy = Policy::new(pins.clone(), tenants);
    let forwarder = Forwarder::new(Hops::nobody().with_unix_socket(), Format::rfc_9440()).expect("fields");
    let comes = |own: &TestCert, now| {
        let forwarded = forwarder.present(Some(&Hop::unix_socket()), &with_cert(own));
        let forwarded = forwarded.expect("read").expect("a certificate");
        forwarded.identify(&policy, now).expect("a caller");
    };
    let after = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(NOW.as_secs() + seconds));
    let day = |days: u64| after(days * 86_400);
    for days in 0..=8 {
        comes(&world.acme, day(days));
        comes(&next, day(days));
    }
    let used = |own: &TestCert| {
        let (_, usage) = pins.usage().find(|(known, _)| *known == pin(own)).expect("a pin");
        (usage.uses, usage.first_used, usage.last_used)
    };
    let week = Retirement::unused_for(Duration::from_secs(7 * 86_400));
    for own in [&world.acme, &next] {
        assert_eq!(used(own), (9, Some(NOW), Some(day(8))));
        let still_used = NotRetired::StillUsed {
            uses: 9,
            last_used: day(8),
        };
        assert_eq!(pins.retire(&pin(own), week, day(8)).err(), Some(still_used));
    }
    // Once a second, however many requests it brings.
    let second = after(8 * 86_400 + 1);
    for now in [day(8), day(8), second, second] {
        comes(&next, now);
    }
    assert_eq!(used(&next), (10, Some(NOW), Some(second)));
}

// --- signatures ---------------------------------------------------------------------------------------------------------

pub(crate) const KEY: &[u8] = b"a key of the proxy, of 32 bytes!";

pub(crate) fn origin() -> Origin {
    Origin::parse("https://inside.example").expect("an origin")
}

/// As a hop signs: these fields, and method and target with them.
pub(crate) fn signed(fields: &[HeaderName], mut headers: HeaderMap, sender: &str, key: &[u8]) -> HeaderMap {
    let key = Arc::new(HmacSigningKey::new(Algorithm::Hs256, key).expect("a key"));
    let signer = HttpSigner::new(origin()).with_key(name(sender), KeyId::new(sender), key);
    let signer = fields
        .iter()
        .fold(signer, |signer, field| signer.covering(field.clone()));
    let (tenant, method, uri) = (name(sender), Method::GET, Uri::from_static("/paid"));
    let outgoing = Outgoing::new(&tenant, "1", b"", NOW).with_request(&method, &uri);
    let added = signer
        .sign_payload(&outgoing.with_headers(&headers))
        .expect("signed");
    headers.extend(added);
    headers
}

#[test]
fn a_hop_that_signs_what_it_forwards() {
    let world = World::new();
    let (cert, chain) = (field("client-cert"), field("client-cert-chain"));
    let key = |name, key| VerifyingKey::hmac(KeyId::new(name), Algorithm::Hs256, key).expect("a key");
    let other_key: &[u8] = b"another key of the same length, !";
    let keys = HttpSignatureKeyring::builder()
        .keys(name("edge"), [key("edge", KEY)])
        .keys(name("logger"), [key("logger", KEY)])
        .build()
        .expect("keys");
    let verifier = |policy: HttpSignaturePolicy| HttpSignatureVerifier::new(policy, keys.clone());
    let strict = || verifier(HttpSignaturePolicy::new(origin()));
    let good = || with_cert(&world.acme);
    let with_chain = || {
        let mut headers = good();
        headers.insert(&chain, byte_sequence(&world.edge));
        headers
    };
    let (covered, both) = ([cert.clone()], [cert.clone(), chain.clone()]);
    let edge = |fields: &[HeaderName], headers| signed(fields, headers, "edge", KEY);
    let later = |mut headers: HeaderMap, name: &HeaderName, value| {
        headers.append(name, value);
        headers
    };
    let another = |mut headers: HeaderMap| {
        headers.insert(&cert, byte_sequence(&world.edge));
        headers
    };
    let not_covered = |field: &HeaderName| Err(NotForwarded::NotCovered { field: field.clone() });
    let mismatch = || {
        let why = countersign::payload::http_signature::InvalidHttpSignature::Signature;
        Err(NotForwarded::HopNotAuthentic(why.into()))
    };
    let unsigned = || {
        let name = field("signature-input");
        Err(NotForwarded::HopNotAuthentic(NotAuthentic::MissingHeader {
            name,
        }))
    };
    let unknown = || {
        let why = countersign::payload::http_signature::InvalidHttpSignature::NotFound {
            by: "keyid",
            seen: countersign::codes::Few::of(["logger"]),
            wanted: countersign::codes::Few::of(["edge"]),
        };
        Err(NotForwarded::HopNotAuthentic(why.into()))
    };
    let by = Ok(Some(ForwardedBy::Signature(name("edge"))));
    #[rustfmt::skip]
    let table = [
        ("covered", strict(), edge(&covered, good()), by.clone()),
        ("both covered", strict(), edge(&both, with_chain()), by),
        ("the certificate not covered", strict(), edge(&[], good()), not_covered(&cert)),
        ("issuers not covered", strict(), edge(&covered, with_chain()), not_covered(&chain)),
        ("issuers that somebody has added", strict(), later(edge(&covered, good()), &chain, byte_sequence(&world.edge)), not_covered(&chain)),
        ("another certificate in its place", strict(), another(edge(&covered, good())), mismatch()),
        ("another beside it", strict(), later(edge(&covered, good()), &cert, byte_sequence(&world.edge)), mismatch()),
        ("another key", strict(), signed(&covered, good(), "edge", other_key), mismatch()),
        ("one that may not speak for others", strict(), signed(&covered, good(), "logger", KEY), unknown()),
        ("no signature", strict(), good(), unsigned()),
        ("no field", strict(), HeaderMap::new(), Ok(None)),
    ];
    for (line, verifier, headers, expected) in table {
        let hops = Hops::nobody().with_signatures(verifier, [name("edge")]);
        let forwarder = Forwarder::new(hops, Format::rfc_9440()).expect("fields");
        let (method, uri) = (Method::GET, Uri::from_static("/paid"));
        let hop = forwarder.signed_by(&Head::new(&method, &uri, &headers, NOW));
        let hop = hop.map(|hop| hop.and_then(|hop| forwarder.hops().admit(&hop)));
        assert_eq!(hop, expected, "{line}");
        let elsewhere = Uri::from_static("/elsewhere");
        let moved = forwarder.signed_by(&Head::new(&method, &elsewhere, &headers, NOW));
        assert_eq!(moved.is_ok(), line == "no field", "{line}: for another path");
    }
}

/// A verifier that takes whatever there is for this sender's, and says nothing of method and target.
#[derive(Debug)]
struct Unbound(&'static str);

impl VerifyPayload for Unbound {
    fn verify_payload<'m>(&self, message: &Message<'m>) -> Result<Authentic<'m>, NotAuthentic> {
        let delivery = DeliveryKey::Body(message.body);
        Ok(Authentic::assertion(
            name(self.0),
            "unbound".into(),
            KeyId::new("1"),
            delivery,
        ))
    }
}

#[test]
fn a_signature_that_could_be_that_of_another_request_does_not_count() {
    let world = World::new();
    let untrusted = NotForwarded::UntrustedHop {
        field: field("client-cert"),
    };
    for (sender, expected) in [("edge", NotForwarded::RequestNotCovered), ("logger", untrusted)] {
        let hops = Hops::nobody().with_signatures(Unbound(sender), [name("edge")]);
        let forwarder = Forwarder::new(hops, Format::rfc_9440()).expect("fields");
        let (method, uri, headers) = (Method::GET, Uri::from_static("/paid"), with_cert(&world.acme));
        let hop = forwarder
            .signed_by(&Head::new(&method, &uri, &headers, NOW))
            .map(drop);
        assert_eq!(hop, Err(expected), "{sender}");
    }
}
