use http::HeaderName;

use crate::codes::entries;
use crate::payload::NotAuthentic;
use crate::pem::InvalidPem;

/// The reason why a certificate that a request bears in its header fields does not count as its client's.
///
/// None of these is "no certificate": a proxy that is configured otherwise than we are must be found out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotForwarded {
    /// The field came from somebody who may not speak for others.
    #[error("{field} came from nobody who may speak for others")]
    UntrustedHop {
        /// The field, as it was spelled.
        field: HeaderName,
    },
    /// A field that must stand there once stands there twice: one is the client's.
    #[error("{field} stands there twice: the hop passes on what clients send")]
    Repeated {
        /// The field.
        field: HeaderName,
    },
    /// A field that others take for one of ours: with `_` or `.` for `-`.
    #[error("{field} passes for a field of ours with some readers: have the hop remove it")]
    Alias {
        /// The field, as it was spelled.
        field: HeaderName,
    },
    /// `Connection` names one of our fields, so that the next proxy would take it away (RFC 9110 §7.6.1).
    #[error("`Connection` names {field}, which the next proxy would then remove")]
    HopByHop {
        /// The field.
        field: HeaderName,
    },
    /// The fields are larger than they may be.
    #[error("the fields are larger than {limit} bytes")]
    TooLarge {
        /// The limit in force, for all of them together.
        limit: usize,
    },
    /// The field is not in the form that is configured.
    #[error("{field} cannot be read: {problem}")]
    Unreadable {
        /// The field.
        field: HeaderName,
        /// What is wrong with it.
        problem: UnreadableField,
    },
    /// There is a certificate, and nothing says whether the hop has verified it.
    #[error("there is a certificate and no {field}: have the hop send it")]
    NoStatus {
        /// The field that is to say so.
        field: HeaderName,
    },
    /// The hop has not verified the certificate.
    #[error("{field} says {status:?}: the hop has not verified the certificate")]
    NotVerified {
        /// The field that says so.
        field: HeaderName,
        /// What it says; its first 64 bytes.
        status: Box<str>,
    },
    /// The hop says that there is a certificate, and there is none: it was taken away, or was too large for the hop.
    #[error("{field} says that there is a certificate, and there is none: it was removed, or was too large")]
    CertificateLost {
        /// The field that says so.
        field: HeaderName,
    },
    /// There are issuers, and no certificate that they could have issued (RFC 9440 §2.3).
    #[error("there is {field}, and no certificate")]
    ChainAlone {
        /// The field with the issuers.
        field: HeaderName,
    },
    /// A hash beside the certificate is another's.
    #[error("{field} has the hash of another certificate")]
    OtherCertificate {
        /// The field with the hash.
        field: HeaderName,
    },
    /// The hop's own signature does not count.
    #[error("the hop's signature: {0}")]
    HopNotAuthentic(NotAuthentic),
    /// The hop's signature does not cover the field: it could be anybody's.
    #[error("the hop's signature does not cover {field}")]
    NotCovered {
        /// The field.
        field: HeaderName,
    },
    /// The hop's signature does not cover method and target, so it could be that of another request.
    #[error("the hop's signature does not cover method and target")]
    RequestNotCovered,
    /// The certificate was forwarded, and the route demands mutual TLS end to end.
    #[error("the certificate was forwarded, and the route demands mutual TLS end to end")]
    NotEndToEnd,
}

