//! Attacks that have worked on others, played for real. The names are those of the classes they belong to.
//!
//! R resumption, F configuration that fails open, N names and identities, P paths.

use crate::stage;

use std::collections::HashMap;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign::gate::{Caller, Policy};
use countersign::identity::{Malformed, Name, NameKind, PeerChain, SpkiHash};
use countersign::live::Live;
use countersign::observe::{Event, HandshakeFailure, Observer};
use countersign::refusal::Refusal;
use countersign::tenant::{NoTenant, TenantId, TenantTable};
use countersign::testing::{KeyAlgorithm, LeafBuilder, NOW, TestCa, TestCert, TestKey, utc};
use countersign::tls::rustls::AlertDescription::{
    AccessDenied, BadCertificate, CertificateExpired, CertificateRequired, CertificateRevoked, DecryptError,
    IllegalParameter, UnknownCA, UnsupportedCertificate,
};
use countersign::tls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use countersign::tls::rustls::server::danger::ClientCertVerifier as _;
use countersign::tls::rustls::server::{ServerSessionMemoryCache, StoresServerSessions};
use countersign::tls::rustls::sign::{Signer, SigningKey};
use countersign::tls::rustls::{
    self, AlertDescription, CertificateError, ClientConfig, ServerConfig, ServerConnection, SignatureScheme,
};
use countersign::tls::{
    Binding, BoundSessions, BoundTickets, ClientAuth, HandshakeVerifier, Tls, allow_resumption,
    allow_resumption_within,
};
use countersign::trust::{
    Crls, DenyList, Evidence, ExpectedPeers, Fingerprint, InvalidCrls, Pin, PinSet, Presented, PrivateCa,
    Profile, PublicCa, Remembered, ReportOnly, Revocation, Role, Untrusted, VerifiedPeer, VerifyPeer,
};
use countersign::web::{Acceptor, Connection, Listener};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use stage::*;

fn address() -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], 4711))
}

fn key_of(cert: &TestCert) -> SpkiHash {
    SpkiHash::of(&cert.spki_der())
}

fn acme_table() -> TenantTable {
    TenantTable::builder()
        .uri("spiffe://acme.example/tenant/{tenant}")
        .known(["acme"])
        .build()
        .expect("a table")
}

fn policy(trust: impl VerifyPeer + 'static) -> Policy {
    Policy::new(trust, acme_table())
}

fn door(policy: &Policy, clock: &Arc<Clock>) -> ServerConfig {
    server_config(policy.trust(), clock)
}

/// A door that resumes, the safe way.
fn resuming(policy: &Policy, clock: &Arc<Clock>) -> Arc<ServerConfig> {
    let mut config = door(policy, clock);
    allow_resumption(&mut config, policy);
    Arc::new(config)
}

/// Who the server takes the client for, once the handshake is done.
fn caller(server: &ServerConnection, policy: &Policy, now: UnixTime) -> Result<Caller, Refusal> {
    Connection::new(address(), server.peer_certificates())?.identify(policy, now)
}

/// What a client gets at a door: an alert, a refusal, or a tenant.
fn knock(policy: &Policy, leaf: &TestCert) -> Result<String, Result<Refusal, AlertDescription>> {
    let server = Arc::new(door(policy, &Clock::at(NOW)));
    let outcome = meet(&server, &client(leaf, VERSIONS[0]));
    match (&outcome.handshake.server, outcome.alert()) {
        (Ok(server), None) => match caller(server, policy, NOW) {
            Ok(caller) => Ok(caller.tenant().to_string()),
            Err(refusal) => Err(Ok(refusal)),
        },
        (_, Some(alert)) => Err(Err(alert)),
        (error, None) => panic!("{error:?}"),
    }
}

fn crls(lists: impl IntoIterator<Item = countersign::testing::CrlBuilder>) -> Crls {
    let lists = lists.into_iter().map(|list| list.issue().der().clone());
    Crls::from_der(lists, NOW).expect("lists")
}

// -- resumption ----------------------------------------------------------------------------------------------------------

/// CVE-2025-68121: the authority is gone, the session stays.
#[test]
fn r1_removed_ca_does_not_resume() {
    let (old, new) = (TestCa::new("Old"), TestCa::new("New"));
    let cert = old.client(ACME).issue();
    for version in VERSIONS {
        for resumes in [false, true] {
            let live = Live::new(private(&[&old]));
            let policy = policy(live.clone());
            let server = match resumes {
                true => resuming(&policy, &Clock::at(NOW)),
                false => Arc::new(door(&policy, &Clock::at(NOW))),
            };
            let client = client(&cert, version);
            assert!(meet(&server, &client).is_full());
            assert_eq!(meet(&server, &client).handshake.resumed(), resumes);
            live.replace(private(&[&new]));
            let after = meet(&server, &client);
            assert_eq!(after.reason, Some(Untrusted::UnknownIssuer), "{resumes}");
            assert_eq!(after.alert(), Some(UnknownCA));
        }
    }
}

/// The attack works where nobody binds sessions: this is what the defence is there for.
#[test]
fn r1_without_the_binding_the_session_stays_and_the_request_is_still_refused() {
    let (old, new) = (TestCa::new("Old"), TestCa::new("New"));
    let cert = old.client(ACME).issue();
    let live = Live::new(private(&[&old]));
    let policy = policy(live.clone());
    let mut config = door(&policy, &Clock::at(NOW));
    config.session_storage = ServerSessionMemoryCache::new(64);
    config.send_tls13_tickets = 2;
    let (server, client) = (Arc::new(config), client(&cert, VERSIONS[0]));
    assert!(meet(&server, &client).is_full());
    live.replace(private(&[&new]));
    let after = meet(&server, &client);
    assert!(after.handshake.resumed(), "rustls asks nobody");
    let connected = after.handshake.server.expect("connected");
    let refused = caller(&connected, &policy, NOW).map(|_| ());
    assert_eq!(refused, Err(Untrusted::UnknownIssuer.into()));
}

/// CWE-367: the policy changes between the verification and the storing of the session.
#[test]
fn r1_a_change_in_the_middle_of_a_handshake_makes_no_session() {
    #[derive(Debug)]
    struct Swaps {
        trust: Live<PrivateCa>,
        to: PrivateCa,
    }
    impl VerifyPeer for Swaps {
        fn verify_peer(&self, peer: &Presented<'_>) -> Result<Evidence, Untrusted> {
            self.trust.verify_peer(peer)
        }
        fn generation(&self) -> u64 {
            self.trust.generation()
        }
        /// Possession is proved, the session is not stored yet.
        fn confirm(&self, _: &VerifiedPeer, _: UnixTime) {
            self.trust.replace(self.to.clone());
        }
    }
    let root = TestCa::new("Root");
    let cert = root.client(ACME).issue();
    for version in VERSIONS {
        let swaps = Swaps {
            trust: Live::new(private(&[&root])),
            to: private(&[&TestCa::new("New")]),
        };
        let policy = policy(swaps);
        let server = resuming(&policy, &Clock::at(NOW));
        let client = client(&cert, version);
        let open = meet(&server, &client);
        assert!(open.is_full(), "it was trusted when it was asked about");
        let open = open.handshake.server.expect("connected");
        assert_eq!(
            caller(&open, &policy, NOW).map(|_| ()),
            Err(Untrusted::UnknownIssuer.into())
        );
        // What was verified under the old policy is no session of the new one, although it was stored under it.
        let again = meet(&server, &client);
        assert_eq!(again.reason, Some(Untrusted::UnknownIssuer));
        assert_eq!(again.alert(), Some(UnknownCA));
    }
}

/// go-spiffe, G123: the authorizer is not asked on resumption.
#[test]
fn r2_what_is_denied_between_connections_is_denied_on_resumption() {
    let root = TestCa::new("Root");
    let cert = root.client(ACME).issue();
    let other = || {
        TenantTable::builder()
            .uri("spiffe://acme.example/tenant/{tenant}")
            .known(["other"])
            .build()
            .expect("a table")
    };
    for version in VERSIONS {
        let (denied, tenants) = (Live::new(DenyList::new()), Live::new(acme_table()));
        let policy = Policy::new(private(&[&root]).and(denied.clone()), tenants.clone());
        let server = resuming(&policy, &Clock::at(NOW));
        let client = client(&cert, version);
        let first = meet(&server, &client);
        let open = first.handshake.server.expect("connected");
        assert!(meet(&server, &client).handshake.resumed());

        tenants.replace(other());
        let after = meet(&server, &client);
        assert!(after.is_full(), "a session of another table");
        let unknown = Refusal::NoTenant(NoTenant::Unknown {
            rule: "URI spiffe://acme.example/tenant/{tenant}".into(),
            name: "acme".into(),
        });
        for connected in [&open, after.handshake.server.as_ref().expect("connected")] {
            assert_eq!(caller(connected, &policy, NOW).map(|_| ()), Err(unknown.clone()));
        }

        denied.replace(DenyList::new().key(key_of(&cert)));
        let after = meet(&server, &client);
        assert_eq!(after.reason, Some(Untrusted::OnDenyList));
        assert_eq!(after.alert(), Some(CertificateRevoked));
        assert_eq!(
            caller(&open, &policy, NOW).map(|_| ()),
            Err(Untrusted::OnDenyList.into())
        );
    }
}

