use std::fmt;
use std::path::{Path, PathBuf};

use rustls_pki_types::CertificateDer;

use super::invalid_ca::Problem;
use crate::pem;

/// Where certificates come from.
#[derive(Debug, Clone)]
pub(super) enum Source {
    Pem(Vec<u8>),
    PemFile(PathBuf),
    Der(CertificateDer<'static>),
    LeafPem(Vec<u8>),
}

impl Source {
    pub(super) fn file(path: impl AsRef<Path>) -> Self {
        Self::PemFile(path.as_ref().into())
    }

    pub(super) fn holds_leaves(&self) -> bool {
        matches!(self, Self::LeafPem(_))
    }

    pub(super) fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, Problem> {
        match self {
            Self::Der(der) => Ok(vec![der.clone()]),
            Self::Pem(pem) | Self::LeafPem(pem) => read_pem(pem),
            Self::PemFile(path) => {
                let pem = std::fs::read(path).map_err(|error| Problem::Unreadable(error.to_string()))?;
                read_pem(&pem)
            }
        }
    }
}

fn read_pem(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Problem> {
    pem::certificates(pem).map_err(Problem::Pem)
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pem(_) | Self::LeafPem(_) => f.write_str("the PEM text given"),
            Self::Der(_) => f.write_str("the certificate given"),
            Self::PemFile(path) => f.write_str(&pem::file_name(path)),
        }
    }
}
