//! The kinds of traffic, each with what is known of its verdict.

use std::cmp::Ordering;
use std::time::{Duration, Instant};

use http::HeaderName;
use rustls::AlertDescription;
use rustls::pki_types::UnixTime;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::sent::Connections;
use super::{Delivery, Traffic};
use crate::client::{request, tcp};
use crate::expected::{
    AnyOf, Expected, FROM_THE_FUTURE, HANDLED, IN_PROGRESS, MISMATCH, REPLAYED, STALE, STORE_DOWN, Verdict,
};
use crate::server::{LIMIT, STORE};
use crate::stage::HOST;
use crate::world::{Phase, Store, Toggle, World, later};

const HOUR: i64 = 3600;

/// What takes no time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Good,
    GoodOnOpenConnection,
    GoodAtOnce,
    Replay,
    OldReplay,
    DoubtfulRetry,
    OtherTenant,
    Changed,
    Unsigned,
    Stale,
    FromTheFuture,
    TrueTime,
    ShortLived,
    Refused(&'static str, AlertDescription),
    OtherName,
    OtherHost,
    OtherPath,
    Oversize,
    Junk,
    Toggled(Toggle),
    ToggledLater(Toggle),
}

#[rustfmt::skip]
pub(crate) const FAST: [Kind; 39] = [
    Kind::Good, Kind::Replay, Kind::GoodOnOpenConnection, Kind::OtherTenant, Kind::Toggled(Toggle::Pin),
    Kind::Good, Kind::Refused("stranger", AlertDescription::UnknownCA), Kind::OldReplay, Kind::ToggledLater(Toggle::Pin),
    Kind::Good, Kind::Refused("revoked", AlertDescription::CertificateRevoked), Kind::Stale, Kind::Toggled(Toggle::Authority),
    Kind::Good, Kind::Refused("expired", AlertDescription::CertificateExpired), Kind::DoubtfulRetry, Kind::ToggledLater(Toggle::Authority),
    Kind::GoodAtOnce, Kind::Refused("not pinned", AlertDescription::AccessDenied), Kind::FromTheFuture, Kind::Toggled(Toggle::List),
    Kind::Good, Kind::Refused("nobody", AlertDescription::CertificateRequired), Kind::TrueTime, Kind::ToggledLater(Toggle::List),
    Kind::Good, Kind::Changed, Kind::GoodOnOpenConnection, Kind::Toggled(Toggle::Tenant),
    Kind::ShortLived, Kind::OtherName, Kind::OtherHost, Kind::ToggledLater(Toggle::Tenant),
    Kind::Unsigned, Kind::OtherPath, Kind::Toggled(Toggle::Key), Kind::Oversize, Kind::Junk, Kind::ToggledLater(Toggle::Key),
];

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::GoodOnOpenConnection => "good, on an open connection",
            Self::GoodAtOnce => "good, several at once (HTTP/2)",
            Self::Replay => "replay, at once",
            Self::OldReplay => "replay, later",
            Self::DoubtfulRetry => "retry after an outage",
            Self::OtherTenant => "another tenant's signature",
            Self::Changed => "changed body",
            Self::Unsigned => "no signature",
            Self::Stale => "signed an hour ago",
            Self::FromTheFuture => "signed in an hour",
            Self::TrueTime => "true time, whatever the clock says",
            Self::ShortLived => "certificate of four hours",
            Self::Refused("stranger", _) => "another authority's certificate",
            Self::Refused("revoked", _) => "revoked certificate",
            Self::Refused("expired", _) => "expired certificate",
            Self::Refused("not pinned", _) => "key that is not pinned",
            Self::Refused(..) => "no certificate",
            Self::OtherName => "unknown server name",
            Self::OtherHost => "another host",
            Self::OtherPath => "unknown path",
            Self::Oversize => "body too large",
            Self::Junk => "no TLS at all",
            Self::Toggled(Toggle::Pin) => "pin that comes and goes",
            Self::Toggled(Toggle::Authority) => "authority that comes and goes",
            Self::Toggled(Toggle::List) => "revocation that comes and goes",
            Self::Toggled(Toggle::Tenant) => "tenant that comes and goes",
            Self::Toggled(Toggle::Key) => "key that comes and goes",
            Self::ToggledLater(Toggle::Pin) => "the same pin, on an open connection",
            Self::ToggledLater(Toggle::Authority) => "the same authority, on an open connection",
            Self::ToggledLater(Toggle::List) => "the same revocation, on an open connection",
            Self::ToggledLater(Toggle::Tenant) => "the same tenant, on an open connection",
            Self::ToggledLater(Toggle::Key) => "the same key, on an open connection",
        }
    }

    pub(crate) async fn play(
        self,
        traffic: &Traffic,
        world: &World,
        store: Store,
        open: &mut Connections,
    ) -> Vec<(AnyOf, Verdict)> {
        let now = world.now();
        let good = || traffic.delivery("acme", store, now);
        let one = |expected: AnyOf, verdict| vec![(world.connecting(expected), verdict)];
        match self {
            Self::Good => traffic.good(world, good()).await,
            Self::GoodOnOpenConnection => {
                let bytes = good().bytes();
                let verdict = traffic.later(open, "acme", true, &bytes).await;
                verdict
                    .map(|verdict| (world.stored(store, HANDLED), verdict))
                    .into_iter()
                    .collect()
            }
            Self::GoodAtOnce => {
                let deliveries = [good(), good(), good(), good()];
                let verdicts = traffic.at_once("acme", &deliveries).await.into_iter();
                verdicts
                    .map(|verdict| (world.connecting(world.stored(store, HANDLED)), verdict))
                    .collect()
            }
            Self::Replay => traffic.replay(world, good()).await,
            Self::OldReplay => traffic.old_replay(world).await,
            Self::DoubtfulRetry => traffic.doubtful_retry(world).await,
            Self::OtherTenant => {
                let delivery = traffic.delivery("globex", store, now);
                one(MISMATCH.into(), traffic.fresh("acme", &delivery.bytes()).await)
            }
            Self::Changed => {
                let mut delivery = good();
                delivery.body.reverse();
                one(MISMATCH.into(), traffic.fresh("acme", &delivery.bytes()).await)
            }
            Self::Unsigned => {
                let mut delivery = good();
                delivery
                    .headers
                    .remove(HeaderName::from_static("webhook-signature"));
                let expected = Expected::Answer(401, "payload.missing_header");
                one(expected.into(), traffic.fresh("acme", &delivery.bytes()).await)
            }
            Self::Stale => {
                let delivery = traffic.delivery("acme", store, later(now, -HOUR));
                one(STALE.into(), traffic.fresh("acme", &delivery.bytes()).await)
            }
            Self::FromTheFuture => {
                let delivery = traffic.delivery("acme", store, later(now, HOUR));
                one(
                    FROM_THE_FUTURE.into(),
                    traffic.fresh("acme", &delivery.bytes()).await,
                )
            }
            Self::TrueTime => {
                let delivery = traffic.delivery("acme", store, UnixTime::now());
                let expected = match world.clock.cmp(&0) {
                    Ordering::Equal => world.stored(store, HANDLED),
                    Ordering::Greater => STALE.into(),
                    Ordering::Less => FROM_THE_FUTURE.into(),
                };
                one(expected, traffic.fresh("acme", &delivery.bytes()).await)
            }
            Self::ShortLived if world.clock == 0 => {
                let delivery = traffic.delivery("short", store, now);
                let verdict = traffic.fresh("short", &delivery.bytes()).await;
                one(world.stored(store, HANDLED), verdict)
            }
            Self::ShortLived => {
                let expected = Expected::Alert(AlertDescription::CertificateExpired);
                one(expected.into(), traffic.handshake("short", HOST).await)
            }
            Self::Refused(client, alert) => {
                let verdict = traffic.handshake(client, HOST).await;
                one(Expected::Alert(alert).into(), verdict)
            }
            Self::OtherName => {
                let expected = Expected::Alert(AlertDescription::UnrecognisedName);
                one(
                    expected.into(),
                    traffic.handshake("acme", "other.acme.example").await,
                )
            }
            Self::OtherHost => {
                let delivery = good();
                let bytes = request(
                    store.path(),
                    "other.acme.example",
                    &delivery.headers,
                    &delivery.body,
                );
                let expected = Expected::Answer(421, "host.unknown");
                one(expected.into(), traffic.fresh("acme", &bytes).await)
            }
            Self::OtherPath => {
                let delivery = good();
                let bytes = request("/other", HOST, &delivery.headers, &delivery.body);
                one(
                    Expected::Answer(404, "").into(),
                    traffic.fresh("acme", &bytes).await,
                )
            }
            Self::Oversize => {
                let bytes = request(store.path(), HOST, &good().headers, &[b'x'; LIMIT + 1]);
                let expected = Expected::Answer(413, "payload.body_too_large");
                one(expected.into(), traffic.fresh("acme", &bytes).await)
            }
            Self::Junk => one(Expected::Closed.into(), traffic.junk().await),
            Self::Toggled(toggle) => vec![traffic.toggled(world, toggle, store).await],
            Self::ToggledLater(toggle) => {
                let client = toggle.client();
                let bytes = traffic.delivery(client, store, now).bytes();
                let may_open = world.toggles[toggle as usize] == Phase::Yes;
                let verdict = traffic.later(open, client, may_open, &bytes).await;
                verdict
                    .map(|verdict| (world.toggled_later(toggle, store), verdict))
                    .into_iter()
                    .collect()
            }
        }
    }
}

