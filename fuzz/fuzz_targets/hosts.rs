//! WHERE DOES IT GO? Hosts as requests, handshakes and URLs name them, beside other readers of the same text. A host of which certificates are demanded is reached by no
//! spelling without one; where an endpoint leads, another reader of URLs is led too; and two tenants never own what is one place.
#![no_main]

use std::net::IpAddr;
use std::sync::LazyLock;

use arbitrary::{Result, Unstructured};
use countersign::dispatch::{Endpoint, EndpointOwners};
use countersign::egress::Egress;
use countersign::gate::Policy;
use countersign::identity::SpkiHash;
use countersign::payload::Origin;
use countersign::reload::Fetch;
use countersign::tenant::{TenantId, TenantTable};
use countersign::trust::PinSet;
use countersign::web::{CallerLayer, CertificateDemand, Connection};
use countersign_fuzz::{acme, bytes, within};
use http::header::HOST;
use http::{HeaderValue, Request, Response, StatusCode, Uri};
use libfuzzer_sys::fuzz_target;
use percent_encoding::percent_decode_str;
use tower::{Layer as _, Service as _};
use url::Url;

/// Of which a certificate is demanded.
const LISTED: &[&str] = &["mtls.example", "*.m.example", "10.1.2.3", "[2001:db8::1]"];

/// What an input begins with.
const TEXTS: &[&str] = &[
    "mtls.example",
    "a.m.example",
    "open.example:443",
    "user@mtls.example",
    "10.1.2.3:8443",
    "[2001:db8::1]:443",
    "[::ffff:10.1.2.3]",
    "0x0a.1.2.3",
    "167838211",
    "mtls.example.",
    "xn--mtls-0qa.example",
];
const PATHS: &[&str] = &[
    "",
    "/",
    "/a/b",
    "/a/./b",
    "/a//b/",
    "/%61/b",
    "/x/../a/b",
    "/a/b?",
    "/a/b?x=1&y",
    "/a%2Fb",
    "/a//../b",
];

static LAYER: LazyLock<CallerLayer> = LazyLock::new(|| {
    let pin = SpkiHash::of(b"nobody's");
    let tenants = TenantTable::builder().pin(acme(), pin).build().expect("a table");
    let demand = CertificateDemand::for_hosts(LISTED).expect("hosts");
    CallerLayer::new(Policy::new(PinSet::new([pin]), tenants)).with_demand(demand)
});

// Choices: what is asked, texts and changes in them.
fuzz_target!(init: { LazyLock::force(&LAYER); }, |data: &[u8]| {
    // An input that ends early has chosen nothing more.
    let _ = play(&mut Unstructured::new(data));
});

fn play(choices: &mut Unstructured<'_>) -> Result<()> {
    match choices.int_in_range(0..=3)? {
        0 | 1 => requested(choices),
        2 => endpoints(choices),
        _ => urls(choices),
    }
}

fn text(choices: &mut Unstructured<'_>, begins: &[&str]) -> Result<Vec<u8>> {
    let mut text = choices.choose(begins)?.as_bytes().to_vec();
    for _ in 0..choices.int_in_range(0..=3)? {
        let begin = choices.int_in_range(0..=text.len())?;
        let end = choices.int_in_range(begin..=text.len().min(begin + 16))?;
        text.splice(begin..end, bytes(choices, 24)?.iter().copied());
    }
    Ok(text)
}

