//! RSA keys that say that they are for RSASSA-PSS (RFC 4055 §1.2, §3.1).

use x509_parser::signature_algorithm::RsaSsaPssParams;
use x509_parser::x509::AlgorithmIdentifier;

use super::{Algorithm, Algorithms, WeakKey};

const ID_RSASSA_PSS: &str = "1.2.840.113549.1.1.10";
const ID_MGF1: &str = "1.2.840.113549.1.1.8";

pub(super) fn is_pss(algorithm: &AlgorithmIdentifier<'_>) -> bool {
    algorithm.algorithm.to_id_string() == ID_RSASSA_PSS
}

/// What such a key is for: any hash where it has no parameters, its own where it has.
pub(super) fn restriction(algorithm: &AlgorithmIdentifier<'_>) -> Result<Algorithms, WeakKey> {
    let Some(parameters) = &algorithm.parameters else {
        return Ok(Algorithms::of([
            Algorithm::Ps256,
            Algorithm::Ps384,
            Algorithm::Ps512,
        ]));
    };
    let parameters = RsaSsaPssParams::try_from(parameters).map_err(|_| WeakKey::Encoding)?;
    let hash = parameters.hash_algorithm_oid();
    let (algorithm, salt) = match hash.to_id_string().as_str() {
        "2.16.840.1.101.3.4.2.1" => (Algorithm::Ps256, 32),
        "2.16.840.1.101.3.4.2.2" => (Algorithm::Ps384, 48),
        "2.16.840.1.101.3.4.2.3" => (Algorithm::Ps512, 64),
        _ => return Err(WeakKey::PssParameters),
    };
    let mask = parameters.mask_gen_algorithm().map_err(|_| WeakKey::Encoding)?;
    let same_hash = mask.mgf.to_id_string() == ID_MGF1 && mask.hash == *hash;
    // The salt of a key is the shortest that its signatures may have (RFC 4055 §3.1).
    if same_hash && parameters.salt_length() <= salt && parameters.trailer_field() == 1 {
        Ok(algorithm.into())
    } else {
        Err(WeakKey::PssParameters)
    }
}

#[cfg(test)]
mod tests {
    use x509_parser::prelude::FromDer as _;

    use super::*;

    fn tlv(tag: u8, contents: &[&[u8]]) -> Vec<u8> {
        let contents = contents.concat();
        let length = u8::try_from(contents.len()).unwrap();
        [&[tag, length][..], &contents].concat()
    }

    /// RSASSA-PSS-params of this hash, for the data and for the mask, and this salt.
    fn restricted_to(hash: u8, salt: u8) -> Result<Algorithms, WeakKey> {
        const NULL: &[u8] = &[5, 0];
        let pss = tlv(6, &[&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10]]);
        let mgf1 = tlv(6, &[&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 8]]);
        let sha = tlv(6, &[&[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, hash]]);
        let hash = tlv(0x30, &[&sha, NULL]);
        let mask = tlv(0x30, &[&mgf1, &hash]);
        let salt = tlv(0xa2, &[&tlv(2, &[&[salt]])]);
        let parameters = tlv(0x30, &[&tlv(0xa0, &[&hash]), &tlv(0xa1, &[&mask]), &salt]);
        let der = tlv(0x30, &[&pss, &parameters]);
        restriction(&AlgorithmIdentifier::from_der(&der).unwrap().1)
    }

    /// SHA-256, 384, 512 and 224 (RFC 5754 §2), with a salt as long as the hash at most.
    #[test]
    fn a_key_is_for_the_hash_that_it_names() {
        for (hash, algorithm, longest) in [
            (1, Algorithm::Ps256, 32),
            (2, Algorithm::Ps384, 48),
            (3, Algorithm::Ps512, 64),
        ] {
            assert_eq!(restricted_to(hash, longest), Ok(algorithm.into()));
            assert_eq!(restricted_to(hash, longest + 1), Err(WeakKey::PssParameters));
        }
        assert_eq!(restricted_to(4, 28), Err(WeakKey::PssParameters));
    }
}
