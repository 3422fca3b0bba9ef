//! What is tried, in its order: never more than this table.

mod others;

use std::time::Duration;

use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderName, HeaderValue};
use rustls::pki_types::UnixTime;

use super::can_be;
use super::cut::Where;
use super::files::Files;
use super::sample::{Sample, compressed};
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
    Once,
    /// Either is right; what it means is said.
    Either,
}

/// What is sent first, and how it ends.
pub(crate) enum First {
    Sent(Delivery),
    Cut(Delivery, Where),
}

pub(crate) struct Attack {
    pub(crate) name: &'static str,
    pub(crate) who: Who,
    pub(crate) host: Option<&'static str>,
    pub(crate) first: Option<First>,
    pub(crate) delivery: Delivery,
    pub(crate) expected: Expected,
    /// What it means where it is answered otherwise, or where only the endpoint's log can tell.
    pub(crate) means: String,
}

impl Attack {
    /// One that should be refused.
    fn new(name: &'static str, delivery: Delivery, means: &str) -> Self {
        Self {
            name,
            who: Who::Ours,
            host: None,
            first: None,
            delivery,
            expected: Expected::Refused,
            means: means.to_owned(),
        }
    }

    fn by(self, who: Who) -> Self {
        Self { who, ..self }
    }

    fn under(self, host: &'static str) -> Self {
        Self {
            host: Some(host),
            ..self
        }
    }

    fn after(self, first: First) -> Self {
        Self {
            first: Some(first),
            ..self
        }
    }

    fn expecting(self, expected: Expected) -> Self {
        Self { expected, ..self }
    }

    /// How many deliveries it is.
    pub(crate) fn deliveries(&self) -> usize {
        1 + usize::from(self.first.is_some())
    }
}

/// In seconds: longer than any tolerance that a provider documents.
const TEN_MINUTES: i64 = 600;