/// CVE-2025-23419, CVE-2025-23048, GHSA-gv8r-9rw9-9697: from one virtual host to another.
#[test]
fn r3_a_session_of_one_door_is_none_of_another() {
    let (front, back) = (TestCa::new("Front"), TestCa::new("Back"));
    let cert = front.client(ACME).issue();
    let (open, strict) = (policy(private(&[&front])), policy(private(&[&back])));
    let store: Arc<dyn StoresServerSessions> = ServerSessionMemoryCache::new(64);
    let shared = |policy: &Policy| {
        let mut config = door(policy, &Clock::at(NOW));
        let binding = Binding::new(policy).with_time_provider(Clock::at(NOW));
        config.session_storage = Arc::new(BoundSessions::new(store.clone(), binding));
        config.send_tls13_tickets = 2;
        Arc::new(config)
    };
    for version in VERSIONS {
        for (front, back) in [
            (shared(&open), shared(&strict)),
            (
                resuming(&open, &Clock::at(NOW)),
                resuming(&strict, &Clock::at(NOW)),
            ),
            (
                Arc::new(door(&open, &Clock::at(NOW))),
                Arc::new(door(&strict, &Clock::at(NOW))),
            ),
        ] {
            let client = client(&cert, version);
            assert!(meet(&front, &client).is_full());
            let elsewhere = meet(&back, &client);
            assert_eq!(elsewhere.reason, Some(Untrusted::UnknownIssuer));
            assert_eq!(elsewhere.alert(), Some(UnknownCA));
        }
    }
}

/// `ServerConfig::clone` shares the store, and the verifier: what is bound to a policy that has verified nobody resumes
/// nobody.
#[test]
fn r3_a_cloned_configuration_is_bound_again() {
    let root = TestCa::new("Root");
    let cert = root.client(ACME).issue();
    let (one, two) = (policy(private(&[&root])), policy(private(&[&root])));
    let mut config = door(&one, &Clock::at(NOW));
    allow_resumption(&mut config, &one);
    let [mut again, mut other] = [config.clone(), config.clone()];
    allow_resumption(&mut again, &one);
    allow_resumption(&mut other, &two);
    let [config, again, other] = [config, again, other].map(Arc::new);
    for version in VERSIONS {
        let client = client(&cert, version);
        assert!(meet(&config, &client).is_full());
        assert!(meet(&again, &client).is_full());
        assert!(meet(&again, &client).handshake.resumed());
        assert!(meet(&other, &client).is_full());
        assert!(meet(&other, &client).is_full());
    }
}

/// CVE-2022-21654, and its second act: only the first authority was in the digest.
#[test]
fn r4_any_part_of_the_policy_changes_it() {
    let (first, last) = (TestCa::new("First"), TestCa::new("Last"));
    let cert = first.client(ACME).issue();
    let anchors = |cas: &[&TestCa]| builder(cas);
    let build = |builder: countersign::trust::PrivateCaBuilder| builder.build(NOW).expect("a policy");
    let all = || anchors(&[&first, &last]);
    let changes: Vec<(&str, PrivateCa)> = vec![
        ("the last authority", build(anchors(&[&first]))),
        (
            "one more authority",
            build(anchors(&[&first, &last, &TestCa::new("More")])),
        ),
        (
            "a flag",
            build(all().with_profile(Profile::strict().allow_missing_eku())),
        ),
        (
            "a list",
            build(all().with_revocation(Revocation::best_effort(crls([last.crl(1)])))),
        ),
        ("nothing at all", build(all())),
    ];
    for (case, change) in changes {
        for version in VERSIONS {
            let live = Live::new(build(all()));
            let policy = policy(live.clone());
            let server = resuming(&policy, &Clock::at(NOW));
            let client = client(&cert, version);
            assert!(meet(&server, &client).is_full(), "{case}");
            let before = policy.generation();
            live.replace(change.clone());
            assert!(policy.generation() > before, "{case}");
            assert!(meet(&server, &client).is_full(), "{case}");
            assert!(meet(&server, &client).handshake.resumed(), "{case}");
        }
    }
}

/// RFC 8446 §4.6.1, HAProxy 9f1d59099: a session renewed from hop to hop outlives the certificate.
#[test]
fn r5_a_lineage_of_sessions_ends_with_the_certificate() {
    let root = TestCa::new("Root");
    let end = seconds(NOW, 3_600);
    let cert = root.client(ACME).validity(utc(2025, 1, 1), end).issue();
    for version in VERSIONS {
        let clock = Clock::at(NOW);
        let policy = policy(private(&[&root]));
        let server = resuming(&policy, &clock);
        let client = client(&cert, version);
        assert!(meet(&server, &client).is_full());
        for minute in 1..=60 {
            clock.set(seconds(NOW, minute * 60));
            let hop = meet(&server, &client);
            assert!(hop.handshake.resumed());
            let connected = hop.handshake.server.expect("connected");
            let caller = caller(&connected, &policy, clock.now()).map(|caller| caller.tenant().to_string());
            assert_eq!(caller, Ok("acme".to_owned()), "minute {minute}");
        }
        for days in [0, 1, 37] {
            let now = seconds(end, 1 + days * 86_400);
            clock.set(now);
            let late = meet(&server, &client);
            assert_eq!(late.reason, Some(Untrusted::Expired { not_after: end, now }));
            assert_eq!(late.alert(), Some(CertificateExpired), "day {days}");
        }
        // By default there is no session to outlive anything.
        let server = Arc::new(door(&policy, &clock));
        let late = meet(&server, &client);
        assert_eq!(late.alert(), Some(CertificateExpired));
    }
}

/// How a door keeps its sessions.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Sessions {
    Stored,
    Tickets,
}

/// A door whose lineages of sessions last no longer than that.
fn resuming_within(
    max: Duration,
    sessions: Sessions,
    policy: &Policy,
    clock: &Arc<Clock>,
) -> Arc<ServerConfig> {
    let mut config = door(policy, clock);
    allow_resumption_within(&mut config, policy, max);
    if sessions == Sessions::Tickets {
        let binding = Binding::new(policy)
            .with_max_lineage(max)
            .with_time_provider(clock.clone());
        let ticketer = rustls::crypto::aws_lc_rs::Ticketer::new().expect("a ticketer");
        config.ticketer = Arc::new(BoundTickets::new(ticketer, binding));
    }
    Arc::new(config)
}

const MINUTE: i64 = 60;

/// RFC 8446 §4.6.1: from hop to hop, a session would last for as long as the certificate.
#[test]
fn r5_a_lineage_of_sessions_ends_after_the_longest_time_allowed() {
    let root = TestCa::new("Root");
    let cert = root.client(ACME).issue();
    let policy = policy(private(&[&root]));
    for version in VERSIONS {
        for sessions in [Sessions::Stored, Sessions::Tickets] {
            let clock = Clock::at(NOW);
            let server = resuming_within(Duration::from_secs(3_600), sessions, &policy, &clock);
            for lineage in 0..2 {
                let client = client(&cert, version);
                let began = seconds(NOW, lineage * 61 * MINUTE);
                clock.set(began);
                assert!(meet(&server, &client).is_full(), "{version:?} {sessions:?}");
                for minutes in 1..=6 {
                    clock.set(seconds(began, minutes * 10 * MINUTE));
                    let hop = meet(&server, &client);
                    assert!(hop.handshake.resumed(), "{version:?} {sessions:?} {minutes}0");
                }
                clock.set(seconds(began, 60 * MINUTE + 1));
                let after = meet(&server, &without_resumption(&client));
                assert!(after.is_full());
                // The newest session of the lineage, seconds old.
                let after = meet(&server, &client);
                assert!(after.is_full(), "{version:?} {sessions:?} lineage {lineage}");
            }
            // A clock that was set back makes no session younger.
            let client = client(&cert, version);
            assert!(meet(&server, &client).is_full());
            clock.set(NOW);
            assert!(meet(&server, &client).is_full(), "{version:?} {sessions:?}");
        }
    }
}

/// Many machines of a sender show one certificate: each session has a lineage of its own.
#[test]
fn r5_nobody_prolongs_the_lineage_of_another() {
    let root = TestCa::new("Root");
    let cert = root.client(ACME).issue();
    let policy = policy(private(&[&root]));
    for version in VERSIONS {
        for sessions in [Sessions::Stored, Sessions::Tickets] {
            let clock = Clock::at(NOW);
            let server = resuming_within(Duration::from_secs(3_600), sessions, &policy, &clock);
            let thief = client(&cert, version);
            let owner = without_resumption(&client(&cert, version));
            assert!(meet(&server, &thief).is_full());
            for minute in (10..=120).step_by(10) {
                clock.set(seconds(NOW, minute * MINUTE));
                assert!(meet(&server, &owner).is_full());
                let hop = meet(&server, &thief);
                // It has the key after all, so its next lineage begins here.
                let expected = minute != 70;
                assert_eq!(
                    hop.handshake.resumed(),
                    expected,
                    "{version:?} {sessions:?} {minute}"
                );
            }
        }
    }
}

/// Where nobody watches the handshake as a whole, the last proof of the certificate is what counts.
#[test]
fn r5_a_lineage_that_nobody_watches_ends_after_the_last_proof() {
    let root = TestCa::new("Root");
    let cert = root.client(ACME).issue();
    let policy = policy(private(&[&root]));
    for version in VERSIONS {
        for sessions in [Sessions::Stored, Sessions::Tickets] {
            let clock = Clock::at(NOW);
            let server = resuming_within(Duration::from_secs(3_600), sessions, &policy, &clock);
            let client = client(&cert, version);
            let meet = || countersign::testing::handshake(server.clone(), client.clone(), SERVER);
            assert!(!meet().resumed());
            for minute in (10..=60).step_by(10) {
                clock.set(seconds(NOW, minute * MINUTE));
                assert!(meet().resumed(), "{version:?} {sessions:?} {minute}");
            }
            clock.set(seconds(NOW, 60 * MINUTE + 1));
            assert!(!meet().resumed(), "{version:?} {sessions:?}");
        }
    }
}

