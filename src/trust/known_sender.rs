use std::sync::Arc;

use rustls_pki_types::UnixTime;

use super::algorithms::Algorithms;
use super::invalid_ca::Problem;
use super::source::Source;
use super::{ExpectedPeers, InvalidCa, PrivateCa, Profile, PublicCa, SharedCa, VerifyPeer};
use crate::identity::{CertHash, InvalidName, Name, NameKind};

/// A webhook sender that shows a client certificate, and what its documentation says about it.
///
/// The certificate authority's own certificate is not in this crate: download it as the sender's documentation says, and
/// give it to [`trust`](Self::trust), which knows it by its SHA-256 fingerprint and takes no other. Authorities that
/// issue to others as well are only ever trusted together with the sender's exact names.
///
/// # Security
/// The certificate says who has called, never for which of its customers: [`second_check`](Self::second_check) says what
/// else must be verified, and [`does_not_prove`](Self::does_not_prove) what is left open without it.
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
    second_check: SecondCheck,
    does_not_prove: &'static str,
    changes: &'static str,
    source: &'static str,
}

/// When the facts of all of them were last looked up.
const AS_OF: &str = "2026-11";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Authority {
    /// One that issues to anybody, by name and by the fingerprints of its roots.
    Public(&'static str, &'static [&'static str]),
    /// The sender's own, which may issue to others as well, and whose fingerprint is not published.
    Shared(&'static str),
    /// The receiver's own, or one given for this purpose alone.
    Own(&'static str),
}

/// SHA-256 of the root in Mozilla's list.
const DIGICERT_GLOBAL_G2: &str = "CB3CCBB76031E5E0138F8DD39A23F9DE47FFC35E43C1144CEA27D46A5AB1CB5F";

/// The roots of DigiCert in Mozilla's list.
const DIGICERT: &[&str] = &[
    DIGICERT_GLOBAL_G2,
    "31AD6648F8104138C738F39EA4320133393E3A18CC02296EF97C2AC9EF6731D0", // Global Root G3
    "552F7BDCF1A7AF9E6CE672017F4F12ABF77240C78E761AC203D1D9D20AC89988", // Trusted Root G4
    "7D05EBB682339F8C9451EE094EEBFEFA7953A114EDB2F44949452FAB7D2FC185", // Assured ID Root G2
    "7E37CB8B4C47090CAB36551BA6F45DB840680FBA166A952DB100717F43053FC2", // Assured ID Root G3
    "371A00DC0533B3721A7EEB40E8419E70799D2B0A0F2C1D80693165F7CEC4AD75", // TLS RSA4096 Root G5
    "018E13F0772532CF809BD1B17281867283FC48C6E13BE9C69812854A490C1B05", // TLS ECC P384 Root G5
];

/// SSL.com Root Certification Authority RSA, as Google's page has it.
const SSL_COM_RSA: &str = "85666A562EE0BE5CE925C1D8890A6F76A87EC16D4D7D5F29EA7419CF20123B69";

/// Why every sender below a public root must move.
const CLIENT_AUTH_ENDS: &str = "public authorities stop issuing certificates for clients by 2027-03-15 (Chrome's root policy), so it must move";

/// What must be verified of a delivery beside the sender's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SecondCheck {
    /// The payload's signature, under a secret of one customer: [`Scheme`](crate::payload::Scheme) has it by this name.
    Signature(&'static str),
    /// The identity token in `Authorization: Bearer`, for its audience and its subject.
    IdentityToken,
    /// A key of the customer's own in the body, looked up at the sender before it counts.
    Body(&'static str),
    /// Nothing, as long as only the sender holds the certificate's key.
    Nothing,
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
    /// PagerDuty, service region US: CN `webhooks.pagerduty.com`, below DigiCert Global Root G2, TLS 1.2 only.
    ///
    /// Source: PagerDuty/developer-docs, docs/webhooks/03-Mutual-TLS.md and 08-Certificates.md. Its nginx sample matches the common name by an
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
            authority: Authority::Public("DigiCert Global Root G2", &[DIGICERT_GLOBAL_G2]),
            names: vec![Name::CommonName(common_name.into())],
            tls: SenderTls::Only12,
            second_check: SecondCheck::Signature("pagerduty"),
            does_not_prove: "which of PagerDuty's customers caused the call",
            changes: CLIENT_AUTH_ENDS,
            source: "PagerDuty/developer-docs, docs/webhooks/03-Mutual-TLS.md and 08-Certificates.md",
        }
    }

    /// Slack: DNS SAN `platform-tls-client.slack.com`, below a root of DigiCert.
    ///
    /// Source: docs.slack.dev, "Verifying requests from Slack", section on mutual TLS, which prefers the SAN to the
    /// common name.
    pub fn slack() -> Self {
        Self {
            name: "Slack",
            authority: Authority::Public("a DigiCert root", DIGICERT),
            names: vec![Name::Dns("platform-tls-client.slack.com".into())],
            tls: SenderTls::Unspecified,
            second_check: SecondCheck::Signature("slack"),
            does_not_prove: "which application of Slack's caused the call",
            changes: CLIENT_AUTH_ENDS,
            source: "docs.slack.dev, Verifying requests from Slack, Mutual TLS",
        }
    }

    /// Google Dialogflow ES: CN `Google LLC`, which is no DNS name, below SSL.com Root Certification Authority RSA.
    ///
    /// The older `*.dialogflow.com` certificates, which Google uses until 2026-12-01, are not accepted: a wildcard is
    /// nobody's identity.
    ///
    /// Dialogflow CX is another sender, below Google Trust Services, and its page publishes no name: there is no preset.
    ///
    /// Source: docs.cloud.google.com/dialogflow/es/docs/fulfillment-mtls.
    pub fn dialogflow_es() -> Self {
        Self {
            name: "Dialogflow ES",
            authority: Authority::Public("SSL.com Root Certification Authority RSA", &[SSL_COM_RSA]),
            names: vec![Name::CommonName("Google LLC".into())],
            tls: SenderTls::Unspecified,
            second_check: SecondCheck::IdentityToken,
            does_not_prove: "which agent caused the call, nor that it was Dialogflow rather than another service under the name",
            changes: CLIENT_AUTH_ENDS,
            source: "docs.cloud.google.com/dialogflow/es/docs/fulfillment-mtls",
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
            authority: Authority::Public("DigiCert Global Root G2", &[DIGICERT_GLOBAL_G2]),
            names: names.collect::<Result<_, _>>()?,
            tls: SenderTls::Unspecified,
            second_check: SecondCheck::Signature("docusign"),
            does_not_prove: "which account of DocuSign's caused the call",
            changes: CLIENT_AUTH_ENDS,
            source: "developers.docusign.com, Mutual TLS with Connect",
        })
    }

    /// Adobe Acrobat Sign: the certificate that you have given it, or signed for it, so the authority is your own and
    /// the tenant table names it. One that a public authority has issued cannot be used.
    ///
    /// Webhooks of a *partner's* application carry the partner's certificate, not yours: they are refused, and an authority
    /// of the partner's is a tenant of its own, never another anchor of this one.
    ///
    /// Source: helpx.adobe.com, "Two-way SSL authentication for webhooks".
    pub fn adobe_sign() -> Self {
        Self {
            name: "Adobe Acrobat Sign",
            authority: Authority::Own("the authority of the certificate that you have given to Adobe"),
            names: Vec::new(),
            tls: SenderTls::Unspecified,
            second_check: SecondCheck::Nothing,
            does_not_prove: "that the webhook is not a partner application's: those carry the partner's certificate",
            changes: "with the certificate that you gave to it",
            source: "helpx.adobe.com, Two-way SSL authentication for webhooks",
        }
    }

    /// Meta (its page speaks of WhatsApp subscriptions): CN `client.webhooks.fbclientcerts.com`, below Meta's own authority for
    /// outbound calls (`meta-outbound-api-ca-2025-12.pem`), which took DigiCert's place on 2026-04-15.
    ///
    /// Meta publishes the file and no fingerprint, so it is for [`trust_other_anchors`](Self::trust_other_anchors).
    ///
    /// Source: a copy of developers.facebook.com/docs/graph-api/webhooks/getting-started, "mTLS for Webhooks".
    pub fn meta() -> Self {
        Self {
            name: "Meta",
            authority: Authority::Shared("Meta's outbound API CA (meta-outbound-api-ca-2025-12.pem)"),
            names: vec![Name::CommonName("client.webhooks.fbclientcerts.com".into())],
            tls: SenderTls::Unspecified,
            second_check: SecondCheck::Signature("meta"),
            does_not_prove: "which application of Meta's caused the call",
            changes: "with Meta's authority, whose file is named by its month",
            source: "developers.facebook.com/docs/graph-api/webhooks/getting-started, mTLS for Webhooks (a copy)",
        }
    }

    /// Worldpay Access Events, live: CN `Payment Status Event Sender`, below the chain that Worldpay's page shows.
    ///
    /// Worldpay publishes no fingerprint, so its chain is for [`trust_other_anchors`](Self::trust_other_anchors).
    ///
    /// Source: developer.worldpay.com/products/events/certificate (2025-10) for the chain, an older copy of the same page
    /// for the name.
    pub fn worldpay() -> Self {
        Self::worldpay_in("Worldpay", "Payment Status Event Sender")
    }

    /// Worldpay's environment for trying out: CN `Payment Status Event Sender (secure-test)`. Else as
    /// [`worldpay`](Self::worldpay).
    pub fn worldpay_try() -> Self {
        Self::worldpay_in("Worldpay Try", "Payment Status Event Sender (secure-test)")
    }

    fn worldpay_in(name: &'static str, common_name: &str) -> Self {
        Self {
            name,
            authority: Authority::Shared("the Worldpay Client Certificate chain of its page"),
            names: vec![Name::CommonName(common_name.into())],
            tls: SenderTls::Unspecified,
            second_check: SecondCheck::Body("transactionReference"),
            does_not_prove: "whose payment it is",
            changes: "with Worldpay's chain, of which it notifies its merchants",
            source: "developer.worldpay.com/products/events/certificate",
        }
    }

    /// A sender that shows a certificate of your own which you have given to it, or signed for it, as Salesforce, ServiceNow
    /// or GitLab can: the authority is your own, and the tenant table names it.
    ///
    /// For a self-signed leaf there is [`PrivateCaBuilder::leaf_pem`](super::PrivateCaBuilder::leaf_pem).
    pub fn my_certificate() -> Self {
        Self {
            name: "a sender with a certificate of your own",
            authority: Authority::Own("the authority of the certificate that you have given to it"),
            names: Vec::new(),
            tls: SenderTls::Unspecified,
            second_check: SecondCheck::Nothing,
            does_not_prove: "that nobody else holds the key that you have given away",
            changes: "with the certificate that you gave to it",
            source: "your own configuration of the sender",
        }
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The authority whose certificate to download and give to [`trust`](Self::trust).
    pub fn authority(&self) -> &'static str {
        let (Authority::Public(name, _) | Authority::Shared(name) | Authority::Own(name)) = self.authority;
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

    /// What must be verified beside its certificate.
    pub fn second_check(&self) -> SecondCheck {
        self.second_check
    }

    /// What its certificate alone leaves open.
    pub fn does_not_prove(&self) -> &'static str {
        self.does_not_prove
    }

    /// Year and month in which these facts were looked up.
    pub fn as_of(&self) -> &'static str {
        AS_OF
    }

    /// When they are expected to change.
    pub fn changes(&self) -> &'static str {
        self.changes
    }

    /// Trusts this sender, under the strict profile.
    ///
    /// # Errors
    /// [`InvalidCa`] where the anchors must not be used, or one of them is not known by its fingerprint as the sender's.
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
        self.check_fingerprints(anchors)?;
        self.trust_other_anchors(anchors, profile, algorithms, now)
    }

    /// Trusts this sender below anchors that are not known to be its own: those of a successor, or of a sender that publishes
    /// no fingerprint.
    ///
    /// # Security
    /// That the file is the sender's is for you to know. Its exact names are asked for all the same.
    ///
    /// # Errors
    /// [`InvalidCa`] where the anchors must not be used.
    pub fn trust_other_anchors(
        &self,
        anchors: &[u8],
        profile: Profile,
        algorithms: Algorithms,
        now: UnixTime,
    ) -> Result<Arc<dyn VerifyPeer>, InvalidCa> {
        let named = || ExpectedPeers::names(self.names.iter().cloned());
        let private = || {
            PrivateCa::builder(algorithms)
                .pem(anchors)
                .with_profile(profile.clone())
                .build(now)
        };
        Ok(match self.authority {
            Authority::Public(..) => {
                let builder = PublicCa::builder(named(), algorithms);
                Arc::new(builder.pem(anchors).with_profile(profile).build(now)?)
            }
            Authority::Shared(_) => Arc::new(SharedCa::new(private()?, named())?),
            Authority::Own(_) => Arc::new(private()?),
        })
    }

    /// Every certificate counts: each would be an anchor.
    fn check_fingerprints(&self, anchors: &[u8]) -> Result<(), InvalidCa> {
        let known = match self.authority {
            Authority::Public(_, fingerprints) => fingerprints,
            Authority::Shared(_) => &[],
            Authority::Own(_) => return Ok(()),
        };
        let source = Source::Pem(anchors.to_vec());
        let invalid = |problem| InvalidCa {
            source_name: source.to_string(),
            problem,
        };
        for der in source.certificates().map_err(invalid)? {
            let hash = CertHash::of(&der);
            if !known.iter().any(|known| CertHash::parse(known) == Ok(hash)) {
                return Err(invalid(Problem::OtherAnchor {
                    sender: self.name,
                    authority: self.authority(),
                    hash,
                }));
            }
        }
        Ok(())
    }
}
