//! Verdicts and clocks that are out of step.

use super::{CLOSES, Do, OPENS, REOPENS, Saw, breaker, closed, half_open, open, play};

/// Neither the failures of those who asked while it was closed nor those of an earlier half-open time are its probes'.
#[test]
fn a_verdict_on_what_began_before_the_last_change_is_none() {
    use Do::{Ask, Drop, Fail, Failures, Look, Succeed};
    use Saw::{LetThrough, Nothing, Probes};
    play(
        "from when it was closed",
        breaker(),
        &[
            (100, Ask, LetThrough),
            (100, Ask, LetThrough),
            (100, Ask, LetThrough),
            (100, Failures(4), OPENS),
            (101, Fail(0), Nothing),
            (101, Ask, open(130)),
            (130, Ask, Probes),
            (130, Fail(1), Nothing),
            (130, Succeed(2), Nothing),
            (130, Look, half_open(1, 0)),
        ],
    );
    play(
        "from when it was half-open before",
        breaker(),
        &[
            (100, Failures(4), OPENS),
            (130, Ask, Probes),
            (130, Ask, LetThrough),
            (130, Fail(0), REOPENS),
            (190, Ask, Probes),
            (190, Drop(1), Nothing),
            (190, Look, half_open(1, 0)),
        ],
    );
    play(
        "from when it was half-open, now that it is closed",
        breaker().with_probes(1),
        &[
            (100, Failures(4), OPENS),
            (130, Ask, Probes),
            (131, Do::Reset, CLOSES),
            (131, Fail(0), Nothing),
            (131, Look, closed(0, 0)),
        ],
    );
}

#[test]
fn a_clock_that_jumps_keeps_nothing_open() {
    use Do::{Ask, Fail, Failures, Look, Reset};
    use Saw::{LetThrough, Nothing, Probes};
    play(
        "a thread that is late",
        breaker(),
        &[
            (1_000, Failures(3), Nothing),
            (960, Look, closed(3, 3)),
            (960, Failures(1), OPENS),
            (960, Ask, open(1_030)),
            (1_030, Ask, Probes),
        ],
    );
    play(
        "set back by a day: open for as long as it had left",
        breaker(),
        &[
            (100_000, Failures(4), OPENS),
            (100_010, Ask, open(100_030)),
            (13_600, Ask, open(13_620)),
            (13_619, Ask, open(13_620)),
            (13_620, Ask, Probes),
        ],
    );
    play(
        "set back by a day: the window goes on",
        breaker(),
        &[
            (100_000, Failures(3), Nothing),
            (13_600, Reset, Nothing),
            (13_600, Failures(3), Nothing),
            (13_640, Look, closed(0, 0)),
        ],
    );
    play(
        "set ahead by a century: probed early",
        breaker(),
        &[
            (100, Failures(4), OPENS),
            (3_000_000_000, Ask, Probes),
            (3_000_000_000, Fail(0), REOPENS),
            (u64::MAX, Ask, Probes),
            (u64::MAX, Fail(1), REOPENS),
            (u64::MAX, Ask, open(u64::MAX)),
        ],
    );
    play(
        "a clock that begins with 0",
        breaker(),
        &[
            (0, Ask, LetThrough),
            (0, Failures(4), OPENS),
            (29, Ask, open(30)),
            (30, Ask, Probes),
        ],
    );
}
