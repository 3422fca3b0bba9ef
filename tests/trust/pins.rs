//! Keys that we know, where we expect them, and still.

mod denied;
mod reported;
mod retired;

use countersign::identity::{CertHash, InvalidHash, SpkiHash, Validity};
use countersign::live::Live;
use countersign::testing::{KeyAlgorithm, NOW, TestCa, TestCert, TestKey, utc};
use countersign::trust::{Evidence, InvalidPin, Pin, PinProblem, PinSet, PrivateCa, Untrusted, VerifyPeer};

use crate::stage::*;

fn spki(der: &[u8]) -> SpkiHash {
    SpkiHash::of(der)
}

fn key_of(ca: &TestCa) -> SpkiHash {
    spki(&ca.spki_der())
}

fn leaf_of(cert: &TestCert) -> SpkiHash {
    spki(&cert.spki_der())
}

fn not_pinned(cert: &TestCert) -> Untrusted {
    Untrusted::NotPinned { spki: leaf_of(cert) }
}

/// A root, an issuer and one of its customers.
struct Cast {
    root: TestCa,
    issuing: TestCa,
    cert: TestCert,
}

fn cast() -> Cast {
    let root = TestCa::new("Root");
    let issuing = root.intermediate("Issuing");
    let cert = issuing.client(ACME).issue();
    Cast { root, issuing, cert }
}

impl Cast {
    fn with(&self, pin: Pin) -> impl VerifyPeer + use<> {
        private(&[&self.root]).and(PinSet::of([pin]))
    }
}

#[test]
fn a_pin_in_any_form_is_the_same_pin() {
    let Cast { root, cert, .. } = cast();
    let hash = leaf_of(&cert);
    let hex: String = hash.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let colons: Vec<_> = hash.as_bytes().iter().map(|byte| format!("{byte:02X}")).collect();
    for text in [
        hash.to_string(),
        hex.clone(),
        hex.to_uppercase(),
        colons.join(":"),
    ] {
        let pins = PinSet::parse([&text]).expect("a pin");
        assert_eq!(pins, PinSet::new([hash]), "{text}");
        assert_eq!(
            verify(&private(&[&root]).and(pins), &cert).map(|_| ()),
            Ok(()),
            "{text}"
        );
    }
}

#[test]
fn what_is_no_pin_is_refused_with_its_place() {
    let good = spki(b"good").to_string();
    let short = good.replace('=', "");
    let spaced = format!(" {good}");
    for bad in [
        "sha256/",
        "sha1/2jmj7l5rSw0yVb/vlWAYkK/YBwk=",
        "00",
        &short,
        &spaced,
    ] {
        let invalid: InvalidPin = PinSet::parse([good.as_str(), &good, bad]).expect_err(bad);
        assert_eq!(invalid.line, 3, "{bad:?}");
        assert_eq!(
            SpkiHash::parse(bad).map_err(PinProblem::from),
            Err(invalid.source),
            "{bad:?}"
        );
    }
    let invalid: Result<_, InvalidHash> = CertHash::parse("junk");
    assert_eq!(
        invalid.map_err(|invalid| invalid.to_string()),
        Err(
            "not a SHA-256 digest but 4 other characters; write it as sha256/<44 characters of base64> or as 64 hexadecimal digits"
                .to_owned()
        )
    );
}

#[test]
fn comments_and_blank_lines_of_a_file_of_pins_say_nothing_and_count_as_lines() {
    let Cast { cert, .. } = cast();
    let pin = leaf_of(&cert);
    let wrong = |line: usize, other: &str| {
        let source = SpkiHash::parse(other).expect_err(other);
        Err(format!("line {line}: {source}"))
    };
    let commented = format!("{pin} # acme");
    for (case, text, expected) in [
        ("nothing", String::new(), Ok(0)),
        ("a blank line", " \t\n\n".into(), Ok(0)),
        ("comments", format!("# acme\n  # globex\n\n{pin}\n"), Ok(1)),
        ("lines of Windows", format!("# acme\r\n\r\n{pin}\r\n"), Ok(1)),
        ("a comment behind a pin", commented.clone(), wrong(1, &commented)),
        (
            "junk below comments",
            format!("# acme\n\n{pin}\njunk\n"),
            wrong(4, "junk"),
        ),
    ] {
        let read = text
            .parse::<PinSet>()
            .map(|pins| pins.len())
            .map_err(|invalid| invalid.to_string());
        assert_eq!(read, expected, "{case}");
    }
}

