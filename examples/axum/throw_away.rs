//! Credentials for one run, and the curl command that uses them.

#[path = "../support/secret.rs"]
mod random;
#[path = "../support/signals.rs"]
mod signals;

use std::error::Error;
use std::fmt;
use std::fs::{DirBuilder, remove_dir_all, write};
use std::path::PathBuf;
use std::pin::Pin;

use countersign::clock::Clock;
use countersign::payload::{Outgoing, Secret, SignPayload};
use countersign::testing::TestCa;

const BODY: &str = r#"{"type":"order.paid"}"#;

/// What it is asked for is one of two things, and this was neither.
pub(crate) fn usage() -> ! {
    eprintln!("axum: give one argument: payload or mutual-tls");
    std::process::exit(2)
}

pub(crate) fn secret() -> Secret {
    Secret::new(&random::secret())
}

/// A delivery of acme's, signed now.
pub(crate) fn curl(signer: &dyn SignPayload) -> Result<String, Box<dyn Error>> {
    let (acme, now) = ("acme".parse()?, Clock::default().now());
    let mut command = format!("curl -sSf -H content-type:application/json -d '{BODY}'");
    for (name, value) in &signer.sign_payload(&Outgoing::new(&acme, "msg_1", BODY.as_bytes(), now))? {
        command += &format!(" -H '{name}: {}'", value.to_str()?);
    }
    Ok(command)
}

/// What curl needs besides, to call as acme: in a new directory, for the owner's eyes only, which goes away with this.
pub(crate) struct Client {
    directory: PathBuf,
    asked_to_end: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Client {
    pub(crate) async fn until_asked_to_end(mut self) {
        self.asked_to_end.as_mut().await;
    }
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.directory.display();
        write!(f, "--cacert '{path}/ca.pem' --cert '{path}/acme.pem'")
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = remove_dir_all(&self.directory);
    }
}

pub(crate) fn client(ca: &TestCa) -> Result<Client, Box<dyn Error>> {
    let asked_to_end = Box::pin(signals::asked_to_end()?);
    let client = ca.client("spiffe://acme.example/tenant/acme").issue();
    let directory = std::env::temp_dir().join(format!("countersign-axum-{}", std::process::id()));
    #[cfg_attr(not(unix), expect(unused_mut, reason = "modes are of Unix"))]
    let mut new = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut new, 0o700);
    new.create(&directory)?;
    write(directory.join("ca.pem"), ca.pem())?;
    write(directory.join("acme.pem"), client.chain_pem() + &client.key_pem())?;
    Ok(Client {
        directory,
        asked_to_end,
    })
}
