//! Servers that die, hang, are full, may only be read, or hold what is not ours; and what a store says of itself.

use std::time::{Duration, Instant};

use countersign::replay::{
    InvalidPostgres, PostgresStore, ReplayStore as _, Settlement, StoreDown, UnfitPostgres,
};

use super::QUICK;
use super::servers::{SOON, end, hands, store};
use crate::postgres_server::{PostgresServer, installed_or_skip};
use crate::told::{Told, ask, ask_until, forgets_nothing, grant_one_of_many, granted, silent};

macro_rules! server_or_return {
    ($test:literal, $options:expr) => {
        match installed_or_skip(concat!("postgres: ", $test)) {
            Some(programs) => PostgresServer::start(&programs, $options),
            None => return,
        }
    };
}
pub(crate) use server_or_return;

fn unavailable(reason: &str) -> StoreDown {
    let reason = reason.to_owned();
    StoreDown::Unavailable { reason }
}

#[tokio::test]
async fn killed_and_restarted_it_has_forgotten_nothing() {
    let mut server = server_or_return!("killed and restarted", &[]);
    let (one, other) = (store(&server).await, store(&server).await);
    forgets_nothing(&mut server, [&one, &other], 2).await;

    // What was handled while it was down is written down when it is back.
    let (handled, failed) = (granted(&one, "handled").await, granted(&one, "failed").await);
    let impatient = one.clone().with_patience(SOON);
    let (forgotten, late) = (
        granted(&impatient, "forgotten").await,
        granted(&one, "late").await,
    );
    server.kill();
    let down = |settled: Result<Settlement, StoreDown>| {
        let Err(StoreDown::Unavailable { .. }) = settled else {
            panic!("{settled:?}");
        };
    };
    down(one.commit(&handled).await);
    // The process is asked to stop; what is being handled ends while it waits.
    let waiting = one.clone();
    let settled = tokio::spawn(async move {
        let settled = waiting.settled();
        tokio::time::timeout(Duration::from_secs(30), settled).await
    });
    down(one.commit(&late).await);
    down(one.release(&failed).await);
    down(impatient.commit(&forgotten).await);
    tokio::time::sleep(2 * SOON).await;
    server.restart();
    assert_eq!(settled.await.expect("no panic"), Ok(()));
    assert_eq!(ask(&other, "handled").await, Told::Handled);
    assert_eq!(ask(&other, "late").await, Told::Handled);
    assert_eq!(ask(&other, "failed").await, Told::Granted);
    assert_eq!(ask(&other, "forgotten").await, Told::InProgress, "patience ends");
}

#[tokio::test]
async fn one_that_hangs_is_not_waited_for_and_the_claim_is_given_back() {
    let server = server_or_return!("one that hangs", &QUICK);
    let hasty = store(&server).await.with_timeout(SOON);
    let handled = granted(&hasty, "handled").await;
    server.pause();
    let began = Instant::now();
    assert_eq!(ask(&hasty, "1").await, Told::Down(silent(SOON)));
    assert_eq!(ask(&hasty, "2").await, Told::Down(silent(SOON)));
    assert_eq!(hasty.commit(&handled).await, Err(silent(SOON)));
    assert!(began.elapsed() < 12 * SOON, "{:?}", began.elapsed());
    server.resume();
    // The lease is of ten seconds, and none of them is waited for.
    let began = Instant::now();
    ask_until(&hasty, "1", Told::Granted).await;
    ask_until(&hasty, "2", Told::Granted).await;
    ask_until(&hasty, "handled", Told::Handled).await;
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
}

