//! Explanations of a signature that does not count: every check, the bytes that are signed, and the mistake that explains it.

mod bodies;
mod checks;
mod families;
mod fields;
mod guesses;
mod hidden;
mod inquiry;
mod json;
mod layouts;
mod mistake;
mod provider;
mod report;
mod search;
mod secrets;
mod targets;
mod walk;

use crate::payload::{Message, NotAuthentic, VerifyPayload};
use crate::refusal::Refusal;

pub use checks::PayloadCheck;
pub use inquiry::PayloadInquiry;
pub use mistake::{Mistake, MistakeEntry};
pub use provider::{ProviderInquiry, provider};
pub use report::{Certainty, Diagnosis, PayloadReport};

use hidden::Hidden;
use search::Search;

/// The reasons why a message is its sender's by this scheme and these keys, or why it is not: all checks, the bytes that are signed,
/// and the mistakes that explain a signature which does not match.
///
/// The verdict is the verifier's. A mistake is [`Certainty::Proven`] where the signature matches once the mistake is undone: by the same
/// verifier, on a changed copy of message, secret or scheme. Everything else is a [`Certainty::Guess`] by shape. Where a signature
/// matches at another time only, the mistake is found all the same, so that an old delivery can be looked into.
///
/// # Security
/// For operators only: it says of a message what its sender must not learn, and does some thousand verifications
/// ([`PayloadReport::attempts`] counts them). No secret that was given is in the report.
///
/// ```
/// use countersign::explain::{self, Mistake, PayloadInquiry};
/// use countersign::payload::{Message, Scheme, Secret};
/// use countersign::tenant::TenantId;
/// use http::{HeaderMap, Method, Uri};
/// # let now = countersign::testing::NOW;
///
/// let inquiry = PayloadInquiry::new(Scheme::github())
///     .key(TenantId::parse("octo-corp")?, "2026", Secret::new("It's a Secret to Everybody"));
/// let mut headers = HeaderMap::new();
/// let signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
/// headers.insert("x-hub-signature-256", signature.parse()?);
/// let (method, uri) = (Method::POST, Uri::from_static("/hooks"));
///
/// let message = Message::new(&method, &uri, &headers, b"Hello, World!\n", now);
/// let report = explain::payload(&inquiry, &message);
/// assert_eq!(report.verdict.as_ref().map_err(|why| why.code()), Err("payload.signature_mismatch"));
/// assert_eq!(report.diagnoses[0].mistake, Mistake::NewlineAdded);
/// assert!(report.to_string().contains("PROVEN"), "{report}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn payload(inquiry: &PayloadInquiry, message: &Message<'_>) -> PayloadReport {
    let all = inquiry.entered.iter().chain(&inquiry.known);
    let hidden = Hidden::of(all, Some(&inquiry.trial.spec()));
    let keys = inquiry.keys();
    let decided = inquiry.trial.verify(&keys.ring, message).map(|_| ());
    let walk = walk::walk(inquiry, &keys, message, &decided, &hidden);
    let mut report = PayloadReport::new(decided.map_err(Refusal::from), walk);
    report.signed = hidden.signed(&inquiry.trial, message);
    if report.verdict.is_err() {
        Search::new(inquiry, &keys, message).run(&mut report);
        if report.diagnoses.is_empty() {
            report.diagnoses = guesses::all(inquiry, message, &report.verdict);
        }
    }
    hidden.from(report)
}

/// The same of any verifier: of tokens, of HTTP message signatures, of providers whose scheme is no data, or of your own.
///
/// Its keys cannot be changed from outside, so only mistakes of the message are tried: of its body and its target.
///
/// ```
/// use countersign::explain::{self, Mistake};
/// use countersign::payload::{Keyring, Message, Origin, Secret, providers::TwilioVerifier};
/// use countersign::tenant::TenantId;
/// use http::{HeaderMap, Method, Uri};
/// # let now = countersign::testing::NOW;
///
/// let keys = Keyring::builder(TwilioVerifier::KEYS)
///     .allow_weak_secrets()
///     .key(TenantId::parse("acme")?, "2026", Secret::new("12345"))
///     .build()?;
/// let verifier = TwilioVerifier::new(Origin::parse("https://mycompany.com")?, keys);
/// let mut headers = HeaderMap::new();
/// headers.insert("x-twilio-signature", "RSOYDt4T1cUTdK1PDd93/VVr8B8=".parse()?);
/// headers.insert("content-type", "application/x-www-form-urlencoded".parse()?);
/// let body = "CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&From=%2B14158675309&To=%2B18005551212";
///
/// // The router has taken the query off.
/// headers.insert("x-original-uri", "/myapp.php?foo=1&bar=2".parse()?);
/// let (method, uri) = (Method::POST, Uri::from_static("/myapp.php"));
/// let report = explain::signature(&verifier, &Message::new(&method, &uri, &headers, body.as_bytes(), now));
/// assert_eq!(report.diagnoses[0].mistake, Mistake::Query);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn signature(verifier: &dyn VerifyPayload, message: &Message<'_>) -> PayloadReport {
    let decided: Result<(), NotAuthentic> = verifier.verify_payload(message).map(|_| ());
    let findings = vec![walk::of_verdict(&decided, message)];
    let mut report = PayloadReport::new(decided.map_err(Refusal::from), findings);
    if report.verdict.is_err() {
        let verify = |message: &Message<'_>| verifier.verify_payload(message).map(|_| ());
        Search::of_verifier(&verify, message).run(&mut report);
        if report.diagnoses.is_empty() {
            report.diagnoses = guesses::of_body(message);
        }
    }
    report
}
