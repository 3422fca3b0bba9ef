use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue};
use rustls_pki_types::CertificateDer;
use sha2::{Digest as _, Sha256};

use super::fields::{passes_for, take_out};
use super::formats::{CLIENT_CERT, CLIENT_CERT_CHAIN, XFCC};
use super::structured;
use crate::gate::Caller;

/// The largest that one field is written by default. Servers take 8 KiB of one field or more.
const LIMIT: usize = 16 * 1024;

/// A writer of forwarded certificates, for a proxy: what it tells the service behind it about its client.
///
/// Only of a [`Caller`], so nothing is forwarded that was not verified. The fields are removed from what a client sends, in
/// every spelling, before they are set.
///
/// ```
/// use countersign::forwarded::Emit;
/// use http::HeaderMap;
///
/// let mut headers = HeaderMap::new();
/// headers.insert("client-cert", ":AAAA:".parse()?);
/// headers.insert("client_cert", ":AAAA:".parse()?);
/// Emit::rfc_9440().strip(&mut headers);
/// assert!(headers.is_empty(), "what a client writes there itself, however it is spelled");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Emit {
    form: Form,
    limit: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Rfc9440,
    Rfc9440WithChain,
    Xfcc,
}

/// A certificate that is too large to be forwarded (RFC 9440 §3.1): 431.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the certificate would take more than {limit} bytes in {field}")]
#[expect(clippy::exhaustive_structs, reason = "there is nothing more to say")]
pub struct TooLarge {
    /// The field that it would have been forwarded in.
    pub field: HeaderName,
    /// The limit in force.
    pub limit: usize,
}

impl Emit {
    /// `Client-Cert` (RFC 9440).
    pub fn rfc_9440() -> Self {
        Self::of(Form::Rfc9440)
    }

    /// `Client-Cert` and `Client-Cert-Chain` (RFC 9440): with what the client sent after its certificate.
    pub fn rfc_9440_with_chain() -> Self {
        Self::of(Form::Rfc9440WithChain)
    }

    /// `x-forwarded-client-cert`, one element, as Envoy writes it under `SANITIZE_SET` with `cert` and `chain`. Names are left
    /// out: they cannot be written without being misread.
    pub fn xfcc() -> Self {
        Self::of(Form::Xfcc)
    }

    fn of(form: Form) -> Self {
        Self { form, limit: LIMIT }
    }

    /// Writes no field of more than so many bytes. By default 16 KiB.
    #[must_use]
    pub fn with_limit(mut self, bytes: usize) -> Self {
        self.limit = bytes;
        self
    }

    /// The fields that it sets.
    pub fn fields(&self) -> impl Iterator<Item = HeaderName> {
        let (first, second) = match self.form {
            Form::Rfc9440 | Form::Rfc9440WithChain => (CLIENT_CERT, Some(CLIENT_CERT_CHAIN)),
            Form::Xfcc => (XFCC, None),
        };
        std::iter::once(first).chain(second)
    }

    /// Removes the fields, in every spelling. To be done to each request, also where there is no caller (RFC 9440 §2.1).
    pub fn strip(&self, headers: &mut HeaderMap) {
        take_out(headers, |name| {
            let mut fields = self.fields();
            fields.any(|field| passes_for(name, field.as_ref()))
        });
    }

    /// Sets the fields to what is known of this caller, in the place of whatever stood there.
    ///
    /// # Errors
    /// [`TooLarge`]; then the fields are removed.
    pub fn set(&self, caller: &Caller, headers: &mut HeaderMap) -> Result<(), TooLarge> {
        self.strip(headers);
        let chain = caller.peer().chain();
        let leaf = chain.leaf().der();
        let mut fields = Vec::with_capacity(2);
        match self.form {
            Form::Rfc9440 => fields.push((CLIENT_CERT, structured::written(leaf))),
            Form::Rfc9440WithChain => {
                fields.push((CLIENT_CERT, structured::written(leaf)));
                let above: Vec<_> = chain
                    .others()
                    .iter()
                    .map(|der| structured::written(der))
                    .collect();
                if !above.is_empty() {
                    fields.push((CLIENT_CERT_CHAIN, above.join(", ")));
                }
            }
            Form::Xfcc => fields.push((XFCC, xfcc(leaf, chain.certificates()))),
        }
        let limit = self.limit;
        let mut values = Vec::with_capacity(fields.len());
        for (field, text) in fields {
            let value = HeaderValue::try_from(&text).ok();
            let value = value.filter(|value| value.len() <= limit);
            values.push((field.clone(), value.ok_or(TooLarge { field, limit })?));
        }
        headers.extend(values);
        Ok(())
    }
}

fn xfcc<'a>(leaf: &CertificateDer<'_>, chain: impl Iterator<Item = &'a CertificateDer<'static>>) -> String {
    let hash: String = Sha256::digest(leaf)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let whole: String = chain.map(|der| escaped_pem(der)).collect();
    format!("Hash={hash};Cert=\"{}\";Chain=\"{whole}\"", escaped_pem(leaf))
}

/// PEM with the five characters escaped that Envoy escapes.
fn escaped_pem(der: &[u8]) -> String {
    const LINE: usize = 64;
    let base64 = STANDARD.encode(der);
    let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
    for line in base64.as_bytes().chunks(LINE) {
        pem.push_str(&String::from_utf8_lossy(line));
        pem.push('\n');
    }
    pem.push_str("-----END CERTIFICATE-----\n");
    let mut escaped = String::with_capacity(pem.len() + pem.len() / 8);
    for character in pem.chars() {
        match character {
            '\n' => escaped.push_str("%0A"),
            ' ' => escaped.push_str("%20"),
            '+' => escaped.push_str("%2B"),
            '/' => escaped.push_str("%2F"),
            '=' => escaped.push_str("%3D"),
            other => escaped.push(other),
        }
    }
    escaped
}
