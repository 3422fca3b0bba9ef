mod connections;
mod deliveries;
mod kept;
mod over_time;
mod requests;

use std::collections::BTreeSet;
use std::time::Duration;

use rustls_pki_types::UnixTime;

use crate::observe::Event;
use crate::tenant::TenantId;
use kept::told;

#[test]
fn each_event_has_its_level_and_its_fields() {
    let mut seen = BTreeSet::new();
    let mut expect = |event: Event<'_>, line: &str| {
        seen.insert(event.name());
        assert_eq!(told(&event), line, "{event:?}");
        // The message is the event's name, so that who knows the one finds the other.
        let message = event.name().replace('_', " ");
        assert!(line.contains(&format!(" countersign {message}")), "{line}");
    };
    connections::expect_all(&mut expect);
    requests::expect_all(&mut expect);
    deliveries::expect_all(&mut expect);
    over_time::expect_all(&mut expect);
    assert_eq!(seen, BTreeSet::from(Event::NAMES));
}

fn at(second: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(second))
}

fn tenant(name: &str) -> TenantId {
    TenantId::parse(name).expect("a good name")
}
