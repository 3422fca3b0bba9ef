//! Each way of replacing files, and what is not taken.

use std::sync::Arc;
use std::time::Duration;

use countersign::identity::SpkiHash;
use countersign::observe::InForce;
use countersign::reload::{FileSource, Files, FoundBy, NotLoaded, Reading, Reload, Rules};
use countersign::testing::{TestCa, TestCert};
use countersign::tls::rustls::pki_types::{ServerName, UnixTime};
use countersign::trust::{Crls, PrivateCa, Role};

use crate::mount::{Mount, WAYS, Way};
use crate::world::{HOST, Log, SETTLING, rules, tls, until, until_generation};

fn pair(certificate: &TestCert) -> (String, String) {
    (certificate.chain_pem(), certificate.key_pem())
}

fn write_pair(mount: &Mount, way: Way, (chain, key): &(String, String)) {
    mount.write(way, &[("tls.crt", chain.as_bytes()), ("tls.key", key.as_bytes())]);
}

#[tokio::test]
async fn a_certificate_and_its_key_are_renewed_in_each_way() {
    let (ca, tls) = (TestCa::new("Own Root"), tls());
    for way in WAYS {
        let mount = Mount::new("pair");
        let log = Log::default();
        write_pair(&mount, way, &pair(&ca.server(HOST).issue()));
        let reload = Reload::new().observed_by(Arc::new(log.clone()));
        let source = FileSource::credentials(&tls, mount.path("tls.crt"), mount.path("tls.key"));
        // Only events: looking comes too late to help.
        let rules = Rules::default().looking_every(Duration::from_secs(3600));
        let own = reload.start("own", source.with_settling(SETTLING), rules).await;
        let own = own.expect("a pair");
        until("watched", || own.status().found_by == FoundBy::Events).await;
        for generation in 2..6 {
            write_pair(&mount, way, &pair(&ca.server(HOST).issue()));
            until_generation(&own, generation).await;
        }
        assert_eq!(log.of("own"), ["1", "2", "3", "4", "5"], "{way:?}");
        assert!(own.status().is_current());
    }
}

#[tokio::test]
async fn what_no_event_tells_is_found_by_looking() {
    let mount = Mount::new("looking");
    mount.write(Way::Rename, &[("pins", pin(1).as_bytes())]);
    let reload = Reload::new();
    let every = Rules::default().looking_every(Duration::from_millis(20));
    // A folder that is replaced as a whole: whoever watches the old one hears nothing of the new one.
    let pins = FileSource::pins(mount.path("pins")).with_settling(SETTLING);
    let pins = reload.start("pins", pins, every).await.expect("a pin");
    for (round, generation) in (2..5).zip(2..) {
        mount.write(Way::Rename, &[("pins", pin(round).as_bytes())]);
        until_generation(&pins, generation).await;
    }
}

fn pin(number: u8) -> String {
    format!("{}\n", SpkiHash::of(&[number]))
}

#[tokio::test]
async fn what_must_not_be_used_changes_nothing_and_is_told() {
    let (ca, other, tls) = (TestCa::new("Own Root"), TestCa::new("Other Root"), tls());
    let mount = Mount::new("broken");
    let good = pair(&ca.server(HOST).issue());
    write_pair(&mount, Way::Rename, &good);
    let trusted_by = PrivateCa::from_pem(ca.pem().as_bytes(), tls.algorithms(), UnixTime::now());
    let trusted_by = trusted_by.expect("an anchor");
    let source = FileSource::credentials(&tls, mount.path("tls.crt"), mount.path("tls.key"));
    let source = source.checked_by(move |own: &countersign::tls::Credentials, now| {
        let name = ServerName::try_from(HOST).expect("a name");
        own.check_trusted(&trusted_by, Role::Server { name: &name }, now)
    });
    let log = Log::default();
    let reload = Reload::new().observed_by(Arc::new(log.clone()));
    let own = reload.start("own", source.with_settling(SETTLING), rules()).await;
    let own = own.expect("a pair");

    let issue = || ca.server(HOST).issue();
    let bad: [(&str, (String, String)); 7] = [
        ("empty", (String::new(), String::new())),
        ("no PEM", ("what is this?".to_owned(), good.1.clone())),
        (
            "half of it",
            (good.0[..good.0.len() / 2].to_owned(), good.1.clone()),
        ),
        ("another's key", (good.0.clone(), issue().key_pem())),
        ("another's certificate", (issue().chain_pem(), good.1.clone())),
        ("expired", pair(&ca.server(HOST).expired().issue())),
        (
            "of an authority that peers do not trust",
            pair(&other.server(HOST).issue()),
        ),
    ];
    let mut generation = 1;
    for (case, broken) in bad {
        let before = own.live().load();
        let failures = || log.of("own").iter().filter(|line| line.starts_with(':')).count();
        let told = failures();
        write_pair(&mount, Way::Rename, &broken);
        until(case, || failures() > told).await;
        let status = own.status();
        assert_eq!(status.generation, generation, "{case}");
        assert!(Arc::ptr_eq(&before, &own.live().load()), "{case}");
        let failed = status.failed.map(|(_, why)| why.code());
        assert_eq!(failed, Some("reload.invalid"), "{case}");
        assert_eq!(status.in_force, InForce::LastGood);

        write_pair(&mount, Way::Rename, &pair(&issue()));
        generation += 1;
        until_generation(&own, generation).await;
        until("well again", || own.status().is_current()).await;
    }
    std::fs::remove_file(mount.path("tls.key")).expect("the key");
    until("gone", || {
        log.of("own").last().map(String::as_str) == Some(": reload.unreadable (last_good)")
    })
    .await;
    assert_eq!(own.status().generation, generation);
}

