//! What the tests below ask of a store, and of the server behind its back.

use std::time::{Duration, Instant};

use countersign::replay::{ClaimAnswer, Claimed, RedisStore, ReplayStore as _, StoreDown};

use crate::promise::claim_of;
use crate::redis_server::RedisServer;

pub(crate) const QUICK: Duration = Duration::from_millis(150);

pub(crate) fn store(server: &RedisServer) -> RedisStore {
    RedisStore::open(server.url()).expect("a URL")
}

/// What a claim is told.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Granted,
    Handled,
    InProgress,
    Down(StoreDown),
}

pub(crate) async fn ask(store: &RedisStore, id: &str) -> Told {
    match store.claim(&claim_of("acme", id, 1_000)).await {
        Ok(ClaimAnswer::Granted(_)) => Told::Granted,
        Ok(ClaimAnswer::Handled) => Told::Handled,
        Ok(ClaimAnswer::InProgress { .. }) => Told::InProgress,
        Ok(other) => panic!("{other:?}"),
        Err(down) => Told::Down(down),
    }
}

pub(crate) async fn granted(store: &RedisStore, id: &str) -> Claimed {
    match store.claim(&claim_of("acme", id, 1_000)).await {
        Ok(ClaimAnswer::Granted(claimed)) => claimed,
        other => panic!("{other:?}"),
    }
}

/// Until it is told that, and no longer than ten seconds.
pub(crate) async fn ask_until(store: &RedisStore, id: &str, expected: Told) {
    let began = Instant::now();
    loop {
        let told = ask(store, id).await;
        if told == expected {
            return;
        }
        assert!(
            began.elapsed() < Duration::from_secs(10),
            "{id}: {told:?}, and not {expected:?}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub(crate) fn silent() -> StoreDown {
    let reason = format!("no answer within {QUICK:?}");
    StoreDown::Unavailable { reason }
}

pub(crate) fn is_unavailable(told: &Told) -> bool {
    matches!(told, Told::Down(StoreDown::Unavailable { .. }))
}

/// A command for the server, of the operator's.
pub(crate) fn tell<T: redis::FromRedisValue>(server: &RedisServer, command: &[&str]) -> T {
    let client = redis::Client::open(server.url()).expect("a URL");
    let mut connection = client.get_connection().expect("the server");
    let (name, arguments) = command.split_first().expect("a command");
    let answer = redis::cmd(name).arg(arguments).query(&mut connection);
    answer.unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

/// A number that INFO tells, from behind `name:` or `name=`.
pub(crate) fn info(server: &RedisServer, section: &str, name: &str) -> u64 {
    let report: String = tell(server, &["INFO", section]);
    let after = report.split(name).nth(1).unwrap_or_default();
    let digits: String = after.chars().skip(1).take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or_else(|_| panic!("{name} in {report}"))
}
