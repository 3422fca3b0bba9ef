//! Files of secrets that payloads are signed with.
#![allow(dead_code, reason = "each example uses a part of it")]

use std::collections::HashMap;
use std::fmt::Display;
use std::path::Path;

use countersign::payload::{Keyring, Scheme, Secret};
use countersign::tenant::TenantId;

use crate::lines::{in_line, lines, read};

/// Whose a key is, and the rest, of a file that an option names.
pub(crate) fn keys(file: &Path, scheme: &Scheme) -> Result<(Keyring, Vec<TenantId>), String> {
    let text = read("--keys", file)?;
    let found = keys_in(&text, scheme, &|line, what| match line {
        Some(line) => in_line("--keys", file, line)(what),
        None => format!("--keys {}: {what}", file.display()),
    })?;
    found.ok_or_else(|| {
        format!(
            "--keys {} holds no key; add one a line: tenant key-name secret",
            file.display()
        )
    })
}

/// One key a line, as tenant, name of the key, and secret; and whose keys they are, in their order. `None`, where there is no
/// key at all.
///
/// A mistake is told by the number of its line, and never by what stands there: where a column is missing or two are
/// swapped, what looks like a name is a secret.
pub(crate) fn keys_in(
    text: &str,
    scheme: &Scheme,
    told: &dyn Fn(Option<usize>, &dyn Display) -> String,
) -> Result<Option<(Keyring, Vec<TenantId>)>, String> {
    let mut ring = Keyring::builder(scheme);
    let (mut tenants, mut names) = (Vec::new(), HashMap::new());
    for (number, line) in lines(text) {
        let wrong = |what: &dyn Display| told(Some(number), what);
        let [tenant, id, secret] = line.split_ascii_whitespace().collect::<Vec<_>>()[..] else {
            return Err(wrong(&"not three words; write: tenant key-name secret"));
        };
        if let Some(first) = names.insert((tenant, id), number) {
            return Err(wrong(&format!(
                "tenant and key name stand in line {first} too; name each key differently"
            )));
        }
        let tenant = TenantId::parse(tenant).map_err(|invalid| wrong(&invalid))?;
        let alone = Keyring::builder(scheme)
            .key(tenant.clone(), id, Secret::new(secret))
            .build();
        alone.map_err(|invalid| wrong(&invalid.problem))?;
        ring = ring.key(tenant.clone(), id, Secret::new(secret));
        tenants.push(tenant);
    }
    if tenants.is_empty() {
        return Ok(None);
    }
    let ring = ring.build().map_err(|invalid| told(None, &invalid.problem))?;
    Ok(Some((ring, tenants)))
}
