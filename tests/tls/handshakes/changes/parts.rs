//! The parts of a policy, each change of one, and what it does to a client.

use std::time::Duration;

use countersign::gate::Policy;
use countersign::identity::{ChainLimits, NameKind, SerialNumber, SpkiHash};
use countersign::live::Live;
use countersign::refusal::Refusal;
use countersign::tenant::{NoTenant, Rule, TenantId, TenantTable, TenantTableBuilder};
use countersign::testing::{NOW, TestCa, TestCert};
use countersign::trust::{
    Crls, DenyList, Pin, PinSet, PrivateCa, Profile, Revocation, RevocationDepth, Untrusted, VerifyPeer as _,
};

use crate::handshakes::leaf_key;
use crate::stage::*;

/// All that a policy is made of, small enough to change one part at a time.
pub(super) struct Parts {
    pub(super) anchors: Vec<TestCa>,
    profile: Profile,
    /// Who publishes a list, its number, and who is on it.
    lists: Vec<(TestCa, u64, Vec<TestCert>)>,
    depth: RevocationDepth,
    pins: Vec<Pin>,
    denied: DenyList,
    tenants: Vec<Rule>,
    known: Vec<&'static str>,
}

impl Parts {
    /// Three roots, a customer of an issuer below the first, a list of each authority.
    pub(super) fn new() -> (Self, TestCert) {
        let anchors: Vec<_> = (0..3).map(|n| TestCa::new(&format!("Root {n}"))).collect();
        let issuing = anchors[0].intermediate("Issuing");
        let cert = issuing.client(ACME).issue();
        let publishers = [vec![issuing], anchors.clone()].concat();
        let parts = Self {
            anchors,
            profile: Profile::strict(),
            lists: publishers.into_iter().map(|ca| (ca, 1, vec![])).collect(),
            depth: RevocationDepth::Path,
            pins: vec![Pin::leaf(leaf_key(&cert))],
            denied: DenyList::new(),
            tenants: vec![Rule::template(
                NameKind::Uri,
                "spiffe://acme.example/tenant/{tenant}",
            )],
            known: vec!["acme", "other"],
        };
        (parts, cert)
    }

    fn trust(&self) -> PrivateCa {
        let lists = self.lists.iter().map(|(ca, number, revoked)| {
            let list = revoked
                .iter()
                .fold(ca.crl(*number), |list, cert| list.revoke(cert));
            list.issue().der().clone()
        });
        let crls = Crls::from_der(lists, NOW).expect("lists");
        let anchors: Vec<_> = self.anchors.iter().collect();
        builder(&anchors)
            .with_profile(self.profile.clone())
            .with_revocation(Revocation::required(crls).with_depth(self.depth))
            .build(NOW)
            .expect("anchors")
    }

    fn tenants(&self) -> TenantTable {
        let table = TenantTable::builder().known(self.known.iter().copied());
        let table = self.tenants.iter().cloned().fold(table, TenantTableBuilder::rule);
        table.build().expect("a table")
    }
}

/// A policy each of whose parts can be replaced while it is in use.
pub(super) struct Running {
    trust: Live<PrivateCa>,
    pins: Live<PinSet>,
    denied: Live<DenyList>,
    tenants: Live<TenantTable>,
    pub(super) policy: Policy,
}

impl Running {
    pub(super) fn new(parts: &Parts) -> Self {
        let trust = Live::new(parts.trust());
        let pins = Live::new(PinSet::of(parts.pins.clone()));
        let denied = Live::new(parts.denied.clone());
        let tenants = Live::new(parts.tenants());
        let joined = trust.clone().and(pins.clone()).and(denied.clone());
        let policy = Policy::new(joined, tenants.clone());
        Self {
            trust,
            pins,
            denied,
            tenants,
            policy,
        }
    }
}

/// One change, and what it does to the client of the first anchor.
pub(super) type Change = (
    &'static str,
    fn(&Running, &mut Parts, &TestCert),
    Option<fn(&TestCert) -> Refusal>,
);

fn serial(cert: &TestCert) -> SerialNumber {
    SerialNumber::from_bytes(cert.serial().as_bytes())
}

