//! What stands on the command line.

use std::path::PathBuf;

use countersign::payload::Scheme;
use countersign::tenant::TenantId;

use crate::Mistake;
use crate::command_line::{Words, needed, once, unknown};

pub(crate) enum Task {
    Help,
    Serve(Options),
    Enrol(Enrol),
    Demo { directory: PathBuf, options: Given },
}

/// Everything that the receiver needs to know.
pub(crate) struct Options {
    pub(crate) listen: String,
    pub(crate) cert: PathBuf,
    pub(crate) key: PathBuf,
    pub(crate) client_ca: Option<PathBuf>,
    pub(crate) client_leaf: Option<PathBuf>,
    pub(crate) keys: PathBuf,
    pub(crate) pins: Option<PathBuf>,
    pub(crate) templates: Vec<String>,
    pub(crate) names: Vec<String>,
    pub(crate) scheme: Scheme,
    pub(crate) tls12: bool,
    pub(crate) client: Option<Client>,
}

/// What is needed to find out who calls.
pub(crate) struct Enrol {
    pub(crate) listen: String,
    pub(crate) cert: PathBuf,
    pub(crate) key: PathBuf,
    pub(crate) tls12: bool,
    pub(crate) tenant: TenantId,
}

/// The client of the curl command that is printed.
pub(crate) struct Client {
    pub(crate) cert: PathBuf,
    pub(crate) key: PathBuf,
}

/// The options as they were given, before it is known whether all are there.
#[derive(Default)]
pub(crate) struct Given {
    pub(crate) listen: Option<String>,
    pub(crate) cert: Option<PathBuf>,
    pub(crate) key: Option<PathBuf>,
    pub(crate) client_ca: Option<PathBuf>,
    client_leaf: Option<PathBuf>,
    pub(crate) keys: Option<PathBuf>,
    pub(crate) pins: Option<PathBuf>,
    pub(crate) templates: Vec<String>,
    pub(crate) names: Vec<String>,
    scheme: Option<String>,
    tls12: bool,
    pub(crate) client_cert: Option<PathBuf>,
    pub(crate) client_key: Option<PathBuf>,
    demo: Option<PathBuf>,
    enrol: Option<String>,
}

impl Task {
    pub(crate) fn parse(mut words: Words) -> Result<Self, Mistake> {
        let mut given = Given::default();
        while let Some(option) = words.option()? {
            match option.as_str() {
                "help" => return Ok(Self::Help),
                option => given.set(option, &mut words)?,
            }
        }
        if let Some(tenant) = given.enrol.take() {
            return given.enrolling(&tenant).map(Self::Enrol);
        }
        match given.demo.take() {
            Some(directory) => Ok(Self::Demo {
                directory,
                options: given,
            }),
            None => given.complete().map(Self::Serve),
        }
    }
}

impl Given {
    fn set(&mut self, option: &str, words: &mut Words) -> Result<(), Mistake> {
        match option {
            "tls12" => self.tls12 = true,
            "tenants" => self.templates.push(words.value()?),
            "name" => self.names.push(words.value()?),
            "listen" => once(option, &mut self.listen, words.value()?)?,
            "enrol" => once(option, &mut self.enrol, words.value()?)?,
            "scheme" => once(option, &mut self.scheme, words.value()?)?,
            file => once(option, self.file(file)?, words.file()?)?,
        }
        Ok(())
    }

    fn file(&mut self, option: &str) -> Result<&mut Option<PathBuf>, Mistake> {
        Ok(match option {
            "cert" => &mut self.cert,
            "key" => &mut self.key,
            "client-ca" => &mut self.client_ca,
            "client-leaf" => &mut self.client_leaf,
            "keys" => &mut self.keys,
            "pins" => &mut self.pins,
            "client-cert" => &mut self.client_cert,
            "client-key" => &mut self.client_key,
            "demo" => &mut self.demo,
            _ => return Err(unknown(option)),
        })
    }

    pub(crate) fn names_a_file(&self) -> bool {
        self.cert.is_some() || self.key.is_some() || self.says_whom()
    }

    /// Whether anything is given that says whom to admit.
    fn says_whom(&self) -> bool {
        let files = [
            &self.client_ca,
            &self.client_leaf,
            &self.keys,
            &self.pins,
            &self.client_cert,
            &self.client_key,
        ];
        files.into_iter().any(Option::is_some) || !self.templates.is_empty() || !self.names.is_empty()
    }

    pub(crate) fn address(&self) -> &str {
        self.listen.as_deref().unwrap_or("127.0.0.1:8443")
    }

    /// Everything that says whom to admit is left out: nobody is.
    fn enrolling(self, tenant: &str) -> Result<Enrol, Mistake> {
        if self.says_whom() || self.scheme.is_some() || self.demo.is_some() {
            return Err("--enrol admits nobody; give it --cert and --key, and --listen or --tls12, but no other option".into());
        }
        Ok(Enrol {
            listen: self.address().to_owned(),
            tls12: self.tls12,
            tenant: TenantId::parse(tenant).map_err(|invalid| format!("--enrol {tenant}: {invalid}"))?,
            cert: needed("--cert FILE", self.cert)?,
            key: needed("--key FILE", self.key)?,
        })
    }

    pub(crate) fn complete(self) -> Result<Options, Mistake> {
        let listen = self.address().to_owned();
        let client = match (self.client_cert, self.client_key) {
            (Some(cert), Some(key)) => Some(Client { cert, key }),
            (None, None) => None,
            _ => return Err("--client-cert and --client-key belong together; give both or neither".into()),
        };
        if self.templates.is_empty() && self.names.is_empty() {
            return Err(
                "nothing says whose a certificate is; give --tenants TEMPLATE or --name TENANT=NAME".into(),
            );
        }
        if self.client_ca.is_none() && self.client_leaf.is_none() {
            needed("--client-ca FILE", None::<PathBuf>)?;
        }
        Ok(Options {
            listen,
            cert: needed("--cert FILE", self.cert)?,
            key: needed("--key FILE", self.key)?,
            client_ca: self.client_ca,
            client_leaf: self.client_leaf,
            keys: needed("--keys FILE", self.keys)?,
            pins: self.pins,
            templates: self.templates,
            names: self.names,
            scheme: scheme(self.scheme.as_deref().unwrap_or("standard_webhooks"))?,
            tls12: self.tls12,
            client,
        })
    }
}

fn scheme(name: &str) -> Result<Scheme, Mistake> {
    let all = [
        Scheme::standard_webhooks(),
        Scheme::github(),
        Scheme::stripe(),
        Scheme::slack(),
        Scheme::docusign(),
        Scheme::pagerduty(),
    ];
    let names: Vec<_> = all.iter().map(Scheme::name).collect();
    let unknown = format!("--scheme {name:?} is not known; give one of {}", names.join(", "));
    all.into_iter()
        .find(|scheme| scheme.name() == name)
        .ok_or(unknown)
}
