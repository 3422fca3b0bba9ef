//! What the fuzz targets share: a bound on the time that an input may take, header fields out of lines, senders and certificate
//! authorities whose messages and certificates are right until the input changes them, and a server on this machine that
//! answers what the input says.
//!
//! Nearly right input is what gets behind the first check. So the targets take their input as choices (`arbitrary`): what to sign or to issue, and
//! what to change in it afterwards.

mod answer;
mod bound;
mod claims;
mod der;
#[path = "../../tests/support/ebay_key.rs"]
mod ebay_key;
mod families;
mod fields;
mod issued;
mod keys;
mod loopback;
mod sender;
mod serial;
#[allow(dead_code, reason = "the doctor uses more of it")]
#[path = "../../examples/doctor/payload/sha1.rs"]
mod sha1;
mod tamper;

pub use answer::HttpAnswer;
pub use bound::{bounded, within};
pub use claims::{http_signatures, tokens};
pub use families::families;
pub use fields::{head_and_body, headers};
pub use issued::{Authorities, resigned};
pub use keys::{algorithms, jose_key, ring, secret};
pub use loopback::Loopback;
pub use sender::{Sender, Verifies, acme, at, hmac, origin, public_keys};
pub use serial::shortest;
pub use tamper::{NOW, Sent, bytes, cuts, tamper};
