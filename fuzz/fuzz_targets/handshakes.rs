//! WHAT DO THEY ASK OF US? The questions by which providers try an endpoint, as anybody may send them: by every handshake there is. What has to be
//! signed is answered only where it is, and an answer is one line of text that no browser takes for a page.
#![no_main]

use std::sync::LazyLock;

use arbitrary::{Result, Unstructured};
use countersign::payload::hmac::KeySpec;
use countersign::payload::providers::handshakes::{self, Reply};
use countersign::payload::{
    Head, HmacSigner, HmacVerifier, Keyring, NotAuthentic, Outgoing, Scheme, Secret, VerifyPayload as _,
};
use countersign_fuzz::{NOW, Sent, acme, at, bytes, headers, ring, tamper, within};
use http::{Method, Uri};
use libfuzzer_sys::fuzz_target;

type Makes = fn() -> Scheme;
type Signed = fn(&HmacVerifier, &Sent) -> std::result::Result<Option<Reply>, NotAuthentic>;
type Asked = fn(&Head<'_>, &Sent) -> Option<Reply>;

/// Those that have to be signed.
const SIGNED: &[(Makes, Signed)] = &[
    (Scheme::slack, |verifier, sent| {
        handshakes::slack(verifier, &sent.message())
    }),
    (Scheme::zoom, |verifier, sent| {
        handshakes::zoom(verifier, &sent.message())
    }),
    (Scheme::twitch, |verifier, sent| {
        handshakes::twitch(verifier, &sent.message())
    }),
    (Scheme::front, |verifier, sent| {
        handshakes::front(verifier, &sent.message())
    }),
    (Scheme::airship, |verifier, sent| {
        handshakes::airship(verifier, &sent.message(), "code")
    }),
];

/// Those that anybody may ask.
const OPEN: &[Asked] = &[
    |head, _| handshakes::adobe_sign(head, "client"),
    |head, _| handshakes::asana(head).map(|(reply, _)| reply),
    |head, _| handshakes::dropbox(head),
    |head, _| {
        handshakes::ebay(
            head,
            &Secret::new("a token of thirty-two characters."),
            "https://hooks.example.com/in",
        )
    },
    |head, _| handshakes::intercom(head),
    |head, _| handshakes::mandrill(head),
    |head, _| handshakes::meta(head, &Secret::new("token")),
    |head, _| handshakes::microsoft_graph(head),
    |_, sent| handshakes::notion(&sent.message()).map(|(reply, _)| reply),
    |head, _| handshakes::nylas(head),
    |head, _| handshakes::okta(head),
    |head, _| handshakes::onfleet(head),
    |head, _| handshakes::trello(head),
    |_, sent| handshakes::vtex_orders(&sent.message()),
    |_, sent| handshakes::woocommerce(&sent.message()),
    |head, _| handshakes::x(&*X, head).ok().flatten(),
    |head, _| handshakes::linkedin(&*X, head).ok().flatten(),
    |head, _| braintree(head),
];

static X: LazyLock<Keyring> = LazyLock::new(|| ring(&Scheme::x(), "acme", 1));
static BRAINTREE: LazyLock<Keyring> = LazyLock::new(|| ring(&Scheme::braintree(), "acme", 1));

/// Its answer is a signature. It must be none of an event.
fn braintree(head: &Head<'_>) -> Option<Reply> {
    let reply = handshakes::braintree(&*BRAINTREE, "public", head)
        .ok()
        .flatten()?;
    let challenge = head
        .uri
        .query()?
        .split('&')
        .find_map(|pair| pair.strip_prefix("bt_challenge="))?;
    let event = format!(
        "bt_signature={}&bt_payload={challenge}",
        reply.body.replace('|', "%7C")
    );
    let verifier = HmacVerifier::new(Scheme::braintree(), BRAINTREE.clone());
    let headers = http::HeaderMap::new();
    let message = Head::new(&Method::POST, head.uri, &headers, head.now).with_body(event.as_bytes());
    assert!(verifier.verify_payload(&message).is_err(), "{event}");
    Some(reply)
}

// Choices: a handshake; whether it is signed, a target, fields, a body; changes.
fuzz_target!(|data: &[u8]| {
    // An input that ends early has chosen nothing more.
    let _ = play(&mut Unstructured::new(data));
});

fn play(choices: &mut Unstructured<'_>) -> Result<()> {
    let which = usize::from(choices.arbitrary::<u8>()?) % (SIGNED.len() + OPEN.len());
    let method = choices
        .choose(&[Method::POST, Method::GET, Method::HEAD])?
        .clone();
    let uri =
        Uri::try_from([b"/in", bytes(choices, 96)?].concat()).unwrap_or(Uri::from_static("/in/validate"));
    let headers = headers(bytes(choices, 160)?);
    let body = bytes(choices, 200)?.to_vec();
    let mut sent = Sent {
        method,
        uri,
        headers,
        body,
        now: NOW,
    };
    let reply = match SIGNED.get(which) {
        Some((scheme, ask)) => {
            let scheme = scheme();
            sign(&scheme, &mut sent);
            tamper(&mut sent, choices)?;
            let verifier = HmacVerifier::new(scheme.clone(), ring(KeySpec::from(&scheme), "acme", 1));
            let reply = within(sent.body.len(), || ask(&verifier, &sent));
            let is_signed = verifier.verify_payload(&sent.message()).is_ok();
            assert!(
                is_signed || !matches!(reply, Ok(Some(_))),
                "{} answers anybody",
                scheme.name()
            );
            reply.ok().flatten()
        }
        None => {
            let head = Head::new(&sent.method, &sent.uri, &sent.headers, at(NOW));
            within(sent.body.len(), || OPEN[which - SIGNED.len()](&head, &sent))
        }
    };
    if let Some(reply) = reply {
        harmless(&reply);
    }
    Ok(())
}

fn sign(scheme: &Scheme, sent: &mut Sent) {
    let signer = HmacSigner::new(scheme.clone(), ring(KeySpec::from(scheme), "acme", 1));
    let (acme, body) = (acme(), sent.body.clone());
    let outgoing = Outgoing::new(&acme, "msg-1", &body, at(NOW)).with_request(&sent.method, &sent.uri);
    if let Ok((headers, body)) = signer.sign_with_body(&outgoing) {
        sent.headers.extend(headers);
        sent.body = body;
    }
}

/// What a stranger has chosen stands in it.
fn harmless(reply: &Reply) {
    let kind = reply
        .headers
        .iter()
        .find(|(name, _)| name == http::header::CONTENT_TYPE);
    let kind = kind.map(|(_, value)| value.to_str().expect("text"));
    let is_plain =
        kind.is_some_and(|kind| kind.starts_with("text/plain") || kind.starts_with("application/json"));
    assert!(reply.body.is_empty() || is_plain, "{reply:?}");
}
