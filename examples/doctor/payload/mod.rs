//! `doctor payload`: why a signature does not match, and the mistake that explains it.

mod provider;
mod sha1;

use std::path::{Path, PathBuf};

use countersign::explain::{self, PayloadInquiry, PayloadReport};
use countersign::payload::providers::presets::{self, Make, Preset};
use countersign::payload::{Message, Origin, Secret};
use countersign::tenant::TenantId;
use countersign::tls::Tls;
use http::Uri;
use rustls::pki_types::{SignatureVerificationAlgorithm, UnixTime};
use serde_json::{Value, json};

use crate::Mistake;
use crate::asked::{Answer, Asked, Stop, at, check, none_alone};
use crate::command_line::{once, unknown};
use crate::lines::read;
use crate::request::{self, Request};

#[derive(Default)]
pub(crate) struct Given {
    scheme: Option<String>,
    origin: Option<String>,
    headers: Option<PathBuf>,
    body: Option<PathBuf>,
    har: Option<PathBuf>,
    entry: Option<String>,
    keys: Vec<PathBuf>,
    variables: Vec<String>,
    known: Vec<PathBuf>,
    urls: Vec<String>,
    webhooks: Vec<String>,
    topic: Option<String>,
    at: Option<UnixTime>,
}

pub(crate) fn run(asked: &mut Asked) -> Result<Answer, Stop> {
    let given = asked.given(Given::set, none_alone)?;
    given.explain().map_err(Stop::Mistake)
}

impl Given {
    fn set(&mut self, option: &str, asked: &mut Asked) -> Result<(), Mistake> {
        match option {
            "scheme" => once(option, &mut self.scheme, asked.value()?)?,
            "origin" => once(option, &mut self.origin, asked.value()?)?,
            "headers" => once(option, &mut self.headers, asked.file()?)?,
            "body" => once(option, &mut self.body, asked.file()?)?,
            "har" => once(option, &mut self.har, asked.file()?)?,
            "entry" => once(option, &mut self.entry, asked.value()?)?,
            "key-file" => self.keys.push(asked.file()?),
            "key-env" => self.variables.push(asked.value()?),
            "also-known" => self.known.push(asked.file()?),
            "webhook" => self.webhooks.push(asked.value()?),
            "topic" => once(option, &mut self.topic, asked.value()?)?,
            "also-called" => self.urls.push(asked.value()?),
            "at" => once(option, &mut self.at, asked.time()?)?,
            _ => return Err(unknown(option)),
        }
        Ok(())
    }

    fn explain(&self) -> Result<Answer, Mistake> {
        let name = self
            .scheme
            .as_ref()
            .ok_or("--scheme NAME is missing: how it should be signed; doctor providers lists them")?;
        let preset = presets::find(name).ok_or_else(|| {
            format!("--scheme {name:?}: no scheme is named so; doctor providers lists them")
        })?;
        let request = self.request()?;
        let now = at(self.at.or(request.at));
        let message = Message::new(
            &request.method,
            &request.uri,
            &request.headers,
            &request.body,
            now,
        );
        let report = match preset.make {
            Make::Type { .. } => explain::provider(&self.provider(preset, &message)?, &message),
            _ => explain::payload(&self.inquiry(preset)?, &message),
        };
        Ok(answer(&report))
    }

    fn inquiry(&self, preset: &Preset) -> Result<PayloadInquiry, Mistake> {
        let mut inquiry = match preset.make {
            Make::Hmac(make) => PayloadInquiry::new(make()),
            Make::HmacOfUrl(make) => PayloadInquiry::new(make(&self.origin()?)),
            Make::Partial(make) => PayloadInquiry::partial(make()),
            Make::Token(make) => PayloadInquiry::token(make()),
            Make::PublicKey(make) => PayloadInquiry::public_key(make(), algorithms())
                .map_err(|unsupported| format!("--scheme {}: {unsupported}", preset.name))?,
            _ => return Err(format!("--scheme {}: it cannot be tried", preset.name)),
        };
        for (id, secret) in self.secrets()? {
            inquiry = inquiry.key(tenant()?, id, secret);
        }
        for file in &self.known {
            inquiry = inquiry.also_known(tenant()?, name_of(file), secret("--also-known", file)?);
        }
        for url in self.urls()? {
            inquiry = inquiry.also_called(url);
        }
        Ok(inquiry.through(algorithms()))
    }

