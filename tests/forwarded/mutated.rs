//! Whatever stands in the fields: nothing panics, a stranger gets nothing, what is read is a certificate of at least a byte,
//! and what is removed is gone.

use std::sync::LazyLock;

use countersign::forwarded::{Forwarder, Hop, Hops};
use http::{HeaderMap, HeaderValue};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::vectors::{Case, cases, field, format};

static CASES: LazyLock<Vec<Case>> = LazyLock::new(cases);

/// What is done to a value, at a place: another byte, one more, one less, or a piece of another value.
#[derive(Debug, Clone)]
enum Change {
    Put(u8),
    Insert(u8),
    Cut,
    Splice(Index),
}

fn change() -> impl Strategy<Value = Change> {
    let telling = prop::sample::select(&b":=,;\"\\%+-/ \tA0"[..]);
    let byte = prop_oneof![telling, 0x20_u8..0x7f];
    prop_oneof![
        byte.clone().prop_map(Change::Put),
        byte.prop_map(Change::Insert),
        Just(Change::Cut),
        any::<Index>().prop_map(Change::Splice),
    ]
}

fn apply(value: &mut Vec<u8>, place: Index, change: Change) {
    if value.is_empty() {
        return;
    }
    let place = place.index(value.len());
    match change {
        Change::Put(byte) => value[place] = byte,
        Change::Insert(byte) => value.insert(place, byte),
        Change::Cut => value.truncate(place),
        Change::Splice(other) => {
            let other = &other.get(&CASES).fields[0].1;
            value.splice(place.., other.bytes());
        }
    }
}

proptest! {
    #[test]
    fn no_change_makes_a_certificate(
        case in any::<Index>(),
        changes in prop::collection::vec((any::<Index>(), any::<Index>(), change()), 1..4),
    ) {
        let case = case.get(&CASES);
        let mut values: Vec<Vec<u8>> = case.fields.iter().map(|(_, value)| value.clone().into_bytes()).collect();
        for (which, place, change) in changes {
            let which = which.index(values.len());
            apply(&mut values[which], place, change);
        }
        let mut headers = HeaderMap::new();
        for ((name, _), value) in case.fields.iter().zip(values) {
            headers.append(field(name), HeaderValue::from_bytes(&value).expect("printable"));
        }
        let forwarder = Forwarder::new(Hops::nobody().with_unix_socket(), format(&case.format)).expect("fields");
        let hop = Hop::unix_socket();
        if let Ok(Some(forwarded)) = forwarder.present(Some(&hop), &headers) {
            prop_assert!(!forwarded.certificates().is_empty());
            prop_assert!(forwarded.certificates().iter().all(|certificate| !certificate.is_empty()));
        }
        prop_assert!(forwarder.present(None, &headers).is_err(), "not from a stranger");
        forwarder.strip(&mut headers);
        prop_assert_eq!(forwarder.present(None, &headers), Ok(None));
        prop_assert_eq!(forwarder.present(Some(&hop), &headers), Ok(None));
    }
}