#[tokio::test]
async fn read_only_or_full_it_grants_nothing() {
    let server = server_or_return!("read-only and full", &["fsync=on"]);
    let (store, operator) = (store(&server).await, hands(&server).await);
    let (handled, late) = (granted(&store, "handled").await, granted(&store, "late").await);
    assert_eq!(store.commit(&handled).await, Ok(Settlement::Done));
    assert_eq!(store.check().await, Ok(()));

    let read_only = |on: &str| {
        let set = format!("alter system set default_transaction_read_only = {on}");
        let operator = &operator;
        async move {
            for sql in [set.as_str(), "select pg_reload_conf()"] {
                operator.simple_query(sql).await.expect("the operator may");
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    read_only("on").await;
    let refused = unavailable("cannot execute SELECT in a read-only transaction (25006)");
    assert_eq!(ask(&store, "new").await, Told::Down(refused.clone()));
    assert_eq!(store.check().await, Err(UnfitPostgres::ReadOnly));
    operator
        .simple_query("set default_transaction_read_only = off")
        .await
        .expect("one's own");
    read_only("off").await;
    assert_eq!(ask(&store, "new").await, Told::Granted);

    // As a server says it when its disk is full.
    let full = "create function full_disk() returns trigger language plpgsql as
        $$ begin raise exception using errcode = '53100', message = 'could not extend file'; end $$;
        create trigger full_disk before insert on countersign_claims execute function full_disk()";
    operator.batch_execute(full).await.expect("a trigger");
    assert_eq!(ask(&store, "newer").await, Told::Down(StoreDown::Full));
    assert_eq!(ask(&store, "handled").await, Told::Down(StoreDown::Full));
    operator
        .batch_execute("drop trigger full_disk on countersign_claims")
        .await
        .expect("room");
    assert_eq!(ask(&store, "handled").await, Told::Handled);
    assert_eq!(store.commit(&late).await, Ok(Settlement::Done));
}

#[tokio::test]
async fn what_servers_are_fit() {
    let server = server_or_return!("what servers are fit", &[]);
    let (store, operator) = (store(&server).await, hands(&server).await);
    assert_eq!(store.check().await, Ok(()));
    let elsewhere = store.clone().with_table("nowhere").expect("a name");
    let missing = unavailable("relation \"nowhere\" does not exist (42P01)");
    assert_eq!(elsewhere.check().await, Err(UnfitPostgres::Down(missing.clone())));
    assert_eq!(ask(&elsewhere, "1").await, Told::Down(missing));
    let schema = PostgresStore::schema("loose").replace("create table", "create unlogged table");
    operator.batch_execute(&schema).await.expect("a table");
    let loose = store.clone().with_table("loose").expect("a name");
    assert_eq!(loose.check().await, Err(UnfitPostgres::Unlogged));
    operator
        .batch_execute("create schema kept")
        .await
        .expect("a schema");
    operator
        .batch_execute(&PostgresStore::schema("kept.claims"))
        .await
        .expect("a table");
    let kept = store.clone().with_table("kept.claims").expect("a name");
    assert_eq!(kept.check().await, Ok(()));
    assert_eq!(ask(&kept, "1").await, Told::Granted);
    assert_eq!(ask(&store, "1").await, Told::Granted, "tables part fleets");

    operator
        .batch_execute("create table other (key bytea)")
        .await
        .expect("a table");
    let other = store.clone().with_table("other").expect("a name");
    let columns = unavailable("column \"token\" does not exist (42703)");
    assert_eq!(other.check().await, Err(UnfitPostgres::Down(columns)));
    for (setting, value) in [("synchronous_commit", "off"), ("full_page_writes", "off")] {
        let lax = PostgresServer::start(
            &installed_or_skip("what servers are fit").expect("it was there a moment ago"),
            &[&format!("{setting}={value}")],
        );
        let setting = setting.to_owned();
        assert_eq!(
            super::servers::store(&lax).await.check().await,
            Err(UnfitPostgres::Forgets { setting })
        );
    }
}

/// The least that its documentation says it needs.
#[tokio::test]
async fn a_role_of_its_own_will_do() {
    let server = server_or_return!("a role of its own", &QUICK);
    let operator = hands(&server).await;
    store(&server).await;
    let rights = "create role worker login password 'open sesame';
        grant select, insert, update, delete on countersign_claims to worker";
    operator.batch_execute(rights).await.expect("a role");
    let url = server.url().replace("hooks@", "worker:open%20sesame@");
    let store = PostgresStore::open(&url).expect("a URL");
    assert!(!format!("{store:?}").contains("sesame"), "{store:?}");
    let (handled, failed) = (granted(&store, "1").await, granted(&store, "2").await);
    assert_eq!(store.commit(&handled).await, Ok(Settlement::Done));
    assert_eq!(store.release(&failed).await, Ok(Settlement::Done));
    assert_eq!(ask(&store, "1").await, Told::Handled);

    // What has ended is cleared away in passing.
    for number in 0..1_100 {
        let claimed = granted(&store, &format!("old {number}")).await;
        if number < 900 {
            end(&operator, &claimed).await;
        }
    }
    let began = Instant::now();
    loop {
        let left = operator
            .query_one("select count(*) from countersign_claims where ends <= now()", &[])
            .await;
        if left.expect("the server").get::<_, i64>(0) == 0 {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let kept = operator
        .query_one("select count(*) from countersign_claims", &[])
        .await;
    assert_eq!(kept.expect("the server").get::<_, i64>(0), 201);
}

#[test]
fn what_is_no_url_is_no_store_and_is_not_repeated() {
    let cases = [
        ("", InvalidPostgres::NoUrl),
        ("nonsense", InvalidPostgres::NoUrl),
        ("postgres://hooks:sesame@host:port/x", InvalidPostgres::NoUrl),
        ("password=sesame", InvalidPostgres::NoUrl),
        ("host=h password=sesame open=sesame", InvalidPostgres::NoUrl),
        ("postgres://h/x?sslmode=require", InvalidPostgres::WantsTls),
    ];
    for (url, expected) in cases {
        let refused = PostgresStore::open(url).expect_err(url);
        assert_eq!(refused, expected, "{url}");
        assert!(!format!("{refused} {refused:?}").contains("sesame"), "{refused}");
    }
    let optional = "postgres://h/x".parse().expect("a URL");
    let refused = PostgresStore::open_with_tls(optional, tokio_postgres::NoTls).expect_err("no TLS");
    assert_eq!(refused, InvalidPostgres::TlsIsOptional);
    let store = PostgresStore::open("postgres://h/x").expect("a URL");
    for name in [
        "",
        "a.b.c",
        "Claims",
        "claims;drop",
        "1st",
        "a b",
        ".a",
        "a.",
        "\"a\"",
    ] {
        let expected = InvalidPostgres::Table {
            name: name.to_owned(),
        };
        assert_eq!(store.clone().with_table(name).expect_err(name), expected);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_claims_at_once_one_is_granted() {
    const ROUNDS: usize = 100;
    const TEN: Duration = Duration::from_secs(10);
    let server = server_or_return!("many at once", &QUICK);
    let mut fleet = Vec::new();
    for _ in 0..4 {
        fleet.push(store(&server).await.with_timeout(Duration::from_secs(10)));
    }
    let tokens = grant_one_of_many(&fleet, ROUNDS, Duration::ZERO..=TEN).await;
    assert_eq!(tokens.len(), ROUNDS);
}
