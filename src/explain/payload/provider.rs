use std::fmt;

use http::Uri;

use super::families::Family;
use super::hidden::Hidden;
use super::inquiry::{Entered, Keys};
use super::report::PayloadReport;
use super::search::{Asked, Search};
use super::{PayloadCheck, guesses, layouts, walk};
use crate::explain::{CheckOutcome, Finding};
use crate::payload::providers::{EbayVerifier, PayPalVerifier, SnsVerifier};
use crate::payload::{KeyId, Message, NotAuthentic, Origin, Secret};
use crate::refusal::Refusal;
use crate::tenant::TenantId;

/// An inquiry into why a message does not count that is of a provider whose scheme is a type of its own: Adyen, eBay, HubSpot's older
/// versions, PayPal, AWS SNS, Twilio.
///
/// ```
/// use countersign::explain::{self, Mistake, ProviderInquiry};
/// use countersign::payload::{Message, Origin, Secret};
/// use countersign::tenant::TenantId;
/// use http::{HeaderMap, Method, Uri};
/// # let now = countersign::testing::NOW;
///
/// let mut headers = HeaderMap::new();
/// headers.insert("x-twilio-signature", "RSOYDt4T1cUTdK1PDd93/VVr8B8=".parse()?);
/// headers.insert("content-type", "application/x-www-form-urlencoded".parse()?);
/// let body = "CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&From=%2B14158675309&To=%2B18005551212";
/// let (method, uri) = (Method::POST, Uri::from_static("/myapp.php?foo=1&bar=2"));
/// let message = Message::new(&method, &uri, &headers, body.as_bytes(), now);
///
/// // The secret was entered with a space behind it.
/// let inquiry = ProviderInquiry::twilio(Origin::parse("https://mycompany.com")?)
///     .key(TenantId::parse("acme")?, "2026", Secret::new("12345 "));
/// let report = explain::provider(&inquiry, &message);
/// assert_eq!(report.diagnoses[0].mistake, Mistake::SecretSpace, "{report}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct ProviderInquiry {
    pub(super) family: Family,
    pub(super) entered: Vec<Entered>,
    pub(super) known: Vec<Entered>,
    pub(super) urls: Vec<Uri>,
    pub(super) names: Vec<String>,
}

impl ProviderInquiry {
    /// About Adyen's standard webhooks.
    pub fn adyen() -> Self {
        Self::about(Family::Adyen)
    }

    /// About HubSpot's signatures of version 1.
    pub fn hubspot_version_1() -> Self {
        Self::about(Family::HubSpot(None))
    }

    /// About HubSpot's signatures of version 2, which cover the URL.
    pub fn hubspot_version_2(origin: Origin) -> Self {
        Self::about(Family::HubSpot(Some(origin)))
    }

    /// About Twilio's webhooks to this origin.
    pub fn twilio(origin: Origin) -> Self {
        Self::about(Family::Twilio(origin))
    }

    /// About PayPal's webhooks, as this verifies them.
    pub fn paypal(verifier: PayPalVerifier) -> Self {
        Self::about(Family::PayPal(verifier.into()))
    }

    /// About messages of AWS SNS, as this verifies them.
    pub fn sns(verifier: SnsVerifier) -> Self {
        Self::about(Family::Sns(verifier.into()))
    }

    /// About eBay's notifications, as this verifies them.
    pub fn ebay(verifier: EbayVerifier) -> Self {
        Self::about(Family::Ebay(verifier.into()))
    }

    fn about(family: Family) -> Self {
        Self {
            family,
            entered: Vec::new(),
            known: Vec::new(),
            urls: Vec::new(),
            names: Vec::new(),
        }
    }

    /// A secret that the receiver verifies with, as it was entered there. PayPal, SNS and eBay have none.
    pub fn key(mut self, tenant: TenantId, id: impl Into<KeyId>, secret: Secret) -> Self {
        let place = self.entered.len() + 1;
        self.entered.push(Entered::new(tenant, id.into(), secret, place));
        self
    }

    /// Another secret that the operator knows, and the receiver does not verify with.
    pub fn also_known(mut self, tenant: TenantId, id: impl Into<KeyId>, secret: Secret) -> Self {
        let place = self.entered.len() + self.known.len() + 1;
        self.known.push(Entered::new(tenant, id.into(), secret, place));
        self
    }

