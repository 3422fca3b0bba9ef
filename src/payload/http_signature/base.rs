//! The signature base (RFC 9421 §2.5): one line a component, made of what arrived.

use std::cell::{OnceCell, RefCell};
use std::collections::{HashMap, HashSet};

use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, Method, Uri};
use sfv::{BareItem, Dictionary, FieldType as _, InnerList, Item, List, ListEntry, ListSerializer};

use super::InvalidHttpSignature;
use super::fields::structured;
use crate::payload::Origin;
use crate::payload::percent::{decode, encode_form, parameters};

/// The most components that one signature may cover.
const MAX_COMPONENTS: usize = 32;

/// What a signature may cover of a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Covered<'a> {
    pub(super) origin: &'a Origin,
    pub(super) method: &'a Method,
    pub(super) uri: &'a Uri,
    pub(super) headers: &'a HeaderMap,
}

impl Covered<'_> {
    /// The signature base: the covered components in their order, and the parameters last.
    pub(super) fn base(&self, input: &InnerList) -> Result<String, InvalidHttpSignature> {
        if input.items.len() > MAX_COMPONENTS {
            return Err(InvalidHttpSignature::TooMany);
        }
        let mut base = String::with_capacity(512);
        let mut seen = HashSet::with_capacity(input.items.len());
        let once = Once::of(*self);
        for item in &input.items {
            let identifier = serialize_item(item);
            let value = self.value(item, &once)?;
            base.push_str(&format!("{identifier}: {value}\n"));
            if !seen.insert(identifier) {
                return Err(InvalidHttpSignature::CoveredTwice);
            }
        }
        base.push_str("\"@signature-params\": ");
        base.push_str(&serialize_input(input));
        Ok(base)
    }

    fn value(&self, item: &Item, once: &Once<'_>) -> Result<String, InvalidHttpSignature> {
        let BareItem::String(name) = &item.bare_item else {
            return Err(InvalidHttpSignature::Component);
        };
        if name.as_str() == "@query-param" {
            return once.parameter(item);
        }
        match (Reading::of(item)?, name.as_str()) {
            (Reading::AsSent, name) => self.component(name),
            (reading, name) => self.structured(name, reading, once),
        }
    }

    fn component(&self, name: &str) -> Result<String, InvalidHttpSignature> {
        match name {
            "@method" => Ok(self.method.as_str().to_owned()),
            "@target-uri" => Ok(format!(
                "{}://{}{}",
                self.origin.scheme(),
                self.origin.authority(),
                self.target()
            )),
            "@authority" => Ok(self.origin.authority()),
            "@scheme" => Ok(self.origin.scheme().to_owned()),
            "@request-target" => Ok(self.target().to_owned()),
            "@path" => Ok(self.uri.path().to_owned()),
            "@query" => Ok(format!("?{}", self.uri.query().unwrap_or_default())),
            field => self.field(field),
        }
    }

    fn target(&self) -> &str {
        self.uri.path_and_query().map_or("/", PathAndQuery::as_str)
    }

    /// RFC 9421 §2.1: the values in their order, without white space around each, joined by a comma.
    fn field(&self, name: &str) -> Result<String, InvalidHttpSignature> {
        let absent = || InvalidHttpSignature::NotPresent {
            name: name.to_owned(),
        };
        let header = field_name(name)?;
        let values = self
            .headers
            .get_all(&header)
            .iter()
            .map(|value| value.to_str().map(str::trim));
        let values = values.collect::<Result<Vec<_>, _>>().map_err(|_| absent())?;
        if values.is_empty() {
            Err(absent())
        } else {
            Ok(values.join(", "))
        }
    }

    /// RFC 9421 §2.1.1 and §2.1.2: a structured field, written anew.
    fn structured(
        &self,
        name: &str,
        reading: Reading<'_>,
        once: &Once<'_>,
    ) -> Result<String, InvalidHttpSignature> {
        let header = field_name(name)?;
        let written = match (reading, Type::of(name)) {
            (Reading::Member(key), _) => once.member(header, key),
            (_, Some(Type::Dictionary)) => {
                structured::<Dictionary>(self.headers, &header).and_then(|value| value.serialize())
            }
            (_, Some(Type::List)) => {
                structured::<List>(self.headers, &header).and_then(|value| value.serialize())
            }
            (_, Some(Type::Item)) => structured::<Item>(self.headers, &header).map(|value| value.serialize()),
            (_, None) => return Err(InvalidHttpSignature::Component),
        };
        written.ok_or_else(|| InvalidHttpSignature::NotPresent {
            name: name.to_owned(),
        })
    }
}

