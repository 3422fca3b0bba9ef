//! What is tried, in its order: never more than this table.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;

use super::can_be;
use super::files::Files;
use crate::Mistake;
use crate::player::Delivery;

/// Whose certificate is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    Ours,
    Other,
    Expired,
    Nobody,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected {
    Accepted,
    Refused,
    /// It may be answered as the first was, and must not be handled again.
    NotTwice,
}

pub(crate) struct Attack {
    pub(crate) name: &'static str,
    pub(crate) who: Who,
    pub(crate) host: Option<&'static str>,
    pub(crate) delivery: Delivery,
    pub(crate) expected: Expected,
    /// What it means where it is let in.
    pub(crate) means: &'static str,
}

const BODY: &str = r#"{"type": "doctor.test", "amount": 100}"#;
const FORGED: [&str; 3] = ["client-cert", "x-forwarded-client-cert", "x-ssl-client-cert"];

/// Every attack for which there is what it takes.
pub(crate) fn all(files: &Files) -> Result<Vec<Attack>, Mistake> {
    let run = format!("doctor-{}", countersign::web::Clock::default().now().as_secs());
    let sign = |id: &str, body: &str, age| files.signed(false, &format!("{run}-{id}"), body.as_bytes(), age);
    let good = sign("good", BODY, 0)?;
    let fields = signature_fields(&good, &sign("good", "{\"other\": true}", 0)?);
    let own = |id: &str| sign(id, BODY, 0);
    let without = fields
        .iter()
        .fold(own("unsigned")?, |delivery, field| delivery.without(field));
    let twice = fields
        .iter()
        .fold(own("twice")?, |delivery, field| delivery.twice(field));
    let empty = fields.iter().fold(own("empty")?, |mut delivery, field| {
        if let Some(value) = delivery.headers.get_mut(field) {
            *value = HeaderValue::from_static("");
        }
        delivery
    });
    let mut attacks = Attacks::new(files, Expected::Accepted);
    attacks.add("a good delivery", Who::Ours, good.clone(), "");
    attacks.expected = Expected::NotTwice;
    attacks.add(
        "the same again",
        Who::Ours,
        good,
        "where it is handled twice, so is every replay: claim the id before handling",
    );
    attacks.expected = Expected::Refused;
    attacks.add(
        "one word of the body changed",
        Who::Ours,
        own("changed")?.with_body(BODY.replace("100", "900")),
        "the body is not what is verified",
    );
    attacks.add(
        "white space after the body",
        Who::Ours,
        own("space")?.with_body(format!("{BODY}\n")),
        "the body is parsed before it is verified, and written anew: verify the bytes as they arrived",
    );
    attacks.add(
        "no signature",
        Who::Ours,
        without,
        "a missing signature is taken for none needed",
    );
    attacks.add(
        "an empty signature",
        Who::Ours,
        empty,
        "an empty signature is taken for a right one",
    );
    attacks.add(
        "the signature's field twice",
        Who::Ours,
        twice,
        "who reads the first and who reads the last see two messages: refuse what stands twice",
    );
    if has_a_time(files, &run)? {
        attacks.add(
            "signed ten minutes ago",
            Who::Ours,
            sign("stale", BODY, 600)?,
            "the time is not looked at: whoever once saw a delivery can send it for ever",
        );
        attacks.add("signed ten minutes ahead", Who::Ours, sign("ahead", BODY, -600)?, "the time is not looked at in this direction: what is kept of replays will be gone before it is old");
    }
    // JSON that stays as it is where somebody writes it anew.
    let large = format!(
        r#"{{"type": "doctor.test", "pad": "{}"}}"#,
        "x".repeat(files.limit)
    );
    attacks.add(
        "a body over the limit",
        Who::Ours,
        sign("large", &large, 0)?,
        "nothing bounds a body: memory is the sender's to fill",
    );
    if files.has_other_key() {
        let theirs = files.signed(true, &format!("{run}-other"), BODY.as_bytes(), 0)?;
        attacks.add(
            "another tenant's signature",
            Who::Ours,
            theirs,
            "connection and payload may name two tenants: a confused deputy",
        );
    }
    attacks.add(
        "another tenant's certificate",
        Who::Other,
        own("deputy")?,
        "connection and payload may name two tenants: a confused deputy",
    );
    attacks.add(
        "an expired certificate",
        Who::Expired,
        own("expired")?,
        "the certificate is not verified",
    );
    attacks.add(
        "no certificate",
        Who::Nobody,
        own("nobody")?,
        "the certificate is asked for, and not demanded",
    );
    if let Some(certificate) = files.certificate() {
        attacks.add(
            "no certificate, and ours in header fields",
            Who::Nobody,
            forged(own("forged")?, certificate),
            "header fields are believed from anybody: whoever has seen a certificate is its owner",
        );
    }
    attacks.add("a host of nobody's", Who::Ours, own("host")?, "");
    if let Some(last) = attacks.all.last_mut() {
        (last.host, last.expected) = (Some("nobody.invalid"), Expected::NotTwice);
        last.means = "harmless, unless routes or tenants are chosen by Host";
    }
    Ok(attacks.all)
}

struct Attacks<'f> {
    files: &'f Files,
    expected: Expected,
    all: Vec<Attack>,
}

impl<'f> Attacks<'f> {
    fn new(files: &'f Files, expected: Expected) -> Self {
        Self {
            files,
            expected,
            all: Vec::new(),
        }
    }

    /// Where there is who it takes.
    fn add(&mut self, name: &'static str, who: Who, delivery: Delivery, means: &'static str) {
        if can_be(self.files, who) {
            self.all.push(Attack {
                name,
                who,
                host: None,
                delivery,
                expected: self.expected,
                means,
            });
        }
    }
}

/// The fields that differ where only the body does.
fn signature_fields(one: &Delivery, other: &Delivery) -> Vec<String> {
    let differs = |field: &&http::HeaderName| one.headers.get(*field) != other.headers.get(*field);
    let names = one.headers.keys().filter(differs);
    names.map(|name| name.as_str().to_owned()).collect()
}

/// Whether the scheme signs a time: then two times make two signatures.
fn has_a_time(files: &Files, run: &str) -> Result<bool, Mistake> {
    let at = |age| files.signed(false, run, BODY.as_bytes(), age);
    Ok(at(0)?.headers != at(600)?.headers)
}

fn forged(delivery: Delivery, certificate: &[u8]) -> Delivery {
    let base64 = STANDARD.encode(certificate);
    let values = [format!(":{base64}:"), format!("Cert=\"{base64}\""), base64];
    FORGED
        .into_iter()
        .zip(values)
        .fold(delivery, |delivery, (field, value)| {
            match HeaderValue::from_str(&value) {
                Ok(value) => delivery.with(field, value),
                Err(_) => delivery,
            }
        })
}
