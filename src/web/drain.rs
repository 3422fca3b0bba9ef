use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

/// A graceful shutdown, which ends a listener without cutting off who is being served: no new connections, time for the
/// open ones, and then no more.
///
/// From [`Listener::drain`](super::Listener::drain) or [`Acceptor::drain`](super::Acceptor::drain); clones are the same
/// one. Call [`shut`](Self::shut) when the process is asked to stop, and give [`begun`](Self::begun) to the server, so
/// that it closes connections that are idle and answers no second request on the others:
///
/// ```no_run
/// # use std::future::IntoFuture as _;
/// # use std::time::Duration;
/// # use countersign::web::{Acceptor, Connection, Listener};
/// # async fn serve(acceptor: Acceptor, app: axum::Router) -> Result<(), Box<dyn std::error::Error>> {
/// let listener = Listener::bind("0.0.0.0:8443", acceptor).await?;
/// let drain = listener.drain();
/// let app = app.into_make_service_with_connect_info::<Connection>();
/// let server = axum::serve(listener, app).with_graceful_shutdown(drain.begun());
/// let server = tokio::spawn(server.into_future());
///
/// tokio::signal::ctrl_c().await?;
/// let drained = drain.shut(Duration::from_secs(30)).await;
/// println!("{} connections were cut off", drained.cut);
/// server.await??;
/// # Ok(())
/// # }
/// ```
///
/// What counts is connections. A handler that goes on without its connection
/// ([`OnDisconnect::Finish`](super::OnDisconnect::Finish)) is not waited for: should the process end first, its
/// delivery is let through again when the lease has run out.
#[derive(Clone)]
pub struct Drain(Arc<Inner>);

struct Inner {
    stage: watch::Sender<Stage>,
    /// Each open connection holds a receiver.
    open: watch::Sender<()>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Open,
    Draining,
    Cut,
}

/// The end of the connections that were open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Drained {
    /// So many were still open when the time was over, and were cut off.
    pub cut: usize,
}

impl Drain {
    pub(super) fn new() -> Self {
        let (stage, open) = (watch::Sender::new(Stage::Open), watch::Sender::new(()));
        Self(Arc::new(Inner { stage, open }))
    }

    /// Stops accepting, and waits until the last connection is closed: by `grace` at the latest, when those that are
    /// left are cut off.
    pub async fn shut(&self, grace: Duration) -> Drained {
        self.advance(Stage::Draining);
        let closed = timeout(grace, self.0.open.closed()).await;
        let cut = self.connections();
        if closed.is_err() {
            self.advance(Stage::Cut);
        }
        Drained { cut }
    }

    /// Resolves when [`shut`](Self::shut) is called.
    pub fn begun(&self) -> impl Future<Output = ()> + Send + Sync + 'static {
        self.reached(Stage::Draining)
    }

    /// How many connections are open.
    pub fn connections(&self) -> usize {
        self.0.open.receiver_count()
    }

    fn reached(&self, wanted: Stage) -> impl Future<Output = ()> + Send + Sync + 'static {
        let mut stage = self.0.stage.subscribe();
        async move {
            // Whoever is able to drain is gone: so it will never come to that.
            if stage.wait_for(|stage| *stage >= wanted).await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Never backwards.
    fn advance(&self, to: Stage) {
        self.0.stage.send_if_modified(|stage| {
            let later = *stage < to;
            *stage = to.max(*stage);
            later
        });
    }

    /// One more connection is open, for as long as this is held.
    pub(super) fn open(&self) -> Open {
        Open {
            _counted: self.0.open.subscribe(),
            cut: Box::pin(self.reached(Stage::Cut)),
        }
    }
}

impl fmt::Debug for Drain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Drain")
            .field("stage", &*self.0.stage.borrow())
            .field("connections", &self.connections())
            .finish()
    }
}

/// An open connection.
pub(super) struct Open {
    _counted: watch::Receiver<()>,
    cut: Pin<Box<dyn Future<Output = ()> + Send + Sync>>,
}

impl Open {
    /// Ready when it is cut off.
    pub(super) fn poll_cut(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.cut.as_mut().poll(cx)
    }
}

impl fmt::Debug for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Open")
    }
}