#[tokio::test]
async fn what_is_written_anew_and_says_the_same_is_not_published_again() {
    let mount = Mount::new("same");
    mount.write(Way::Rename, &[("pins", pin(1).as_bytes())]);
    let pins = FileSource::pins(mount.path("pins")).with_settling(SETTLING);
    let reload = Reload::new();
    let pins = reload.start("pins", pins, rules()).await.expect("a pin");
    let looked = pins.status().good_at;
    for way in WAYS {
        mount.write(way, &[("pins", pin(1).as_bytes())]);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    pins.look_now();
    mount.write(Way::Rename, &[("pins", pin(2).as_bytes())]);
    until_generation(&pins, 2).await;
    assert!(pins.status().good_at >= looked);
}

#[tokio::test]
async fn a_folder_is_read_as_one_and_lists_never_go_back() {
    let (mount, one, other) = (Mount::new("lists"), TestCa::new("One"), TestCa::new("Other"));
    let write = |name: &str, bytes: &[u8]| mount.write(Way::Rename, &[(name, bytes)]);
    write("one.crl", one.crl(5).issue().pem().as_bytes());
    write("other.crl", other.crl(1).issue().der());
    write("README", b"no list");
    let log = Log::default();
    let reload = Reload::new().observed_by(Arc::new(log.clone()));
    let lists = FileSource::crls(Files::in_folder(mount.path(""), ".crl")).with_settling(SETTLING);
    let lists = reload.start("lists", lists, rules()).await.expect("two lists");
    assert_eq!(lists.live().load().len(), 2);

    write("one.crl", one.crl(4).issue().pem().as_bytes());
    until("an older list", || log.has_failed("lists")).await;
    assert_eq!(lists.status().generation, 1);
    write("one.crl", one.crl(6).issue().pem().as_bytes());
    until_generation(&lists, 2).await;
    std::fs::remove_file(mount.path("other.crl")).expect("a list");
    until("a list that is missing", || {
        matches!(lists.status().failed, Some((_, NotLoaded::Invalid { .. })))
    })
    .await;
    assert_eq!(lists.live().load().len(), 2);
    write("third.crl", TestCa::new("Third").crl(1).issue().der());
    write("other.crl", other.crl(2).issue().der());
    until_generation(&lists, 3).await;
    assert_eq!(lists.live().load().len(), 3);
}

#[tokio::test]
async fn what_is_too_large_is_not_read() {
    let mount = Mount::new("large");
    mount.write(Way::Rename, &[("big", &[b'#'; 1025])]);
    let start = |limit| {
        let read = |files: &Reading<'_, usize>| Ok(files.bytes(0).len());
        let source = Files::of([mount.path("big")]).with_limit(limit).read_by(read);
        async move {
            Reload::new()
                .start("big", source.with_settling(SETTLING), rules())
                .await
        }
    };
    let limit = 1024;
    let what = mount.path("big").display().to_string();
    let refused = start(limit).await.map(drop).expect_err("one byte too many");
    assert_eq!(refused.code(), "reload.too_large", "{refused} {what}");
    let read = start(1025).await.expect("as large as may be");
    assert_eq!(*read.live().load(), 1025);
    let gone = Reload::new()
        .start("gone", FileSource::crls(Files::of([mount.path("gone")])), rules())
        .await;
    assert_eq!(
        gone.map(|_: countersign::reload::Reloading<Crls>| ())
            .map_err(|why| why.code()),
        Err("reload.unreadable")
    );
}
