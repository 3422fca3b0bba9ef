//! Messages, signed as a sender signs them, and what a receiver has entered.

use std::time::Duration;

use aws_lc_rs::hmac;
use countersign::UnixTime;
use countersign::explain::PayloadInquiry;
use countersign::payload::{HmacSigner, Keyring, Message, Outgoing, Scheme, Secret, SignPayload as _};
use countersign::tenant::TenantId;
use countersign::testing::NOW;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};

pub(crate) const SECRET: &str = "kRz3vUQeXc9YtJp0aWm2bHsNf7gLqD1o";
pub(crate) const OTHER: &str = "8TxE4iVyC6A5hPzMnB2wKj9sQfGrUd0L";
pub(crate) const BASE64: &str = "C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
pub(crate) const HEX: &str = "9f86d081884c7d659a2feaa0c55ad015";

/// What stands in no report. Four digits of hexadecimal would, by chance.
pub(crate) const SECRETS: [&str; 3] = [SECRET, OTHER, BASE64];

/// When everything is signed here.
pub(crate) const SIGNED_AT: u64 = NOW.as_secs();

pub(crate) fn acme() -> TenantId {
    TenantId::parse("acme").expect("a tenant")
}

pub(crate) fn globex() -> TenantId {
    TenantId::parse("globex").expect("a tenant")
}

pub(crate) fn secret(text: &str) -> Secret {
    Secret::new(text)
}

pub(crate) fn github_scheme() -> Scheme {
    Scheme::github()
}

pub(crate) fn stripe_scheme() -> Scheme {
    Scheme::stripe()
}

pub(crate) fn of(scheme: Scheme, text: &str) -> PayloadInquiry {
    PayloadInquiry::new(scheme).key(acme(), "2026", secret(text))
}

pub(crate) fn github(text: &str) -> PayloadInquiry {
    of(github_scheme(), text)
}

pub(crate) fn stripe(text: &str) -> PayloadInquiry {
    of(stripe_scheme(), text)
}

/// A message as it arrives.
#[derive(Clone)]
pub(crate) struct Mail {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Vec<u8>,
    now: UnixTime,
    sender: Option<TenantId>,
}

impl Mail {
    pub(crate) fn unsigned(body: &[u8]) -> Self {
        Self {
            method: Method::POST,
            uri: Uri::from_static("/hooks"),
            headers: HeaderMap::new(),
            body: body.to_vec(),
            now: NOW,
            sender: None,
        }
    }

    /// Signed by this scheme with that secret.
    pub(crate) fn signed(scheme: &Scheme, text: &str, body: &[u8]) -> Self {
        Self::signed_to(scheme, text, body, "/hooks")
    }

    /// The same, for a scheme that signs where it goes to.
    pub(crate) fn signed_to(scheme: &Scheme, text: &str, body: &[u8], target: &str) -> Self {
        let mut mail = Self::unsigned(body);
        mail.uri = target.parse().expect("a target");
        let keys = Keyring::builder(scheme)
            .allow_weak_secrets()
            .key(acme(), "2026", secret(text))
            .build()
            .expect("a key");
        let tenant = acme();
        let outgoing = Outgoing::new(&tenant, "delivery-1", body, NOW).with_request(&mail.method, &mail.uri);
        mail.headers = HmacSigner::new(scheme.clone(), keys)
            .sign_payload(&outgoing)
            .expect("a signature");
        mail
    }

    /// As GitHub signs, with these bytes as the key.
    pub(crate) fn signed_with(key: &[u8], body: &[u8]) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, key);
        let mac = hmac::sign(&key, body);
        let hex: String = mac.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        Self::unsigned(body).with_field("x-hub-signature-256", &format!("sha256={hex}"))
    }

    pub(crate) fn with_headers(mut self, headers: HeaderMap) -> Self {
        self.headers.extend(headers);
        self
    }

    pub(crate) fn message(&self) -> Message<'_> {
        let message = Message::new(&self.method, &self.uri, &self.headers, &self.body, self.now);
        match &self.sender {
            Some(sender) => message.from_sender(sender),
            None => message,
        }
    }

    pub(crate) fn with_body(mut self, body: &[u8]) -> Self {
        self.body = body.to_vec();
        self
    }

    pub(crate) fn with_field(mut self, name: &str, value: &str) -> Self {
        let value = HeaderValue::from_str(value).expect("a value");
        self.headers.insert(named(name), value);
        self
    }

    pub(crate) fn with_another_field(mut self, name: &str, value: &str) -> Self {
        let value = HeaderValue::from_str(value).expect("a value");
        self.headers.append(named(name), value);
        self
    }

    pub(crate) fn without_field(mut self, name: &str) -> Self {
        self.headers.remove(name).expect("the field");
        self
    }

    /// Its header fields, a line each.
    pub(crate) fn lines(&self) -> String {
        let line = |name: &HeaderName| format!("{name}: {}\n", self.field(name.as_str()));
        self.headers.keys().map(line).collect()
    }

    pub(crate) fn body(&self) -> &str {
        str::from_utf8(&self.body).expect("UTF-8")
    }

    pub(crate) fn field(&self, name: &str) -> String {
        self.headers[name].to_str().expect("ASCII").to_owned()
    }

    pub(crate) fn to(mut self, target: &str) -> Self {
        self.uri = target.parse().expect("a target");
        self
    }

    pub(crate) fn by(mut self, method: Method) -> Self {
        self.method = method;
        self
    }

    pub(crate) fn arriving_after(mut self, seconds: u64) -> Self {
        self.now = UnixTime::since_unix_epoch(Duration::from_secs(SIGNED_AT + seconds));
        self
    }

    pub(crate) fn arriving_before(mut self, seconds: u64) -> Self {
        self.now = UnixTime::since_unix_epoch(Duration::from_secs(SIGNED_AT - seconds));
        self
    }

    pub(crate) fn from(mut self, sender: TenantId) -> Self {
        self.sender = Some(sender);
        self
    }
}

fn named(name: &str) -> HeaderName {
    HeaderName::try_from(name).expect("a name")
}
