//! Servers that die, hang, are full, only copy others, or hold what is not ours.

use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use countersign::replay::{RedisStore, ReplayStore as _, Settlement, StoreDown};
use redis::aio::ConnectionManagerConfig;

use crate::promise::claim_of;
use crate::redis_server::{FORGETFUL, PERSISTENT, RedisServer, installed_or_skip};
use crate::servers::{Loss, LossyWay, QUICK, info, store, tell};
use crate::told::{
    Told, ask, ask_until, forgets_nothing, grant_one_of_many, granted, is_unavailable, silent,
};

macro_rules! server_or_return {
    ($test:literal, $options:expr) => {
        match installed_or_skip(concat!("redis: ", $test)) {
            Some(command) => RedisServer::start(&command, $options),
            None => return,
        }
    };
}
pub(crate) use server_or_return;

#[tokio::test]
async fn killed_and_restarted_it_has_forgotten_nothing() {
    let mut server = server_or_return!("killed and restarted", &PERSISTENT);
    let (one, other) = (store(&server), store(&server));
    forgets_nothing(&mut server, [&one, &other], 3).await;
}

#[tokio::test]
async fn what_was_handled_while_it_was_down_is_written_down_when_it_is_back() {
    let mut server = server_or_return!("commits are tried again", &PERSISTENT);
    let (one, other) = (store(&server), store(&server));
    let (handled, failed) = (granted(&one, "handled").await, granted(&one, "failed").await);
    let late = granted(&one, "late").await;
    server.kill();
    assert!(matches!(
        one.commit(&handled).await,
        Err(StoreDown::Unavailable { .. })
    ));
    // The process is asked to stop; what is being handled ends while it waits.
    let settled = tokio::spawn(settled(one.clone()));
    for late in [one.commit(&late).await, one.release(&failed).await] {
        assert!(matches!(late, Err(StoreDown::Unavailable { .. })), "{late:?}");
    }
    server.restart();
    assert_eq!(settled.await.expect("no panic"), Ok(()));
    assert_eq!(ask(&other, "handled").await, Told::Handled);
    assert_eq!(ask(&other, "late").await, Told::Handled);
    assert_eq!(ask(&other, "failed").await, Told::Granted);
}

async fn settled(store: RedisStore) -> Result<(), tokio::time::error::Elapsed> {
    tokio::time::timeout(Duration::from_secs(30), store.settled()).await
}

#[tokio::test]
async fn patience_ends() {
    let mut server = server_or_return!("patience ends", &PERSISTENT);
    let impatient = store(&server).with_patience(QUICK);
    let handled = granted(&impatient, "handled").await;
    server.kill();
    assert!(matches!(
        impatient.commit(&handled).await,
        Err(StoreDown::Unavailable { .. })
    ));
    assert_eq!(settled(impatient.clone()).await, Ok(()));
    server.restart();
    assert_eq!(ask(&impatient, "handled").await, Told::InProgress);
}

/// The server has done it, and nobody was told.
#[tokio::test]
async fn an_answer_that_is_lost_is_asked_for_again() {
    let server = server_or_return!("a lost answer", &FORGETFUL);
    let way = LossyWay::to(&server).await;
    let (far, near) = (RedisStore::open(way.url.as_str()).expect("a URL"), store(&server));
    assert_eq!(ask(&far, "warm").await, Told::Granted);
    way.lose(&[Loss::Cut]);
    let handled = granted(&far, "1").await;
    assert!(way.has_lost_them());
    way.lose(&[Loss::Cut]);
    assert_eq!(far.commit(&handled).await, Ok(Settlement::Done));
    assert!(way.has_lost_them());
    assert_eq!(ask(&near, "1").await, Told::Handled);

    way.lose(&[Loss::Cut, Loss::Cut]);
    let told = ask(&far, "2").await;
    assert!(is_unavailable(&told) && way.has_lost_them(), "{told:?}");
    let began = Instant::now();
    ask_until(&near, "2", Told::Granted).await;
    assert!(
        began.elapsed() < Duration::from_secs(8),
        "it was given back: {:?}",
        began.elapsed()
    );
}

