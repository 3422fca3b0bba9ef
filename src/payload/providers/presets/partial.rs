//! Schemes whose signature does not cover the body: they prove who sent it, not what.

use super::rows::name;
use crate::payload::hmac::{Part, SignatureAt, TimeAt, TimeFormat};

presets! { "Providers that sign a part of what arrives"; PartialScheme; Partial; ();
    mailgun "Mailgun" {
        super::Scheme::builder("mailgun")
            .signature(SignatureAt::Json("signature.signature".into()))
            .time(TimeAt::Json("signature.timestamp".into()), TimeFormat::Seconds)
            .signed([Part::Time, Part::Json("signature.token".into())])
            .preset_partial()
    }
        signed: "`{signature.timestamp}{signature.token}`",
        not_covered: "**the body**: whoever sees one delivery can send another one with its signature; remember the token",
        handshake: "nothing. Events of a subaccount are signed with its own key; their `parent-signature`, with that of the primary account, is not read",
        source: own "documentation.mailgun.com, \"Securing webhooks\"; mailgun-go webhooks.go, VerifyWebhookSignature",
        vector: none;
    mercado_pago "Mercado Pago" {
        super::Scheme::builder("mercado_pago")
            .signature(SignatureAt::List { name: name("x-signature"), key: "v1".into(), separators: ",".into() })
            .signed([
                Part::OptionalQuery { name: "data.id".into(), before: "id:".into(), after: ";".into() },
                Part::OptionalHeader { name: name("x-request-id"), before: "request-id:".into(), after: ";".into() },
                Part::Literal("ts:".into()),
                Part::ListKey("ts".into()),
                Part::Literal(";".into()),
            ])
            .preset_partial()
    }
        signed: "`id:{data.id of the query, as it was sent or in lower case};request-id:{x-request-id};ts:{time};`",
        not_covered: "**the body**: ask for the resource that the query names; the time is signed but not compared",
        handshake: "nothing",
        source: own "npm mercadopago 3.6.1, WebhookSignatureValidator.validate",
        vector: "npm mercadopago 3.6.1, WebhookSignatureValidator.validate";
}