impl Traffic {
    async fn good(&self, world: &World, delivery: Delivery) -> Vec<(AnyOf, Verdict)> {
        let (verdict, _) = self.handled(world, delivery.clone()).await;
        vec![(world.connecting(world.stored(delivery.store, HANDLED)), verdict)]
    }

    /// What came of it, and whether it is certain that the store knows of it as handled.
    async fn handled(&self, world: &World, delivery: Delivery) -> (Verdict, bool) {
        let began = Instant::now();
        let verdict = self.fresh("acme", &delivery.bytes()).await;
        let was_handled = AnyOf::from(HANDLED).allows(&verdict);
        let is_certain = was_handled && world.is_up(delivery.store) && began.elapsed() < STORE;
        self.keep(delivery, is_certain);
        (verdict, is_certain)
    }

    async fn replay(&self, world: &World, delivery: Delivery) -> Vec<(AnyOf, Verdict)> {
        let (first, is_certain) = self.handled(world, delivery.clone()).await;
        let expected = match is_certain {
            true => REPLAYED.into(),
            // It goes up and down, or is slow: whether the first was handled twice, the receiver counts.
            false => AnyOf::from(HANDLED).or(REPLAYED).or(IN_PROGRESS).or(STORE_DOWN),
        };
        let again = self.fresh("acme", &delivery.bytes()).await;
        let usually = world.connecting(world.stored(delivery.store, HANDLED));
        vec![(usually, first), (world.connecting(expected), again)]
    }

