//! Answers that come before a body is read: what the sender sees, and how much more is taken of it.

use std::convert::Infallible;
use std::error::Error as _;
use std::time::{Duration, Instant};

use bytes::Bytes;
use countersign::tls::ClientAuth;
use countersign::web::{Acceptor, Bounds, IncompleteBody, RequestBody, Server};
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_rustls::client::TlsStream;
use tower::service_fn;

use crate::door::{Door, world};
use crate::frames::{END_HEADERS, END_STREAM, HEADERS, PING, RST_STREAM, Raw, frame, request};
use crate::greetings::policy;
use crate::sender::{Greeting, Version};
use crate::support::secs;

const DATA: u8 = 0;
/// What HTTP/2 lets a sender send without a word of the server (RFC 9113 §6.9.2), in four frames.
const FOUR_FRAMES: usize = 4 * 16_000;
/// For ever.
const LONG: Duration = Duration::MAX;

fn taking(bytes: usize, time: Duration) -> Bounds {
    Bounds::default().with_unread(bytes, time)
}

/// Behind an answer to a request whose body of this length is still to be sent.
async fn answered(door: &Door, length: usize, fields: &str) -> TlsStream<TcpStream> {
    let greeting = Greeting::new(Some(&world().acme), Version::Http1);
    let mut tls = greeting.tls(door.address).await.expect("a connection");
    ask(&mut tls, length, fields).await;
    tls
}

async fn ask(tls: &mut TlsStream<TcpStream>, length: usize, fields: &str) {
    let head = format!(
        "POST /orders HTTP/1.1\r\nhost: hooks.acme.example\r\ncontent-length: {length}\r\n{fields}\r\n"
    );
    tls.write_all(head.as_bytes()).await.expect("taken");
    let mut read = Vec::new();
    while !read.ends_with(b"\r\n\r\n") {
        read.push(tls.read_u8().await.expect("an answer"));
    }
    assert!(
        read.starts_with(b"HTTP/1.1 401 "),
        "{}",
        String::from_utf8_lossy(&read)
    );
}

/// Until it is closed, in whichever way.
async fn closes(tls: &mut TlsStream<TcpStream>) -> usize {
    let mut rest = Vec::new();
    let _ = tokio::time::timeout(secs(30), tls.read_to_end(&mut rest))
        .await
        .expect("it is closed");
    rest.len()
}

#[tokio::test]
async fn a_connection_goes_on_behind_a_body_that_nobody_has_read() {
    let door = Door::bounded(taking(300_000, LONG)).await;
    let mut tls = answered(&door, 299_999, "").await;
    tls.write_all(&[b' '; 299_999]).await.expect("taken");
    ask(&mut tls, 0, "").await;
}

#[tokio::test]
async fn of_a_longer_body_no_more_is_taken_and_its_connection_closed_after_a_time() {
    let time = Duration::from_millis(500);
    let door = Door::bounded(taking(1_000, time)).await;
    let began = Instant::now();
    let mut tls = answered(&door, 1_000_000_000, "").await;
    let mut taken = 0;
    while tls.write_all(&[b' '; 10_000]).await.is_ok() {
        taken += 10_000;
    }
    // What the system takes before anybody reads it is not known here.
    assert!(taken < 50_000_000, "{taken}");
    assert!(began.elapsed() >= time, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_sender_that_falls_silent_is_waited_for_so_long_and_is_not_told_of() {
    let time = Duration::from_millis(800);
    let bounds = taking(1_000, time)
        .with_header_timeout(Duration::from_millis(100))
        .with_idle_timeout(Duration::from_millis(100));
    let door = Door::bounded(bounds).await;
    let began = Instant::now();
    let mut tls = answered(&door, 500, "").await;
    tls.write_all(b"{").await.expect("taken");
    assert_eq!(closes(&mut tls).await, 0);
    assert!(began.elapsed() >= time, "{:?}", began.elapsed());
    assert_eq!(door.cuts(), [""; 0], "neither idle nor slow");
}

#[tokio::test]
async fn nothing_is_taken_where_nothing_is_to_be_or_is_to_come() {
    let cases = [
        (Duration::ZERO, "", "by its bounds"),
        (LONG, "expect: 100-Continue\r\n", "it was not told to send"),
    ];
    for (time, fields, why) in cases {
        let door = Door::bounded(taking(1_000, time)).await;
        let mut tls = answered(&door, 500, fields).await;
        assert_eq!(closes(&mut tls).await, 0, "{why}");
    }
}

/// The kinds of the frames that came for the first stream, until the server has answered to all that was sent.
async fn told(raw: &mut Raw) -> Vec<u8> {
    raw.say(&frame(PING, 0, 0, b"behind!!")).await.expect("taken");
    let mut kinds = Vec::new();
    loop {
        let (kind, stream) = next(raw).await;
        match (kind, stream) {
            (PING, _) => return kinds,
            (kind, 1) => kinds.push(kind),
            _ => {}
        }
    }
}

async fn next(raw: &mut Raw) -> (u8, u32) {
    let mut head = [0; 9];
    raw.0.read_exact(&mut head).await.expect("a frame");
    let mut payload = vec![0; usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2])];
    raw.0.read_exact(&mut payload).await.expect("its payload");
    (head[3], u32::from_be_bytes([head[5], head[6], head[7], head[8]]))
}

