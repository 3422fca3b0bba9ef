//! countersign
pub mod address;
pub mod gate;
pub mod identity;
pub mod live;
pub mod observe;
pub mod payload;
pub mod refusal;
#[cfg(feature = "jwks-fetch")]
pub mod reload;
pub mod replay;
pub mod tenant;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(feature = "tls")]
pub mod tls;
pub mod trust;
#[cfg(any(feature = "tower", feature = "tokio"))]
pub mod web;