/// What several components read, read once: a signature may cover many parameters of a query of 64 KiB, or many members of
/// one field.
struct Once<'a> {
    covered: Covered<'a>,
    query: OnceCell<HashMap<Vec<u8>, Values<'a>>>,
    dictionaries: RefCell<HashMap<HeaderName, Option<Dictionary>>>,
}

/// The values of one name of the query, still encoded.
enum Values<'a> {
    One(&'a str),
    Several,
}

impl<'a> Once<'a> {
    fn of(covered: Covered<'a>) -> Self {
        Self {
            covered,
            query: OnceCell::new(),
            dictionaries: RefCell::default(),
        }
    }

    /// This member of the dictionary.
    fn member(&self, header: HeaderName, key: &str) -> Option<String> {
        let mut dictionaries = self.dictionaries.borrow_mut();
        let dictionary = dictionaries
            .entry(header)
            .or_insert_with_key(|header| structured(self.covered.headers, header));
        dictionary.as_ref()?.get(key).map(serialize_member)
    }

    fn query(&self) -> &HashMap<Vec<u8>, Values<'a>> {
        self.query.get_or_init(|| {
            let mut by_name = HashMap::new();
            for (name, value) in parameters(self.covered.uri.query()) {
                by_name
                    .entry(decode(name.as_bytes()))
                    .and_modify(|values| *values = Values::Several)
                    .or_insert(Values::One(value));
            }
            by_name
        })
    }

    /// RFC 9421 §2.2.8: one parameter of the query, which must stand there once.
    fn parameter(&self, item: &Item) -> Result<String, InvalidHttpSignature> {
        let mut given = item.params.iter();
        let (Some((key, BareItem::String(name))), None) = (given.next(), given.next()) else {
            return Err(InvalidHttpSignature::Component);
        };
        if key.as_str() != "name" {
            return Err(InvalidHttpSignature::Component);
        }
        match self.query().get(&decode(name.as_str().as_bytes())) {
            Some(Values::One(value)) => Ok(encode_form(&decode(value.as_bytes()))),
            // Signed once and sent twice, the handler might read the one that nobody signed.
            Some(Values::Several) | None => Err(InvalidHttpSignature::NotPresent {
                name: format!("@query-param {}", name.as_str()),
            }),
        }
    }
}

/// How a component that is a field is read.
#[derive(Clone, Copy)]
enum Reading<'a> {
    AsSent,
    /// `sf`.
    Strict,
    /// `key`: this member of a dictionary.
    Member(&'a str),
}

impl<'a> Reading<'a> {
    /// `bs`, `req` and `tr` are not taken: nobody signs requests with them.
    fn of(item: &'a Item) -> Result<Self, InvalidHttpSignature> {
        let mut given = item.params.iter().map(|(name, value)| (name.as_str(), value));
        match (given.next(), given.next()) {
            (None, _) => Ok(Self::AsSent),
            (Some(("sf", BareItem::Boolean(true))), None) => Ok(Self::Strict),
            (Some(("key", BareItem::String(key))), None) => Ok(Self::Member(key.as_str())),
            _ => Err(InvalidHttpSignature::Component),
        }
    }
}

/// The type of a structured field, without which nobody can read it (RFC 9421 §2.1.1).
enum Type {
    Dictionary,
    List,
    Item,
}

impl Type {
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "content-digest"
            | "repr-digest"
            | "want-content-digest"
            | "want-repr-digest"
            | "priority"
            | "signature"
            | "signature-input" => Self::Dictionary,
            "client-cert-chain" => Self::List,
            "client-cert" | "idempotency-key" => Self::Item,
            _ => return None,
        })
    }
}

/// In lower case only (§2.1); no name that begins with `@` is one.
fn field_name(name: &str) -> Result<HeaderName, InvalidHttpSignature> {
    HeaderName::from_lowercase(name.as_bytes()).map_err(|_| InvalidHttpSignature::Component)
}

/// The name of a component that is covered whole.
pub(super) fn whole_name(item: &Item) -> Option<&str> {
    match (&item.bare_item, Reading::of(item)) {
        (BareItem::String(name), Ok(Reading::AsSent | Reading::Strict)) => Some(name.as_str()),
        _ => None,
    }
}

fn serialize_member(member: &ListEntry) -> String {
    match member {
        ListEntry::Item(item) => serialize_item(item),
        ListEntry::InnerList(list) => serialize_input(list),
    }
}

fn serialize_item(item: &Item) -> String {
    sfv::ItemSerializer::new()
        .bare_item(&item.bare_item)
        .parameters(&item.params)
        .finish()
}

pub(super) fn serialize_input(input: &InnerList) -> String {
    let mut list = ListSerializer::new();
    let mut inner = list.inner_list();
    inner.items(&input.items);
    let _ = inner.finish().parameters(&input.params);
    list.finish().unwrap_or_default()
}
