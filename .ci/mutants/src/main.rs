//! Puts every mutant of a list by cargo-mutants into one copy of the tree: `countersign-mutants LIST DROPPED FROM TO PLACES`.
//!
//! A mutant is called by its place in LIST; those in DROPPED are left out. PLACES gets, for each mutant, its lines in
//! the copy, or why it has no place.

mod place;
mod render;

use std::collections::BTreeMap;
use std::error::Error;
use std::{env, fs};

use serde_json::{Value, json};

/// One mutant of the list.
struct Mutant {
    number: usize,
    genre: String,
    replacement: String,
    /// Line and column, both from 1, as cargo-mutants counts.
    start: (usize, usize),
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [list, dropped, from, to, places] = arguments.as_slice() else {
        return Err("LIST DROPPED FROM TO PLACES".into());
    };
    let list: Vec<Value> = serde_json::from_slice(&fs::read(list)?)?;
    let dropped: Vec<usize> = serde_json::from_slice(&fs::read(dropped)?)?;
    let mut by_file: BTreeMap<&str, Vec<Mutant>> = BTreeMap::new();
    for (number, row) in list.iter().enumerate() {
        let file = row["file"].as_str().ok_or("no file")?;
        let mutants = by_file.entry(file).or_default();
        if !dropped.contains(&number) {
            mutants.push(read(number, row)?);
        }
    }
    let mut told = BTreeMap::new();
    for (file, mutants) in by_file {
        let source = fs::read_to_string(format!("{from}/{file}"))?;
        let found = place::place(&source, &mutants)?;
        let (text, lines) = render::render(&source, &found.edits);
        write_if_changed(&format!("{to}/{file}"), &text)?;
        for (number, (first, last)) in lines {
            told.insert(number, json!({"file": file, "first": first, "last": last}));
        }
        for (number, why) in found.without {
            told.insert(number, json!({"not_tried": why}));
        }
    }
    fs::write(places, serde_json::to_vec(&told)?)?;
    let root = format!("{to}/src/lib.rs");
    let switch = include_str!("../switch.rs").replace("MUTANTS", &list.len().to_string());
    write_if_changed(
        &root,
        &(fs::read_to_string(format!("{from}/src/lib.rs"))? + &switch),
    )
}

fn read(number: usize, row: &Value) -> Result<Mutant, Box<dyn Error>> {
    let at = |name: &str| {
        row["span"]["start"][name]
            .as_u64()
            .ok_or("no span")
            .map(|n| n as usize)
    };
    let text = |name: &str| row[name].as_str().ok_or("no text").map(str::to_owned);
    Ok(Mutant {
        number,
        genre: text("genre")?,
        replacement: text("replacement")?,
        start: (at("line")?, at("column")?),
    })
}

/// So that cargo does not build again what is as it was.
fn write_if_changed(path: &str, text: &str) -> Result<(), Box<dyn Error>> {
    if fs::read_to_string(path).is_ok_and(|before| before == text) {
        return Ok(());
    }
    Ok(fs::write(path, text)?)
}
