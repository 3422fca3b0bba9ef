use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

use crate::replay::remote::{Answer, Failure, Step, milliseconds};
use crate::replay::{Claim, Claimed};

/// The statements, over one table. Each is whole in itself: one round trip, and no transaction around it.
///
/// A row is the lease of a token, or what that token has handled, until `ends`. A row that has ended counts as none.
#[derive(Debug)]
pub(super) struct Statements {
    claim: String,
    commit: String,
    commit_in: String,
    release: String,
    pub(super) tidy: String,
    pub(super) look: String,
}

impl Statements {
    pub(super) fn over(table: &str) -> Self {
        let written = |text: &str| text.replace("{claims}", table);
        Self {
            claim: written(CLAIM),
            commit: written(COMMIT),
            commit_in: written(COMMIT_IN),
            release: written(RELEASE),
            tidy: written(TIDY),
            look: written(LOOK),
        }
    }

    pub(super) fn question(&self, step: &Step<'_>) -> Question<'_> {
        match step {
            Step::Claim(claim, token) => self.claim(claim, *token),
            Step::Commit(claimed) => Question::settling(&self.commit, claimed, Some(claimed.window())),
            Step::Release(claimed) => Question::settling(&self.release, claimed, None),
        }
    }

    pub(super) fn commit_in(&self, claimed: &Claimed) -> Question<'_> {
        Question::settling(&self.commit_in, claimed, Some(claimed.window()))
    }

    fn claim(&self, claim: &Claim, token: u64) -> Question<'_> {
        let renewed = claim.renewal().map_or(0, milliseconds);
        Question {
            text: &self.claim,
            key: *claim.key.as_bytes(),
            numbers: vec![
                token.cast_signed(),
                span(milliseconds(claim.lease)),
                span(renewed),
            ],
        }
    }
}

/// What is there is looked at before anything is locked: a retry that comes while the handler's transaction is open must not
/// wait for its end. Only what is new, has ended, or is to be kept for longer is written; where another was faster between
/// looking and writing, there is no row, and it is asked again.
///
/// Asked again under the same token, a claim is granted again: the first answer was lost.
const CLAIM: &str = "
with seen as (
  select token, handled, ends from {claims} where key = $1
), written as (
  insert into {claims} as held (key, token, handled, ends)
  select $1, $2, false, now() + $3 * interval '1 millisecond'
  where not exists (
    select from seen
    where ends > now() and not (handled and ends < now() + $4 * interval '1 millisecond'))
  on conflict (key) do update set
    token = case when held.ends > now() then held.token else excluded.token end,
    handled = held.handled and held.ends > now(),
    ends = case when held.ends > now()
      then greatest(held.ends, now() + $4 * interval '1 millisecond') else excluded.ends end
  where held.ends <= now() or held.handled
  returning token, handled, ends
), told as (
  select * from written
  union all
  select * from seen where not exists (select from written)
)
select token = $2 and not handled and ends > now(), handled and ends > now(),
  ceil(extract(epoch from ends - clock_timestamp()) * 1000)::bigint from told";

/// Recorded whatever has become of the lease: what was handled was handled.
const COMMIT: &str = "
with before as (
  select token, ends from {claims} where key = $1 for update
), others as (
  select count(*) as found from before where token <> $2 and ends > clock_timestamp()
), written as (
  insert into {claims} as held (key, token, handled, ends)
  select $1, $2, true, clock_timestamp() + $3 * interval '1 millisecond' from others
  on conflict (key) do update set
    token = excluded.token, handled = true, ends = greatest(held.ends, excluded.ends)
  returning 1
)
select found = 0 from others, written";

/// Only where the delivery is still this token's, or nobody's. Whoever else wants it waits for the end of the transaction.
const COMMIT_IN: &str = "
insert into {claims} as held (key, token, handled, ends)
values ($1, $2, true, clock_timestamp() + $3 * interval '1 millisecond')
on conflict (key) do update set
  token = excluded.token, handled = true, ends = greatest(held.ends, excluded.ends)
where not held.handled and (held.token = excluded.token or held.ends <= clock_timestamp())
returning true";

const RELEASE: &str = "
with gone as (
  delete from {claims} where key = $1 and token = $2 and not handled and ends > now() returning 1
)
select count(*) = 1 from gone";

/// Some of what has ended; rows that somebody is at are left for the next time.
const TIDY: &str = "
delete from {claims} where key in (
  select key from {claims} where ends <= now() limit 5000 for update skip locked)";

/// Whether the table is there, with its columns, kept through a crash, and may be written.
const LOOK: &str = "
select pg_is_in_recovery() or current_setting('transaction_read_only')::bool,
  (select relpersistence = 'p' from pg_class where oid = '{claims}'::regclass),
  case when current_setting('fsync') <> 'on' then 'fsync'
    when current_setting('synchronous_commit') = 'off' then 'synchronous_commit'
    when current_setting('full_page_writes') <> 'on' then 'full_page_writes' end,
  (select count(*) from (select key, token, handled, ends from {claims} limit 1) as columns)";

/// A statement and what it is asked with.
pub(super) struct Question<'a> {
    pub(super) text: &'a str,
    key: [u8; 32],
    numbers: Vec<i64>,
}

impl<'a> Question<'a> {
    fn settling(text: &'a str, claimed: &Claimed, window: Option<std::time::Duration>) -> Self {
        let token = claimed.token().cast_signed();
        let window = window.map(|window| span(milliseconds(window)));
        Self {
            text,
            key: *claimed.key().as_bytes(),
            numbers: std::iter::once(token).chain(window).collect(),
        }
    }

    pub(super) fn key(&self) -> &[u8] {
        &self.key
    }

    /// The arguments, of which `key` is [`key`](Self::key).
    pub(super) fn arguments<'p>(&'p self, key: &'p &'p [u8]) -> Vec<(&'p (dyn ToSql + Sync), Type)> {
        let numbers = self
            .numbers
            .iter()
            .map(|number| (number as &(dyn ToSql + Sync), Type::INT8));
        std::iter::once((key as &(dyn ToSql + Sync), Type::BYTEA))
            .chain(numbers)
            .collect()
    }
}

/// A century of milliseconds fits.
fn span(milliseconds: u64) -> i64 {
    i64::try_from(milliseconds).unwrap_or(i64::MAX)
}

/// What a claim is told: granted, handled, and what is left. `None` where another was faster.
pub(super) fn told(rows: &[Row]) -> Result<Option<Answer>, Failure> {
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    let (granted, handled, left) = (cell(row, 0)?, cell(row, 1)?, cell::<i64>(row, 2)?);
    Ok(Some(match (granted, handled) {
        (true, _) => Answer::Granted,
        (_, true) => Answer::Handled,
        _ => Answer::leased(u64::try_from(left).unwrap_or(0)),
    }))
}

/// What a settlement is told.
pub(super) fn settled(rows: &[Row]) -> Result<Answer, Failure> {
    let row = rows.first().ok_or_else(Failure::no_answer)?;
    Ok(if cell(row, 0)? { Answer::Done } else { Answer::Lost })
}

fn cell<'a, T: tokio_postgres::types::FromSql<'a>>(row: &'a Row, index: usize) -> Result<T, Failure> {
    row.try_get(index).map_err(|_| Failure::no_answer())
}
