//! Each hole that was found in today's libraries (payload.md §4.0 and §4.1) and concerns HMAC, as a test of its row.

use countersign::payload::hmac::{KeyProblem, KeySpec};
use countersign::payload::providers::TwilioVerifier;
use countersign::payload::{
    HmacSigner, HmacVerifier, Keyring, Message, Outgoing, Scheme, Secret, SignPayload, VerifyPayload,
};
use countersign::replay::{MemoryStore, Terms};
use countersign::tenant::TenantId;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use proptest::prelude::*;

use crate::signing::ring;
use crate::vectors::{at, cross, published, tenant};

const NOW: u64 = 1_790_000_000;
const BODY: &[u8] = b"{\"event\":\"invoice.paid\"}";

fn sign(scheme: &Scheme) -> HeaderMap {
    let signer = HmacSigner::new(scheme.clone(), ring(KeySpec::from(scheme), &[1]));
    signer
        .sign_payload(&Outgoing::new(&tenant(), "msg-1", BODY, at(NOW)))
        .expect("signed")
}

fn verify_at(scheme: &Scheme, headers: &HeaderMap, body: &[u8], now: u64) -> Result<(), &'static str> {
    let (method, uri) = (Method::POST, Uri::from_static("/"));
    let verifier = HmacVerifier::new(scheme.clone(), ring(KeySpec::from(scheme), &[1]));
    let message = Message::new(&method, &uri, headers, body, at(now));
    verifier
        .verify_payload(&message)
        .map(|_| ())
        .map_err(|forged| forged.code())
}

fn verify(scheme: &Scheme, headers: &HeaderMap) -> Result<(), &'static str> {
    verify_at(scheme, headers, BODY, NOW)
}

fn with(headers: &HeaderMap, name: &'static str, value: &str) -> HeaderMap {
    let mut headers = headers.clone();
    headers.insert(name, HeaderValue::from_str(value).expect("a value"));
    headers
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    headers[name].to_str().expect("text")
}

#[test]
fn hole_4_0_1_empty_secret() {
    let whsec = KeyProblem::Form {
        form: Scheme::standard_webhooks_key_form(),
    };
    let cases = [
        (Scheme::standard_webhooks(), "", KeyProblem::Empty),
        (Scheme::standard_webhooks(), "whsec_", KeyProblem::Empty),
        (Scheme::standard_webhooks(), " ", KeyProblem::Space),
        (Scheme::standard_webhooks(), "whsec_ ", KeyProblem::Space),
        (Scheme::standard_webhooks(), "whsec_===", whsec),
        (Scheme::github(), "", KeyProblem::Empty),
        (Scheme::github(), "\t\n", KeyProblem::Space),
        (Scheme::stripe(), "", KeyProblem::Empty),
        (Scheme::authorize_net(), "", KeyProblem::Empty),
        (Scheme::braintree(), "", KeyProblem::Empty),
    ];
    for (scheme, secret, expected) in cases {
        for weak in [false, true] {
            let builder = Keyring::builder(&scheme);
            let builder = if weak {
                builder.allow_weak_secrets()
            } else {
                builder
            };
            let built = builder
                .key(TenantId::parse("acme").unwrap(), "1", Secret::new(secret))
                .build();
            assert_eq!(
                built.err().map(|invalid| invalid.problem),
                Some(expected.clone()),
                "{secret:?}"
            );
        }
    }
}

trait KeyFormOf {
    fn standard_webhooks_key_form() -> countersign::payload::hmac::KeyForm;
}

impl KeyFormOf for Scheme {
    fn standard_webhooks_key_form() -> countersign::payload::hmac::KeyForm {
        countersign::payload::hmac::KeyForm::Base64 {
            prefix: "whsec_".into(),
        }
    }
}

#[test]
fn hole_4_0_2_i64_min_timestamp() {
    let scheme = Scheme::standard_webhooks();
    let headers = sign(&scheme);
    for time in [
        "-9223372036854775808",
        "9223372036854775807",
        "18446744073709551615",
        "-1",
        "1e99",
    ] {
        let forged = with(&headers, "webhook-timestamp", time);
        assert_eq!(verify(&scheme, &forged), Err("payload.malformed_time"), "{time}");
    }
    assert_eq!(verify_at(&scheme, &headers, BODY, u64::MAX), Err("replay.stale"));
    assert_eq!(
        verify_at(&scheme, &headers, BODY, 0),
        Err("replay.from_the_future")
    );
}

