//! What an example prints.

use std::fmt::Display;
use std::io::Write as _;

/// Prints a line, as `println!` does, which panics where nobody reads any more: `| head -1`.
pub(crate) fn say(text: &(impl Display + ?Sized)) {
    let _ = writeln!(std::io::stdout(), "{text}");
}
