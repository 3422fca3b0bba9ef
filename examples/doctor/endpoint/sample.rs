//! The body of a delivery, in a form that the scheme can sign.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

/// A body, and what is to be said of it.
pub(crate) struct Sample {
    pub(crate) body: Vec<u8>,
    pub(crate) content_type: &'static str,
}

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

impl Sample {
    /// The body that was given, or one of the doctor's own: JSON, or a form for schemes that sign its fields.
    pub(crate) fn choose(given: Option<&[u8]>, is_signed: impl Fn(&[u8]) -> bool) -> Self {
        let json: &[u8] = br#"{"type": "doctor.test", "amount": 100}"#;
        let form: &[u8] = b"type=doctor.test&amount=100";
        let own = if !is_signed(json) && is_signed(form) {
            form
        } else {
            json
        };
        Self::of(given.unwrap_or(own))
    }

    fn of(body: &[u8]) -> Self {
        let is_form = !body.starts_with(b"{") && !body.starts_with(b"[") && body.contains(&b'=');
        Self {
            body: body.to_vec(),
            content_type: if is_form { FORM } else { JSON },
        }
    }

    /// With one bit turned, in a digit or a letter: it stays JSON, or a form.
    pub(crate) fn changed(&self) -> Vec<u8> {
        let mut body = self.body.clone();
        let digit = body.iter().rposition(u8::is_ascii_digit).map(|at| (at, 1));
        let letter = body
            .iter()
            .rposition(u8::is_ascii_alphabetic)
            .map(|at| (at, 0x20));
        match digit
            .or(letter)
            .and_then(|(at, bit)| Some((body.get_mut(at)?, bit)))
        {
            Some((byte, bit)) => *byte ^= bit,
            None => body.push(b'1'),
        }
        body
    }

    /// Another of the same kind.
    pub(crate) fn other(&self) -> &'static [u8] {
        match self.content_type {
            FORM => b"other=true",
            _ => br#"{"other": true}"#,
        }
    }

    /// One of more than so many bytes, which stays as it is where somebody writes it anew.
    pub(crate) fn larger_than(&self, limit: usize) -> Vec<u8> {
        let pad = "x".repeat(limit);
        match self.content_type {
            FORM => format!("type=doctor.test&pad={pad}").into_bytes(),
            _ => format!(r#"{{"type": "doctor.test", "pad": "{pad}"}}"#).into_bytes(),
        }
    }
}

/// As `Content-Encoding: gzip` has it.
pub(crate) fn compressed(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    // Writing to memory does not fail.
    let _ = encoder.write_all(body);
    encoder.finish().unwrap_or_default()
}
