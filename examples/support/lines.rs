//! Files of lines, and what is wrong in them: told with the option, the file and the line.
#![allow(dead_code, reason = "each example uses a part of it")]

use std::fmt::Display;
use std::io;
use std::path::Path;

/// One line that says what is wrong, and what to do.
type Mistake = String;

/// What stands in a file that an option names.
pub(crate) fn read(option: &str, file: &Path) -> Result<String, Mistake> {
    std::fs::read_to_string(file).map_err(unreadable(option, file))
}

pub(crate) fn unreadable(option: &str, file: &Path) -> impl Fn(io::Error) -> Mistake {
    move |error| {
        let file = file.display();
        format!(
            "{option} {file} cannot be read ({error}); check that it is a text file and that this process may read it"
        )
    }
}

/// The lines that say something, and their numbers.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let numbered = (1..).zip(text.lines().map(str::trim));
    numbered.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

pub(crate) fn in_line(option: &str, file: &Path, number: usize) -> impl Fn(&dyn Display) -> Mistake {
    move |error| format!("{option} {}, line {number}: {error}", file.display())
}
