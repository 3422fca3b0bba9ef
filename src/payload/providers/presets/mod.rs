//! **How does *this* provider sign?** The schemes of the providers, each with its source, what its signature covers
//! and what it does not.
//!
//! Every row of the table below is a constructor: [`Scheme::github`], [`PublicKeyScheme::discord`],
//! [`TokenScheme::telegram`]. [`all`] lists them for programs, [`find`] finds one by its name in a configuration.
//!
#![doc = include_str!("../../../../docs/presets.md")]

#[macro_use]
mod rows;

mod asymmetric;
mod business;
mod commerce;
mod communication;
mod developer;
mod families;
mod partial;
mod standard;
mod tokens;
mod urls;

use std::fmt::Write as _;

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
    pub source: &'static str,
    /// Its constructor.
    pub make: Make,
}

/// How a preset is made, and with that, what it can prove.
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
    let groups: [&'static [Preset]; 10] = [
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
    ];
    groups.into_iter().flatten()
}

/// The preset of this name.
pub fn find(name: &str) -> Option<&'static Preset> {
    all().find(|preset| preset.name == name)
}

/// The presets as a table in Markdown: the one that stands in the documentation.
pub fn table() -> String {
    let mut table = String::from(
        "| preset | provider | signature | signed | not covered | handshake | proves | source |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    let mut rows: Vec<_> = all().collect();
    rows.sort_by_key(|preset| preset.name);
    for preset in rows {
        let proves = preset.strength().map_or("the message", Strength::describe);
        let cells = [
            &format!("`{}`", preset.name),
            preset.provider,
            &preset.signature(),
            preset.signed,
            preset.not_covered,
            preset.handshake,
            proves,
            preset.source,
        ];
        let cells = cells.map(|cell| cell.replace('|', "\\|"));
        // Writing to a `String` cannot fail.
        let _ = writeln!(table, "| {} |", cells.join(" | "));
    }
    table
}

impl SignatureAt {
    fn describe(&self) -> String {
        match self {
            Self::Header { name, prefix: "" } => code(name),
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

    #[test]
    fn the_table_in_the_documentation_is_complete() {
        assert_eq!(
            include_str!("../../../../docs/presets.md"),
            table(),
            "run: cargo test --all-features --test presets -- --ignored write_the_table"
        );
    }

    #[test]
    fn every_preset_says_what_it_is() {
        for preset in all() {
            for text in [preset.provider, preset.signed, preset.not_covered, preset.source] {
                assert!(!text.is_empty(), "{}: {preset:?}", preset.name);
            }
        }
    }
}
