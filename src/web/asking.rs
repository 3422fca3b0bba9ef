//! A request whose caller is asked for, and who waits for what is lacking.

use std::fmt;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready as done};

use http::header::{CACHE_CONTROL, VARY};
use http::{HeaderMap, HeaderValue, Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::Either;
use super::behind::Shown;
use super::caller::Rules;
use super::fetching::{FETCHES, fetched};
use crate::gate::Caller;
use crate::refusal::Refusal;

/// A request whose caller is asked for.
#[derive(Debug)]
pub(super) struct Question<B> {
    pub(super) request: Request<B>,
    /// Whose certificate counts, once that was read.
    pub(super) shown: Option<Shown>,
}

type Fetching = Pin<Box<dyn Future<Output = Result<(), Refusal>> + Send>>;

/// The answer to a request that goes on, or is turned away.
type Answer<S, B> = Either<
    <S as Service<Request<B>>>::Future,
    Ready<Result<<S as Service<Request<B>>>::Response, <S as Service<Request<B>>>::Error>>,
>;

/// A question that waits for what is lacking, and who is to be called when it is answered.
struct Waiting<S, B> {
    rules: Arc<Rules>,
    inner: S,
    question: Question<B>,
    fetches: usize,
}

pin_project! {
    #[project = StepProj]
    enum Step<S, B> where S: Service<Request<B>> {
        Fetching { waiting: Option<Box<Waiting<S, B>>>, fetching: Fetching },
        Answering { #[pin] answer: Answer<S, B> },
    }
}

pin_project! {
    /// The answer of a [`CallerService`](super::CallerService).
    pub struct CallerFuture<S, B> where S: Service<Request<B>> {
        #[pin]
        step: Step<S, B>,
        vary: Option<HeaderValue>,
    }
}

impl<S: Service<Request<B>>, B> fmt::Debug for CallerFuture<S, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waits = matches!(self.step, Step::Fetching { .. });
        f.debug_struct("CallerFuture")
            .field("waits", &waits)
            .finish_non_exhaustive()
    }
}

impl<S, B, R> CallerFuture<S, B>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    R: Default,
{
    /// Asks, and calls `inner`, which is ready, with whom it knows.
    pub(super) fn new(rules: &Arc<Rules>, inner: &mut S, mut question: Question<B>) -> Self {
        let vary = rules.behind.vary();
        let step = match rules.ask(&mut question) {
            Ok(caller) => Step::through(rules, inner, question, caller),
            Err(refusal) if refusal.ticket().is_none() => Step::refused(rules, &question, refusal),
            Err(refusal) => {
                // The one that is ready waits, its clone stays.
                let ready = inner.clone();
                let waiting = Waiting {
                    rules: Arc::clone(rules),
                    inner: std::mem::replace(inner, ready),
                    question,
                    fetches: FETCHES,
                };
                Step::fetching(waiting, refusal)
            }
        };
        Self { step, vary }
    }
}

impl<S, B, R> Step<S, B>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: Default,
{
    fn through(rules: &Rules, inner: &mut S, question: Question<B>, caller: Option<Caller>) -> Self {
        let mut request = question.request;
        rules.let_through(&mut request, caller);
        let future = inner.call(request);
        let answer = Either::Through { future };
        Self::Answering { answer }
    }

    fn refused(rules: &Rules, question: &Question<B>, refusal: Refusal) -> Self {
        let future = ready(Ok(rules.turn_away(&question.request, refusal)));
        let answer = Either::Refused { future };
        Self::Answering { answer }
    }

    fn fetching(mut waiting: Waiting<S, B>, refusal: Refusal) -> Self {
        waiting.fetches = waiting.fetches.saturating_sub(1);
        Self::Fetching {
            waiting: Some(Box::new(waiting)),
            fetching: Box::pin(fetched(refusal)),
        }
    }

    /// Asks again, now that what was lacking was asked for.
    fn again(mut waiting: Waiting<S, B>, fetched: Result<(), Refusal>) -> Self {
        match fetched.and_then(|()| waiting.rules.ask(&mut waiting.question)) {
            Ok(caller) => Self::through(&waiting.rules, &mut waiting.inner, waiting.question, caller),
            Err(refusal) if refusal.ticket().is_some() && waiting.fetches > 0 => {
                Self::fetching(waiting, refusal)
            }
            Err(refusal) => Self::refused(&waiting.rules, &waiting.question, refusal),
        }
    }
}

impl<S, B, R> Future for CallerFuture<S, B>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: Default,
{
    type Output = Result<Response<R>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let next = match this.step.as_mut().project() {
                StepProj::Answering { answer } => {
                    let mut answer = done!(answer.poll(cx));
                    vary(&mut answer, this.vary.take());
                    return Poll::Ready(answer);
                }
                StepProj::Fetching { waiting, fetching } => {
                    let fetched = done!(fetching.as_mut().poll(cx));
                    waiting.take().map(|waiting| Step::again(*waiting, fetched))
                }
            };
            // Whoever waits is taken once, and is followed by another step.
            let Some(next) = next else {
                return Poll::Pending;
            };
            this.step.set(next);
        }
    }
}

/// The answer varies with the certificate's field, for caches in front of us.
fn vary<R, E>(answer: &mut Result<Response<R>, E>, field: Option<HeaderValue>) {
    if let (Ok(response), Some(field)) = (answer, field)
        && may_be_stored(response.headers())
    {
        response.headers_mut().append(VARY, field);
    }
}

/// Whether a cache may keep it at all: `no-store` among its directives (RFC 9111 §5.2.2.5).
fn may_be_stored(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(CACHE_CONTROL).iter();
    let mut directives = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    !directives.any(|directive| directive.trim_ascii().eq_ignore_ascii_case(b"no-store"))
}
