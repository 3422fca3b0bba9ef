//! Shops, payments, parcels.

use super::rows::name;
use crate::payload::hmac::{Digest, Encoding, Identity, KeyForm, Part, SignatureAt, TimeAt, TimeFormat};

hmac_presets! {
    adyen_platform "Adyen, platform webhooks" {
        .field("hmacsignature", "").body_only().base64().key_form(KeyForm::Hex)
    }
        "the body", "any time; method, URL, header fields", "nothing", "adyen-python-api-library test/UtilTest.py";
    affirm "Affirm" { .list("x-affirm-signature", "v0", "t").time_then_body(".").digest(Digest::Sha512) }
        "`{time}.{body}`",
        "method, URL, header fields",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    aftership "AfterShip" { .field("aftership-hmac-sha256", "").body_only().base64() }
        "the body",
        "any time; method, URL, header fields",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    airwallex "Airwallex" {
        .field("x-signature", "")
        .signed([Part::Header(name("x-timestamp")), Part::Body])
    }
        "`{x-timestamp}{body}`",
        "method, URL, other header fields; the time is signed but not compared",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    authorize_net "Authorize.Net" {
        .field("x-anet-signature", "sha512=")
        .body_only()
        .digest(Digest::Sha512)
        .encoding(Encoding::HexEitherCase)
        .key_form(KeyForm::Hex)
    }
        "the body",
        "any time; method, URL, header fields",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    bolt "Bolt" { .field("x-bolt-hmac-sha256", "").body_only().base64() }
        "the body",
        "any time; method, URL, header fields",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    braintree "Braintree" {
        .signature(SignatureAt::FormPairs("bt_signature"))
            .signed([Part::Form("bt_payload")])
            .digest(Digest::Sha1)
            .key_form(KeyForm::Sha1OfText)
    }
        "form field `bt_payload`; no field but this and the signature is taken", "any time; method, URL, header fields", "GET with `bt_challenge`: answer with its HMAC", "webhook-co/webhook at de3aa4e, braintree-public-key.ts";
    chargify "Chargify (Maxio)" { .field("x-chargify-webhook-signature-hmac-sha-256", "").body_only() }
        "the body",
        "any time; method, URL, header fields",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    checkout_com "Checkout.com" { .field("cko-signature", "").body_only() }
        "the body",
        "any time; method, URL, header fields",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    coinbase_cdp "Coinbase Developer Platform" {
        .list("x-hook0-signature", "v1", "t").signed([
            Part::Time,
            Part::Literal("."),
            Part::ListKey("h"),
            Part::Literal("."),
            Part::HeadersNamedBy("h"),
            Part::Literal("."),
            Part::Body,
        ])
    }
        "`{time}.{names}.{values of these header fields}.{body}`", "method, URL, header fields that the sender did not name", "nothing", "docs.cdp.coinbase.com, \"Verify webhooks\"";
    coinbase_commerce "Coinbase Commerce" { .field("x-cc-webhook-signature", "").body_only() }
        "the body",
        "any time; method, URL, header fields",
        "nothing",
        "coinbase-commerce-python tests/test_webhook.py";
    dwolla "Dwolla" { .field("x-request-signature-sha-256", "").body_only() }
        "the body",
        "any time; method, URL, `X-Dwolla-Topic` and other header fields",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    gocardless "GoCardless" { .field("webhook-signature", "").body_only() }
        "the body",
        "any time; method, URL, header fields",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    lemon_squeezy "Lemon Squeezy" { .field("x-signature", "").body_only() }
        "the body",
        "any time; method, URL, `X-Event-Name` and other header fields",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    lob "Lob" {
        .field("lob-signature", "")
        .signed([Part::Header(name("lob-signature-timestamp")), Part::Literal("."), Part::Body])
    }
        "`{lob-signature-timestamp}.{body}`",
        "method, URL, other header fields; the time is signed but not compared",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    modern_treasury "Modern Treasury" { .field("x-signature", "").body_only() }
        "the body",
        "any time; method, URL, header fields",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    onfleet "Onfleet" {
        .field("x-onfleet-signature", "")
        .body_only()
        .digest(Digest::Sha512)
        .key_form(KeyForm::Hex)
    }
        "the body",
        "any time; method, URL, header fields",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    paddle "Paddle" {
        .list_separated_by(";", "paddle-signature", "h1")
        .time(TimeAt::ListKey("ts"), TimeFormat::Seconds)
        .time_then_body(":")
    }
        "`{time}:{body}`", "method, URL, header fields", "nothing", "PaddleHQ/paddle-python-sdk tests";
    paystack "Paystack" { .field("x-paystack-signature", "").body_only().digest(Digest::Sha512) }
        "the body",
        "any time; method, URL, header fields",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    primer "Primer" { .field("x-signature-primary", "").body_only().base64() }
        "the body",
        "any time; method, URL, header fields",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    quickbooks "Intuit QuickBooks" { .field("intuit-signature", "").body_only().base64() }
        "the body",
        "any time; method, URL, header fields",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    razorpay "Razorpay" { .field("x-razorpay-signature", "").body_only() }
        "the body",
        "any time; method, URL, `X-Razorpay-Event-Id` and other header fields",
        "nothing",
        "razorpay-python tests/mocks";
    recurly "Recurly" {
        .signature(SignatureAt::Positional { name: name("recurly-signature") })
        .time(TimeAt::First, TimeFormat::Seconds)
        .time_then_body(".")
    }
        "`{time}.{body}`",
        "method, URL, header fields",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    shippo "Shippo" { .list("shippo-auth-signature", "v1", "t").time_then_body(".") }
        "`{time}.{body}`",
        "method, URL, header fields",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    shopify "Shopify" { .field("x-shopify-hmac-sha256", "").body_only().base64() }
        "the body",
        "any time; method, URL, `X-Shopify-Webhook-Id`, `X-Shopify-Event-Id`, `X-Shopify-Topic`, `X-Shopify-Shop-Domain` and other header fields",
        "nothing",
        "shopify.dev, \"Verify deliveries\"";
    shopify_events "Shopify Events" { .field("shopify-hmac-sha256", "").body_only().base64() }
        "the body", "any time; method, URL, header fields", "nothing", "shopify.dev, \"Verify deliveries\"";
    squarespace "Squarespace" { .field("squarespace-signature", "").body_only().key_form(KeyForm::Hex) }
        "the body",
        "any time; method, URL, header fields",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    stripe "Stripe" { .list("stripe-signature", "v1", "t").time_then_body(".").identity(Identity::Body) }
        "`{time}.{body}`",
        "method, URL, header fields",
        "nothing",
        "docs.stripe.com/webhooks/signature; stripe-go webhook/client.go";
    woocommerce "WooCommerce" { .field("x-wc-webhook-signature", "").body_only().base64() }
        "the body",
        "any time; method, URL, `X-WC-Webhook-Delivery-ID`, `X-WC-Webhook-Topic` and other header fields",
        "nothing",
        "webhook-co/webhook at de3aa4e, the provider's scheme as data";
    xero "Xero" { .field("x-xero-signature", "").body_only().base64() }
        "the body",
        "any time; method, URL, header fields",
        "intent to receive: 200 for a right signature, 401 for a wrong one",
        "developer.xero.com, \"Configuring your server\"";
}
