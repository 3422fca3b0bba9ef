//! Messages that two readers could read differently: versions, times, identities and signatures.

use countersign::payload::Scheme;
use http::{HeaderMap, HeaderName};

use super::{BODY, NOW, sign, text, verify, verify_at, with};

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
