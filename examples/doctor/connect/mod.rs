//! `doctor connect`: what a server asks for, what it says to our certificate, and why.

mod alerts;
mod attempt;
mod cause;
mod diagnosis;
mod own;
mod shown;
mod watched;

use std::path::PathBuf;

use countersign::explain::{self, Report};
use countersign::tls::Tls;
use countersign::trust::{Role, VerifyPeer};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};

use crate::Mistake;
use crate::asked::{Answer, Asked, Stop, at, waited};
use crate::command_line::{once, unknown};
use crate::peer::server_name;
use crate::trusted;
use attempt::{Attempt, Target, Version};
use own::Own;

#[derive(Default)]
pub(crate) struct Given {
    target: Option<String>,
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
    authorities: Vec<PathBuf>,
    client_ca: Vec<PathBuf>,
    client_crl: Vec<PathBuf>,
    name: Option<String>,
}

/// What one version of TLS came to: first without a certificate, then with ours, if there is one.
pub(crate) struct Tried {
    version: Version,
    without: Attempt,
    with: Option<Attempt>,
}

impl Tried {
    /// What a client of ours would have met.
    fn last(&self) -> &Attempt {
        self.with.as_ref().unwrap_or(&self.without)
    }
}

/// Everything that was seen.
pub(crate) struct Seen {
    target: Target,
    tried: Vec<Tried>,
    /// `None`, where no certificate came.
    server: Option<Report>,
    own: Option<Own>,
}

pub(crate) fn run(asked: &mut Asked) -> Result<Answer, Stop> {
    let given = asked.given(Given::set, |given, target| {
        once("HOST:PORT", &mut given.target, target)
    })?;
    let seen = waited(given.look())?;
    let found = diagnosis::of(&seen);
    Ok(shown::answer(&seen, &found))
}

impl Given {
    fn set(&mut self, option: &str, asked: &mut Asked) -> Result<(), Mistake> {
        match option {
            "cert" => once(option, &mut self.cert, asked.file()?)?,
            "key" => once(option, &mut self.key, asked.file()?)?,
            "ca" => self.authorities.push(asked.file()?),
            "client-ca" => self.client_ca.push(asked.file()?),
            "client-crl" => self.client_crl.push(asked.file()?),
            "name" => once(option, &mut self.name, asked.value()?)?,
            _ => return Err(unknown(option)),
        }
        Ok(())
    }

    async fn look(self) -> Result<Seen, Mistake> {
        let tls = Tls::new(rustls::crypto::aws_lc_rs::default_provider().into());
        let now = at(None);
        let target = self.target()?;
        let trust = trusted::of_servers(&tls, &self.authorities, now)?;
        let own = match (&self.cert, &self.key) {
            (Some(cert), Some(key)) => Some(Own::read(
                &tls,
                cert,
                key,
                (&self.client_ca, &self.client_crl),
                now,
            )?),
            (None, None) => None,
            _ => return Err("--cert and --key belong together; give both or neither".into()),
        };
        let mut tried = Vec::new();
        for version in Version::ALL {
            let key = own.as_ref().map(|own| own.key.clone());
            tried.push(Tried {
                version,
                without: attempt::attempt(&target, version, &tls, None).await?,
                with: match key {
                    Some(key) => Some(attempt::attempt(&target, version, &tls, Some(key)).await?),
                    None => None,
                },
            });
        }
        let server = judged(&*trust, &tried, &target.name, now);
        Ok(Seen {
            target,
            tried,
            server,
            own,
        })
    }

    fn target(&self) -> Result<Target, Mistake> {
        let text = self
            .target
            .as_deref()
            .ok_or("give the server: doctor connect host:port")?;
        let (host, _) = text
            .rsplit_once(':')
            .filter(|(_, port)| port.parse::<u16>().is_ok())
            .ok_or_else(|| match text.contains("://") {
                true => format!("{text:?} is a URL; write host:port"),
                false => format!("{text:?} has no port; write host:port"),
            })?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let name = self.name.as_deref().unwrap_or(host);
        Ok(Target {
            address: text.to_owned(),
            name: server_name("--name", name)?,
        })
    }
}

/// The chain that the server showed, whichever version it was.
fn judged(
    trust: &dyn VerifyPeer,
    tried: &[Tried],
    name: &ServerName<'static>,
    now: UnixTime,
) -> Option<Report> {
    let attempts = tried
        .iter()
        .flat_map(|tried| [Some(&tried.without), tried.with.as_ref()]);
    let shown = attempts.flatten().map(|attempt| &attempt.chain);
    let chain: &Vec<CertificateDer<'static>> = shown.into_iter().find(|chain| !chain.is_empty())?;
    Some(explain::peer(
        trust,
        chain.iter().cloned(),
        Role::Server { name },
        now,
    ))
}
