//! Serial numbers.

use std::sync::atomic::{AtomicU64, Ordering};

use super::{TestCa, TestCert};

/// A certificate's serial number: what a revocation list names it by.
///
/// Where one is asked for, `&`[`TestCert`], `&`[`TestCa`] and a number will do.
///
/// # Examples
///
/// ```
/// use countersign::testing::{Serial, TestCa};
///
/// let ca = TestCa::new("Acme Root");
/// let cert = ca.client("acme.example").serial(42).issue();
/// assert_eq!(Serial::from(&cert), Serial::from(42));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Serial(Vec<u8>);

impl Serial {
    /// One that no other certificate of this process has.
    ///
    /// Without it, rcgen would derive the number from the key, and a renewed certificate would be revoked
    /// with the old.
    pub(super) fn fresh() -> Self {
        /// Far from the small numbers that tests choose themselves.
        static NEXT: AtomicU64 = AtomicU64::new(1 << 32);
        Self::from(NEXT.fetch_add(1, Ordering::Relaxed))
    }

    /// Big-endian, without leading zeros.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn rcgen(&self) -> rcgen::SerialNumber {
        self.0.clone().into()
    }
}

impl From<u64> for Serial {
    fn from(number: u64) -> Self {
        Self::from(&number.to_be_bytes()[..])
    }
}

/// A big-endian number of any size, such as the 20 bytes that public CAs use.
impl From<&[u8]> for Serial {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.iter().copied().skip_while(|byte| *byte == 0).collect())
    }
}

impl From<&TestCert> for Serial {
    fn from(cert: &TestCert) -> Self {
        cert.serial().clone()
    }
}

impl From<&TestCa> for Serial {
    fn from(ca: &TestCa) -> Self {
        ca.serial().clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leading_zeros_do_not_count() {
        assert_eq!(Serial::from(&[0, 0, 42][..]), Serial::from(42));
        assert_eq!(Serial::from(0x1_00).as_bytes(), [1, 0]);
    }

    #[test]
    fn fresh_ones_differ() {
        assert_ne!(Serial::fresh(), Serial::fresh());
    }
}
