//! What stands in configuration files, read by serde from TOML and JSON: one grammar, and errors that help.

use countersign::address::{AddressGuard, Network};
use countersign::identity::{CertHash, SpiffeId, SpkiHash};
use countersign::payload::hmac::PartialScheme;
use countersign::payload::public_key::PublicKeyScheme;
use countersign::payload::token::TokenScheme;
use countersign::payload::{Origin, Scheme};
use countersign::replay::Tolerance;
use countersign::tenant::{Rule, TenantId, TenantTable};
use countersign::trust::{Pin, PinSet};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
struct Configuration {
    scheme: Scheme,
    partial: PartialScheme,
    public_key: PublicKeyScheme,
    token: TokenScheme,
    tolerance: Tolerance,
    origin: Origin,
    known: Vec<TenantId>,
    rules: Vec<Rule>,
    pins: PinSet,
    next: Pin,
    own: SpiffeId,
    key: SpkiHash,
    certificate: CertHash,
    guard: AddressGuard,
    network: Network,
}

const TOML: &str = r##"
scheme = "stripe"
partial = "mailgun"
public_key = "discord"
token = "telegram"
tolerance = "past=1h future=5m"
origin = "https://hooks.acme.example"
known = ["globex", "initech"]
rules = ["URI:spiffe://acme.example/tenant/{tenant}", "DNS:hooks.hooli.example -> hooli"]
pins = """
# in use
sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=
anchor e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 until=2026-12-31T23:59:59Z label=acme, old
"""
next = "issuer sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU= label=acme"
own = "spiffe://acme.example/tenant/globex"
key = "sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
certificate = "sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
guard = ["allow 10.7.0.0/16", "deny 10.7.9.0/24"]
network = "fd00:7::/32"
"##;

#[test]
fn one_file_holds_all_of_it() -> Result<(), Box<dyn std::error::Error>> {
    let read: Configuration = toml::from_str(TOML)?;
    assert_eq!(read.scheme, Scheme::stripe());
    assert_eq!(read.partial, PartialScheme::mailgun());
    assert_eq!(read.public_key.name(), "discord");
    assert_eq!(read.token.name(), "telegram");
    assert_eq!(read.origin.as_str(), "https://hooks.acme.example");
    TenantTable::builder()
        .rule(read.rules[0].clone())
        .rule(read.rules[1].clone())
        .known(read.known.iter().map(TenantId::as_str))
        .build()?;
    assert_eq!((read.pins.len(), read.next.label()), (2, Some("acme")));
    // What is written is what was read, in the other format too.
    for (name, written, json) in [
        (
            "schemes",
            serde_json::to_string(&(&read.scheme, &read.partial, &read.public_key, &read.token))?,
            r#"["stripe","mailgun","discord","telegram"]"#,
        ),
        (
            "tolerance",
            serde_json::to_string(&read.tolerance)?,
            r#""past=1h future=5m""#,
        ),
        (
            "known",
            serde_json::to_string(&read.known)?,
            r#"["globex","initech"]"#,
        ),
        (
            "rules",
            serde_json::to_string(&read.rules)?,
            r#"["URI:spiffe://acme.example/tenant/{tenant}","DNS:hooks.hooli.example -> hooli"]"#,
        ),
        (
            "pins",
            serde_json::to_string(&read.pins)?,
            r#"["anchor sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU= until=2026-12-31T23:59:59Z label=acme, old","leaf sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="]"#,
        ),
        (
            "next",
            serde_json::to_string(&read.next)?,
            r#""issuer sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU= label=acme""#,
        ),
        (
            "own",
            serde_json::to_string(&read.own)?,
            r#""spiffe://acme.example/tenant/globex""#,
        ),
        (
            "key",
            serde_json::to_string(&read.key)?,
            r#""sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=""#,
        ),
        (
            "certificate",
            serde_json::to_string(&read.certificate)?,
            r#""sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=""#,
        ),
        (
            "guard",
            serde_json::to_string(&read.guard)?,
            r#"["allow 10.7.0.0/16","deny 10.7.9.0/24"]"#,
        ),
        (
            "network",
            serde_json::to_string(&read.network)?,
            r#""fd00:7::/32""#,
        ),
        (
            "origin",
            serde_json::to_string(&read.origin)?,
            r#""https://hooks.acme.example""#,
        ),
    ] {
        assert_eq!(written, json, "{name}");
    }
    let again: PinSet = serde_json::from_str(&serde_json::to_string(&read.pins)?)?;
    assert_eq!(again, read.pins);
    let again: Vec<Rule> = serde_json::from_str(&serde_json::to_string(&read.rules)?)?;
    assert_eq!(again, read.rules);
    Ok(())
}

