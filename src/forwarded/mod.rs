//! Forwarded client certificates: what a proxy that ends TLS says about the client behind it.
//!
//! Behind a load balancer the handshake is the load balancer's, and the client's certificate arrives in a header field, if at
//! all. Anybody can write a header field, and certificates are public. So a [`Forwarder`] believes one only
//!
//! * from a hop that proves itself ([`Hops`], [`Hop`]): by its own client certificate, by its signature, by the Unix socket that
//!   it comes through, or, where there is nothing else, by its address;
//! * in the one [`Format`] that is configured: what is in another is refused, and never "no certificate";
//! * after the certificate was verified *here*, by the same policy as in a handshake, whatever the proxy says.
//!
//! The [`Caller`] that comes out says that it was [forwarded](crate::gate::Provenance), so that a route can demand mutual TLS
//! end to end. `web::CallerLayer::behind` does all of it for each request, and removes the fields.
//!
//! | the request comes from | with | is |
//! |---|---|---|
//! | nobody in particular, or a hop that is not among [`Hops`] | no field | whoever its own handshake says |
//! | so | a field, however spelled | the same: the field is removed and counts for nothing, and an event tells of it |
//! | a trusted hop | no field, or one that says that there was no certificate | nobody; never the hop |
//! | so | the certificate of a client that the policy trusts and knows | that client, forwarded by the hop |
//! | so | a certificate that the policy does not trust | refused, as in a handshake |
//! | so | a field twice, an alias of one (`_` or `.` for `-`), or one that `Connection` names | refused |
//! | so | what is not in the configured format, or what the proxy has not verified | refused |
//!
//! ```
//! use countersign::forwarded::{Format, Forwarder, Hop, Hops};
//! use countersign::refusal::NotForwarded;
//! use http::{HeaderMap, HeaderName, HeaderValue};
//!
//! let forwarder = Forwarder::new(Hops::nobody().with_unix_socket(), Format::rfc_9440())?;
//! let mut headers = HeaderMap::new();
//! assert_eq!(forwarder.present(Some(&Hop::unix_socket()), &headers), Ok(None));
//!
//! let field = HeaderName::from_static("client-cert");
//! headers.insert(&field, HeaderValue::from_static(":AAAA:"));
//! let stranger = Hop::address([192, 0, 2, 1].into());
//! let refused = forwarder.present(Some(&stranger), &headers);
//! assert_eq!(refused, Err(NotForwarded::UntrustedHop { field }));
//! # Ok::<(), countersign::forwarded::InvalidForwarder>(())
//! ```
//!
//! The other way round, whoever builds a proxy with this crate writes the fields with [`Emit`], which `web::ForwardLayer` does
//! for each request.

mod emit;
mod encoding;
mod fields;
mod format;
mod formats;
mod hops;
mod signature;
mod structured;
mod xfcc;

use std::fmt;

use http::{HeaderMap, HeaderName};
use rustls_pki_types::{CertificateDer, UnixTime};

use crate::gate::{Caller, ForwardedBy, Policy};
use crate::refusal::Refusal;

pub use crate::refusal::{InvalidXfcc, NotForwarded, UnreadableField};
pub use emit::{Emit, TooLarge};
pub use encoding::CertificateEncoding;
pub use format::{Assurance, Format, UnverifiedFormat};
pub use hops::{Hop, Hops};

/// The largest fields that are read by default, all of them together: four times what a chain may have in DER, so that
/// base64 and percent-encoding have room.
const LIMIT: usize = 64 * 1024;

/// A reader of forwarded certificates: which hops are believed, and in which format.
#[derive(Debug, Clone)]
pub struct Forwarder {
    hops: Hops,
    format: Format,
    limit: usize,
}

impl Forwarder {
    /// Believes these hops, in this format.
    ///
    /// # Errors
    /// [`InvalidForwarder`] where two things are to stand in one field, or something in a field that has another meaning.
    pub fn new(hops: Hops, format: Format) -> Result<Self, InvalidForwarder> {
        let fields: Vec<_> = format.fields().collect();
        for (place, field) in fields.iter().enumerate() {
            let others = fields.iter().skip(place + 1);
            if others
                .into_iter()
                .any(|other| fields::passes_for(other.as_ref(), field.as_ref()))
            {
                let field = (*field).clone();
                return Err(InvalidForwarder::Twice { field });
            }
            if RESERVED.contains(&field.as_str()) {
                let field = (*field).clone();
                return Err(InvalidForwarder::Reserved { field });
            }
        }
        Ok(Self {
            hops,
            format,
            limit: LIMIT,
        })
    }

