//! The connections of the port, HTTP/1.1 and HTTP/2.

use std::convert::Infallible;
use std::pin::pin;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use countersign::live::Live;
use countersign::web::{Drain, Listener, Secured};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;
use tower::{Layer as _, service_fn};

use crate::config::Plan;

/// Time for the head of a request, also while the connection is idle.
const HEAD: Duration = Duration::from_secs(30);
const REQUESTS_PER_CONNECTION: u32 = 100;

/// Until the listener is drained.
pub(crate) async fn serve(mut listener: Listener, plan: Live<Plan>) {
    let drain = listener.drain();
    while let Some((secured, _)) = listener.next().await {
        tokio::spawn(connection(secured, plan.clone(), drain.clone()));
    }
}

async fn connection(secured: Secured<TcpStream>, plan: Live<Plan>, drain: Drain) {
    let service = secured
        .connection()
        .layer(service_fn(move |request: Request<Incoming>| {
            // By what is in force now: the configuration may have changed since the connection was made.
            let plan = plan.load();
            async move { Ok::<_, Infallible>(plan.gateway.answer(request.map(Body::new)).await) }
        }));
    let mut server = auto::Builder::new(TokioExecutor::new());
    server.http1().timer(TokioTimer::new()).header_read_timeout(HEAD);
    server
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(REQUESTS_PER_CONNECTION)
        .keep_alive_interval(HEAD);
    let service = TowerToHyperService::new(service);
    let mut served = pin!(server.serve_connection_with_upgrades(TokioIo::new(secured), service));
    tokio::select! {
        _ = served.as_mut() => return,
        () = drain.begun() => served.as_mut().graceful_shutdown(),
    }
    let _ = served.await;
}
