use memchr::{memchr, memchr3, memmem};

use super::invalid::{InvalidPem, Problem};
use super::label::Label;
use super::lines::{Line, Lines};

/// From a BEGIN to its END.
#[derive(Debug, Clone, Copy)]
pub(super) struct Section<'a> {
    pub(super) label: Label,
    /// Of the BEGIN, counted from 1.
    pub(super) line: usize,
    /// BEGIN and END among it.
    #[cfg_attr(
        not(any(feature = "tls", feature = "forwarded")),
        expect(dead_code, reason = "only private keys are read of it")
    )]
    pub(super) text: &'a [u8],
    /// What is between.
    pub(super) body: &'a [u8],
    /// By a header of RFC 1421.
    pub(super) encrypted: bool,
}

/// The section that is being read.
struct Open {
    label: Label,
    line: usize,
    start: usize,
    body: usize,
    encrypted: bool,
}

const BOM: &[u8] = b"\xef\xbb\xbf";
const BEGIN: &[u8] = b"-----BEGIN";
const END: &[u8] = b"-----END";

/// Every section of the text. Other text may stand between them (RFC 7468 §2), but nothing that looks as if it were to
/// be a section: what is passed over here is a revocation, or an authority, that nobody misses.
pub(super) fn sections(pem: &[u8]) -> Result<Vec<Section<'_>>, InvalidPem> {
    let pem = pem.strip_prefix(BOM).unwrap_or(pem);
    check_encoding(pem)?;
    let mut found = Vec::new();
    let mut open: Option<Open> = None;
    for line in Lines::of(pem) {
        match (Mark::of(&line)?, &mut open) {
            (Mark::Begin(_), Some(open)) => return Err(open.unclosed()),
            (Mark::Begin(label), None) => open = Some(Open::at(&line, label)),
            (Mark::End(label), Some(open_one)) => {
                found.push(open_one.close(pem, &line, label)?);
                open = None;
            }
            (Mark::End(_), None) => return Err(Problem::StrayEnd { line: line.number }.into()),
            (Mark::Text, Some(open)) => open.encrypted |= says_encrypted(line.text),
            (Mark::Text, None) if is_bare_base64(line.text) => {
                return Err(Problem::Unframed { line: line.number }.into());
            }
            (Mark::Text, None) => {}
        }
    }
    open.map_or(Ok(found), |open| Err(open.unclosed()))
}

impl Open {
    fn at(line: &Line<'_>, label: &[u8]) -> Self {
        Self {
            label: Label::of(label),
            line: line.number,
            start: line.start,
            body: line.start + line.text.len(),
            encrypted: false,
        }
    }

    fn close<'a>(&self, pem: &'a [u8], end: &Line<'_>, label: &[u8]) -> Result<Section<'a>, InvalidPem> {
        let (began, line) = (self.line, end.number);
        let text = pem.get(self.start..end.start + end.text.len());
        let body = pem.get(self.body..end.start);
        match (text, body) {
            (Some(text), Some(body)) if ends(text, label) => Ok(Section {
                label: self.label,
                line: self.line,
                text,
                body,
                encrypted: self.encrypted,
            }),
            _ => Err(Problem::OtherEnd {
                label: self.label,
                began,
                line,
            }
            .into()),
        }
    }

    fn unclosed(&self) -> InvalidPem {
        Problem::Unclosed {
            label: self.label,
            line: self.line,
        }
        .into()
    }
}

/// Whether the label of the END is that of the BEGIN, with which the text starts.
fn ends(text: &[u8], label: &[u8]) -> bool {
    let begun = text.strip_prefix(BEGIN).and_then(|rest| rest.strip_prefix(b" "));
    let rest = begun.and_then(|rest| rest.strip_prefix(label));
    rest.is_some_and(|rest| rest.starts_with(b"-----"))
}

/// What a line is to a reader of sections.
enum Mark<'a> {
    Begin(&'a [u8]),
    End(&'a [u8]),
    Text,
}

impl<'a> Mark<'a> {
    fn of(line: &Line<'a>) -> Result<Self, InvalidPem> {
        if let Some(label) = label(line.text, BEGIN) {
            return Ok(Self::Begin(label));
        }
        if let Some(label) = label(line.text, END) {
            return Ok(Self::End(label));
        }
        if is_nearly_one(line.text) {
            return Err(what_is_wrong(line).into());
        }
        Ok(Self::Text)
    }
}

/// `-----BEGIN LABEL-----`, behind which spaces may stand.
fn label<'a>(line: &'a [u8], word: &[u8]) -> Option<&'a [u8]> {
    let rest = line.strip_prefix(word)?.strip_prefix(b" ")?;
    let spaces = rest.iter().rev().take_while(|byte| **byte == b' ').count();
    let label = rest.get(..rest.len() - spaces)?.strip_suffix(b"-----")?;
    (!label.contains(&b'-')).then_some(label)
}

