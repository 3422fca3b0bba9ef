//! Known senders: the anchors that are theirs, their names, and what else must be verified.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::identity::{CertHash, InvalidName, Name, NameKind, PeerChain, SpkiHash};
use countersign::tenant::{NoTenant, ResolveTenant as _, Rule, TenantId, TenantTable};
use countersign::testing::{NOW, TestCa, TestCert};
use countersign::trust::{
    ExpectedPeers, KnownSender, PinSet, PixBank, Profile, PublicCa, ReportOnly, SecondCheck, SharedCa,
    Untrusted, VerifyPeer,
};

use crate::stage::*;

const G2: &str = "CB3CCBB76031E5E0138F8DD39A23F9DE47FFC35E43C1144CEA27D46A5AB1CB5F";
const G3: &str = "31AD6648F8104138C738F39EA4320133393E3A18CC02296EF97C2AC9EF6731D0";
const SSL_COM: &str = "85666A562EE0BE5CE925C1D8890A6F76A87EC16D4D7D5F29EA7419CF20123B69";
const ISRG_X1: &str = "96BCEC06264976F37460779ACF28C5A7CFE8A3C0AAE11A8FFCEE05C0BDDF08C6";

fn pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
}

/// A root that browsers ship, by its fingerprint.
fn root(fingerprint: &str) -> String {
    let hash = CertHash::parse(fingerprint).expect("a fingerprint");
    let mut roots = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter();
    pem(roots.find(|der| CertHash::of(der) == hash).expect("a root"))
}

fn pin_of(cert: &TestCert) -> SpkiHash {
    let chain = PeerChain::parse(cert.chain()).expect("a chain");
    chain.leaf().spki()
}

fn trusted(sender: &KnownSender, anchors: &str) -> Result<(), String> {
    let built = sender.trust(anchors.as_bytes(), algorithms(), NOW);
    built.map(|_| ()).map_err(|invalid| invalid.to_string())
}

fn other_anchor(sender: &KnownSender, anchors: &str) -> String {
    let der = STANDARD.decode(
        anchors
            .lines()
            .filter(|line| !line.starts_with('-'))
            .collect::<String>(),
    );
    format!(
        "certificate authorities from the PEM text given: the certificate {} is not known as an anchor of {}; give that of {}, \
         or ask for another by `trust_other_anchors`, after comparing it with the sender's own documentation",
        CertHash::of(&der.expect("base64")),
        sender.name(),
        sender.authority(),
    )
}

type Other = (KnownSender, &'static [&'static str], &'static str, SecondCheck);

/// Those whose authority is not one's own: who they are, which anchors are theirs, their name, what else to verify.
fn others() -> Vec<Other> {
    let docusign = KnownSender::docusign(["connect.docusign.example"]).expect("a name");
    let signature = SecondCheck::Signature;
    let reference = SecondCheck::Body("transactionReference");
    let mut all: Vec<Other> = vec![
        (
            KnownSender::pagerduty(),
            &[G2],
            "webhooks.pagerduty.com",
            signature("pagerduty"),
        ),
        (
            KnownSender::pagerduty_eu(),
            &[G2],
            "webhooks.eu.pagerduty.com",
            signature("pagerduty"),
        ),
        (
            KnownSender::slack(),
            &[G2, G3],
            "platform-tls-client.slack.com",
            signature("slack"),
        ),
        (
            KnownSender::dialogflow_es(),
            &[SSL_COM],
            "Google LLC",
            SecondCheck::IdentityToken("google_dialogflow"),
        ),
        (docusign, &[G2], "connect.docusign.example", signature("docusign")),
        (
            KnownSender::meta(),
            &[],
            "client.webhooks.fbclientcerts.com",
            signature("meta"),
        ),
        (
            KnownSender::worldpay(),
            &[],
            "Payment Status Event Sender",
            reference,
        ),
        (
            KnownSender::worldpay_try(),
            &[],
            "Payment Status Event Sender (secure-test)",
            reference,
        ),
        (
            KnownSender::genesys("prod.us-east-1").expect("a region"),
            &[],
            "dataactions.prod.us-east-1.mypurecloud.com",
            SecondCheck::UrlSecret,
        ),
    ];
    for bank in banks() {
        let peers = ExpectedPeers::host_names(["pix.psp.example"]).expect("a name");
        let key = SecondCheck::UrlSecretOrBody("chave or endToEndId");
        all.push((KnownSender::pix(bank, peers), &[], "pix.psp.example", key));
    }
    all
}

fn banks() -> impl Iterator<Item = PixBank> {
    use PixBank::{BancoDoBrasil, Bradesco, Efi, EfiSandbox, Inter, Itau};
    [Efi, EfiSandbox, Itau, Inter, BancoDoBrasil, Bradesco].into_iter()
}

