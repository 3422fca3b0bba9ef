//! What stands on the command line.

use std::path::PathBuf;

use crate::Mistake;
use crate::command_line::{Asked, Words, needed, once, unknown};

/// Everything that it needs to know.
pub(crate) struct Options {
    pub(crate) endpoints: PathBuf,
    pub(crate) identities: PathBuf,
    pub(crate) keys: PathBuf,
    pub(crate) body: PathBuf,
    pub(crate) server_ca: Option<PathBuf>,
    pub(crate) pins: Option<PathBuf>,
    pub(crate) ports: Vec<String>,
    pub(crate) networks: Vec<String>,
    pub(crate) id: Option<String>,
    pub(crate) keep_trying: Option<String>,
}

#[derive(Default)]
struct Given {
    endpoints: Option<PathBuf>,
    identities: Option<PathBuf>,
    keys: Option<PathBuf>,
    body: Option<PathBuf>,
    server_ca: Option<PathBuf>,
    pins: Option<PathBuf>,
    id: Option<String>,
    keep_trying: Option<String>,
    ports: Vec<String>,
    networks: Vec<String>,
}

pub(crate) fn asked(words: Words) -> Result<Asked<Options>, Mistake> {
    Asked::read(words, Given::set, Given::complete)
}

impl Given {
    fn set(&mut self, option: &str, words: &mut Words) -> Result<(), Mistake> {
        match option {
            "port" => self.ports.push(words.value()?),
            "allow-network" => self.networks.push(words.value()?),
            "id" => once(option, &mut self.id, words.value()?)?,
            "keep-trying" => once(option, &mut self.keep_trying, words.value()?)?,
            file => once(option, self.file(file)?, words.file()?)?,
        }
        Ok(())
    }

    fn file(&mut self, option: &str) -> Result<&mut Option<PathBuf>, Mistake> {
        Ok(match option {
            "endpoints" => &mut self.endpoints,
            "identities" => &mut self.identities,
            "keys" => &mut self.keys,
            "body" => &mut self.body,
            "server-ca" => &mut self.server_ca,
            "pins" => &mut self.pins,
            _ => return Err(unknown(option)),
        })
    }

    fn complete(self) -> Result<Options, Mistake> {
        Ok(Options {
            endpoints: needed("--endpoints FILE", self.endpoints)?,
            identities: needed("--identities DIR", self.identities)?,
            keys: needed("--keys FILE", self.keys)?,
            body: needed("--body FILE", self.body)?,
            server_ca: self.server_ca,
            pins: self.pins,
            ports: self.ports,
            networks: self.networks,
            id: self.id,
            keep_trying: self.keep_trying,
        })
    }
}
