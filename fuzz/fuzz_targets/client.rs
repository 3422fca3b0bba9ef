//! DO WE TRUST IT? Certificates that authorities have really issued, with changes that they have signed and changes that nobody has, under several
//! policies. Whom we let in, webpki lets in too, and x509-parser reads the same facts. What is explained is what is decided.
#![no_main]

use std::sync::LazyLock;

use arbitrary::{Result, Unstructured};
use countersign::explain;
use countersign::gate::{Caller, Policy};
use countersign::identity::{Name, NameKind, PeerChain};
use countersign::refusal::Refusal;
use countersign::tenant::TenantTable;
use countersign::testing::NOW;
use countersign::trust::{
    Crls, DenyList, Pin, PinSet, PrivateCa, Profile, Revocation, Role, VerifiedPeer, VerifyPeer,
};
use countersign_fuzz::{Authorities, algorithms, within};
use libfuzzer_sys::fuzz_target;
use rustls_pki_types::{CertificateDer, TrustAnchor};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

struct World {
    authorities: Authorities,
    anchors: Vec<TrustAnchor<'static>>,
    /// The first ones ask for nothing but a path; webpki knows of no more.
    policies: Vec<Policy>,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let authorities = Authorities::new();
    let pem: String = authorities.roots.iter().map(|root| root.pem()).collect();
    let ca = || PrivateCa::builder(algorithms()).pem(pem.as_bytes());
    let lists: String = authorities.all.iter().map(|ca| ca.crl(1).issue().pem()).collect();
    let crls = || Crls::from_pem(lists.as_bytes(), NOW).expect("lists");
    let plain = ca().build(NOW).expect("anchors");
    let root = countersign::identity::SpkiHash::of(&authorities.roots[0].spki_der());
    let trusts: Vec<Box<dyn VerifyPeer>> = vec![
        Box::new(plain.clone()),
        Box::new(
            ca().with_revocation(Revocation::best_effort(crls()))
                .build(NOW)
                .expect("anchors"),
        ),
        Box::new(
            ca().with_revocation(Revocation::required(crls()))
                .build(NOW)
                .expect("anchors"),
        ),
        Box::new(
            ca().with_profile(Profile::strict().with_max_lifetime(std::time::Duration::from_secs(86_400)))
                .build(NOW)
                .expect("anchors"),
        ),
        Box::new(plain.clone().and(PinSet::of([Pin::anchor(root)]))),
        Box::new(plain.and(DenyList::new().key(root))),
    ];
    let anchors = authorities.roots.iter().map(|root| {
        webpki::anchor_from_trusted_cert(root.certificate())
            .expect("an anchor")
            .to_owned()
    });
    let tenants = || {
        let rules = TenantTable::builder()
            .uri("spiffe://acme.example/tenant/{tenant}")
            .known(["acme", "globex"]);
        rules.build().expect("rules")
    };
    World {
        anchors: anchors.collect(),
        policies: trusts
            .into_iter()
            .map(|trust| Policy::new(Shared(trust.into()), tenants()))
            .collect(),
        authorities,
    }
});

/// A verifier in a box.
#[derive(Debug)]
struct Shared(std::sync::Arc<dyn VerifyPeer>);

impl VerifyPeer for Shared {
    fn verify_peer(
        &self,
        peer: &countersign::trust::Presented<'_>,
    ) -> std::result::Result<countersign::trust::Evidence, countersign::trust::Untrusted> {
        self.0.verify_peer(peer)
    }
}

// Choices: a policy, a chain.
fuzz_target!(init: { LazyLock::force(&WORLD); }, |data: &[u8]| {
    // An input that ends early has chosen nothing more.
    let _ = play(&mut Unstructured::new(data));
});

