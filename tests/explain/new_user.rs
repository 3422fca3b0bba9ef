//! What a new user meets first, made with his tools: each message says what was seen, and what to do.

use std::path::PathBuf;
use std::process::Command;

use countersign::identity::PeerChain;
use countersign::pem;
use countersign::testing::{NOW, TestCa, utc};
use countersign::tls::Credentials;
use countersign::tls::rustls::crypto::aws_lc_rs;
use countersign::tls::rustls::pki_types::CertificateDer;
use countersign::trust::{Crls, PrivateCa};

/// A folder of its own, gone at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("countersign-explain-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }

    /// Runs `openssl` in it; `None` where there is none.
    fn openssl(&self, arguments: &str) -> Option<()> {
        let output = Command::new("openssl")
            .args(arguments.split(' '))
            .current_dir(&self.0)
            .output();
        let Ok(output) = output else {
            assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "openssl is installed");
            eprintln!("SKIPPED: there is no openssl");
            return None;
        };
        let why = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "openssl {arguments}: {why}");
        Some(())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).expect("a file")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn anchored(pem: &[u8]) -> String {
    let algorithms = aws_lc_rs::default_provider()
        .signature_verification_algorithms
        .all;
    PrivateCa::from_pem(pem, algorithms, NOW)
        .expect_err("refused")
        .to_string()
}

fn leaf(pem: &[u8]) -> String {
    let chain = pem::certificates(pem).expect("PEM");
    PeerChain::parse(chain).expect_err("refused").to_string()
}

fn says(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "{part:?} in: {message}");
    }
}

/// Without extensions OpenSSL makes version 1, as the tutorials do.
#[test]
fn certificates_of_version_1() {
    let folder = Folder::new("version-1");
    let made = (|| {
        folder.openssl("req -newkey rsa:2048 -nodes -keyout key.pem -out request.pem -subj /CN=client")?;
        // Old releases do so by themselves, new ones where they are asked.
        let sign = "x509 -req -in request.pem -signkey key.pem -out old.pem -days 3650";
        let newer = format!("{sign} -x509v1");
        let asked = Command::new("openssl")
            .args(newer.split(' '))
            .current_dir(&folder.0)
            .output()
            .ok()?;
        if !asked.status.success() {
            folder.openssl(sign)?;
        }
        Some(())
    })();
    if made.is_none() {
        return;
    }
    says(
        &leaf(&folder.read("old.pem")),
        &["version 1", "must be of version 3", "-extfile"],
    );
    says(
        &anchored(&folder.read("old.pem")),
        &[
            "CN=client is an X.509 certificate of version 1",
            "basicConstraints=critical,CA:TRUE",
        ],
    );
}

/// Tests like to have certificates that were always valid.
#[test]
fn a_date_before_1970() {
    let root = TestCa::new("Root");
    let good = root
        .client("spiffe://a.example/b")
        .validity(utc(1970, 1, 1), utc(2040, 1, 1))
        .issue();
    let der = good.leaf().as_ref();
    let place = der
        .windows(13)
        .position(|part| part == b"700101000000Z")
        .expect("the date");
    let mut old = der.to_vec();
    old[place..place + 13].copy_from_slice(b"691231235959Z");
    let why = PeerChain::parse([CertificateDer::from(old)])
        .expect_err("refused")
        .to_string();
    says(&why, &["a date before 1970", "1969"]);
}

#[test]
fn a_key_of_another_certificate_names_both_files() {
    let folder = Folder::new("other-key");
    let root = TestCa::new("Root");
    let (one, two) = (
        root.client("spiffe://a.example/1").issue(),
        root.client("spiffe://a.example/2").issue(),
    );
    std::fs::write(folder.path("one.pem"), one.chain_pem()).expect("written");
    std::fs::write(folder.path("two.key"), two.key_pem()).expect("written");
    let pair = Credentials::from_pem_files(
        &aws_lc_rs::default_provider(),
        folder.path("one.pem"),
        folder.path("two.key"),
    );
    let why = pair.map(|_| ()).expect_err("refused").to_string();
    says(&why, &["one.pem", "two.key", "not that of the first certificate"]);
}

#[test]
fn files_in_another_form() {
    let root = TestCa::new("Root");
    says(&anchored(root.certificate()), &["binary, as DER", "-inform DER"]);
    let utf16: Vec<u8> = "\u{feff}"
        .encode_utf16()
        .chain(root.pem().encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    says(&anchored(&utf16), &["UTF-16; save it as UTF-8"]);
}

#[test]
fn a_list_of_revocations_is_named_with_its_extension() {
    let root = TestCa::new("Root");
    let list = root.crl(1).critical_extension(&[1, 2, 3], &[5, 0]).issue();
    let why = Crls::from_pem(list.pem().as_bytes(), NOW)
        .map(|_| ())
        .expect_err("refused")
        .to_string();
    says(&why, &["the CRL of CN=Root", "1.2.3"]);
}
