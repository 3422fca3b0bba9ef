//! One of every reason there is, each with its code.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::sync::Arc;

use countersign::address::AddressGuard;
use countersign::breaker::NotNow;
use countersign::codes::{Entry, Fault, Few, Seen};
use countersign::dispatch::{Failure, InvalidEndpoint, Stage};
use countersign::egress::NotResolved;
use countersign::identity::{Malformed, NameKind, SerialNumber, SpkiHash, Validity};
use countersign::observe::{Cut, HandshakeFailure};
use countersign::payload::http_signature::InvalidHttpSignature;
use countersign::payload::jose::{Algorithm, InvalidJson, InvalidJwt, JwtPart};
use countersign::payload::{CannotSign, NoKey, NotAuthentic};
use countersign::proxy_protocol::InvalidHeader;
use countersign::refusal::{Busy, Misdirected, NotForwarded, Refusal, UnreadableField};
use countersign::reload::NotLoaded;
use countersign::replay::{NotCommitted, NotFresh, Replayed, Settlement, StoreDown};
use countersign::tenant::NoTenant;
use countersign::testing::NOW;
use countersign::trust::{SecondCheck, Untrusted};
use countersign::usage::NotRetired;
use http::HeaderName;

use crate::support::{at, cut_off, secs, tenant};

