//! Bodies that are no longer what was signed.

use countersign::explain::Mistake;

use super::mail::{self, Mail};
use super::{Case, proven};

/// Signed is the one, and the other arrives.
fn case(name: &'static str, mistake: Mistake, signed: &[u8], arrived: &[u8]) -> Case {
    let mail = Mail::signed(&mail::github_scheme(), mail::SECRET, signed);
    let inquiry = || mail::github(mail::SECRET);
    proven(
        name,
        mistake,
        (inquiry(), mail.clone().with_body(arrived)),
        (inquiry(), mail),
    )
}

pub(super) fn cases() -> Vec<Case> {
    use Mistake::*;
    let text = "{\"b\":[1,2.50],\"a\":\"caf\u{e9} </p>\"}";
    let pretty = "{\n  \"b\": [\n    1,\n    2.50\n  ],\n  \"a\": \"caf\u{e9} </p>\"\n}";
    let python = "{\"b\": [1, 2.50], \"a\": \"caf\\u00e9 </p>\"}";
    let php = "{\"b\":[1,2.50],\"a\":\"caf\\u00e9 <\\/p>\"}";
    let go = "{\"b\":[1,2.50],\"a\":\"caf\u{e9} \\u003c/p\\u003e\"}\n";
    let ordered = "{\"a\":\"caf\u{e9} </p>\",\"b\":[1,2.50]}";
    vec![
        case("a newline at the end", NewlineAdded, b"{}", b"{}\n"),
        case("CR LF at the end", NewlineAdded, b"{}", b"{}\r\n"),
        case("no newline any more", NewlineLost, b"{}\n", b"{}"),
        case("no CR LF any more", NewlineLost, b"{}\r\n", b"{}"),
        case("spaces around it", SpaceAround, b"{}", b" {} "),
        case("saved with LF", LineEndings, b"{\r\n}\r\n", b"{\n}\n"),
        case("saved with CR LF", LineEndings, b"a\nb", b"a\r\nb"),
        case("a byte order mark", ByteOrderMark, b"{}", b"\xef\xbb\xbf{}"),
        case(
            "no byte order mark any more",
            ByteOrderMark,
            b"\xef\xbb\xbf{}",
            b"{}",
        ),
        case(
            "printed for people",
            JsonWhiteSpace,
            text.as_bytes(),
            pretty.as_bytes(),
        ),
        case(
            "parsed and serialized",
            JsonWhiteSpace,
            pretty.as_bytes(),
            text.as_bytes(),
        ),
        case(
            "escapes undone",
            JsonEscapes,
            b"[\"caf\\u00e9\"]",
            "[\"caf\u{e9}\"]".as_bytes(),
        ),
        case(
            "escapes made",
            JsonEscapes,
            "[\"caf\u{e9}\"]".as_bytes(),
            b"[\"caf\\u00E9\"]",
        ),
        case("a slash escaped", JsonEscapes, b"[\"<\\/p>\"]", b"[\"</p>\"]"),
        case(
            "names in order",
            JsonKeyOrder,
            ordered.as_bytes(),
            text.as_bytes(),
        ),
        case(
            "Python to JavaScript",
            JsonRewritten,
            python.as_bytes(),
            text.as_bytes(),
        ),
        case("PHP to people", JsonRewritten, php.as_bytes(), pretty.as_bytes()),
        case("Go to people", JsonRewritten, go.as_bytes(), pretty.as_bytes()),
        case("a string of it", JsonInString, b"{\"a\":1}", b"\"{\\\"a\\\":1}\""),
        case(
            "UTF-8 taken for Latin-1",
            Charset,
            "caf\u{e9}".as_bytes(),
            "caf\u{c3}\u{a9}".as_bytes(),
        ),
        case(
            "Latin-1 turned into UTF-8",
            Charset,
            b"caf\xe9",
            "caf\u{e9}".as_bytes(),
        ),
        case(
            "UTF-8 taken for Windows-1252",
            Charset,
            "5 \u{20ac}".as_bytes(),
            "5 \u{e2}\u{201a}\u{ac}".as_bytes(),
        ),
        case("a gateway's base64", Base64Body, b"{\"a\":1}", b"eyJhIjoxfQ=="),
        case(
            "a form with + for %20",
            FormRewritten,
            b"a=1%202&b=%C3%A9~",
            b"a=1+2&b=%C3%A9%7E",
        ),
        case("a form in lower case", FormRewritten, b"a=%2F", b"a=%2f"),
        case("signed before it was written", NothingSigned, b"", b"{\"a\":1}").mended_by_its_body(),
    ]
}

impl Case {
    /// The remedy is the sender's: to sign what it sends.
    fn mended_by_its_body(mut self) -> Self {
        self.mended.1 = Mail::signed(&mail::github_scheme(), mail::SECRET, b"{\"a\":1}");
        self
    }
}
