//! Who takes part, and what is told.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use countersign::observe::{Event, Observer};
use countersign::reload::{Reloading, Rules};
use countersign::tenant::TenantId;
use countersign::testing::TestCert;
use countersign::tls::{Credentials, Tls};

pub(crate) const HOST: &str = "hooks.example";
/// How long files are left to settle.
pub(crate) const SETTLING: Duration = Duration::from_millis(20);

pub(crate) fn tls() -> Tls {
    Tls::new(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
}

pub(crate) fn tenant(name: &str) -> TenantId {
    TenantId::parse(name).expect("a tenant's name")
}

pub(crate) fn credentials(tls: &Tls, certificate: &TestCert) -> Credentials {
    Credentials::new(tls.provider(), certificate.chain(), certificate.key()).expect("a pair")
}

/// Often, so that what no event tells is found soon as well.
pub(crate) fn rules() -> Rules {
    Rules::default()
        .looking_every(Duration::from_secs(2))
        .retrying_after(Duration::from_millis(50))
}

/// What reloading tells: `name 2` or `name: code (in force)`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lock().expect("no panic").clone()
    }

    pub(crate) fn of(&self, name: &str) -> Vec<String> {
        let lines = self.lines().into_iter();
        lines
            .filter_map(|line| line.strip_prefix(name).map(|rest| rest.trim().to_owned()))
            .collect()
    }

    /// What was told after it was withdrawn.
    pub(crate) fn since_too_old(&self, name: &str) -> Vec<String> {
        let lines = self.of(name).into_iter();
        lines
            .skip_while(|line| line != ": reload.too_old (nothing)")
            .skip(1)
            .collect()
    }

    pub(crate) fn has_failed(&self, name: &str) -> bool {
        self.of(name).iter().any(|line| line.starts_with(':'))
    }
}

impl Observer for Log {
    fn observe(&self, event: &Event<'_>) {
        let line = match event {
            Event::Reloaded { name, generation } => format!("{name} {generation}"),
            Event::NotReloaded {
                name, code, in_force, ..
            } => format!("{name}: {code} ({})", in_force.as_str()),
            Event::ReloadRecovered { name } => format!("{name} recovered"),
            _ => return,
        };
        self.0.lock().expect("no panic").push(line);
    }
}

/// Waits for it; the machine may be busy.
pub(crate) async fn until(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "{what}: it does not happen"
        );
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

pub(crate) async fn until_generation<T>(of: &Reloading<T>, generation: u64) {
    let name = of.status().name;
    until(&format!("{name} {generation}"), || {
        of.status().generation >= generation
    })
    .await;
    assert_eq!(of.status().generation, generation, "{name}");
}
