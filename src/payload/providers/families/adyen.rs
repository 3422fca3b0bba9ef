use std::borrow::Cow;
use std::sync::Arc;

use serde_json::Value;
use subtle::ConstantTimeEq as _;

use crate::payload::SchemeText;
use crate::payload::hmac::body::{at_path, parse_json, scalar};
use crate::payload::hmac::encoding::MacBytes;
use crate::payload::hmac::keys::{Digest, KeyForm};
use crate::payload::hmac::{Encoding, Key, KeySpec};
use crate::payload::{CannotSign, Message, NoKey, NotAuthentic, Outgoing, Recognized, Strength};
use crate::payload::{FindKeys, Wanted};

/// What is signed of an item, in its order, as paths.
const SIGNED: [&str; 8] = [
    "pspReference",
    "originalReference",
    "merchantAccountCode",
    "merchantReference",
    "amount.value",
    "amount.currency",
    "eventCode",
    "success",
];
const SIGNATURE: &str = "additionalData.hmacSignature";
/// The most items of one batch.
const MAX_ITEMS: usize = 100;

/// A verifier of Adyen's standard webhooks: a batch of items, each with a signature of its own inside.
///
/// *Every* item must be right. Only eight fields of an item are signed, so the answer holds those, and its strength is
/// [`Strength::SignedFields`]; whatever else the body holds is anybody's. The platform webhooks sign the whole body:
/// [`Scheme::adyen_platform`](crate::payload::Scheme::adyen_platform).
///
/// ```
/// use countersign::UnixTime;
/// use countersign::payload::providers::AdyenVerifier;
/// use countersign::payload::{Keyring, Message, Secret};
/// use countersign::tenant::TenantId;
/// use http::{HeaderMap, Method, Uri};
///
/// let key = Secret::new("44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056");
/// let keys = Keyring::builder(AdyenVerifier::KEYS)
///     .key(TenantId::parse("acme")?, "2026", key)
///     .build()?;
/// let (method, uri, headers) = (Method::POST, Uri::from_static("/"), HeaderMap::new());
/// let unsigned = AdyenVerifier::new(keys).recognize(
///     &Message::new(&method, &uri, &headers, b"{}", UnixTime::now())
/// );
/// assert_eq!(unsigned.err().map(|why| why.code()), Some("payload.malformed_body"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct AdyenVerifier {
    keys: Arc<dyn FindKeys>,
    name: SchemeText,
}

/// A batch of which every item is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AdyenBatch {
    /// Who sent it.
    pub recognized: Recognized,
    /// The signed fields of each item.
    pub items: Vec<AdyenItem>,
}

/// The signed fields of an item; empty where the item has none. Each is signed as it stands, between colons.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "Adyen's own names, which say what they are")]
pub struct AdyenItem {
    pub psp_reference: String,
    pub original_reference: String,
    pub merchant_account: String,
    pub merchant_reference: String,
    pub value: String,
    pub currency: String,
    pub event_code: String,
    pub success: String,
}

impl AdyenVerifier {
    /// What its keys are: `Keyring::builder(AdyenVerifier::KEYS)`.
    pub const KEYS: KeySpec = KeySpec::Secret {
        digest: Digest::Sha256,
        form: KeyForm::Hex,
    };

    /// Verifies with those keys.
    pub fn new(keys: impl FindKeys + 'static) -> Self {
        Self {
            keys: Arc::new(keys),
            name: SchemeText::fixed("adyen"),
        }
    }

    /// Who sent the batch, and what is signed of its items.
    ///
    /// # Errors
    /// [`NotAuthentic`], with the first reason found in any item.
    pub fn recognize(&self, message: &Message<'_>) -> Result<AdyenBatch, NotAuthentic> {
        let batch = parse_json(message.body)?;
        let items = items(&batch)?;
        let signed = items
            .iter()
            .map(SignedItem::read)
            .collect::<Result<Vec<_>, _>>()?;
        let keys = self.keys.find_keys(&Wanted::of(message.sender))?;
        let matched = keys.matching(&*self.keys, message.now, |key| {
            Ok(are_all_signed_under(key, &signed))
        })?;
        Ok(AdyenBatch {
            recognized: Recognized::assertion_of(&matched, self.name.clone(), Strength::SignedFields),
            items: signed.iter().map(SignedItem::fields).collect(),
        })
    }

    /// The batch with a signature in each item, by the newest key.
    ///
    /// # Errors
    /// [`CannotSign`].
    pub fn sign(&self, outgoing: &Outgoing<'_>) -> Result<Vec<u8>, CannotSign> {
        let mut batch = parse_json(outgoing.body)?;
        let keys = self.keys.find_keys(&Wanted::of(Some(outgoing.tenant)))?;
        let key = keys
            .valid_at(outgoing.now)
            .next_back()
            .ok_or_else(|| -> NoKey { keys.none_valid() })?;
        let list = batch
            .get_mut("notificationItems")
            .and_then(Value::as_array_mut)
            .ok_or(CannotSign::Body)?;
        for item in list {
            let item = item.get_mut("NotificationRequestItem").ok_or(CannotSign::Body)?;
            let mac = mac(key, &values(item)?).ok_or(CannotSign::Key {
                reason: "a key of another scheme",
            })?;
            let object = item.as_object_mut().ok_or(CannotSign::Body)?;
            let data = object
                .entry("additionalData")
                .or_insert_with(|| Value::Object(serde_json::Map::new()));
            let data = data.as_object_mut().ok_or(CannotSign::Body)?;
            data.insert(
                "hmacSignature".into(),
                Encoding::Base64.encode(mac.as_slice()).into(),
            );
        }
        serde_json::to_vec(&batch).map_err(|_| CannotSign::Body)
    }
}

