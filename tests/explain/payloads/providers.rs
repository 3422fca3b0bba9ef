//! Providers whose scheme is a type of its own: Adyen, eBay, HubSpot, PayPal, AWS SNS, Twilio.

mod said;

use std::sync::{Arc, LazyLock};

use countersign::explain::{Certainty, Mistake, ProviderInquiry};
use countersign::payload::providers::{
    AdyenVerifier, EbaySigner, EbayVerifier, HubSpotLegacy, PayPalSigner, PayPalVerifier, SnsSigner,
    SnsVerifier, TwilioVerifier,
};
use countersign::payload::public_key::SignBytes;
use countersign::payload::{Keyring, NoKey, Origin, Outgoing, Scheme, Secret, SignPayload};
use countersign::testing::{KeyAlgorithm, NOW, TestCa, TestCert};
use countersign::tls::RustlsKey;
use http::{Method, Uri};
use rustls::SignatureScheme;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, SignatureVerificationAlgorithm};
use serde_json::{Value, json};

use super::mail::{HEX, Mail, OTHER, SECRET, acme, secret};
use super::{Case, proven};
use crate::ebay_key::EbayKey;
use crate::sha1::{EcdsaSha1, RsaSha1};

pub(crate) const BODY: &[u8] = b"{\"id\":\"WH-1\",\"amount\":10}";
pub(crate) const WEBHOOK: &str = "1JE4291016473214C";
pub(crate) const PAYPAL: &str = "https://api.paypal.com/v1/notifications/certs/CERT-1";
pub(crate) const TOPIC: &str = "arn:aws:sns:us-east-1:123456789012:orders";
pub(crate) const SNS: &str = "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-1.pem";

pub(super) fn cases() -> Vec<Case> {
    [adyen(), hubspot(), twilio(), paypal(), sns(), ebay()]
        .into_iter()
        .flatten()
        .collect()
}

fn guess(case: Case) -> Case {
    Case {
        certainty: Certainty::Guess,
        ..case
    }
}

pub(crate) fn origin(text: &str) -> Origin {
    Origin::parse(text).expect("an origin")
}

fn of(inquiry: ProviderInquiry, text: &str) -> ProviderInquiry {
    inquiry.key(acme(), "2026", secret(text))
}

/// Signed by this signer, for `/hooks`.
pub(crate) fn signed(signer: &dyn SignPayload, body: &[u8]) -> Mail {
    let (tenant, uri) = (acme(), Uri::from_static("/hooks"));
    let outgoing = Outgoing::new(&tenant, "delivery-1", body, NOW).with_request(&Method::POST, &uri);
    let headers = signer.sign_payload(&outgoing).expect("signed");
    Mail::unsigned(body).with_headers(headers)
}

// --- Adyen ----------------------------------------------------------------------------------------------------------

pub(crate) const ADYEN: &str = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056";

pub(crate) fn batch(key: &str) -> Value {
    let item = |reference: &str| {
        let amount = json!({"value": 1130, "currency": "EUR"});
        let item = json!({"pspReference": reference, "merchantAccountCode": "Acme", "merchantReference": "r:1",
            "amount": amount, "eventCode": "AUTHORISATION", "success": "true"});
        json!({"NotificationRequestItem": item})
    };
    let body =
        json!({"live": "false", "notificationItems": [item("7914073381342284"), item("7914073381342285")]});
    let keys = Keyring::builder(AdyenVerifier::KEYS).key(acme(), "2026", secret(key));
    let verifier = AdyenVerifier::new(keys.build().expect("a key"));
    let (tenant, body) = (acme(), body.to_string());
    let batch = verifier.sign(&Outgoing::new(&tenant, "1", body.as_bytes(), NOW));
    serde_json::from_slice(&batch.expect("signed")).expect("JSON")
}

fn adyen() -> Vec<Case> {
    let mail = |batch: &Value| Mail::unsigned(batch.to_string().as_bytes());
    let good = || mail(&batch(ADYEN));
    let inquiry = |key| of(ProviderInquiry::adyen(), key);
    let changed = |change: fn(&mut Value)| {
        let mut batch = batch(ADYEN);
        change(&mut batch["notificationItems"][1]["NotificationRequestItem"]);
        mail(&batch)
    };
    let other = HEX.repeat(2);
    let known = inquiry(ADYEN).also_known(acme(), "live", secret(&other));
    let platform = Mail::signed(&Scheme::adyen_platform(), ADYEN, BODY);
    vec![
        proven(
            "Adyen, one item changed",
            Mistake::SomeItems,
            (
                inquiry(ADYEN),
                changed(|item| item["amount"]["value"] = 9130.into()),
            ),
            (inquiry(ADYEN), good()),
        ),
        proven(
            "Adyen, the key of the live environment",
            Mistake::OtherKey,
            (known, mail(&batch(&other))),
            (inquiry(&other), mail(&batch(&other))),
        ),
        proven(
            "Adyen, a space behind the key",
            Mistake::SecretSpace,
            (inquiry(&format!("{ADYEN} ")), good()),
            (inquiry(ADYEN), good()),
        ),
        guess(proven(
            "Adyen, no key for this webhook",
            Mistake::NotSigned,
            (inquiry(ADYEN), changed(|item| item["additionalData"] = json!({}))),
            (inquiry(ADYEN), good()),
        )),
        platforms(platform, inquiry(ADYEN)),
    ]
}