entries! {
    NotForwarded []
    Self::UntrustedHop { .. } => "forwarded.untrusted_hop", Theirs 403, "RFC 9440 §4",
        "Where it is your proxy, name it in `Hops`, by its certificate.",
        "Do not send the field: show the certificate in the handshake.";
    Self::Repeated { .. } => "forwarded.repeated", Ours 400, "RFC 9440 §2.2",
        "Have the proxy set the field, which replaces the client's: proxy_set_header in nginx, http-request \
         set-header in HAProxy.",
        "Do not send the field.";
    Self::Alias { .. } => "forwarded.alias", Ours 400, "RFC 9110 §5.1",
        "Have the proxy remove such fields: underscores_in_headers off in nginx.",
        "Do not send the field.";
    Self::HopByHop { .. } => "forwarded.hop_by_hop", Ours 400, "RFC 9110 §7.6.1",
        "Have the proxy set `Connection` itself.",
        "Do not name such fields in `Connection`.";
    Self::TooLarge { .. } => "forwarded.too_large", Theirs 431, "RFC 9440 §3.1",
        "Raise the limit of `Forwarder`, or have the proxy send the leaf alone.",
        "Use a smaller chain.";
    Self::Unreadable { .. } => "forwarded.unreadable", Ours 400, "the format that is configured",
        "Configure the `Format` of the proxy that is really there.",
        "Nothing: the receiver and its proxy do not agree.";
    Self::NoStatus { .. } => "forwarded.no_status", Ours 400, "the format that is configured",
        "Have the proxy send the status field that the message names, such as $ssl_client_verify of nginx.",
        "Nothing: the receiver's proxy is incomplete.";
    Self::NotVerified { .. } => "forwarded.not_verified", Theirs 403, "the format that is configured",
        "Give the proxy the authorities that you trust, too.",
        "Use a certificate of an authority that the receiver trusts.";
    Self::CertificateLost { .. } => "forwarded.certificate_lost", Ours 400, "the format that is configured",
        "Have the proxy send the certificate, and allow header fields that are large enough.",
        "Nothing, or a smaller certificate.";
    Self::ChainAlone { .. } => "forwarded.chain_alone", Ours 400, "RFC 9440 §2.3",
        "Have the proxy send Client-Cert beside Client-Cert-Chain.",
        "Nothing: the receiver's proxy is incomplete.";
    Self::OtherCertificate { .. } => "forwarded.other_certificate", Ours 400, "the format that is configured",
        "Have one proxy set both fields.",
        "Do not send such fields.";
    Self::HopNotAuthentic(_) => "forwarded.hop_not_authentic", Ours 403, "RFC 9421 §3.2",
        "Give both the same key, and set both clocks.",
        "Nothing: it is between the receiver and its proxy.";
    Self::NotCovered { .. } => "forwarded.not_covered", Ours 403, "RFC 9421 §7.2.1",
        "Have the proxy sign the field too.",
        "Nothing: it is between the receiver and its proxy.";
    Self::RequestNotCovered => "forwarded.request_not_covered", Ours 403, "RFC 9421 §7.2.1",
        "Have the proxy sign @method, @authority, @path and @query too.",
        "Nothing: it is between the receiver and its proxy.";
    Self::NotEndToEnd => "forwarded.not_end_to_end", Theirs 403, "ours: routes may demand mutual TLS end to end",
        "Let such deliveries past the proxy, with TLS passed through, or drop the demand.",
        "Use the address that leads to the receiver without the proxy.";
}

/// The mistake in a field that should hold certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnreadableField {
    /// It is empty, which no proxy of this kind writes.
    #[error("it is empty")]
    Empty,
    /// It is not printable ASCII.
    #[error("it is not printable ASCII")]
    NotAscii,
    /// Not a Byte Sequence, or a List of them (RFC 8941 §3.3.5): `:` and base64 and `:`.
    #[error("it is not a Byte Sequence of RFC 8941, or a List of them where one may be")]
    NotStructured,
    /// Base64 that is spelled otherwise than it must be: a certificate has one spelling.
    #[error("its base64 is not in the canonical form")]
    NotCanonical,
    /// Not base64 (RFC 4648 §4), or cut off.
    #[error("it is not base64, or was cut off")]
    Base64,
    /// Not PEM, or not only certificates.
    #[error("it is not PEM of certificates: {0}")]
    Pem(InvalidPem),
    /// `%` is not followed by two hexadecimal digits.
    #[error("it is not percent-encoded (RFC 3986 §2.1)")]
    Percent,
    /// The quotes around it are missing.
    #[error("the quotes around it are missing")]
    NotQuoted,
    /// Several certificates where one belongs.
    #[error("it holds several certificates")]
    Several,
    /// Not certificates in DER, one behind the other.
    #[error("it does not hold DER, element by element")]
    Der,
    /// The hash that it bears is that of another certificate.
    #[error("its hash is that of another certificate")]
    OtherHash,
    /// Not `x-forwarded-client-cert` as Envoy writes it.
    #[error("it is not x-forwarded-client-cert: {0}")]
    Xfcc(#[from] InvalidXfcc),
}

/// The mistake in an `x-forwarded-client-cert`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidXfcc {
    /// Not `key=value`, or not with `;` between.
    #[error("it is not pairs of key and value")]
    Pair,
    /// A quote that is not closed, that stands within a value, or has something behind it.
    #[error("a quote is not where it belongs")]
    Quote,
    /// A key that Envoy does not write.
    #[error("it has a key that Envoy does not write")]
    Key,
    /// A key stands there twice that may stand there once.
    #[error("it has a key twice")]
    KeyTwice,
    /// More elements than one: have Envoy set the field (`SANITIZE_SET`), not append to it.
    #[error("it has several elements; have the proxy set it (SANITIZE_SET), not append to it")]
    Several,
    /// More elements, or more pairs, than a chain of proxies writes.
    #[error("it has too many elements or pairs")]
    TooMany,
    /// Without the certificate itself nothing can be verified.
    #[error("it has no Cert and no Chain; have the proxy send `cert: true`")]
    NoCert,
    /// Cert and the first certificate of Chain are two.
    #[error("Cert and Chain are of two certificates")]
    CertNotInChain,
    /// A certificate of which a name has a `,`, `;` or `"`: Envoy writes names without escaping them, so such a one can
    /// pass for pairs and elements.
    #[error("a name of its certificate reads as if it were more than a name")]
    Name,
}
