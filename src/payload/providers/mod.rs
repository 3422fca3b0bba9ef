//! Webhook providers (**how does *this* one sign?**): [`presets`] are the schemes of the providers, each with its
//! source; [`handshakes`] what they ask of an endpoint; the types here the ways of signing that no row of data can say.

mod families;
pub mod handshakes;
pub mod presets;
mod trial;

pub use families::{
    AdyenBatch, AdyenItem, AdyenVerifier, EbaySigner, EbayVerifier, FindPublished, HubSpotLegacy,
    PayPalEvent, PayPalSigner, PayPalVerifier, SnsMessage, SnsSigner, SnsVerifier, TwilioVerifier,
};
pub(crate) use trial::Trial;
