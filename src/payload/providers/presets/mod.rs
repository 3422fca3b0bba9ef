//! Presets (**how does *this* provider sign?**): the schemes of the providers, each with its source, what its signature
//! covers and what it does not.
//!
//! Every row of the table below is a constructor, where its facts stand again: [`Scheme::github`],
//! [`PublicKeyScheme::discord`], [`TokenScheme::telegram`]. [`all`] lists them for programs, [`find`] finds one by its name in a configuration.
//!
#![doc = include_str!("../../../../docs/presets.md")]
//!
//! [`AdyenVerifier`]: super::AdyenVerifier
//! [`EbayVerifier`]: super::EbayVerifier
//! [`HubSpotLegacy`]: super::HubSpotLegacy
//! [`PayPalVerifier`]: super::PayPalVerifier
//! [`SnsVerifier`]: super::SnsVerifier
//! [`TwilioVerifier`]: super::TwilioVerifier

#[macro_use]
mod rows;

mod asymmetric;
mod business;
mod commerce;
mod communication;
mod developer;
mod families;
mod named;
mod partial;
mod standard;
mod tokens;
mod urls;

use std::fmt::Write as _;

pub use named::UnknownScheme;

use http::HeaderName;

use crate::payload::hmac::PartialScheme;
use crate::payload::hmac::scheme::{Layout, SchemeBuilder, SignatureAt};
use crate::payload::public_key::PublicKeyScheme;
use crate::payload::token::TokenScheme;
use crate::payload::{Origin, Scheme, Strength};

/// A provider's scheme, described.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Preset {
    /// Its name: that of the constructor.
    pub name: &'static str,
    /// Who sends it.
    pub provider: &'static str,
    /// What the signature covers.
    pub signed: &'static str,
    /// What it does not, although it arrives with the message.
    pub not_covered: &'static str,
    /// What the provider asks of an endpoint before it sends anything; empty for nothing.
    pub handshake: &'static str,
    /// Where all of this is written down.
    pub source: PresetSource,
    /// What made or took a message that the tests verify, of the provider's own: a library by name and version, or a
    /// page. `None` where no such message is to be had.
    pub vector: Option<&'static str>,
    /// Its constructor.
    pub make: Make,
}

/// The source of a preset's facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PresetSource {
    /// The provider's own: its documentation by page, or its library by name and version.
    Own(&'static str),
    /// Implementations and pages of others only: nothing of the provider's own could be had.
    ThirdParty(&'static str),
}

impl PresetSource {
    /// The place of the source.
    pub const fn place(self) -> &'static str {
        match self {
            Self::Own(place) | Self::ThirdParty(place) => place,
        }
    }
}

/// The constructor of a preset, and with that, what it can prove.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Make {
    /// An HMAC over the whole body.
    Hmac(fn() -> Scheme),
    /// An HMAC over the whole body and the URL as the provider sees it.
    HmacOfUrl(fn(&Origin) -> Scheme),
    /// An HMAC over some of what arrives: proves the sender, not the body.
    Partial(fn() -> PartialScheme),
    /// A signature with a private key over the whole body.
    PublicKey(fn() -> PublicKeyScheme),
    /// A fixed secret.
    Token(fn() -> TokenScheme),
    /// A type of its own.
    Type {
        /// The type.
        name: &'static str,
        /// Where its signature sits.
        signature: &'static str,
        /// How weak it is, where it does not prove the whole body.
        strength: Option<Strength>,
    },
}

impl Preset {
    /// Where the signature sits, for people.
    pub fn signature(&self) -> String {
        match self.make {
            Make::Hmac(make) => make().layout.signature.describe(),
            Make::HmacOfUrl(make) => example_origin()
                .map(|origin| make(&origin).layout.signature.describe())
                .unwrap_or_default(),
            Make::Partial(make) => make().layout.signature.describe(),
            Make::PublicKey(make) => make().layout.signature.describe(),
            Make::Token(make) => make().describe(),
            Make::Type { signature, .. } => signature.to_owned(),
        }
    }

    /// How weak it is; `None` for a signature over the whole body.
    pub fn strength(&self) -> Option<Strength> {
        match self.make {
            Make::Hmac(_) | Make::HmacOfUrl(_) | Make::PublicKey(_) => None,
            Make::Partial(_) => Some(Strength::UnboundToken),
            Make::Token(make) => Some(make().strength()),
            Make::Type { strength, .. } => strength,
        }
    }
}

fn example_origin() -> Option<Origin> {
    Origin::parse("https://example.com").ok()
}

/// Every preset, by theme.
pub fn all() -> impl Iterator<Item = &'static Preset> {
    groups().into_iter().flatten()
}

const fn groups() -> [&'static [Preset]; 10] {
    [
        standard::ROWS,
        developer::ROWS,
        commerce::ROWS,
        communication::ROWS,
        business::ROWS,
        urls::ROWS,
        asymmetric::ROWS,
        families::ROWS,
        partial::ROWS,
        tokens::ROWS,
    ]
}

/// The preset of this name.
pub fn find(name: &str) -> Option<&'static Preset> {
    all().find(|preset| preset.name == name)
}

