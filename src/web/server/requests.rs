use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::header::CONNECTION;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Version};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::Bounds;
use super::serving::Rules;
use super::unread::RequestBody;
use super::watch::{UnderWay, Watch};
use crate::observe::Cut;
use crate::web::Connection;

/// The requests of one connection, on their way to the service.
#[derive(Debug, Clone)]
pub(super) struct Requests<S> {
    pub(super) inner: S,
    pub(super) connection: Connection,
    pub(super) watch: Watch,
    pub(super) rules: Arc<Rules>,
}

impl<S, B> Service<Request<Incoming>> for Requests<S>
where
    S: Service<Request<RequestBody>, Response = Response<B>>,
{
    type Response = Response<Answer<B>>;
    type Error = S::Error;
    type Future = Answering<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Incoming>) -> Self::Future {
        let under_way = Some(self.watch.begin());
        let mut request = RequestBody::of(request, self.rules.bounds.unread, &self.watch);
        let (http1, too_large) = (request.version() < Version::HTTP_2, self.too_large(&request));
        let future = match too_large {
            Some(cut) => {
                self.rules.tell(&self.connection, &cut);
                None
            }
            None => {
                request.extensions_mut().insert(self.connection.clone());
                Some(self.inner.call(request))
            }
        };
        Answering {
            future,
            under_way,
            http1,
            watch: self.watch.clone(),
            connection: self.connection.clone(),
            rules: self.rules.clone(),
        }
    }
}

impl<S> Requests<S> {
    fn too_large(&self, request: &Request<RequestBody>) -> Option<Cut> {
        let Bounds {
            header_bytes: bytes,
            header_number: number,
            ..
        } = self.rules.bounds;
        let target = request
            .uri()
            .path_and_query()
            .map_or(0, |target| target.as_str().len());
        let fits = request.headers().len() <= number && size(request.headers()) + target <= bytes;
        (!fits).then_some(Cut::LargeHeaders { bytes, number })
    }
}

/// As RFC 9113 §6.5.2 counts them.
fn size(headers: &HeaderMap) -> usize {
    let field = |(name, value): (&http::HeaderName, &HeaderValue)| name.as_str().len() + value.len() + 32;
    headers.iter().map(field).sum()
}

pin_project! {
    /// An answer to come.
    pub(super) struct Answering<F> {
        // Nothing: the request is not let in.
        #[pin]
        future: Option<F>,
        under_way: Option<UnderWay>,
        http1: bool,
        watch: Watch,
        connection: Connection,
        rules: Arc<Rules>,
    }
}

impl<F, B, E> Future for Answering<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<Answer<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let under_way = this.under_way;
        let mut response = match this.future.as_pin_mut() {
            Some(future) => ready!(future.poll(cx))?.map(|body| Answer {
                body: Some(body),
                under_way: under_way.take().map(UnderWay::answer),
            }),
            None => refused(under_way.take().map(UnderWay::answer)),
        };
        this.rules.count(this.connection, this.watch);
        if *this.http1 && this.watch.is_leaving() {
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(CONNECTION, close);
        }
        Poll::Ready(Ok(response))
    }
}

fn refused<B>(under_way: Option<UnderWay>) -> Response<Answer<B>> {
    let mut response = Response::new(Answer {
        body: None,
        under_way,
    });
    *response.status_mut() = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
    response
}

pin_project! {
    /// The body of an answer, with whose end the request is done.
    #[derive(Debug)]
    pub(super) struct Answer<B> {
        #[pin]
        body: Option<B>,
        under_way: Option<UnderWay>,
    }
}

impl<B: Body> Body for Answer<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let this = self.project();
        let Some(body) = this.body.as_pin_mut() else {
            return Poll::Ready(None);
        };
        let Some(under_way) = this.under_way else {
            return body.poll_frame(cx);
        };
        under_way.goes_on();
        let frame = ready!(body.poll_frame(cx));
        if matches!(frame, Some(Ok(_))) {
            under_way.gives();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(B::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let none = || SizeHint::with_exact(0);
        self.body.as_ref().map_or_else(none, B::size_hint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_its_name_and_value_and_32_bytes() {
        let mut headers = HeaderMap::new();
        assert_eq!(size(&headers), 0);
        headers.append("via", HeaderValue::from_static("proxy-1"));
        headers.append("via", HeaderValue::from_static(""));
        assert_eq!(size(&headers), (3 + 7 + 32) + (3 + 32));
    }
}
