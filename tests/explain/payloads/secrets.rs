//! Secrets that are not what was entered, and keys that are others.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use countersign::explain::{Mistake, PayloadInquiry};
use countersign::identity::Validity;
use countersign::payload::Scheme;
use countersign::testing::NOW;
use rustls::pki_types::UnixTime;

use super::mail::{self, BASE64, HEX, Mail, OTHER, SECRET, acme, github, globex, secret};
use super::{Case, proven};

const BODY: &[u8] = b"{\"id\":\"evt_1\"}";

/// The receiver has entered the secret otherwise than the sender signs with it.
fn entered(name: &'static str, mistake: Mistake, entered: &str) -> Case {
    let mail = || Mail::signed(&mail::github_scheme(), SECRET, BODY);
    proven(name, mistake, (github(entered), mail()), (github(SECRET), mail()))
}

/// The sender signs with other bytes than those that it should.
fn signed_with(name: &'static str, mistake: Mistake, key: &[u8], text: &str) -> Case {
    let wrong = (github(text), Mail::signed_with(key, BODY));
    proven(
        name,
        mistake,
        wrong,
        (github(text), Mail::signed(&mail::github_scheme(), text, BODY)),
    )
}

pub(super) fn cases() -> Vec<Case> {
    let decoded = STANDARD.decode(BASE64).expect("base64");
    let (url_safe, unpadded) = (BASE64.replace('+', "-"), STANDARD.encode(&decoded[..16]));
    let of_hex: Vec<u8> = (0..HEX.len() / 2)
        .map(|place| u8::from_str_radix(&HEX[place * 2..place * 2 + 2], 16).expect("hex"))
        .collect();
    let mut cases = vec![
        entered(
            "entered with a newline",
            Mistake::SecretSpace,
            &format!("{SECRET}\n"),
        ),
        entered(
            "entered with a space before it",
            Mistake::SecretSpace,
            &format!(" {SECRET}"),
        ),
        entered(
            "entered in quotes",
            Mistake::SecretQuotes,
            &format!("\"{SECRET}\""),
        ),
        entered(
            "entered with its variable",
            Mistake::SecretPrefix,
            &format!("HOOK_SECRET={SECRET}"),
        ),
        entered(
            "entered with whsec_",
            Mistake::SecretPrefix,
            &format!("whsec_{SECRET}"),
        ),
        entered(
            "entered with an escape",
            Mistake::SecretEscaped,
            &format!("{SECRET}\\n"),
        ),
        entered("entered in lower case", Mistake::SecretCase, &HEX.to_uppercase()).of_hex(),
        signed_with(
            "echo's newline",
            Mistake::SecretSpace,
            format!("{SECRET}\n").as_bytes(),
            SECRET,
        ),
        signed_with("decoded at the sender", Mistake::SecretDecoded, &decoded, BASE64),
        signed_with(
            "decoded from base64url at the sender",
            Mistake::SecretDecoded,
            &decoded,
            &url_safe,
        ),
        signed_with(
            "decoded without its padding at the sender",
            Mistake::SecretDecoded,
            &decoded[..16],
            unpadded.trim_end_matches('='),
        ),
        signed_with("hexadecimal at the sender", Mistake::SecretDecoded, &of_hex, HEX),
        signed_with(
            "hashed at the sender",
            Mistake::SecretHashed,
            &sha1(SECRET),
            SECRET,
        ),
    ];
    cases.extend([not_decoded(), swapped(), sent()]);
    cases.extend(other_keys());
    cases
}

impl Case {
    /// Text in capitals that was text in small letters.
    fn of_hex(mut self) -> Self {
        let mail = Mail::signed(&mail::github_scheme(), HEX, BODY);
        self.wrong.1 = mail.clone();
        self.mended = (github(HEX).into(), mail);
        self
    }
}

fn sha1(text: &str) -> Vec<u8> {
    aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes())
        .as_ref()
        .to_vec()
}

