//! `doctor peer`: every check that a certificate passes or fails.

use std::path::PathBuf;

use countersign::explain;
use countersign::gate::Policy;
use countersign::pem;
use countersign::tenant::{Rule, TenantTable};
use countersign::tls::Tls;
use countersign::trust::{PinSet, PrivateCa, Role, VerifyPeer};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};

use crate::Mistake;
use crate::asked::{Answer, Asked, Stop, at, none_alone};
use crate::command_line::{once, unknown};
use crate::lines::{read, unreadable};
use crate::trusted::{self, crls};

#[derive(Default)]
struct Given {
    cert: Option<PathBuf>,
    authorities: Vec<PathBuf>,
    lists: Vec<PathBuf>,
    pins: Option<PathBuf>,
    rules: Vec<String>,
    tenants: Vec<String>,
    server_name: Option<String>,
    at: Option<UnixTime>,
}

pub(crate) fn run(asked: &mut Asked) -> Result<Answer, Stop> {
    let given = asked.given(Given::set, none_alone)?;
    given.explain().map_err(Stop::Mistake)
}

impl Given {
    fn set(&mut self, option: &str, asked: &mut Asked) -> Result<(), Mistake> {
        match option {
            "cert" => once(option, &mut self.cert, asked.file()?)?,
            "ca" => self.authorities.push(asked.file()?),
            "crl" => self.lists.push(asked.file()?),
            "pins" => once(option, &mut self.pins, asked.file()?)?,
            "rule" => self.rules.push(asked.value()?),
            "tenants" => self.tenants.extend(asked.value()?.split(',').map(str::to_owned)),
            "server-name" => once(option, &mut self.server_name, asked.value()?)?,
            "at" => once(option, &mut self.at, asked.time()?)?,
            _ => return Err(unknown(option)),
        }
        Ok(())
    }

    fn explain(&self) -> Result<Answer, Mistake> {
        let now = at(self.at);
        let file = self
            .cert
            .as_ref()
            .ok_or("--cert FILE is missing: the chain to look at, the leaf first")?;
        let chain = chain("--cert", file)?;
        let authorities = self.authorities(now)?;
        match &self.pins {
            Some(file) => {
                let text = read("--pins", file)?;
                if text.contains("-----BEGIN") {
                    return Err(format!(
                        "--pins {} holds no pins but PEM; `doctor pin FILE` prints the pin of a certificate",
                        file.display()
                    ));
                }
                let pins: PinSet = text
                    .parse()
                    .map_err(|invalid| format!("--pins {}, {invalid}", file.display()))?;
                self.judge(authorities.and(pins), chain, now)
            }
            None => self.judge(authorities, chain, now),
        }
    }

    fn judge(
        &self,
        trust: impl VerifyPeer + 'static,
        chain: Vec<CertificateDer<'static>>,
        now: UnixTime,
    ) -> Result<Answer, Mistake> {
        if let Some(name) = &self.server_name {
            let name = server_name("--server-name", name)?;
            return Ok(explain::peer(&trust, chain, Role::Server { name: &name }, now).into());
        }
        if self.rules.is_empty() {
            return Ok(explain::peer(&trust, chain, Role::Client, now).into());
        }
        Ok(explain::client(&Policy::new(trust, self.table()?), chain, now).into())
    }

    fn authorities(&self, now: UnixTime) -> Result<PrivateCa, Mistake> {
        if self.authorities.is_empty() {
            return Err("--ca FILE is missing: the authorities that are trusted to issue it".into());
        }
        let tls = Tls::new(rustls::crypto::aws_lc_rs::default_provider().into());
        let lists = crls("--crl", &self.lists, now)?;
        trusted::authorities(&tls, "--ca", &self.authorities, lists, now)
    }

    fn table(&self) -> Result<TenantTable, Mistake> {
        let mut table = TenantTable::builder().known(&self.tenants);
        for rule in &self.rules {
            let read: Rule = rule
                .parse()
                .map_err(|invalid| format!("--rule {rule:?}: {invalid}"))?;
            table = table.rule(read);
        }
        table
            .build()
            .map_err(|invalid| format!("--rule and --tenants: {invalid}"))
    }
}

/// The certificates of a file, in their order.
pub(crate) fn chain(option: &str, file: &PathBuf) -> Result<Vec<CertificateDer<'static>>, Mistake> {
    let bytes = std::fs::read(file).map_err(unreadable(option, file))?;
    let told = |what: &dyn std::fmt::Display| format!("{option} {}: {what}", file.display());
    let chain = pem::certificates(&bytes).map_err(|invalid| told(&invalid))?;
    if chain.is_empty() {
        return Err(told(&instead(&bytes)));
    }
    Ok(chain)
}

/// What stands there in the place of a certificate. Only labels that are known are named: what stands in the place of another may be a key.
pub(crate) fn instead(bytes: &[u8]) -> &'static str {
    const LABELS: [(&str, &str); 4] = [
        (
            "CERTIFICATE REQUEST-----",
            "holds a request, which is not signed yet: send it to the authority, and give what it answers",
        ),
        (
            "PRIVATE KEY-----",
            "holds a private key, and no certificate; give the file of the certificate",
        ),
        (
            "PUBLIC KEY-----",
            "holds a public key, and no certificate; give the file of the certificate",
        ),
        (
            "LS0tLS1CRUdJTi",
            "is base64 of a PEM file, as a Kubernetes secret holds it; base64 -d FILE",
        ),
    ];
    let has = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    if bytes.trim_ascii().is_empty() {
        return "is empty; give the certificate in PEM, the leaf first";
    }
    let known = LABELS.iter().find(|(label, _)| has(label));
    known.map_or(
        "holds no certificate in PEM; it begins with -----BEGIN CERTIFICATE-----",
        |(_, what)| what,
    )
}

pub(crate) fn server_name(option: &str, name: &str) -> Result<ServerName<'static>, Mistake> {
    ServerName::try_from(name.to_owned())
        .map_err(|_| format!("{option} {name:?} is neither a host name nor an IP address"))
}
