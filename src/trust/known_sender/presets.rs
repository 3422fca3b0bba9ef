//! The senders, each with what its own pages say.

use super::{Authority, KnownSender, SenderTls};
use crate::identity::{InvalidName, Name};
use crate::trust::{ExpectedPeers, SecondCheck};

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

/// The same, for one whose page says when its certificate ends.
const PAGERDUTY_CHANGES: &str = "its certificate of 2025 ends on 2026-12-07; public authorities stop issuing certificates for clients by \
                                 2027-03-15 (Chrome's root policy), so it must move";

impl KnownSender {
    /// PagerDuty, service region US: CN `webhooks.pagerduty.com`, below DigiCert Global Root G2, TLS 1.2 only.
    ///
    /// Source: PagerDuty/developer-docs, docs/webhooks/03-Mutual-TLS.md and 08-Certificates.md. Its nginx sample matches the common name by an
    /// unanchored pattern; here it is compared whole. 03 still names the root before this one; the certificates in use are those of 08.
    pub fn pagerduty() -> Self {
        Self::pagerduty_in("PagerDuty", "webhooks.pagerduty.com")
    }

    /// PagerDuty, service region EU: CN `webhooks.eu.pagerduty.com`. Else as [`pagerduty`](Self::pagerduty).
    pub fn pagerduty_eu() -> Self {
        Self::pagerduty_in("PagerDuty EU", "webhooks.eu.pagerduty.com")
    }

    fn pagerduty_in(name: &'static str, common_name: &'static str) -> Self {
        Self {
            name,
            authority: Authority::Public("DigiCert Global Root G2", &[DIGICERT_GLOBAL_G2]),
            peers: Some(named(common_name)),
            tls: SenderTls::Only12,
            second_check: SecondCheck::Signature("pagerduty"),
            does_not_prove: "which of PagerDuty's customers caused the call",
            changes: PAGERDUTY_CHANGES,
            source: "PagerDuty/developer-docs, docs/webhooks/03-Mutual-TLS.md and 08-Certificates.md",
        }
    }

