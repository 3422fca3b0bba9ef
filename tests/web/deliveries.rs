//! Once: handled or not, at once or again, with a store that fails.

use tokio::task::JoinSet;

use crate::door::{Door, LEASE, TEMPLATE, world};
use crate::sender::{Answer, Delivery, Sender, delivery, empty, retry_after, said, send};

const OK: &str = r#"{"status": 200}"#;
const HOLD: &str = r#"{"status": 200, "hold": true}"#;

fn handled(status: u16) -> Answer {
    said(status, format!("acme acme-2026 URI {TEMPLATE}"))
}

impl Door {
    /// An attempt at a delivery of acme's, signed now.
    fn attempt(&self, id: &str, body: &str) -> Delivery {
        delivery("acme", id, body, self.hands.now())
    }

    async fn answers(&self, id: &str, body: &str) -> Answer {
        send(self.address, &world().acme, self.attempt(id, body)).await
    }
}

#[tokio::test]
async fn what_the_handler_answers_decides_whether_it_was_handled() {
    let door = Door::open().await;
    let cases = [
        (200, empty(200)),
        (204, empty(200)),
        (299, empty(200)),
        (302, empty(200)),
        (400, handled(400)),
        (404, handled(404)),
        (429, handled(429)),
        (500, handled(500)),
        (503, handled(503)),
    ];
    for (status, again) in cases {
        let (id, body) = (format!("msg_{status}"), format!("{{\"status\": {status}}}"));
        let first = door.answers(&id, &body).await;
        assert_eq!(first.status, status);
        assert_eq!(door.answers(&id, &body).await, again, "after {status}");
        let seen = door.desk.handled().len();
        assert_eq!(seen, if again == empty(200) { 1 } else { 2 }, "after {status}");
    }
}

/// The words of gRPC are for those who speak it (`grpc.rs`).
#[tokio::test]
async fn a_repetition_over_http_is_a_status_and_nothing_else() {
    let door = Door::open().await;
    assert_eq!(door.answers("msg_1", OK).await, handled(200));
    let again = door.answers("msg_1", OK).await;
    assert_eq!(again, empty(200));
    let named = ["grpc-status", "content-type"].map(|name| again.headers.get(name));
    assert_eq!(named, [None, None]);
}