#[test]
fn a_sender_takes_its_own_anchor_and_refuses_another_file() {
    let private = TestCa::new("DigiCert Global Root G2").pem();
    for (sender, own, ..) in others() {
        for known in [G2, G3, SSL_COM, ISRG_X1] {
            let anchors = root(known);
            let expected = if own.contains(&known) {
                Ok(())
            } else {
                Err(other_anchor(&sender, &anchors))
            };
            assert_eq!(trusted(&sender, &anchors), expected, "{} {known}", sender.name());
        }
        assert_eq!(
            trusted(&sender, &private),
            Err(other_anchor(&sender, &private)),
            "{}",
            sender.name()
        );
        // Each certificate of a file is an anchor, so one that is known does not vouch for the next.
        if let Some(known) = own.first() {
            let both = format!("{}{private}", root(known));
            assert_eq!(
                trusted(&sender, &both),
                Err(other_anchor(&sender, &private)),
                "{}",
                sender.name()
            );
        }
    }
}

#[test]
fn a_sender_is_its_name_below_other_anchors_too() {
    let ca = TestCa::new("Successor");
    for (sender, _, name, _) in others() {
        let anchors = ca.pem();
        let trust = sender.trust_other_anchors(anchors.as_bytes(), Profile::strict(), algorithms(), NOW);
        let trust = trust.expect("anchors");
        let bare = || ca.client("x.example").without_san();
        // Where it stands is not said for certain, so a name that is shaped like a DNS name counts in both places.
        let as_dns = if name.contains('.') {
            Ok(())
        } else {
            Err(Untrusted::UnexpectedName)
        };
        let no = Err(Untrusted::UnexpectedName);
        #[rustfmt::skip]
        let cases = [
            ("its common name", bare().common_name(name), Ok(())),
            ("its DNS name", bare().dns(&name.replace(' ', "-")), as_dns),
            ("another common name", bare().common_name("webhooks.example"), no.clone()),
            ("another DNS name", bare().dns("webhooks.example"), no.clone()),
            ("a name below it", bare().dns(&format!("x.{}", name.replace(' ', "-"))), no.clone()),
            ("a second common name", bare().common_name(name).common_name("webhooks.example"), no.clone()),
            ("its name as another kind", bare().organizational_unit(name), no),
        ];
        for (case, leaf, expected) in cases {
            let seen = verify(&*trust, &leaf.issue()).map(|_| ());
            assert_eq!(seen, expected, "{}: {case}", sender.name());
        }
        let evidence = verify(&*trust, &bare().common_name(name).issue()).expect("trusted");
        assert!(evidence.shared_authority, "{}", sender.name());
        assert_eq!(
            evidence.second_checks,
            [sender.second_check()],
            "{}",
            sender.name()
        );
    }
}

#[test]
fn a_sender_says_its_second_check_and_what_it_leaves_open() {
    for (sender, _, _, expected) in others() {
        assert_eq!(sender.second_check(), expected, "{}", sender.name());
        assert!(
            sender.does_not_prove().len() > 10 && sender.changes().len() > 10,
            "{}",
            sender.name()
        );
        assert_eq!(sender.as_of(), "2026-11", "{}", sender.name());
        assert!(sender.source().len() > 10, "{}", sender.name());
    }
    for own in [KnownSender::adobe_sign(), KnownSender::my_certificate()] {
        assert_eq!(own.second_check(), SecondCheck::Nothing, "{}", own.name());
        let (private, public) = (TestCa::new("Own").pem(), root(G2));
        assert_eq!(trusted(&own, &private), Ok(()), "{}", own.name());
        let refused = trusted(&own, &public).expect_err("a public root");
        assert!(
            refused.contains("is a public authority, which issues to anybody"),
            "{refused}"
        );
    }
}

/// A preset that no table here speaks of has been tried by nobody.
#[test]
fn each_preset_is_tried() {
    let presets = [
        include_str!("../../src/trust/known_sender/presets.rs"),
        include_str!("../../src/trust/known_sender/pix.rs"),
    ];
    let made = presets.iter().flat_map(|source| source.lines());
    let made = made.filter_map(|line| line.strip_prefix("    pub fn ")?.split(['(', '<']).next());
    let untried: Vec<_> = made
        .filter(|name| !include_str!("senders.rs").contains(&format!("KnownSender::{name}(")))
        .collect();
    assert_eq!(untried, Vec::<&str>::new());
}

