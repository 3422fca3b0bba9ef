//! Reasons, and what to do about each.

/// The reason why a client would not be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    ProtocolVersion,
    NothingInCommon,
    WrongName,
    ServerUntrusted,
    NotAsked,
    Optional,
    NoCertificate,
    CannotSign,
    Expired,
    Purpose,
    UnknownCa,
    Revoked,
    Signature,
    Policy,
    Unfit,
    Unclear,
}

impl Cause {
    pub(crate) fn code(self) -> &'static str {
        self.row().0
    }

    pub(crate) fn what(self) -> &'static str {
        self.row().1
    }

    pub(crate) fn remedy(self) -> &'static str {
        self.row().2
    }

    /// Its name, what it is, and what to do.
    fn row(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::ProtocolVersion => (
                "connect.protocol_version",
                "the server does not speak this version of TLS",
                "Use a version that it speaks; for TLS 1.2, a client of this crate says `Tls::allow_tls12`.",
            ),
            Self::NothingInCommon => (
                "connect.nothing_in_common",
                "server and client have no cipher suite or group in common",
                "Have the server offer ECDHE with AES-GCM or ChaCha20, on X25519 or P-256.",
            ),
            Self::WrongName => (
                "connect.wrong_name",
                "the server is not the one of this name",
                "Reach it under a name that its certificate has (--name), or have a certificate issued with this one.",
            ),
            Self::ServerUntrusted => (
                "connect.server_untrusted",
                "a client would not trust the server's certificate",
                "Give its authority (--ca), or have the server send a certificate that is in order, with its intermediates.",
            ),
            Self::NotAsked => (
                "connect.not_asked",
                "the server never asks for a certificate",
                "Switch mutual TLS on for this name and port; behind a proxy that ends TLS, do that at the proxy.",
            ),
            Self::Optional => (
                "connect.optional",
                "the server asks for a certificate, and serves who shows none",
                "Where a certificate is meant to be demanded: demand it in the handshake, or on the routes.",
            ),
            Self::NoCertificate => (
                "connect.no_certificate",
                "the server demands a certificate, and got none",
                "Configure certificate and key at the client, for this very host.",
            ),
            Self::CannotSign => (
                "connect.cannot_sign",
                "our key cannot sign as the server wants",
                "Use a key of another kind: ECDSA on P-256 is taken almost everywhere.",
            ),
            Self::Expired => (
                "connect.expired",
                "our certificate is out of its time, for the server",
                "Renew it; if it is not out of its time here, compare the clocks, and ask for the server's revocation list.",
            ),
            Self::Purpose => (
                "connect.purpose",
                "our certificate is not meant for clients",
                "Have it issued with extendedKeyUsage clientAuth.",
            ),
            Self::UnknownCa => (
                "connect.unknown_ca",
                "the server does not know who issued our certificate",
                "Send the intermediates behind the leaf, or have the server trust our authority, or get one of an authority that it names.",
            ),
            Self::Revoked => (
                "connect.revoked",
                "our certificate is revoked, or denied, at the server",
                "Ask the authority whether it revoked it, and have a new one issued, with a new key.",
            ),
            Self::Signature => (
                "connect.signature",
                "a signature of ours is wrong for the server: of the handshake, or on the certificate",
                "Compare key and certificate; an authority that was renewed with another key under its old name does this too.",
            ),
            Self::Policy => (
                "connect.policy",
                "the certificate is good, and the server's own rules refuse it",
                "Have our name or pin entered at the server: `doctor pin` prints the pin.",
            ),
            Self::Unfit => (
                "connect.unfit",
                "our certificate is one that a strict server refuses",
                "See `doctor peer` with the server's authority, which lists every check.",
            ),
            Self::Unclear => (
                "connect.unclear",
                "the server does not say why",
                "Read the server's log; give --client-ca and --client-crl, so that more can be judged here.",
            ),
        }
    }
}
