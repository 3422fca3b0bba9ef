//! Chat, mail, calls, social networks.

use super::rows::{BASE64_KEY, minutes, name};
use crate::payload::hmac::{BodyForm, Digest, Identity, Part, TimeAt, TimeFormat};

hmac_presets! { "Chat, mail, calls, social networks";
    airship "Airship" { .field("x-ua-signature", "").seconds("x-ua-timestamp").time_then_body(":") }
        signed: "`{time}:{body}`, the body before it is compressed; of the GET, the empty body",
        not_covered: "method, URL, header fields",
        handshake: "signed GET of `/validate`: answer with the confirmation code; a compressed body is to be unpacked before it is verified",
        source: own "support.airship.com, \"Implementing a signature hash and validating an open channel webhook\"",
        vector: none;
    customer_io "Customer.io" {
        .field("x-cio-signature", "")
        .seconds("x-cio-timestamp")
        .signed([Part::Literal("v0:".into()), Part::Time, Part::Literal(":".into()), Part::Body])
    }
        signed: "`v0:{time}:{body}`",
        not_covered: "method, URL, header fields",
        handshake: "nothing",
        source: third_party "webhook-co/webhook at de3aa4e",
        vector: none;
    front "Front" {
        .field("x-front-signature", "")
        .milliseconds("x-front-request-timestamp")
        .time_then_body(":")
        .base64()
    }
        signed: "`{time}:{body}`",
        not_covered: "method, URL, header fields",
        handshake: "application webhooks: a signed POST with `X-Front-Challenge`: echo it. Rule webhooks sign otherwise: base64 HMAC-SHA1 of the body",
        source: own "dev.frontapp.com, \"Application webhooks\"",
        vector: none;
    intercom "Intercom" { .field("x-hub-signature", "sha1=").body_only().digest(Digest::Sha1) }
        signed: "the body",
        not_covered: "any time; method, URL, header fields",
        handshake: "HEAD: answer 200",
        source: own "developers.intercom.com, \"Signed notifications\": the app's client secret, once the hub secret",
        vector: none;
    klaviyo "Klaviyo" {
        .field("klaviyo-signature", "")
        .signed([Part::Body, Part::Header(name("klaviyo-timestamp"))])
    }
        signed: "`{body}{klaviyo-timestamp}`",
        not_covered: "method, URL, `Klaviyo-Webhook-Id` and other header fields; the time is signed but not compared: it is an HTTP date",
        handshake: "nothing",
        source: third_party "those that quote Klaviyo's sample for what is signed, and in which order; the fields are on developers.klaviyo.com, \"Working with system webhooks\"",
        vector: none;
    knock "Knock" {
        .list_separated_by(",", "x-knock-signature", "s")
        .time(TimeAt::ListKey("t".into()), TimeFormat::Milliseconds)
        .time_then_body(".")
        .base64()
    }
        signed: "`{time}.{body}`",
        not_covered: "method, URL, header fields",
        handshake: "nothing",
        source: own "knocklabs/docs content/developer-tools/outbound-webhooks/overview.mdx",
        vector: "knocklabs/docs content/developer-tools/outbound-webhooks/overview.mdx";
    line "LINE" { .field("x-line-signature", "").body_only().base64() }
        signed: "the body",
        not_covered: "any time; method, URL, header fields",
        handshake: "nothing",
        source: own "line-bot-sdk-nodejs test/validate-signature.spec.ts",
        vector: "line-bot-sdk-nodejs test/validate-signature.spec.ts";
    linkedin "LinkedIn" { .field("x-li-signature", "").signed([Part::Literal("hmacsha256=".into()), Part::Body]) }
        signed: "`hmacsha256={body}`",
        not_covered: "any time; method, URL, header fields",
        handshake: "GET with `challengeCode`, every two hours: answer with its HMAC",
        source: own "learn.microsoft.com, \"LinkedIn: webhooks\"",
        vector: none;
    meta "Meta: WhatsApp, Messenger, Instagram" {
        .field("x-hub-signature-256", "sha256=")
        .body_only()
        .body(BodyForm::RawOrEscaped)
    }
        signed: "the body, as it is or with every character beyond ASCII escaped",
        not_covered: "any time; method, URL, header fields",
        handshake: "GET with `hub.challenge`: echo it",
        source: own "developers.facebook.com, \"Webhooks: getting started\"; WhatsApp/WhatsApp-Nodejs-SDK src/api/webhooks.ts",
        vector: none;
    ms_teams "Microsoft Teams, outgoing webhooks" {
        .field("authorization", "HMAC ")
        .body_only()
        .base64()
        .key_form(BASE64_KEY)
    }
        signed: "the body",
        not_covered: "any time; method, URL, header fields",
        handshake: "nothing",
        source: own "learn.microsoft.com, \"Create an outgoing webhook\"; OfficeDev/Microsoft-Teams-Samples samples/outgoing-webhook/nodejs/app.js",
        vector: none;
    nylas "Nylas" { .field("x-nylas-signature", "").body_only() }
        signed: "the body as it was sent, compressed or not",
        not_covered: "any time; method, URL, header fields",
        handshake: "GET with `challenge`: echo it; a compressed body is to be verified before it is unpacked",
        source: own "developer.nylas.com, \"Verify webhook signatures\"; nylas/skills skills/nylas-api/rules/webhooks-notifications.md",
        vector: none;
    retell "Retell AI" { .list_separated_by(",", "x-retell-signature", "d").time(TimeAt::ListKey("v".into()), TimeFormat::Milliseconds).signed([Part::Body, Part::Time]) }
        signed: "`{body}{time}`",
        not_covered: "method, URL, header fields",
        handshake: "nothing",
        source: own "npm retell-sdk 5.66.1, sign",
        vector: "npm retell-sdk 5.66.1, sign";
    sendbird "Sendbird" { .field("x-sendbird-signature", "").body_only() }
        signed: "the body",
        not_covered: "any time; method, URL, header fields",
        handshake: "nothing",
        source: third_party "webhook-co/webhook at de3aa4e",
        vector: none;
    sinch "Sinch, but for Voice 2.0" {
        .field("x-sinch-webhook-signature", "")
        .seconds("x-sinch-webhook-signature-timestamp")
        .signed([Part::Body, Part::Literal(".".into()), Part::Header(name("x-sinch-webhook-signature-nonce")), Part::Literal(".".into()), Part::Time])
        .base64()
    }
        signed: "`{body}.{x-sinch-webhook-signature-nonce}.{time}`",
        not_covered: "method, URL, other header fields",
        handshake: "nothing",
        source: own "PyPI sinch 2.3.0, validate_sinch_event_signature_with_nonce",
        vector: "PyPI sinch 2.3.0, validate_sinch_event_signature_with_nonce";
    slack "Slack" {
        .field("x-slack-signature", "v0=")
        .seconds("x-slack-request-timestamp")
        .signed([Part::Literal("v0:".into()), Part::Time, Part::Literal(":".into()), Part::Body])
        .identity(Identity::Body)
    }
        signed: "`v0:{time}:{body}`",
        not_covered: "method, URL, `X-Slack-Retry-Num` and other header fields",
        handshake: "`url_verification`: answer the challenge",
        source: own "docs.slack.dev, \"Verifying requests from Slack\"",
        vector: "docs.slack.dev, \"Verifying requests from Slack\"";
    stream "Stream (getstream.io)" { .field("x-signature", "").body_only() }
        signed: "the body, before it is compressed",
        not_covered: "any time; method, URL, `X-Webhook-Id`, `X-Webhook-Attempt`, `X-Api-Key` and other header fields",
        handshake: "a compressed body is to be unpacked before it is verified",
        source: own "npm stream-chat 9.53.0, verifyWebhook",
        vector: "npm stream-chat 9.53.0, verifyWebhook";
    tiktok "TikTok" { .list("tiktok-signature", "s", "t").time_then_body(".") }
        signed: "`{time}.{body}`",
        not_covered: "method, URL, header fields",
        handshake: "nothing",
        source: own "developers.tiktok.com, \"Check the signature\"",
        vector: none;
    twitch "Twitch EventSub" {
        .field("twitch-eventsub-message-signature", "sha256=")
        .rfc3339("twitch-eventsub-message-timestamp")
        .with_tolerance(minutes(10))
        .signed([Part::Header(name("twitch-eventsub-message-id")), Part::Time, Part::Body])
    }
        signed: "`{twitch-eventsub-message-id}{time}{body}`",
        not_covered: "method, URL, `Twitch-Eventsub-Message-Type`, `Twitch-Eventsub-Message-Retry` and other header fields",
        handshake: "`webhook_callback_verification`: echo the challenge",
        source: own "dev.twitch.tv, \"Getting events using webhook callbacks\"; twitchdev/eventsub-webhooks-node-sample index.js",
        vector: none;
    viber "Viber" { .field("x-viber-content-signature", "").body_only() }
        signed: "the body",
        not_covered: "any time; method, URL, header fields",
        handshake: "nothing",
        source: own "npm viber-bot 1.0.18, MessageValidator",
        vector: "npm viber-bot 1.0.18, MessageValidator";
    x "X (Twitter)" { .field("x-twitter-webhooks-signature", "sha256=").body_only().base64() }
        signed: "the body",
        not_covered: "any time; method, URL, header fields",
        handshake: "GET with `crc_token`: answer with its HMAC",
        source: own "xdevplatform/docs",
        vector: none;
    zoom "Zoom" {
        .field("x-zm-signature", "v0=")
        .seconds("x-zm-request-timestamp")
        .signed([Part::Literal("v0:".into()), Part::Time, Part::Literal(":".into()), Part::Body])
    }
        signed: "`v0:{time}:{body}`",
        not_covered: "method, URL, header fields",
        handshake: "`endpoint.url_validation`: answer with the HMAC of the token",
        source: own "developers.zoom.us/docs/api/webhooks",
        vector: "npm @zoom/rivet 0.4.0, AwsLambdaReceiver";
}
