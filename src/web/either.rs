//! A future that was let through or refused, as one type.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

pin_project! {
    /// The inner service's future, or the refusal.
    #[project = EitherProj]
    #[derive(Debug)]
    #[non_exhaustive]
    pub enum Either<A, B> {
        /// Let through.
        Through { #[pin] future: A },
        /// Turned away.
        Refused { #[pin] future: B },
    }
}

impl<A: Future, B: Future<Output = A::Output>> Future for Either<A, B> {
    type Output = A::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<A::Output> {
        Poll::Ready(match self.project() {
            EitherProj::Through { future } => ready!(future.poll(cx)),
            EitherProj::Refused { future } => ready!(future.poll(cx)),
        })
    }
}
