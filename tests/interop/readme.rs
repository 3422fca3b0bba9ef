//! The README's two programs, as a newcomer has them: each built from the README's manifest in a folder of its own. The first
//! answers the commands that stand below it; the second is started on the files that the receiver's demo writes.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, id};

use crate::apart::{self, TREE};
use crate::clients::Client;
use crate::command_line::in_a_shell;
use crate::process::{Running, or_skip, run, workshop};
use crate::receiver::Receiver;

/// The one block of the README in this language that holds this.
fn block<'a>(readme: &'a str, language: &str, what: &str) -> &'a str {
    let fence = format!("```{language}\n");
    let blocks = readme.split(&fence).skip(1);
    let mut blocks = blocks.filter_map(|rest| rest.split("```").next());
    let found = blocks.find(|block| block.contains(what));
    found.unwrap_or_else(|| panic!("the README has no {what} in {language}"))
}

/// The text with one piece, which stands there once, in place of another.
fn with(text: &str, piece: &str, other: &str) -> String {
    assert_eq!(text.matches(piece).count(), 1, "{piece} in: {text}");
    text.replace(piece, other)
}

/// The two programs of the README, by what tells them apart, and where each of them listens.
const WITH_MUTUAL_TLS: Program = Program {
    name: "countersign-readme",
    block: "Countersigned",
    listens: r#""0.0.0.0:8443""#,
};
const PAYLOAD_ONLY: Program = Program {
    name: "countersign-readme-payload",
    block: "Scheme::stripe()",
    listens: r#""127.0.0.1:8080""#,
};

struct Program {
    name: &'static str,
    block: &'static str,
    listens: &'static str,
}

impl Program {
    /// What differs from the README is where the crate comes from and where the server listens.
    fn written(&self) -> (String, String) {
        let readme = readme();
        let dependencies = block(&readme, "toml", "[dependencies]");
        let here = format!("countersign = {{ path = {TREE:?}, ");
        let dependencies = with(dependencies, r#"countersign = { version = "0.1", "#, &here);
        let source = block(&readme, "rust,no_run", self.block);
        let source = with(source, self.listens, r#"&std::env::var("ADDRESS")?[..]"#);
        (dependencies, source)
    }

    /// Its binary.
    fn build(&self) -> PathBuf {
        let (manifest, source) = self.written();
        apart::build(self.name, &manifest, &source)
    }
}

fn readme() -> String {
    fs::read_to_string(Path::new(TREE).join("README.md")).expect("the README")
}

/// The files of the receiver's demo, gone with the test, and the demo itself.
struct Demo {
    files: PathBuf,
    receiver: Receiver,
    secret: String,
}

impl Demo {
    fn new() -> Self {
        let files = workshop().join(format!("readme-demo-{}", id()));
        let _ = fs::remove_dir_all(&files);
        let receiver = Receiver::demo(&files);
        let keys = fs::read_to_string(files.join("keys.txt")).expect("the keys");
        let of_acme = |line: &str| line.strip_prefix("acme demo ").map(str::to_owned);
        let secret = keys.lines().find_map(of_acme).expect("a key of acme's");
        Self {
            files,
            receiver,
            secret,
        }
    }

    fn command(&self, server: &Path, address: &str) -> Command {
        let mut command = Command::new(server);
        command
            .current_dir(&self.files)
            .envs([("ACME_SECRET", &self.secret[..]), ("ADDRESS", address)]);
        command
    }

    /// The demo's curl command, to this port.
    fn curl(&self, port: u16) -> String {
        self.receiver
            .curl
            .replace(&format!(":{}", self.receiver.port), &format!(":{port}"))
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.files);
    }
}

#[test]
fn the_server_of_the_readme_runs_on_the_files_of_the_demo() {
    if or_skip("the README's server", Client::Curl.prepare()).is_none() {
        return;
    }
    let (server, demo) = (WITH_MUTUAL_TLS.build(), Demo::new());
    let (port, _running) = Running::on_free_port(|port| demo.command(&server, &format!("127.0.0.1:{port}")));
    let good = demo.curl(port);
    for (name, command, expected) in [
        (
            "a word of the body changed",
            with(&good, "order.paid", "order.sent"),
            "401\n",
        ),
        ("another tenant", good.replace("acme.", "globex."), "403\n"),
        ("the demo's command", good.clone(), "200\n"),
    ] {
        assert_eq!(in_a_shell(&command), expected, "{name}: {command}");
    }
    let shown = |line: &&str| !line.starts_with("  --cert ") && !line.starts_with("  --key ");
    let nobody = good.lines().filter(shown).collect::<Vec<_>>().join("\n");
    let told = in_a_shell(&nobody);
    assert!(told.starts_with("000\ncurl: "), "no certificate: {told}");
    mistakes_at_the_start_are_named(&server, &demo);
}

/// The commands that the README shows, each behind a `$`, and what the last of them prints.
#[test]
fn the_first_program_of_the_readme_answers_as_it_says() {
    if or_skip("the README's first program", Client::Curl.prepare()).is_none() {
        return;
    }
    let binary = PAYLOAD_ONLY.build();
    let server = |secret: &str, port: u16| {
        let mut command = Command::new(&binary);
        command.envs([
            ("STRIPE_SECRET", secret),
            ("ADDRESS", &format!("127.0.0.1:{port}")),
        ]);
        command
    };
    let (port, _running) = Running::on_free_port(|port| server("whsec_0123456789abcdef", port));
    let readme = readme();
    let shown = block(&readme, "console", "Stripe-Signature");
    let (commands, printed): (Vec<_>, Vec<_>) = shown.lines().partition(|line| line.starts_with("$ "));
    let commands: Vec<_> = commands.iter().map(|line| &line[2..]).collect();
    let good = with(&commands.join("\n"), ":8080", &format!(":{port}"));
    let answered = format!("{}\n", printed.join("\n"));
    assert_eq!(in_a_shell(&good), answered, "{good}");
    let changed = with(&good, r#"-d "$body""#, r#"-d "$body ""#);
    assert_eq!(in_a_shell(&changed), "401\n", "{changed}");
    let told = run(server("whsec_0123456789abcdef", 0).env_remove("STRIPE_SECRET")).stderr;
    assert!(told.contains("STRIPE_SECRET"), "{told}");
}

/// In the order in which the server asks for them, last to first: each is taken away, and missed.
fn mistakes_at_the_start_are_named(server: &Path, demo: &Demo) {
    let told = |command: &mut Command| {
        let outcome = run(command);
        assert_eq!(
            (outcome.status.code(), outcome.stdout.as_str()),
            (Some(1), ""),
            "{}",
            outcome.stderr
        );
        outcome.stderr
    };
    let occupied = TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = occupied.local_addr().expect("an address").to_string();
    let line = told(&mut demo.command(server, &taken));
    assert!(
        line.starts_with(&format!("{taken}: Address already in use")),
        "{line}"
    );
    for missing in ["server.key", "server.pem"] {
        fs::remove_file(demo.files.join(missing)).expect("it was there");
        let line = told(&mut demo.command(server, "127.0.0.1:0"));
        assert!(line.contains(missing), "{missing}: {line}");
    }
    let line = told(demo.command(server, "127.0.0.1:0").env_remove("ACME_SECRET"));
    assert!(line.contains("ACME_SECRET"), "{line}");
    for missing in ["pins.txt", "client-ca.pem"] {
        fs::remove_file(demo.files.join(missing)).expect("it was there");
        let line = told(&mut demo.command(server, "127.0.0.1:0"));
        assert!(line.contains(missing), "{missing}: {line}");
    }
}
