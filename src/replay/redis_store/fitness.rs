use redis::Value;

use super::RedisStore;
use super::script::down;
use crate::replay::StoreDown;
use crate::replay::remote::unavailable;

/// The persistence of a Redis server: what it keeps when it is killed, as far as it tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Persistence {
    /// Nothing, or what the last snapshot had: after a restart, deliveries can be handled again.
    AtMostSnapshots,
    /// `appendonly yes`. With `appendfsync always`, every claim that it has answered.
    AppendOnly,
}

/// The reason why a server cannot keep the promise of a [`RedisStore`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unfit {
    /// It could not be asked.
    #[error(transparent)]
    Down(#[from] StoreDown),
    /// It forgets claims within their window when its memory is full.
    #[error("maxmemory-policy is {policy}: it would forget claims within their window; set noeviction")]
    Evicts {
        /// Its `maxmemory-policy`.
        policy: String,
    },
    /// It only copies another.
    #[error("it is a replica: connect to the primary")]
    Replica,
    /// It cannot run the scripts.
    #[error("it is Redis {version}: 7.0 is needed, or Valkey 7.2")]
    TooOld {
        /// Its version.
        version: String,
    },
}

impl RedisStore {
    /// Whether the server, or each primary of the cluster, can keep the promise; and what it keeps when it is killed. To be
    /// asked at start-up.
    ///
    /// # Errors
    /// [`Unfit`], with the first reason found.
    pub async fn check(&self) -> Result<Persistence, Unfit> {
        let command = redis::cmd("INFO");
        let asked = tokio::time::timeout(self.settling.timeout, self.link.ask(&command)).await;
        let answer = asked
            .map_err(|_| unavailable(format!("no answer within {:?}", self.settling.timeout)))?
            .map_err(|error| down(&error))?;
        let reports = reports(&answer);
        let kept = reports.iter().map(|report| judge(report));
        let worst = kept.collect::<Result<Vec<_>, Unfit>>()?.into_iter().min();
        Ok(worst.ok_or_else(|| unavailable("INFO tells nothing".to_owned()))?)
    }
}

/// One for each server.
fn reports(answer: &Value) -> Vec<String> {
    match answer {
        Value::Map(nodes) => nodes.iter().flat_map(|(_, report)| reports(report)).collect(),
        Value::Array(nodes) => nodes.iter().flat_map(reports).collect(),
        report => redis::from_redis_value_ref(report).into_iter().collect(),
    }
}

fn judge(report: &str) -> Result<Persistence, Unfit> {
    let told = |name: &str| {
        let mut lines = report.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(key, _)| *key == name).map(|(_, value)| value.trim())
    };
    let (Some(version), Some(policy)) = (told("redis_version"), told("maxmemory_policy")) else {
        return Err(unavailable("INFO tells neither version nor maxmemory-policy".to_owned()).into());
    };
    if major(version).is_none_or(|major| major < 7) {
        let version = version.to_owned();
        return Err(Unfit::TooOld { version });
    }
    if told("role") == Some("slave") {
        return Err(Unfit::Replica);
    }
    if policy != "noeviction" && told("maxmemory") != Some("0") {
        let policy = policy.to_owned();
        return Err(Unfit::Evicts { policy });
    }
    Ok(match told("aof_enabled") {
        Some("1") => Persistence::AppendOnly,
        _ => Persistence::AtMostSnapshots,
    })
}

fn major(version: &str) -> Option<u32> {
    version.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `INFO` says it, of servers that are not at hand here.
    #[test]
    fn a_server_is_judged_by_what_it_tells() {
        let judged = |version: &str, more: &str| {
            let told =
                format!("redis_version:{version}\r\nmaxmemory_policy:noeviction\r\naof_enabled:1\r\n{more}");
            judge(&told)
        };
        let too_old = |version: &str| {
            Err(Unfit::TooOld {
                version: version.to_owned(),
            })
        };
        for version in ["7.0.0", "7.2.4", "8.0.2", "10.0.0"] {
            assert_eq!(judged(version, ""), Ok(Persistence::AppendOnly), "{version}");
        }
        for version in ["6.2.14", "unstable", ""] {
            assert_eq!(judged(version, ""), too_old(version), "{version}");
        }
        assert_eq!(judged("8.0.2", "role:slave\r\n"), Err(Unfit::Replica));
        assert_eq!(judged("8.0.2", "role:master\r\n"), Ok(Persistence::AppendOnly));
    }
}
