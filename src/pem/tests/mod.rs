mod keys;

use super::*;

/// Not DER, and of no consequence here: the reader of sections looks at what frames them.
const BODY: &str = "MIIBjzCCATWgAwIBAgIUGfa68fIat6RX/rvkECZIf+aiOS0wCgYIKoZIzj0EAwIw\nHTEO\n";

fn section(label: &str) -> String {
    format!("-----BEGIN {label}-----\n{BODY}-----END {label}-----\n")
}

/// How many certificates a reader takes, or what it says.
fn certificates_in(text: impl AsRef<[u8]>) -> Result<usize, String> {
    certificates(text.as_ref())
        .map(|taken| taken.len())
        .map_err(|invalid| invalid.to_string())
}

#[test]
fn what_tools_write_is_taken_whole() {
    let one = section("CERTIFICATE");
    let two = one.repeat(2);
    let text = "Certificate:\n    Data:\n        Version: 3 (0x2)\n        Serial Number:\n            19:f6:ba\n        \
                Issuer: CN = Begin, O = MI\n    Signature Value:\n        30:45:02:21:00:ab:9f:ef:b0:b7:05:75:33\n";
    let bag = "Bag Attributes\n    friendlyName: mine\n    localKeyID: C4 82 D0 94 FE D8 71 43\nsubject=CN = Begin, O = \
               MI\nissuer=CN = Begin, O = MI\n";
    let key_bag = "Bag Attributes\n    localKeyID: C4 82\nKey Attributes: <No Attributes>\n";
    let s_client = "CONNECTED(00000003)\n---\nCertificate chain\n 0 s:CN = a\n   i:CN = b\n   a:PKEY: id-ecPublicKey, 256 \
                    (bit); sigalg: ecdsa-with-SHA256\n";
    let bundle = "##\n## Bundle of CA Root Certificates\n##\n\nGTS Root R1\n===========\n";
    for (case, text, expected) in [
        ("nothing", String::new(), 0),
        ("white space", " \n\t\r\n \n".into(), 0),
        ("only text", "\u{feff}not PEM at all\n".into(), 0),
        ("a chain of step-ca or cert-manager", two.clone(), 2),
        ("no last line break", two.trim_end().into(), 2),
        ("CRLF", two.replace('\n', "\r\n"), 2),
        ("CR", two.replace('\n', "\r"), 2),
        ("a byte order mark", format!("\u{feff}{two}"), 2),
        (
            "a byte order mark and CRLF",
            format!("\u{feff}{two}").replace('\n', "\r\n"),
            2,
        ),
        ("openssl x509 -text", format!("{text}{one}{text}{one}"), 2),
        (
            "openssl pkcs12",
            format!("{bag}{one}{key_bag}{}", section("PRIVATE KEY")),
            1,
        ),
        (
            "openssl s_client -showcerts",
            format!("{s_client}{one}---\n{one}---\n"),
            2,
        ),
        ("curl's cacert.pem", format!("{bundle}{one}\n{one}"), 2),
        ("spaces behind", two.replace("-----\n", "-----  \n"), 2),
        ("lines of one length", two.replace("MI", "MI\n"), 2),
        ("an indented body", two.replace("HTEO", "  HTEO"), 2),
        (
            "with its key",
            format!("{}{}{two}", section("EC PARAMETERS"), section("EC PRIVATE KEY")),
            2,
        ),
        (
            "with an encrypted key",
            format!("{}{two}", section("ENCRYPTED PRIVATE KEY")),
            2,
        ),
        (
            "haproxy's crt",
            format!("{two}{}{}", section("RSA PRIVATE KEY"), section("DH PARAMETERS")),
            2,
        ),
        (
            "openssl x509 -pubkey",
            format!("{}{one}", section("PUBLIC KEY")),
            1,
        ),
        (
            "openssl req -x509",
            format!("{}{one}", section("CERTIFICATE REQUEST")),
            1,
        ),
        (
            "words with hyphens",
            format!("front-end -- the beginning of the back-end\n--\n{one}"),
            1,
        ),
    ] {
        assert_eq!(certificates_in(text), Ok(expected), "{case}");
    }
}

