//! Reads Rust just well enough to say which paths and modules a file names.

use std::{fs, io, path::Path};

pub(crate) struct File {
    /// Below `src/`, with forward slashes.
    pub(crate) path: String,
    pub(crate) source: String,
}

pub(crate) fn files(src: &Path) -> io::Result<Vec<File>> {
    let (mut files, mut folders) = (Vec::new(), vec![src.to_path_buf()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let below = path.strip_prefix(src).map_err(io::Error::other)?;
                let names: Vec<_> = below.iter().map(|name| name.to_string_lossy()).collect();
                files.push(File {
                    path: names.join("/"),
                    source: fs::read_to_string(&path)?,
                });
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

/// `trust/mod.rs` is `trust`, `trust/pins.rs` is `trust::pins`, `lib.rs` is the root: an empty path.
fn module_of(path: &str) -> Vec<&str> {
    let path = path.strip_suffix(".rs").unwrap_or(path);
    path.split('/')
        .filter(|name| !matches!(*name, "mod" | "lib"))
        .collect()
}

// --- reading Rust -----------------------------------------------------------------------------------------

pub(crate) struct Parsed<'a> {
    pub(crate) path: &'a str,
    pub(crate) module: Vec<&'a str>,
    pub(crate) paths: Vec<NamedPath<'a>>,
    /// The name in each `mod name`.
    pub(crate) modules: Vec<Token<'a>>,
    /// The line of each `fn`.
    pub(crate) functions: Vec<usize>,
    /// What `#[cfg(test)] mod name` declares, here or in another file.
    pub(crate) test_modules: Vec<Vec<&'a str>>,
}

pub(crate) struct NamedPath<'a> {
    pub(crate) line: usize,
    pub(crate) written: Vec<&'a str>,
    /// The same from the crate root, if it begins with `crate`, `self` or `super`.
    pub(crate) within: Option<Vec<&'a str>>,
    /// Whether `as` follows.
    pub(crate) renamed: bool,
}

pub(crate) fn parse(file: &File) -> Parsed<'_> {
    let module = module_of(&file.path);
    let (tokens, tests) = without_tests(&tokens(&file.source));
    let test_modules = tests
        .into_iter()
        .map(|name| [module.as_slice(), &[name]].concat())
        .collect();
    let (mut paths, mut modules, mut functions) = (Vec::new(), Vec::new(), Vec::new());

    // Where `rest` stands: in which module, how many braces deep, and the depths at which inline modules end.
    let (mut here, mut depth, mut ends) = (module.clone(), 0_usize, Vec::new());
    let mut rest = tokens.as_slice();
    while let [token, after @ ..] = rest {
        rest = match (token.text, after) {
            // A field or a method may be called what it likes.
            (".", [name, past @ ..]) if name.is_word() && first(past) != "::" => past,
            _ if token.is_word() && !matches!(token.text, "mod" | "fn") => {
                follow(&here, &[], rest, &mut paths)
            }
            _ => after,
        };
        match (token.text, after) {
            ("fn", _) => functions.push(token.line),
            ("mod", [name, next, ..]) => {
                modules.push(*name);
                if next.text == "{" {
                    here.push(name.text);
                    ends.push(depth);
                }
            }
            ("{", _) => depth += 1,
            ("}", _) => {
                depth = depth.saturating_sub(1);
                if ends.pop_if(|end| *end == depth).is_some() {
                    here.pop();
                }
            }
            _ => {}
        }
    }
    Parsed {
        path: &file.path,
        module,
        paths,
        modules,
        functions,
        test_modules,
    }
}

/// Notes every path that begins here, group by group: `a::{b, c::d}` is `a::b` and `a::c::d`. Returns what comes after.
fn follow<'t, 'a>(
    here: &[&'a str],
    stem: &[&'a str],
    tokens: &'t [Token<'a>],
    paths: &mut Vec<NamedPath<'a>>,
) -> &'t [Token<'a>] {
    let [segment, rest @ ..] = tokens else {
        return tokens;
    };
    if segment.text == "{" {
        return follow_group(here, stem, rest, paths);
    }
    let written = [stem, &[segment.text]].concat();
    if let [colons, rest @ ..] = rest
        && colons.text == "::"
        && rest
            .first()
            .is_some_and(|next| next.is_word() || matches!(next.text, "{" | "*"))
    {
        return follow(here, &written, rest, paths);
    }
    let (within, renamed) = (from_root(here, &written), first(rest) == "as");
    paths.push(NamedPath {
        line: segment.line,
        written,
        within,
        renamed,
    });
    rest
}

fn follow_group<'t, 'a>(
    here: &[&'a str],
    stem: &[&'a str],
    mut rest: &'t [Token<'a>],
    paths: &mut Vec<NamedPath<'a>>,
) -> &'t [Token<'a>] {
    while let [token, after @ ..] = rest {
        rest = match (token.text, after) {
            ("}", _) => return after,
            (",", _) => after,
            ("as", [_, after @ ..]) => after,
            _ => follow(here, stem, rest, paths),
        };
    }
    rest
}

fn from_root<'a>(here: &[&'a str], written: &[&'a str]) -> Option<Vec<&'a str>> {
    let mut at = match written.first().copied()? {
        "crate" => Vec::new(),
        "self" | "super" => here.to_vec(),
        _ => return None,
    };
    for segment in written {
        match *segment {
            "crate" | "self" => {}
            "super" => drop(at.pop()),
            name => at.push(name),
        }
    }
    Some(at)
}

/// The tokens outside `#[cfg(test)] mod name`, and the names of those modules.
fn without_tests<'a>(tokens: &[Token<'a>]) -> (Vec<Token<'a>>, Vec<&'a str>) {
    let (mut kept, mut names, mut rest) = (Vec::new(), Vec::new(), tokens);
    while let [token, after @ ..] = rest {
        rest = if let Some((name, body)) = test_module(rest) {
            names.push(name);
            bracketed(body).map_or(body, |(_, after)| after)
        } else {
            kept.push(*token);
            after
        };
    }
    (kept, names)
}

