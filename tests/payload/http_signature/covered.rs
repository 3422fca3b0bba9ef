//! What a signature must cover, and the parameters it must have.

use std::time::Duration;

use countersign::payload::NotAuthentic;
use countersign::payload::http_signature::InvalidHttpSignature as No;
use countersign::replay::{NotFresh, Tolerance};
use http::HeaderName;

use super::{COVERED, ES, NOW, at, not_found, params, policy, request, verify, verify_with};

#[test]
fn what_must_be_covered() {
    let with = |covered: &str| verify(&request(&format!(r#"({covered});created={NOW};keyid="k""#)));
    let not = |name: &str| Err(NotAuthentic::HttpSignature(No::NotCovered { name: name.into() }));
    let component = || Err(NotAuthentic::HttpSignature(No::Component));
    let cases = [
        (r#""@method" "@target-uri" "content-digest""#, Ok(())),
        (
            r#""@method" "@authority" "@path" "@query" "content-digest""#,
            Ok(()),
        ),
        (
            r#""@method" "@authority" "@request-target" "content-digest""#,
            Ok(()),
        ),
        (
            r#""@method" "@scheme" "@target-uri" "content-digest" "content-type" "x-twice""#,
            Ok(()),
        ),
        (
            r#""@method" "@target-uri" "content-digest" "@query-param";name="x""#,
            Ok(()),
        ),
        ("", not("@method")),
        (r#""@target-uri" "content-digest""#, not("@method")),
        (r#""@method" "content-digest""#, not("@authority")),
        (r#""@method" "@authority" "content-digest""#, not("@path")),
        (
            r#""@method" "@authority" "@path" "content-digest""#,
            not("@query"),
        ),
        (
            r#""@method" "@path" "@query" "content-digest""#,
            not("@authority"),
        ),
        (r#""@method" "@target-uri""#, not("content-digest")),
        (
            r#""@method" "@target-uri" "content-digest";key="sha-256""#,
            not("content-digest"),
        ),
        (
            r#""@method" "@target-uri" "content-digest" "content-digest""#,
            Err(NotAuthentic::HttpSignature(No::CoveredTwice)),
        ),
        (
            r#""@method" "@target-uri" "content-digest" "@status""#,
            component(),
        ),
        (
            r#""@method" "@target-uri" "content-digest" "@unknown""#,
            component(),
        ),
        (
            r#""@method" "@target-uri" "content-digest" "@signature-params""#,
            component(),
        ),
        (
            r#""@method" "@target-uri" "content-digest" "Content-Type""#,
            component(),
        ),
        (
            r#""@method" "@target-uri" "content-digest" "content-type";sf"#,
            component(),
        ),
        (
            r#""@method" "@target-uri" "content-digest" "content-type";bs"#,
            component(),
        ),
        (
            r#""@method" "@target-uri" "content-digest" "@method";req"#,
            component(),
        ),
        (r#""@method" "@target-uri" "content-digest" "x";tr"#, component()),
        (
            r#""@method" "@target-uri" "content-digest" content-type"#,
            component(),
        ),
        (
            r#""@method" "@target-uri" "content-digest" "@query-param""#,
            component(),
        ),
        (
            r#""@method" "@target-uri" "content-digest" "@query-param";name="z""#,
            Err(NotAuthentic::HttpSignature(No::NotPresent {
                name: "@query-param z".into(),
            })),
        ),
        (
            r#""@method" "@target-uri" "content-digest" "x-absent""#,
            Err(NotAuthentic::HttpSignature(No::NotPresent {
                name: "x-absent".into(),
            })),
        ),
    ];
    for (covered, expected) in cases {
        assert_eq!(with(covered), expected, "{covered}");
    }
    let many = vec![r#""content-type""#; 40].join(" ");
    assert_eq!(
        with(&format!(r#""@method" "@target-uri" "content-digest" {many}"#)),
        Err(NotAuthentic::HttpSignature(No::TooMany))
    );
    let field = policy().require_field(HeaderName::from_static("content-type"));
    assert_eq!(verify_with(field, &request(&params(""))), not("content-type"));
}

#[test]
fn parameters() {
    let with = |rest: &str| verify(&request(&format!("{COVERED}{rest}")));
    let of_type = |name| Err(NotAuthentic::HttpSignature(No::ParameterType { name }));
    let missing = |name| Err(NotAuthentic::HttpSignature(No::MissingParameter { name }));
    let good = format!(r#";created={NOW};keyid="k""#);
    let cases = [
        (good.clone(), Ok(())),
        (format!("{good};alg=\"ecdsa-p256-sha256\""), Ok(())),
        (format!("{good};expires={}", NOW + 1), Ok(())),
        (r#";keyid="k""#.into(), missing("created")),
        (format!(r#";created="{NOW}";keyid="k""#), of_type("created")),
        (format!(r#";created={NOW}.0;keyid="k""#), of_type("created")),
        (r#";created=-1;keyid="k""#.into(), of_type("created")),
        (r#";created;keyid="k""#.into(), of_type("created")),
        (
            format!(r#";created={};keyid="k""#, NOW - 301),
            Err(NotAuthentic::NotFresh(NotFresh::Stale {
                signed: at(NOW - 301),
                now: at(NOW),
            })),
        ),
        (
            format!(r#";created={};keyid="k""#, NOW + 301),
            Err(NotAuthentic::NotFresh(NotFresh::FromTheFuture {
                signed: at(NOW + 301),
                now: at(NOW),
            })),
        ),
        (
            format!("{good};expires={NOW}"),
            Err(NotAuthentic::HttpSignature(No::Expired {
                expires: NOW,
                now: NOW,
            })),
        ),
        (format!("{good};expires=\"x\""), of_type("expires")),
        (format!("{good};nonce=1"), of_type("nonce")),
        (format!("{good};alg=hmac"), of_type("alg")),
        (
            format!("{good};alg=\"hmac-sha256\""),
            Err(NotAuthentic::HttpSignature(No::OtherAlgorithm { algorithm: ES })),
        ),
        (
            format!("{good};alg=\"ES256\""),
            Err(NotAuthentic::HttpSignature(No::OtherAlgorithm { algorithm: ES })),
        ),
        (
            format!("{good};alg=\"none\""),
            Err(NotAuthentic::HttpSignature(No::OtherAlgorithm { algorithm: ES })),
        ),
        (
            format!("{good};x=1"),
            Err(NotAuthentic::HttpSignature(No::UnknownParameter)),
        ),
        (format!(r#";created={NOW};keyid=k"#), of_type("keyid")),
        (
            format!(r#";created={NOW};keyid="other""#),
            not_found("keyid", &["other"], &["k", "h"]),
        ),
        (format!(";created={NOW}"), not_found("keyid", &[], &["k", "h"])),
        (
            format!(r#";created={NOW};keyid="h""#),
            Err(NotAuthentic::HttpSignature(No::Signature)),
        ),
    ];
    for (rest, expected) in cases {
        assert_eq!(with(&rest), expected, "{rest}");
    }
    assert_eq!(
        verify_with(policy().require_nonce(), &request(&params(""))),
        missing("nonce")
    );
    assert_eq!(
        verify_with(policy().require_nonce(), &request(&params(r#";nonce="n""#))),
        Ok(())
    );
    assert_eq!(
        verify_with(policy().require_nonce(), &request(&params(r#";nonce="""#))),
        missing("nonce"),
        "an empty one names no delivery"
    );
    let strict = policy().with_tolerance(Tolerance::within(Duration::from_secs(10)));
    let old = request(&format!(r#"{COVERED};created={};keyid="k""#, NOW - 11));
    assert_eq!(
        verify_with(strict, &old),
        Err(NotAuthentic::NotFresh(NotFresh::Stale {
            signed: at(NOW - 11),
            now: at(NOW)
        }))
    );
}
