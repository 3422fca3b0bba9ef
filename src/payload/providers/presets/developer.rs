//! Code, builds, alerts, content.

use super::rows::{BASE64_KEY, minutes, name};
use crate::payload::hmac::{Digest, Encoding, Part, SignatureAt, TimeAt, TimeFormat};

hmac_presets! { "Code, builds, alerts, content";
    ably "Ably" { .field("x-ably-signature", "").body_only().base64() }
        signed: "the body",
        not_covered: "any time; method, URL, `X-Ably-Key` and other header fields",
        handshake: "nothing",
        source: own "ably/docs src/pages/docs/platform/integrations/webhooks/index.mdx",
        vector: none;
    airtable "Airtable" {
        .field("x-airtable-content-mac", "hmac-sha256=")
        .body_only()
        .key_form(BASE64_KEY)
    }
        signed: "the body",
        not_covered: "any time; method, URL, header fields",
        handshake: "nothing",
        source: third_party "webhook-co/webhook at de3aa4e",
        vector: none;
    alchemy "Alchemy, Notify" { .field("x-alchemy-signature", "").body_only() }
        signed: "the body",
        not_covered: "any time; method, URL, header fields",
        handshake: "nothing",
        source: own "alchemyplatform/webhook-examples node-express/src/webhooksUtil.ts",
        vector: "alchemyplatform/webhook-examples node-express/src/webhooksUtil.ts";
    asana "Asana" { .field("x-hook-signature", "").body_only() }
        signed: "the body",
        not_covered: "any time; method, URL, header fields",
        handshake: "POST with `X-Hook-Secret`: echo it, once",
        source: own "developers.asana.com, \"Webhooks\"; Asana/devrel-examples javascript/webhooks-nodejs/index.js",
        vector: none;
    atlassian_jira "Atlassian Jira" { .field("x-hub-signature", "sha256=").body_only() }
        signed: "the body",
        not_covered: "any time; method, URL, `X-Atlassian-Webhook-Identifier` and other header fields",
        handshake: "nothing",
        source: own "developer.atlassian.com, \"Jira webhooks\"",
        vector: none;
    autodesk_aps "Autodesk Platform Services" {
        .field("x-adsk-signature", "sha1hash=")
        .body_only()
        .digest(Digest::Sha1)
    }
        signed: "the body",
        not_covered: "any time; method, URL, header fields",
        handshake: "nothing",
        source: own "autodesk-platform-services/aps-webhooks-signature README",
        vector: none;
    bitbucket "Bitbucket Cloud" { .field("x-hub-signature", "sha256=").body_only() }
        signed: "the body",
        not_covered: "any time; method, URL, `X-Request-UUID`, `X-Event-Key` and other header fields",
        handshake: "nothing",
        source: own "support.atlassian.com, \"Manage webhooks\"",
        vector: "support.atlassian.com, \"Manage webhooks\"";
    buildkite "Buildkite" { .list("x-buildkite-signature", "signature", "timestamp").time_then_body(".") }
        signed: "`{time}.{body}`",
        not_covered: "method, URL, `X-Buildkite-Event` and other header fields",
        handshake: "nothing",
        source: own "buildkite/docs pages/apis/webhooks, \"Verifying HMAC signatures\"",
        vector: none;
    cal_com "Cal.com" { .field("x-cal-signature-256", "").body_only() }
        signed: "the body",
        not_covered: "any time; method, URL, header fields",
        handshake: "nothing",
        source: own "calcom/cal.com packages/features/webhooks/lib/sendPayload.ts",
        vector: none;
    circleci "CircleCI" { .list_separated_by(",", "circleci-signature", "v1").body_only() }
        signed: "the body",
        not_covered: "any time; method, URL, header fields",
        handshake: "nothing",
        source: own "circleci/circleci-docs jekyll/_cci2/webhooks.adoc, \"Validate outbound webhooks\"",
        vector: "circleci/circleci-docs jekyll/_cci2/webhooks.adoc, \"Validate outbound webhooks\"";
    clickup "ClickUp" { .field("x-signature", "").body_only() }
        signed: "the body",
        not_covered: "any time; method, URL, header fields",
        handshake: "nothing",
        source: own "developer.clickup.com, \"Webhook signature\"",
        vector: none;
    configcat "ConfigCat" {
        .signature(SignatureAt::Bare { name: name("x-configcat-webhook-signature-v1") })
        .signed([Part::Header(name("x-configcat-webhook-id")), Part::Header(name("x-configcat-webhook-timestamp")), Part::Body])
        .base64()
    }
        signed: "`{x-configcat-webhook-id}{x-configcat-webhook-timestamp}{body}`",
        not_covered: "method, URL, other header fields; the time is signed but not compared",
        handshake: "nothing",
        source: own "configcat/docs website/docs/advanced/notifications-webhooks.mdx",
        vector: "configcat/docs website/docs/advanced/notifications-webhooks.mdx";
    convoy "Convoy, simple" { .field("x-convoy-signature", "").body_only() }
        signed: "the body",
        not_covered: "any time; method, URL, header fields",
        handshake: "nothing",
        source: own "convoy pkg/signature/testdata/signature-vectors.json",
        vector: "convoy pkg/signature/testdata/signature-vectors.json";
    convoy_advanced "Convoy, advanced" { .list("x-convoy-signature", "v1", "t").time_then_body(",") }
        signed: "`{time},{body}`",
        not_covered: "method, URL, header fields",
        handshake: "nothing",
        source: own "convoy pkg/signature/testdata/signature-vectors.json",
        vector: "convoy pkg/signature/testdata/signature-vectors.json";
    doppler "Doppler" { .field("x-doppler-signature", "sha256=").body_only() }
        signed: "the body",
        not_covered: "any time; method, URL, header fields",
        handshake: "nothing",
        source: third_party "webhook-co/webhook at de3aa4e",
        vector: none;
    dub "Dub" { .field("dub-signature", "").body_only() }
        signed: "the body",
        not_covered: "any time; method, URL, header fields",
        handshake: "nothing",
        source: own "dubinc/dub apps/web/lib/webhook/signature.ts and qstash.ts",
        vector: none;
    elevenlabs "ElevenLabs" {
        .list("elevenlabs-signature", "v0", "t")
        .with_tolerance(minutes(30))
        .time_then_body(".")
    }
        signed: "`{time}.{body}`",
        not_covered: "method, URL, header fields",
        handshake: "nothing",
        source: own "npm @elevenlabs/elevenlabs-js 2.73.0, webhooks.constructEvent, which takes what is half an hour old",
        vector: "npm @elevenlabs/elevenlabs-js 2.73.0, webhooks.constructEvent";
    framer "Framer" {
        .field("framer-signature", "sha256=")
        .signed([Part::Body, Part::Header(name("framer-webhook-submission-id"))])
    }
        signed: "`{body}{framer-webhook-submission-id}`",
        not_covered: "any time; method, URL, other header fields",
        handshake: "nothing",
        source: own "framer.com/help, \"Connect Framer forms to a webhook\"",
        vector: none;
    github "GitHub" { .field("x-hub-signature-256", "sha256=").body_only() }
        signed: "the body",
        not_covered: "any time; method, URL, `X-GitHub-Delivery`, `X-GitHub-Event` and other header fields",
        handshake: "nothing",
        source: own "docs.github.com, \"Validating webhook deliveries\"",
        vector: "docs.github.com, \"Validating webhook deliveries\"";
    github_sha1 "GitHub, legacy SHA-1" { .field("x-hub-signature", "sha1=").body_only().digest(Digest::Sha1) }
        signed: "the body",
        not_covered: "any time; method, URL, header fields",
        handshake: "nothing",
        source: own "docs.github.com, \"Validating webhook deliveries\"",
        vector: none;
    heroku "Heroku" { .field("heroku-webhook-hmac-sha256", "").body_only().base64() }
        signed: "the body",
        not_covered: "any time; method, URL, header fields",
        handshake: "nothing",
        source: own "devcenter.heroku.com, \"App webhooks\"; \"Using webhooks as an add-on partner\"",
        vector: none;
    launchdarkly "LaunchDarkly" { .field("x-ld-signature", "").body_only() }
        signed: "the body",
        not_covered: "any time; method, URL, header fields",
        handshake: "nothing",
        source: own "docs.launchdarkly.com, \"Webhooks\"",
        vector: none;
    linear "Linear" {
        .field("linear-signature", "")
        .body_only()
        .time(TimeAt::Json("webhookTimestamp".into()), TimeFormat::Milliseconds)
        .with_tolerance(minutes(1))
    }
        signed: "the body, with the time in it",
        not_covered: "method, URL, `Linear-Delivery`, `Linear-Event` and other header fields",
        handshake: "nothing",
        source: own "linear packages/sdk/src/webhooks/client.ts",
        vector: "npm @linear/sdk 98.0.0, LinearWebhookClient.verify";
    mongodb_atlas "MongoDB Atlas" {
        .field("x-mms-signature", "")
        .body_only()
        .digest(Digest::Sha1)
        .base64()
    }
        signed: "the body",
        not_covered: "any time; method, URL, header fields",
        handshake: "nothing",
        source: own "mongodb.com/docs/atlas, \"Integrate with webhooks\"",
        vector: none;
    mux "Mux" { .list("mux-signature", "v1", "t").time_then_body(".") }
        signed: "`{time}.{body}`",
        not_covered: "method, URL, header fields",
        handshake: "nothing",
        source: own "npm @mux/mux-node 15.3.0, webhooks.verifySignature",
        vector: "npm @mux/mux-node 15.3.0, webhooks.verifySignature";
    notion "Notion" { .field("x-notion-signature", "sha256=").body_only() }
        signed: "the body",
        not_covered: "any time; method, URL, header fields",
        handshake: "unsigned POST of a `verification_token`, once: keep it, it is the key",
        source: own "npm @notionhq/client 5.26.0, signWebhookPayload",
        vector: "npm @notionhq/client 5.26.0, signWebhookPayload";
    npm "npm" { .field("x-npm-signature", "sha256=").body_only() }
        signed: "the body",
        not_covered: "any time; method, URL, header fields",
        handshake: "nothing",
        source: own "npm/npm-hook-receiver index.js",
        vector: "npm npm-hook-receiver 1.0.0, its server";
    pagerduty "PagerDuty, version 3" { .list_separated_by(",", "x-pagerduty-signature", "v1").body_only() }
        signed: "the body",
        not_covered: "any time; method, URL, `X-Webhook-Id` and other header fields",
        handshake: "nothing",
        source: own "PagerDuty/developer-docs, \"Signatures\"; go-pagerduty webhookv3",
        vector: "go-pagerduty webhookv3/webhookv3_test.go";
    pusher "Pusher" { .field("x-pusher-signature", "").body_only() }
        signed: "the body",
        not_covered: "any time; method, URL, `X-Pusher-Key` and other header fields",
        handshake: "nothing",
        source: own "npm pusher 5.3.4, Token.sign",
        vector: "npm pusher 5.3.4, Token.sign";
    quicknode "QuickNode, Streams" {
        .field("x-qn-signature", "")
        .seconds("x-qn-timestamp")
        .signed([Part::Header(name("x-qn-nonce")), Part::Time, Part::Body])
    }
        signed: "`{x-qn-nonce}{time}{body}`, the body before it is compressed",
        not_covered: "method, URL, other header fields; where the nonce ends and the time begins",
        handshake: "a compressed body is to be unpacked before it is verified",
        source: own "quicknode.com, \"Streams webhook signature validator\"; quiknode-labs/qn-guide-examples Streams/userstream/src/lib/webhook-verify.ts",
        vector: "quiknode-labs/qn-guide-examples sample-dapps/ethereum-aave-liquidation-tracker/src/lib/security.ts";
    sanity "Sanity" {
        .list_separated_by(",", "sanity-webhook-signature", "v1")
        .time(TimeAt::ListKey("t".into()), TimeFormat::Milliseconds)
        .allow_any_age()
        .time_then_body(".")
        .encoding(Encoding::Base64Url)
    }
        signed: "`{time}.{body}`",
        not_covered: "method, URL, `idempotency-key` and other header fields; the time is signed but not compared",
        handshake: "nothing",
        source: own "sanity-io/webhook-toolkit tests",
        vector: "npm @sanity/webhook 4.0.4, encodeSignatureHeader";
    sentry "Sentry" { .field("sentry-hook-signature", "").body_only() }
        signed: "the body",
        not_covered: "any time; method, URL, `Sentry-Hook-Resource`, `Sentry-Hook-Timestamp`, `Request-ID` and other header fields",
        handshake: "nothing. Requests of UI components carry the same signature in `Sentry-App-Signature`",
        source: own "docs.sentry.io, \"Integration platform: webhooks\"; getsentry/integration-platform-example backend-py/src/api/middleware/verify_sentry_signature.py",
        vector: "getsentry/integration-platform-example backend-py/src/api/middleware/verify_sentry_signature.py";
    vercel "Vercel" { .field("x-vercel-signature", "").body_only().digest(Digest::Sha1) }
        signed: "the body",
        not_covered: "any time; method, URL, header fields",
        handshake: "nothing",
        source: own "vercel/example-marketplace-integration app/webhook/route.ts",
        vector: "vercel/example-marketplace-integration app/webhook/route.ts";
    webflow "Webflow" {
        .field("x-webflow-signature", "")
        .signed([Part::Header(name("x-webflow-timestamp")), Part::Literal(":".into()), Part::Body])
    }
        signed: "`{x-webflow-timestamp}:{body}`",
        not_covered: "method, URL, other header fields; the time is signed but not compared",
        handshake: "nothing",
        source: own "npm webflow-api 3.3.4, webhooks.verifySignature",
        vector: "npm webflow-api 3.3.4, webhooks.verifySignature";
    workos "WorkOS" {
        .list_separated_by(",", "workos-signature", "v1")
        .time(TimeAt::ListKey("t".into()), TimeFormat::Milliseconds)
        .time_then_body(".")
    }
        signed: "`{time}.{body}`",
        not_covered: "method, URL, header fields",
        handshake: "nothing",
        source: own "npm @workos-inc/node 8.13.0, webhooks.constructEvent",
        vector: "npm @workos-inc/node 8.13.0, webhooks.constructEvent";
}