fn play(choices: &mut Unstructured<'_>) -> Result<()> {
    let world = &*WORLD;
    let policy = choices.choose(&world.policies)?;
    let chain = world.authorities.chain(choices)?;
    let ders = || chain.iter().map(|der| CertificateDer::from(&der[..]));
    let size = chain.iter().map(Vec::len).sum();
    let read = within(size, || PeerChain::parse(ders()));
    let decided = match read {
        Ok(read) => within(size, || Caller::identify(policy, read, NOW)).map(drop),
        Err(malformed) => Err(Refusal::from(countersign::trust::Untrusted::from(malformed))),
    };
    let report = explain::client(policy, ders(), NOW);
    let codes =
        [&report.verdict, &decided].map(|verdict| verdict.as_ref().map_err(|why| why.code()).map(|()| "in"));
    assert_eq!(codes[0], codes[1], "{report}\n{}", shown(&chain));
    assert_eq!(
        report.failures().next().is_some(),
        decided.is_err(),
        "{report}\n{}",
        shown(&chain)
    );
    if decided.is_ok() {
        compare(world, &chain);
    }
    Ok(())
}

fn shown(chain: &[Vec<u8>]) -> String {
    let hex = |der: &Vec<u8>| der.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    chain.iter().map(hex).collect::<Vec<_>>().join("\n")
}

/// The same, as others see it.
fn compare(world: &World, chain: &[Vec<u8>]) {
    let leaf = CertificateDer::from(&chain[0][..]);
    let others: Vec<_> = chain[1..]
        .iter()
        .map(|der| CertificateDer::from(&der[..]))
        .collect();
    let end_entity = webpki::EndEntityCert::try_from(&leaf).expect("webpki reads it");
    let usage = webpki::KeyUsage::client_auth();
    let path = end_entity.verify_for_usage(algorithms(), &world.anchors, &others, NOW, usage, None, None);
    assert!(path.is_ok(), "{:?}\n{}", path.err(), shown(chain));
    let (rest, theirs) =
        X509Certificate::from_der(&leaf).unwrap_or_else(|error| panic!("{error}\n{}", shown(chain)));
    assert!(rest.is_empty());
    let now = NOW.as_secs() as i64;
    assert!(
        theirs.validity().not_before.timestamp() <= now && now <= theirs.validity().not_after.timestamp()
    );
    let usage = theirs.extended_key_usage().expect("once").expect("there");
    assert!(usage.value.client_auth, "{}", shown(chain));
    let may_sign = theirs
        .key_usage()
        .expect("once")
        .is_none_or(|usage| usage.value.digital_signature());
    assert!(may_sign && !theirs.is_ca(), "{}", shown(chain));
    let ours = PeerChain::parse([leaf.clone()]).expect("read before");
    compare_names(ours.leaf().names(), &theirs, chain);
    let trust = world.policies[0].trust();
    let verified = VerifiedPeer::verify(&*trust, ours, Role::Client, NOW);
    // Without what stands behind it in the chain, there may be no path.
    assert!(verified.is_ok() || !others.is_empty());
}

fn compare_names(ours: &[Name], theirs: &X509Certificate<'_>, chain: &[Vec<u8>]) {
    let alternatives = theirs.subject_alternative_name().expect("once");
    let alternatives: &[GeneralName<'_>] = alternatives
        .as_ref()
        .map_or(&[], |names| &names.value.general_names);
    for name in ours {
        let found = |other: &GeneralName<'_>| match (name, other) {
            (Name::Dns(own), GeneralName::DNSName(other)) => own.eq_ignore_ascii_case(other),
            (Name::Uri(own), GeneralName::URI(other)) => **own == **other,
            (Name::Email(own), GeneralName::RFC822Name(other)) => own.eq_ignore_ascii_case(other),
            (Name::Ip(own), GeneralName::IPAddress(other)) => match own {
                std::net::IpAddr::V4(own) => own.octets() == **other,
                std::net::IpAddr::V6(own) => own.octets() == **other,
            },
            _ => false,
        };
        let is_alternative = matches!(
            name.kind(),
            NameKind::Dns | NameKind::Uri | NameKind::Email | NameKind::Ip
        );
        assert!(
            !is_alternative || alternatives.iter().any(found),
            "{name}\n{}",
            shown(chain)
        );
        if let Name::CommonName(own) = name {
            let read = theirs
                .subject()
                .iter_common_name()
                .any(|other| other.as_str() == Ok(own));
            assert!(read, "{name}\n{}", shown(chain));
        }
    }
}