/// A list of revocations goes out of date: nothing has changed, and the session is none any more.
#[test]
fn r5_a_session_ends_with_whatever_its_trust_rests_on() {
    let root = TestCa::new("Root");
    let cert = root.client(ACME).issue();
    let end = seconds(NOW, 600);
    let list = root.crl(1).next_update(end);
    let trust = with_revocation(&root, Revocation::required(crls([list])));
    let policy = policy(trust);
    for version in VERSIONS {
        let clock = Clock::at(NOW);
        let server = resuming(&policy, &clock);
        let client = client(&cert, version);
        assert!(meet(&server, &client).is_full());
        clock.set(end);
        assert!(meet(&server, &client).handshake.resumed());
        let now = seconds(end, 1);
        clock.set(now);
        let late = meet(&server, &client);
        assert_eq!(
            late.reason,
            Some(Untrusted::CrlExpired {
                next_update: end,
                now
            })
        );
        assert_eq!(late.alert(), Some(UnknownCA));
    }
}

/// Envoy #42668, Traefik #7644: the identity of a resumed session was lost, and rules turned round.
#[test]
fn r6_full_and_resumed_are_the_same_caller() {
    let root = TestCa::new("Root");
    let cert = root.intermediate("Issuing").client(ACME).issue();
    let policy = policy(private(&[&root]).and(PinSet::new([key_of(&cert)])));
    let server = resuming(&policy, &Clock::at(NOW));
    for version in VERSIONS {
        let client = client(&cert, version);
        let (full, resumed) = (meet(&server, &client), meet(&server, &client));
        assert!(full.is_full() && resumed.handshake.resumed());
        let callers = [full, resumed].map(|outcome| {
            let connected = outcome.handshake.server.expect("connected");
            caller(&connected, &policy, NOW).expect("a caller")
        });
        let [full, resumed] = &callers;
        assert_eq!(full.tenant(), resumed.tenant());
        assert_eq!(full.rule(), resumed.rule());
        assert_eq!(full.peer().chain(), resumed.peer().chain());
        assert_eq!(full.peer().evidence(), resumed.peer().evidence());
    }
}

/// A session that an offering door made, at a demanding door.
#[test]
fn r7_a_session_without_a_certificate_is_nobody() {
    let root = TestCa::new("Root");
    let policy = policy(private(&[&root]));
    // The worst that can be put together by hand: one store and one binding for both.
    let clock = Clock::at(NOW);
    let binding = Binding::new(&policy).with_time_provider(clock.clone());
    let store: Arc<dyn StoresServerSessions> = ServerSessionMemoryCache::new(64);
    let door = |client_auth| {
        let mut config = Tls::new(provider())
            .allow_tls12()
            .server_config(&server_credentials(), policy.trust(), client_auth)
            .expect("a configuration");
        config.time_provider = clock.clone();
        config.session_storage = Arc::new(BoundSessions::new(store.clone(), binding.clone()));
        config.send_tls13_tickets = 2;
        Arc::new(config)
    };
    let (offering, demanding) = (door(ClientAuth::Offer), door(ClientAuth::Require));
    for version in VERSIONS {
        let stranger = anonymous(version);
        assert!(meet(&offering, &stranger).is_full());
        // rustls would resume it, without asking again whether a certificate is mandatory: there is no such session.
        let refused = meet(&demanding, &stranger);
        assert_eq!(refused.alert(), Some(CertificateRequired));
        assert!(
            meet(&offering, &stranger).is_full(),
            "nor at the door that made it"
        );
        // Stored by others than ours, it is let through, and nobody.
        let shared = ServerSessionMemoryCache::new(64);
        let unbound = |config: &Arc<ServerConfig>| {
            let mut config = ServerConfig::clone(config);
            config.session_storage = shared.clone();
            Arc::new(config)
        };
        assert!(meet(&unbound(&offering), &stranger).is_full());
        let through = meet(&unbound(&demanding), &stranger);
        assert!(through.handshake.resumed(), "rustls asks nobody");
        let connected = through.handshake.server.expect("connected");
        assert_eq!(
            caller(&connected, &policy, NOW).map(|_| ()),
            Err(Refusal::NoCertificate)
        );
    }
}

/// curl CVE-2026-9545: data before the handshake.
#[test]
fn r9_no_early_data() {
    let root = TestCa::new("Root");
    let cert = root.client(ACME).issue();
    let policy = policy(private(&[&root]));
    let mut config = door(&policy, &Clock::at(NOW));
    config.max_early_data_size = 16_384;
    allow_resumption(&mut config, &policy);
    assert_eq!(config.max_early_data_size, 0);
    let server = Arc::new(config);
    let mut eager = ClientConfig::clone(&client(&cert, VERSIONS[0]));
    eager.enable_early_data = true;
    let eager = Arc::new(eager);
    assert!(meet(&server, &eager).is_full());
    let name = ServerName::try_from(SERVER).expect("a name");
    let mut again = rustls::ClientConnection::new(eager.clone(), name).expect("a client");
    assert!(again.early_data().is_none(), "no ticket allows any");
    assert!(meet(&server, &eager).handshake.resumed());
}

// -- configuration that fails open ---------------------------------------------------------------------------------------

