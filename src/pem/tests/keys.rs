use super::*;

#[cfg(feature = "tls")]
#[test]
fn a_key_is_one_and_not_encrypted() {
    const ENCRYPTED: &str =
        "the private key is encrypted; decrypt it with `openssl pkey`, and protect the file instead";
    let traditional = section("RSA PRIVATE KEY").replacen(
        "-----\n",
        "-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,889E9A1D\n\n",
        1,
    );
    let ec = section("EC PRIVATE KEY");
    for (case, text, expected) in [
        ("none", section("CERTIFICATE"), Ok(None)),
        ("PKCS#8", section("PRIVATE KEY"), Ok(Some("Pkcs8"))),
        ("PKCS#1", section("RSA PRIVATE KEY"), Ok(Some("Pkcs1"))),
        (
            "openssl ecparam -genkey",
            format!("{}{ec}", section("EC PARAMETERS")),
            Ok(Some("Sec1")),
        ),
        (
            "behind its chain",
            format!("{}{ec}", section("CERTIFICATE").repeat(2)),
            Ok(Some("Sec1")),
        ),
        (
            "CRLF and a mark",
            format!("\u{feff}{ec}").replace('\n', "\r\n"),
            Ok(Some("Sec1")),
        ),
        (
            "encrypted",
            section("ENCRYPTED PRIVATE KEY"),
            Err(format!("line 1: {ENCRYPTED}")),
        ),
        (
            "encrypted as of old",
            format!("\n{traditional}"),
            Err(format!("line 2: {ENCRYPTED}")),
        ),
        (
            "one of two encrypted",
            format!("{ec}{traditional}"),
            Err(format!("line 5: {ENCRYPTED}")),
        ),
        (
            "two",
            ec.repeat(2),
            Err("line 5: a second key; give one only".into()),
        ),
        (
            "OpenSSH",
            section("OPENSSH PRIVATE KEY"),
            Err(
                "line 1: OPENSSH PRIVATE KEY is not read here; convert it with `ssh-keygen -p -m PKCS8`"
                    .into(),
            ),
        ),
        (
            "not base64",
            ec.replace("HTEO", "HT.O"),
            Err("line 1: EC PRIVATE KEY does not hold well-formed base64; export it again".into()),
        ),
    ] {
        let kind = |key: PrivateKeyDer<'_>| match key {
            PrivateKeyDer::Pkcs1(_) => "Pkcs1",
            PrivateKeyDer::Sec1(_) => "Sec1",
            PrivateKeyDer::Pkcs8(_) => "Pkcs8",
            _ => "another",
        };
        let read = private_key(text.as_bytes());
        let read = read
            .map(|key| key.map(kind))
            .map_err(|invalid| invalid.to_string());
        assert_eq!(read, expected, "{case}");
    }
}

#[cfg(feature = "jwt")]
#[test]
fn a_public_key_is_one() {
    let der = || STANDARD.decode(BODY.replace('\n', "")).unwrap();
    for (case, text, expected) in [
        (
            "SubjectPublicKeyInfo",
            section("PUBLIC KEY"),
            Ok(PublicKeyPem::Spki(der())),
        ),
        (
            "RSAPublicKey",
            section("RSA PUBLIC KEY"),
            Ok(PublicKeyPem::Rsa(der())),
        ),
        (
            "none",
            section("CERTIFICATE"),
            Err("no \"BEGIN PUBLIC KEY\" in it"),
        ),
        (
            "two",
            section("PUBLIC KEY") + &section("RSA PUBLIC KEY"),
            Err("line 5: a second key; give one only"),
        ),
        (
            "another",
            section("EC PUBLIC KEY"),
            Err(
                "line 1: EC PUBLIC KEY is not read here; give the key as PUBLIC KEY, as `openssl pkey -pubout` writes it",
            ),
        ),
    ] {
        let read = public_key(text.as_bytes()).map_err(|invalid| invalid.to_string());
        assert_eq!(read, expected.map_err(str::to_owned), "{case}");
    }
}
