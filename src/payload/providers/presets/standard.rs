//! Standard Webhooks and Svix: many providers, one scheme.

use crate::payload::hmac::KeyForm;

hmac_presets! {
    bigcommerce "BigCommerce" { .webhook_fields().key_form(KeyForm::Utf8) }
        signed: "`{webhook-id}.{webhook-timestamp}.{body}`",
        not_covered: "method, URL, other header fields",
        handshake: "nothing",
        source: own "bigcommerce/docs, \"Webhooks overview\"",
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
        source: third_party "webhook-co/webhook at de3aa4e",
        vector: none;
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
        source: third_party "webhook-co/webhook at de3aa4e",
        vector: none;
    gemini "Google Gemini" { .webhook_fields() }
        signed: "`{webhook-id}.{webhook-timestamp}.{body}`",
        not_covered: "method, URL, other header fields",
        handshake: "nothing",
        source: third_party "webhook-co/webhook at de3aa4e",
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
        source: third_party "webhook-co/webhook at de3aa4e",
        vector: none;
    increase "Increase" { .webhook_fields().key_form(KeyForm::Utf8) }
        signed: "`{webhook-id}.{webhook-timestamp}.{body}`",
        not_covered: "method, URL, other header fields",
        handshake: "nothing",
        source: own "PyPI increase 0.552.0, resources/events.py",
        vector: none;
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
        source: third_party "webhook-co/webhook at de3aa4e",
        vector: none;
    polar "Polar" { .webhook_fields().key_form(KeyForm::Utf8) }
        signed: "`{webhook-id}.{webhook-timestamp}.{body}`",
        not_covered: "method, URL, other header fields",
        handshake: "nothing",
        source: third_party "webhook-co/webhook at de3aa4e",
        vector: none;
    render "Render" { .webhook_fields() }
        signed: "`{webhook-id}.{webhook-timestamp}.{body}`",
        not_covered: "method, URL, other header fields",
        handshake: "nothing",
        source: third_party "webhook-co/webhook at de3aa4e",
        vector: none;
    replicate "Replicate" { .webhook_fields() }
        signed: "`{webhook-id}.{webhook-timestamp}.{body}`",
        not_covered: "method, URL, other header fields",
        handshake: "nothing",
        source: third_party "webhook-co/webhook at de3aa4e",
        vector: none;
    resend "Resend" { .svix_fields() }
        signed: "`{svix-id}.{svix-timestamp}.{body}`",
        not_covered: "method, URL, other header fields",
        handshake: "nothing",
        source: third_party "webhook-co/webhook at de3aa4e",
        vector: none;
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
    supabase "Supabase" { .webhook_fields().key_form(KeyForm::Base64 { prefix: "v1,whsec_" }) }
        signed: "`{webhook-id}.{webhook-timestamp}.{body}`",
        not_covered: "method, URL, other header fields",
        handshake: "nothing",
        source: third_party "webhook-co/webhook at de3aa4e",
        vector: none;
    svix "Svix" { .svix_fields() }
        signed: "`{svix-id}.{svix-timestamp}.{body}`",
        not_covered: "method, URL, other header fields",
        handshake: "nothing",
        source: own "svix-webhooks rust/src/webhooks.rs",
        vector: none;
    svix_white_label "Svix, white-label" { .webhook_fields() }
        signed: "`{webhook-id}.{webhook-timestamp}.{body}`",
        not_covered: "method, URL, other header fields",
        handshake: "nothing",
        source: own "docs.svix.com, \"Verifying webhooks manually\"",
        vector: none;
    vanta "Vanta" { .svix_fields() }
        signed: "`{svix-id}.{svix-timestamp}.{body}`",
        not_covered: "method, URL, other header fields",
        handshake: "nothing",
        source: third_party "webhook-co/webhook at de3aa4e",
        vector: none;
}
