//! Code, builds, alerts, content.

use super::rows::{BASE64_KEY, minutes, name};
use crate::payload::hmac::{Digest, Encoding, Part, SignatureAt, TimeAt, TimeFormat};

hmac_presets! {
    ably "Ably" { .field("x-ably-signature", "").body_only().base64() }
        "the body",
        "any time; method, URL, `X-Ably-Key` and other header fields",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    airtable "Airtable" {
        .field("x-airtable-content-mac", "hmac-sha256=")
        .body_only()
        .key_form(BASE64_KEY)
    }
        "the body",
        "any time; method, URL, header fields",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    asana "Asana" { .field("x-hook-signature", "").body_only() }
        "the body",
        "any time; method, URL, header fields",
        "POST with `X-Hook-Secret`: echo it, once",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    atlassian_jira "Atlassian Jira" { .field("x-hub-signature", "sha256=").body_only() }
        "the body",
        "any time; method, URL, `X-Atlassian-Webhook-Identifier` and other header fields",
        "nothing",
        "developer.atlassian.com, \"Jira webhooks\"";
    autodesk_aps "Autodesk Platform Services" {
        .field("x-adsk-signature", "sha1hash=")
        .body_only()
        .digest(Digest::Sha1)
    }
        "the body",
        "any time; method, URL, header fields",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    bitbucket "Bitbucket Cloud" { .field("x-hub-signature", "sha256=").body_only() }
        "the body",
        "any time; method, URL, `X-Request-UUID`, `X-Event-Key` and other header fields",
        "nothing",
        "support.atlassian.com, \"Manage webhooks\"";
    buildkite "Buildkite" { .list("x-buildkite-signature", "signature", "timestamp").time_then_body(".") }
        "`{time}.{body}`",
        "method, URL, `X-Buildkite-Event` and other header fields",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    cal_com "Cal.com" { .field("x-cal-signature-256", "").body_only() }
        "the body",
        "any time; method, URL, header fields",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    circleci "CircleCI" { .list_separated_by(",", "circleci-signature", "v1").body_only() }
        "the body",
        "any time; method, URL, header fields",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    clickup "ClickUp" { .field("x-signature", "").body_only() }
        "the body",
        "any time; method, URL, header fields",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    configcat "ConfigCat" {
        .signature(SignatureAt::Bare { name: name("x-configcat-webhook-signature-v1") })
        .signed([Part::Header(name("x-configcat-webhook-id")), Part::Header(name("x-configcat-webhook-timestamp")), Part::Body])
        .base64()
    }
        "`{x-configcat-webhook-id}{x-configcat-webhook-timestamp}{body}`",
        "method, URL, other header fields",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    convoy "Convoy, simple" { .field("x-convoy-signature", "").body_only() }
        "the body", "any time; method, URL, header fields", "nothing", "convoy pkg/signature/testdata/signature-vectors.json";
    convoy_advanced "Convoy, advanced" { .list("x-convoy-signature", "v1", "t").time_then_body(",") }
        "`{time},{body}`", "method, URL, header fields", "nothing", "convoy pkg/signature/testdata/signature-vectors.json";
    doppler "Doppler" { .field("x-doppler-signature", "sha256=").body_only() }
        "the body",
        "any time; method, URL, header fields",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    dub "Dub" { .field("dub-signature", "").body_only() }
        "the body",
        "any time; method, URL, header fields",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    framer "Framer" {
        .field("framer-signature", "sha256=")
        .signed([Part::Body, Part::Header(name("framer-webhook-submission-id"))])
    }
        "`{body}{framer-webhook-submission-id}`",
        "any time; method, URL, other header fields",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    github "GitHub" { .field("x-hub-signature-256", "sha256=").body_only() }
        "the body",
        "any time; method, URL, `X-GitHub-Delivery`, `X-GitHub-Event` and other header fields",
        "nothing",
        "docs.github.com, \"Validating webhook deliveries\"";
    github_sha1 "GitHub, legacy SHA-1" { .field("x-hub-signature", "sha1=").body_only().digest(Digest::Sha1) }
        "the body", "any time; method, URL, header fields", "nothing", "docs.github.com, \"Validating webhook deliveries\"";
    heroku "Heroku" { .field("heroku-webhook-hmac-sha256", "").body_only().base64() }
        "the body",
        "any time; method, URL, header fields",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    launchdarkly "LaunchDarkly" { .field("x-ld-signature", "").body_only() }
        "the body",
        "any time; method, URL, header fields",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    linear "Linear" {
        .field("linear-signature", "")
        .body_only()
        .time(TimeAt::Json("webhookTimestamp"), TimeFormat::Milliseconds)
        .tolerance(minutes(1))
    }
        "the body, with the time in it",
        "method, URL, `Linear-Delivery`, `Linear-Event` and other header fields",
        "nothing",
        "linear packages/sdk/src/webhooks/client.ts";
    mongodb_atlas "MongoDB Atlas" {
        .field("x-mms-signature", "")
        .body_only()
        .digest(Digest::Sha1)
        .base64()
    }
        "the body",
        "any time; method, URL, header fields",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    mux "Mux" { .list("mux-signature", "v1", "t").time_then_body(".") }
        "`{time}.{body}`",
        "method, URL, header fields",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    notion "Notion" { .field("x-notion-signature", "sha256=").body_only() }
        "the body",
        "any time; method, URL, header fields",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    npm "npm" { .field("x-npm-signature", "sha256=").body_only() }
        "the body",
        "any time; method, URL, header fields",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    pagerduty "PagerDuty, version 3" { .list_separated_by(",", "x-pagerduty-signature", "v1").body_only() }
        "the body",
        "any time; method, URL, `X-Webhook-Id` and other header fields",
        "nothing",
        "PagerDuty/developer-docs, \"Signatures\"; go-pagerduty webhookv3";
    pusher "Pusher" { .field("x-pusher-signature", "").body_only() }
        "the body",
        "any time; method, URL, `X-Pusher-Key` and other header fields",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    sanity "Sanity" {
        .list_separated_by(",", "sanity-webhook-signature", "v1")
        .time(TimeAt::ListKey("t"), TimeFormat::Milliseconds)
        .allow_any_age()
        .time_then_body(".")
        .encoding(Encoding::Base64Url)
    }
        "`{time}.{body}`",
        "method, URL, `idempotency-key` and other header fields; the time is signed but not compared",
        "nothing",
        "sanity-io/webhook-toolkit tests";
    sentry "Sentry" { .field("sentry-hook-signature", "").body_only() }
        "the body",
        "any time; method, URL, `Sentry-Hook-Resource`, `Sentry-Hook-Timestamp`, `Request-ID` and other header fields",
        "nothing",
        "docs.sentry.io, \"Integration platform: webhooks\"";
    vercel "Vercel" { .field("x-vercel-signature", "").body_only().digest(Digest::Sha1) }
        "the body", "any time; method, URL, header fields", "nothing", "vercel.com/docs/webhooks";
    webflow "Webflow" {
        .field("x-webflow-signature", "")
        .signed([Part::Header(name("x-webflow-timestamp")), Part::Literal(":"), Part::Body])
    }
        "`{x-webflow-timestamp}:{body}`",
        "method, URL, other header fields; the time is signed but not compared",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    workos "WorkOS" {
        .list_separated_by(",", "workos-signature", "v1")
        .time(TimeAt::ListKey("t"), TimeFormat::Milliseconds)
        .time_then_body(".")
    }
        "`{time}.{body}`",
        "method, URL, header fields",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
}
