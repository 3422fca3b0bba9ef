//! What can only be told by its shape, and is said to be a guess.

use countersign::explain::{Certainty, Mistake, PayloadInquiry};
use countersign::payload::Scheme;

use super::mail::{self, Mail, SECRET, acme, github, secret, stripe};
use super::{Case, proven};

const BODY: &[u8] = b"{\"id\":\"evt_1\"}";

fn guess(name: &'static str, mistake: Mistake, wrong: Mail, mended: Mail) -> Case {
    let mut case = proven(name, mistake, (github(SECRET), wrong), (github(SECRET), mended));
    case.certainty = Certainty::Guess;
    case
}

/// The same message, as its sender has sent it and as it arrives.
fn arriving(name: &'static str, mistake: Mistake, sent: &[u8], change: fn(Mail) -> Mail) -> Case {
    let mail = Mail::signed(&mail::github_scheme(), SECRET, sent);
    guess(name, mistake, change(mail.clone()), mail)
}

pub(super) fn cases() -> Vec<Case> {
    let gzip = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03packed";
    let signed = Mail::signed(&mail::github_scheme(), SECRET, BODY);
    let mut lost = guess(
        "one field of three",
        Mistake::FieldLost,
        Mail::signed(&Scheme::standard_webhooks(), mail::BASE64, BODY).without_field("webhook-signature"),
        Mail::signed(&Scheme::standard_webhooks(), mail::BASE64, BODY),
    );
    let standard =
        || PayloadInquiry::new(Scheme::standard_webhooks()).key(acme(), "2026", secret(mail::BASE64));
    (lost.wrong.0, lost.mended.0) = (standard().into(), standard().into());
    let mut other = guess(
        "GitHub's, with another secret",
        Mistake::LooksOther,
        Mail::signed(&mail::github_scheme(), mail::OTHER, BODY),
        Mail::signed(&mail::stripe_scheme(), SECRET, BODY),
    );
    (other.wrong.0, other.mended.0) = (stripe(SECRET).into(), stripe(SECRET).into());
    vec![
        arriving("packed", Mistake::Compressed, BODY, |mail| {
            mail.with_field("content-encoding", "gzip")
                .with_body(b"\x1f\x8b\x08\x00packed")
        }),
        arriving("unpacked", Mistake::Decompressed, gzip, |mail| {
            mail.with_field("content-encoding", "gzip").with_body(b"{}")
        }),
        arriving("read before", Mistake::BodyTaken, BODY, |mail| {
            mail.with_field("content-length", "14").with_body(b"")
        }),
        arriving("cut", Mistake::BodyCut, BODY, |mail| {
            mail.with_field("content-length", "14").with_body(b"{\"id\":")
        }),
        arriving(
            "read as ASCII",
            Mistake::CharsetLost,
            "[\"caf\u{e9}\"]".as_bytes(),
            |mail| mail.with_body("[\"caf\u{fffd}\"]".as_bytes()),
        ),
        lost,
        other,
        guess("a health check", Mistake::NotSigned, Mail::unsigned(b""), signed),
    ]
}
