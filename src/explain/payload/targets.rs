//! Methods and URLs that may have been signed in the place of those that arrived.

use std::sync::Arc;

use http::{HeaderMap, Method, Uri};

use super::inquiry::PayloadInquiry;
use super::mistake::Mistake;
use super::search::Search;
use crate::payload::percent::{decode, encode};
use crate::payload::{FindKeys, Message, Origin, Trial};

/// The most targets and origins that are put together.
const MAX_EACH: usize = 32;

const METHODS: [Method; 6] = [
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::GET,
    Method::DELETE,
    Method::HEAD,
];

/// Fields in which proxies hand on the target as it was.
const TARGET_FIELDS: [&str; 7] = [
    "x-original-uri",
    "x-original-url",
    "x-forwarded-uri",
    "x-rewrite-url",
    "x-envoy-original-path",
    "x-replaced-path",
    "x-forwarded-path",
];

/// Fields in which proxies hand on what they have taken off the path.
const PREFIX_FIELDS: [&str; 3] = ["x-forwarded-prefix", "x-script-name", "x-ingress-path"];

/// Fields in which the host stands, as somebody has seen it.
const HOST_FIELDS: [&str; 4] = ["x-forwarded-host", "x-original-host", "x-host", "host"];

/// Whether another method, path or query is signed.
pub(super) fn each(search: &mut Search<'_, '_>) -> bool {
    if !search.covers_request() {
        return false;
    }
    let message = search.message;
    let by_method = METHODS
        .iter()
        .filter(|method| *method != message.method)
        .any(|method| {
            let changed = Message { method, ..message };
            search.ask(Mistake::Method, &format!("{method} is signed"), &changed)
        });
    by_method
        || targets(&message, &search.urls())
            .into_iter()
            .any(|(mistake, uri)| {
                let detail = format!("{uri} is signed");
                search.ask(mistake, &detail, &Message { uri: &uri, ..message })
            })
        || hosts(search)
}

/// The target with a host, for verifiers that take it from there.
fn hosts(search: &mut Search<'_, '_>) -> bool {
    if search.has_origin() {
        return false;
    }
    let message = search.message;
    let urls = search.urls();
    let hosts = host_names(&message, &urls);
    let whole = hosts
        .iter()
        .flat_map(|host| ["https", "http"].map(|scheme| format!("{scheme}://{host}")));
    whole.take(MAX_EACH).any(|origin| {
        let path = message.uri.path_and_query().map_or("/", |path| path.as_str());
        let uri: Result<Uri, _> = format!("{origin}{path}").parse();
        uri.is_ok_and(|uri| {
            let detail = format!("{uri} is signed");
            uri != *message.uri && search.ask(Mistake::UrlHost, &detail, &Message { uri: &uri, ..message })
        })
    })
}

/// Whether the URL is signed under another scheme, host or port, with the path as it is or another.
pub(super) fn origins(
    search: &mut Search<'_, '_>,
    inquiry: &PayloadInquiry,
    trial: &Trial,
    ring: &Arc<dyn FindKeys>,
) -> bool {
    let Some(origin) = trial
        .layout()
        .filter(|layout| layout.covers_url())
        .and_then(|layout| layout.origin.clone())
    else {
        return false;
    };
    let message = search.message;
    let mut uris = vec![message.uri.clone()];
    uris.extend(targets(&message, &inquiry.urls).into_iter().map(|(_, uri)| uri));
    let origins = other_origins(&origin, &message, &inquiry.urls);
    for uri in &uris {
        for (mistake, other) in &origins {
            let mistake = if uri == message.uri {
                *mistake
            } else {
                Mistake::Target
            };
            let path = uri.path_and_query().map_or("/", |path| path.as_str());
            let detail = format!("{other}{path} is signed");
            let changed = trial.with(|layout| layout.origin = Some(other.clone()));
            if search.attempt(mistake, &detail, &changed, ring, &Message { uri, ..message }) {
                return true;
            }
        }
    }
    false
}

