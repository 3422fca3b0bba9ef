//! `doctor endpoint`: the attacks of `quickstart`, played at an endpoint of one's own, in whatever language it is written.

mod attacks;
mod cut;
mod files;
mod sample;
mod shown;
mod signers;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use http::Uri;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::Mistake;
use crate::asked::{Answer, Asked, Stop, waited};
use crate::command_line::{once, unknown};
use crate::peer::server_name;
use crate::player::{AnyError, Client, Delivery, Place, answer};
use attacks::{Attack, Expected, First, Who};
use cut::cut;
use files::Files;

/// For one delivery, from the connection to the answer.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Default)]
pub(crate) struct Given {
    url: Option<String>,
    scheme: Option<String>,
    key_file: Option<PathBuf>,
    other_key_file: Option<PathBuf>,
    authorities: Vec<PathBuf>,
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
    other_cert: Option<PathBuf>,
    other_key: Option<PathBuf>,
    expired_cert: Option<PathBuf>,
    expired_key: Option<PathBuf>,
    origin: Option<String>,
    body: Option<PathBuf>,
    limit: Option<String>,
    yes: bool,
}

/// What became of an attack.
pub(crate) struct Played {
    attack: Attack,
    answered: String,
    verdict: Verdict,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Ok,
    GotThrough,
    /// What is good was refused.
    Refused,
    /// Only the endpoint's own log can tell.
    Look,
}

pub(crate) fn run(asked: &mut Asked) -> Result<Answer, Stop> {
    let given = asked.given(Given::set, |given, url| once("URL", &mut given.url, url))?;
    waited(given.play()).map_err(Stop::Mistake)
}

impl Given {
    fn set(&mut self, option: &str, asked: &mut Asked) -> Result<(), Mistake> {
        let place = match option {
            "yes" => {
                self.yes = true;
                return Ok(());
            }
            "ca" => {
                self.authorities.push(asked.file()?);
                return Ok(());
            }
            "scheme" => return once(option, &mut self.scheme, asked.value()?),
            "limit" => return once(option, &mut self.limit, asked.value()?),
            "origin" => return once(option, &mut self.origin, asked.value()?),
            "body" => &mut self.body,
            "key-file" => &mut self.key_file,
            "other-key-file" => &mut self.other_key_file,
            "cert" => &mut self.cert,
            "key" => &mut self.key,
            "other-cert" => &mut self.other_cert,
            "other-key" => &mut self.other_key,
            "expired-cert" => &mut self.expired_cert,
            "expired-key" => &mut self.expired_key,
            _ => return Err(unknown(option)),
        };
        once(option, place, asked.file()?)
    }

    async fn play(self) -> Result<Answer, Mistake> {
        let url = self
            .url
            .as_deref()
            .ok_or("give the endpoint: doctor endpoint URL --scheme NAME --key-file FILE")?;
        let (uri, is_tls) = parsed(url)?;
        let files = Files::read(&self, url, is_tls)?;
        let place = place(&uri, is_tls, self.yes).await?;
        let attacks = attacks::all(&files)?;
        // Before anything is sent, and not among the results.
        eprintln!(
            "sending {} deliveries to {} ({})",
            attacks.iter().map(Attack::deliveries).sum::<usize>(),
            url,
            place.address
        );
        let mut played: Vec<Played> = Vec::new();
        for attack in attacks {
            let one = one(&files, &place, attack).await;
            let is_lost = one.verdict == Verdict::Refused && played.is_empty();
            played.push(one);
            if is_lost {
                break;
            }
        }
        Ok(shown::answer(&played))
    }
}

/// A URL, and whether it is over TLS.
fn parsed(url: &str) -> Result<(Uri, bool), Mistake> {
    let uri = url.parse::<Uri>().ok();
    let found = uri.and_then(|uri| match uri.scheme_str() {
        Some("https") => Some((uri, true)),
        Some("http") => Some((uri, false)),
        _ => None,
    });
    found.ok_or_else(|| format!("{url:?} is no URL; write https://HOST:PORT/PATH, or http://"))
}