/// Packets vanish: for the system, the connection is as good as any.
#[tokio::test]
async fn a_connection_that_does_not_answer_is_not_asked_again() {
    let server = server_or_return!("a silent connection", &FORGETFUL);
    let way = LossyWay::to(&server).await;
    let far = RedisStore::open(way.url.as_str())
        .expect("a URL")
        .with_timeout(QUICK);
    assert_eq!(ask(&far, "warm").await, Told::Granted);
    way.lose(&[Loss::Silence]);
    assert_eq!(ask(&far, "1").await, Told::Down(silent(QUICK)));
    assert_eq!(ask(&far, "2").await, Told::Granted);
    ask_until(&far, "1", Told::Granted).await;
}

#[tokio::test]
async fn one_that_hangs_is_not_waited_for_and_the_claim_is_given_back() {
    let server = server_or_return!("one that hangs", &FORGETFUL);
    let hasty = store(&server).with_timeout(QUICK);
    assert_eq!(ask(&hasty, "before").await, Told::Granted);
    server.pause();
    let began = Instant::now();
    assert_eq!(ask(&hasty, "1").await, Told::Down(silent(QUICK)));
    // Asked by a new connection, since the first is in doubt; it does not get through either.
    assert_eq!(ask(&hasty, "2").await, Told::Down(silent(QUICK)));
    assert!(began.elapsed() < 8 * QUICK, "{:?}", began.elapsed());
    server.resume();
    // The lease is of ten seconds, and none of them is waited for.
    let began = Instant::now();
    ask_until(&hasty, "1", Told::Granted).await;
    ask_until(&hasty, "2", Told::Granted).await;
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
}

#[tokio::test]
async fn one_that_was_told_to_pause_is_no_different() {
    let server = server_or_return!("CLIENT PAUSE", &FORGETFUL);
    let hasty = store(&server).with_timeout(QUICK);
    let claimed = granted(&hasty, "handled").await;
    let () = tell(&server, &["CLIENT", "PAUSE", "600", "ALL"]);
    assert_eq!(ask(&hasty, "1").await, Told::Down(silent(QUICK)));
    assert_eq!(hasty.commit(&claimed).await, Err(silent(QUICK)));
    ask_until(&hasty, "handled", Told::Handled).await;
    ask_until(&hasty, "1", Told::Granted).await;
}

#[tokio::test]
async fn commits_that_cannot_be_made_do_not_hold_up_the_others() {
    let server = server_or_return!("commits that cannot be made", &FORGETFUL);
    let hasty = store(&server).with_timeout(QUICK);
    let good = granted(&hasty, "good").await;
    for number in 0..40 {
        let id = number.to_string();
        let claimed = granted(&hasty, &id).await;
        let key = format!("countersign:{}", claimed.key());
        let () = tell(&server, &["SET", &key, "another's"]);
        let reason = "COUNTERSIGN the key holds no claim".to_owned();
        assert_eq!(
            hasty.commit(&claimed).await,
            Err(StoreDown::Unavailable { reason })
        );
    }
    let () = tell(&server, &["CLIENT", "PAUSE", "600", "ALL"]);
    assert_eq!(hasty.commit(&good).await, Err(silent(QUICK)));
    ask_until(&hasty, "good", Told::Handled).await;
}

