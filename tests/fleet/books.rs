//! The books: what the handlers did, when all is over.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use crate::DELIVERIES;
use crate::world::World;

/// What the ledger says when all is over.
#[derive(Default)]
pub(super) struct Books {
    pub(super) once: usize,
    pub(super) lost: usize,
    pub(super) twice: usize,
    /// Runs of handlers for a delivery that a killed receiver had entered, and had not answered.
    pub(super) excused: usize,
    pub(super) wrong: Vec<String>,
}

/// One run of a handler, or one entry.
struct Run {
    word: String,
    key: String,
    receiver: String,
    delivery: String,
}

impl Run {
    fn read(text: &str) -> Vec<Self> {
        let run = |line: &str| {
            let mut words = line.split(' ').map(str::to_owned);
            let mut word = || words.next().expect("four words");
            Self {
                word: word(),
                key: word(),
                receiver: word(),
                delivery: word(),
            }
        };
        text.lines().map(run).collect()
    }
}

impl Books {
    pub(super) fn read(world: &World, killed: &HashSet<String>, answered: &HashSet<String>) -> Self {
        let mut books = Self::default();
        let ledger = world.ledger();
        let entries: HashMap<String, Run> = files(&ledger)
            .flat_map(|path| Run::read(&std::fs::read_to_string(path).expect("an entry")))
            .map(|entry| (entry.key.clone(), entry))
            .collect();
        let runs = files(ledger.parent().expect("its folder"))
            .filter(|path| path.to_string_lossy().contains("runs-of-"))
            .flat_map(|path| Run::read(&std::fs::read_to_string(path).expect("the runs")));
        let mut twice = HashSet::new();
        for run in runs.filter(|run| run.word == "again") {
            let first = &entries[&run.key];
            if killed.contains(&first.receiver) && run.receiver != first.receiver {
                books.excused += 1;
            } else {
                books.wrong.push(format!(
                    "{} entered by {}, again by {}",
                    run.delivery, first.receiver, run.receiver
                ));
                twice.insert(run.delivery);
            }
        }
        let entered: HashSet<&str> = entries.values().map(|entry| entry.delivery.as_str()).collect();
        assert_eq!(entered.len(), entries.len(), "one key for each delivery");
        assert!(
            answered
                .iter()
                .all(|delivery| entered.contains(delivery.as_str())),
            "200 without an entry"
        );
        books.twice = twice.len();
        books.lost = DELIVERIES - entered.len();
        books.once = entered.len() - twice.len();
        books
    }
}

fn files(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let listed = std::fs::read_dir(folder).expect("a folder");
    listed
        .map(|file| file.expect("a file").path())
        .filter(|path| path.is_file())
}
