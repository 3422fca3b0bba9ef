//! What the operator of an example reads: one line for each event, `MESSAGE FIELD=VALUE ..`, on standard output.

/// Writes what [`countersign::observe::Log`] tells, from now on. A program of one's own chooses another subscriber here.
pub(crate) fn start() {
    tracing_subscriber::fmt()
        .without_time()
        .with_level(false)
        .with_target(false)
        .with_ansi(false)
        // A reader that has gone away is no reason to complain on standard error.
        .log_internal_errors(false)
        .init();
}
