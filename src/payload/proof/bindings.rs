use crate::identity::CertHash;

/// The bindings of a signature: body, request, certificate. Recorded in [`Authentic`](super::Authentic), and kept in
/// [`Fresh`](super::Fresh) and so in [`Countersigned`](crate::gate::Countersigned).
///
/// Filled in by verifiers of tokens and of HTTP message signatures, where it differs from message to message. The
/// schemes of webhook providers leave it empty: what they cover is a matter of the scheme.
///
/// A verifier of one's own says with it what it has checked:
///
/// ```
/// use countersign::identity::CertHash;
/// use countersign::payload::Bindings;
///
/// let certificate = CertHash::of(b"the certificate that the connection was made with");
/// let checked = Bindings::default().with_body().with_certificate(certificate);
/// assert_eq!((checked.body, checked.request), (true, false));
/// assert_eq!(checked.certificate, Some(certificate));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Bindings {
    /// The body's bytes.
    pub body: bool,
    /// The request's method and target.
    pub request: bool,
    /// The client certificate of this very connection (RFC 8705).
    pub certificate: Option<CertHash>,
}

impl Bindings {
    /// The body's bytes.
    #[must_use]
    pub fn with_body(mut self) -> Self {
        self.body = true;
        self
    }

    /// The request's method and target.
    #[must_use]
    pub fn with_request(mut self) -> Self {
        self.request = true;
        self
    }

    /// Also bound to this certificate, which is the connection's.
    #[must_use]
    pub fn with_certificate(mut self, certificate: CertHash) -> Self {
        self.certificate = Some(certificate);
        self
    }
}

/// The client certificate of a connection, as far as a token may be bound to it. Hashed only when one is.
///
/// ```
/// use countersign::identity::CertHash;
/// use countersign::payload::ClientCertificate;
///
/// let der = b"the certificate that the connection was made with";
/// assert_eq!(ClientCertificate::of_der(der).hash(), CertHash::of(der));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientCertificate<'a>(Known<'a>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known<'a> {
    Der(&'a [u8]),
    Hash(CertHash),
}

impl<'a> ClientCertificate<'a> {
    /// The leaf certificate, DER, as the peer presented it.
    pub fn of_der(der: &'a [u8]) -> Self {
        Self(Known::Der(der))
    }

    /// A certificate of which only the hash is known.
    pub fn of_hash(hash: CertHash) -> Self {
        Self(Known::Hash(hash))
    }

    /// Its `x5t#S256` (RFC 8705 §3.1).
    pub fn hash(&self) -> CertHash {
        match self.0 {
            Known::Der(der) => CertHash::of(der),
            Known::Hash(hash) => hash,
        }
    }
}
