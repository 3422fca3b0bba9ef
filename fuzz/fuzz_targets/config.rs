//! WHAT STANDS IN THE CONFIGURATION? A file in JSON or TOML with each thing that serde reads for us: read as a text is read, written
//! as it is read.
#![no_main]

use std::fmt::{Debug, Display};
use std::str::FromStr;

use countersign::address::{AddressGuard, Network};
use countersign::identity::{CertHash, SpiffeId, SpkiHash};
use countersign::payload::hmac::PartialScheme;
use countersign::payload::public_key::PublicKeyScheme;
use countersign::payload::token::TokenScheme;
use countersign::payload::{Origin, Scheme};
use countersign::replay::Tolerance;
use countersign::tenant::{Rule, TenantId};
use countersign::trust::{Pin, PinSet};
use countersign_fuzz::bounded;
use libfuzzer_sys::fuzz_target;
use serde::Serialize;
use serde::de::DeserializeOwned;

// The first byte chooses JSON, TOML, or a text for each type.
fuzz_target!(|data: &[u8]| {
    let Some((choice, text)) = data.split_first() else {
        return;
    };
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    match choice % 3 {
        0 => bounded(data, || {
            let file = serde_json::from_str::<serde_json::Map<_, _>>(text).unwrap_or_default();
            file.into_iter()
                .for_each(|(key, value)| Entry::Json(value).check(&key));
        }),
        1 => bounded(data, || {
            let file = toml::from_str::<toml::Table>(text).unwrap_or_default();
            file.into_iter()
                .for_each(|(key, value)| Entry::Toml(value).check(&key));
        }),
        _ => texts(text),
    }
});

/// What stands behind a key.
enum Entry {
    Json(serde_json::Value),
    Toml(toml::Value),
}

impl Entry {
    fn check(self, key: &str) {
        match key {
            "tenants" => self.comes_back::<Vec<TenantId>>(),
            "rules" => self.comes_back::<Vec<Rule>>(),
            "pins" => self.comes_back::<PinSet>(),
            "guard" => self.comes_back::<AddressGuard>(),
            "networks" => self.comes_back::<Vec<Network>>(),
            "origins" => self.comes_back::<Vec<Origin>>(),
            "schemes" => self.comes_back::<Vec<Scheme>>(),
            "partial" => self.comes_back::<Vec<PartialScheme>>(),
            "public_key" => self.comes_back::<Vec<PublicKeyScheme>>(),
            "token" => self.comes_back::<Vec<TokenScheme>>(),
            "spiffe" => self.comes_back::<Vec<SpiffeId>>(),
            "keys" => self.comes_back::<Vec<SpkiHash>>(),
            "certificates" => self.comes_back::<Vec<CertHash>>(),
            "pin" => self.comes_back::<Vec<Pin>>(),
            "tolerance" => self.comes_back::<Vec<Tolerance>>(),
            _ => {}
        }
    }

    fn read<T: DeserializeOwned>(self) -> Option<T> {
        match self {
            Self::Json(value) => serde_json::from_value(value).ok(),
            Self::Toml(value) => value.try_into().ok(),
        }
    }

    /// What is taken can be written in the same format, and is read as the same.
    fn comes_back<T: DeserializeOwned + Serialize + Debug>(self) {
        let is_json = matches!(self, Self::Json(_));
        let Some(read) = self.read::<T>() else { return };
        let written = match is_json {
            true => Self::Json(serde_json::to_value(&read).expect("as it was read")),
            false => Self::Toml(toml::Value::try_from(&read).expect("as it was read")),
        };
        let again = written.read::<T>().expect("as it was written");
        assert_eq!(format!("{again:?}"), format!("{read:?}"));
    }
}

fn texts(text: &str) {
    as_text::<TenantId>(text);
    as_text::<Rule>(text);
    as_text::<Network>(text);
    as_text::<Origin>(text);
    as_text::<SpiffeId>(text);
    as_text::<SpkiHash>(text);
    as_text::<CertHash>(text);
    as_text::<Pin>(text);
    as_text::<Tolerance>(text);
    by_name::<Scheme>(text);
    by_name::<PartialScheme>(text);
    by_name::<PublicKeyScheme>(text);
    by_name::<TokenScheme>(text);
    by_name::<PinSet>(text);
    by_name::<AddressGuard>(text);
}

/// In quotes it is what it is without them.
fn by_name<T: FromStr + DeserializeOwned + Serialize + Debug>(text: &str) {
    let quoted = serde_json::to_string(text).expect("a text");
    let read = bounded(text.as_bytes(), || serde_json::from_str::<T>(&quoted));
    let parsed = bounded(text.as_bytes(), || text.parse::<T>());
    assert_eq!(read.is_ok(), parsed.is_ok(), "{quoted}");
    if let (Ok(read), Ok(parsed)) = (read, parsed) {
        assert_eq!(format!("{read:?}"), format!("{parsed:?}"));
    }
}

fn as_text<T: FromStr + Display + DeserializeOwned + Serialize + Debug>(text: &str) {
    by_name::<T>(text);
    if let Ok(parsed) = text.parse::<T>() {
        let written = serde_json::to_string(&parsed).expect("a text");
        assert_eq!(
            written,
            serde_json::to_string(&parsed.to_string()).expect("a text")
        );
        let again = serde_json::from_str::<T>(&written)
            .ok()
            .map(|again| format!("{again:?}"));
        assert_eq!(again, Some(format!("{parsed:?}")), "{written}");
    }
}