/// CVE-2026-27586, CVE-2022-46153: a bad file, and everybody is let in.
#[test]
fn f1_a_bad_file_changes_nothing() {
    let directory = std::env::temp_dir().join(format!("countersign-f1-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a directory");
    let file = directory.join("ca.pem");
    let (root, stranger) = (TestCa::new("Root"), TestCa::new("Stranger"));
    let read = || PrivateCa::from_pem_file(&file, algorithms(), NOW);
    std::fs::write(&file, root.pem()).expect("written");
    let live = Live::new(read().expect("anchors"));
    let policy = policy(live.clone());
    let server = Arc::new(door(&policy, &Clock::at(NOW)));
    let generation = policy.generation();
    let whole = stranger.pem();
    let torn = &whole[..whole.len() / 2];
    let key = root.client(ACME).issue().key_pem();
    let expired = TestCa::builder("Stranger").expired().issue().pem();
    for (case, text, remedy) in [
        ("empty", "", "holds no certificate"),
        ("whitespace", "\n \n", "holds no certificate"),
        ("garbage", "garbage", "holds no certificate"),
        ("only a key", &key, "holds no certificate"),
        ("half-written", torn, "has no END; the text was cut off"),
        ("expired", &expired, "expired at"),
        ("good and expired", &format!("{whole}{expired}"), "expired at"),
    ] {
        std::fs::write(&file, text).expect("written");
        let reload = read().map(|trust| live.replace(trust));
        let refused = reload.expect_err(case).to_string();
        assert!(
            refused.contains(remedy) && refused.contains(&file.display().to_string()),
            "{case}: {refused}"
        );
        assert_eq!(policy.generation(), generation, "{case}");
        for version in VERSIONS {
            let good = root.client(ACME).issue();
            assert!(meet(&server, &client(&good, version)).is_full(), "{case}");
            let other = meet(&server, &client(&stranger.client(ACME).issue(), version));
            assert_eq!(other.alert(), Some(UnknownCA), "{case}");
            assert_eq!(
                meet(&server, &anonymous(version)).alert(),
                Some(CertificateRequired),
                "{case}"
            );
        }
    }
    std::fs::remove_file(&file).expect("removed");
    let refused = read().map(|_| ()).expect_err("no file").to_string();
    assert!(refused.contains("cannot be read"), "{refused}");
    std::fs::remove_dir_all(&directory).expect("removed");
}

/// axum-server: the reload forgets that clients were to show a certificate.
#[test]
fn f2_a_reload_never_drops_client_authentication() {
    let (one, two) = (TestCa::new("One"), TestCa::new("Two"));
    let live = Live::new(private(&[&one]));
    let server = server(live.clone());
    for round in 0..4 {
        let (now, gone) = if round % 2 == 0 {
            (&two, &one)
        } else {
            (&one, &two)
        };
        live.replace(private(&[now]));
        for version in VERSIONS {
            assert_eq!(
                meet(&server, &anonymous(version)).alert(),
                Some(CertificateRequired)
            );
            assert!(meet(&server, &client(&now.client(ACME).issue(), version)).is_full());
            let before = meet(&server, &client(&gone.client(ACME).issue(), version));
            assert_eq!(before.alert(), Some(UnknownCA));
        }
    }
}

/// rustls-webpki 0.103: the first list counts, not the newest; an empty one checks nothing; the future is fine.
#[test]
fn f3_revocation_does_not_fail_open() {
    let root = TestCa::new("Root");
    let cert = root.client(ACME).issue();
    let old = || root.crl(1);
    let new = || root.crl(2).revoke(&cert);
    for lists in [[old(), new()], [new(), old()]] {
        let trust = with_revocation(&root, Revocation::required(crls(lists)));
        for version in VERSIONS {
            assert_eq!(refused(trust.clone(), &cert, version).1, Some(CertificateRevoked));
        }
    }
    let unfounded = builder(&[&root]).with_revocation(Revocation::required(Crls::default()));
    assert!(
        unfounded
            .build(NOW)
            .expect_err("no list")
            .to_string()
            .contains("no CRL is loaded")
    );
    let read = |list: countersign::testing::CrlBuilder| {
        Crls::from_der([list.issue().der().clone()], NOW).map(|_| ())
    };
    let code = |answer: Result<(), countersign::trust::InvalidCrls>| answer.expect_err("refused").to_string();
    assert!(code(read(old().expired())).contains("was to be replaced"));
    assert!(code(read(old().not_yet_valid())).contains("in the future"));
    let back = crls([new()])
        .renew(old().issue().pem().as_bytes(), NOW)
        .map(|_| ());
    assert!(back.expect_err("older").to_string().contains("lower number"));
}

/// centraldogma #1255: what was configured is silently not there. Here it cannot be put together.
#[test]
fn f4_half_a_configuration_is_none() {
    let root = TestCa::new("Root");
    let nobody = PublicCa::builder(ExpectedPeers::names([]), algorithms()).pem(root.pem().as_bytes());
    let no_pins =
        PublicCa::builder(ExpectedPeers::pins(PinSet::default()), algorithms()).pem(root.pem().as_bytes());
    for (built, expected) in [
        (
            PrivateCa::builder(algorithms()).build(NOW).map(drop),
            "certificate authorities from nothing: holds no certificate; give the CA certificates as PEM sections \"BEGIN CERTIFICATE\"",
        ),
        (
            nobody.build(NOW).map(drop),
            "certificate authorities from public authorities: a public authority proves nothing about who it is; give exact names or pins of the senders",
        ),
        (
            no_pins.build(NOW).map(drop),
            "certificate authorities from public authorities: a public authority proves nothing about who it is; give exact names or pins of the senders",
        ),
    ] {
        assert_eq!(
            built.map_err(|invalid| invalid.to_string()),
            Err(expected.to_owned())
        );
    }
    let nobody_known = TenantTable::builder().uri("https://x/{tenant}").build();
    for (built, expected) in [
        (
            TenantTable::builder().build().map(drop),
            "tenant rule table: the table has no rule; add one, such as `uri(\"spiffe://acme.example/tenant/{tenant}\")`",
        ),
        (
            nobody_known.map(drop),
            "tenant rule table: a template needs the tenants that may appear in it: name them with `known`",
        ),
    ] {
        assert_eq!(
            built.map_err(|invalid| invalid.to_string()),
            Err(expected.to_owned())
        );
    }
    // What only takes trust away, or only reports, opens no door by itself.
    let cert = root.client(ACME).issue();
    for trust in [
        Box::new(DenyList::new()) as Box<dyn VerifyPeer>,
        Box::new(ReportOnly::new(private(&[&root]))),
        Box::new(DenyList::new().and(private(&[&root]))),
    ] {
        assert_eq!(verify(&trust, &cert), Err(Untrusted::NothingBefore));
    }
    let empty = PinSet::default();
    assert_eq!(
        verify(&empty, &cert),
        Err(Untrusted::NotPinned { spki: key_of(&cert) })
    );
}

// -- names and identities ------------------------------------------------------------------------------------------------

const DNS: u8 = 2;
const EMAIL: u8 = 1;
const URI: u8 = 6;

fn bare(root: &TestCa) -> LeafBuilder {
    root.client("x.example").without_san()
}

/// Envoy CVE-2022-21656, Node CVE-2021-44531: one type of name taken for another.
#[test]
fn n1_a_name_of_one_type_is_none_of_another() {
    let root = TestCa::new("Root");
    let door = policy(private(&[&root]));
    assert_eq!(knock(&door, &root.client(ACME).issue()), Ok("acme".to_owned()));
    for leaf in [
        // A URI where a DNS name belongs is no DNS name at all.
        bare(&root).raw_san(DNS, ACME.as_bytes()),
        bare(&root).raw_san(EMAIL, ACME.as_bytes()),
        bare(&root).common_name(ACME),
        bare(&root).organizational_unit(ACME),
        bare(&root).organization(ACME),
    ] {
        assert_eq!(knock(&door, &leaf.issue()), Err(Ok(NoTenant::NoRule.into())));
    }
    // A URI, an address or a common name is no host to be reached.
    for leaf in [
        root.server("x.example").without_san().uri(SERVER),
        root.server("x.example")
            .without_san()
            .uri("https://hooks.example.com/"),
        root.server("x.example")
            .without_san()
            .email("a@hooks.example.com"),
        root.server("x.example").without_san().common_name(SERVER),
    ] {
        assert_eq!(
            verify_server(&private(&[&root]), &leaf.issue(), SERVER),
            Err(Untrusted::WrongName { name: SERVER.into() })
        );
    }
}

/// Envoy CVE-2026-47778, HAProxy: `admin\0.evil` is admin to whoever stops at the NUL.
#[test]
fn n2_nul_in_a_uri() {
    let root = TestCa::new("Root");
    let door = policy(private(&[&root]));
    let malformed = |kind| Err(Untrusted::Malformed(Malformed::Name { kind }));
    let with = |text: &str| text.replace('_', "\0");
    for (kind, leaf) in [
        (
            NameKind::Uri,
            bare(&root).uri(&with("spiffe://acme.example/tenant/acme_.evil")),
        ),
        (NameKind::Uri, bare(&root).uri(&with("_"))),
        (
            NameKind::Uri,
            bare(&root).uri("spiffe://acme.example/tenant/acme\n"),
        ),
        (
            NameKind::Dns,
            bare(&root).dns(&with("acme.example_.evil.example")),
        ),
        (NameKind::Dns, bare(&root).dns("acme.example\r\n")),
        (
            NameKind::Email,
            bare(&root).email(&with("ops@acme.example_.evil")),
        ),
        (NameKind::Ip, bare(&root).raw_san(7, &[192, 0, 2])),
        (
            NameKind::Ip,
            bare(&root).raw_san(7, &[192, 0, 2, 1, 255, 255, 255, 0]),
        ),
        (
            NameKind::CommonName,
            bare(&root).common_name(&with("admin_.evil")),
        ),
        (NameKind::CommonName, bare(&root).common_name("admin\u{202e}live")),
        (
            NameKind::OrganizationalUnit,
            bare(&root).organizational_unit("unit\u{7f}"),
        ),
    ] {
        // Also beside a good name: the whole certificate is refused.
        for leaf in [leaf.clone(), leaf.dns("good.example")] {
            let cert = leaf.issue();
            assert_eq!(verify(&private(&[&root]), &cert), malformed(kind), "{kind}");
            assert_eq!(knock(&door, &cert), Err(Err(BadCertificate)), "{kind}");
        }
    }
}

/// What is not made to be misread, and no name of its kind, is nobody's: beside a good name it does no harm.
#[test]
fn n2_a_name_that_is_none_spoils_no_other() {
    let root = TestCa::new("Root");
    let door = policy(private(&[&root]));
    let anybody = TenantTable::builder()
        .template(NameKind::Dns, "{tenant}.example")
        .template(NameKind::Email, "{tenant}")
        .template(NameKind::CommonName, "{tenant}")
        .template(NameKind::OrganizationalUnit, "{tenant}")
        .known(["acme", "10.0.0"])
        .build()
        .expect("a table");
    let anybody = Policy::new(private(&[&root]), anybody);
    for (case, leaf) in [
        ("an address as a DNS name", bare(&root).dns("10.0.0.1")),
        ("a placeholder", bare(&root).dns("{x}.example")),
        ("a hyphen at the end of a label", bare(&root).dns("acme-.example")),
        ("words", bare(&root).dns("my client")),
        ("an empty label", bare(&root).dns("acme..example")),
        ("a wildcard in the middle", bare(&root).dns("a.*.example")),
        ("no DNS name", bare(&root).raw_san(DNS, b"")),
        ("a look-alike", bare(&root).dns("\u{430}cme.example")),
        ("a mailbox in UTF-8", bare(&root).email("j\u{f6}rg@acme.example")),
        (
            "a mailbox in Latin-1",
            bare(&root).raw_san(EMAIL, b"j\xf6rg@acme.example"),
        ),
        ("no mailbox", bare(&root).raw_san(EMAIL, b"")),
        (
            "a URI in UTF-8",
            bare(&root).uri("spiffe://acme.example/tenant/acm\u{e9}"),
        ),
        (
            "a URI in no encoding",
            bare(&root).raw_san(URI, b"spiffe://acme.example/tenant/\xff"),
        ),
        ("no URI", bare(&root).raw_san(URI, b"")),
        ("a torn otherName", bare(&root).raw_san(0, &[6, 9, 1])),
        ("a torn registeredID", bare(&root).raw_san(8, &[])),
        (
            "a common name in Latin-1",
            bare(&root).raw_common_name(12, b"B\xfccher"),
        ),
        ("an empty common name", bare(&root).raw_common_name(12, b"")),
    ] {
        let alone = leaf.clone().issue();
        assert_eq!(verify(&private(&[&root]), &alone).map(|_| ()), Ok(()), "{case}");
        assert_eq!(
            knock(&anybody, &alone),
            Err(Ok(NoTenant::NoRule.into())),
            "{case}"
        );
        assert_eq!(
            knock(&door, &leaf.uri(ACME).issue()),
            Ok("acme".to_owned()),
            "{case}"
        );
    }
}

/// CVE-2021-44532, CVE-2024-47252, ingress-nginx: a name that was written into another, and read back.
#[test]
fn n3_what_is_inside_a_name_is_not_a_name() {
    let root = TestCa::new("Root");
    let tenants = TenantTable::builder()
        .common_name(TenantId::parse("admin").unwrap(), "admin")
        .name(TenantId::parse("admin").unwrap(), NameKind::Dns, "admin.example")
        .build()
        .expect("a table");
    let door = Policy::new(private(&[&root]), tenants);
    assert_eq!(
        knock(&door, &bare(&root).common_name("admin").issue()),
        Ok("admin".to_owned())
    );
    let nobody: [LeafBuilder; 8] = [
        bare(&root).organization("x,CN=admin"),
        bare(&root).organization("x/CN=admin"),
        bare(&root).organization("x\nCN=admin"),
        bare(&root).common_name("x, DNS:admin.example"),
        bare(&root).uri("http://x/,DNS:admin.example"),
        bare(&root).email("x@y.example,DNS:admin.example"),
        bare(&root).raw_common_name(30, b"\0a\0d\0m\0i\0n"),
        bare(&root).raw_subject(&sequence(&[rdn(&[
            attribute(3, 12, b"admin"),
            attribute(10, 12, b"x"),
        ])])),
    ];
    for leaf in nobody {
        assert_eq!(knock(&door, &leaf.issue()), Err(Ok(NoTenant::NoRule.into())));
    }
    for leaf in [
        bare(&root).common_name("admin").common_name("evil"),
        bare(&root).common_name("evil").common_name("admin"),
        bare(&root).common_name("admin").raw_common_name(20, b"evil"),
    ] {
        let answer = knock(&door, &leaf.issue());
        assert_eq!(
            answer,
            Err(Ok(NoTenant::Ambiguous {
                first: "CN=admin".into(),
                second: "a second common name".into()
            }
            .into()))
        );
    }
}

/// RUSTSEC-2026-0044: a common name is outside name constraints.
#[test]
fn n4_a_common_name_escapes_no_constraint() {
    let constrained = TestCa::builder("Root").permitted_dns("customer.example").issue();
    let tenants = || {
        TenantTable::builder()
            .common_name(TenantId::parse("victim").unwrap(), "evil.org")
            .build()
            .expect("a table")
    };
    let evil = constrained
        .client("x.customer.example")
        .without_san()
        .common_name("evil.org")
        .issue();
    let answer = knock(&Policy::new(private(&[&constrained]), tenants()), &evil);
    let refusal = NoTenant::Unconstrained {
        kind: NameKind::CommonName,
    };
    assert_eq!(answer, Err(Ok(refusal.into())));
    // Nor by way of a public authority's customer.
    let public = TestCa::new("Public");
    let customer = public
        .intermediate_builder("Customer")
        .permitted_dns("customer.example")
        .issue();
    let evil = customer
        .client("x.customer.example")
        .common_name("evil.org")
        .issue();
    let trust = PublicCa::builder(
        ExpectedPeers::names([Name::CommonName("evil.org".into())]),
        algorithms(),
    )
    .pem(public.pem().as_bytes())
    .build(NOW)
    .expect("a public CA");
    assert_eq!(
        knock(&Policy::new(trust, tenants()), &evil),
        Err(Err(AccessDenied))
    );
}

/// A certificate for `*.example.com` is everybody's below it, so it is nobody's.
#[test]
fn n5_a_wildcard_is_no_tenant() {
    let root = TestCa::new("Root");
    let tenants = TenantTable::builder()
        .template(NameKind::Dns, "{tenant}.acme.example")
        .name(
            TenantId::parse("exact").unwrap(),
            NameKind::Dns,
            "globex.acme.example",
        )
        .known(["globex", "*"])
        .build()
        .expect("a table");
    let door = Policy::new(private(&[&root]), tenants);
    for name in ["*.acme.example", "*.example", "g*.acme.example"] {
        let answer = knock(&door, &root.client(name).issue());
        assert!(
            matches!(
                answer,
                Err(Ok(Refusal::NoTenant(NoTenant::NoRule)) | Err(BadCertificate))
            ),
            "{name}: {answer:?}"
        );
    }
}

/// spiffe-rustls, go-spiffe: identifiers that are not in the standard's form.
#[test]
fn n6_bad_spiffe_ids_are_nobody() {
    let root = TestCa::new("Root");
    let door = policy(private(&[&root]));
    let key = TestKey::generate(KeyAlgorithm::default());
    let trust = private(&[&root]);
    let bad = [
        "SPIFFE://acme.example/tenant/acme",
        "Spiffe://acme.example/tenant/acme",
        "spiffe://ACME.example/tenant/acme",
        "spiffe://acme.example:443/tenant/acme",
        "spiffe://user@acme.example/tenant/acme",
        "spiffe://acme.example/tenant/acme/",
        "spiffe://acme.example/tenant/acme?x",
        "spiffe://acme.example/tenant/acme#x",
        "spiffe://acme.example/tenant/acme;x",
        "spiffe://acme.example/tenant//acme",
        "spiffe://acme.example//tenant/acme",
        "spiffe://acme.example/./tenant/acme",
        "spiffe://acme.example/x/../tenant/acme",
        "spiffe://acme.example/tenant/../tenant/acme",
        "spiffe://acme.example/tenant/%61cme",
        "spiffe://acme.example/tenant/acme%00",
        "spiffe://acme.example/tenant\\acme",
        "spiffe://acme.example/tenant/acme x",
        "spiffe://acme.example/Tenant/acme",
        "spiffe://acme.example/tenant/acme/x",
        "spiffe://acme.example/tenant/",
        "spiffe://acme.example/tenant",
        "spiffe://acme.example/",
        "spiffe://acme.example",
        "spiffe:///tenant/acme",
        "spiffe:/acme.example/tenant/acme",
        "spiffe:acme.example/tenant/acme",
        "//acme.example/tenant/acme",
        "acme.example/tenant/acme",
        "https://acme.example/tenant/acme",
        "xspiffe://acme.example/tenant/acme",
        " spiffe://acme.example/tenant/acme",
        "spiffe://acme.example./tenant/acme",
        "spiffe://acme.example.evil/tenant/acme",
        "spiffe://evil/acme.example/tenant/acme",
        "spiffe://xacme.example/tenant/acme",
        "spiffe://[::1]/tenant/acme",
        "spiffe://*/tenant/acme",
        "spiffe://acme.example/tenant/*",
        "spiffe://acme.example/tenant/{tenant}",
        "spiffe://spiffe://acme.example/tenant/acme",
    ];
    assert!(bad.len() >= 40);
    for id in bad {
        let cert = bare(&root).with_key(&key).uri(id).issue();
        let peer = peer_at(&trust, &cert, NOW).expect(id);
        let answer =
            Caller::identify(&door, peer.chain().clone(), NOW).map(|caller| caller.tenant().to_string());
        assert_eq!(answer, Err(NoTenant::NoRule.into()), "{id:?}");
    }
    // Only a leaf that is no authority is anybody (X.509-SVID §4.1).
    for (leaf, alert) in [
        (root.client(ACME).as_ca(), UnsupportedCertificate),
        (root.client(ACME).with_key_cert_sign(), UnsupportedCertificate),
    ] {
        assert_eq!(knock(&door, &leaf.issue()), Err(Err(alert)));
    }
}

/// Linkerd: the first of several names.
#[test]
fn n7_two_tenants_are_none() {
    let root = TestCa::new("Root");
    let tenants = TenantTable::builder()
        .uri("https://acme.example/{tenant}")
        .template(NameKind::Dns, "{tenant}.acme.example")
        .known(["a", "b"])
        .build()
        .expect("a table");
    let door = Policy::new(private(&[&root]), tenants);
    let (a, b) = ("https://acme.example/a", "https://acme.example/b");
    assert_eq!(knock(&door, &root.client(a).issue()), Ok("a".to_owned()));
    for leaf in [
        root.client(a).uri(b),
        root.client(b).uri(a),
        root.client(a).uri(a),
        root.client(a).dns("a.acme.example"),
        root.client("a.acme.example").dns("b.acme.example"),
    ] {
        let answer = knock(&door, &leaf.issue());
        assert!(
            matches!(answer, Err(Ok(Refusal::NoTenant(NoTenant::Ambiguous { .. })))),
            "{answer:?}"
        );
    }
}

/// CVE-2023-2422: the identity was read from a certificate that nobody had verified.
#[test]
fn n8_a_stuffed_certificate_is_nobody() {
    let root = TestCa::new("Root");
    let door = policy(private(&[&root]));
    let mine = "spiffe://acme.example/tenant/mine";
    let cert = root.client(mine).issue();
    let victims = [
        TestCert::self_signed(ACME).common_name("acme").issue(),
        root.client(ACME).issue(),
        TestCa::new("Other").client(ACME).issue(),
    ];
    let unknown = || {
        Err(Ok(Refusal::NoTenant(NoTenant::Unknown {
            rule: "URI spiffe://acme.example/tenant/{tenant}".into(),
            name: "mine".into(),
        })))
    };
    assert_eq!(knock(&door, &cert), unknown());
    for victim in &victims {
        for above in [vec![victim.leaf().clone()], vec![victim.leaf().clone(); 7]] {
            let stuffed = cert.clone().with_chain(above);
            assert_eq!(knock(&door, &stuffed), unknown());
            let peer = peer_at(&private(&[&root]), &stuffed, NOW).expect("trusted");
            assert_eq!(peer.leaf().names(), [Name::Uri(mine.into())]);
        }
    }
    // In front, it is the leaf: and then its key is asked for.
    let stolen = [victims[1].chain(), cert.chain()].concat();
    let outcome = meet(
        &Arc::new(self::door(&door, &Clock::at(NOW))),
        &client_with(stolen, cert.test_key(), VERSIONS[0]),
    );
    assert_eq!(outcome.alert(), Some(DecryptError));
}

/// CVE-2023-33201: addresses in a certificate make the verifier call there.
#[test]
fn n8_no_address_in_a_certificate_is_ever_called() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("non-blocking");
    let url = format!("http://{}/x", listener.local_addr().expect("an address"));
    let root = TestCa::new("Root");
    let issuer = [0x2b, 6, 1, 5, 5, 7, 0x30, 2];
    let ocsp = [0x2b, 6, 1, 5, 5, 7, 0x30, 1];
    let access = |method: &[u8]| sequence(&[tlv(6, method), tlv(0x86, url.as_bytes())]);
    let information = sequence(&[access(&issuer), access(&ocsp)]);
    let calling = |leaf: LeafBuilder| {
        leaf.extension(CRL_DISTRIBUTION_POINTS, &distribution_points(&[&url]))
            .extension(&[1, 3, 6, 1, 5, 5, 7, 1, 1], &information)
            .issue()
    };
    let trust = with_revocation(&root, Revocation::best_effort(Crls::default()));
    for cert in [
        calling(root.client(ACME)),
        calling(root.intermediate("Missing").client(ACME)).with_chain(vec![]),
        calling(TestCa::new("Other").client(ACME)),
    ] {
        for version in VERSIONS {
            meet(&server(trust.clone()), &client(&cert, version));
        }
    }
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(
        listener.accept().map(|_| ()).map_err(|error| error.kind()),
        Err(ErrorKind::WouldBlock)
    );
}

