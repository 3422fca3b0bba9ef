use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;

use rustls::Error;

use crate::observe::HandshakeFailure;
use crate::trust::Untrusted;

thread_local! {
    /// Where a verifier leaves its reason while somebody watches; `None` while nobody does.
    static SLOT: RefCell<Option<Reason>> = const { RefCell::new(None) };
}

/// The exact reason for which a certificate was refused during one step of a handshake.
///
/// rustls only carries an error that becomes the TLS alert. Verification runs synchronously inside whatever drives
/// the handshake, so a slot of the thread, open for just that call, takes the reason beside it, and it cannot be
/// mistaken for that of another connection.
///
/// ```
/// use countersign::tls::Reason;
///
/// let (outcome, reason) = Reason::watch(|| "one poll of a handshake");
/// assert_eq!((outcome, reason.untrusted()), ("one poll of a handshake", None));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reason {
    untrusted: Option<Untrusted>,
}

impl Reason {
    /// Runs one step of a handshake (one `process_new_packets`, one poll of an acceptor), and tells why a certificate
    /// was refused in it, if one was.
    pub fn watch<T>(step: impl FnOnce() -> T) -> (T, Self) {
        // Puts the outer slot back when it goes, even when the step unwinds.
        let _outer = Restore(SLOT.replace(Some(Self::default())));
        let outcome = step();
        (outcome, SLOT.take().unwrap_or_default())
    }

    /// Drives a whole handshake, and tells why a certificate was refused in it, if one was.
    pub async fn watch_all<F: Future + Unpin>(mut handshake: F) -> (F::Output, Self) {
        // Taken from the very poll in which rustls verified, so it belongs to this very connection.
        let mut reason = Self::default();
        let outcome = poll_fn(|cx| {
            let (poll, seen) = Self::watch(|| Pin::new(&mut handshake).poll(cx));
            if seen.untrusted.is_some() {
                reason = seen;
            }
            poll
        })
        .await;
        (outcome, reason)
    }

    /// Why the certificate was refused.
    pub fn untrusted(&self) -> Option<&Untrusted> {
        self.untrusted.as_ref()
    }

    /// Why the certificate was refused, to keep.
    pub fn into_untrusted(self) -> Option<Untrusted> {
        self.untrusted
    }
}

struct Restore(Option<Reason>);

impl Drop for Restore {
    fn drop(&mut self) {
        SLOT.set(self.0.take());
    }
}

/// Leaves the reason where [`Reason::watch`] finds it.
pub(super) fn record(untrusted: Untrusted) {
    SLOT.with_borrow_mut(|slot| {
        if let Some(reason) = slot {
            reason.untrusted = Some(untrusted);
        }
    });
}

/// What made a handshake fail, in our words: the reason where there is one, or else what rustls or the network says.
pub fn handshake_failure(error: &io::Error, reason: Reason) -> HandshakeFailure {
    if let Some(untrusted) = reason.untrusted {
        return untrusted.into();
    }
    match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        Some(Error::NoCertificatesPresented) => HandshakeFailure::NoCertificate,
        Some(error) => HandshakeFailure::Tls(error.to_string()),
        None => HandshakeFailure::Io(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_watcher_gets_the_reason() {
        let ((_, inner), outer) = Reason::watch(|| Reason::watch(|| record(Untrusted::UnknownIssuer)));
        assert_eq!(inner.into_untrusted(), Some(Untrusted::UnknownIssuer));
        assert_eq!(outer.into_untrusted(), None);
    }

    #[test]
    fn nobody_watches_afterwards() {
        let outcome = std::panic::catch_unwind(|| Reason::watch(|| -> () { panic!("a step unwinds") }));
        assert!(outcome.is_err(), "the panic goes through");
        record(Untrusted::UnknownIssuer);
        assert_eq!(Reason::watch(|| ()).1, Reason::default());
    }
}
