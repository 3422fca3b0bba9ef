//! The providers whose scheme is a type of its own: their verifiers, and what may be wrong with what they were told.

mod variants;

use std::sync::Arc;

use http::HeaderName;

use super::hidden::MASK;
use super::provider::ProviderInquiry;
use super::secrets::{self, Taken};
use crate::codes::Seen;
use crate::payload::hmac::{Digest, KeyForm, KeySpec};
use crate::payload::providers::{
    AdyenVerifier, EbayVerifier, HubSpotLegacy, PayPalVerifier, SnsVerifier, TwilioVerifier,
};
use crate::payload::{FindKeys, Message, NoKey, NotAuthentic, Origin, VerifyPayload as _};
use crate::tenant::TenantId;

#[derive(Clone)]
pub(super) enum Family {
    Adyen,
    /// Version 2, where there is an origin.
    HubSpot(Option<Origin>),
    Twilio(Origin),
    PayPal(Box<PayPalVerifier>),
    Sns(Box<SnsVerifier>),
    Ebay(Box<EbayVerifier>),
}

impl Family {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Adyen => "adyen",
            Self::HubSpot(_) => "hubspot_legacy",
            Self::Twilio(_) => "twilio",
            Self::PayPal(_) => "paypal",
            Self::Sns(_) => "aws_sns",
            Self::Ebay(_) => "ebay",
        }
    }

    /// What its secrets are, where it has any.
    pub(super) fn spec(&self) -> Option<KeySpec> {
        match self {
            Self::Adyen => Some(AdyenVerifier::KEYS),
            Self::HubSpot(_) => Some(KeySpec::Secret {
                digest: Digest::Sha256,
                form: KeyForm::Utf8,
            }),
            Self::Twilio(_) => Some(TwilioVerifier::KEYS),
            Self::PayPal(_) | Self::Sns(_) | Self::Ebay(_) => None,
        }
    }

    /// Where it is called, where that is signed.
    pub(super) fn origin(&self) -> Option<&Origin> {
        match self {
            Self::HubSpot(origin) => origin.as_ref(),
            Self::Twilio(origin) => Some(origin),
            _ => None,
        }
    }

    fn to(&self, origin: &Origin) -> Self {
        match self {
            Self::Twilio(_) => Self::Twilio(origin.clone()),
            _ => Self::HubSpot(Some(origin.clone())),
        }
    }

    pub(super) fn fields(&self) -> Vec<HeaderName> {
        match self {
            Self::Adyen | Self::Sns(_) => Vec::new(),
            Self::HubSpot(_) => vec![HubSpotLegacy::FIELD],
            Self::Twilio(_) => vec![TwilioVerifier::FIELD],
            Self::PayPal(_) => PayPalVerifier::FIELDS.to_vec(),
            Self::Ebay(_) => vec![EbayVerifier::FIELD],
        }
    }

    /// Without its tolerance: an old delivery can be looked into.
    pub(super) fn at_any_time(&self) -> Self {
        match self {
            Self::PayPal(verifier) => Self::PayPal(verifier.untimed().into()),
            Self::Sns(verifier) => Self::Sns(verifier.untimed().into()),
            other => other.clone(),
        }
    }

    /// What the receiver says.
    pub(super) fn decide(
        &self,
        inquiry: &ProviderInquiry,
        message: &Message<'_>,
    ) -> Result<(), NotAuthentic> {
        match self {
            Self::PayPal(verifier) => verifier.recognize(message).map(drop),
            Self::Sns(verifier) => verifier.recognize(message).map(drop),
            Self::Ebay(verifier) => verifier.verify_payload(message).map(drop),
            Self::HubSpot(_) => self.decide_by_secrets(inquiry, message),
            Self::Adyen | Self::Twilio(_) => match inquiry.keys() {
                Some(keys) => self.decide_by(keys.ring, message),
                None => Err(NoKey::Unavailable.into()),
            },
        }
    }

    fn decide_by(&self, keys: Arc<dyn FindKeys>, message: &Message<'_>) -> Result<(), NotAuthentic> {
        match self {
            Self::Twilio(origin) => {
                let verifier = TwilioVerifier::new(origin.clone(), keys);
                verifier.verify_payload(message).map(drop)
            }
            _ => AdyenVerifier::new(keys).recognize(message).map(drop),
        }
    }

    /// HubSpot's older receiver has one secret: here each is tried that was entered.
    fn decide_by_secrets(
        &self,
        inquiry: &ProviderInquiry,
        message: &Message<'_>,
    ) -> Result<(), NotAuthentic> {
        let mut why = NoKey::Unavailable.into();
        for key in secrets::of_sender(&inquiry.entered, message) {
            let Some(bytes) = self.spec().and_then(|spec| key.bytes(&spec)) else {
                continue;
            };
            match self.decide_by_bytes(&key.tenant, &bytes, message) {
                Ok(()) => return Ok(()),
                Err(refused) => why = refused,
            }
        }
        Err(why)
    }

    fn decide_by_bytes(
        &self,
        tenant: &TenantId,
        secret: &zeroize::Zeroizing<Vec<u8>>,
        message: &Message<'_>,
    ) -> Result<(), NotAuthentic> {
        let receiver = HubSpotLegacy::of_bytes(tenant.clone(), secret.clone(), self.origin());
        receiver.recognize(message).map(drop)
    }

    /// With another key, or with another reading of one.
    fn decide_taking(&self, taken: &Taken<'_>, message: &Message<'_>) -> Result<(), NotAuthentic> {
        let (unusable, key) = (NotAuthentic::SignatureMismatch, taken.key);
        let spec = self.spec().ok_or(unusable.clone())?;
        if let Self::HubSpot(_) = self {
            let bytes = taken.bytes.clone().or_else(|| key.bytes(&spec)).ok_or(unusable)?;
            return self.decide_by_bytes(&key.tenant, &bytes, message);
        }
        let keys = match &taken.bytes {
            Some(bytes) => key.of_bytes(&spec, bytes).ok_or(unusable)?,
            None => key.alone(&spec).map_err(|_| unusable)?,
        };
        self.decide_by(keys, message)
    }

    /// What is signed, as far as it can be shown: of HubSpot's, all but the secret before it.
    pub(super) fn signed(&self, inquiry: &ProviderInquiry, message: &Message<'_>) -> Option<Vec<u8>> {
        match self {
            Self::Adyen => {
                let items = adyen_items(inquiry, message)?;
                let texts: Vec<_> = items.iter().map(|(text, _)| text.as_bytes()).collect();
                Some(texts.join(b"\n".as_slice()))
            }
            Self::HubSpot(origin) => {
                let rest = HubSpotLegacy::behind_the_secret(origin.as_ref(), message);
                Some([MASK.as_bytes(), &rest].concat())
            }
            Self::Twilio(origin) => TwilioVerifier::signed_text(origin, message),
            Self::PayPal(verifier) => verifier.signed(message),
            Self::Sns(_) => SnsVerifier::look_into(message).map(|(_, _, text)| text),
            Self::Ebay(_) => Some(message.body.to_vec()),
        }
    }

    /// What was looked at where the signature is compared.
    pub(super) fn seen(&self, inquiry: &ProviderInquiry, message: &Message<'_>) -> Option<String> {
        match self {
            Self::Adyen => {
                let items = adyen_items(inquiry, message)?;
                let wrong = items.iter().position(|(_, is_right)| !is_right)?;
                let (text, _) = items.get(wrong)?;
                Some(format!(
                    "item {} of {} is not right: {}",
                    wrong + 1,
                    items.len(),
                    Seen::of(text)
                ))
            }
            _ => self
                .signed(inquiry, message)
                .map(|text| format!("{} signed bytes", text.len())),
        }
    }
}

/// What is signed of each item, and whether it is.
fn adyen_items(inquiry: &ProviderInquiry, message: &Message<'_>) -> Option<Vec<(String, bool)>> {
    AdyenVerifier::new(inquiry.keys()?.ring).each_item(message)
}
