//! Load balancers that pass TLS through and tell where a connection comes from: the PROXY protocol.

mod connections;

use countersign::proxy_protocol::{Header, InvalidHeader, MAX_LENGTH, read};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

// --- headers ------------------------------------------------------------------------------------------------------------

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// 203.0.113.7 to 10.7.0.4, from port 51234 to 8443.
const V4: &[u8] = &[203, 0, 113, 7, 10, 7, 0, 4, 0xc8, 0x22, 0x20, 0xfb];
const V6: &[u8] = &[
    0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, // 2001:db8::7
    0xfd, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, // fd00:7::4
    0xc8, 0x22, 0x20, 0xfb,
];
/// `::ffff:203.0.113.7`, as a balancer says it that listens for both.
const MAPPED: &[u8] = &[
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 203, 0, 113, 7, //
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 7, 0, 4, //
    0xc8, 0x22, 0x20, 0xfb,
];
/// What the balancer has seen of TLS: "a client certificate, verified, of CN=acme".
const SSL: &[u8] = &[0x20, 0, 12, 7, 0, 0, 0, 0, 0x22, 0, 4, b'a', b'c', b'm', b'e'];

fn v2(version_and_command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    v2_saying(version_and_command, family, rest.len() as u16, rest)
}

/// As AWS's Network Load Balancer writes it for an endpoint of its VPC service, with a checksum and filled up with zeroes
/// (captured by go-proxyproto 0.15, `tlvparse/aws_test.go`).
fn network_load_balancer() -> Vec<u8> {
    let addresses = [
        0xac, 0x1f, 0x07, 0x71, 0xac, 0x1f, 0x0a, 0x1f, 0xc8, 0xf2, 0, 0x50,
    ];
    let checksum = [3, 0, 4, 0xe8, 0xd6, 0x89, 0x2d];
    let endpoint = [&[0xea, 0, 0x17, 1], b"vpce-08d2bf15fac5001c9".as_slice()].concat();
    let filled = [&[4, 0, 36][..], &[0; 36]].concat();
    v2(
        0x21,
        0x11,
        &[&addresses[..], &checksum, &endpoint, &filled].concat(),
    )
}

/// With a length that may be wrong.
fn v2_saying(version_and_command: u8, family: u8, length: u16, rest: &[u8]) -> Vec<u8> {
    let head = [SIGNATURE, &[version_and_command, family], &length.to_be_bytes()].concat();
    [&head, rest].concat()
}

fn from(address: &str) -> Result<Header, InvalidHeader> {
    Ok(Header::From(address.parse().expect("an address")))
}

fn filled(bytes: usize) -> Vec<u8> {
    let value = bytes - 16 - V4.len() - 3;
    let mut rest = [V4, &[4], &(value as u16).to_be_bytes()].concat();
    rest.resize(bytes - 16, 0);
    v2(0x21, 0x11, &rest)
}

