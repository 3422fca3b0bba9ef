use std::collections::HashSet;
use std::sync::OnceLock;

use crate::identity::SpkiHash;

/// Whether this is the key of an authority that browsers trust, by Mozilla's list.
///
/// By key, so that a copy of a public root signed by somebody else is recognised as well: whoever holds the key issues
/// to the whole world, whatever certificate it is wrapped in.
pub(super) fn is_public(spki: &SpkiHash) -> bool {
    static ROOTS: OnceLock<HashSet<SpkiHash>> = OnceLock::new();
    ROOTS.get_or_init(read).contains(spki)
}

fn read() -> HashSet<SpkiHash> {
    webpki_roots::TLS_SERVER_ROOTS
        .iter()
        .map(|root| SpkiHash::of(&webpki::spki_for_anchor(root)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_there() {
        let roots = read();
        assert!(roots.len() > 100, "{} roots", roots.len());
        assert!(roots.iter().all(is_public));
        assert!(!is_public(&SpkiHash::of(b"a key of our own")));
    }
}
