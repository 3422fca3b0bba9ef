//! Trials of signatures: a scheme of which an explanation may change a part, verified by the very verifiers that decide.

use std::sync::Arc;

use rustls_pki_types::SignatureVerificationAlgorithm;

use super::presets::{Make, Preset};
use crate::payload::hmac::engine::Written;
use crate::payload::hmac::scheme::Layout;
use crate::payload::hmac::verifier::Candidates;
use crate::payload::hmac::{KeySpec, PartialScheme, PartialVerifier};
use crate::payload::public_key::{Algorithms, PublicKeyScheme, PublicKeyVerifier, UnsupportedAlgorithm};
use crate::payload::token::{TokenScheme, TokenVerifier};
use crate::payload::{
    FindKeys, HmacVerifier, KeyId, Message, NotAuthentic, Origin, Scheme, VerifyPayload as _,
};
use crate::tenant::TenantId;

type SignatureAlgorithms = &'static [&'static dyn SignatureVerificationAlgorithm];

/// A scheme as it is tried.
#[derive(Debug, Clone)]
pub(crate) enum Trial {
    Hmac(Scheme),
    Partial(PartialScheme),
    PublicKey(PublicKeyScheme, SignatureAlgorithms),
    Token(TokenScheme),
}

impl Trial {
    /// A scheme with a public key.
    pub(crate) fn public_key(
        scheme: PublicKeyScheme,
        algorithms: SignatureAlgorithms,
    ) -> Result<Self, UnsupportedAlgorithm> {
        Algorithms::of(scheme.algorithm(), algorithms)?;
        Ok(Self::PublicKey(scheme, algorithms))
    }

    /// A preset, where what it needs is there.
    pub(crate) fn preset(
        preset: &Preset,
        origin: Option<&Origin>,
        algorithms: SignatureAlgorithms,
    ) -> Option<Self> {
        match preset.make {
            Make::Hmac(make) => Some(Self::Hmac(make())),
            Make::HmacOfUrl(make) => origin.map(|origin| Self::Hmac(make(origin))),
            Make::Partial(make) => Some(Self::Partial(make())),
            Make::PublicKey(make) => Self::public_key(make(), algorithms).ok(),
            Make::Token(make) => Some(Self::Token(make())),
            Make::Type { .. } => None,
        }
    }

    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Hmac(scheme) => scheme.name(),
            Self::Partial(scheme) => scheme.name(),
            Self::PublicKey(scheme, _) => scheme.name(),
            Self::Token(scheme) => scheme.name(),
        }
    }

    /// What is changed in trials; a fixed secret has nothing.
    pub(crate) fn layout(&self) -> Option<&Layout> {
        match self {
            Self::Hmac(scheme) => Some(&scheme.layout),
            Self::Partial(scheme) => Some(&scheme.layout),
            Self::PublicKey(scheme, _) => Some(&scheme.layout),
            Self::Token(_) => None,
        }
    }

    /// The same with a changed layout.
    pub(crate) fn with(&self, change: impl FnOnce(&mut Layout)) -> Self {
        let mut changed = self.clone();
        let layout = match &mut changed {
            Self::Hmac(scheme) => &mut scheme.layout,
            Self::Partial(scheme) => &mut scheme.layout,
            Self::PublicKey(scheme, _) => &mut scheme.layout,
            Self::Token(_) => return changed,
        };
        let mut next = Layout::clone(layout);
        change(&mut next);
        *layout = Arc::new(next.prepared());
        changed
    }

    /// The header field of the signature, or of the secret.
    pub(crate) fn field(&self) -> Option<&http::HeaderName> {
        match self {
            Self::Token(scheme) => scheme.header_field(),
            _ => self.layout().and_then(|layout| layout.signature.header()),
        }
    }

    /// What its keys are made of.
    pub(crate) fn spec(&self) -> KeySpec {
        match self {
            Self::Hmac(scheme) => scheme.into(),
            Self::Partial(scheme) => scheme.into(),
            Self::PublicKey(scheme, _) => scheme.into(),
            Self::Token(scheme) => scheme.into(),
        }
    }

    /// Whose signature it is and under which key, by the verifier of its kind.
    pub(crate) fn verify(
        &self,
        keys: &Arc<dyn FindKeys>,
        message: &Message<'_>,
    ) -> Result<(TenantId, KeyId), NotAuthentic> {
        let keys = Arc::clone(keys);
        let recognized = match self {
            Self::Hmac(scheme) => {
                let verifier = HmacVerifier::new(scheme.clone(), keys);
                let proof = verifier.verify_payload(message)?;
                return Ok((proof.sender().clone(), proof.key().clone()));
            }
            Self::PublicKey(scheme, algorithms) => {
                let verifier = PublicKeyVerifier::new(scheme.clone(), keys, algorithms);
                let verifier = verifier.map_err(|_| NotAuthentic::SignatureMismatch)?;
                let proof = verifier.verify_payload(message)?;
                return Ok((proof.sender().clone(), proof.key().clone()));
            }
            Self::Partial(scheme) => PartialVerifier::new(scheme.clone(), keys).recognize(message)?,
            Self::Token(scheme) => TokenVerifier::new(scheme.clone(), keys).recognize(message)?,
        };
        Ok((recognized.sender().clone(), recognized.key().clone()))
    }

    /// What each step of the reading says by itself: a verifier stops at the first.
    pub(crate) fn unreadable(&self, message: &Message<'_>) -> Vec<NotAuthentic> {
        let Some(layout) = self.layout() else {
            return Vec::new();
        };
        let reading = match layout.read(message) {
            Ok(reading) => reading,
            Err(why) => return vec![why],
        };
        let signatures = match self {
            Self::PublicKey(..) => Ok(()),
            _ => layout.find_candidates(&reading, &mut { Candidates::NONE }),
        };
        let signed = layout.feed(&layout.signed, &reading, Written::AsSent, &mut |_| {});
        [signatures, signed].into_iter().filter_map(Result::err).collect()
    }

    /// The first bytes of what is signed, at most `limit` of them, and how many there are.
    pub(crate) fn signed(&self, message: &Message<'_>, limit: usize) -> Option<(Vec<u8>, usize)> {
        let layout = self.layout()?;
        let reading = layout.read(message).ok()?;
        let (mut start, mut total) = (Vec::new(), 0_usize);
        let fed = layout.feed(&layout.signed, &reading, Written::AsSent, &mut |piece| {
            let room = limit.saturating_sub(start.len()).min(piece.len());
            start.extend_from_slice(piece.get(..room).unwrap_or_default());
            total = total.saturating_add(piece.len());
        });
        fed.ok().map(|()| (start, total))
    }
}
