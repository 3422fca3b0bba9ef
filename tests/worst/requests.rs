//! What names a host, an address or a tenant, and bodies that arrive in pieces.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use countersign::address::Network;
use countersign::dispatch::Endpoint;
use countersign::payload::{HmacVerifier, Keyring, Origin, Scheme, Secret};
use countersign::proxy_protocol::{Header, InvalidHeader, MAX_LENGTH, read};
use countersign::replay::MemoryStore;
use countersign::tenant::TenantId;
use countersign::testing::TestCa;
use countersign::web::{PayloadLayer, Site, Sites};
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::{Body, Frame};
use rustls::ServerConfig;
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::grows;
use crate::messages::acme;

/// What a server reads of a head.
const HEAD: usize = 400 * 1024;

#[test]
fn hosts() {
    let leaf = TestCa::new("Root").server("hooks.example").issue();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("a version")
        .with_no_client_auth()
        .with_single_cert(leaf.chain(), leaf.key())
        .expect("a configuration");
    let sites = Sites::builder()
        .site("*.hooks.example", Site::for_anybody(config))
        .build()
        .expect("a site");
    for (name, part) in [
        ("labels", "a."),
        ("dots", "."),
        ("colons", ":"),
        ("brackets", "["),
        ("letters", "A"),
        ("digits", "1"),
        ("wildcards", "*."),
    ] {
        let sites = sites.clone();
        grows(&format!("a host of {name}"), HEAD, move |bytes| {
            let (sites, host) = (
                sites.clone(),
                format!("{}hooks.example:1", part.repeat(bytes / part.len())),
            );
            Box::new(move || assert!(sites.find(Some(&host)).is_none()))
        });
    }
}

#[test]
fn urls_and_addresses() {
    for (name, part) in [
        ("labels", "a."),
        ("dots", "."),
        ("at", "a@"),
        ("colons", "1:"),
        ("escapes", "%61"),
        ("slashes", "/"),
    ] {
        for before in ["https://", "https://a.example/", "https://a.example/?"] {
            grows(&format!("a URL of {name} after {before}"), 2_000, move |bytes| {
                let url = format!("{before}{}", part.repeat(bytes / part.len()));
                Box::new(move || drop((Endpoint::parse(acme(), &url), Origin::parse(&url))))
            });
        }
    }
    grows("a network", HEAD, |bytes| {
        let text = format!("{}/8", "1".repeat(bytes));
        Box::new(move || assert!(text.parse::<Network>().is_err()))
    });
    grows("a tenant", HEAD, |bytes| {
        let text = "a".repeat(bytes);
        Box::new(move || assert!(TenantId::parse(&text).is_err()))
    });
}

/// A header that arrives one byte at a time is looked at once for each.
#[test]
fn headers_of_a_balancer() {
    const TEXT: &[u8] = b"PROXY TCP6 ";
    let binary = |command: u8, family: u8, addresses: usize, field: &'static [u8]| {
        move |bytes: usize| {
            let fields = field.repeat((bytes - 16 - addresses) / field.len());
            let length = u16::try_from(addresses + fields.len()).expect("a short header");
            let fixed = [
                b"\r\n\r\n\0\r\nQUIT\n",
                &[command, family][..],
                &length.to_be_bytes(),
            ]
            .concat();
            [fixed, vec![0; addresses], fields].concat()
        }
    };
    let text = |part: &'static [u8]| {
        move |bytes: usize| [TEXT, &part.repeat((bytes - TEXT.len() - 2) / part.len()), b"\r\n"].concat()
    };
    // Version 1 ends after 107 bytes, however it arrives: too few for a ratio to say anything, so it is read once.
    #[rustfmt::skip]
    let table: Vec<(&str, usize, Box<dyn Fn(usize) -> Vec<u8>>)> = vec![
        ("empty fields", MAX_LENGTH, Box::new(binary(0x21, 0x11, 12, &[4, 0, 0]))),
        ("fields of one byte", MAX_LENGTH, Box::new(binary(0x21, 0x21, 36, &[4, 0, 1, 0]))),
        ("fields that end too early", MAX_LENGTH, Box::new(binary(0x21, 0x21, 36, &[0xff]))),
        ("what is passed over", MAX_LENGTH, Box::new(binary(0x20, 0x00, 0, &[4]))),
        ("groups", 107, Box::new(text(b"1:"))),
        ("spaces", 107, Box::new(text(b" "))),
    ];
    for (name, limit, make) in table {
        grows(&format!("a PROXY header of {name}"), limit, |bytes| {
            let header = make(bytes);
            Box::new(move || {
                let until = if limit == MAX_LENGTH { header.len() } else { 0 };
                let asked = (0..until).map(|end| read(&header[..end]));
                assert_eq!(asked.filter(Result::is_err).count(), 0, "{header:?}");
                // Whatever comes of it, there is nothing more to wait for.
                assert!(!matches!(read(&header), Ok(Header::Needs(_))));
            })
        });
    }
    let longer = binary(0x21, 0x11, 12, &[4, 0, 0])(2 * MAX_LENGTH);
    assert_eq!(read(&longer), Err(InvalidHeader::TooLong { limit: MAX_LENGTH }));
}

/// One byte a piece: each is looked at once, whatever has arrived before it.
#[test]
fn pieces_of_a_body() {
    let scheme = Scheme::github();
    let keys = Keyring::builder(&scheme)
        .key(
            TenantId::parse("acme").unwrap(),
            "1",
            Secret::new("It's a Secret to Everybody"),
        )
        .build()
        .expect("a key");
    let layer = PayloadLayer::new(HmacVerifier::new(scheme, keys), MemoryStore::of_claims(1));
    let runtime = std::rc::Rc::new(
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime"),
    );
    grows("pieces of a body", 64 * 1024, |count| {
        let service = layer.layer(service_fn(|_: Request<Full<Bytes>>| async {
            Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
        }));
        let runtime = runtime.clone();
        Box::new(move || {
            let request =
                Request::post("/").header("x-hub-signature-256", format!("sha256={}", "0".repeat(64)));
            let request = request.body(Pieces(count)).expect("a request");
            let response = runtime
                .block_on(service.clone().oneshot(request))
                .expect("an answer");
            assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        })
    });
}

/// So many pieces, all there at once.
struct Pieces(usize);

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let left = self.0.checked_sub(1);
        self.0 = left.unwrap_or_default();
        Poll::Ready(left.map(|_| Ok(Frame::data(Bytes::from_static(b"a")))))
    }
}
