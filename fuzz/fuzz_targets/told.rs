//! WHAT DOES IT TELL? What the doctor reads of people and their tools: header fields line by line, what `curl -v` printed, HAR files, and the files of the incoming proxy with
//! whatever stands in the wrong place. It answers or says what is wrong, as the verifier decides, and no secret stands in what it tells.
#![no_main]

#[allow(dead_code, reason = "the doctor uses more of it")]
#[path = "../../examples/doctor/asked.rs"]
mod asked;
#[path = "../../examples/doctor/audit.rs"]
mod audit;
#[path = "../../examples/support/command_line.rs"]
mod command_line;
#[allow(dead_code, reason = "the proxy uses more of it")]
#[path = "../../examples/incoming_proxy/document.rs"]
mod document;
#[allow(dead_code, reason = "the proxy uses more of it")]
#[path = "../../examples/incoming_proxy/integration.rs"]
mod integration;
#[path = "../../examples/incoming_proxy/kept.rs"]
mod kept;
#[path = "../../examples/support/keys.rs"]
mod keys;
#[path = "../../examples/support/lines.rs"]
mod lines;
#[path = "../../examples/doctor/paint.rs"]
mod paint;
#[path = "../../examples/doctor/payload/mod.rs"]
mod payload;
#[allow(dead_code, reason = "of its files alone")]
#[path = "../../examples/doctor/peer.rs"]
mod peer;
#[path = "../../examples/doctor/request.rs"]
mod request;
#[path = "../../examples/support/say.rs"]
mod say;
#[allow(dead_code, reason = "the doctor uses more of it")]
#[path = "../../examples/doctor/trusted.rs"]
mod trusted;
#[path = "../../examples/incoming_proxy/watched.rs"]
mod watched;

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use arbitrary::{Result, Unstructured};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::payload::Scheme;
use countersign::payload::hmac::KeySpec;
use countersign::payload::providers::presets::{self, Make};
use countersign::testing::TestCa;
use countersign_fuzz::{Sender, Sent, bytes, secret, within};
use libfuzzer_sys::fuzz_target;

use asked::{Answer, Asked, Stop};
use command_line::Words;

/// As in the doctor.
type Mistake = String;

/// `NOW` of the senders.
const AT: &str = "2026-09-21T14:13:20Z";
const FOLDER: &str = "countersign-told-";
const CONFIG: &str = include_str!("../../examples/incoming_proxy/proxy.toml");

struct World {
    folder: PathBuf,
    /// Each with its secret.
    senders: Vec<(Sender, String)>,
    /// Of the proxy.
    keys: String,
    private: String,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let folder = std::env::temp_dir().join(format!("{FOLDER}{}", std::process::id()));
    sweep();
    std::fs::create_dir_all(&folder).expect("a folder");
    let ca = TestCa::new("Platform");
    let server = ca.server("hooks.example").issue();
    let key = secret(&KeySpec::from(&Scheme::standard_webhooks()), 1);
    let pin = countersign::identity::SpkiHash::of(
        &ca.client("spiffe://platform.example/tenant/acme")
            .issue()
            .spki_der(),
    );
    let files = [
        ("server.pem", server.chain_pem()),
        ("server.key", server.key_pem()),
        ("platform-ca.pem", ca.pem()),
        ("pins.txt", format!("{pin}\n")),
        ("keys.txt", format!("acme key-1 {key}\n")),
    ];
    for (name, text) in files {
        std::fs::write(folder.join(name), text).expect("a file");
    }
    World {
        folder,
        senders: countersign_fuzz::hmac().map(with_secret).collect(),
        keys: key,
        private: server.key_pem(),
    }
});

