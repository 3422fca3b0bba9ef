//! Schemes with a private key at the provider's and a public one here.

use super::rows::name;
use super::{PublicKeyScheme, Scheme};
use crate::payload::hmac::scheme::SchemeBuilder;
use crate::payload::hmac::{Identity, Part, SignatureAt};
use crate::payload::public_key::{PublicKeyAlgorithm, PublicKeyForm};

presets! { "Providers that sign with a private key"; PublicKeyScheme; PublicKey; ();
    discord "Discord" {
        let builder = Scheme::builder("discord")
            .field("x-signature-ed25519", "")
            .seconds("x-signature-timestamp")
            .signed([Part::Time, Part::Body]);
        of(builder, PublicKeyAlgorithm::Ed25519, PublicKeyForm::Hex)
    }
        signed: "`{time}{body}`",
        not_covered: "method, URL, header fields",
        handshake: "PING: answer `{\"type\":1}`, or 204 to a webhook event; wants 401 for a wrong signature",
        source: own "discord-api-docs, \"Interactions overview\"",
        vector: "npm discord-interactions 4.4.0, verifyKey";
    sendgrid "Twilio SendGrid" {
        let builder = Scheme::builder("sendgrid")
            .field("x-twilio-email-event-webhook-signature", "")
            .seconds("x-twilio-email-event-webhook-timestamp")
            .signed([Part::Time, Part::Body])
            .base64();
        of(builder, PublicKeyAlgorithm::EcdsaP256Sha256, PublicKeyForm::SpkiBase64)
    }
        signed: "`{time}{body}`",
        not_covered: "method, URL, header fields",
        handshake: "nothing",
        source: own "sendgrid-go helpers/eventwebhook",
        vector: "sendgrid-go helpers/eventwebhook/eventwebhook_test.go";
    standard_webhooks_v1a "Standard Webhooks 1.0, asymmetric" {
        let id = name("webhook-id");
        let builder = Scheme::builder("standard_webhooks_v1a")
            .webhook_fields()
            .signature(SignatureAt::Tagged { name: name("webhook-signature"), tag: "v1a".into() })
            .identity(Identity::Header(id));
        of(builder, PublicKeyAlgorithm::Ed25519, PublicKeyForm::Base64 { prefix: "whpk_".into() })
    }
        signed: "`{webhook-id}.{webhook-timestamp}.{body}`",
        not_covered: "method, URL, other header fields",
        handshake: "nothing",
        source: own "standard-webhooks/spec/standard-webhooks.md; svix-webhooks server/svix-server/src/worker.rs",
        vector: "svix-webhooks server/svix-server/src/worker.rs";
    telnyx "Telnyx" {
        let builder = Scheme::builder("telnyx")
            .field("telnyx-signature-ed25519", "")
            .seconds("telnyx-timestamp")
            .time_then_body("|")
            .base64();
        of(builder, PublicKeyAlgorithm::Ed25519, PublicKeyForm::Base64 { prefix: "".into() })
    }
        signed: "`{time}|{body}`",
        not_covered: "method, URL, header fields",
        handshake: "nothing",
        source: own "telnyx-python lib/webhook_verification.py",
        vector: "npm telnyx 7.24.0, webhooks.unwrap";
    wise "Wise" {
        let builder = Scheme::builder("wise").field("x-signature-sha256", "").body_only().base64();
        of(builder, PublicKeyAlgorithm::RsaSha256, PublicKeyForm::Pem)
    }
        signed: "the body",
        not_covered: "any time; method, URL, `X-Delivery-Id` and other header fields",
        handshake: "nothing",
        source: own "transferwise/digital-signatures-examples verify-webhook-signature",
        vector: "transferwise/digital-signatures-examples verify-webhook-signature";
}

fn of(builder: SchemeBuilder, algorithm: PublicKeyAlgorithm, key_form: PublicKeyForm) -> PublicKeyScheme {
    PublicKeyScheme::of_preset(builder, algorithm, key_form)
}
