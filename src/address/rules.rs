//! The rules of an address guard as text.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use super::{AddressGuard, InvalidNat64, InvalidNetwork, Network};

/// One rule a line; blank lines and lines that begin with `#` say nothing:
///
/// ```text
/// allow 127.0.0.1:8443       one address and port: see AddressGuard::allow
/// allow 10.7.0.0/16          a network, on any port: see AddressGuard::allow_network
/// deny  203.0.113.0/24       a network, whatever else allows it: see AddressGuard::deny_network
/// nat64 2001:db8:64::/96     the prefix of a translator: see AddressGuard::with_nat64
/// ```
impl FromStr for AddressGuard {
    type Err = InvalidGuard;

    fn from_str(text: &str) -> Result<Self, InvalidGuard> {
        Self::parse(text.lines())
    }
}

impl AddressGuard {
    /// A guard by these rules, one a line. The whole text of a file is read by `text.parse()`.
    ///
    /// ```
    /// use countersign::address::AddressGuard;
    ///
    /// let guard = AddressGuard::parse(["allow 10.7.0.0/16", "deny 10.7.9.0/24"])?;
    /// assert_eq!(guard.check("10.7.1.2:443".parse()?), Ok(()));
    /// assert!(guard.check("10.7.9.2:443".parse()?).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`InvalidGuard`] with the number of the first line that is none.
    pub fn parse<T: AsRef<str>>(lines: impl IntoIterator<Item = T>) -> Result<Self, InvalidGuard> {
        (1..).zip(lines).try_fold(Self::new(), |guard, (line, text)| {
            let text = text.as_ref().trim();
            if text.is_empty() || text.starts_with('#') {
                return Ok(guard);
            }
            guard
                .ruled(text)
                .map_err(|problem| InvalidGuard { line, problem })
        })
    }

    fn ruled(self, rule: &str) -> Result<Self, GuardProblem> {
        let (verb, place) = rule.split_once(char::is_whitespace).unwrap_or((rule, ""));
        let place = place.trim_start();
        let network = || place.parse::<Network>();
        match verb {
            "allow" => match place.parse::<SocketAddr>() {
                Ok(address) => Ok(self.allow(address)),
                Err(_) => Ok(self.allow_network(network()?)),
            },
            "deny" => Ok(self.deny_network(network()?)),
            "nat64" => Ok(self.with_nat64(network()?)?),
            _ => Err(GuardProblem::Verb),
        }
    }
}

/// Its rules, one a line, as they are read.
impl fmt::Display for AddressGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let addresses = self.allowed.iter().map(|address| format!("allow {address}"));
        let of = |verb, networks: &[Network]| {
            let rules = networks.iter().map(|network| format!("{verb} {network}"));
            rules.collect::<Vec<_>>()
        };
        let networks = [
            of("allow", &self.networks),
            of("deny", &self.denied),
            of("nat64", &self.translators),
        ];
        let rules: Vec<_> = addresses.chain(networks.into_iter().flatten()).collect();
        f.write_str(&rules.join("\n"))
    }
}

/// A rule of a guard that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
#[non_exhaustive]
pub struct InvalidGuard {
    /// Its line, from 1; comments and blank lines count.
    pub line: usize,
    /// What is wrong with it.
    pub problem: GuardProblem,
}

/// A reason why a rule of a guard cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GuardProblem {
    /// It begins with another word.
    #[error("a rule begins with `allow`, `deny` or `nat64`")]
    Verb,
    /// What follows is no network, nor an address with its port where that may stand.
    #[error(transparent)]
    Network(#[from] InvalidNetwork),
    /// What follows `nat64` is no prefix that a translator can have.
    #[error(transparent)]
    Nat64(#[from] InvalidNat64),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_written_as_they_are_read() {
        let text = "# ours\n\nallow 127.0.0.1:8443\n  allow [::1]:443\nallow 10.7.0.0/16\ndeny\t203.0.113.0/24\nnat64 2001:db8:64::/96\n";
        let guard = text.parse::<AddressGuard>().unwrap();
        assert_eq!(
            guard.to_string(),
            "allow 127.0.0.1:8443\nallow [::1]:443\nallow 10.7.0.0/16\ndeny 203.0.113.0/24\nnat64 2001:db8:64::/96"
        );
        let again = guard.to_string().parse::<AddressGuard>().unwrap();
        assert_eq!(again.to_string(), guard.to_string());
    }

    #[test]
    fn a_rule_that_is_none_is_told_with_its_line() {
        for (text, line, problem) in [
            ("permit 10.7.0.0/16", 1, GuardProblem::Verb),
            ("10.7.0.0/16", 1, GuardProblem::Verb),
            ("# one\n\nallow", 3, GuardProblem::Network(InvalidNetwork)),
            ("allow 10.7.1.2/16", 1, GuardProblem::Network(InvalidNetwork)),
            (
                "allow 10.7.0.0/16 10.8.0.0/16",
                1,
                GuardProblem::Network(InvalidNetwork),
            ),
            ("allow localhost:443", 1, GuardProblem::Network(InvalidNetwork)),
            ("deny 10.7.1.2:443", 1, GuardProblem::Network(InvalidNetwork)),
            ("nat64 10.0.0.0/32", 1, GuardProblem::Nat64(InvalidNat64)),
        ] {
            let refused = text.parse::<AddressGuard>().err();
            assert_eq!(refused, Some(InvalidGuard { line, problem }), "{text:?}");
        }
    }
}
