use std::fmt::Write as _;
use std::sync::LazyLock;
use std::time::Duration;

use redis::{Cmd, ErrorKind, RedisError, RedisResult, ServerErrorKind, Value};
use sha1::{Digest as _, Sha1};

use super::link::Link;
use super::{Failure, Granted, unavailable};
use crate::replay::{Claim, ClaimAnswer, ClaimKey, Claimed, Settlement, StoreDown};

/// What a key holds: `L` and the token of the lease, or `H` and the token of the commit. Nothing else is touched.
///
/// Asked again under the same token, a claim is granted again: the first answer was lost.
static CLAIM: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local held = redis.call('GET', KEYS[1])
if not held then
  redis.call('SET', KEYS[1], 'L' .. ARGV[1], 'PX', ARGV[2])
  return {'granted'}
end
if held == 'L' .. ARGV[1] then return {'granted'} end
local state = string.sub(held, 1, 1)
local left = redis.call('PTTL', KEYS[1])
if state == 'L' then return {'leased', left} end
if state ~= 'H' then return redis.error_reply('COUNTERSIGN the key holds no claim') end
if left < tonumber(ARGV[3]) then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
return {'handled'}",
    )
});

/// Recorded whatever has become of the lease, and on a full server as well: what it overwrites is as long.
static COMMIT: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "#!lua flags=allow-oom
local held = redis.call('GET', KEYS[1])
local keep = tonumber(ARGV[2])
local state = held and string.sub(held, 1, 1)
if held and state ~= 'L' and state ~= 'H' then return redis.error_reply('COUNTERSIGN the key holds no claim') end
if held then keep = math.max(keep, redis.call('PTTL', KEYS[1])) end
redis.call('SET', KEYS[1], 'H' .. ARGV[1], 'PX', string.format('%.0f', keep))
if held and string.sub(held, 2) ~= ARGV[1] then return {'lost'} end
return {'done'}",
    )
});

static RELEASE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "#!lua flags=allow-oom
if redis.call('GET', KEYS[1]) ~= 'L' .. ARGV[1] then return {'lost'} end
redis.call('DEL', KEYS[1])
return {'done'}",
    )
});