/// The presets as Markdown: what stands in the documentation. A narrow table, which no page cuts off, then the facts
/// of each.
pub fn table() -> String {
    let mut rows: Vec<_> = all().collect();
    rows.sort_by_key(|preset| preset.name);
    let own = rows
        .iter()
        .filter(|preset| matches!(preset.source, PresetSource::Own(_)));
    let vectors = rows.iter().filter(|preset| preset.vector.is_some()).count();
    let (all, own) = (rows.len(), own.count());
    let mut table = format!(
        "{all} presets. The facts of {own} are the provider's own: from its documentation or its library. Those of {} \
         rest on third parties only. For {vectors}, a message made or taken by the provider's own code stands among \
         the tests.\n\n\
         | preset | provider | rests on | own vector |\n|---|---|---|---|\n",
        all - own
    );
    for preset in &rows {
        let rests_on = match preset.source {
            PresetSource::Own(_) => "the provider's own",
            PresetSource::ThirdParty(_) => "third parties",
        };
        let vector = preset.vector.map_or("", |_| "yes");
        // Writing to a `String` cannot fail.
        let _ = writeln!(
            table,
            "| {} | {} | {rests_on} | {vector} |",
            preset.link(),
            preset.provider
        );
    }
    rows.iter().for_each(|preset| preset.describe(&mut table));
    table
}

impl Preset {
    /// Its constructor, as a link where rustdoc reads it.
    fn link(&self) -> String {
        let of = match self.make {
            Make::Hmac(_) | Make::HmacOfUrl(_) => "Scheme",
            Make::Partial(_) => "PartialScheme",
            Make::PublicKey(_) => "PublicKeyScheme",
            Make::Token(_) => "TokenScheme",
            Make::Type { name, .. } => return format!("[`{name}`]"),
        };
        format!("[`{of}::{}`]", self.name)
    }

    fn describe(&self, text: &mut String) {
        let proves = self.strength().map_or("the message", Strength::describe);
        let rests_on = match self.source {
            PresetSource::Own(place) => format!("the provider's own, {place}"),
            PresetSource::ThirdParty(place) => format!("third parties only, {place}"),
        };
        let _ = write!(text, "\n**`{}`** ({})", self.name, self.provider);
        let signature = self.signature();
        let facts = [
            ("Signature", &*signature),
            ("Signed", self.signed),
            ("Not covered", self.not_covered),
            ("Asks of an endpoint", self.handshake),
            ("Proves", proves),
            ("Source", &*rests_on),
        ];
        let vector = self.vector.map(|vector| ("Vector", vector));
        for (name, fact) in facts.into_iter().chain(vector) {
            let _ = write!(text, ". {name}: {fact}");
        }
        text.push_str(".\n");
    }
}

impl SignatureAt {
    fn describe(&self) -> String {
        match self {
            Self::Header { name, prefix } if prefix.is_empty() => code(name),
            Self::Header { name, prefix } => format!("{} `{prefix}`", code(name)),
            Self::List { name, key, .. } => format!("{} `{key}=`", code(name)),
            Self::Tagged { name, tag } => format!("{} `{tag},`", code(name)),
            Self::Positional { name } => format!("{}, after the time", code(name)),
            Self::Bare { name } => format!("{}, a list", code(name)),
            Self::Numbered { names } | Self::AnyOf { names } => match (names.first(), names.last()) {
                (Some(first), Some(last)) => format!("{} to {}", code(first), code(last)),
                _ => String::new(),
            },
            Self::Json(path) => format!("body, JSON `{path}`"),
            Self::FormPairs(field) => format!("body, form field `{field}`"),
        }
    }
}

fn code(name: &HeaderName) -> String {
    format!("`{name}`")
}

impl SchemeBuilder {
    /// For the presets alone: what `build` would find is found by a test over all of them.
    fn preset(self) -> Scheme {
        Scheme {
            layout: self.preset_layout().into(),
        }
    }

    fn preset_partial(self) -> PartialScheme {
        PartialScheme {
            layout: self.preset_layout().into(),
        }
    }

    pub(in crate::payload) fn preset_layout(self) -> Layout {
        self.into_unchecked_layout()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::payload::InvalidScheme;

    #[test]
    fn every_preset_is_a_valid_scheme_of_its_own_name() {
        let origin = Origin::parse("https://example.com").expect("an origin");
        let mut names = HashSet::new();
        for preset in all() {
            assert!(names.insert(preset.name), "{} twice", preset.name);
            let (layout, covers) = match preset.make {
                Make::Hmac(make) => (make().layout, true),
                Make::HmacOfUrl(make) => (make(&origin).layout, true),
                Make::Partial(make) => (make().layout, false),
                Make::PublicKey(make) => (make().layout, true),
                Make::Token(make) => {
                    assert_eq!(make().name(), preset.name);
                    continue;
                }
                Make::Type { .. } => continue,
            };
            assert_eq!(&*layout.name, preset.name);
            assert_eq!(layout.check(), Ok::<(), InvalidScheme>(()), "{}", preset.name);
            assert_eq!(layout.covers_body(), covers, "{}", preset.name);
        }
        assert!(names.len() >= 100, "{} presets", names.len());
    }

    /// The order on the pages of their types, where whoever looks for a provider looks by its name.
    #[test]
    fn presets_stand_in_alphabetical_order_in_each_theme() {
        for rows in groups() {
            let names: Vec<_> = rows.iter().map(|preset| preset.name).collect();
            assert!(names.is_sorted(), "{names:?}");
        }
    }

    #[test]
    fn the_table_in_the_documentation_is_complete() {
        assert_eq!(
            include_str!("../../../../docs/presets.md"),
            table(),
            "run: cargo test --all-features --test payload -- --ignored write_the_table"
        );
    }

    #[test]
    fn every_preset_says_what_it_is() {
        for preset in all() {
            let source = preset.source.place();
            for text in [preset.provider, preset.signed, preset.not_covered, source] {
                assert!(!text.is_empty(), "{}: {preset:?}", preset.name);
            }
        }
    }
}
