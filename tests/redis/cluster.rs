//! Three primaries, each with a third of the keys.

use std::time::{Duration, Instant};

use countersign::replay::{Persistence, RedisStore, ReplayStore as _, Settlement};

use crate::redis_server::{PERSISTENT, RedisServer, installed_or_skip};
use crate::servers::tell;
use crate::told::{Told, ask, ask_until, granted, is_unavailable};

const SLOTS: [(&str, &str); 3] = [("0", "5460"), ("5461", "10922"), ("10923", "16383")];

fn node(command: &str) -> RedisServer {
    let mut options = PERSISTENT.to_vec();
    options.extend(["--cluster-enabled", "yes", "--cluster-node-timeout", "1000"]);
    options.extend(["--cluster-require-full-coverage", "no"]);
    RedisServer::start(command, &options)
}

fn start(command: &str) -> Vec<RedisServer> {
    let nodes: Vec<_> = SLOTS.iter().map(|_| node(command)).collect();
    for (node, (first, last)) in nodes.iter().zip(SLOTS) {
        let () = tell(node, &["CLUSTER", "ADDSLOTSRANGE", first, last]);
        let () = tell(
            node,
            &["CLUSTER", "MEET", "127.0.0.1", &nodes[0].port().to_string()],
        );
    }
    let began = Instant::now();
    while !nodes.iter().all(is_whole) {
        assert!(began.elapsed() < Duration::from_secs(20), "no cluster");
        std::thread::sleep(Duration::from_millis(50));
    }
    nodes
}

fn is_whole(node: &RedisServer) -> bool {
    let told: String = tell(node, &["CLUSTER", "INFO"]);
    [
        "cluster_state:ok",
        "cluster_slots_ok:16384",
        "cluster_known_nodes:3",
    ]
    .iter()
    .all(|line| told.contains(line))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_keeps_the_promise_and_goes_on_without_a_node() {
    let Some(command) = installed_or_skip("redis: a cluster") else {
        return;
    };
    let mut nodes = start(&command);
    let urls: Vec<_> = nodes.iter().map(RedisServer::url).collect();
    let fleet =
        [0, 1].map(|first| RedisStore::cluster(urls.iter().skip(first).map(String::as_str)).expect("URLs"));
    let [one, other] = &fleet;
    assert_eq!(one.check().await, Ok(Persistence::AppendOnly));

    for id in 0..60 {
        let (leased, handled) = (format!("leased {id}"), format!("handled {id}"));
        assert_eq!(ask(one, &leased).await, Told::Granted);
        let claimed = granted(one, &handled).await;
        assert_eq!(other.commit(&claimed).await, Ok(Settlement::Done));
        assert_eq!(ask(other, &leased).await, Told::InProgress);
        assert_eq!(ask(other, &handled).await, Told::Handled);
    }
    let held: Vec<u64> = nodes.iter().map(|node| tell(node, &["DBSIZE"])).collect();
    assert!(held.iter().all(|keys| *keys > 10), "each node has some: {held:?}");
    assert_eq!(held.iter().sum::<u64>(), 120);

    nodes[1].pause();
    let (mut there, mut gone) = (0, 0);
    for id in 0..30 {
        let began = Instant::now();
        match ask(other, &format!("handled {id}")).await {
            Told::Handled => there += 1,
            told if is_unavailable(&told) => gone += 1,
            told => panic!("{told:?}"),
        }
        assert!(
            began.elapsed() < 2 * RedisStore::DEFAULT_TIMEOUT,
            "{:?}",
            began.elapsed()
        );
    }
    assert!(there >= 10 && gone >= 3, "paused: {there} there, {gone} gone");
    nodes[1].resume();
    for id in 0..60 {
        ask_until(other, &format!("handled {id}"), Told::Handled).await;
    }

    nodes[2].kill();
    let (mut there, mut gone) = (0, 0);
    for id in 0..30 {
        match ask(one, &format!("handled {id}")).await {
            Told::Handled => there += 1,
            told if is_unavailable(&told) => gone += 1,
            told => panic!("{told:?}"),
        }
    }
    assert!(there >= 10 && gone >= 3, "{there} there, {gone} gone");

    nodes[2].restart();
    for id in 0..60 {
        ask_until(one, &format!("handled {id}"), Told::Handled).await;
        ask_until(other, &format!("handled {id}"), Told::Handled).await;
        ask_until(other, &format!("leased {id}"), Told::InProgress).await;
    }
}

/// It had heard of everything that is asked for here: when it has not, that may be handled again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_takes_over_goes_on_refusing() {
    let Some(command) = installed_or_skip("redis: a replica takes over") else {
        return;
    };
    let (mut nodes, replica) = (start(&command), node(&command));
    let first: String = tell(&nodes[0], &["CLUSTER", "MYID"]);
    let () = tell(
        &replica,
        &["CLUSTER", "MEET", "127.0.0.1", &nodes[0].port().to_string()],
    );
    until("it knows the first", || {
        tell::<String>(&replica, &["CLUSTER", "NODES"]).contains(&first)
    })
    .await;
    let () = tell(&replica, &["CLUSTER", "REPLICATE", &first]);
    let in_step = || tell::<String>(&replica, &["INFO", "replication"]).contains("master_link_status:up");
    until("it copies the first", in_step).await;
    until("all know the replica", || {
        nodes
            .iter()
            .all(|node| tell::<String>(node, &["CLUSTER", "INFO"]).contains("cluster_known_nodes:4"))
    })
    .await;

    let store = RedisStore::cluster(nodes.iter().map(RedisServer::url)).expect("URLs");
    for id in 0..30 {
        let claimed = granted(&store, &id.to_string()).await;
        assert_eq!(store.commit(&claimed).await, Ok(Settlement::Done));
    }
    let held = || tell::<u64>(&nodes[0], &["DBSIZE"]);
    until("it has heard of all", || {
        tell::<u64>(&replica, &["DBSIZE"]) == held()
    })
    .await;
    assert!(held() > 3, "{}", held());

    nodes[0].kill();
    for id in 0..30 {
        ask_until(&store, &id.to_string(), Told::Handled).await;
    }
    assert!(tell::<String>(&replica, &["INFO", "replication"]).contains("role:master"));
}

async fn until(what: &str, mut it_is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !it_is_so() {
        assert!(began.elapsed() < Duration::from_secs(20), "not so: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
