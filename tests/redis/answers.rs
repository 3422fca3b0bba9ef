//! Whatever a server may answer, and what is made of it; what servers are fit; and what a store says of itself.

use std::time::Duration;

use countersign::replay::{
    InvalidRedis, Persistence, RedisStore, ReplayStore as _, Settlement, StoreDown, Unfit,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::outages::server_or_return;
use crate::promise::claim_of;
use crate::redis_server::{FORGETFUL, PERSISTENT, Port, RedisServer, installed_or_skip};
use crate::servers::{QUICK, store, tell};
use crate::told::{Told, ask, granted};

fn unavailable(reason: impl Into<String>) -> StoreDown {
    StoreDown::Unavailable {
        reason: reason.into(),
    }
}

/// A server that knows one answer to every EVALSHA and EVAL; to all else it says OK.
async fn parrot(answer: &'static str) -> RedisStore {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let url = format!("redis://{}", listener.local_addr().expect("bound"));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut buffer = vec![0; 4096];
                while let Ok(length @ 1..) = stream.read(&mut buffer).await {
                    let heard = String::from_utf8_lossy(&buffer[..length]).into_owned();
                    let answers = match heard.contains("EVAL") {
                        true if answer.is_empty() => return,
                        true => answer.to_owned(),
                        // One for each command: each begins with the number of its words.
                        false => "+OK\r\n".repeat(heard.lines().filter(|line| line.starts_with('*')).count()),
                    };
                    if stream.write_all(answers.as_bytes()).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    let store = RedisStore::open(url).expect("a URL");
    store.with_timeout(QUICK).with_patience(Duration::ZERO)
}

#[tokio::test]
async fn no_error_and_no_nonsense_grants_a_claim() {
    let said = |code: &str, text: &str| unavailable(format!("{code} {text}"));
    let no_answer = unavailable("an answer that is none");
    #[rustfmt::skip]
    let cases = [
        ("-OOM command not allowed when used memory > 'maxmemory'.\r\n", StoreDown::Full),
        ("-LOADING Redis is loading the dataset in memory\r\n", said("LOADING", "Redis is loading the dataset in memory")),
        ("-CLUSTERDOWN The cluster is down\r\n", said("CLUSTERDOWN", "The cluster is down")),
        ("-MOVED 3999 127.0.0.1:6381\r\n", said("MOVED", "3999 127.0.0.1:6381; it is a node of a cluster: use `RedisStore::cluster`")),
        ("-MASTERDOWN Link with MASTER is down\r\n", said("MASTERDOWN", "Link with MASTER is down")),
        ("-MISCONF Errors writing to the AOF file\r\n", said("MISCONF", "Errors writing to the AOF file")),
        ("-NOREPLICAS Not enough good replicas to write.\r\n", said("NOREPLICAS", "Not enough good replicas to write.")),
        ("-NOSCRIPT No matching script.\r\n", said("NOSCRIPT", "No matching script.")),
        ("-NOAUTH Authentication required.\r\n", said("NOAUTH", "Authentication required.")),
        ("-NOPERM this user has no permissions\r\n", said("NOPERM", "this user has no permissions")),
        ("-BUSY Redis is busy running a script\r\n", said("BUSY", "Redis is busy running a script")),
        ("+OK\r\n", no_answer.clone()),
        (":1\r\n", no_answer.clone()),
        ("$-1\r\n", no_answer.clone()),
        ("*0\r\n", no_answer.clone()),
        ("*1\r\n$7\r\nGRANTED\r\n", no_answer.clone()),
        ("*1\r\n$6\r\nleased\r\n", no_answer.clone()),
        ("*2\r\n$6\r\nleased\r\n:-1\r\n", no_answer.clone()),
        ("*1\r\n$4\r\ndone\r\n", unavailable("an answer to another question")),
        ("*1\r\n$4\r\nlost\r\n", unavailable("an answer to another question")),
    ];
    for (answer, expected) in cases {
        let store = parrot(answer).await;
        assert_eq!(ask(&store, "1").await, Told::Down(expected), "{answer:?}");
    }
    for garbage in ["", "@?!\r\n", "*2\r\n+granted\r\n"] {
        let store = parrot(garbage).await;
        let told = ask(&store, "1").await;
        assert!(
            matches!(told, Told::Down(StoreDown::Unavailable { .. })),
            "{garbage:?}: {told:?}"
        );
    }
    assert_eq!(
        ask(&parrot("*1\r\n$7\r\ngranted\r\n").await, "1").await,
        Told::Granted,
        "the parrot works"
    );
}

#[tokio::test]
async fn a_settlement_that_is_answered_with_nonsense_is_not_done() {
    let out_of_place = Err(unavailable("an answer to another question"));
    let store = parrot("*1\r\n$7\r\ngranted\r\n").await;
    let claimed = granted(&store, "1").await;
    assert_eq!(store.commit(&claimed).await, out_of_place);
    assert_eq!(store.release(&claimed).await, out_of_place);
}

#[tokio::test]
async fn nobody_there() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let address = listener.local_addr().expect("bound");
    drop(listener);
    let store = RedisStore::open(format!("redis://{address}")).expect("a URL");
    let told = ask(&store, "1").await;
    assert!(
        matches!(&told, Told::Down(StoreDown::Unavailable { reason }) if reason.contains("refused")),
        "{told:?}"
    );
}

#[tokio::test]
async fn what_servers_are_fit() {
    let server = server_or_return!("what servers are fit", &PERSISTENT);
    let command = installed_or_skip("what servers are fit").expect("it was there a moment ago");
    let store_of = store;
    let store = store_of(&server);
    assert_eq!(store.check().await, Ok(Persistence::AppendOnly));
    let () = tell(&server, &["CONFIG", "SET", "appendonly", "no"]);
    assert_eq!(store.check().await, Ok(Persistence::AtMostSnapshots));
    let () = tell(&server, &["CONFIG", "SET", "maxmemory-policy", "volatile-ttl"]);
    assert_eq!(
        store.check().await,
        Ok(Persistence::AtMostSnapshots),
        "without a limit nothing is evicted"
    );
    let () = tell(&server, &["CONFIG", "SET", "maxmemory", "100mb"]);
    let policy = "volatile-ttl".to_owned();
    assert_eq!(store.check().await, Err(Unfit::Evicts { policy }));
    let () = tell(&server, &["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    assert_eq!(store.check().await, Ok(Persistence::AtMostSnapshots));

    let port = server.port().to_string();
    let replica = RedisServer::start(&command, &["--replicaof", "127.0.0.1", &port]);
    assert_eq!(store_of(&replica).check().await, Err(Unfit::Replica));
    server.pause();
    let silent = unavailable(format!("no answer within {QUICK:?}"));
    assert_eq!(
        store.clone().with_timeout(QUICK).check().await,
        Err(Unfit::Down(silent))
    );
    server.resume();
}

/// The least that its documentation says it needs.
#[tokio::test]
async fn a_user_of_its_own_will_do() {
    let server = server_or_return!("a user of its own", &FORGETFUL);
    let rights = "+evalsha +eval +info +get +set +del +pttl +pexpire";
    let mut command = vec!["ACL", "SETUSER", "hooks", "on", ">secret", "~countersign:*"];
    command.extend(rights.split(' '));
    let () = tell(&server, &command);
    let url = format!("redis://hooks:secret@{}", server.address());
    let store = RedisStore::open(url.as_str()).expect("a URL");
    assert_eq!(store.check().await, Ok(Persistence::AtMostSnapshots));
    let (handled, failed) = (granted(&store, "1").await, granted(&store, "2").await);
    assert_eq!(store.commit(&handled).await, Ok(Settlement::Done));
    assert_eq!(store.commit(&handled).await, Ok(Settlement::Done));
    assert_eq!(store.release(&failed).await, Ok(Settlement::Done));
    assert_eq!(
        store
            .claim(&crate::promise::dated_claim_of("acme", "1", 1_000))
            .await,
        Ok(countersign::replay::ClaimAnswer::Handled)
    );
    assert!(!format!("{store:?}").contains("secret"), "{store:?}");

    let elsewhere = store.with_prefix("elsewhere");
    let told = ask(&elsewhere, "3").await;
    assert!(
        matches!(&told, Told::Down(StoreDown::Unavailable { reason }) if reason.contains("NOPERM")),
        "{told:?}"
    );
    let wrong = RedisStore::open(url.replace("secret", "guess")).expect("a URL");
    let told = ask(&wrong, "3").await;
    assert!(
        matches!(&told, Told::Down(StoreDown::Unavailable { reason }) if !reason.contains("guess")),
        "{told:?}"
    );
}

#[test]
fn what_is_no_url_is_no_store() {
    let cases = [
        "",
        "nonsense",
        "http://127.0.0.1",
        "redis://:secret@127.0.0.1:port",
    ];
    for url in cases {
        let Err(InvalidRedis { reason, .. }) = RedisStore::open(url) else {
            panic!("{url:?} is taken");
        };
        assert!(!reason.contains("secret"), "{reason}");
    }
    let none: [&str; 0] = [];
    assert!(matches!(RedisStore::cluster(none), Err(InvalidRedis { .. })));
    // Without `redis/tokio-rustls-comp` there is no TLS, and it is not left out in silence.
    assert!(matches!(
        RedisStore::open("rediss://127.0.0.1"),
        Err(InvalidRedis { .. })
    ));
}

#[tokio::test]
async fn prefixes_part_fleets() {
    let server = server_or_return!("prefixes", &FORGETFUL);
    let (one, other) = (
        store(&server).with_prefix("one"),
        store(&server).with_prefix("other"),
    );
    assert_eq!(ask(&one, "1").await, Told::Granted);
    assert_eq!(ask(&other, "1").await, Told::Granted);
    let keys: Vec<String> = tell(&server, &["KEYS", "one:*"]);
    assert_eq!(keys, [format!("one:{}", claim_of("acme", "1", 0).key)]);
}

/// Or it cannot come back: a port that is free is given to any connection that is made meanwhile.
#[test]
fn a_server_that_is_killed_keeps_its_port() {
    let port = Port::reserve();
    let others: Vec<_> = (0..200).map(|_| Port::reserve().number).collect();
    assert!(!others.contains(&port.number));
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let first: u16 = range
        .split_whitespace()
        .next()
        .map_or(32_768, |first| first.parse().expect("a port"));
    assert!(
        port.number < first,
        "{} is one of those that connections are given",
        port.number
    );
    assert!(Port::at(port.number).is_none(), "it is taken");
}