fn requested(choices: &mut Unstructured<'_>) -> Result<()> {
    let mut request = Request::builder();
    let mut named = Vec::new();
    for _ in 0..choices.int_in_range(0..=2)? {
        let host = text(choices, TEXTS)?;
        if let Ok(value) = HeaderValue::from_bytes(&host) {
            named.push(host);
            request = request.header(HOST, value);
        }
    }
    if choices.arbitrary()? {
        let target = text(choices, TEXTS)?;
        let uri = [b"https://", &target[..], b"/"].concat();
        let Ok(uri) = Uri::try_from(uri) else {
            return Ok(());
        };
        // What comes after the authority names no host.
        let end = target.iter().position(|byte| b"/?#".contains(byte));
        named.push(target[..end.unwrap_or(target.len())].to_vec());
        request = request.uri(uri);
    }
    let mut connection = Connection::new(([192, 0, 2, 1], 4711).into(), None).expect("nobody");
    if choices.arbitrary()? {
        let name = String::from_utf8_lossy(&text(choices, TEXTS)?).into_owned();
        connection = connection.with_server_name(&name);
        named.push(name.into_bytes());
    }
    let Ok(request) = request.extension(connection).body(()) else {
        return Ok(());
    };
    let size = named.iter().map(Vec::len).sum();
    let status = within(size, || answered(request));
    let known = [StatusCode::OK, StatusCode::UNAUTHORIZED, StatusCode::BAD_REQUEST];
    assert!(known.contains(&status), "{status}");
    if status == StatusCode::OK {
        assert!(!named.is_empty(), "a request that names no host may be for any");
        for host in named {
            let host = String::from_utf8_lossy(&host).into_owned();
            assert!(
                !readings(&host).iter().any(|read| is_listed(read)),
                "{host:?} goes through"
            );
        }
    }
    Ok(())
}

/// What a request without a certificate is answered. Nothing in it waits.
fn answered(request: Request<()>) -> StatusCode {
    let handler =
        tower::service_fn(|_: Request<()>| async { Ok::<_, std::convert::Infallible>(Response::new(())) });
    let mut service = LAYER.layer(handler);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(service.poll_ready(&mut context).is_ready());
    let future = std::pin::pin!(service.call(request));
    match future.poll(&mut context) {
        std::task::Poll::Ready(answer) => answer.expect("infallible").status(),
        std::task::Poll::Pending => panic!("it waits"),
    }
}

/// The hosts that others may take the text for: by the rules of browsers, by those of RFC 3986, and by cutting at marks.
fn readings(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let browser = Url::parse(&format!("https://{text}/"));
    found.extend(browser.ok().and_then(|url| url.host_str().map(str::to_owned)));
    let strict = text.parse::<http::uri::Authority>();
    found.extend(strict.ok().map(|authority| authority.host().to_owned()));
    let marks = [',', '/', '?', '#', '\\', ' ', '\t', ';'];
    for piece in text.split(marks).chain([text]) {
        let host = piece.rsplit_once('@').map_or(piece, |(_, host)| host);
        found.push(host.rsplit_once(':').map_or(host, |(host, _)| host).to_owned());
        found.push(host.to_owned());
    }
    found
}

fn is_listed(host: &str) -> bool {
    if let Ok(address) = host.trim_matches(['[', ']']).parse::<IpAddr>() {
        let listed = ["10.1.2.3", "2001:db8::1"].map(|listed| listed.parse::<IpAddr>().expect("an address"));
        return listed.contains(&address.to_canonical());
    }
    let host = host.to_ascii_lowercase();
    let host = host.strip_suffix('.').unwrap_or(&host);
    let below = host.strip_suffix(".m.example");
    LISTED.contains(&host) || below.is_some_and(|label| !label.is_empty() && !label.contains('.'))
}

/// A place that a text names, as `url` reads it.
#[derive(Debug, PartialEq)]
struct Place {
    host: String,
    port: Option<u16>,
    path: Vec<Vec<u8>>,
}

impl Place {
    fn of(url: &Url) -> Self {
        let host = address_or_name(url.host_str().unwrap_or_default().trim_matches(['[', ']']));
        let decoded = |segment: &str| percent_decode_str(segment).collect::<Vec<u8>>();
        let segments = url.path_segments().into_iter().flatten().map(decoded);
        Self {
            host,
            port: url.port_or_known_default(),
            path: segments.filter(|segment| !segment.is_empty()).collect(),
        }
    }
}

/// An address in one spelling: `url` and the standard library have two of those that hold one of IPv4.
fn address_or_name(host: &str) -> String {
    host.parse::<IpAddr>()
        .map_or(host.to_owned(), |address| address.to_string())
}

