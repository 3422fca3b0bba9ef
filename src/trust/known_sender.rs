use std::sync::Arc;

use rustls_pki_types::UnixTime;

use super::algorithms::Algorithms;
use super::{ExpectedPeers, InvalidCa, PrivateCa, Profile, PublicCa, VerifyPeer};
use crate::identity::{InvalidName, Name, NameKind};

/// A webhook sender that shows a client certificate, and what its documentation says about it.
///
/// The certificate authority's own certificate is not in this crate: download it as the sender's documentation says, and
/// give it to [`trust`](Self::trust). Authorities that issue to anybody are only ever trusted together with the
/// sender's exact names.
///
/// ```no_run
/// use countersign::trust::KnownSender;
///
/// # let algorithms = rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms.all;
/// # let now = countersign::identity::Validity::ALWAYS.not_before;
/// let sender = KnownSender::pagerduty();
/// let anchors = std::fs::read("DigiCertGlobalRootG2.pem")?;
/// let trust = sender.trust(&anchors, algorithms, now)?;
/// assert_eq!(sender.tls(), countersign::trust::SenderTls::Only12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownSender {
    name: &'static str,
    authority: Authority,
    names: Vec<Name>,
    tls: SenderTls,
    source: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Authority {
    /// One that issues to anybody.
    Public(&'static str),
    /// The receiver's own, or one given for this purpose alone.
    Own(&'static str),
}

/// Which versions of TLS a sender can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SenderTls {
    /// TLS 1.2 and no better: the server needs [`Tls::allow_tls12`](crate::tls::Tls::allow_tls12).
    Only12,
    /// Its documentation asks for no version below 1.3.
    Unspecified,
}

impl KnownSender {
    /// PagerDuty, service region US: CN `webhooks.pagerduty.com`, below DigiCert Global Root G2, TLS 1.2 only; the
    /// certificate changes every year.
    ///
    /// Source: PagerDuty/developer-docs, docs/webhooks/03-Mutual-TLS.md. Its nginx sample matches the common name by an
    /// unanchored pattern; here it is compared whole.
    pub fn pagerduty() -> Self {
        Self::pagerduty_in("PagerDuty", "webhooks.pagerduty.com")
    }

    /// PagerDuty, service region EU: CN `webhooks.eu.pagerduty.com`. Else as [`pagerduty`](Self::pagerduty).
    pub fn pagerduty_eu() -> Self {
        Self::pagerduty_in("PagerDuty EU", "webhooks.eu.pagerduty.com")
    }

    fn pagerduty_in(name: &'static str, common_name: &str) -> Self {
        Self {
            name,
            authority: Authority::Public("DigiCert Global Root G2"),
            names: vec![Name::CommonName(common_name.into())],
            tls: SenderTls::Only12,
            source: "PagerDuty/developer-docs, docs/webhooks/03-Mutual-TLS.md",
        }
    }

    /// Slack: DNS SAN `platform-tls-client.slack.com`, below a root of DigiCert.
    ///
    /// Source: docs.slack.dev, "Verifying requests from Slack", section on mutual TLS, which prefers the SAN to the
    /// common name.
    pub fn slack() -> Self {
        Self {
            name: "Slack",
            authority: Authority::Public("a DigiCert root"),
            names: vec![Name::Dns("platform-tls-client.slack.com".into())],
            tls: SenderTls::Unspecified,
            source: "docs.slack.dev, Verifying requests from Slack, Mutual TLS",
        }
    }

    /// Google Dialogflow: CN `Google LLC`, which is no DNS name, below SSL.com Root Certification Authority RSA.
    ///
    /// The older `*.dialogflow.com` certificates, which Google uses until 2026-12-01, are not accepted: a wildcard is
    /// nobody's identity.
    ///
    /// Source: cloud.google.com/dialogflow, "Mutual TLS authentication".
    pub fn dialogflow() -> Self {
        Self {
            name: "Dialogflow",
            authority: Authority::Public("SSL.com Root Certification Authority RSA"),
            names: vec![Name::CommonName("Google LLC".into())],
            tls: SenderTls::Unspecified,
            source: "cloud.google.com/dialogflow, Mutual TLS authentication",
        }
    }

    /// DocuSign Connect, below DigiCert Global Root G2, under the common names that your account's Connect certificate
    /// shows: DocuSign offers the certificate for download and does not publish a name to rely on.
    ///
    /// Source: developers.docusign.com, "Mutual TLS with Connect"; it recommends its HMAC signature over mutual TLS.
    ///
    /// # Errors
    /// [`InvalidName`] for a name that no certificate can carry as an identity.
    pub fn docusign<T: AsRef<str>>(common_names: impl IntoIterator<Item = T>) -> Result<Self, InvalidName> {
        let names = common_names
            .into_iter()
            .map(|name| Name::parse(NameKind::CommonName, name.as_ref()));
        Ok(Self {
            name: "DocuSign Connect",
            authority: Authority::Public("DigiCert Global Root G2"),
            names: names.collect::<Result<_, _>>()?,
            tls: SenderTls::Unspecified,
            source: "developers.docusign.com, Mutual TLS with Connect",
        })
    }

    /// Adobe Acrobat Sign: the certificate that you have given it, or signed for it, so the authority is your own and
    /// the tenant table names it.
    ///
    /// Source: helpx.adobe.com, "Two-way SSL authentication for webhooks".
    pub fn adobe_sign() -> Self {
        Self {
            name: "Adobe Acrobat Sign",
            authority: Authority::Own("the authority of the certificate that you have given to Adobe"),
            names: Vec::new(),
            tls: SenderTls::Unspecified,
            source: "helpx.adobe.com, Two-way SSL authentication for webhooks",
        }
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The authority whose certificate to download and give to [`trust`](Self::trust).
    pub fn authority(&self) -> &'static str {
        let (Authority::Public(name) | Authority::Own(name)) = self.authority;
        name
    }

    /// The names that its certificate carries, one of which must match. None where the authority is your own.
    pub fn names(&self) -> &[Name] {
        &self.names
    }

    /// Which versions of TLS it can do.
    pub fn tls(&self) -> SenderTls {
        self.tls
    }

    /// Where this is documented.
    pub fn source(&self) -> &'static str {
        self.source
    }

    /// Trusts this sender, under the strict profile.
    ///
    /// # Errors
    /// [`InvalidCa`] where the anchors must not be used, or no name is given.
    pub fn trust(
        &self,
        anchors: &[u8],
        algorithms: Algorithms,
        now: UnixTime,
    ) -> Result<Arc<dyn VerifyPeer>, InvalidCa> {
        self.trust_within(anchors, Profile::strict(), algorithms, now)
    }

    /// Trusts this sender, under another profile: see [`PublicCa`] on what changes in 2027.
    ///
    /// # Errors
    /// As for [`trust`](Self::trust).
    pub fn trust_within(
        &self,
        anchors: &[u8],
        profile: Profile,
        algorithms: Algorithms,
        now: UnixTime,
    ) -> Result<Arc<dyn VerifyPeer>, InvalidCa> {
        Ok(match self.authority {
            Authority::Public(_) => {
                let builder = PublicCa::builder(algorithms, ExpectedPeers::names(self.names.iter().cloned()));
                Arc::new(builder.pem(anchors).with_profile(profile).build(now)?)
            }
            Authority::Own(_) => Arc::new(
                PrivateCa::builder(algorithms)
                    .pem(anchors)
                    .with_profile(profile)
                    .build(now)?,
            ),
        })
    }
}
