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
