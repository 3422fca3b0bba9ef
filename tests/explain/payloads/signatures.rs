//! Signatures that stand elsewhere or are written otherwise, other schemes, and clocks.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use countersign::explain::Mistake;
use countersign::payload::Scheme;
use countersign::payload::hmac::{Digest, Part, SchemeBuilder, SignatureAt, TimeAt, TimeFormat};
use http::HeaderName;

use super::mail::{self, Mail, SECRET, github, of, stripe};
use super::{Case, proven};

const BODY: &[u8] = b"{\"id\":\"evt_1\"}";
const FIELD: &str = "x-hub-signature-256";

fn mail() -> Mail {
    Mail::signed(&mail::github_scheme(), SECRET, BODY)
}

/// The message is mended.
fn rewritten(name: &'static str, mistake: Mistake, wrong: Mail) -> Case {
    proven(name, mistake, (github(SECRET), wrong), (github(SECRET), mail()))
}

/// The receiver's scheme is.
fn scheme(name: &'static str, mistake: Mistake, expected: Scheme, used: &Scheme) -> Case {
    let mail = Mail::signed(used, SECRET, BODY);
    proven(
        name,
        mistake,
        (of(expected, SECRET), mail.clone()),
        (of(used.clone(), SECRET), mail),
    )
}

/// A scheme of one's own, of which one thing is another.
fn own(change: impl FnOnce(SchemeBuilder) -> SchemeBuilder) -> Scheme {
    let name = HeaderName::from_static("x-acme-signature");
    let builder = Scheme::builder("acme")
        .signature(SignatureAt::Header {
            name,
            prefix: "".into(),
        })
        .time(
            TimeAt::Header(HeaderName::from_static("x-acme-time")),
            TimeFormat::Seconds,
        )
        .signed([Part::Time, Part::Literal(".".into()), Part::Body]);
    change(builder).build().expect("a scheme")
}

pub(super) fn cases() -> Vec<Case> {
    let value = mail().field(FIELD);
    let hex = value.strip_prefix("sha256=").expect("a prefix").to_owned();
    let bare = |value: &str| mail().with_field(FIELD, value);
    let mut cases = vec![
        rewritten("without its prefix", Mistake::Prefix, bare(&hex)),
        rewritten("with another prefix", Mistake::Prefix, bare(&format!("v1={hex}"))),
        rewritten(
            "in upper case",
            Mistake::LetterCase,
            bare(&format!("sha256={}", hex.to_uppercase())),
        ),
        rewritten("in quotes", Mistake::Quoted, bare(&format!("\"{value}\""))),
        rewritten(
            "percent-encoded",
            Mistake::Quoted,
            bare(&value.replace('=', "%3D")),
        ),
        rewritten(
            "twice",
            Mistake::RepeatedField,
            mail().with_another_field(FIELD, "sha256=00"),
        ),
        rewritten(
            "twice in one",
            Mistake::JoinedField,
            bare(&format!("sha256=00, {value}")),
        ),
        rewritten(
            "with underscores",
            Mistake::OtherField,
            mail()
                .without_field(FIELD)
                .with_field("x_hub_signature_256", &value),
        ),
    ];
    cases.extend(of_shopify());
    cases.extend(schemes());
    cases.extend(clocks());
    cases
}

/// Base64 that was written otherwise.
fn of_shopify() -> Vec<Case> {
    let field = "x-shopify-hmac-sha256";
    let right = Mail::signed(&Scheme::shopify(), SECRET, BODY);
    let value = right.field(field);
    let bytes = STANDARD.decode(&value).expect("base64");
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let case = |name, mistake, value: &str| {
        let wrong = right.clone().with_field(field, value);
        proven(
            name,
            mistake,
            (of(Scheme::shopify(), SECRET), wrong),
            (of(Scheme::shopify(), SECRET), right.clone()),
        )
    };
    vec![
        case("hexadecimal for base64", Mistake::Encoding, &hex),
        case(
            "base64url for base64",
            Mistake::Encoding,
            &format!("{}=", URL_SAFE_NO_PAD.encode(&bytes)).replace("+", "-"),
        ),
        case("without padding", Mistake::Padding, value.trim_end_matches('=')),
    ]
}

fn schemes() -> Vec<Case> {
    let millis = own(|builder| {
        builder.time(
            TimeAt::Header(HeaderName::from_static("x-acme-time")),
            TimeFormat::Milliseconds,
        )
    });
    let parts = own(|builder| builder.signed([Part::Time, Part::Literal(":".into()), Part::Body]));
    vec![
        scheme(
            "GitHub's older field",
            Mistake::OtherScheme,
            Scheme::github(),
            &Scheme::github_sha1(),
        ),
        scheme(
            "another provider's",
            Mistake::OtherScheme,
            Scheme::stripe(),
            &Scheme::shopify(),
        ),
        scheme(
            "the other names of Standard Webhooks",
            Mistake::OtherScheme,
            Scheme::svix(),
            &Scheme::standard_webhooks(),
        )
        .of_base64(),
        scheme(
            "another hash",
            Mistake::Digest,
            own(|builder| builder),
            &own(|builder| builder.digest(Digest::Sha512)),
        ),
        scheme(
            "milliseconds for seconds",
            Mistake::TimeFormat,
            own(|builder| builder),
            &millis,
        ),
        scheme(
            "other parts",
            Mistake::SignedParts,
            own(|builder| builder),
            &parts,
        ),
    ]
}

impl Case {
    /// Standard Webhooks takes secrets in base64.
    fn of_base64(mut self) -> Self {
        let mail = Mail::signed(&Scheme::standard_webhooks(), mail::BASE64, BODY);
        self.wrong = (of(Scheme::svix(), mail::BASE64).into(), mail.clone());
        self.mended = (of(Scheme::standard_webhooks(), mail::BASE64).into(), mail);
        self
    }
}

fn clocks() -> Vec<Case> {
    let mail = || Mail::signed(&mail::stripe_scheme(), SECRET, BODY);
    vec![
        proven(
            "late",
            Mistake::Late,
            (stripe(SECRET), mail().arriving_after(3600)),
            (stripe(SECRET), mail()),
        ),
        proven(
            "a clock that is ahead",
            Mistake::ClockAhead,
            (stripe(SECRET), mail().arriving_before(301)),
            (stripe(SECRET), mail().arriving_before(300)),
        ),
    ]
}

#[test]
fn it_is_said_by_how_much_a_clock_is_off() {
    let mail = Mail::signed(&mail::stripe_scheme(), SECRET, BODY).arriving_after(90_061);
    let report = countersign::explain::payload(&stripe(SECRET), &mail.message());
    assert_eq!(report.diagnoses[0].detail, "by 1 d 1 h", "{report}");
    assert!(
        report.to_string().contains("signed 1 d 1 h before now"),
        "{report}"
    );
}
