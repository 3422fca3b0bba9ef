//! Schemes that sign the URL as the provider sees it. It comes from your configuration: no header field can be
//! believed to tell it.

use super::rows::name;
use crate::payload::hmac::{Digest, Part, TimeAt, TimeFormat};

presets! { Scheme; HmacOfUrl; (origin: &super::Origin);
    square "Square" {
        super::Scheme::builder("square")
            .field("x-square-hmacsha256-signature", "")
            .signed([Part::Url, Part::Body])
            .base64()
            .origin(origin)
            .preset()
    }
        "`{url}{body}`", "any time; method, header fields", "nothing",
        "Square, \"Validate notifications\"";
    trello "Trello" {
        super::Scheme::builder("trello")
            .field("x-trello-webhook", "")
            .signed([Part::Body, Part::Url])
            .digest(Digest::Sha1)
            .base64()
            .origin(origin)
            .preset()
    }
        "`{body}{url}`", "any time; method, header fields", "HEAD: answer 200",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    mandrill "Mandrill" {
        super::Scheme::builder("mandrill")
            .field("x-mandrill-signature", "")
            .signed([Part::Url, Part::SortedForm])
            .digest(Digest::Sha1)
            .base64()
            .origin(origin)
            .preset()
    }
        "the URL, then every field of the form, by name, without what sets them apart",
        "any time; method, header fields; where a name ends and its value begins", "HEAD: answer 200",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    hubspot "HubSpot, version 3" {
        super::Scheme::builder("hubspot")
            .field("x-hubspot-signature-v3", "")
            .time(TimeAt::Header(name("x-hubspot-request-timestamp")), TimeFormat::Milliseconds)
            .signed([Part::Method, Part::Url, Part::Body, Part::Time])
            .base64()
            .origin(origin)
            .preset()
    }
        "`{method}{url}{body}{time}`", "header fields", "nothing",
        "hubspot-api-python tests/spec/utils/test_signature.py";
}