    /// A URL under which the sender may know the endpoint, for schemes that sign it: as it is outside of a proxy.
    pub fn also_called(mut self, url: Uri) -> Self {
        self.urls.push(url);
        self
    }

    /// The id of another webhook of one's own at PayPal: of another environment, of another app.
    pub fn also_named(mut self, webhook: impl Into<String>) -> Self {
        self.names.push(webhook.into());
        self
    }

    /// The ring that the receiver has, of what can be taken; none, where nothing was entered because nothing is.
    pub(super) fn keys(&self) -> Option<Keys> {
        self.family.spec().map(|spec| Keys::of(&self.entered, &spec))
    }
}

/// The reasons why a message is such a provider's, or why it is not: as [`payload`](fn@super::payload) says them of schemes that are
/// data.
///
/// # Security
/// As for [`payload`](fn@super::payload).
pub fn provider(inquiry: &ProviderInquiry, message: &Message<'_>) -> PayloadReport {
    let (family, keys) = (&inquiry.family, inquiry.keys());
    let all = inquiry.entered.iter().chain(&inquiry.known);
    let hidden = Hidden::of(all, family.spec().as_ref());
    let decided = family.decide(inquiry, message);
    let findings = findings(inquiry, keys.as_ref(), message, &decided);
    let mut report = PayloadReport::new(decided.clone().map_err(Refusal::from), findings);
    report.signed = family
        .signed(inquiry, message)
        .map(|text| hidden.shown(&text, text.len()));
    if let Err(why) = &decided {
        search(inquiry, message, why, &mut report);
        if report.diagnoses.is_empty() {
            report.diagnoses = family.guesses(message, why);
            report.diagnoses.extend(guesses::of_body(message));
        }
    }
    hidden.from(report)
}

fn search(inquiry: &ProviderInquiry, message: &Message<'_>, why: &NotAuthentic, report: &mut PayloadReport) {
    let family = &inquiry.family;
    let verify = |message: &Message<'_>| family.at_any_time().decide(inquiry, message);
    let asked = Asked::Provider {
        verify: &verify,
        covers_request: family.origin().is_some(),
        urls: &inquiry.urls,
    };
    let mut search = Search::about(asked, message);
    let keys: Vec<_> = inquiry.entered.iter().chain(&inquiry.known).collect();
    let _ = family.each_variant(inquiry, message, why, &mut |mistake, detail, verify| {
        search.decides(verify, &[(mistake, detail)], message)
    }) || layouts::schemes_beside(&mut search, family.name(), family.origin(), &keys);
    search.run(report);
}

/// Each check that can be seen from outside, and the one that failed.
fn findings(
    inquiry: &ProviderInquiry,
    keys: Option<&Keys>,
    message: &Message<'_>,
    decided: &Result<(), NotAuthentic>,
) -> Vec<Finding<PayloadCheck>> {
    let fields = walk::counted(&inquiry.family.fields(), message);
    let seen = [
        Some((PayloadCheck::Fields, fields)),
        keys.map(|keys| (PayloadCheck::Keys, keys.seen())),
    ];
    let mut last = walk::of_verdict(decided, message);
    let mut findings = Vec::new();
    for (check, seen) in seen.into_iter().flatten() {
        if check == last.check {
            last.seen = seen;
            continue;
        }
        let is_reached = last.check > PayloadCheck::Fields;
        findings.push(Finding {
            check,
            outcome: if is_reached {
                CheckOutcome::Passed
            } else {
                CheckOutcome::NotReached
            },
            seen,
            expected: check.expected(),
            reason: None,
        });
    }
    if last.check == PayloadCheck::Match {
        last.seen = inquiry.family.seen(inquiry, message).unwrap_or(last.seen);
    }
    findings.push(last);
    findings.sort_by_key(|finding| finding.check);
    findings
}

impl fmt::Debug for ProviderInquiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProviderInquiry")
            .field("provider", &self.family.name())
            .field("keys", &self.entered.len())
            .field("known", &self.known.len())
            .finish_non_exhaustive()
    }
}
