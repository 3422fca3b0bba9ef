//! Receivers that know nothing of this crate: rustls with webpki's own verifier, hyper, and Standard Webhooks' library.

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;
use std::{fmt, io};

use bytes::Bytes;
use countersign::testing::{TestCa, TestCert};
use http::{Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, ServerConfig, SignatureScheme};
use standardwebhooks::Webhook;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::sending::{client_verifier, server_config_by};

/// What a receiver does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    Healthy,
    /// Answers 500.
    Fails,
    /// Answers after a while.
    Slow,
    /// Answers every tenth delivery to it never.
    SometimesSilent,
    /// Finds fault with every certificate, when it has seen it.
    RefusesCertificates,
    /// Closes when it has read the request.
    HangsUp,
    /// Answers without end.
    Floods,
}

impl Manner {
    /// The code of what comes of a delivery, and whose fault it is.
    pub(crate) fn outcome(self, number: usize) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Healthy | Self::Slow | Self::Floods => ("delivered", None),
            Self::Fails => ("dispatch.status", Some("theirs")),
            Self::SometimesSilent if number.is_multiple_of(20) => {
                ("dispatch.answer_timed_out", Some("network"))
            }
            Self::SometimesSilent => ("delivered", None),
            Self::RefusesCertificates => ("dispatch.identity_refused", Some("ours")),
            Self::HangsUp => ("dispatch.no_answer", Some("network")),
        }
    }
}

/// Whose deliveries are whose.
pub(crate) struct Owner {
    pub(crate) name: String,
    pub(crate) leaf: Vec<u8>,
    pub(crate) secret: String,
}

/// What all receivers have seen.
pub(crate) struct Register {
    by_name: HashMap<String, usize>,
    by_leaf: HashMap<Vec<u8>, usize>,
    webhooks: Vec<Webhook>,
    entries: Mutex<Entries>,
    open: AtomicUsize,
    most_open: AtomicUsize,
}

#[derive(Debug, Default)]
struct Entries {
    seen: Seen,
    known: HashSet<(usize, String)>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    pub(crate) deliveries: usize,
    pub(crate) wrong: usize,
    pub(crate) twice: usize,
    pub(crate) first_wrong: Option<String>,
}

impl fmt::Debug for Register {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.entries.fmt(f)
    }
}

impl Register {
    pub(crate) fn of(owners: Vec<Owner>) -> Self {
        let numbers = || owners.iter().enumerate();
        Self {
            by_name: numbers()
                .map(|(number, owner)| (owner.name.clone(), number))
                .collect(),
            by_leaf: numbers()
                .map(|(number, owner)| (owner.leaf.clone(), number))
                .collect(),
            webhooks: owners
                .iter()
                .map(|owner| Webhook::new(&owner.secret).expect("a secret"))
                .collect(),
            entries: Mutex::default(),
            open: AtomicUsize::new(0),
            most_open: AtomicUsize::new(0),
        }
    }

    /// A delivery has come: to whose place, who showed a certificate, and what it says itself.
    fn delivery(&self, owner: Option<usize>, shown: Option<usize>, head: &http::HeaderMap, body: &[u8]) {
        let said: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
        let name = said["tenant"].as_str().unwrap_or_default();
        let wrong = match self.by_name.get(name) {
            None => Some(format!("a body that names nobody: {said}")),
            Some(named) if shown != Some(*named) => {
                Some(format!("{name}'s, under the certificate of {shown:?}"))
            }
            Some(named) if owner.is_some_and(|owner| owner != *named) => {
                Some(format!("{name}'s, at {owner:?}'s"))
            }
            Some(named) => {
                let verified = self.webhooks[*named].verify(body, head);
                verified.err().map(|error| format!("{name}'s: {error}"))
            }
        };
        let id = head
            .get("webhook-id")
            .and_then(|id| id.to_str().ok())
            .unwrap_or_default();
        self.enter(wrong, self.by_name.get(name).map(|named| (*named, id.to_owned())));
    }

    /// A certificate was shown to a place that refuses it: the delivery ends there.
    fn refused(&self, owner: Option<usize>, shown: Option<usize>) {
        let wrong = (shown.is_none() || shown != owner).then(|| format!("{shown:?} at {owner:?}'s"));
        self.enter(wrong, None);
    }

    fn enter(&self, wrong: Option<String>, known: Option<(usize, String)>) {
        let mut entries = self.entries.lock().expect("sound");
        entries.seen.deliveries += 1;
        if let Some(known) = known {
            let new = entries.known.insert(known);
            entries.seen.twice += usize::from(!new);
        }
        if let Some(wrong) = wrong {
            entries.seen.wrong += 1;
            entries.seen.first_wrong.get_or_insert(wrong);
        }
    }

    fn shown(&self, leaf: Option<&CertificateDer<'_>>) -> Option<usize> {
        self.by_leaf.get(leaf?.as_ref()).copied()
    }

