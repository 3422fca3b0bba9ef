use std::sync::Arc;

use super::host::{Host, Table, pattern};
use crate::gate::Policy;
use crate::live::Live;
use crate::tls::rustls::ServerConfig;

/// A virtual host, as TLS sees it: the configuration of its handshakes, and the policy that they are verified by.
/// Cheap to clone.
///
/// Names that share a policy are one site to a client: it may ask for the one on a connection made for the other.
///
/// ```
/// use countersign::testing::TestCa;
/// use countersign::tls::rustls;
/// use countersign::web::Site;
///
/// # let own = TestCa::new("Acme Root").server("open.example").issue();
/// let config = rustls::ServerConfig::builder_with_provider(
///     rustls::crypto::aws_lc_rs::default_provider().into()
/// )
///     .with_safe_default_protocol_versions()?
///     .with_no_client_auth()
///     .with_single_cert(own.chain(), own.key())?;
/// assert!(Site::for_anybody(config).policy().is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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
///
/// ```
/// use countersign::testing::TestCa;
/// use countersign::tls::{Credentials, rustls};
/// use countersign::web::{Site, Sites};
///
/// # let own = TestCa::new("Acme Root").server("open.example").issue();
/// # let config = || rustls::ServerConfig::builder_with_provider(rustls::crypto::aws_lc_rs::default_provider().into())
/// #     .with_safe_default_protocol_versions()?.with_no_client_auth().with_single_cert(own.chain(), own.key());
/// let sites = Sites::builder().site("*.open.example", Site::for_anybody(config()?)).build()?;
/// assert!(sites.find(Some("a.open.example")).is_some());
/// assert!(sites.find(Some("a.b.open.example")).is_none());
/// assert!(sites.find(None).is_none(), "nothing is served without a name");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Sites {
    by_name: Table<Site>,
    unnamed: Option<Site>,
    unknown: Unknown,
}

/// What becomes of a name that no site has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Unknown {
    #[default]
    Refuse,
    ServeUnnamed,
}

impl Sites {
    /// Begins with no site.
    pub fn builder() -> SitesBuilder {
        SitesBuilder::default()
    }

    /// The site of this name. `None` and the address of a host (which is no server name: RFC 6066 §3) find the one
    /// [`without_name`](SitesBuilder::without_name), as does a name that no site has where
    /// [`serve_unknown_names`](SitesBuilder::serve_unknown_names) says so; what is neither finds none.
    pub fn find(&self, name: Option<&str>) -> Option<&Site> {
        match name {
            Some(name) => self.find_host(&Host::alone(name)?),
            None => self.unnamed.as_ref(),
        }
    }

    pub(super) fn find_host(&self, host: &Host<'_>) -> Option<&Site> {
        match host {
            Host::Name(_) => self.by_name.find(host).or(match self.unknown {
                Unknown::Refuse => None,
                Unknown::ServeUnnamed => self.unnamed.as_ref(),
            }),
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
    unknown: Unknown,
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

    /// Serves the site [without a name](Self::without_name) also where the client asks for a name that no site has. Otherwise
    /// such clients are refused with the alert `unrecognized_name`.
    ///
    /// For a port that customers point names of their own at. To [`CallerLayer::by_host`](super::CallerLayer::by_host) all of
    /// these names are one site: a request for any of them may come on a connection that was made for any other, or for none.
    /// A name of a site is never among them, nor is one that the `*.` of a site stands for.
    ///
    /// # Security
    /// The client has chosen the name, and nobody here knows it: it says nothing of where the client wanted to be, so look
    /// nothing up by it. The server shows the certificate of the site without a name, which clients that verify will refuse
    /// under other names.
    #[must_use]
    pub fn serve_unknown_names(mut self) -> Self {
        self.unknown = Unknown::ServeUnnamed;
        self
    }

    /// The sites.
    ///
    /// # Errors
    /// [`InvalidSites`] where there is none, where unknown names would find none, where a name is none, where one stands there twice, or where the site without
    /// a name asks for less than others do.
    pub fn build(self) -> Result<Sites, InvalidSites> {
        if self.named.is_empty() && self.unnamed.is_none() {
            return Err(InvalidSites::Empty);
        }
        if self.unnamed.is_none() && self.unknown == Unknown::ServeUnnamed {
            return Err(InvalidSites::NoneWithoutName);
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
            unknown: self.unknown,
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
    /// Unknown names are to be served by the site without a name, and there is none.
    #[error("unknown names are to be served, and there is no site for them; add one with `without_name`")]
    NoneWithoutName,
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