#[tokio::test]
async fn what_the_handler_cannot_read_was_not_handled() {
    let door = Door::open().await;
    for _ in 0..2 {
        assert_eq!(door.answers("msg_1", r#"{"status": "#).await.status, 400);
        assert_eq!(door.answers("msg_2", r#"{"status": "x"}"#).await.status, 422);
    }
    assert_eq!(door.store.len(), 0);
    assert_eq!(door.answers("msg_1", OK).await, handled(200));
}

#[tokio::test]
async fn tenants_may_use_the_same_ids() {
    let (world, door) = (world(), Door::open().await);
    assert_eq!(door.answers("msg_1", OK).await, handled(200));
    let globex = delivery("globex", "msg_1", OK, door.hands.now());
    let answer = send(door.address, &world.globex, globex.clone()).await;
    assert_eq!(answer, said(200, format!("globex globex-2026 URI {TEMPLATE}")));
    assert_eq!(send(door.address, &world.globex, globex).await, empty(200));
    assert_eq!(door.desk.handled(), ["acme", "globex"]);
}

#[tokio::test]
async fn of_two_at_once_one_is_handled_and_the_other_comes_back_later() {
    let door = Door::open().await;
    let attempt = door.attempt("msg_1", HOLD);
    let first = tokio::spawn(send(door.address, &world().acme, attempt.clone()));
    door.desk.begun().await;
    door.log.take();
    let second = send(door.address, &world().acme, attempt.clone()).await;
    assert_eq!(second, retry_after(LEASE + 1));
    assert_eq!(door.log.take(), ["connected", "refused: acme replay.in_progress"]);
    door.desk.go.add_permits(1);
    assert_eq!(first.await.expect("no panic"), handled(200));
    assert_eq!(send(door.address, &world().acme, attempt).await, empty(200));
    assert_eq!(door.desk.handled(), ["acme"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_at_once_one_is_handled() {
    let door = Door::open().await;
    let mut attempts = JoinSet::new();
    for _ in 0..20 {
        let mut sender = Sender::of(door.address, &world().acme).await;
        let attempt = door.attempt("msg_1", OK);
        attempts.spawn(async move { sender.send(attempt).await });
    }
    let answers = attempts.join_all().await;
    let first = answers.iter().filter(|answer| **answer == handled(200)).count();
    let late = |answer: &&Answer| **answer == empty(200) || answer.status == 503;
    assert_eq!(
        (first, answers.iter().filter(late).count()),
        (1, 19),
        "{answers:?}"
    );
    assert_eq!(door.desk.handled(), ["acme"]);
}

#[tokio::test]
async fn a_handler_that_outlives_its_lease_is_told_of() {
    let door = Door::open().await;
    let first = tokio::spawn(send(door.address, &world().acme, door.attempt("msg_1", HOLD)));
    door.desk.begun().await;
    door.hands.turn(LEASE + 1);
    let again = tokio::spawn(send(door.address, &world().acme, door.attempt("msg_1", HOLD)));
    door.desk.begun().await;
    door.log.take();

    door.desk.go.add_permits(1);
    assert_eq!(first.await.expect("no panic"), handled(200));
    assert_eq!(door.log.take(), ["unsettled: acme Ok(LeaseLost)"]);
    assert_eq!(
        door.answers("msg_1", OK).await,
        empty(200),
        "what was handled was handled"
    );
    door.desk.go.add_permits(1);
    assert_eq!(again.await.expect("no panic"), handled(200));
}

#[tokio::test]
async fn a_late_handler_whose_delivery_nobody_has_taken_has_handled_it() {
    let door = Door::open().await;
    let first = tokio::spawn(send(door.address, &world().acme, door.attempt("msg_1", HOLD)));
    door.desk.begun().await;
    door.hands.turn(LEASE + 1);
    assert_eq!(
        door.answers("msg_2", OK).await,
        handled(200),
        "the store has seen the time"
    );
    door.log.take();
    door.desk.go.add_permits(1);
    assert_eq!(first.await.expect("no panic"), handled(200));
    assert_eq!(door.log.take(), Vec::<String>::new());
    assert_eq!(door.answers("msg_1", OK).await, empty(200));
}

#[tokio::test]
async fn a_store_that_fails_on_a_claim_costs_a_retry() {
    let door = Door::open().await;
    door.store.set_up(false);
    assert_eq!(door.answers("msg_1", OK).await, retry_after(5));
    assert_eq!(
        door.log.take(),
        ["connected", "refused: acme replay.store_unavailable"]
    );
    door.store.set_up(true);
    assert_eq!(door.answers("msg_1", OK).await, handled(200));
    assert_eq!(door.desk.handled(), ["acme"]);
}

#[tokio::test]
async fn a_store_that_fails_on_a_commit_does_not_undo_the_answer() {
    let cut_off = r#"unsettled: acme Err(Unavailable { reason: "connection reset" })"#;
    for (status, body) in [(200, HOLD), (500, r#"{"status": 500, "hold": true}"#)] {
        let door = Door::open().await;
        let first = tokio::spawn(send(door.address, &world().acme, door.attempt("msg_1", body)));
        door.desk.begun().await;
        door.store.set_up(false);
        door.desk.go.add_permits(1);
        assert_eq!(
            first.await.expect("no panic"),
            handled(status),
            "the answer stands"
        );
        assert_eq!(door.log.take(), ["connected", "accepted: acme", cut_off]);
        // The lease is all that is left: it keeps others out until it has run out.
        door.store.set_up(true);
        assert_eq!(door.answers("msg_1", OK).await, retry_after(LEASE + 1));
    }
}