/// The sender has hung up: its request is dropped, wherever it is.
#[tokio::test]
async fn a_sender_that_hangs_up_leaves_nothing_half_done() {
    let server = server_or_return!("a sender that hangs up", &FORGETFUL);
    let (one, other) = (store(&server), store(&server));
    let hang_up = |mut future: countersign::replay::StoreFuture<'_, Settlement>| {
        let polled = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert_eq!(polled, Poll::Pending);
    };
    let handled = granted(&one, "handled").await;
    drop(one.commit(&handled));
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(
        ask(&other, "handled").await,
        Told::InProgress,
        "it was never begun"
    );
    hang_up(one.commit(&handled));
    ask_until(&other, "handled", Told::Handled).await;

    let failed = granted(&one, "failed").await;
    hang_up(one.release(&failed));
    ask_until(&other, "failed", Told::Granted).await;

    let claim = claim_of("acme", "claimed", 1_000);
    {
        let mut claiming = pin!(one.claim(&claim));
        let polled = claiming.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert_eq!(polled, Poll::Pending);
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    ask_until(&other, "claimed", Told::Granted).await;
}

#[tokio::test]
async fn a_full_one_grants_nothing_and_takes_every_commit() {
    let server = server_or_return!("a full one", &["--maxmemory-policy", "noeviction"]);
    let store = store(&server);
    let (handled, late) = (granted(&store, "handled").await, granted(&store, "late").await);
    let (failed, leased) = (granted(&store, "failed").await, granted(&store, "leased").await);
    assert_eq!(store.commit(&handled).await, Ok(Settlement::Done));
    let () = tell(&server, &["CONFIG", "SET", "maxmemory", "100kb"]);
    assert_eq!(ask(&store, "new").await, Told::Down(StoreDown::Full));
    assert_eq!(ask(&store, "handled").await, Told::Handled);
    assert_eq!(ask(&store, "leased").await, Told::InProgress);
    assert_eq!(store.commit(&late).await, Ok(Settlement::Done));
    assert_eq!(store.release(&failed).await, Ok(Settlement::Done));
    assert_eq!(ask(&store, "late").await, Told::Handled);
    let () = tell(&server, &["CONFIG", "SET", "maxmemory", "0"]);
    assert_eq!(ask(&store, "new").await, Told::Granted);
    assert_eq!(store.release(&leased).await, Ok(Settlement::Done));
}

#[tokio::test]
async fn what_is_not_ours_is_not_touched() {
    let server = server_or_return!("what is not ours", &FORGETFUL);
    let store = store(&server).with_patience(Duration::ZERO);
    let unavailable = |reason: &str| StoreDown::Unavailable {
        reason: reason.to_owned(),
    };
    let key = |id: &str| format!("countersign:{}", claim_of("acme", id, 0).key);
    let (list, text) = (granted(&store, "list").await, granted(&store, "text").await);
    let _: u64 = tell(&server, &["DEL", &key("list")]);
    let _: u64 = tell(&server, &["RPUSH", &key("list"), "L0"]);
    let () = tell(&server, &["SET", &key("text"), "another's"]);
    let wrong_type = "WRONGTYPE Operation against a key holding the wrong kind of value";
    let not_ours = unavailable("COUNTERSIGN the key holds no claim");
    let Told::Down(StoreDown::Unavailable { reason }) = ask(&store, "list").await else {
        panic!("a list is no claim");
    };
    assert!(reason.starts_with(wrong_type), "{reason}");
    assert!(matches!(
        store.commit(&list).await,
        Err(StoreDown::Unavailable { .. })
    ));
    assert_eq!(ask(&store, "text").await, Told::Down(not_ours.clone()));
    assert_eq!(store.commit(&text).await, Err(not_ours));
    assert_eq!(store.release(&text).await, Ok(Settlement::LeaseLost));
    assert_eq!(tell::<String>(&server, &["GET", &key("text")]), "another's");
    assert_eq!(tell::<u64>(&server, &["LLEN", &key("list")]), 1);
}

