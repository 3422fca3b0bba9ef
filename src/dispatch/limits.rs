use std::time::Duration;

/// Timeouts of each part of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Deadlines {
    /// From the name to a TCP connection, whatever number of addresses is tried. Default five seconds.
    pub connecting: Duration,
    /// The TLS handshake. Default five seconds.
    pub handshake: Duration,
    /// From the request to the head of the answer; and to the end of the request, where the server answers before that.
    /// Default 15 seconds.
    pub answer: Duration,
    /// From the head of the answer to the end of its body. Default five seconds. Whoever is slower has answered all the
    /// same: the connection is closed.
    pub body: Duration,
    /// All of it, beginning when the delivery's turn has come. Default 30 seconds. What has no answer by then has failed;
    /// whose answer has begun has answered all the same, as with `body`.
    pub whole: Duration,
}

impl Deadlines {
    /// A TCP connection stands within this time.
    #[must_use]
    pub fn with_connecting(mut self, within: Duration) -> Self {
        self.connecting = within;
        self
    }

    /// The TLS handshake is over within this time.
    #[must_use]
    pub fn with_handshake(mut self, within: Duration) -> Self {
        self.handshake = within;
        self
    }

    /// The head of the answer is there within this time.
    #[must_use]
    pub fn with_answer(mut self, within: Duration) -> Self {
        self.answer = within;
        self
    }

    /// The body of the answer is there within this time.
    #[must_use]
    pub fn with_body(mut self, within: Duration) -> Self {
        self.body = within;
        self
    }

    /// Ends all of it within this time.
    #[must_use]
    pub fn with_whole(mut self, within: Duration) -> Self {
        self.whole = within;
        self
    }
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            connecting: Duration::from_secs(5),
            handshake: Duration::from_secs(5),
            answer: Duration::from_secs(15),
            body: Duration::from_secs(5),
            whole: Duration::from_secs(30),
        }
    }
}

/// Limits on how much there may be at once.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Deliveries under way in all. Default 1024.
    pub in_all: usize,
    /// Deliveries under way for one tenant; further ones wait for these, and not in anybody else's way. Default 16.
    pub per_tenant: usize,
    /// Bytes of an answer's body that are kept. From a longer one, the connection is closed. Default 16 KiB.
    pub body: usize,
    /// Idle connections that are kept for one endpoint of one tenant. For another one, the one that is idle for longest
    /// is closed. Default 4.
    pub idle_per_endpoint: usize,
    /// Idle connections that are kept for one tenant. For another one, the tenant's own that is idle for longest is
    /// closed. Default 256.
    pub idle_per_tenant: usize,
    /// Idle connections that are kept in all. For another one, the tenant that keeps most gives one up, so that none has
    /// less than an equal part because others have more. Default 1024.
    pub idle_in_all: usize,
    /// How long an idle connection is kept, where the server does not announce that it closes sooner
    /// (`Keep-Alive: timeout=..`). Default 30 seconds.
    pub idle_for: Duration,
    /// How long a connection is used: then the name is resolved, and the server verified, anew. Default ten minutes.
    pub connection_age: Duration,
}

impl Limits {
    /// Has at most so many deliveries under way.
    #[must_use]
    pub fn with_in_all(mut self, deliveries: usize) -> Self {
        self.in_all = deliveries;
        self
    }

    /// Has at most so many deliveries of one tenant under way.
    #[must_use]
    pub fn with_per_tenant(mut self, deliveries: usize) -> Self {
        self.per_tenant = deliveries;
        self
    }

    /// Keeps at most so many bytes of an answer's body.
    #[must_use]
    pub fn with_body(mut self, bytes: usize) -> Self {
        self.body = bytes;
        self
    }

    /// Keeps at most so many idle connections for one endpoint.
    #[must_use]
    pub fn with_idle_per_endpoint(mut self, connections: usize) -> Self {
        self.idle_per_endpoint = connections;
        self
    }

    /// Keeps at most so many idle connections for one tenant.
    #[must_use]
    pub fn with_idle_per_tenant(mut self, connections: usize) -> Self {
        self.idle_per_tenant = connections;
        self
    }

    /// Keeps at most so many idle connections in all.
    #[must_use]
    pub fn with_idle_in_all(mut self, connections: usize) -> Self {
        self.idle_in_all = connections;
        self
    }

    /// An idle connection is kept for this long, or shorter where its server says so.
    #[must_use]
    pub fn with_idle_for(mut self, time: Duration) -> Self {
        self.idle_for = time;
        self
    }

    /// A connection is used for this long.
    #[must_use]
    pub fn with_connection_age(mut self, time: Duration) -> Self {
        self.connection_age = time;
        self
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            in_all: 1024,
            per_tenant: 16,
            body: 16 * 1024,
            idle_per_endpoint: 4,
            idle_per_tenant: 256,
            idle_in_all: 1024,
            idle_for: Duration::from_secs(30),
            connection_age: Duration::from_secs(600),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: Duration = Duration::from_millis(1_234);

    #[test]
    fn each_deadline_is_set_alone() {
        let unset = Deadlines::default;
        #[rustfmt::skip]
        let cases = [
            (unset().with_connecting(TIME), Deadlines { connecting: TIME, ..unset() }),
            (unset().with_handshake(TIME), Deadlines { handshake: TIME, ..unset() }),
            (unset().with_answer(TIME), Deadlines { answer: TIME, ..unset() }),
            (unset().with_body(TIME), Deadlines { body: TIME, ..unset() }),
            (unset().with_whole(TIME), Deadlines { whole: TIME, ..unset() }),
        ];
        for (set, expected) in cases {
            assert_eq!(set, expected);
        }
    }

    #[test]
    fn each_limit_is_set_alone() {
        let unset = Limits::default;
        #[rustfmt::skip]
        let cases = [
            (unset().with_in_all(7), Limits { in_all: 7, ..unset() }),
            (unset().with_per_tenant(7), Limits { per_tenant: 7, ..unset() }),
            (unset().with_body(7), Limits { body: 7, ..unset() }),
            (unset().with_idle_per_endpoint(7), Limits { idle_per_endpoint: 7, ..unset() }),
            (unset().with_idle_per_tenant(7), Limits { idle_per_tenant: 7, ..unset() }),
            (unset().with_idle_in_all(7), Limits { idle_in_all: 7, ..unset() }),
            (unset().with_idle_for(TIME), Limits { idle_for: TIME, ..unset() }),
            (unset().with_connection_age(TIME), Limits { connection_age: TIME, ..unset() }),
        ];
        for (set, expected) in cases {
            assert_eq!(set, expected);
        }
    }
}
