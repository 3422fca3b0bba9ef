//! Schemes by their name in a configuration.

use std::fmt;
use std::str::FromStr;

use super::{Make, PartialScheme, Preset, PublicKeyScheme, Scheme, TokenScheme, all, find};

/// Of one table with the constructors: what has a constructor without an argument has a name.
macro_rules! named {
    ($type:ident, $make:ident, $example:literal) => {
        impl $type {
            #[doc = concat!("The preset of this name, that of its constructor: `\"", $example, "\"`.")]
            ///
            /// # Errors
            /// [`UnknownScheme`], with the names that are nearest.
            pub fn named(name: &str) -> Result<Self, UnknownScheme> {
                match find(name) {
                    Some(Preset {
                        make: Make::$make(make),
                        ..
                    }) => Ok(make()),
                    _ => Err(UnknownScheme::new(name, |preset| {
                        matches!(preset.make, Make::$make(_))
                    })),
                }
            }
        }

        /// As `named`.
        impl FromStr for $type {
            type Err = UnknownScheme;

            fn from_str(name: &str) -> Result<Self, UnknownScheme> {
                Self::named(name)
            }
        }
    };
}

named!(Scheme, Hmac, "stripe");
named!(PartialScheme, Partial, "mailgun");
named!(PublicKeyScheme, PublicKey, "discord");
named!(TokenScheme, Token, "telegram");

/// A name that no preset of the wanted type has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub struct UnknownScheme {
    /// The name.
    pub name: String,
    /// How the preset of this name is made, where there is one of another type.
    pub instead: Option<String>,
    /// The names that are nearest, nearest first.
    pub nearest: Vec<&'static str>,
}

impl fmt::Display for UnknownScheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.instead, self.nearest.as_slice()) {
            (Some(instead), _) => write!(f, "{:?} is made otherwise: {instead}", self.name),
            (None, []) => write!(f, "no scheme is named {:?}; `presets::all` lists them", self.name),
            (None, nearest) => write!(
                f,
                "no scheme is named {:?}; near it: {}",
                self.name,
                nearest.join(", ")
            ),
        }
    }
}

impl UnknownScheme {
    fn new(name: &str, wanted: fn(&Preset) -> bool) -> Self {
        // What is longer than any name is near none, and would cost more than it is worth.
        let shown: String = name.chars().take(LONGEST).collect();
        let instead = find(name).map(|preset| preset.link().replace(['[', ']', '`'], ""));
        let mut near: Vec<_> = all()
            .filter(|preset| wanted(preset))
            .map(|preset| (distance(&shown.to_ascii_lowercase(), preset.name), preset.name))
            .filter(|(distance, name)| *distance <= 2 && *distance < name.len())
            .collect();
        near.sort_unstable();
        Self {
            name: shown,
            instead,
            nearest: near.into_iter().map(|(_, name)| name).take(3).collect(),
        }
    }
}

const LONGEST: usize = 64;

/// How many characters must be put in, taken out or changed (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (above, letter) in one.bytes().enumerate() {
        let (mut left, mut corner) = (above + 1, above);
        for (place, known) in other.bytes().enumerate() {
            let Some(below) = row.get_mut(place + 1) else {
                break;
            };
            let changed = corner + usize::from(letter != known);
            corner = *below;
            *below = changed.min(left + 1).min(corner + 1);
            left = *below;
        }
        if let Some(first) = row.first_mut() {
            *first = above + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_preset_without_an_argument_is_made_by_its_name() {
        for preset in all() {
            let name = preset.name;
            let made = match preset.make {
                Make::Hmac(_) => Scheme::named(name).map(|scheme| scheme.name().to_owned()),
                Make::Partial(_) => PartialScheme::named(name).map(|scheme| scheme.name().to_owned()),
                Make::PublicKey(_) => PublicKeyScheme::named(name).map(|scheme| scheme.name().to_owned()),
                Make::Token(_) => TokenScheme::named(name).map(|scheme| scheme.name().to_owned()),
                Make::HmacOfUrl(_) | Make::Type { .. } => continue,
            };
            assert_eq!(made, Ok(name.to_owned()));
        }
    }

    #[test]
    fn an_unknown_name_is_told_with_those_near_it() {
        for (name, told) in [
            ("strpe", "no scheme is named \"strpe\"; near it: stripe"),
            ("Stripe", "no scheme is named \"Stripe\"; near it: stripe"),
            (
                "standard-webhooks",
                "no scheme is named \"standard-webhooks\"; near it: standard_webhooks",
            ),
            ("", "no scheme is named \"\"; `presets::all` lists them"),
            (
                "acme corporation",
                "no scheme is named \"acme corporation\"; `presets::all` lists them",
            ),
            (
                "telegram",
                "\"telegram\" is made otherwise: TokenScheme::telegram",
            ),
            ("adyen", "\"adyen\" is made otherwise: AdyenVerifier"),
        ] {
            let refused = name.parse::<Scheme>().err().map(|unknown| unknown.to_string());
            assert_eq!(refused.as_deref(), Some(told));
        }
        let long = "x".repeat(100_000);
        let refused = Scheme::named(&long).err().map(|unknown| unknown.name.len());
        assert_eq!(refused, Some(LONGEST));
    }

    #[test]
    fn a_distance_counts_what_must_be_changed() {
        for (one, other, expected) in [
            ("", "abc", 3),
            ("abc", "", 3),
            ("abc", "abc", 0),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(one, other), expected, "{one} {other}");
        }
    }
}