/// The platform's webhooks have a scheme that is data: another inquiry mends it.
fn platforms(mail: Mail, wrong: ProviderInquiry) -> Case {
    let mut case = proven(
        "Adyen's platform",
        Mistake::OtherScheme,
        (wrong.clone(), mail.clone()),
        (wrong, mail),
    );
    case.mended.0 = super::mail::of(Scheme::adyen_platform(), ADYEN).into();
    case
}

// --- HubSpot, Twilio ------------------------------------------------------------------------------------------------

fn hubspot() -> Vec<Case> {
    let (first, outside) = (ProviderInquiry::hubspot_version_1, "https://hooks.example");
    let second = |at: &str| of(ProviderInquiry::hubspot_version_2(origin(at)), SECRET);
    let signer = HubSpotLegacy::version_1(acme(), &Secret::new(SECRET)).expect("a secret");
    let by_url = HubSpotLegacy::version_2(acme(), &Secret::new(SECRET), &origin(outside)).expect("a secret");
    let (one, two) = (
        signed(&signer, BODY),
        signed(&by_url, BODY).with_field("host", "hooks.example"),
    );
    let third = Mail::signed(&Scheme::hubspot(&origin(outside)), SECRET, BODY);
    let mut newest = proven(
        "HubSpot's third",
        Mistake::OtherScheme,
        (second(outside), third.clone()),
        (second(outside), third),
    );
    newest.mended.0 = super::mail::of(Scheme::hubspot(&origin(outside)), SECRET).into();
    vec![
        newest,
        proven(
            "HubSpot's second for its first",
            Mistake::OtherScheme,
            (of(first(), SECRET), two.clone()),
            (second(outside), two.clone()),
        ),
        proven(
            "HubSpot's first for its second",
            Mistake::OtherScheme,
            (second(outside), one.clone()),
            (of(first(), SECRET), one.clone()),
        ),
        proven(
            "HubSpot, the URL as it is inside",
            Mistake::UrlScheme,
            (second("http://hooks.example"), two.clone()),
            (second(outside), two.clone()),
        ),
        proven(
            "HubSpot, another path inside",
            Mistake::PathPrefix,
            (
                second(outside),
                two.clone().to("/in").with_field("x-original-uri", "/hooks"),
            ),
            (second(outside), two),
        ),
        proven(
            "HubSpot, a secret in quotes",
            Mistake::SecretQuotes,
            (of(first(), &format!("\"{SECRET}\"")), one.clone()),
            (of(first(), SECRET), one.clone()),
        ),
        proven(
            "HubSpot, a line's end",
            Mistake::NewlineAdded,
            (
                of(first(), SECRET),
                one.clone().with_body(&[BODY, b"\n"].concat()),
            ),
            (of(first(), SECRET), one),
        ),
    ]
}

fn twilio() -> Vec<Case> {
    let ring = |key: &str| Keyring::builder(TwilioVerifier::KEYS).key(acme(), "2026", secret(key));
    let outside = "https://hooks.example";
    let signer = |key| TwilioVerifier::new(origin(outside), ring(key).build().expect("a key"));
    let inquiry = |at: &str| of(ProviderInquiry::twilio(origin(at)), SECRET);
    let form = b"Body=hello+there&From=%2B14158675309";
    let mail = |key| signed(&signer(key), form);
    let known = inquiry(outside).also_known(acme(), "other account", secret(OTHER));
    vec![
        proven(
            "Twilio, the token of another account",
            Mistake::OtherKey,
            (known, mail(OTHER)),
            (of(ProviderInquiry::twilio(origin(outside)), OTHER), mail(OTHER)),
        ),
        proven(
            "Twilio, http inside",
            Mistake::UrlScheme,
            (inquiry("http://hooks.example"), mail(SECRET)),
            (inquiry(outside), mail(SECRET)),
        ),
    ]
}

// --- PayPal, AWS SNS, eBay ------------------------------------------------------------------------------------------

pub(crate) static CERTIFICATE: LazyLock<TestCert> = LazyLock::new(|| {
    let authority = TestCa::new("A public authority");
    let server = authority.server("api.paypal.com");
    server.key_algorithm(KeyAlgorithm::Rsa2048).issue()
});

pub(crate) fn rsa_key() -> Arc<dyn SignBytes> {
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let key = provider.key_provider.load_private_key(CERTIFICATE.key());
    let key = RustlsKey::new(key.expect("a key"), SignatureScheme::RSA_PKCS1_SHA256);
    Arc::new(key.expect("RSA"))
}

fn certificate(_: &str) -> Result<CertificateDer<'static>, NoKey> {
    Ok(CERTIFICATE.leaf().clone())
}

fn algorithms() -> &'static [&'static dyn SignatureVerificationAlgorithm] {
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    provider.signature_verification_algorithms.all
}

