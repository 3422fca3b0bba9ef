use arbitrary::{Result, Unstructured};

use crate::tamper::bytes;

/// An answer over HTTP/1.1, as a server writes it, whose end may be missing or said wrongly.
#[derive(Debug)]
pub struct HttpAnswer {
    pub status: u16,
    pub body: Vec<u8>,
    /// What goes over the wire.
    pub bytes: Vec<u8>,
    /// What a reader has that goes by HTTP; `None` where he can tell that something is missing, or readers differ.
    pub whole: Option<Vec<u8>>,
    /// Whether bytes were changed afterwards: then nothing of the above needs to hold.
    pub is_changed: bool,
}

const STATUSES: &[u16] = &[
    200, 201, 202, 204, 206, 226, 299, 300, 301, 302, 304, 307, 308, 400, 401, 403, 404, 407, 408, 410, 421,
    425, 426, 429, 431, 495, 496, 499, 500, 501, 502, 503, 504, 505, 520, 599, 600, 999,
];

/// What the body is framed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    Length,
    Chunked,
    /// Until the connection ends.
    End,
    /// A length that is not that of the body.
    WrongLength(i8),
    /// The last chunk is missing.
    NoLastChunk,
    LengthAndChunked,
    TwoLengths,
}

impl HttpAnswer {
    /// With these lines among its fields, each with its line break.
    ///
    /// # Errors
    /// Those of `arbitrary`.
    pub fn choose(fields: &[u8], body: Vec<u8>, choices: &mut Unstructured<'_>) -> Result<Self> {
        let status = match choices.int_in_range(0..=3)? {
            0 | 1 => 200,
            2 => *choices.choose(STATUSES)?,
            _ => choices.int_in_range(100..=999)?,
        };
        let framing = framing(choices)?;
        let mut bytes = Vec::new();
        for _ in 0..choices.int_in_range(0..=3)? {
            bytes.extend(
                choices
                    .choose(&[
                        &b"HTTP/1.1 100 Continue\r\n\r\n"[..],
                        b"HTTP/1.1 103 Early Hints\r\nlink: <a>\r\n\r\n",
                    ])?
                    .iter(),
            );
        }
        bytes.extend(format!("HTTP/1.1 {status} Reason\r\n").bytes());
        bytes.extend(fields);
        bytes.extend(framing.fields(body.len()).bytes());
        bytes.extend(b"\r\n");
        framing.write(&body, &mut bytes, choices)?;
        let mut answer = Self {
            status,
            whole: framing.whole(&body),
            body,
            bytes,
            is_changed: false,
        };
        answer.change(choices)?;
        Ok(answer)
    }

    fn change(&mut self, choices: &mut Unstructured<'_>) -> Result<()> {
        for _ in 0..choices.int_in_range(0..=3)? {
            self.is_changed = true;
            let begin = choices.int_in_range(0..=self.bytes.len())?;
            let end = choices.int_in_range(begin..=self.bytes.len().min(begin + 64))?;
            let new = bytes(choices, 64)?.iter().copied();
            self.bytes.splice(begin..end, new);
        }
        Ok(())
    }
}

fn framing(choices: &mut Unstructured<'_>) -> Result<Framing> {
    Ok(match choices.int_in_range(0..=8)? {
        0..=2 => Framing::Length,
        3 => Framing::Chunked,
        4 => Framing::End,
        5 => Framing::WrongLength(choices.arbitrary()?),
        6 => Framing::NoLastChunk,
        7 => Framing::LengthAndChunked,
        _ => Framing::TwoLengths,
    })
}

impl Framing {
    fn declared(self, length: usize) -> usize {
        match self {
            Self::WrongLength(off) => length.saturating_add_signed(off.into()),
            _ => length,
        }
    }

    fn is_chunked(self) -> bool {
        matches!(self, Self::Chunked | Self::NoLastChunk | Self::LengthAndChunked)
    }

    fn fields(self, length: usize) -> String {
        let declared = format!("content-length: {}\r\n", self.declared(length));
        match self {
            Self::Length | Self::WrongLength(_) => declared,
            Self::Chunked | Self::NoLastChunk => "transfer-encoding: chunked\r\n".to_owned(),
            Self::LengthAndChunked => declared + "transfer-encoding: chunked\r\n",
            Self::TwoLengths => format!("{declared}content-length: {}\r\n", length + 1),
            Self::End => String::new(),
        }
    }

    fn write(self, body: &[u8], out: &mut Vec<u8>, choices: &mut Unstructured<'_>) -> Result<()> {
        if !self.is_chunked() {
            out.extend(body);
            return Ok(());
        }
        let extension = *choices.choose(&["", ";a=b", " ; x"])?;
        let mut rest = body;
        while !rest.is_empty() {
            let length = usize::from(choices.arbitrary::<u8>()?).clamp(1, rest.len());
            let (chunk, after) = rest.split_at(if choices.is_empty() { rest.len() } else { length });
            out.extend(format!("{:x}{extension}\r\n", chunk.len()).bytes());
            out.extend(chunk);
            out.extend(b"\r\n");
            rest = after;
        }
        if self != Self::NoLastChunk {
            out.extend(
                choices
                    .choose(&[&b"0\r\n\r\n"[..], b"0\r\nx-trailer: a\r\n\r\n", b"000\r\n\r\n"])?
                    .iter(),
            );
        }
        Ok(())
    }

    fn whole(self, body: &[u8]) -> Option<Vec<u8>> {
        match self {
            // Beside chunks, a length does not count (RFC 9112 §6.3).
            Self::Length | Self::Chunked | Self::End | Self::LengthAndChunked => Some(body.to_vec()),
            Self::WrongLength(_) => body.get(..self.declared(body.len())).map(<[u8]>::to_vec),
            Self::NoLastChunk | Self::TwoLengths => None,
        }
    }
}