    pub(crate) fn seen(&self) -> Seen {
        self.entries.lock().expect("sound").seen.clone()
    }

    pub(crate) fn open(&self) -> usize {
        self.open.load(SeqCst)
    }

    pub(crate) fn most_open(&self) -> usize {
        self.most_open.load(SeqCst)
    }
}

/// A connection that is open for as long as this is.
struct Open(Arc<Register>);

impl Open {
    fn in_register(register: &Arc<Register>) -> Self {
        let open = register.open.fetch_add(1, SeqCst) + 1;
        register.most_open.fetch_max(open, SeqCst);
        Self(register.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, SeqCst);
    }
}

pub(crate) struct Receiver<'a> {
    pub(crate) manner: Manner,
    pub(crate) server: TestCert,
    /// Whose clients it lets in.
    pub(crate) lets_in: &'a [&'a TestCa],
    /// Whose place it is; nobody's, where all deliver to it.
    pub(crate) owner: Option<usize>,
}

impl Receiver<'_> {
    /// Begins to listen, and tells where.
    pub(crate) async fn start(self, register: &Arc<Register>) -> u16 {
        let tcp = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = tcp.local_addr().expect("an address").port();
        let config = self.config(register);
        let place = Place {
            manner: self.manner,
            owner: self.owner,
            register: register.clone(),
        };
        tokio::spawn(async move {
            while let Ok((io, _)) = tcp.accept().await {
                tokio::spawn(place.clone().serve(io, TlsAcceptor::from(config.clone())));
            }
        });
        port
    }

    fn config(&self, register: &Arc<Register>) -> Arc<ServerConfig> {
        let verifier = client_verifier(self.lets_in);
        let verifier: Arc<dyn ClientCertVerifier> = match self.manner {
            Manner::RefusesCertificates => Arc::new(Refuses {
                verifier,
                owner: self.owner,
                register: register.clone(),
            }),
            _ => verifier,
        };
        let mut config = server_config_by(&self.server, verifier);
        let http2 = self.manner == Manner::Healthy && self.owner.is_none_or(|owner| owner % 2 == 0);
        config.alpn_protocols = match http2 {
            true => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
            false => vec![b"http/1.1".to_vec()],
        };
        Arc::new(config)
    }
}

#[derive(Clone)]
struct Place {
    manner: Manner,
    owner: Option<usize>,
    register: Arc<Register>,
}

impl Place {
    async fn serve(self, io: TcpStream, acceptor: TlsAcceptor) {
        let _open = Open::in_register(&self.register);
        let _ = io.set_nodelay(true);
        let Ok(tls) = acceptor.accept(io).await else {
            return;
        };
        let certificates = tls.get_ref().1.peer_certificates();
        let shown = self.register.shown(certificates.and_then(|chain| chain.first()));
        let service = service_fn(move |request| self.clone().answer(shown, request));
        let server = auto::Builder::new(TokioExecutor::new());
        let _ = server.serve_connection(TokioIo::new(tls), service).await;
    }

    async fn answer(
        self,
        shown: Option<usize>,
        request: Request<Incoming>,
    ) -> Result<Response<Says>, io::Error> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        self.register.delivery(self.owner, shown, &head.headers, &body);
        let mut answer = Response::new(Says::Nothing);
        match self.manner {
            Manner::Healthy | Manner::RefusesCertificates => {}
            Manner::Fails => *answer.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR,
            Manner::Slow => tokio::time::sleep(Duration::from_millis(100)).await,
            Manner::SometimesSilent if ends_a_score(&head.headers) => std::future::pending().await,
            Manner::SometimesSilent => {}
            Manner::HangsUp => return Err(io::Error::other("hangs up")),
            Manner::Floods => *answer.body_mut() = Says::Zeros,
        }
        Ok(answer)
    }
}

fn ends_a_score(head: &http::HeaderMap) -> bool {
    let id = head.get("webhook-id").and_then(|id| id.to_str().ok());
    let number = id.and_then(|id| id.strip_prefix("msg_")?.parse::<usize>().ok());
    number.is_some_and(|number| number.is_multiple_of(20))
}

/// The body of an answer: nothing, or zeros for as long as somebody reads them.
enum Says {
    Nothing,
    Zeros,
}

impl Body for Says {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        static ZEROS: [u8; 8 * 1024] = [0; 8 * 1024];
        Poll::Ready(match *self {
            Self::Nothing => None,
            Self::Zeros => Some(Ok(Frame::data(Bytes::from_static(&ZEROS)))),
        })
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Nothing)
    }
}

/// Sees whose certificate it is, and refuses it.
#[derive(Debug)]
struct Refuses {
    verifier: Arc<dyn ClientCertVerifier>,
    owner: Option<usize>,
    register: Arc<Register>,
}

impl ClientCertVerifier for Refuses {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.verifier.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        self.register.refused(self.owner, self.register.shown(Some(leaf)));
        Err(CertificateError::Revoked.into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls12_signature(message, leaf, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls13_signature(message, leaf, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}