/// The scheme decodes what the sender takes for text.
fn not_decoded() -> Case {
    let scheme = Scheme::standard_webhooks();
    let text = Scheme::bigcommerce();
    let inquiry = |scheme: Scheme| PayloadInquiry::new(scheme).key(acme(), "2026", secret(BASE64));
    let mail = || Mail::signed(&text, BASE64, BODY);
    proven(
        "the text of a secret that is to be decoded",
        Mistake::SecretNotDecoded,
        (inquiry(scheme), mail()),
        (inquiry(text.clone()), mail()),
    )
}

fn swapped() -> Case {
    let mail = || Mail::signed(&mail::github_scheme(), SECRET, BODY);
    let inquiry =
        PayloadInquiry::new(Scheme::github()).key(acme(), SECRET, secret("acme 2026 of production"));
    proven(
        "the name for the secret",
        Mistake::SecretSwapped,
        (inquiry, mail()),
        (github(SECRET), mail()),
    )
}

fn sent() -> Case {
    let wrong = Mail::unsigned(BODY).with_field("x-hub-signature-256", SECRET);
    let right = Mail::signed(&mail::github_scheme(), SECRET, BODY);
    proven(
        "the secret as a signature",
        Mistake::SecretSent,
        (github(SECRET), wrong),
        (github(SECRET), right),
    )
}

fn other_keys() -> Vec<Case> {
    let mail = || Mail::signed(&mail::github_scheme(), OTHER, BODY);
    let known = |tenant| github(SECRET).also_known(tenant, "staging", secret(OTHER));
    let both = |until: u64| {
        let end = UnixTime::since_unix_epoch(std::time::Duration::from_secs(until));
        let validity = Validity::new(Validity::ALWAYS.not_before, end);
        github(SECRET).key_valid(acme(), "2025", secret(OTHER), validity)
    };
    let tenants = PayloadInquiry::new(Scheme::github())
        .key(acme(), "2026", secret(SECRET))
        .key(globex(), "2026", secret(OTHER));
    let day = 86_400;
    vec![
        proven(
            "another environment's key",
            Mistake::OtherKey,
            (known(acme()), mail()),
            (github(OTHER), mail()),
        ),
        proven(
            "another tenant's key",
            Mistake::OtherTenantsKey,
            (known(globex()), mail()),
            (
                known(globex()),
                Mail::signed(&mail::github_scheme(), SECRET, BODY),
            ),
        ),
        proven(
            "another tenant's connection",
            Mistake::OtherTenantsKey,
            (tenants.clone(), mail().from(acme())),
            (tenants.clone(), mail().from(globex())),
        ),
        proven(
            "nobody's connection",
            Mistake::OtherTenantsKey,
            (tenants.clone(), mail()),
            (tenants, mail().from(globex())),
        ),
        proven(
            "a key that was retired",
            Mistake::KeyOutOfTime,
            (both(NOW.as_secs() - day), mail()),
            (both(NOW.as_secs() + day), mail()),
        ),
    ]
}

/// In either alphabet, with padding or without: each letter that only one of them has stands in one of these.
#[test]
fn a_secret_is_decoded_from_each_base64() {
    // 31 bytes leave padding, and 0xfb and 0xff are written with what each alphabet has for itself.
    let key: Vec<u8> = (0..31)
        .map(|byte| if byte % 2 == 0 { 0xfb } else { 0xff })
        .collect();
    let written = [
        STANDARD.encode(&key),
        STANDARD_NO_PAD.encode(&key),
        URL_SAFE.encode(&key),
        URL_SAFE_NO_PAD.encode(&key),
    ];
    for text in written {
        let mail = Mail::signed_with(&key, BODY);
        let report = countersign::explain::payload(&github(&text), &mail.message());
        let found = report.diagnoses.first().map(|found| found.mistake);
        assert_eq!(found, Some(Mistake::SecretDecoded), "{text}: {report}");
    }
}
