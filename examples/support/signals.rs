//! The wish of others that an example end.

/// By whoever sits before it (SIGINT), or by whatever runs it (SIGTERM). Listened for from now on, and not only when this
/// is first polled: whoever reads that it listens may already ask.
///
/// # Errors
/// One line, where the system refuses.
#[cfg(unix)]
pub(crate) fn asked_to_end() -> Result<impl Future<Output = ()>, String> {
    use tokio::signal::unix::{SignalKind, signal};
    let listen = |kind| signal(kind).map_err(|error| format!("signals: {error}"));
    let (mut term, mut int) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
    })
}

#[cfg(not(unix))]
pub(crate) fn asked_to_end() -> Result<impl Future<Output = ()>, String> {
    Ok(async { drop(tokio::signal::ctrl_c().await) })
}
