//! What a run has shown: lines while it goes on, a table of goals at its end, and all of it as JSON under `target/`.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::num::NonZero;
use std::path::PathBuf;

use serde_json::{Map, Value, json};

use crate::measure::{Group, Measured};

/// What the command line asks for.
#[derive(Default)]
pub(crate) struct Options {
    quick: bool,
    parts: BTreeSet<String>,
}

const USAGE: &str = "\
usage: cargo bench --package countersign-benches --bench side_by_side -- [--quick] [--rows PART]..

Measures each hot path beside its peers, in about ten minutes, and writes target/side_by_side.json. For figures to quote, let
nothing else run meanwhile, and then write docs/performance.md and its plots: python3 benches/performance.py target/side_by_side.json

  --rows PART   only this part; may stand several times
  --quick       few rounds on small tables: to see that all of it works, in about a minute
  --help        this";

impl Options {
    /// What there is to ask for, where that is asked.
    pub(crate) fn help(mut args: impl Iterator<Item = String>, parts: &[&str]) -> Option<String> {
        let asked = args.any(|arg| arg == "--help");
        asked.then(|| format!("{USAGE}\n\nparts: {}", parts.join(", ")))
    }

    /// Reads the arguments; the parts that there are have these names.
    pub(crate) fn read(mut args: impl Iterator<Item = String>, parts: &[&str]) -> Result<Self, String> {
        let mut options = Self::default();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                // What cargo adds.
                "--bench" => {}
                "--quick" => options.quick = true,
                "--rows" => match args.next().filter(|part| parts.contains(&part.as_str())) {
                    Some(part) => drop(options.parts.insert(part)),
                    None => return Err(format!("--rows takes one of {}\n{USAGE}", parts.join(", "))),
                },
                other => return Err(format!("{other} is not understood\n{USAGE}")),
            }
        }
        Ok(options)
    }

    pub(crate) fn wants(&self, part: &str) -> bool {
        self.parts.is_empty() || self.parts.contains(part)
    }
}

/// One line of the table.
struct Row {
    row: String,
    ours: String,
    ours_value: f64,
    against: String,
    against_value: f64,
    unit: &'static str,
    ratio: f64,
    most: f64,
}

pub(crate) struct Report {
    pub(crate) quick: bool,
    part: &'static str,
    groups: Map<String, Value>,
    amounts: Map<String, Value>,
    rows: Vec<Row>,
    /// How many processors other programs kept busy when it began, as far as the system tells.
    load: f64,
}

impl Report {
    pub(crate) fn new(options: &Options) -> Self {
        Self {
            quick: options.quick,
            load: load(),
            part: "",
            groups: Map::new(),
            amounts: Map::new(),
            rows: Vec::new(),
        }
    }

    pub(crate) fn begin(&mut self, part: &'static str) {
        println!("== {part}");
        self.part = part;
    }

    /// So much work, or less where it only has to be seen that it works.
    pub(crate) fn size(&self, full: usize, quick: usize) -> usize {
        if self.quick { quick } else { full }
    }

    /// All of these sizes, or the small ones.
    pub(crate) fn sizes(&self, all: &[usize]) -> Vec<usize> {
        let few = if self.quick { 2 } else { all.len() };
        all.iter().copied().take(few).collect()
    }

    /// Runs a group, and prints it.
    pub(crate) fn group(&mut self, name: &str, group: Group<'_>) -> Measured {
        let measured = group.run(self.quick);
        measured.print(name);
        let cases: Map<_, _> = measured
            .iter()
            .map(|(case, figures)| {
                let value = json!({
                    "nanos": digits(figures.nanos),
                    "allocations": figures.allocations.count,
                    "bytes": figures.allocations.bytes,
                });
                (case.to_owned(), value)
            })
            .collect();
        self.groups.insert(self.named(name), Value::Object(cases));
        measured
    }

