//! DO WE TRUST IT? A memory of verified peers answers as the verifier behind it, whatever is asked, proved, replaced and waited for, in whatever order, and
//! whatever chain is shown: what it has kept after a handshake, too, of which no other target knows.
#![no_main]

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use countersign::identity::{PeerChain, SpkiHash};
use countersign::live::Live;
use countersign::testing::{NOW, TestCa};
use countersign::trust::{
    Crls, DenyList, Pin, PinSet, PrivateCa, Profile, Remembered, Revocation, Role, VerifiedPeer, VerifyPeer,
};
use libfuzzer_sys::fuzz_target;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls_pki_types::{ServerName, UnixTime};

struct World {
    chains: Vec<PeerChain>,
    policies: Vec<Arc<dyn VerifyPeer>>,
    names: [ServerName<'static>; 2],
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let algorithms = default_provider().signature_verification_algorithms.all;
    let (acme, globex) = (TestCa::new("Acme Root"), TestCa::new("Globex Root"));
    let issuing = acme.intermediate("Acme Issuing");
    let at = |seconds: u64| UnixTime::since_unix_epoch(Duration::from_secs(NOW.as_secs() + seconds));
    // Two ways up: by one of them it ends sooner.
    let crossed = issuing.cross_signed_by(&globex);
    let brief = acme
        .intermediate_builder("Acme Brief")
        .validity(NOW, at(60))
        .issue();
    let twice = issuing.client("spiffe://acme.example/twice").issue();
    let both_ways = [issuing.certificate(), crossed.certificate()].map(Clone::clone);
    let certs = [
        acme.client("spiffe://acme.example/a").issue(),
        issuing.client("spiffe://acme.example/b").issue(),
        acme.client("spiffe://acme.example/short")
            .validity(NOW, at(100))
            .issue(),
        globex.client("spiffe://globex.example/a").issue(),
        acme.server("acme.example").issue(),
        acme.client("spiffe://acme.example/expired").expired().issue(),
        twice.clone(),
        twice.clone().with_chain(both_ways.to_vec()),
        twice
            .clone()
            .with_chain(both_ways.iter().rev().cloned().collect()),
        twice.clone().with_chain(vec![crossed.certificate().clone()]),
        twice.with_chain(Vec::new()),
        brief.client("spiffe://acme.example/brief").issue(),
        issuing.server("acme.example").dns("globex.example").issue(),
        acme.evil_twin().client("spiffe://acme.example/a").issue(),
    ];
    let chains: Vec<_> = certs
        .iter()
        .map(|cert| PeerChain::parse(cert.chain()).expect("a chain"))
        .collect();
    let ca = |roots: &[&TestCa]| {
        let pem: String = roots.iter().map(|root| root.pem()).collect();
        PrivateCa::builder(algorithms).pem(pem.as_bytes())
    };
    let list = acme.crl(1).revoke(&certs[0]).next_update(at(150)).issue();
    let crls = Crls::from_pem(list.pem().as_bytes(), NOW).expect("a list");
    let lists = [&acme, &issuing, &globex].map(|ca| ca.crl(2).next_update(at(90)).issue().pem());
    let required = Crls::from_pem(lists.concat().as_bytes(), NOW).expect("lists");
    let pins = |which: &[usize]| PinSet::new(which.iter().map(|one| chains[*one].leaf().spki()));
    let both = ca(&[&acme, &globex]).build(NOW).expect("anchors");
    let policies: Vec<Arc<dyn VerifyPeer>> = vec![
        Arc::new(ca(&[&acme]).build(NOW).expect("anchors")),
        Arc::new(ca(&[&globex]).build(NOW).expect("anchors")),
        Arc::new(both.clone()),
        Arc::new(
            ca(&[&acme])
                .with_revocation(Revocation::best_effort(crls))
                .build(NOW)
                .expect("anchors"),
        ),
        Arc::new(both.clone().and(pins(&[0, 3]))),
        Arc::new(pins(&[1, 2])),
        Arc::new(both.clone().and(DenyList::new().key(chains[1].leaf().spki()))),
        Arc::new(both.clone().and(DenyList::new().certificate(chains[3].leaf()))),
        Arc::new(both.and(PinSet::of([
            Pin::leaf(chains[0].leaf().spki()).retiring(at(50)),
            Pin::leaf(chains[2].leaf().spki()).retiring(at(120)),
            Pin::anchor(SpkiHash::of(&globex.spki_der())),
        ]))),
        Arc::new(
            ca(&[&acme])
                .with_profile(Profile::strict().with_max_lifetime(Duration::from_secs(3600)))
                .build(NOW)
                .expect("anchors"),
        ),
        Arc::new(
            ca(&[&acme, &globex])
                .with_revocation(Revocation::required(required))
                .build(NOW)
                .expect("anchors"),
        ),
    ];
    World {
        chains,
        policies,
        names: ["acme.example", "globex.example"].map(|name| ServerName::try_from(name).expect("a name")),
    }
});

// Triples of bytes: what to do, with which, and in which role.
fuzz_target!(init: { LazyLock::force(&WORLD); }, |data: &[u8]| {
    let world = &*WORLD;
    let live = Arc::new(Live::new(world.policies[0].clone()));
    let remembered = Remembered::with_capacity(live.clone(), 4);
    let mut now = NOW.as_secs();
    for step in data.chunks_exact(3).take(64) {
        let which = usize::from(step[1]);
        let chain = &world.chains[which % world.chains.len()];
        let role = match step[2] % 4 {
            0 => Role::Server { name: &world.names[0] },
            1 => Role::Server { name: &world.names[1] },
            _ => Role::Client,
        };
        match step[0] % 8 {
            0 => live.replace(world.policies[which % world.policies.len()].clone()),
            1 => now = now.saturating_add_signed(i64::from(step[1] as i8)),
            2 => now = now.saturating_add_signed(i64::from(step[1] as i8) << 24),
            3 => prove(&remembered, &live, chain, role, now, step[2] & 0x80 != 0),
            _ => ask(&remembered, &live, chain, role, now),
        }
    }
});

fn at(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

/// A handshake: it takes the memory, verifies, and has the peer kept once it has proved its key. Meanwhile the policy may change.
fn prove(
    remembered: &dyn VerifyPeer,
    live: &Live<Arc<dyn VerifyPeer>>,
    chain: &PeerChain,
    role: Role<'_>,
    now: u64,
    late: bool,
) {
    let recall = remembered.memory().expect("a memory");
    let verified = VerifiedPeer::verify(remembered, chain.clone(), role, at(now));
    if late {
        live.replace(
            WORLD.policies[usize::from(chain.leaf().spki().as_bytes()[0]) % WORLD.policies.len()].clone(),
        );
    }
    if let Ok(peer) = verified {
        recall.keep(role, peer, at(now));
    }
}

fn ask(remembered: &dyn VerifyPeer, plain: &dyn VerifyPeer, chain: &PeerChain, role: Role<'_>, now: u64) {
    let verify =
        |trust| VerifiedPeer::verify(trust, chain.clone(), role, at(now)).map(|peer| peer.evidence().clone());
    let (recalled, verified) = (verify(remembered), verify(plain));
    assert_eq!(recalled, verified, "at {now}");
    let certificates = chain.certificates();
    let recall = remembered.memory().expect("a memory");
    if let Some(proved) = recall.proved(role, certificates, at(now)) {
        assert!(verified.is_ok(), "{proved:?} at {now}");
    }
}
