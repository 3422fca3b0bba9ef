//! A scheme of one's own: a mistake in it is an error when it is built.

use countersign::payload::hmac::{
    BodyForm, Digest, Identity, Key, KeyForm, KeyProblem, KeySpec, Part, SchemeBuilder, SignatureAt, TimeAt,
    TimeFormat,
};
use countersign::payload::public_key::{PublicKeyAlgorithm, PublicKeyForm};
use countersign::payload::{InvalidScheme, KeyId, Origin, Scheme, SchemeText};
use http::HeaderName;

fn field() -> SignatureAt {
    SignatureAt::Header {
        name: HeaderName::from_static("x-signature"),
        prefix: "".into(),
    }
}

fn list() -> SignatureAt {
    SignatureAt::List {
        name: HeaderName::from_static("x-signature"),
        key: "v1".into(),
        separators: ",".into(),
    }
}

fn header(name: &'static str) -> HeaderName {
    HeaderName::from_static(name)
}

fn builder() -> SchemeBuilder {
    Scheme::builder("acme")
}

#[test]
fn mistakes() {
    use InvalidScheme::{
        Ambiguous, Body, BodyNotSigned, IdentityNotSigned, NoList, NoSignature, NothingSigned, OriginNeeded,
        Time,
    };
    let dot = || Part::Literal(".".into());
    let id = || Part::Header(header("x-id"));
    let timed = || {
        builder()
            .signature(field())
            .time(TimeAt::Header(header("x-time")), TimeFormat::Seconds)
    };
    let plain = || builder().signature(field()).signed([Part::Body]);
    let cases = [
        ("good", plain(), None),
        ("no signature", builder().signed([Part::Body]), Some(NoSignature)),
        (
            "no fields",
            plain().signature(SignatureAt::AnyOf { names: [].into() }),
            Some(NoSignature),
        ),
        (
            "nothing signed",
            builder().signature(field()).signed([Part::Literal("x".into())]),
            Some(NothingSigned),
        ),
        (
            "body not signed",
            timed().signed([Part::Time]),
            Some(BodyNotSigned),
        ),
        ("body twice", plain().signed([Part::Body, Part::Body]), Some(Body)),
        (
            "form and JSON",
            plain().signed([Part::SortedForm, Part::Json("a".into())]),
            Some(Body),
        ),
        (
            "escaped, no body",
            plain().signed([Part::SortedForm]).body(BodyForm::RawOrEscaped),
            Some(Body),
        ),
        ("time not signed", timed().signed([Part::Body]), Some(Time)),
        (
            "time nowhere",
            plain().signed([Part::Time, Part::Body]),
            Some(Time),
        ),
        (
            "time in no list",
            builder()
                .signature(field())
                .time(TimeAt::ListKey("t".into()), TimeFormat::Seconds)
                .signed([Part::Time, Part::Body]),
            Some(NoList),
        ),
        (
            "time in a list",
            builder()
                .signature(list())
                .time(TimeAt::ListKey("t".into()), TimeFormat::Seconds)
                .signed([Part::Time, Part::Body]),
            None,
        ),
        (
            "key of no list",
            plain().signed([Part::ListKey("h".into()), Part::Body]),
            Some(NoList),
        ),
        (
            "no origin",
            plain().signed([Part::Url, Part::Body]),
            Some(OriginNeeded),
        ),
        (
            "origin",
            plain()
                .signed([Part::Url, Part::Body])
                .origin(&Origin::parse("https://example.com").expect("an origin")),
            None,
        ),
        (
            "id not signed",
            plain().identity(Identity::Header(header("x-id"))),
            Some(IdentityNotSigned),
        ),
        (
            "id beside body",
            plain()
                .signed([id(), Part::Body])
                .identity(Identity::Header(header("x-id"))),
            Some(Ambiguous),
        ),
        (
            "id set off",
            plain()
                .signed([id(), dot(), Part::Body])
                .identity(Identity::Header(header("x-id"))),
            None,
        ),
        (
            "time beside body",
            timed().signed([Part::Time, Part::Body]).identity(Identity::Body),
            Some(Ambiguous),
        ),
        (
            "digits after time",
            timed()
                .signed([Part::Time, Part::Literal("0".into()), Part::Body])
                .identity(Identity::Body),
            Some(Ambiguous),
        ),
        (
            "time set off",
            timed()
                .signed([Part::Time, dot(), Part::Body])
                .identity(Identity::Body),
            None,
        ),
        (
            "time after body",
            timed()
                .signed([Part::Body, Part::Time])
                .identity(Identity::TimeAndBody),
            Some(Ambiguous),
        ),
        (
            "field of a body",
            plain().identity(Identity::BodyField("id".into())),
            None,
        ),
        (
            "time and body, untimed",
            plain().identity(Identity::TimeAndBody),
            Some(IdentityNotSigned),
        ),
    ];
    for (name, builder, expected) in cases {
        assert_eq!(builder.build().err(), expected, "{name}");
    }
}

