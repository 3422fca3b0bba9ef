//! The recipes of the cookbook and what else of the documents is code: each compiled, and run where it needs no socket.
//!
//! This is a library only because the documentation of libraries is tested.

// With PostgreSQL, which two recipes are about: by `--all-features`.
#[cfg(all(doctest, feature = "postgres"))]
#[doc = include_str!("../docs/cookbook.md")]
mod cookbook {}

#[cfg(doctest)]
#[doc = include_str!("../docs/moving-over.md")]
mod moving_over {}

#[cfg(doctest)]
#[doc = include_str!("../docs/rotation.md")]
mod rotation {}

#[cfg(doctest)]
#[doc = include_str!("../docs/observing.md")]
mod observing {}
