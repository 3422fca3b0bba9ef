//! Answers that live elsewhere: whoever waits for them.

use tokio::runtime::Handle;
use tokio::time::sleep;

use crate::refusal::Refusal;

/// How often what is lacking is fetched for one question.
pub(super) const FETCHES: usize = 2;

/// Asks; where an answer is lacking that lives elsewhere, fetches it and asks again. What is still lacking then is an outage.
pub(super) async fn fetching<T>(mut ask: impl FnMut() -> Result<T, Refusal>) -> Result<T, Refusal> {
    for _ in 0..FETCHES {
        match ask() {
            Err(refusal) => fetched(refusal).await?,
            answer => return answer,
        }
    }
    ask()
}

/// Waits for what this refusal says is lacking. Then the question may be asked again.
///
/// # Errors
/// The refusal, where nothing is lacking, or where nobody could wait.
pub(super) async fn fetched(refusal: Refusal) -> Result<(), Refusal> {
    let Some(ticket) = refusal.ticket() else {
        return Err(refusal);
    };
    if Handle::try_current().is_err() {
        return Err(Refusal::NotWired {
            missing: "tokio's timer",
            remedy: "run the server on a tokio runtime with `enable_time`",
        });
    }
    ticket.redeem(sleep(ticket.patience())).await;
    Ok(())
}