/// From a file whose last line end was taken for a part of it.
#[test]
fn a_text_that_no_header_field_holds_is_found_at_the_start() {
    let built = |signature: SignatureAt| builder().signature(signature).signed([Part::Body]).build().err();
    let name = || header("x-signature");
    let prefix = |prefix: &str| {
        built(SignatureAt::Header {
            name: name(),
            prefix: of_a_file(prefix).into(),
        })
    };
    let list = |key: &str, separators: &str| {
        let (key, separators) = (of_a_file(key).into(), of_a_file(separators).into());
        built(SignatureAt::List {
            name: name(),
            key,
            separators,
        })
    };
    let refused = Some(InvalidScheme::NotInHeader);
    assert_eq!(
        [prefix("sha256="), prefix("sha256=\n"), prefix("sha\0")],
        [None, refused.clone(), refused.clone()]
    );
    assert_eq!(
        [list("v1", ","), list("v1\r\n", ","), list("v1", "\n")],
        [None, refused.clone(), refused.clone()]
    );
    let time = SignatureAt::List {
        name: name(),
        key: "v1".into(),
        separators: ",".into(),
    };
    let timed = builder()
        .signature(time)
        .time(TimeAt::ListKey(of_a_file("t\n").into()), TimeFormat::Seconds)
        .signed([Part::Time, Part::Literal(".".into()), Part::Body]);
    assert_eq!(timed.build().err(), refused);
}

#[test]
fn less_than_the_body_is_another_type() {
    let partial = builder().signature(field()).signed([Part::Json("token".into())]);
    assert_eq!(partial.clone().build().err(), Some(InvalidScheme::BodyNotSigned));
    assert_eq!(
        partial.build_partial().map(|scheme| scheme.name().to_owned()),
        Ok("acme".into())
    );
}

/// Each text, a copy: as if it had been read from a configuration.
fn of_a_file(text: &str) -> String {
    text.to_owned()
}

#[test]
fn a_definition_that_was_read_is_the_same_as_one_in_the_program() {
    let read = |[name, key, separators, time, literal]: [&str; 5]| {
        let signature = SignatureAt::List {
            name: header("stripe-signature"),
            key: of_a_file(key).into(),
            separators: of_a_file(separators).into(),
        };
        Scheme::builder(of_a_file(name))
            .signature(signature)
            .time(TimeAt::ListKey(of_a_file(time).into()), TimeFormat::Seconds)
            .signed([Part::Time, Part::Literal(of_a_file(literal).into()), Part::Body])
            .identity(Identity::Body)
            .build()
    };
    let stripe = ["stripe", "v1", ",", "t", "."];
    assert_eq!(read(stripe), Ok(Scheme::stripe()));
    // One text of another one makes another scheme, each by itself.
    for (place, other) in ["strip", "v0", ";", "ts", ":"].into_iter().enumerate() {
        let mut texts = stripe;
        texts[place] = other;
        let scheme = read(texts);
        assert!(scheme.is_ok(), "{other}: {scheme:?}");
        assert_ne!(scheme, Ok(Scheme::stripe()), "{other}");
    }
}

/// The prefix of a key is such a text: this one is taken off, and no other.
#[test]
fn a_prefix_of_keys_that_was_read_is_taken_off() {
    let secret = |prefix: &str| KeyForm::Base64 {
        prefix: of_a_file(prefix).into(),
    };
    let spec = |prefix: &str| KeySpec::Secret {
        digest: Digest::Sha256,
        form: secret(prefix),
    };
    assert_eq!(KeySpec::from(&Scheme::standard_webhooks()), spec("whsec_"));
    let parse = |spec: &KeySpec, text| Key::parse(KeyId::new("1"), spec, text).map(drop);
    let shown = "acme_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    assert_eq!(parse(&spec("acme_"), shown), Ok(()));
    let form = secret("whsec_");
    assert_eq!(parse(&spec("whsec_"), shown), Err(KeyProblem::Form { form }));

    let algorithm = PublicKeyAlgorithm::Ed25519;
    let public = |prefix: &str| KeySpec::Public {
        algorithm,
        form: PublicKeyForm::Base64 {
            prefix: of_a_file(prefix).into(),
        },
    };
    let shown = "acme_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
    assert_eq!(parse(&public("acme_"), shown), Ok(()));
    assert_eq!(
        parse(&public("whpk_"), shown),
        Err(KeyProblem::PublicKey { algorithm })
    );
}

#[test]
fn a_text_of_a_scheme_is_shown_and_compared_as_text() {
    let texts: [SchemeText; 4] = [
        "v1".into(),
        of_a_file("v1").into(),
        std::borrow::Cow::Borrowed("v1").into(),
        std::sync::Arc::<str>::from("v1").into(),
    ];
    for text in &texts {
        assert_eq!(
            (text.to_string(), format!("{text:?}")),
            ("v1".into(), "\"v1\"".into())
        );
        assert_eq!((text, text.starts_with('v')), (&SchemeText::fixed("v1"), true));
        assert_ne!(*text, SchemeText::fixed("V1"));
    }
}
