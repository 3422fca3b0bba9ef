//! Providers whose scheme no row of data can say: a type each.

use super::{Make, Preset, PresetSource};
use crate::payload::Strength;

pub(super) const ROWS: &[Preset] = &[
    Preset {
        name: "adyen",
        provider: "Adyen, standard webhooks",
        signed: "of each item: PSP reference, original reference, merchant account, merchant reference, value, \
                 currency, event code, success",
        not_covered: "every other field of the items; any time; method, URL, header fields",
        handshake: "nothing",
        source: PresetSource::Own("adyen-python-api-library test/UtilTest.py"),
        vector: Some("adyen-python-api-library test/UtilTest.py"),
        make: Make::Type {
            name: "AdyenVerifier",
            signature: "body, JSON `additionalData.hmacSignature` of each item",
            strength: Some(Strength::SignedFields),
        },
    },
    Preset {
        name: "aws_sns",
        provider: "AWS SNS, signature versions 1 and 2",
        signed: "`Message`, `MessageId`, `Subject`, `SubscribeURL`, `Timestamp`, `Token`, `TopicArn`, `Type`",
        not_covered: "other fields of the body, header fields",
        handshake: "`SubscriptionConfirmation`: visit the signed `SubscribeURL`",
        source: PresetSource::Own(
            "npm sns-validator 0.3.5; aws-sdk-java-v2 services-custom/sns-message-manager, SignatureValidator.java, for the \
             token in both confirmations",
        ),
        vector: Some("npm sns-validator 0.3.5, MessageValidator.validate"),
        make: Make::Type {
            name: "SnsVerifier",
            signature: "body, JSON `Signature`",
            strength: Some(Strength::SignedFields),
        },
    },
    Preset {
        name: "ebay",
        provider: "eBay, event notifications",
        signed: "the body, with SHA-1",
        not_covered: "any time; method, URL, header fields",
        handshake: "GET with `challenge_code`: answer with its hash",
        source: PresetSource::Own(
            "developer.ebay.com, \"Notification API: overview\"; eBay/event-notification-nodejs-sdk lib/validator.js",
        ),
        vector: Some("eBay/event-notification-nodejs-sdk test/test.json"),
        make: Make::Type {
            name: "EbayVerifier",
            signature: "`x-ebay-signature`, JSON in base64",
            strength: None,
        },
    },
    Preset {
        name: "hubspot_legacy",
        provider: "HubSpot, versions 1 and 2",
        signed: "the secret and the body, or the secret, method, URL and body; hashed, not authenticated: whoever \
                 sees one message can make longer ones",
        not_covered: "any time; header fields",
        handshake: "nothing",
        source: PresetSource::Own("hubspot-api-python tests/spec/utils/test_signature.py"),
        vector: Some("hubspot-api-python tests/spec/utils/test_signature.py"),
        make: Make::Type {
            name: "HubSpotLegacy",
            signature: "`x-hubspot-signature`",
            strength: Some(Strength::ExtendableHash),
        },
    },
    Preset {
        name: "paypal",
        provider: "PayPal",
        signed: "`{transmission id}|{time}|{webhook id}|{CRC-32 of the body}`",
        not_covered: "**the body, but for a checksum** that anybody can match with another body; fetch the event by \
                      its id",
        handshake: "nothing",
        source: PresetSource::Own(
            "developer.paypal.com, \"Webhooks: integration\"; PyPI paypalrestsdk 1.13.3, WebhookEvent.verify",
        ),
        vector: Some("PayPal-Java-SDK rest-api-sdk/src/test/java/com/paypal/base/ValidateCertTest.java"),
        make: Make::Type {
            name: "PayPalVerifier",
            signature: "`paypal-transmission-sig`",
            strength: Some(Strength::Checksum),
        },
    },
    Preset {
        name: "twilio",
        provider: "Twilio",
        signed: "the URL, then every field of the form, by name, without what sets them apart; for other bodies the \
                 URL with the body's SHA-256 hash in it",
        not_covered: "any time; method, header fields; where a name ends and its value begins",
        handshake: "nothing",
        source: PresetSource::Own("twilio-python tests/unit/test_request_validator.py"),
        vector: Some("twilio-python tests/unit/test_request_validator.py"),
        make: Make::Type {
            name: "TwilioVerifier",
            signature: "`x-twilio-signature`",
            strength: None,
        },
    },
];