/// What stands in a file and is not taken is said, never passed over: it may be the one that matters.
#[test]
fn a_section_that_is_not_seen_is_an_error() {
    let one = section("CERTIFICATE");
    let crl = section("X509 CRL");
    let end = "-----END CERTIFICATE-----";
    let indented: String = one.lines().map(|line| format!("    {line}\n")).collect();
    let one_line = one.trim_end().replace('\n', " ");
    for (case, text, expected) in [
        (
            "joined without a line break",
            format!("{}{one}", one.trim_end()),
            "line 4: an END and the next BEGIN in one line; texts were joined, and one lacks its last line break",
        ),
        (
            "joined with a byte order mark",
            format!("{one}\u{feff}{one}"),
            "line 5: a byte order mark in the middle; texts were joined, save each without it",
        ),
        (
            "two byte order marks",
            format!("\u{feff}\u{feff}{one}"),
            "line 1: a byte order mark in the middle; texts were joined, save each without it",
        ),
        (
            "indented, as in YAML",
            format!("{one}{indented}"),
            "line 5: a BEGIN or END is indented; put it at the beginning of its line",
        ),
        (
            "an indented END",
            one.replace(end, &format!("  {end}")),
            "line 4: a BEGIN or END is indented; put it at the beginning of its line",
        ),
        (
            "an environment variable without line breaks",
            one_line.clone(),
            "line 1: the line breaks are lost; put BEGIN and END on lines of their own",
        ),
        (
            "no line breaks at all",
            one.replace('\n', ""),
            "line 1: the line breaks are lost; put BEGIN and END on lines of their own",
        ),
        (
            "the last line break lost",
            one.replace(&format!("\n{end}"), end),
            "line 3: the line breaks are lost; put BEGIN and END on lines of their own",
        ),
        (
            "the first line break lost",
            one.replace("-----\nMII", "-----MII"),
            "line 1: the line breaks are lost; put BEGIN and END on lines of their own",
        ),
        (
            "line breaks as two characters",
            one.replace('\n', r"\n"),
            r"line 1: the lines are joined by `\n`, a backslash and a letter; put line breaks in their place",
        ),
        (
            "in quotes",
            format!("tls.crt: \"{one}\""),
            "line 1: not quite a BEGIN or END; write it alone on its line, with five hyphens at each end",
        ),
        (
            "four hyphens",
            format!("{one}{}", one.replace("-----", "----")),
            "line 5: not quite a BEGIN or END; write it alone on its line, with five hyphens at each end",
        ),
        (
            "dashes of a word processor",
            format!("{one}{}", one.replace("-----", "\u{2013}\u{2013}-")),
            "line 5: not quite a BEGIN or END; write it alone on its line, with five hyphens at each end",
        ),
        (
            "lower case",
            one.to_lowercase(),
            "line 1: not quite a BEGIN or END; write it alone on its line, with five hyphens at each end",
        ),
        (
            "a tab behind",
            one.replacen("-----\n", "-----\t\n", 1),
            "line 1: not quite a BEGIN or END; write it alone on its line, with five hyphens at each end",
        ),
        (
            "two spaces",
            section(" CERTIFICATE"),
            "line 1: (a label that is not known) is not read here; correct its label, or take it out",
        ),
        (
            "a label with a slip",
            format!("{one}{}", section("CERTIFCATE")),
            "line 5: (a label that is not known) is not read here; correct its label, or take it out",
        ),
        (
            "cut off",
            format!("{one}{}", one.split("-----END").next().unwrap_or_default()),
            "line 5: CERTIFICATE has no END; the text was cut off, export it again",
        ),
        (
            "cut off, and another behind",
            format!("{}{one}", one.split("-----END").next().unwrap_or_default()),
            "line 1: CERTIFICATE has no END; the text was cut off, export it again",
        ),
        (
            "the END of another",
            one.replace("END CERT", "END TRUSTED CERT"),
            "line 4: this END is not that of CERTIFICATE, which began in line 1; export it again",
        ),
        (
            "an END of a prefix",
            one.replace("END CERTIFICATE", "END CERT"),
            "line 4: this END is not that of CERTIFICATE, which began in line 1; export it again",
        ),
        (
            "an END alone",
            format!("{one}{end}\n"),
            "line 5: an END without a BEGIN; export it again",
        ),
        (
            "a lost BEGIN",
            format!("{one}{BODY}{end}\n"),
            "line 5: base64 outside of a section; put it between its BEGIN and END",
        ),
        (
            "bare base64",
            BODY.into(),
            "line 1: base64 outside of a section; put it between its BEGIN and END",
        ),
        (
            "not base64",
            one.replace("HTEO", "HT.O"),
            "line 1: CERTIFICATE does not hold well-formed base64; export it again",
        ),
        (
            "a header",
            one.replace("HTEO", "Comment: x"),
            "line 1: CERTIFICATE does not hold well-formed base64; export it again",
        ),
        (
            "padding in the middle",
            one.replace("HTEO", "HT==\nHTEO"),
            "line 1: CERTIFICATE does not hold well-formed base64; export it again",
        ),
        (
            "openssl x509 -trustout",
            format!("{one}{}", section("TRUSTED CERTIFICATE")),
            "line 5: TRUSTED CERTIFICATE is not read here; write it as CERTIFICATE with `openssl x509`",
        ),
        (
            "an old label",
            section("X509 CERTIFICATE"),
            "line 1: X509 CERTIFICATE is not read here; export it as CERTIFICATE (RFC 7468 5.1)",
        ),
        (
            "PKCS#7",
            section("PKCS7"),
            "line 1: PKCS7 is not read here; take out what is in it, as with `openssl pkcs7 -print_certs`",
        ),
        (
            "CMS",
            format!("{one}{}", section("CMS")),
            "line 5: CMS is not read here; take out what is in it, as with `openssl pkcs7 -print_certs`",
        ),
        (
            "a CRL",
            format!("{one}{crl}"),
            "line 5: X509 CRL is not read here; keep it in a file of its own",
        ),
        (
            "a CRL of another label",
            format!("{one}{}", section("CRL")),
            "line 5: CRL is not read here; the label of a CRL is X509 CRL (RFC 7468 6)",
        ),
    ] {
        assert_eq!(certificates_in(text), Err(expected.to_owned()), "{case}");
    }
}

