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
        let deadlines = Deadlines::default().with_answer(Duration::from_secs(3));
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

    /// Delivers so many for each of these tenants, and tells how long it took.
    pub(crate) async fn deliver(&self, whose: impl Fn(&Member) -> bool, numbers: Range<usize>) -> Duration {
        let began = Instant::now();
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
        Instant::now() - began
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
