//! The claim and the handler's effect in one transaction: both, or neither, whoever is killed.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use countersign::replay::{
    Claim, ClaimAnswer, ClaimKey, NotCommitted, PostgresStore, ReplayStore as _, Settlement, StoreDown, Terms,
};
use tokio::runtime::Runtime;
use tokio_postgres::{Client, NoTls};

use super::QUICK;
use super::outages::server_or_return;
use super::servers::{end, hands, store};
use crate::postgres_server::{PostgresServer, installed_or_skip};
use crate::support::{at, secs, tenant};
use crate::told::{Told, ask, ask_until, granted};

const EFFECTS: &str = "create table effects (delivery bigint not null)";

#[tokio::test]
async fn a_claim_is_committed_with_the_effect_or_not_at_all() {
    let server = server_or_return!("a transaction", &QUICK);
    let (store, other, mut handler) = (store(&server).await, store(&server).await, hands(&server).await);
    handler.batch_execute(EFFECTS).await.expect("a table");
    let claimed = granted(&store, "rolled back").await;
    let transaction = handler.transaction().await.expect("a transaction");
    transaction
        .execute("insert into effects values (1)", &[])
        .await
        .expect("an effect");
    assert_eq!(store.commit_in(&transaction, &claimed).await, Ok(()));
    // Others are told at once, and do not wait for the end of the transaction.
    let began = Instant::now();
    assert_eq!(ask(&other, "rolled back").await, Told::InProgress);
    assert!(
        began.elapsed() < PostgresStore::DEFAULT_TIMEOUT,
        "{:?}",
        began.elapsed()
    );
    transaction.rollback().await.expect("rolled back");
    assert_eq!(
        ask(&other, "rolled back").await,
        Told::InProgress,
        "its lease is what it was"
    );
    assert_eq!(store.release(&claimed).await, Ok(Settlement::Done));
    assert_eq!(ask(&other, "rolled back").await, Told::Granted);

    let claimed = granted(&store, "committed").await;
    let transaction = handler.transaction().await.expect("a transaction");
    transaction
        .execute("insert into effects values (2)", &[])
        .await
        .expect("an effect");
    assert_eq!(store.commit_in(&transaction, &claimed).await, Ok(()));
    transaction.commit().await.expect("committed");
    assert_eq!(ask(&other, "committed").await, Told::Handled);
    // What the layer does after the handler changes nothing: neither a commit, nor a release where the answer was lost.
    assert_eq!(store.release(&claimed).await, Ok(Settlement::LeaseLost));
    assert_eq!(store.commit(&claimed).await, Ok(Settlement::Done));
    assert_eq!(ask(&other, "committed").await, Told::Handled);
    let effects = handler
        .query("select delivery from effects", &[])
        .await
        .expect("the effects");
    assert_eq!(effects.iter().map(|row| row.get(0)).collect::<Vec<i64>>(), [2]);
}