/// The folders of runs that have ended: libFuzzer leaves without dropping anything.
fn sweep() {
    let processes = Path::new("/proc");
    if !processes.join("self").exists() {
        return;
    }
    for entry in std::fs::read_dir(std::env::temp_dir())
        .into_iter()
        .flatten()
        .flatten()
    {
        let name = entry.file_name();
        let process = name.to_str().and_then(|name| name.strip_prefix(FOLDER));
        if process.is_some_and(|process| !processes.join(process).exists()) {
            // Whoever else is at it has the same in mind.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

fn with_secret(sender: Sender) -> (Sender, String) {
    let spec = match presets::find(sender.name).expect("a preset").make {
        Make::Hmac(make) => KeySpec::from(&make()),
        Make::HmacOfUrl(make) => KeySpec::from(&make(&countersign_fuzz::origin())),
        Make::Partial(make) => KeySpec::from(&make()),
        _ => unreachable!("not an HMAC"),
    };
    let secret = secret(&spec, 1);
    (sender, secret)
}

// Choices: what is asked, a message or a configuration, changes in what stands in files.
fuzz_target!(init: { LazyLock::force(&WORLD); }, |data: &[u8]| {
    // An input that ends early has chosen nothing more.
    let _ = play(&mut Unstructured::new(data));
});

fn play(choices: &mut Unstructured<'_>) -> Result<()> {
    match choices.int_in_range(0..=3)? {
        0 | 1 => message(choices),
        2 => configuration(choices),
        _ => misplaced(choices),
    }
}

/// Whether anything was changed.
fn change(text: &mut Vec<u8>, choices: &mut Unstructured<'_>) -> Result<bool> {
    let changes = choices.int_in_range(0..=3)?;
    for _ in 0..changes {
        let begin = choices.int_in_range(0..=text.len())?;
        let end = choices.int_in_range(begin..=text.len().min(begin + 48))?;
        text.splice(begin..end, bytes(choices, 48)?.iter().copied());
    }
    Ok(changes > 0)
}

fn file(name: &str, text: &[u8]) -> String {
    let path = WORLD.folder.join(name);
    std::fs::write(&path, text).expect("a file");
    path.to_str().expect("text").to_owned()
}

fn message(choices: &mut Unstructured<'_>) -> Result<()> {
    let (sender, secret) = choices.choose(&WORLD.senders)?;
    let Some(sent) = sender.send(bytes(choices, 64)?) else {
        return Ok(());
    };
    let (option, mut text) = match choices.int_in_range(0..=2)? {
        0 => ("--headers", lines_of(&sent, "", "\r\n")),
        1 => (
            "--headers",
            [
                b"*   Trying 10.0.0.1:443...\n".to_vec(),
                lines_of(&sent, "> ", "\r\n"),
                b"< HTTP/1.1 401\n".to_vec(),
            ]
            .concat(),
        ),
        _ => ("--har", har(&sent)),
    };
    let is_changed = change(&mut text, choices)? || text.starts_with(b"*");
    let (kept, key) = (
        file("message", &text),
        file("secret", format!("{secret}\n").as_bytes()),
    );
    let origin = countersign_fuzz::origin().to_string();
    let words = [
        "--scheme",
        sender.name,
        option,
        &kept,
        "--key-file",
        &key,
        "--origin",
        &origin,
        "--at",
        AT,
    ];
    let answer = within(text.len(), || payload::run(&mut Asked::new(Words::of(words))));
    let shown = is_silent(&answer, &[secret], &text);
    if let (false, Ok(answer)) = (is_changed, &answer) {
        let verdict = sender.verifies.verdict(&sent.message());
        assert_eq!(
            answer.fine,
            verdict.is_ok(),
            "{}: {verdict:?} {shown}",
            sender.name
        );
    }
    Ok(())
}

/// What is told, which holds none of these.
fn is_silent(answer: &std::result::Result<Answer, Stop>, secrets: &[&str], of: &[u8]) -> String {
    let shown = match answer {
        Ok(answer) => format!("{}\n{}", answer.text, answer.value),
        Err(Stop::Mistake(mistake)) => mistake.clone(),
        Err(Stop::Help) => String::new(),
    };
    for secret in secrets {
        assert!(
            !shown.contains(secret),
            "{shown}\n{}",
            String::from_utf8_lossy(of)
        );
    }
    shown
}

fn lines_of(sent: &Sent, mark: &str, end: &str) -> Vec<u8> {
    let mut text = format!("{mark}{} {} HTTP/1.1{end}", sent.method, sent.uri).into_bytes();
    for (name, value) in &sent.headers {
        text.extend(
            [
                mark.as_bytes(),
                name.as_str().as_bytes(),
                b": ",
                value.as_bytes(),
                end.as_bytes(),
            ]
            .concat(),
        );
    }
    text.extend([mark.as_bytes(), end.as_bytes(), &sent.body].concat());
    text
}

fn har(sent: &Sent) -> Vec<u8> {
    let field = |(name, value): (&http::HeaderName, &http::HeaderValue)| serde_json::json!({ "name": name.as_str(), "value": String::from_utf8_lossy(value.as_bytes()) });
    let headers: Vec<_> = sent.headers.iter().map(field).collect();
    let url = format!("{}{}", countersign_fuzz::origin(), sent.uri);
    let body =
        serde_json::json!({ "mimeType": "", "text": STANDARD.encode(&sent.body), "encoding": "base64" });
    let request = serde_json::json!({ "method": sent.method.as_str(), "url": url, "headers": headers, "postData": body });
    let entries = serde_json::json!([{ "startedDateTime": AT, "request": request }]);
    serde_json::json!({ "log": { "entries": entries } })
        .to_string()
        .into_bytes()
}

fn audited(text: &[u8]) -> String {
    let world = &*WORLD;
    let kept = file("proxy.toml", text);
    let answer = audit::run(&mut Asked::new(Words::of(["--config", &kept, "--at", AT])));
    // Of a private key, each line is one.
    let lines = world.private.lines().filter(|line| line.len() > 30);
    let secrets: Vec<&str> = lines.chain([&*world.keys]).collect();
    is_silent(&answer, &secrets, text)
}

/// Files as they are, and changed.
fn configuration(choices: &mut Unstructured<'_>) -> Result<()> {
    let world = &*WORLD;
    let mut text = CONFIG.as_bytes().to_vec();
    change(&mut text, choices)?;
    let (mut keys, mut pins) = (format!("acme key-1 {}\n", world.keys).into_bytes(), Vec::new());
    change(&mut keys, choices)?;
    change(&mut pins, choices)?;
    let size = text.len() + keys.len() + pins.len();
    let folder: &Path = &world.folder;
    std::fs::write(folder.join("keys.txt"), keys).expect("a file");
    if !pins.is_empty() {
        std::fs::write(folder.join("pins.txt"), pins).expect("a file");
    }
    within(size, || audited(&text));
    Ok(())
}

/// A secret in the place of a file's name, and one file in the place of another.
fn misplaced(choices: &mut Unstructured<'_>) -> Result<()> {
    let world = &*WORLD;
    let private = world.private.replace('\n', "\\n");
    let line = format!("acme key-1 {}", world.keys);
    let inside = world.private.lines().nth(1).unwrap_or_default().to_owned();
    let values = [
        &*world.keys,
        &line,
        &private,
        &inside,
        "server.key",
        "keys.txt",
        "server.pem",
        "platform-ca.pem",
    ];
    let mut text = CONFIG.to_owned();
    for _ in 0..choices.int_in_range(1..=3)? {
        let place = *choices.choose(&[
            "\"server.pem\"",
            "\"server.key\"",
            "\"platform-ca.pem\"",
            "\"pins.txt\"",
            "\"keys.txt\"",
        ])?;
        let value = *choices.choose(&values)?;
        let value = match choices.arbitrary()? {
            true => format!("\"{value}\""),
            false => format!("{{ env = \"{value}\" }}"),
        };
        text = text.replacen(place, &value, 1);
    }
    std::fs::write(world.folder.join("keys.txt"), format!("{line}\n")).expect("a file");
    within(text.len(), || audited(text.as_bytes()));
    Ok(())
}
