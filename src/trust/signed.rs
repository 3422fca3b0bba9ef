use rustls_pki_types::{SignatureVerificationAlgorithm, SubjectPublicKeyInfoDer};
use webpki::RawPublicKeyEntity;

use super::algorithms::Algorithms;
use crate::identity::der::{BIT_STRING, Elements, SEQUENCE};

/// What an authority has signed, certificate or CRL, in its three parts (RFC 5280 §4.1, §5.1).
pub(super) struct Signed {
    tbs: Box<[u8]>,
    /// Contents of the AlgorithmIdentifier.
    algorithm: Box<[u8]>,
    signature: Box<[u8]>,
}

impl Signed {
    pub(super) fn split(der: &[u8]) -> Option<Self> {
        let mut parts = Elements::inside(SEQUENCE, der)?;
        let tbs = parts.take(SEQUENCE)?.whole;
        let algorithm = parts.take(SEQUENCE)?.contents;
        let (0, signature) = parts.take(BIT_STRING)?.contents.split_first()? else {
            return None;
        };
        parts.is_empty().then(|| Self {
            tbs: tbs.into(),
            algorithm: algorithm.into(),
            signature: signature.into(),
        })
    }

    /// The bytes that are signed.
    pub(super) fn message(&self) -> &[u8] {
        &self.tbs
    }

    /// Whether its algorithm is one of these.
    pub(super) fn is_supported(&self, algorithms: Algorithms) -> bool {
        self.candidates(algorithms).next().is_some()
    }

    /// Whether this key has signed it.
    pub(super) fn verify(&self, spki_der: &SubjectPublicKeyInfoDer<'_>, algorithms: Algorithms) -> bool {
        let Ok(key) = RawPublicKeyEntity::try_from(spki_der) else {
            return false;
        };
        self.candidates(algorithms).any(|algorithm| {
            key.verify_signature(algorithm, &self.tbs, &self.signature)
                .is_ok()
        })
    }

    /// Several stand for one identifier: ECDSA is named without its curve.
    fn candidates(
        &self,
        algorithms: Algorithms,
    ) -> impl Iterator<Item = &'static dyn SignatureVerificationAlgorithm> {
        let own = |algorithm: &&dyn SignatureVerificationAlgorithm| {
            algorithm.signature_alg_id().as_ref() == &*self.algorithm
        };
        algorithms.iter().copied().filter(own)
    }
}
