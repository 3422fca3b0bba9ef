//! Why a request goes no further, of the proxy's own reasons.

use axum::body::Body;
use axum::http::{Response, StatusCode};

/// Each with its code, which stays, and its status. The sender is told the status and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refused {
    /// No route has this path.
    NoRoute,
    /// The service behind might read the path as one of another route.
    PathUnclear,
    /// `CONNECT`, and `TRACE`, whose answer would show what services are told.
    Method,
    /// A change of protocol that the route does not pass on.
    Upgrade,
    /// The service cannot be reached, or breaks off before it answers.
    Backend(String),
    /// It does not answer in time.
    BackendSlow,
    /// The sender does not go on with a body that is passed on as it comes.
    SenderSlow,
    /// The service changes the protocol, and was not asked to.
    BackendAnswer,
}

impl Refused {
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::NoRoute => "proxy.no_route",
            Self::PathUnclear => "proxy.path_unclear",
            Self::Method => "proxy.method",
            Self::Upgrade => "proxy.upgrade_refused",
            Self::Backend(_) => "proxy.backend",
            Self::BackendSlow => "proxy.backend_slow",
            Self::SenderSlow => "proxy.sender_slow",
            Self::BackendAnswer => "proxy.backend_answer",
        }
    }

    /// No success, so that a claim is released and the sender's retry is let through.
    fn status(&self) -> StatusCode {
        match self {
            Self::NoRoute => StatusCode::NOT_FOUND,
            Self::PathUnclear => StatusCode::BAD_REQUEST,
            Self::Method | Self::Upgrade => StatusCode::NOT_IMPLEMENTED,
            Self::Backend(_) | Self::BackendAnswer => StatusCode::BAD_GATEWAY,
            Self::BackendSlow => StatusCode::GATEWAY_TIMEOUT,
            Self::SenderSlow => StatusCode::REQUEST_TIMEOUT,
        }
    }

    pub(crate) fn reason(&self) -> &str {
        match self {
            Self::NoRoute => "no route has this path",
            Self::PathUnclear => "the path may mean one of another route to the service behind",
            Self::Method => "CONNECT and TRACE are not passed on",
            Self::Upgrade => "the route passes no change of protocol on",
            Self::Backend(reason) => reason,
            Self::BackendSlow => "the service does not answer in time",
            Self::SenderSlow => "the sender does not go on with the body",
            Self::BackendAnswer => "the service changes the protocol, and was not asked to",
        }
    }

    pub(crate) fn answer(&self) -> Response<Body> {
        let mut answer = Response::new(Body::empty());
        *answer.status_mut() = self.status();
        answer
    }
}
