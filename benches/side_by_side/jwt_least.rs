//! What a sound verifier reads of a token at least: the members that decide, each of its type, and no name twice, whoever's it is
//! (RFC 7519 section 4). What binds a token to a certificate is refused, for none is shown.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, Visitor};

#[derive(Deserialize)]
pub(crate) struct LeastHeader<'t> {
    pub(crate) alg: &'t str,
    pub(crate) typ: Option<&'t str>,
    pub(crate) crit: Option<IgnoredAny>,
    pub(crate) b64: Option<IgnoredAny>,
}

#[derive(Default)]
pub(crate) struct Least<'t> {
    pub(crate) iss: Option<&'t str>,
    pub(crate) aud: Option<&'t str>,
    pub(crate) exp: Option<u64>,
    pub(crate) nbf: Option<u64>,
    pub(crate) iat: Option<u64>,
    pub(crate) sub: Option<&'t str>,
    pub(crate) jti: Option<&'t str>,
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "lowercase")]
enum Name<'t> {
    Iss,
    Aud,
    Exp,
    Nbf,
    Iat,
    Sub,
    Jti,
    Cnf,
    #[serde(borrow)]
    Other(&'t str),
}

impl<'de> Deserialize<'de> for Least<'de> {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        reader.deserialize_map(Claims)
    }
}

struct Claims;

impl<'de> Visitor<'de> for Claims {
    type Value = Least<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("claims")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Least<'de>, A::Error> {
        let (mut least, mut others, mut len) = (Least::default(), [""; 16], 0);
        while let Some(name) = members.next_key()? {
            let is_new = match name {
                Name::Iss => least.iss.replace(members.next_value()?).is_none(),
                Name::Aud => least.aud.replace(members.next_value()?).is_none(),
                Name::Exp => least.exp.replace(members.next_value()?).is_none(),
                Name::Nbf => least.nbf.replace(members.next_value()?).is_none(),
                Name::Iat => least.iat.replace(members.next_value()?).is_none(),
                Name::Sub => least.sub.replace(members.next_value()?).is_none(),
                Name::Jti => least.jti.replace(members.next_value()?).is_none(),
                Name::Cnf => false,
                Name::Other(name) => {
                    members.next_value::<IgnoredAny>()?;
                    let is_new = len < others.len() && !others[..len].contains(&name);
                    others[len % 16] = name;
                    len += 1;
                    is_new
                }
            };
            if !is_new {
                return Err(Error::custom("a member stands twice"));
            }
        }
        Ok(least)
    }
}