/// One of every refusal there is.
pub(crate) fn every_refusal() -> Vec<(Refusal, &'static str)> {
    let header = HeaderName::from_static("webhook-signature");
    let (spki, name) = (SpkiHash::of(b"key"), header.clone());
    let (sender, rule): (_, Arc<str>) = (tenant("acme"), "rule".into());
    let needed = "clientAuth";
    let serial = SerialNumber::from_bytes(&[7]);
    #[rustfmt::skip]
    let malformed = [
        (Malformed::Empty, "identity.empty"),
        (Malformed::TooManyCertificates { limit: 8 }, "identity.too_many_certificates"),
        (Malformed::ChainTooLarge { limit: 8 }, "identity.chain_too_large"),
        (Malformed::Certificate, "identity.certificate"),
        (Malformed::Version { version: 1 }, "identity.version"),
        (Malformed::Extension, "identity.extension"),
        (Malformed::CriticalExtension { oid: Seen::of("1.2.3") }, "identity.critical_extension"),
        (Malformed::Validity { problem: "a date before 1970", seen: Seen::of("1969") }, "identity.validity"),
        (Malformed::Name { kind: NameKind::Dns, seen: Seen::of("a\0.example") }, "identity.name"),
        (Malformed::ParsersDisagree { field: "key" }, "identity.parsers_disagree"),
    ];
    #[rustfmt::skip]
    let untrusted = [
        (Untrusted::UnknownIssuer, "trust.unknown_issuer"),
        (Untrusted::Expired { not_after: at(1), now: at(2) }, "trust.expired"),
        (Untrusted::NotYetValid { not_before: at(2), now: at(1) }, "trust.not_yet_valid"),
        (Untrusted::NoExtendedKeyUsage { needed }, "trust.no_extended_key_usage"),
        (Untrusted::ExtendedKeyUsage { needed }, "trust.extended_key_usage"),
        (Untrusted::KeyUsage, "trust.key_usage"),
        (Untrusted::IssuerKeyUsage, "trust.issuer_key_usage"),
        (Untrusted::CaAsLeaf, "trust.ca_as_leaf"),
        (Untrusted::LeafAsCa, "trust.leaf_as_ca"),
        (Untrusted::Signature, "trust.signature"),
        (Untrusted::SignatureAlgorithm, "trust.signature_algorithm"),
        (Untrusted::NameConstraint, "trust.name_constraint"),
        (Untrusted::UnsupportedNameConstraint { kind: "URI" }, "trust.unsupported_name_constraint"),
        (Untrusted::CrlSignerAsLeaf, "trust.crl_signer_as_leaf"),
        (Untrusted::UnsupportedKey, "trust.unsupported_key"),
        (Untrusted::PathLength, "trust.path_length"),
        (Untrusted::PathBudget, "trust.path_budget"),
        (Untrusted::CriticalExtension { oid: Some(Seen::of("1.2.3")) }, "trust.critical_extension"),
        (Untrusted::WrongName { name: "a.example".into() }, "trust.wrong_name"),
        (Untrusted::NotPinned { spki }, "trust.not_pinned"),
        (Untrusted::WeakKey, "trust.weak_key"),
        (Untrusted::Lifetime { lifetime: secs(2), max: secs(1) }, "trust.lifetime"),
        (Untrusted::Policy { required: "1.2.3".into() }, "trust.policy"),
        (Untrusted::Revoked { serial: serial.clone() }, "trust.revoked"),
        (Untrusted::CrlSignature { issuer: "CN=Root".into() }, "trust.crl_signature"),
        (Untrusted::RevocationUnknown { serial, passed_over: vec![] }, "trust.revocation_unknown"),
        (Untrusted::CrlExpired { next_update: NOW, now: NOW }, "trust.crl_expired"),
        (Untrusted::CrlFromTheFuture { this_update: NOW, now: NOW }, "trust.crl_from_the_future"),
        (Untrusted::CrlIssuer, "trust.crl_issuer"),
        (Untrusted::OnDenyList, "trust.on_deny_list"),
        (Untrusted::NothingBefore, "trust.nothing_before"),
        (Untrusted::Enrolment, "trust.enrolment"),
        (Untrusted::ServersOnly, "trust.servers_only"),
        (Untrusted::UnexpectedName, "trust.unexpected_name"),
        (Untrusted::Rfc5280 { rule: "a rule" }, "trust.rfc5280"),
        (Untrusted::Path, "trust.path"),
        (Untrusted::Denied { reason: "no" }, "trust.denied"),
        (Untrusted::Unavailable, "trust.unavailable"),
    ];
    #[rustfmt::skip]
    let no_tenant = [
        (NoTenant::NoRule, "tenant.no_rule"),
        (NoTenant::Unavailable, "tenant.unavailable"),
        (NoTenant::Unknown { rule: rule.clone(), name: "x".into() }, "tenant.unknown"),
        (NoTenant::Ambiguous { first: rule.clone(), second: rule.clone() }, "tenant.ambiguous"),
        (NoTenant::SharedAuthority { rule }, "tenant.shared_authority"),
        (NoTenant::Unconstrained { kind: NameKind::CommonName }, "tenant.unconstrained_name"),
    ];
    #[rustfmt::skip]
    let forged = [
        (NotAuthentic::MissingHeader { name: name.clone() }, "payload.missing_header"),
        (NotAuthentic::RepeatedHeader { name: name.clone() }, "payload.repeated_header"),
        (NotAuthentic::MalformedHeader { name: name.clone() }, "payload.malformed_header"),
        (NotAuthentic::MalformedQuery, "payload.malformed_query"),
        (NotAuthentic::MissingUrlSecret, "payload.missing_url_secret"),
        (NotAuthentic::MalformedUrlSecret, "payload.malformed_url_secret"),
        (NotAuthentic::MalformedBody, "payload.malformed_body"),
        (NotAuthentic::MalformedTime, "payload.malformed_time"),
        (NotAuthentic::MalformedSignature { name }, "payload.malformed_signature"),
        (NotAuthentic::TooManySignatures { limit: 8 }, "payload.too_many_signatures"),
        (NotFresh::Stale { signed: at(1), now: at(2) }.into(), "replay.stale"),
        (NotFresh::FromTheFuture { signed: at(2), now: at(1) }.into(), "replay.from_the_future"),
        (NoKey::Unknown { sender: sender.clone() }.into(), "payload.no_key"),
        (NoKey::NoneValid { sender: sender.clone() }.into(), "payload.no_valid_key"),
        (NoKey::SenderNeeded.into(), "payload.sender_needed"),
        (NoKey::Unavailable.into(), "payload.keys_unavailable"),
        (NotAuthentic::SignatureMismatch, "payload.signature_mismatch"),
        (NotAuthentic::OtherClaim, "payload.other_claim"),
        (NotAuthentic::Denied { reason: "no" }, "payload.denied"),
    ];
    let tokens = every_invalid_jwt().map(|(why, code)| (NotAuthentic::from(why).into(), code));
    let signatures = every_invalid_http_signature().map(|(why, code)| (NotAuthentic::from(why).into(), code));
    #[rustfmt::skip]
    let others = [
        (Refusal::NoCertificate, "identity.no_certificate"),
        (Refusal::NotWired { missing: "x", remedy: "y" }, "server.not_wired"),
        (Refusal::BodyTooLarge { limit: 8 }, "payload.body_too_large"),
        (Refusal::BodyIncomplete, "payload.body_incomplete"),
        (Refusal::BodyTooSlow { limit: secs(1) }, "payload.body_too_slow"),
        (Refusal::TenantNotAdmitted { tenant: sender.clone() }, "tenant.not_admitted"),
        (Misdirected::NoHost.into(), "host.missing"),
        (Misdirected::TwoHosts.into(), "host.ambiguous"),
        (Misdirected::Unreadable.into(), "host.unreadable"),
        (Misdirected::UnknownHost { host: "a.example".into() }.into(), "host.unknown"),
        (Misdirected::OtherPolicy.into(), "host.other_policy"),
        (mismatch(), "tenant.mismatch"),
        (other_check(), "payload.second_check"),
        (Replayed::Handled.into(), "replay.handled"),
        (Replayed::InProgress { left: secs(1) }.into(), "replay.in_progress"),
        (cut_off().into(), "replay.store_unavailable"),
        (StoreDown::Full.into(), "replay.store_full"),
        (StoreDown::ShareUsedUp { tenant: sender.clone() }.into(), "replay.share_used_up"),
        (Busy::InAll { limit: 1 }.into(), "server.busy"),
        (Busy::Tenant { tenant: sender, limit: 1 }.into(), "server.tenant_busy"),
        (Busy::Reading { limit: 1 }.into(), "server.reading_busy"),
        (Busy::Source { limit: 1 }.into(), "server.source_busy"),
    ];
    let forwarded = every_not_forwarded().map(|(why, code)| (why.into(), code));
    let malformed = malformed.map(|(refusal, code)| (refusal.into(), code));
    let untrusted = untrusted.map(|(refusal, code)| (refusal.into(), code));
    let no_tenant = no_tenant.map(|(refusal, code)| (refusal.into(), code));
    let forged = forged.map(|(refusal, code)| (refusal.into(), code));
    malformed
        .into_iter()
        .chain(untrusted)
        .chain(no_tenant)
        .chain(forged)
        .chain(forwarded)
        .chain(tokens)
        .chain(signatures)
        .chain(others)
        .collect()
}