/// A line in which somebody meant to begin or end a section: hyphens and `BEGIN`, in whatever case and with whatever
/// dashes a word processor puts there, or `-----END`.
fn is_nearly_one(line: &[u8]) -> bool {
    memchr3(b'-', 0xe2, 0xef, line).is_some() && (memmem::find(line, END).is_some() || has_begin(line))
}

fn has_begin(line: &[u8]) -> bool {
    const WORD: usize = 5;
    let places = line.windows(WORD).enumerate();
    places
        .filter(|(_, word)| word.eq_ignore_ascii_case(b"BEGIN"))
        .any(|(place, word)| {
            let before = line.get(..place).unwrap_or_default().trim_ascii_end();
            before.ends_with(b"--") || (word == b"BEGIN" && ends_with_dash(without_hyphens(before)))
        })
}

fn without_hyphens(text: &[u8]) -> &[u8] {
    let hyphens = text.iter().rev().take_while(|byte| **byte == b'-').count();
    text.get(..text.len() - hyphens).unwrap_or_default()
}

/// A hyphen, an en dash, a minus: U+2010 to U+2015, U+2212, U+FF0D.
fn ends_with_dash(text: &[u8]) -> bool {
    match text {
        [.., 0xe2, 0x80, last] => (0x90..=0x95).contains(last),
        [.., 0xe2, 0x88, 0x92] | [.., 0xef, 0xbc, 0x8d] => true,
        _ => false,
    }
}

fn what_is_wrong(line: &Line<'_>) -> Problem {
    let (text, line) = (line.text, line.number);
    let begins = memmem::find(text, BEGIN);
    let ends = memmem::find(text, END);
    if memmem::find(text, br"\n").is_some() {
        return Problem::LiteralBreaks { line };
    }
    if let Some(rest) = text.strip_prefix(BOM)
        && (label(rest, BEGIN).or(label(rest, END))).is_some()
    {
        return Problem::ByteOrderMark { line };
    }
    let trimmed = text.trim_ascii_start();
    if trimmed.len() < text.len() && (label(trimmed, BEGIN).or(label(trimmed, END))).is_some() {
        return Problem::Indented { line };
    }
    match (begins, ends) {
        (Some(begin), Some(0)) if label(text.get(..begin).unwrap_or_default(), END).is_some() => {
            Problem::Joined { line }
        }
        (Some(_), Some(_)) => Problem::LostBreaks { line },
        (Some(0), None) if !text.trim_ascii_end().ends_with(b"-----") => Problem::LostBreaks { line },
        (None, Some(end)) if label(text.get(end..).unwrap_or_default(), END).is_some() => {
            Problem::LostBreaks { line }
        }
        _ => Problem::Marker { line },
    }
}

/// `Proc-Type: 4,ENCRYPTED` (RFC 1421 §4.6.1.1), as OpenSSL wrote before PKCS#8.
fn says_encrypted(line: &[u8]) -> bool {
    line.starts_with(b"Proc-Type:") && line.trim_ascii_end().ends_with(b",ENCRYPTED")
}

/// What a certificate, a CRL or a key looks like whose BEGIN is missing: the beginning of a SEQUENCE in base64.
fn is_bare_base64(line: &[u8]) -> bool {
    const SHORTEST: usize = 40;
    let line = line.trim_ascii();
    let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    line.len() >= SHORTEST && line.starts_with(b"MI") && line.iter().all(is_base64)
}

/// Whether it is text of one byte a character at all.
fn check_encoding(pem: &[u8]) -> Result<(), InvalidPem> {
    match pem {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [1..=255, 0, 1..=255, 0, ..] | [0, 1..=255, 0, 1..=255, ..] => {
            Err(Problem::Utf16.into())
        }
        // A SEQUENCE (X.690 §8.9) that is the whole file, or a length that no text has.
        [0x30, 0x80..=0x84, ..] => Err(Problem::Binary.into()),
        [0x30, length, content @ ..] if usize::from(*length) == content.len() => Err(Problem::Binary.into()),
        _ if memchr(0, pem).is_some() => Err(Problem::Binary.into()),
        _ => Ok(()),
    }
}
