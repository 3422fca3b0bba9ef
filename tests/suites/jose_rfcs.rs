//! The examples of RFC 7515, RFC 7517, RFC 7520, RFC 7797, RFC 8037 and RFC 8705.

use crate::jose_keys as jose;

use countersign::payload::jose::{
    Algorithm, Algorithms, InvalidJson, InvalidJwk, InvalidJwt, Jwk, JwkSet, JwtPart,
};
use jose::{algorithms, unb64};

/// RFC 7515 A.1.1, A.2.1 and A.3.1: the claims, with CR LF in them.
const CLAIMS: &str =
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
const A1_KEY: &str = r#"{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}"#;
const A2_KEY: &str = r#"{"kty":"RSA","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ","e":"AQAB"}"#;
const A3_KEY: &str = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
const A4_KEY: &str = r#"{"kty":"EC","crv":"P-521","x":"AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk","y":"ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2"}"#;
const A2_SIGNATURE: &str = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
const A4_SIGNATURE: &str = "AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn";

#[test]
fn rfc_7515_appendix_a() {
    let cases = [
        (
            "A.1",
            Algorithm::Hs256,
            A1_KEY,
            "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9",
            CLAIMS,
            "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
        ),
        (
            "A.2",
            Algorithm::Rs256,
            A2_KEY,
            "eyJhbGciOiJSUzI1NiJ9",
            CLAIMS,
            A2_SIGNATURE,
        ),
        (
            "A.3",
            Algorithm::Es256,
            A3_KEY,
            "eyJhbGciOiJFUzI1NiJ9",
            CLAIMS,
            "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
        ),
        (
            "A.4",
            Algorithm::Es512,
            A4_KEY,
            "eyJhbGciOiJFUzUxMiJ9",
            "UGF5bG9hZA",
            A4_SIGNATURE,
        ),
    ];
    for (name, algorithm, key, header, payload, signature) in cases {
        let verifier = Jwk::parse(key.as_bytes())
            .unwrap()
            .verifier(algorithm, algorithms());
        let token = format!("{header}.{payload}.{signature}");
        let jws = verifier.verify_compact(&token).unwrap();
        assert_eq!(
            (jws.payload(), jws.algorithm()),
            (&*unb64(payload), algorithm),
            "{name}"
        );

        let detached = format!("{header}..{signature}");
        let payload = unb64(payload);
        let jws = verifier.verify_detached(&detached, &payload);
        assert_eq!(
            jws.map(|jws| jws.algorithm()),
            Ok(algorithm),
            "{name}, appendix F"
        );
    }
}

/// A.5: an unsecured token. There is no way to accept it.
#[test]
fn rfc_7515_appendix_a5_unsecured() {
    let token = format!("eyJhbGciOiJub25lIn0.{CLAIMS}.");
    for key in [A1_KEY, A2_KEY, A3_KEY] {
        let verifier = Jwk::parse(key.as_bytes())
            .unwrap()
            .verifier(Algorithms::all().allow_choice(), algorithms());
        assert_eq!(
            verifier.verify_compact(&token).err(),
            Some(InvalidJwt::UnknownAlgorithm)
        );
    }
}

/// Appendix E: a critical extension that nobody understands.
#[test]
fn rfc_7515_appendix_e_critical() {
    // {"alg":"none",\r\n "crit":["http://example.com/UNDEFINED"],\r\n "http://example.com/UNDEFINED":true\r\n}
    let header = "eyJhbGciOiJub25lIiwNCiAiY3JpdCI6WyJodHRwOi8vZXhhbXBsZS5jb20vVU5ERUZJTkVEIl0sDQogImh0dHA6Ly9leGFtcGxlLmNvbS9VTkRFRklORUQiOnRydWUNCn0";
    let verifier = Jwk::parse(A1_KEY.as_bytes())
        .unwrap()
        .verifier(Algorithm::Hs256, &[]);
    assert_eq!(
        verifier.verify_compact(&format!("{header}.RkFJTA.")).err(),
        Some(InvalidJwt::UnknownCritical)
    );
}

/// RFC 7517 A.1: of its two keys the first is for encryption.
#[test]
fn rfc_7517_appendix_a1() {
    let json = r#"{"keys":[
        {"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","use":"enc","kid":"1"},
        {"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}
    ]}"#;
    let keys = JwkSet::parse_published(json.as_bytes()).unwrap();
    assert_eq!(keys.unusable().collect::<Vec<_>>(), [(0, &InvalidJwk::OtherUse)]);
    let kept: Vec<_> = keys.keys().map(|key| (key.kid(), key.algorithm())).collect();
    assert_eq!(kept, [(Some("2011-04-29"), Some(Algorithm::Rs256))]);
}

