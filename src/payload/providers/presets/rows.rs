//! The words that the rows are written with.

use std::time::Duration;

use http::HeaderName;

use crate::payload::SchemeText;
use crate::payload::hmac::scheme::SchemeBuilder;
use crate::payload::hmac::{Encoding, KeyForm, Part, SignatureAt, TimeAt, TimeFormat};
use crate::replay::Tolerance;

/// Makes of each row a documented constructor and an entry of the catalogue, so that the two say the same.
///
/// ```text
/// "Theme, as the heading of their block on the type's page";
/// name "Provider" { the builder's calls }
///     signed: "..", not_covered: "..", handshake: "..",
///     source: own "page, or package and version" (or `third_party ".."`), vector: ".." (or `none`);
/// ```
macro_rules! hmac_presets {
    ($theme:literal; $($name:ident $provider:literal { $($calls:tt)* } $($facts:ident: $fact:tt $($text:literal)?),*;)*) => {
        presets! { $theme; Scheme; Hmac; (); $($name $provider {
            super::Scheme::builder(stringify!($name)) $($calls)* .preset()
        } $($facts: $fact $($text)?),*;)* }
    };
}

macro_rules! presets {
    ($theme:literal; $type:ident; $make:ident; $arguments:tt;
     $($name:ident $provider:literal { $($body:tt)* }
        signed: $signed:literal, not_covered: $not_covered:literal, handshake: $handshake:literal,
        source: $authority:ident $source:literal, vector: $vector:tt;)*) => {
        #[doc = concat!($theme, ", by name.")]
        impl super::$type {
            $(
                #[doc = concat!($provider, ".\n\nSigned: ", $signed, ". Not covered: ", $not_covered, ".\n\n")]
                #[doc = concat!("Asks of an endpoint: ", $handshake, ".\n\n")]
                #[doc = concat!("Source: ", authority!($authority), $source, ".")]
                #[must_use]
                pub fn $name $arguments -> Self {
                    $($body)*
                }
            )*
        }

        pub(super) const ROWS: &[super::Preset] = &[
            $(super::Preset {
                name: stringify!($name),
                provider: $provider,
                signed: $signed,
                not_covered: $not_covered,
                handshake: $handshake,
                source: source!($authority $source),
                vector: vector!($vector),
                make: super::Make::$make(super::$type::$name),
            },)*
        ];
    };
}

macro_rules! authority {
    (own) => {
        "the provider's own: "
    };
    (third_party) => {
        "third parties only: "
    };
}

macro_rules! source {
    (own $text:literal) => {
        super::PresetSource::Own($text)
    };
    (third_party $text:literal) => {
        super::PresetSource::ThirdParty($text)
    };
}

macro_rules! vector {
    (none) => {
        None
    };
    ($text:literal) => {
        Some($text)
    };
}

pub(super) const BASE64_KEY: KeyForm = KeyForm::Base64 {
    prefix: SchemeText::fixed(""),
};
pub(super) const WHSEC_KEY: KeyForm = KeyForm::Base64 {
    prefix: SchemeText::fixed("whsec_"),
};

pub(super) const fn name(text: &'static str) -> HeaderName {
    HeaderName::from_static(text)
}

pub(super) const fn minutes(number: u64) -> Tolerance {
    Tolerance::within(Duration::from_secs(number * 60))
}

/// Short words for what many rows have in common.
impl SchemeBuilder {
    /// The signature in a header field of its own.
    pub(super) fn field(self, field: &'static str, prefix: &'static str) -> Self {
        self.signature(SignatureAt::Header {
            name: name(field),
            prefix: prefix.into(),
        })
    }

    /// The signature in a list, and with it the time in seconds.
    pub(super) fn list(self, field: &'static str, key: &'static str, time: &'static str) -> Self {
        self.list_separated_by(",", field, key)
            .time(TimeAt::ListKey(time.into()), TimeFormat::Seconds)
    }

    /// The signature in the first of two header fields or, while a secret is changed, in the second too.
    pub(super) fn either_of(self, first: &'static str, second: &'static str) -> Self {
        let names = std::sync::Arc::new([name(first), name(second)]);
        self.signature(SignatureAt::AnyOf { names })
    }

    pub(super) fn list_separated_by(
        self,
        separators: &'static str,
        field: &'static str,
        key: &'static str,
    ) -> Self {
        self.signature(SignatureAt::List {
            name: name(field),
            key: key.into(),
            separators: separators.into(),
        })
    }

    /// The time in seconds in a header field of its own.
    pub(super) fn seconds(self, field: &'static str) -> Self {
        self.time(TimeAt::Header(name(field)), TimeFormat::Seconds)
    }

    pub(super) fn milliseconds(self, field: &'static str) -> Self {
        self.time(TimeAt::Header(name(field)), TimeFormat::Milliseconds)
    }

    pub(super) fn rfc3339(self, field: &'static str) -> Self {
        self.time(TimeAt::Header(name(field)), TimeFormat::Rfc3339)
    }

    pub(super) fn base64(self) -> Self {
        self.encoding(Encoding::Base64)
    }

    /// The body and nothing else.
    pub(super) fn body_only(self) -> Self {
        self.signed([Part::Body])
            .identity(crate::payload::hmac::Identity::Body)
    }

    /// The time, a text, and the body.
    pub(super) fn time_then_body(self, between: &'static str) -> Self {
        self.signed([Part::Time, Part::Literal(between.into()), Part::Body])
    }

    /// Standard Webhooks, with its three fields under these names.
    pub(super) fn standard(self, id: &'static str, time: &'static str, signature: &'static str) -> Self {
        let dot = Part::Literal(".".into());
        self.signature(SignatureAt::Tagged {
            name: name(signature),
            tag: "v1".into(),
        })
        .seconds(time)
        .signed([Part::Header(name(id)), dot.clone(), Part::Time, dot, Part::Body])
        .identity(crate::payload::hmac::Identity::Header(name(id)))
        .key_form(WHSEC_KEY)
        .base64()
    }

    pub(super) fn webhook_fields(self) -> Self {
        self.standard("webhook-id", "webhook-timestamp", "webhook-signature")
    }

    pub(super) fn svix_fields(self) -> Self {
        self.standard("svix-id", "svix-timestamp", "svix-signature")
    }
}