/// A certificate is public: who shows it has proved nothing.
#[test]
fn n9_who_has_not_proved_the_key_changes_nothing() {
    let root = TestCa::new("Root");
    let victim = root.client(ACME).issue();
    let thief = TestKey::generate(KeyAlgorithm::default());
    let ca = private(&[&root]);
    let trust: Arc<Remembered<PrivateCa>> = Arc::new(Remembered::new(ca.clone()));
    let server = server(trust.clone());
    let handshakes = || ca.usage().map(|usage| usage.handshakes.uses).sum::<u64>();
    let known = || {
        let fingerprint = Fingerprint::of(Role::Client, victim.chain().iter());
        trust
            .memory()
            .expect("a memory")
            .peer(&fingerprint, NOW)
            .is_some()
    };
    for version in VERSIONS {
        for _ in 0..3 {
            let stolen = meet(&server, &client_with(victim.chain(), &thief, version));
            assert_eq!(stolen.alert(), Some(DecryptError), "{:?}", version.version);
            assert_eq!(stolen.reason, None, "the certificate was good");
        }
    }
    assert_eq!((handshakes(), known()), (0, false));
    // Nor does the theft keep the victim out, or from being remembered.
    for (place, version) in VERSIONS.into_iter().enumerate() {
        assert!(meet(&server, &client(&victim, version)).is_full());
        assert_eq!((handshakes(), known()), (place as u64 + 1, true));
    }
    meet(&server, &client_with(victim.chain(), &thief, VERSIONS[0]));
    assert_eq!(handshakes(), 2);
}

