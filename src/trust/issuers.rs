use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use rustls_pki_types::SubjectPublicKeyInfoDer;
use webpki::Cert;

use crate::identity::{Facts, Malformed, SpkiHash, Validity};

/// How many intermediates are kept read.
const MAX: usize = 256;

/// The intermediates that stood on verified paths, read once: they are few, and every peer brings them again.
///
/// Only ever asked about a certificate that webpki has found on a path to an anchor, so strangers cannot fill it.
/// Reading is a function of the bytes alone, and the bytes are compared whole.
#[derive(Default)]
pub(super) struct KnownIssuers {
    by_tail: RwLock<HashMap<[u8; 16], Arc<KnownIssuer>>>,
}

/// An intermediate, read.
pub(super) struct KnownIssuer {
    der: Box<[u8]>,
    pub(super) facts: Facts,
    pub(super) validity: Validity,
    pub(super) spki: SpkiHash,
    pub(super) spki_der: SubjectPublicKeyInfoDer<'static>,
}

impl KnownIssuers {
    pub(super) fn read(&self, certificate: &Cert<'_>) -> Result<Arc<KnownIssuer>, Malformed> {
        let der = certificate.der();
        // The end of a certificate is its signature: as good as a hash to look it up by.
        let tail = der.last_chunk().ok_or(Malformed::Certificate)?;
        if let Some(known) = self.find(tail).filter(|known| *known.der == *der) {
            return Ok(known);
        }
        let (facts, validity) = Facts::of(&der)?;
        let spki_der = certificate.subject_public_key_info();
        let spki = SpkiHash::of(&spki_der);
        let issuer = Arc::new(KnownIssuer {
            der: der.as_ref().into(),
            facts,
            validity,
            spki,
            spki_der,
        });
        self.keep(*tail, Arc::clone(&issuer));
        Ok(issuer)
    }

    fn find(&self, tail: &[u8; 16]) -> Option<Arc<KnownIssuer>> {
        self.by_tail
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(tail)
            .cloned()
    }

    fn keep(&self, tail: [u8; 16], issuer: Arc<KnownIssuer>) {
        let mut known = self.by_tail.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX {
            known.clear();
        }
        known.insert(tail, issuer);
    }
}
