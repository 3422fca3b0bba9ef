//! Deliveries that providers publish, and that no row of vectors can hold.

use countersign::payload::providers::PayPalVerifier;
use countersign::payload::{Message, NoKey, Strength};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde::Deserialize;

use crate::vectors::{algorithms, at, tenant};

#[derive(Deserialize)]
struct PayPal {
    webhook: String,
    transmission: String,
    time: String,
    signature: String,
    body: String,
    certificate: String,
}

/// 2017-03-30T20:04:05Z.
const SENT: u64 = 1_490_904_245;
const URL: &str = "https://api.sandbox.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-a5cafa77";

impl PayPal {
    fn headers(&self) -> HeaderMap {
        [
            ("paypal-transmission-id", &*self.transmission),
            ("paypal-transmission-time", &*self.time),
            ("paypal-transmission-sig", &*self.signature),
            ("paypal-cert-url", URL),
            ("paypal-auth-algo", "SHA256withRSA"),
        ]
        .into_iter()
        .map(|(name, value)| {
            let value = HeaderValue::try_from(value).expect("a value");
            (HeaderName::from_static(name), value)
        })
        .collect()
    }

    fn check(&self, webhook: &str, body: &str, now: u64) -> Result<Strength, &'static str> {
        let der = CertificateDer::from_pem_slice(self.certificate.as_bytes()).expect("a certificate");
        let find = move |url: &str| {
            if url == URL {
                Ok(der.clone())
            } else {
                Err(NoKey::Unavailable)
            }
        };
        let verifier = PayPalVerifier::new(tenant(), webhook, find, algorithms()).expect("RSA");
        let (method, uri, headers) = (Method::POST, Uri::from_static("/"), self.headers());
        verifier
            .recognize(&Message::new(&method, &uri, &headers, body.as_bytes(), at(now)))
            .map(|event| event.recognized.strength())
            .map_err(|forged| forged.code())
    }
}

#[test]
fn paypal_is_recognized_in_a_delivery_of_its_own() {
    let paypal: PayPal = toml::from_str(include_str!("../vectors/paypal.toml")).expect("a file");
    let refused = Err("payload.signature_mismatch");
    assert_eq!(
        paypal.check(&paypal.webhook, &paypal.body, SENT),
        Ok(Strength::Checksum)
    );
    assert_eq!(paypal.check("NotToBeFound", &paypal.body, SENT), refused);
    let another = paypal
        .body
        .replace("BILLING.PLAN.CREATED", "BILLING.PLAN.UPDATED");
    assert_eq!(paypal.check(&paypal.webhook, &another, SENT), refused);
    assert_eq!(
        paypal.check(&paypal.webhook, &paypal.body, SENT + 301),
        Err("replay.stale")
    );
}
