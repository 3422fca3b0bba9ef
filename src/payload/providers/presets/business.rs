//! Documents, forms, people.

use std::sync::Arc;

use http::HeaderName;

use super::rows::{minutes, name};
use crate::payload::hmac::{BodyForm, Digest, Encoding, Part, SignatureAt, TimeAt, TimeFormat};

hmac_presets! { "Documents, forms, people";
    ashby "Ashby" { .field("ashby-signature", "sha256=").body_only() }
        signed: "the body",
        not_covered: "any time; method, URL, header fields",
        handshake: "nothing",
        source: own "developers.ashbyhq.com, \"Authenticating webhooks\"",
        vector: none;
    box_com "Box" {
        .either_of("box-signature-primary", "box-signature-secondary")
        .signed([Part::Body, Part::Time])
        .rfc3339("box-delivery-timestamp")
        .with_tolerance(minutes(10))
        .body(BodyForm::RawOrEscaped)
        .require(name("box-signature-version"), "1")
        .require(name("box-signature-algorithm"), "HmacSHA256")
        .base64()
    }
        signed: "`{body}{time}`, the body as it is or with every character beyond ASCII escaped",
        not_covered: "method, URL, `BOX-DELIVERY-ID` and other header fields",
        handshake: "nothing",
        source: own "box-python-sdk test/webhooks.py",
        vector: "box-python-sdk test/webhooks.py";
    calendly "Calendly" { .list("calendly-webhook-signature", "v1", "t").time_then_body(".") }
        signed: "`{time}.{body}`",
        not_covered: "method, URL, header fields",
        handshake: "nothing",
        source: third_party "webhook-co/webhook at de3aa4e",
        vector: none;
    checkr "Checkr" { .field("x-checkr-signature", "").body_only() }
        signed: "the body",
        not_covered: "any time; method, URL, header fields",
        handshake: "nothing",
        source: third_party "webhook-co/webhook at de3aa4e",
        vector: none;
    cronofy "Cronofy" {
        .signature(SignatureAt::Bare { name: name("cronofy-hmac-sha256") })
        .body_only()
        .base64()
    }
        signed: "the body",
        not_covered: "any time; method, URL, header fields",
        handshake: "nothing",
        source: own "npm cronofy 3.8.4, hmacValid",
        vector: "npm cronofy 3.8.4, hmacValid";
    deel "Deel" { .field("x-deel-signature", "").signed([Part::Literal("POST".into()), Part::Body]) }
        signed: "`POST{body}`",
        not_covered: "any time; method, URL, header fields",
        handshake: "nothing",
        source: own "developer.deel.com, \"Get started with webhooks\"",
        vector: none;
    docusign "DocuSign Connect" { .signature(docusign_fields()).body_only().base64() }
        signed: "the body",
        not_covered: "any time; method, URL, `X-DocuSign-AccountId`, `X-Authorization-Digest` and other header fields",
        handshake: "nothing",
        source: own "docusign.com, \"Manually authenticating HMAC signatures for Docusign Connect webhook configurations\"; docusign/code-examples-node lib/connect/examples/validateWebhookMessage.js",
        vector: "docusign/code-examples-node lib/connect/examples/validateWebhookMessage.js";
    dropbox "Dropbox" { .field("x-dropbox-signature", "").body_only() }
        signed: "the body",
        not_covered: "any time; method, URL, header fields",
        handshake: "GET with `challenge`: echo it",
        source: own "dropbox.com/developers/reference/webhooks",
        vector: none;
    merge_dev "Merge" {
        .field("x-merge-webhook-signature", "")
        .body_only()
        .encoding(Encoding::Base64UrlPadded)
    }
        signed: "the body",
        not_covered: "any time; method, URL, header fields",
        handshake: "nothing",
        source: third_party "webhook-co/webhook at de3aa4e",
        vector: none;
    persona "Persona" {
        .list_separated_by(", ", "persona-signature", "v1")
        .time(TimeAt::ListKey("t".into()), TimeFormat::Seconds)
        .time_then_body(".")
    }
        signed: "`{time}.{body}`",
        not_covered: "method, URL, header fields",
        handshake: "nothing",
        source: own "docs.withpersona.com, \"Webhook best practices\"",
        vector: none;
    segment "Segment" { .field("x-signature", "").body_only().digest(Digest::Sha1) }
        signed: "the body",
        not_covered: "any time; method, URL, header fields",
        handshake: "send one event at a time: of a batch Segment signs the first event alone, so a batch is refused",
        source: own "segmentio/action-destinations packages/destination-actions/src/destinations/webhook/index.ts",
        vector: none;
    tally "Tally" { .field("tally-signature", "").body_only().base64() }
        signed: "the body",
        not_covered: "any time; method, URL, header fields",
        handshake: "nothing",
        source: third_party "webhook-co/webhook at de3aa4e",
        vector: none;
    typeform "Typeform" { .field("typeform-signature", "sha256=").body_only().base64() }
        signed: "the body",
        not_covered: "any time; method, URL, header fields",
        handshake: "nothing",
        source: own "typeform.com/developers, \"Secure your webhooks\"",
        vector: none;
    zendesk "Zendesk" {
        .field("x-zendesk-webhook-signature", "")
        .rfc3339("x-zendesk-webhook-signature-timestamp")
        .signed([Part::Time, Part::Body])
        .base64()
    }
        signed: "`{time}{body}`",
        not_covered: "method, URL, `X-Zendesk-Webhook-Id`, `X-Zendesk-Webhook-Invocation-Id` and other header fields",
        handshake: "nothing",
        source: own "developer.zendesk.com, \"Verifying webhook authenticity\"",
        vector: none;
}

/// The most signatures that DocuSign sends.
const DOCUSIGN_KEYS: usize = 100;

fn docusign_fields() -> SignatureAt {
    let field = |number| HeaderName::try_from(format!("x-docusign-signature-{number}")).ok();
    let names: Arc<[_]> = (1..=DOCUSIGN_KEYS).filter_map(field).collect();
    SignatureAt::Numbered { names }
}
