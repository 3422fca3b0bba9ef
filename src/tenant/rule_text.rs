use std::fmt;
use std::str::FromStr;

use super::rule::Source;
use super::{InvalidTenantId, Rule, TableProblem, TenantId};
use crate::identity::{InvalidHash, NameKind, SpkiHash};

const ARROW: &str = " -> ";
const AND: &str = " && ";

/// One line:
///
/// ```text
/// URI:spiffe://acme.example/tenant/{tenant}
/// DNS:hooks.globex.example -> globex
/// host hooks.globex.example -> globex
/// pin sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU= -> globex
/// issuer sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU= -> globex
/// OU={tenant} && CN=billing-application && issuer sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=
/// ```
///
/// First what shows whose the peer is: a name (`URI:`, `DNS:`, `email:`, `IP:`, `CN=`, `OU=`, `UID=`, `organizationIdentifier=`), exact or with `{tenant}` in
/// it; a host name wherever it stands; its key; or an authority's. Then conditions, each after ` && `: another name, or the key of an authority. Last, after
/// ` -> `, the tenant, unless `{tenant}` stands for it. What holds one of the two marks in itself is refused, not guessed.
impl FromStr for Rule {
    type Err = InvalidRule;

    fn from_str(text: &str) -> Result<Self, InvalidRule> {
        let (shown, tenant) = match text.split_once(ARROW) {
            Some((_, tenant)) if tenant.contains(ARROW) || tenant.contains(AND) => {
                return Err(InvalidRule::Arrow);
            }
            Some((shown, tenant)) => (shown, Some(tenant.parse()?)),
            None => (text, None),
        };
        let mut parts = shown.split(AND);
        let first = by(parts.next().unwrap_or_default(), tenant)?;
        let rule = parts.try_fold(first, conditioned)?;
        rule.compile().map_err(|invalid| invalid.problem)?;
        Ok(rule)
    }
}

fn by(text: &str, tenant: Option<TenantId>) -> Result<Rule, InvalidRule> {
    if let Some((kind, name)) = NameKind::of_written(text) {
        return match (name.contains("{tenant}"), tenant) {
            (true, None) => Ok(Rule::template(kind, name)),
            (false, Some(tenant)) => Ok(Rule::name(tenant, kind, name)),
            _ => Err(InvalidRule::Arrow),
        };
    }
    let (verb, shown) = text.split_once(' ').ok_or(InvalidRule::Source)?;
    let make: fn(_, _) -> _ = match verb {
        "host" => return Ok(Rule::host_name(tenant.ok_or(InvalidRule::Arrow)?, shown)),
        "pin" => Rule::pin,
        "issuer" => Rule::issuer,
        _ => return Err(InvalidRule::Source),
    };
    let spki: SpkiHash = shown.parse()?;
    Ok(make(tenant.ok_or(InvalidRule::Arrow)?, spki))
}

fn conditioned(rule: Rule, condition: &str) -> Result<Rule, InvalidRule> {
    match (NameKind::of_written(condition), condition.strip_prefix("issuer ")) {
        (Some((kind, name)), _) => Ok(rule.carrying(kind, name)),
        (None, Some(spki)) if rule.issued_by.is_none() => Ok(rule.issued_by(spki.parse()?)),
        _ => Err(InvalidRule::Condition),
    }
}

/// As it is read.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenant = match &self.source {
            Source::Template(kind, template) => {
                write!(f, "{}{template}", kind.prefix())?;
                None
            }
            Source::Name(tenant, kind, name) => {
                write!(f, "{}{name}", kind.prefix())?;
                Some(tenant)
            }
            Source::Host(tenant, name) => {
                write!(f, "host {name}")?;
                Some(tenant)
            }
            Source::Pin(tenant, spki) => {
                write!(f, "pin {spki}")?;
                Some(tenant)
            }
            Source::Issuer(tenant, spki) => {
                write!(f, "issuer {spki}")?;
                Some(tenant)
            }
        };
        for (kind, name) in &self.carrying {
            write!(f, "{AND}{}{name}", kind.prefix())?;
        }
        if let Some(spki) = self.issued_by {
            write!(f, "{AND}issuer {spki}")?;
        }
        tenant.map_or(Ok(()), |tenant| write!(f, "{ARROW}{tenant}"))
    }
}

