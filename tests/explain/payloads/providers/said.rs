//! What is said beside the verdict: of items, texts, fields, keys and certificates.

use countersign::explain::{self, Mistake, PayloadCheck, ProviderInquiry};
use countersign::payload::NoKey;
use countersign::payload::providers::{PayPalSigner, PayPalVerifier};
use countersign::testing::NOW;
use http::{HeaderMap, Method, Uri};

use super::{
    ADYEN, BODY, Mail, PAYPAL, SECRET, WEBHOOK, acme, algorithms, batch, of, origin, rsa_key, signed,
};

/// Whose item it is, and what is signed of it.
#[test]
fn which_item_of_a_batch_is_wrong_is_said() {
    let mut batch = batch(ADYEN);
    batch["notificationItems"][1]["NotificationRequestItem"]["success"] = "false".into();
    let mail = Mail::unsigned(batch.to_string().as_bytes());
    let report = explain::provider(&of(ProviderInquiry::adyen(), ADYEN), &mail.message());
    let text = report.to_string();
    let shown = "item 2 of 2 is not right: \"7914073381342285::Acme:r:1:1130:EUR:AUTHORISATION:false\"";
    assert!(text.contains(shown), "{text}");
    let signed = "7914073381342284::Acme:r:1:1130:EUR:AUTHORISATION:true\\n7914073381342285::";
    assert!(text.contains(signed), "{text}");
}

#[test]
fn what_is_signed_is_shown_without_the_secret() {
    let cases = [
        (
            of(
                ProviderInquiry::hubspot_version_2(origin("https://hooks.example")),
                SECRET,
            ),
            "\"(secret)POSThttps://hooks.example/hooks{\\\"id\\\"",
        ),
        (
            of(ProviderInquiry::twilio(origin("https://hooks.example")), SECRET),
            "what is signed",
        ),
    ];
    let hubspot = explain::provider(&cases[0].0, &Mail::unsigned(BODY).message());
    let (shown, _) = hubspot.signed.clone().expect("what is signed");
    assert!(shown.starts_with(cases[0].1), "{shown}");
    assert!(!hubspot.to_string().contains(&SECRET[..4]), "{hubspot}");
    // JSON without its hash in the URL is nothing that Twilio signs.
    let twilio = explain::provider(&cases[1].0, &Mail::unsigned(BODY).message());
    assert_eq!(twilio.signed, None, "{twilio}");
}

/// Each check that can be seen from outside, in its order.
#[test]
fn fields_and_keys_are_checked_beside_the_verdict() {
    let inquiry = of(ProviderInquiry::hubspot_version_1(), SECRET);
    let unsigned = explain::provider(&inquiry, &Mail::unsigned(BODY).message());
    let checks: Vec<_> = unsigned.findings.iter().map(|finding| finding.check).collect();
    assert_eq!(checks, [PayloadCheck::Fields, PayloadCheck::Keys], "{unsigned}");
    assert!(
        unsigned.to_string().contains("x-hubspot-signature is absent"),
        "{unsigned}"
    );
    let short = of(ProviderInquiry::adyen(), "no hexadecimal at all");
    let report = explain::provider(
        &short,
        &Mail::unsigned(batch(ADYEN).to_string().as_bytes()).message(),
    );
    assert!(
        report
            .to_string()
            .contains("0 that can be used; key \"2026\" of acme: "),
        "{report}"
    );
}

/// A certificate that could not be fetched is an outage, and no mistake of the message.
#[test]
fn what_was_not_fetched_is_said() {
    let verifier = PayPalVerifier::new(acme(), WEBHOOK, |_: &str| Err(NoKey::Unavailable), algorithms());
    let inquiry = ProviderInquiry::paypal(verifier.expect("RSA"));
    let mail = signed(&PayPalSigner::new(acme(), WEBHOOK, PAYPAL, rsa_key()), BODY);
    let report = explain::provider(&inquiry, &mail.message());
    assert_eq!(
        report.findings.last().map(|finding| finding.check),
        Some(PayloadCheck::Keys),
        "{report}"
    );
    assert_eq!(report.diagnoses, [], "{report}");
    let headers = HeaderMap::new();
    let (method, uri) = (Method::POST, Uri::from_static("/"));
    let empty = countersign::payload::Message::new(&method, &uri, &headers, b"", NOW);
    assert_eq!(
        explain::provider(&inquiry, &empty).diagnoses[0].mistake,
        Mistake::NotSigned
    );
}