#[test]
fn what_is_no_text_is_named() {
    const BINARY: &str = "binary, as DER or PKCS#12; convert it with `openssl x509`, `crl` or `pkey` and `-inform DER`, \
                          or with `openssl pkcs12`";
    const UTF_16: &str = "UTF-16; save it as UTF-8";
    let one = section("CERTIFICATE");
    let wide =
        |bytes: fn(u16) -> [u8; 2], text: &str| -> Vec<u8> { text.encode_utf16().flat_map(bytes).collect() };
    let marked = format!("\u{feff}{one}");
    for (case, text, expected) in [
        (
            "a certificate in DER",
            vec![0x30, 0x82, 0x01, 0x8f, 0x30, 0x82],
            BINARY,
        ),
        (
            "PKCS#12 of unknown length",
            vec![0x30, 0x80, 0x02, 0x01, 0x03],
            BINARY,
        ),
        ("a short one", vec![0x30, 0x02, 0x05, 0x00], BINARY),
        (
            "a keystore of Java",
            vec![0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2],
            BINARY,
        ),
        ("UTF-16, little endian", wide(u16::to_le_bytes, &marked), UTF_16),
        ("UTF-16, big endian", wide(u16::to_be_bytes, &marked), UTF_16),
        ("without its mark", wide(u16::to_le_bytes, &one), UTF_16),
        (
            "big endian without its mark",
            wide(u16::to_be_bytes, &one),
            UTF_16,
        ),
    ] {
        assert_eq!(certificates_in(text), Err(expected.to_owned()), "{case}");
    }
}

#[test]
fn a_list_of_revocations_is_taken_or_named() {
    let crl = section("X509 CRL");
    for (case, text, expected) in [
        ("nothing", String::new(), Ok(0)),
        (
            "openssl crl -text",
            format!("Certificate Revocation List (CRL):\n        Version 2 (0x1)\n{crl}{crl}"),
            Ok(2),
        ),
        ("with a key", format!("{}{crl}", section("PRIVATE KEY")), Ok(1)),
        (
            "with its authority",
            format!("{}{crl}", section("CERTIFICATE")),
            Err("line 1: CERTIFICATE is not read here; keep it in a file of its own"),
        ),
        (
            "of another label",
            format!("{crl}{}", section("CRL")),
            Err("line 5: CRL is not read here; the label of a CRL is X509 CRL (RFC 7468 6)"),
        ),
        (
            "PKCS#7",
            format!("{crl}{}", section("PKCS7")),
            Err(
                "line 5: PKCS7 is not read here; take out what is in it, as with `openssl pkcs7 -print_certs`",
            ),
        ),
    ] {
        let taken = crls(text.as_bytes()).map(|taken| taken.len());
        assert_eq!(
            taken.map_err(|invalid| invalid.to_string()),
            expected.map_err(str::to_owned),
            "{case}"
        );
    }
}

/// Whatever is cut, joined or changed in a file of three lists: all three are taken, or none.
#[test]
fn no_cut_takes_a_section_away_unseen() {
    let whole = section("X509 CRL").repeat(3);
    let begins = |text: &str| text.matches("BEGIN").count();
    for from in 0..whole.len() {
        for length in [1, 2, 5, 7, 16, 24, 50, 100] {
            let cut = format!(
                "{}{}",
                &whole[..from],
                whole.get(from + length..).unwrap_or_default()
            );
            let taken = crls(cut.as_bytes()).map(|taken| taken.len());
            if let Ok(taken) = taken {
                assert_eq!(taken, begins(&cut), "{from} {length}:\n{cut}");
            }
        }
    }
}
