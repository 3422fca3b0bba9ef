//! The heads of HTTP/2's frames (RFC 9113 §4.1), as far as they can be too much, and no more of them.

/// The beginning of an HTTP/2 connection (RFC 9113 §3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const PRIORITY: u8 = 2;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PUSH_PROMISE: u8 = 5;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const NO_ERROR: u32 = 0;
/// All but the bit that means nothing.
const STREAM: u32 = 0x7fff_ffff;

/// What was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// A block of header fields begins, of this stream; with its end, or without.
    Headers { stream: u32, last: bool },
    /// Some of a body.
    Data { stream: u32, last: bool },
    /// One more piece of it.
    Continuation,
    /// It is whole.
    HeadersDone,
    /// A stream was reset; because all was well, or not.
    Reset { stream: u32, well: bool },
    /// A frame that carries nothing.
    Nothing,
}

/// A reader of one direction.
#[derive(Debug, Default)]
pub(super) struct Frames {
    head: [u8; 9],
    /// How many bytes of it are there.
    filled: usize,
    /// How much of the payload is still to come.
    left: usize,
    kind: u8,
    stream: u32,
    ends_headers: bool,
    /// The payload of a reset, as far as it has come.
    code: u32,
}

impl Frames {
    /// Reads on, and says what it sees.
    pub(super) fn read(&mut self, mut bytes: &[u8], mut see: impl FnMut(Seen)) {
        while !bytes.is_empty() {
            bytes = match self.filled {
                9 => self.payload(bytes, &mut see),
                _ => self.head(bytes, &mut see),
            };
        }
    }

    fn head<'a>(&mut self, bytes: &'a [u8], see: &mut impl FnMut(Seen)) -> &'a [u8] {
        let wanted = self.head.iter_mut().skip(self.filled);
        let taken = wanted.zip(bytes).map(|(to, from)| *to = *from).count();
        self.filled += taken;
        if self.filled == 9 {
            self.begin(see);
        }
        bytes.get(taken..).unwrap_or_default()
    }

    fn begin(&mut self, see: &mut impl FnMut(Seen)) {
        let [a, b, c, kind, flags, stream @ ..] = self.head;
        self.stream = u32::from_be_bytes(stream) & STREAM;
        let (stream, last) = (self.stream, flags & END_STREAM != 0);
        self.left = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
        (self.kind, self.code) = (kind, 0);
        self.ends_headers = matches!(kind, HEADERS | CONTINUATION) && flags & END_HEADERS != 0;
        match kind {
            HEADERS => see(Seen::Headers { stream, last }),
            CONTINUATION => see(Seen::Continuation),
            DATA if self.left == 0 && !last => see(Seen::Nothing),
            DATA => see(Seen::Data { stream, last }),
            RST_STREAM | GOAWAY | WINDOW_UPDATE => {}
            PRIORITY | SETTINGS | PUSH_PROMISE | PING | 10.. => see(Seen::Nothing),
        }
        self.end(see);
    }

    fn payload<'a>(&mut self, bytes: &'a [u8], see: &mut impl FnMut(Seen)) -> &'a [u8] {
        let taken = bytes.len().min(self.left);
        let (payload, rest) = bytes.split_at_checked(taken).unwrap_or((bytes, &[]));
        if self.kind == RST_STREAM {
            // Of more than four bytes, which is an error anyway, the last ones count.
            self.code = payload
                .iter()
                .fold(self.code, |code, byte| code << 8 | u32::from(*byte));
        }
        self.left -= taken;
        self.end(see);
        rest
    }

    /// Where the payload is whole.
    fn end(&mut self, see: &mut impl FnMut(Seen)) {
        if self.left > 0 {
            return;
        }
        self.filled = 0;
        if self.ends_headers {
            see(Seen::HeadersDone);
        }
        if self.kind == RST_STREAM {
            let (stream, well) = (self.stream, self.code == NO_ERROR);
            see(Seen::Reset { stream, well });
        }
    }
}

/// Which version of HTTP a peer speaks.
#[derive(Debug)]
pub(super) enum Tongue {
    /// So many bytes could be HTTP/2's preface.
    Unknown(usize),
    Http1,
    Http2 {
        read: Frames,
        written: Frames,
    },
}