/// Every attack for which there is what it takes.
pub(crate) fn all(files: &Files) -> Result<Vec<Attack>, Mistake> {
    let now = at(None);
    let is_signed = |body: &[u8]| {
        files
            .signers
            .signed(&files.signers.own, "doctor", body, now)
            .is_ok()
    };
    let sample = Sample::choose(files.body.as_deref(), is_signed);
    let run = Run { files, now, sample };
    let groups = [
        run.of_nothing_wrong()?,
        run.of_retries()?,
        run.of_the_body()?,
        run.of_the_signature()?,
        run.of_the_time()?,
        run.of_the_size()?,
        run.of_compression()?,
        run.of_the_url()?,
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
    sample: Sample,
}

impl Run<'_> {
    fn id(&self, name: &str) -> String {
        format!("doctor-{}-{name}", self.now.as_secs())
    }

    /// Signed by us so many seconds ago.
    fn signed(&self, id: &str, body: &[u8], age: i64) -> Result<Delivery, Mistake> {
        let signers = &self.files.signers;
        let then = self.now.as_secs().saturating_add_signed(-age);
        let then = UnixTime::since_unix_epoch(Duration::from_secs(then));
        let headers = signers.signed(&signers.own, &self.id(id), body, then)?;
        Ok(self.delivery(headers, body))
    }

    fn delivery(&self, mut headers: http::HeaderMap, body: &[u8]) -> Delivery {
        let kind = HeaderValue::from_static(self.sample.content_type);
        headers.entry(CONTENT_TYPE).or_insert(kind);
        Delivery {
            headers,
            body: body.to_vec().into(),
        }
    }

    fn good(&self, id: &str) -> Result<Delivery, Mistake> {
        self.signed(id, &self.sample.body, 0)
    }

    /// Schemes that sign fields of the body sign none that is so large: then it has the signature of another.
    fn signed_large(&self, id: &str, body: &[u8]) -> Result<Delivery, Mistake> {
        let signed = self.signed(id, body, 0);
        signed.or_else(|_| Ok(self.good(id)?.with_body(body.to_vec())))
    }

    fn of_nothing_wrong(&self) -> Result<Vec<Attack>, Mistake> {
        let good = self.good("good")?;
        let again = format!(
            "right where it was answered and not handled: look for {} in its log; where it was handled twice, so is every replay: claim the id before handling",
            self.id("good")
        );
        Ok(vec![
            Attack::new("a good delivery", good.clone(), "").expecting(Expected::Accepted),
            Attack::new("the same again", good, &again).expecting(Expected::Once),
        ])
    }

    /// Nobody outside can make the endpoint's own work fail; what can fail from here does.
    fn of_retries(&self) -> Result<Vec<Attack>, Mistake> {
        let (half, lost, real) = (self.good("half")?, self.good("lost")?, self.good("real")?);
        let forgery = real.clone().with_body(self.sample.changed());
        let retry = |name, first, delivery, means| {
            Attack::new(name, delivery, means)
                .after(first)
                .expecting(Expected::Accepted)
        };
        Ok(vec![
            retry(
                "a retry after its connection broke",
                First::Cut(half.clone(), Where::InTheBody),
                half,
                "what arrived in part is taken for handled: a sender whose connection breaks loses its delivery",
            ),
            retry(
                "a retry after its answer was lost",
                First::Cut(lost.clone(), Where::BeforeTheAnswer),
                lost,
                "a sender that missed the answer is refused for ever, and takes the endpoint out of service: answer what was handled before with 2xx, and forget what was not",
            ),
            retry(
                "a delivery after a forgery of its id",
                First::Sent(forgery),
                real,
                "the forgery has taken its id: whoever guesses one keeps the real delivery out; remember an id once its signature is right",
            ),
        ])
    }

    fn of_the_body(&self) -> Result<Vec<Attack>, Mistake> {
        let space = [&self.sample.body, b"\n".as_slice()].concat();
        Ok(vec![
            Attack::new(
                "one bit of the body changed",
                self.good("changed")?.with_body(self.sample.changed()),
                "the body is not what is verified",
            ),
            Attack::new(
                "white space after the body",
                self.good("space")?.with_body(space),
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
                fields.clone().fold(self.good("unsigned")?, Delivery::without),
                "a missing signature is taken for none needed",
            ),
            Attack::new(
                "an empty signature",
                empty,
                "an empty signature is taken for a right one",
            ),
            Attack::new(
                "the signature's field twice",
                fields.fold(self.good("twice")?, Delivery::twice),
                "who reads the first and who reads the last see two messages: refuse what stands twice",
            ),
        ])
    }

    /// The fields that differ where only the body does.
    fn signature_fields(&self) -> Result<Vec<HeaderName>, Mistake> {
        let one = self.good("field")?.headers;
        let other = self.signed("field", self.sample.other(), 0)?.headers;
        let differs = |field: &&HeaderName| one.get(*field) != other.get(*field);
        Ok(one.keys().filter(differs).cloned().collect())
    }

    /// Only where the scheme signs a time, and compares it.
    fn of_the_time(&self) -> Result<Vec<Attack>, Mistake> {
        if !self.files.signers.is_timed {
            return Ok(Vec::new());
        }
        let body = &self.sample.body;
        Ok(vec![
            Attack::new(
                "signed ten minutes ago",
                self.signed("stale", body, TEN_MINUTES)?,
                "the time is not looked at: whoever once saw a delivery can send it for ever",
            ),
            Attack::new(
                "signed ten minutes ahead",
                self.signed("ahead", body, -TEN_MINUTES)?,
                "the time is not looked at in this direction: what is kept of replays will be gone before it is old",
            ),
        ])
    }

    fn of_the_size(&self) -> Result<Vec<Attack>, Mistake> {
        let large = self.sample.larger_than(self.files.limit);
        Ok(vec![Attack::new(
            "a body over the limit",
            self.signed_large("large", &large)?,
            "nothing bounds a body: memory is the sender's to fill",
        )])
    }

    fn of_compression(&self) -> Result<Vec<Attack>, Mistake> {
        let body = &self.sample.body;
        let gzip = HeaderValue::from_static("gzip");
        let packed = |delivery: Delivery, body: &[u8]| {
            delivery
                .with_body(compressed(body))
                .with(CONTENT_ENCODING.as_str(), gzip.clone())
        };
        let large = self.sample.larger_than(self.files.limit);
        let mut attacks = vec![
            Attack::new(
                "a compressed body, signed before",
                packed(self.good("unpacked")?, body),
                "it is unpacked before it is verified, so anybody can have it unpacked: right where the provider signs before it compresses, if what comes out is bounded",
            )
            .expecting(Expected::Either),
            Attack::new(
                "one that unpacks to over the limit",
                packed(self.signed_large("bomb", &large)?, &large),
                "what is unpacked is not bounded: memory is the sender's to fill, at little cost",
            ),
        ];
        // Schemes that sign fields of the body cannot sign this one.
        let signed = self.signed("packed", &compressed(body), 0);
        if let Some(signed) = signed.ok().filter(|_| !self.files.signers.of_forms) {
            let signed = signed.with(CONTENT_ENCODING.as_str(), gzip.clone());
            let means = "right where the handler gets the bytes that were signed, and what unpacks them there is bounded";
            attacks.insert(
                0,
                Attack::new("a compressed body, signed as sent", signed, means).expecting(Expected::Either),
            );
        }
        Ok(attacks)
    }
}
