use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

use rustls_pki_types::{CertificateDer, TrustAnchor};
use webpki::EndEntityCert;

use super::algorithms::Algorithms;
use super::signed::Signed;
use crate::identity::SpkiHash;
use crate::identity::der::{Elements, SEQUENCE};

/// Whether a name, in DER, is that of an authority that browsers trust.
pub(crate) fn is_public_authority(name: &[u8]) -> bool {
    PublicRoots::known().are_named(name)
}

/// Authorities that browsers trust.
pub(super) struct PublicRoots<'a> {
    keys: HashSet<SpkiHash>,
    by_name: HashMap<&'a [u8], Vec<&'a TrustAnchor<'a>>>,
}

impl PublicRoots<'static> {
    /// By Mozilla's list.
    pub(super) fn known() -> &'static Self {
        static ROOTS: OnceLock<PublicRoots<'static>> = OnceLock::new();
        ROOTS.get_or_init(|| Self::of(webpki_roots::TLS_SERVER_ROOTS))
    }
}

impl<'a> PublicRoots<'a> {
    fn of(roots: &'a [TrustAnchor<'a>]) -> Self {
        let mut by_name = HashMap::<_, Vec<_>>::new();
        for root in roots {
            by_name.entry(root.subject.as_ref()).or_default().push(root);
        }
        Self {
            keys: roots
                .iter()
                .map(|root| SpkiHash::of(&webpki::spki_for_anchor(root)))
                .collect(),
            by_name,
        }
    }

    /// Whether this is the key of one of them.
    ///
    /// By key, so that a copy of a public root signed by somebody else is recognised as well: whoever holds the key
    /// issues to the whole world, whatever certificate it is wrapped in.
    pub(super) fn contain(&self, spki: &SpkiHash) -> bool {
        self.keys.contains(spki)
    }

    /// Whether this is the name of one of them, in DER with its outer SEQUENCE.
    fn are_named(&self, name: &[u8]) -> bool {
        let inside = Elements::inside(SEQUENCE, name);
        let contents = inside.map(Elements::bytes).unwrap_or_default();
        self.by_name.contains_key(contents)
    }

    /// Whether one of them has issued this certificate: it bears the name of one, and the signature of its key.
    ///
    /// One that bears the name, and a signature that nobody here can verify, is taken for issued. What an intermediate
    /// of theirs has issued in turn is not recognised: the list has roots only.
    pub(super) fn have_issued(&self, der: &CertificateDer<'_>, algorithms: Algorithms) -> bool {
        let (Ok(certificate), Some(signed)) = (EndEntityCert::try_from(der), Signed::split(der)) else {
            return false;
        };
        let mut named = self.by_name.get(certificate.issuer()).into_iter().flatten();
        named.any(|root| {
            let key = webpki::spki_for_anchor(root);
            !signed.is_supported(algorithms) || signed.verify(&key, algorithms)
        })
    }
}

#[cfg(test)]
mod tests {
    use rustls::crypto::aws_lc_rs::default_provider;

    use super::*;
    use crate::testing::{KeyAlgorithm, TestCa};

    fn algorithms() -> Algorithms {
        default_provider().signature_verification_algorithms.all
    }

    #[test]
    fn the_list_is_there() {
        let roots = PublicRoots::known();
        assert!(roots.keys.len() > 100, "{} roots", roots.keys.len());
        assert!(roots.keys.iter().all(|key| roots.contain(key)));
        assert!(!roots.contain(&SpkiHash::of(b"a key of our own")));
    }

    #[test]
    fn what_a_root_has_issued_is_told_by_name_and_signature() {
        for algorithm in [KeyAlgorithm::EcdsaP256, KeyAlgorithm::EcdsaP384] {
            let public = TestCa::builder("Everybody's Root")
                .key_algorithm(algorithm)
                .issue();
            let issuing = public.intermediate("Everybody's Issuing");
            let private = TestCa::new("Our Root");
            let list = [webpki::anchor_from_trusted_cert(public.certificate()).expect("an anchor")];
            let roots = PublicRoots::of(&list);
            for (case, certificate, expected) in [
                ("an intermediate", &issuing, true),
                ("our own", &private, false),
                (
                    "our own intermediate",
                    &private.intermediate("Our Issuing"),
                    false,
                ),
                ("one of the same name", &public.evil_twin(), false),
                (
                    "issued by one of the same name",
                    &public.evil_twin().intermediate("Everybody's Issuing"),
                    false,
                ),
                (
                    "the root of ours, cross-signed by theirs",
                    &private.cross_signed_by(&public),
                    true,
                ),
                ("two below the root", &issuing.intermediate("Below"), false),
            ] {
                let der = certificate.certificate();
                assert_eq!(roots.have_issued(der, algorithms()), expected, "{case}");
            }
            assert!(
                roots.have_issued(issuing.certificate(), &[]),
                "a signature that nobody can verify"
            );
        }
    }
}