fn endpoints(choices: &mut Unstructured<'_>) -> Result<()> {
    let mut read = Vec::new();
    for tenant in ["acme", "globex"] {
        let (host, path) = (text(choices, TEXTS)?, text(choices, PATHS)?);
        let mut url = [b"https://", &host[..], &path[..]].concat();
        if choices.ratio(1, 8)? {
            url.drain(..choices.int_in_range(0..=8)?);
        }
        let Ok(url) = String::from_utf8(url) else {
            return Ok(());
        };
        let tenant = TenantId::parse(tenant).expect("a tenant");
        let endpoint = within(url.len(), || Endpoint::parse(tenant.clone(), &url));
        read.extend(
            endpoint
                .ok()
                .map(|endpoint| (same_for_others(&endpoint, &url), endpoint)),
        );
    }
    if let [(Some(first), endpoint), (Some(second), other)] = &read[..] {
        for (owners, is_path) in [
            (EndpointOwners::per_host(), false),
            (EndpointOwners::per_path(), true),
        ] {
            owners.claim(endpoint).expect("nobody's");
            let is_one = (&first.host, first.port) == (&second.host, second.port)
                && (!is_path || first.path == second.path);
            let taken = owners.claim(other).is_err();
            assert!(
                taken || !is_one,
                "{} and {} have two owners",
                endpoint.uri(),
                other.uri()
            );
            assert_eq!(owners.check(other).is_ok(), !taken);
        }
    }
    Ok(())
}

/// Where an endpoint leads, another reader is led too.
fn same_for_others(endpoint: &Endpoint, written: &str) -> Option<Place> {
    // A name that begins with `xn--` and is no Punycode is none to some readers: they are led nowhere.
    if Url::parse(written) == Err(url::ParseError::IdnaError) {
        return None;
    }
    let [theirs, again] = [written, &endpoint.uri().to_string()].map(|text| Url::parse(text).expect("a URL"));
    assert_eq!(theirs.scheme(), "https", "{written}");
    assert!(
        theirs.username().is_empty() && theirs.password().is_none() && theirs.fragment().is_none(),
        "{written}"
    );
    let place = Place::of(&theirs);
    let own = (address_or_name(endpoint.host()), Some(endpoint.port()));
    assert_eq!((place.host.clone(), place.port), own, "{written}");
    assert_eq!(Place::of(&again), place, "{written}");
    assert_eq!(again.query(), theirs.query(), "{written}");
    let once_more = Endpoint::parse(endpoint.tenant().clone(), &endpoint.uri().to_string());
    assert_eq!(once_more.as_ref(), Ok(endpoint), "{written}");
    let authority = endpoint.uri().authority().expect("a host");
    let shown = endpoint.to_string();
    let rest = shown.strip_prefix(&format!("https://{authority}/"));
    assert!(matches!(rest, Some("" | "\u{2026}")), "{shown}");
    Some(place)
}

/// What is fetched from, and where schemes say that they were sent to.
fn urls(choices: &mut Unstructured<'_>) -> Result<()> {
    let (host, path) = (text(choices, TEXTS)?, text(choices, PATHS)?);
    let Ok(url) = String::from_utf8([b"http://", &host[..], &path[..]].concat()) else {
        return Ok(());
    };
    if let Ok(origin) = within(url.len(), || Origin::parse(&url)) {
        let theirs = Url::parse(origin.as_str());
        // What another reader takes for no URL at all, no sender of a webhook has.
        if let Ok(theirs) = theirs {
            assert!(
                theirs.username().is_empty() && theirs.password().is_none(),
                "{url}"
            );
            assert_eq!((theirs.path(), theirs.query()), ("/", None), "{url}");
        }
    }
    let fetch = within(url.len(), || Fetch::over_http(&url, Egress::new()));
    if let (Ok(fetch), Ok(theirs)) = (fetch, Url::parse(&url)) {
        assert_eq!(
            (theirs.scheme(), theirs.username(), theirs.password()),
            ("http", "", None),
            "{url}"
        );
        let query = theirs.query().unwrap_or_default();
        let shown = format!("{fetch:?}");
        // What is shown of the host may be the same text.
        let place = shown.split(", timeout").next().unwrap_or_default();
        let behind = place.splitn(4, '/').nth(3).unwrap_or_default();
        assert!(query.len() < 4 || !behind.contains(query), "{shown}");
    }
    Ok(())
}