#[tokio::test]
async fn whose_delivery_it_is_no_more_has_no_effect() {
    let server = server_or_return!("fenced", &QUICK);
    let (store, other) = (store(&server).await, store(&server).await);
    let (mut slow, mut quick, operator) = (hands(&server).await, hands(&server).await, hands(&server).await);

    let late = granted(&store, "late").await;
    end(&operator, &late).await;
    let transaction = slow.transaction().await.expect("a transaction");
    assert_eq!(
        store.commit_in(&transaction, &late).await,
        Ok(()),
        "nobody else has it"
    );
    transaction.rollback().await.expect("rolled back");

    let taken = granted(&other, "late").await;
    let transaction = slow.transaction().await.expect("a transaction");
    assert_eq!(
        store.commit_in(&transaction, &late).await,
        Err(NotCommitted::Taken)
    );
    transaction.rollback().await.expect("rolled back");
    assert_eq!(other.commit(&taken).await, Ok(Settlement::Done));
    let transaction = slow.transaction().await.expect("a transaction");
    assert_eq!(
        store.commit_in(&transaction, &late).await,
        Err(NotCommitted::Taken)
    );
    assert_eq!(
        store.commit_in(&transaction, &taken).await,
        Err(NotCommitted::Taken),
        "it was handled"
    );
    transaction.rollback().await.expect("rolled back");

    // Two at once, by one claim: the second waits for the first, and has none.
    let claimed = granted(&store, "twice").await;
    let first = quick.transaction().await.expect("a transaction");
    assert_eq!(store.commit_in(&first, &claimed).await, Ok(()));
    let (second, ()) = tokio::join!(
        async {
            let second = slow.transaction().await.expect("a transaction");
            store.commit_in(&second, &claimed).await
        },
        async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            first.commit().await.expect("committed");
        }
    );
    assert_eq!(second, Err(NotCommitted::Taken));

    // One whose lease ends while its transaction is open: nobody is granted it before that has ended.
    let claimed = granted(&store, "slow").await;
    end(&operator, &claimed).await;
    let open = quick.transaction().await.expect("a transaction");
    assert_eq!(store.commit_in(&open, &claimed).await, Ok(()));
    let told = ask(&other, "slow").await;
    assert!(
        matches!(told, Told::Down(StoreDown::Unavailable { .. })),
        "{told:?}"
    );
    assert_eq!(
        ask(&other, "another").await,
        Told::Granted,
        "and nobody else waits"
    );
    open.commit().await.expect("committed");
    ask_until(&other, "slow", Told::Handled).await;
    let broken = quick.transaction().await.expect("a transaction");
    let _ = broken.execute("select 1 / 0", &[]).await;
    let refused = store.commit_in(&broken, &granted(&store, "broken").await).await;
    assert!(matches!(refused, Err(NotCommitted::Down(_))), "{refused:?}");
}

// --- ten thousand effects ---------------------------------------------------------------------------------------------

const DELIVERIES: usize = 10_000;
const SENDERS: usize = 16;
const MEMBERS: usize = 3;

/// A receiver: its runtime is its process, and ends without a word.
struct Member {
    runtime: Runtime,
    store: PostgresStore,
    clients: Arc<Mutex<Vec<Client>>>,
}

impl Member {
    fn start(url: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build();
        Self {
            runtime: runtime.expect("a runtime"),
            store: PostgresStore::open(url)
                .expect("a URL")
                .with_patience(Duration::from_secs(2)),
            clients: Arc::default(),
        }
    }

    /// What becomes of a delivery that is sent to it. `None`: no answer.
    async fn deliver(members: &Mutex<Vec<Member>>, url: &str, number: usize, which: usize) -> Option<u16> {
        let answer = {
            let members = members.lock().expect("no panic");
            let member = &members[which % members.len()];
            let (store, clients, url) = (member.store.clone(), member.clients.clone(), url.to_owned());
            member
                .runtime
                .spawn(async move { handle(&store, &clients, &url, number).await.unwrap_or(503) })
        };
        answer.await.ok()
    }
}

/// As the layer and a handler of one's own do it.
async fn handle(
    store: &PostgresStore,
    clients: &Mutex<Vec<Client>>,
    url: &str,
    number: usize,
) -> Option<u16> {
    let owner = tenant("acme");
    let key = ClaimKey::of(&owner, "drill", [number.to_string().as_bytes()]);
    let terms = Terms::default().with_lease(secs(1));
    let claim = Claim::new(key, owner, at(1_000), terms, None);
    let claimed = match store.claim(&claim).await.ok()? {
        ClaimAnswer::Granted(claimed) => claimed,
        ClaimAnswer::Handled => return Some(200),
        _ => return Some(503),
    };
    let kept = clients.lock().ok()?.pop().filter(|client| !client.is_closed());
    let mut client = match kept {
        Some(client) => client,
        None => {
            let (client, driver) = tokio_postgres::connect(url, NoTls).await.ok()?;
            tokio::spawn(driver);
            client
        }
    };
    let handled = effect(store, &mut client, &claimed, number).await;
    clients.lock().ok()?.push(client);
    match handled {
        Some(()) => store.commit(&claimed).await.ok().map(|_| 200),
        None => store.release(&claimed).await.ok().map(|_| 500),
    }
}

