use std::fmt::Write as _;
use std::sync::LazyLock;

use redis::{Cmd, ErrorKind, RedisError, RedisResult, ServerErrorKind, Value};
use sha1::{Digest as _, Sha1};

use super::link::Link;
use crate::replay::remote::{Answer, Failure, Granted, Step, milliseconds, unavailable};
use crate::replay::{Claim, ClaimKey, Claimed, StoreDown};

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
            Ok(value) => return read(&value),
            Err(error) => error,
        };
        if error.is_connection_refusal() || !error.is_connection_dropped() {
            return Err(failure(&error));
        }
        match self.once(link).await {
            Ok(value) => read(&value),
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

/// What a script has returned.
fn read(value: &Value) -> Result<Answer, Failure> {
    let Value::Array(parts) = value else {
        return Err(Failure::no_answer());
    };
    match (parts.first().and_then(word), parts.get(1).and_then(number)) {
        (Some(b"granted"), _) => Ok(Answer::Granted),
        (Some(b"handled"), _) => Ok(Answer::Handled),
        (Some(b"leased"), Some(left)) => Ok(Answer::leased(left)),
        (Some(b"done"), _) => Ok(Answer::Done),
        (Some(b"lost"), _) => Ok(Answer::Lost),
        _ => Err(Failure::no_answer()),
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