/// For explanations.
impl AdyenVerifier {
    /// What is signed of each item, and whether it is under one of the keys; `None`, where that cannot be read.
    pub(crate) fn each_item(&self, message: &Message<'_>) -> Option<Vec<(String, bool)>> {
        let batch = parse_json(message.body).ok()?;
        let keys = self.keys.find_keys(&Wanted::of(message.sender)).ok();
        let items = items(&batch).ok()?;
        let read = |item: &&Value| {
            let item = SignedItem::read(item).ok()?;
            let mut keys = keys.iter().flat_map(|keys| keys.valid_at(message.now));
            let is_right = keys.any(|key| are_all_signed_under(key, std::slice::from_ref(&item)));
            Some((item.values.join(":"), is_right))
        };
        items.iter().map(read).collect()
    }

    /// The number, from 1, of the first item without a signature, and how many items there are.
    pub(crate) fn first_unsigned(body: &[u8]) -> Option<(usize, usize)> {
        let batch = parse_json(body).ok()?;
        let items = items(&batch).ok()?;
        let place = items.iter().position(|item| at_path(item, SIGNATURE).is_none())?;
        Some((place + 1, items.len()))
    }
}

struct SignedItem<'v> {
    values: [Cow<'v, str>; 8],
    signature: MacBytes,
}

impl<'v> SignedItem<'v> {
    fn read(item: &&'v Value) -> Result<Self, NotAuthentic> {
        let signature = at_path(item, SIGNATURE)
            .and_then(Value::as_str)
            .ok_or(NotAuthentic::MalformedBody)?;
        let signature = Encoding::Base64
            .decode(signature.as_bytes(), 32)
            .ok_or(NotAuthentic::MalformedBody)?;
        Ok(Self {
            values: values(item)?,
            signature,
        })
    }

    fn fields(&self) -> AdyenItem {
        let [psp, original, account, merchant, value, currency, event, success] =
            self.values.each_ref().map(|value| value.clone().into_owned());
        AdyenItem {
            psp_reference: psp,
            original_reference: original,
            merchant_account: account,
            merchant_reference: merchant,
            value,
            currency,
            event_code: event,
            success,
        }
    }
}

fn items(batch: &Value) -> Result<Vec<&Value>, NotAuthentic> {
    let items = batch.get("notificationItems").and_then(Value::as_array);
    let items = items
        .filter(|items| (1..=MAX_ITEMS).contains(&items.len()))
        .ok_or(NotAuthentic::MalformedBody)?;
    let item = |item: &'_ Value| item.get("NotificationRequestItem").is_some();
    if !items.iter().all(item) {
        return Err(NotAuthentic::MalformedBody);
    }
    Ok(items
        .iter()
        .filter_map(|item| item.get("NotificationRequestItem"))
        .collect())
}

/// Absent is empty, anything but text, an integer or a boolean is refused. A colon in any but the merchant's own
/// reference would let the signed text be cut at another place.
fn values(item: &Value) -> Result<[Cow<'_, str>; 8], NotAuthentic> {
    let mut values = [const { Cow::Borrowed("") }; 8];
    for (value, path) in values.iter_mut().zip(SIGNED) {
        *value = match at_path(item, path) {
            None | Some(Value::Null) => continue,
            Some(found) => scalar(found).ok_or(NotAuthentic::MalformedBody)?,
        };
        if path != "merchantReference" && value.contains(':') {
            return Err(NotAuthentic::MalformedBody);
        }
    }
    Ok(values)
}

fn mac(key: &Key, values: &[Cow<'_, str>; 8]) -> Option<MacBytes> {
    let mut mac = key.begin(Digest::Sha256)?;
    for (position, value) in values.iter().enumerate() {
        if position > 0 {
            mac.update(b":");
        }
        mac.update(value.as_bytes());
    }
    Some(mac.finish())
}

fn are_all_signed_under(key: &Key, items: &[SignedItem<'_>]) -> bool {
    let right = |item: &SignedItem<'_>| {
        mac(key, &item.values).is_some_and(|mac| bool::from(mac.as_slice().ct_eq(item.signature.as_slice())))
    };
    items.iter().all(right)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The parts are signed with colons between them, so one with a colon in it could be two of another message.
    #[test]
    fn an_item_is_cut_in_one_way_only() {
        let read = |item: Value| values(&item).map(|values| values.join(":"));
        let refused = Err(NotAuthentic::MalformedBody);
        let good = json!({"pspReference": "7914", "merchantReference": "a:b", "amount": {"value": 1130}, "success": "true"});
        assert_eq!(read(good), Ok("7914:::a:b:1130:::true".to_owned()));
        for part in [
            "pspReference",
            "originalReference",
            "merchantAccountCode",
            "eventCode",
            "success",
        ] {
            assert_eq!(read(json!({ part: "a:b" })), refused, "{part}");
        }
        assert_eq!(read(json!({"amount": {"currency": "EUR:1"}})), refused);
        assert_eq!(
            read(json!({"amount": {"value": 11.5}})),
            refused,
            "more than one text"
        );
        assert_eq!(read(json!({"success": ["true"]})), refused);
    }
}
