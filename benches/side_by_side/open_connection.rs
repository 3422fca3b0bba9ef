//! The second question about a connection that stays open: who is it now? Beside one load of an `ArcSwap`, the least by
//! which a change of policy could be seen.

use std::net::SocketAddr;

use arc_swap::ArcSwap;
use countersign::gate::Policy;
use countersign::live::Live;
use countersign::tenant::TenantTable;
use countersign::testing::{KeyAlgorithm, NOW};
use countersign::trust::{DenyList, VerifyPeer as _};
use countersign::web::Connection;

use crate::measure::Group;
use crate::pki::Pki;
use crate::report::Report;

pub(crate) fn run(report: &mut Report) {
    let p256 = KeyAlgorithm::EcdsaP256;
    let pki = Pki::new("", p256, p256, 1);
    let client = pki.client(0);
    let tenants = || {
        let table = TenantTable::builder().uri("spiffe://acme.example/tenant/{tenant}");
        table.known(["t0000000"]).build().expect("a table")
    };
    let plain = Policy::new(pki.trust(None), tenants());
    let live = Live::new(pki.trust(None)).and(Live::new(DenyList::new()));
    let live = Policy::new(live, Live::new(tenants()));
    let connection = || {
        let peer = SocketAddr::from(([127, 0, 0, 1], 443));
        Connection::new(peer, Some(&client.chain())).expect("a chain")
    };
    let (one, other) = (connection(), connection());
    let least = ArcSwap::from_pointee(0_u64);
    let group = Group::default()
        .case("arc_swap_load", || **least.load())
        .case("ours", || drop(one.identify(&plain, NOW).expect("a caller")))
        .case("ours_live", || {
            drop(other.identify(&live, NOW).expect("a caller"))
        });
    let measured = report.group("asked_again", group);
    for case in ["ours", "ours_live"] {
        let beyond = measured.nanos(case) - measured.nanos("arc_swap_load");
        report.below(&format!("{case}_beyond_one_load"), "ns", beyond, 20.0);
    }
}
