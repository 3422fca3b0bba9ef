//! Standard Webhooks and Svix: many providers, one scheme.

use crate::payload::hmac::KeyForm;

hmac_presets! {
    brex "Brex" { .webhook_fields() }
        "`{webhook-id}.{webhook-timestamp}.{body}`",
        "method, URL, other header fields",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    clerk "Clerk" { .svix_fields() }
        "`{svix-id}.{svix-timestamp}.{body}`",
        "method, URL, other header fields",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    etsy "Etsy" { .webhook_fields() }
        "`{webhook-id}.{webhook-timestamp}.{body}`",
        "method, URL, other header fields",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    finch "Finch" { .standard("finch-event-id", "finch-timestamp", "finch-signature") }
        "`{finch-event-id}.{finch-timestamp}.{body}`",
        "method, URL, other header fields",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    gemini "Google Gemini" { .webhook_fields() }
        "`{webhook-id}.{webhook-timestamp}.{body}`",
        "method, URL, other header fields",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    gitlab "GitLab, signing token" { .webhook_fields() }
        "`{webhook-id}.{webhook-timestamp}.{body}`", "method, URL, `X-Gitlab-Event` and other header fields", "nothing", "gitlab merge requests 230944 and 231325";
    incident_io "incident.io" { .webhook_fields() }
        "`{webhook-id}.{webhook-timestamp}.{body}`",
        "method, URL, other header fields",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    increase "Increase" { .webhook_fields() }
        "`{webhook-id}.{webhook-timestamp}.{body}`",
        "method, URL, other header fields",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    loops "Loops" { .webhook_fields() }
        "`{webhook-id}.{webhook-timestamp}.{body}`",
        "method, URL, other header fields",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    openai "OpenAI" { .webhook_fields() }
        "`{webhook-id}.{webhook-timestamp}.{body}`",
        "method, URL, other header fields",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    polar "Polar" { .webhook_fields().key_form(KeyForm::Utf8) }
        "`{webhook-id}.{webhook-timestamp}.{body}`",
        "method, URL, other header fields",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    render "Render" { .webhook_fields() }
        "`{webhook-id}.{webhook-timestamp}.{body}`",
        "method, URL, other header fields",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    replicate "Replicate" { .webhook_fields() }
        "`{webhook-id}.{webhook-timestamp}.{body}`",
        "method, URL, other header fields",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    resend "Resend" { .svix_fields() }
        "`{svix-id}.{svix-timestamp}.{body}`",
        "method, URL, other header fields",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    standard_webhooks "Standard Webhooks 1.0, symmetric" { .webhook_fields() }
        "`{webhook-id}.{webhook-timestamp}.{body}`",
        "method, URL, other header fields",
        "nothing",
        "standard-webhooks/spec/standard-webhooks.md";
    stytch "Stytch" { .svix_fields() }
        "`{svix-id}.{svix-timestamp}.{body}`",
        "method, URL, other header fields",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    supabase "Supabase" { .webhook_fields() }
        "`{webhook-id}.{webhook-timestamp}.{body}`",
        "method, URL, other header fields",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    svix "Svix" { .svix_fields() }
        "`{svix-id}.{svix-timestamp}.{body}`", "method, URL, other header fields", "nothing", "svix-webhooks rust/src/webhooks.rs";
    vanta "Vanta" { .svix_fields() }
        "`{svix-id}.{svix-timestamp}.{body}`",
        "method, URL, other header fields",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
}
