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
