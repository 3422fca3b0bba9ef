//! `doctor pin`: the pin of a certificate's key, as a file of pins has it.

use std::path::PathBuf;

use countersign::identity::PeerChain;
use serde_json::json;

use crate::asked::{Answer, Asked, Stop};
use crate::command_line::unknown;
use crate::peer::chain;

pub(crate) fn run(asked: &mut Asked) -> Result<Answer, Stop> {
    let alone = |files: &mut Vec<PathBuf>, file: String| {
        files.push(file.into());
        Ok(())
    };
    let files = asked.given(|_, option, _| Err(unknown(option)), alone)?;
    if files.is_empty() {
        return Err("give the file of a certificate: doctor pin cert.pem"
            .to_owned()
            .into());
    }
    let (mut text, mut values) = (String::new(), Vec::new());
    for file in &files {
        let chain = PeerChain::parse(chain("pin", file)?)
            .map_err(|invalid| format!("pin {}: {invalid}", file.display()))?;
        let leaf = chain.leaf();
        text += &format!("{}\n", leaf.spki());
        values.push(json!({
            "file": file,
            "pin": leaf.spki().to_string(),
            "certificate": leaf.hash().to_string(),
        }));
    }
    Ok(Answer {
        fine: true,
        text,
        value: values.into(),
    })
}