    /// Slack: DNS SAN and CN `platform-tls-client.slack.com`, below any root of DigiCert.
    ///
    /// Source: docs.slack.dev, "Verifying requests from Slack", section on mutual TLS, which prefers the SAN to the
    /// common name.
    pub fn slack() -> Self {
        Self {
            name: "Slack",
            authority: Authority::Public("a DigiCert root", DIGICERT),
            peers: Some(named("platform-tls-client.slack.com")),
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
    /// The second check is the service identity token in `Authorization: Bearer`, as `payload::jose`'s `JwtScheme::google_dialogflow`
    /// has it. It does not cover the body, so it is for `UnboundJwts` and a [`RecognizedCaller`](crate::gate::RecognizedCaller).
    ///
    /// Dialogflow CX is another sender, below Google Trust Services, and its page publishes no name: there is no preset.
    ///
    /// Source: docs.cloud.google.com/dialogflow/es/docs/fulfillment-mtls.
    pub fn dialogflow_es() -> Self {
        Self {
            name: "Dialogflow ES",
            authority: Authority::Public("SSL.com Root Certification Authority RSA", &[SSL_COM_RSA]),
            peers: Some(named("Google LLC")),
            tls: SenderTls::Unspecified,
            second_check: SecondCheck::IdentityToken("google_dialogflow"),
            does_not_prove: "which agent caused the call, nor that it was Dialogflow rather than another service under the name",
            changes: CLIENT_AUTH_ENDS,
            source: "docs.cloud.google.com/dialogflow/es/docs/fulfillment-mtls",
        }
    }

    /// DocuSign Connect, below DigiCert Global Root G2, under the common names that your account's Connect certificate
    /// shows: DocuSign offers the certificate for download and does not publish a name to rely on.
    ///
    /// Source: developers.docusign.com/platform/webhooks/mutual-tls; docusign.com, "Mutual TLS: Stuff you should know", recommends its HMAC
    /// signature over mutual TLS, and "DocuSign eSignature public certificates" names the root, since 2019.
    ///
    /// # Errors
    /// [`InvalidName`] for a name that no certificate can carry as an identity.
    pub fn docusign<T: AsRef<str>>(common_names: impl IntoIterator<Item = T>) -> Result<Self, InvalidName> {
        let names = Vec::from_iter(common_names);
        let names = Vec::from_iter(names.iter().map(AsRef::as_ref));
        Ok(Self {
            name: "DocuSign Connect",
            authority: Authority::Public("DigiCert Global Root G2", &[DIGICERT_GLOBAL_G2]),
            peers: Some(ExpectedPeers::wherever(&names)?),
            tls: SenderTls::Unspecified,
            second_check: SecondCheck::Signature("docusign"),
            does_not_prove: "which account of DocuSign's caused the call",
            changes: CLIENT_AUTH_ENDS,
            source: "developers.docusign.com/platform/webhooks/mutual-tls, and docusign.com/trust/compliance/public-certificates",
        })
    }

    /// Adobe Acrobat Sign: the certificate that you have given it, or signed for it, so the authority is your own and
    /// the tenant table names it. One that a public authority has issued cannot be used.
    ///
    /// A certificate is configured for the account or for a group, whose own takes precedence.
    ///
    /// # Security
    /// The partner trap: webhooks that a *partner's application* has created carry the certificate of the partner's account, not yours,
    /// and none where the partner has configured none. They are refused. To let them in, give the partner a tenant and an
    /// authority of its own: as another anchor of this one, whatever the partner's key signs would pass for you.
    ///
    /// Source: helpx.adobe.com, "Two-way (mutual) SSL authentication".
    pub fn adobe_sign() -> Self {
        Self {
            name: "Adobe Acrobat Sign",
            authority: Authority::Own("the authority of the certificate that you have given to Adobe"),
            peers: None,
            tls: SenderTls::Unspecified,
            second_check: SecondCheck::Nothing,
            does_not_prove: "that the webhook is not a partner application's: those carry the partner's certificate",
            changes: "with the certificate that you gave to it",
            source: "helpx.adobe.com, Two-way (mutual) SSL authentication",
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
            peers: Some(named("client.webhooks.fbclientcerts.com")),
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
    /// Worldpay signs the body as well for those who ask it to (`Event-Signature`, its page "Signature"), which no preset reads yet.
    ///
    /// Source: developer.worldpay.com/products/events/certificate (2025-10) for the chain,
    /// developer.worldpay.com/docs/access-worldpay/events/certificate for both names.
    pub fn worldpay() -> Self {
        Self::worldpay_in("Worldpay", "Payment Status Event Sender")
    }

    /// Worldpay's environment for trying out: CN `Payment Status Event Sender (secure-test)`. Else as
    /// [`worldpay`](Self::worldpay).
    pub fn worldpay_try() -> Self {
        Self::worldpay_in("Worldpay Try", "Payment Status Event Sender (secure-test)")
    }

    fn worldpay_in(name: &'static str, common_name: &'static str) -> Self {
        Self {
            name,
            authority: Authority::Shared("the Worldpay Client Certificate chain of its page"),
            peers: Some(named(common_name)),
            tls: SenderTls::Unspecified,
            second_check: SecondCheck::Body("transactionReference"),
            does_not_prove: "whose payment it is",
            changes: "with Worldpay's chain, of which it notifies its merchants",
            source: "developer.worldpay.com/products/events/certificate",
        }
    }

    /// Genesys Cloud data actions with Genesys's own authority: `dataactions.REGION.mypurecloud.com`, directly below the private
    /// authority of the region, whose zip file is on Genesys's page.
    ///
    /// The regions follow no rule, so give what stands on the page between `dataactions.` and `.mypurecloud.com`:
    /// `prod.us-east-1`, `prod-cac1.ca-central-1`, `fedramp-use2-core.us-east-2`. Genesys publishes no fingerprint, so its file
    /// is for [`trust_other_anchors`](Self::trust_other_anchors). Data actions that are set to DigiCert are for
    /// [`PublicCa`](crate::trust::PublicCa).
    ///
    /// Source: help.mypurecloud.com, "MTLS support for data actions".
    ///
    /// # Errors
    /// [`InvalidName`] for a region that makes no DNS name.
    pub fn genesys(region: &str) -> Result<Self, InvalidName> {
        let name = format!("dataactions.{region}.mypurecloud.com");
        Ok(Self {
            name: "Genesys Cloud data actions",
            authority: Authority::Shared("the Genesys Cloud private authority of the region"),
            peers: Some(ExpectedPeers::host_names([name])?),
            tls: SenderTls::Unspecified,
            second_check: SecondCheck::UrlSecret,
            does_not_prove: "which organization of Genesys Cloud's caused the call",
            changes: "its certificate every year, below the same authority of the region",
            source: "help.mypurecloud.com, MTLS support for data actions",
        })
    }

    /// A sender that shows a certificate of your own which you have given to it, or signed for it, as Salesforce, ServiceNow
    /// or GitLab can: the authority is your own, and the tenant table names it.
    ///
    /// For a self-signed leaf there is [`PrivateCaBuilder::leaf_pem`](crate::trust::PrivateCaBuilder::leaf_pem).
    pub fn my_certificate() -> Self {
        Self {
            name: "a sender with a certificate of your own",
            authority: Authority::Own("the authority of the certificate that you have given to it"),
            peers: None,
            tls: SenderTls::Unspecified,
            second_check: SecondCheck::Nothing,
            does_not_prove: "that nobody else holds the key that you have given away",
            changes: "with the certificate that you gave to it",
            source: "your own configuration of the sender",
        }
    }
}

/// A name that its sender documents: as the only common name, and as a DNS name where it is shaped like one. Where it stands
/// changes more readily than the name.
fn named(name: &'static str) -> ExpectedPeers {
    let either = [
        Some(Name::CommonName(name.into())),
        name.contains('.').then(|| Name::Dns(name.into())),
    ];
    ExpectedPeers::names(either.into_iter().flatten())
}