    /// Reads at most so many bytes of fields. By default 64 KiB; the HTTP server in front usually has a limit of its own.
    #[must_use]
    pub fn with_limit(mut self, bytes: usize) -> Self {
        self.limit = bytes;
        self
    }

    /// Whom it believes.
    pub fn hops(&self) -> &Hops {
        &self.hops
    }

    /// The format of its fields.
    pub fn format(&self) -> &Format {
        &self.format
    }

    /// The certificates that a trusted hop has handed on: nothing, where its client showed none.
    ///
    /// # Errors
    /// [`NotForwarded::UntrustedHop`] where such a field comes from anybody else, in any spelling: to be
    /// [removed](Self::strip), and to count for nothing. Any other: to be refused.
    pub fn present(&self, hop: Option<&Hop>, headers: &HeaderMap) -> Result<Option<Forwarded>, NotForwarded> {
        let Some(by) = hop.and_then(|hop| self.hops.admit(hop)) else {
            return match headers.keys().find(|name| self.is_ours(name.as_ref())) {
                Some(field) => Err(NotForwarded::UntrustedHop { field: field.clone() }),
                None => Ok(None),
            };
        };
        let certificates = self.format.read(headers, self.limit)?;
        Ok(certificates.map(|certificates| Forwarded { certificates, by }))
    }

    /// Whether there is any field of these, in any spelling.
    pub fn is_there(&self, headers: &HeaderMap) -> bool {
        headers.keys().any(|name| self.is_ours(name.as_ref()))
    }

    /// Removes the fields, in every spelling, and those beside them that say who the client is; and their names from `Connection`.
    ///
    /// # Security
    /// To be done to each request after it was read, also to those of trusted hops: whatever is behind may believe them.
    pub fn strip(&self, headers: &mut HeaderMap) {
        fields::take_out(headers, |name| self.is_ours(name));
    }

    fn is_ours(&self, name: &[u8]) -> bool {
        self.format
            .fields()
            .any(|field| fields::passes_for(name, field.as_ref()))
            || self
                .format
                .prefixes()
                .any(|prefix| fields::begins_with(name, prefix.as_bytes()))
    }
}

/// Certificates that a trusted hop has handed on, the client's first. A claim of the hop's: nothing of it is verified yet.
#[derive(Clone, PartialEq, Eq)]
pub struct Forwarded {
    certificates: Vec<CertificateDer<'static>>,
    by: ForwardedBy,
}

impl Forwarded {
    /// The certificates as they arrived, the client's first.
    pub fn certificates(&self) -> &[CertificateDer<'static>] {
        &self.certificates
    }

    /// The hop.
    pub fn by(&self) -> &ForwardedBy {
        &self.by
    }

    /// Do we trust it, whose is it? By the same policy as in a handshake. A chain that it has verified before, in a
    /// handshake or forwarded, costs a look-up.
    ///
    /// # Errors
    /// [`Refusal::Untrusted`] or [`Refusal::NoTenant`].
    pub fn identify(&self, policy: &Policy, now: UnixTime) -> Result<Caller, Refusal> {
        Caller::identify_forwarded(policy, &self.certificates, self.by.clone(), now)
    }
}

impl fmt::Debug for Forwarded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Forwarded")
            .field("certificates", &self.certificates.len())
            .field("by", &self.by)
            .finish()
    }
}

/// Fields that every request has, or that mean something else to everybody.
const RESERVED: &[&str] = &[
    "authorization",
    "connection",
    "content-length",
    "content-type",
    "cookie",
    "host",
    "signature",
    "signature-input",
    "transfer-encoding",
    "vary",
];

/// A format that no request could be read by.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidForwarder {
    /// Two things in one field, or in two that pass for one another.
    #[error(
        "{field} is named for two things, or passes for another field of the format; give each a field of its own"
    )]
    Twice {
        /// The field.
        field: HeaderName,
    },
    /// The field has another meaning.
    #[error("{field} has another meaning; name a field that means nothing else")]
    Reserved {
        /// The field.
        field: HeaderName,
    },
}
