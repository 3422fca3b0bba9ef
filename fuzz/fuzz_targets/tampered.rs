//! DID THEY SAY THIS? Messages that each scheme has signed rightly, changed on the way: by every HMAC, private key, provider's own type, token and
//! HTTP message signature. What still counts has the body that was signed, is the same delivery to a replay store, and counts in pieces of any size;
//! nobody else's keys take it.
#![no_main]

use std::sync::LazyLock;

use arbitrary::{Result, Unstructured};
use countersign::payload::{Authentic, Head, NotAuthentic, VerifyPayload};
use countersign::replay::{ClaimKey, Terms};
use countersign_fuzz::{Sender, Sent, Verifies, at, bytes, cuts, tamper, within};
use libfuzzer_sys::fuzz_target;

static SENDERS: LazyLock<Vec<Sender>> = LazyLock::new(|| {
    let mut all: Vec<_> = countersign_fuzz::hmac()
        .chain(countersign_fuzz::public_keys())
        .collect();
    all.extend(countersign_fuzz::families());
    all.extend(countersign_fuzz::tokens());
    all.extend(countersign_fuzz::http_signatures());
    all
});

/// It signs a field of a form as it reads: not how the form is written, nor the name of the key beside its signature in there.
const FORM: &str = "braintree";

// Choices: a sender, a text, changes, cuts.
fuzz_target!(init: { LazyLock::force(&SENDERS); }, |data: &[u8]| {
    // An input that ends early has chosen nothing more.
    let _ = play(&mut Unstructured::new(data));
});

fn play(choices: &mut Unstructured<'_>) -> Result<()> {
    let sender = &SENDERS[usize::from(choices.arbitrary::<u8>()?) % SENDERS.len()];
    let text = bytes(choices, 96)?;
    let Some(original) = sender.send(text) else {
        return Ok(());
    };
    let mut sent = original.clone();
    tamper(&mut sent, choices)?;
    let verdict = within(size(&sent), || sender.verifies.verdict(&sent.message()));
    assert!(
        sender.others.verdict(&sent.message()).is_err(),
        "{} by its own key alone",
        sender.name
    );
    if let Verifies::Wholly(verifier) = &sender.verifies {
        let (first, now) = (
            said(verifier.verify_payload(&original.message())),
            said(verifier.verify_payload(&sent.message())),
        );
        if verdict.is_ok() {
            assert!(
                sent.body == original.body || sender.name == FORM,
                "{} has not signed this",
                sender.name
            );
            // What a scheme reads in the body may not be there in the original.
            if first.is_ok() {
                assert_eq!(now, first, "{} is another delivery", sender.name);
            }
        }
        streamed(&**verifier, &sent, &cuts(choices)?, &now, sender.name);
    }
    Ok(())
}

fn size(sent: &Sent) -> usize {
    let fields: usize = sent.headers.values().map(|value| value.len()).sum();
    sent.body.len() + fields
}

fn said(
    answer: std::result::Result<Authentic<'_>, NotAuthentic>,
) -> std::result::Result<ClaimKey, NotAuthentic> {
    answer.map(|authentic| authentic.claim(at(0), Terms::default()).key)
}

fn streamed(
    verifier: &dyn VerifyPayload,
    sent: &Sent,
    cuts: &[usize],
    whole: &std::result::Result<ClaimKey, NotAuthentic>,
    name: &str,
) {
    let head = Head::new(&sent.method, &sent.uri, &sent.headers, at(sent.now));
    let answer = match verifier.begin_payload(&head, usize::MAX) {
        Ok(None) => return,
        Ok(Some(mut running)) => {
            let mut rest = &sent.body[..];
            for cut in cuts {
                let (piece, after) = rest.split_at((*cut).min(rest.len()));
                running.update(piece).expect("no limit");
                rest = after;
            }
            running.update(rest).expect("no limit");
            said(running.finish(at(sent.now)))
        }
        Err(why) => Err(why),
    };
    assert_eq!(&answer, whole, "{name} in pieces");
}