#[tokio::test]
async fn a_replica_grants_nothing() {
    let primary = server_or_return!("a replica", &FORGETFUL);
    let command = installed_or_skip("a replica").expect("it was there a moment ago");
    let port = primary.port().to_string();
    let replica = RedisServer::start(&command, &["--replicaof", "127.0.0.1", &port]);
    let (writer, reader) = (store(&primary), store(&replica));
    let handled = granted(&writer, "handled").await;
    assert_eq!(writer.commit(&handled).await, Ok(Settlement::Done));
    ask_until(&reader, "handled", Told::Handled).await;
    let Told::Down(StoreDown::Unavailable { reason }) = ask(&reader, "new").await else {
        panic!("a replica grants nothing");
    };
    assert!(
        reason.contains("READONLY") || reason.contains("read only"),
        "{reason}"
    );
    assert_eq!(ask(&writer, "new").await, Told::Granted);
}

#[tokio::test]
async fn one_round_trip_for_each_step() {
    let server = server_or_return!("one round trip", &FORGETFUL);
    let store = store(&server);
    let mut claims = Vec::new();
    let settle = granted(&store, "first").await;
    assert_eq!(store.commit(&settle).await, Ok(Settlement::Done));
    let () = tell(&server, &["CONFIG", "RESETSTAT"]);
    for id in 0..50 {
        claims.push(granted(&store, &id.to_string()).await);
    }
    for claimed in &claims {
        assert_eq!(store.commit(claimed).await, Ok(Settlement::Done));
    }
    assert_eq!(info(&server, "commandstats", "cmdstat_evalsha:calls"), 100);
    let report: String = tell(&server, &["INFO", "commandstats"]);
    assert!(!report.contains("cmdstat_eval:"), "{report}");
    // And when it has forgotten the scripts:
    let () = tell(&server, &["SCRIPT", "FLUSH"]);
    assert_eq!(ask(&store, "after").await, Told::Granted);
    assert_eq!(ask(&store, "0").await, Told::Handled);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_claims_at_once_one_is_granted() {
    const ROUNDS: usize = 100;
    const TEN: Duration = Duration::from_secs(10);
    let server = server_or_return!("many at once", &FORGETFUL);
    let fleet: Vec<_> = (0..4).map(|_| store(&server)).collect();
    let tokens = grant_one_of_many(&fleet, ROUNDS, TEN..=TEN).await;
    assert_eq!(tokens.len(), ROUNDS);
}

#[tokio::test]
async fn a_connection_of_ones_own_will_do() {
    let mut server = server_or_return!("a connection of one's own", &PERSISTENT);
    let client = redis::Client::open(server.url()).expect("a URL");
    let config = ConnectionManagerConfig::new().set_min_delay(Duration::from_millis(10));
    let manager = client.get_connection_manager_lazy(config).expect("a manager");
    let store = RedisStore::over(manager);
    let handled = granted(&store, "handled").await;
    assert_eq!(store.commit(&handled).await, Ok(Settlement::Done));
    server.kill();
    let told = ask(&store, "new").await;
    assert!(is_unavailable(&told), "{told:?}");
    server.restart();
    ask_until(&store, "handled", Told::Handled).await;
}

#[tokio::test]
async fn a_claim_takes_what_is_stated() {
    const CLAIMS: u64 = 20_000;
    let server = server_or_return!("memory", &FORGETFUL);
    let store = store(&server);
    let handled = granted(&store, "warm").await;
    assert_eq!(store.commit(&handled).await, Ok(Settlement::Done));
    let before = info(&server, "memory", "used_memory");
    for batch in 0..CLAIMS / 100 {
        let claims = (0..100).map(|number| {
            let (store, id) = (store.clone(), format!("{batch} {number}"));
            tokio::spawn(async move { granted(&store, &id).await })
        });
        for claim in claims.collect::<Vec<_>>() {
            let claimed = claim.await.expect("granted");
            assert_eq!(store.commit(&claimed).await, Ok(Settlement::Done));
        }
    }
    let each = (info(&server, "memory", "used_memory") - before) / CLAIMS;
    println!("{each} bytes of Redis a claim");
    assert!((64 + 16..=256).contains(&each), "{each} bytes a claim");
}
