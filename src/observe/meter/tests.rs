use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use metrics::{Counter, Gauge, GaugeFn, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use rustls_pki_types::UnixTime;

use super::*;
use crate::identity::Validity;

/// What the gauges of one name say, by their labels.
#[derive(Default)]
struct Named(Arc<Mutex<BTreeMap<String, f64>>>);

struct Shown {
    labels: String,
    gauges: Arc<Mutex<BTreeMap<String, f64>>>,
}

impl GaugeFn for Shown {
    fn increment(&self, _: f64) {}

    fn decrement(&self, _: f64) {}

    fn set(&self, value: f64) {
        self.gauges.lock().unwrap().insert(self.labels.clone(), value);
    }
}

impl Recorder for Named {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, _: &Key, _: &Metadata<'_>) -> Counter {
        Counter::noop()
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        if key.name() != "countersign_expiry_named_timestamp_seconds" {
            return Gauge::noop();
        }
        let labels: Vec<_> = key.labels().map(|label| label.value().trim()).collect();
        let (labels, gauges) = (labels.join(" "), self.0.clone());
        Gauge::from_arc(Arc::new(Shown { labels, gauges }))
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

/// A list after the other, of what ends when, and what is said by name after each.
#[test]
fn each_name_says_what_ends_first_and_what_is_gone_never_ends() {
    let (recorder, metrics) = (Named::default(), Metrics::new().with_names(2));
    let at = |second| UnixTime::since_unix_epoch(Duration::from_secs(second));
    let never = f64::INFINITY;
    #[expect(clippy::type_complexity, reason = "a table")]
    let table: [(&[(&str, u64)], &[(&str, f64)]); 6] = [
        (
            &[("a", 10), ("b", 20), ("c", 30)],
            &[("pin a", 10.0), ("pin b", 20.0)],
        ),
        // Two under one name, and two that have no label any more.
        (&[("a", 10), ("a", 20)], &[("pin a", 10.0), ("pin b", never)]),
        (
            &[("c", 5), ("d", 15)],
            &[("pin a", never), ("pin b", never), ("pin other", 5.0)],
        ),
        (
            &[("d", 15), ("b", 20)],
            &[("pin a", never), ("pin b", 20.0), ("pin other", 15.0)],
        ),
        (
            &[("a", 40)],
            &[("pin a", 40.0), ("pin b", never), ("pin other", never)],
        ),
        (&[], &[("pin a", never), ("pin b", never), ("pin other", never)]),
    ];
    for (listed, expected) in table {
        let expiry =
            |(name, end): &(&str, u64)| Expiry::new(Kind::Pin, *name, Validity::new(at(0), at(*end)));
        let expiries: Vec<_> = listed.iter().map(expiry).collect();
        let thresholds = Thresholds::default();
        let listed = Event::ExpiriesListed {
            expiries: &expiries,
            thresholds,
        };
        metrics::with_local_recorder(&recorder, || metrics.observe(&listed));
        let said: Vec<_> = recorder.0.lock().unwrap().clone().into_iter().collect();
        let said: Vec<_> = said.iter().map(|(labels, end)| (&**labels, *end)).collect();
        assert_eq!(said, expected, "{expiries:?}");
    }
}
