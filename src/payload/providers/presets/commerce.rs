//! Shops, payments, parcels.

use super::rows::name;
use crate::payload::hmac::{Digest, Encoding, Identity, KeyForm, Part, SignatureAt, TimeAt, TimeFormat};

hmac_presets! { "Shops, payments, parcels";
    adyen_platform "Adyen, platform webhooks" {
        .field("hmacsignature", "").body_only().base64().key_form(KeyForm::Hex)
    }
        signed: "the body",
        not_covered: "any time; method, URL, header fields",
        handshake: "nothing",
        source: own "adyen-python-api-library test/UtilTest.py",
        vector: "adyen-python-api-library test/UtilTest.py";
    affirm "Affirm" { .list("x-affirm-signature", "v0", "t").time_then_body(".").digest(Digest::Sha512) }
        signed: "`{time}.{body}`",
        not_covered: "method, URL, header fields",
        handshake: "nothing",
        source: own "docs.affirm.com, \"Checking webhook signatures\"; Affirm's sample of it, which takes the private key as text",
        vector: none;
    aftership "AfterShip, Tracking" { .field("aftership-hmac-sha256", "").body_only().base64() }
        signed: "the body",
        not_covered: "any time; method, URL, header fields",
        handshake: "nothing. Returns and Warranty send their signature in `As-Signature-Hmac-Sha256`",
        source: own "aftership.com/docs/tracking, \"Webhook signature\"",
        vector: none;
    airwallex "Airwallex" {
        .field("x-signature", "")
        .signed([Part::Header(name("x-timestamp")), Part::Body])
    }
        signed: "`{x-timestamp}{body}`",
        not_covered: "method, URL, other header fields; the time is signed but not compared",
        handshake: "nothing",
        source: third_party "webhook-co/webhook at de3aa4e",
        vector: none;
    authorize_net "Authorize.Net" {
        .field("x-anet-signature", "sha512=")
        .body_only()
        .digest(Digest::Sha512)
        .encoding(Encoding::HexEitherCase)
    }
        signed: "the body",
        not_covered: "any time; method, URL, header fields",
        handshake: "nothing",
        source: third_party "two sample deliveries of Authorize.Net: the text of the key is the key",
        vector: "sample deliveries of Authorize.Net";
    bolt "Bolt" {
        .either_of("x-bolt-hmac-sha256", "x-bolt-hmac-sha256-pending").body_only().base64()
    }
        signed: "the body",
        not_covered: "any time; method, URL, header fields. A GET signs its query, which is not read",
        handshake: "nothing",
        source: own "BoltApp/bolt-magento2 Helper/Hook.php; for the second field, third parties",
        vector: none;
    braintree "Braintree" {
        .signature(SignatureAt::FormPairs("bt_signature".into()))
            .signed([Part::Form("bt_payload".into())])
            .digest(Digest::Sha1)
            .key_form(KeyForm::Sha1OfText)
    }
        signed: "form field `bt_payload`; no field but this and the signature is taken",
        not_covered: "any time; method, URL, header fields; the name of the key beside the signature",
        handshake: "GET with `bt_challenge`: answer with its HMAC",
        source: own "npm braintree 3.40.0, webhookTesting.sampleNotification",
        vector: "npm braintree 3.40.0, webhookTesting.sampleNotification";
    chargify "Chargify (Maxio)" { .field("x-chargify-webhook-signature-hmac-sha-256", "").body_only() }
        signed: "the body",
        not_covered: "any time; method, URL, header fields",
        handshake: "nothing",
        source: third_party "webhook-co/webhook at de3aa4e",
        vector: none;
    checkout_com "Checkout.com" { .field("cko-signature", "").body_only() }
        signed: "the body",
        not_covered: "any time; method, URL, header fields",
        handshake: "nothing",
        source: own "checkout.com/docs, \"Set up your webhook receiver\"",
        vector: none;
    coinbase_cdp "Coinbase Developer Platform" {
        .list("x-hook0-signature", "v1", "t").signed([
            Part::Time,
            Part::Literal(".".into()),
            Part::ListKey("h".into()),
            Part::Literal(".".into()),
            Part::HeadersNamedBy("h".into()),
            Part::Literal(".".into()),
            Part::Body,
        ])
    }
        signed: "`{time}.{names}.{values of these header fields}.{body}`",
        not_covered: "method, URL, header fields that the sender did not name. `v0`, which covers time and body alone, is not read",
        handshake: "nothing",
        source: own "docs.cdp.coinbase.com, \"Verify signatures\"; hook0 clients/conformance/signature.json, whose software sends them",
        vector: none;
    coinbase_commerce "Coinbase Commerce" { .field("x-cc-webhook-signature", "").body_only() }
        signed: "the body",
        not_covered: "any time; method, URL, header fields",
        handshake: "nothing",
        source: own "coinbase-commerce-python tests/test_webhook.py",
        vector: "coinbase-commerce-python tests/test_webhook.py";
    dwolla "Dwolla" { .field("x-request-signature-sha-256", "").body_only() }
        signed: "the body",
        not_covered: "any time; method, URL, `X-Dwolla-Topic` and other header fields",
        handshake: "nothing",
        source: own "Dwolla/webhook-receiver src/handlers/webhook.ts",
        vector: none;
    easypost "EasyPost" { .field("x-hmac-signature", "hmac-sha256-hex=").body_only() }
        signed: "the body",
        not_covered: "any time; method, URL, header fields",
        handshake: "nothing. `X-Hmac-Signature-V2`, which covers time, method and path as well, is not read",
        source: own "npm @easypost/api 8.9.0, Utils.validateWebhook",
        vector: "npm @easypost/api 8.9.0, Utils.validateWebhook";
    gocardless "GoCardless" { .field("webhook-signature", "").body_only() }
        signed: "the body",
        not_covered: "any time; method, URL, header fields",
        handshake: "nothing",
        source: own "npm gocardless-nodejs 10.1.2, webhooks.parse",
        vector: "npm gocardless-nodejs 10.1.2, webhooks.parse";
    lemon_squeezy "Lemon Squeezy" { .field("x-signature", "").body_only() }
        signed: "the body",
        not_covered: "any time; method, URL, `X-Event-Name` and other header fields",
        handshake: "a secret of 6 to 40 characters: choose 16 or more, fewer are refused here",
        source: own "docs.lemonsqueezy.com, \"Signing requests\"; lmsqueezy/nextjs-billing src/app/api/webhook/route.ts",
        vector: none;
    lob "Lob" {
        .field("lob-signature", "")
        .signed([Part::Header(name("lob-signature-timestamp")), Part::Literal(".".into()), Part::Body])
    }
        signed: "`{lob-signature-timestamp}.{body}`",
        not_covered: "method, URL, other header fields; the time is signed but not compared",
        handshake: "nothing",
        source: third_party "webhook-co/webhook at de3aa4e",
        vector: none;
    modern_treasury "Modern Treasury" { .field("x-signature", "").body_only() }
        signed: "the body",
        not_covered: "any time; method, URL, header fields",
        handshake: "nothing",
        source: own "npm modern-treasury 3.3.0, webhooks.getSignature",
        vector: "npm modern-treasury 3.3.0, webhooks.getSignature";
    mollie "Mollie" { .field("x-mollie-signature", "sha256=").body_only() }
        signed: "the body",
        not_covered: "any time; method, URL, header fields",
        handshake: "nothing",
        source: own "npm mollie-api-typescript 1.12.28, SignatureValidator",
        vector: "npm mollie-api-typescript 1.12.28, SignatureValidator";
    onfleet "Onfleet" {
        .field("x-onfleet-signature", "")
        .body_only()
        .digest(Digest::Sha512)
        .key_form(KeyForm::Hex)
    }
        signed: "the body",
        not_covered: "any time; method, URL, header fields",
        handshake: "GET with `check`: echo it",
        source: own "docs.onfleet.com, \"Webhook authentication\"",
        vector: none;
    orb "Orb" {
        .list_separated_by(" ", "x-orb-signature", "v1")
        .signed([Part::Literal("v1:".into()), Part::Header(name("x-orb-timestamp")), Part::Literal(":".into()), Part::Body])
    }
        signed: "`v1:{x-orb-timestamp}:{body}`",
        not_covered: "method, URL, other header fields; the time is signed but not compared",
        handshake: "nothing",
        source: own "npm orb-billing 6.11.0, webhooks.verifySignature",
        vector: "npm orb-billing 6.11.0, webhooks.verifySignature";
    paddle "Paddle" {
        .list_separated_by(";", "paddle-signature", "h1")
        .time(TimeAt::ListKey("ts".into()), TimeFormat::Seconds)
        .time_then_body(":")
    }
        signed: "`{time}:{body}`",
        not_covered: "method, URL, header fields",
        handshake: "nothing",
        source: own "PaddleHQ/paddle-python-sdk tests",
        vector: "PaddleHQ/paddle-python-sdk tests/Unit/Notification";
    paystack "Paystack" { .field("x-paystack-signature", "").body_only().digest(Digest::Sha512) }
        signed: "the body",
        not_covered: "any time; method, URL, header fields",
        handshake: "nothing",
        source: own "PaystackOSS/doc-code-snippets dist/doc/payments/webhooks/verifying-transaction.js",
        vector: none;
    primer "Primer" { .either_of("x-signature-primary", "x-signature-secondary").body_only().base64() }
        signed: "the body",
        not_covered: "any time; method, URL, header fields",
        handshake: "nothing",
        source: third_party "webhook-co/webhook at de3aa4e",
        vector: none;
    quickbooks "Intuit QuickBooks" { .field("intuit-signature", "").body_only().base64() }
        signed: "the body",
        not_covered: "any time; method, URL, header fields",
        handshake: "nothing",
        source: own "developer.intuit.com, \"Managing webhooks notifications\"; IntuitDeveloper/SampleApp-Webhooks-nodejs util/util.js",
        vector: none;
    razorpay "Razorpay" { .field("x-razorpay-signature", "").body_only() }
        signed: "the body",
        not_covered: "any time; method, URL, `X-Razorpay-Event-Id` and other header fields",
        handshake: "nothing",
        source: own "razorpay-python tests/mocks",
        vector: "razorpay-python tests/mocks";
    recurly "Recurly" {
        .signature(SignatureAt::Positional { name: name("recurly-signature") })
        .time(TimeAt::First, TimeFormat::Milliseconds)
        .time_then_body(".")
    }
        signed: "`{time}.{body}`",
        not_covered: "method, URL, header fields",
        handshake: "nothing",
        source: own "recurly-client-ruby lib/recurly/webhooks.rb and its spec",
        vector: "recurly-client-ruby, spec of Recurly::Webhooks";
    shippo "Shippo" { .list("shippo-auth-signature", "v1", "t").time_then_body(".") }
        signed: "`{time}.{body}`",
        not_covered: "method, URL, header fields",
        handshake: "nothing",
        source: third_party "webhook-co/webhook at de3aa4e",
        vector: none;
    shopify "Shopify" { .field("x-shopify-hmac-sha256", "").body_only().base64() }
        signed: "the body",
        not_covered: "any time; method, URL, `X-Shopify-Webhook-Id`, `X-Shopify-Event-Id`, `X-Shopify-Topic`, `X-Shopify-Shop-Domain` and other header fields",
        handshake: "nothing",
        source: own "shopify.dev, \"Verify deliveries\"",
        vector: "npm @shopify/shopify-api 13.1.0, createSHA256HMAC";
    shopify_events "Shopify Events" { .field("shopify-hmac-sha256", "").body_only().base64() }
        signed: "the body",
        not_covered: "any time; method, URL, header fields",
        handshake: "nothing",
        source: own "shopify.dev, \"Verify Events deliveries\"",
        vector: none;
    squarespace "Squarespace" { .field("squarespace-signature", "").body_only().key_form(KeyForm::Hex) }
        signed: "the body",
        not_covered: "any time; method, URL, header fields",
        handshake: "nothing",
        source: own "developers.squarespace.com, \"Verifying notifications\"",
        vector: none;
    stripe "Stripe" { .list("stripe-signature", "v1", "t").time_then_body(".").identity(Identity::Body) }
        signed: "`{time}.{body}`",
        not_covered: "method, URL, header fields",
        handshake: "nothing",
        source: own "docs.stripe.com/webhooks/signature; stripe-go webhook/client.go",
        vector: "npm stripe 23.1.0, webhooks.generateTestHeaderString";
    uber "Uber" { .field("x-uber-signature", "").body_only() }
        signed: "the body",
        not_covered: "any time; method, URL, `X-Environment` and other header fields",
        handshake: "nothing",
        source: own "developer.uber.com, \"Webhooks\" of Direct, Eats and Vehicles: the signing key of the webhook, or the client secret",
        vector: none;
    woocommerce "WooCommerce" { .field("x-wc-webhook-signature", "").body_only().base64() }
        signed: "the body",
        not_covered: "any time; method, URL, `X-WC-Webhook-Delivery-ID`, `X-WC-Webhook-Topic` and other header fields",
        handshake: "unsigned POST of `webhook_id`: answer 200",
        source: own "woocommerce/woocommerce plugins/woocommerce/includes/class-wc-webhook.php: HTML's escapes in the secret (`&amp;`) are decoded before it is the key",
        vector: none;
    xero "Xero" { .field("x-xero-signature", "").body_only().base64() }
        signed: "the body",
        not_covered: "any time; method, URL, header fields",
        handshake: "intent to receive: 200 for a right signature, 401 for a wrong one",
        source: own "developer.xero.com, \"Configuring your server\"",
        vector: none;
}