    async fn old_replay(&self, world: &World) -> Vec<(AnyOf, Verdict)> {
        let turn = self.ids.load(std::sync::atomic::Ordering::SeqCst);
        let fits = |delivery: &Delivery| delivery.is_fresh(world.now());
        let Some(delivery) = Self::kept(&self.handled, turn, fits) else {
            return Vec::new();
        };
        let verdict = self.fresh("acme", &delivery.bytes()).await;
        vec![(world.connecting(world.stored(delivery.store, REPLAYED)), verdict)]
    }

    async fn doubtful_retry(&self, world: &World) -> Vec<(AnyOf, Verdict)> {
        let turn = self.ids.load(std::sync::atomic::Ordering::SeqCst);
        let fits = |delivery: &Delivery| delivery.is_fresh(world.now()) && world.is_up(delivery.store);
        let Some(delivery) = Self::kept(&self.doubtful, turn, fits) else {
            return Vec::new();
        };
        let verdict = self.fresh("acme", &delivery.bytes()).await;
        let expected = AnyOf::from(HANDLED).or(REPLAYED).or(IN_PROGRESS);
        vec![(world.connecting(expected), verdict)]
    }

    async fn toggled(&self, world: &World, toggle: Toggle, store: Store) -> (AnyOf, Verdict) {
        let client = toggle.client();
        let is_refused_at_once = !matches!(toggle, Toggle::Tenant | Toggle::Key);
        let verdict = match world.toggles[toggle as usize] {
            Phase::No if is_refused_at_once => self.handshake(client, HOST).await,
            _ => {
                let delivery = self.delivery(client, store, world.now());
                self.fresh(client, &delivery.bytes()).await
            }
        };
        (world.connecting(world.toggled(toggle, store)), verdict)
    }

