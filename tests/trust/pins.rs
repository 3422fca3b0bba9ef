//! Is it a key that we know, where we expect it, and still?

use crate::stage;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use countersign::expiry::{Expiries, Kind};
use countersign::identity::{CertHash, ChainLimits, InvalidHash, SerialNumber, SpkiHash, Validity};
use countersign::live::Live;
use countersign::testing::{KeyAlgorithm, NOT_AFTER, NOT_BEFORE, NOW, TestCa, TestCert, TestKey, utc};
use countersign::tls::rustls::pki_types::{CertificateDer, UnixTime};
use countersign::trust::{
    DenyList, Evidence, InvalidPin, Pin, PinProblem, PinSet, Presented, PrivateCa, ReportOnly, Role,
    SecondCheck, Untrusted, VerifiedPeer, VerifyPeer,
};

use stage::*;

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

// -- forms ---------------------------------------------------------------------------------------------------------------

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

// -- scope ---------------------------------------------------------------------------------------------------------------

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

// -- time and labels -----------------------------------------------------------------------------------------------------

#[test]
fn a_pin_retires_to_the_second() {
    let cast = cast();
    let at = utc(2026, 6, 1);
    for pin in [
        Pin::leaf(leaf_of(&cast.cert)),
        Pin::issuer(key_of(&cast.issuing)),
        Pin::anchor(key_of(&cast.root)),
        Pin::certificate(CertHash::of(cast.cert.leaf())),
    ] {
        let trust = cast.with(pin.retiring(at));
        let evidence = verify(&trust, &cast.cert).expect("trusted");
        assert_eq!(evidence.valid.not_after, at);
        assert_eq!(verify_at(&trust, &cast.cert, at).map(|_| ()), Ok(()));
        assert_eq!(
            verify_at(&trust, &cast.cert, seconds(at, 1)),
            Err(not_pinned(&cast.cert))
        );
    }
    // One pin retires, another one carries on.
    let both = PinSet::of([
        Pin::leaf(leaf_of(&cast.cert)).retiring(at),
        Pin::anchor(key_of(&cast.root)),
    ]);
    let trust = private(&[&cast.root]).and(both);
    let evidence = verify_at(&trust, &cast.cert, seconds(at, 1)).expect("trusted");
    assert_eq!(evidence.pin, Some(Pin::anchor(key_of(&cast.root))));
    assert_eq!(evidence.valid, Validity::new(NOT_BEFORE, NOT_AFTER));
    // A retirement after the certificate's end does not prolong it.
    let trust = cast.with(Pin::leaf(leaf_of(&cast.cert)).retiring(utc(2150, 1, 1)));
    assert_eq!(
        verify(&trust, &cast.cert).expect("trusted").valid.not_after,
        NOT_AFTER
    );
}

#[test]
fn the_next_key_is_pinned_before_it_is_used() {
    let cast = cast();
    let next = TestKey::generate(KeyAlgorithm::Ed25519);
    let pins = PinSet::of([
        Pin::leaf(leaf_of(&cast.cert)).labelled("acme"),
        Pin::leaf(spki(&next.spki_der())).labelled("acme"),
    ]);
    let trust = private(&[&cast.root]).and(pins);
    let rotated = cast.issuing.client(ACME).with_key(&next).issue();
    for cert in [&cast.cert, &rotated] {
        let evidence = verify(&trust, cert).expect("trusted");
        let pin = evidence.pin.expect("a pin");
        assert_eq!(pin.label(), Some("acme"));
        assert_eq!(pin.to_string(), format!("leaf {} label=acme", leaf_of(cert)));
    }
}

#[test]
fn a_label_without_a_backup_is_reported() {
    let at = utc(2026, 6, 1);
    let pin = |name: &str| Pin::leaf(spki(name.as_bytes()));
    let pins = PinSet::of([
        pin("a1").labelled("acme"),
        pin("a2").labelled("acme").retiring(at),
        pin("b1").labelled("bolt"),
        pin("c1").labelled("core").retiring(at),
        pin("d1").labelled("dune"),
        pin("d2").labelled("dune"),
        pin("none"),
    ]);
    let warnings = |now| {
        let warnings = pins.without_backup(now).into_iter();
        warnings
            .map(|warning| (warning.label, warning.pins))
            .collect::<Vec<_>>()
    };
    let some = |label: &str, pins| (Some(label.to_owned()), pins);
    assert_eq!(warnings(at), [(None, 1), some("bolt", 1), some("core", 1)]);
    assert_eq!(
        warnings(seconds(at, 1)),
        [(None, 1), some("acme", 1), some("bolt", 1), some("core", 0)]
    );
    assert_eq!(PinSet::default().without_backup(NOW), []);
    assert_eq!(pins.len(), 7);
    // The same key twice in one place is one pin; the later terms count.
    let twice = PinSet::of([pin("a").labelled("old"), pin("a").labelled("new")]);
    assert_eq!(twice.len(), 1);
    assert_eq!(warnings_of(&twice), [(Some("new".to_owned()), 1)]);
}