/// Text that is no rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidRule {
    /// It begins with none of the things that show whose a peer is.
    #[error(
        "a rule begins with a name after `URI:`, `DNS:`, `email:`, `IP:`, `CN=`, `OU=`, `UID=` or `organizationIdentifier=`, with `host NAME`, `pin HASH` or `issuer HASH`"
    )]
    Source,
    /// What follows ` && ` is no condition, or a second authority.
    #[error("after ` && ` comes a name such as `CN=billing`, or one `issuer HASH`")]
    Condition,
    /// The tenant is missing, or stands there twice.
    #[error("a rule ends with ` -> TENANT`, once, unless `{{tenant}}` stands in it")]
    Arrow,
    /// The tenant's name is none.
    #[error(transparent)]
    Tenant(#[from] InvalidTenantId),
    /// A hash cannot be read.
    #[error(transparent)]
    Hash(#[from] InvalidHash),
    /// It cannot be followed.
    #[error(transparent)]
    Problem(#[from] TableProblem),
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

    #[test]
    fn a_rule_is_written_as_it_is_read() {
        let hash = SpkiHash::of(b"");
        let globex = || TenantId::parse("globex").unwrap();
        for (text, rule) in [
            (
                "URI:spiffe://acme.example/tenant/{tenant}".to_owned(),
                Rule::template(NameKind::Uri, "spiffe://acme.example/tenant/{tenant}"),
            ),
            (
                "DNS:hooks.globex.example -> globex".to_owned(),
                Rule::name(globex(), NameKind::Dns, "hooks.globex.example"),
            ),
            (
                "CN=Smith & Sons -> globex".to_owned(),
                Rule::name(globex(), NameKind::CommonName, "Smith & Sons"),
            ),
            (
                "IP:::1 -> globex".to_owned(),
                Rule::name(globex(), NameKind::Ip, "::1"),
            ),
            (
                "host hooks.globex.example -> globex".to_owned(),
                Rule::host_name(globex(), "hooks.globex.example"),
            ),
            (format!("pin {HASH} -> globex"), Rule::pin(globex(), hash)),
            (format!("issuer {HASH} -> globex"), Rule::issuer(globex(), hash)),
            (
                format!("OU={{tenant}} && CN=billing && issuer {HASH}"),
                Rule::template(NameKind::OrganizationalUnit, "{tenant}")
                    .issued_by(hash)
                    .carrying(NameKind::CommonName, "billing"),
            ),
        ] {
            assert_eq!(text.parse(), Ok(rule.clone()), "{text}");
            assert_eq!(rule.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_rule_says_what_would_be() {
        use InvalidRule::{Arrow, Condition, Hash, Problem, Source, Tenant};
        let dns = |text| {
            Problem(TableProblem::Name(
                crate::identity::Name::parse(NameKind::Dns, text).expect_err("no name"),
            ))
        };
        for (text, expected) in [
            ("", Source),
            ("hooks.globex.example -> globex", Source),
            ("dns:hooks.globex.example -> globex", Source),
            ("pin -> globex", Source),
            ("DNS:hooks.globex.example", Arrow),
            ("host hooks.globex.example", Arrow),
            ("host *.globex.example -> globex", dns("*.globex.example")),
            ("DNS:{tenant}.example -> globex", Arrow),
            ("CN=a -> b -> globex", Arrow),
            ("DNS:hooks.globex.example -> globex && CN=billing", Arrow),
            ("DNS:hooks.globex.example ->  globex", Tenant(InvalidTenantId)),
            ("DNS:hooks.globex.example -> ", Tenant(InvalidTenantId)),
            ("pin abc -> globex", Hash(InvalidHash { characters: 3 })),
            ("OU={tenant} && billing", Condition),
            (
                &format!("OU={{tenant}} && issuer {HASH} && issuer {HASH}"),
                Condition,
            ),
            ("DNS:*.globex.example -> globex", dns("*.globex.example")),
            ("OU={tenant} && DNS:10.0.0.1", dns("10.0.0.1")),
            ("OU={tenant}{tenant}", Problem(TableProblem::Placeholder)),
            (
                "URI:spiffe://acme.example/{tenant}x",
                Problem(TableProblem::Spiffe),
            ),
        ] {
            assert_eq!(text.parse::<Rule>(), Err(expected), "{text:?}");
        }
    }
}
