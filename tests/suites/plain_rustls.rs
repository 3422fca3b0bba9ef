//! A server of rustls alone, with its own verifier of clients: what `.ci/tlsfuzzer --rustls` sets beside `examples/receiver`.
//!
//! `plain_rustls CERT KEY CLIENT_CA [--tls12]`, each a file. It takes every request for one that it has no answer to, as
//! the receiver does that of a script, and runs until it is ended.
#![allow(clippy::expect_used, clippy::panic, reason = "it fails loudly")]

use std::convert::Infallible;
use std::sync::Arc;

use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, ServerConfig};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

#[tokio::main]
async fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [cert, key, authorities, version @ ..] = words.as_slice() else {
        panic!("plain_rustls CERT KEY CLIENT_CA [--tls12]");
    };
    let acceptor = TlsAcceptor::from(Arc::new(config(cert, key, authorities, !version.is_empty())));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    println!("listening on https://{address}/");
    loop {
        let (tcp, _) = listener.accept().await.expect("a connection");
        tokio::spawn(serve(acceptor.clone(), tcp));
    }
}

fn config(cert: &str, key: &str, authorities: &str, tls12: bool) -> ServerConfig {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    for root in certificates(authorities) {
        roots.add(root).expect("an authority");
    }
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone());
    let versions: &[_] = if tls12 { &[&TLS13, &TLS12] } else { &[&TLS13] };
    ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .expect("versions")
        .with_client_cert_verifier(verifier.build().expect("a verifier"))
        .with_single_cert(
            certificates(cert).collect(),
            PrivateKeyDer::from_pem_file(key).expect("a key"),
        )
        .expect("a pair")
}

fn certificates(file: &str) -> impl Iterator<Item = CertificateDer<'static>> {
    let sections = CertificateDer::pem_file_iter(file).expect("a file");
    sections.map(|section| section.expect("a certificate"))
}

async fn serve(acceptor: TlsAcceptor, tcp: TcpStream) {
    if let Ok(tls) = acceptor.accept(tcp).await {
        let answer = service_fn(not_found);
        let _ = http1::Builder::new()
            .serve_connection(TokioIo::new(tls), answer)
            .await;
    }
}

async fn not_found(_: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::NOT_FOUND;
    Ok(response)
}
