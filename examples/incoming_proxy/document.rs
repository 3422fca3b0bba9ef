//! A TOML file whose mistakes are told with the file, the line, and the key.

use std::fmt::Display;
use std::ops::{Range, RangeInclusive};
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use crate::Mistake;
use crate::watched::Text;

/// What the file may say at its top.
pub(crate) const FILE_KEYS: &[&str] = &[
    "listen",
    "drain_seconds",
    "balancers",
    "redis",
    "limits",
    "integration",
];

/// A file and its text.
pub(crate) struct Document {
    shown: String,
    /// What names of files are relative to.
    folder: PathBuf,
    text: String,
}

impl Document {
    pub(crate) fn read(file: &Path) -> Result<Self, Mistake> {
        let shown = file.display().to_string();
        let text = std::fs::read_to_string(file).map_err(|error| {
            format!("--config {shown} cannot be read ({error}); check that it is a text file and that this process may read it")
        })?;
        Ok(Self::of(file, text))
    }

    /// Of a file that was read already.
    pub(crate) fn of(file: &Path, text: String) -> Self {
        Self {
            shown: file.display().to_string(),
            folder: file.parent().unwrap_or(Path::new("")).to_owned(),
            text,
        }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// What `read` makes of the whole file, which holds these keys.
    pub(crate) fn whole<T>(
        &self,
        known: &[&str],
        read: impl FnOnce(Table<'_>) -> Result<T, Mistake>,
    ) -> Result<T, Mistake> {
        let parsed = DeTable::parse(&self.text).map_err(|error| {
            let span = error.span().unwrap_or_default();
            let what = error.message();
            format!(
                "{}, line {}: {what}; write TOML: key = \"value\"",
                self.shown,
                self.line(&span)
            )
        })?;
        let place = Place {
            document: self,
            span: 0..0,
            path: String::new(),
        };
        read(Table::new(place, parsed.get_ref(), known)?)
    }

    fn line(&self, span: &Range<usize>) -> usize {
        let before = self.text.as_bytes().iter().take(span.start);
        1 + before.filter(|byte| **byte == b'\n').count()
    }
}

/// Where something stands.
#[derive(Clone)]
struct Place<'d> {
    document: &'d Document,
    span: Range<usize>,
    path: String,
}

impl Place<'_> {
    fn wrong(&self, what: &(impl Display + ?Sized)) -> Mistake {
        let (file, line) = (&self.document.shown, self.document.line(&self.span));
        match self.path.as_str() {
            "" => format!("{file}: {what}"),
            path => format!("{file}, line {line}, {path}: {what}"),
        }
    }

    fn at(&self, key: &str, span: Range<usize>) -> Self {
        let path = match self.path.as_str() {
            "" => key.to_owned(),
            path => format!("{path}.{key}"),
        };
        let document = self.document;
        Self { document, span, path }
    }
}

pub(crate) struct Table<'d> {
    place: Place<'d>,
    entries: &'d DeTable<'d>,
}

impl<'d> Table<'d> {
    /// A key that is not known comes before one that is missing: most often it is the same one, misspelt.
    fn new(place: Place<'d>, entries: &'d DeTable<'d>, known: &[&str]) -> Result<Self, Mistake> {
        let stranger = |key: &&Spanned<DeString<'_>>| !known.contains(&key.get_ref().as_ref());
        match entries.keys().find(stranger) {
            None => Ok(Self { place, entries }),
            Some(key) => {
                let at = place.at(key.get_ref(), key.span());
                Err(at.wrong(&format!("is not known here; known are {}", known.join(", "))))
            }
        }
    }

    pub(crate) fn get(&self, key: &str) -> Option<Item<'d>> {
        let (name, value) = self.entries.get_key_value(key)?;
        Some(Item {
            place: self.place.at(key, name.span()),
            value: value.get_ref(),
        })
    }

    /// For what must be there; the remedy is what to write.
    pub(crate) fn need(&self, key: &str, remedy: &str) -> Result<Item<'d>, Mistake> {
        let missing = || self.place.at(key, self.place.span.clone());
        self.get(key)
            .ok_or_else(|| missing().wrong(&format!("is missing; write {remedy}")))
    }

    pub(crate) fn wrong(&self, what: &(impl Display + ?Sized)) -> Mistake {
        self.place.wrong(what)
    }

    /// These keys as they are written, to be compared: whatever stands around them.
    pub(crate) fn written(&self, keys: &[&str]) -> String {
        let value = |key: &&str| self.get(key).map(|item| written(item.value));
        let line = |key: &&str| format!("{key} = {}\n", value(key).unwrap_or_default());
        keys.iter().map(line).collect()
    }
}

fn written(value: &DeValue<'_>) -> String {
    let list = |all: Vec<String>| format!("[{}]", all.join(", "));
    match value {
        DeValue::Array(all) => list(all.iter().map(|item| written(item.get_ref())).collect()),
        DeValue::Table(all) => {
            let pair = |(key, value): (&Spanned<DeString<'_>>, &Spanned<DeValue<'_>>)| {
                format!("{:?} = {}", key.get_ref(), written(value.get_ref()))
            };
            list(all.iter().map(pair).collect())
        }
        plain => format!("{plain:?}"),
    }
}

/// The value of a key.
#[derive(Clone)]
pub(crate) struct Item<'d> {
    place: Place<'d>,
    value: &'d DeValue<'d>,
}

impl<'d> Item<'d> {
    pub(crate) fn wrong(&self, what: &(impl Display + ?Sized)) -> Mistake {
        self.place.wrong(what)
    }

    /// How it is called in mistakes that show themselves later.
    pub(crate) fn named(&self) -> String {
        let Place { document, span, path } = &self.place;
        format!("{}, line {}, {path}", document.shown, document.line(span))
    }

