//! The header fields of a request and of its answer: which end here, and which only the proxy writes.

use std::net::IpAddr;

use axum::http::header::{COOKIE, HOST, VIA};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Version, request};
use countersign::gate::Caller;
use countersign::payload::Fresh;
use countersign::tenant::TenantId;
use countersign::web::Connection;

/// Whose the request is, for the service behind.
const TENANT: HeaderName = HeaderName::from_static("x-countersign-tenant");
/// Which delivery it is, where the payload was verified: the same for each attempt, and for no other delivery.
const DELIVERY: HeaderName = HeaderName::from_static("x-countersign-delivery");

/// Fields that are about one connection (RFC 9110 §7.6.1), or that were answered here.
const OF_THE_CONNECTION: [&str; 10] = [
    "connection",
    "expect",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Fields in which one proxy or another says who its client is, by their beginnings. Nobody in front of us does, so a service
/// behind is to believe none that it is sent.
const WHO_IT_IS: [&str; 14] = [
    "cf-cert-",
    "cf-client-cert",
    "client-cert",
    "cloudfront-viewer-cert",
    "forwarded",
    "l5d-client-id",
    "ssl-client-",
    "x-amzn-mtls-",
    "x-arr-clientcert",
    "x-client-cert",
    "x-countersign-",
    "x-forwarded-",
    "x-real-ip",
    "x-ssl-",
];

/// Takes out the fields of the connection, and those that `Connection` lists: before anything is set, so that nobody can
/// list what the proxy says.
pub(crate) fn end_here(headers: &mut HeaderMap) {
    let lists = headers.get_all("connection").iter();
    let listed = lists.flat_map(|list| list.as_bytes().split(|byte| *byte == b','));
    let listed: Vec<_> = listed
        .filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
        .collect();
    for name in listed {
        headers.remove(name);
    }
    for name in OF_THE_CONNECTION {
        headers.remove(name);
    }
}

/// What is said to the service about a request: after what the request itself says about that is gone, in every spelling.
pub(crate) fn introduce(head: &mut request::Parts) {
    let host = host(head);
    end_here(&mut head.headers);
    forget(&mut head.headers);
    // Put back: a client that lists `Host` in `Connection` would reach whatever host the service serves by default.
    if let Some(host) = host {
        head.headers.insert(HOST, host);
    }
    // The length is written anew, from the body.
    head.headers.remove("content-length");
    join_cookies(&mut head.headers);
    let via = if head.version == Version::HTTP_2 {
        "2 countersign"
    } else {
        "1.1 countersign"
    };
    head.headers.append(VIA, HeaderValue::from_static(via));
    head.headers
        .insert("x-forwarded-proto", HeaderValue::from_static("https"));
    let peer = head.extensions.get::<Connection>().and_then(Connection::peer);
    let said = [
        (
            HeaderName::from_static("x-forwarded-for"),
            peer.map(|peer| plain(peer.ip()).to_string()),
        ),
        (TENANT, tenant(head).map(TenantId::to_string)),
        (
            DELIVERY,
            head.extensions
                .get::<Fresh>()
                .map(|fresh| fresh.claim_key().to_string()),
        ),
    ];
    for (name, value) in said {
        // A tenant's name is printable ASCII, and the others are digits.
        if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
            head.headers.insert(name, value);
        }
    }
}

/// By the connection, or else by the payload. Where there are both, they agree.
pub(crate) fn tenant(head: &request::Parts) -> Option<&TenantId> {
    let by_payload = || head.extensions.get::<Fresh>().map(Fresh::sender);
    head.extensions
        .get::<Caller>()
        .map(Caller::tenant)
        .or_else(by_payload)
}

/// What the request is for: in HTTP/2, it stands in the target. That the two agree was asked before.
fn host(head: &request::Parts) -> Option<HeaderValue> {
    let target = head.uri.authority().and_then(|host| host.as_str().parse().ok());
    target.or_else(|| head.headers.get(HOST).cloned())
}

/// Frameworks read `_`, and some `.`, as `-`.
fn forget(headers: &mut HeaderMap) {
    let claims = |name: &&HeaderName| {
        let plain = name.as_str().replace(['_', '.'], "-");
        WHO_IT_IS.iter().any(|begins| plain.starts_with(begins))
    };
    let claims: Vec<_> = headers.keys().filter(claims).cloned().collect();
    for name in claims {
        headers.remove(name);
    }
}

/// HTTP/2 may send a cookie in pieces; HTTP/1.1 knows one field (RFC 9113 §8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let pieces: Vec<_> = headers
        .get_all(COOKIE)
        .iter()
        .map(HeaderValue::as_bytes)
        .collect();
    if pieces.len() > 1
        && let Ok(joined) = HeaderValue::from_bytes(&pieces.join(&b"; "[..]))
    {
        headers.insert(COOKIE, joined);
    }
}

fn plain(address: IpAddr) -> IpAddr {
    address.to_canonical()
}
