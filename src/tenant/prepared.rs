//! The short way through the table that most have.

use std::sync::Arc;

use super::Resolved;
use super::known::{Known, Listed};
use super::rule::Compiled;
use super::template::{Template, text_of};
use crate::identity::NameKind;
use crate::trust::VerifiedPeer;

/// The table that most have, of one template and no conditions, and the short way to its usual answer.
///
/// It says yes or nothing. Whoever shows two names of the kind, or one that is not known, is for all of the rules to judge, so why
/// somebody is refused is decided in one place.
#[derive(Debug, Clone)]
pub(super) struct OneTemplate {
    template: Template,
    label: Arc<str>,
}

impl OneTemplate {
    /// Of a table that looks nothing up, where that is all it is. Names of the subject count on conditions of their own.
    pub(super) fn of(rules: &[Compiled], known: &Listed) -> Option<Self> {
        let [rule] = rules else { return None };
        let template = rule.as_template_alone()?;
        let usual = !NameKind::OF_THE_SUBJECT.contains(&template.kind())
            // So that whatever is known need not be looked at again, whether it is one segment.
            && known.iter().all(|name| template.fits(name));
        usual.then(|| Self {
            template: template.clone(),
            label: Arc::clone(&rule.label),
        })
    }

    /// The tenant of the only name of this kind, where it is known. A second one would be one match too many, or a URI beside a
    /// SPIFFE ID.
    pub(super) fn resolve(&self, peer: &VerifiedPeer, known: &Known) -> Option<Resolved> {
        let names = peer.leaf().names().iter();
        let mut texts = names.filter_map(|name| text_of(name, self.template.kind()));
        let (Some(text), None) = (texts.next(), texts.next()) else {
            return None;
        };
        let tenant = known.get(self.template.placed(text)?)?;
        Some(Resolved::new(tenant, Arc::clone(&self.label)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{PeerChain, SpkiHash};
    use crate::tenant::{ResolveTenant as _, Rule, TenantId, TenantTable};
    use crate::testing::{KeyAlgorithm, LeafBuilder, NOW, TestCa};
    use crate::trust::{PinSet, Role};

    const TEMPLATES: [(NameKind, &str); 9] = [
        (NameKind::Uri, "spiffe://a.example/t/{tenant}"),
        (NameKind::Uri, "spiffe://a.example/{tenant}/t"),
        (NameKind::Uri, "spiffe://{tenant}/t"),
        (NameKind::Uri, "https://a.example/t/{tenant}"),
        (NameKind::Uri, "urn:t:{tenant}"),
        (NameKind::Dns, "{tenant}.a.example"),
        (NameKind::Email, "{tenant}@a.example"),
        (NameKind::CommonName, "{tenant}"),
        (NameKind::OrganizationalUnit, "t-{tenant}"),
    ];
    const WORDS: [&str; 14] = [
        "acme", "acme", "acme", "globex", "globex", "a.b", "ACME", "a~b", "a b", "a/b", "..", "%61", "",
        "t-acme",
    ];

    /// Numbers that look random, the same in each run.
    struct Dice(u64);

    impl Dice {
        fn below(&mut self, most: usize) -> usize {
            self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            usize::try_from(self.0 >> 33).expect("31 bits") % most
        }

        fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
            all[self.below(all.len())]
        }

        fn is_one_in(&mut self, times: usize) -> bool {
            self.below(times) == 0
        }

        /// Something that a certificate may say.
        fn name(&mut self) -> (NameKind, String) {
            let ((kind, template), word) = (self.one_of(&TEMPLATES), self.one_of(&WORDS));
            (kind, template.replace("{tenant}", word))
        }

        /// One name mostly, and sometimes none or several.
        fn leaf(&mut self, ca: &TestCa) -> LeafBuilder {
            let leaf = ca.client("x").without_san().key_algorithm(KeyAlgorithm::Ed25519);
            let names = self.one_of(&[0, 1, 1, 1, 2, 2, 3]);
            (0..names).fold(leaf, |leaf, _| match self.name() {
                (NameKind::Uri, text) => leaf.uri(&text),
                (NameKind::Dns, text) => leaf.dns(&text),
                (NameKind::Email, text) => leaf.email(&text),
                (NameKind::CommonName, text) => leaf.common_name(&text),
                (_, text) => leaf.organizational_unit(&text),
            })
        }

        /// A template, alone or with something beside it.
        fn table(&mut self, issuer: SpkiHash) -> Option<TenantTable> {
            let (kind, template) = self.one_of(&TEMPLATES);
            let mut rule = Rule::template(kind, template);
            if self.is_one_in(6) {
                let other = SpkiHash::from([0; 32]);
                rule = rule.issued_by(self.one_of(&[issuer, other]));
            }
            if self.is_one_in(6) {
                let (kind, name) = self.name();
                rule = rule.carrying(kind, &name);
            }
            let mut table = TenantTable::builder().rule(rule);
            if self.is_one_in(6) {
                let (kind, template) = self.one_of(&TEMPLATES);
                table = table.template(kind, template);
            }
            if self.is_one_in(6) {
                let (kind, name) = self.name();
                table = table.name(TenantId::parse("named").expect("a tenant"), kind, &name);
            }
            // Few of the names of a table are odd, or it is never prepared.
            let words = if self.is_one_in(3) {
                &WORDS[..]
            } else {
                &WORDS[..6]
            };
            let known = (0..self.below(3) + 1).map(|_| self.one_of(words));
            let known: Vec<_> = known.collect();
            table.known(known).build().ok()
        }
    }

    #[test]
    fn the_short_way_says_what_all_rules_say() {
        let ca = TestCa::builder("Acme Root")
            .key_algorithm(KeyAlgorithm::Ed25519)
            .issue();
        let mut dice = Dice(1);
        let peers: Vec<_> = (0..300)
            .filter_map(|_| PeerChain::parse(dice.leaf(&ca).issue().chain()).ok())
            .map(|chain| {
                let pins = PinSet::new([chain.leaf().spki()]);
                VerifiedPeer::verify(&pins, chain, Role::Client, NOW).expect("pinned")
            })
            .collect();
        let (mut short, mut refused) = (0, 0);
        for _ in 0..600 {
            let Some(table) = dice.table(SpkiHash::of(&ca.spki_der())) else {
                continue;
            };
            for peer in &peers {
                let answer = table.resolve_by_rules(peer);
                assert_eq!(table.resolve_tenant(peer), answer, "{table:?} {:?}", peer.leaf());
                let Some(template) = &table.one_template else {
                    continue;
                };
                short += usize::from(template.resolve(peer, &table.known).is_some());
                refused += usize::from(answer.is_err());
            }
        }
        assert!(short > 1_000 && refused > 1_000, "{short} {refused}");
    }
}
