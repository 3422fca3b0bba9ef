//! What stands on the command line.

use std::path::PathBuf;

use crate::Mistake;

pub(crate) enum Task {
    Help,
    Demo,
    Deliver(Box<Options>),
}

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
}

#[derive(Default)]
struct Given {
    endpoints: Option<String>,
    identities: Option<String>,
    keys: Option<String>,
    body: Option<String>,
    server_ca: Option<String>,
    pins: Option<String>,
    id: Option<String>,
    ports: Vec<String>,
    networks: Vec<String>,
}

impl Task {
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, Mistake> {
        let mut given = Given::default();
        let mut demo = false;
        let mut count = 0;
        while let Some(option) = words.next() {
            count += 1;
            let mut value = || {
                let value = words.next();
                value.ok_or_else(|| format!("{option} needs a value; --help shows which"))
            };
            let place = match option.as_str() {
                "--help" | "-h" => return Ok(Self::Help),
                "--demo" => {
                    demo = true;
                    continue;
                }
                "--port" => {
                    given.ports.push(value()?);
                    continue;
                }
                "--allow-network" => {
                    given.networks.push(value()?);
                    continue;
                }
                "--endpoints" => &mut given.endpoints,
                "--identities" => &mut given.identities,
                "--keys" => &mut given.keys,
                "--body" => &mut given.body,
                "--server-ca" => &mut given.server_ca,
                "--pins" => &mut given.pins,
                "--id" => &mut given.id,
                _ => return Err(format!("{option:?} is not an option; --help lists them")),
            };
            if place.replace(value()?).is_some() {
                return Err(format!("{option} stands twice; give it once"));
            }
        }
        match demo {
            true if count > 1 => Err("--demo brings its own files; leave the other options out".into()),
            true => Ok(Self::Demo),
            false => given.complete().map(Box::new).map(Self::Deliver),
        }
    }
}

impl Given {
    fn complete(self) -> Result<Options, Mistake> {
        let needed = |option: &str, value: Option<String>| {
            let missing = || format!("{option} is missing; --help explains it, and --demo tries it without");
            value.map(PathBuf::from).ok_or_else(missing)
        };
        Ok(Options {
            endpoints: needed("--endpoints FILE", self.endpoints)?,
            identities: needed("--identities DIR", self.identities)?,
            keys: needed("--keys FILE", self.keys)?,
            body: needed("--body FILE", self.body)?,
            server_ca: self.server_ca.map(PathBuf::from),
            pins: self.pins.map(PathBuf::from),
            ports: self.ports,
            networks: self.networks,
            id: self.id,
        })
    }
}
