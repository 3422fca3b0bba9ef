//! Throw-away files, for the time of one demo.

use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;

use countersign::identity::SpkiHash;
use countersign::testing::TestCert;

/// A folder for the owner's eyes only, gone with this.
pub(crate) struct Files(PathBuf);

impl Files {
    pub(crate) fn new() -> io::Result<Self> {
        let folder = std::env::temp_dir().join(format!("incoming_proxy-{}", std::process::id()));
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&folder)?;
        Ok(Self(folder))
    }

    pub(crate) fn put(&self, name: &str, text: &str) -> io::Result<PathBuf> {
        let path = self.0.join(name);
        fs::File::create_new(&path)?.write_all(text.as_bytes())?;
        Ok(path)
    }

    pub(crate) fn pair(&self, name: &str, cert: &TestCert) -> io::Result<PathBuf> {
        self.put(&format!("{name}.pem"), &cert.chain_pem())?;
        self.put(&format!("{name}.key"), &cert.key_pem())
    }

    pub(crate) fn pins(&self, name: &str, certs: &[&TestCert]) -> io::Result<PathBuf> {
        let pins: Vec<_> = certs
            .iter()
            .map(|cert| SpkiHash::of(&cert.spki_der()).to_string())
            .collect();
        self.put(name, &pins.join("\n"))
    }

    pub(crate) fn keys(&self, name: &str, secrets: &[(&str, String)]) -> io::Result<PathBuf> {
        let lines: Vec<_> = secrets
            .iter()
            .map(|(tenant, secret)| format!("{tenant} 2026 {secret}"))
            .collect();
        self.put(name, &lines.join("\n"))
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
