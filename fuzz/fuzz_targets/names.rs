//! WHOSE IS IT? Names, tenants, rules, origins and networks as they stand in certificates and configuration files. What is taken is written
//! as it is read.
#![no_main]

use std::fmt::{Debug, Display};
use std::str::FromStr;

use countersign::address::{AddressGuard, Network};
use countersign::identity::{Name, NameKind, SpiffeId, SpkiHash};
use countersign::payload::{Origin, Scheme};
use countersign::replay::Tolerance;
use countersign::tenant::{Rule, TenantId};
use countersign::trust::{Pin, PinSet};
use countersign_fuzz::bounded;
use libfuzzer_sys::fuzz_target;

const KINDS: &[NameKind] = &[
    NameKind::Dns,
    NameKind::Uri,
    NameKind::Email,
    NameKind::Ip,
    NameKind::CommonName,
    NameKind::OrganizationalUnit,
];

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    bounded(data, || {
        comes_back::<TenantId>(text);
        comes_back::<Origin>(text);
        comes_back::<Network>(text);
        comes_back::<SpkiHash>(text);
        comes_back::<Pin>(text);
        let _ = text.parse::<Rule>();
        let _ = text.parse::<Tolerance>();
        let _ = text.parse::<PinSet>();
        let _ = text.parse::<AddressGuard>();
        let _ = text.parse::<Scheme>();
        if let Ok(id) = SpiffeId::parse(text) {
            assert_eq!(id.as_str(), text);
            assert_eq!(format!("spiffe://{}{}", id.trust_domain(), id.path()), text);
        }
        for kind in KINDS {
            if let Ok(name) = Name::parse(*kind, text) {
                assert_eq!(name.kind(), *kind);
            }
        }
    });
});

/// What is read from a text, and written, is read as the same again.
fn comes_back<T: FromStr + Display + PartialEq + Debug>(text: &str) {
    let Ok(read) = text.parse::<T>() else { return };
    let written = read.to_string();
    let again = written.parse::<T>().ok();
    assert_eq!(again, Some(read), "{written}");
}