/// What is asked of the server.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step<'a> {
    Claim(&'a Claim, u64),
    Commit(&'a Claimed),
    Release(&'a Claimed),
}

struct Script {
    text: &'static str,
    hash: String,
}

impl Script {
    fn new(text: &'static str) -> Self {
        let hash = Sha1::digest(text);
        Self {
            text,
            hash: hash.iter().fold(String::new(), |mut hex, byte| {
                let _ = write!(hex, "{byte:02x}");
                hex
            }),
        }
    }
}

/// A step, written out.
pub(super) struct Question {
    script: &'static Script,
    key: String,
    arguments: Vec<String>,
}

impl Question {
    pub(super) fn new(prefix: &str, step: &Step<'_>) -> Self {
        let (script, key, arguments) = match step {
            Step::Claim(claim, token) => (&*CLAIM, claim.key, claim_arguments(claim, *token)),
            Step::Commit(claimed) => (&*COMMIT, claimed.key(), commit_arguments(claimed)),
            Step::Release(claimed) => (&*RELEASE, claimed.key(), vec![text(claimed.token())]),
        };
        Self {
            script,
            key: key_of(prefix, &key),
            arguments,
        }
    }

    /// Once, and if the connection is lost over it, once more: each step may be taken twice.
    pub(super) async fn ask(&self, link: &dyn Link) -> Result<Answer, Failure> {
        let error = match self.once(link).await {
            Ok(value) => return Answer::read(&value),
            Err(error) => error,
        };
        if error.is_connection_refusal() || !error.is_connection_dropped() {
            return Err(failure(&error));
        }
        match self.once(link).await {
            Ok(value) => Answer::read(&value),
            Err(error) => Err(Failure {
                granted: Granted::Perhaps,
                ..failure(&error)
            }),
        }
    }

    /// The text of a script is sent only where the server does not have it, after a restart for one.
    async fn once(&self, link: &dyn Link) -> RedisResult<Value> {
        match link.ask(&self.command("EVALSHA", &self.script.hash)).await {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                link.ask(&self.command("EVAL", self.script.text)).await
            }
            answer => answer,
        }
    }

    fn command(&self, name: &str, script: &str) -> Cmd {
        let mut command = redis::cmd(name);
        command.arg(script).arg(1).arg(&self.key).arg(&self.arguments);
        command
    }
}

fn claim_arguments(claim: &Claim, token: u64) -> Vec<String> {
    let renewed = claim.renewal().map_or(0, milliseconds);
    vec![
        text(token),
        milliseconds(claim.lease).to_string(),
        renewed.to_string(),
    ]
}

fn commit_arguments(claimed: &Claimed) -> Vec<String> {
    vec![text(claimed.token()), milliseconds(claimed.window()).to_string()]
}

fn key_of(prefix: &str, key: &ClaimKey) -> String {
    format!("{prefix}:{key}")
}

/// Of one length, whatever its value.
fn text(token: u64) -> String {
    format!("{token:016x}")
}

/// Through the last second, as in memory; a century is for ever.
fn milliseconds(time: Duration) -> u64 {
    const CENTURY: u64 = 100 * 366 * 24 * 60 * 60;
    (time.as_secs().min(CENTURY) + 1) * 1000
}

/// What a script has returned.
#[derive(Debug)]
pub(super) enum Answer {
    Granted,
    Handled,
    Leased { left: Duration },
    Done,
    Lost,
}

impl Answer {
    fn read(value: &Value) -> Result<Self, Failure> {
        let Value::Array(parts) = value else {
            return Err(no_answer());
        };
        match (parts.first().and_then(word), parts.get(1).and_then(number)) {
            (Some(b"granted"), _) => Ok(Self::Granted),
            (Some(b"handled"), _) => Ok(Self::Handled),
            (Some(b"leased"), Some(left)) => Ok(Self::Leased {
                left: Duration::from_secs(left.saturating_sub(1) / 1000),
            }),
            (Some(b"done"), _) => Ok(Self::Done),
            (Some(b"lost"), _) => Ok(Self::Lost),
            _ => Err(no_answer()),
        }
    }

    pub(super) fn to_claim(&self, claim: &Claim, token: u64) -> Result<ClaimAnswer, StoreDown> {
        match self {
            Self::Granted => Ok(ClaimAnswer::Granted(Claimed::granted(claim, token))),
            Self::Handled => Ok(ClaimAnswer::Handled),
            Self::Leased { left } => Ok(ClaimAnswer::InProgress { left: *left }),
            Self::Done | Self::Lost => Err(out_of_place()),
        }
    }

    pub(super) fn to_settlement(&self) -> Result<Settlement, StoreDown> {
        match self {
            Self::Done => Ok(Settlement::Done),
            Self::Lost => Ok(Settlement::LeaseLost),
            _ => Err(out_of_place()),
        }
    }
}

fn word(value: &Value) -> Option<&[u8]> {
    match value {
        Value::BulkString(word) => Some(word),
        _ => None,
    }
}

fn number(value: &Value) -> Option<u64> {
    match value {
        Value::Int(number) => u64::try_from(*number).ok(),
        _ => None,
    }
}

fn no_answer() -> Failure {
    Failure::in_doubt("an answer that is none".to_owned())
}

fn out_of_place() -> StoreDown {
    unavailable("an answer to another question".to_owned())
}

fn failure(error: &RedisError) -> Failure {
    let said = matches!(error.kind(), ErrorKind::Server(_) | ErrorKind::Extension);
    let certain = said || error.is_connection_refusal();
    Failure {
        down: down(error),
        granted: if certain { Granted::No } else { Granted::Perhaps },
    }
}

/// What an error of the server or of the way to it means for the sender.
pub(super) fn down(error: &RedisError) -> StoreDown {
    if error.code() == Some("OOM") {
        return StoreDown::Full;
    }
    let hint = match error.kind() {
        ErrorKind::Server(ServerErrorKind::Moved) => "; it is a node of a cluster: use `RedisStore::cluster`",
        _ => "",
    };
    match (error.code(), error.detail()) {
        (Some(code), Some(detail)) => unavailable(format!("{code} {detail}{hint}")),
        _ => unavailable(error.to_string()),
    }
}