impl Tongue {
    pub(super) fn write(&mut self, bytes: &[u8], see: impl FnMut(Seen)) {
        // What was said before is whole frames: the settings.
        if let Self::Http2 { written, .. } = self {
            written.read(bytes, see);
        }
    }

    pub(super) fn read(&mut self, mut bytes: &[u8], see: impl FnMut(Seen)) {
        if let Self::Unknown(known) = self {
            let rest = PREFACE.get(*known..).unwrap_or_default();
            let same = rest.iter().zip(bytes).take_while(|(a, b)| a == b).count();
            *known += same;
            bytes = bytes.get(same..).unwrap_or_default();
            if *known == PREFACE.len() {
                let (read, written) = (Frames::default(), Frames::default());
                *self = Self::Http2 { read, written };
            } else if !bytes.is_empty() {
                *self = Self::Http1;
            }
        }
        if let Self::Http2 { read, .. } = self {
            read.read(bytes, see);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_be_bytes();
        let head = [length[1], length[2], length[3], kind, flags, 0, 0, 0, 1];
        [&head[..], payload].concat()
    }

    #[test]
    fn what_is_seen_does_not_depend_on_where_the_bytes_are_cut() {
        use Seen::{Continuation, Data, Headers, HeadersDone, Nothing, Reset};
        let (stream, last) = (1, false);
        let all = [
            PREFACE.to_vec(),
            frame(SETTINGS, 0, &[]),
            frame(HEADERS, 0, b"abc"),
            frame(CONTINUATION, 0, &[]),
            frame(CONTINUATION, END_HEADERS, b"d"),
            frame(DATA, 0, b"body"),
            frame(DATA, 0, &[]),
            frame(DATA, END_STREAM, &[]),
            frame(WINDOW_UPDATE, 0, &[0, 0, 0, 1]),
            frame(RST_STREAM, 0, &[0, 0, 0, 8]),
            frame(RST_STREAM, 0, &[0, 0, 0, 0]),
            frame(RST_STREAM, 0, &[0, 0, 1, 0]),
            frame(RST_STREAM, 0, &[1, 0, 0, 0]),
            frame(PING, 0, &[0; 8]),
            frame(77, 0, b"?"),
        ];
        let all = all.concat();
        let expected = [
            Nothing,
            Headers { stream, last },
            Continuation,
            Continuation,
            HeadersDone,
            Data { stream, last },
            Nothing,
            Data { stream, last: true },
            Reset { stream, well: false },
            Reset { stream, well: true },
            Reset { stream, well: false },
            Reset { stream, well: false },
            Nothing,
            Nothing,
        ];
        for size in 1..all.len() {
            let (mut tongue, mut seen) = (Tongue::Unknown(0), Vec::new());
            all.chunks(size)
                .for_each(|piece| tongue.read(piece, |one| seen.push(one)));
            assert_eq!(seen, expected, "in pieces of {size}");
        }
    }

    #[test]
    fn a_frame_is_as_long_as_it_says() {
        for length in [0, 1, 255, 256, 300, 16_384, 65_535, 65_536, 70_000] {
            // Each nine of these bytes could be taken for a frame.
            let body = frame(DATA, END_STREAM, &vec![0; length]);
            let all = [PREFACE, &body, &frame(PING, 0, &[0; 8])].concat();
            let (mut tongue, mut seen) = (Tongue::Unknown(0), Vec::new());
            tongue.read(&all, |one| seen.push(one));
            let data = Seen::Data {
                stream: 1,
                last: true,
            };
            assert_eq!(seen, [data, Seen::Nothing], "{length}");
        }
    }

    #[test]
    fn what_begins_otherwise_is_no_http2() {
        for bytes in [&b"POST / HTTP/1.1\r\n"[..], b"PRI * HTTP/1.1\r\n", b"\0"] {
            let mut tongue = Tongue::Unknown(0);
            tongue.read(bytes, |seen| panic!("{seen:?}"));
            assert!(matches!(tongue, Tongue::Http1), "{bytes:?}");
        }
    }
}