/// Flooded with copies of certificates, the verifier keeps a bounded number of open questions.
#[test]
fn n9_a_flood_of_stolen_certificates_is_bounded() {
    let root = TestCa::new("Root");
    let key = TestKey::generate(KeyAlgorithm::Ed25519);
    let copies: Vec<_> = (0..64)
        .map(|_| root.client(ACME).with_key(&key).issue())
        .collect();
    let ca = private(&[&root]);
    let verifier = HandshakeVerifier::new(&provider(), Remembered::new(ca.clone()));
    let flood = |count: usize| {
        for copy in copies.iter().cycle().take(count) {
            let verified = verifier.verify_client_cert(copy.leaf(), &[], NOW);
            assert_eq!(verified.map(|_| ()), Ok(()));
        }
    };
    flood(1_100);
    let more = allocation_counter::measure(|| flood(2_000));
    assert!(more.bytes_current < 64 * 1024, "{} bytes", more.bytes_current);
    assert_eq!(ca.usage().map(|usage| usage.handshakes.uses).sum::<u64>(), 0);
}

/// Signs in one scheme and says that it was another, whatever the server has offered.
#[derive(Debug)]
struct Claims {
    key: Arc<dyn SigningKey>,
    signs: SignatureScheme,
    says: SignatureScheme,
}

impl SigningKey for Claims {
    fn choose_scheme(&self, _: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        let signer = self.key.choose_scheme(&[self.signs])?;
        let says = self.says;
        Some(Box::new(Claim { signer, says }))
    }

    fn algorithm(&self) -> rustls::SignatureAlgorithm {
        self.key.algorithm()
    }
}

#[derive(Debug)]
struct Claim {
    signer: Box<dyn Signer>,
    says: SignatureScheme,
}

impl Signer for Claim {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rustls::Error> {
        self.signer.sign(message)
    }

    fn scheme(&self) -> SignatureScheme {
        self.says
    }
}

/// RFC 8446 §4.4.3: the proof of the key is in a scheme that was offered and fits the key; PKCS #1 is none in TLS 1.3.
#[test]
fn n9_a_proof_in_another_scheme_is_none() {
    use SignatureScheme as S;
    let root = TestCa::new("Root");
    let p256 = root.client(ACME).issue();
    let rsa = root.client(ACME).key_algorithm(KeyAlgorithm::Rsa2048).issue();
    let (ecdsa, pss, pkcs1) = (S::ECDSA_NISTP256_SHA256, S::RSA_PSS_SHA256, S::RSA_PKCS1_SHA256);
    for (case, cert, signs, says, expected) in [
        ("as it is", &p256, ecdsa, ecdsa, [None, None]),
        ("as it is, RSA", &rsa, pss, pss, [None, None]),
        ("PKCS #1", &rsa, pkcs1, pkcs1, [Some(IllegalParameter), None]),
        ("PSS for PKCS #1", &rsa, pkcs1, pss, [Some(DecryptError); 2]),
        (
            "another curve",
            &p256,
            ecdsa,
            S::ECDSA_NISTP384_SHA384,
            [Some(DecryptError); 2],
        ),
        ("another kind of key", &p256, ecdsa, pss, [Some(DecryptError); 2]),
        ("Ed25519", &p256, ecdsa, S::ED25519, [Some(DecryptError); 2]),
        (
            "SHA-1",
            &p256,
            ecdsa,
            S::ECDSA_SHA1_Legacy,
            [Some(IllegalParameter); 2],
        ),
        (
            "unknown",
            &p256,
            ecdsa,
            S::Unknown(0xfe00),
            [Some(IllegalParameter); 2],
        ),
    ] {
        let loaded = provider().key_provider.load_private_key(cert.key());
        let key = Arc::new(Claims {
            key: loaded.expect("a key"),
            signs,
            says,
        });
        for (version, expected) in VERSIONS.into_iter().zip(expected) {
            let client = client_signing(cert.chain(), key.clone(), version);
            let outcome = meet(&server(private(&[&root])), &client);
            assert_eq!(outcome.alert(), expected, "{case}, {:?}", version.version);
            assert_eq!(outcome.handshake.server.is_ok(), expected.is_none(), "{case}");
        }
    }
}

// -- paths ---------------------------------------------------------------------------------------------------------------

fn locked(name: &str) -> Vec<[u64; 3]> {
    let lock = include_str!("../../Cargo.lock");
    let packages = lock.split("[[package]]");
    let of_name = packages.filter(|package| package.contains(&format!("\nname = \"{name}\"\n")));
    let version = |package: &str| {
        let line = package
            .lines()
            .find_map(|line| line.strip_prefix("version = \""))?;
        let plain = line.trim_end_matches('"').split(['-', '+']).next()?;
        let mut parts = plain.split('.').map(|part| part.parse().ok());
        Some([parts.next()??, parts.next()??, parts.next()??])
    };
    of_name.filter_map(version).collect()
}

/// RUSTSEC-2026-0049, -0098, -0099, -0104; RUSTSEC-2024-0399, -0336 (P3); RUSTSEC-2026-0048 (P2).
#[test]
fn p1_the_versions_in_use_are_mended_ones() {
    for (name, least) in [
        ("rustls-webpki", [0, 103, 13]),
        ("rustls", [0, 23, 18]),
        ("aws-lc-sys", [0, 39, 0]),
    ] {
        let found = locked(name);
        assert!(!found.is_empty(), "{name}");
        assert!(found.iter().all(|version| *version >= least), "{name}: {found:?}");
    }
    // RUSTSEC-2026-0042. Only there for those who build with FIPS, whose own lock it is in.
    let fips = locked("aws-lc-fips-sys");
    assert!(fips.iter().all(|version| *version >= [0, 13, 13]), "{fips:?}");
}

/// RUSTSEC-2026-0098: constraints on URIs were passed over.
#[test]
fn p1_constraints_on_uris_are_not_passed_over() {
    let subtree = |name: Vec<u8>| sequence(&[name]);
    let uri = |host: &str| tlv(0x86, host.as_bytes());
    let permitted = |names: &[Vec<u8>]| {
        let trees: Vec<_> = names.iter().cloned().map(subtree).collect();
        sequence(&[tlv(0xa0, &trees.concat())])
    };
    let excluded = |names: &[Vec<u8>]| {
        let trees: Vec<_> = names.iter().cloned().map(subtree).collect();
        sequence(&[tlv(0xa1, &trees.concat())])
    };
    for (case, constraints) in [
        ("permitted", permitted(&[uri("other.example")])),
        ("excluded", excluded(&[uri("acme.example")])),
    ] {
        let root = TestCa::builder("Root")
            .critical_extension(NAME_CONSTRAINTS, &constraints)
            .issue();
        let answer = verify(&private(&[&root]), &root.client(ACME).issue());
        let expected = Untrusted::UnsupportedNameConstraint { kind: "URI" };
        assert_eq!(answer, Err(expected), "{case}");
    }
}