#[test]
fn a_pin_counts_only_in_its_place() {
    let cast = cast();
    let (leaf, issuer, anchor) = (leaf_of(&cast.cert), key_of(&cast.issuing), key_of(&cast.root));
    let hash = chain(cast.cert.chain()).leaf().hash();
    let no = Err(not_pinned(&cast.cert));
    for (case, pin, expected) in [
        ("leaf", Pin::leaf(leaf), Ok(())),
        ("issuer", Pin::issuer(issuer), Ok(())),
        ("anchor", Pin::anchor(anchor), Ok(())),
        ("certificate", Pin::certificate(hash), Ok(())),
        ("the leaf's key as issuer", Pin::issuer(leaf), no.clone()),
        ("the leaf's key as anchor", Pin::anchor(leaf), no.clone()),
        ("the issuer's key as leaf", Pin::leaf(issuer), no.clone()),
        ("the issuer's key as anchor", Pin::anchor(issuer), no.clone()),
        ("the anchor's key as issuer", Pin::issuer(anchor), no.clone()),
        ("the anchor's key as leaf", Pin::leaf(anchor), no.clone()),
        (
            "the issuer's certificate",
            Pin::certificate(CertHash::of(cast.issuing.certificate())),
            no.clone(),
        ),
        (
            "the key's hash as the certificate's",
            Pin::certificate(CertHash::from(*leaf.as_bytes())),
            no.clone(),
        ),
    ] {
        let answer = verify(&cast.with(pin.clone()), &cast.cert);
        assert_eq!(answer.clone().map(|_| ()), expected, "{case}");
        if let Ok(evidence) = answer {
            assert_eq!(evidence.pin, Some(pin), "{case}");
        }
    }
    assert_eq!(
        verify(&private(&[&cast.root]).and(PinSet::default()), &cast.cert),
        no.map(|()| unreachable!())
    );
}

/// N8: what is merely stuffed into the chain is not on the path.
#[test]
fn a_stuffed_issuer_matches_no_pin() {
    let cast = cast();
    let victim = cast.root.intermediate("Pinned");
    let pins = || {
        PinSet::of([
            Pin::issuer(key_of(&victim)),
            Pin::leaf(key_of(&victim)),
            Pin::anchor(key_of(&victim)),
            Pin::certificate(CertHash::of(victim.certificate())),
        ])
    };
    let above = cast.issuing.chain();
    let stuffing = victim.certificate().clone();
    for above in [
        [above.clone(), vec![stuffing.clone()]].concat(),
        [vec![stuffing], above].concat(),
    ] {
        let stuffed = cast.cert.clone().with_chain(above);
        assert_eq!(
            verify(&private(&[&cast.root]).and(pins()), &stuffed),
            Err(not_pinned(&stuffed))
        );
        // Without a path before them, pins of issuers match nothing at all.
        assert_eq!(verify(&pins(), &stuffed), Err(not_pinned(&stuffed)));
    }
    // The pinned issuer's own customer passes.
    let own = victim.client(ACME).issue();
    assert_eq!(
        verify(&private(&[&cast.root]).and(pins()), &own).map(|_| ()),
        Ok(())
    );
    assert_eq!(verify(&pins(), &own), Err(not_pinned(&own)));
}

#[test]
fn the_order_of_joining_does_not_open_anything() {
    let cast = cast();
    let pins = || PinSet::of([Pin::issuer(key_of(&cast.issuing))]);
    assert_eq!(
        verify(&private(&[&cast.root]).and(pins()), &cast.cert).map(|_| ()),
        Ok(())
    );
    // Asked first, it has seen no path.
    assert_eq!(
        verify(&pins().and(private(&[&cast.root])), &cast.cert),
        Err(not_pinned(&cast.cert))
    );
    // Both of two sets must match, also where they are joined to a pair.
    let other = PinSet::new([spki(b"other")]);
    for trust in [
        Box::new(private(&[&cast.root]).and(pins()).and(other.clone())) as Box<dyn VerifyPeer>,
        Box::new(private(&[&cast.root]).and(pins().and(other.clone()))),
        Box::new(private(&[&cast.root]).and(other.clone().and(pins()))),
        Box::new(private(&[&cast.root]).and(other.and(pins()))),
    ] {
        assert_eq!(verify(&trust, &cast.cert), Err(not_pinned(&cast.cert)));
    }
    // The path is seen through a pair, too.
    let leaf = PinSet::new([leaf_of(&cast.cert)]);
    assert_eq!(
        verify(&private(&[&cast.root]).and(leaf.and(pins())), &cast.cert).map(|_| ()),
        Ok(())
    );
}

#[test]
fn a_renewed_certificate_keeps_its_pin_and_a_new_key_does_not() {
    let cast = cast();
    let renewed = cast.issuing.client(ACME).with_key(&cast.cert).issue();
    let rekeyed = cast.issuing.client(ACME).issue();
    let trust = cast.with(Pin::leaf(leaf_of(&cast.cert)));
    assert_eq!(verify(&trust, &renewed).map(|_| ()), Ok(()));
    assert_eq!(verify(&trust, &rekeyed), Err(not_pinned(&rekeyed)));
    let hash = CertHash::of(cast.cert.leaf());
    let trust = cast.with(Pin::certificate(hash));
    assert_eq!(verify(&trust, &renewed), Err(not_pinned(&renewed)));
}

