//! Schemes that sign the URL as the provider sees it. It comes from your configuration: no header field can be
//! believed to tell it.

use super::rows::name;
use crate::payload::hmac::{Digest, Part, TimeAt, TimeFormat};

presets! { "Schemes that sign the URL"; Scheme; HmacOfUrl; (origin: &super::Origin);
    hubspot "HubSpot, version 3" {
        super::Scheme::builder("hubspot")
            .field("x-hubspot-signature-v3", "")
            .time(TimeAt::Header(name("x-hubspot-request-timestamp")), TimeFormat::Milliseconds)
            .signed([Part::Method, Part::UrlDecoded { escapes: HUBSPOT_DECODES.into() }, Part::Body, Part::Time])
            .base64()
            .origin(origin)
            .preset()
    }
        signed: "`{method}{url}{body}{time}`, with the escapes of `:/?@!$'()*,;` in the URL decoded",
        not_covered: "header fields; whether these characters of the URL are escaped",
        handshake: "nothing",
        source: own "hubspot-api-python tests/spec/utils/test_signature.py",
        vector: "hubspot-api-python tests/spec/utils/test_signature.py";
    mandrill "Mandrill" {
        super::Scheme::builder("mandrill")
            .field("x-mandrill-signature", "")
            .signed([Part::Url, Part::SortedForm])
            .digest(Digest::Sha1)
            .base64()
            .origin(origin)
            .preset()
    }
        signed: "the URL, then every field of the form, by name, without what sets them apart",
        not_covered: "any time; method, header fields; where a name ends and its value begins",
        handshake: "HEAD: answer 200",
        source: own "mandrill.zendesk.com, \"How to authenticate webhook requests\"",
        vector: none;
    square "Square" {
        super::Scheme::builder("square")
            .field("x-square-hmacsha256-signature", "")
            .signed([Part::Url, Part::Body])
            .base64()
            .origin(origin)
            .preset()
    }
        signed: "`{url}{body}`",
        not_covered: "any time; method, header fields",
        handshake: "nothing",
        source: own "Square, \"Validate notifications\"",
        vector: "npm square 46.0.0, WebhooksHelper.verifySignature";
    trello "Trello" {
        super::Scheme::builder("trello")
            .field("x-trello-webhook", "")
            .signed([Part::Body, Part::Url])
            .digest(Digest::Sha1)
            .base64()
            .origin(origin)
            .preset()
    }
        signed: "`{body}{url}`",
        not_covered: "any time; method, header fields",
        handshake: "HEAD: answer 200",
        source: third_party "webhook-co/webhook at de3aa4e",
        vector: none;
}

/// What HubSpot decodes in the URL before it signs; every other escape stays.
const HUBSPOT_DECODES: &str = ":/?@!$'()*,;";