fn warnings_of(pins: &PinSet) -> Vec<(Option<String>, usize)> {
    let warnings = pins.without_backup(NOW).into_iter();
    warnings.map(|warning| (warning.label, warning.pins)).collect()
}

// -- report only ---------------------------------------------------------------------------------------------------------

#[test]
fn report_only_reports_and_lets_in_and_trusts_nobody_alone() {
    let cast = cast();
    let pins = PinSet::new([spki(b"other")]);
    let trust = private(&[&cast.root]).and(ReportOnly::new(pins.clone()));
    let evidence = verify(&trust, &cast.cert).expect("let in");
    assert_eq!(evidence.reported, Some(Box::new(not_pinned(&cast.cert))));
    assert_eq!(evidence.pin, None);
    assert_eq!(evidence.anchor, Some(key_of(&cast.root)));
    assert_eq!(evidence.valid, Validity::new(NOT_BEFORE, NOT_AFTER));

    let matching = PinSet::of([Pin::leaf(leaf_of(&cast.cert)).retiring(utc(2026, 6, 1))]);
    let trust = private(&[&cast.root]).and(ReportOnly::new(matching));
    let evidence = verify(&trust, &cast.cert).expect("let in");
    assert_eq!(evidence.reported, None);
    // What only reports does not shorten anything.
    assert_eq!(evidence.valid, Validity::new(NOT_BEFORE, NOT_AFTER));

    assert_eq!(
        verify(&ReportOnly::new(PinSet::new([leaf_of(&cast.cert)])), &cast.cert),
        Err(Untrusted::NothingBefore)
    );
    assert_eq!(
        verify(&ReportOnly::new(pins).and(private(&[&cast.root])), &cast.cert),
        Err(Untrusted::NothingBefore)
    );
    // What came before must still agree.
    let other = private(&[&TestCa::new("Other")]).and(ReportOnly::new(PinSet::default()));
    assert_eq!(verify(&other, &cast.cert), Err(Untrusted::UnknownIssuer));
}

/// A verifier with a past, limits and demands of its own.
#[derive(Debug, Default, Clone)]
struct Inner {
    confirmed: Arc<AtomicUsize>,
}

fn narrow() -> ChainLimits {
    let mut limits = ChainLimits::default();
    limits.certificates = 3;
    limits
}

impl VerifyPeer for Inner {
    fn verify_peer(&self, _: &Presented<'_>) -> Result<Evidence, Untrusted> {
        let mut evidence = Evidence::new(Validity::ALWAYS);
        evidence.second_checks.push(SecondCheck::UrlSecret);
        evidence.shared_authority = true;
        Ok(evidence)
    }

    fn generation(&self) -> u64 {
        7
    }

    fn limits(&self) -> ChainLimits {
        narrow()
    }

    fn confirm(&self, _: &VerifiedPeer, _: UnixTime) {
        self.confirmed.fetch_add(1, Relaxed);
    }

    fn expiries(&self, found: &mut Expiries) {
        found.add(Kind::Crl, "a list", Validity::new(NOT_BEFORE, NOT_AFTER));
    }
}

#[test]
fn report_only_demands_nothing_and_hands_on_the_rest() {
    let cast = cast();
    let inner = Inner::default();
    let dry = ReportOnly::new(inner.clone());
    assert_eq!((dry.generation(), dry.limits()), (7, narrow()));
    let trust = private(&[&cast.root]).and(dry);
    let peer = peer_at(&trust, &cast.cert, NOW).expect("let in");
    let evidence = peer.evidence();
    assert_eq!(
        (evidence.second_checks.as_slice(), evidence.shared_authority),
        (&[][..], false)
    );
    trust.confirm(&peer, NOW);
    let mut found = Expiries::default();
    trust.expiries(&mut found);
    assert!(found.sorted().iter().any(|expiry| expiry.name() == "a list"));
    assert_eq!(inner.confirmed.load(Relaxed), 1);
}

// -- deny list -----------------------------------------------------------------------------------------------------------

