//! WHY NOT? What the doctor is asked: messages of every scheme, changed on the way, under right and wrong secrets. The verdict is the verifier's, a reason is
//! there where it is no, and no secret stands in what is shown.
#![no_main]

use std::sync::LazyLock;

use arbitrary::{Result, Unstructured};
use countersign::explain::{self, PayloadInquiry, PayloadReport, ProviderInquiry};
use countersign::payload::hmac::KeySpec;
use countersign::payload::providers::presets::{self, Make};
use countersign::payload::providers::{AdyenVerifier, TwilioVerifier};
use countersign::payload::{Message, Secret};
use countersign_fuzz::{Sender, Verifies, acme, bytes, origin, secret, tamper};
use libfuzzer_sys::fuzz_target;

struct Case {
    sender: Sender,
    secret: String,
    asks: Box<dyn Fn(&Message<'_>) -> PayloadReport + Send + Sync>,
}

static CASES: LazyLock<Vec<Case>> = LazyLock::new(|| {
    let signed = countersign_fuzz::public_keys()
        .chain(countersign_fuzz::tokens())
        .chain(countersign_fuzz::http_signatures());
    let other = signed
        .filter(|sender| matches!(sender.verifies, Verifies::Wholly(_)))
        .map(|sender| Case {
            sender,
            secret: "no secret was given".to_owned(),
            asks: Box::new(|_| unreachable!("by its verifier")),
        });
    countersign_fuzz::hmac()
        .chain(countersign_fuzz::families().into_iter().take(2))
        .map(case)
        .chain(other)
        .collect()
});

fn case(sender: Sender) -> Case {
    if let Some((provider, spec)) = family(sender.name) {
        let secret = secret(&spec, 1);
        let inquiry = provider.key(acme(), "1", Secret::new(&secret));
        return Case {
            sender,
            secret,
            asks: Box::new(move |message| explain::provider(&inquiry, message)),
        };
    }
    let preset = presets::find(sender.name).expect("a preset");
    let (inquiry, spec) = match preset.make {
        Make::Hmac(make) => (PayloadInquiry::new(make()), KeySpec::from(&make())),
        Make::HmacOfUrl(make) => (
            PayloadInquiry::new(make(&origin())),
            KeySpec::from(&make(&origin())),
        ),
        Make::Partial(make) => (PayloadInquiry::partial(make()), KeySpec::from(&make())),
        _ => unreachable!("not an HMAC"),
    };
    let secret = secret(&spec, 1);
    let inquiry = inquiry.key(acme(), "1", Secret::new(&secret));
    Case {
        sender,
        secret,
        asks: Box::new(move |message| explain::payload(&inquiry, message)),
    }
}

fn family(name: &str) -> Option<(ProviderInquiry, KeySpec)> {
    match name {
        "twilio" => Some((ProviderInquiry::twilio(origin()), TwilioVerifier::KEYS)),
        "adyen" => Some((ProviderInquiry::adyen(), AdyenVerifier::KEYS)),
        _ => None,
    }
}

// Choices: a sender, a text, changes.
fuzz_target!(init: { LazyLock::force(&CASES); }, |data: &[u8]| {
    // An input that ends early has chosen nothing more.
    let _ = play(&mut Unstructured::new(data));
});

fn play(choices: &mut Unstructured<'_>) -> Result<()> {
    let case = &CASES[usize::from(choices.arbitrary::<u8>()?) % CASES.len()];
    let Some(mut sent) = case.sender.send(bytes(choices, 64)?) else {
        return Ok(());
    };
    tamper(&mut sent, choices)?;
    let decided = case
        .sender
        .verifies
        .verdict(&sent.message())
        .map_err(|why| why.code());
    if let Verifies::Wholly(verifier) = &case.sender.verifies {
        compare(&explain::signature(&**verifier, &sent.message()), decided, case);
    }
    if case.secret != "no secret was given" {
        compare(&(case.asks)(&sent.message()), decided, case);
    }
    Ok(())
}

fn compare(report: &PayloadReport, decided: std::result::Result<(), &'static str>, case: &Case) {
    let explained = report.verdict.clone().map_err(|why| why.code());
    assert_eq!(explained, decided, "{}: {report}", case.sender.name);
    let failed = report.findings.iter().any(|finding| finding.reason.is_some());
    assert_eq!(failed, decided.is_err(), "{}: {report}", case.sender.name);
    assert!(
        !report.to_string().contains(&case.secret),
        "{} shows its secret",
        case.sender.name
    );
}
