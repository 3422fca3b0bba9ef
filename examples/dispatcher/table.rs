//! What came of it, as a table.

use countersign::dispatch::{Endpoint, Fate, Outcome};

use crate::in_words;

/// One endpoint, and the last try.
pub(crate) struct Row {
    tenant: String,
    host: String,
    pub(crate) outcome: Outcome,
}

const HEAD: [&str; 5] = ["tenant", "endpoint", "outcome", "fault", "and now"];

impl Row {
    pub(crate) fn new(endpoint: &Endpoint, outcome: Outcome) -> Self {
        Self {
            tenant: endpoint.tenant().to_string(),
            host: endpoint.host().to_owned(),
            outcome,
        }
    }

    pub(crate) fn is_delivered(&self) -> bool {
        self.outcome.fate == Fate::Delivered
    }

    fn cells(&self) -> [String; 5] {
        let fault = self.outcome.fault().map_or("-", |fault| fault.code());
        let status = self.outcome.answer.as_ref().map(|answer| answer.status);
        let outcome = match status {
            Some(status) => format!("{} ({status})", self.outcome.code()),
            None => self.outcome.code().to_owned(),
        };
        [
            self.tenant.clone(),
            self.host.clone(),
            outcome,
            fault.to_owned(),
            and_now(self.outcome.fate),
        ]
    }
}

fn and_now(fate: Fate) -> String {
    match fate {
        Fate::Delivered => "done".to_owned(),
        Fate::Retry { after } => format!("retry {}", in_words(after)),
        Fate::Dead => "put aside, tell somebody".to_owned(),
        Fate::Gone => "deliver nothing more there".to_owned(),
        other => format!("{other:?}"),
    }
}

/// With a last line that counts.
pub(crate) fn print(rows: &[Row]) -> String {
    let cells: Vec<_> = std::iter::once(HEAD.map(str::to_owned))
        .chain(rows.iter().map(Row::cells))
        .collect();
    let width = |column: usize| {
        cells
            .iter()
            .filter_map(|row| row.get(column))
            .map(String::len)
            .max()
            .unwrap_or(0)
    };
    let widths: [usize; 5] = std::array::from_fn(width);
    let line = |row: &[String; 5]| {
        let padded = row
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let delivered = rows.iter().filter(|row| row.is_delivered()).count();
    let table = cells.iter().map(line).collect::<Vec<_>>().join("\n");
    format!("{table}\n{delivered} of {} delivered\n", rows.len())
}
