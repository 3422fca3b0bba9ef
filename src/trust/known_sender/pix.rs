use super::{Authority, KnownSender, SenderTls};
use crate::trust::{ExpectedPeers, SecondCheck};

/// A payment provider of Brazil's Pix, whose callbacks carry a client certificate because the Central Bank's API Pix demands it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PixBank {
    /// Efí, production: `certificate-chain-prod.crt`.
    Efi,
    /// Efí, sandbox: `certificate-chain-homolog.crt`.
    EfiSandbox,
    /// Itaú: the file of its portal.
    Itau,
    /// Banco Inter: the file of its portal.
    Inter,
    /// Banco do Brasil: the file of its portal.
    BancoDoBrasil,
    /// Bradesco: the file of its portal.
    Bradesco,
}

/// What is said of one of them.
struct Facts {
    name: &'static str,
    authority: &'static str,
    changes: &'static str,
    source: &'static str,
}

/// Of those that have a file in their portal, behind a login, and publish nothing of the certificate.
const fn portal(name: &'static str, authority: &'static str) -> Facts {
    Facts {
        name,
        authority,
        changes: "with the file of its portal; no date is published",
        source: "Banco Central do Brasil, API Pix 2.9.0 (openapi.yaml), for mutual TLS; third parties for the file in the provider's portal",
    }
}

const fn efi(name: &'static str, authority: &'static str) -> Facts {
    Facts {
        name,
        authority,
        changes: "with Efí's bundle; no date is published",
        source: "dev.efipay.com.br/en/docs/api-pix/webhooks",
    }
}

impl PixBank {
    fn facts(self) -> Facts {
        match self {
            Self::Efi => efi("Efí (Pix)", "Efí's webhook chain (certificate-chain-prod.crt)"),
            Self::EfiSandbox => efi(
                "Efí (Pix), sandbox",
                "Efí's webhook chain (certificate-chain-homolog.crt)",
            ),
            Self::Itau => Facts {
                changes: "with Itaú's authority, which it replaced until 2026-09-15",
                ..portal("Itaú (Pix)", "Itaú's authority for Pix webhooks")
            },
            Self::Inter => portal("Banco Inter (Pix)", "Inter's authority for Pix webhooks"),
            Self::BancoDoBrasil => portal(
                "Banco do Brasil (Pix)",
                "Banco do Brasil's authority for Pix webhooks",
            ),
            Self::Bradesco => portal("Bradesco (Pix)", "Bradesco's authority for Pix webhooks"),
        }
    }
}

impl KnownSender {
    /// A payment provider of Brazil's Pix, under names or pins that you have seen: none of them publishes either, so take them
    /// from an [`Enrolment`](crate::tls::Enrolment).
    ///
    /// Efí registers a URL with two probes: one without a certificate, which must be refused, and one with, which must be taken. So its
    /// route [requires](crate::tls::ClientAuth::Require) a certificate. It appends `/pix` to the URL, unless that ends in `?ignorar=`.
    ///
    /// # Security
    /// Whoever is a customer of the same provider may register *your* URL with it, so its genuine certificate arrives with a
    /// payment that is not yours: look `chave` or `endToEndId` up at the provider before it counts, or have a secret in the URL. And
    /// the authority in its file may have issued its customers' certificates as well: to check the chain alone, as Efí's samples do, may
    /// let every customer in.
    pub fn pix(bank: PixBank, peers: ExpectedPeers) -> Self {
        let facts = bank.facts();
        Self {
            name: facts.name,
            authority: Authority::Shared(facts.authority),
            peers: Some(peers),
            tls: SenderTls::Unspecified,
            second_check: SecondCheck::UrlSecretOrBody("chave or endToEndId"),
            does_not_prove: "whose payment it is: any customer of the provider may register your URL",
            changes: facts.changes,
            source: facts.source,
        }
    }
}
