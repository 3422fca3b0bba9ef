//! The cost of replacing a policy while it is in use, and of a large one.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use countersign::gate::Policy;
use countersign::identity::{PeerChain, SpkiHash};
use countersign::live::Live;
use countersign::tenant::{ResolveTenant as _, TenantTable};
use countersign::testing::{KeyAlgorithm, NOW, TestCa};
use countersign::trust::{PinSet, Role, VerifiedPeer, VerifyPeer};

use crate::handshake::Stage;
use crate::measure::{Allocations, median, now};
use crate::pki::{Pki, read};
use crate::report::Report;

const READERS: usize = 8;
const REPLACED: usize = 100_000;

pub(crate) fn run(report: &mut Report) {
    let p256 = KeyAlgorithm::EcdsaP256;
    let pki = Pki::new("", p256, p256, 1);
    let peer = || PeerChain::parse(pki.client(0).chain()).expect("a chain");
    under_readers(report, peer());
    under_handshakes(report, &pki);
    renewed_list(report, &pki);
    large(report);
}

/// The most that one question costs a reader of its own CPU time while pins and tenants are replaced; "undisturbed" is the same while
/// as many are built and dropped beside them, which is what a busy machine does to readers.
fn under_readers(report: &mut Report, chain: PeerChain) {
    let size = report.size(REPLACED, 10_000);
    let own = chain.leaf().spki();
    let pins = || PinSet::new(hashes(size).chain([own]));
    let live = Live::new(pins());
    let ask = || drop(VerifiedPeer::verify(&live, chain.clone(), Role::Client, NOW).expect("pinned"));
    worst_reader(report, "pins", &ask, &|| drop(pins()), &|| live.replace(pins()));

    let tenants = || tenants(size);
    let peer = VerifiedPeer::verify(&live, chain.clone(), Role::Client, NOW).expect("pinned");
    let live = Live::new(tenants());
    let ask = || drop(live.resolve_tenant(&peer).expect("known"));
    worst_reader(report, "tenants", &ask, &|| drop(tenants()), &|| {
        live.replace(tenants());
    });
}

fn worst_reader(
    report: &mut Report,
    what: &str,
    ask: &(dyn Fn() + Send + Sync),
    build: &dyn Fn(),
    replace: &dyn Fn(),
) {
    let times = report.size(20, 3);
    let [undisturbed, worst] =
        [build, replace].map(|each| worst_of(times, ask, each).as_nanos() as f64 / 1e3);
    report.amount(&format!("{what}_worst_reader_undisturbed"), "us", undisturbed);
    report.below(&format!("{what}_worst_reader"), "us", worst, 1_000.0);
}

fn worst_of(times: usize, ask: impl Fn() + Send + Sync, replace: impl FnMut()) -> Duration {
    let reader = || {
        let began = now();
        ask();
        now() - began
    };
    worst_among(times, [reader; READERS], replace)
}

/// The longest that any of these says that it has taken, each over and over in a thread of its own.
fn worst_among<R>(times: usize, readers: impl IntoIterator<Item = R>, mut replace: impl FnMut()) -> Duration
where
    R: FnMut() -> Duration + Send,
{
    let done = &AtomicBool::new(false);
    let worst_of_one = |mut reader: R| {
        move || {
            let mut worst = Duration::ZERO;
            while !done.load(Ordering::Relaxed) {
                worst = worst.max(reader());
            }
            worst
        }
    };
    thread::scope(|scope| {
        let readers = readers.into_iter().map(worst_of_one);
        let readers: Vec<_> = readers.map(|reader| scope.spawn(reader)).collect();
        for _ in 0..times {
            replace();
            thread::sleep(Duration::from_millis(20));
        }
        done.store(true, Ordering::Relaxed);
        let worst = readers.into_iter().map(|reader| reader.join().expect("a reader"));
        worst.max().unwrap_or_default()
    })
}