/// What was seen and what was wanted; but never the text of what may be a key.
#[test]
fn what_cannot_be_read_says_what_was_seen_and_what_was_wanted() {
    fn told<T: for<'de> Deserialize<'de>>(json: &str) -> String {
        let error = serde_json::from_str::<T>(json)
            .err()
            .map(|error| error.to_string());
        error
            .unwrap_or_default()
            .split(" at line")
            .next()
            .unwrap_or_default()
            .to_owned()
    }
    let tenant = "a tenant's name is 1 to 128 printable ASCII characters without a space at either end";
    let tolerance = "a tolerance is `5m`, or `past=1h future=5m`: whole numbers of s, m, h or d";
    let hash = "not a SHA-256 digest but 19 other characters; write it as sha256/<44 characters of base64> or as 64 hexadecimal digits";
    for (seen, expected) in [
        (told::<Scheme>(r#""strpe""#), r#""strpe" is not the name of a scheme: no scheme is named "strpe"; near it: stripe"#.to_owned()),
        (told::<Scheme>("7"), "invalid type: integer `7`, expected the name of a scheme".into()),
        (told::<TenantId>(r#"" acme""#), format!(r#"" acme" is not a tenant: {tenant}"#)),
        (told::<Tolerance>(r#""5""#), format!(r#""5" is not a tolerance: {tolerance}"#)),
        (told::<Tolerance>("300"), "invalid type: integer `300`, expected a tolerance".into()),
        (told::<SpiffeId>(r#""spiffe://td""#), r#""spiffe://td" is not a SPIFFE ID: no path after the trust domain"#.into()),
        (told::<Rule>(r#""DNS:a.example""#), r#""DNS:a.example" is not a tenant rule: a rule ends with ` -> TENANT`, once, unless `{tenant}` stands in it"#.into()),
        (told::<AddressGuard>(r#"["allow 10.7.0.0/16","permit 10.8.0.0/16"]"#), "not rules of addresses: line 2: a rule begins with `allow`, `deny` or `nat64`".into()),
        (told::<Pin>(r#""whsec_secret_secret""#), format!("not a pin: {hash}")),
        (told::<PinSet>(r##"["# one", "whsec_secret_secret"]"##), format!("not pins: line 2: {hash}")),
        (told::<PinSet>("7"), "invalid type: integer `7`, expected pins: an array of strings, or one string of lines".into()),
        (told::<PinSet>("[7]"), "invalid type: integer `7`, expected a string".into()),
    ] {
        assert_eq!(seen, expected);
    }
}

/// Its name would be read as another scheme, or as none.
#[test]
fn a_scheme_that_is_not_the_preset_of_its_name_is_not_written() -> Result<(), Box<dyn std::error::Error>> {
    let told = |written: Result<String, serde_json::Error>| written.err().map(|error| error.to_string());
    let own = |name: &str| TokenScheme::header(name, http::HeaderName::from_static("x-token"));
    let changed = Scheme::stripe().with_tolerance("past=1h future=5m".parse()?);
    for (name, written) in [
        ("stripe", told(serde_json::to_string(&changed))),
        ("telegram", told(serde_json::to_string(&own("telegram")))),
        ("acme", told(serde_json::to_string(&own("acme")))),
    ] {
        let expected =
            format!("the scheme {name:?} is not the preset of a name, so it cannot be written as one");
        assert_eq!(written, Some(expected));
    }
    Ok(())
}

/// A pin, in every form that a line has.
#[test]
fn a_pin_is_read_with_its_place_its_end_and_its_label() {
    const HASH: &str = "sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
    for (text, written) in [
        ("H", "leaf H"),
        ("leaf H", "leaf H"),
        ("issuer H", "issuer H"),
        ("anchor H", "anchor H"),
        ("certificate H", "certificate H"),
        (
            "H until=2026-12-31T23:59:59+01:00",
            "leaf H until=2026-12-31T22:59:59Z",
        ),
        ("H label=acme until=today", "leaf H label=acme until=today"),
        (
            "H until=2026-12-31T23:59:59Z label=a b",
            "leaf H until=2026-12-31T23:59:59Z label=a b",
        ),
    ] {
        let pin: Result<Pin, _> = text.replace('H', HASH).parse();
        assert_eq!(
            pin.map(|pin| pin.to_string()),
            Ok(written.replace('H', HASH)),
            "{text}"
        );
    }
    let until = "`until=` is followed by a time such as 2026-12-31T23:59:59Z (RFC 3339), and before `label=`";
    for (text, told) in [
        ("H until=2026-12-31", until),
        ("H until=", until),
        ("H label=", "`label=` is followed by a label"),
        (
            "root H",
            "not a SHA-256 digest but 56 other characters; write it as sha256/<44 characters of base64> or as 64 hexadecimal digits",
        ),
        (
            "leaf  H",
            "not a SHA-256 digest but 52 other characters; write it as sha256/<44 characters of base64> or as 64 hexadecimal digits",
        ),
    ] {
        let refused = text
            .replace('H', HASH)
            .parse::<Pin>()
            .err()
            .map(|problem| problem.to_string());
        assert_eq!(refused.as_deref(), Some(told), "{text}");
    }
}
