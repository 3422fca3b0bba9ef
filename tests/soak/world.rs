//! How things stand, as far as a verdict depends on it. Requests hold it as it is while they are under way; whoever changes
//! something waits for them.

use rustls::AlertDescription;
use rustls::pki_types::UnixTime;

use crate::expected::{AnyOf, Expected, HANDLED, STORE_DOWN};

/// Whether something is so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Yes,
    /// It is changing: either is right.
    Either,
    No,
}

impl Phase {
    pub(crate) fn of(is_so: bool) -> Self {
        if is_so { Self::Yes } else { Self::No }
    }

    fn choose(self, yes: impl Into<AnyOf>, no: impl Into<AnyOf>) -> AnyOf {
        match self {
            Self::Yes => yes.into(),
            Self::No => no.into(),
            Self::Either => yes.into().or(no),
        }
    }
}

/// What is reloaded, and by it lets one client in or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Toggle {
    Pin,
    Authority,
    List,
    Tenant,
    Key,
}

impl Toggle {
    pub(crate) const ALL: [Self; 5] = [Self::Pin, Self::Authority, Self::List, Self::Tenant, Self::Key];

    /// Whom it lets in.
    pub(crate) fn client(self) -> &'static str {
        match self {
            Self::Pin => "initech",
            Self::Authority => "hooli",
            Self::List => "umbrella",
            Self::Tenant => "stark",
            Self::Key => "wayne",
        }
    }

    /// What that client is told otherwise.
    fn refused(self) -> Expected {
        match self {
            Self::Pin => Expected::Alert(AlertDescription::AccessDenied),
            Self::Authority => Expected::Alert(AlertDescription::UnknownCA),
            Self::List => Expected::Alert(AlertDescription::CertificateRevoked),
            Self::Tenant => Expected::Answer(403, "tenant.unknown"),
            Self::Key => crate::expected::MISMATCH,
        }
    }

    /// What it is told on a connection that was open before.
    fn refused_later(self) -> Expected {
        match self {
            Self::Pin => Expected::Answer(403, "trust.not_pinned"),
            Self::Authority => Expected::Answer(403, "trust.unknown_issuer"),
            Self::List => Expected::Answer(403, "trust.revoked"),
            Self::Tenant | Self::Key => self.refused(),
        }
    }
}

/// Where it is remembered what was handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Store {
    Memory,
    Redis,
    Postgres,
}

impl Store {
    pub(crate) const ALL: [Self; 3] = [Self::Memory, Self::Redis, Self::Postgres];

    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Memory => "/memory",
            Self::Redis => "/redis",
            Self::Postgres => "/postgres",
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct World {
    /// By how many seconds the receiver's clock is off, and that of good senders with it.
    pub(crate) clock: i64,
    pub(crate) toggles: [Phase; Toggle::ALL.len()],
    pub(crate) redis: Phase,
    pub(crate) postgres: Phase,
    /// Whether the receiver has descriptors for new connections.
    pub(crate) descriptors: Phase,
}

impl Default for World {
    fn default() -> Self {
        Self {
            clock: 0,
            toggles: [Phase::Yes; Toggle::ALL.len()],
            redis: Phase::Yes,
            postgres: Phase::Yes,
            descriptors: Phase::Yes,
        }
    }
}

impl World {
    pub(crate) fn now(&self) -> UnixTime {
        later(UnixTime::now(), self.clock)
    }

    fn up(&self, store: Store) -> Phase {
        match store {
            Store::Memory => Phase::Yes,
            Store::Redis => self.redis,
            Store::Postgres => self.postgres,
        }
    }

    pub(crate) fn is_up(&self, store: Store) -> bool {
        self.up(store) == Phase::Yes
    }

    /// What comes of what only the store could still refuse.
    pub(crate) fn stored(&self, store: Store, usually: impl Into<AnyOf>) -> AnyOf {
        self.up(store).choose(usually, STORE_DOWN)
    }

    pub(crate) fn phase(&mut self, toggle: Toggle) -> &mut Phase {
        &mut self.toggles[toggle as usize]
    }

    pub(crate) fn toggled(&self, toggle: Toggle, store: Store) -> AnyOf {
        let phase = self.toggles[toggle as usize];
        let expected = phase.choose(self.stored(store, HANDLED), toggle.refused());
        match phase {
            // An alert can get lost behind a request that nobody reads.
            Phase::Either => expected.or(toggle.refused_later()).or(Expected::Closed),
            _ => expected,
        }
    }

    pub(crate) fn toggled_later(&self, toggle: Toggle, store: Store) -> AnyOf {
        let phase = self.toggles[toggle as usize];
        phase.choose(self.stored(store, HANDLED), toggle.refused_later())
    }

    /// What a new connection comes to besides, where there may be no descriptor for it.
    pub(crate) fn connecting(&self, expected: AnyOf) -> AnyOf {
        match self.descriptors {
            Phase::Yes => expected,
            _ => expected.or(Expected::Closed).or(Expected::Silent),
        }
    }
}

pub(crate) fn later(time: UnixTime, by: i64) -> UnixTime {
    let seconds = time.as_secs().saturating_add_signed(by);
    UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds))
}
