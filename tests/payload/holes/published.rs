//! Holes that were published (payload.md §4.1), each as a test of its row.

use countersign::payload::hmac::KeySpec;
use countersign::payload::{HmacSigner, HmacVerifier, Keyring, Message, Scheme, Secret, VerifyPayload as _};
use countersign::replay::{MemoryStore, Terms};
use countersign::tenant::TenantId;
use http::{HeaderMap, Method, Uri};

use super::{BODY, NOW, sign, text, verify, with};
use crate::vectors::{at, cross, published};

/// RUSTSEC-2024-0010: every proper prefix of the right MAC is wrong.
#[test]
fn hole_4_1_partial_length_compare() {
    for (scheme, field) in [
        (Scheme::standard_webhooks(), "webhook-signature"),
        (Scheme::github(), "x-hub-signature-256"),
        (Scheme::paystack(), "x-paystack-signature"),
        (Scheme::vercel(), "x-vercel-signature"),
    ] {
        let headers = sign(&scheme);
        let good = text(&headers, field).to_owned();
        assert_eq!(verify(&scheme, &headers), Ok(()));
        for length in 0..good.len() {
            let cut = with(&headers, field, &good[..length]);
            let expected = if length == 0 {
                "payload.malformed_header"
            } else {
                "payload.malformed_signature"
            };
            assert_eq!(
                verify(&scheme, &cut),
                Err(expected),
                "{} at {length}",
                scheme.name()
            );
        }
        let longer = with(&headers, field, &format!("{good}0"));
        assert_eq!(verify(&scheme, &longer), Err("payload.malformed_signature"));
    }
}

/// Each bit of the MAC counts: a comparison that stops early would pass one of these.
#[test]
fn hole_4_1_every_digit_counts() {
    let scheme = Scheme::github();
    let headers = sign(&scheme);
    let good = text(&headers, "x-hub-signature-256").to_owned();
    for position in "sha256=".len()..good.len() {
        let mut other = good.clone().into_bytes();
        other[position] = if other[position] == b'0' { b'1' } else { b'0' };
        let other = String::from_utf8(other).expect("text");
        let forged = with(&headers, "x-hub-signature-256", &other);
        assert_eq!(
            verify(&scheme, &forged),
            Err("payload.signature_mismatch"),
            "{position}"
        );
    }
}

#[test]
fn hole_4_1_secret_in_debug_output() {
    let scheme = Scheme::standard_webhooks();
    let secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    let builder = Keyring::builder(&scheme).key(TenantId::parse("acme").unwrap(), "1", Secret::new(secret));
    let shown = format!("{builder:?}");
    let keys = builder.build().expect("keys");
    let found = countersign::payload::FindKeys::find_keys(&keys, &countersign::payload::Wanted::of(None));
    let shown = shown + &format!("{keys:?} {found:?}");
    let verifier = HmacVerifier::new(scheme.clone(), keys.clone());
    let shown = shown + &format!("{verifier:?} {:?}", HmacSigner::new(scheme.clone(), keys));
    let wrong = Keyring::builder(&scheme)
        .key(
            TenantId::parse("acme").unwrap(),
            "1",
            Secret::new("whsec_C2FVsBQ!"),
        )
        .build()
        .err();
    let shown = shown
        + &format!(
            "{wrong:?} {}",
            wrong.as_ref().map(ToString::to_string).unwrap_or_default()
        );
    for piece in ["C2FV", "C2FVsBQIhrsc", "0b6155b0", "[11, 97, 85"] {
        assert!(!shown.contains(piece), "{piece} in {shown}");
    }
}

#[test]
fn hole_4_1_no_header_no_bypass() {
    for vector in cross() {
        let verdict = vector.check_as(&HeaderMap::new(), vector.body.as_bytes(), NOW);
        assert_eq!(verdict, Err("payload.missing_header"), "{}", vector.name);
    }
}

#[test]
fn hole_4_1_ecosystem_of_sha1_downgrades() {
    let (new, old) = (Scheme::github(), Scheme::github_sha1());
    let signed = sign(&old);
    assert_eq!(verify(&old, &signed), Ok(()));
    assert_eq!(verify(&new, &signed), Err("payload.missing_header"));
    let moved = with(
        &HeaderMap::new(),
        "x-hub-signature-256",
        text(&signed, "x-hub-signature"),
    );
    assert_eq!(verify(&new, &moved), Err("payload.malformed_signature"));
}