    /// What it is, or else what to write.
    fn kind<T>(&self, found: Option<T>, remedy: &str) -> Result<T, Mistake> {
        found.ok_or_else(|| self.wrong(&format!("is {}; write {remedy}", kind(self.value))))
    }

    pub(crate) fn text(&self) -> Result<&'d str, Mistake> {
        self.kind(self.value.as_str(), "text, in quotes")
    }

    pub(crate) fn as_text(&self) -> Option<&'d str> {
        self.value.as_str()
    }

    pub(crate) fn flag(&self) -> Result<bool, Mistake> {
        self.kind(self.value.as_bool(), "true or false")
    }

    pub(crate) fn number(&self, within: RangeInclusive<u64>) -> Result<u64, Mistake> {
        let number = self.kind(self.value.as_integer(), "a number")?;
        let number = u64::from_str_radix(number.as_str(), number.radix()).ok();
        number.filter(|number| within.contains(number)).ok_or_else(|| {
            self.wrong(&format!(
                "is out of range; write a number from {} to {}",
                within.start(),
                within.end()
            ))
        })
    }

    pub(crate) fn list(&self) -> Result<Vec<Self>, Mistake> {
        let list = self.kind(self.value.as_array(), "a list, [ .. ]")?;
        let item = |value: &'d Spanned<DeValue<'d>>| Self {
            place: Place {
                span: value.span(),
                ..self.place.clone()
            },
            value: value.get_ref(),
        };
        Ok(list.iter().map(item).collect())
    }

    pub(crate) fn table(&self, known: &[&str]) -> Result<Table<'d>, Mistake> {
        let path = &self.place.path;
        let table = self.kind(self.value.as_table(), &format!("a table, [{path}]"))?;
        Table::new(self.place.clone(), table, known)
    }

    /// Tables in double brackets.
    pub(crate) fn tables(&self, known: &[&str]) -> Result<Vec<Table<'d>>, Mistake> {
        let path = &self.place.path;
        let several = self
            .value
            .as_array()
            .filter(|list| list.iter().all(|item| item.get_ref().is_table()));
        self.kind(several, &format!("[[{path}]]"))?;
        self.list()?.iter().map(|item| item.table(known)).collect()
    }

    /// What a file or an environment variable holds: `"FILE"` or `{ env = "NAME" }`.
    pub(crate) fn source(&self) -> Result<Source<'d>, Mistake> {
        let name = match self.value {
            DeValue::String(file) => return self.file(file),
            DeValue::Table(_) => self.table(&["env"])?.need("env", "env = \"NAME\"")?,
            _ => {
                return Err(
                    self.wrong(&"is neither a file nor a variable; write \"FILE\" or { env = \"NAME\" }")
                );
            }
        };
        let variable = name.text()?;
        // What stands there by mistake may be the secret itself.
        if variable.is_empty()
            || !variable
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        {
            return Err(name.wrong(&"is no name of an environment variable; write letters, digits and _"));
        }
        // Neither the name, which may be the secret, nor what the error says of a value that is no text.
        let unset = |_| match std::env::var_os(variable) {
            None => name.wrong(&"names a variable that is not set; set it before the start"),
            Some(_) => name.wrong(&"names a variable whose value is no text; write it in UTF-8"),
        };
        let text = std::env::var(variable).map_err(unset)?;
        let (item, shown) = (self.clone(), format!("${variable}"));
        let from = Text::Given(text.as_str().into());
        Ok(Source {
            item,
            shown,
            text,
            from,
        })
    }

    fn file(&self, file: &str) -> Result<Source<'d>, Mistake> {
        if file.contains("-----") || file.contains(char::is_control) {
            return Err(self.wrong(
                &"holds a text in the place of a file's name; write the name of the file that holds it",
            ));
        }
        let path = self.place.document.folder.join(file);
        let unreadable = |error| {
            let (named, todo) = match is_shown(file) {
                true => (
                    file,
                    "check that it is a text file and that this process may read it",
                ),
                false => ("names a file that", "write the name of the file that holds it"),
            };
            self.wrong(&format!("{named} cannot be read ({error}); {todo}"))
        };
        let text = std::fs::read_to_string(&path).map_err(unreadable)?;
        let (item, shown) = (self.clone(), file.to_owned());
        let from = Text::File(path);
        Ok(Source {
            item,
            shown,
            text,
            from,
        })
    }
}

/// Whether it looks like the name of a file. What stands there by mistake may be the secret itself, or a URL with a password.
fn is_shown(file: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte);
    let extension = file.rsplit_once('.').map_or("", |(_, extension)| extension);
    let is_short = (1..=5).contains(&extension.len()) && !extension.contains('/');
    is_short && file.bytes().all(plain)
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// A text from elsewhere, which may be secret.
pub(crate) struct Source<'d> {
    item: Item<'d>,
    /// The file, or the variable.
    shown: String,
    text: String,
    from: Text,
}

impl Source<'_> {
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn from(&self) -> Text {
        self.from.clone()
    }

    /// How it is called by whoever reads it anew.
    pub(crate) fn named(&self) -> String {
        format!("{} {}", self.item.place.path, self.shown)
    }

    /// What is wrong in it, as the library says it of a text.
    pub(crate) fn wrong(&self, what: &(impl Display + ?Sized)) -> Mistake {
        let what = what
            .to_string()
            .replace("certificate authorities from the PEM text given: ", "")
            .replace("the PEM text given", "it");
        self.item.wrong(&format!("{}: {what}", self.shown))
    }

    /// In this line of it.
    pub(crate) fn wrong_in(&self, line: usize, what: &(impl Display + ?Sized)) -> Mistake {
        self.item.wrong(&format!("{}, line {line}: {what}", self.shown))
    }
}