#[test]
fn each_way_to_deny_denies_alone() {
    let cast = cast();
    let leaf = chain(cast.cert.chain()).leaf().clone();
    let other = cast.issuing.client(ACME).issue();
    let other_leaf = chain(other.chain()).leaf().clone();
    let from_root = cast.root.client(ACME).serial(cast.cert.serial().clone()).issue();
    let renewed = cast.issuing.client(ACME).with_key(&cast.cert).issue();
    let deny = DenyList::new;
    let certs = [&cast.cert, &other, &from_root, &renewed];
    for (case, list, denied) in [
        ("nobody", deny(), [false; 4]),
        (
            "serial",
            deny().serial(leaf.issuer(), leaf.serial().clone()),
            [true, false, false, false],
        ),
        (
            "certificate",
            deny().certificate(&leaf),
            [true, false, false, false],
        ),
        ("key", deny().key(leaf.spki()), [true, false, false, true]),
        (
            "issuer's key",
            deny().key(key_of(&cast.issuing)),
            [true, true, false, true],
        ),
        ("anchor's key", deny().key(key_of(&cast.root)), [true; 4]),
        (
            "serial with zeros in front",
            deny().serial(
                leaf.issuer(),
                SerialNumber::from_bytes(&[&[0, 0], leaf.serial().as_bytes()].concat()),
            ),
            [true, false, false, false],
        ),
        (
            "serial of another issuer",
            deny().serial(b"other", leaf.serial().clone()),
            [false; 4],
        ),
        (
            "all at once, for another",
            deny().certificate(&other_leaf).key(other_leaf.spki()),
            [false, true, false, false],
        ),
    ] {
        let trust = private(&[&cast.root]).and(list);
        for (place, (cert, denied)) in certs.iter().zip(denied).enumerate() {
            let expected = if denied {
                Err(Untrusted::OnDenyList)
            } else {
                Ok(())
            };
            assert_eq!(verify(&trust, cert).map(|_| ()), expected, "{case}, {place}");
        }
    }
    // A stuffed certificate is nobody's issuer: to deny its key denies nothing.
    let stuffed = TestCa::new("Stuffed");
    let trust = private(&[&cast.root]).and(deny().key(key_of(&stuffed)));
    let above = [cast.issuing.chain(), vec![stuffed.certificate().clone()]].concat();
    assert_eq!(
        verify(&trust, &cast.cert.clone().with_chain(above)).map(|_| ()),
        Ok(())
    );
    // Before the authority it has seen nothing.
    let before = deny().and(private(&[&cast.root]));
    assert_eq!(verify(&before, &cast.cert), Err(Untrusted::NothingBefore));
}

#[test]
fn a_deny_list_grows_while_in_use() {
    let cast = cast();
    let denied = Live::new(DenyList::new());
    let trust = private(&[&cast.root]).and(denied.clone());
    let before = trust.generation();
    assert_eq!(verify(&trust, &cast.cert).map(|_| ()), Ok(()));
    denied.replace(DenyList::new().key(leaf_of(&cast.cert)));
    assert!(trust.generation() > before);
    assert_eq!(verify(&trust, &cast.cert), Err(Untrusted::OnDenyList));
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

// -- a million -----------------------------------------------------------------------------------------------------------

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

/// In an ECDSA signature *s* and *n - s* are equally good, so whoever holds a certificate can give it another hash. What takes
/// trust away goes by what the authority has signed.
#[test]
fn a_certificate_with_another_hash_is_denied_all_the_same() {
    let root = TestCa::new("Root");
    let cert = root.client(ACME).issue();
    let bent = with_other_signature(cert.leaf());
    let leaf = chain(cert.chain()).leaf().clone();
    let other = chain(vec![bent.clone()]);
    assert_ne!(leaf.hash(), other.leaf().hash());
    let answer = |trust: &dyn VerifyPeer| {
        VerifiedPeer::verify(trust, chain(vec![bent.clone()]), Role::Client, NOW).map(|_| ())
    };
    assert_eq!(answer(&private(&[&root])), Ok(()), "it is as good as before");
    for (case, list) in [
        ("certificate", DenyList::new().certificate(&leaf)),
        (
            "serial",
            DenyList::new().serial(leaf.issuer(), leaf.serial().clone()),
        ),
        ("key", DenyList::new().key(leaf.spki())),
    ] {
        let answer = answer(&private(&[&root]).and(list));
        assert_eq!(answer, Err(Untrusted::OnDenyList), "{case}");
    }
    // What gives trust by the hash does not give it.
    let pinned = private(&[&root]).and(PinSet::of([Pin::certificate(leaf.hash())]));
    assert_eq!(answer(&pinned), Err(Untrusted::NotPinned { spki: leaf.spki() }));
}

/// The same certificate, with *n - s* for *s*.
fn with_other_signature(der: &CertificateDer<'_>) -> CertificateDer<'static> {
    use p256::ecdsa::Signature;
    let (_, read) = x509_parser::parse_x509_certificate(der).expect("a certificate");
    let signature = &*read.signature_value.data;
    let (r, s) = Signature::from_der(signature).expect("ECDSA").split_scalars();
    let bent = Signature::from_scalars(r.to_bytes(), (-s).to_bytes()).expect("ECDSA");
    let algorithm_at = 4 + read.tbs_certificate.as_ref().len();
    let bit_string_at = der.len() - signature.len() - 3;
    let bits = [&[0], bent.to_der().as_bytes()].concat();
    sequence(&[
        der[4..algorithm_at].to_vec(),
        der[algorithm_at..bit_string_at].to_vec(),
        tlv(3, &bits),
    ])
    .into()
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
