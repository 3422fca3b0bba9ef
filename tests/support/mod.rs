//! What several tests share.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use countersign::tenant::TenantId;
use rustls::pki_types::UnixTime;

pub(crate) fn at(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

pub(crate) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn tenant(name: &str) -> TenantId {
    TenantId::parse(name).expect("a tenant's name")
}

/// What a future that waits for nothing answers.
pub(crate) fn now<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it waits"),
    }
}
