//! What the README and the doctor's page show of the doctor is what it prints: each line, in its order, of a run on files made here.

use std::fs;
use std::path::Path;
use std::process::Command;

use countersign::identity::SpkiHash;
use countersign::testing::TestCa;

use crate::doctor::{Kind, Speaks, world};
use crate::doctor_endpoint::{SECRET, careless};
use crate::example::example;
use crate::process::{or_skip, run};
use crate::world::World;

const ACME: &str = "spiffe://acme.example/tenant/acme";

/// A command of a document's, and the lines that it shows of what it prints.
struct Shown {
    words: Vec<String>,
    lines: Vec<String>,
}

fn shown(document: &str) -> Vec<Shown> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(document);
    let text = fs::read_to_string(path).expect("a document");
    let blocks = text
        .split("```console\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next());
    let of_doctor = blocks.filter_map(|block| block.strip_prefix("$ doctor "));
    let read = |block: &str| {
        let (command, output) = block.split_once('\n').expect("a command, and what it prints");
        let lines = output
            .lines()
            .filter(|line| !line.is_empty() && line.trim() != "..");
        Shown {
            words: command.split_whitespace().map(str::to_owned).collect(),
            lines: lines.map(str::to_owned).collect(),
        }
    };
    of_doctor.map(read).collect()
}

/// The files that the commands name, beside those of [`world`].
fn files(world: &World) {
    let root = TestCa::new("Acme Root");
    let issuing = root.intermediate("Acme Issuing");
    world.write("ca.pem", &root.pem());
    world.write(
        "expired.pem",
        &root.client(ACME).expired().server_only().issue().chain_pem(),
    );
    let whole = issuing.client(ACME).issue().chain_pem();
    let end = "-----END CERTIFICATE-----\n";
    let (leaf, _) = whole.split_once(end).expect("a leaf");
    world.write("leaf.pem", &format!("{leaf}{end}"));
    world.write(
        "pins.txt",
        &SpkiHash::of(&root.client(ACME).issue().spki_der()).to_string(),
    );
    world.write("keys.txt", &format!("acme 2026 {SECRET}\n"));
    world.write("acme-secret.txt", SECRET);
    let text = "listen = '127.0.0.1:0'\n[[integration]]\ncert = 'server.pem'\nkey = 'server.key'\n\
        [integration.clients]\nca = 'ca.pem'\npins = 'pins.txt'\ntenants = ['acme', 'globex']\n\
        rules = ['URI:spiffe://acme.example/tenant/{tenant}']\n\
        [[integration.route]]\npath = '/hooks'\nscheme = 'standard_webhooks'\nkeys = 'keys.txt'\nbackend = '127.0.0.1:1'\n";
    world.write("proxy.toml", text);
}

fn printed(words: &[String], folder: &Path, ports: &[(&str, u16)]) -> String {
    let real = |word: &String| {
        ports.iter().fold(word.clone(), |word, (shown, port)| {
            word.replace(shown, &port.to_string())
        })
    };
    let words: Vec<_> = words.iter().map(real).collect();
    let outcome = run(Command::new(example("doctor")).args(&words).current_dir(folder));
    assert_eq!(outcome.status.code(), Some(1), "{words:?}: {}", outcome.text());
    ports.iter().fold(outcome.stdout, |text, (shown, port)| {
        text.replace(&port.to_string(), shown)
    })
}

#[test]
fn each_line_of_the_documents_is_printed() {
    if or_skip("the doctor of the documents", Kind::Nginx.is_there()).is_none() {
        return;
    }
    let Some((careless, _receiver)) = careless() else {
        return;
    };
    let world = world("readme");
    files(&world);
    let (nginx, _server) = Kind::Nginx.start(&world, Speaks::Both);
    let (readme, page) = (shown("README.md"), shown("docs/doctor.md"));
    assert!(
        !readme.is_empty() && page.len() >= 6,
        "{} and {} cases",
        readme.len(),
        page.len()
    );
    for Shown { words, lines } in readme.into_iter().chain(page) {
        let text = printed(&words, &world.path(""), &[("8443", nginx), ("8080", careless)]);
        let mut rest = text.lines();
        for line in lines {
            assert!(
                rest.any(|printed| printed.trim_end() == line),
                "{words:?} prints no {line:?} there: {text}"
            );
        }
    }
}
