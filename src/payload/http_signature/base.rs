//! The signature base (RFC 9421 §2.5): one line a component, made of what arrived.

use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};

use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, Method, Uri};
use sfv::{BareItem, InnerList, Item, ListSerializer};

use super::InvalidHttpSignature;
use crate::payload::Origin;
use crate::payload::percent::{decode, encode, parameters};

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
        let query = Query::of(self.uri);
        for item in &input.items {
            let identifier = serialize_item(item);
            let value = self.value(item, &query)?;
            base.push_str(&format!("{identifier}: {value}\n"));
            if !seen.insert(identifier) {
                return Err(InvalidHttpSignature::CoveredTwice);
            }
        }
        base.push_str("\"@signature-params\": ");
        base.push_str(&serialize_input(input));
        Ok(base)
    }

    fn value(&self, item: &Item, query: &Query<'_>) -> Result<String, InvalidHttpSignature> {
        let BareItem::String(name) = &item.bare_item else {
            return Err(InvalidHttpSignature::Component);
        };
        if name.as_str() == "@query-param" {
            return query.parameter(item);
        }
        // `sf`, `key`, `bs`, `req` and `tr` say how to read a field: one reading is enough here.
        if !item.params.is_empty() {
            return Err(InvalidHttpSignature::Component);
        }
        match name.as_str() {
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
        // Lower case only (§2.1), and nothing that begins with `@` is left.
        let header =
            HeaderName::from_lowercase(name.as_bytes()).map_err(|_| InvalidHttpSignature::Component)?;
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
}

/// The parameters of the query by their names, read when one is first asked for, and then once: a signature may cover
/// many, of a query of 64 KiB.
struct Query<'a> {
    uri: &'a Uri,
    by_name: OnceCell<HashMap<Vec<u8>, Values<'a>>>,
}

/// The values of one name, still encoded.
enum Values<'a> {
    One(&'a str),
    Several,
}

impl<'a> Query<'a> {
    fn of(uri: &'a Uri) -> Self {
        Self {
            uri,
            by_name: OnceCell::new(),
        }
    }

    fn by_name(&self) -> &HashMap<Vec<u8>, Values<'a>> {
        self.by_name.get_or_init(|| {
            let mut by_name = HashMap::new();
            for (name, value) in parameters(self.uri.query()) {
                let values = by_name.entry(decode(name));
                values
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
        match self.by_name().get(&decode(name.as_str())) {
            Some(Values::One(value)) => Ok(encode(&decode(value))),
            Some(Values::Several) | None => Err(InvalidHttpSignature::NotPresent {
                name: format!("@query-param {}", name.as_str()),
            }),
        }
    }
}

/// The name of a component, where it has no parameters.
pub(super) fn plain_name(item: &Item) -> Option<&str> {
    match &item.bare_item {
        BareItem::String(name) if item.params.is_empty() => Some(name.as_str()),
        _ => None,
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
