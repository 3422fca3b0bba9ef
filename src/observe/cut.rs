use std::time::Duration;

use crate::tenant::TenantId;

/// A limit of a server that a connection, or a request on it, has reached.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Cut {
    /// The header fields of a request took too long: its connection was closed.
    #[error("the header fields of a request took longer than {limit:?}")]
    SlowHeaders {
        /// What they may take.
        limit: Duration,
    },
    /// The header fields of a request are too large, or too many: it was refused with 431.
    #[error("header fields of more than {bytes} bytes, or more than {number}")]
    LargeHeaders {
        /// How large they may be.
        bytes: usize,
        /// How many there may be.
        number: usize,
    },
    /// No request was under way for too long: the connection was closed.
    #[error("no request for {limit:?}")]
    Idle {
        /// How long a connection may be without one.
        limit: Duration,
    },
    /// The peer took nothing of what was sent to it for too long: the connection was closed.
    #[error("the peer took nothing for {limit:?}")]
    Stalled {
        /// How long it may take nothing.
        limit: Duration,
    },
    /// The connection has been open for as long as one may: it takes no more requests, and was closed when those under way
    /// were done.
    #[error("open for {limit:?}")]
    Old {
        /// How long it may be open.
        limit: Duration,
    },
    /// As many requests came over the connection as may: it was closed when they were done.
    #[error("{limit} requests on one connection")]
    Requests {
        /// How many may.
        limit: u64,
    },
    /// Too many connections are open, and the peer's source has some of them: it was turned away before TLS.
    #[error("{limit} connections may be open, and too many are")]
    Connections {
        /// How many may be open in all.
        limit: usize,
    },
    /// Too many connections of the peer's source are open: it was turned away before TLS.
    #[error("{limit} connections of this source are open, and no more may be")]
    ConnectionsOfSource {
        /// How many may be.
        limit: usize,
    },
    /// Too many connections of one tenant are open: the last was closed.
    #[error("{limit} connections of {tenant} are open, and no more may be")]
    ConnectionsOfTenant {
        /// Whose they are.
        tenant: TenantId,
        /// How many may be.
        limit: usize,
    },
    /// Streams of the connection were reset too often, by its peer or for what its peer did: it was closed.
    #[error("more than {limit} streams were reset within a second")]
    Resets {
        /// How many may be within a second.
        limit: u32,
    },
    /// The peer sent too many frames that carry nothing (pings, settings, priorities, empty data): the connection was closed.
    #[error("more than {limit} frames that carry nothing within a second")]
    Pings {
        /// How many may be within a second.
        limit: u32,
    },
    /// The header fields of one request came in too many pieces: the connection was closed.
    #[error("header fields in more than {limit} frames after the first")]
    Continuations {
        /// How many frames after the first they may take.
        limit: usize,
    },
    /// The peer broke another limit that HTTP/2 implementations have (`ENHANCE_YOUR_CALM`, RFC 9113 §7): the connection was
    /// closed.
    #[error("more than HTTP/2 is to bear")]
    Overdone,
}

impl Cut {
    /// A stable name of the limit, for metrics and logs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::SlowHeaders { .. } => "connection.slow_headers",
            Self::LargeHeaders { .. } => "connection.large_headers",
            Self::Idle { .. } => "connection.idle",
            Self::Stalled { .. } => "connection.stalled",
            Self::Old { .. } => "connection.old",
            Self::Requests { .. } => "connection.requests",
            Self::Connections { .. } => "connection.too_many",
            Self::ConnectionsOfSource { .. } => "connection.too_many_of_source",
            Self::ConnectionsOfTenant { .. } => "connection.too_many_of_tenant",
            Self::Resets { .. } => "connection.resets",
            Self::Pings { .. } => "connection.pings",
            Self::Continuations { .. } => "connection.continuations",
            Self::Overdone => "connection.overdone",
        }
    }

    /// Whether it is the ordinary end of a connection, which a good peer meets too, and loses nothing by.
    pub fn is_ordinary(&self) -> bool {
        matches!(self, Self::Idle { .. } | Self::Old { .. } | Self::Requests { .. })
    }
}
