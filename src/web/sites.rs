use std::sync::Arc;

use super::host::{Host, Table, pattern};
use crate::gate::Policy;
use crate::live::Live;
use crate::tls::rustls::ServerConfig;

/// A virtual host, as TLS sees it: the configuration of its handshakes, and the policy that they are verified by.
/// Cheap to clone.
///
/// Names that share a policy are one site to a client: it may ask for the one on a connection made for the other.
#[derive(Debug, Clone)]
pub struct Site {
    policy: Option<Policy>,
    config: Arc<ServerConfig>,
}

impl Site {
    /// A site whose callers this policy knows. `config` is to verify by [`Policy::trust`].
    pub fn new(policy: Policy, config: impl Into<Arc<ServerConfig>>) -> Self {
        Self {
            policy: Some(policy),
            config: config.into(),
        }
    }

    /// A site that asks for no certificate, where payloads must speak for themselves.
    pub fn for_anybody(config: impl Into<Arc<ServerConfig>>) -> Self {
        Self {
            policy: None,
            config: config.into(),
        }
    }

    /// Who may call, where it asks for certificates.
    pub fn policy(&self) -> Option<&Policy> {
        self.policy.as_ref()
    }

    /// The configuration of its handshakes.
    pub fn config(&self) -> &Arc<ServerConfig> {
        &self.config
    }
}

/// The virtual hosts of one port, chosen by server name (SNI).
///
/// One value for both who must know: [`Acceptor::by_server_name`](super::Acceptor::by_server_name) chooses by the name
/// that the client asks for in the handshake (SNI, RFC 6066 §3), and [`CallerLayer::by_host`](super::CallerLayer::by_host)
/// refuses requests for a host whose policy is another than the one of the handshake. Put it into a [`Live`] to add names
/// while it is in use.
///
/// Names are compared without case and without the dot of the root, and `*.` stands for exactly one label, where no
/// other name fits.
#[derive(Debug, Clone, Default)]
pub struct Sites {
    by_name: Table<Site>,
    unnamed: Option<Site>,
}

impl Sites {
    /// Begins with no site.
    pub fn builder() -> SitesBuilder {
        SitesBuilder::default()
    }

    /// The site of this name. `None` and the address of a host (which is no server name: RFC 6066 §3) find the one
    /// [`without_name`](SitesBuilder::without_name); what is neither finds none.
    pub fn find(&self, name: Option<&str>) -> Option<&Site> {
        match name {
            Some(name) => self.find_host(&Host::alone(name)?),
            None => self.unnamed.as_ref(),
        }
    }

    pub(super) fn find_host(&self, host: &Host<'_>) -> Option<&Site> {
        match host {
            Host::Name(_) => self.by_name.find(host),
            Host::Address(_) => self.unnamed.as_ref(),
        }
    }
}

impl From<Sites> for Live<Sites> {
    fn from(sites: Sites) -> Self {
        Self::new(sites)
    }
}

/// A builder of [`Sites`].
#[derive(Debug, Clone, Default)]
pub struct SitesBuilder {
    named: Vec<(String, Site)>,
    unnamed: Option<Site>,
    weaker: Weaker,
}

/// Whether the site without a name may ask for less than others do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Weaker {
    #[default]
    Refuse,
    Allow,
}

impl SitesBuilder {
    /// Serves this site under that name, or under any name of that form where its first label is `*`.
    #[must_use]
    pub fn site(mut self, name: impl Into<String>, site: Site) -> Self {
        self.named.push((name.into(), site));
        self
    }

    /// Serves this site where the client asks for no name, as one that connects to an address does. Otherwise such
    /// clients are refused.
    ///
    /// It has to ask for certificates if any other does: who leaves the name out must not get in for less. Which of two
    /// policies is the weaker one cannot be told.
    #[must_use]
    pub fn without_name(mut self, site: Site) -> Self {
        self.unnamed = Some(site);
        self.weaker = Weaker::Refuse;
        self
    }

    /// [`without_name`](Self::without_name), also for a site that asks for no certificate beside others that do.
    ///
    /// # Security
    /// Any client can leave the name out of its handshake. Behind a [`CallerLayer::by_host`](super::CallerLayer::by_host)
    /// it still reaches no other site's routes; what stands behind none is open to it.
    #[must_use]
    pub fn allow_weaker_without_name(mut self, site: Site) -> Self {
        self.unnamed = Some(site);
        self.weaker = Weaker::Allow;
        self
    }

    /// The sites.
    ///
    /// # Errors
    /// [`InvalidSites`] where there is none, where a name is none, where one stands there twice, or where the site without
    /// a name asks for less than others do.
    pub fn build(self) -> Result<Sites, InvalidSites> {
        if self.named.is_empty() && self.unnamed.is_none() {
            return Err(InvalidSites::Empty);
        }
        if self.is_weaker_without_name() && self.weaker == Weaker::Refuse {
            return Err(InvalidSites::Weaker);
        }
        let mut by_name = Table::default();
        for (name, site) in self.named {
            let Some(host @ Host::Name(_)) = pattern(&name) else {
                return Err(InvalidSites::NotAName { name });
            };
            if by_name.insert(host, site).is_some() {
                return Err(InvalidSites::Twice { name });
            }
        }
        Ok(Sites {
            by_name,
            unnamed: self.unnamed,
        })
    }
}

impl SitesBuilder {
    fn is_weaker_without_name(&self) -> bool {
        let asks = |site: &Site| site.policy.is_some();
        self.unnamed.as_ref().is_some_and(|unnamed| !asks(unnamed))
            && self.named.iter().any(|(_, site)| asks(site))
    }
}

/// Sites that cannot be told apart, or that nobody would find.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSites {
    /// There is none.
    #[error("no site: every handshake would be refused; add one with `site` or `without_name`")]
    Empty,
    /// Who asks for no name would be asked for no certificate, and others are.
    #[error(
        "the site without a name asks for no certificate, and others do; give it a policy, or say `allow_weaker_without_name`"
    )]
    Weaker,
    /// No handshake can ask for this.
    #[error("{name:?} is no server name: give a DNS name in its ASCII form, without a port")]
    NotAName {
        /// As it was given.
        name: String,
    },
    /// Two sites have this name.
    #[error("{name:?} is there twice: which site it means cannot be told")]
    Twice {
        /// As it was given the second time.
        name: String,
    },
}
