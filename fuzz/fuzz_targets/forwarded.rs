//! WHO IS BEHIND THE PROXY? Header fields as they come from outside, in every format. What is read is stripped, and strips to
//! nothing.
#![no_main]

#[path = "../fields.rs"]
mod fields;

use std::sync::LazyLock;

use countersign::forwarded::{CertificateEncoding, Format, Forwarder, Hop, Hops, UnverifiedFormat};
use fields::fields;
use http::HeaderName;
use libfuzzer_sys::fuzz_target;

static FORWARDERS: LazyLock<Vec<Forwarder>> = LazyLock::new(|| {
    let cert = || HeaderName::from_static("x-client-cert");
    let verify = || HeaderName::from_static("x-client-verify");
    let chain = HeaderName::from_static("x-client-chain");
    let formats = [
        Format::rfc_9440(),
        UnverifiedFormat::envoy().verified_here(),
        UnverifiedFormat::envoy_append_forward().verified_here(),
        Format::nginx(cert(), verify()),
        Format::ingress_nginx(),
        Format::haproxy(cert(), verify()).with_chain(chain, CertificateEncoding::ConcatenatedBase64Der),
        Format::openshift(),
        Format::apache(cert(), verify()),
        UnverifiedFormat::traefik().verified_here(),
        UnverifiedFormat::caddy(cert()).verified_here(),
        Format::aws_alb_verify(),
        UnverifiedFormat::aws_alb_passthrough().verified_here(),
        UnverifiedFormat::cloudfront().verified_here(),
        Format::google_cloud(),
        Format::azure_application_gateway(cert(), verify()),
        UnverifiedFormat::azure_app_service().verified_here(),
        UnverifiedFormat::azure_container_apps().verified_here(),
        Format::cloudflare(),
        UnverifiedFormat::cloudflare_access().verified_here(),
        UnverifiedFormat::cloudflare_client_cert().verified_here(),
        UnverifiedFormat::ngrok(cert()).verified_here(),
        Format::custom(cert(), CertificateEncoding::Base64Der, verify(), "verified"),
    ];
    let hops = Hops::nobody().with_unix_socket();
    formats
        .map(|format| Forwarder::new(hops.clone(), format).expect("fields"))
        .into()
});

// The first byte chooses the format; then lines `name: value`.
fuzz_target!(|data: &[u8]| {
    let Some((choice, lines)) = data.split_first() else {
        return;
    };
    let forwarder = &FORWARDERS[usize::from(*choice) % FORWARDERS.len()];
    let mut headers = fields(lines);
    let read = forwarder.present(Some(&Hop::unix_socket()), &headers);
    if let Ok(Some(forwarded)) = &read {
        assert!(!forwarded.certificates().is_empty());
        assert!(
            forwarded
                .certificates()
                .iter()
                .all(|certificate| !certificate.is_empty())
        );
        assert!(forwarder.present(None, &headers).is_err(), "not from a stranger");
    }
    forwarder.strip(&mut headers);
    assert_eq!(forwarder.present(None, &headers), Ok(None));
    assert_eq!(forwarder.present(Some(&Hop::unix_socket()), &headers), Ok(None));
});