/// Where a URL leads, which is on loopback unless it is said that it may be elsewhere. The address is looked up once.
async fn place(url: &Uri, is_tls: bool, yes: bool) -> Result<Place, Mistake> {
    let host = url.host().unwrap_or_default();
    let port = url.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let found = tokio::net::lookup_host((bare, port)).await;
    let found: Vec<SocketAddr> = found.map_err(|error| format!("{url}: {error}"))?.collect();
    if let Some(beyond) = found.iter().find(|address| !address.ip().is_loopback() && !yes) {
        return Err(format!(
            "{url} is {beyond}, beyond loopback: it would be sent deliveries good and bad; add --yes if it is yours"
        ));
    }
    let address = listening(&found)
        .await
        .map_err(|error| format!("{url}: {error}; check that somebody listens"))?;
    let path = url.path_and_query().map_or("/", |path| path.as_str());
    Ok(Place {
        address,
        name: server_name("URL", bare)?,
        host: url
            .authority()
            .map_or(host, |authority| authority.as_str())
            .to_owned(),
        path: path.to_owned(),
    })
}

/// The first of these addresses where somebody listens.
async fn listening(found: &[SocketAddr]) -> std::io::Result<SocketAddr> {
    timeout(PATIENCE, TcpStream::connect(found)).await??.peer_addr()
}

async fn one(files: &Files, place: &Place, attack: Attack) -> Played {
    let mut place = place.clone();
    if let Some(host) = attack.host {
        host.clone_into(&mut place.host);
    }
    let outcome = timeout(PATIENCE, send(files, &place, &attack)).await;
    let outcome = outcome.unwrap_or_else(|_| Err("no answer within 10 s".into()));
    let is_in = outcome
        .as_ref()
        .is_ok_and(|response| response.status().is_success());
    let is_later = outcome
        .as_ref()
        .is_ok_and(|response| asks_for_later(response.status()));
    let verdict = match (attack.expected, is_in) {
        (Expected::Accepted, true) | (Expected::Refused, false) => Verdict::Ok,
        // It may still be busy with the first.
        (Expected::Accepted, false) if is_later && attack.first.is_some() => Verdict::Look,
        (Expected::Accepted, false) => Verdict::Refused,
        (Expected::Refused, true) => Verdict::GotThrough,
        (Expected::Once | Expected::Either, true) => Verdict::Look,
        (Expected::Once | Expected::Either, false) => Verdict::Ok,
    };
    Played {
        answered: answer(&outcome),
        verdict,
        attack,
    }
}

async fn send(
    files: &Files,
    place: &Place,
    attack: &Attack,
) -> Result<hyper::Response<hyper::body::Incoming>, AnyError> {
    match &attack.first {
        // What is answered to a forgery is another attack's affair.
        Some(First::Sent(delivery)) => drop(deliver(files, place, attack.who, delivery).await?),
        Some(First::Cut(delivery, at)) => cut(place, files.client(attack.who)?, delivery, *at).await?,
        None => {}
    }
    deliver(files, place, attack.who, &attack.delivery).await
}

/// On a connection of its own.
async fn deliver(
    files: &Files,
    place: &Place,
    who: Who,
    delivery: &Delivery,
) -> Result<hyper::Response<hyper::body::Incoming>, AnyError> {
    let mut client = Client::connect(place, files.client(who)?).await?;
    client.send(delivery.clone()).await
}

/// Whether a sender is told to come again: conflict, too early, too many, unavailable.
fn asks_for_later(status: http::StatusCode) -> bool {
    matches!(status.as_u16(), 409 | 425 | 429 | 503)
}

/// Whether this is somebody who can be.
pub(crate) fn can_be(files: &Files, who: Who) -> bool {
    match who {
        Who::Ours => true,
        Who::Nobody => files.has(Who::Ours),
        who => files.has(who),
    }
}
