//! Hostile keys, one at a time.

use countersign::codes::Seen;
use countersign::payload::jose::InvalidJson::{DuplicateMember, NotAnObject, Syntax};
use countersign::payload::jose::{Algorithm, InvalidJwk, Jwk, WeakKey};

use super::{ES, HS};
use crate::jose_keys::{SECRET, b64, public, unb64};

#[test]
fn keys() {
    let ec = public("p256");
    let rsa = public("rsa");
    let okp = public("ed25519");
    let oct = format!(r#""kty":"oct","k":"{}""#, b64(SECRET));
    let get = |key: &str, name: &str| {
        serde_json::from_str::<serde_json::Value>(&format!("{{{key}}}")).unwrap()[name]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let (x, y, n) = (get(&ec, "x"), get(&ec, "y"), get(&rsa, "n"));
    let longer = b64([&[0], &*unb64(&x)].concat());
    let shorter = b64(&unb64(&x)[1..]);
    let padded_n = b64([&[0], &*unb64(&n)].concat());
    let even_n = {
        let mut bytes = unb64(&n);
        *bytes.last_mut().unwrap() &= 0xfe;
        b64(bytes)
    };
    let flat = b64([0xff; 32]);
    let mut ninth = unb64(&get(&okp, "x"));
    ninth.pop();
    let weak = InvalidJwk::Weak;
    let of_type = |name| InvalidJwk::MemberType { name };
    let missing = |name| InvalidJwk::Missing { name };
    let odd = |name| InvalidJwk::Base64 { name };
    let other = |algorithm| weak(WeakKey::OtherType { algorithm });
    #[rustfmt::skip]
    let cases: Vec<(&str, String, InvalidJwk)> = vec![
        ("empty", "".into(), InvalidJwk::Json(Syntax)),
        ("array", "[]".into(), InvalidJwk::Json(NotAnObject)),
        ("member twice", format!(r#"{{{ec},"kty":"EC"}}"#), InvalidJwk::Json(DuplicateMember)),
        ("no kty", "{}".into(), missing("kty")),
        ("kty number", r#"{"kty":1}"#.into(), of_type("kty")),
        ("kty ec", format!("{{{}}}", ec.replace(r#""EC""#, r#""ec""#)), InvalidJwk::UnknownType),
        ("kty none", r#"{"kty":"none"}"#.into(), InvalidJwk::UnknownType),
        ("kty AKP", r#"{"kty":"AKP","alg":"ES256"}"#.into(), InvalidJwk::UnknownType),
        ("no crv", format!(r#"{{"kty":"EC","x":"{x}","y":"{y}"}}"#), missing("crv")),
        ("crv secp256k1", format!("{{{}}}", ec.replace("P-256", "secp256k1")), InvalidJwk::UnknownCurve { crv: Seen::of("secp256k1") }),
        ("crv p-256", format!("{{{}}}", ec.replace("P-256", "p-256")), InvalidJwk::UnknownCurve { crv: Seen::of("p-256") }),
        ("crv P-384 with P-256's point", format!("{{{}}}", ec.replace("P-256", "P-384")), weak(WeakKey::CoordinateLength { bytes: 32, wanted: 48 })),
        ("crv Ed25519 in EC", format!("{{{}}}", ec.replace("P-256", "Ed25519")), InvalidJwk::UnknownCurve { crv: Seen::of("Ed25519") }),
        ("no y", format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}"}}"#), missing("y")),
        ("x number", format!(r#"{{"kty":"EC","crv":"P-256","x":1,"y":"{y}"}}"#), of_type("x")),
        ("x longer", format!(r#"{{"kty":"EC","crv":"P-256","x":"{longer}","y":"{y}"}}"#), weak(WeakKey::CoordinateLength { bytes: 33, wanted: 32 })),
        ("x shorter", format!(r#"{{"kty":"EC","crv":"P-256","x":"{shorter}","y":"{y}"}}"#), weak(WeakKey::CoordinateLength { bytes: 31, wanted: 32 })),
        ("x and y swapped", format!(r#"{{"kty":"EC","crv":"P-256","x":"{y}","y":"{x}"}}"#), weak(WeakKey::NotOnCurve)),
        ("x above p", format!(r#"{{"kty":"EC","crv":"P-256","x":"{flat}","y":"{y}"}}"#), weak(WeakKey::NotOnCurve)),
        ("point zero", format!(r#"{{"kty":"EC","crv":"P-256","x":"{0}","y":"{0}"}}"#, b64([0; 32])), weak(WeakKey::NotOnCurve)),
        ("x padded", format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}=","y":"{y}"}}"#), odd("x")),
        ("x with a space", format!(r#"{{"kty":"EC","crv":"P-256","x":" {x}","y":"{y}"}}"#), odd("x")),
        ("x empty", format!(r#"{{"kty":"EC","crv":"P-256","x":"","y":"{y}"}}"#), weak(WeakKey::CoordinateLength { bytes: 0, wanted: 32 })),
        ("EC alg ES384", format!(r#"{{{ec},"alg":"ES384"}}"#), other(Algorithm::Es384)),
        ("EC alg RS256", format!(r#"{{{ec},"alg":"RS256"}}"#), other(Algorithm::Rs256)),
        ("EC alg HS256", format!(r#"{{{ec},"alg":"HS256"}}"#), other(HS)),
        ("EC alg EdDSA", format!(r#"{{{ec},"alg":"EdDSA"}}"#), other(Algorithm::EdDsa)),
        ("alg none", format!(r#"{{{ec},"alg":"none"}}"#), InvalidJwk::UnknownAlgorithm),
        ("alg ECDH-ES", format!(r#"{{{ec},"alg":"ECDH-ES"}}"#), InvalidJwk::UnknownAlgorithm),
        ("alg null", format!(r#"{{{ec},"alg":null}}"#), of_type("alg")),
        ("use enc", format!(r#"{{{ec},"use":"enc"}}"#), InvalidJwk::OtherUse),
        ("use Sig", format!(r#"{{{ec},"use":"Sig"}}"#), InvalidJwk::OtherUse),
        ("use empty", format!(r#"{{{ec},"use":""}}"#), InvalidJwk::OtherUse),
        ("use list", format!(r#"{{{ec},"use":["sig"]}}"#), of_type("use")),
        ("key_ops encrypt", format!(r#"{{{ec},"key_ops":["encrypt"]}}"#), InvalidJwk::OtherUse),
        ("key_ops sign only", format!(r#"{{{ec},"key_ops":["sign"]}}"#), InvalidJwk::OtherUse),
        ("key_ops empty", format!(r#"{{{ec},"key_ops":[]}}"#), InvalidJwk::OtherUse),
        ("key_ops unrelated", format!(r#"{{{ec},"key_ops":["verify","deriveKey"]}}"#), InvalidJwk::OtherUse),
        ("key_ops twice", format!(r#"{{{ec},"key_ops":["verify","verify"]}}"#), of_type("key_ops")),
        ("key_ops text", format!(r#"{{{ec},"key_ops":"verify"}}"#), of_type("key_ops")),
        ("key_ops number", format!(r#"{{{ec},"key_ops":[1]}}"#), of_type("key_ops")),
        ("use sig, key_ops encrypt", format!(r#"{{{ec},"use":"sig","key_ops":["encrypt"]}}"#), InvalidJwk::OtherUse),
        ("kid number", format!(r#"{{{ec},"kid":1}}"#), of_type("kid")),
        ("kid long", format!(r#"{{{ec},"kid":"{}"}}"#, "k".repeat(257)), of_type("kid")),
        ("kid with NUL", format!(r#"{{{ec},"kid":"a\u0000"}}"#), of_type("kid")),
        ("RSA without e", format!(r#"{{"kty":"RSA","n":"{n}"}}"#), missing("e")),
        ("RSA 1024", format!("{{{}}}", public("rsa1024")), weak(WeakKey::ModulusTooShort { bits: 1024 })),
        ("RSA empty", r#"{"kty":"RSA","n":"","e":"AQAB"}"#.into(), weak(WeakKey::ModulusTooShort { bits: 0 })),
        ("RSA zero in front", format!(r#"{{"kty":"RSA","n":"{padded_n}","e":"AQAB"}}"#), weak(WeakKey::LeadingZero)),
        ("RSA even", format!(r#"{{"kty":"RSA","n":"{even_n}","e":"AQAB"}}"#), weak(WeakKey::ModulusFactor)),
        ("RSA 9000 bits", format!(r#"{{"kty":"RSA","n":"{}","e":"AQAB"}}"#, b64([0xff; 1125])), weak(WeakKey::ModulusTooLong { bits: 9000 })),
        ("RSA e = 1", format!(r#"{{"kty":"RSA","n":"{n}","e":"AQ"}}"#), weak(WeakKey::Exponent)),
        ("RSA e = 2", format!(r#"{{"kty":"RSA","n":"{n}","e":"Ag"}}"#), weak(WeakKey::Exponent)),
        ("RSA e = 3", format!(r#"{{"kty":"RSA","n":"{n}","e":"Aw"}}"#), weak(WeakKey::Exponent)),
        ("RSA e even", format!(r#"{{"kty":"RSA","n":"{n}","e":"AQAA"}}"#), weak(WeakKey::Exponent)),
        ("RSA e number", format!(r#"{{"kty":"RSA","n":"{n}","e":65537}}"#), of_type("e")),
        ("RSA n in base64", format!(r#"{{"kty":"RSA","n":"{}","e":"AQAB"}}"#, n.replace('-', "+").replace('_', "/") + "=="), odd("n")),
        ("RSA alg ES256", format!(r#"{{{rsa},"alg":"ES256"}}"#), other(ES)),
        ("RSA alg HS256", format!(r#"{{{rsa},"alg":"HS256"}}"#), other(HS)),
        ("RSA alg RSA-OAEP", format!(r#"{{{rsa},"alg":"RSA-OAEP"}}"#), InvalidJwk::UnknownAlgorithm),
        ("OKP Ed448", r#"{"kty":"OKP","crv":"Ed448","x":"AA"}"#.into(), InvalidJwk::UnknownCurve { crv: Seen::of("Ed448") }),
        ("OKP X25519", format!("{{{}}}", okp.replace("Ed25519", "X25519")), InvalidJwk::UnknownCurve { crv: Seen::of("X25519") }),
        ("OKP short", format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{}"}}"#, b64(&ninth)), weak(WeakKey::CoordinateLength { bytes: 31, wanted: 32 })),
        ("OKP zero", format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{}"}}"#, b64([0; 32])), weak(WeakKey::SmallOrder)),
        ("OKP one", format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{}"}}"#, b64([&[1][..], &[0; 31]].concat())), weak(WeakKey::SmallOrder)),
        ("OKP above p", format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{}"}}"#, b64([0xff; 32])), weak(WeakKey::SmallOrder)),
        ("OKP of order 8", r#"{"kty":"OKP","crv":"Ed25519","x":"xxdqcD1N2E-6PAt2DRBnDyogU_osOczGTsf9d5KsA3o"}"#.into(), weak(WeakKey::SmallOrder)),
        ("OKP alg ES256", format!(r#"{{{okp},"alg":"ES256"}}"#), other(ES)),
        ("oct empty", r#"{"kty":"oct","k":""}"#.into(), InvalidJwk::SecretLength { bytes: 0 }),
        ("oct without k", r#"{"kty":"oct"}"#.into(), missing("k")),
        ("oct number", r#"{"kty":"oct","k":1}"#.into(), of_type("k")),
        ("oct padded", r#"{"kty":"oct","k":"AA=="}"#.into(), odd("k")),
        ("oct large", format!(r#"{{"kty":"oct","k":"{}"}}"#, b64([7; 4097])), InvalidJwk::SecretLength { bytes: 4097 }),
        ("oct alg RS256", format!(r#"{{{oct},"alg":"RS256"}}"#), other(Algorithm::Rs256)),
        ("oct alg A128KW", format!(r#"{{{oct},"alg":"A128KW"}}"#), InvalidJwk::UnknownAlgorithm),
    ];
    for (name, key, expected) in cases {
        assert_eq!(
            Jwk::parse(key.as_bytes()).err(),
            Some(expected),
            "{name}: {key:.200}"
        );
    }
}

/// RFC 8032 §5.1.3: y is below p, so that a key has one form.
#[test]
fn edwards_keys_are_below_p() {
    let weak = Some(InvalidJwk::Weak(WeakKey::SmallOrder));
    for (first, middle, last, expected) in [
        (0xeb, 0xff, 0x7f, None),
        (0xec, 0xff, 0x7f, weak.clone()),
        (0xed, 0xff, 0x7f, weak.clone()),
        (0xef, 0xff, 0x7f, weak.clone()),
        (0xef, 0xff, 0xff, weak.clone()),
        (0xff, 0xfe, 0x7f, None),
        (0xff, 0xff, 0x7e, None),
    ] {
        let x = b64([&[first][..], &[middle; 30], &[last]].concat());
        let key = Jwk::parse(format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}"}}"#).as_bytes());
        assert_eq!(key.err(), expected, "{first:x} {middle:x} {last:x}");
    }
}