type Row = (&'static str, Vec<u8>, Result<Header, InvalidHeader>);

/// Whole headers.
#[rustfmt::skip]
fn good() -> Vec<Row> {
    let text = |text: &str| text.as_bytes().to_vec();
    let own = Ok(Header::Own);
    let longest = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
    let ipv4 = from("203.0.113.7:51234");
    let ipv6 = from("[2001:db8::7]:51234");
    vec![
        ("1: IPv4", text("PROXY TCP4 203.0.113.7 10.7.0.4 51234 8443\r\n"), ipv4),
        ("1: IPv6", text("PROXY TCP6 2001:db8::7 fd00:7::4 51234 8443\r\n"), ipv6),
        ("1: IPv6 in full", text("PROXY TCP6 2001:0DB8:0:0:0:0:0:7 fd00:7::4 51234 8443\r\n"), ipv6),
        ("1: IPv4 in the form of IPv6", text("PROXY TCP6 ::ffff:203.0.113.7 ::ffff:10.7.0.4 51234 8443\r\n"), ipv4),
        ("1: the least", text("PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n"), from("0.0.0.0:0")),
        ("1: the longest", text(&format!("PROXY TCP6 {longest} {longest} 65535 65535\r\n")), from(&format!("[{longest}]:65535"))),
        ("1: unknown", text("PROXY UNKNOWN\r\n"), own),
        ("1: unknown, as long as may be", text(&format!("PROXY UNKNOWN {longest} {longest} 65535 65535\r\n")), own),
        ("2: IPv4", v2(0x21, 0x11, V4), ipv4),
        ("2: IPv6", v2(0x21, 0x21, V6), ipv6),
        ("2: IPv4 in the form of IPv6", v2(0x21, 0x21, MAPPED), ipv4),
        ("2: with a field", v2(0x21, 0x11, &[V4, &[4, 0, 1, 0]].concat()), ipv4),
        ("2: with what it has seen of TLS", v2(0x21, 0x11, &[V4, SSL].concat()), ipv4),
        ("2: as long as may be", filled(MAX_LENGTH), ipv4),
        ("2: AWS's", network_load_balancer(), from("172.31.7.113:51442")),
        ("2: local", v2(0x20, 0x00, b""), own),
        ("2: local, with addresses", v2(0x20, 0x11, V4), own),
        ("2: local, of no known family", v2(0x20, 0xff, b"whatever"), own),
        ("2: unspecified", v2(0x21, 0x00, b""), own),
        ("2: unspecified, with fields", v2(0x21, 0x00, SSL), own),
    ]
}

#[rustfmt::skip]
fn bad() -> Vec<Row> {
    use InvalidHeader::{Malformed, Missing, TooLong, Unsupported};
    let text = |text: &str| text.as_bytes().to_vec();
    let long = |limit| Err(TooLong { limit });
    let (malformed, missing, unsupported) = (Err(Malformed), Err(Missing), Err(Unsupported));
    vec![
        ("TLS", vec![22, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3], missing),
        ("one byte of TLS", vec![22], missing),
        ("HTTP", text("POST /hooks HTTP/1.1\r\n"), missing),
        ("an empty line of HTTP", text("\r\nPOST /hooks HTTP/1.1\r\n"), missing),
        ("1: in lower case", text("proxy TCP4 203.0.113.7 10.7.0.4 51234 8443\r\n"), missing),
        ("1: no space", text("PROXYTCP4 203.0.113.7 10.7.0.4 51234 8443\r\n"), missing),
        ("1: a tab", text("PROXY\tTCP4 203.0.113.7 10.7.0.4 51234 8443\r\n"), missing),
        ("1: a space before it", text(" PROXY UNKNOWN\r\n"), missing),
        ("1: LF alone", text("PROXY TCP4 203.0.113.7 10.7.0.4 51234 8443\n"), malformed),
        ("1: CR alone", text("PROXY TCP4 203.0.113.7 10.7.0.4 51234 8443\r\r\n"), malformed),
        ("1: two lines", text("PROXY UNKNOWN\r\nPROXY UNKNOWN\r\n"), malformed),
        ("1: 106 bytes and no end", [b"PROXY ".to_vec(), vec![b'x'; 100]].concat(), long(107)),
        ("1: 107 bytes and no end", [b"PROXY ".to_vec(), vec![b'x'; 101]].concat(), long(107)),
        ("1: 108 bytes", [b"PROXY UNKNOWN ".to_vec(), vec![b'x'; 92], b"\r\n".to_vec()].concat(), long(107)),
        ("1: another family", text("PROXY UDP4 203.0.113.7 10.7.0.4 51234 8443\r\n"), malformed),
        ("1: family and address differ", text("PROXY TCP4 2001:db8::7 fd00:7::4 51234 8443\r\n"), malformed),
        ("1: address and family differ", text("PROXY TCP6 203.0.113.7 10.7.0.4 51234 8443\r\n"), malformed),
        ("1: no family", text("PROXY  203.0.113.7 10.7.0.4 51234 8443\r\n"), malformed),
        ("1: two spaces", text("PROXY TCP4 203.0.113.7  10.7.0.4 51234 8443\r\n"), malformed),
        ("1: a port too few", text("PROXY TCP4 203.0.113.7 10.7.0.4 51234\r\n"), malformed),
        ("1: one too many", text("PROXY TCP4 203.0.113.7 10.7.0.4 51234 8443 1\r\n"), malformed),
        ("1: a port with a sign", text("PROXY TCP4 203.0.113.7 10.7.0.4 +51234 8443\r\n"), malformed),
        ("1: a port with a zero", text("PROXY TCP4 203.0.113.7 10.7.0.4 051234 8443\r\n"), malformed),
        ("1: a port that is none", text("PROXY TCP4 203.0.113.7 10.7.0.4 65536 8443\r\n"), malformed),
        ("1: an address with a zero", text("PROXY TCP4 203.0.113.07 10.7.0.4 51234 8443\r\n"), malformed),
        ("1: an address of three", text("PROXY TCP4 203.0.113 10.7.0.4 51234 8443\r\n"), malformed),
        ("1: a zone", text("PROXY TCP6 fe80::7%eth0 fd00:7::4 51234 8443\r\n"), malformed),
        ("1: a host name", text("PROXY TCP4 acme.example 10.7.0.4 51234 8443\r\n"), malformed),
        ("1: not text", [&b"PROXY TCP4 \xff 10.7.0.4 51234 8443\r\n"[..]].concat(), malformed),
        ("2: another signature", [b"\r\n\r\n\0\r\nQUIT\r".to_vec(), vec![0x21, 0x11, 0, 12], V4.to_vec()].concat(), missing),
        ("2: version 1", v2(0x11, 0x11, V4), malformed),
        ("2: version 3", v2(0x31, 0x11, V4), malformed),
        ("2: another command", v2(0x22, 0x11, V4), malformed),
        ("2: another family", v2(0x21, 0x41, V4), malformed),
        ("2: another protocol", v2(0x21, 0x13, V4), malformed),
        ("2: a family without a protocol", v2(0x21, 0x10, V4), malformed),
        ("2: a protocol without a family", v2(0x21, 0x01, b""), malformed),
        ("2: UDP over IPv4", v2(0x21, 0x12, V4), unsupported),
        ("2: UDP over IPv6", v2(0x21, 0x22, V6), unsupported),
        ("2: a Unix stream", v2(0x21, 0x31, &[0; 216]), unsupported),
        ("2: Unix datagrams", v2(0x21, 0x32, &[0; 216]), unsupported),
        ("2: no addresses", v2(0x21, 0x11, b""), malformed),
        ("2: a byte of IPv4 too few", v2(0x21, 0x11, &V4[..11]), malformed),
        ("2: a byte of IPv6 too few", v2(0x21, 0x21, &V6[..35]), malformed),
        ("2: a byte of Unix too few", v2(0x21, 0x31, &[0; 215]), malformed),
        ("2: IPv4, said to be IPv6", v2(0x21, 0x21, V4), malformed),
        ("2: IPv6, said to be IPv4", v2(0x21, 0x11, V6), malformed),
        ("2: a byte too many", v2(0x21, 0x11, &[V4, &[22]].concat()), malformed),
        ("2: a length that takes in TLS", v2(0x21, 0x11, &[V4, &[22, 3, 1, 2, 0, 1]].concat()), malformed),
        ("2: a field that goes beyond it", v2(0x21, 0x11, &[V4, &[4, 0, 2, 0]].concat()), malformed),
        ("2: bytes behind it", v2_saying(0x21, 0x11, 12, &[V4, &[22]].concat()), malformed),
        ("2: a byte too long", filled(MAX_LENGTH + 1), long(MAX_LENGTH)),
        ("2: as long as it can say", v2_saying(0x21, 0x11, u16::MAX, V4), long(MAX_LENGTH)),
        ("2: local, as long as it can say", v2_saying(0x20, 0x00, u16::MAX, b""), long(MAX_LENGTH)),
    ]
}

#[test]
fn each_header_says_where_a_connection_comes_from_or_is_refused() {
    for (name, bytes, expected) in good().into_iter().chain(bad()) {
        assert_eq!(read(&bytes), expected, "{name}");
    }
}

/// Byte by byte: of a good header it is never too early, and never a byte of TLS is asked for.
#[test]
fn a_header_that_is_not_whole_needs_no_more_than_its_rest() {
    for (name, bytes, _) in good() {
        for received in 0..bytes.len() {
            let rest = bytes.len() - received;
            let Ok(Header::Needs(missing)) = read(&bytes[..received]) else {
                panic!("{name}: {received} bytes: {:?}", read(&bytes[..received]));
            };
            assert!((1..=rest).contains(&missing), "{name}: {missing} of {rest}");
        }
    }
}

/// Whatever is refused as a whole is never believed before, and once it is refused, no more is asked for.
#[test]
fn a_bad_header_is_never_taken_for_a_good_one_on_the_way() {
    for (name, bytes, expected) in bad() {
        let steps = (0..=bytes.len()).map(|received| read(&bytes[..received]));
        let steps: Vec<_> = steps.collect();
        // Of two headers the first is good: only who reads no more than is needed can be given that alone.
        let whole = |step: &&Result<_, _>| matches!(step, Ok(Header::From(_) | Header::Own));
        let early = steps.iter().filter(whole).count();
        let first = name == "1: two lines" || name == "2: bytes behind it";
        assert_eq!(early, usize::from(first), "{name}");
        assert_eq!(steps.last(), Some(&expected), "{name}");
    }
}

/// Says this, and nothing more; ends there, or stays until it is left.
async fn say(mut io: DuplexStream, bytes: &[u8], ends: bool) {
    // It may be gone before all was said.
    let _ = io.write_all(bytes).await;
    if ends {
        let _ = io.shutdown().await;
    }
    let _ = io.read(&mut [0; 64]).await;
}