    async fn junk(&self) -> Verdict {
        let mut tcp = match tcp(self.port).await {
            Ok(tcp) => tcp,
            Err(verdict) => return verdict,
        };
        let _ = tcp
            .write_all(b"GET / HTTP/1.1\r\nhost: hooks.acme.example\r\n\r\n")
            .await;
        until_closed(&mut tcp).await
    }
}

/// Whatever comes before the end.
async fn until_closed(tcp: &mut tokio::net::TcpStream) -> Verdict {
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(crate::client::PATIENCE, tcp.read_to_end(&mut bytes));
    match read.await {
        Err(_) => Verdict::Silent,
        Ok(_) => Verdict::Closed,
    }
}

/// What takes its time: known whatever the world is like, for as long as one can connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slow {
    Silent,
    Head,
    Body,
    HalfBody,
    HalfClosed,
    NoRequest,
}

pub(crate) const SLOW: [Slow; 6] = [
    Slow::Silent,
    Slow::Head,
    Slow::Body,
    Slow::HalfBody,
    Slow::HalfClosed,
    Slow::NoRequest,
];

impl Slow {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Silent => "nothing said before TLS",
            Self::Head => "header fields, a byte at a time",
            Self::Body => "body, a byte at a time",
            Self::HalfBody => "body that is broken off",
            Self::HalfClosed => "closed behind the request",
            Self::NoRequest => "closed after the handshake",
        }
    }

    pub(crate) async fn play(self, traffic: &Traffic, store: Store, now: UnixTime) -> Vec<(AnyOf, Verdict)> {
        let drip = Duration::from_millis(200);
        let delivery = traffic.delivery("acme", store, now);
        let bytes = delivery.bytes();
        let head = bytes.len() - delivery.body.len();
        if self == Self::Silent {
            let mut tcp = match tcp(traffic.port).await {
                Ok(tcp) => tcp,
                Err(verdict) => return vec![(Expected::Closed.into(), verdict)],
            };
            return vec![(Expected::Closed.into(), until_closed(&mut tcp).await)];
        }
        let mut line = match traffic.line("acme").await {
            Ok(line) => line,
            Err(verdict) => return vec![(HANDLED.into(), verdict)],
        };
        let (expected, verdict) = match self {
            Self::Head => (Expected::Closed.into(), line.drip(&bytes[..head - 2], drip).await),
            Self::Body => {
                let _ = line.send(&bytes[..head]).await;
                let expected = Expected::Answer(408, "payload.body_too_slow");
                (expected.into(), line.drip(&delivery.body, drip).await)
            }
            Self::HalfBody => {
                let _ = line.send(&bytes[..head + 10]).await;
                let _ = line.close().await;
                let expected = Expected::Answer(400, "payload.body_incomplete");
                (AnyOf::from(expected).or(Expected::Closed), line.answer().await)
            }
            Self::HalfClosed => {
                let _ = line.send(&bytes).await;
                let _ = line.close().await;
                // It is handled, if the store is there; its sender may not be told.
                let expected = AnyOf::from(HANDLED).or(STORE_DOWN).or(Expected::Closed);
                (expected, line.answer().await)
            }
            _ => {
                let _ = line.close().await;
                (Expected::Closed.into(), line.answer().await)
            }
        };
        vec![(expected, verdict)]
    }
}
