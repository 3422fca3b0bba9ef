//! The metrics by the real Prometheus: it scrapes them, and its rules say when somebody is to be woken.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use countersign::observe::{Event, Metrics, Observer as _};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use serde_json::Value;

use crate::process::{Running, find, or_skip, run};

#[path = "../support/events.rs"]
mod events;

/// For 90 seconds at least, on a busy machine. As a rule it takes two scrapes.
const LOOKS: usize = 450;

fn document(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../docs/observing")
        .join(name)
}

fn tool(name: &str) -> Option<PathBuf> {
    or_skip(
        name,
        find(name).ok_or_else(|| "Debian's package `prometheus` is not installed".to_owned()),
    )
}

#[test]
fn the_alerts_fire_when_they_should_and_not_before() {
    let Some(promtool) = tool("promtool") else {
        return;
    };
    for (task, file) in [("check", "alerts.yml"), ("test", "alerts_test.yml")] {
        let outcome = run(Command::new(&promtool).args([task, "rules"]).arg(document(file)));
        assert!(outcome.status.success(), "{}", outcome.text());
    }
}

/// A folder that is cleared away.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("countersign-metrics-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        Self(folder)
    }

    fn put(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).expect("a file");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What the whole process has counted: one of each event, twice, and more tenants and names than have a label.
fn counted() -> PrometheusHandle {
    let exporter = PrometheusBuilder::new()
        .install_recorder()
        .expect("the first of this process");
    let metrics = Metrics::new().with_tenants(1).with_names(1);
    for _ in 0..2 {
        events::each(|event| metrics.observe(event));
    }
    let other = "globex".parse().expect("a tenant");
    metrics.observe(&Event::Accepted {
        peer: None,
        tenant: &other,
    });
    for source in 0..100 {
        let name = &*format!("source {source}");
        metrics.observe(&Event::Reloaded { name, generation: 1 });
    }
    exporter
}

#[test]
fn a_scrape_yields_every_documented_metric_and_bounded_labels() {
    let Some(prometheus) = tool("prometheus") else {
        return;
    };
    let (exporter, folder) = (counted(), Folder::new());
    let text = exporter.render();
    assert!(
        text.contains(r#"countersign_tenant_events_total{tenant="other",event="accepted"} 1"#),
        "{text}"
    );
    assert!(
        text.contains(r#"countersign_tenant_events_total{tenant="acme",event="accepted"} 2"#),
        "{text}"
    );
    assert_eq!(
        text.matches("countersign_reload_ok{").count(),
        65,
        "64 sources, and the others"
    );
    assert!(
        text.contains(r#"countersign_reload_ok{source="pins"} 1"#),
        "not loaded, and recovered: {text}"
    );
    assert!(
        text.contains(r#"countersign_expiry_timestamp_seconds{kind="crl"} +Inf"#)
            || text.contains(r#"{kind="crl"} inf"#),
        "{text}"
    );
    lint(&folder, &text);

    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let port = runtime.block_on(serve(exporter));
    let config = format!(
        "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: [{}]\nscrape_configs:\n- job_name: hooks\n  static_configs: [{{targets: ['127.0.0.1:{port}']}}]\n",
        document("alerts.yml").display()
    );
    let (config, data) = (folder.put("prometheus.yml", &config), folder.0.join("data"));
    let (port, _prometheus) = Running::on_free_port(|port| {
        let mut command = Command::new(&prometheus);
        command
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", data.display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--log.level=error");
        command
    });
    wait_for(|| {
        let names = ask(port, "label/__name__/values");
        let names = names
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect::<Vec<_>>();
        let lost = Metrics::ROWS.iter().filter(|row| !names.contains(&row.name));
        let lost: Vec<_> = lost.map(|row| row.name).collect();
        if lost.is_empty() {
            Ok(())
        } else {
            Err(format!("not scraped: {lost:?}"))
        }
    });
    // Each rule can be reckoned on what is really scraped; and what has expired is told of.
    wait_for(|| {
        let groups = ask(port, "rules");
        let rules = groups["groups"][0]["rules"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let sick: Vec<_> = rules
            .iter()
            .filter(|rule| field(rule, "health") != "ok")
            .collect();
        let expired = rules
            .iter()
            .find(|rule| field(rule, "name") == "CountersignExpired");
        match expired.map(|rule| field(rule, "state")) {
            Some("firing") if sick.is_empty() => Ok(()),
            state => Err(format!("{state:?} {sick:?}")),
        }
    });
}

/// Names, types and helps, as Prometheus would have them.
fn lint(folder: &Folder, text: &str) {
    let metrics = folder.put("metrics", text);
    let Some(promtool) = tool("promtool") else {
        return;
    };
    let outcome = run(Command::new("sh").args([
        "-c",
        &format!("{} check metrics < {}", promtool.display(), metrics.display()),
    ]));
    assert!(outcome.status.success(), "{}", outcome.text());
}

async fn serve(exporter: PrometheusHandle) -> u16 {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let metrics = move || {
        let exporter = exporter.clone();
        async move { exporter.render() }
    };
    let app = Router::new().route("/metrics", get(metrics));
    tokio::spawn(async move { axum::serve(listener, app).await });
    port
}

/// What Prometheus answers under its API.
fn ask(port: u16, path: &str) -> Value {
    let outcome = run(Command::new("curl").args(["-sS", &format!("http://127.0.0.1:{port}/api/v1/{path}")]));
    let answer: Value = serde_json::from_str(&outcome.stdout).unwrap_or_default();
    answer.get("data").cloned().unwrap_or_default()
}

fn field<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn wait_for(mut look: impl FnMut() -> Result<(), String>) {
    let mut looked = 0;
    while let Err(why) = look() {
        assert!(looked < LOOKS, "{why}");
        looked += 1;
        std::thread::sleep(Duration::from_millis(200));
    }
}
