use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore, oneshot};
use tokio::time::{sleep, timeout};

use super::{Remote, Step, shut_down};
use crate::replay::{Claimed, Settlement, StoreDown};

/// So many settlements are kept, to be tried again. What comes on top of them is left to its lease.
const KEPT: usize = 10_000;
/// So many of them are tried at a time, lest a server that comes back is met by all.
const AT_A_TIME: usize = 16;
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// What becomes of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Settle {
    Commit,
    Release,
}

impl Settle {
    fn step(self, claimed: &Claimed) -> Step<'_> {
        match self {
            Self::Commit => Step::Commit(claimed),
            Self::Release => Step::Release(claimed),
        }
    }
}

/// How long a step may take, and for how long settlements that failed are tried again, of which there is room for so many.
#[derive(Debug, Clone)]
pub(in crate::replay) struct Settling {
    pub(in crate::replay) timeout: Duration,
    pub(in crate::replay) patience: Duration,
    places: Arc<Places>,
}

impl Settling {
    /// How long a step may take by default.
    pub(in crate::replay) const TIMEOUT: Duration = Duration::from_millis(500);
    /// For how long a settlement is tried again by default: a default lease.
    pub(in crate::replay) const PATIENCE: Duration = Duration::from_secs(60);

    /// Waits until none is left that is tried, for the first time or again.
    pub(in crate::replay) async fn settled(&self) {
        // Listens before it looks: the last one may end in between.
        let none_left = self.places.none_left.notified();
        if self.places.under_way.load(SeqCst) > 0 {
            none_left.await;
        }
    }

    /// In a task of its own, that [`settled`](Self::settled) waits for from now on.
    fn spawn(&self, settling: impl Future<Output = ()> + Send + 'static) {
        let counted = Counted::among(&self.places);
        tokio::spawn(async move {
            settling.await;
            drop(counted);
        });
    }
}

impl Default for Settling {
    fn default() -> Self {
        Self {
            timeout: Self::TIMEOUT,
            patience: Self::PATIENCE,
            places: Arc::default(),
        }
    }
}

#[derive(Debug)]
struct Places {
    kept: Semaphore,
    turns: Semaphore,
    /// Beside the places: who waits for the last to end must not take one from whoever fails meanwhile.
    under_way: AtomicUsize,
    none_left: Notify,
}

impl Default for Places {
    fn default() -> Self {
        Self {
            kept: Semaphore::new(KEPT),
            turns: Semaphore::new(AT_A_TIME),
            under_way: AtomicUsize::new(0),
            none_left: Notify::new(),
        }
    }
}

/// One that is under way, until it is dropped: with its task, wherever that ends.
struct Counted(Arc<Places>);

impl Counted {
    fn among(places: &Arc<Places>) -> Self {
        places.under_way.fetch_add(1, SeqCst);
        Self(Arc::clone(places))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        if self.0.under_way.fetch_sub(1, SeqCst) == 1 {
            self.0.none_left.notify_waiters();
        }
    }
}

/// Tries once and answers; where that fails, goes on trying. It goes on when nobody waits.
pub(super) async fn settle(
    store: &impl Remote,
    settle: Settle,
    claimed: &Claimed,
) -> Result<Settlement, StoreDown> {
    let (answer, answered) = oneshot::channel();
    let (store, claimed, settling) = (store.clone(), claimed.clone(), store.settling());
    settling.spawn(async move {
        let first = try_to(&store, settle, &claimed).await;
        let failed = first.is_err();
        let _ = answer.send(first);
        if failed {
            insist(store, settle, claimed).await;
        }
    });
    answered.await.unwrap_or_else(|_| Err(shut_down()))
}

async fn try_to(store: &impl Remote, settle: Settle, claimed: &Claimed) -> Result<Settlement, StoreDown> {
    match store.step(&settle.step(claimed)).await {
        Ok(answer) => answer.to_settlement(),
        Err(failure) => Err(failure.down),
    }
}

/// Gives back what may have been granted, and to nobody.
pub(super) fn give_back(store: &impl Remote, claimed: Claimed) {
    let releasing = insist(store.clone(), Settle::Release, claimed);
    store.settling().spawn(releasing);
}

/// Goes on trying until it is settled, or patience ends.
async fn insist(store: impl Remote, settle: Settle, claimed: Claimed) {
    let settling = store.settling();
    let Ok(_place) = settling.places.kept.try_acquire() else {
        return;
    };
    let _ = timeout(settling.patience, until_settled(&store, settle, &claimed)).await;
}

async fn until_settled(store: &impl Remote, settle: Settle, claimed: &Claimed) {
    let mut pause = FIRST_PAUSE;
    while take_a_turn(store, settle, claimed).await.is_err() {
        sleep(pause).await;
        pause = LONGEST_PAUSE.min(pause * 2);
    }
}

