//! Checks of public numbers: an RSA modulus, its exponent, and a point on its curve.

use num_bigint::BigUint;

use super::WeakKey;

/// The shortest modulus (RFC 7518 §3.3).
const MIN_BITS: u64 = 2048;
/// The longest: what providers verify with.
const MAX_BITS: u64 = 8192;

/// An RSA public key, of numbers without leading zero bytes.
pub(super) fn check_rsa(n: &[u8], e: &[u8]) -> Result<(), WeakKey> {
    if n.first() == Some(&0) || e.first() == Some(&0) {
        return Err(WeakKey::LeadingZero);
    }
    let n = BigUint::from_bytes_be(n);
    if n.bits() < MIN_BITS {
        return Err(WeakKey::ModulusTooShort { bits: n.bits() });
    }
    if n.bits() > MAX_BITS {
        return Err(WeakKey::ModulusTooLong { bits: n.bits() });
    }
    check_exponent(e)?;
    if !n.bit(0) || has_small_factor(&n) {
        return Err(WeakKey::ModulusFactor);
    }
    if is_roca(&n) {
        return Err(WeakKey::Roca);
    }
    Ok(())
}

/// Odd, and above 2^16 (FIPS 186-5 §5.4); e = 1 would make every message its own signature. At most 33 bits, as
/// providers take it.
fn check_exponent(e: &[u8]) -> Result<(), WeakKey> {
    let e = BigUint::from_bytes_be(e);
    let in_range = (17..=33).contains(&e.bits());
    if in_range && e.bit(0) {
        Ok(())
    } else {
        Err(WeakKey::Exponent)
    }
}

/// Odd primes up to 167.
const PRIMES: [u32; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103,
    107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

fn has_small_factor(n: &BigUint) -> bool {
    PRIMES.iter().any(|prime| residue(n, *prime) == 0)
}

/// The fingerprint of CVE-2017-15361: primes made as k·M + (65537^a mod M) leave a modulus that is a power of 65537
/// modulo every small prime. One random modulus in 2^27 and more does, too.
fn is_roca(n: &BigUint) -> bool {
    PRIMES
        .iter()
        .all(|prime| is_power_of_65537(residue(n, *prime), *prime))
}

fn is_power_of_65537(residue: u32, prime: u32) -> bool {
    let generator = 65537 % prime;
    let mut power = 1;
    for _ in 0..prime {
        if power == residue {
            return true;
        }
        power = power * generator % prime;
    }
    false
}

fn residue(n: &BigUint, prime: u32) -> u32 {
    u32::try_from(n % prime).unwrap_or_default()
}

/// Whether (x, y) lies on y² = x³ - 3x + b modulo p, and both are below p (SEC 1 §3.2.2.1; the cofactor is 1).
pub(super) fn on_curve(p: &[u8], b: &[u8], x: &[u8], y: &[u8]) -> bool {
    let [p, b, x, y] = [p, b, x, y].map(BigUint::from_bytes_be);
    if x >= p || y >= p {
        return false;
    }
    let cubic = &x * &x * &x + b + &p * 3_u32 - &x * 3_u32;
    (&y * &y) % &p == cubic % &p
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2048 bits, and a power of 65537 modulo every small prime: 65537^128 is.
    fn roca_like() -> Vec<u8> {
        let product: BigUint = PRIMES
            .iter()
            .fold(BigUint::from(1_u32), |product, prime| product * *prime);
        let power = BigUint::from(65537_u32).modpow(&BigUint::from(5_u32), &product);
        let base = BigUint::from(1_u32) << 2047_u32;
        let n = &base - &base % &product + &product + power;
        let n = if n.bit(0) { n } else { n + product };
        n.to_bytes_be()
    }

    #[test]
    fn a_modulus_has_no_small_factor() {
        for prime in PRIMES {
            // The next multiple that is odd.
            let n = (BigUint::from(1_u32) << 2047_u32) / prime * prime + prime;
            let n = if n.bit(0) { n } else { n + prime };
            let refused = check_rsa(&n.to_bytes_be(), &[1, 0, 1]);
            assert_eq!(refused, Err(WeakKey::ModulusFactor), "{prime}");
        }
    }

    /// (2, 2) lies on y² = x³ - 3x + 2 modulo 23, and so do numbers that are the same modulo 23.
    #[test]
    fn a_point_has_one_form() {
        let is_on = |x, y| on_curve(&[23], &[2], &[x], &[y]);
        assert!(is_on(2, 2) && is_on(2, 21) && is_on(22, 2) && !is_on(3, 2));
        assert!(!is_on(25, 2) && !is_on(2, 25) && !is_on(25, 25));
    }

    #[test]
    fn weak_numbers_are_named() {
        let good = {
            // Odd, 2048 bits, no small factor and no power of 65537 modulo 7 * 11 * ...: found by counting up.
            let mut n = (BigUint::from(1_u32) << 2047_u32) + 1_u32;
            while has_small_factor(&n) || is_roca(&n) {
                n += 2_u32;
            }
            n.to_bytes_be()
        };
        let e = [1, 0, 1];
        let even = [&good[..255], &[0]].concat();
        let short = &good[..255];
        let padded = [&[0], &*good].concat();
        let long = vec![0xff; 1025];
        #[expect(clippy::type_complexity, reason = "a table is what it is")]
        let cases: [(&str, &[u8], &[u8], Result<(), WeakKey>); 12] = [
            ("good", &good, &e, Ok(())),
            ("short", short, &e, Err(WeakKey::ModulusTooShort { bits: 2040 })),
            ("long", &long, &e, Err(WeakKey::ModulusTooLong { bits: 8200 })),
            ("padded", &padded, &e, Err(WeakKey::LeadingZero)),
            ("even", &even, &e, Err(WeakKey::ModulusFactor)),
            ("roca", &roca_like(), &e, Err(WeakKey::Roca)),
            ("e = 1", &good, &[1], Err(WeakKey::Exponent)),
            ("e = 3", &good, &[3], Err(WeakKey::Exponent)),
            ("e even", &good, &[1, 0, 0], Err(WeakKey::Exponent)),
            ("e empty", &good, &[], Err(WeakKey::Exponent)),
            ("e large", &good, &[5, 0, 0, 0, 1], Err(WeakKey::Exponent)),
            ("empty", &[], &e, Err(WeakKey::ModulusTooShort { bits: 0 })),
        ];
        for (name, n, e, expected) in cases {
            assert_eq!(check_rsa(n, e), expected, "{name}");
        }
    }
}
