use std::time::Duration;

use super::unread::Unread;

/// For ever, as a time that can be added to the present: thirty years.
const FAR: Duration = Duration::from_secs(86_400 * 365 * 30);

/// The limits of a [`Server`](super::Server): what one connection, one source and one tenant may take of it, and for how
/// long. Each has a default that holds.
///
/// ```
/// use std::time::Duration;
/// use countersign::web::Bounds;
///
/// let bounds = Bounds::default().with_connections(1_000).with_idle_timeout(Duration::from_secs(20));
/// assert_eq!(bounds, bounds.with_headers(16 * 1024, 100), "the default");
/// ```
///
/// What happens inside a request is not theirs: how many deliveries are under way, how large a body is and how long it
/// takes, says [`PayloadLayer`](crate::web::PayloadLayer); handshakes, the [`Acceptor`](crate::web::Acceptor).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    pub(super) header_timeout: Duration,
    pub(super) header_bytes: usize,
    pub(super) header_number: usize,
    pub(super) idle: Duration,
    pub(super) stall: Duration,
    pub(super) lifetime: Duration,
    pub(super) grace: Duration,
    pub(super) connections: usize,
    pub(super) per_source: usize,
    pub(super) per_tenant: usize,
    pub(super) streams: u32,
    pub(super) resets: u32,
    pub(super) pings: u32,
    pub(super) requests: u64,
    pub(super) unread: Unread,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(10),
            header_bytes: 16 * 1024,
            header_number: 100,
            idle: Duration::from_secs(60),
            stall: Duration::from_secs(30),
            lifetime: Duration::from_secs(3600),
            grace: Duration::from_secs(30),
            connections: 4096,
            per_source: 512,
            per_tenant: 512,
            streams: 100,
            resets: 100,
            pings: 100,
            requests: 10_000,
            unread: Unread {
                bytes: 16 * 1024 * 1024,
                time: Duration::from_secs(5),
            },
        }
    }
}

impl Bounds {
    /// The header fields of a request may take this long, from their first byte to their last. Default 10 seconds.
    #[must_use]
    pub fn with_header_timeout(self, header_timeout: Duration) -> Self {
        Self {
            header_timeout,
            ..self
        }
    }

    /// They may have so many bytes together, and may be so many. Default 16 KiB and 100. Counted as HTTP/2 counts
    /// (RFC 9113 §6.5.2): names, values, and 32 for each field; and the target.
    #[must_use]
    pub fn with_headers(self, bytes: usize, number: usize) -> Self {
        Self {
            header_bytes: bytes,
            header_number: number,
            ..self
        }
    }

    /// A connection without a request is closed after this time. Default a minute.
    #[must_use]
    pub fn with_idle_timeout(self, idle: Duration) -> Self {
        Self { idle, ..self }
    }

    /// A peer that takes nothing of what is sent to it for this long is left. Default 30 seconds.
    #[must_use]
    pub fn with_stall_timeout(self, stall: Duration) -> Self {
        Self { stall, ..self }
    }

    /// A connection that is this old takes no more requests. Default an hour: what was decided when it was made (its
    /// handshake, the load balancer's choice) is made anew then.
    #[must_use]
    pub fn with_lifetime(self, lifetime: Duration) -> Self {
        Self { lifetime, ..self }
    }

    /// Requests that are under way may take this long when their connection is to end: by its age, or because the server
    /// does. Default 30 seconds.
    #[must_use]
    pub fn with_grace(self, grace: Duration) -> Self {
        Self { grace, ..self }
    }

    /// So many connections may be open, those whose handshake is under way included. Default 4096. A quarter is for sources
    /// that have none, one each. Each connection is a file descriptor: have some more of those than connections, and
    /// what your handlers open.
    #[must_use]
    pub fn with_connections(self, connections: usize) -> Self {
        Self { connections, ..self }
    }

