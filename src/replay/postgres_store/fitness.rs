use super::{PostgresStore, failed};
use crate::replay::StoreDown;
use crate::replay::remote::unavailable;

/// The reason why a server or its table cannot keep the promise of a [`PostgresStore`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnfitPostgres {
    /// It could not be asked, or the table is not there, is another one, or may not be read.
    #[error(transparent)]
    Down(#[from] StoreDown),
    /// It only copies another, or its transactions are read-only.
    #[error("it is a standby or read-only: connect to the primary")]
    ReadOnly,
    /// The table is unlogged or temporary: after a crash it is empty.
    #[error("the table is not kept through a crash: create it without `unlogged`")]
    Unlogged,
    /// What it has answered may be gone after a crash.
    #[error("{setting} is set so that claims which were answered may be lost in a crash")]
    Forgets {
        /// The setting: `fsync`, `synchronous_commit` or `full_page_writes`.
        setting: String,
    },
}

impl PostgresStore {
    /// Whether server and table can keep the promise. To be asked at start-up.
    ///
    /// # Errors
    /// [`UnfitPostgres`], with the first reason found.
    pub async fn check(&self) -> Result<(), UnfitPostgres> {
        let timeout = self.settling.timeout;
        let asked = tokio::time::timeout(timeout, self.link.ask_plainly(&self.statements.look)).await;
        let rows = asked
            .map_err(|_| unavailable(format!("no answer within {timeout:?}")))?
            .map_err(|error| failed(&error).down)?;
        let row = rows
            .first()
            .ok_or_else(|| unavailable("it tells nothing".to_owned()))?;
        let told = |index| row.try_get::<_, Option<bool>>(index).unwrap_or_default();
        if told(0) != Some(false) {
            return Err(UnfitPostgres::ReadOnly);
        }
        if told(1) != Some(true) {
            return Err(UnfitPostgres::Unlogged);
        }
        match row.try_get::<_, Option<String>>(2).unwrap_or_default() {
            Some(setting) => Err(UnfitPostgres::Forgets { setting }),
            None => Ok(()),
        }
    }
}
