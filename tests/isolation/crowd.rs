//! The tenants, their endpoints, and what they deliver.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use countersign::breaker::Breaker;
use countersign::dispatch::{Deadlines, Delivery, Dispatcher, Endpoint};
use countersign::testing::TestCa;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::receiver::{Manner, Owner, Receiver, Register, Seen};
use crate::sending::{Tenant, to_loopback};

pub(crate) const TENANTS: usize = 100;

/// One in five is broken, each in its way.
fn manner(tenant: usize) -> Manner {
    match tenant % 20 {
        3 => Manner::Fails,
        7 => Manner::Slow,
        11 => Manner::SometimesSilent,
        15 => match tenant / 20 {
            0 | 3 => Manner::RefusesCertificates,
            1 | 4 => Manner::HangsUp,
            _ => Manner::Floods,
        },
        _ => Manner::Healthy,
    }
}

/// The threads of the runtime.
pub(crate) const WORKERS: u32 = 2;

/// How many deliveries of one tenant are under way at once.
pub(crate) const AT_ONCE: usize = 8;

pub(crate) struct Member {
    tenant: Tenant,
    manner: Manner,
    own: Endpoint,
    shared: Endpoint,
}

impl Member {
    pub(crate) fn is_healthy(&self) -> bool {
        self.manner == Manner::Healthy
    }

    /// By turns to its own place and to that of all.
    fn place(&self, number: usize) -> (&Endpoint, Manner) {
        match number % 2 {
            0 => (&self.own, self.manner),
            _ => (&self.shared, Manner::Healthy),
        }
    }
}

pub(crate) struct Crowd {
    dispatcher: Dispatcher,
    members: Vec<Arc<Member>>,
    register: Arc<Register>,
}

impl Crowd {
    pub(crate) async fn gather() -> Self {
        let began = Instant::now();
        let tenants: Vec<_> = (0..TENANTS).map(|number| Tenant::new(&name(number))).collect();
        let certificates: Vec<_> = tenants.iter().map(Tenant::certificate).collect();
        let owners = tenants
            .iter()
            .zip(&certificates)
            .map(|(tenant, certificate)| Owner {
                name: tenant.name.clone(),
                leaf: certificate.leaf().to_vec(),
                secret: tenant.secret.clone(),
            });
        let register = Arc::new(Register::of(owners.collect()));

        let shared_ca = TestCa::new("Server of all");
        let everybody: Vec<_> = tenants.iter().map(|tenant| &tenant.ca).collect();
        let shared = Receiver {
            manner: Manner::Healthy,
            server: shared_ca.server("all.example").issue(),
            lets_in: &everybody,
            owner: None,
        };
        let shared = shared.start(&register).await;
        let mut own = Vec::new();
        for (number, tenant) in tenants.iter().enumerate() {
            let server_ca = TestCa::new(&format!("Server of {}", tenant.name));
            let receiver = Receiver {
                manner: manner(number),
                server: server_ca.server(&host(number)).issue(),
                lets_in: &[&tenant.ca],
                owner: Some(number),
            };
            own.push((receiver.start(&register).await, server_ca));
        }

        let ports: Vec<_> = own.iter().map(|(port, _)| *port).chain([shared]).collect();
        let deadlines = deadlines(began.elapsed());
        // No circuit opens: each delivery is to be seen.
        let dispatcher = to_loopback(&ports)
            .with_deadlines(deadlines)
            .with_breaker(Breaker::new(0))
            .build();
        let mut members = Vec::new();
        for (number, (tenant, (port, server_ca))) in tenants.into_iter().zip(own).enumerate() {
            let sender = tenant.sender(&certificates[number], &[&server_ca, &shared_ca]);
            dispatcher.set_identity(tenant.id(), sender).expect("a sender");
            let endpoint = |host: &str, port| {
                let url = format!("https://{host}:{port}/hooks");
                Endpoint::parse(tenant.id(), &url).expect("a URL")
            };
            members.push(Arc::new(Member {
                own: endpoint(&host(number), port),
                shared: endpoint("all.example", shared),
                manner: manner(number),
                tenant,
            }));
        }
        Self {
            dispatcher,
            members,
            register,
        }
    }

