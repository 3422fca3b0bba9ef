//! Reloading: what is kept outside and changes is loaded, checked, and put in force while it is in use.
//!
//! * [`Reload`] keeps any number of [`Source`]s loaded: authorities, pins, revocation lists, tenants, keys, one's own
//!   certificate. Each yields what a [`Live`](crate::live::Live) decides by.
//! * [`Files`] are read as one, whichever way they are replaced, and [`FileSource`] knows what is usual. `UrlSource` (with
//!   the feature `fetch`) asks URLs, by way of [`egress`](crate::egress). [`Both`] makes one of two.
//! * [`Status`] says how each stands, and every publication and failure, and its end, is an
//!   [`Event`](crate::observe::Event::Reloaded).
//! * A key set at a URL has a keeper of its own: what is fetched, and when, is decided in
//!   [`RemoteJwks`](crate::payload::jose::RemoteJwks), which does no I/O, and `keep_fresh` does what it says, with a function
//!   of yours, or with `FetchJwks`.

#[cfg(feature = "reload")]
mod both;
#[cfg(feature = "reload")]
mod caught;
#[cfg(feature = "fetch")]
mod fetch;
#[cfg(feature = "reload")]
mod file_source;
#[cfg(feature = "reload")]
mod files;
#[cfg(feature = "reload")]
mod keeper;
#[cfg(feature = "reload")]
mod publish;
#[cfg(feature = "reload")]
mod ready;
#[cfg(feature = "jwks-fetch")]
mod refresh;
#[cfg(feature = "reload")]
mod reloading;
#[cfg(feature = "reload")]
mod rules;
#[cfg(feature = "reload")]
mod source;
#[cfg(feature = "reload")]
mod stamps;
#[cfg(feature = "reload")]
mod starting;
#[cfg(feature = "reload")]
mod status;
#[cfg(all(feature = "reload", feature = "fetch"))]
mod url_source;
#[cfg(feature = "reload")]
mod watch;

#[cfg(feature = "reload")]
pub use both::Both;
#[cfg(feature = "jwks-fetch")]
pub use fetch::FetchJwks;
#[cfg(feature = "fetch")]
pub use fetch::{Fetch, FetchFailed, InvalidUrl};
#[cfg(feature = "reload")]
pub use file_source::{FileSource, Reading};
#[cfg(feature = "reload")]
pub use files::Files;
#[cfg(feature = "reload")]
use files::MAX_FILES;
#[cfg(feature = "reload")]
pub use publish::Publish;
#[cfg(feature = "jwks-fetch")]
pub use refresh::{RefreshFailed, keep_fresh};
#[cfg(feature = "reload")]
pub use reloading::Reloading;
#[cfg(feature = "reload")]
pub use rules::Rules;
#[cfg(feature = "reload")]
pub use source::{Changed, Loaded, Loading, NotLoaded, Source};
#[cfg(feature = "reload")]
pub use starting::Reload;
#[cfg(feature = "reload")]
pub use status::{FoundBy, Status};
#[cfg(all(feature = "reload", feature = "fetch"))]
pub use url_source::UrlSource;