pub(crate) fn every_not_forwarded() -> [(NotForwarded, &'static str); 15] {
    let field = || HeaderName::from_static("client-cert");
    let problem = UnreadableField::Base64;
    #[rustfmt::skip]
    let all = [
        (NotForwarded::UntrustedHop { field: field() }, "forwarded.untrusted_hop"),
        (NotForwarded::Repeated { field: field() }, "forwarded.repeated"),
        (NotForwarded::Alias { field: field() }, "forwarded.alias"),
        (NotForwarded::HopByHop { field: field() }, "forwarded.hop_by_hop"),
        (NotForwarded::TooLarge { limit: 8 }, "forwarded.too_large"),
        (NotForwarded::Unreadable { field: field(), problem }, "forwarded.unreadable"),
        (NotForwarded::NoStatus { field: field() }, "forwarded.no_status"),
        (NotForwarded::NotVerified { field: field(), status: "NONE".into() }, "forwarded.not_verified"),
        (NotForwarded::CertificateLost { field: field() }, "forwarded.certificate_lost"),
        (NotForwarded::ChainAlone { field: field() }, "forwarded.chain_alone"),
        (NotForwarded::OtherCertificate { field: field() }, "forwarded.other_certificate"),
        (NotForwarded::HopNotAuthentic(NotAuthentic::SignatureMismatch), "forwarded.hop_not_authentic"),
        (NotForwarded::NotCovered { field: field() }, "forwarded.not_covered"),
        (NotForwarded::RequestNotCovered, "forwarded.request_not_covered"),
        (NotForwarded::NotEndToEnd, "forwarded.not_end_to_end"),
    ];
    all
}

pub(crate) fn every_invalid_jwt() -> [(InvalidJwt, &'static str); 35] {
    #[rustfmt::skip]
    let all = [
        (InvalidJwt::TooLarge { limit: 8 }, "payload.token.too_large"),
        (InvalidJwt::Segments, "payload.token.segments"),
        (InvalidJwt::Base64 { part: JwtPart::Payload }, "payload.token.base64"),
        (InvalidJwt::Json { part: JwtPart::Header, problem: InvalidJson::Syntax }, "payload.token.json"),
        (InvalidJwt::MemberType { name: "exp".into() }, "payload.token.member_type"),
        (InvalidJwt::Missing { name: "exp".into() }, "payload.token.missing_member"),
        (InvalidJwt::UnknownAlgorithm, "payload.token.unknown_algorithm"),
        (InvalidJwt::AlgorithmNotAllowed { algorithm: Algorithm::Es256 }, "payload.token.algorithm_not_allowed"),
        (InvalidJwt::OtherAlgorithm { algorithm: Algorithm::Es256 }, "payload.token.other_algorithm"),
        (InvalidJwt::Critical, "payload.token.critical"),
        (InvalidJwt::UnknownCritical, "payload.token.unknown_critical"),
        (InvalidJwt::B64NotCritical, "payload.token.b64_not_critical"),
        (InvalidJwt::AttachedUnencoded, "payload.token.attached_unencoded"),
        (InvalidJwt::NotDetached, "payload.token.not_detached"),
        (InvalidJwt::UnknownKey { kid: Some(Seen::of("b")), known: Few::of(["a"]) }, "payload.token.unknown_key"),
        (InvalidJwt::NoKey { algorithm: Algorithm::Es256 }, "payload.token.no_key"),
        (InvalidJwt::AmbiguousKey, "payload.token.ambiguous_key"),
        (InvalidJwt::UnusableKey, "payload.token.unusable_key"),
        (InvalidJwt::UndecidedAlgorithm, "payload.token.undecided_algorithm"),
        (InvalidJwt::Signature, "payload.token.signature"),
        (InvalidJwt::Type, "payload.token.type"),
        (InvalidJwt::Nested, "payload.token.nested"),
        (InvalidJwt::Claim { name: "aud".into(), seen: Few::of(["them"]), wanted: Few::of(["us"]) }, "payload.token.claim"),
        (InvalidJwt::Expired { exp: 1, now: 2 }, "payload.token.expired"),
        (InvalidJwt::NotYetValid { nbf: 2, now: 1 }, "payload.token.not_yet_valid"),
        (InvalidJwt::FromTheFuture { iat: 2, now: 1 }, "payload.token.from_the_future"),
        (InvalidJwt::TooOld { iat: 1, now: 2 }, "payload.token.too_old"),
        (InvalidJwt::LivesTooLong { limit: 1 }, "payload.token.lives_too_long"),
        (InvalidJwt::OtherTenant { name: "exp".into() }, "payload.token.other_tenant"),
        (InvalidJwt::OtherBody, "payload.token.other_body"),
        (InvalidJwt::OtherRequest, "payload.token.other_request"),
        (InvalidJwt::NoCertificate, "payload.token.no_certificate"),
        (InvalidJwt::OtherCertificate, "payload.token.other_certificate"),
        (InvalidJwt::NotBoundToCertificate, "payload.token.not_bound_to_certificate"),
        (InvalidJwt::UnknownConfirmation, "payload.token.unknown_confirmation"),
    ];
    all
}

pub(crate) fn every_invalid_http_signature() -> [(InvalidHttpSignature, &'static str); 19] {
    #[rustfmt::skip]
    let all = [
        (InvalidHttpSignature::Field { name: HeaderName::from_static("signature") }, "payload.http_signature.field"),
        (InvalidHttpSignature::TooMany, "payload.http_signature.too_many"),
        (InvalidHttpSignature::NotFound { by: "keyid", seen: Few::of(["b"]), wanted: Few::of(["a"]) }, "payload.http_signature.not_found"),
        (InvalidHttpSignature::Ambiguous, "payload.http_signature.ambiguous"),
        (InvalidHttpSignature::Unpaired, "payload.http_signature.unpaired"),
        (InvalidHttpSignature::MissingParameter { name: "created" }, "payload.http_signature.missing_parameter"),
        (InvalidHttpSignature::ParameterType { name: "created" }, "payload.http_signature.parameter_type"),
        (InvalidHttpSignature::UnknownParameter, "payload.http_signature.unknown_parameter"),
        (InvalidHttpSignature::NotCovered { name: "@method".into() }, "payload.http_signature.not_covered"),
        (InvalidHttpSignature::CoveredTwice, "payload.http_signature.covered_twice"),
        (InvalidHttpSignature::Component, "payload.http_signature.component"),
        (InvalidHttpSignature::NotPresent { name: "date".into() }, "payload.http_signature.not_present"),
        (InvalidHttpSignature::OtherAlgorithm { algorithm: Algorithm::Es256 }, "payload.http_signature.other_algorithm"),
        (InvalidHttpSignature::UnknownKey { key_id: Some(Seen::of("b")), known: Few::of(["a"]) }, "payload.http_signature.unknown_key"),
        (InvalidHttpSignature::AmbiguousKey, "payload.http_signature.ambiguous_key"),
        (InvalidHttpSignature::Expired { expires: 1, now: 2 }, "payload.http_signature.expired"),
        (InvalidHttpSignature::NoDigest, "payload.http_signature.no_digest"),
        (InvalidHttpSignature::Digest, "payload.http_signature.digest"),
        (InvalidHttpSignature::Signature, "payload.http_signature.signature"),
    ];
    all
}

#[rustfmt::skip]
pub(crate) fn every_cut() -> [(Cut, &'static str); 13] {
    let limit = secs(1);
    [
        (Cut::SlowHeaders { limit }, "connection.slow_headers"),
        (Cut::LargeHeaders { bytes: 1, number: 1 }, "connection.large_headers"),
        (Cut::Idle { limit }, "connection.idle"),
        (Cut::Stalled { limit }, "connection.stalled"),
        (Cut::Old { limit }, "connection.old"),
        (Cut::Requests { limit: 1 }, "connection.requests"),
        (Cut::Connections { limit: 1 }, "connection.too_many"),
        (Cut::ConnectionsOfSource { limit: 1 }, "connection.too_many_of_source"),
        (Cut::ConnectionsOfTenant { tenant: tenant("acme"), limit: 1 }, "connection.too_many_of_tenant"),
        (Cut::Resets { limit: 1 }, "connection.resets"),
        (Cut::Pings { limit: 1 }, "connection.pings"),
        (Cut::Continuations { limit: 1 }, "connection.continuations"),
        (Cut::Overdone, "connection.overdone"),
    ]
}

pub(crate) fn every_handshake_failure() -> [(HandshakeFailure, &'static str); 9] {
    [
        (Untrusted::UnknownIssuer.into(), "trust.unknown_issuer"),
        (HandshakeFailure::NoCertificate, "identity.no_certificate"),
        (
            HandshakeFailure::UnknownServerName {
                name: "a.example".into(),
            },
            "handshake.unknown_server_name",
        ),
        (HandshakeFailure::NoServerName, "handshake.no_server_name"),
        (HandshakeFailure::Blocked(NotNow::Probing), "breaker.probing"),
        (
            HandshakeFailure::ShareUsedUp { limit: 1 },
            "handshake.share_used_up",
        ),
        (HandshakeFailure::TimedOut, "handshake.timed_out"),
        (HandshakeFailure::Tls("alert".into()), "handshake.tls"),
        (HandshakeFailure::Io("reset".into()), "handshake.io"),
    ]
}

pub(crate) fn every_not_now() -> [(NotNow, &'static str); 2] {
    [
        (NotNow::Open { until: at(1) }, "breaker.open"),
        (NotNow::Probing, "breaker.probing"),
    ]
}

pub(crate) fn every_invalid_endpoint() -> [(InvalidEndpoint, &'static str); 5] {
    [
        (InvalidEndpoint::Url, "endpoint.url"),
        (InvalidEndpoint::NotHttps, "endpoint.not_https"),
        (InvalidEndpoint::Credentials, "endpoint.credentials"),
        (InvalidEndpoint::Host, "endpoint.host"),
        (InvalidEndpoint::Port, "endpoint.port"),
    ]
}

/// With whose fault each is.
#[rustfmt::skip]
pub(crate) fn every_delivery_failure() -> Vec<(Failure, &'static str, Fault)> {
    use Fault::{Network, Ours, Policy, Theirs};
    let (address, reason) = ("10.0.0.1:443".parse().expect("an address"), || "why".to_owned());
    let private = AddressGuard::new().check(address).expect_err("private");
    let timed_out = |stage| Failure::TimedOut { stage };
    vec![
        (Failure::NotTheirEndpoint { owner: tenant("acme") }, "dispatch.not_their_endpoint", Policy),
        (Failure::Unclaimed, "dispatch.unclaimed", Policy),
        (Failure::Expired { at: at(1) }, "dispatch.expired", Policy),
        (Failure::Endpoint(InvalidEndpoint::Host), "endpoint.host", Policy),
        (Failure::PortNotAllowed { port: 22 }, "dispatch.port_not_allowed", Policy),
        (Failure::PrivateAddress(private), "dispatch.private_address", Policy),
        (Failure::NotNow(NotNow::Probing), "breaker.probing", Theirs),
        (Failure::NoIdentity, "dispatch.no_identity", Ours),
        (Failure::Replaced, "dispatch.replaced", Ours),
        (Failure::OwnCertificate { validity: Validity::ALWAYS, now: at(1) }, "dispatch.own_certificate", Ours),
        (Failure::CannotSign(CannotSign::Id), "dispatch.cannot_sign", Ours),
        (Failure::FieldTaken { field: http::header::DATE }, "dispatch.field_taken", Ours),
        (Failure::Tls(countersign::tls::InvalidTls::NoTime), "dispatch.tls", Ours),
        (Failure::IdentityUnfit, "dispatch.identity_unfit", Ours),
        (Failure::IdentityRefusedByStatus { status: 496 }, "dispatch.identity_refused", Ours),
        (Failure::IdentityNotAsked, "dispatch.identity_not_asked", Theirs),
        (Failure::Untrusted(Untrusted::UnknownIssuer), "trust.unknown_issuer", Theirs),
        (Failure::Untrusted(Untrusted::CrlExpired { next_update: at(1), now: at(2) }), "trust.crl_expired", Ours),
        (Failure::Untrusted(Untrusted::NothingBefore), "trust.nothing_before", Ours),
        (Failure::Handshake { reason: reason() }, "dispatch.handshake", Theirs),
        (Failure::NotResolved(NotResolved::new("why")), "dispatch.not_resolved", Network),
        (Failure::Unreachable { address, reason: reason() }, "dispatch.unreachable", Network),
        (Failure::Proxy { proxy: reason(), reason: reason() }, "dispatch.proxy", Ours),
        (timed_out(Stage::Connecting), "dispatch.connecting_timed_out", Network),
        (timed_out(Stage::Handshake), "dispatch.handshake_timed_out", Network),
        (timed_out(Stage::Answering), "dispatch.answer_timed_out", Network),
        (timed_out(Stage::Delivering), "dispatch.timed_out", Network),
        (Failure::NoAnswer { reason: reason() }, "dispatch.no_answer", Network),
        (Failure::NotTaken { status: 200 }, "dispatch.not_taken", Theirs),
        (Failure::NotHttp { reason: reason() }, "dispatch.not_http", Theirs),
        (Failure::Redirected { status: 302 }, "dispatch.redirected", Theirs),
        (Failure::Gone { status: 410 }, "dispatch.gone", Theirs),
        (Failure::Status { status: 500 }, "dispatch.status", Theirs),
    ]
}

pub(crate) fn every_invalid_header() -> [(InvalidHeader, &'static str); 6] {
    [
        (InvalidHeader::Missing, "proxy_header.missing"),
        (InvalidHeader::Unexpected, "proxy_header.unexpected"),
        (InvalidHeader::Truncated, "proxy_header.truncated"),
        (InvalidHeader::TooLong { limit: 8 }, "proxy_header.too_long"),
        (InvalidHeader::Malformed, "proxy_header.malformed"),
        (InvalidHeader::Unsupported, "proxy_header.unsupported"),
    ]
}

/// What stores answer with, and the codes of it.
pub(crate) fn every_settlement() -> [(&'static str, &'static str); 3] {
    [
        (Settlement::Done.code(), "replay.settled"),
        (Settlement::LeaseLost.code(), "replay.lease_lost"),
        (NotCommitted::Taken.code(), "replay.taken"),
    ]
}

pub(crate) fn every_not_loaded() -> [(NotLoaded, &'static str); 6] {
    let what = || "ca.pem".to_owned();
    let reason = || "why".to_owned();
    let (age, max_age) = (secs(2), secs(1));
    [
        (
            NotLoaded::Unreadable {
                what: what(),
                reason: reason(),
            },
            "reload.unreadable",
        ),
        (
            NotLoaded::TooLarge {
                what: what(),
                limit: 1,
            },
            "reload.too_large",
        ),
        (NotLoaded::Changing { what: what() }, "reload.changing"),
        (NotLoaded::Invalid { reason: reason() }, "reload.invalid"),
        (NotLoaded::TooOld { age, max_age }, "reload.too_old"),
        (NotLoaded::Panicked, "reload.panicked"),
    ]
}

pub(crate) fn every_not_retired() -> [(NotRetired, &'static str); 4] {
    [
        (
            NotRetired::StillUsed {
                uses: 1,
                last_used: at(1),
            },
            "retire.still_used",
        ),
        (NotRetired::NoSuccessor, "retire.no_successor"),
        (NotRetired::NotWatched { since: at(1) }, "retire.not_watched"),
        (NotRetired::Unknown, "retire.unknown"),
    ]
}

/// Each of them by its code, with what it says and the row of its table.
pub(crate) fn every_entry() -> Vec<(String, &'static Entry)> {
    let mut all = Vec::new();
    all.extend(
        every_refusal()
            .iter()
            .map(|(why, _)| (why.to_string(), why.entry())),
    );
    all.extend(
        every_handshake_failure()
            .iter()
            .map(|(why, _)| (why.to_string(), why.entry())),
    );
    all.extend(every_cut().iter().map(|(why, _)| (why.to_string(), why.entry())));
    all.extend(
        every_not_now()
            .iter()
            .map(|(why, _)| (why.to_string(), why.entry())),
    );
    all.extend(
        every_invalid_header()
            .iter()
            .map(|(why, _)| (why.to_string(), why.entry())),
    );
    all.extend(
        every_invalid_endpoint()
            .iter()
            .map(|(why, _)| (why.to_string(), why.entry())),
    );
    all.extend(
        every_delivery_failure()
            .iter()
            .map(|(why, _, _)| (why.to_string(), why.entry())),
    );
    all.extend(
        every_not_loaded()
            .iter()
            .map(|(why, _)| (why.to_string(), why.entry())),
    );
    all.extend(
        every_not_retired()
            .iter()
            .map(|(why, _)| (why.to_string(), why.entry())),
    );
    all.push((NotCommitted::Taken.to_string(), NotCommitted::Taken.entry()));
    for settlement in [Settlement::Done, Settlement::LeaseLost] {
        all.push((format!("{settlement:?}"), settlement.entry()));
    }
    all
}

pub(crate) fn mismatch() -> Refusal {
    Refusal::TenantMismatch {
        connection: tenant("acme"),
        payload: tenant("globex"),
    }
}

pub(crate) fn other_check() -> Refusal {
    Refusal::SecondCheck {
        demanded: SecondCheck::Signature("slack"),
        shown: "github".into(),
    }
}
