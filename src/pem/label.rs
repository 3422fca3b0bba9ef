use std::fmt;

/// What a section says that it holds (RFC 7468). Only names that are written here are ever shown: what stands where a
/// label belongs may be a key, when line breaks were lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Label {
    Certificate,
    Crl,
    PrivateKey,
    RsaPrivateKey,
    EcPrivateKey,
    PublicKey,
    RsaPublicKey,
    Known(&'static Foreign),
    Unknown,
}

/// A section that no reader takes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Foreign {
    name: &'static str,
    kind: Kind,
    remedy: &'static str,
}

/// What a section is about: a reader passes over what is about something else, and over nothing that is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Certificate,
    Crl,
    /// May hold certificates and CRLs.
    Bundle,
    PrivateKey,
    EncryptedKey,
    PublicKey,
    /// Parameters and requests: of no consequence to whoever reads the rest.
    Beside,
    Unknown,
}

const PKCS7: &str = "take out what is in it, as with `openssl pkcs7 -print_certs`";
const DECRYPT: &str = "decrypt it with `openssl pkey`, and protect the file instead";
const AS_CERTIFICATE: &str = "export it as CERTIFICATE (RFC 7468 5.1)";
const AS_PKCS8: &str = "give the key as PKCS#8, PRIVATE KEY";
const AS_SPKI: &str = "give the key as PUBLIC KEY, as `openssl pkey -pubout` writes it";

const FOREIGN: &[Foreign] = &[
    foreign(
        "TRUSTED CERTIFICATE",
        Kind::Certificate,
        "write it as CERTIFICATE with `openssl x509`",
    ),
    foreign("X509 CERTIFICATE", Kind::Certificate, AS_CERTIFICATE),
    foreign("X.509 CERTIFICATE", Kind::Certificate, AS_CERTIFICATE),
    foreign(
        "ATTRIBUTE CERTIFICATE",
        Kind::Certificate,
        "give certificates of public keys",
    ),
    foreign("PKCS7", Kind::Bundle, PKCS7),
    foreign("PKCS #7 SIGNED DATA", Kind::Bundle, PKCS7),
    foreign("CMS", Kind::Bundle, PKCS7),
    foreign("CRL", Kind::Crl, "the label of a CRL is X509 CRL (RFC 7468 6)"),
    foreign("ENCRYPTED PRIVATE KEY", Kind::EncryptedKey, DECRYPT),
    foreign("DSA PRIVATE KEY", Kind::PrivateKey, "give a key of another type"),
    foreign(
        "OPENSSH PRIVATE KEY",
        Kind::PrivateKey,
        "convert it with `ssh-keygen -p -m PKCS8`",
    ),
    foreign("ANY PRIVATE KEY", Kind::PrivateKey, AS_PKCS8),
    foreign("EC PUBLIC KEY", Kind::PublicKey, AS_SPKI),
    foreign("DSA PUBLIC KEY", Kind::PublicKey, "give a key of another type"),
    foreign("CERTIFICATE REQUEST", Kind::Beside, ""),
    foreign("NEW CERTIFICATE REQUEST", Kind::Beside, ""),
    foreign("EC PARAMETERS", Kind::Beside, ""),
    foreign("DSA PARAMETERS", Kind::Beside, ""),
    foreign("DH PARAMETERS", Kind::Beside, ""),
    foreign("X9.42 DH PARAMETERS", Kind::Beside, ""),
];

const fn foreign(name: &'static str, kind: Kind, remedy: &'static str) -> Foreign {
    Foreign { name, kind, remedy }
}

impl Label {
    pub(super) fn of(text: &[u8]) -> Self {
        match text {
            b"CERTIFICATE" => Self::Certificate,
            b"X509 CRL" => Self::Crl,
            b"PRIVATE KEY" => Self::PrivateKey,
            b"RSA PRIVATE KEY" => Self::RsaPrivateKey,
            b"EC PRIVATE KEY" => Self::EcPrivateKey,
            b"PUBLIC KEY" => Self::PublicKey,
            b"RSA PUBLIC KEY" => Self::RsaPublicKey,
            _ => FOREIGN
                .iter()
                .find(|foreign| foreign.name.as_bytes() == text)
                .map_or(Self::Unknown, Self::Known),
        }
    }

    pub(super) fn kind(self) -> Kind {
        match self {
            Self::Certificate => Kind::Certificate,
            Self::Crl => Kind::Crl,
            Self::PrivateKey | Self::RsaPrivateKey | Self::EcPrivateKey => Kind::PrivateKey,
            Self::PublicKey | Self::RsaPublicKey => Kind::PublicKey,
            Self::Known(foreign) => foreign.kind,
            Self::Unknown => Kind::Unknown,
        }
    }

    /// What to do with a section that is not taken.
    pub(super) fn remedy(self) -> &'static str {
        match self {
            Self::Known(foreign) => foreign.remedy,
            Self::Unknown => "correct its label, or take it out",
            _ => "keep it in a file of its own",
        }
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Certificate => "CERTIFICATE",
            Self::Crl => "X509 CRL",
            Self::PrivateKey => "PRIVATE KEY",
            Self::RsaPrivateKey => "RSA PRIVATE KEY",
            Self::EcPrivateKey => "EC PRIVATE KEY",
            Self::PublicKey => "PUBLIC KEY",
            Self::RsaPublicKey => "RSA PUBLIC KEY",
            Self::Known(foreign) => foreign.name,
            Self::Unknown => "(a label that is not known)",
        })
    }
}
