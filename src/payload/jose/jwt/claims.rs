//! The claims of a token, held against its rules.

use super::rules::{Accepted, JwtRules, TenantClaim};
use super::times::Times;
use crate::codes::Few;
use crate::payload::SchemeText;
use crate::payload::jose::InvalidJwt;
use crate::payload::jose::json::{Json, Object};
use crate::payload::jose::jws::header::{Header, text};
use crate::tenant::TenantId;

impl JwtRules {
    pub(in crate::payload::jose) fn check_header(&self, header: &Header<'_>) -> Result<(), InvalidJwt> {
        // RFC 7519 §5.2: a token inside a token is announced so.
        let cty = header.cty.as_deref().map(short_type);
        if cty.is_some_and(|cty| cty.eq_ignore_ascii_case("JWT")) {
            return Err(InvalidJwt::Nested);
        }
        match header.typ.as_deref() {
            None if self.type_required => Err(InvalidJwt::missing("typ")),
            None => Ok(()),
            Some(typ) => self.check_type(typ),
        }
    }

    fn check_type(&self, typ: &str) -> Result<(), InvalidJwt> {
        let short = short_type(typ);
        if self.types.iter().any(|wanted| wanted.eq_ignore_ascii_case(short)) {
            Ok(())
        } else {
            Err(InvalidJwt::Type)
        }
    }

    pub(in crate::payload::jose) fn check(
        &self,
        claims: &Object<'_>,
        owner: &TenantId,
        now: u64,
    ) -> Result<Times, InvalidJwt> {
        self.check_issuer(claims)?;
        self.check_audience(claims)?;
        let times = self.times.check(claims, now)?;
        self.check_texts(claims)?;
        self.check_tenant(claims, owner)?;
        Ok(times)
    }

    fn check_issuer(&self, claims: &Object<'_>) -> Result<(), InvalidJwt> {
        match text(claims, "iss")? {
            Some(issuer) if self.issuers.contains(&issuer) => Ok(()),
            Some(issuer) => Err(other("iss", [&*issuer], self.issuers.texts())),
            None if matches!(self.issuers, Accepted::Any) => Ok(()),
            None => Err(InvalidJwt::missing("iss")),
        }
    }

    /// RFC 7519 §4.1.3: a text or a list of texts, one of which is us.
    fn check_audience(&self, claims: &Object<'_>) -> Result<(), InvalidJwt> {
        let wrong_type = || InvalidJwt::of_another_type("aud");
        let named = match claims.get("aud") {
            None if matches!(self.audiences, Accepted::Any) => return Ok(()),
            None => return Err(InvalidJwt::missing("aud")),
            Some(Json::Text(audience)) => self.audiences.contains(audience),
            Some(Json::Array(list)) => {
                let texts = list.iter().map(|item| match item {
                    Json::Text(audience) => Ok(self.audiences.contains(audience)),
                    _ => Err(wrong_type()),
                });
                // All of them are read, also after one that is us: a list with something else in it is refused.
                texts.collect::<Result<Vec<_>, _>>()?.contains(&true)
            }
            Some(_) => return Err(wrong_type()),
        };
        if named {
            Ok(())
        } else {
            Err(other("aud", audiences(claims), self.audiences.texts()))
        }
    }

    fn check_texts(&self, claims: &Object<'_>) -> Result<(), InvalidJwt> {
        // Of their type, whether or not anything is asked of them.
        text(claims, "sub")?;
        let id = text(claims, "jti")?.filter(|id| !id.is_empty());
        if id.is_none() && self.id_required {
            return Err(InvalidJwt::missing("jti"));
        }
        for (name, wanted) in &self.texts {
            require(claims, name, wanted)?;
        }
        for name in &self.flags {
            match claims.get(name) {
                None => return Err(InvalidJwt::missing(name)),
                Some(Json::Bool(true)) => {}
                Some(_) => return Err(other(name, ["something else"], ["true"])),
            }
        }
        Ok(())
    }

    fn check_tenant(&self, claims: &Object<'_>, owner: &TenantId) -> Result<(), InvalidJwt> {
        let other = |name: &SchemeText| InvalidJwt::OtherTenant { name: name.clone() };
        if self.tenant_claim == TenantClaim::TheTenant
            && text(claims, "tenant")?.is_some_and(|tenant| tenant != owner.as_str())
        {
            return Err(other(&SchemeText::fixed("tenant")));
        }
        for (name, template) in &self.tenant_in {
            let value = text(claims, name)?.ok_or_else(|| InvalidJwt::missing(name))?;
            if !names(template, owner.as_str(), &value) {
                return Err(other(name));
            }
        }
        Ok(())
    }
}

/// Whether the text is the template with this tenant's name in it. Nothing is rendered, so nothing is allocated.
fn names(template: &str, tenant: &str, value: &str) -> bool {
    match template.split_once("{tenant}") {
        None => value == template,
        Some((before, after)) => {
            value
                .strip_prefix(before)
                .and_then(|rest| rest.strip_suffix(after))
                == Some(tenant)
        }
    }
}

fn require(claims: &Object<'_>, name: &SchemeText, wanted: &str) -> Result<(), InvalidJwt> {
    match text(claims, name)? {
        None => Err(InvalidJwt::missing(name)),
        Some(value) if value == wanted => Ok(()),
        Some(value) => Err(other(name, [&*value], [wanted])),
    }
}

fn other<'a>(
    name: impl Into<SchemeText>,
    seen: impl IntoIterator<Item = &'a str>,
    wanted: impl IntoIterator<Item = &'a str>,
) -> InvalidJwt {
    InvalidJwt::Claim {
        name: name.into(),
        seen: Few::of(seen),
        wanted: Few::of(wanted),
    }
}

/// The texts of `aud`, which was read before.
fn audiences<'a>(claims: &'a Object<'_>) -> Vec<&'a str> {
    match claims.get("aud") {
        Some(Json::Text(audience)) => vec![audience],
        Some(Json::Array(list)) => list
            .iter()
            .filter_map(|item| match item {
                Json::Text(audience) => Some(&**audience),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// A media type without `application/`, which RFC 7515 §4.1.9 and §4.1.10 leave out where nothing else is meant. Case
/// does not count.
fn short_type(media_type: &str) -> &str {
    match media_type.split_at_checked("application/".len()) {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case("application/") => rest,
        _ => media_type,
    }
}
