//! Files that are read anew when they change, and one that is broken for a while.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use countersign::live::Live;
use countersign::observe::Observer;
use countersign::reload::{FileSource, Reload, Rules};
use countersign::testing::TestCa;
use countersign::tls::{Credentials, Tls};
use countersign::trust::PrivateCa;

use crate::AnyError;

pub(crate) struct Files {
    ca: TestCa,
    pub(crate) anchors: Live<PrivateCa>,
    pub(crate) own: Live<Credentials>,
    /// Ends before the folder does.
    _reload: Reload,
    folder: Folder,
}

/// Gone with this.
struct Folder(PathBuf);

impl Files {
    pub(crate) async fn new(ca: &TestCa, tls: &Tls, observer: &Arc<dyn Observer>) -> Result<Self, AnyError> {
        let folder = std::env::temp_dir().join(format!("observed-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let folder = Folder(folder);
        let at = |name: &str| folder.0.join(name);
        let server = ca.server("hooks.acme.example").issue();
        fs::write(at("ca.pem"), ca.pem())?;
        fs::write(at("own.pem"), server.chain_pem())?;
        fs::write(at("own.key"), server.key_pem())?;
        let (reload, rules) = (Reload::new().observed_by(observer.clone()), Rules::default());
        let anchors = FileSource::anchors(at("ca.pem"), tls.algorithms());
        let own = FileSource::credentials(tls, at("own.pem"), at("own.key"));
        Ok(Self {
            anchors: reload.start("authorities", anchors, rules).await?.live(),
            own: reload.start("own certificate", own, rules).await?.live(),
            ca: ca.clone(),
            _reload: reload,
            folder,
        })
    }

    /// What somebody does to them: of every 200 times, the authorities are broken at one, and mended at a later one, when the own
    /// certificate is renewed too.
    pub(crate) fn change(&self, time: u64) -> Result<(), AnyError> {
        let put = |name: &str, text: &str| fs::write(self.folder.0.join(name), text);
        match time % 200 {
            20 => put("ca.pem", "-----BEGIN CERTIFICATE-----\n")?,
            120 => {
                let server = self.ca.server("hooks.acme.example").issue();
                put("ca.pem", &self.ca.pem())?;
                put("own.pem", &server.chain_pem())?;
                put("own.key", &server.key_pem())?;
            }
            _ => {}
        }
        Ok(())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