fn paypal() -> Vec<Case> {
    let inquiry = |webhook| {
        let verifier = PayPalVerifier::new(acme(), webhook, certificate, algorithms());
        ProviderInquiry::paypal(verifier.expect("RSA"))
    };
    let mail = |webhook| signed(&PayPalSigner::new(acme(), webhook, PAYPAL, rsa_key()), BODY);
    let good = || (inquiry(WEBHOOK), mail(WEBHOOK));
    let case = |name, mistake, wrong| proven(name, mistake, (inquiry(WEBHOOK), wrong), good());
    vec![
        proven(
            "PayPal, the webhook of the sandbox",
            Mistake::OtherWebhook,
            (
                inquiry("8PT597110X687430LKGECATA").also_named(WEBHOOK),
                mail(WEBHOOK),
            ),
            good(),
        ),
        case("PayPal's simulator", Mistake::Simulated, mail("WEBHOOK_ID")),
        case(
            "PayPal, the JSON written anew",
            Mistake::JsonWhiteSpace,
            mail(WEBHOOK).with_body(b"{\"id\": \"WH-1\", \"amount\": 10}"),
        ),
        case("PayPal, late", Mistake::Late, mail(WEBHOOK).arriving_after(3600)),
        guess(case(
            "PayPal, a field lost",
            Mistake::FieldLost,
            mail(WEBHOOK).without_field("paypal-cert-url"),
        )),
    ]
}

fn sns() -> Vec<Case> {
    let mut all = algorithms().to_vec();
    all.push(&RsaSha1);
    let inquiry = |topic| {
        let verifier = SnsVerifier::new(acme(), topic, certificate, algorithms());
        ProviderInquiry::sns(verifier.expect("RSA"))
    };
    let tenant = acme();
    let body = SnsSigner::new(acme(), TOPIC, SNS, rsa_key())
        .sign(&Outgoing::new(&tenant, "1", "caf\u{e9}".as_bytes(), NOW))
        .expect("signed");
    let good = || (inquiry(TOPIC), Mail::unsigned(&body));
    let raw = Mail::unsigned(b"hello").with_field("x-amz-sns-rawdelivery", "true");
    let twice: String = body.iter().copied().map(char::from).collect();
    let (old, theirs) = version_1();
    let old_inquiry = |algorithms: &[&'static dyn SignatureVerificationAlgorithm]| {
        let theirs = theirs.clone();
        let find = move |_: &str| Ok::<_, NoKey>(theirs.clone());
        let verifier = SnsVerifier::new(
            acme(),
            "arn:aws:sns:us-east-1:123456789012:topic",
            find,
            algorithms,
        );
        ProviderInquiry::sns(verifier.expect("RSA"))
    };
    vec![
        proven(
            "SNS, another topic",
            Mistake::OtherTopic,
            (inquiry("arn:aws:sns:us-east-1:123456789012:other"), good().1),
            good(),
        ),
        proven(
            "SNS, read as Latin-1",
            Mistake::Charset,
            (inquiry(TOPIC), Mail::unsigned(twice.as_bytes())),
            good(),
        ),
        guess(proven(
            "SNS, raw",
            Mistake::RawDelivery,
            (inquiry(TOPIC), raw),
            good(),
        )),
        guess(proven(
            "SNS, version 1",
            Mistake::Digest,
            (old_inquiry(algorithms()), old.clone()),
            (old_inquiry(&all), old),
        )),
    ]
}

/// As SNS signs where the topic was not told otherwise, with its certificate: signed with openssl.
fn version_1() -> (Mail, CertificateDer<'static>) {
    let text = include_str!("../../vectors/rsa.toml");
    let vectors: toml::Value = toml::from_str(text).expect("TOML");
    let messages = vectors["sns"].as_array().expect("messages");
    let is_old = |vector: &&toml::Value| vector["name"].as_str() == Some("version 1");
    let old = messages.iter().find(is_old).expect("a message");
    let body = old["body"].as_str().expect("a body").as_bytes();
    let certificate = vectors["certificate"].as_str().expect("a certificate").as_bytes();
    let certificate = CertificateDer::from_pem_slice(certificate).expect("PEM");
    (
        Mail::unsigned(body).arriving_after(1_800_000_000 - NOW.as_secs()),
        certificate,
    )
}

fn ebay() -> Vec<Case> {
    let shown = EbayKey::new(7).shown();
    let find = move |_: &str| Ok::<_, NoKey>(shown.clone());
    let verifier = EbayVerifier::new(acme(), find, &[&EcdsaSha1]).expect("provided");
    let mail = signed(&EbaySigner::new(acme(), "key-1", Arc::new(EbayKey::new(7))), BODY);
    let good = || (ProviderInquiry::ebay(verifier.clone()), mail.clone());
    vec![proven(
        "eBay, the JSON written anew",
        Mistake::JsonWhiteSpace,
        (
            good().0,
            mail.clone().with_body(b"{\"id\": \"WH-1\", \"amount\": 10}"),
        ),
        good(),
    )]
}