    fn urls(&self) -> Result<Vec<Uri>, Mistake> {
        let read = |url: &String| {
            let parsed = url.parse::<Uri>();
            parsed.map_err(|invalid| format!("--also-called {url:?}: {invalid}"))
        };
        self.urls.iter().map(read).collect()
    }

    fn origin(&self) -> Result<Origin, Mistake> {
        let origin = self
            .origin
            .as_ref()
            .ok_or("--origin URL is missing: this scheme signs the URL, as the provider calls it")?;
        origin
            .parse()
            .map_err(|invalid| format!("--origin {origin:?}: {invalid}"))
    }

    /// The keys of the receiver, each by the name of its file or variable.
    fn secrets(&self) -> Result<Vec<(String, Secret)>, Mistake> {
        let mut secrets = Vec::new();
        for file in &self.keys {
            secrets.push((name_of(file), secret("--key-file", file)?));
        }
        for variable in &self.variables {
            let secret = Secret::from_env(variable).map_err(|none| format!("--key-env: {none}"))?;
            secrets.push((format!("key {}", secrets.len() + 1), secret));
        }
        if secrets.is_empty() {
            return Err(
                "--key-file FILE is missing: the secret that the receiver has; or --key-env NAME".into(),
            );
        }
        Ok(secrets)
    }

    /// Two providers sign inside of the body: then nothing else is needed.
    fn is_all_in_the_body(&self) -> bool {
        let scheme = self.scheme.as_deref();
        self.body.is_some() && matches!(scheme, Some("adyen" | "aws_sns"))
    }

    fn request(&self) -> Result<Request, Mistake> {
        let mut request = match (&self.headers, &self.har) {
            (Some(file), None) => request::of_text("--headers", file)?,
            (None, Some(file)) => request::of_har("--har", file, self.entry.as_deref())?,
            (Some(_), Some(_)) => return Err("--headers and --har are two messages; give one".into()),
            (None, None) if self.is_all_in_the_body() => Request::new(),
            (None, None) => {
                return Err("--headers FILE is missing: the header fields as they arrived; or --har".into());
            }
        };
        if let Some(file) = &self.body {
            request.body = request::bytes("--body", file)?;
        }
        Ok(request)
    }
}

pub(crate) fn tenant() -> Result<TenantId, Mistake> {
    TenantId::parse("sender").map_err(|invalid| invalid.to_string())
}

/// The secret in a file, without the end of its last line: an editor writes one.
pub(crate) fn secret(option: &str, file: &Path) -> Result<Secret, Mistake> {
    let text = read(option, file)?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Ok(Secret::new(line.strip_suffix('\r').unwrap_or(line)))
}

pub(crate) fn name_of(file: &Path) -> String {
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned());
    name.unwrap_or_default()
}

pub(crate) fn algorithms() -> &'static [&'static dyn SignatureVerificationAlgorithm] {
    Tls::new(rustls::crypto::aws_lc_rs::default_provider().into()).algorithms()
}

fn answer(report: &PayloadReport) -> Answer {
    let diagnosis = |found: &explain::Diagnosis| {
        let entry = found.mistake.entry();
        json!({
            "mistake": entry.name,
            "certainty": found.certainty.as_str(),
            "what": entry.what,
            "detail": found.detail,
            "receiver": entry.receiver,
            "sender": entry.sender,
            "rule": entry.rule,
        })
    };
    let signed = report.signed.as_ref();
    Answer {
        fine: report.verdict.is_ok(),
        text: report.to_string(),
        value: json!({
            "verified": report.verdict.is_ok(),
            "code": report.verdict.as_ref().err().map(|why| why.code()),
            "checks": report.findings.iter().map(check).collect::<Vec<Value>>(),
            "signed": signed.map(|(start, bytes)| json!({"start": start, "bytes": bytes})),
            "diagnoses": report.diagnoses.iter().map(diagnosis).collect::<Vec<_>>(),
            "attempts": report.attempts,
            "exhaustive": report.is_exhaustive,
        }),
    }
}
