//! Asks `explain` what a verifier was asked, which must come to the same answer.

use countersign::explain;
use countersign::identity::PeerChain;
use countersign::refusal::Refusal;
use countersign::trust::{Role, Untrusted, VerifyPeer};
use rustls::pki_types::UnixTime;

/// The verdict is the same, and so is the first failure of the checks: nothing else tells the two apart.
pub(crate) fn agrees<T>(
    trust: &dyn VerifyPeer,
    chain: &PeerChain,
    role: Role<'_>,
    now: UnixTime,
    answer: &Result<T, Untrusted>,
) {
    let report = explain::peer(trust, chain.certificates().cloned(), role, now);
    let decided = answer
        .as_ref()
        .map(|_| ())
        .map_err(|why| Refusal::from(why.clone()));
    assert_eq!(report.verdict, decided, "{report}");
    let first = report
        .failures()
        .next()
        .and_then(|finding| finding.reason.clone());
    assert_eq!(first, decided.err(), "{report}");
}
