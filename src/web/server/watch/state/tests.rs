use super::*;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// The header fields of a request, of which more are to come; and all of them.
const BEGUN: &[u8] = &[0, 0, 0, 1, 0, 0, 0, 0, 1];
const WHOLE: &[u8] = &[0, 0, 0, 1, 4, 0, 0, 0, 1];
const PING: &[u8] = &[0, 0, 8, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
const MILLI: Duration = Duration::from_millis(1);

fn begun(bounds: Bounds) -> (State, Instant) {
    let now = Instant::now();
    (State::new(bounds, now), now)
}

fn cut(state: &mut State, now: Instant) -> Option<Cut> {
    match state.look(now) {
        Look::Close(cut) => cut,
        Look::Leave(cut) => Some(cut),
        Look::Again(_) => None,
    }
}

#[test]
fn header_fields_have_so_much_time_from_their_beginning() {
    let limit = Bounds::default().header_timeout;
    let (first, last) = PREFACE.split_at(10);
    let (with_begun, with_whole) = ([PREFACE, BEGUN].concat(), [PREFACE, WHOLE].concat());
    let last_and_begun = [last, BEGUN].concat();
    let cases: [(&str, &[&[u8]], bool); 8] = [
        ("nothing", &[], false),
        ("the preface", &[PREFACE], false),
        ("the preface in two pieces", &[first, last], false),
        ("half a preface", &[first], true),
        ("fields that are not whole", &[&with_begun], true),
        (
            "the same, and the preface in two pieces",
            &[first, &last_and_begun],
            true,
        ),
        ("fields that are whole", &[&with_whole], false),
        ("HTTP/1.1, half a request", &[b"POST / HT"], true),
    ];
    for (case, pieces, slow) in cases {
        let (mut state, now) = begun(Bounds::default());
        pieces.iter().for_each(|piece| state.read(piece, now));
        assert_eq!(cut(&mut state, now + limit - MILLI), None, "{case}");
        let expected = slow.then_some(Cut::SlowHeaders { limit });
        assert_eq!(cut(&mut state, now + limit), expected, "{case}");
    }
}

/// Under HTTP/1.1 whatever comes while a request is under way is its body, or waits for its end.
#[test]
fn a_body_is_no_header_that_takes_long() {
    let limit = Bounds::default().header_timeout;
    let (mut state, now) = begun(Bounds::default());
    state.read(b"POST / HTTP/1.1\r\n\r\n", now);
    let number = state.begin(now);
    state.read(b"body", now + limit / 2);
    assert_eq!(cut(&mut state, now + limit * 3), None);
    let ended = now + limit * 3;
    state.end(number, false, ended);
    state.read(b"POST / HT", ended);
    assert_eq!(cut(&mut state, ended + limit - MILLI), None);
    assert_eq!(cut(&mut state, ended + limit), Some(Cut::SlowHeaders { limit }));
}

#[test]
fn only_a_connection_without_a_request_is_idle() {
    let bounds = Bounds::default().with_header_timeout(Duration::from_secs(300));
    let limit = bounds.idle;
    let (mut state, now) = begun(bounds);
    assert_eq!(cut(&mut state, now + limit - MILLI), None);
    assert_eq!(cut(&mut state, now + limit), Some(Cut::Idle { limit }));

    let (mut state, now) = begun(bounds);
    let number = state.begin(now);
    assert_eq!(cut(&mut state, now + limit), None, "a request is under way");
    state.end(number, false, now + limit);
    assert_eq!(cut(&mut state, now + limit * 2 - MILLI), None);
    state.read(b"POST / HT", now + limit);
    assert_eq!(cut(&mut state, now + limit * 2), None, "a request arrives");
}

#[test]
fn so_many_pings_may_come_in_a_second() {
    let limit = 3;
    let (mut state, now) = begun(Bounds::default().with_pings_per_second(limit));
    state.read(PREFACE, now);
    for second in 0..3 {
        let now = now + Duration::from_secs(second);
        (0..limit).for_each(|_| state.read(PING, now));
        assert_eq!(cut(&mut state, now), None, "{second}");
    }
    state.read(PING, now + Duration::from_secs(2));
    assert_eq!(
        cut(&mut state, now + Duration::from_secs(2)),
        Some(Cut::Pings { limit })
    );
}
