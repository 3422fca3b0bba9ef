//! Standard Webhooks and Svix: many providers, one scheme.

use crate::payload::hmac::KeyForm;

hmac_presets! { "Standard Webhooks and Svix, of many providers";
    anthropic "Anthropic" { .webhook_fields() }
        signed: "`{webhook-id}.{webhook-timestamp}.{body}`",
        not_covered: "method, URL, other header fields",
        handshake: "nothing",
        source: own "npm @anthropic-ai/sdk 1.14.0, beta.webhooks.unwrap",
        vector: "npm @anthropic-ai/sdk 1.14.0, beta.webhooks.unwrap";
    bigcommerce "BigCommerce" { .webhook_fields().key_form(KeyForm::Utf8) }
        signed: "`{webhook-id}.{webhook-timestamp}.{body}`",
        not_covered: "method, URL, other header fields",
        handshake: "nothing",
        source: own "bigcommerce/docs docs/integrations/webhooks/https-webhook-overview.mdx",
        vector: none;
    brex "Brex" { .webhook_fields() }
        signed: "`{webhook-id}.{webhook-timestamp}.{body}`",
        not_covered: "method, URL, other header fields",
        handshake: "nothing",
        source: third_party "webhook-co/webhook at de3aa4e",
        vector: none;
    clerk "Clerk" { .svix_fields() }
        signed: "`{svix-id}.{svix-timestamp}.{body}`",
        not_covered: "method, URL, other header fields",
        handshake: "nothing",
        source: own "npm @clerk/backend 3.25.0, verifyWebhook",
        vector: "npm @clerk/backend 3.25.0, verifyWebhook";
    etsy "Etsy" { .webhook_fields() }
        signed: "`{webhook-id}.{webhook-timestamp}.{body}`",
        not_covered: "method, URL, other header fields",
        handshake: "nothing",
        source: third_party "webhook-co/webhook at de3aa4e",
        vector: none;
    finch "Finch" { .standard("finch-event-id", "finch-timestamp", "finch-signature") }
        signed: "`{finch-event-id}.{finch-timestamp}.{body}`",
        not_covered: "method, URL, other header fields",
        handshake: "nothing",
        source: own "npm @tryfinch/finch-api 10.7.0, webhooks.verifySignature",
        vector: "npm @tryfinch/finch-api 10.7.0, webhooks.verifySignature";
    gemini "Google Gemini" { .webhook_fields() }
        signed: "`{webhook-id}.{webhook-timestamp}.{body}`",
        not_covered: "method, URL, other header fields",
        handshake: "nothing. The webhooks of single requests (\"dynamic\") are signed otherwise, by a JWT",
        source: own "google-gemini/cookbook quickstarts/Webhooks.ipynb",
        vector: none;
    gitlab "GitLab, signing token" { .webhook_fields() }
        signed: "`{webhook-id}.{webhook-timestamp}.{body}`",
        not_covered: "method, URL, `X-Gitlab-Event` and other header fields",
        handshake: "nothing",
        source: own "gitlab merge requests 230944 and 231325",
        vector: none;
    incident_io "incident.io" { .webhook_fields() }
        signed: "`{webhook-id}.{webhook-timestamp}.{body}`",
        not_covered: "method, URL, other header fields",
        handshake: "nothing",
        source: own "docs.incident.io, \"Webhooks\"",
        vector: none;
    increase "Increase" { .webhook_fields().key_form(KeyForm::Utf8) }
        signed: "`{webhook-id}.{webhook-timestamp}.{body}`",
        not_covered: "method, URL, other header fields",
        handshake: "nothing",
        source: own "PyPI increase 0.552.0, resources/events.py",
        vector: "PyPI increase 0.552.0, events.unwrap";
    lithic "Lithic" { .webhook_fields() }
        signed: "`{webhook-id}.{webhook-timestamp}.{body}`",
        not_covered: "method, URL, other header fields",
        handshake: "nothing",
        source: own "npm lithic 0.145.0, webhooks.verifySignature",
        vector: "npm lithic 0.145.0, webhooks.verifySignature";
    liveblocks "Liveblocks" { .webhook_fields() }
        signed: "`{webhook-id}.{webhook-timestamp}.{body}`",
        not_covered: "method, URL, other header fields",
        handshake: "nothing",
        source: own "npm @liveblocks/node 3.24.2, WebhookHandler.verifyRequest",
        vector: "npm @liveblocks/node 3.24.2, WebhookHandler.verifyRequest";
    loops "Loops" { .webhook_fields() }
        signed: "`{webhook-id}.{webhook-timestamp}.{body}`",
        not_covered: "method, URL, other header fields",
        handshake: "nothing",
        source: third_party "webhook-co/webhook at de3aa4e",
        vector: none;
    openai "OpenAI" { .webhook_fields() }
        signed: "`{webhook-id}.{webhook-timestamp}.{body}`",
        not_covered: "method, URL, other header fields",
        handshake: "nothing",
        source: own "npm openai 6.49.0, webhooks.verifySignature",
        vector: "npm openai 6.49.0, webhooks.verifySignature";
    polar "Polar" { .webhook_fields().key_form(KeyForm::Utf8) }
        signed: "`{webhook-id}.{webhook-timestamp}.{body}`",
        not_covered: "method, URL, other header fields",
        handshake: "nothing",
        source: own "npm @polar-sh/sdk 0.49.0, webhooks.validateEvent",
        vector: "npm @polar-sh/sdk 0.49.0, webhooks.validateEvent";
    render "Render" { .webhook_fields() }
        signed: "`{webhook-id}.{webhook-timestamp}.{body}`",
        not_covered: "method, URL, other header fields",
        handshake: "nothing",
        source: own "render-examples/webhook-github-action app.ts",
        vector: none;
    replicate "Replicate" { .webhook_fields() }
        signed: "`{webhook-id}.{webhook-timestamp}.{body}`",
        not_covered: "method, URL, other header fields",
        handshake: "nothing",
        source: own "npm replicate 1.4.0, validateWebhook",
        vector: "npm replicate 1.4.0, validateWebhook";
    resend "Resend" { .svix_fields() }
        signed: "`{svix-id}.{svix-timestamp}.{body}`",
        not_covered: "method, URL, other header fields",
        handshake: "nothing",
        source: own "npm resend 6.38.0, webhooks.verify",
        vector: "npm resend 6.38.0, webhooks.verify";
    standard_webhooks "Standard Webhooks 1.0, symmetric" { .webhook_fields() }
        signed: "`{webhook-id}.{webhook-timestamp}.{body}`",
        not_covered: "method, URL, other header fields",
        handshake: "nothing",
        source: own "standard-webhooks/spec/standard-webhooks.md",
        vector: "standard-webhooks libraries/rust/src/lib.rs";
    stytch "Stytch" { .svix_fields() }
        signed: "`{svix-id}.{svix-timestamp}.{body}`",
        not_covered: "method, URL, other header fields",
        handshake: "nothing",
        source: third_party "webhook-co/webhook at de3aa4e",
        vector: none;
    supabase "Supabase" { .webhook_fields().key_form(KeyForm::Base64 { prefix: "v1,whsec_".into() }) }
        signed: "`{webhook-id}.{webhook-timestamp}.{body}`",
        not_covered: "method, URL, other header fields",
        handshake: "nothing",
        source: own "supabase/supabase apps/docs/content/guides/auth/auth-hooks/send-sms-hook.mdx",
        vector: none;
    svix "Svix" { .svix_fields() }
        signed: "`{svix-id}.{svix-timestamp}.{body}`",
        not_covered: "method, URL, other header fields",
        handshake: "nothing",
        source: own "svix-webhooks rust/src/webhooks.rs",
        vector: "npm svix 1.99.1, Webhook.verify";
    svix_white_label "Svix, white-label" { .webhook_fields() }
        signed: "`{webhook-id}.{webhook-timestamp}.{body}`",
        not_covered: "method, URL, other header fields",
        handshake: "nothing",
        source: own "docs.svix.com, \"Verifying webhooks manually\"",
        vector: "npm svix 1.99.1, Webhook.verify";
    vanta "Vanta" { .svix_fields() }
        signed: "`{svix-id}.{svix-timestamp}.{body}`",
        not_covered: "method, URL, other header fields",
        handshake: "nothing",
        source: own "developer.vanta.com, \"Webhooks\"",
        vector: none;
}
