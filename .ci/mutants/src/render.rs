//! The text of a file with its edits.

use std::collections::BTreeMap;
use std::ops::Range;

/// What is written into the source, by bytes of it.
pub enum Edit {
    /// `text`, at a place, for one mutant.
    Insert { at: usize, number: usize, text: String },
    /// `(if mutant(1) { .. } else if mutant(2) { .. } else { .. })` around an expression, after `before`.
    Choose {
        whole: Range<usize>,
        before: String,
        other: Vec<(usize, String)>,
        inner: Vec<Piece>,
    },
}

/// Of an expression as it was.
pub enum Piece {
    Text(String),
    /// A part in which there may be edits, too.
    Source(Range<usize>),
}

impl Edit {
    fn range(&self) -> Range<usize> {
        match self {
            Edit::Insert { at, .. } => *at..*at,
            Edit::Choose { whole, .. } => whole.clone(),
        }
    }
}

/// The text, and the first and last line of each mutant in it.
pub fn render(source: &str, edits: &[Edit]) -> (String, BTreeMap<usize, (usize, usize)>) {
    let mut order: Vec<&Edit> = edits.iter().collect();
    order.sort_by_key(|edit| (edit.range().start, std::cmp::Reverse(edit.range().end)));
    let mut page = Page {
        source,
        text: String::new(),
        line: 1,
        lines: BTreeMap::new(),
    };
    page.part(0..source.len(), &order);
    (page.text, page.lines)
}

struct Page<'a> {
    source: &'a str,
    text: String,
    line: usize,
    lines: BTreeMap<usize, (usize, usize)>,
}

impl Page<'_> {
    fn write(&mut self, text: &str) {
        self.line += text.matches('\n').count();
        self.text.push_str(text);
    }

    fn marked(&mut self, number: usize, text: &str) {
        let first = self.line;
        self.write(text);
        self.lines.insert(number, (first, self.line));
        self.write("\n");
    }

    fn part(&mut self, range: Range<usize>, edits: &[&Edit]) {
        let mut at = range.start;
        for (i, edit) in edits.iter().enumerate() {
            let its = edit.range();
            // Those of a part that was written with the expression around it.
            if its.start < at || its.end > range.end {
                continue;
            }
            self.write(&self.source[at..its.start]);
            at = its.end;
            match edit {
                Edit::Insert { number, text, .. } => {
                    self.write("\n");
                    self.marked(*number, text);
                }
                Edit::Choose {
                    before, other, inner, ..
                } => {
                    self.write(before);
                    self.choose(other, inner, &edits[i + 1..]);
                }
            }
        }
        self.write(&self.source[at..range.end]);
    }

    fn choose(&mut self, other: &[(usize, String)], inner: &[Piece], within: &[&Edit]) {
        self.write("(");
        for (number, text) in other {
            self.write("\n");
            self.marked(*number, &format!("if crate::mutant({number}) {{ {text} }} else"));
        }
        self.write("{ ");
        for piece in inner {
            match piece {
                Piece::Text(text) => self.write(text),
                Piece::Source(range) => self.part(range.clone(), within),
            }
        }
        self.write(" })");
    }
}