/// RUSTSEC-2026-0099, CVE-2025-61727: a wildcard reaches out of what is permitted, or into what is excluded.
#[test]
fn p1_a_wildcard_does_not_reach_past_constraints() {
    let permitted = TestCa::builder("Root").permitted_dns("accept.example").issue();
    let narrow = TestCa::builder("Root").permitted_dns("a.accept.example").issue();
    let excluded = TestCa::builder("Root").excluded_dns("reject.example").issue();
    let excluded_below = TestCa::builder("Root").excluded_dns("a.reject.example").issue();
    for (case, root, name, expected) in [
        ("within", &permitted, "*.accept.example", Ok(())),
        (
            "past",
            &narrow,
            "*.accept.example",
            Err(Untrusted::NameConstraint),
        ),
        (
            "into",
            &excluded,
            "*.reject.example",
            Err(Untrusted::NameConstraint),
        ),
        (
            "over",
            &excluded_below,
            "*.reject.example",
            Err(Untrusted::NameConstraint),
        ),
    ] {
        let answer = verify(&private(&[root]), &root.client(name).issue()).map(|_| ());
        assert_eq!(answer, expected, "{case}");
    }
}

/// RUSTSEC-2026-0104: a list that panics the reader, before any signature is looked at.
#[test]
fn p1_no_list_panics_its_reader() {
    let root = TestCa::new("Root");
    let list = root.crl(7).revoke(42).revoke(0x1234_5678).issue();
    let whole = list.der().as_ref();
    let read = |der: Vec<u8>| Crls::from_der([der.into()], NOW).map(|crls| crls.len());
    assert_eq!(read(whole.to_vec()), Ok(1));
    for end in 0..whole.len() {
        let reason = "not a CRL in DER".to_owned();
        assert_eq!(
            read(whole[..end].to_vec()),
            Err(InvalidCrls::Malformed { reason }),
            "{end}"
        );
    }
    let mut bent = 0;
    for place in 0..whole.len() {
        for flip in [0x01, 0x80, 0xff, whole[place]] {
            let mut der = whole.to_vec();
            der[place] ^= flip;
            // Read or refused; what is read is not believed without its signature.
            let Ok(crls) = Crls::from_der([der.into()], NOW) else {
                continue;
            };
            let trust = builder(&[&root])
                .with_revocation(Revocation::required(crls))
                .build(NOW);
            let Ok(trust) = trust else {
                bent += 1;
                continue;
            };
            let cert = root.client(ACME).with_key(&root).serial(42).issue();
            let answer = verify(&trust, &cert).map(|_| ());
            assert_ne!(answer, Ok(()), "byte {place} ^ {flip:#x}");
        }
    }
    assert!(bent > 100, "{bent} lists were read and not believed");
}

/// RUSTSEC-2023-0053, CVE-2018-16875: paths without end.
#[test]
fn p1_work_is_bounded_before_anything_is_proved() {
    let root = TestCa::new("Root");
    // Each could be the issuer of each, and all of the root's customers.
    let twins: Vec<_> = (0..7).map(|_| root.evil_twin()).collect();
    let cert = twins[0]
        .client(ACME)
        .issue()
        .with_chain(twins.iter().map(|twin| twin.certificate().clone()).collect());
    assert_eq!(verify(&private(&[&root]), &cert), Err(Untrusted::PathBudget));
    // Sixty of them, as it was done: not one signature.
    let many: Vec<_> = (0..60).map(|n| twins[n % 7].certificate().clone()).collect();
    let crowd = cert.with_chain(many);
    assert_eq!(
        verify(&private(&[&root]), &crowd),
        Err(Untrusted::Malformed(Malformed::TooManyCertificates { limit: 8 }))
    );
}

/// RUSTSEC-2024-0399: the ClientHello in pieces.
#[test]
fn p3_a_hello_in_pieces_is_a_hello() {
    let root = TestCa::new("Root");
    let cert = root.client(ACME).issue();
    for version in VERSIONS {
        let name = ServerName::try_from(SERVER).expect("a name");
        let mut client = rustls::ClientConnection::new(client(&cert, version), name).expect("a client");
        let mut server = ServerConnection::new(server(private(&[&root]))).expect("a server");
        for _ in 0..8 {
            let mut flight = Vec::new();
            while client.wants_write() {
                client.write_tls(&mut flight).expect("written");
            }
            for byte in flight {
                server.read_tls(&mut &[byte][..]).expect("read");
                server.process_new_packets().expect("no alert");
            }
            let mut flight = Vec::new();
            while server.wants_write() {
                server.write_tls(&mut flight).expect("written");
            }
            for byte in flight {
                client.read_tls(&mut &[byte][..]).expect("read");
                client.process_new_packets().expect("no alert");
            }
        }
        assert!(!server.is_handshaking() && !client.is_handshaking());
        assert_eq!(server.peer_certificates(), Some(&cert.chain()[..]));
    }
}

/// Remembers the codes of what went wrong, and how often a handshake was completed.
#[derive(Debug, Default)]
struct Codes {
    failed: Mutex<HashMap<&'static str, usize>>,
    completed: std::sync::atomic::AtomicUsize,
}

impl Observer for Codes {
    fn observe(&self, event: &Event<'_>) {
        match event {
            Event::HandshakeFailed { reason, .. } => {
                let mut failed = self.failed.lock().expect("sound");
                *failed.entry(HandshakeFailure::code(reason)).or_default() += 1;
            }
            Event::HandshakeCompleted { .. } => {
                self.completed.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            }
            _ => {}
        }
    }
}

/// RUSTSEC-2024-0341: who says nothing, holds up everybody.
#[tokio::test]
async fn p4_a_silent_peer_delays_nobody() {
    let root = TestCa::new("Root");
    let codes = Arc::new(Codes::default());
    let acceptor = Acceptor::new(server(private(&[&root])))
        .with_handshake_timeout(Duration::from_secs(3))
        .observed_by(codes.clone());
    let mut listener = Listener::bind("127.0.0.1:0", acceptor).await.expect("a port");
    let to = listener.local_addr();
    let mut silent = Vec::new();
    for n in 0..50 {
        let mut tcp = tokio::net::TcpStream::connect(to).await.expect("connected");
        if n % 2 == 0 {
            // The beginning of a record that never comes.
            tcp.write_all(&[22, 3, 1, 2, 0]).await.expect("written");
        }
        silent.push(tcp);
    }
    let cert = root.client(ACME).issue();
    let connector = tokio_rustls::TlsConnector::from(client(&cert, VERSIONS[0]));
    let connect = async {
        let tcp = tokio::net::TcpStream::connect(to).await.expect("connected");
        let name = ServerName::try_from(SERVER).expect("a name");
        connector.connect(name, tcp).await.expect("a handshake")
    };
    let ((secured, _), _client) = tokio::join!(listener.accept(), connect);
    // Nobody had to be cut off for it.
    assert_eq!(*codes.failed.lock().expect("sound"), HashMap::new());
    assert!(
        secured
            .connection()
            .identify(&policy(private(&[&root])), NOW)
            .is_ok()
    );
    assert_eq!(codes.completed.load(std::sync::atomic::Ordering::SeqCst), 1);
    // The silent ones are cut off, each with its reason.
    for tcp in &mut silent {
        let mut rest = Vec::new();
        let closed = tokio::time::timeout(Duration::from_secs(5), tcp.read_to_end(&mut rest)).await;
        assert!(closed.is_ok(), "still open");
    }
    let failed = codes.failed.lock().expect("sound").clone();
    assert_eq!(failed, HashMap::from([("handshake.timed_out", 50)]));
}

/// The cap holds: more than so many handshakes are not under way at once, and a place is free again after its time.
#[tokio::test]
async fn p4_handshakes_under_way_are_capped() {
    let root = TestCa::new("Root");
    let codes = Arc::new(Codes::default());
    let acceptor = Acceptor::new(server(private(&[&root])))
        .with_handshake_timeout(Duration::from_millis(300))
        .with_max_handshakes(2)
        .observed_by(codes.clone());
    let mut listener = Listener::bind("127.0.0.1:0", acceptor).await.expect("a port");
    let to = listener.local_addr();
    let mut silent = Vec::new();
    for _ in 0..2 {
        silent.push(tokio::net::TcpStream::connect(to).await.expect("connected"));
    }
    let cert = root.client(ACME).issue();
    let connector = tokio_rustls::TlsConnector::from(client(&cert, VERSIONS[0]));
    let connect = async {
        let tcp = tokio::net::TcpStream::connect(to).await.expect("connected");
        let name = ServerName::try_from(SERVER).expect("a name");
        connector.connect(name, tcp).await.expect("a handshake")
    };
    let (_, _client) = tokio::join!(listener.accept(), connect);
    // One of the silent ones had to go first.
    assert!(
        codes
            .failed
            .lock()
            .expect("sound")
            .contains_key("handshake.timed_out")
    );
}

