//! Explanations (**why not?**): each check of a decision, what was seen, what was expected, and what to do about it.
//!
//! For operators, never on the path of a request, and never for the peer: an explanation says everything.
//!
//! [`audit`](fn@audit) looks at a set-up before it refuses anybody.
//!
//! [`peer`](fn@peer) walks the checks of the very verifier that decides, each of which notes what came of it
//! ([`Presented::check`](crate::trust::Presented::check)), so it cannot say anything else than a handshake does.
//! [`payload`](fn@payload) asks the verifier itself, and where it refuses, verifies again what the usual mistakes would have made of
//! message, secret and scheme, until a signature matches.

mod audit;
mod payload;
mod peer;
mod report;
mod sent;

pub use audit::{
    Audit, CertificateRequest, ClientTls, Concern, FirstLayer, RequestLayers, ResumptionSeen, ServerTls,
    Setup, Severity, audit,
};
pub use payload::{
    Certainty, Diagnosis, Mistake, MistakeEntry, PayloadCheck, PayloadInquiry, PayloadReport,
    ProviderInquiry, payload, provider, signature,
};
pub use peer::{client, peer};
pub use report::{CheckOutcome, Finding, Report};