proptest! {
    #[test]
    fn hole_4_0_2_no_number_panics(time in any::<i128>(), now in any::<u64>()) {
        let scheme = Scheme::standard_webhooks();
        let headers = with(&sign(&scheme), "webhook-timestamp", &time.to_string());
        let verdict = verify_at(&scheme, &headers, BODY, now);
        prop_assert!(time == i128::from(NOW) || verdict.is_err());
    }

    #[test]
    fn hole_4_0_2_no_header_panics(field in "[ -~]{0,80}", place in 0_usize..3) {
        for scheme in [Scheme::standard_webhooks(), Scheme::stripe(), Scheme::recurly(), Scheme::docusign(), Scheme::persona()] {
            let mut headers = sign(&scheme);
            let names: Vec<HeaderName> = headers.keys().cloned().collect();
            let name = &names[place % names.len()];
            let changed = headers[name] != field.as_str();
            headers.insert(name, HeaderValue::from_str(&field).expect("a value"));
            prop_assert_eq!(verify(&scheme, &headers).is_ok(), !changed, "{}", scheme.name());
        }
    }
}

#[test]
fn hole_4_0_3_other_forms_of_a_number() {
    let scheme = Scheme::standard_webhooks();
    let headers = sign(&scheme);
    for time in [
        "+1790000000",
        "01790000000",
        " 1790000000",
        "1790000000 ",
        "1790000000.0",
        "0x6AB13B80",
        "１７９００００００",
    ] {
        let mut forged = headers.clone();
        let value = HeaderValue::from_bytes(time.as_bytes()).expect("a value");
        forged.insert("webhook-timestamp", value);
        let code = if time.is_ascii() {
            "payload.malformed_time"
        } else {
            "payload.malformed_header"
        };
        assert_eq!(verify(&scheme, &forged), Err(code), "{time}");
    }
}

#[test]
fn hole_4_0_3_and_4_0_7_repeated_header() {
    for scheme in [
        Scheme::standard_webhooks(),
        Scheme::github(),
        Scheme::slack(),
        Scheme::docusign(),
    ] {
        let headers = sign(&scheme);
        for name in headers.keys() {
            for value in [headers[name].clone(), HeaderValue::from_static("other")] {
                let mut forged = headers.clone();
                forged.append(name.clone(), value);
                assert_eq!(verify(&scheme, &forged), Err("payload.repeated_header"), "{name}");
            }
        }
    }
}

#[test]
fn hole_4_0_4_twilio_json_body_is_authenticated() {
    let vector = published()
        .into_iter()
        .find(|vector| vector.name == "twilio json bodySHA256")
        .expect("a vector");
    let headers = vector.header_map();
    assert_eq!(vector.check(), Ok("0".into()));
    let changed = vector.body.replace("true", "false");
    assert_eq!(
        vector.check_as(&headers, changed.as_bytes(), NOW),
        Err("payload.signature_mismatch")
    );
    assert_eq!(
        vector.check_as(&headers, b"", NOW),
        Err("payload.signature_mismatch")
    );
    let mut form = headers.clone();
    form.insert(
        "content-type",
        HeaderValue::from_static("application/x-www-form-urlencoded"),
    );
    assert_eq!(
        vector.check_as(&form, changed.as_bytes(), NOW),
        Err("payload.signature_mismatch")
    );
}

/// Without the hash in the URL, a body that is no form would be covered by nothing.
#[test]
fn hole_4_0_4_twilio_body_that_nothing_covers() {
    let origin = countersign::payload::Origin::parse("https://mycompany.com").expect("an origin");
    let verifier = TwilioVerifier::new(origin, ring(TwilioVerifier::KEYS, &[1]));
    let (method, uri) = (Method::POST, Uri::from_static("/hook"));
    let tenant = tenant();
    let outgoing = Outgoing::new(&tenant, "", b"", at(NOW)).with_request(&method, &uri);
    let mut headers = verifier.sign_payload(&outgoing).expect("signed");
    let check = |headers: &HeaderMap, body: &[u8]| {
        let message = Message::new(&method, &uri, headers, body, at(NOW));
        verifier
            .verify_payload(&message)
            .map(|_| ())
            .map_err(|forged| forged.code())
    };
    assert_eq!(check(&headers, b""), Ok(()));
    assert_eq!(check(&headers, b"a=1"), Err("payload.signature_mismatch"));
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    assert_eq!(check(&headers, b"{}"), Err("payload.denied"));
    headers.remove("content-type");
    assert_eq!(check(&headers, b"{}"), Err("payload.denied"));
}

