//! The client's certificates in a stored session of rustls.

use rustls::pki_types::CertificateDer;

/// The certificates of the client in a session that rustls stores.
///
/// rustls does not say how it writes a session; this follows its `ServerSessionValue`: server name, version, cipher
/// suite, secret, extended master secret, client certificates. What reads otherwise is taken for a session of nobody, and
/// one of nobody is never resumed.
pub(super) fn client_certificates(session: &[u8]) -> Option<Vec<CertificateDer<'_>>> {
    let mut rest = Fields(session);
    if rest.flag()? {
        let len = rest.number(1)?;
        rest.bytes(len)?;
    }
    let (_version, _suite) = (rest.number(2)?, rest.number(2)?);
    let secret = rest.number(1)?;
    rest.bytes(secret)?;
    let _extended_master_secret = rest.flag()?;
    if !rest.flag()? {
        return None;
    }
    let len = rest.number(3)?;
    let mut list = Fields(rest.bytes(len)?);
    let mut certificates = Vec::new();
    while !list.0.is_empty() {
        let len = list.number(3)?;
        certificates.push(CertificateDer::from(list.bytes(len)?));
    }
    (!certificates.is_empty()).then_some(certificates)
}

/// What is left to read.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(bytes)
    }

    /// A number in so many bytes.
    fn number(&mut self, bytes: usize) -> Option<usize> {
        let digits = self.bytes(bytes)?.iter();
        Some(digits.fold(0, |number, digit| number << 8 | usize::from(*digit)))
    }

    fn flag(&mut self) -> Option<bool> {
        match self.number(1)? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(certificates: &[u8]) -> Vec<u8> {
        let head = [&[1, 3][..], b"a.b", &[3, 4, 0x13, 1, 2, 7, 7, 0]].concat();
        [&head, certificates, &[0, 0, 0]].concat()
    }

    #[test]
    fn anything_but_a_list_of_certificates_is_nobody() {
        let good = session(&[1, 0, 0, 9, 0, 0, 1, 8, 0, 0, 2, 9, 9]);
        let expected = [&[8][..], &[9, 9]].map(CertificateDer::from);
        assert_eq!(client_certificates(&good), Some(expected.to_vec()));
        for (name, session) in [
            ("no certificate", session(&[0])),
            ("an empty list", session(&[1, 0, 0, 0])),
            ("a flag that is none", session(&[2, 0, 0, 4, 0, 0, 1, 8])),
            ("a list that is cut", session(&[1, 0, 0, 90, 0, 0, 1, 8])),
            ("a certificate that is cut", session(&[1, 0, 0, 4, 0, 0, 9, 8])),
            ("nothing", vec![]),
        ] {
            assert_eq!(client_certificates(&session), None, "{name}");
        }
        for end in 0..good.len() - 3 {
            assert_eq!(client_certificates(&good[..end]), None, "cut at {end}");
        }
    }
}
