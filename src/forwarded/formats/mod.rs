//! One kind of proxy a file: what it writes, and what it means by it.

mod apache;
mod aws;
mod azure;
mod caddy;
mod cloudflare;
mod cloudfront;
mod custom;
mod envoy;
mod google_cloud;
mod haproxy;
mod ingress_nginx;
mod nginx;
mod ngrok;
mod openshift;
mod rfc_9440;
mod traefik;

use http::HeaderName;

pub(super) const CLIENT_CERT: HeaderName = HeaderName::from_static("client-cert");
pub(super) const CLIENT_CERT_CHAIN: HeaderName = HeaderName::from_static("client-cert-chain");
pub(super) const XFCC: HeaderName = HeaderName::from_static("x-forwarded-client-cert");