#[test]
fn hole_4_0_5_every_twilio_vector() {
    let vectors: Vec<_> = published()
        .into_iter()
        .filter(|vector| vector.preset == "twilio")
        .collect();
    assert_eq!(vectors.len(), 6);
    for vector in vectors {
        assert_eq!(vector.check(), Ok("0".into()), "{}", vector.name);
    }
}

#[test]
fn hole_4_0_6_a_malformed_signature_vetoes_nothing() {
    let tagged = Scheme::standard_webhooks();
    let headers = sign(&tagged);
    let good = text(&headers, "webhook-signature").to_owned();
    for bad in [
        "v1,xx", "v1,", "v1", ",", "v2,AAAA", "v1a,AAAA", "", "v1,====", "=,=",
    ] {
        for list in [format!("{bad} {good}"), format!("{good} {bad}")] {
            let mixed = with(&headers, "webhook-signature", &list);
            assert_eq!(verify(&tagged, &mixed), Ok(()), "{list}");
        }
    }
    let list = Scheme::stripe();
    let headers = sign(&list);
    let good = text(&headers, "stripe-signature").to_owned();
    for bad in ["v1=xx", "v1=", "v1", "=", "v0=00", ""] {
        let mixed = with(&headers, "stripe-signature", &format!("{bad},{good}"));
        assert_eq!(verify(&list, &mixed), Ok(()), "{bad}");
    }
}

#[test]
fn hole_4_0_7_prefix_and_digits_have_one_case() {
    let scheme = Scheme::github();
    let headers = sign(&scheme);
    let good = text(&headers, "x-hub-signature-256").to_owned();
    let digits = good.strip_prefix("sha256=").expect("a prefix");
    let cases = [
        (format!("SHA256={digits}"), Err("payload.malformed_signature")),
        (
            format!("sha256={}", digits.to_uppercase()),
            Err("payload.malformed_signature"),
        ),
        (format!("sha1={digits}"), Err("payload.malformed_signature")),
        (format!("sha256= {digits}"), Err("payload.malformed_signature")),
        (format!("sha256={digits} "), Err("payload.malformed_signature")),
        (digits.to_owned(), Err("payload.malformed_signature")),
        (good.clone(), Ok(())),
    ];
    for (signature, expected) in cases {
        assert_eq!(
            verify(&scheme, &with(&headers, "x-hub-signature-256", &signature)),
            expected,
            "{signature}"
        );
    }
}

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

/// The right MAC under another version's tag or key is no signature of this one.
#[test]
fn a_version_is_not_another() {
    let tagged = Scheme::standard_webhooks();
    let headers = sign(&tagged);
    let mac = text(&headers, "webhook-signature")
        .strip_prefix("v1,")
        .expect("a tag")
        .to_owned();
    for tag in ["v1a", "v2", "v", "", "V1", "v1 v1", " v1", "v1,v1"] {
        let moved = with(&headers, "webhook-signature", &format!("{tag},{mac}"));
        let good = tag.ends_with([' ', '1']) && tag.contains(' ');
        let expected = if good {
            Ok(())
        } else {
            Err("payload.malformed_signature")
        };
        assert_eq!(verify(&tagged, &moved), expected, "{tag:?}");
    }
    let list = Scheme::stripe();
    let headers = sign(&list);
    let good = text(&headers, "stripe-signature").to_owned();
    for key in ["v0", "v2", "v1a", "V1", "v", "1"] {
        let moved = with(
            &headers,
            "stripe-signature",
            &good.replace("v1=", &format!("{key}=")),
        );
        assert_eq!(verify(&list, &moved), Err("payload.malformed_signature"), "{key}");
    }
}