    /// A number that stands alone, such as bytes held.
    pub(crate) fn amount(&mut self, name: &str, unit: &str, value: f64) {
        println!("  {name:<40} {value:>14.2} {unit}");
        let value = json!({ "unit": unit, "value": digits(value) });
        self.amounts.insert(self.named(name), value);
    }

    /// Our case is to take at most so many times as long as another one.
    pub(crate) fn at_most(&mut self, name: &str, measured: &Measured, ours: &str, most: f64, against: &str) {
        let (Some(mine), Some(theirs)) = (measured.find(ours), measured.find(against)) else {
            panic!("{name} has no case {ours} or {against}");
        };
        let row = Row {
            row: self.named(name),
            ours: ours.to_owned(),
            ours_value: mine.nanos,
            against: against.to_owned(),
            against_value: theirs.nanos,
            unit: "ns",
            ratio: mine.ratio_to(theirs),
            most,
        };
        self.rows.push(row);
    }

    /// A number of ours is to be at most so large.
    pub(crate) fn below(&mut self, name: &str, unit: &'static str, ours: f64, most: f64) {
        self.amount(name, unit, ours);
        self.compare(name, unit, ours, ("bound", most), 1.0);
    }

    /// A number of ours is to be at most so many times another's.
    pub(crate) fn compare(
        &mut self,
        name: &str,
        unit: &'static str,
        ours: f64,
        (against, theirs): (&str, f64),
        most: f64,
    ) {
        self.rows.push(Row {
            row: self.named(name),
            ours: "ours".to_owned(),
            ours_value: ours,
            against: against.to_owned(),
            against_value: theirs,
            unit,
            ratio: ours / theirs,
            most,
        });
    }

    fn named(&self, name: &str) -> String {
        format!("{}/{name}", self.part)
    }

    /// Prints the table, and writes the JSON.
    pub(crate) fn finish(&self) {
        println!("\n{}", self.table());
        let rows: Vec<_> = self.rows.iter().map(Row::json).collect();
        let all = json!({
            "quick": self.quick,
            "processor": processor(),
            "processors": std::thread::available_parallelism().map_or(1, NonZero::get),
            "load": self.load,
            "groups": self.groups,
            "amounts": self.amounts,
            "rows": rows,
        });
        let path = json_path();
        let text = serde_json::to_string_pretty(&all).expect("JSON");
        std::fs::write(&path, text + "\n").expect("a file under target/");
        println!("written to {}", path.display());
    }

    fn table(&self) -> String {
        let mut table =
            String::from("| row | ours | | beside | | ratio | goal | |\n|---|---|--:|---|--:|--:|--:|---|\n");
        for row in &self.rows {
            let Row {
                row: name,
                ours,
                ours_value,
                against,
                against_value,
                unit,
                ratio,
                most,
            } = row;
            let met = if ratio <= most { "met" } else { "not met" };
            let _infallible = writeln!(
                table,
                "| {name} | {ours} | {ours_value:.1} {unit} | {against} | {against_value:.1} {unit} | {ratio:.3} | {most:.2} | {met} |",
            );
        }
        table
    }
}

impl Row {
    fn json(&self) -> Value {
        json!({
            "row": self.row,
            "ours": self.ours,
            "ours_value": digits(self.ours_value),
            "against": self.against,
            "against_value": digits(self.against_value),
            "unit": self.unit,
            "ratio": digits(self.ratio),
            "goal": self.most,
            "met": self.ratio <= self.most,
        })
    }
}

fn digits(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}

/// Beside what cargo builds.
fn json_path() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target"),
        PathBuf::from,
    );
    target.join("side_by_side.json")
}

/// Of the last minute.
fn load() -> f64 {
    let told = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let last = told.split(' ').next().and_then(|load| load.parse().ok());
    last.unwrap_or(f64::NAN)
}

fn processor() -> String {
    let cpus = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus.lines().find(|line| line.starts_with("model name"));
    let name = model.and_then(|line| line.split_once(':'));
    name.map_or_else(|| "unknown".to_owned(), |(_, name)| name.trim().to_owned())
}