#[test]
fn alone_a_set_of_pins_still_looks_at_the_dates() {
    let key = TestKey::generate(KeyAlgorithm::default());
    let pins = PinSet::new([spki(&key.spki_der())]);
    let cert = |from, until| {
        TestCert::self_signed(ACME)
            .with_key(&key)
            .validity(from, until)
            .issue()
    };
    let good = cert(utc(2025, 1, 1), utc(2026, 6, 1));
    let evidence = verify(&pins, &good).expect("trusted");
    assert_eq!(evidence.valid, Validity::new(utc(2025, 1, 1), utc(2026, 6, 1)));
    assert_eq!(evidence.anchor, None);
    assert_eq!(
        verify(&pins, &cert(utc(2025, 1, 1), utc(2025, 6, 1))),
        Err(Untrusted::Expired {
            not_after: utc(2025, 6, 1),
            now: NOW
        })
    );
    assert_eq!(
        verify(&pins, &cert(utc(2026, 6, 1), utc(2027, 6, 1))),
        Err(Untrusted::NotYetValid {
            not_before: utc(2026, 6, 1),
            now: NOW
        })
    );
}

#[test]
fn a_pin_in_pem_is_a_key_or_a_certificate() {
    let cert = TestCa::new("Root").client("a.example").issue();
    let body = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, cert.spki_der());
    let key = format!("-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n");
    let chain = cert.chain_pem();
    for (name, pem) in [
        ("key", &key),
        ("certificate", &chain),
        ("both", &(key.clone() + &chain)),
    ] {
        assert_eq!(SpkiHash::from_pem(pem.as_bytes()), Ok(leaf_of(&cert)), "{name}");
    }
    let none = "no \"BEGIN PUBLIC KEY\" and no \"BEGIN CERTIFICATE\" in it";
    for (name, pem, expected) in [
        ("nothing", "", none),
        ("a private key", &*cert.key_pem(), none),
        (
            "garbage",
            "-----BEGIN PUBLIC KEY-----",
            "line 1: PUBLIC KEY has no END; the text was cut off, export it again",
        ),
        ("two keys", &key.repeat(2), "line 4: a second key; give one only"),
        (
            "no certificate in it",
            "-----BEGIN CERTIFICATE-----\nanVuaw==\n-----END CERTIFICATE-----\n",
            "line 1: what CERTIFICATE holds cannot be read; export it again",
        ),
    ] {
        assert_eq!(
            SpkiHash::from_pem(pem.as_bytes()).map_err(|invalid| invalid.to_string()),
            Err(expected.to_owned()),
            "{name}"
        );
    }
}

fn numbered(n: u64) -> SpkiHash {
    let mut digest = [0x5a; 32];
    digest[..8].copy_from_slice(&n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    SpkiHash::from(digest)
}

#[test]
fn a_million_pins_are_as_exact_as_one() {
    let Cast { cert, .. } = cast();
    let chain = chain(cert.chain());
    let pins = |count: u64| PinSet::new((0..count).map(numbered).chain([leaf_of(&cert)]));
    let mut million = None;
    let info = allocation_counter::measure(|| million = Some(pins(1_000_000)));
    let million = million.expect("built");
    println!("a million pins: {} MB", info.bytes_current / 1_000_000);
    assert!(info.bytes_current < 215_000_000, "{}", info.bytes_current);
    assert_eq!(million.len(), 1_000_001);

    assert_eq!(
        ask(&million, &chain).map(|evidence| evidence.pin),
        Ok(Some(Pin::leaf(leaf_of(&cert))))
    );
    let unpinned = PinSet::new((0..1_000_000).map(numbered));
    assert_eq!(
        ask(&unpinned, &chain),
        Err(Untrusted::NotPinned { spki: leaf_of(&cert) })
    );
}

fn ask(pins: &PinSet, chain: &countersign::identity::PeerChain) -> Result<Evidence, Untrusted> {
    let role = countersign::trust::Role::Client;
    countersign::trust::VerifiedPeer::verify(pins, chain.clone(), role, NOW)
        .map(|peer| peer.evidence().clone())
}

#[test]
fn pins_are_shown_and_keys_named() {
    let pin = Pin::leaf(spki(b"")).labelled("acme");
    assert_eq!(
        pin.to_string(),
        "leaf sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU= label=acme"
    );
    assert_eq!(Pin::anchor(spki(b"")).retiring(NOW).retires(), Some(NOW));
    let trust: PrivateCa = private(&[&TestCa::new("Root")]);
    assert_eq!(trust.anchors().count(), 1);
}

/// What is replaced inside of what can be replaced: every change anywhere is a change.
#[test]
fn a_live_inside_a_live_tells_of_both() {
    let cast = cast();
    let inner = Live::new(PinSet::default());
    let outer = Live::new(inner.clone());
    let trust = private(&[&cast.root]).and(outer.clone());
    let first = trust.generation();
    assert_eq!(verify(&trust, &cast.cert), Err(not_pinned(&cast.cert)));
    inner.replace(PinSet::new([leaf_of(&cast.cert)]));
    let second = trust.generation();
    assert!(second > first, "the inner one has changed");
    assert_eq!(verify(&trust, &cast.cert).map(|_| ()), Ok(()));
    outer.replace(Live::new(PinSet::default()));
    assert!(trust.generation() > second, "the outer one has changed");
    assert_eq!(verify(&trust, &cast.cert), Err(not_pinned(&cast.cert)));
}
