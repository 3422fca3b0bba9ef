use bytes::BytesMut;
use http::{HeaderMap, HeaderValue, Request, Uri, Version, header};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::time::{Instant, timeout_at};

use super::connection::{Body, Connection, Interrupted, Processed};
use super::open::refused;
use super::{Answer, BodyEnd, Connected, Deadlines, Delivery, Endpoint, Failure, Limits, Protocol, Stage};
use crate::egress::from_now;

/// One request and its answer, on one connection.
pub(super) struct Exchange<'a> {
    pub(super) endpoint: &'a Endpoint,
    pub(super) delivery: &'a Delivery,
    /// What the signers have added.
    pub(super) signature: &'a HeaderMap,
    pub(super) deadlines: &'a Deadlines,
    pub(super) limits: &'a Limits,
    /// The end of the whole delivery.
    pub(super) until: Instant,
}

/// A request without an answer: why, and whether it may have been handled.
pub(super) struct Unanswered {
    pub(super) failure: Failure,
    pub(super) processed: Processed,
}

impl Exchange<'_> {
    /// The answer.
    pub(super) async fn run(
        &self,
        connection: &mut Connection,
        from: Connected,
    ) -> Result<Answer, Unanswered> {
        let (body, sending) = connection.body(self.delivery.body.clone());
        let request = self.request(connection.protocol(), body).map_err(not_sent)?;
        let (until, stage) = self.answer_by();
        let sent = timeout_at(until, connection.send(request)).await;
        let response = match sent {
            Ok(Ok(response)) => response,
            Ok(Err(interrupted)) => return Err(unanswered(connection, interrupted)),
            // Perhaps it was handled: to send it again is the queue's to decide.
            Err(_) => {
                return Err(Unanswered {
                    failure: Failure::TimedOut { stage },
                    processed: Processed::Perhaps,
                });
            }
        };
        let (head, mut body) = response.into_parts();
        let mut answer = Answer::new(head.status, head.headers, connection.protocol(), from);
        self.read(&mut body, &mut answer, connection).await;
        // While somebody has the body, which may not be at its end, the connection is not closed.
        answer.request = timeout_at(until, sending.end()).await.unwrap_or(BodyEnd::CutOff);
        Ok(answer)
    }

    /// Until when the answer is waited for, and what has taken too long then.
    fn answer_by(&self) -> (Instant, Stage) {
        let answer = from_now(self.deadlines.answer);
        if answer < self.until {
            (answer, Stage::Answering)
        } else {
            (self.until, Stage::Delivering)
        }
    }

    /// HTTP/1.1 names the host in a field, HTTP/2 in the target.
    fn request(&self, protocol: Protocol, body: Body) -> http::Result<Request<Body>> {
        let uri = self.endpoint.uri();
        let mut headers = self.delivery.headers.clone();
        headers.extend(self.signature.clone());
        let (version, target) = match protocol {
            Protocol::Http2 => (Version::HTTP_2, uri.clone()),
            Protocol::Http1 => {
                let host = uri.authority().map_or("", |authority| authority.as_str());
                // Put there last, so that nothing of the delivery says where it goes.
                headers.insert(header::HOST, HeaderValue::from_str(host)?);
                let path = uri.path_and_query().cloned();
                (
                    Version::HTTP_11,
                    path.map_or_else(|| Uri::from_static("/"), Uri::from),
                )
            }
        };
        let mut request = Request::new(body);
        *request.method_mut() = self.delivery.method.clone();
        *request.uri_mut() = target;
        *request.version_mut() = version;
        *request.headers_mut() = headers;
        Ok(request)
    }

    async fn read(&self, body: &mut Incoming, answer: &mut Answer, connection: &Connection) {
        let mut kept = BytesMut::new();
        let wire = &connection.facts.wire;
        let reading = keep(body, &mut kept, self.limits.body, || wire.progress());
        // It is an answer, however long its body takes: at the end of the whole as at its own, it is only cut off.
        let until = from_now(self.deadlines.body).min(self.until);
        answer.end = timeout_at(until, reading).await.unwrap_or(BodyEnd::CutOff);
        answer.body = kept.freeze();
    }
}

/// What fits is kept, and nothing is read beyond that.
async fn keep(body: &mut Incoming, kept: &mut BytesMut, limit: usize, progress: impl Fn()) -> BodyEnd {
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return BodyEnd::CutOff;
        };
        let Ok(data) = frame.into_data() else { continue };
        // Frames without anything in them are none, however many come.
        if !data.is_empty() {
            progress();
        }
        let room = limit - kept.len();
        kept.extend_from_slice(data.get(..room.min(data.len())).unwrap_or_default());
        if data.len() > room {
            return BodyEnd::CutOff;
        }
    }
    BodyEnd::Whole
}

fn not_sent(error: http::Error) -> Unanswered {
    Unanswered {
        failure: Failure::NoAnswer {
            reason: error.to_string(),
        },
        processed: Processed::Perhaps,
    }
}

fn unanswered(connection: &Connection, interrupted: Interrupted) -> Unanswered {
    let facts = &connection.facts;
    Unanswered {
        failure: refused(&facts.wire, facts.asked, &interrupted.error),
        processed: interrupted.processed,
    }
}
