//! Credentials for one run, and the curl command that uses them.

#[path = "../support/secret.rs"]
mod secret;

use std::error::Error;
use std::fs::{DirBuilder, write};

use countersign::clock::Clock;
use countersign::payload::{Outgoing, SignPayload};
use countersign::testing::TestCa;

pub(crate) use secret::secret;

const BODY: &str = r#"{"type":"order.paid"}"#;

/// A delivery of acme's, signed now.
pub(crate) fn curl(signer: &dyn SignPayload) -> Result<String, Box<dyn Error>> {
    let (acme, now) = ("acme".parse()?, Clock::default().now());
    let mut command = format!("curl -sSf -H content-type:application/json -d '{BODY}'");
    for (name, value) in &signer.sign_payload(&Outgoing::new(&acme, "msg_1", BODY.as_bytes(), now))? {
        command += &format!(" -H '{name}: {}'", value.to_str()?);
    }
    Ok(command)
}

/// What curl needs besides, to call as acme: in a new directory, for the owner's eyes only.
pub(crate) fn client(ca: &TestCa) -> Result<String, Box<dyn Error>> {
    let client = ca.client("spiffe://acme.example/tenant/acme").issue();
    let directory = std::env::temp_dir().join(format!("countersign-axum-{}", std::process::id()));
    #[cfg_attr(not(unix), expect(unused_mut, reason = "modes are of Unix"))]
    let mut new = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut new, 0o700);
    new.create(&directory)?;
    write(directory.join("ca.pem"), ca.pem())?;
    write(directory.join("acme.pem"), client.chain_pem() + &client.key_pem())?;
    let path = directory.display();
    Ok(format!("--cacert '{path}/ca.pem' --cert '{path}/acme.pem'"))
}
