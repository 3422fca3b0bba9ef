use std::task::{Context, Poll};

use tower_service::Service;

/// A service of hyper's, which is always ready, as one of tower's.
#[derive(Debug, Clone)]
pub(super) struct OfHyper<S>(pub(super) S);

impl<S, R> Service<R> for OfHyper<S>
where
    S: ::hyper::service::Service<R>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: R) -> S::Future {
        self.0.call(request)
    }
}
