use std::time::Duration;

use http::HeaderMap;

/// How long before the announced time an idle connection of HTTP/1.1 is given up: the time counts at the server, whose
/// answer is on its way to us before that, and our next request on its way to the server after it. Node's own client
/// takes as much.
const MARGIN: Duration = Duration::from_secs(1);

/// For how long the server lets a connection be idle after this answer, as it announces by `Keep-Alive: timeout=..`
/// (RFC 2068 §19.7.1.1), less a margin; for ever, if it says nothing. `None` where nothing is left of it, where no
/// request is to follow (`max=0`), and where it announces something that cannot be read: a connection too few costs a
/// handshake, one too many a delivery.
pub(super) fn announced(headers: &HeaderMap) -> Option<Duration> {
    let mut least = Duration::MAX;
    for field in headers.get_all("keep-alive") {
        for parameter in field.to_str().ok()?.split([',', ';']) {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            match name.trim().to_ascii_lowercase().as_str() {
                "timeout" => least = least.min(Duration::from_secs(number(value)?)),
                "max" if number(value)? == 0 => return None,
                // Nothing else is known, and none of it shortens the time.
                _ => {}
            }
        }
    }
    least.checked_sub(MARGIN).filter(|left| !left.is_zero())
}

/// In decimal digits, with quotes or without. One that is too large is as good as the largest.
fn number(value: &str) -> Option<u64> {
    let value = value.trim();
    let quoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
    let digits = quoted.unwrap_or(value);
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    /// What is tried, the field's values, how long the connection is kept.
    type Case<'a> = (&'a str, &'a [&'a [u8]], Option<Duration>);

    #[test]
    fn the_announced_time_is_read_and_a_second_is_left_for_the_way() {
        const EVER: Option<Duration> = Some(Duration::MAX.saturating_sub(MARGIN));
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        #[rustfmt::skip]
        let cases: &[Case<'_>] = &[
            ("not announced", &[], EVER),
            ("Node, nginx", &[b"timeout=5"], seconds(4)),
            ("Apache", &[b"timeout=5, max=100"], seconds(4)),
            ("the other way round", &[b"max=100, timeout=15"], seconds(14)),
            ("no space", &[b"timeout=5,max=100"], seconds(4)),
            ("a semicolon", &[b"timeout=20; max=7"], seconds(19)),
            ("capitals", &[b"Timeout=60"], seconds(59)),
            ("quoted", &[b"timeout=\"60\""], seconds(59)),
            ("spaces", &[b" timeout = 60 "], seconds(59)),
            ("two seconds", &[b"timeout=2"], seconds(1)),
            ("as long as the margin", &[b"timeout=1"], None),
            ("no time at all", &[b"timeout=0"], None),
            ("twice: the shorter", &[b"timeout=60, timeout=5"], seconds(4)),
            ("on two lines: the shorter", &[b"timeout=5", b"timeout=60"], seconds(4)),
            ("on the second line", &[b"max=100", b"timeout=60"], seconds(59)),
            ("without end", &[b"timeout=99999999999999999999999"], seconds(u64::MAX - 1)),
            ("no more requests", &[b"timeout=5, max=0"], None),
            ("no more requests, and no time", &[b"max=0"], None),
            ("one more request", &[b"timeout=5, max=1"], seconds(4)),
            ("without a number", &[b"timeout="], None),
            ("without a value", &[b"timeout"], None),
            ("negative", &[b"timeout=-1"], None),
            ("signed", &[b"timeout=+5"], None),
            ("a fraction", &[b"timeout=5.5"], None),
            ("with a unit", &[b"timeout=5s"], None),
            ("half quoted", &[b"timeout=\"5"], None),
            ("not text", &[b"timeout=5\xff"], None),
            ("max that is no number", &[b"max=many"], None),
            ("something else", &[b"timeout=5, extra=1, token"], seconds(4)),
            ("another name", &[b"xtimeout=1"], EVER),
            ("empty", &[b""], EVER),
            ("empty parts", &[b",, timeout=5,"], seconds(4)),
            ("a bare number, as browsers once sent", &[b"300"], EVER),
        ];
        for (name, lines, expected) in cases {
            let value = |line: &&[u8]| HeaderValue::from_bytes(line).expect("a field value");
            let name_and = |line| ("keep-alive".parse().expect("a name"), value(line));
            let headers: HeaderMap = lines.iter().map(name_and).collect();
            assert_eq!(announced(&headers), *expected, "{name}");
        }
    }
}
