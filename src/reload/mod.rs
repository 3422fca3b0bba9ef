//! Key sets that live at a URL: fetched, and kept fresh, by a task of their own.
//!
//! What is fetched, and when, is decided in [`RemoteJwks`](crate::payload::jose::RemoteJwks), which does no I/O.
//! [`keep_fresh`] does what it says, with a function of yours, or with [`FetchJwks`].

mod fetch;
mod refresh;

pub use fetch::{FetchFailed, FetchJwks, InvalidUrl};
pub use refresh::{RefreshFailed, keep_fresh};