    /// So many deliveries for each healthy tenant, over the connections that are opened for them: for a few tenants at a time,
    /// since a thousand handshakes at once take longer than anybody waits for an answer.
    pub(crate) async fn open(&self, numbers: Range<usize>) {
        for few in self.members.chunks(TENANTS / 10) {
            let among = |tenant: &Member| few.iter().any(|member| std::ptr::eq(&**member, tenant));
            self.deliver(|tenant| tenant.is_healthy() && among(tenant), numbers.clone())
                .await;
        }
    }

    /// Delivers so many for each of these tenants, and tells how long it took, without the time for which other processes
    /// had the processors.
    pub(crate) async fn deliver(&self, whose: impl Fn(&Member) -> bool, numbers: Range<usize>) -> Duration {
        let (began, kept_waiting) = (Instant::now(), kept_waiting());
        let mut workers = JoinSet::new();
        for member in self.members.iter().filter(|member| whose(member)) {
            let next = Arc::new(AtomicUsize::new(numbers.start));
            for _ in 0..AT_ONCE {
                let (dispatcher, member, next) = (self.dispatcher.clone(), member.clone(), next.clone());
                let end = numbers.end;
                workers.spawn(async move {
                    while let Some(number) = Some(next.fetch_add(1, SeqCst)).filter(|number| *number < end) {
                        deliver(&dispatcher, &member, number).await;
                    }
                });
            }
        }
        while let Some(worker) = workers.join_next().await {
            worker.expect("no panic");
        }
        let others = self::kept_waiting().saturating_sub(kept_waiting) / WORKERS;
        began.elapsed().saturating_sub(others)
    }

    /// What is idle is closed when its time has come, by itself or with its tenant.
    pub(crate) async fn assert_nothing_is_left_open(&self) {
        for member in &self.members {
            assert!(self.dispatcher.remove_identity(&member.tenant.id()));
        }
        for _ in 0..500 {
            if self.register.open() == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{} connections are left open", self.register.open());
    }

    pub(crate) fn most_open(&self) -> usize {
        self.register.most_open()
    }

    pub(crate) fn seen(&self) -> Seen {
        self.register.seen()
    }
}

/// Three seconds for an answer, for which a silent receiver is waited for; ten in a test build, which is as much slower; and more
/// on a machine that is so busy that others need as long. How busy it is, the making of all those certificates has shown.
fn deadlines(pace: Duration) -> Deadlines {
    let least = Duration::from_secs(if cfg!(debug_assertions) { 10 } else { 3 });
    let answer = least.max(pace * 20);
    let whole = Deadlines::default().whole.max(answer * 4);
    Deadlines::default()
        .with_connecting(answer.max(Deadlines::default().connecting))
        .with_handshake(answer.max(Deadlines::default().handshake))
        .with_answer(answer)
        .with_whole(whole)
}

/// For how long the runtime's workers could have run, and had no processor: as Linux counts it, or none.
fn kept_waiting() -> Duration {
    let threads = std::fs::read_dir("/proc/self/task")
        .into_iter()
        .flatten()
        .flatten();
    let waits = threads.filter_map(|thread| {
        let read = |file| std::fs::read_to_string(thread.path().join(file)).ok();
        let is_worker = read("comm")?.starts_with("tokio-rt-worker");
        let waited = read("schedstat")?.split(' ').nth(1)?.parse().ok()?;
        is_worker.then(|| Duration::from_nanos(waited))
    });
    waits.sum()
}

async fn deliver(dispatcher: &Dispatcher, member: &Member, number: usize) {
    let tenant = member.tenant.id();
    let body = format!(r#"{{"tenant":"{}","number":{number}}}"#, member.tenant.name);
    let delivery = Delivery::new(tenant, format!("msg_{number}"), body);
    let (endpoint, manner) = member.place(number);
    let outcome = dispatcher.deliver(endpoint, &delivery).await;
    let expected = manner.outcome(number);
    let fault = outcome.fault().map(|fault| fault.code());
    assert_eq!((outcome.code(), fault), expected, "{manner:?}: {outcome:?}");
}

fn name(number: usize) -> String {
    format!("tenant-{number:03}")
}

fn host(number: usize) -> String {
    format!("{}.example", name(number))
}
