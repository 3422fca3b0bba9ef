//! Documents, forms, people.

use std::sync::Arc;

use http::HeaderName;

use super::rows::{minutes, name};
use crate::payload::hmac::{BodyForm, Digest, Encoding, Part, SignatureAt, TimeAt, TimeFormat};

hmac_presets! {
    ashby "Ashby" { .field("ashby-signature", "sha256=").body_only() }
        "the body",
        "any time; method, URL, header fields",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    box_com "Box" {
        .signature(SignatureAt::AnyOf { names: Arc::new([name("box-signature-primary"), name("box-signature-secondary")]) })
        .signed([Part::Body, Part::Time])
        .rfc3339("box-delivery-timestamp")
        .tolerance(minutes(10))
        .body(BodyForm::RawOrEscaped)
        .require(name("box-signature-version"), "1")
        .require(name("box-signature-algorithm"), "HmacSHA256")
        .base64()
    }
        "`{body}{time}`, the body as it is or with every character beyond ASCII escaped",
        "method, URL, `BOX-DELIVERY-ID` and other header fields",
        "nothing",
        "box-python-sdk test/webhooks.py";
    calendly "Calendly" { .list("calendly-webhook-signature", "v1", "t").time_then_body(".") }
        "`{time}.{body}`",
        "method, URL, header fields",
        "nothing",
        "developer.calendly.com, \"Webhook signatures\"";
    checkr "Checkr" { .field("x-checkr-signature", "").body_only() }
        "the body",
        "any time; method, URL, header fields",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    cronofy "Cronofy" {
        .signature(SignatureAt::Bare { name: name("cronofy-hmac-sha256") })
        .body_only()
        .base64()
    }
        "the body",
        "any time; method, URL, header fields",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    deel "Deel" { .field("x-deel-signature", "").signed([Part::Literal("POST"), Part::Body]) }
        "`POST{body}`",
        "any time; method, URL, header fields",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    docusign "DocuSign Connect" { .signature(docusign_fields()).body_only().base64() }
        "the body",
        "any time; method, URL, `X-DocuSign-AccountId`, `X-Authorization-Digest` and other header fields",
        "nothing",
        "developers.docusign.com, \"Validate Connect messages with HMAC\"";
    dropbox "Dropbox" { .field("x-dropbox-signature", "").body_only() }
        "the body",
        "any time; method, URL, header fields",
        "GET with `challenge`: echo it",
        "dropbox.com/developers/reference/webhooks";
    merge_dev "Merge" {
        .field("x-merge-webhook-signature", "")
        .body_only()
        .encoding(Encoding::Base64UrlPadded)
    }
        "the body",
        "any time; method, URL, header fields",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    persona "Persona" {
        .list_separated_by(", ", "persona-signature", "v1")
        .time(TimeAt::ListKey("t"), TimeFormat::Seconds)
        .time_then_body(".")
    }
        "`{time}.{body}`",
        "method, URL, header fields",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    segment "Segment" { .field("x-signature", "").body_only().digest(Digest::Sha1) }
        "the body",
        "any time; method, URL, header fields",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    tally "Tally" { .field("tally-signature", "").body_only().base64() }
        "the body",
        "any time; method, URL, header fields",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    typeform "Typeform" { .field("typeform-signature", "sha256=").body_only().base64() }
        "the body",
        "any time; method, URL, header fields",
        "nothing",
        "typeform.com/developers, \"Secure your webhooks\"";
    zendesk "Zendesk" {
        .field("x-zendesk-webhook-signature", "")
        .rfc3339("x-zendesk-webhook-signature-timestamp")
        .signed([Part::Time, Part::Body])
        .base64()
    }
        "`{time}{body}`",
        "method, URL, `X-Zendesk-Webhook-Id`, `X-Zendesk-Webhook-Invocation-Id` and other header fields",
        "nothing",
        "developer.zendesk.com, \"Verifying webhook authenticity\"";
}

/// The most signatures that DocuSign sends.
const DOCUSIGN_KEYS: usize = 100;

fn docusign_fields() -> SignatureAt {
    let field = |number| HeaderName::try_from(format!("x-docusign-signature-{number}")).ok();
    let names: Arc<[_]> = (1..=DOCUSIGN_KEYS).filter_map(field).collect();
    SignatureAt::Numbered { names }
}
