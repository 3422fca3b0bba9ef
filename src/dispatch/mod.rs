//! The sender's side. So far: when to try again.

mod schedule;

pub use crate::breaker::Jitter;
pub use schedule::Schedule;