/// A time that stands twice in a list has no first: it is refused, whichever of the two was signed.
#[test]
fn a_time_stands_once() {
    let scheme = Scheme::stripe();
    let headers = sign(&scheme);
    let good = text(&headers, "stripe-signature").to_owned();
    for list in [
        format!("t={NOW},{good}"),
        format!("{good},t={NOW}"),
        format!("t=1,{good}"),
        format!("{good},t=1"),
        format!("{good},t="),
    ] {
        let twice = with(&headers, "stripe-signature", &list);
        assert_eq!(verify(&scheme, &twice), Err("payload.malformed_header"), "{list}");
    }
}

/// `Date` is nobody's signed time: it makes no message fresh, and none stale.
#[test]
fn the_time_is_the_one_that_is_signed() {
    let scheme = Scheme::standard_webhooks();
    let headers = sign(&scheme);
    let late = NOW + 301;
    for date in [NOW, late, 0] {
        let dated = with(&headers, "date", &date.to_string());
        assert_eq!(verify(&scheme, &dated), Ok(()), "{date}");
        assert_eq!(
            verify_at(&scheme, &dated, BODY, late),
            Err("replay.stale"),
            "{date}"
        );
    }
}

/// An identity that could be taken for more than itself, or that does not print as it is.
#[test]
fn an_identity_is_plain() {
    use countersign::payload::hmac::{Identity, Part, SignatureAt};
    let id = HeaderName::from_static("x-id");
    let scheme = |separator: &'static str| {
        Scheme::builder("acme")
            .signature(SignatureAt::Header {
                name: HeaderName::from_static("x-signature"),
                prefix: "".into(),
            })
            .signed([
                Part::Header(id.clone()),
                Part::Literal(separator.into()),
                Part::Body,
            ])
            .identity(Identity::Header(id.clone()))
            .build()
            .expect("a scheme")
    };
    let bad = Err("payload.malformed_header");
    let cases = [
        ("--", "msg-1", Err("payload.signature_mismatch")),
        ("--", "msg--1", bad),
        ("--", "--", bad),
        (".", "msg--1", Err("payload.signature_mismatch")),
        (".", "msg.1", bad),
        (".", "msg 1", bad),
        (".", "msg\t1", bad),
    ];
    for (separator, value, expected) in cases {
        let mut headers = with(&HeaderMap::new(), "x-id", value);
        headers.insert("x-signature", "0".repeat(64).parse().expect("a value"));
        assert_eq!(
            verify(&scheme(separator), &headers),
            expected,
            "{separator:?} {value:?}"
        );
    }
}

/// Fields are numbered without a gap, and of several fields at least one is there.
#[test]
fn several_signature_fields() {
    let scheme = Scheme::docusign();
    let headers = sign(&scheme);
    let good = text(&headers, "x-docusign-signature-1").to_owned();
    let bad = "AAAA".to_owned();
    let numbered = |fields: &[(&'static str, &String)]| {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.insert(*name, value.parse().expect("a value"));
        }
        verify(&scheme, &headers)
    };
    let [one, two, three] = [
        "x-docusign-signature-1",
        "x-docusign-signature-2",
        "x-docusign-signature-3",
    ];
    let malformed = Err("payload.malformed_signature");
    assert_eq!(numbered(&[(one, &good)]), Ok(()));
    assert_eq!(numbered(&[(one, &bad), (two, &good)]), Ok(()));
    assert_eq!(numbered(&[(one, &bad), (two, &bad), (three, &good)]), Ok(()));
    assert_eq!(numbered(&[(one, &bad), (three, &good)]), malformed);
    assert_eq!(numbered(&[(two, &good)]), Err("payload.missing_header"));

    use countersign::payload::hmac::{Part, SignatureAt};
    let names = [HeaderName::from_static("x-a"), HeaderName::from_static("x-b")];
    let scheme = Scheme::builder("either")
        .signature(SignatureAt::AnyOf { names: names.into() })
        .signed([Part::Body])
        .build()
        .expect("a scheme");
    assert_eq!(verify(&scheme, &HeaderMap::new()), Err("payload.missing_header"));
    for name in ["x-a", "x-b"] {
        let headers = with(&HeaderMap::new(), name, "00");
        assert_eq!(
            verify(&scheme, &headers),
            Err("payload.malformed_signature"),
            "{name}"
        );
    }
}
