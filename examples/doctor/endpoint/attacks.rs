//! What is tried, in its order: never more than this table.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::payload::Keyring;
use http::{HeaderName, HeaderValue};
use rustls::pki_types::UnixTime;

use super::can_be;
use super::files::Files;
use crate::Mistake;
use crate::asked::at;
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

impl Attack {
    /// One that should be refused.
    fn new(name: &'static str, who: Who, delivery: Delivery, means: &'static str) -> Self {
        Self {
            name,
            who,
            host: None,
            delivery,
            expected: Expected::Refused,
            means,
        }
    }

    fn expecting(mut self, expected: Expected) -> Self {
        self.expected = expected;
        self
    }
}

const BODY: &str = r#"{"type": "doctor.test", "amount": 100}"#;
const FORGED: [&str; 3] = ["client-cert", "x-forwarded-client-cert", "x-ssl-client-cert"];
/// In seconds: longer than any tolerance that a provider documents.
const TEN_MINUTES: i64 = 600;

/// Every attack for which there is what it takes.
pub(crate) fn all(files: &Files) -> Result<Vec<Attack>, Mistake> {
    let run = Run { files, now: at(None) };
    let groups = [
        run.of_nothing_wrong()?,
        run.of_the_body()?,
        run.of_the_signature()?,
        run.of_the_time()?,
        run.of_the_size()?,
        run.of_others()?,
        run.of_nobody()?,
        run.of_the_host()?,
    ];
    let all = groups.into_iter().flatten();
    Ok(all.filter(|attack| can_be(files, attack.who)).collect())
}

/// One run: its deliveries have names of their own, and are signed as of one present.
struct Run<'f> {
    files: &'f Files,
    now: UnixTime,
}

impl Run<'_> {
    /// Signed by us so many seconds ago.
    fn signed(&self, id: &str, body: &str, age: i64) -> Result<Delivery, Mistake> {
        self.signed_by(&self.files.own, id, body, age)
    }

    fn signed_by(&self, key: &Keyring, id: &str, body: &str, age: i64) -> Result<Delivery, Mistake> {
        let now = self.now.as_secs();
        let then = UnixTime::since_unix_epoch(Duration::from_secs(now.saturating_add_signed(-age)));
        let id = format!("doctor-{now}-{id}");
        self.files.signed(key, &id, body.as_bytes(), then)
    }

    fn good(&self, id: &str) -> Result<Delivery, Mistake> {
        self.signed(id, BODY, 0)
    }

    fn of_nothing_wrong(&self) -> Result<Vec<Attack>, Mistake> {
        let good = self.good("good")?;
        let again = "where it is handled twice, so is every replay: claim the id before handling";
        Ok(vec![
            Attack::new("a good delivery", Who::Ours, good.clone(), "").expecting(Expected::Accepted),
            Attack::new("the same again", Who::Ours, good, again).expecting(Expected::NotTwice),
        ])
    }

    fn of_the_body(&self) -> Result<Vec<Attack>, Mistake> {
        Ok(vec![
            Attack::new(
                "one word of the body changed",
                Who::Ours,
                self.good("changed")?.with_body(BODY.replace("100", "900")),
                "the body is not what is verified",
            ),
            Attack::new(
                "white space after the body",
                Who::Ours,
                self.good("space")?.with_body(format!("{BODY}\n")),
                "the body is parsed before it is verified, and written anew: verify the bytes as they arrived",
            ),
        ])
    }

    fn of_the_signature(&self) -> Result<Vec<Attack>, Mistake> {
        let fields = self.signature_fields()?;
        let mut empty = self.good("empty")?;
        for field in &fields {
            empty.headers.insert(field, HeaderValue::from_static(""));
        }
        let fields = fields.iter().map(HeaderName::as_str);
        Ok(vec![
            Attack::new(
                "no signature",
                Who::Ours,
                fields.clone().fold(self.good("unsigned")?, Delivery::without),
                "a missing signature is taken for none needed",
            ),
            Attack::new(
                "an empty signature",
                Who::Ours,
                empty,
                "an empty signature is taken for a right one",
            ),
            Attack::new(
                "the signature's field twice",
                Who::Ours,
                fields.fold(self.good("twice")?, Delivery::twice),
                "who reads the first and who reads the last see two messages: refuse what stands twice",
            ),
        ])
    }

    /// The fields that differ where only the body does.
    fn signature_fields(&self) -> Result<Vec<HeaderName>, Mistake> {
        let one = self.good("field")?.headers;
        let other = self.signed("field", "{\"other\": true}", 0)?.headers;
        let differs = |field: &&HeaderName| one.get(*field) != other.get(*field);
        Ok(one.keys().filter(differs).cloned().collect())
    }

    /// Only where the scheme signs a time: then two times make two signatures.
    fn of_the_time(&self) -> Result<Vec<Attack>, Mistake> {
        if self.good("time")?.headers == self.signed("time", BODY, TEN_MINUTES)?.headers {
            return Ok(Vec::new());
        }
        Ok(vec![
            Attack::new(
                "signed ten minutes ago",
                Who::Ours,
                self.signed("stale", BODY, TEN_MINUTES)?,
                "the time is not looked at: whoever once saw a delivery can send it for ever",
            ),
            Attack::new(
                "signed ten minutes ahead",
                Who::Ours,
                self.signed("ahead", BODY, -TEN_MINUTES)?,
                "the time is not looked at in this direction: what is kept of replays will be gone before it is old",
            ),
        ])
    }

    fn of_the_size(&self) -> Result<Vec<Attack>, Mistake> {
        // JSON that stays as it is where somebody writes it anew.
        let pad = "x".repeat(self.files.limit);
        let large = format!(r#"{{"type": "doctor.test", "pad": "{pad}"}}"#);
        Ok(vec![Attack::new(
            "a body over the limit",
            Who::Ours,
            self.signed("large", &large, 0)?,
            "nothing bounds a body: memory is the sender's to fill",
        )])
    }

    fn of_others(&self) -> Result<Vec<Attack>, Mistake> {
        let means = "connection and payload may name two tenants: a confused deputy";
        let mut attacks = Vec::new();
        if let Some(key) = &self.files.other {
            let theirs = self.signed_by(key, "other", BODY, 0)?;
            attacks.push(Attack::new(
                "another tenant's signature",
                Who::Ours,
                theirs,
                means,
            ));
        }
        attacks.push(Attack::new(
            "another tenant's certificate",
            Who::Other,
            self.good("deputy")?,
            means,
        ));
        attacks.push(Attack::new(
            "an expired certificate",
            Who::Expired,
            self.good("expired")?,
            "the certificate is not verified",
        ));
        Ok(attacks)
    }

    fn of_nobody(&self) -> Result<Vec<Attack>, Mistake> {
        let mut attacks = vec![Attack::new(
            "no certificate",
            Who::Nobody,
            self.good("nobody")?,
            "the certificate is asked for, and not demanded",
        )];
        if let Some(certificate) = self.files.certificate() {
            attacks.push(Attack::new(
                "no certificate, and ours in header fields",
                Who::Nobody,
                forged(self.good("forged")?, certificate),
                "header fields are believed from anybody: whoever has seen a certificate is its owner",
            ));
        }
        Ok(attacks)
    }

    fn of_the_host(&self) -> Result<Vec<Attack>, Mistake> {
        let means = "harmless, unless routes or tenants are chosen by Host";
        let attack = Attack::new("a host of nobody's", Who::Ours, self.good("host")?, means);
        Ok(vec![Attack {
            host: Some("nobody.invalid"),
            ..attack.expecting(Expected::NotTwice)
        }])
    }
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