/// None of Pix's providers publishes a name, and their authorities may have issued their customers' certificates.
#[test]
fn a_provider_of_pix_is_nobody_without_names_or_pins() {
    let ca = TestCa::new("Provider");
    let (sender, customer) = (
        ca.client("pix.psp.example").issue(),
        ca.client("mallory.example").issue(),
    );
    for bank in banks() {
        let built = |peers| {
            KnownSender::pix(bank, peers)
                .trust_other_anchors(ca.pem().as_bytes(), Profile::strict(), algorithms(), NOW)
                .map_err(|invalid| invalid.to_string())
        };
        let expected = "certificate authorities from shared authorities: an authority that issues to others as well proves \
                        nothing about who it is; give exact names or pins of the senders";
        let nobody = built(ExpectedPeers::pins(PinSet::default())).map(|_| ());
        assert_eq!(nobody, Err(expected.to_owned()), "{bank:?}");
        let pinned = built(ExpectedPeers::pins(PinSet::new([pin_of(&sender)]))).expect("a pin");
        assert_eq!(verify(&*pinned, &sender).map(|_| ()), Ok(()), "{bank:?}");
        let spki = pin_of(&customer);
        let refused = verify(&*pinned, &customer).map(|_| ());
        assert_eq!(refused, Err(Untrusted::NotPinned { spki }), "{bank:?}");
    }
}

fn no_name(name: &str) -> InvalidName {
    Name::parse(NameKind::Dns, name).expect_err("no name")
}

#[test]
fn a_region_of_genesys_makes_a_name() {
    for (region, expected) in [
        (
            "prod-cac1.ca-central-1",
            Ok("dataactions.prod-cac1.ca-central-1.mypurecloud.com"),
        ),
        ("", Err(no_name("dataactions..mypurecloud.com"))),
        ("*", Err(no_name("dataactions.*.mypurecloud.com"))),
        ("us east", Err(no_name("dataactions.us east.mypurecloud.com"))),
    ] {
        let named = KnownSender::genesys(region).map(|sender| {
            let names = sender.names().map(ToString::to_string);
            names.collect::<std::collections::BTreeSet<_>>()
        });
        let expected = expected.map(|name| [format!("CN={name}"), format!("DNS:{name}")].into());
        assert_eq!(named, expected, "{region:?}");
    }
}

/// All customers of an authority that issues to others as well would be one tenant.
#[test]
fn below_an_authority_that_issues_to_others_the_issuer_alone_is_no_tenant() {
    let ca = TestCa::new("Payment Provider");
    let leaf = || ca.client("hooks.psp.example").issue();
    let spki = SpkiHash::of(&ca.spki_der());
    let peers = || ExpectedPeers::host_names(["hooks.psp.example"]).expect("a name");
    let shared = SharedCa::new(private(&[&ca]), peers()).expect("somebody");
    let public = PublicCa::builder(peers(), algorithms()).pem(ca.pem().as_bytes());
    let public = public.build(NOW).expect("anchors");
    let known = KnownSender::meta();
    let known = known.trust_other_anchors(ca.pem().as_bytes(), Profile::strict(), algorithms(), NOW);
    let known = known.expect("anchors");
    let meta = ca.client("client.webhooks.fbclientcerts.com").issue();
    let table = |rule| TenantTable::builder().rule(rule).build().expect("a table");
    let alone = || Rule::issuer(TenantId::parse("psp").expect("a name"), spki);
    let refused = Err(NoTenant::SharedAuthority {
        rule: format!("issuer {spki}").into(),
    });
    let named = |name| alone().carrying(NameKind::Dns, name);
    let dry = private(&[&ca]).and(ReportOnly::new(shared.clone()));
    #[rustfmt::skip]
    let cases: [(_, &dyn VerifyPeer, _, _, Result<&str, NoTenant>); 9] = [
        ("shared", &shared, leaf(), alone(), refused.clone()),
        ("public", &public, leaf(), alone(), refused.clone()),
        ("a known sender's", &*known, meta, alone(), refused.clone()),
        ("shared, behind another", &private(&[&ca]).and(shared.clone()), leaf(), alone(), refused.clone()),
        ("shared, below itself", &shared, leaf(), alone().issued_by(spki), refused),
        ("shared, and a name", &shared, leaf(), named("hooks.psp.example"), Ok("psp")),
        ("shared, and another name", &shared, leaf(), named("x.example"), Err(NoTenant::NoRule)),
        ("one's own", &private(&[&ca]), leaf(), alone(), Ok("psp")),
        ("a dry run", &dry, leaf(), alone(), Ok("psp")),
    ];
    for (case, trust, leaf, rule, expected) in cases {
        let peer = peer_at(trust, &leaf, NOW).expect("trusted");
        let resolved = table(rule).resolve_tenant(&peer);
        let tenant = resolved.as_ref().map(|resolved| resolved.tenant.as_str());
        assert_eq!(tenant, expected.as_ref().map(|tenant| *tenant), "{case}");
    }
}
