//! Serde for what stands in configuration files: each as the text that its `FromStr` reads and its `Display` writes, so
//! that there is one grammar, whatever the format of the file.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};
use serde::ser::{Error as _, Serialize, Serializer};

use crate::address::{AddressGuard, Network};
use crate::identity::{CertHash, SpiffeId, SpkiHash};
use crate::payload::hmac::PartialScheme;
use crate::payload::public_key::PublicKeyScheme;
use crate::payload::token::TokenScheme;
use crate::payload::{Origin, Scheme};
use crate::replay::Tolerance;
use crate::tenant::{Rule, TenantId};
use crate::trust::{Pin, PinSet};

/// What is read from one text.
struct Text<T> {
    wanted: &'static str,
    /// Whether an error may tell what was seen. Not where a key is easily mistaken for it.
    quoted: bool,
    made: PhantomData<T>,
}

impl<T: FromStr<Err: fmt::Display>> Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.wanted)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        let told = |error| {
            if self.quoted {
                E::custom(format_args!("{text:?} is not {}: {error}", self.wanted))
            } else {
                E::custom(format_args!("not {}: {error}", self.wanted))
            }
        };
        text.parse().map_err(told)
    }
}

macro_rules! read_text {
    ($($type:ty: $wanted:literal, $quoted:literal;)*) => {$(
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(Text {
                    wanted: $wanted,
                    quoted: $quoted,
                    made: PhantomData,
                })
            }
        }
    )*};
}

macro_rules! write_text {
    ($($type:ty)*) => {$(
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    )*};
}

read_text! {
    CertHash: "the SHA-256 of a certificate", false;
    Network: "a network", true;
    Origin: "an origin", true;
    PartialScheme: "the name of a scheme", true;
    Pin: "a pin", false;
    PublicKeyScheme: "the name of a scheme", true;
    Rule: "a tenant rule", true;
    Scheme: "the name of a scheme", true;
    SpiffeId: "a SPIFFE ID", true;
    SpkiHash: "the SHA-256 of a public key", false;
    TenantId: "a tenant", true;
    TokenScheme: "the name of a scheme", true;
    Tolerance: "a tolerance", true;
}

write_text! { CertHash Network Origin Pin Rule SpiffeId SpkiHash TenantId Tolerance }

/// A preset by its name. A scheme of one's own, and a preset that was changed, have none that would be read as the same again.
macro_rules! write_name {
    ($($type:ty)*) => {$(
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match Self::named(self.name()) {
                    Ok(preset) if preset == *self => serializer.serialize_str(self.name()),
                    _ => Err(S::Error::custom(format_args!(
                        "the scheme {:?} is not the preset of a name, so it cannot be written as one",
                        self.name(),
                    ))),
                }
            }
        }
    )*};
}

write_name! { PartialScheme PublicKeyScheme Scheme TokenScheme }

/// What is read from lines: a text of them, or an array with one in each element.
struct Lines<T> {
    wanted: &'static str,
    read: fn(Vec<String>) -> Result<T, String>,
}

impl<'de, T> Visitor<'de> for Lines<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: an array of strings, or one string of lines", self.wanted)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        (self.read)(text.lines().map(str::to_owned).collect()).map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<T, A::Error> {
        let mut lines = Vec::new();
        while let Some(line) = elements.next_element()? {
            lines.push(line);
        }
        (self.read)(lines).map_err(A::Error::custom)
    }
}

macro_rules! through_lines {
    ($($type:ty: $wanted:literal;)*) => {$(
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(Lines {
                    wanted: $wanted,
                    read: |lines| Self::parse(lines).map_err(|error| format!("not {}: {error}", $wanted)),
                })
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_seq(self.to_string().lines())
            }
        }
    )*};
}

through_lines! {
    AddressGuard: "rules of addresses";
    PinSet: "pins";
}
