//! Is it fresh, in a fleet? `RedisStore` against real servers that are killed, paused, filled, and told what not to do.
//!
//! Needs `redis-server` or `valkey-server`, each test a server of its own.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests say what they expect by failing loudly, some live in the present"
)]

#[path = "../support/promise.rs"]
mod promise;
#[path = "../support/redis_server.rs"]
mod redis_server;
#[path = "../support/time_and_tenants.rs"]
mod support;
#[path = "../support/told.rs"]
mod told;

mod answers;
mod cluster;
mod outages;
mod servers;

use promise::{Fleet, Rules, Stage};
use proptest::prelude::*;
use redis_server::{FORGETFUL, RedisServer, installed_or_skip};
use tokio::runtime::Runtime;

// --- the promise ------------------------------------------------------------------------------------------------------

/// Takes ARGV[1] milliseconds from what is left to the keys of ARGV[2], and what has really passed since not at all.
const PASS: &str = "for _, key in ipairs(redis.call('KEYS', ARGV[2] .. ':*')) do
  local left = math.ceil(redis.call('PTTL', key) / 1000) * 1000 - 1 - ARGV[1]
  if left > 0 then redis.call('PEXPIRE', key, left) else redis.call('DEL', key) end
end";

fn fleet<'a>(server: &RedisServer, runtime: &'a Runtime, prefix: String) -> impl Stage + use<'a> {
    let hands = redis::Client::open(server.url()).expect("a URL");
    let member = || servers::store(server).with_prefix(&prefix);
    let members = [member(), member()];
    Fleet::new(runtime, members, move |seconds| {
        let mut eval = redis::cmd("EVAL");
        eval.arg(PASS).arg(0).arg(seconds * 1000).arg(&prefix);
        let mut hands = hands.get_connection().expect("the server");
        eval.exec(&mut hands).expect("time passes");
    })
}

fn runtime() -> Runtime {
    Runtime::new().expect("a runtime")
}

#[test]
fn second_by_second() {
    let Some(command) = installed_or_skip("redis: second_by_second") else {
        return;
    };
    let (server, runtime) = (RedisServer::start(&command, &FORGETFUL), runtime());
    let count = std::cell::Cell::new(0);
    promise::second_by_second(|| {
        count.set(count.get() + 1);
        fleet(&server, &runtime, format!("play{}", count.get()))
    });
}

#[test]
fn any_history() {
    let Some(command) = installed_or_skip("redis: any_history") else {
        return;
    };
    let (server, runtime) = (RedisServer::start(&command, &FORGETFUL), runtime());
    let cases = ProptestConfig {
        source_file: Some(file!()),
        ..ProptestConfig::with_cases(150)
    };
    let count = std::cell::Cell::new(0);
    proptest!(cases, |(history in promise::history())| {
        count.set(count.get() + 1);
        let fleet = fleet(&server, &runtime, format!("history{}", count.get()));
        promise::replays(fleet, Rules::NO_LIMIT, history)?;
    });
}
