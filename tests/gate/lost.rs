//! What must not be dropped without a word: with it a delivery is lost, or its retries are kept away. The compiler says so,
//! and here it is expected to: an expectation that is not met does not compile.
#![deny(unfulfilled_lint_expectations)]
#![allow(dead_code, reason = "it is enough that it compiles")]

use countersign::breaker::Permit;
use countersign::dispatch::{Outcome, QueuedDelivery, Settled};
use countersign::replay::Claimed;

macro_rules! told_of {
    ($($name:ident: $type:ty),*) => {
        $(
            fn $name(make: impl FnOnce() -> $type) {
                #[expect(unused_must_use, reason = "this is what is tested")]
                {
                    make();
                }
            }
        )*
    };
}

told_of! {
    outcome: Outcome, queued: QueuedDelivery, settled: Settled, claimed: Claimed, permit: Permit<&'static str>
}