/// A request that is answered, and whose body goes on.
async fn refused(door: &Door) -> Raw {
    let mut raw = Raw::open(door).await;
    let head = frame(HEADERS, END_HEADERS, 1, &request("/orders"));
    raw.say(&head).await.expect("taken");
    while next(&mut raw).await != (HEADERS, 1) {}
    raw
}

#[tokio::test]
async fn a_stream_is_not_reset_while_its_sender_is_still_sending() {
    let door = Door::bounded(taking(FOUR_FRAMES, LONG)).await;
    let mut raw = refused(&door).await;
    assert!(!told(&mut raw).await.contains(&RST_STREAM));
    for left in (0..4).rev() {
        let flags = if left == 0 { END_STREAM } else { 0 };
        raw.say(&frame(DATA, flags, 1, &[b' '; FOUR_FRAMES / 4]))
            .await
            .expect("taken");
    }
    assert!(!told(&mut raw).await.contains(&RST_STREAM));
    drop(raw);
    door.empties().await;
}

#[tokio::test]
async fn a_stream_that_goes_on_for_too_long_is_reset() {
    for (bytes, time) in [
        (FOUR_FRAMES, Duration::ZERO),
        (FOUR_FRAMES, secs(1)),
        (1_000, secs(1)),
    ] {
        let door = Door::bounded(taking(bytes, time)).await;
        let began = Instant::now();
        let mut raw = refused(&door).await;
        raw.say(&frame(DATA, 0, 1, &[b' '; 10_000])).await.expect("taken");
        while next(&mut raw).await != (RST_STREAM, 1) {}
        assert!(began.elapsed() >= time, "{bytes} {:?}", began.elapsed());
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_is_an_error_that_says_why() {
    let acceptor = Acceptor::new(world().server_config(policy().trust(), ClientAuth::Require));
    let server = Server::bind("127.0.0.1:0", acceptor).await.expect("a port");
    let address = server.local_addr();
    let (tell, mut told) = mpsc::unbounded_channel();
    let service = service_fn(move |request: Request<RequestBody>| {
        let tell = tell.clone();
        async move {
            let broken = request.into_body().collect().await.err();
            tell.send(broken).expect("somebody asks");
            Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
        }
    });
    let served = tokio::spawn(server.serve(service));
    let greeting = Greeting::new(Some(&world().acme), Version::Http1);
    let mut tls = greeting.tls(address).await.expect("a connection");
    let half = b"POST / HTTP/1.1\r\nhost: hooks.acme.example\r\ncontent-length: 2\r\n\r\n{";
    tls.write_all(half).await.expect("taken");
    tls.shutdown().await.expect("closed");
    let broken: IncompleteBody = told.recv().await.flatten().expect("an error");
    assert_eq!(broken.to_string(), "the body broke off");
    assert!(broken.source().is_some(), "and hyper's word for it");
    served.abort();
}