/// RFC 7517 A.2 and A.3: private keys and secrets. To verify with, they are as good as the public half; published, they
/// are nobody's.
#[test]
fn rfc_7517_appendix_a2_and_a3() {
    let private = r#"{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","d":"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE","kid":"1"}"#;
    let wrapping = r#"{"kty":"oct","alg":"A128KW","k":"GawgguFyGrWKav7AX4VKUg"}"#;
    let name = "HMAC key used in JWS spec Appendix A.1 example";
    let hmac = A1_KEY.replace('}', &format!(r#","kid":"{name}"}}"#));
    assert_eq!(Jwk::parse(private.as_bytes()).unwrap().kid(), Some("1"));
    assert_eq!(Jwk::parse(hmac.as_bytes()).unwrap().kid(), Some(name));
    assert_eq!(
        Jwk::parse(wrapping.as_bytes()).err(),
        Some(InvalidJwk::UnknownAlgorithm)
    );
    let set = format!(r#"{{"keys":[{private},{hmac}]}}"#);
    let published = JwkSet::parse_published(set.as_bytes()).unwrap();
    let secret = &InvalidJwk::PublishedSecret;
    assert_eq!(
        published.unusable().collect::<Vec<_>>(),
        [(0, secret), (1, secret)]
    );
}

const FRODO: &str = "SXTigJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250byB0aGUgcm9hZCwgYW5kIGlmIHlvdSBkb24ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hlcmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4";
const BILBO_RSA: &str = r#"{"kty":"RSA","kid":"bilbo.baggins@hobbiton.example","use":"sig","n":"n4EPtAOCc9AlkeQHPzHStgAbgs7bTZLwUBZdR8_KuKPEHLd4rHVTeT-O-XV2jRojdNhxJWTDvNd7nqQ0VEiZQHz_AJmSCpMaJMRBSFKrKb2wqVwGU_NsYOYL-QtiWN2lbzcEe6XC0dApr5ydQLrHqkHHig3RBordaZ6Aj-oBHqFEHYpPe7Tpe-OfVfHd1E6cS6M1FZcD1NNLYD5lFHpPI9bTwJlsde3uhGqC0ZCuEHg8lhzwOHrtIQbS0FVbb9k3-tVTU4fg_3L_vniUFAKwuCLqKnS2BYwdq_mzSnbLY7h_qixoR7jig3__kRhuaxwUkRz5iaiQkqgc5gHdrNP5zw","e":"AQAB"}"#;
const BILBO_EC: &str = r#"{"kty":"EC","kid":"bilbo.baggins@hobbiton.example","use":"sig","crv":"P-521","x":"AHKZLLOsCOzz5cY97ewNUajB957y-C-U88c3v13nmGZx6sYl_oJXu9A5RkTKqjqvjyekWF-7ytDyRXYgCF5cj0Kt","y":"AdymlHvOiLxXkEhayXQnNCvDX4h9htZaCJN34kfmC6pV5OhQHiraVySsUdaQkAgDPrwQrJmbnX9cwlGfP-HqHZR1"}"#;
const HOBBIT_HMAC: &str = r#"{"kty":"oct","kid":"018c0ae5-4d9b-471b-bfd6-eef314bc7037","use":"sig","alg":"HS256","k":"hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG-Onbc6mxCcYg"}"#;

/// RFC 7520 §4.1 to §4.5, by key set and by single key.
#[test]
fn rfc_7520_section_4() {
    let cases = [
        (
            "4.1",
            Algorithm::Rs256,
            BILBO_RSA,
            "eyJhbGciOiJSUzI1NiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9",
            "MRjdkly7_-oTPTS3AXP41iQIGKa80A0ZmTuV5MEaHoxnW2e5CZ5NlKtainoFmKZopdHM1O2U4mwzJdQx996ivp83xuglII7PNDi84wnB-BDkoBwA78185hX-Es4JIwmDLJK3lfWRa-XtL0RnltuYv746iYTh_qHRD68BNt1uSNCrUCTJDt5aAE6x8wW1Kt9eRo4QPocSadnHXFxnt8Is9UzpERV0ePPQdLuW3IS_de3xyIrDaLGdjluPxUAhb6L2aXic1U12podGU0KLUQSE_oI-ZnmKJ3F4uOZDnd6QZWJushZ41Axf_fcIe8u9ipH84ogoree7vjbU5y18kDquDg",
        ),
        (
            "4.2",
            Algorithm::Ps384,
            BILBO_RSA,
            "eyJhbGciOiJQUzM4NCIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9",
            "cu22eBqkYDKgIlTpzDXGvaFfz6WGoz7fUDcfT0kkOy42miAh2qyBzk1xEsnk2IpN6-tPid6VrklHkqsGqDqHCdP6O8TTB5dDDItllVo6_1OLPpcbUrhiUSMxbbXUvdvWXzg-UD8biiReQFlfz28zGWVsdiNAUf8ZnyPEgVFn442ZdNqiVJRmBqrYRXe8P_ijQ7p8Vdz0TTrxUeT3lm8d9shnr2lfJT8ImUjvAA2Xez2Mlp8cBE5awDzT0qI0n6uiP1aCN_2_jLAeQTlqRHtfa64QQSUmFAAjVKPbByi7xho0uTOcbH510a6GYmJUAfmWjwZ6oD4ifKo8DYM-X72Eaw",
        ),
        (
            "4.3",
            Algorithm::Es512,
            BILBO_EC,
            "eyJhbGciOiJFUzUxMiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9",
            "AE_R_YZCChjn4791jSQCrdPZCNYqHXCTZH0-JZGYNlaAjP2kqaluUIIUnC9qvbu9Plon7KRTzoNEuT4Va2cmL1eJAQy3mtPBu_u_sDDyYjnAMDxXPn7XrT0lw-kvAD890jl8e2puQens_IEKBpHABlsbEPX6sFY8OcGDqoRuBomu9xQ2",
        ),
        (
            "4.4",
            Algorithm::Hs256,
            HOBBIT_HMAC,
            "eyJhbGciOiJIUzI1NiIsImtpZCI6IjAxOGMwYWU1LTRkOWItNDcxYi1iZmQ2LWVlZjMxNGJjNzAzNyJ9",
            "s0h6KThzkfBBBkLspW1h84VsJZFTsPPqMDA7g1Md7p0",
        ),
    ];
    for (name, algorithm, key, header, signature) in cases {
        let key = Jwk::parse(key.as_bytes()).unwrap();
        let by_key = key.verifier(algorithm, algorithms());
        let by_set = JwkSet::from(key).verifier(algorithm, algorithms());
        let token = format!("{header}.{FRODO}.{signature}");
        let detached = format!("{header}..{signature}");
        for verifier in [by_key, by_set] {
            assert_eq!(
                verifier.verify_compact(&token).unwrap().payload(),
                unb64(FRODO),
                "{name}"
            );
            assert_eq!(
                verifier.verify_detached(&detached, &unb64(FRODO)).map(drop),
                Ok(()),
                "{name}, as in 4.5"
            );
        }
    }
}

/// RFC 7520 §4.6 and §4.7 are JSON. The signature of §4.6 does not cover the unprotected `kid`, so it is one in compact
/// form, too; that of §4.7 has no protected header, so it is none.
#[test]
fn rfc_7520_sections_4_6_and_4_7() {
    let verifier = Jwk::parse(HOBBIT_HMAC.as_bytes())
        .unwrap()
        .verifier(Algorithm::Hs256, &[]);
    let protected = "eyJhbGciOiJIUzI1NiJ9";
    let signature = "bWUSVaxorn7bEF1djytBd0kHv70Ly5pvbomzMWSOr20";
    let some = format!("{protected}.{FRODO}.{signature}");
    let some = verifier.verify_compact(&some);
    assert_eq!(some.map(|jws| jws.into_payload().into_owned()), Ok(unb64(FRODO)));
    let none = format!(".{FRODO}.xuLifqLGiblpv9zBpuZczWhNj1gARaLV3UxvxhJxZuk");
    let syntax = InvalidJwt::Json {
        part: JwtPart::Header,
        problem: InvalidJson::Syntax,
    };
    assert_eq!(verifier.verify_compact(&none).err(), Some(syntax));
    let json = format!(
        r#"{{"payload":"{FRODO}","header":{{"kid":"018c0ae5-4d9b-471b-bfd6-eef314bc7037"}},"protected":"{protected}","signature":"{signature}"}}"#
    );
    assert_eq!(verifier.verify_compact(&json).err(), Some(InvalidJwt::Segments));
}

/// RFC 7797 §4.1 and §4.2: the key is that of RFC 7515 A.1.
#[test]
fn rfc_7797_section_4() {
    let verifier = Jwk::parse(A1_KEY.as_bytes())
        .unwrap()
        .verifier(Algorithm::Hs256, &[]);
    let encoded = "eyJhbGciOiJIUzI1NiJ9.JC4wMg.5mvfOroL-g7HyqJoozehmsaqmvTYGEq5jTI1gVvoEoQ";
    assert_eq!(verifier.verify_compact(encoded).unwrap().payload(), b"$.02");

    let unencoded = "eyJhbGciOiJIUzI1NiIsImI2NCI6ZmFsc2UsImNyaXQiOlsiYjY0Il19..A5dxf2s96_n5FLueVuW1Z_vh161FwXZC4YLPff6dmDY";
    assert_eq!(
        verifier.verify_detached(unencoded, b"$.02").unwrap().payload(),
        b"$.02"
    );
    assert_eq!(
        verifier.verify_detached(unencoded, b"$.03").err(),
        Some(InvalidJwt::Signature)
    );
    assert_eq!(
        verifier.verify_compact(unencoded).err(),
        Some(InvalidJwt::AttachedUnencoded)
    );
}

/// RFC 8037 A.1, A.2, A.4 and A.5. Of the private key nothing but its public half is read.
#[test]
fn rfc_8037_appendix_a() {
    let key = r#"{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    let public = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    assert_eq!(Jwk::parse(key.as_bytes()), Jwk::parse(public.as_bytes()));
    let verifier = Jwk::parse(key.as_bytes())
        .unwrap()
        .verifier(Algorithm::EdDsa, algorithms());
    let token = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    assert_eq!(
        verifier.verify_compact(token).unwrap().payload(),
        b"Example of Ed25519 signing"
    );
}
