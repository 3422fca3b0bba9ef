/// The behaviour of a server's TLS, as `tls::try_server` has tried it out for one name.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerTls {
    /// The name that it was tried for.
    pub name: String,
    /// The versions of TLS under which it shows a certificate for that name.
    pub versions: Vec<&'static str>,
    /// Whether clients must show a certificate: the least that any version asks.
    pub request: CertificateRequest,
    /// The names of authorities that it asks for, in DER.
    pub authorities: Vec<Vec<u8>>,
    /// Whether sessions are resumed.
    pub resumption: ResumptionSeen,
    /// Whether it takes early data (0-RTT).
    pub early_data: bool,
    /// Whether it sends before the client has shown its certificate.
    pub half_rtt_data: bool,
    /// Whether it logs the secrets of connections.
    pub key_log: bool,
}

impl ServerTls {
    /// One that does nothing yet for this name.
    #[cfg(feature = "tls")]
    pub(crate) fn of(name: String) -> Self {
        Self {
            name,
            versions: Vec::new(),
            request: CertificateRequest::Required,
            authorities: Vec::new(),
            resumption: ResumptionSeen::Off,
            early_data: false,
            half_rtt_data: false,
            key_log: false,
        }
    }
}

/// The request of a server for a client's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum CertificateRequest {
    /// There is none.
    None,
    /// Whoever has none is let in.
    Optional,
    /// Whoever has none is refused.
    Required,
}

/// The resumption of sessions by a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResumptionSeen {
    /// It is off.
    Off,
    /// Sessions are bound to the policy: `tls::allow_resumption`.
    Bound,
    /// Sessions outlive the trust in their client.
    Unbound,
}

/// The behaviour of a client's TLS, as `tls::try_client` has tried it out against one name.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientTls {
    /// The name that it called.
    pub name: String,
    /// The versions of TLS that it offers.
    pub versions: Vec<&'static str>,
    /// Whether it has a certificate to show.
    pub shows_certificate: bool,
    /// Whether it refuses a certificate that nobody has issued.
    pub verifies_server: bool,
    /// Whether it trusts the authorities of the web, as far as the types of its verifier tell.
    pub public_authorities: bool,
    /// Whether it says which server it wants.
    pub names_server: bool,
    /// The protocols that it offers (ALPN).
    pub protocols: Vec<Vec<u8>>,
    /// Whether it takes sessions up again.
    pub resumes: bool,
    /// Whether it sends early data (0-RTT).
    pub early_data: bool,
    /// Whether it logs the secrets of connections.
    pub key_log: bool,
}

impl ClientTls {
    /// One of which nothing was seen yet.
    #[cfg(feature = "tls")]
    pub(crate) fn of(name: String) -> Self {
        Self {
            name,
            versions: Vec::new(),
            shows_certificate: false,
            verifies_server: true,
            public_authorities: false,
            names_server: false,
            protocols: Vec::new(),
            resumes: false,
            early_data: false,
            key_log: false,
        }
    }
}

/// The layers in front of a handler, as far as `web::try_layers` has met them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestLayers {
    /// The path that was tried.
    pub target: String,
    /// The outermost that asks for anything.
    pub first: FirstLayer,
}

/// The outermost layer that asks anything of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FirstLayer {
    /// Nobody asks: the handler answers.
    None,
    /// The handler is reached, and lacks this: it answers nobody.
    Missing(&'static str),
    /// It asks for a signature, whoever is connected.
    Payload,
    /// It asks who is connected.
    Caller,
}
