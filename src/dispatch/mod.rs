//! The sender's side: deliveries under each tenant's own certificate, to consumers whose servers are verified, signed,
//! sent, and judged by what came back.
mod attempt;
mod builder;
mod claims;
mod connection;
mod delivery;
mod dispatcher;
mod endpoint;
mod exchange;
mod failure;
mod layer;
mod limits;
mod open;
mod outcome;
mod own_client;
mod pool;
mod schedule;
mod sender;
mod tenants;
mod turns;
mod wire;

pub use crate::breaker::Jitter;
pub use builder::DispatcherBuilder;
pub use claims::{Claims, NotClaimed};
pub use delivery::{Delivery, ForbiddenField};
pub use dispatcher::Dispatcher;
pub use endpoint::{Endpoint, InvalidEndpoint};
pub use failure::{Failure, Fault, Stage};
pub use layer::{DeliveryId, NotSent, SignLayer, SignService};
pub use limits::{Deadlines, Limits};
pub use outcome::{Answer, BodyEnd, Connected, Fate, NotImplemented, Outcome, Protocol, RetryRules};
pub use own_client::OwnClient;
pub use schedule::Schedule;
pub use sender::{InvalidSender, Sender};
