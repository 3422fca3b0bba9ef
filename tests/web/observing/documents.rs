//! Documents that leave no event and no metric out.

use std::collections::BTreeSet;
use std::path::Path;

use countersign::observe::{Event, Metrics};

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What begins like a metric of ours, in a text.
fn metrics_in(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("countersign_")).collect()
}

fn rows() -> BTreeSet<&'static str> {
    Metrics::ROWS.iter().map(|row| row.name).collect()
}

#[test]
fn the_document_names_every_event_and_every_metric_and_no_other() {
    let text = read("docs/observing.md");
    let (_, metrics) = text.split_once("\n## Metrics\n").expect("the section");
    let (metrics, events) = metrics.split_once("\n## Alerts\n").expect("the section");
    let (_, events) = events.split_once("\n## Events\n").expect("the section");
    let named = |section: &str| -> BTreeSet<String> {
        let first = |line: &str| Some(line.strip_prefix("| `")?.split_once('`')?.0.to_owned());
        section.lines().filter_map(first).collect()
    };
    let owned =
        |names: BTreeSet<&str>| -> BTreeSet<String> { names.into_iter().map(str::to_owned).collect() };
    assert_eq!(named(metrics), owned(rows()));
    assert_eq!(named(events), owned(BTreeSet::from(Event::NAMES)));
    for row in Metrics::ROWS {
        let labels: Vec<_> = row.labels.iter().map(|label| format!("`{label}`")).collect();
        let line = format!(
            "| `{}` | {} | {} | {} |",
            row.name,
            format!("{:?}", row.kind).to_lowercase(),
            labels.join(", "),
            row.help
        );
        assert!(text.contains(&line), "write: {line}");
    }
}

#[test]
fn alerts_and_dashboard_ask_for_metrics_that_there_are() {
    let rows = rows();
    for (path, least) in [
        ("docs/observing/alerts.yml", 8),
        ("docs/observing/grafana.json", 8),
    ] {
        let text = read(path);
        let asked: BTreeSet<_> = metrics_in(&text)
            .into_iter()
            .map(|name| name.trim_end_matches("_bucket"))
            .collect();
        assert!(asked.len() >= least, "{path}: {asked:?}");
        assert_eq!(
            asked.difference(&rows).collect::<Vec<_>>(),
            Vec::<&&str>::new(),
            "{path}"
        );
    }
    let dashboard: serde_json::Value =
        serde_json::from_str(&read("docs/observing/grafana.json")).expect("JSON");
    assert!(
        dashboard["panels"]
            .as_array()
            .is_some_and(|panels| panels.len() >= 8)
    );
}
