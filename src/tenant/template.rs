use crate::identity::{InvalidName, MAX_ID, Name, NameKind, SpiffeId, is_path_segment, is_trust_domain};

const PLACEHOLDER: &str = "{tenant}";
const SPIFFE: &str = "spiffe://";

/// A name with one `{tenant}` in it, such as `spiffe://acme.example/tenant/{tenant}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template {
    kind: NameKind,
    before: Box<str>,
    after: Box<str>,
    spiffe: bool,
}

impl Template {
    pub(super) fn parse(kind: NameKind, text: &str) -> Result<Self, TableProblem> {
        let Some((before, after)) = text.split_once(PLACEHOLDER) else {
            return Err(TableProblem::NoPlaceholder);
        };
        if after.contains(['{', '}']) || before.contains(['{', '}']) {
            return Err(TableProblem::Placeholder);
        }
        // Never in the scheme: it would let the certificate choose what kind of name it is.
        if kind == NameKind::Uri && !begins_as_uri(before) {
            return Err(TableProblem::Scheme);
        }
        let sample = format!("{before}x{after}");
        Name::parse(kind, &sample).map_err(TableProblem::Name)?;
        let spiffe = kind == NameKind::Uri && is_spiffe(before);
        if spiffe
            && !(SpiffeId::parse(&sample).is_ok()
                && before.ends_with('/')
                && (after.is_empty() || after.starts_with('/')))
        {
            return Err(TableProblem::Spiffe);
        }
        // As names of that kind are kept.
        let kept = |text: &str| match kind {
            NameKind::Dns => text.to_ascii_lowercase().into(),
            _ => text.into(),
        };
        Ok(Self {
            kind,
            before: kept(before),
            after: kept(after),
            spiffe,
        })
    }

    pub(super) fn kind(&self) -> NameKind {
        self.kind
    }

    pub(super) fn is_spiffe(&self) -> bool {
        self.spiffe
    }

    /// What stands in this name where the template has `{tenant}`.
    ///
    /// In a URI it is one path segment: it never spans a `/`, nor anything that a URI gives a meaning to. In a DNS
    /// name it is one label.
    pub(super) fn capture<'n>(&self, name: &'n Name) -> Option<&'n str> {
        let captured = self.placed(text_of(name, self.kind)?)?;
        self.fits(captured).then_some(captured)
    }

    /// What stands in the place of `{tenant}`, whether or not it may.
    #[inline]
    pub(super) fn placed<'n>(&self, text: &'n str) -> Option<&'n str> {
        text.strip_prefix(&*self.before)?.strip_suffix(&*self.after)
    }

    /// Whether this may stand in the place of `{tenant}`.
    pub(super) fn fits(&self, text: &str) -> bool {
        let whole_segment = match self.kind {
            // What may stand in a SPIFFE ID is less than what may stand in a segment.
            NameKind::Uri if self.spiffe => self.makes_spiffe_id(text),
            NameKind::Uri => text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)),
            NameKind::Dns => !text.contains('.'),
            _ => true,
        };
        whole_segment && !text.is_empty()
    }

    /// Whether it makes a SPIFFE ID of the template, which is one but for this.
    fn makes_spiffe_id(&self, text: &str) -> bool {
        let well_formed = match &*self.before {
            SPIFFE => is_trust_domain(text),
            _ => is_path_segment(text),
        };
        well_formed && self.before.len() + text.len() + self.after.len() <= MAX_ID
    }
}

/// Also in upper case, which is then refused rather than taken for another kind of URI.
pub(super) fn is_spiffe(uri: &str) -> bool {
    uri.get(..7)
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("spiffe:"))
}

/// With its scheme (RFC 3986 §3.1) and, where that names a server (RFC 9110 §4.2), what leads to one.
fn begins_as_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else {
        return false;
    };
    let of_a_scheme = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    let web = ["http", "https"]
        .iter()
        .any(|web| scheme.eq_ignore_ascii_case(web));
    scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.bytes().all(of_a_scheme)
        && (!web || rest.starts_with("//"))
}

/// The text of a name of that kind.
#[inline]
pub(super) fn text_of(name: &Name, kind: NameKind) -> Option<&str> {
    let text = match name {
        Name::Dns(text) | Name::Uri(text) | Name::Email(text) => text,
        Name::CommonName(text) | Name::OrganizationalUnit(text) => text,
        Name::UserId(text) | Name::OrganizationIdentifier(text) => text,
        _ => return None,
    };
    (name.kind() == kind).then_some(text)
}

/// A table of tenants that cannot be built: which rule, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[error("tenant rule {rule}: {problem}")]
pub struct InvalidTable {
    /// The rule, as it was given.
    pub rule: String,
    /// What is wrong with it.
    pub problem: TableProblem,
}

/// The mistake in a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TableProblem {
    /// A template without `{tenant}`.
    #[error("a template needs {PLACEHOLDER} where the tenant's name stands")]
    NoPlaceholder,
    /// A template with a second placeholder or a stray brace.
    #[error("a template has {PLACEHOLDER} exactly once and no other braces")]
    Placeholder,
    /// A template that begins with `spiffe:` but does not make SPIFFE IDs.
    #[error("with {PLACEHOLDER} as one whole path segment it must be a SPIFFE ID in the standard's own form")]
    Spiffe,
    /// A template for a URI that does not begin as one.
    #[error("a URI begins with its scheme: write it as spiffe://.. or https://..")]
    Scheme,
    /// A name that no certificate can carry as an identity.
    #[error("{0}")]
    Name(InvalidName),
    /// A tenant's name that is none.
    #[error(
        "{0:?} is not a tenant's name: 1 to 128 printable ASCII characters without a space at either end"
    )]
    Tenant(String),
    /// The same name or key is given to two tenants.
    #[error("it belongs to {first:?} already and cannot belong to {second:?} too")]
    Twice {
        /// The tenant that has it.
        first: String,
        /// The tenant it was given to as well.
        second: String,
    },
    /// A template without any known tenant would accept whatever the certificate says.
    #[error("a template needs the tenants that may appear in it: name them with `known`")]
    NobodyKnown,
    /// A table without rules knows nobody.
    #[error("the table has no rule; add one, such as `uri(\"spiffe://acme.example/tenant/{PLACEHOLDER}\")`")]
    Empty,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_spiffe_template_takes_is_a_spiffe_id() {
        let lengths = [254, 255, 256, 2029, 2030, 2034, 2035, 2036, 2037, 2048].map(|len| "a".repeat(len));
        let short = [
            "", "a", "A", "0", ".", "..", "...", "a.b", "~", "_", "-", "%", "%61", "\u{e9}", "a/b", "a b",
        ];
        let tenants = || short.into_iter().chain(lengths.iter().map(String::as_str));
        for text in [
            "spiffe://{tenant}/a",
            "spiffe://td/{tenant}",
            "spiffe://td/a/{tenant}/b",
        ] {
            let template = Template::parse(NameKind::Uri, text).expect("a template");
            for tenant in tenants() {
                let name = Name::Uri(text.replace(PLACEHOLDER, tenant).into());
                let is_id = matches!(&name, Name::Uri(uri) if SpiffeId::parse(uri).is_ok());
                // More than one segment is no tenant, whatever it makes of the ID.
                let taken = is_id && !tenant.contains('/');
                assert_eq!(
                    template.capture(&name),
                    taken.then_some(tenant),
                    "{text} {tenant:.20}"
                );
            }
        }
    }
}
