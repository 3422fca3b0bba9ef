use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;

use rustls::Error;
use rustls::pki_types::{CertificateDer, UnixTime};

use super::alert::to_rustls;
use crate::identity::{Certificate, ChainLimits, PeerChain};
use crate::observe::{ClaimedCertificate, HandshakeFailure};
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
///
/// A handshake that takes several steps is watched by one `Reason` through all of them:
/// [`watch_all`](Self::watch_all), or [`watch_step`](Self::watch_step).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reason {
    untrusted: Option<Untrusted>,
    /// The client's certificate that was refused, where it could be read.
    claimed: Option<Box<Certificate>>,
    /// When the session that is being resumed began with a full handshake.
    lineage: Option<UnixTime>,
}

impl Reason {
    /// Runs a handshake, or one step of it (one `process_new_packets`, one poll of an acceptor), and tells why a
    /// certificate was refused in it, if one was.
    pub fn watch<T>(step: impl FnOnce() -> T) -> (T, Self) {
        let mut reason = Self::default();
        let outcome = reason.watch_step(step);
        (outcome, reason)
    }

    /// Runs one more step of the handshake that this has watched from its beginning. What was seen in a step before is
    /// kept: the reason, and, with [`allow_resumption`](super::allow_resumption), which session is being resumed.
    ///
    /// ```
    /// use countersign::tls::Reason;
    ///
    /// let mut reason = Reason::default();
    /// for poll in 0..3 {
    ///     reason.watch_step(|| poll);
    /// }
    /// assert_eq!(reason.into_untrusted(), None);
    /// ```
    pub fn watch_step<T>(&mut self, step: impl FnOnce() -> T) -> T {
        // Puts the outer slot back when it goes, even when the step unwinds.
        let _outer = Restore(SLOT.replace(Some(std::mem::take(self))));
        let outcome = step();
        *self = SLOT.take().unwrap_or_default();
        outcome
    }

    /// Drives a whole handshake, watching all its steps, and tells why a certificate was refused in it, if one was.
    pub async fn watch_all<F: Future + Unpin>(mut handshake: F) -> (F::Output, Self) {
        // Taken from the very poll in which rustls verified, so it belongs to this very connection.
        let mut reason = Self::default();
        let outcome = poll_fn(|cx| reason.watch_step(|| Pin::new(&mut handshake).poll(cx))).await;
        (outcome, reason)
    }

    /// The reason why the certificate was refused.
    pub fn untrusted(&self) -> Option<&Untrusted> {
        self.untrusted.as_ref()
    }

    /// The client's certificate that was refused, where it could be read. Nobody has proved to hold its key.
    pub fn claimed(&self) -> Option<ClaimedCertificate<'_>> {
        self.claimed.as_deref().map(ClaimedCertificate::of)
    }

    /// The same, to keep.
    #[cfg(feature = "tokio")]
    pub(crate) fn take_claimed(&mut self) -> Option<Box<Certificate>> {
        self.claimed.take()
    }

    /// The reason why the certificate was refused, to keep.
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

fn record(untrusted: Untrusted) {
    with_watcher(|reason| reason.untrusted = Some(untrusted));
}

/// The error for which rustls sends the right alert; the reason itself is left where [`Reason::watch`] finds it.
pub(super) fn alert(untrusted: Untrusted) -> Error {
    let error = to_rustls(&untrusted);
    record(untrusted);
    error
}

/// The same about a client, with what its certificate says of itself.
pub(super) fn refuse_client(untrusted: Untrusted, chain: PeerChain) -> Error {
    with_watcher(|reason| reason.claimed = Some(Box::new(chain.into_leaf())));
    alert(untrusted)
}

/// The same where the chain could not be read, which need not be the fault of the certificate itself.
pub(super) fn refuse_unread(untrusted: Untrusted, leaf: &CertificateDer<'_>) -> Error {
    with_watcher(|reason| {
        let read = PeerChain::parse_borrowed(ChainLimits::default(), leaf, &[]);
        reason.claimed = read.ok().map(|(chain, _)| Box::new(chain.into_leaf()));
    });
    alert(untrusted)
}

/// The session that is being resumed began then, with a full handshake.
pub(super) fn continue_lineage(began: UnixTime) {
    with_watcher(|reason| reason.lineage = Some(began));
}

/// When the session that was resumed in this handshake began, as far as somebody watches.
pub(super) fn lineage() -> Option<UnixTime> {
    SLOT.with_borrow(|slot| slot.as_ref()?.lineage)
}

fn with_watcher(note: impl FnOnce(&mut Reason)) {
    SLOT.with_borrow_mut(|slot| {
        if let Some(reason) = slot {
            note(reason);
        }
    });
}

/// The cause of a failed handshake, in our words: the reason where there is one, or else what rustls or the network says.
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
    fn a_handshake_is_watched_through_all_its_steps() {
        let began = UnixTime::since_unix_epoch(std::time::Duration::from_secs(7));
        let mut reason = Reason::default();
        assert_eq!(reason.watch_step(lineage), None);
        reason.watch_step(|| continue_lineage(began));
        assert_eq!(Reason::watch(lineage).0, None, "another handshake");
        assert_eq!(lineage(), None, "nobody watches");
        assert_eq!(reason.watch_step(lineage), Some(began));
        reason.watch_step(|| record(Untrusted::UnknownIssuer));
        reason.watch_step(|| ());
        assert_eq!(reason.into_untrusted(), Some(Untrusted::UnknownIssuer));
    }

    #[test]
    fn nobody_watches_afterwards() {
        let outcome = std::panic::catch_unwind(|| Reason::watch(|| -> () { panic!("a step unwinds") }));
        let panicked = outcome.map_err(|panic| panic.downcast_ref::<&str>().map(ToString::to_string));
        assert_eq!(
            panicked,
            Err(Some("a step unwinds".to_owned())),
            "the panic goes through"
        );
        record(Untrusted::UnknownIssuer);
        assert_eq!(Reason::watch(|| ()).1, Reason::default());
    }
}