/// If a module for tests begins here: its name, and what follows the name.
fn test_module<'t, 'a>(tokens: &'t [Token<'a>]) -> Option<(&'a str, &'t [Token<'a>])> {
    let (condition, mut rest) = attribute(tokens)?;
    match *condition {
        ["cfg", "(", "test", ")"] => {}
        ["cfg", "(", "all", ..] if condition.contains(&"test") && !condition.contains(&"not") => {}
        _ => return None,
    }
    while let Some((_, after)) = attribute(rest) {
        rest = after;
    }
    let at = rest
        .iter()
        .position(|token| matches!(token.text, "mod" | "{" | ";" | "="))?;
    match rest.get(at..)? {
        [keyword, name, body @ ..] if keyword.text == "mod" => Some((name.text, body)),
        _ => None,
    }
}

/// `#[..]`: what it says, and what comes after it.
fn attribute<'t, 'a>(tokens: &'t [Token<'a>]) -> Option<(Vec<&'a str>, &'t [Token<'a>])> {
    let [hash, rest @ ..] = tokens else { return None };
    let (said, after) = bracketed(rest).filter(|_| hash.text == "#" && first(rest) == "[")?;
    Some((said.iter().map(|token| token.text).collect(), after))
}

/// What stands inside the bracket that opens here, and what comes after the one that closes it.
fn bracketed<'t, 'a>(tokens: &'t [Token<'a>]) -> Option<(&'t [Token<'a>], &'t [Token<'a>])> {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        match token.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth == 0 {
            return Some((tokens.get(1..at)?, tokens.get(at + 1..)?));
        }
    }
    None
}

fn first<'a>(tokens: &[Token<'a>]) -> &'a str {
    tokens.first().map_or("", |token| token.text)
}

// --- reading text -----------------------------------------------------------------------------------------

#[derive(Clone, Copy)]
pub(crate) struct Token<'a> {
    pub(crate) text: &'a str,
    pub(crate) line: usize,
}

impl Token<'_> {
    fn is_word(&self) -> bool {
        self.text.starts_with(in_a_word)
    }
}

/// Words, `::`, and every other sign by itself; no comments, literals or lifetimes.
fn tokens(source: &str) -> Vec<Token<'_>> {
    let (mut found, mut rest, mut line) = (Vec::new(), source, 1);
    while !rest.is_empty() {
        let passed_over = comment(rest)
            .or_else(|| string(rest))
            .or_else(|| character_or_lifetime(rest));
        let (text, after) = rest.split_at(passed_over.unwrap_or_else(|| word_or_sign(rest)));
        if passed_over.is_none() && !text.trim().is_empty() {
            found.push(Token { text, line });
        }
        line += text.matches('\n').count();
        rest = after;
    }
    found
}

// Each of these says how long the thing is, if it begins here.

fn comment(rest: &str) -> Option<usize> {
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if !rest.starts_with("/*") {
        return None;
    }
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(left) = rest.get(at..) {
        at += match () {
            () if left.starts_with("/*") => {
                depth += 1;
                2
            }
            () if left.starts_with("*/") => {
                depth -= 1;
                2
            }
            () => left.chars().next().map_or(1, char::len_utf8),
        };
        if depth == 0 {
            return Some(at);
        }
    }
    Some(rest.len())
}

fn string(rest: &str) -> Option<usize> {
    let prefix = rest.len() - rest.trim_start_matches(['b', 'c', 'r']).len();
    let (prefix, body) = rest.split_at(prefix);
    let hashes = body.len() - body.trim_start_matches('#').len();
    let content = body.get(hashes..)?.strip_prefix('"')?;
    let opened = rest.len() - content.len();
    if prefix.contains('r') {
        let end = format!("\"{}", "#".repeat(hashes));
        return Some(
            content
                .find(&end)
                .map_or(rest.len(), |at| opened + at + end.len()),
        );
    }
    (hashes == 0).then(|| opened + closing(content, '"'))
}

fn character_or_lifetime(rest: &str) -> Option<usize> {
    let content = rest.strip_prefix('\'')?;
    let mut characters = content.chars();
    match (characters.next()?, characters.next()) {
        (letter, Some('\'')) if letter != '\\' => Some(1 + letter.len_utf8() + 1),
        ('\\', _) => Some(1 + closing(content, '\'')),
        _ => Some(1 + content.find(|letter| !in_a_word(letter)).unwrap_or(content.len())),
    }
}

/// How far it is to just past the quote that ends this literal; a backslash guards what follows it.
fn closing(content: &str, quote: char) -> usize {
    let mut guarded = false;
    for (at, letter) in content.char_indices() {
        match letter {
            _ if guarded => guarded = false,
            '\\' => guarded = true,
            _ if letter == quote => return at + letter.len_utf8(),
            _ => {}
        }
    }
    content.len()
}

fn word_or_sign(rest: &str) -> usize {
    match rest.find(|letter| !in_a_word(letter)) {
        None => rest.len(),
        Some(0) if rest.starts_with("::") => 2,
        Some(0) => rest.chars().next().map_or(0, char::len_utf8),
        Some(length) => length,
    }
}

fn in_a_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}
