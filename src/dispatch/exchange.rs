use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Request, Response, Uri, Version, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use tokio::time::timeout;

use super::connection::{Connection, Interrupted, Processed};
use super::open::refused;
use super::{Answer, BodyEnd, Connected, Deadlines, Delivery, Endpoint, Failure, Limits, Protocol, Stage};

/// One request and its answer, on one connection.
pub(super) struct Exchange<'a> {
    pub(super) endpoint: &'a Endpoint,
    pub(super) delivery: &'a Delivery,
    /// What the signers have added.
    pub(super) signature: &'a HeaderMap,
    pub(super) deadlines: &'a Deadlines,
    pub(super) limits: &'a Limits,
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
        let request = self.request(connection.protocol()).map_err(not_sent)?;
        let sent = timeout(self.deadlines.answer, connection.send(request)).await;
        let response = match sent {
            Ok(Ok(response)) => response,
            Ok(Err(interrupted)) => return Err(unanswered(connection, interrupted)),
            Err(_) => {
                return Err(Unanswered {
                    failure: Failure::TimedOut {
                        stage: Stage::Answering,
                    },
                    processed: Processed::Perhaps,
                });
            }
        };
        Ok(self.read(response, connection.protocol(), from).await)
    }

    /// HTTP/1.1 names the host in a field, HTTP/2 in the target.
    fn request(&self, protocol: Protocol) -> http::Result<Request<Full<Bytes>>> {
        let uri = self.endpoint.uri();
        let mut headers = self.delivery.headers.clone();
        headers.extend(self.signature.clone());
        let (version, target) = match protocol {
            Protocol::Http2 => (Version::HTTP_2, uri.clone()),
            Protocol::Http1 => {
                let host = uri.authority().map_or("", |authority| authority.as_str());
                headers.insert(header::HOST, HeaderValue::from_str(host)?);
                let path = uri.path_and_query().cloned();
                (
                    Version::HTTP_11,
                    path.map_or_else(|| Uri::from_static("/"), Uri::from),
                )
            }
        };
        let body = Full::new(self.delivery.body.clone());
        let mut request = Request::new(body);
        *request.method_mut() = self.delivery.method.clone();
        *request.uri_mut() = target;
        *request.version_mut() = version;
        *request.headers_mut() = headers;
        Ok(request)
    }

    async fn read(&self, response: Response<Incoming>, protocol: Protocol, from: Connected) -> Answer {
        let (head, mut body) = response.into_parts();
        let mut answer = Answer::new(head.status, head.headers, protocol, from);
        let mut kept = BytesMut::new();
        let reading = timeout(self.deadlines.body, keep(&mut body, &mut kept, self.limits.body)).await;
        answer.end = reading.unwrap_or(BodyEnd::CutOff);
        answer.body = kept.freeze();
        answer
    }
}

/// What fits is kept, and nothing is read beyond that.
async fn keep(body: &mut Incoming, kept: &mut BytesMut, limit: usize) -> BodyEnd {
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return BodyEnd::CutOff;
        };
        let Ok(data) = frame.into_data() else { continue };
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
