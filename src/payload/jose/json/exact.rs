//! Numbers that are not whole, where somebody else in the build has switched on serde_json's `arbitrary_precision`: then they are handed
//! on as objects of one member, which has their digits.

use std::fmt;
use std::sync::LazyLock;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::Json;

/// The name of that member, which serde_json does not say in public.
const MARK: &str = "$serde_json::private::Number";

/// Whether an object whose first member has this name is a number. Without the feature it is an object like any other.
pub(super) fn begins_with(name: &str) -> bool {
    static AS_OBJECTS: LazyLock<bool> =
        LazyLock::new(|| serde_json::from_str::<Shape>("0.5").is_ok_and(|shape| shape == Shape::Object));
    name == MARK && *AS_OBJECTS
}

/// The number that these digits are; none that is beyond all of them.
pub(super) fn read<'de>(digits: &str) -> Option<Json<'de>> {
    if let Ok(whole) = digits.parse() {
        return Some(Json::Whole(whole));
    }
    let number: f64 = digits.parse().ok()?;
    number.is_finite().then_some(Json::Number(number))
}

/// What a number is handed on as.
#[derive(Debug, PartialEq, Eq)]
enum Shape {
    Number,
    Object,
}

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Shape;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number")
            }

            fn visit_f64<E>(self, _: f64) -> Result<Shape, E> {
                Ok(Shape::Number)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Shape, A::Error> {
                while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Shape::Object)
            }
        }

        reader.deserialize_any(Any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With it, `tests/interop/exact_numbers.rs`.
    #[test]
    fn without_the_feature_it_is_an_object_like_any_other() {
        assert!(!begins_with(MARK));
    }
}
