//! The published vectors, and changes to them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::forwarded::{CertificateEncoding, Format, UnverifiedFormat};
use http::{HeaderMap, HeaderName, HeaderValue};
use rustls::pki_types::CertificateDer;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    certificates: Certificates,
    case: Vec<Case>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Certificates {
    leaf: String,
    intermediate: String,
    root: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) format: String,
    pub(crate) name: String,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) certificates: Vec<String>,
}

fn file() -> File {
    toml::from_str(include_str!("../vectors/forwarded.toml")).expect("vectors")
}

pub(crate) fn cases() -> Vec<Case> {
    file().case
}

/// The first case of this format.
pub(crate) fn case(format: &str) -> Case {
    let mut cases = cases().into_iter();
    cases.find(|case| case.format == format).expect(format)
}

/// By its name in the file.
pub(crate) fn certificate(name: &str) -> CertificateDer<'static> {
    let Certificates {
        leaf,
        intermediate,
        root,
    } = file().certificates;
    let text = match name {
        "leaf" => leaf,
        "intermediate" => intermediate,
        "root" => root,
        other => panic!("{other}"),
    };
    STANDARD.decode(text).expect("base64").into()
}

impl Case {
    pub(crate) fn expected(&self) -> Vec<CertificateDer<'static>> {
        self.certificates.iter().map(|name| certificate(name)).collect()
    }

    pub(crate) fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.fields {
            headers.append(field(name), HeaderValue::from_str(value).expect("a value"));
        }
        headers
    }

    /// The same with the field, which stands there once, changed.
    pub(crate) fn with(mut self, name: &str, change: impl Fn(&str) -> String) -> Self {
        let place = self.fields.iter_mut().find(|(other, _)| other == name);
        let (_, value) = place.expect(name);
        *value = change(value);
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        let before = self.fields.len();
        self.fields.retain(|(other, _)| other != name);
        assert!(self.fields.len() < before, "{name}");
        self
    }
}

pub(crate) fn field(name: &str) -> HeaderName {
    name.parse().expect("a field name")
}

pub(crate) const FORMATS: &[&str] = &[
    "rfc_9440",
    "envoy",
    "envoy_append_forward",
    "nginx",
    "ingress_nginx",
    "haproxy",
    "openshift",
    "apache",
    "traefik",
    "caddy",
    "aws_alb_verify",
    "aws_alb_passthrough",
    "cloudfront",
    "google_cloud",
    "azure_application_gateway",
    "azure_app_service",
    "azure_container_apps",
    "cloudflare",
    "cloudflare_access",
    "cloudflare_client_cert",
    "ngrok",
    "custom",
];

/// The format of this name, with the fields that the vectors have.
pub(crate) fn format(name: &str) -> Format {
    let (cert, verify) = (|| field("x-client-cert"), || field("x-client-verify"));
    match name {
        "rfc_9440" => Format::rfc_9440(),
        "envoy" => UnverifiedFormat::envoy().verified_here(),
        "envoy_append_forward" => UnverifiedFormat::envoy_append_forward().verified_here(),
        "nginx" => Format::nginx(cert(), verify()),
        "ingress_nginx" => Format::ingress_nginx(),
        "haproxy" => Format::haproxy(cert(), verify()).with_chain(
            field("x-client-chain"),
            CertificateEncoding::ConcatenatedBase64Der,
        ),
        "openshift" => Format::openshift(),
        "apache" => Format::apache(cert(), verify()),
        "traefik" => UnverifiedFormat::traefik().verified_here(),
        "caddy" => UnverifiedFormat::caddy(cert()).verified_here(),
        "aws_alb_verify" => Format::aws_alb_verify(),
        "aws_alb_passthrough" => UnverifiedFormat::aws_alb_passthrough().verified_here(),
        "cloudfront" => UnverifiedFormat::cloudfront().verified_here(),
        "google_cloud" => Format::google_cloud(),
        "azure_application_gateway" => Format::azure_application_gateway(cert(), verify()),
        "azure_app_service" => UnverifiedFormat::azure_app_service().verified_here(),
        "azure_container_apps" => UnverifiedFormat::azure_container_apps().verified_here(),
        "cloudflare" => Format::cloudflare(),
        "cloudflare_access" => UnverifiedFormat::cloudflare_access().verified_here(),
        "cloudflare_client_cert" => UnverifiedFormat::cloudflare_client_cert().verified_here(),
        "ngrok" => UnverifiedFormat::ngrok(cert()).verified_here(),
        "custom" => Format::custom(cert(), CertificateEncoding::Base64Der, verify(), "verified"),
        other => panic!("{other}"),
    }
}