pub(super) fn other_origins(origin: &Origin, message: &Message<'_>, urls: &[Uri]) -> Vec<(Mistake, Origin)> {
    let Ok(now) = origin.as_str().parse::<Uri>() else {
        return Vec::new();
    };
    let (scheme, host) = (
        now.scheme_str().unwrap_or("https"),
        now.host().unwrap_or_default(),
    );
    let mut hosts = vec![
        now.authority().map(ToString::to_string).unwrap_or_default(),
        host.to_owned(),
    ];
    hosts.extend(host_names(message, urls));
    let forwarded = message
        .headers
        .get("x-forwarded-port")
        .and_then(|port| port.to_str().ok());
    let mut origins: Vec<(Mistake, Origin)> = Vec::new();
    for name in hosts {
        let bare = name.rsplit_once(':').map_or(name.as_str(), |(bare, _)| bare);
        let ports = forwarded
            .into_iter()
            .chain(["443", "80"])
            .map(|port| format!("{bare}:{port}"));
        for authority in [name.clone(), bare.to_owned()].into_iter().chain(ports) {
            for other in [scheme, "https", "http"] {
                let Ok(candidate) = Origin::parse(&format!("{other}://{authority}")) else {
                    continue;
                };
                let mistake = of_origin((other, bare), (scheme, host));
                if candidate != *origin && !origins.iter().any(|(_, known)| *known == candidate) {
                    origins.push((mistake, candidate));
                }
            }
        }
    }
    origins.truncate(MAX_EACH);
    origins
}

fn of_origin(signed: (&str, &str), configured: (&str, &str)) -> Mistake {
    match (signed.0 == configured.0, signed.1 == configured.1) {
        (false, true) => Mistake::UrlScheme,
        (true, false) => Mistake::UrlHost,
        (true, true) => Mistake::UrlPort,
        (false, false) => Mistake::Target,
    }
}

/// The hosts under which the endpoint may be known.
pub(super) fn host_names(message: &Message<'_>, urls: &[Uri]) -> Vec<String> {
    let of_urls = urls.iter().filter_map(|url| Some(url.authority()?.to_string()));
    let of_fields = HOST_FIELDS.iter().filter_map(|name| text(message.headers, name));
    let mut names: Vec<String> = of_urls.collect();
    names.extend(of_fields.map(|name| name.split(',').next().unwrap_or_default().trim().to_owned()));
    names.extend(forwarded_host(message.headers));
    names.dedup();
    names.truncate(8);
    names
}

