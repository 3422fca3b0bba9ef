//! Files of secrets that payloads are signed with.

use std::collections::HashMap;
use std::path::Path;

use countersign::payload::{Keyring, Scheme, Secret};
use countersign::tenant::TenantId;

use crate::lines::{in_line, lines, read};

/// One key a line, as tenant, name of the key, and secret; and whose keys they are, in their order.
///
/// A mistake is told by the number of its line, and never by what stands there: where a column is missing or two are
/// swapped, what looks like a name is a secret.
pub(crate) fn keys(file: &Path, scheme: &Scheme) -> Result<(Keyring, Vec<TenantId>), String> {
    let text = read("--keys", file)?;
    let mut ring = Keyring::builder(scheme);
    let (mut tenants, mut names) = (Vec::new(), HashMap::new());
    for (number, line) in lines(&text) {
        let wrong = in_line("--keys", file, number);
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
        return Err(format!(
            "--keys {} holds no key; add one a line: tenant key-name secret",
            file.display()
        ));
    }
    let ring = ring.build();
    let ring = ring.map_err(|invalid| format!("--keys {}: {}", file.display(), invalid.problem))?;
    Ok((ring, tenants))
}