pub(super) const CHANGES: [Change; 17] = [
    (
        "the first anchor removed",
        |running, parts, _| {
            parts.anchors.remove(0);
            running.trust.replace(parts.trust());
        },
        Some(|_| Untrusted::UnknownIssuer.into()),
    ),
    (
        "only the last anchor removed",
        |running, parts, _| {
            parts.anchors.pop();
            running.trust.replace(parts.trust());
        },
        None,
    ),
    (
        "the issuer's list",
        |running, parts, cert| {
            parts.lists[0].1 = 2;
            parts.lists[0].2.push(cert.clone());
            running.trust.replace(parts.trust());
        },
        Some(|cert| Untrusted::Revoked { serial: serial(cert) }.into()),
    ),
    (
        "only the last anchor's list",
        |running, parts, _| {
            if let Some(list) = parts.lists.last_mut() {
                list.1 += 1;
            }
            running.trust.replace(parts.trust());
        },
        None,
    ),
    (
        "the depth of revocation",
        |running, parts, _| {
            parts.depth = RevocationDepth::Leaf;
            running.trust.replace(parts.trust());
        },
        None,
    ),
    (
        "the profile: lifetime",
        |running, parts, _| {
            parts.profile = Profile::strict().with_max_lifetime(Duration::from_secs(60));
            running.trust.replace(parts.trust());
        },
        Some(|cert| {
            Untrusted::Lifetime {
                lifetime: chain(cert.chain()).leaf().validity().lifetime(),
                max: Duration::from_secs(60),
            }
            .into()
        }),
    ),
    (
        "the profile: path length",
        |running, parts, _| {
            parts.profile = Profile::strict().with_max_path_length(0);
            running.trust.replace(parts.trust());
        },
        Some(|_| Untrusted::PathLength.into()),
    ),
    (
        "the profile: policy",
        |running, parts, _| {
            parts.profile = Profile::strict().require_policy("1.2.3");
            running.trust.replace(parts.trust());
        },
        Some(|_| {
            Untrusted::Policy {
                required: "1.2.3".into(),
            }
            .into()
        }),
    ),
    (
        "the profile: limits",
        |running, parts, _| {
            parts.profile = Profile::strict().with_limits(ChainLimits::default().with_certificates(1));
            running.trust.replace(parts.trust());
        },
        Some(|_| countersign::identity::Malformed::TooManyCertificates { limit: 1 }.into()),
    ),
    (
        "the profile: missing EKU",
        |running, parts, _| {
            parts.profile = Profile::strict().allow_missing_eku();
            running.trust.replace(parts.trust());
        },
        None,
    ),
    (
        "the profile: server's EKU",
        |running, parts, _| {
            parts.profile = Profile::strict().allow_server_auth_as_client();
            running.trust.replace(parts.trust());
        },
        None,
    ),
    (
        "the one pin",
        |running, parts, _| {
            parts.pins = vec![Pin::leaf(SpkiHash::of(b"another"))];
            running.pins.replace(PinSet::of(parts.pins.clone()));
        },
        Some(|cert| Untrusted::NotPinned { spki: leaf_key(cert) }.into()),
    ),
    (
        "a pin more",
        |running, parts, _| {
            parts.pins.push(Pin::issuer(SpkiHash::of(b"another")));
            running.pins.replace(PinSet::of(parts.pins.clone()));
        },
        None,
    ),
    (
        "a denied key",
        |running, parts, cert| {
            parts.denied = DenyList::new().key(leaf_key(cert));
            running.denied.replace(parts.denied.clone());
        },
        Some(|_| Untrusted::OnDenyList.into()),
    ),
    (
        "a denied certificate",
        |running, parts, cert| {
            parts.denied = DenyList::new().certificate(chain(cert.chain()).leaf());
            running.denied.replace(parts.denied.clone());
        },
        Some(|_| Untrusted::OnDenyList.into()),
    ),
    (
        "a tenant's rule",
        |running, parts, _| {
            parts.tenants = vec![Rule::name(
                TenantId::parse("acme").expect("a tenant"),
                NameKind::Dns,
                "x.example",
            )];
            running.tenants.replace(parts.tenants());
        },
        Some(|_| NoTenant::NoRule.into()),
    ),
    (
        "a known tenant",
        |running, parts, _| {
            parts.known = vec!["other"];
            running.tenants.replace(parts.tenants());
        },
        Some(|_| {
            NoTenant::Unknown {
                rule: "URI spiffe://acme.example/tenant/{tenant}".into(),
                name: "acme".into(),
            }
            .into()
        }),
    ),
];