/// CVE-2022-21657: the purpose was not asked for.
#[test]
fn p5_the_purpose_is_asked_for() {
    let root = TestCa::new("Root");
    let servers = root.intermediate_builder("Servers").server_only().issue();
    for (case, cert, code) in [
        (
            "none",
            root.client(ACME).without_eku(),
            "trust.no_extended_key_usage",
        ),
        ("any", root.client(ACME).any_eku(), "trust.extended_key_usage"),
        (
            "server",
            root.client(ACME).server_only(),
            "trust.extended_key_usage",
        ),
        (
            "issuer for servers",
            servers.client(ACME),
            "trust.extended_key_usage",
        ),
    ] {
        for version in VERSIONS {
            let (reason, alert) = refused(private(&[&root]), &cert.clone().issue(), version);
            assert_eq!(reason.map(|reason| reason.code()), Some(code), "{case}");
            assert_eq!(alert, Some(UnsupportedCertificate), "{case}");
        }
    }
}

/// CVE-2024-24783, CVE-2026-27138: what is unknown, or bent, panics the verifier.
#[test]
fn p6_no_certificate_panics_its_reader_and_no_bent_one_is_let_in() {
    let root = TestCa::new("Root");
    let issuing = root.intermediate("Issuing");
    let cert = issuing
        .client(ACME)
        .common_name("acme")
        .organizational_unit("unit")
        .issue();
    let trust = private(&[&root]);
    let (leaf, issuer) = (cert.leaf().as_ref(), issuing.certificate().as_ref());
    let ask = |chain: [&[u8]; 2]| {
        let chain = PeerChain::parse(chain.map(CertificateDer::from))?;
        VerifiedPeer::verify(&trust, chain, Role::Client, NOW).map(|_| ())
    };
    assert_eq!(ask([leaf, issuer]), Ok(()));
    let torn = Err(Untrusted::Malformed(Malformed::Certificate));
    let mut refused = std::collections::BTreeSet::new();
    for place in 0..leaf.len() {
        for flip in [0x01, 0x80, 0xff] {
            let mut bent = leaf.to_vec();
            bent[place] ^= flip;
            let answer = ask([&bent, issuer]);
            refused.insert(
                answer
                    .err()
                    .map_or("trusted".to_owned(), |error| format!("leaf {}", error.code())),
            );
        }
        assert_eq!(ask([&leaf[..place], issuer]), torn, "leaf, cut at {place}");
    }
    for place in 0..issuer.len() {
        let mut bent = issuer.to_vec();
        bent[place] ^= 0x01;
        let answer = ask([leaf, &bent]);
        refused.insert(
            answer
                .err()
                .map_or("trusted".to_owned(), |error| format!("issuer {}", error.code())),
        );
        refused.extend(
            ask([leaf, &issuer[..place]])
                .err()
                .map(|error| format!("cut {}", error.code())),
        );
    }
    let codes: Vec<_> = refused.iter().map(String::as_str).collect();
    assert_eq!(
        codes,
        [
            "cut trust.path",
            "issuer trust.critical_extension",
            "issuer trust.not_yet_valid",
            "issuer trust.path",
            "issuer trust.signature",
            "issuer trust.signature_algorithm",
            "issuer trust.unknown_issuer",
            "leaf identity.certificate",
            "leaf identity.critical_extension",
            "leaf identity.extension",
            "leaf identity.name",
            "leaf trust.not_yet_valid",
            "leaf trust.path",
            "leaf trust.signature",
            "leaf trust.unknown_issuer"
        ]
    );
    // A key of an algorithm that nobody knows.
    let algorithm = sequence(&[tlv(6, &[0x2a, 3, 4, 5])]);
    let unknown = sequence(&[algorithm, tlv(3, &[0, 1, 2, 3])]);
    let odd = root.client(ACME).raw_spki(&unknown).issue();
    assert_eq!(verify(&trust, &odd), Err(Untrusted::UnsupportedKey));
}

/// CVE-2026-27137: constraints on e-mail addresses.
#[test]
fn p6_constraints_on_mail_are_not_passed_over() {
    let tree = sequence(&[tlv(0x81, b"acme.example")]);
    let root = TestCa::builder("Root")
        .critical_extension(NAME_CONSTRAINTS, &sequence(&[tlv(0xa1, &tree)]))
        .issue();
    let answer = verify(&private(&[&root]), &root.client("ops@acme.example").issue());
    let kind = "e-mail address";
    assert_eq!(answer, Err(Untrusted::UnsupportedNameConstraint { kind }));
}

/// HAProxy 998c8280d: each bad chain leaves something behind.
#[test]
fn p7_bad_chains_leave_nothing_behind() {
    let root = TestCa::new("Root");
    let policy = policy(private(&[&root]));
    let verifier = HandshakeVerifier::new(&provider(), policy.trust());
    let shapes = [
        TestCa::new("Other").intermediate("I").client(ACME).issue(),
        root.client(ACME).expired().issue(),
        root.client(ACME).without_eku().issue(),
        root.intermediate("J").client(ACME).issue(),
    ];
    let expired = CertificateError::ExpiredContext {
        time: NOW,
        not_after: utc(2021, 1, 1),
    };
    let expected = [
        CertificateError::UnknownIssuer,
        expired,
        CertificateError::BadSignature,
        CertificateError::BadSignature,
    ];
    let flood = |range: std::ops::Range<u32>| {
        for n in range {
            let shape = &shapes[n as usize % shapes.len()];
            let chain = shape.chain();
            // Each is one of its own: other bytes in the signature, which then is wrong as well.
            let mut leaf = chain[0].to_vec();
            let end = leaf.len();
            leaf[end - 8..end - 4].copy_from_slice(&n.to_be_bytes());
            let answer = verifier.verify_client_cert(&leaf.into(), &chain[1..], NOW);
            let expected = expected[n as usize % shapes.len()].clone();
            assert_eq!(
                answer.map(|_| ()),
                Err(rustls::Error::InvalidCertificate(expected))
            );
        }
    };
    flood(0..1_000);
    let more = allocation_counter::measure(|| flood(1_000..101_000));
    assert!(more.bytes_current <= 4_096, "{} bytes", more.bytes_current);
}

/// Anchors that rustls and webpki take without a word.
#[test]
fn p8_bad_anchors_are_refused() {
    for (case, anchor, message) in [
        ("expired", TestCa::builder("X").expired().issue(), "expired at"),
        (
            "no CA",
            TestCa::builder("X").not_a_ca().issue(),
            "is not a certificate authority",
        ),
        (
            "no keyCertSign",
            TestCa::builder("X").without_key_cert_sign().issue(),
            "may not sign certificates",
        ),
        (
            "weak",
            TestCa::builder("X").raw_spki(&rsa_spki(1024)).issue(),
            "has a weak key",
        ),
        (
            "unknown critical extension",
            TestCa::builder("X")
                .critical_extension(&[1, 2, 3], &[5, 0])
                .issue(),
            "critical extension",
        ),
    ] {
        let refused = builder(&[&anchor]).build(NOW).map(|_| ()).expect_err(case);
        assert!(refused.to_string().contains(message), "{case}: {refused}");
        let public = PublicCa::builder(
            ExpectedPeers::names([Name::Dns("x.example".into())]),
            algorithms(),
        );
        let refused = public
            .pem(anchor.pem().as_bytes())
            .build(NOW)
            .map(|_| ())
            .expect_err(case);
        assert!(refused.to_string().contains(message), "{case}: {refused}");
    }
    let public = webpki_root_certs::TLS_SERVER_ROOT_CERTS[0].clone();
    let refused = PrivateCa::builder(algorithms())
        .der(public)
        .build(NOW)
        .map(|_| ());
    assert!(
        refused
            .expect_err("public")
            .to_string()
            .contains("is a public authority")
    );
}

/// CVE-2026-28755: a verdict is computed, and then nobody looks at it.
#[test]
fn p9_every_verdict_counts_wherever_it_stands() {
    let root = TestCa::new("Root");
    let cert = root.client(ACME).issue();
    type Verifier = Arc<dyn VerifyPeer>;
    let yes: [Verifier; 3] = [
        Arc::new(private(&[&root])),
        Arc::new(PinSet::of([Pin::leaf(key_of(&cert))])),
        Arc::new(private(&[&root])),
    ];
    let revoked = with_revocation(&root, Revocation::required(crls([root.crl(1).revoke(&cert)])));
    let no: [(Verifier, &str); 6] = [
        (
            Arc::new(private(&[&TestCa::new("Other")])),
            "trust.unknown_issuer",
        ),
        (Arc::new(PinSet::new([SpkiHash::of(b"x")])), "trust.not_pinned"),
        (Arc::new(DenyList::new().key(key_of(&cert))), "trust.on_deny_list"),
        (Arc::new(revoked), "trust.revoked"),
        (
            Arc::new(with_profile(&root, Profile::strict().require_policy("1.2.3"))),
            "trust.policy",
        ),
        (Arc::new(Remembered::new(PinSet::default())), "trust.not_pinned"),
    ];
    let joined = |all: &[Verifier; 3]| {
        let [one, two, three] = all.clone();
        [
            Box::new(one.clone().and(two.clone()).and(three.clone())) as Box<dyn VerifyPeer>,
            Box::new(one.clone().and(two.clone().and(three.clone()))),
            Box::new(Remembered::new(one.and(Live::new(two)).and(three))),
        ]
    };
    for trust in joined(&yes) {
        assert_eq!(verify(&trust, &cert).map(|_| ()), Ok(()));
    }
    for (verdict, code) in &no {
        for place in 0..3 {
            let mut all = yes.clone();
            all[place] = verdict.clone();
            for trust in joined(&all) {
                let refused = verify(&trust, &cert).expect_err(code).code();
                // In front, a deny list has not seen anybody trusted yet.
                let expected = match (place, *code) {
                    (0, "trust.on_deny_list") => "trust.nothing_before",
                    _ => code,
                };
                assert_eq!(refused, expected, "in place {place}");
            }
        }
    }
}
