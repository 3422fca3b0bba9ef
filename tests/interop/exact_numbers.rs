//! A program in whose build somebody has switched on serde_json's `arbitrary_precision`, as crates for money do: what is read is what is
//! read everywhere. The source is a program of its own, since the feature is one for all of a build.

use std::process::Command;

use crate::apart::{self, TREE};
use crate::process::run;

const SOURCE: &str = include_str!("exact_numbers/main.rs");

#[test]
fn numbers_are_read_whatever_serde_json_makes_of_them() {
    let dependencies = format!(
        "[dependencies]\ncountersign = {{ path = {TREE:?}, features = [\"jwt\"] }}\nhttp = \"1\"\n\
         serde_json = {{ version = \"1\", features = [\"arbitrary_precision\"] }}\n"
    );
    let program = apart::build("countersign-exact-numbers", &dependencies, SOURCE);
    let said = run(&mut Command::new(program));
    assert_eq!(
        (said.stdout.as_str(), said.stderr.as_str()),
        ("all of it was read\n", "")
    );
}