/// Who has failed steps back for others, whose node may be there; and takes its time about it, since a server that is
/// not there refuses thousands in a second.
async fn take_a_turn(
    store: &impl Remote,
    settle: Settle,
    claimed: &Claimed,
) -> Result<Settlement, StoreDown> {
    let turns = &store.settling().places.turns;
    let _turn = turns.acquire().await.map_err(|_| shut_down())?;
    let tried = try_to(store, settle, claimed).await;
    if tried.is_err() {
        sleep(FIRST_PAUSE).await;
    }
    tried
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::Mutex;
    use std::task::{Context, Poll, Waker};

    use rustls_pki_types::UnixTime;
    use tokio::sync::watch;

    use super::*;
    use crate::replay::remote::{Answer, Failure};
    use crate::replay::{Claim, ClaimKey, Terms};
    use crate::tenant::TenantId;

    /// A server that does as it is told, and what it has done.
    #[derive(Debug, Clone)]
    struct Scripted {
        settling: Settling,
        mood: Arc<watch::Sender<Mood>>,
        done: Arc<Mutex<Vec<String>>>,
    }

    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Mood {
        Answers,
        Fails,
        /// Until it is in another one.
        Hangs,
    }

    impl Remote for Scripted {
        async fn ask(&self, step: &Step<'_>) -> Result<Answer, Failure> {
            let _ = self.mood.subscribe().wait_for(|mood| *mood != Mood::Hangs).await;
            if *self.mood.borrow() == Mood::Fails {
                return Err(Failure::no_answer());
            }
            let done = match step {
                Step::Claim(claim, _) => format!("claim {}", claim.key),
                Step::Commit(claimed) => format!("commit {}", claimed.key()),
                Step::Release(claimed) => format!("release {}", claimed.key()),
            };
            self.done.lock().unwrap().push(done);
            Ok(Answer::Done)
        }

        fn settling(&self) -> &Settling {
            &self.settling
        }
    }

    impl Scripted {
        fn that(mood: Mood) -> Self {
            let settling = Settling {
                timeout: Duration::from_secs(60),
                ..Settling::default()
            };
            Self {
                settling,
                mood: Arc::new(watch::Sender::new(mood)),
                done: Arc::default(),
            }
        }

        fn turns_to(&self, mood: Mood) {
            self.mood.send_replace(mood);
        }

        /// What it has done, once none is left.
        async fn done(&self, settled: impl Future<Output = ()>) -> Vec<String> {
            assert_eq!(timeout(Duration::from_secs(30), settled).await, Ok(()));
            sorted(std::mem::take(&mut *self.done.lock().unwrap()))
        }
    }

    fn claim(id: &str) -> Claim {
        let tenant = TenantId::parse("acme").unwrap();
        let key = ClaimKey::of(&tenant, "mine", [id.as_bytes()]);
        let now = UnixTime::since_unix_epoch(Duration::from_secs(1_000));
        Claim::new(key, tenant, now, Terms::default(), None)
    }

    fn granted(id: &str) -> Claimed {
        Claimed::granted(&claim(id), 1)
    }

    fn sorted(mut steps: Vec<String>) -> Vec<String> {
        steps.sort();
        steps
    }

    fn polled<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    #[tokio::test]
    async fn what_fails_while_somebody_waits_is_kept_and_waited_for() {
        let store = Scripted::that(Mood::Fails);
        let failed = Err(Failure::no_answer().down);
        assert_eq!(store.commit(&granted("before")).await, failed);
        let mut settled = pin!(store.settling.settled());
        assert_eq!(polled(settled.as_mut()), Poll::Pending);

        assert_eq!(store.commit(&granted("handled")).await, failed);
        assert_eq!(store.release(&granted("failed")).await, failed);
        let in_doubt = store.claim(&claim("in doubt")).await;
        assert_eq!(in_doubt, Err(Failure::no_answer().down));
        store.turns_to(Mood::Answers);
        let expected = [
            ("commit", "before"),
            ("commit", "handled"),
            ("release", "failed"),
            ("release", "in doubt"),
        ];
        let expected = expected.map(|(step, id)| format!("{step} {}", claim(id).key));
        assert_eq!(store.done(settled).await, sorted(expected.into()));
    }

    /// Whoever asked for it may be gone.
    #[tokio::test]
    async fn the_first_try_is_waited_for() {
        let store = Scripted::that(Mood::Hangs);
        assert_eq!(polled(pin!(store.settling.settled())), Poll::Ready(()));
        let handled = granted("handled");
        assert_eq!(polled(pin!(store.commit(&handled))), Poll::Pending);
        let mut settled = pin!(store.settling.settled());
        assert_eq!(polled(settled.as_mut()), Poll::Pending);
        store.turns_to(Mood::Answers);
        let expected = format!("commit {}", handled.key());
        assert_eq!(store.done(settled).await, [expected]);
    }

    #[tokio::test]
    async fn so_many_are_kept_and_no_more() {
        let store = Scripted::that(Mood::Fails);
        for number in 0..=KEPT {
            let failed = store.commit(&granted(&number.to_string())).await;
            assert_eq!(failed, Err(Failure::no_answer().down));
        }
        store.turns_to(Mood::Answers);
        let done = store.done(store.settling.settled()).await;
        let expected = (0..KEPT).map(|number| format!("commit {}", claim(&number.to_string()).key));
        assert_eq!(done, sorted(expected.collect()));
    }
}