/// One in a few hundred is slower than its lease; and some when nobody is killed any more.
fn is_slow(number: usize) -> bool {
    number % 499 == 7 || (number > 9_500 && number % 50 == 7)
}

async fn effect(
    store: &PostgresStore,
    client: &mut Client,
    claimed: &countersign::replay::Claimed,
    number: usize,
) -> Option<()> {
    let transaction = client.transaction().await.ok()?;
    let delivery = i64::try_from(number).ok()?;
    transaction
        .execute("insert into effects values ($1)", &[&delivery])
        .await
        .ok()?;
    if is_slow(number) {
        tokio::time::sleep(Duration::from_millis(3_300)).await;
    }
    store.commit_in(&transaction, claimed).await.ok()?;
    transaction.commit().await.ok()
}

#[test]
fn ten_thousand_deliveries_have_ten_thousand_effects() {
    let Some(programs) = installed_or_skip("postgres: effects") else {
        return;
    };
    // A crash is one of the process, and not of the machine: what it wrote without waiting for the disk is there.
    let mut server = PostgresServer::start(&programs, &["fsync=off", "max_connections=200"]);
    let (url, runtime) = (server.url(), Runtime::new().expect("a runtime"));
    runtime.block_on(async {
        store(&server).await;
        hands(&server)
            .await
            .batch_execute(EFFECTS)
            .await
            .expect("a table");
    });
    let members: Vec<_> = (0..MEMBERS).map(|_| Member::start(&url)).collect();
    let (members, next) = (Arc::new(Mutex::new(members)), Arc::new(AtomicUsize::new(0)));
    let senders: Vec<_> = (0..SENDERS)
        .map(|_| {
            let (members, next, url) = (members.clone(), next.clone(), url.clone());
            runtime.spawn(async move {
                let mut number = next.fetch_add(1, Ordering::SeqCst);
                while number < DELIVERIES {
                    let mut attempt = number;
                    // Some are sent twice, at once or when a lease has run out; and each until it was taken.
                    if number % 10 == 3 || is_slow(number) {
                        let again = async {
                            let lease = if is_slow(number) { 2_600 } else { 0 };
                            tokio::time::sleep(Duration::from_millis(lease)).await;
                            Member::deliver(&members, &url, number, attempt + 1).await
                        };
                        tokio::join!(Member::deliver(&members, &url, number, attempt), again);
                    }
                    while Member::deliver(&members, &url, number, attempt).await != Some(200) {
                        attempt += 1;
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                    number = next.fetch_add(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    let (mut kills, began) = (0, Instant::now());
    while senders.iter().any(|sender| !sender.is_finished()) {
        std::thread::sleep(Duration::from_millis(60));
        assert!(
            began.elapsed() < Duration::from_secs(300),
            "{} begun",
            next.load(Ordering::SeqCst)
        );
        // At fixed shares of the work: a member's process, and now and then the server's.
        if next.load(Ordering::SeqCst) * 16 / DELIVERIES <= kills || kills >= 16 {
            continue;
        }
        let killed = {
            let mut members = members.lock().expect("no panic");
            std::mem::replace(&mut members[kills % MEMBERS], Member::start(&url))
        };
        killed.runtime.shutdown_background();
        kills += 1;
        if kills % 4 == 0 {
            server.restart();
        }
    }
    let (all, distinct) = runtime.block_on(async {
        let sql = "select count(*), count(distinct delivery) from effects";
        let row = hands(&server)
            .await
            .query_one(sql, &[])
            .await
            .expect("the effects");
        (row.get::<_, i64>(0), row.get::<_, i64>(1))
    });
    println!(
        "postgres: {DELIVERIES} deliveries, {distinct} effects, {} twice, {kills} kills",
        all - distinct
    );
    assert_eq!((all, distinct), (10_000, 10_000));
    assert!(kills >= 15, "{kills}");
}
