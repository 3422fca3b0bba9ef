use std::sync::Arc;

use countersign::payload::providers::{
    AdyenVerifier, EbaySigner, EbayVerifier, HubSpotLegacy, PayPalSigner, PayPalVerifier, SnsSigner,
    SnsVerifier, TwilioVerifier,
};
use countersign::payload::public_key::SignBytes;
use countersign::payload::{NoKey, Secret, SignPayload as _};
use countersign::tenant::TenantId;
use countersign::testing::{KeyAlgorithm, TestCa, TestCert};
use countersign::tls::RustlsKey;
use http::{HeaderMap, Uri};
use rustls::SignatureScheme;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls_pki_types::CertificateDer;

use crate::ebay_key::EbayKey;
use crate::keys::{algorithms, ring, test_key};
use crate::sender::{Sender, Verifies, acme, origin};
use crate::sha1::EcdsaSha1;

const SECRETS: [&str; 2] = [
    "a secret of no more than a test",
    "another secret, of nobody at all",
];
const TOPIC: &str = "arn:aws:sns:us-east-1:123456789012:topic";
const SNS: &str = "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-1.pem";
const PAYPAL: &str = "https://api.paypal.com/v1/notifications/certs/CERT-1";
const WEBHOOK: &str = "1JE4291016473214C";

/// The providers whose schemes are types of their own.
pub fn families() -> Vec<Sender> {
    let ca = TestCa::new("A public authority");
    let issue = |is_own| {
        let key = test_key(KeyAlgorithm::Rsa2048, is_own);
        Arc::new(ca.server("api.paypal.com").with_key(key).issue())
    };
    let [own, other] = [true, false].map(issue);
    vec![
        twilio(),
        adyen(),
        hub_spot(1),
        hub_spot(2),
        sns(&own, &other),
        pay_pal(&own, &other),
        ebay(),
    ]
}

fn key(cert: &TestCert) -> Arc<dyn SignBytes> {
    let key = RustlsKey::from_pem(
        &default_provider(),
        SignatureScheme::RSA_PKCS1_SHA256,
        cert.key_pem().as_bytes(),
    );
    Arc::new(key.expect("RSA"))
}

/// The certificate of whoever is asked for it: a provider, over HTTPS, as another reader of URLs sees it too.
fn published(cert: &Arc<TestCert>) -> impl Fn(&str) -> Result<CertificateDer<'static>, NoKey> + use<> {
    let cert = Arc::clone(cert);
    move |url: &str| {
        let read = url.parse::<Uri>().expect("a URL");
        let host = read.host().expect("a host").to_ascii_lowercase();
        let of_sns = host.starts_with("sns.")
            && (host.ends_with(".amazonaws.com") || host.ends_with(".amazonaws.com.cn"));
        assert_eq!(read.scheme_str(), Some("https"), "{url}");
        assert!(matches!(read.port_u16(), None | Some(443)), "{url}");
        assert!(
            of_sns || host.ends_with(".paypal.com"),
            "nobody else is asked: {url}"
        );
        Ok(cert.leaf().clone())
    }
}

fn twilio() -> Sender {
    let verifies = |tenant, number| {
        Verifies::Wholly(Arc::new(TwilioVerifier::new(
            origin(),
            ring(TwilioVerifier::KEYS, tenant, number),
        )))
    };
    let signer = TwilioVerifier::new(origin(), ring(TwilioVerifier::KEYS, "acme", 1));
    Sender {
        name: "twilio",
        signs: Box::new(move |outgoing| Ok((signer.sign_payload(outgoing)?, outgoing.body.to_vec()))),
        verifies: verifies("acme", 1),
        others: verifies("globex", 2),
    }
}

fn adyen() -> Sender {
    let verifier = |tenant, number| AdyenVerifier::new(ring(AdyenVerifier::KEYS, tenant, number));
    let verifies = |verifier: AdyenVerifier| {
        Verifies::Partly(Box::new(move |message| verifier.recognize(message).map(drop)))
    };
    let signer = verifier("acme", 1);
    Sender {
        name: "adyen",
        signs: Box::new(move |outgoing| Ok((HeaderMap::new(), signer.sign(outgoing)?))),
        verifies: verifies(verifier("acme", 1)),
        others: verifies(verifier("globex", 2)),
    }
}

fn hub_spot(version: u8) -> Sender {
    let verifier = |tenant: &str, secret| {
        let (tenant, secret) = (TenantId::parse(tenant).expect("a tenant"), &Secret::new(secret));
        let verifier = match version {
            1 => HubSpotLegacy::version_1(tenant, secret),
            _ => HubSpotLegacy::version_2(tenant, secret, &origin()),
        };
        verifier.expect("a secret")
    };
    let verifies = |verifier: HubSpotLegacy| {
        Verifies::Partly(Box::new(move |message| verifier.recognize(message).map(drop)))
    };
    let signer = verifier("acme", SECRETS[0]);
    Sender {
        name: "hubspot_legacy",
        signs: Box::new(move |outgoing| Ok((signer.sign_payload(outgoing)?, outgoing.body.to_vec()))),
        verifies: verifies(verifier("acme", SECRETS[0])),
        others: verifies(verifier("globex", SECRETS[1])),
    }
}

fn sns(own: &Arc<TestCert>, other: &Arc<TestCert>) -> Sender {
    let verifies = |cert| {
        let verifier = SnsVerifier::new(acme(), TOPIC, published(cert), algorithms()).expect("RSA");
        Verifies::Partly(Box::new(move |message| verifier.recognize(message).map(drop)))
    };
    let signer = SnsSigner::new(acme(), TOPIC, SNS, key(own));
    Sender {
        name: "aws_sns",
        signs: Box::new(move |outgoing| Ok((HeaderMap::new(), signer.sign(outgoing)?))),
        verifies: verifies(own),
        others: verifies(other),
    }
}

fn pay_pal(own: &Arc<TestCert>, other: &Arc<TestCert>) -> Sender {
    let verifies = |cert| {
        let verifier = PayPalVerifier::new(acme(), WEBHOOK, published(cert), algorithms()).expect("RSA");
        Verifies::Partly(Box::new(move |message| verifier.recognize(message).map(drop)))
    };
    let signer = PayPalSigner::new(acme(), WEBHOOK, PAYPAL, key(own));
    Sender {
        name: "paypal",
        signs: Box::new(move |outgoing| Ok((signer.sign_payload(outgoing)?, outgoing.body.to_vec()))),
        verifies: verifies(own),
        others: verifies(other),
    }
}

fn ebay() -> Sender {
    let verifies = |number| {
        let shown = EbayKey::new(number).shown();
        // The name of the key goes into a URL of eBay's.
        let find = move |id: &str| {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
            assert!(!id.is_empty() && id.bytes().all(plain), "{id:?} is asked for");
            Ok::<_, NoKey>(shown.clone())
        };
        Verifies::Wholly(Arc::new(
            EbayVerifier::new(acme(), find, &[&EcdsaSha1]).expect("provided"),
        ))
    };
    let signer = EbaySigner::new(
        acme(),
        "9936261a-7d7b-4621-a0f1-964bbab1fbb0",
        Arc::new(EbayKey::new(1)),
    );
    Sender {
        name: "ebay",
        signs: Box::new(move |outgoing| Ok((signer.sign_payload(outgoing)?, outgoing.body.to_vec()))),
        verifies: verifies(1),
        others: verifies(2),
    }
}
