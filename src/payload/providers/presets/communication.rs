//! Chat, mail, calls, social networks.

use super::rows::{BASE64_KEY, minutes, name};
use crate::payload::hmac::{BodyForm, Digest, Identity, Part, TimeAt, TimeFormat};

hmac_presets! {
    airship "Airship" { .field("x-ua-signature", "").seconds("x-ua-timestamp").time_then_body(":") }
        "`{time}:{body}`",
        "method, URL, header fields",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    customer_io "Customer.io" {
        .field("x-cio-signature", "")
        .seconds("x-cio-timestamp")
        .signed([Part::Literal("v0:"), Part::Time, Part::Literal(":"), Part::Body])
    }
        "`v0:{time}:{body}`",
        "method, URL, header fields",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    front "Front" {
        .field("x-front-signature", "")
        .milliseconds("x-front-request-timestamp")
        .time_then_body(":")
        .base64()
    }
        "`{time}:{body}`",
        "method, URL, header fields",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    intercom "Intercom" { .field("x-hub-signature", "sha1=").body_only().digest(Digest::Sha1) }
        "the body",
        "any time; method, URL, header fields",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    klaviyo "Klaviyo" {
        .field("klaviyo-signature", "")
        .signed([Part::Body, Part::Header(name("klaviyo-timestamp"))])
    }
        "`{body}{klaviyo-timestamp}`",
        "method, URL, other header fields; the time is signed but not compared",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    knock "Knock" {
        .list_separated_by(",", "x-knock-signature", "s")
        .time(TimeAt::ListKey("t"), TimeFormat::Milliseconds)
        .time_then_body(".")
        .base64()
    }
        "`{time}.{body}`",
        "method, URL, header fields",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    line "LINE" { .field("x-line-signature", "").body_only().base64() }
        "the body", "any time; method, URL, header fields", "nothing", "line-bot-sdk-nodejs test/validate-signature.spec.ts";
    linkedin "LinkedIn" { .field("x-li-signature", "").signed([Part::Literal("hmacsha256="), Part::Body]) }
        "`hmacsha256={body}`",
        "any time; method, URL, header fields",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    meta "Meta: WhatsApp, Messenger, Instagram" {
        .field("x-hub-signature-256", "sha256=")
        .body_only()
        .body(BodyForm::RawOrEscaped)
    }
        "the body, as it is or with every character beyond ASCII escaped",
        "any time; method, URL, header fields",
        "GET with `hub.challenge`: echo it",
        "developers.facebook.com, \"Webhooks: getting started\"";
    ms_teams "Microsoft Teams, outgoing webhooks" {
        .field("authorization", "HMAC ")
        .body_only()
        .base64()
        .key_form(BASE64_KEY)
    }
        "the body",
        "any time; method, URL, header fields",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    nylas "Nylas" { .field("x-nylas-signature", "").body_only() }
        "the body",
        "any time; method, URL, header fields",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    sendbird "Sendbird" { .field("x-sendbird-signature", "").body_only() }
        "the body",
        "any time; method, URL, header fields",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    sinch "Sinch" {
        .field("x-sinch-webhook-signature", "")
        .seconds("x-sinch-webhook-signature-timestamp")
        .signed([Part::Body, Part::Literal("."), Part::Header(name("x-sinch-webhook-signature-nonce")), Part::Literal("."), Part::Time])
        .base64()
    }
        "`{body}.{x-sinch-webhook-signature-nonce}.{time}`",
        "method, URL, other header fields",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    slack "Slack" {
        .field("x-slack-signature", "v0=")
        .seconds("x-slack-request-timestamp")
        .signed([Part::Literal("v0:"), Part::Time, Part::Literal(":"), Part::Body])
        .identity(Identity::Body)
    }
        "`v0:{time}:{body}`",
        "method, URL, `X-Slack-Retry-Num` and other header fields",
        "`url_verification`: answer the challenge",
        "docs.slack.dev, \"Verifying requests from Slack\"";
    tiktok "TikTok" { .list("tiktok-signature", "s", "t").time_then_body(".") }
        "`{time}.{body}`",
        "method, URL, header fields",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    twitch "Twitch EventSub" {
        .field("twitch-eventsub-message-signature", "sha256=")
        .rfc3339("twitch-eventsub-message-timestamp")
        .tolerance(minutes(10))
        .signed([Part::Header(name("twitch-eventsub-message-id")), Part::Time, Part::Body])
    }
        "`{twitch-eventsub-message-id}{time}{body}`",
        "method, URL, `Twitch-Eventsub-Message-Type`, `Twitch-Eventsub-Message-Retry` and other header fields",
        "`webhook_callback_verification`: echo the challenge",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    x "X (Twitter)" { .field("x-twitter-webhooks-signature", "sha256=").body_only().base64() }
        "the body",
        "any time; method, URL, header fields",
        "GET with `crc_token`: answer with its HMAC",
        "xdevplatform/docs";
    zoom "Zoom" {
        .field("x-zm-signature", "v0=")
        .seconds("x-zm-request-timestamp")
        .signed([Part::Literal("v0:"), Part::Time, Part::Literal(":"), Part::Body])
    }
        "`v0:{time}:{body}`",
        "method, URL, header fields",
        "`endpoint.url_validation`: answer with the HMAC of the token",
        "developers.zoom.us/docs/api/webhooks";
}