#[test]
fn hole_4_1_base64_leniency() {
    let scheme = Scheme::shopify();
    let headers = sign(&scheme);
    let good = text(&headers, "x-shopify-hmac-sha256").to_owned();
    let last = good.as_bytes()[good.len() - 2];
    // The last letter before the padding has two bits that mean nothing: any other letter with the same four first.
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let index = alphabet
        .iter()
        .position(|letter| *letter == last)
        .expect("a letter");
    let trailing = format!("{}{}=", &good[..good.len() - 2], char::from(alphabet[index | 1]));
    let unpadded = good.trim_end_matches('=').to_owned();
    let url = good.replace('+', "-").replace('/', "_");
    for other in [
        trailing,
        unpadded,
        format!("{good}="),
        format!("{good}\t"),
        format!("{} {}", &good[..4], &good[4..]),
    ] {
        let code = verify(&scheme, &with(&headers, "x-shopify-hmac-sha256", &other));
        assert_eq!(code, Err("payload.malformed_signature"), "{other}");
    }
    assert_eq!(
        verify(&scheme, &with(&headers, "x-shopify-hmac-sha256", &url)).is_ok(),
        url == good
    );
}

#[test]
fn hole_4_1_timestamp_in_another_unit() {
    let seconds = Scheme::standard_webhooks();
    let forged = with(&sign(&seconds), "webhook-timestamp", "1790000000000");
    assert_eq!(verify(&seconds, &forged), Err("payload.malformed_time"));
    let milliseconds = Scheme::front();
    let forged = with(&sign(&milliseconds), "x-front-request-timestamp", "1790000000");
    assert_eq!(verify(&milliseconds, &forged), Err("replay.stale"));
}

#[test]
fn hole_4_1_limits_before_work() {
    let scheme = Scheme::standard_webhooks();
    let headers = sign(&scheme);
    let many = vec!["v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="; 101].join(" ");
    assert_eq!(
        verify(&scheme, &with(&headers, "webhook-signature", &many)),
        Err("payload.too_many_signatures")
    );
    let dots = ".".repeat(1_000_000);
    assert_eq!(
        verify(&scheme, &with(&headers, "webhook-signature", &dots)),
        Err("payload.malformed_header")
    );
    let id = "x".repeat(257);
    assert_eq!(
        verify(&scheme, &with(&headers, "webhook-id", &id)),
        Err("payload.malformed_header")
    );
}

#[test]
fn hole_4_1_batch_with_one_forged_item() {
    let vector = published()
        .into_iter()
        .find(|vector| vector.preset == "adyen")
        .expect("a vector");
    let item = vector
        .body
        .split_once('[')
        .and_then(|(_, rest)| rest.rsplit_once(']'))
        .expect("an item")
        .0;
    let forged = item.replace("\"value\":1130", "\"value\":113000");
    let batch = |items: &[&str]| format!("{{\"notificationItems\":[{}]}}", items.join(",")).into_bytes();
    let cases: [(&str, &[&str], _); 5] = [
        ("one", &[item], Ok("0".to_owned())),
        ("the same twice", &[item, item], Ok("0".to_owned())),
        (
            "the second forged",
            &[item, &forged],
            Err("payload.signature_mismatch"),
        ),
        (
            "the first forged",
            &[&forged, item],
            Err("payload.signature_mismatch"),
        ),
        ("none", &[], Err("payload.malformed_body")),
    ];
    for (name, items, expected) in cases {
        assert_eq!(
            vector.check_as(&HeaderMap::new(), &batch(items), NOW),
            expected,
            "{name}"
        );
    }
    let duplicate = item.replacen("\"pspReference\"", "\"pspReference\":\"x\",\"pspReference\"", 1);
    assert_eq!(
        vector.check_as(&HeaderMap::new(), &batch(&[&duplicate]), NOW),
        Err("payload.malformed_body")
    );
}

#[tokio::test]
async fn hole_4_1_replay_across_tenants() {
    let scheme = Scheme::standard_webhooks();
    let secret = crate::signing::secret(KeySpec::from(&scheme), 1);
    let keys = Keyring::builder(&scheme)
        .key(TenantId::parse("acme").unwrap(), "1", Secret::new(&secret))
        .key(TenantId::parse("other").unwrap(), "1", Secret::new(&secret))
        .build()
        .expect("keys");
    let verifier = HmacVerifier::new(scheme.clone(), keys);
    let headers = sign(&scheme);
    let (method, uri) = (Method::POST, Uri::from_static("/"));
    let store = MemoryStore::default();
    let mut outcomes = Vec::new();
    for name in ["acme", "other", "acme"] {
        let tenant = TenantId::parse(name).expect("a tenant");
        let message = Message::new(&method, &uri, &headers, BODY, at(NOW)).from_sender(&tenant);
        let authentic = verifier.verify_payload(&message).expect("authentic");
        let claimed = countersign::gate::claim(&store, authentic, Terms::default(), at(NOW)).await;
        outcomes.push(claimed.map(|_| ()).map_err(|refusal| refusal.code()));
    }
    assert_eq!(outcomes, [Ok(()), Ok(()), Err("replay.in_progress")]);
}
