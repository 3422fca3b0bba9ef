//! A scheme of one's own: a mistake in it is an error when it is built.

use countersign::payload::hmac::{BodyForm, Identity, Part, SchemeBuilder, SignatureAt, TimeAt, TimeFormat};
use countersign::payload::{InvalidScheme, Origin, Scheme, SchemeText};
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
    let timed = |key: SchemeText| TimeAt::ListKey(key);
    let signature = |key: SchemeText, separators: SchemeText| SignatureAt::List {
        name: header("stripe-signature"),
        key,
        separators,
    };
    let read = Scheme::builder(of_a_file("stripe"))
        .signature(signature(of_a_file("v1").into(), of_a_file(",").into()))
        .time(timed(of_a_file("t").into()), TimeFormat::Seconds)
        .signed([Part::Time, Part::Literal(of_a_file(".").into()), Part::Body])
        .identity(Identity::Body)
        .build();
    assert_eq!(read, Ok(Scheme::stripe()));
    let other = Scheme::builder("stripe")
        .signature(signature("v1".into(), ",".into()))
        .time(timed("t".into()), TimeFormat::Seconds)
        .signed([Part::Time, Part::Literal(of_a_file(":").into()), Part::Body])
        .identity(Identity::Body)
        .build();
    assert_ne!(other, Ok(Scheme::stripe()));
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