/// A whole policy, replaced while clients shake hands: what that takes, once the next one is built, and the most that a handshake
/// costs the server meanwhile, beside the most where nothing is replaced. After each change everybody is verified anew.
fn under_handshakes(report: &mut Report, pki: &Pki) {
    let (size, times) = (report.size(REPLACED, 10_000), report.size(20, 3));
    let stage = Stage::new(&TestCa::new("Hosts Root"), pki);
    let trust = || {
        let pins = hashes(size).chain(stage.client_keys());
        pki.trust(None).and(PinSet::new(pins))
    };
    let (live_trust, live_tenants) = (Live::new(trust()), Live::new(tenants(size)));
    let policy = Policy::new(live_trust.clone(), live_tenants.clone());
    let config = stage.ours(policy.trust());
    let clients = || (0..READERS).map(|_| stage.shaking(&config));
    let undisturbed = worst_among(times, clients(), || ());
    let mut taken = Vec::new();
    let disturbed = worst_among(times, clients(), || {
        let (trust, tenants) = (trust(), tenants(size));
        let began = now();
        live_trust.replace(trust);
        live_tenants.replace(tenants);
        taken.push((now() - began).as_nanos() as f64 / 1e3);
    });
    let micros = |time: Duration| time.as_nanos() as f64 / 1e3;
    report.amount("policy_replace", "us", median(taken));
    report.amount("policy_worst_handshake", "us", micros(disturbed));
    report.amount("policy_worst_handshake_undisturbed", "us", micros(undisturbed));
}

/// The first client after a long list was renewed, as lists are renewed, beside the first one after a list of one entry; and after
/// one that nobody has continued, whose signer is not known before somebody comes.
fn renewed_list(report: &mut Report, pki: &Pki) {
    let chain = PeerChain::parse(pki.client(0).chain()).expect("a chain");
    let verify = |trust: &dyn VerifyPeer| {
        let chain = chain.clone();
        let began = now();
        VerifiedPeer::verify(trust, chain, Role::Client, NOW).expect("trusted");
        (now() - began).as_nanos() as f64 / 1e3
    };
    let (long, short) = (pki.crls(report.size(REPLACED, 1_000)), pki.crls(1));
    let mut taken = [const { Vec::new() }; 3];
    for _ in 0..report.size(15, 3) {
        let old = read(&short);
        let live = Live::new(pki.trust(Some(&old)));
        verify(&live);
        let lists = [
            old.renewed_by(read(&short)),
            old.renewed_by(read(&long)),
            Ok(read(&long)),
        ];
        for (crls, taken) in lists.into_iter().zip(&mut taken) {
            live.replace(pki.trust(Some(&crls.expect("renewed"))));
            taken.push(verify(&live));
        }
    }
    let [short, long, unknown] = taken.map(median);
    report.amount("first_after_short_list", "us", short);
    report.amount("first_after_list_of_unknown_signer", "us", unknown);
    report.below("first_after_renewed_list", "us", long, short * 1.05);
}

/// A million pins and a million tenants in one policy.
fn large(report: &mut Report) {
    let size = report.size(1_000_000, 10_000);
    let mut policy = None;
    let began = now();
    let held = Allocations::of(|| policy = Some(Policy::new(PinSet::new(hashes(size)), tenants(size)))).held;
    let built = now() - began;
    let began = now();
    drop(policy);
    let dropped = now() - began;
    let each = 1_000_000.0 / size as f64;
    report.below("large_held", "MB", held as f64 / 1e6 * each, 100.0);
    report.below("large_built", "s", built.as_secs_f64() * each, 0.7);
    report.amount("large_dropped", "s", dropped.as_secs_f64() * each);
}

pub(crate) fn hashes(count: usize) -> impl Iterator<Item = SpkiHash> {
    (0..count as u64).map(|number| {
        // Not hashed anew: it is about what the set does with them.
        let mut bytes = [0; 32];
        for (part, salt) in bytes.chunks_mut(8).zip(1_u64..) {
            let mixed = number.wrapping_add(salt).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            part.copy_from_slice(&(mixed ^ (mixed >> 29)).to_be_bytes());
        }
        SpkiHash::from(bytes)
    })
}

pub(crate) fn tenants(count: usize) -> TenantTable {
    let names = (0..count).map(|tenant| format!("t{tenant:07}"));
    let table = TenantTable::builder().uri("spiffe://acme.example/tenant/{tenant}");
    table.known(names).build().expect("a table")
}
