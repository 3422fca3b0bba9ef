//! HubSpot's signatures of old, versions 1 and 2: a hash behind a secret, and a field that says which of them it is.

use countersign::payload::providers::HubSpotLegacy;
use countersign::payload::{Message, NotAuthentic, Origin, Secret};
use http::{HeaderMap, HeaderName, Method, Uri};

use crate::vectors::{at, tenant};

const SECRET: &str = "It's a Secret to Everybody";
const BODY: &[u8] = br#"[{"eventId":1}]"#;
/// Of secret and body; of secret, method, URL and body: by `sha256sum`.
const OF_VERSION_1: &str = "d02c416ec87df02c2305d6e251fc6e6854cbab722cc2b7803a35f6126bb7e0d7";
const OF_VERSION_2: &str = "228ff8456e04f5a7346d4130d9209214b6890aa15fafedc711e1f9e48eb1c652";

#[test]
fn a_signature_is_of_the_version_that_is_expected() {
    let origin = Origin::parse("https://hooks.example").expect("an origin");
    let secret = Secret::new(SECRET);
    let version_1 = HubSpotLegacy::version_1(tenant(), &secret).expect("a secret");
    let version_2 = HubSpotLegacy::version_2(tenant(), &secret, &origin).expect("a secret");
    let version = HeaderName::from_static("x-hubspot-signature-version");
    let recognize = |verifier: &HubSpotLegacy, signature: &str, said: Option<&str>| {
        let mut headers = HeaderMap::new();
        headers.insert("x-hubspot-signature", signature.parse().expect("a value"));
        if let Some(said) = said {
            headers.insert(version.clone(), said.parse().expect("a value"));
        }
        let (method, uri) = (Method::POST, Uri::from_static("/hubspot?a=1"));
        let message = Message::new(&method, &uri, &headers, BODY, at(1_790_000_000));
        verifier.recognize(&message).map(drop)
    };
    let other = || {
        Err(NotAuthentic::MalformedHeader {
            name: version.clone(),
        })
    };
    let forged = || Err(NotAuthentic::SignatureMismatch);
    for (verifier, signature, said, expected) in [
        (&version_1, OF_VERSION_1, Some("v1"), Ok(())),
        (&version_1, OF_VERSION_1, None, Ok(())),
        (&version_1, OF_VERSION_1, Some("v2"), other()),
        (&version_1, OF_VERSION_1, Some(""), other()),
        (&version_1, OF_VERSION_2, Some("v1"), forged()),
        (&version_2, OF_VERSION_2, Some("v2"), Ok(())),
        (&version_2, OF_VERSION_2, None, Ok(())),
        (&version_2, OF_VERSION_2, Some("v1"), other()),
        (&version_2, OF_VERSION_1, Some("v2"), forged()),
    ] {
        assert_eq!(
            recognize(verifier, signature, said),
            expected,
            "{signature} {said:?}"
        );
    }
}