    /// So many of them may be of one [`source`](crate::breaker::source). Default 512. Where all come from one address, since
    /// a load balancer hides theirs, set it to the number of all, or have it tell them
    /// (`Acceptor::with_proxy_protocol`).
    #[must_use]
    pub fn with_connections_per_source(self, per_source: usize) -> Self {
        Self { per_source, ..self }
    }

    /// So many of them may be of one tenant, as far as that is [known](super::Server::with_policy). Default 512.
    #[must_use]
    pub fn with_connections_per_tenant(self, per_tenant: usize) -> Self {
        Self { per_tenant, ..self }
    }

    /// So many requests may be under way on one HTTP/2 connection. Default 100, which RFC 9113 §6.5.2 advises at least.
    #[must_use]
    pub fn with_streams(self, streams: u32) -> Self {
        Self { streams, ..self }
    }

    /// So many of its streams may be reset within a second, by the peer or for what the peer did. Default 100: a sender that
    /// gives up all it has under way does no more.
    #[must_use]
    pub fn with_resets_per_second(self, resets: u32) -> Self {
        Self { resets, ..self }
    }

    /// So many frames that carry nothing may come within a second: pings, settings, priorities, unknown ones, empty data.
    /// Default 100.
    #[must_use]
    pub fn with_pings_per_second(self, pings: u32) -> Self {
        Self { pings, ..self }
    }

    /// So many requests may come over one connection. Default 10,000.
    #[must_use]
    pub fn with_requests(self, requests: u64) -> Self {
        Self { requests, ..self }
    }

    /// So many bytes are taken, and thrown away, of a body that is dropped before its end: its request was refused, or answered
    /// without it. Default 16 MiB, and 5 seconds after it was dropped, in which a sender that is still sending reads its
    /// answer. Of a longer body the rest is not read, but the connection or stream stays open for that time. With
    /// `Duration::ZERO`, it ends at once.
    #[must_use]
    pub fn with_unread(self, bytes: usize, time: Duration) -> Self {
        Self {
            unread: Unread { bytes, time },
            ..self
        }
    }

    /// The same, of whose times each can be added to the present: what is longer is for ever.
    pub(super) fn within_reach(self) -> Self {
        Self {
            header_timeout: self.header_timeout.min(FAR),
            idle: self.idle.min(FAR),
            stall: self.stall.min(FAR),
            lifetime: self.lifetime.min(FAR),
            grace: self.grace.min(FAR),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: Duration = Duration::from_millis(1_234);

    #[test]
    fn each_bound_is_set_alone() {
        let unset = Bounds::default;
        #[rustfmt::skip]
        let cases = [
            (unset().with_header_timeout(TIME), Bounds { header_timeout: TIME, ..unset() }),
            (unset().with_headers(7, 8), Bounds { header_bytes: 7, header_number: 8, ..unset() }),
            (unset().with_idle_timeout(TIME), Bounds { idle: TIME, ..unset() }),
            (unset().with_stall_timeout(TIME), Bounds { stall: TIME, ..unset() }),
            (unset().with_lifetime(TIME), Bounds { lifetime: TIME, ..unset() }),
            (unset().with_grace(TIME), Bounds { grace: TIME, ..unset() }),
            (unset().with_connections(7), Bounds { connections: 7, ..unset() }),
            (unset().with_connections_per_source(7), Bounds { per_source: 7, ..unset() }),
            (unset().with_connections_per_tenant(7), Bounds { per_tenant: 7, ..unset() }),
            (unset().with_streams(7), Bounds { streams: 7, ..unset() }),
            (unset().with_resets_per_second(7), Bounds { resets: 7, ..unset() }),
            (unset().with_pings_per_second(7), Bounds { pings: 7, ..unset() }),
            (unset().with_requests(7), Bounds { requests: 7, ..unset() }),
            (unset().with_unread(7, TIME), Bounds { unread: Unread { bytes: 7, time: TIME }, ..unset() }),
        ];
        for (set, expected) in cases {
            assert_eq!(set, expected);
        }
    }
}