/// `host=` of the first element (RFC 7239 §5.3).
fn forwarded_host(headers: &HeaderMap) -> Option<String> {
    let first = text(headers, "forwarded")?.split(',').next()?;
    let pairs = first.split(';').filter_map(|pair| pair.trim().split_once('='));
    let mut hosts = pairs.filter(|(name, _)| name.eq_ignore_ascii_case("host"));
    hosts.next().map(|(_, host)| host.trim_matches('"').to_owned())
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

/// Paths and queries that may be those outside, each with what would have happened.
pub(super) fn targets(message: &Message<'_>, urls: &[Uri]) -> Vec<(Mistake, Uri)> {
    let texts = texts(message, urls);
    let mut targets: Vec<(Mistake, Uri)> = Vec::new();
    for uri in texts.iter().filter_map(|text| text.parse::<Uri>().ok()) {
        let uri = with_authority(message.uri, uri);
        if uri != *message.uri && !targets.iter().any(|(_, known)| *known == uri) {
            targets.push((of_target(&uri, message.uri), uri));
        }
    }
    targets.truncate(MAX_EACH);
    targets
}

/// The same as texts, the likeliest first: what the operator and the proxies name, and the path and query written otherwise.
fn texts(message: &Message<'_>, urls: &[Uri]) -> Vec<String> {
    let (path, query) = (message.uri.path(), message.uri.query());
    let whole = |path: &str, query: Option<&str>| match query {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    let mut texts: Vec<String> = urls
        .iter()
        .filter_map(|url| url.path_and_query().map(ToString::to_string))
        .collect();
    texts.extend(
        TARGET_FIELDS
            .iter()
            .filter_map(|name| text(message.headers, name))
            .map(path_of),
    );
    for prefix in PREFIX_FIELDS
        .iter()
        .filter_map(|name| text(message.headers, name))
    {
        texts.push(whole(&format!("{}{path}", prefix.trim_end_matches('/')), query));
    }
    let other_slash = path
        .strip_suffix('/')
        .map_or_else(|| format!("{path}/"), str::to_owned);
    texts.push(whole(&other_slash, query));
    texts.push(path.to_owned());
    texts.extend(query.map(|query| whole(path, Some(&sorted(query)))));
    texts.extend(rewritten(path).into_iter().map(|path| whole(&path, query)));
    texts.extend(
        query
            .into_iter()
            .flat_map(rewritten)
            .map(|query| whole(path, Some(&query))),
    );
    texts
}

/// What stands in a field as a path or as a whole URL.
fn path_of(text: &str) -> String {
    match text.parse::<Uri>() {
        Ok(uri) => uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
        Err(_) => String::new(),
    }
}

/// The target in the form in which the message's is: with its host, where that has one.
fn with_authority(like: &Uri, target: Uri) -> Uri {
    let mut parts = target.into_parts();
    parts.scheme = like.scheme().cloned();
    parts.authority = like.authority().cloned();
    Uri::from_parts(parts).unwrap_or_else(|_| like.clone())
}

fn of_target(signed: &Uri, arrived: &Uri) -> Mistake {
    let undone = |text: &str| decode(text.as_bytes());
    let (path, query) = (signed.path(), signed.query().unwrap_or_default());
    let (path_here, query_here) = (arrived.path(), arrived.query().unwrap_or_default());
    let same_query = undone(query) == undone(query_here);
    if path == path_here && !same_query {
        Mistake::Query
    } else if same_query && undone(path) == undone(path_here) {
        Mistake::PathEscapes
    } else if query == query_here && path.trim_end_matches('/') == path_here.trim_end_matches('/') {
        Mistake::TrailingSlash
    } else {
        Mistake::PathPrefix
    }
}

fn sorted(query: &str) -> String {
    let mut pairs: Vec<_> = query.split('&').collect();
    pairs.sort_unstable();
    pairs.join("&")
}

/// The same text with its escapes in other letters, or fewer of them.
fn rewritten(text: &str) -> Vec<String> {
    let plain = String::from_utf8(decode(text.as_bytes())).ok();
    let cased = |upper: bool| {
        let mut rest = text;
        let mut written = String::with_capacity(text.len());
        while let Some((before, after)) = rest.split_once('%') {
            let (digits, behind) = after.split_at_checked(2).unwrap_or((after, ""));
            let digits = if upper {
                digits.to_ascii_uppercase()
            } else {
                digits.to_ascii_lowercase()
            };
            written.push_str(&format!("{before}%{digits}"));
            rest = behind;
        }
        written + rest
    };
    let fewer = plain.map(|plain| {
        plain
            .replace('%', "%25")
            .replace(' ', "%20")
            .replace('?', "%3F")
            .replace('#', "%23")
    });
    let mut all = vec![
        cased(true),
        cased(false),
        text.replace('+', "%20"),
        text.replace("%20", "+"),
    ];
    all.extend(fewer);
    all.push(escaped(text));
    all
}

/// With every character escaped that RFC 3986 does not leave as it is, but for what sets parts apart.
fn escaped(text: &str) -> String {
    let parts = [("%2F", "/"), ("%26", "&"), ("%3D", "=")];
    parts
        .iter()
        .fold(encode(&decode(text.as_bytes())), |written, (escape, plain)| {
            written.replace(escape, plain)
        })
}
