use std::sync::Arc;

use http::HeaderName;

use super::{Encoding, Identity, KeyForm, Part, Scheme, SignatureAt, TimeAt};
use crate::replay::Tolerance;

/// The most signatures that DocuSign sends.
const DOCUSIGN_KEYS: usize = 100;

impl Scheme {
    /// Standard Webhooks 1.0, symmetric (`v1`).
    ///
    /// Signed: `{webhook-id}.{webhook-timestamp}.{body}`. Not covered: method, URL, other header fields. A delivery is
    /// known by `webhook-id`, which stays the same for every attempt.
    ///
    /// Source: standard-webhooks/spec/standard-webhooks.md.
    pub fn standard_webhooks() -> Self {
        let id = HeaderName::from_static("webhook-id");
        let signed = [
            Part::Header(id.clone()),
            Part::Literal("."),
            Part::Time,
            Part::Literal("."),
            Part::Body,
        ];
        Self {
            name: "standard-webhooks".into(),
            signature: SignatureAt::Tagged {
                name: HeaderName::from_static("webhook-signature"),
                tag: "v1",
            },
            time: Some(TimeAt::Header(HeaderName::from_static("webhook-timestamp"))),
            signed: signed.into(),
            encoding: Encoding::Base64,
            key_form: KeyForm::Base64 { prefix: "whsec_" },
            identity: Identity::Header(id),
            tolerance: Tolerance::default(),
        }
    }

    /// GitHub.
    ///
    /// Signed: the body. Not covered: `X-GitHub-Delivery` and `X-GitHub-Event`, so neither may be relied on, and no
    /// time: a replay is only known by its body.
    ///
    /// Source: docs.github.com, "Validating webhook deliveries".
    pub fn github() -> Self {
        let name = HeaderName::from_static("x-hub-signature-256");
        body_only(
            "github",
            SignatureAt::Header {
                name,
                prefix: "sha256=",
            },
            Encoding::Hex,
        )
    }

    /// Stripe.
    ///
    /// Signed: `{t}.{body}`. Not covered: method, URL, other header fields. A delivery is known by its body, in which
    /// every event has an identity; an attempt of Stripe's to deliver it again has another time.
    ///
    /// Source: docs.stripe.com/webhooks/signature.
    pub fn stripe() -> Self {
        Self {
            name: "stripe".into(),
            signature: SignatureAt::List {
                name: HeaderName::from_static("stripe-signature"),
                key: "v1",
            },
            time: Some(TimeAt::ListKey("t")),
            signed: Arc::new([Part::Time, Part::Literal("."), Part::Body]),
            encoding: Encoding::Hex,
            key_form: KeyForm::Utf8,
            identity: Identity::Body,
            tolerance: Tolerance::default(),
        }
    }

    /// Slack.
    ///
    /// Signed: `v0:{timestamp}:{body}`. Not covered: method, URL, `X-Slack-Retry-Num`. A delivery is known by its
    /// body, in which every event and every command has an identity.
    ///
    /// Source: docs.slack.dev, "Verifying requests from Slack".
    pub fn slack() -> Self {
        Self {
            name: "slack".into(),
            signature: SignatureAt::Header {
                name: HeaderName::from_static("x-slack-signature"),
                prefix: "v0=",
            },
            time: Some(TimeAt::Header(HeaderName::from_static(
                "x-slack-request-timestamp",
            ))),
            signed: Arc::new([Part::Literal("v0:"), Part::Time, Part::Literal(":"), Part::Body]),
            encoding: Encoding::Hex,
            key_form: KeyForm::Utf8,
            identity: Identity::Body,
            tolerance: Tolerance::default(),
        }
    }

    /// DocuSign Connect, one header field for each of up to 100 keys.
    ///
    /// Signed: the body. Not covered: any header field, any time.
    ///
    /// Source: developers.docusign.com, "Validate Connect messages with HMAC".
    pub fn docusign() -> Self {
        let name = |number| HeaderName::try_from(format!("x-docusign-signature-{number}")).ok();
        let names = (1..=DOCUSIGN_KEYS).filter_map(name).collect();
        body_only("docusign", SignatureAt::Numbered { names }, Encoding::Base64)
    }

    /// PagerDuty, webhooks version 3.
    ///
    /// Signed: the body. Not covered: `X-Webhook-Id`, any time.
    ///
    /// Source: PagerDuty/developer-docs, "Verifying signatures".
    pub fn pagerduty() -> Self {
        let name = HeaderName::from_static("x-pagerduty-signature");
        body_only("pagerduty", SignatureAt::List { name, key: "v1" }, Encoding::Hex)
    }
}

/// HMAC-SHA256 over the body and nothing else, with a text secret.
fn body_only(name: &str, signature: SignatureAt, encoding: Encoding) -> Scheme {
    Scheme {
        name: name.into(),
        signature,
        time: None,
        signed: Arc::new([Part::Body]),
        encoding,
        key_form: KeyForm::Utf8,
        identity: Identity::Body,
        tolerance: Tolerance::default(),
    }
}
