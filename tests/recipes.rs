//! The recipes of the cookbook, each compiled, and run where it needs no socket.
//!
//! This is a library only because the documentation of libraries is tested.

#[cfg(doctest)]
#[doc = include_str!("../docs/cookbook.md")]
mod cookbook {}

#[cfg(doctest)]
#[doc = include_str!("../docs/rotation.md")]
mod rotation {}

#[cfg(doctest)]
#[doc = include_str!("../docs/observing.md")]
mod observing {}
